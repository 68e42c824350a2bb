"""What else producers of PDFs do: each is read as the same text. PDFs here are written command by command."""

import textwrap
from collections.abc import Callable

import pytest

from bbp_cli.documents.pdf.read_pdf import read_pdf
from tests.cli.documents.pdf.test_read_pdf import BOTH, FIRST, SECOND, THIRD
from tests.cli.pdfs import cid_font, make_pdf, raw_pdf, shown, wrapped

PAGE = wrapped(FIRST, 72, 700) + wrapped(SECOND, 72, 580)
ALL = f"{FIRST} {SECOND} {THIRD}"


def turned(text: str, x: float, columns: int = 70) -> bytes:
    lines = textwrap.wrap(text, columns)
    return b"".join(shown(line, x + 14 * n, 72, turn="0 1 -1 0") for n, line in enumerate(lines))


@pytest.mark.parametrize(
    "pdf",
    [
        raw_pdf([PAGE], page="/Rotate 90"),
        raw_pdf([PAGE], page="/Rotate 180"),
        raw_pdf([turned(FIRST, 100) + turned(SECOND, 220)], page="/Rotate 90"),
        raw_pdf([turned(FIRST, 100) + turned(SECOND, 220)]),
        raw_pdf([PAGE + shown("Mark of the printer 17", 72, 60)], page="/CropBox[0 100 595 842]"),
        raw_pdf([wrapped(FIRST, -228, 400) + wrapped(SECOND, -228, 280)], media="-300 -400 295 442"),
        raw_pdf(
            [wrapped(FIRST, 7.2, 70, size=1) + wrapped(SECOND, 7.2, 58, size=1)],
            media="0 0 60 85",
            page="/UserUnit 10",
        ),
        raw_pdf([wrapped(FIRST, 72, 700) + wrapped(FIRST, 72.3, 700.3) + wrapped(SECOND, 72, 580)]),
        raw_pdf([b"".join(reversed(PAGE.splitlines(keepends=True)))]),
    ],
    ids=[
        "rotate-90",
        "rotate-180",
        "text-turned",
        "page-not-turned",
        "crop",
        "offset",
        "unit",
        "twice",
        "upwards",
    ],
)
def test_a_page_is_read_however_it_is_laid_on_the_sheet(pdf: bytes) -> None:
    read = read_pdf(pdf)
    assert (read.text, read.warnings) == (BOTH, ())


@pytest.mark.parametrize(("step", "x", "first"), [(5, 40, 1), (5, 500, 1), (2, 40, 1), (1, 40, 37)])
def test_numbers_of_lines_are_not_read(step: int, x: float, first: int) -> None:
    commands = b""
    for number, line in enumerate(textwrap.wrap(ALL, 45)):
        commands += shown(line, 90, 740 - 14 * number)
        if (number + first) % step == 0:
            commands += shown(str(number + first), x, 740 - 14 * number, 8)
    assert read_pdf(raw_pdf([commands])).text == ALL


COUNTED = ("Barges", "Ferries", "Tugs", "Yawls", "Dories", "Cutters")
ROMAN = ("i", "ii", "iii", "iv", "v", "vi")
NAMES = ("Preface", "The storm", "The council", "Costs", "Boats", "The light")


@pytest.mark.parametrize(
    ("heads", "feet"),
    [
        (lambda n: [], lambda n: [ROMAN[n]]),
        (lambda n: [], lambda n: [f"Page {n + 1} of 6"]),
        (lambda n: [], lambda n: [f"\u2013 {n + 1} \u2013"]),
        (lambda n: [], lambda n: [f"A-{n + 1}"]),
        (lambda n: [f"{n + 1}   Anna Lind" if n % 2 else f"The harbour   {n + 1}"], lambda n: []),
        (lambda n: ["Council of Varnes", "Report, second edition", "Confidential"], lambda n: [f"{n + 1}/6"]),
        (lambda n: [NAMES[n]], lambda n: [str(n + 11)]),
        (lambda n: ["27/11/2026, 10:12   Report"], lambda n: [f"https://varnes.example/?id=1   {n + 1}/6"]),
    ],
    ids=["roman", "page-of", "dashes", "appendix", "odd-even", "three-lines", "sections", "browser"],
)
def test_heads_feet_and_folios_are_not_read(
    heads: Callable[[int], list[str]], feet: Callable[[int], list[str]]
) -> None:
    texts = [f"{name} came first. {SECOND} So much of {name.lower()} here." for name in COUNTED]
    pages = [
        wrapped(text, 72, 740)
        + b"".join(shown(head, 72, 800 - 12 * place, 9) for place, head in enumerate(heads(n)))
        + b"".join(shown(foot, 250, 50 - 12 * place, 9) for place, foot in enumerate(feet(n)))
        for n, text in enumerate(texts)
    ]
    assert read_pdf(raw_pdf(pages)).text.split() == " ".join(texts).split()


def test_three_columns_that_were_set_row_by_row() -> None:
    columns = [textwrap.wrap(text, 34) for text in (FIRST, SECOND, THIRD)]
    commands = b"".join(
        shown(column[row], x, 760 - 10 * row, 8)
        for row in range(max(map(len, columns)))
        for x, column in zip((50, 220, 390), columns, strict=True)
        if row < len(column)
    )
    assert read_pdf(raw_pdf([commands])).text == "\n\n".join((FIRST, SECOND, THIRD))


@pytest.mark.parametrize("drawn_first", [True, False])
def test_a_large_first_letter_is_part_of_its_word(drawn_first: bool) -> None:
    lines = textwrap.wrap(FIRST[1:], 62)
    rest = b"".join(shown(line, 100 if n < 3 else 72, 700 - 14 * n) for n, line in enumerate(lines))
    large = shown(FIRST[0], 72, 672, 40)
    assert read_pdf(raw_pdf([large + rest if drawn_first else rest + large])).text == FIRST


def test_raised_numbers_are_powers_in_a_smaller_size_and_in_the_same() -> None:
    for size in (7, 11):
        raised = "/F1 {0} Tf 4 Ts ({1}) Tj /F1 11 Tf 0 Ts"
        first, second = raised.format(size, 6), raised.format(size, 2)
        commands = f"BT /F1 11 Tf 1 0 0 1 72 700 Tm (The harbour has 10) Tj {first} ( stones and 5 m) Tj "
        commands += f"{second} (, all of them old.) Tj ET"
        read = read_pdf(raw_pdf([commands.encode()]))
        assert read.text == "The harbour has 10⁶ stones and 5 m², all of them old."


def test_signs_of_notes_are_not_read_out() -> None:
    first = FIRST.replace("north.", "north.*").replace("wind", "wind\u2020")
    notes = shown("* The firm is Nordkai of Lund.", 72, 120, 8) + shown("\u2020 It mostly is.", 72, 110, 8)
    read = read_pdf(raw_pdf([wrapped(first, 72, 700) + notes]))
    assert read.text.startswith(FIRST)
    assert [aside.kind for aside in read.asides] == ["footnote", "footnote"]


# Writings

JAPANESE = "港の古い岸壁は昨年の春の嵐で壊れた。市議会は二年以内に岸壁を建て直すことを決めた。"


@pytest.mark.parametrize(
    ("font", "encoding", "collection", "codec", "text"),
    [
        ("HeiseiMin-W3", "90ms-RKSJ-H", "Japan1", "cp932", JAPANESE),
        ("HeiseiKakuGo-W5", "EUC-H", "Japan1", "euc-jp", JAPANESE),
        ("HYSMyeongJo-Medium", "KSCms-UHC-H", "Korea1", "cp949", "항구의 오래된 부두가 폭풍으로 부서졌다."),
        ("HYGothic-Medium", "UniKS-UCS2-H", "Korea1", "utf-16-be", "항구의 오래된 부두가 부서졌다."),
        ("STSong-Light", "GBK-EUC-H", "GB1", "gbk", "港口的旧码头在春天被风暴损坏。"),
        ("MSung-Light", "ETen-B5-H", "CNS1", "big5", "港口的舊碼頭在春天被風暴損壞。"),
        ("STSong-Light", "UniGB-UTF16-H", "GB1", "utf-16-be", "港口的旧码头在春天被风暴损坏。"),
    ],
)
def test_fonts_of_asian_collections_need_no_map(
    font: str, encoding: str, collection: str, codec: str, text: str
) -> None:
    commands = f"BT /F1 9 Tf 72 700 Td <{text.encode(codec).hex()}> Tj ET"
    assert read_pdf(raw_pdf([commands.encode()], fonts=cid_font(font, encoding, collection))).text == text


def test_lines_that_go_down_are_read_from_right_to_left() -> None:
    # Without the font, PDFium has boxes for lines with a full stop only.
    lines = (
        "港の古い岸壁は昨年の春の嵐で壊れた。市議",
        "会は二年以内に岸壁を建て直すと決めた。四",
        "百万円を用意した。漁師は収入を心配した。",
    )
    commands = "\n".join(
        f"BT /F1 12 Tf {500 - 20 * number} 780 Td <{line.encode('utf-16-be').hex()}> Tj ET"
        for number, line in enumerate(lines)
    )
    fonts = cid_font("HeiseiMin-W3", "UniJIS-UCS2-V", "Japan1")
    assert read_pdf(raw_pdf([commands.encode()], fonts=fonts)).text == "".join(lines)


# Forms

WIDGET = "<</Type/Annot/Subtype/Widget{0}/Rect[{1}]/P 3 0 R>>"
TICK = "/FT/Btn/T({0})/AS/{1}/AP<</N<</Yes 4 0 R/Off 4 0 R>>>>"


def test_fields_of_a_form_are_read_beside_their_labels() -> None:
    labels = [("Name:", 72, 650), ("Port:", 72, 620), ("Injured", 90, 590), ("Damaged", 190, 590)]
    fields = [
        ("/FT/Tx/T(name)/V(Anna Lind)", "130 645 300 665"),
        ("/FT/Ch/Ff 131072/T(port)/V(v2)/Opt[[(v1)(Varnes)][(v2)(Little Skerry)]]", "130 615 300 635"),
        (TICK.format("a", "Yes"), "72 588 84 600"),
        (TICK.format("b", "Off"), "172 588 184 600"),
        ("/FT/Tx/Ff 4096/T(rest)/V(The ferry hit the quay\rand came to a stop.)", "72 500 400 560"),
        ("/FT/Tx/Ff 8192/T(secret)/V(p4ssword)", "400 645 500 665"),
        ("/F 2/FT/Tx/T(hidden)/V(invisible)", "400 615 500 635"),
    ]
    numbers = " ".join(f"{5 + number} 0 R" for number in range(len(fields)))
    pdf = raw_pdf(
        [wrapped(FIRST, 72, 760) + b"".join(shown(*label) for label in labels)],
        page=f"/Annots[{numbers}]",
        catalog=f"/AcroForm<</Fields[{numbers}]/DA(/Helv 10 Tf)>>",
        objects=[WIDGET.format(*field) for field in fields],
    )
    text = read_pdf(pdf).text
    assert text.split("\n\n")[1:] == [
        "Name: Anna Lind",
        "Port: Little Skerry",
        "☒ Injured   ☐ Damaged",
        "The ferry hit the quay and came to a stop.",
    ]


# Damage

WHOLE = raw_pdf([PAGE])


@pytest.mark.parametrize(
    ("pdf", "warnings"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\n\r\n" + WHOLE, 1),
        (WHOLE + b"<html>error</html>" * 50, 1),
        (WHOLE[: WHOLE.rindex(b"xref\n0") + 60], 2),
        (WHOLE[: WHOLE.rindex(b"xref\n0")] + b"%%EOF", 1),
    ],
    ids=["headers", "behind", "index-cut", "no-index"],
)
def test_text_that_is_whole_is_read_with_a_warning(pdf: bytes, warnings: int) -> None:
    read = read_pdf(pdf)
    assert (read.text, len(read.warnings)) == (BOTH, warnings)


def test_an_empty_password_needs_none() -> None:
    assert read_pdf(make_pdf([FIRST], password="")).text == FIRST
