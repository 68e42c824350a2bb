"""Which sentences of a text may stand in a summary: prose, and not the headings, tables, lists, code, e-mail
headers and the like between it.

Sentences are half-open spans of code points of the text, ascending, as a sentence splitter finds them.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence

from bigbird_pegasus.text.line_patterns import any_of, ends_as_sentence
from bigbird_pegasus.text.lines import KINDS_OF_PROSE, Line, label_end, lines_of
from bigbird_pegasus.text.words import count_words

Span = tuple[int, int]

# How far a sentence is from prose; see `candidates`.
PROSE, OLDER, FRAGMENT, NOISE = range(4)

_LONGEST_SEEN = 1000  # characters of a sentence that the other rules look at
_LEAST_WORDS = 4  # of a sentence that says something
_LEAST_SPOKEN = 5  # of one in a conversation, where a question says nothing without its answer
_LONGEST_COURTESY = 9
_LEAST_LETTERS = 0.6  # of the characters that are no space
_ENOUGH_WORDS = 30  # of prose: a summary can be made of them, or if they are fewer, …
_ENOUGH_SHARE = 0.3  # … of this part of all words that are no noise

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
_URL = re.compile(r"<?(?:https?://|www\.)\S+|\S+@\S+\.\w+")
_BOILERPLATE = re.compile(
    r"\b"
    + any_of(
        r"""all rights reserved  copyright \d{4}  spdx-license  permission is hereby granted
        warrant(?:y|ies) of any kind  provided ["“']as is  licen[cs]ed under (?:the|a)\b.{0,60}\blicen[cs]e
        redistribution and use in source  you may not use this file  see the licen[cs]e for
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


def candidates(text: str, sentences: Sequence[Span]) -> list[bool]:
    """Tell for each sentence whether it may stand in a summary; of a text with words at least one may.

    Prose may. Where there is hardly any, older messages quoted in an e-mail may too, then the fragments
    (items of a list, headings, lines of a poem without full stops), and at last everything.
    """
    grades = [grade for grade, _ in _graded(text, sentences)]
    words = [count_words(text[start:end]) for start, end in sentences]
    found = [
        sum(n for n, grade in zip(words, grades, strict=True) if grade <= worst) for worst in range(NOISE)
    ]
    enough = max(1, min(_ENOUGH_WORDS, _ENOUGH_SHARE * found[FRAGMENT]))
    worst = next((worst for worst, count in enumerate(found) if count >= enough), NOISE)
    return [grade <= worst for grade in grades]


def _graded(text: str, sentences: Sequence[Span]) -> list[tuple[int, Line | None]]:
    lines = lines_of(text)
    starts = [line.start for line in lines]
    graded: list[tuple[int, Line | None]] = []
    for start, end in sentences:
        line = lines[max(0, bisect_right(starts, start) - 1)] if lines else None
        graded.append((_grade(text, (start, end), line), line))
    return graded


def _grade(text: str, sentence: Span, line: Line | None) -> int:
    shown = text[sentence[0] : min(sentence[1], sentence[0] + _LONGEST_SEEN)]
    if line is None or (line.kind not in KINDS_OF_PROSE and line.kind not in ("quote", "heading")):
        return NOISE
    if _BOILERPLATE.search(shown):
        return NOISE
    shown = _URL.sub(" ", shown)
    visible = "".join(shown.split())
    letters = sum(
        character.isalpha() or character in "'\u2019" or ord(character) > 0x900 for character in visible
    )
    if letters < _LEAST_LETTERS * len(visible) or not visible:
        return NOISE
    if line.kind == "heading" or not ends_as_sentence(text[sentence[0] : sentence[1]]):
        return FRAGMENT
    spoken = line.kind == "turn"
    said = shown[label_end(shown) :].strip() if spoken else shown.strip()
    # Of "Yeah , yeah , yeah ." one word counts.
    told = " ".join(dict.fromkeys(_MARKS_ALONE.sub(" ", said).lower().split())) if spoken else said
    words = count_words(told)
    if words < (_LEAST_SPOKEN if spoken else _LEAST_WORDS) or (spoken and _QUESTION.search(said)):
        return FRAGMENT
    if words <= _LONGEST_COURTESY and _COURTESY.match(said):
        return FRAGMENT
    return OLDER if line.kind == "quote" else PROSE
