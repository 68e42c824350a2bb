# ruff: noqa: RUF001 - signs and letters of other languages are meant
"""LaTeX → the text of the paper: commands, citations, floats, formulas and the bibliography are not in it."""

import re

from bbp_cli.documents.formats.mathml import FORMULA, formula_of

_SUFFIXES = (".tex", ".latex", ".ltx")
_DOCUMENT = re.compile(r"^[^%\n]{0,200}\\(?:documentclass|documentstyle|begin\{document\})", re.MULTILINE)
_SIGNS = re.compile(
    r"\\(?:section|subsection|chapter|emph|textbf|textit|cite[pt]?|ref|label|begin|footnote"
    r"|item)\b\*?\s*[\[{]?"
)
_MIN_SIGNS = 3
_COMMENT = re.compile(r"(?<!\\)((?:\\\\)*)%[^\n]*(?:\n[ \t]*)?")


def _words(names: str) -> frozenset[str]:
    return frozenset(names.split())


_DROPPED_ENVIRONMENTS = _words(
    """
    figure table tabular tabularx longtable tikzpicture thebibliography filecontents lstlisting
    verbatim minted algorithm algorithmic algorithm2e comment picture wrapfigure sidewaystable array
    """
)
_MATH_ENVIRONMENTS = _words(
    """
    equation align gather multline eqnarray displaymath math alignat flalign split cases
    """
)
_DROPPED_COMMANDS = _words(  # with all they are given
    """
    label index vspace hspace vskip hskip includegraphics input include bibliography
    bibliographystyle usepackage documentclass RequirePackage newcommand renewcommand providecommand
    newenvironment DeclareMathOperator setlength addtolength setcounter addtocounter thanks
    footnotetext footnotemark pagestyle thispagestyle hypersetup newtheorem theoremstyle definecolor
    color graphicspath geometry captionsetup lstset tikzset usetikzlibrary date author affil address
    email institute keywords hyphenation write def let phantom vphantom hphantom rule inputminted
    todo listoftodos missingfigure acmConference acmBooktitle acmYear acmISBN acmDOI ccsdesc received
    """
)
# Their labels stand for a number or a name, in brackets: "[fig:a] shows", "[jones] found".
_REFERENCE = re.compile(
    r"(?!h(?:yper)?ref\Z)[a-zA-Z]*ref|name[cC]ref|[cC]itet|[cC]itealt|[tT]extcites?|[cC]iteauthor|newcite"
)
_RAISED = _words("footcite footcites footfullcite supercite nocite footnotecite")
# What cites elsewhere is a remark that its sentence does without, but for "as in \cite{a}".
_CITATION = re.compile(r"[a-zA-Z]*[cC]ite[a-zA-Z]*")
_NEEDS_OBJECT = re.compile(
    r"(?:^|[\s~{])(?:in|by|of|to|from|see|with|and|or|following|than|like|per|via|on|for|at|under|cf\.|both|using"
    r"|extend|follow|also|that|but|while)[\s~]{1,3}\Z",
    re.IGNORECASE,
)
_IS_SUBJECT = re.compile(r"[ \t]*\n?[ \t]*[a-z]{2}")
_SENTENCE_START = re.compile(r"(?:\n[ \t]*\n\s{0,9}|[.!?:}]\s{1,9}|\A\s{0,9})\Z")
_HEADINGS = _words(
    """
    part chapter section subsection subsubsection paragraph subparagraph title
    """
)
_SECOND_ARGUMENT = _words(
    """
    href textcolor colorbox fcolorbox parbox multicolumn raisebox scalebox resizebox
    """
)
_QUANTITIES = _words("SI qty num si unit ang")  # of siunitx
_UNIT = re.compile(r"\\([a-zA-Z]+)\s*")
_UNITS = {
    "kilo": "k", "mega": "M", "giga": "G", "tera": "T", "centi": "c", "milli": "m", "micro": "µ",
    "nano": "n", "per": "/", "metre": "m", "meter": "m", "gram": "g", "kilogram": "kg", "second": "s",
    "minute": "min", "hour": "h", "day": "d", "percent": "%", "celsius": "°C", "degreeCelsius": "°C",
    "kelvin": "K", "hertz": "Hz", "watt": "W", "volt": "V", "ampere": "A", "joule": "J", "newton": "N",
    "pascal": "Pa", "litre": "l", "liter": "l", "tonne": "t", "byte": "B", "bit": "bit", "square": "",
    "squared": "^2", "cubed": "^3", "mole": "mol", "ohm": "Ω", "degree": "°",
}  # fmt: skip
_ACCENTS = {
    "`": "\u0300",
    "'": "\u0301",
    "^": "\u0302",
    "~": "\u0303",
    '"': "\u0308",
    "=": "\u0304",
    ".": "\u0307",
    "u": "\u0306",
    "v": "\u030c",
    "H": "\u030b",
    "c": "\u0327",
    "k": "\u0328",
    "r": "\u030a",
    "d": "\u0323",
    "b": "\u0331",
}
_LETTERS = {
    "ss": "ß",
    "ae": "æ",
    "AE": "Æ",
    "oe": "œ",
    "OE": "Œ",
    "o": "ø",
    "O": "Ø",
    "l": "ł",
    "L": "Ł",
    "aa": "å",
    "AA": "Å",
    "i": "ı",
    "j": "ȷ",
    "dots": "…",
    "ldots": "…",
    "textellipsis": "…",
    "textendash": "–",
    "textemdash": "—",
    "textbackslash": "\\",
    "LaTeX": "LaTeX",
    "TeX": "TeX",
    "copyright": "©",
    "S": "§",
    "P": "¶",
    "pounds": "£",
    "euro": "€",
    "texteuro": "€",
    "textdegree": "°",
    "textquotesingle": "'",
    "textasciitilde": "~",
    "textasciicircum": "^",
    "textbar": "|",
    "textless": "<",
    "textgreater": ">",
    "textunderscore": "_",
    "textregistered": "®",
    "texttrademark": "™",
    "today": "",
    "quad": " ",
    "qquad": " ",
    "newline": "\n",
    "par": "\n\n",
}
_COMMAND = re.compile(r"\\([a-zA-Z@]+)\*?|\\([^a-zA-Z])", re.DOTALL)
_TOKEN = re.compile(r"\\(?:[a-zA-Z@]+\*?|.)|\$\$?|[{}\[\]~]|[^\\${}\[\]~]+", re.DOTALL)
_MAX_DEPTH = 60  # groups within each other; below, they are read as one


def is_latex(text: str, suffix: str = "") -> bool:
    """Return whether a text is LaTeX: its class or beginning, or by name and its commands."""
    sample = text[:100_000]
    if _DOCUMENT.search(sample):
        return True
    signs = sum(1 for _ in zip(range(_MIN_SIGNS), _SIGNS.finditer(sample), strict=False))
    return signs >= (1 if suffix in _SUFFIXES else _MIN_SIGNS)


def text_of_latex(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the text of a paper in LaTeX, and no warnings."""
    text = _COMMENT.sub(r"\1", text)
    body = re.search(r"\\begin\s*\{document\}", text)
    title = re.search(r"\\title\s*(?:\[[^\]]{0,300}\]\s*)?\{", text)
    heading = ""
    if body:
        if title and title.start() < body.start():
            heading = _Reader(text, title.end() - 1).argument() + "\n\n"
        end = text.find("\\end{document}", body.end())
        text = text[body.end() : end if end >= 0 else len(text)]
    shown = heading + _Reader(text, 0).read()
    return _tidy(shown), ()


class _Reader:
    """Reads LaTeX from a position on; each token once."""

    def __init__(self, text: str, position: int) -> None:
        self._text = text
        self._position = position
        self._depth = 0
        self._ends: dict[str, int] = {}  # environment → place from which on it does not end

    def read(self, closing: str = "") -> str:
        """Return the text up to a closing bracket, or to the end."""
        parts: list[str] = []
        self._depth += 1
        while match := _TOKEN.match(self._text, self._position):
            token = match[0]
            self._position = match.end()
            if token == closing:
                break
            if token[0] == "\\":
                parts.append(self._command(token))
            elif token in ("$", "$$"):
                parts.append(self._formula(token))
            elif token == "{":
                parts.append(self.read("}") if self._depth < _MAX_DEPTH else "")
            elif token == "~":
                parts.append(" ")
            elif token not in ("{", "}"):
                parts.append(token)
        self._depth -= 1
        return "".join(parts)

    def argument(self) -> str:
        """Return the text of the next group in braces; "" where there is none."""
        self._skip_spaces()
        if self._text.startswith("{", self._position) and self._depth < _MAX_DEPTH:
            self._position += 1
            return self.read("}")
        return ""

    def _command(self, token: str) -> str:  # noqa: C901 - one branch a kind of token
        name = token[1:].rstrip("*")
        if not name[:1].isalpha():
            return self._symbol(name)
        if name == "begin":
            return self._environment()
        if name == "end":
            self.argument()
            return "\n\n"
        if name in ("(", "["):
            return ""
        if name in _DROPPED_COMMANDS:
            self._skip_arguments()
            return ""
        if _REFERENCE.fullmatch(name):
            return self._reference()
        if _CITATION.fullmatch(name):
            return self._citation(name, len(token))
        if name in _HEADINGS:
            self._skip_option()
            return f"\n\n{self.argument().strip()}\n\n"
        if name == "item":
            self._skip_option()
            return "\n- "
        if name == "footnote":
            self._skip_arguments()
            return ""
        if name in _QUANTITIES:
            return self._quantity(name)
        if name in _SECOND_ARGUMENT:
            self._skip_option()
            self.argument()
            return self.argument()
        if name == "verb":
            mark = self._text[self._position : self._position + 1]
            end = self._text.find(mark, self._position + 1, self._position + 500) if mark else -1
            shown = self._text[self._position + 1 : end] if end >= 0 else ""
            self._position = end + 1 if end >= 0 else self._position
            return shown
        if name in _ACCENTS and len(name) == 1 and self._text[self._position : self._position + 1] in "{ ":
            return self._accented(_ACCENTS[name])
        self._skip_space_after_word()
        if name in _LETTERS:
            return _LETTERS[name]
        self._skip_option()
        return self.argument() if self._text.startswith("{", self._position) else ""

    def _reference(self, *, again: bool = False) -> str:
        """Return the labels that a command is given, in brackets; its options say nothing without them.

        `again`: options and labels may come several times, as in `\\cites[12]{a}[3]{b}`.
        """
        found: list[str] = []
        while len(found) < (9 if again else 1):
            self._skip_option()
            self._skip_option()
            if not (labels := " ".join(self.argument().split())):
                break
            found.append(labels)
        return f"[{', '.join(found)}]" if found else ""

    def _citation(self, name: str, length: int) -> str:
        """Return the labels of a citation that is a word of its sentence; "" of one that is a remark."""
        start = self._position - length
        before = self._text[max(0, start - 20) : start]
        shown = self._reference(again=name.lower().endswith("s"))
        if name in _RAISED:
            return ""
        is_subject = _SENTENCE_START.search(before) and _IS_SUBJECT.match(self._text, self._position)
        return shown if is_subject or _NEEDS_OBJECT.search(before) else ""

    def _quantity(self, name: str) -> str:
        """Return a number and its unit, as in `\\SI{4}{\\milli\\metre}`: 4 mm."""
        self._skip_option()
        number = "" if name in ("si", "unit") else self.argument().strip()
        unit = ""
        if name not in ("num", "ang"):
            self._skip_spaces()
            group = re.compile(r"\{([^{}]{0,200})\}").match(self._text, self._position)
            self._position = group.end() if group else self._position
            unit = _UNIT.sub(lambda match: _UNITS.get(match[1], match[1]), group[1]) if group else ""
        return f"{number}°" if name == "ang" else f"{number} {unit}".strip()

    def _symbol(self, name: str) -> str:
        if name in _ACCENTS:
            return self._accented(_ACCENTS[name])
        if name in ("(", "["):
            return self._math_up_to("\\)" if name == "(" else "\\]", inline=name == "(")
        if name == "\\":
            self._skip_option()
            return "\n"
        return {"-": "", "/": "", ",": " ", ";": " ", ":": " ", "!": "", " ": " ", "\n": " ", "@": ""}.get(
            name, name
        )

    def _accented(self, mark: str) -> str:
        import unicodedata

        self._skip_spaces()
        letter = self.argument() if self._text.startswith("{", self._position) else ""
        if not letter:
            match = re.compile(r"\\([ij])(?![a-zA-Z])\s?|[^\\{}\s]").match(self._text, self._position)
            if not match:
                return ""
            self._position = match.end()
            letter = match[1] or match[0]
        letter = letter.replace("ı", "i").replace("ȷ", "j")
        return unicodedata.normalize("NFC", letter[:1] + mark + letter[1:])

    def _formula(self, mark: str) -> str:
        return self._math_up_to(mark, inline=mark == "$")

    def _math_up_to(self, closing: str, *, inline: bool) -> str:
        end = self._find(closing)
        if end < 0:
            return ""
        formula = self._text[self._position : end]
        self._position = end + len(closing)
        return formula_of(formula) if inline else f" {formula_of(formula)} "

    def _find(self, what: str) -> int:
        """Return where something comes next, -1 if not; looked for once where it does not come any more."""
        if self._ends.get(what, len(self._text) + 1) <= self._position:
            return -1
        found = self._text.find(what, self._position)
        if found < 0:
            self._ends[what] = self._position
        return found

    def _environment(self) -> str:
        name = self.argument().strip()
        plain = name.rstrip("*")
        if plain in _DROPPED_ENVIRONMENTS or plain in _MATH_ENVIRONMENTS:
            end = self._find(f"\\end{{{name}}}")
            if end < 0:
                return ""
            content = self._text[self._position : end]
            self._position = end + len(name) + 6
            return (
                f" {formula_of(content) if len(content) < 300 else FORMULA} "
                if plain in _MATH_ENVIRONMENTS
                else "\n\n"
            )
        self._skip_option()
        if plain in ("minipage", "multicols", "adjustbox"):
            self.argument()
        return "\n\n"

    def _skip_spaces(self) -> None:
        match = re.compile(r"[ \t]*\n?[ \t]*").match(self._text, self._position)
        self._position = match.end() if match else self._position

    def _skip_space_after_word(self) -> None:
        match = re.compile(r"[ \t]*").match(self._text, self._position)
        if match and self._text.startswith("{}", match.end()):
            self._position = match.end() + 2
        elif match and match.end() > self._position:
            self._position = match.end()

    def _skip_option(self) -> None:
        match = re.compile(r"[ \t]*\[[^\[\]]{0,1000}\]").match(self._text, self._position)
        if match:
            self._position = match.end()

    def _skip_arguments(self) -> None:
        for _ in range(9):
            before = self._position
            self._skip_option()
            match = re.compile(r"[ \t]*\n?[ \t]*(?=\{)").match(self._text, self._position)
            if match:
                self._position = match.end()
                self.argument()
            if self._position == before:
                return


def _tidy(text: str) -> str:
    text = (
        text.replace("---", "\u2014").replace("--", "\u2013").replace("``", "\u201c").replace("''", "\u201d")
    )
    text = re.sub(r"[ \t]+", " ", text)
    text = re.sub(
        r" ?\((?:see|cf\.|e\.g\.,?)?[ ,;]{0,9}\)", "", text
    )  # what is left of citations in brackets
    text = re.sub(r" +(?=[,.;:!?)])", "", text)
    text = re.sub(r"(?<=[a-z])\.\.(?!\.)", ".", text)  # etc.~\cite{x}.
    text = re.sub(r",(?=\.(?:\s|\Z))", "", text)  # as in Smith, \cite{x}.
    text = "\n".join(line.strip() for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n") + "\n"
