"""Quality gates in records and exit codes, and what a dry run says."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from bigbird_pegasus.summarization.quality import Quality
from bigbird_pegasus.summarization.writing.support import Unsupported

from bbp_cli.tasks.gates import failed_gates
from bbp_cli.tasks.results import Answers, CitedSentence, DocumentCoverage, DocumentSummary, Labels
from tests.cli.batch.test_resume import records, texts
from tests.cli.pdfs import make_pdf
from tests.conftest import DOCUMENTS, SENTENCES, STORY, Bbp

COUNT = 3


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    return texts(tmp_path / "in", COUNT)


@pytest.mark.usefixtures("documents")
def test_results_that_pass_every_gate_have_none_in_their_records(warm_bbp: Bbp, extractive: Path) -> None:
    every = "unread,truncated,repetition,empty,unsupported"
    done = warm_bbp("summarize", "--model", extractive, "in", "--json", "--fail-on", every)
    assert done.code == 0
    assert [record["failed_gates"] for record in done.records] == [[]] * COUNT


def test_truncated_text_is_unread_too(warm_bbp: Bbp, extractive: Path, documents: Path) -> None:
    (documents / "long.txt").write_text(STORY)
    arguments = ["summarize", "--model", extractive, "in", "--truncate", "--output-dir", "out"]
    for gates, said in (
        ("truncated", "truncated: in/long.txt"),
        ("unread,truncated", "unread: in/long.txt; truncated: in/long.txt"),  # kept now, and still not good
    ):
        done = warm_bbp(*arguments, "--fail-on", gates)
        assert done.code == 8
        assert done.stderr.splitlines()[-1] == (
            f"bbp: error: not good enough: {said} (--fail-on says what is checked)"
        )
    assert warm_bbp(*arguments, "--fail-on", "empty,repetition").code == 0
    assert records(documents.parent / "out/.bbp.jsonl")[-1]["failed_gates"] == ["unread", "truncated"]


def test_a_page_without_text_is_unread(warm_bbp: Bbp, extractive: Path, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(make_pdf([" ".join(SENTENCES[:4]), ""]))
    done = warm_bbp("summarize", "--model", extractive, "a.pdf", "--json", "--fail-on", "unread")
    assert (done.code, done.records[0]["failed_gates"]) == (8, ["unread"])


def test_an_empty_summary_fails_its_gate(warm_bbp: Bbp, writer: Path, tmp_path: Path) -> None:
    shutil.copytree(writer, tmp_path / "model")
    settings = tmp_path / "model/generation_config.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"forced_bos_token_id": 1}))
    text = next(iter(DOCUMENTS))
    done = warm_bbp("summarize", "--model", "model", "--fail-on", "empty", stdin=text.encode())
    assert (done.code, "not good enough: empty: stdin" in done.stderr) == (8, True)


def test_gates_are_facts_of_a_result() -> None:
    whole = DocumentCoverage(9, 9, 1, truncated=False, pages_without_text=())
    good = DocumentSummary("Text.", (), whole, Quality(3.0, 0.1, "end"))
    assert failed_gates(good) == ()
    assert failed_gates(replace(good, quality=Quality(3.0, 0.11, "end"))) == ("repetition",)
    wrong = CitedSentence("Text.", (), (Unsupported("9 km", "quantity"),))
    assert failed_gates(replace(good, sentences=(wrong,))) == ("unsupported",)
    undecodable = replace(whole, pages_undecodable=(2,))
    assert failed_gates(replace(good, coverage=undecodable)) == ("unread",)
    assert failed_gates(Labels((), (), whole)) == ("empty",)
    assert failed_gates(Answers("Who?", (), 0.5, whole)) == ("empty",)


def test_an_unknown_gate_is_a_usage_error(bbp: Bbp) -> None:
    done = bbp("summarize", "a.txt", "--fail-on", "unread,bad")
    assert (done.code, done.stdout) == (2, "")
    assert "--fail-on: 'bad' is none of unread, truncated" in done.stderr


def test_failed_inputs_weigh_more_than_gates(warm_bbp: Bbp, extractive: Path, documents: Path) -> None:
    (documents / "long.txt").write_text(STORY)
    done = warm_bbp("summarize", "--model", extractive, "in", "none", "--truncate", "--fail-on", "truncated")
    assert done.code == 6


def test_a_dry_run_says_what_would_be_done_and_does_nothing(
    warm_bbp: Bbp, extractive: Path, documents: Path, tmp_path: Path
) -> None:
    arguments = ["summarize", "--model", extractive, "in", "--json", "--output-dir", "out"]
    assert warm_bbp(*arguments).code == 0
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
    (documents / "1.txt").write_text(STORY)
    (documents / "3.txt").write_text(SENTENCES[0])
    (documents / "bad.txt").write_text("")
    (documents / "x.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    done = warm_bbp(*arguments, "--dry-run", "--resume")
    assert (done.code, "1 of 5 inputs failed: in/bad.txt" in done.stderr) == (6, True)  # as the run would end
    found = {record["id"]: record for record in done.records}
    actions = {name: record["action"] for name, record in found.items()}
    assert actions == {
        "in/0.txt": "keep",
        "in/1.txt": "make again",
        "in/2.txt": "keep",
        "in/3.txt": "make",
        "in/bad.txt": "fail",
        "in/x.png": "skip",
    }
    assert found["in/3.txt"]["output"] == "out/in/3.txt.summary.json"
    assert "2 to do, 2 to keep; a rough guess: " in done.stderr
    header = "action\ttokens\twindows\tinput\toutput\treason\n"
    assert header not in done.stderr  # of JSON
    dry = warm_bbp(*arguments[:4], "--dry-run")
    assert header in dry.stderr
    assert header not in warm_bbp(*arguments[:4], "--dry-run", "-q").stderr
    plain = dry.stdout.splitlines()
    assert {line.count("\t") for line in plain} == {header.count("\t")}
    assert [line.split("\t")[0] for line in plain] == ["make", "make", "make", "make", "fail", "skip"]
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")} == before
    (record,) = [one for one in warm_bbp(*arguments[:5]).records if one["id"] == "in/1.txt"]
    assert found["in/1.txt"]["tokens"] == record["source"]["tokens"]
    assert found["in/1.txt"]["windows"] > 1


def test_a_dry_run_guesses_the_memory_by_the_engine(bbp: Bbp, documents: Path) -> None:
    guesses = {}
    for dtype in ("float32", "bfloat16"):  # numpy, and torch
        done = bbp("summarize", documents / "0.txt", "--dry-run", "--dtype", dtype)
        (guess,) = re.findall(r"(\d+) MB", done.stderr)
        assert done.code == 0
        guesses[dtype] = int(guess)
    assert guesses["float32"] < 150 < 350 < guesses["bfloat16"]


def test_a_dry_run_ends_as_the_run_would(bbp: Bbp, documents: Path) -> None:
    (documents / "bad.txt").write_text("")
    done = bbp("summarize", documents / "bad.txt", "--dry-run")
    assert (done.code, done.stdout.split("\t")[0]) == (3, "fail")
    assert done.stderr.endswith(f"bbp: error: {documents / 'bad.txt'}: empty file\n")
