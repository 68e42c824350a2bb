"""A written sentence is traced to the sentence that shares most with it, or to none."""

import pytest
from bigbird_pegasus.summarization.writing.attribution import attribute, index_sentences

SENTENCES = [
    "The storm of 14 January took eleven metres of the crest.",
    "The harbour stayed open, but the north quay could be used on 61 of 90 days.",
    "Repair in two stages costs 6.4 million crowns.",
    "The harbour office thanks all who helped during the storm.",
]


@pytest.mark.parametrize(
    ("written", "number"),
    [
        (SENTENCES[1], 1),
        ("the storm took eleven metres of crest", 0),
        ("a repair in two stages will cost 6.4 million crowns", 2),
        ("it costs 6.4 million", 2),
    ],
)
def test_the_sentence_with_most_shared_words_is_the_source(written: str, number: int) -> None:
    found = attribute(written, index_sentences(SENTENCES))
    assert found is not None
    assert found[0] == number


def test_a_copy_shares_everything() -> None:
    assert attribute(SENTENCES[2], index_sentences(SENTENCES)) == (2, 1.0)


@pytest.mark.parametrize(
    "written", ["", "...", "Whales sing in the storm of the year", "of the", "Nobody knows."]
)
def test_a_sentence_with_too_little_in_common_has_no_source(written: str) -> None:
    assert attribute(written, index_sentences(SENTENCES)) is None


def test_of_equal_sentences_the_first_is_named() -> None:
    assert attribute("The lamp burns.", index_sentences(["A man came.", *["The lamp burns."] * 2])) == (
        1,
        1.0,
    )


def test_a_document_of_one_sentence_has_no_weights_and_no_source() -> None:
    assert attribute("of", index_sentences([])) is None
