"""PDFs are read as a person reads them; each file of `tests/cli/pdf_cases` is named by its property."""

from pathlib import Path

import pytest
from fpdf import FPDF

from bbp_cli.documents.document import parse
from bbp_cli.documents.pdf.read_pdf import PdfText, read_pdf
from bbp_cli.errors import InputError
from tests.cli.pdfs import make_pdf
from tests.conftest import Bbp

CASES = Path(__file__).parents[2] / "pdf_cases"
FIRST = (
    "The old harbour was closed for a year while the quay was rebuilt by a firm from the north. "
    "Boats had to use "
    "the mouth of the river, which is narrow and hard to enter when the wind is in the west. "
    "The council paid half "
    "of the costs and the owners paid the rest over ten years."
)
SECOND = (
    "The new quay was opened in May and the first ferry came at noon. It can carry forty cars, "
    "which is twice as "
    "many as the old one could. The wardens expect that the number of boats will double within three years."
)
THIRD = (
    "In the second year the gate was mended because it had been hit by a tug in a storm that "
    "came from the north "
    "and lasted for two days. Nobody was hurt but the costs were high and the council had to "
    "ask the owners for "
    "more money than it had said. In the third year the light"
)
BOTH = f"{FIRST}\n\n{SECOND}"


def case(name: str) -> PdfText:
    return read_pdf((CASES / name).read_bytes())


@pytest.mark.parametrize(
    ("name", "text", "warning"),
    [
        ("word-per-text-object", BOTH, None),
        ("words-apart-by-less-than-space-glyph", BOTH, None),
        ("each-line-drawn-twice", f"Rebuilding the harbour\n\n{BOTH}", None),
        ("two-pages-of-one-spread", BOTH, None),
        ("two-columns-row-by-row", BOTH, None),
        ("line-numbers", BOTH, None),
        ("heads-left-and-right", f"{BOTH}\n\n{THIRD}\n\n{FIRST}", None),
        ("two-line-head-and-foot", f"{BOTH}\n\n{THIRD}", None),
        ("japanese-cid-without-tounicode", "あいうえおかきくけこさしすせそたちつてとなにぬねの", None),
        ("junk-before-2kB", BOTH, "2100 bytes before its beginning were skipped"),
        ("5kB-zeros-behind-end", BOTH, "5000 bytes behind its end were skipped"),
        ("no-eof-mark", BOTH, "its end is missing"),
        ("eof-cut-2-bytes", BOTH, "its end is missing"),
        ("no-startxref", BOTH, "its index is missing"),
        (
            "form-value",
            "Name and office of the person who reports the accident:\n\nAnna Lind, harbour master since 2009",
            None,
        ),
        (
            "hyphens-at-line-ends",
            "The tables of the council show that the long-term costs of the quay are low, and "
            "that a 5-year plan "
            "would be enough. It is a well-known fact that non-European boats pay more. Since "
            "COVID-19 came, fewer "
            "sail. In the mid-1990s the gate was new. About two-thirds of the boats are small, "
            "and 10-fold growth "
            "is not expected. The years 2010\u20132015 were the best. Anglo-Saxon ships came "
            "at the beginning, as "
            "e-mail and x-ray did later. The pre- and post-war quays differ. It is an "
            "international harbour with a "
            "state-of-the-art gate.",
            None,
        ),
        (
            "short-lines-before-capitals",
            "The report was sent to the Harbour Council and to the Minister of Ports in Varnes, "
            "who read it in May. "
            "It says that the ferry to Little Skerry must be rebuilt because the ferry named "
            "the Anna Lind has been "
            f"in use since 1969 and is not safe.\n\n{FIRST}",
            None,
        ),
    ],
)  # fmt: skip
def test_the_text_is_what_one_reads_out(name: str, text: str, warning: str | None) -> None:
    read = case(f"{name}.pdf")
    assert read.text == text
    assert len(read.warnings) == (warning is not None)
    assert warning is None or warning in read.warnings[0]


def test_a_title_stays_where_it_first_stands_and_is_dropped_as_a_running_head() -> None:
    text = case("title-is-running-head.pdf").text
    assert text.startswith("How the harbour of Varnes was rebuilt\n\n")
    assert text.count("How the harbour") == 1


def test_a_note_at_the_foot_of_a_page_does_not_cut_a_sentence() -> None:
    read = case("footnote-between-pages.pdf")
    assert "The council paid half of the costs and the owners paid the rest over ten years." in read.text
    (note,) = read.asides
    assert note.kind == "footnote"
    assert read.text[note.start : note.end] == "1 The firm is Nordkai of Lund; it built the gate too."
    assert read.pages[0].end > note.end


def test_a_blank_page_that_pypdf_cannot_look_at_is_reported() -> None:
    pdf = make_pdf(["The harbour was rebuilt in two years.", ""])
    read = read_pdf(
        pdf[: pdf.rindex(b"startxref")] + b"%%EOF\n"
    )  # PDFium searches for the index, pypdf does not
    assert "The harbour was rebuilt in two years." in read.text
    expected = (
        "whether there is text on pages that seem blank (2) is unknown: PdfReadError: startxref not found"
    )
    assert read.warnings[-1] == expected


def test_pages_of_a_text_are_consecutive_spans_that_hold_all_of_it() -> None:
    for path in CASES.glob("*.pdf"):
        if path.name.startswith("5000"):
            continue
        read = read_pdf(path.read_bytes())
        position = 0
        for number, page in enumerate(read.pages, start=1):
            assert page.number == number
            assert position <= page.start <= page.end
            assert not read.text[position : page.start].strip()
            position = page.end
        assert position == len(read.text)


def test_junk_before_a_pdf_does_not_make_it_text() -> None:
    document = parse((CASES / "junk-before-2kB.pdf").read_bytes(), "-")
    assert (document.text, document.source.media_type) == (BOTH, "application/pdf")
    assert not parse(b"A line.\n%PDF-1.4 is how such a file begins, says this text.\n", "-").pages


# Kinds of pages


def with_pages(*pages: str) -> bytes:
    """A PDF with a page each: `picture` is a drawing of all the page, "" nothing, else text."""
    pdf = FPDF()
    pdf.set_font("helvetica", size=12)
    for page in pages:
        pdf.add_page()
        if page == "picture":
            for n in range(40):
                pdf.line(10, 10 + 5 * n, 190, 12 + 5 * n)
        elif page:
            pdf.multi_cell(0, 6, page)
    return bytes(pdf.output())


SHIFTED = "".join(c.upper() if n % 2 else c.lower() for n, c in enumerate(FIRST))


def test_pages_without_text_are_told_apart() -> None:
    read = read_pdf(with_pages(FIRST, "", "picture", SHIFTED, SECOND))
    assert [page.kind for page in read.pages] == ["text", "blank", "scanned", "undecodable", "text"]
    assert read.text == BOTH
    document = parse(with_pages(FIRST, "", "picture", SHIFTED, SECOND), "a.pdf")
    assert document.pages_without_text == [2, 3, 4]
    assert document.warnings == (
        "no text on page 2: blank",
        "no text on page 3; scanned pages need OCR first, for example with ocrmypdf",
        "the text of page 4 cannot be decoded; the fonts do not say which letters they show: "
        "OCR reads what is "
        "seen, for example ocrmypdf --force-ocr",
    )


def test_the_record_and_stderr_list_the_pages_of_each_kind(
    warm_bbp: Bbp, extractive: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.pdf").write_bytes(with_pages(FIRST, "", "picture", SHIFTED, SECOND))
    done = warm_bbp("summarize", "--json", "--model", extractive, "a.pdf")
    kinds = {
        name: done.records[0]["coverage"][f"pages_{name}"] for name in ("blank", "scanned", "undecodable")
    }
    assert (done.code, kinds) == (0, {"blank": [2], "scanned": [3], "undecodable": [4]})
    for message in ("no text on page 2: blank", "no text on page 3;", "the text of page 4 cannot be decoded"):
        assert f"bbp: warning: a.pdf: {message}" in done.stderr
    (tmp_path / "b.pdf").write_bytes(with_pages("picture", SHIFTED))
    refused = warm_bbp("extract", "b.pdf")
    assert (refused.code, refused.stdout) == (3, "")
    assert "no text on page 1; the text of page 2 cannot be decoded" in refused.stderr


def test_nothing_but_such_pages_is_an_error_with_their_numbers() -> None:
    with pytest.raises(InputError) as refused:
        parse(with_pages("picture", "picture", "", SHIFTED), "a.pdf")
    assert refused.value.message == (
        "no text on page 3: blank; no text on pages 1-2; the text of page 4 cannot be decoded"
    )
    assert refused.value.hint is not None
    assert "ocrmypdf" in refused.value.hint
    with pytest.raises(InputError) as blank:
        parse(with_pages("", ""), "a.pdf")
    assert (blank.value.message, blank.value.hint) == ("no text on pages 1-2: blank", None)


def test_a_page_that_pdfium_leaves_out_is_not_blank() -> None:
    content = make_pdf([FIRST, SECOND])
    start = content.index(b"/FlateDecode")
    read = read_pdf(content[:start] + b"/NoSuchThing" + content[start + len(b"/FlateDecode") :])
    assert [page.kind for page in read.pages] == ["undecodable", "text"]
    assert read.warnings[0].startswith("page 1 cannot be read: ")


# Damage


def test_a_file_that_only_pypdf_can_open_is_mended() -> None:
    read = read_pdf(make_pdf([FIRST, SECOND]).replace(b"/Root ", b"/Rxot "))
    assert read.text == BOTH
    assert read.warnings == ("damaged PDF: mended as far as it could be",)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (make_pdf([FIRST])[:-200], "the PDF is cut off: its end is missing"),
        (make_pdf([FIRST])[:700], "the PDF is cut off: its end is missing"),
        (make_pdf([FIRST], password="x"), "the PDF asks for a password"),
        (b"%PDF-1.7\n" + bytes(range(256)) * 8 + b"\n%%EOF\n", "damaged PDF"),
    ],
)
def test_what_cannot_be_opened_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_pdf(data)


def test_a_wrong_index_is_told_and_the_text_is_read() -> None:
    read = read_pdf(make_pdf([FIRST]).replace(b"startxref\n", b"startxref\n9"))
    assert read.text == FIRST
    assert read.warnings == ("damaged PDF: its index is missing; its pages were searched for",)
