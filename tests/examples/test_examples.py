"""What lies in examples/ works as the README shows it, with the model that comes with bbp."""

import subprocess
import sys
from pathlib import Path

import pytest

from bbp_cli.documents.document import read
from tests.cli.process import command
from tests.conftest import Bbp

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
DOCUMENTS = ["harbour-report.txt", "river-survey.txt", "river-survey.pdf"]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_default_model_summarizes_the_examples(name: str, warm_bbp: Bbp) -> None:
    done = warm_bbp("summarize", EXAMPLES / name)
    assert (done.code, done.stderr) == (0, "")
    assert 10 < len(done.stdout.split()) <= 150
    text = " ".join(read(str(EXAMPLES / name)).text.split())
    record = warm_bbp("summarize", "--json", EXAMPLES / name).records[0]
    assert record["summary"] == done.stdout.removesuffix("\n")
    assert record["model"]["id"] == "default"
    assert all(sentence["text"] in text for sentence in record["sentences"])


def test_the_pdf_names_pages(warm_bbp: Bbp) -> None:
    record = warm_bbp("summarize", "--json", EXAMPLES / "river-survey.pdf").records[0]
    assert record["source"]["pages"] == 3
    assert {sentence["sources"][0]["page"] for sentence in record["sentences"]} <= {1, 2, 3}


def test_the_pdf_is_what_its_script_makes_of_the_text(tmp_path: Path) -> None:
    made = tmp_path / "made.pdf"
    script = [sys.executable, str(EXAMPLES / "make_pdf.py"), str(EXAMPLES / "river-survey.txt"), str(made)]
    subprocess.run(script, check=True)
    assert read(str(made)).text == read(str(EXAMPLES / "river-survey.pdf")).text


def test_the_pdf_reads_like_the_text_it_was_made_from() -> None:
    pdf = " ".join(read(str(EXAMPLES / "river-survey.pdf")).text.split())
    assert pdf == " ".join(read(str(EXAMPLES / "river-survey.txt")).text.split())


def test_the_shell_script_runs(tmp_path: Path, environment: dict[str, str]) -> None:
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    (bin_folder / "bbp").write_text(f'#!/bin/sh\nexec {" ".join(command())} "$@"\n')
    (bin_folder / "bbp").chmod(0o755)
    path = f"{bin_folder}:{environment['PATH']}"
    done = subprocess.run(
        ["sh", EXAMPLES / "pipes.sh"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**environment, "PATH": path},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "words of summary" in done.stdout
