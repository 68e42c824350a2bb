"""What bbp wrote is known as its own: it is no document, and what is missing of it is made again."""

from pathlib import Path

import pytest

from tests.cli.pdfs import make_pdf
from tests.conftest import SENTENCES, Bbp


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """A folder with two PDF."""
    (tmp_path / "in").mkdir()
    for number in range(2):
        pages = [" ".join(SENTENCES[8 * number : 8 * number + 6])]
        (tmp_path / f"in/{number}.pdf").write_bytes(make_pdf(pages))
    return tmp_path


def test_reports_lists_of_them_records_and_digests_are_no_documents(
    warm_bbp: Bbp, extractive: Path, reports: Path
) -> None:
    words = ("summarize", "--model", extractive)
    assert warm_bbp(*words, "in", "--format", "html", "--output-dir", "in/out").code == 0
    assert warm_bbp(*words, "in/0.pdf", "--format", "html", "-o", "in/report.html").code == 0
    assert warm_bbp(*words, "in/0.pdf", "--json", "-o", "in/record.json").code == 0
    (reports / "in/digest.json").write_text('{"schema": "bbp.digest/1", "documents": 2}\n')
    done = warm_bbp(*words, "in", "--json")
    assert done.code == 0
    found = [(record["id"], record["status"], record.get("reason")) for record in done.records]
    own = ("skipped", "a result that bbp wrote")
    assert found == [
        ("in/digest.json", *own),
        ("in/record.json", *own),
        ("in/report.html", *own),
        ("in/out/index.html", *own),
        ("in/out/in/0.pdf.summary.html", *own),
        ("in/out/in/1.pdf.summary.html", *own),
        ("in/0.pdf", "ok", None),
        ("in/1.pdf", "ok", None),
    ]


@pytest.mark.parametrize("cover", [(), ("--no-cover",)])
def test_highlighted_copies_are_no_documents_of_a_folder_but_are_read_where_they_are_named(
    warm_bbp: Bbp, extractive: Path, reports: Path, cover: tuple[str, ...]
) -> None:
    words = ("summarize", "--model", extractive, "--json")
    assert warm_bbp(*words, "in", "--highlight", "in/marked", *cover).code == 0
    (reports / "in/marked/in/0.pdf").rename(reports / "in/under another name.pdf")
    done = warm_bbp(*words, "in")
    assert "2 files skipped (a result that bbp wrote): under another name.pdf, 1.pdf" in done.stderr
    assert [(record["id"], record["status"]) for record in done.records] == [
        ("in/under another name.pdf", "skipped"),
        ("in/marked/in/1.pdf", "skipped"),
        ("in/0.pdf", "ok"),
        ("in/1.pdf", "ok"),
    ]
    named = warm_bbp(*words, "in/under another name.pdf", "--highlight", "twice.pdf")
    assert (named.code, named.records[0]["status"]) == (0, "ok")
    assert "twice.pdf" in warm_bbp(*words, ".").stderr


def test_highlighted_copies_are_made_again_where_they_are_missing_or_changed(
    warm_bbp: Bbp, extractive: Path, reports: Path
) -> None:
    def run(*options: str) -> str:
        words = ("summarize", "--model", extractive, "in", "--resume", "--highlight", "in/marked", *options)
        done = warm_bbp(*words)
        assert done.code == 0, done.stderr
        return done.stderr.splitlines()[-1]

    for output in (("--output-dir", "out"), ("--json", "-o", "out.jsonl")):
        assert run(*output) == "bbp: 2 made"
        copies = [reports / f"in/marked/in/{number}.pdf" for number in range(2)]
        first = [copy.read_bytes() for copy in copies]
        assert run(*output) == "bbp: 2 kept"
        copies[0].unlink()
        assert run(*output) == "bbp: 1 made again, 1 kept"
        copies[1].write_bytes(b"something else")
        assert run(*output) == "bbp: 1 made again, 1 kept"
        assert [copy.read_bytes() for copy in copies] == first
        assert run(*output, "--no-cover") == "bbp: 2 made again"
        assert run(*output, "--no-cover") == "bbp: 2 kept"
        for copy in copies:
            copy.unlink()
