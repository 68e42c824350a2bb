"""Inputs that were once read wrongly, each with its right value; what the content says a format is."""

from pathlib import Path

import pytest

from bbp_cli.documents.document import parse
from bbp_cli.documents.formats.convert import convert
from bbp_cli.errors import InputError
from tests.conftest import Bbp

CASES = Path(__file__).resolve().parents[2] / "cases"
CLOSED = "The harbour was closed for a year while the quay was rebuilt by a firm from the north."
BOATS = "Boats had to use the mouth of the river, which is narrow and hard to enter."
COUNCIL = "The council paid half of the costs and the owners paid the rest."
OPENED = "The new quay was opened in May and the first ferry came at noon."
FORTY = "It can carry forty cars, which is twice as many as the old one could."
PAGE = f"{CLOSED}\n\n{BOATS}\n"
FIVE = (CLOSED, BOATS, COUNCIL, OPENED, FORTY)

TEXTS = {
    "html-begins-with-3kB-comment.html": PAGE,
    "html-begins-with-head.html": PAGE,
    "html-begins-with-http-headers.html": PAGE,
    "html-begins-with-script.html": f"Harbour\n\n{PAGE}",
    "html-begins-with-title.html": PAGE,
    "html-declared-windows-1250-few-accents.html": (
        "The harbour master Łukasz Wiśniewski was asked to rebuild the quay, and he did it in"
        " one year with a firm"
        f" from the north of the land.\n\n{BOATS}\n"
    ),
    "html-head-not-closed.html": PAGE,
    "html-hidden-elements.html": PAGE,
    "html-mathml.html": (
        "Let d=3 be the depth of the quay in metres when the tide is low.\n\n"
        "Then the largest boat has a draught of d/2 and may enter at noon.\n"
    ),
    "html-superscript.html": (
        "The quay holds 10^3 tons, and the basin has 5^2 places for boats of any size. The water is H2O.\n"
    ),
    "mail-quoted-printable.eml": (
        "From: Anna Lind <anna@example.org>\nTo: Bo <bo@example.org>\nSubject: Harbour ä\n\nDear Bo,\n\n"
        f"{CLOSED} The café stays open.\n{OPENED}\n\nKind regards\nAnna\n"
    ),
    "captions-sentences-over-cues.srt": " ".join(FIVE) + "\n",
    "markdown-front-matter.md": f"# Harbour\n\n{' '.join(FIVE)}\n",
    "text.rtf": "\n\n".join(FIVE) + "\n",
    "text-cp1250-czech.txt": (
        "Starý přístav byl rok uzavřen, zatímco se přestavovalo nábřeží. Lodě musely používat"
        " ústí řeky, které je"
        " úzké.\n"
    ),
    "text-iso8859-2-polish.txt": (
        "Stary port był zamknięty przez rok, gdy przebudowywano nabrzeże. Łodzie musiały używać"
        " ujścia rzeki, które"
        " jest wąskie.\n"
    ),
    "text-with-ansi-colours.log": "\n".join(FIVE) + "\n",
}


@pytest.mark.parametrize("name", sorted(path.name for path in CASES.iterdir()))
@pytest.mark.parametrize("piped", [False, True], ids=["named", "piped"])
def test_a_file_is_read_as_a_person_reads_it(name: str, piped: bool) -> None:
    document = parse((CASES / name).read_bytes(), "-" if piped else name)
    assert document.text.rstrip("\n") == TEXTS[name].rstrip("\n")


def test_the_offsets_of_a_summary_count_what_extract_prints(warm_bbp: Bbp) -> None:
    data = (CASES / "captions-sentences-over-cues.srt").read_bytes()
    text = warm_bbp("extract", stdin=data).stdout
    record = warm_bbp("summarize", "--json", stdin=data).records[0]
    assert record["sentences"]
    for sentence in record["sentences"]:
        source = sentence["sources"][0]
        assert text[source["start"] : source["end"]] == sentence["text"]


@pytest.mark.parametrize(
    ("text", "media_type"),
    [
        ("It was a fine day, and the boat left at noon. Nobody saw it again.\n", "text/plain"),
        ("# Title\n\nSome **strong** words stand here, and more of them.\n", "text/markdown"),
        (
            "\\documentclass{article}\\begin{document}Some words stand here.\\end{document}",
            "application/x-tex",
        ),
        ("Title\n=====\n\n.. note:: Words that stand here.\n", "text/x-rst"),
        ("WEBVTT\n\n00:00.000 --> 00:02.000\nSome words stand here.\n", "text/vtt"),
        ("<p>Some words stand here.</p>", "text/html"),
        ("From: a@example.org\nSubject: Boats\n\nSome words stand here.\n", "message/rfc822"),
        ("{\\rtf1 Some words stand here.}", "application/rtf"),
        ('{"a": "Some words stand here in it."}', "application/json"),
    ],
)
def test_the_content_says_what_a_format_is(text: str, media_type: str) -> None:
    assert parse(text.encode(), "-").source.media_type == media_type


@pytest.mark.parametrize("name", ["a.xlsx", "a.docx", "-"])
def test_a_zip_file_that_is_damaged_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="damaged"):
        parse(b"PK\x03\x04" + bytes(range(256)) * 20, name)


def test_of_a_packages_metadata_the_description_is_read_in_its_own_format() -> None:
    head = "Metadata-Version: 2.1\nName: quay\nSummary: Boats.\nLicense: Do\n        what you like.\n"
    markdown = (
        head + "Description-Content-Type: text/markdown; charset=UTF-8\n\nSee [the *quay*](http://x).\n"
    )
    assert convert(markdown.encode(), "METADATA").text.strip() == "See the quay."
    restructured = head + "Description-Content-Type: text/x-rst\n\nSee `the quay <http://x>`_.\n"
    assert convert(restructured.encode(), "METADATA").text.strip() == "See the quay."
    older = head + "Description: Quays are\n        |closed now.\n"
    assert convert(older.encode(), "PKG-INFO").text.strip() == "Quays are\nclosed now."
    assert convert(head.encode(), "METADATA").text.strip() == "Boats."
