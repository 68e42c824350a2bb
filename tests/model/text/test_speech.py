# ruff: noqa: E501 - inputs are kept on one line
"""Speech as text: pieces of speech without full stops, and who says each sentence."""

import pytest
from bigbird_pegasus.text.lines import classify_lines
from bigbird_pegasus.text.parsed_text import parse_text
from bigbird_pegasus.text.sentence_filter import eligible_sentences
from bigbird_pegasus.text.speech import is_unpunctuated, piece_lengths, speakers_of
from hypothesis import given
from hypothesis import strategies as st

LINES = [
    "so today we are going to look at the harbour project",
    "the quay has to be rebuilt because it was built in eighteen ninety",
    "the council has set aside ten million euros for the work",
    "now the fishermen are not happy about it at all",
    "everybody can have a look and write down what they think",
    "i think it will pass because no party is against it",
]
POEM = [line.capitalize() for line in LINES]


def sentences(text: str) -> list[str]:
    parsed = parse_text(text)
    return [parsed.on_one_line(sentence) for sentence in parsed.sentences]


def speakers(text: str) -> list[str]:
    parsed = parse_text(text)
    return speakers_of(parsed.plain, parsed.lines, [one.start for one in parsed.sentences])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\n".join(LINES), True),
        (" ".join(LINES), True),
        ("\n".join(f"{'AB'[n % 2]}: {line}" for n, line in enumerate(POEM)), True),
        ("\n".join(f"{line}." for line in LINES), False),
        ("\n".join(f"- {line}" for line in LINES), False),
        ("\n".join(POEM), False),
        ("\n".join(LINES[:3]), False),  # too short to say
        ("", False),
    ],
    ids=["lines", "one line", "turns", "sentences", "list", "poem", "short", "empty"],
)
def test_speech_without_full_stops_is_recognised(text: str, expected: bool) -> None:
    assert is_unpunctuated(text, classify_lines(text)) is expected
    assert parse_text(text).is_unpunctuated is expected


def test_its_pieces_are_its_lines() -> None:
    assert sentences("\n".join(LINES)) == LINES


def test_pieces_of_a_line_begin_with_words_that_join_clauses() -> None:
    assert sentences(" ".join(LINES)) == [
        "so today we are going to look at the harbour project the quay has to be rebuilt",
        "because it was built in eighteen ninety the council has set aside ten million euros for the work",
        "now the fishermen are not happy about it at all everybody can have a look",
        "and write down what they think i think it will pass because no party is against it",
    ]


def test_pieces_say_something_and_need_no_full_stop() -> None:
    text = "\n".join([*LINES, "okay yeah"])
    parsed = parse_text(text)
    assert eligible_sentences(parsed, parsed.sentences) == [True] * len(LINES) + [False]


@given(st.lists(st.sampled_from(["a", "b", " ", "\n", " and "]), max_size=300).map("".join))
def test_pieces_hold_all_of_a_text(text: str) -> None:
    lengths = piece_lengths(text)
    assert sum(lengths) == len(text)
    position = 0
    for length in lengths[:-1]:
        position += length
        assert text[position - 1].isspace()
        assert not text[position].isspace()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Anna Lind: It is closed. It opens in May.\nBo: Why is it? I see.\nAnna Lind: Good for us.", ["Anna Lind"] * 2 + ["Bo"] * 2 + ["Anna Lind"]),
        ("Anna:\nIt is closed for us.\nBo:\nWhy is it so?\nAnna:\nGood for us.", ["Anna"] * 2 + ["Bo"] * 2 + ["Anna"] * 2),
        ("09:02 jo: It is closed. It opens.\n09:03 bo: Why is it?\n09:04 jo: Good.", ["jo", "jo", "bo", "jo"]),
        ("A: It is closed.\nB: Why is it?\nA: Good.\n\nThe boats are on land.", ["A", "B", "A", ""]),
        ("A: It is.\nB: Why?\nA: Oh.\n\n" + "The boats of the town are on land. " * 9, [""] * 12),
        ("Note: It is closed.\nTip: Go on foot.\nNote: It is far.", ["", "", ""]),
        ("Words stand here. More do.", ["", ""]),
    ],
    ids=["turns", "names above", "times", "a narrator", "quoted in prose", "labels", "prose"],
)  # fmt: skip
def test_who_says_a_sentence_is_known_in_conversations(text: str, expected: list[str]) -> None:
    assert speakers(text) == expected


CHAT = [
    "maria: is the staging server down for anyone else?",
    "jonas: Yes, since 9:40. I have seen it too.",
    "priya_k: the proxy did not help.",
    "maria: ok let us revert it now.",
]


def test_names_in_lower_case_speak_where_people_talk_to_each_other() -> None:
    for gap in ("\n", "\n\n"):
        assert speakers(gap.join(CHAT)) == ["maria", "jonas", "jonas", "priya_k", "maria"]


@pytest.mark.parametrize(
    "text",
    [
        "colour: red is used\nwidth: of the quay\ncolour: blue is used\nheight: of the quay",
        "\n".join([*CHAT[:1] * 2, *(f"The harbour {n} was closed by the board." for n in range(9))]),
        "name: are you well?\nname: is it open?\nname: do we know?",
    ],
    ids=["settings", "prose", "one name"],
)
def test_other_words_with_colons_in_lower_case_speak_not(text: str) -> None:
    assert not any(speakers(text))
