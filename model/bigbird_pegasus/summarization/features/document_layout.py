"""Where each sentence of a document stands: paragraphs, headings, sections.

Dimensions: L sentences of a document.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bigbird_pegasus.inference.numpy_functions import Integers
from bigbird_pegasus.summarization.features.sentence_features import Doubles

MAX_HEADING_WORDS = 12
_QUESTION_END = re.compile(r"\?[\"'\u201d\u2019)\]\s]*\Z")
_STOP_END = re.compile(r"[.!\u2026][\"'\u201d\u2019)\]\s]*\Z")


@dataclass(frozen=True)
class DocumentLayout:
    """Where and how each sentence stands in its document, an entry a sentence."""

    words: Doubles
    ends: NDArray[np.bool_]  # as a sentence does
    questions: NDArray[np.bool_]
    heading: NDArray[np.bool_]
    above: Integers  # the last heading, -1 before the first
    paragraph: Integers
    paragraph_start: Integers


def layout_of(
    said: Sequence[str], starts_paragraph: Sequence[bool], words: Sequence[Sequence[int]]
) -> DocumentLayout:
    """Return the layout of sentences without speakers, and how many words each has."""
    count = len(said)
    numbers = np.arange(count)
    lengths = np.array([len(row) for row in words], float)
    questions = np.array([_QUESTION_END.search(text[-20:]) is not None for text in said], bool)
    ends = questions | np.array([_STOP_END.search(text[-20:]) is not None for text in said], bool)
    starts = np.array(starts_paragraph, bool)
    starts[:1] = True
    heading = starts & ~ends & (lengths <= MAX_HEADING_WORDS)
    return DocumentLayout(
        lengths,
        ends,
        questions,
        heading,
        np.maximum.accumulate(np.where(heading, numbers, -1)),
        np.cumsum(starts) - 1,
        np.maximum.accumulate(np.where(starts, numbers, 0)),
    )


def positions(layout: DocumentLayout) -> dict[str, Doubles]:
    """Return place in document, section and paragraph, and length."""
    count = len(layout.words)
    place = np.arange(count, dtype=float)
    size = np.bincount(layout.paragraph).astype(float)
    before = np.concatenate([[0.0], np.cumsum(layout.ends)[:-1]])
    sections = np.cumsum(layout.heading).astype(float)
    own_section = np.bincount(sections.astype(np.int64))
    since_heading = place - layout.above
    usual = float(np.median(layout.words[layout.ends])) if layout.ends.any() else 10.0
    return {
        "position": np.minimum(place, 60),
        "relative_position": place / count,
        "position_from_end": np.minimum(count - 1 - place, 60),
        "inverse_position": 1 / (1 + place),
        "sentences_before": np.minimum(before, 60),
        "position_in_paragraph": np.minimum(place - layout.paragraph_start, 10),
        "paragraph_sentences": np.minimum(size[layout.paragraph], 20),
        "paragraph": np.minimum(layout.paragraph.astype(float), 60),
        "relative_paragraph": layout.paragraph / len(size),
        "section": np.minimum(sections, 30),
        "relative_section": sections / max(1.0, sections[-1]),
        "since_heading": np.minimum(since_heading, 30),
        "section_sentences": np.minimum(own_section[sections.astype(np.int64)].astype(float), 60),
        "words": layout.words,
        "words_of_usual": layout.words / max(1.0, usual),
    }
