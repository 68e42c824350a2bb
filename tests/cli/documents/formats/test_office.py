# ruff: noqa: E501 - inputs are kept on one line
"""Office files, e-books and RTF: text that is shown, in order; bombs and hostile XML end in one error."""

import io
import struct
import zipfile
from pathlib import Path

import pytest

from bbp_cli.documents.document import parse
from bbp_cli.documents.formats import packages
from bbp_cli.documents.formats.rtf import text_of_rtf
from bbp_cli.documents.inputs import InputOptions, collect
from bbp_cli.errors import InputError

W = 'xmlns:w="http://w" xmlns:m="http://m" xmlns:mc="http://mc"'
A = 'xmlns:a="http://a" xmlns:p="http://p" xmlns:r="http://r"'
O = 'xmlns:text="http://t" xmlns:office="http://o" xmlns:table="http://tb"'  # noqa: E741 - OpenDocument


def package(**members: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def word(body: str, **others: str) -> bytes:
    document = f'<?xml version="1.0"?><w:document {W}><w:body>{body}</w:body></w:document>'
    return package(**{"word/document.xml": document, **others})


def paragraph(text: str, properties: str = "") -> str:
    return f"<w:p>{properties}<w:r><w:t>{text}</w:t></w:r></w:p>"


def test_word_files_are_read_as_they_are_shown() -> None:
    item = "<w:pPr><w:numPr/></w:pPr>"
    raised = '<w:r><w:rPr><w:vertAlign w:val="superscript"/></w:rPr><w:t>{}</w:t></w:r>'
    body = (
        paragraph("The harbour")
        + "<w:p><w:r><w:t>It was </w:t></w:r><w:del><w:r><w:delText>not </w:delText></w:r></w:del>"
        + "<w:r><w:t>closed</w:t></w:r><w:r><w:footnoteReference w:id='1'/></w:r><w:r><w:t>.</w:t></w:r></w:p>"
        + f"<w:p><w:r><w:t>It holds 10</w:t></w:r>{raised.format(3)}<w:r><w:t> tons here.</w:t></w:r>"
        + f"{raised.format(7)}</w:p>"
        + paragraph("first", item)
        + paragraph("second", item)
        + "<w:tbl><w:tr><w:tc>"
        + paragraph("port")
        + "</w:tc><w:tc>"
        + paragraph("ships")
        + "</w:tc></w:tr></w:tbl>"
        + "<mc:AlternateContent><mc:Choice>"
        + paragraph("A box.")
        + "</mc:Choice><mc:Fallback>"
        + paragraph("A box.")
        + "</mc:Fallback></mc:AlternateContent>"
        + "<w:p><w:r><w:instrText>PAGEREF x</w:instrText></w:r><m:oMath><m:sSup><m:e><m:r><m:t>x</m:t></m:r></m:e>"
        + "<m:sup><m:r><m:t>2</m:t></m:r></m:sup></m:sSup></m:oMath></w:p>"
    )
    notes = f"<w:footnotes {W}>{paragraph('The note of the harbour.')}</w:footnotes>"
    document = parse(word(body, **{"word/footnotes.xml": notes}), "a.docx")
    assert document.text.split("\n\n") == [
        "The harbour",
        "It was closed.",
        "It holds 10^3 tons here.",
        "- first",
        "- second",
        "port \tships\nA box.",
        "x^2",
        "The note of the harbour.\n",
    ]


def test_what_word_hides_is_not_read() -> None:
    hidden = "<w:r><w:rPr><w:vanish/></w:rPr><w:t>Hidden. </w:t></w:r>"
    shown = '<w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:t>It is new.</w:t></w:r>'
    mark = "<w:pPr><w:rPr><w:vanish/></w:rPr></w:pPr>"
    page = '<w:fldSimple w:instr=" PAGE \\* MERGEFORMAT"><w:r><w:t>7</w:t></w:r></w:fldSimple>'
    body = f"<w:p>{mark}{hidden}{shown}</w:p><w:p>{page}<w:r><w:t>The quay.</w:t></w:r></w:p>"
    assert parse(word(body), "a.docx").text == "It is new.\n\nThe quay.\n"


def test_slides_are_read_in_their_order_with_their_notes() -> None:
    def slide(text: str) -> str:
        number = '<p:sp><p:nvPr><p:ph type="sldNum"/></p:nvPr><a:p><a:r><a:t>7</a:t></a:r></a:p></p:sp>'
        return f"<p:sld {A}><p:sp><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:sp>{number}</p:sld>"

    def relations(**targets: tuple[str, str]) -> str:
        rows = (f'<Relationship Id="{i}" Type="http://x/{k}" Target="{t}"/>' for i, (k, t) in targets.items())
        return f"<Relationships>{''.join(rows)}</Relationships>"

    data = package(
        **{
            "ppt/presentation.xml": f'<p:presentation {A}><p:sldId r:id="r2"/><p:sldId r:id="r1"/></p:presentation>',
            "ppt/_rels/presentation.xml.rels": relations(
                r1=("slide", "slides/slide1.xml"), r2=("slide", "slides/slide2.xml")
            ),
            "ppt/slides/slide1.xml": slide("The second slide is here."),
            "ppt/slides/slide2.xml": slide("The first slide is here."),
            "ppt/slides/_rels/slide2.xml.rels": relations(n=("notesSlide", "../notesSlides/n.xml")),
            "ppt/notesSlides/n.xml": slide("Its notes say more."),
        }
    )
    assert parse(data, "a.pptx").text == (
        "The first slide is here.\n\nIts notes say more.\n\nThe second slide is here.\n"
    )


def test_opendocument_is_read_without_its_comments() -> None:
    content = (
        f"<office:document-content {O}><office:body><office:text><text:h>The harbour</text:h>"
        "<text:p>It was<text:s"
        " text:c='2'/>closed<text:note><text:note-citation>1</text:note-citation><text:note-body>"
        "<text:p>A note.</text:p></text:note-body></text:note>.<office:annotation><text:p>Comment!</text:p>"
        "</office:annotation></text:p><text:list><text:list-item><text:p>first</text:p></text:list-item></text:list>"
        "</office:text></office:body></office:document-content>"
    )
    data = package(**{"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": content})
    assert parse(data, "-").text == "The harbour\n\nIt was  closed.\n\n- first\n\nA note.\n"


def test_ebooks_are_read_in_the_order_of_their_spine() -> None:
    note = '<a xmlns:epub="http://e" epub:type="noteref" href="#n">1</a>'

    def chapter(text: str) -> str:
        return f"<html xmlns='http://www.w3.org/1999/xhtml'><body><p>{text}</p></body></html>"

    opf = (
        '<package><manifest><item id="a" href="a%20b.xhtml"/><item id="b" href="b.xhtml"/>'
        '<item id="n" href="n.xhtml" properties="nav"/></manifest>'
        '<spine><itemref idref="n"/><itemref idref="b"/><itemref idref="a"/></spine></package>'
    )
    members = {
        "META-INF/container.xml": '<container><rootfiles><rootfile full-path="O/c.opf"/></rootfiles></container>',
        "O/c.opf": opf,
        "O/a b.xhtml": chapter(f"The end is here.{note}"),
        "O/b.xhtml": chapter("The beginning."),
        "O/n.xhtml": chapter("Contents"),
    }
    assert parse(package(**members), "-").text == "The beginning.\n\nThe end is here.\n"
    with pytest.raises(InputError, match="locked"):
        parse(package(**members, **{"META-INF/rights.xml": "<r/>"}), "-")
    with pytest.raises(InputError, match="no table of its parts"):
        parse(package(**{"META-INF/container.xml": "<container/>"}), "-")


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"xl/workbook.xml": "<x/>"}, "an Excel workbook"),
        (
            {"content.xml": "<x/>", "mimetype": "application/vnd.oasis.opendocument.spreadsheet"},
            "a spreadsheet",
        ),
        ({"content.xml": "<x/>", "META-INF/manifest.xml": "<m:encryption-data/>"}, "asks for a password"),
        ({"a.txt": "words"}, "a ZIP file"),
        ({"word/document.xml": "<w:document><w:p>"}, "damaged file: XML"),
        (
            {
                "word/document.xml": '<!DOCTYPE d [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><w:document>&b;</w:document>'
            },
            "declares entities",
        ),
        (
            {"word/document.xml": '<!DOCTYPE d [<!ENTITY a SYSTEM "file:///etc/passwd">]><d>&a;</d>'},
            "declares entities",
        ),
        ({"ppt/presentation.xml": "not XML"}, "damaged file: XML"),
    ],
)
def test_other_packages_are_refused_with_what_they_are(members: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse(package(**members), "-")


def test_a_zip_bomb_is_refused_before_it_is_unpacked() -> None:
    with pytest.raises(InputError, match="unpacks to more than bbp reads"):
        parse(word(" " * 50_000_000), "-")


def test_a_member_that_is_larger_than_it_says_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = word(paragraph("Some words stand here. " * 1000))
    size = zipfile.ZipFile(io.BytesIO(data)).infolist()[0].file_size
    assert data.count(struct.pack("<I", size)) == 2
    lying = data.replace(struct.pack("<I", size), struct.pack("<I", 10))
    with pytest.raises(InputError):
        parse(lying, "-")
    monkeypatch.setattr(packages, "MAX_MEMBERS", 0)
    with pytest.raises(InputError, match="1 members"):
        parse(data, "-")


def test_packages_that_are_damaged_or_locked_are_refused() -> None:
    data = word(paragraph("Some words stand here. " * 1000))
    start = data.index(b"word/document.xml") + 17
    for broken in (data[:-10], data[:start] + b"\xff" * 20 + data[start + 20 :]):
        with pytest.raises(InputError, match="damaged"):
            parse(broken, "-")
    locked = data.replace(b"PK\x03\x04\x14\x00\x00", b"PK\x03\x04\x14\x00\x01").replace(
        b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01"
    )
    assert locked != data
    with pytest.raises(InputError, match="password"):
        parse(locked, "-")


def test_office_files_in_a_folder_are_read_and_other_zip_files_are_not(tmp_path: Path) -> None:
    (tmp_path / "a.docx").write_bytes(word(paragraph("Some words stand here.")))
    (tmp_path / "b.zip").write_bytes(package(a="words"))
    found = collect(InputOptions((str(tmp_path),)))
    assert [str(item.name).rpartition("/")[2] for item in found.items] == ["a.docx"]
    assert [Path(file.path).name for file in found.skipped] == ["b.zip"]


@pytest.mark.parametrize(
    ("rtf", "text"),
    [
        (rb"{\rtf1\ansi\ansicpg1250 Star\'fd p\'f8\'edstav.}", "Starý přístav.\n"),
        (rb"{\rtf1{\fonttbl{\f0\fcharset0 A;}{\f1\fnil\fcharset238 B;}}\f1 \'b3\f0 \'e9}", "łé\n"),
        (rb"{\rtf1 caf\u233?\u-3913?.}", "café\uf0b7.\n"),
        (rb"{\rtf1\uc2 a\u233\'e9\'e9b}", "aéb\n"),
        (
            rb"{\rtf1{\info{\title No}}{\*\x hidden}{\header head}one\par two\line three\tab four}",
            "one\n\ntwo\nthree\tfour\n",
        ),
        (rb"{\rtf1 10{\super 3} tons here.{\super 7}}", "10^3 tons here.\n"),
        (rb"{\rtf1 \{a\}\\ b\~c}", "{a}\\ b\u00a0c\n"),
        (b"{\\rtf1 one{\\pict\\bin4 ab}c} two}", "one two\n"),
        (rb"{\rtf1 {\v hidden}seen{\deleted  gone}}", "seen\n"),
        (
            rb"{\rtf1 It is new{\super 1}{\footnote {\super 1} A n\'f6te.} today.\par More.}",
            "It is new today.\n\nMore.\n\n1 A n\u00f6te.\n",
        ),
        (b"{\\rtf1 one}}}}}{ two", "one two\n"),
    ],
)
def test_rtf_is_read_as_it_is_shown(rtf: bytes, text: str) -> None:
    assert text_of_rtf(rtf) == (text, ())
