"""A text with all that is found in it without a model: found once, then passed on."""

import re
from dataclasses import dataclass
from functools import cached_property

from bigbird_pegasus.text.language import detect_language
from bigbird_pegasus.text.lines import Line, blank_markup, classify_lines
from bigbird_pegasus.text.sentences import Sentence, split_sentences
from bigbird_pegasus.text.speech import is_unpunctuated
from bigbird_pegasus.text.words import clean

_WORD = re.compile(r"\w+")
_BROKEN_WORD = re.compile(r"(?<=\w)-[^\S\n\r]*(?:\r\n|\n|\r)\s*(?=(\w+))")
_SPACED_HYPHEN = re.compile(r"[^\W\d_]- (?=([^\W\d_]+))")
_MAX_WORD_CHARS = 40
# "long- and short-term"
_CONJUNCTIONS = frozenset(("and", "or", "to", "und", "oder", "bis", "et", "ou", "y", "o", "e", "en", "of"))


@dataclass(frozen=True)
class ParsedText:
    """A text, its lines, language and sentences. Every offset is a code point of `raw`.

    `plain` is `raw` with spaces in place of bullets and other markup, so offsets are the same in both.
    `language` is an ISO 639-1 code, or None where it is not known. `is_unpunctuated` tells speech without
    full stops, whose sentences are pieces that end where a line or a clause does.
    """

    raw: str
    plain: str
    lines: tuple[Line, ...]
    language: str | None
    sentences: tuple[Sentence, ...]
    is_unpunctuated: bool = False

    def on_one_line(self, sentence: Sentence) -> str:
        """Return a sentence as summaries show it: without markup, on one line, words broken by it joined."""
        shown = self.plain[sentence.start : sentence.end]
        return clean(_BROKEN_WORD.sub(self._join, shown) if "-" in shown else shown)

    def _join(self, hyphen: re.Match[str]) -> str:
        """Return what stands for a hyphen at the end of a line, and for the line break."""
        after = hyphen[1].lower()
        if after in _CONJUNCTIONS or self._spaces_hyphens:
            return "- "
        start = hyphen.start()
        before = hyphen.string[max(0, start - _MAX_WORD_CHARS) : start]
        joined = re.split(r"\W", before)[-1] + hyphen[1]
        return "" if joined.lower() in self._words and after == hyphen[1] else "-"

    @cached_property
    def _spaces_hyphens(self) -> bool:
        """Return whether the text has "inter- national" within lines: then its line breaks prove nothing."""
        return any(match[1].lower() not in _CONJUNCTIONS for match in _SPACED_HYPHEN.finditer(self.plain))

    @cached_property
    def _words(self) -> frozenset[str]:
        return frozenset(_WORD.findall(self.plain.lower()))


def parse_text(raw: str) -> ParsedText:
    """Classify the lines of a text, blank its markup, detect its language and split it into sentences."""
    lines = classify_lines(raw)
    plain = blank_markup(raw, lines)
    language = detect_language(plain)
    unpunctuated = is_unpunctuated(plain, lines)
    sentences = split_sentences(plain, lines, language, is_unpunctuated=unpunctuated)
    return ParsedText(raw, plain, lines, language, sentences, unpunctuated)
