"""A hang or a bomb costs one document: PDFs are read in a process with limits of time and memory."""

import io
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfWriter

from bbp_cli.documents.pdf import process
from bbp_cli.documents.pdf.process import ReadingLimits, read_in_process
from bbp_cli.documents.pdf.read_pdf import read_pdf
from bbp_cli.errors import InputError
from tests.cli.pdfs import make_pdf

CASES = Path(__file__).parents[2] / "pdf_cases"
FORMS = (CASES / "5000-forms-8kB.pdf").read_bytes()  # each of its forms shows the next one twice
TEXT = "The first page has one sentence."


def process_id() -> int:
    assert process._reader is not None
    return process._reader.process.pid


def test_one_process_reads_all_pdfs() -> None:
    read_pdf(make_pdf([TEXT]))
    first = process_id()
    assert read_pdf(make_pdf([TEXT])).text == TEXT
    assert process_id() == first


def test_a_document_that_takes_too_long_costs_only_itself() -> None:
    with pytest.raises(InputError, match=r"takes more than 0\.5 seconds") as refused:
        read_in_process(FORMS, ReadingLimits(time_s=0.5))
    assert refused.value.code == "too_slow"
    assert read_pdf(make_pdf([TEXT])).text == TEXT


def test_a_document_that_takes_too_much_memory_costs_only_itself() -> None:
    with pytest.raises(InputError, match="takes more than 1 GB of memory") as refused:
        read_pdf(FORMS)
    assert refused.value.code == "too_large"
    assert read_pdf(make_pdf([TEXT])).text == TEXT


def test_a_page_that_takes_too_much_costs_only_itself() -> None:
    writer = PdfWriter()
    for pdf in (make_pdf([TEXT]), FORMS, make_pdf(["The last page has one, too."])):
        writer.append(io.BytesIO(pdf))
    together = io.BytesIO()
    writer.write(together)
    read = read_pdf(together.getvalue())
    assert read.text == f"{TEXT}\n\nThe last page has one, too."
    assert [page.kind for page in read.pages] == ["text", "undecodable", "text"]
    assert read.warnings == ("page 2 is not read: it takes too much time or memory",)


def test_a_process_that_is_killed_is_started_anew() -> None:
    read_pdf(make_pdf([TEXT]))
    for _ in range(3):
        os.kill(process_id(), signal.SIGKILL)
        assert read_pdf(make_pdf([TEXT])).text == TEXT


def test_a_document_on_which_three_processes_die_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[object] = []
    start = subprocess.Popen
    dies = "import os, sys; sys.stdin.buffer.read(9); os.kill(os.getpid(), 9)"

    def start_one_that_dies(*words: object, **more: Any) -> Any:
        started.append(words)
        return start([sys.executable, "-c", dies], **more)

    process._stop()
    with monkeypatch.context() as patched:
        patched.setattr(subprocess, "Popen", start_one_that_dies)
        with pytest.raises(InputError, match="or it is damaged") as refused:
            read_pdf(make_pdf([TEXT]))
    assert (refused.value.code, len(started)) == ("too_large", 3)
    assert read_pdf(make_pdf([TEXT])).text == TEXT


def test_a_document_that_takes_more_memory_than_it_may_fails_alone() -> None:
    too_little = ReadingLimits(memory_bytes=1 << 26)
    with pytest.raises(InputError, match=r"takes more than 0\.0625 GB of memory, or") as refused:
        read_in_process(FORMS, too_little)
    assert refused.value.code == "too_large"
    assert read_pdf(make_pdf([TEXT])).text == TEXT


def test_threads_take_turns() -> None:
    texts = [f"Sentence number {n} stands on this page." for n in range(6)]
    found = {}

    def read(text: str) -> None:
        found[text] = read_pdf(make_pdf([text])).text

    threads = [threading.Thread(target=read, args=[text]) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {text: text for text in texts}


def test_a_fork_starts_a_process_of_its_own() -> None:
    read_pdf(make_pdf([TEXT]))
    mine = process_id()
    child = os.fork()
    if child == 0:
        try:
            text = read_pdf(make_pdf([TEXT])).text
            os._exit(0 if text == TEXT and process_id() != mine else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert read_pdf(make_pdf([TEXT])).text == TEXT
    assert process_id() == mine
