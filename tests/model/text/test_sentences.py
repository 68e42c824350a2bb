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
    assert sentences("It serves for many things: 1. Boats are found. 2. Nets are.") == [
        "It serves for many things:",
        "1. Boats are found.",
        "2. Nets are.",
    ]
    assert sentences("He saw No. 1. The boat was gone.") == ["He saw No. 1.", "The boat was gone."]
    assert sentences("Hart island travel plan. a. The department shall plan it. b. It shall report.") == [
        "Hart island travel plan.",
        "a. The department shall plan it.",
        "b. It shall report.",
    ]
    assert sentences("Premises for child care. a. Definitions.") == [
        "Premises for child care.",
        "a. Definitions.",
    ]


@pytest.mark.parametrize(
    "sentence",
    [
        "It can be done in two ways: (1) by the quay and (2) In-tree plugins of the harbour.",
        "The aims are: 1. share the rules; 2. define the blocks; 3. write it down.",
        "The kernel knows the special . and .. components of a path.",
    ],
)
def test_numbers_and_dots_inside_of_a_sentence_end_nothing(sentence: str) -> None:
    assert sentences(f"It was late. {sentence} Nobody knew.") == ["It was late.", sentence, "Nobody knew."]


@pytest.mark.parametrize("gap", ["\n\n", "\n\f\n", "\n   \n\n"])
@pytest.mark.parametrize(
    ("above", "below"),
    [
        ("It is because of a flexible user interface or", "the filters of a protocol."),
        ("He spoke to the", "man"),
        ("The reply goes by the router back to the network management", "station as part of the payload."),
    ],
)
def test_a_sentence_goes_on_below_a_blank_line(above: str, below: str, gap: str) -> None:
    text = f"It was late. {above}{gap}{below}{gap}Nobody knew why."
    assert sentences(text) == ["It was late.", f"{above}{gap}{below}", "Nobody knew why."]
    assert [one.starts_paragraph for one in parse_text(text).sentences] == [True, False, True]


@pytest.mark.parametrize(
    ("above", "below"),
    [
        ("Hi Bo, thanks for the letter of", "Monday was a day."),
        ("You need the following for the trip to the island of ours", "warm clothes.\n\na map."),
        ("You need all of this for the trip to the island:", "warm clothes are good."),
        ("Short heading", "and a sentence in lower case."),
        ("It was late.", "and nobody knew."),
    ],
)
def test_other_paragraphs_begin_sentences(above: str, below: str) -> None:
    assert sentences(f"{above}\n\n{below}")[0] == above


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


@pytest.mark.parametrize(
    "sentence",
    [
        "All readers are opened with Harbour.IO.Reader.Open, which returns a stream.",
        "Set process.env.HARBOUR_HOME to the folder of the package.",
        "The ASN.X form and the ASN.1 form agree with kubernetes.io/x=y.",
        "Then copy the result to ../shared where the .NET client looks for it.",
        "Run ./configure before you build them.",
        "It is typing.Annotated that names them.",
        "As Lind et al. [3] showed, options cut the time.",
        "As Lind et al. (2020) showed, options cut the time.",
        "From Eq. (4) of the report it follows that builds gain.",
        "Figs. 4 and 5 show the time of each build.",
        "It takes approx. three days to move a large program.",
        "We asked Ms. Rao about the release.",
        "Vol. II of the report is out.",
        "Lem. 3 holds for max. 5 builds, see No. 12 of the list.",
        "The macros are print! and println! and no more.",
    ],
)
def test_names_with_dots_and_abbreviations_end_no_sentence(sentence: str) -> None:
    before, after = "The report was read by all wardens.", "Boats are sent back."
    assert sentences(f"{before} {sentence} {after}") == [before, sentence, after]


@pytest.mark.parametrize(
    "sentence",
    [
        "Nobody told me.",
        "She said that the answer was no.",
        "The pilot was ill.",
        "It is in the museum of modern art.",
        "She expects it in May.",
        "This is a part of the SFC.",
        "The boats came in the spring.3",
        "The boats came in the spring.\u00b2",
        "The boats came in the spring. [3]",
    ],
)
def test_words_that_are_abbreviations_too_and_marks_of_notes_end_a_sentence(sentence: str) -> None:
    assert sentences(f"{sentence} Anna knew of it.") == [sentence, "Anna knew of it."]


@pytest.mark.parametrize(
    "text",
    ["The quay was built.The boats came.", "And finally...Download it.", "She vanished. the boats came."],
)
def test_where_a_space_or_a_capital_is_missing_two_sentences_stay_two(text: str) -> None:
    assert len(sentences(text)) == 2


def test_a_quote_stays_with_the_sentence_that_it_opens_or_closes() -> None:
    assert sentences("He was late. \u201cWe left.\u201d The boats came.")[0] == "He was late."
    assert sentences('The name is "recognition." In May it was changed.')[0].endswith('recognition."')


def test_a_paragraph_split_in_parts_keeps_its_sentences(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = [f"The boat number {n} came in at noon." for n in range(50)]
    monkeypatch.setattr("bigbird_pegasus.text.sentences.MAX_PIECE_CHARS", 100)
    assert sentences(" ".join(found)) == found


@pytest.mark.parametrize(
    "sentence",
    [
        "The car weighs 900 kg. without fuel.",
        "It holds 20 mg. of iron and 3 g. of salt.",
        "The road of 12 km. and 30 cm. was built.",
        "Sales of 5 bn. in 2024 and 3 mio. in 2025 were less than 7 mln. 2023 apart.",
        "About 40 pct. of them came.",
        "As Eq. states, speed grows.",
        "As Eq. [eq:one] states, speed grows.",
        "See Ch. three and Sec. four of Vol. two.",
        "The bldg. was closed for a year.",
    ],
)
def test_units_and_abbreviations_before_lower_case_end_no_sentence(sentence: str) -> None:
    assert sentences(sentence) == [sentence]
    assert sentences(f"The report was read. {sentence} Boats are sent back.") == [
        "The report was read.",
        sentence,
        "Boats are sent back.",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "The car weighs 900 kg. Without fuel it is less.",
        "The boats are here. iPhones are not.",
        "the boats are here. we saw them all. they left at ten.",
        "She saw the 12 boats of the port. 30 more came.",
    ],
)
def test_sentences_after_short_words_stay_apart_where_case_says_so_or_says_nothing(text: str) -> None:
    assert len(sentences(text)) == text.count(". ") + 1
