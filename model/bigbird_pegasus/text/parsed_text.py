"""A text with all that is found in it without a model: found once, then passed on."""

from dataclasses import dataclass

from bigbird_pegasus.text.language import detect_language
from bigbird_pegasus.text.lines import Line, blank_markup, classify_lines
from bigbird_pegasus.text.sentences import Sentence, split_sentences
from bigbird_pegasus.text.words import clean


@dataclass(frozen=True)
class ParsedText:
    """A text, its lines, language and sentences. Every offset is a code point of `raw`.

    `plain` is `raw` with spaces in place of bullets and other markup, so offsets are the same in both.
    `language` is an ISO 639-1 code, or None where it is not known.
    """

    raw: str
    plain: str
    lines: tuple[Line, ...]
    language: str | None
    sentences: tuple[Sentence, ...]

    def on_one_line(self, sentence: Sentence) -> str:
        """Return a sentence as summaries show it: without markup, on one line."""
        return clean(self.plain[sentence.start : sentence.end])


def parse_text(raw: str) -> ParsedText:
    """Classify the lines of a text, blank its markup, detect its language and split it into sentences."""
    lines = classify_lines(raw)
    plain = blank_markup(raw, lines)
    language = detect_language(plain)
    return ParsedText(raw, plain, lines, language, split_sentences(plain, lines, language))
