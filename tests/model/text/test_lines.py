"""Kinds of lines, and the markup that is blanked."""

from itertools import pairwise

import pytest
from bigbird_pegasus.text.lines import blank_markup, classify_lines, label_end
from bigbird_pegasus.text.parsed_text import parse_text
from hypothesis import given
from hypothesis import strategies as st

ALONE = {
    "text": [
        "The harbour froze on the ninth of January.",
        "It costs (for adults) 3 euros; children pay nothing.",
        "If the wind turns, the boat goes back:",
        "A line of a poem that does not end",
        "Return the boat before noon, or call us.",
        "See http://port.example.org for the timetable.",
    ],
    "item": [
        "- two eggs",
        "* The gate is open.",
        "3. Put the cod into the soup.",
        "(b) check the oil;",
        "• butter",
    ],
    "heading": ["## Usage", "TERMS OF THE RENTAL"],
    "quote": ["> older text", ">> still older"],
    "table": ["| a | b |", "name\tport\tships", "Holm      388      402"],
    "code": [
        "x = f(y)",
        "return None;",
        "#include <stdio.h>",
        "def main():",
        "$ pip install x",
        "for (;;) {",
        "}",
    ],
    "header": ["From: Ann <ann@example.org>", "Betreff: Hafen", "-----Original Message-----"],
    "closing": [
        "Dear Ms Okafor,",
        "Hi Ben!",
        "Kind regards,",
        "Mit freundlichen Grüßen",
        "Sent from my phone",
    ],
    "furniture": [
        "- 12 -",
        "Page 3 of 9",
        "Traffic ........ 2",
        "Home > Blog > Sailing",
        "-----",
        "00:00:12",
    ],
}


@pytest.mark.parametrize(("kind", "line"), [(kind, line) for kind, lines in ALONE.items() for line in lines])
def test_a_line_by_itself_is_of_its_kind(kind: str, line: str) -> None:
    assert [found.kind for found in classify_lines(line)] == [kind]


def kinds(text: str) -> list[str]:
    return [line.kind for line in classify_lines(text)]


def test_what_stands_between_fences_is_code() -> None:
    assert kinds("Run this.\n```\nall of this\n\nand this.\n```\nThen rest.") == [
        "text",
        *["code"] * 4,
        "text",
    ]
    assert kinds("One fence alone:\n```\nmeans nothing.")[2] == "text"


def test_names_with_colons_are_turns_where_one_speaks_twice() -> None:
    assert kinds("ANNA: Yes.\nBen Hall (chair): No.\nANNA: Why?\nand so on") == [
        "turn",
        "turn",
        "turn",
        "text",
    ]
    assert kinds("Note: the gate is open.\nPrice: 3 euros.\nOpening: nine.") == ["text", "text", "text"]


def test_a_line_that_comes_on_every_page_is_furniture_whatever_its_number() -> None:
    pages = [f"Annual Report {2020 + n}\nThe year number {n} was good.\n\f" for n in range(4)]
    assert kinds("".join(pages)) == ["furniture", "text"] * 4


def test_rows_of_values_are_a_table_from_three_on() -> None:
    assert kinds("a,b,c\n1,2,3\n4,5,6") == ["table"] * 3
    assert "table" not in kinds("a,b,c\n1,2,3")


@pytest.mark.parametrize(
    "header",
    [
        "On Mon, 3 Nov, Ben wrote:",
        "On Mon, 3 Nov, Ben Carter <ben@example.org>\nwrote:",
        "Am 3. Mai schrieb Ben:",
    ],
)
def test_the_line_above_a_quoted_mail_is_a_header_also_over_two_lines(header: str) -> None:
    assert set(kinds(header)) == {"header"}


def test_a_name_below_the_regards_is_part_of_the_closing_and_a_sentence_is_not() -> None:
    assert kinds("Best regards,\n\nAnna Lind\nProject lead\n\nThe cat has had kittens.") == [
        *["closing"] * 3,
        "text",
    ]
    assert kinds("Bye.\n\n-- \nAnna writes whole sentences here.\n\nThe next mail.") == [
        "text",
        "closing",
        "closing",
        "text",
    ]


SOURCE = '''"""Reads gauges.

Twice a day.
"""
import json

# One gauge alone
# never closes the gates.
def level(values):
    return sorted(values)[len(values) // 2]  # the median

print(level(json.load(open("a.json"))))
'''


def test_comments_and_docstrings_are_separated_from_source_code() -> None:
    assert kinds(SOURCE) == [*["comment"] * 3, "code", *["comment"] * 2, *["code"] * 3]


def test_marks_become_spaces_and_every_offset_stays() -> None:
    text = "- two eggs\n# Heading\n> > quoted\n> more\n"
    assert blank_markup(text, classify_lines(text)) == "  two eggs\n  Heading\n    quoted\n  more\n"
    source = blank_markup(SOURCE, classify_lines(SOURCE))
    assert source.index("never closes") == SOURCE.index("never closes")
    assert "#" not in source.split("return")[0]
    assert '"""' not in source


def test_a_line_starts_a_block_where_something_else_begins() -> None:
    text = "The line goes\non here.\n- an item that\n  goes on\n- another\nShort\nThe next line is longer.\n"
    assert [line.starts_block for line in classify_lines(text)] == [
        True,
        False,
        True,
        False,
        True,
        True,
        True,
    ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("o RFC 1448 says so.", "  RFC 1448 says so."),
        ("\u2013 The quay.", "  The quay."),
        ("o gato vai", "o gato vai"),
    ],
)
def test_letters_and_dashes_as_bullets_are_markup_before_capitals(text: str, shown: str) -> None:
    assert blank_markup(text, classify_lines(text)) == shown


@pytest.mark.parametrize("indent", [" " * 399, " " * 400, "\t" * 5000])
def test_a_line_that_is_indented_far_is_read(indent: str) -> None:
    text = f"Words stand here.\n{indent}- more of them\n{indent}and more."
    assert [line.kind for line in classify_lines(text)] == ["text", "item", "text"]


@given(st.text(st.sampled_from(list("ab. AB:>-#|*\n\f\t/=\"'1")), max_size=200))
def test_lines_hold_all_but_blank_lines_and_marks_change_no_length(text: str) -> None:
    lines = classify_lines(text)
    assert all(before.end < after.start for before, after in pairwise(lines))
    assert "".join("".join(text[line.start : line.end].split()) for line in lines) == "".join(text.split())
    plain = blank_markup(text, lines)
    assert len(plain) == len(text)
    assert all(a in (b, " ") for a, b in zip(plain, text, strict=True))


@pytest.mark.parametrize(
    ("line", "label"),
    [
        ("ANNA: Yes.", "ANNA:"),
        ("Grad C: Nice .", "Grad C:"),
        ("**Ben** (chair): No", "**Ben** (chair):"),
        ("Ben (chair): No", "Ben (chair):"),
        ("[09:02] mika: hi all", "[09:02] mika:"),
        ("no name: here", ""),
        ("It was 10:30 then", ""),
    ],
)
def test_the_name_of_who_speaks_is_found(line: str, label: str) -> None:
    assert line[: label_end(line)] == label


def test_a_docstring_alone_is_a_comment() -> None:
    text = '"""The recipe of the model; README.md says how it is run."""\n'
    (line,) = classify_lines(text)
    assert line.kind == "comment"
    (sentence,) = parse_text(text).sentences
    assert parse_text(text).on_one_line(sentence) == "The recipe of the model; README.md says how it is run."
    assert {one.kind for one in classify_lines(text + "The harbour was closed for a year.\n")} == {"text"}
