"""What is done is kept and nothing else: each way in which resuming goes wrong elsewhere has a test here."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.checkpoints import small_config, train_vocabulary
from tests.cli.documents.pdf.test_process import FORMS
from tests.cli.pdfs import make_pdf
from tests.cli.process import Finished, WarmBbp
from tests.conftest import SENTENCES, Bbp

COUNT = 5
Run = Callable[..., str]


def texts(folder: Path, count: int = COUNT) -> Path:
    """Write short texts into a folder and return it."""
    folder.mkdir(exist_ok=True)
    for number in range(count):
        first = 3 * number % 45
        own = [f"That was report {number}."] if number >= 15 else []  # no two texts are the same
        (folder / f"{number}.txt").write_text(" ".join([*SENTENCES[first : first + 4], *own]))
    return folder


@pytest.fixture
def run(warm_bbp: Bbp, extractive: Path, tmp_path: Path) -> Run:
    """Run `bbp summarize` over the folder `in`, and return the last line on stderr."""
    texts(tmp_path / "in")

    def start(*options: object, code: int = 0, inputs: str = "in", command: str = "summarize") -> str:
        done = warm_bbp(command, "--model", extractive, inputs, *options)
        assert (done.code, done.stdout) == (code, ""), done.stderr
        return done.stderr.splitlines()[-1] if done.stderr else ""

    return start


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Models that label and answer at random (always the same way)."""
    import torch
    from bigbird_pegasus.modeling.heads import (
        BigBirdPegasusForQuestionAnswering,
        BigBirdPegasusForSequenceClassification,
    )

    found = {}
    for command, kind in (
        ("classify", BigBirdPegasusForSequenceClassification),
        ("qa", BigBirdPegasusForQuestionAnswering),
    ):
        folder = tmp_path_factory.mktemp(command)
        tokenizer = train_vocabulary(folder, SENTENCES, 300, 128)
        torch.manual_seed(0)
        kind(small_config(tokenizer, kind.__name__)).save_pretrained(folder)
        found[command] = folder
    return found


def files(folder: Path) -> dict[str, str]:
    """Return what each file of a folder says, the journal without its timing and without its order."""
    found = {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}
    return {name: without_timing(text) if "json" in name else text for name, text in found.items()}


def without_timing(text: str) -> str:
    records = [json.loads(line) for line in text.splitlines()]
    return "\n".join(
        json.dumps({name: value for name, value in record.items() if name != "timing"}) for record in records
    )


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_second_run_keeps_everything_and_writes_nothing(run: Run, tmp_path: Path) -> None:
    run("--output-dir", "out")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
    assert run("--output-dir", "out") == f"bbp: {COUNT} kept"
    assert run("--output-dir", "out", "--resume") == f"bbp: {COUNT} kept"
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")} == before


@pytest.mark.parametrize("json_option", [[], ["--json"]], ids=["text", "json"])
@pytest.mark.parametrize("done", [0, 1, COUNT - 1, COUNT])
def test_a_run_resumed_after_any_number_of_documents_ends_as_an_undisturbed_one(
    run: Run, tmp_path: Path, done: int, json_option: list[str]
) -> None:
    run("--output-dir", "whole", *json_option)
    shutil.copytree(tmp_path / "whole", tmp_path / "out")
    journal = tmp_path / "out/.bbp.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(lines[:done]))
    for record in records(tmp_path / "whole/.bbp.jsonl")[done:]:
        (tmp_path / "out" / record["output"]["path"]).unlink()
    said = run("--output-dir", "out", "--resume", *json_option)
    counts = [f"{count} {name}" for name, count in (("made", COUNT - done), ("kept", done)) if count]
    assert done == 0 or said == f"bbp: {', '.join(counts)}"
    assert files(tmp_path / "out") == files(tmp_path / "whole")


def test_a_result_recorded_before_its_file_was_complete_is_completed(run: Run, tmp_path: Path) -> None:
    run("--output-dir", "whole")
    shutil.copytree(tmp_path / "whole", tmp_path / "out")
    (tmp_path / "out/in/2.txt.summary.txt").unlink()  # killed between the record and the rename
    assert run("--output-dir", "out", "--resume") == f"bbp: {COUNT} kept"
    assert files(tmp_path / "out") == files(tmp_path / "whole")


@pytest.mark.parametrize("content", ["", "my own words\n"], ids=["empty", "edited"])
def test_a_file_that_exists_is_not_taken_for_a_result(run: Run, tmp_path: Path, content: str) -> None:
    run("--output-dir", "out")
    (tmp_path / "out/in/2.txt.summary.txt").write_text(content)
    said = run("--output-dir", "out", "--resume", code=6)
    assert said == f"bbp: error: 1 of {COUNT} inputs failed: in/2.txt"
    assert (tmp_path / "out/in/2.txt.summary.txt").read_text() == content
    run("--output-dir", "out", "--overwrite")
    assert (tmp_path / "out/in/2.txt.summary.txt").read_text() != content


def test_an_edited_result_is_called_so(warm_bbp: Bbp, extractive: Path, tmp_path: Path) -> None:
    texts(tmp_path, 1)
    arguments = ["summarize", "--model", extractive, "0.txt", "--output-dir", "out"]
    assert warm_bbp(*arguments).code == 0
    result = "out/0.txt.summary.txt"
    (tmp_path / result).write_text("my own words\n")
    for said in ("was edited since bbp wrote it, and is kept", "exists already"):
        done = warm_bbp(*arguments, "--resume")
        assert (done.code, f"bbp: error: {result}: {said} (--overwrite" in done.stderr) == (7, True)
        (tmp_path / "out/.bbp.jsonl").unlink(missing_ok=True)  # now nothing says that bbp wrote it


def test_a_changed_document_is_made_again(run: Run, tmp_path: Path) -> None:
    run("--output-dir", "out")
    (tmp_path / "in/2.txt").write_text(" ".join(SENTENCES[30:34]))
    assert run("--output-dir", "out", "--resume") == f"bbp: 1 made again, {COUNT - 1} kept"
    run("--output-dir", "whole")
    assert files(tmp_path / "out") == files(tmp_path / "whole")
    assert run("--output-dir", "out") == f"bbp: {COUNT} kept"


def test_a_document_that_is_as_it_was_two_runs_ago_gets_its_old_result(run: Run, tmp_path: Path) -> None:
    run("--output-dir", "out")
    first = (tmp_path / "in/2.txt").read_text()
    whole = files(tmp_path / "out")
    (tmp_path / "in/2.txt").write_text(" ".join(SENTENCES[30:34]))
    run("--output-dir", "out", "--resume")
    (tmp_path / "in/2.txt").write_text(first)
    run("--output-dir", "out", "--resume")
    assert files(tmp_path / "out") == whole


@pytest.mark.parametrize(
    "option", ["--length=9", "--length=9s", "--truncate", "--seed=7", "--dtype=bfloat16"]
)
def test_a_changed_parameter_makes_everything_again(run: Run, option: str) -> None:
    run("--output-dir", "out")
    assert run("--output-dir", "out", "--resume", option) == f"bbp: {COUNT} made again"


def test_other_weights_make_everything_again(
    run: Run, tmp_path: Path, extractive: Path, warm_bbp: Bbp
) -> None:
    run("--output-dir", "out")
    for name in ("model.safetensors", "config.json"):
        copy = tmp_path / f"model with another {name}"
        shutil.copytree(extractive, copy)
        if name == "config.json":
            (copy / name).write_text((copy / name).read_text() + "\n")
        else:
            change_one_weight(copy / name)
        done = warm_bbp("summarize", "--model", copy, "in", "--output-dir", "out", "--resume")
        assert done.stderr.endswith(f"bbp: {COUNT} made again\n")


def change_one_weight(path: Path) -> None:
    """Change the last byte but one of a file of weights."""
    data = bytearray(path.read_bytes())
    data[-2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("option", ["--threads=2", "--batch-size=1", "-v", "--encoding=ascii"])
def test_what_changes_no_result_makes_nothing_again(run: Run, option: str) -> None:
    run("--output-dir", "out")
    assert run("--output-dir", "out", "--resume", option) == f"bbp: {COUNT} kept"


def test_moving_inputs_results_or_both_makes_nothing_again(run: Run, tmp_path: Path) -> None:
    run("--output-dir", "out")
    (tmp_path / "out").rename(tmp_path / "moved")
    assert run("--output-dir", "moved", "--resume") == f"bbp: {COUNT} kept"
    for path in (tmp_path / "in").iterdir():
        os.utime(path, (1, 1))
    (tmp_path / "in").rename(tmp_path / "renamed")
    assert run("--output-dir", "moved", "--resume", inputs="renamed") == f"bbp: {COUNT} kept"
    run("--output-dir", "whole", inputs="renamed")
    shutil.rmtree(tmp_path / "moved/in")
    journal = tmp_path / "moved/.bbp.jsonl"
    journal.write_text("".join(journal.read_text().splitlines(keepends=True)[COUNT:]))
    assert files(tmp_path / "moved") == files(tmp_path / "whole")


def test_documents_with_one_text_are_computed_once_and_have_a_result_each(run: Run, tmp_path: Path) -> None:
    run("--output-dir", "out")
    shutil.copy(tmp_path / "in/2.txt", tmp_path / "in/copy.txt")
    assert run("--output-dir", "out", "--resume") == f"bbp: {COUNT + 1} kept"
    run("--output-dir", "whole")
    assert files(tmp_path / "out") == files(tmp_path / "whole")


def test_two_inputs_with_one_result_never_replace_each_other(
    warm_server: WarmBbp, extractive: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    def start(folder: Path, path: str) -> Finished:
        words = ("summarize", "--model", str(extractive), path, "--output-dir", str(tmp_path / "out"))
        return warm_server.run(words, b"", folder, environment)

    for number, name in enumerate(("a", "b")):
        texts(tmp_path / name, 1)
        (tmp_path / name / "0.txt").write_text(" ".join(SENTENCES[4 * number : 4 * number + 4]))
    for name in ("a", "b"):  # absolute: a place each, whatever the working directory
        assert start(tmp_path, str(tmp_path / name / "0.txt")).code == 0
    assert len(list((tmp_path / "out").rglob("0.txt.summary.txt"))) == 2
    assert start(tmp_path / "a", "0.txt").code == 0
    before = files(tmp_path / "out")
    done = start(tmp_path / "b", "0.txt")  # relative, from elsewhere: the same place
    assert (done.code, done.stdout) == (7, "")
    assert "0.txt.summary.txt: holds the result of another input, ../a/0.txt (--overwrite" in done.stderr
    assert files(tmp_path / "out") == before


def test_json_lines_grow_and_are_continued(run: Run, tmp_path: Path) -> None:
    run("--json", "-o", "whole.jsonl")
    whole = (tmp_path / "whole.jsonl").read_bytes()
    lines = whole.splitlines(keepends=True)
    torn = tmp_path / "torn.jsonl"
    torn.write_bytes(b"".join(lines[:2]) + lines[2][:-10])
    assert run("--json", "-o", "torn.jsonl", "--resume") == f"bbp: {COUNT - 2} made, 2 kept"
    assert without_timing(torn.read_text()) == without_timing(whole.decode())
    assert run("--json", "-o", "whole.jsonl") == f"bbp: {COUNT} kept"
    assert (tmp_path / "whole.jsonl").read_bytes() == whole
    torn.write_bytes(b"".join(lines[:1]) + b"damage\n" + lines[2])
    assert "line 2 is damaged" in run("--json", "-o", "torn.jsonl", "--resume", code=7)
    run("--json", "-o", "torn.jsonl", "--overwrite")
    assert without_timing(torn.read_text()) == without_timing(whole.decode())


def test_json_lines_resumed_with_other_inputs_keep_the_earlier_ones(run: Run, tmp_path: Path) -> None:
    run("--json", "-o", "r.jsonl")
    texts(tmp_path / "more", 2)
    run("--json", "-o", "r.jsonl", "--resume", inputs="more")
    assert [record["id"] for record in records(tmp_path / "r.jsonl")] == [
        *(f"in/{number}.txt" for number in range(COUNT)),
        "more/0.txt",
        "more/1.txt",
    ]


@pytest.mark.parametrize("place", [0, 2, COUNT - 1])
def test_one_bad_file_costs_itself_alone_wherever_it_stands(run: Run, tmp_path: Path, place: int) -> None:
    (tmp_path / f"in/{place}.txt").write_bytes(b"%PDF-1.7 broken")
    for _ in range(2):
        said = run("--output-dir", "out", "--resume", code=6)
        assert said == f"bbp: error: 1 of {COUNT} inputs failed: in/{place}.txt"
        found = records(tmp_path / "out/.bbp.jsonl")
        assert [record["status"] for record in found] == [
            "error" if number == place else "ok" for number in range(COUNT)
        ]
        assert found[place]["error"]["code"] == "corrupt"
    texts(tmp_path / "in")
    assert run("--output-dir", "out", "--resume") == f"bbp: 1 made, {COUNT - 1} kept"
    assert all(record["status"] == "ok" for record in records(tmp_path / "out/.bbp.jsonl"))


def test_a_document_that_hangs_costs_itself_alone_and_is_not_waited_for_twice(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "in/2.pdf").write_bytes(FORMS)
    limit = ("--document-timeout", "0.5", "--output-dir", "out")
    assert "1 of 6 inputs failed: in/2.pdf" in run(*limit, code=6)
    (failed,) = [one for one in records(tmp_path / "out/.bbp.jsonl") if one["status"] == "error"]
    assert failed["error"]["code"] == "too_slow"
    before = (tmp_path / "out/.bbp.jsonl").read_bytes()
    run("--document-timeout", "1e9", "--output-dir", "out", "--resume", code=6)  # it would hang
    assert (tmp_path / "out/.bbp.jsonl").read_bytes() == before


def test_what_failed_is_tried_again_as_its_recorded_outcome_says(run: Run, tmp_path: Path) -> None:
    run("--output-dir", "out")
    journal = tmp_path / "out/.bbp.jsonl"
    found = records(journal)
    for number, code in ((1, "too_slow"), (3, "encrypted")):
        one = found[number]
        one.update(status="error", error={"code": code, "exit": 3, "message": code, "hint": None})
        (tmp_path / "out" / one["output"]["path"]).unlink()
    before = "".join(json.dumps(one) + "\n" for one in found)
    names = "in/1.txt, in/3.txt"
    journal.write_text(before)
    assert (
        run("--output-dir", "out", "--resume", code=6) == f"bbp: error: 2 of {COUNT} inputs failed: {names}"
    )
    assert run("--output-dir", "out", "--resume", "--retry-failed", code=6).endswith("failed: in/3.txt")
    journal.write_text(before)
    assert run("--output-dir", "out", "--resume", "--retry-failed", "all") == f"bbp: 2 made, {COUNT - 2} kept"
    journal.write_text(before)
    (tmp_path / "out/in/3.txt.summary.txt").unlink()
    (tmp_path / "in/3.txt").write_text(" ".join(SENTENCES[40:44]))  # another file now
    assert run("--output-dir", "out", "--resume", code=6).endswith("failed: in/1.txt")


def test_skipped_files_have_records_and_are_counted(run: Run, tmp_path: Path) -> None:
    (tmp_path / "in/picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    run("--output-dir", "in/out")
    for _ in range(2):
        assert run("--output-dir", "in/out") == f"bbp: {COUNT} kept, 1 skipped"
    found = [record for record in records(tmp_path / "in/out/.bbp.jsonl") if record["status"] == "skipped"]
    assert [(one["id"], one["reason"]) for one in found] == [
        ("in/picture.png", "bbp does not read this kind of file")
    ]
    shutil.copytree(tmp_path / "in/out", tmp_path / "results")
    assert run("--output-dir", "elsewhere", inputs="results", code=3).startswith(
        "bbp: error: results: only results that bbp wrote are in this folder"
    )


def test_a_run_over_pages_knows_them(run: Run, tmp_path: Path) -> None:
    (tmp_path / "in/two.pdf").write_bytes(make_pdf([" ".join(SENTENCES[:4]), " ".join(SENTENCES[4:8])]))
    run("--output-dir", "out", "--json")
    assert run("--output-dir", "out", "--json", "--resume") == f"bbp: {COUNT + 1} kept"


def test_classes_and_answers_are_resumed_too(
    warm_bbp: Bbp, untrained: dict[str, Path], tmp_path: Path
) -> None:
    texts(tmp_path / "in", 3)
    (tmp_path / "questions").write_text("Who wrote it?\nWhen did it happen?\n")
    questions = ["--questions", "questions", "--min-score", "0"]
    for command, options in (("classify", []), ("qa", questions)):
        model = untrained[command]
        for form in ([], ["--json"]):
            arguments = [command, "--model", model, *options, *form, "in", "--output-dir"]
            folder = tmp_path / "-".join([command, *form])
            assert warm_bbp(*arguments, f"{folder}-whole").code == 0
            assert warm_bbp(*arguments, folder).code == 0
            next((folder / "in").iterdir()).unlink()
            assert warm_bbp(*arguments, folder, "--resume").stderr == "bbp: 3 kept\n"
            whole = Path(f"{folder}-whole")
            assert {name: text for name, text in files(folder).items() if not name.startswith(".")} == {
                name: text for name, text in files(whole).items() if not name.startswith(".")
            }
    done = warm_bbp(
        "qa",
        "--model",
        untrained["qa"],
        "in",
        "--output-dir",
        tmp_path / "qa",
        "--questions",
        "questions",
        "--resume",
    )
    assert done.stderr.endswith("bbp: 3 made again\n")  # without --min-score


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--resume"], "--resume needs results on disk"),
        (["--resume", "-o", "x"], "--resume needs results on disk"),
        (["--resume", "--overwrite", "--output-dir", "x"], "--resume and --overwrite exclude each other"),
        (["--retry-failed", "--output-dir", "x"], "--retry-failed is for a run with --resume"),
        (["--no-cover"], "--no-cover is for --highlight (add --highlight FOLDER)"),
        (["--retry-failed=some", "--output-dir", "x"], "'some' is not one of 'transient', 'all'"),
        (["--fail-fast", "--max-failures", "2"], "--fail-fast is --max-failures 1"),
        (["--jsonl", "--column", "x"], "--jsonl and --column exclude each other"),
        (["--text-field", "x"], "--text-field is for --jsonl"),
        (["--id-field", "x"], "--id-field is for --jsonl and --column"),
        (["--json", "-o", os.devnull, "also"], "takes one result"),
    ],
)
def test_options_that_contradict_each_other_are_a_usage_error(
    bbp: Bbp, options: list[str], message: str, tmp_path: Path
) -> None:
    texts(tmp_path, 1)
    (tmp_path / "also").write_text(SENTENCES[0])
    done = bbp("summarize", "0.txt", *options)
    assert (done.code, done.stdout) == (2, "")
    assert message in done.stderr
