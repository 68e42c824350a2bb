"""Sections of a text: what stands under each heading."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from bigbird_pegasus.text.line_patterns import ends_as_sentence
from bigbird_pegasus.text.lines import Line
from bigbird_pegasus.text.parsed_text import ParsedText
from bigbird_pegasus.text.sentences import Sentence

BETWEEN_HEADINGS = " / "
MAX_HEADING_WORDS = 12
MAX_STACKED = 3  # headings that follow each other; more are a list or a table of contents
_NUMBERED = re.compile(r"\s*\d+[.)]")


@dataclass(frozen=True)
class Section:
    """Sentences `first` to `last - 1`, its headings among them; `heading` is None before the first one."""

    heading: str | None
    first: int
    last: int


def sections_of(text: ParsedText, sentences: Sequence[Sentence]) -> list[Section]:
    """Return the sections of a text, at least one; together they hold every sentence once.

    Headings that follow each other directly are one: a chapter's and that of its first section. Headings
    below which nothing stands belong to the section before.

    `sentences` are those of the text, or of its beginning, or parts of them; in their order.
    """
    marked = headings_of(text, sentences)
    sections: list[Section] = []
    heading: str | None = None
    first = 0
    for of_headings, group in groupby(range(len(sentences)), key=lambda n: marked[n]):
        numbers = list(group)
        if of_headings:
            heading = BETWEEN_HEADINGS.join(text.on_one_line(sentences[n]) for n in numbers)
            first = numbers[0]
        else:
            sections.append(Section(heading, first, numbers[-1] + 1))
            first = numbers[-1] + 1
    if not sections:
        return [Section(None, 0, len(sentences))]
    last = sections[-1]
    return [*sections[:-1], Section(last.heading, last.first, len(sentences))]


def headings_of(text: ParsedText, sentences: Sequence[Sentence]) -> list[bool]:
    """Return for each sentence whether it is a heading: marked as one, or a short paragraph without end."""
    starts = [line.start for line in text.lines]
    found = []
    for sentence, after in pairwise([*sentences, Sentence(len(text.raw), len(text.raw), True)]):
        number = bisect_right(starts, sentence.start) - 1
        line = text.lines[number] if number >= 0 else None
        is_alone = sentence.starts_paragraph and after.starts_paragraph
        found.append(
            line is not None and (line.kind == "heading" or (is_alone and _is_title(text, sentence, line)))
        )
    runs = [list(group) for _, group in groupby(found)]
    return [is_one and len(run) <= MAX_STACKED for run in runs for is_one in run]


def _is_title(text: ParsedText, sentence: Sentence, line: Line) -> bool:
    shown = text.plain[sentence.start : sentence.end]
    may = line.kind == "text" or (line.kind == "item" and _NUMBERED.match(text.raw[line.start : line.end]))
    return (
        bool(may)
        and len(shown.split()) <= MAX_HEADING_WORDS
        and (shown[0].isupper() or shown[0].isdigit())
        and any(one.isalpha() for one in shown)
        and not ends_as_sentence(shown)
        and shown[-1] not in ",;:-"
    )


def under_headings(blocks: Iterable[tuple[str | None, str]]) -> str:
    """Return texts under their headings: a heading on its own line, a blank line between sections."""
    return "\n\n".join(f"{heading}\n{text}" if heading else text for heading, text in blocks if text)
