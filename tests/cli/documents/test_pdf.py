"""Lines of a PDF become paragraphs, and every page knows its span."""

from hypothesis import given
from hypothesis import strategies as st

from bbp_cli.documents.pdf import Page, join_lines, read_pdf, without_running_titles
from tests.cli.pdfs import make_pdf

LINES = st.lists(
    st.lists(st.text("abcDE. -", min_size=1).map(str.strip).filter(bool), max_size=6), max_size=6
)


def joined(*pages: list[str]) -> str:
    return join_lines(pages)[0]


def test_a_short_line_before_a_capital_ends_a_paragraph() -> None:
    text = joined(
        [
            "Methods",
            "We walked along the river on three days in autumn and",
            "counted.",
            "Then we went home by",
        ]
    )
    assert text == (
        "Methods\n\nWe walked along the river on three days in autumn and\ncounted.\n\nThen we went home by"
    )


def test_a_sentence_continues_across_pages() -> None:
    first = [
        "The first page is full of long lines, all of them equally",
        "long, and the last sentence goes on to the",
    ]
    assert joined(first, ["next page without a break."]).endswith(
        "goes on to the\nnext page without a break."
    )


def test_a_word_cut_at_the_end_of_a_line_is_joined() -> None:
    assert joined(["The measure-", "ment of it was exact."]) == "The measurement of it was exact."
    assert joined(["The measure\u00ad", "ment of it was exact."]) == "The measurement of it was exact."


def test_a_compound_keeps_its_hyphen() -> None:
    assert joined(["A well-known way; it is well-", "known."]) == "A well-known way; it is well-known."


def test_a_hyphen_before_a_capital_or_number_is_kept() -> None:
    assert (
        joined(["The years 1990-", "2000 in East-", "Anglia."]) == "The years 1990-\n2000 in East-\nAnglia."
    )


def test_page_numbers_are_left_out_in_their_usual_forms() -> None:
    for number in ("7", "- 7 -", "Page 7", "7 of 12", "page 7/12", "xii"):
        assert without_running_titles([["Text stands here.", number]]) == [["Text stands here."]]
        assert without_running_titles([[number, "Text stands here."]]) == [["Text stands here."]]


def test_lines_that_most_pages_begin_or_end_with_are_left_out() -> None:
    pages = [
        ["Report of 2026", f"Text number {word}.", f"Draft {n} — secret"] for n, word in enumerate("abcd")
    ]
    assert without_running_titles(pages) == [[f"Text number {word}."] for word in "abcd"]


def test_a_line_that_is_all_of_a_page_is_kept() -> None:
    assert without_running_titles([["7"], ["Same"], ["Same"], ["Same"]]) == [
        ["7"],
        ["Same"],
        ["Same"],
        ["Same"],
    ]


def test_a_line_on_two_pages_only_is_kept() -> None:
    pages = [["Note", "one text"], ["Note", "another text"]]
    assert without_running_titles(pages) == pages


@given(LINES)
def test_pages_are_consecutive_spans_that_hold_all_the_text(pages: list[list[str]]) -> None:
    text, spans = join_lines(pages)
    assert [span.number for span in spans] == list(range(1, len(pages) + 1))
    position = 0
    for page, span in zip(pages, spans, strict=True):
        assert position <= span.start <= span.end
        assert not text[position : span.start].strip()
        words = "".join(page).replace(" ", "").replace("-", "")
        assert "".join(text[span.start : span.end].split()).replace("-", "") == words
        position = span.end
    assert position == len(text)


def test_a_pdf_without_pages_that_hold_text_is_empty() -> None:
    assert read_pdf(make_pdf(["", ""])).text == ""
    assert read_pdf(make_pdf(["", ""])).pages == (Page(1, 0, 0), Page(2, 0, 0))
