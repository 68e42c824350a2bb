"""Sections: what stands under each heading."""

from bigbird_pegasus.text.parsed_text import parse_text
from bigbird_pegasus.text.sections import sections_of, under_headings
from hypothesis import given
from hypothesis import strategies as st

LINES = st.sampled_from(
    ["# One", "Two", "3. Three", "The gate is shut.", "It rained all day.", "- an item", "", ""]
)


def found(text: str) -> list[tuple[str | None, str]]:
    parsed = parse_text(text)
    return [
        (
            one.heading,
            " ".join(parsed.on_one_line(sentence) for sentence in parsed.sentences[one.first : one.last]),
        )
        for one in sections_of(parsed, parsed.sentences)
    ]


def test_headings_are_marked_or_short_paragraphs_without_an_end() -> None:
    text = (
        "A report came.\n\n# The gate\n\nIt is shut.\n\nThe quay\n\nIt is wet. Ships wait.\n\n"
        "3. The town\n\nIt sleeps.\n\nAppendix\n"
    )
    assert found(text) == [
        (None, "A report came."),
        ("The gate", "The gate It is shut."),
        ("The quay", "The quay It is wet. Ships wait."),
        ("3. The town", "3. The town It sleeps. Appendix"),
    ]


def test_headings_that_follow_each_other_are_one() -> None:
    assert found("# Report\n\n## Scope\n\nIt is small.")[0][0] == "Report / Scope"


def test_a_list_of_names_is_no_pile_of_headings() -> None:
    text = "Anna Lind\n\nBen Moor\n\nCarl Nord\n\nDora Ost\n\nAll four came to the meeting."
    assert [heading for heading, _ in found(text)] == [None]


@given(st.lists(LINES, max_size=12))
def test_sections_hold_every_sentence_once_and_in_order(lines: list[str]) -> None:
    parsed = parse_text("\n".join(lines))
    sections = sections_of(parsed, parsed.sentences)
    assert [n for one in sections for n in range(one.first, one.last)] == list(range(len(parsed.sentences)))


def test_texts_are_printed_under_their_headings() -> None:
    blocks = [(None, "First."), ("Gate", "It is shut."), ("Quay", "")]
    assert under_headings(blocks) == "First.\n\nGate\nIt is shut."
