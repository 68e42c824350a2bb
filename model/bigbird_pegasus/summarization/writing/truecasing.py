"""Case and spacing for models that write small letters, `the model of smith et al . ( 2019 )`.

The published arXiv and PubMed checkpoints were trained on such text. What a word looks like is learned from
the document that was summarized: only where its own words leave no doubt is anything changed, so that nothing
is made up (truecasing as in Lita et al., 2003, with the document as the only corpus).
"""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field

MIN_SHARE = 0.9  # of a word's places within sentences that must agree on one form
MAX_JOINED = 9  # tokens that one word of the document was cut into: "x - ray" has three

_TOKEN = re.compile(r"\w+|[^\w\s]")
_SENTENCE_START = re.compile(r"(?:^|[.!?:]\s+|\n[^\S\n]*)[\"'(\[\u201c\u2018]*(?=\w)", re.MULTILINE)
# A small letter that begins a sentence, not that of mRNA; an abbreviation may stand before the full stop.
_FIRST_LETTER = re.compile(
    r"(?:^|(?P<before>\S{0,12})[.!?] )[\"'(\[\u201c\u2018]*(?P<letter>[a-z])(?![^\W\d_]*[A-Z])"
)
_ABBREVIATIONS = frozenset(
    """
    al app approx cf ch e.g eq eqs et etc fig figs i.e no nos p pp ref refs sec vol vs
    """.split()  # noqa: SIM905 - a list of words is easier to read so
)
_BEFORE = re.compile(r" (?=[.,;:!?%)\]\u2019\u201d])")
_AFTER = re.compile(r"(?<=[(\[\u2018\u201c]) ")
_GENITIVE = re.compile(r" ?' ?(s|t|re|ve|ll|d|m)\b")
_NOT = re.compile(r"(?<=\w) n't\b")
_WORD = re.compile(r"\S+")
_EDGE = ".,;:!?()[]{}\"'\u2018\u2019\u201c\u201d\u2026"
_AMBIGUOUS = frozenset(
    """
    a all am an and are as at be been but by can do for had has he her his i if in is it its march may me no
    not of on one or our she so than that the this to two up us was we were who will with you
    """.split()  # noqa: SIM905 - a list of words is easier to read so
)


@dataclass
class SurfaceForms:
    """How the words of a document are written, and whether it has capitals at all.

    `inside` counts the forms of a word (in small letters) within sentences, `pairs` those of a word behind a
    certain other one, `anywhere` all forms. `joined` are written forms by their tokens, for words of several.
    """

    has_capitals: bool
    inside: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    pairs: defaultdict[tuple[str, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    anywhere: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    joined: defaultdict[tuple[str, ...], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))


def is_lower_case(text: str) -> bool:
    """Return whether a text has letters of a script with case, and no capital among them."""
    return text == text.lower() and text != text.upper()


def restore_case(text: str, forms: SurfaceForms) -> str:
    """Return a text that was written in small letters, with the case and spacing of a document's words.

    A text that has capitals stays as it is, and every text does where the document has none.
    """
    if not forms.has_capitals or not is_lower_case(text):
        return text
    return "\n".join(_sentence_case(_restored(line, forms)) for line in text.split("\n"))


def surface_forms(source: str) -> SurfaceForms:
    """Count how each word of a document is written, within sentences and at their beginnings."""
    forms = SurfaceForms(has_capitals=source != source.lower())
    starts = {match.end() for match in _SENTENCE_START.finditer(source)}
    previous = ""
    for word in _WORD.finditer(source):
        shown = word[0].strip(_EDGE)
        if not shown:
            continue
        tokens = _TOKEN.findall(shown)
        if 1 < len(tokens) <= MAX_JOINED:
            forms.joined[tuple(token.lower() for token in tokens)][shown] += 1
        position = word.start() + word[0].index(shown)
        for token in _TOKEN.finditer(shown):
            key = token[0].lower()
            forms.anywhere[key][token[0]] += 1
            if position + token.start() not in starts:
                forms.inside[key][token[0]] += 1
                forms.pairs[previous, key][token[0]] += 1
            previous = key
    return forms


def _restored(line: str, forms: SurfaceForms) -> str:
    tokens = _TOKEN.findall(line)
    spaces = _spaces_before(line)
    parts: list[str] = []
    number, previous = 0, ""
    while number < len(tokens):
        written, length = _joined_form(tokens, number, forms)
        if not length:
            written, length = _form(tokens[number], previous, forms), 1
        parts.append((" " if spaces[number] and parts else "") + written)
        previous = tokens[number + length - 1]
        number += length
    return _tightened("".join(parts))


def _spaces_before(line: str) -> list[bool]:
    return [match.start() > 0 and line[match.start() - 1].isspace() for match in _TOKEN.finditer(line)]


def _joined_form(tokens: list[str], number: int, forms: SurfaceForms) -> tuple[str, int]:
    """Return the word of the document that the next tokens are, the longest one, and how many they are."""
    for length in range(min(MAX_JOINED, len(tokens) - number), 1, -1):
        found = forms.joined.get(tuple(tokens[number : number + length]))
        if found and (form := _certain(found)):
            return form, length
    return "", 0


def _form(token: str, previous: str, forms: SurfaceForms) -> str:
    """Return how the document writes a word: behind the same word, within sentences, or anywhere."""
    places = [forms.pairs.get((previous, token))]
    # us or US, may or May: such a word has a capital where the word before it says so.
    places += [forms.inside.get(token)] if token not in _AMBIGUOUS else []
    for found in places:
        if found and (form := _certain(found)):
            return form
    if token in forms.inside:
        return token
    everywhere = forms.anywhere.get(token)
    # Seen at the beginning of sentences only: capitals inside the word are its own, the first is not.
    if everywhere and (form := _certain(everywhere)) and form[1:] != form[1:].lower():
        return form
    return token


def _certain(found: Counter[str]) -> str:
    """Return the form that nearly all places share, or ""."""
    form, count = found.most_common(1)[0]
    return form if count >= MIN_SHARE * found.total() else ""


def _tightened(text: str) -> str:
    """Return text without the spaces that stand before or behind punctuation marks."""
    return _AFTER.sub("", _BEFORE.sub("", _NOT.sub("n't", _GENITIVE.sub(r"'\1", text))))


def _sentence_case(text: str) -> str:
    """Return text whose sentences begin with a capital."""

    def capital(match: re.Match[str]) -> str:
        if (match["before"] or "").strip(_EDGE) in _ABBREVIATIONS:
            return match[0]
        return match[0][:-1] + match["letter"].upper()

    return _FIRST_LETTER.sub(capital, text)
