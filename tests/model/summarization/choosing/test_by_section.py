"""What has room in the share of a section."""

from collections.abc import Sequence

from bigbird_pegasus.summarization.choosing.by_section import choose_by_section
from bigbird_pegasus.summarization.chosen import Choice
from bigbird_pegasus.summarization.length import LengthBounds
from bigbird_pegasus.text.sections import Section


def every_allowed(bounds: LengthBounds, allowed: Sequence[bool]) -> Choice:
    return Choice([n for n, may in enumerate(allowed) if may], "end")


def chosen(sections: Sequence[Section], words: Sequence[int], leans: Sequence[bool], most: int) -> list[int]:
    return choose_by_section(every_allowed, sections, words, [True] * len(words), most, leans).numbers


def test_what_leans_on_a_sentence_without_room_has_none_down_a_chain() -> None:
    leans = [False, True, True, True, False]
    assert chosen([Section("One", 0, 5)], [100, 5, 5, 5, 5], leans, 10) == [4]
    assert chosen([Section("One", 0, 5)], [5, 5, 100, 5, 5], leans, 10) == [0, 1, 4]
