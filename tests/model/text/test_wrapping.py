"""Hard-wrapped prose: its lines are read as the paragraphs they were wrapped from, and offsets stay."""

import json
import textwrap
from pathlib import Path

import pytest
from bigbird_pegasus.text.lines import classify_lines
from bigbird_pegasus.text.parsed_text import parse_text
from bigbird_pegasus.text.sentence_filter import eligible_sentences

DOCUMENTS = Path(__file__).parent / "documents"
# The sentence that a line of each document cut before.
WHOLE = json.loads((DOCUMENTS / "wrapped.json").read_text(encoding="utf-8"))
PROSE = (
    "The old harbour was closed for a year while the quay was rebuilt. Boats had to use the river mouth, "
    "which is narrow and hard to enter. The quay was opened again in May, and the first ferry came at noon. "
    "Nobody was hurt."
)


def candidates(text: str) -> list[str]:
    parsed = parse_text(text)
    eligible = eligible_sentences(parsed, parsed.sentences)
    return [
        parsed.on_one_line(sentence) for sentence, may in zip(parsed.sentences, eligible, strict=True) if may
    ]


def kinds(text: str) -> list[str]:
    return [line.kind for line in classify_lines(text)]


@pytest.mark.parametrize("name", WHOLE)
def test_a_line_in_the_middle_of_a_paragraph_is_running_text_whatever_it_looks_like(name: str) -> None:
    text = (DOCUMENTS / f"wrapped-{name}.txt").read_text(encoding="utf-8")
    found = candidates(text)
    assert WHOLE[name] in found
    assert len(found) == {"paragraph-four-times": 8, "line-starts-with-number-dot": 6}.get(name, 5)
    assert found == candidates(" \n".join(text.split("\n"))), "also where lines end with a space"


@pytest.mark.parametrize("width", [45, 60, 72, 100])
@pytest.mark.parametrize(
    "phrase",
    [
        "return the boat; raise the flag",
        "# 3, > 4 and * 5 of the gates",
        "page 12 of the report",
        "12. May or 10:30 in the morning",
        "From: and To: in the papers",
        "the call open(boat, quay) (public) {or not}",
        "Dear sir, as he said",
        "x = 3 and y = 4",
        "Kind regards",
        "-- the longest -- - one - | or * two",
        "On Monday he wrote: no",
    ],
)
def test_a_wrapped_document_has_the_candidates_of_the_unwrapped_one(width: int, phrase: str) -> None:
    for shift in range(0, 60, 4):
        sentence = f"They {'slowly ' * (shift // 7)}came to {'x' * (shift % 7 + 1)} and read {phrase} there."
        paragraph = f"{PROSE} {sentence} {PROSE}"
        wrapped = textwrap.fill(paragraph, width, break_on_hyphens=False)
        assert candidates(f"{wrapped}\n\n{textwrap.fill(PROSE, width)}") == candidates(
            f"{paragraph}\n\n{PROSE}"
        )


def test_lists_tables_quotations_headers_and_turns_are_not_joined() -> None:
    wrapped = textwrap.fill(PROSE, 72)
    for block, kind in (
        ("- two eggs and butter\n- flour\n- milk", "item"),
        ("1. Peel them\n2. Cut them\n3. Boil them", "item"),
        ("| a | b |\n| c | d |", "table"),
        ("> We keep the date, as we said\n> in the letter", "quote"),
        ("From: Ann\nTo: Ben\nSubject: the quay", "header"),
        ("ANNA: Yes\nBEN: No\nANNA: Why", "turn"),
    ):
        found = kinds(f"{wrapped}\n\n{block}\n\n{wrapped}")
        assert found == ["text", *[kind] * len(block.split("\n")), "text"]


def test_a_list_below_an_unfinished_line_of_prose_stays_a_list() -> None:
    text = f"{textwrap.fill(PROSE, 72)} Bring these\n- ropes\n- nets\n- lamps"
    assert kinds(text) == ["text", *["item"] * 3]


def test_source_code_is_not_joined() -> None:
    code = "def f(a):\n    return a\n\nx = f(y)\ny = f(x)\nprint(x)"
    assert "text" not in kinds(code)


def test_a_title_on_every_page_is_not_part_of_the_sentence_around_it() -> None:
    pages = [
        f"{textwrap.fill(PROSE, 72)}\nHarbour Report {n}\n\fwas hurt number {n}, and the year went on.\n"
        for n in range(4)
    ]
    assert kinds("".join(pages)).count("furniture") == 4


def test_a_joined_line_is_one_span_of_the_text() -> None:
    text = textwrap.fill(PROSE, 72)
    (line,) = classify_lines(text)
    assert (line.start, line.end) == (0, len(text))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("A long-\nterm plan.", "A long-term plan."),
        ("All long-\nand short-term plans.", "All long- and short-term plans."),
        ("An inter-\nnational plan is international.", "An international plan is international."),
        ("A plan, High-\nLevel, no HighLevel.", "A plan, High-Level, no HighLevel."),
        ("A long-\nterm plan, inter- national.", "A long- term plan, inter- national."),
        ("船沉了，没有\n人受伤。", "船沉了，没有人受伤。"),  # noqa: RUF001
    ],
)
def test_a_word_broken_by_a_line_is_joined(text: str, shown: str) -> None:
    parsed = parse_text(text)
    assert [parsed.on_one_line(sentence) for sentence in parsed.sentences] == [shown]
