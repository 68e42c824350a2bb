"""The windows in which a document is read, and the vectors of sentences that two windows share."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bigbird_pegasus.summarization.options import SummaryOptions
from bigbird_pegasus.text.parsed_text import ParsedText
from bigbird_pegasus.text.sections import Section, sections_of
from bigbird_pegasus.text.sentences import Sentence
from bigbird_pegasus.text.windows import EncodedText, Window, first_window, pack, pack_sections

if TYPE_CHECKING:
    from bigbird_pegasus.inference.numpy_functions import Floats


def sections_for(
    text: ParsedText, sentences: Sequence[Sentence], options: SummaryOptions
) -> tuple[list[Section], tuple[str, ...]]:
    """Return the sections that have a summary each; a warning where those asked for do not exist."""
    if not options.per_section:
        return [], ()
    sections = sections_of(text, sentences)
    if any(one.heading for one in sections):
        return sections, ()
    return [], ("no headings found: one summary of all",)


def windows_of(
    encoded: EncodedText, sections: Sequence[Section], options: SummaryOptions, limit: int
) -> list[Window]:
    """Return windows of at most `limit` tokens; where there are sections, none holds parts of two."""
    if options.truncate:
        return [first_window(encoded.counts, limit)]
    if sections:
        return pack_sections(encoded.counts, [one.first for one in sections], limit, options.overlap)
    return pack(encoded.counts, limit, options.overlap)


def headings_of(windows: Sequence[Window], sections: Sequence[Section]) -> list[str | None]:
    """Return the heading of the section that each window begins in, None where there are no sections."""
    found: list[str | None] = []
    number = 0
    for window in windows:
        while number < len(sections) and sections[number].last <= window.first + window.shared:
            number += 1
        found.append(sections[number].heading if number < len(sections) else None)
    return found


def parts_of(
    encoded: EncodedText, sections: Sequence[Section]
) -> tuple[list[str | None], list[Window] | None]:
    """Return the headings of sections and each as one window, for `coverage_of`; none are ([], None)."""
    if not sections:
        return [], None
    whole = pack_sections(encoded.counts, [one.first for one in sections], max(1, len(encoded.ids)))
    return [one.heading for one in sections], whole


def joined_vectors(windows: Sequence[Window], vectors: "Sequence[Floats]") -> "Floats":
    """Return the vectors of all sentences (L, D), from those of each window (l, D).

    Of the sentences that two windows share, each takes the half that it has more context for.
    """
    parts = []
    for number, (window, own) in enumerate(zip(windows, vectors, strict=True)):
        after = windows[number + 1].shared if number + 1 < len(windows) else 0
        parts.append(own[window.shared // 2 : len(own) - (after - after // 2)])
    return np.concatenate(parts)
