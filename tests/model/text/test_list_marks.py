"""What marks an item of a list in front of a sentence."""

import pytest
from bigbird_pegasus.text.list_marks import letter_mark, list_mark_end


@pytest.mark.parametrize(
    ("sentence", "language", "expected"),
    [
        ("1. Open the gate.", "en", 3),
        ("(12)  Open the gate.", "en", 6),
        ("b) The pier is closed.", None, 3),
        ("b. The pier is closed.", "en", 0),
        ("e. coli was found.", "en", 0),
        ("p. ex. les quais", "fr", 0),
        ("3. Mai ist der Tag.", None, 0),
        ("iv) the pier", "en", 4),
        ("- publish it", "en", 2),
        ("4.1 The Contractor pays.", "en", 4),
        ("3.2.1. Der Mieter zahlt.", "de", 7),
        ("1.5", "en", 0),
        ("#. A boat came.", "en", 3),
        ("3. Mai ist der Tag.", "de", 0),
        ("3) Der Tag.", "de", 3),
        ("i. e. the other", "en", 0),
        ("1984. It was cold.", "en", 0),
        ("v. Smith won.", "en", 0),
        ("A. Smith won.", "en", 0),
        ("Open the gate.", "en", 0),
        ("1. 2. 3.", "en", 0),
    ],
)
def test_marks_are_told_from_words_and_dates(sentence: str, language: str | None, expected: int) -> None:
    assert list_mark_end(sentence, language) == expected


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("b. The pier is closed.", ("b", 3)),
        ("e. coli was found.", ("e", 3)),
        ("i. e. the other", ("", 0)),
        ("Open the gate.", ("", 0)),
    ],
)
def test_a_letter_before_a_full_stop_may_mark_an_item(sentence: str, expected: tuple[str, int]) -> None:
    assert letter_mark(sentence) == expected
