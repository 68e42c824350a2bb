"""Where sentences end, in several languages and kinds of text."""

# ruff: noqa: RUF001

import pytest
from bigbird_pegasus.text.parsed_text import parse_text


def sentences(text: str) -> list[str]:
    return [text[s.start : s.end] for s in parse_text(text).sentences]


GERMAN = "Das Fest ist für alle, die auf der Insel wohnen und die nicht weg sind."
FRENCH = "Le port est fermé pour les bateaux qui ne sont pas dans la liste du gardien et des autres."


@pytest.mark.parametrize(
    "sentence",
    [
        "Er feierte am 3. Mai den 60. Geburtstag mit Dr. Karl Petersen.",
        "König Ludwig XIV. Das sagt man so.",
        "Die Hütte, z. B. an der Nr. 5, ist auf.",
    ],
)
def test_german_ordinals_and_abbreviations_end_no_sentence(sentence: str) -> None:
    assert sentences(f"{GERMAN} {sentence} {GERMAN}") == [GERMAN, sentence, GERMAN]


def test_a_number_ends_a_sentence_in_english() -> None:
    text = "She has won the race of the year 60. Nobody has been as fast as she was on the day of the start."
    assert len(sentences(text)) == 2


def test_french_titles_end_no_sentence() -> None:
    assert sentences(f"{FRENCH} M. Le Goff est arrivé. {FRENCH}") == [
        FRENCH,
        "M. Le Goff est arrivé.",
        FRENCH,
    ]


def test_numbers_of_items_stay_with_their_item() -> None:
    assert sentences("1. Peel them well. 2. Cut them.") == ["1. Peel them well.", "2. Cut them."]


def test_what_has_no_letters_stays_with_the_sentence_before() -> None:
    found = sentences("The gap was closed. (#412)\n\nAll is well. 17.")
    assert found == ["The gap was closed. (#412)", "All is well. 17."]


def test_emphasis_ends_with_its_sentence() -> None:
    assert sentences("**Said at once.** Records name it. _Never._") == [
        "**Said at once.**",
        "Records name it.",
        "_Never._",
    ]


def test_speakers_items_and_rows_begin_on_their_own() -> None:
    text = "ANNA: Yes\nBEN: No\nANNA: but why\n- one\n- two\n| a | b |\n| c | d |"
    assert sentences(text) == [
        "ANNA: Yes",
        "BEN: No",
        "ANNA: but why",
        "one",
        "two",
        "| a | b |",
        "| c | d |",
    ]


def test_a_quoted_sentence_over_two_lines_is_one_without_the_first_mark() -> None:
    assert sentences("> We keep\n> the date. Fine\n> with me.") == [
        "We keep\n> the date.",
        "Fine\n> with me.",
    ]


def test_chinese_and_japanese_end_where_their_marks_are() -> None:
    assert sentences("船沉了。没有人受伤！为什么？") == ["船沉了。", "没有人受伤！", "为什么？"]
    assert sentences("これは船です。あれは港です。") == ["これは船です。", "あれは港です。"]


def test_only_the_first_sentence_of_a_paragraph_starts_it() -> None:
    found = parse_text("One is here. Two is here.\n- three\n\nFour is here.").sentences
    assert [sentence.starts_paragraph for sentence in found] == [True, False, False, True]
