"""How the lines of e-mails, transcripts, tables, lists, source code, web pages and PDF pages look.

Regular expressions for `match` on one line, at most a few hundred characters of it. Words of other languages
than English are there for what every e-mail program writes.
"""

import re


def any_of(words: str) -> str:
    """Return a group for these words, which are separated by two spaces or a line break."""
    return "(?:" + "|".join(word.strip() for word in re.split(r"\s{2,}", words.strip())) + ")"


# --- sentences ----------------------------------------------------------------------------------------

# Marks of Latin, Arabic and Urdu, Armenian, Hindi, Burmese, Ethiopic, Khmer, Chinese and Japanese writing.
# Behind one may stand quotes, brackets and what points to a source: [3], (Smith, 2020), a raised number.
SENTENCE_END = re.compile(
    r"[.!?\u2026\u0589\u061f\u06d4\u0964\u0965\u104b\u1362\u17d4\u203c-\u203d\u2047-\u2049"
    r"\u3002\uff01\uff0e\uff1f\uff61]"
    r"(?:[^\w(\[{=]|[_\u00b2\u00b3\u00b9\u2070-\u2079]|\([^()]{0,100}\)|\[[^\[\]]{0,100}\])*\Z"
)
MAX_END_CHARS = 200  # in which the mark is looked for: a sentence may be a million full stops


def ends_as_sentence(text: str) -> bool:
    """Return whether a full stop or another such mark is at its end; headings and captions have none."""
    return SENTENCE_END.search(text[-MAX_END_CHARS:]) is not None


# --- lists, tables, pages -----------------------------------------------------------------------------

BULLET = r"[-*+\u2022\u2023\u25aa\u25cf\u25e6\u00b7]"
ITEM = re.compile(rf"\s*(?:{BULLET}|[o\u2013\u2014]|\(?(?:\d{{1,3}}|[a-z]|[ivx]{{1,5}})[.)])\s+\S")
HEADING = re.compile(r"\s*#{1,6}\s")
RULE = re.compile(r"\s*[-=_*~#+.^:\u2500-\u257f\u2014|\s]{3,}$")
TABLE_ROW = re.compile(r"[^|]*\S\s*\|\s*\S[^|]*\|\s*\S|[^\t]*\S\t+\S[^\t]*\t+\S")
COLUMNS = re.compile(r"\s*\S+(?:\s\S+)*?(?:\s{3,}\S+(?:\s\S+){0,5}){2,}\s*$")
CELLS = re.compile(r"[^,;]*(?:[,;][^\s,;][^,;]*){2,}$")
PAGE_NUMBER = re.compile(
    r"""\s*(?:
      [-\u2013\u2014\[(]* \s* \d{1,4} \s* [-\u2013\u2014\])]*          # - 12 -
    | (?:page|seite|p\.) \s* \d+ (?:\s*(?:of|/|von)\s*\d+)?            # Page 1 of 9
    | .{0,80} \[page\s+[\divxlc]+\]                                    # Crocker   [Page 3]
    | .{0,80} \b page\s+\d+ (?:\s+of\s+\d+)?
    )\s*$""",
    re.IGNORECASE | re.VERBOSE,
)
CONTENTS = re.compile(r".{1,100}?(?:(?:\.\s?){4,}|\u2026{2,})\s*[\divxlc]{1,5}\s*$")  # Traffic ........ 2
NAVIGATION = re.compile(
    r"\s*(?:[^.|\u203a\u00bb>]{1,30}\s[|\u203a\u00bb>\u00b7\u2022]\s){2,}"  # Home > Blog > Sailing
    rf"|\s*{any_of('skip to (?:main )?content  back to top  share this  read more  contents')}\s*:?$",
    re.IGNORECASE,
)

# --- e-mail -------------------------------------------------------------------------------------------

HEADER = re.compile(
    r"(?:>\s*)*"
    + any_of(
        r"""From  To  Cc  CC  Bcc  Sent  Date  Subject  Reply-To  Message-ID  In-Reply-To  X-[\w-]+
        Attachments?  Von  An  Gesendet  Datum  Betreff  Objet  Envoyé  Asunto  Enviado  Fecha  Oggetto
        Inviato  Onderwerp"""
    )
    + r":\s|\s*-{2,}\s*(?i:original message|forwarded message|ursprüngliche nachricht|message d'origine)"
    r"|\s*(?i:begin forwarded message):"
)
WROTE = re.compile(  # on a line with the one below it: it may take two
    r"[>\s]*(?:On|Am|Le|El|Il|Op|Em|Den|W dniu)\b.{5,150}(?:\n.{0,100})?\b"
    + any_of("wrote  schrieb  a écrit  escribió  ha scritto  schreef  escreveu  skrev  napisał")
    + r"\b.{0,60}:[^\S\n]*$",
    re.MULTILINE,
)
WROTE_INITIALS = frozenset("OALEIDW")
QUOTE = re.compile(r"\s{0,3}>(?!>>)")
GREETING = re.compile(
    r"\s*"
    + any_of(
        """Hi  Hello  Hey  Dear  Good (?:morning|afternoon|evening)  To whom it may concern  Hallo  Liebe[rs]?
        Guten Tag  Sehr geehrte[rs]?  Bonjour  Chère?  Hola  Estimad[oa]s?  Ciao  Gentile  Beste"""
    )
    + r"\b[^.?!:]{0,50}[,!:.]?\s*$"
)
SIGN_OFF = re.compile(
    r"\s*(?:(?:With |Many |Best |Kind |Kindest |Warm |Warmest |Yours )*"
    + any_of("[Rr]egards  wishes  [Tt]hanks  [Gg]reetings  sincerely  faithfully  truly")
    + "|"
    + any_of(
        """Best  Cheers  Love  Yours  Take care  All the best  Thanks (?:again|so much|a lot)
        Thank you(?: very much)?
        Sincerely(?: yours)?  (?:Mit )?(?:freundlichen|besten|herzlichen) Grü(?:ß|ss)en  Saludos  Un saludo
        (?:Viele|Liebe|Beste|Schöne) Grü(?:ß|ss)e  Cordialement  Bien à vous  Atentamente  Cordiali saluti
        Met vriendelijke groet"""
    )
    + r")[,!.]?(?: [A-Z]\w*){0,3}\s*$"
)
SENT_FROM = re.compile(
    r"\s*"
    + any_of("Sent (?:from|with|via)  Get Outlook for  Gesendet von  Von meinem  Envoyé de  Enviado desde")
    + r"\b.{0,60}$"
)
SIGNATURE = re.compile(r"-- ?$")

# --- transcripts --------------------------------------------------------------------------------------

_CLOCK = r"[\[(]?\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d+)?[\])]?"
_NAME_PART = r"[\w.'\u2019)-]{0,20}"
LABEL = re.compile(
    rf"""\s*(?:
      {_CLOCK} \s* [-\u2013]? \s* <?(?P<chat> \w[\w.-]{{0,20}} (?:[ ]\w[\w.-]{{0,20}}){{0,2}})>?  # 09:02 jo:
    | (?:\*\*|__)?                                                                  # Anna Lind (chair):
      (?P<name> [A-ZÀ-Þ]{_NAME_PART} (?:[ ][A-ZÀ-Þ(]{_NAME_PART}){{0,3}}) (?:\*\*|__)?
      (?: \s*[\[(][^\])]{{1,30}}[\])] )?
    | (?P<handle> [a-z][\w.-]{{1,20}})                                             # jo_lind:
    ) \s* : (?:\*\*|__)? (?=\s|$)""",
    re.VERBOSE,
)
# Words of people who talk to each other, and a question. Labels in lower case are names only beside these.
PERSONAL = re.compile(
    r"\b(?:i|you|we|us|me|my|your|our|lol|ok|okay|yes|yeah|thanks|hi|hello|ich|du|wir|mir|ihr|ja|nein|danke|je|tu"
    r"|vous|nous|moi|oui|merci|yo|te|nos|gracias|io|noi|ciao|grazie|ik|jij|wij|eu|você)\b|[?\uff1f]",
    re.IGNORECASE,
)
MIN_PERSONAL_SHARE = 0.2  # of the messages have such a word
TIME = re.compile(rf"\s*(?:{_CLOCK}(?:\s*(?:-->|[-\u2013])\s*)?)+\s*[\w.' -]{{0,30}}$")

# --- source code --------------------------------------------------------------------------------------

FENCE = re.compile(r"\s*(?:```|~~~)")
CODE = re.compile(
    r"""\s*(?:
      >>>[ ] | \.\.\.[ ] | \$[ ] | \#include\b | \#define\b | \#! | @\w[\w.]*(?:\(.*\))?$
    | </?[a-zA-Z][^>]*>\s*$
    | File[ ]".*",[ ]line[ ]\d | Traceback[ ]\(most
    | (?:async\s+)? (?:def|class|fn|func|function|interface|struct|enum|impl) \s+\w+.*[:{(;]\s*$
    | (?:import|use|using|package|require|include|from|export)
      \s+ [\w.:"'{}*/@]+ (?:\s+(?:import|as|from)\b.*)? ;?\s*$
    | (?:public|private|protected|static|const|let|var|final|void|int|char|float|double|bool|unsigned|extern)
      \s+ [\w<>\[\]*:,&]+ .* [={(;]
    | (?:if|for|while|elif|with|switch|try|else|except|finally|catch|match|case)\b .* [:{]\s*$
    | (?:return|raise|yield|throw|del|pass|break|continue|goto|assert)\b (?:[^.!?]|\.(?=\w))* ;?\s*$
    | [\w.\[\]"'>*-]+ \s* (?:[-+*/|&%:]?=|->|=>|:=|\+\+|--) \s* \S      # a = b
    | [\w.:>-]*\w \( [^()]* (?:\([^()]*\)[^()]*)* \)? \s* [;{,:]? \s*$  # call(a, f(b))
    | [\])}]+ [\s\w(){}\[\];,.]{0,12}$
    | [^.!?]*[{};]\s*$
    | .*\);\s*$
    )""",
    re.VERBOSE,
)
CODE_SIGN = re.compile(r"[(){}\[\]=<>;\\_$|&*/+]|::|->|\w\.\w+\(")
COMMENT = re.compile(r"\s*(?:#(?![!\w])|//+|/\*+|\*+(?!\S)|\*/|--(?=\s)|;;+|%+(?=\s))")
DOCSTRING = re.compile(r"\s*[rRuUbBfF]{0,2}(\"\"\"|''')")
OF_COMMENTS = " \t#/*-;%\"'"  # what a line of a comment may hold beside its text

# --- markup at the beginning and the end of a line ----------------------------------------------------

MARKUP = {
    "item": re.compile(rf"\s*(?:{BULLET}\s+(?:\[[ xX]\]\s+)?|[o\u2013\u2014]\s+(?=[\"'(\[]?[A-Z\d]))"),
    "heading": re.compile(r"\s*#{1,6}\s+"),
    "quote": re.compile(r"\s*(?:>[^\S\n]?)+"),
    "comment": re.compile(r"\s*(?:[rRuUbBfF]{0,2}(?:\"\"\"|''')|(?:/?\*+/?|//+|#+|--+|;+|%+)(?!\w))?\s*"),
}
COMMENT_END = re.compile(r"\s*(?:\*/|\"\"\"|''')\s*\Z")
