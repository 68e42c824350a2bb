"""Sentences that a summary may hold: prose; no headings, tables, lists, code, e-mail headers."""

import re
from bisect import bisect_right
from collections.abc import Sequence

from bigbird_pegasus.text.line_patterns import any_of, ends_as_sentence
from bigbird_pegasus.text.lines import KINDS_OF_PROSE, Line, label_end
from bigbird_pegasus.text.parsed_text import ParsedText
from bigbird_pegasus.text.sentences import Sentence
from bigbird_pegasus.text.words import count_words

# How far a sentence is from prose; see `eligible_sentences`.
PROSE, OLDER, ITEM, FRAGMENT, NOISE = range(5)

_MAX_SENTENCE_CHARS = 1000  # that the rules look at, but for the one about its end
_MIN_ITEM_WORDS = 5  # of an item of a list without a full stop that says something
_MIN_WORDS = 4  # of a sentence that says something
_MIN_SPOKEN_WORDS = 5  # of one in a conversation, where a question says nothing without its answer
_MAX_COURTESY_WORDS = 9
_MIN_LETTER_SHARE = 0.6  # of the characters that are no space
_MIN_PROSE_WORDS = 30  # that a summary can be made of, or if they are fewer, …
_MIN_ANSWER_WORDS = 12  # of prose above an older message that is quoted, for which it stands by itself
_MIN_PROSE_SHARE = 0.3  # … this share of all words that are no noise

_QUESTION = re.compile(r"[?\uff1f][\"'\u201d\u2019)\s]*\Z")
_COURTESY = re.compile(
    r"(?:(?:okay|ok|well|so|and|right|great|yes|no)[,.]? )*"
    + any_of(
        """thanks?  many thanks  welcome  hello  hi  hey  goodbye  bye
        good (?:morning|afternoon|evening|night|bye)  see you  have a (?:good|nice|great)  sorry
        (?:let's|let us|shall we|we can) (?:start|begin|go on|continue|move on)
        excuse me  i hope (?:this|you|all)  nice to (?:meet|see|hear)  (?:i )?look(?:ing)? forward
        you(?:'re| are) welcome  (?:please )?let me know"""
    )
    + r"\b",
    re.IGNORECASE,
)
_MARKS_ALONE = re.compile(r"(?<!\S)[^\w\s]+(?!\S)")  # of texts that stand in the way of words , like these .
# "§ 19-908 Unmanned aircraft incidents." is a heading whatever its end.
_PARAGRAPH_TITLE = re.compile(r"§+ ?\d[\w.:-]{0,20}\.? ")
_MAX_TITLE_WORDS = 14
# "2. Grant of Copyright License. Subject to …" and "APPENDIX: How to apply it." are headings too.
_NUMBERED_TITLE = re.compile(
    r"(?:\(?(?:\d{1,3}(?:\.\d{1,3})*|[ivxIVX]{1,5}|[A-Z])[.)]?|(?:SEC|Sec|Art|ART)\. \d+\."
    r"|(?:Section|Article) \d+\.)\s"
    r"(?:(?:[A-Z][\w'\u2019-]*|\w{1,3}|with|from|into|over|upon|than|under),? ){0,7}[A-Z][\w'\u2019-]*\.\Z"
)
_PART_TITLE = re.compile(r"(?:APPENDIX|ANNEX|EXHIBIT|SCHEDULE|CHAPTER|PART)(?: \w{1,4})?[:.] ")
_STATES = re.compile(
    r"\b(?:is|are|was|were|be|been|has|have|had|shall|must|may|will|can|does?|means?|takes?|appl(?:y|ies)"
    r"|requires?|provides?|amended|repealed)\b"
)
# What a law or a meeting says of itself, and no summary does: its name, where it holds, that it was opened.
_FORMALITY = re.compile(
    r"(?:\(?\w{1,4}[.)] )?(?:be it (?:therefore |further )?(?:enacted|ordained|resolved)\b|enacted by\b"
    r"|th(?:is|ese|e) (?:[a-z]+ ){0,2}"
    + any_of(
        "act  law  statute  ordinance  code  regulations?  order  rules?  bill  section  title  part  measure"
    )
    + r" (?:(?:shall|may) (?:be (?:known|cited|referred to)|be known and (?:may )?be cited)\b|extends? to )"
    r"|the minutes (?:of|from) [^.]{1,60} (?:was|were) (?:\w+ )?(?:approved|adopted|accepted|agreed)\b"
    r"|the (?:meeting|session) (?:was|is) "
    r"(?:\w+ )?(?:opened|closed|adjourned|called to order)\b"
    r"|the chair(?:man|woman|person)? (?:opened|closed) the meeting\b"
    r"|(?:the )?(?:date of )?next meeting(?:: | (?:is|will be) (?:on|at|held) )"
    r"|apologies (?:were|for absence)\b)",
    re.IGNORECASE,
)
_URL = re.compile(r"<?(?:https?://|www\.)\S+|(?<![^\s@])[^\s@]+@[^\s@]+\.\w+")
_BOILERPLATE = re.compile(
    r"\b"
    + any_of(
        r"""all rights reserved  copyright \d{4}  spdx-license  permission is hereby granted
        warrant(?:y|ies) of any kind  provided ["“']as is  licen[cs]ed under (?:the|a)\b.{0,60}\blicen[cs]e
        redistribution and use in source  you may not use this file  see the licen[cs]e for
        is free(?: software)?; you can redistribute
        you should have received a copy of the gnu  without even the implied warranty
        the above copyright notice  in no event shall the (?:authors?|copyright)
        distribution of this memo is unlimited  sent from my (?:\w+ )?(?:phone|iphone|ipad|mobile|android)
        to unsubscribe  unsubscribe (?:here|from)  (?:this|our) (?:web ?)?site uses cookies  we use cookies
        subscribe to (?:our|the) newsletter  sign up (?:for|to) (?:our|the) \w* ?newsletter  follow us on
        share this (?:article|story|post|page)  your e-?mail address will not be  skip to (?:main )?content
        enable javascript  click here  this (?:e-?mail|message) (?:and any|is intended|may contain)
        if you are not the intended recipient  all notable changes to this project"""
    )
    + r"\b|\bcopyright (?:\(c\)|©)|(?:©|\(c\)) ?(?:19|20)\d\d|^(?:sources?|photos?|image credits?): ",
    re.IGNORECASE,
)


def eligible_sentences(text: ParsedText, sentences: Sequence[Sentence]) -> list[bool]:
    """Return for each sentence whether a summary may hold it; of a text with words at least one may be held.

    Prose may, and so may items of lists without full stops where they have more words than prose. Where there
    is hardly any of it, older messages quoted in an e-mail may too, then items, then fragments (headings,
    lines of a poem without full stops), and at last everything.

    `sentences` are those of the text, or of its beginning, or parts of them; in their order.
    """
    grades = _grades(text, sentences)
    words = [count_words(text.raw[span.start : span.end]) for span in sentences]
    found = [
        sum(n for n, grade in zip(words, grades, strict=True) if grade <= worst) for worst in range(NOISE)
    ]
    in_items = found[ITEM] - found[OLDER]
    if in_items > max(_MIN_PROSE_WORDS, found[OLDER]):
        return [grade in (PROSE, ITEM) for grade in grades]
    if found[PROSE] >= _MIN_ANSWER_WORDS and found[OLDER] > found[PROSE]:
        return [grade == PROSE for grade in grades]
    enough = max(1, min(_MIN_PROSE_WORDS, _MIN_PROSE_SHARE * found[FRAGMENT]))
    worst = next((worst for worst, count in enumerate(found) if count >= enough), NOISE)
    return [grade <= worst for grade in grades]


def is_made_of_sentences(text: ParsedText, sentences: Sequence[Sentence], allowed: Sequence[bool]) -> bool:
    """Return whether what a summary may hold is at least half sentences, or items that say as much as those.

    Args:
        text: that they are of.
        sentences: of the text, or of its beginning, or parts of them.
        allowed: which of them a summary may hold, see `eligible_sentences`.
    """
    if text.is_unpunctuated:
        return True
    starts = [line.start for line in text.lines]
    total = whole = 0
    for span, may in zip(sentences, allowed, strict=True):
        if not may:
            continue
        sentence = text.raw[span.start : span.end]
        words = count_words(sentence)
        total += words
        line = text.lines[max(0, bisect_right(starts, span.start) - 1)] if starts else None
        is_item = line is not None and line.kind == "item" and len(sentence.split()) > _MIN_ITEM_WORDS
        whole += words * (is_item or ends_as_sentence(sentence))
    return 2 * whole >= total


def _grades(text: ParsedText, sentences: Sequence[Sentence]) -> list[int]:
    starts = [line.start for line in text.lines]
    grades = []
    for span in sentences:
        line = text.lines[max(0, bisect_right(starts, span.start) - 1)] if starts else None
        grades.append(_grade(text.raw[span.start : span.end], line, is_whole=text.is_unpunctuated))
    return grades


def _is_title(shown: str) -> bool:
    """Return whether a sentence of few words is a heading, although it ends with a full stop."""
    if _PART_TITLE.match(shown):
        return True
    may = _PARAGRAPH_TITLE.match(shown) or _NUMBERED_TITLE.match(shown.strip())
    return may is not None and not _STATES.search(shown)


def _grade(sentence: str, line: Line | None, *, is_whole: bool) -> int:
    """Return how far a sentence is from prose; `line` is the one that it begins in.

    `is_whole`: it is a piece of speech, which needs no full stop.
    """
    shown = sentence[:_MAX_SENTENCE_CHARS]
    if line is None or (line.kind not in KINDS_OF_PROSE and line.kind not in ("quote", "heading")):
        return NOISE
    if _BOILERPLATE.search(shown):
        return NOISE
    shown = _URL.sub(" ", shown)
    visible = "".join(shown.split())
    letters = sum(
        character.isalpha() or character in "'\u2019" or ord(character) > 0x900 for character in visible
    )
    if letters < _MIN_LETTER_SHARE * len(visible) or not visible:
        return NOISE
    if len(shown.split()) <= _MAX_TITLE_WORDS and _is_title(shown):
        return FRAGMENT
    if line.kind == "heading" or not (is_whole or ends_as_sentence(sentence)):
        return ITEM if line.kind == "item" and len(shown.split()) > _MIN_ITEM_WORDS else FRAGMENT
    spoken = line.kind == "turn"
    said = shown[label_end(shown) :].strip() if spoken else shown.strip()
    # Of "Yeah , yeah , yeah ." one word counts.
    distinct = " ".join(dict.fromkeys(_MARKS_ALONE.sub(" ", said).lower().split())) if spoken else said
    words = count_words(distinct)
    if words < (_MIN_SPOKEN_WORDS if spoken else _MIN_WORDS) or (spoken and _QUESTION.search(said)):
        return FRAGMENT
    if (words <= _MAX_COURTESY_WORDS and _COURTESY.match(said)) or _FORMALITY.match(said):
        return FRAGMENT
    return OLDER if line.kind == "quote" else PROSE
