"""Where a sentence of a summary comes from, as a reader looks it up."""

import io
import json
from itertools import pairwise
from pathlib import Path

import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.constants import PageLabelStyle

from bbp_cli.documents.document import parse
from bbp_cli.output.citations import bullets, cited, place
from bbp_cli.tasks.results import CitedSentence, origins
from tests.cli.pdfs import make_pdf
from tests.conftest import SENTENCES, Bbp

FRONT = "The keeper of the light wrote this preface in the spring of the year."
FIRST = "The lamp was lit on the first of May and burned for ninety years without a pause"
SECOND = "until the cable came. A mast of steel has stood there since."


def labelled_pdf() -> bytes:
    """Two pages that are named i and 1 in the document; a sentence goes on from one to the other."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(make_pdf([f"{FRONT}\n{FIRST}", SECOND]))))
    writer.set_page_label(0, 0, style=PageLabelStyle.LOWERCASE_ROMAN)
    writer.set_page_label(1, 1, style=PageLabelStyle.DECIMAL)
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


def sentence(text: str, document_text: str, data: bytes, name: str = "in.pdf") -> tuple[CitedSentence, str]:
    document = parse(data, name)
    start = document.text.index(document_text)
    found = CitedSentence(text, origins(document, start, start + len(document_text), 0.5))
    return found, place(found, document)


def test_a_page_is_named_by_its_number() -> None:
    data = make_pdf([FRONT, SECOND])
    assert sentence("x", "A mast of steel has stood there since.", data)[1] == "p. 2"
    assert sentence("x", FRONT, data)[1] == "p. 1"


def test_a_page_with_a_label_is_named_by_it_and_its_number() -> None:
    assert sentence("x", FRONT, labelled_pdf())[1] == "p. i (1 of 2)"
    assert [page.label for page in parse(labelled_pdf(), "in.pdf").pages] == ["i", "1"]


def test_labels_that_are_the_numbers_of_the_pages_are_left_out() -> None:
    assert [page.label for page in parse(make_pdf([FRONT, SECOND]), "in.pdf").pages] == [None, None]


def test_a_sentence_over_a_page_break_names_both_pages_and_has_a_source_on_each() -> None:
    document = parse(labelled_pdf(), "in.pdf")
    end = document.text.index("came.") + len("came.")
    found = CitedSentence("x", origins(document, document.text.index("The lamp"), end, 0.5))
    assert place(found, document) == "pp. i-1 (1-2 of 2)"
    assert [(one.page, one.page_label) for one in found.sources] == [(1, "i"), (2, "1")]
    quoted = " ".join(document.text[one.start : one.end] for one in found.sources)
    assert " ".join(quoted.split()) == f"{FIRST} until the cable came."


@pytest.mark.parametrize(("words", "where"), [("One", "§1"), ("Two", "§2"), ("Four", "§3")])
def test_without_pages_the_paragraph_is_named(words: str, where: str) -> None:
    text = "\n\nOne keeper wrote.\n \n\nTwo of them\nslept. Three\n\t\nFour ate."
    assert sentence("x", words, text.encode(), "in.txt")[1] == where


def test_a_sentence_over_two_paragraphs_names_both() -> None:
    assert sentence("x", "keeper\n\nslept", b"One keeper\n\nslept well at home.", "in.txt")[1] == "§1-2"


def test_a_list_s_item_ends_with_its_line() -> None:
    document = parse(b"buy new rope\n\nThe keeper wrote it down.", "in.txt")
    sentences = [
        CitedSentence("buy new rope", origins(document, 0, 12, 0.5)),
        CitedSentence("The keeper wrote it down.", origins(document, 14, 39, 0.5)),
    ]
    assert cited(sentences, document) == "buy new rope [§1]\nThe keeper wrote it down. [§2]"
    assert bullets(sentences, document, cite=False) == "- buy new rope\n- The keeper wrote it down."
    assert bullets(sentences, document, cite=True).startswith("- buy new rope [§1]\n")


def test_items_of_a_list_have_no_numbers_of_their_own_below_bullets() -> None:
    text = b"4.1 Buy new rope. 4.2 Write it down. 10. Downing Street is far."
    document = parse(text, "in.txt")
    starts = [0, 18, 37, len(text) + 1]
    sentences = [
        CitedSentence(text[a : b - 1].decode(), origins(document, a, b - 1, 0.5)) for a, b in pairwise(starts)
    ]
    assert bullets(sentences[:2], document, cite=False) == "- Buy new rope.\n- Write it down."
    assert bullets(sentences[2:], document, cite=False) == "- 10. Downing Street is far."


def test_who_says_a_sentence_is_named() -> None:
    document = parse(b"Anna: It is closed. It opens in May.", "-")
    said = CitedSentence("It opens in May.", origins(document, 20, 36, 0.5), speaker="Anna")
    assert cited([said], document) == "Anna: It opens in May. [\u00a71]"
    assert bullets([said, said], document, cite=False) == "- Anna: It opens in May.\n- Anna: It opens in May."


def test_no_space_before_a_place_in_chinese() -> None:
    document = parse("灯塔看守人写下了这一切。".encode(), "in.txt")
    assert cited([CitedSentence("灯塔看守人写下了。", origins(document, 0, 5, 0.5))], document).endswith(
        "。[§1]"
    )


def test_the_command_cites_pages(warm_bbp: Bbp, tmp_path: Path) -> None:
    (tmp_path / "in.pdf").write_bytes(make_pdf([" ".join(SENTENCES[:24]), " ".join(SENTENCES[24:])]))
    plain = warm_bbp("summarize", "in.pdf").stdout
    done = warm_bbp("summarize", "--cite", "in.pdf")
    assert done.code == 0
    assert " [p. 1]" in done.stdout
    record = json.loads(warm_bbp("summarize", "--json", "in.pdf").stdout)
    assert done.stdout.count("[p") == len(record["sentences"])
    shown = " ".join(done.stdout.replace("[p. 1]", "").replace("[p. 2]", "").replace("[pp. 1-2]", "").split())
    assert shown == " ".join(plain.split())
    listed = warm_bbp("summarize", "--format", "bullets", "in.pdf").stdout.splitlines()
    assert listed == [f"- {one['text']}" for one in record["sentences"]]
