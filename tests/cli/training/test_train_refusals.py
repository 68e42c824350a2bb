"""Data, options and bases that `bbp train` cannot use are told before anything is written."""

import json
from pathlib import Path

import pytest

from tests.cli.training_examples import (
    DATA,
    LABELLED,
    SEVERAL,
    write,
    write_data,
)
from tests.conftest import Bbp


@pytest.fixture
def data(tmp_path: Path) -> dict[str, Path]:
    return write_data(tmp_path)


BAD: dict[str, dict[bytes, str | None]] = {
    "summarize": {
        b"": None,  # a line with nothing on it is no record
        b"nothing": "not JSON: ",
        b"[" * 99999: "not JSON: nested too deeply",
        b"[1]": "not a JSON object",
        b'{"document": "a \xff"}': "not UTF-8: byte 16",
        b'{"summary": "It froze."}': "`document` is missing",
        b'{"document": "It froze.", "summary": 3}': "`summary` is not a string",
        b'{"document": " ", "summary": "It froze."}': "`document` is empty",
    },
    "classify": {
        b'{"text": "It froze."}': "give `label` or `labels`, one of them",
        b'{"text": "It froze.", "label": "a", "labels": []}': "give `label` or `labels`, one of them",
        b'{"text": "It froze.", "label": 1.5}': "`label` holds 1.5: a label is a string or a whole number",
        b'{"text": "It froze.", "label": true}': "`label` holds true",
        b'{"text": "It froze.", "labels": "a"}': "`labels` is not a list",
        b'{"text": "It froze.", "labels": [" "]}': "`labels` holds",
    },
    "qa": {
        b'{"question": "When?", "context": "It froze."}': "`answers` is missing",
        b'{"question": "When?", "context": "It froze.", "answers": 3}': "`answers` is not a list",
        b'{"question": "When?", "context": "It froze.", "answers": [3]}': "answer 1 has no `text`",
        b'{"question": "When?", "context": "It is it.", "answers": [{"text": "i"}]}': "1 is 2 times",
        b'{"question": "When?", "context": "It froze.", "answers": [{"text": "ice"}]}': "1 is not in",
        b'{"question": "When?", "context": "It froze.", "answers": [{"text": "It", "start": -1}]}': "`start`",
        b'{"question": "When?", "context": "It froze.", "answers": [{"text": "It", "start": 1}]}': (
            "answer 1 is not at character 1 of the context"
        ),
        b'{"question": "When?", "context": "It froze.", "answers": {"text": ["It"]}}': "two lists of",
    },
}


@pytest.mark.parametrize("task", BAD)
def test_every_bad_record_is_reported_with_its_line_and_nothing_is_written(
    task: str, bbp: Bbp, tmp_path: Path
) -> None:
    good = json.dumps(DATA[task][0]).encode()
    (tmp_path / "data.jsonl").write_bytes(b"\n".join([good, *BAD[task], good]))
    done = bbp("train", task, "data.jsonl", "-o", "made")
    assert (done.code, done.stdout) == (3, "")
    told = done.stderr.splitlines()
    expected = [(n, why) for n, why in enumerate(BAD[task].values(), start=2) if why]
    assert len(told) == len(expected) + 1
    for line, (number, why) in zip(told, expected, strict=False):
        assert line.startswith(f"bbp: error: data.jsonl:{number}: "), line
        assert why in line
    assert told[-1] == (f"bbp: error: data.jsonl: {len(expected)} of {len(expected) + 2} records are bad")
    assert [path.name for path in tmp_path.iterdir()] == ["data.jsonl"]


def test_the_first_of_many_bad_records_are_reported(bbp: Bbp, tmp_path: Path) -> None:
    (tmp_path / "data.jsonl").write_text("{}\n" * 50)
    told = bbp("train", "qa", "data.jsonl", "-o", "made").stderr.splitlines()
    assert len(told) == 22
    assert told[-2:] == [
        "bbp: error: data.jsonl: and 30 more",
        "bbp: error: data.jsonl: 50 of 50 records are bad",
    ]


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_what_is_not_json_lines_is_one_error_that_says_what_it_looks_like(
    command: str, bbp: Bbp, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("The keeper lit the lamp.\n" * 50)
    arguments = (
        ("train", "summarize", "notes.txt", "-o", "made") if command == "train" else (command, "notes.txt")
    )
    done = bbp(*arguments)
    assert (done.code, done.stdout) == (3, "")
    assert done.stderr == (
        "bbp: error: notes.txt: not JSON Lines, an object on each line: it looks like plain text "
        '(a line is {"document": "...", "summary": "..."})\n'
    )


UNUSABLE = {
    "empty": (b"", "holds no records"),
    "blank": (b"\n\n", "holds no records"),
    "cut gzip": (b"\x1f\x8b\x08\x00", "damaged gzip file"),
    "one label": (b'{"text": "It froze.", "label": "a"}\n', "all records have 'a'"),
    "no label": (b'{"text": "It froze.", "labels": []}\n', "all records have no label"),
    "mixed": (
        b'{"text": "It froze.", "label": "a"}\n{"text": "It froze.", "labels": ["a"]}\n',
        "data.jsonl:2: has `labels`, and the records before it have `label`",
    ),
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_data_that_cannot_be_used_are_an_input_error(kind: str, bbp: Bbp, tmp_path: Path) -> None:
    content, message = UNUSABLE[kind]
    (tmp_path / "data.jsonl").write_bytes(content)
    done = bbp("train", "classify", "data.jsonl", "-o", "made")
    assert (done.code, done.stdout) == (3, "")
    assert message in done.stderr


def test_data_that_are_not_there_are_an_input_error(bbp: Bbp, tmp_path: Path) -> None:
    done = bbp("train", "qa", "nowhere.jsonl", "-o", "made")
    assert (done.code, done.stderr) == (3, "bbp: error: nowhere.jsonl: no such file\n")
    assert "cannot be read" in bbp("train", "qa", ".", "-o", "made").stderr


def test_validation_records_must_have_labels_that_are_trained(bbp: Bbp, tmp_path: Path) -> None:
    write(tmp_path / "data.jsonl", LABELLED)
    write(tmp_path / "val.jsonl", [*LABELLED[:1], {"text": "It froze.", "label": "sea"}, SEVERAL[2]])
    write(tmp_path / "several.jsonl", [{"text": "It froze.", "labels": ["ice"]}])
    done = bbp("train", "classify", "data.jsonl", "--val", "val.jsonl", "-o", "made")
    assert done.code == 3
    assert "val.jsonl:3: has `labels`, and the records before it have `label`" in done.stderr
    write(tmp_path / "val.jsonl", [*LABELLED[:1], {"text": "It froze.", "label": "sea"}])
    done = bbp("train", "classify", "data.jsonl", "--val", "val.jsonl", "-o", "made")
    assert done.code == 3
    assert "val.jsonl:2: no training record has the label 'sea'" in done.stderr
    done = bbp("train", "classify", "data.jsonl", "--val", "several.jsonl", "-o", "made")
    assert done.code == 3
    assert "several.jsonl:1: has `labels`, and the training records have `label`" in done.stderr


def test_options_that_contradict_each_other_are_a_usage_error(bbp: Bbp, data: dict[str, Path]) -> None:
    train = ("train", "qa", data["qa"], "-o", "made")
    for more, message in {
        ("--resume", "--overwrite"): "--resume and --overwrite cannot be used together",
        (
            "--val",
            str(data["qa"]),
            "--val-fraction",
            "0.1",
        ): "--val and --val-fraction cannot be used together",
        ("--epochs", "0"): "--epochs",
        ("--val-fraction", "1.5"): "--val-fraction",
    }.items():
        done = bbp(*train, *more)
        assert (done.code, done.stdout) == (2, ""), done.stderr
        assert message in done.stderr


def test_options_that_the_base_cannot_obey_are_a_usage_error(
    warm_bbp: Bbp, data: dict[str, Path], extractive: Path
) -> None:
    train = ("train", "qa", data["qa"], "--base", extractive, "-o", "made")
    for more, message in {
        ("--max-tokens", 4096): "--max-tokens 4096: the base reads at most 128",
        ("--max-tokens", 3): "--max-tokens 3 leaves no room for text",
        ("--learning-rate", 0): "learning_rate is 0.0",
        ("--learning-rate", 1e300): "learning_rate is 1e+300",
        ("--dtype", "float16"): "float16 is too coarse",
        ("--learning-rate", 1e30): "it has diverged",
    }.items():
        done = warm_bbp(*train, *more, "--overwrite")
        assert (done.code, done.stdout) == (2, ""), done.stderr
        assert message in done.stderr


def test_impossible_options_are_an_error_before_the_base_is_loaded(
    warm_bbp: Bbp, data: dict[str, Path]
) -> None:
    for more in (("--learning-rate", 0), ("--learning-rate", "nan"), ("--dtype", "float16")):
        done = warm_bbp("train", "qa", data["qa"], "--base", "no/where/at/all", "-o", "made", *more)
        assert (done.code, done.stdout) == (2, ""), done.stderr


def test_a_base_that_cannot_be_one_is_a_model_error(
    warm_bbp: Bbp, bbp: Bbp, data: dict[str, Path], extractive: Path, tmp_path: Path
) -> None:
    done = bbp("train", "qa", data["qa"], "--base", "no/where/at/all", "-o", "made")
    assert done.code == 4
    config = json.loads((extractive / "config.json").read_text())
    causal = tmp_path / "causal"
    causal.mkdir()
    (causal / "config.json").write_text(json.dumps(config | {"architectures": ["BigBirdPegasusForCausalLM"]}))
    for name in ("spiece.model", "tokenizer_config.json"):
        (causal / name).write_bytes((extractive / name).read_bytes())
    done = warm_bbp("train", "qa", data["qa"], "--base", causal, "-o", "made")
    assert done.code == 4
    assert "has no encoder" in done.stderr
    (causal / "config.json").write_text(json.dumps(config))
    done = warm_bbp("train", "qa", data["qa"], "--base", causal, "-o", "made")
    assert done.code == 4
    assert "no weights" in done.stderr
