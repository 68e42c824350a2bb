"""Extractive summaries section by section: sentences of each, within its share of the words."""

from collections.abc import Callable, Sequence

from bigbird_pegasus.summarization.chosen import Choice
from bigbird_pegasus.summarization.length import LengthBounds
from bigbird_pegasus.text.sections import Section

MIN_SECTION_WORDS = 30  # of a section's summary where no length is asked for: about one sentence …
SECTION_SHARE = 1 / 10  # … or this share of its words …
MAX_SECTION_WORDS = 100  # … up to so many

Choose = Callable[[LengthBounds, Sequence[bool]], Choice]
"""Chooses within bounds among the sentences that may be chosen."""


def choose_by_section(
    choose: Choose,
    sections: Sequence[Section],
    words: Sequence[int],
    allowed: Sequence[bool],
    max_words: int | None,
    leans: Sequence[bool],
) -> Choice:
    """Choose the sentences to print, of each section its own.

    Without `max_words` each section that may be chosen from has at least its best sentence. With it, sections
    get shares of it by their words; what one leaves is the next ones', and one whose share is too small for
    any sentence is left out. No sentence is cut. Where that would leave nothing, the best sentences are taken
    wherever they stand.

    Args:
        choose: chooses among the sentences of one section.
        sections: of the document, in order.
        words: of each sentence.
        allowed: whether each may be chosen.
        max_words: of all sections together.
        leans: whether each says something only behind the one before it: where that has no room, it has none.
    """
    chosen: list[int] = []
    is_cut = False
    sizes = [sum(words[n] for n in _numbers(one, allowed)) for one in sections]
    left, words_left = max_words or 0, sum(sizes)
    for section, size in zip(sections, sizes, strict=True):
        numbers = frozenset(_numbers(section, allowed))
        if not numbers:
            continue
        share = left * size // max(1, words_left)
        if max_words is None:
            best = choose(LengthBounds(max_sentences=1), [n in numbers for n in range(len(allowed))])
            share = int(min(MAX_SECTION_WORDS, max(MIN_SECTION_WORDS, SECTION_SHARE * size)))
            share = max(share, *(words[n] for n in best.numbers))
        words_left -= size
        fitting = [n in numbers and words[n] <= share for n in range(len(allowed))]
        for n in sorted(numbers):  # one after the other: what is taken out takes the next with it
            if leans[n] and not fitting[n - 1]:
                fitting[n] = False
        if not any(fitting):
            is_cut = True
            continue
        found = choose(LengthBounds(share), fitting)
        chosen += found.numbers
        is_cut = is_cut or found.stop == "length" or sum(fitting) < len(numbers)
        left -= sum(words[n] for n in found.numbers)
    if not chosen:
        return choose(LengthBounds(max_words), allowed)
    return Choice(chosen, "whole" if len(chosen) == len(words) else "length" if is_cut else "end")


def _numbers(section: Section, allowed: Sequence[bool]) -> list[int]:
    return [n for n in range(section.first, section.last) if n < len(allowed) and allowed[n]]
