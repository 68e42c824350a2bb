"""`bbp train`: data checked first, models of every task, and trainings that are killed and go on."""

import json
import resource
import signal
import subprocess
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from bigbird_pegasus import PegasusTokenizer
from bigbird_pegasus.training import TrainingError, TrainingState

from bbp_cli.checkpoints import Checkpoint, LoadedModel
from bbp_cli.device import Hardware
from bbp_cli.errors import OutputError, ResourceError
from bbp_cli.hub import SILENT, ModelFolder
from bbp_cli.train import default_rate
from bbp_cli.training_base import Labels, load_base
from bbp_cli.training_data import Answer, LabelRecord, QuestionRecord, Record, SummaryRecord, split
from bbp_cli.training_files import Workplace, is_checkpoint_folder, writing_to
from bbp_cli.training_tasks import ExtractData, LabelData, QuestionData, count_cut, longest_target
from bbp_cli.validation import validate
from bbp_cli.windows import encode, pack
from tests.cli.conftest import DOCUMENTS, STORY, Bbp
from tests.cli.process import WarmBbp, command
from tests.cli.test_terminal import on_terminal

TEXTS = list(DOCUMENTS)
SUMMARIES = [{"document": text, "summary": summary} for text, summary in DOCUMENTS.items()] * 3
LABELLED = [
    {"text": f"{text} It was day {n}.", "label": label}
    for n in range(6)
    for label, text in zip(("ice", "books"), TEXTS, strict=False)
]
SEVERAL = [
    {"text": text, "labels": labels}
    for text, labels in zip(TEXTS, (["ice", "sea"], [], ["sea"]), strict=True)
]
QUESTIONS = [
    {"question": "When did it freeze?", "context": TEXTS[0], "answers": [{"text": "ninth of January"}]},
    {
        "question": "How many seats?",
        "context": TEXTS[1],
        "answers": [{"text": "forty", "start": TEXTS[1].index("forty")}],
    },
    {
        "question": "What came back?",
        "context": TEXTS[2],
        "answers": {"text": ["trout"], "answer_start": [TEXTS[2].index("trout")]},
    },
    {"question": "Who paid?", "document": TEXTS[2], "answers": []},
] * 3
DATA = {"summarize": SUMMARIES, "extract": SUMMARIES, "classify": LABELLED, "qa": QUESTIONS}
FILES = {
    "README.md",
    "config.json",
    "model.safetensors",
    "spiece.model",
    "tokenizer_config.json",
    "training.json",
}


def write(path: Path, records: Iterable[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def result(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "training.json").read_text()))


@pytest.fixture
def data(tmp_path: Path) -> dict[str, Path]:
    return {task: write(tmp_path / f"{task}.jsonl", records) for task, records in DATA.items()}


@pytest.mark.parametrize("task", DATA)
@pytest.mark.parametrize("base", ["writer", "extractive"])
def test_every_task_makes_a_checkpoint_from_every_base(
    task: str, base: str, data: dict[str, Path], warm_bbp: Bbp, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue(base)
    done = warm_bbp("train", task, data[task], "--base", folder, "-o", "made", "--epochs", 2)
    assert (done.code, done.stdout) == (0, "made\n")
    extra = {"generation_config.json"} if task == "summarize" else set()
    assert {path.name for path in (tmp_path / "made").iterdir()} == FILES | extra
    assert not (tmp_path / ".made.training").exists()
    assert len({path.stat().st_mode for path in (tmp_path / "made").iterdir()}) == 1
    epochs = result(tmp_path / "made")["epochs"]
    assert [figures["epoch"] for figures in epochs] == [1, 2]
    assert all("val_loss" in figures for figures in epochs)
    warned = "warning" in done.stderr
    assert warned == (task == "summarize" and base == "extractive")
    assert "epoch 2/2: loss " in done.stderr
    config = json.loads((tmp_path / "made/config.json").read_text())
    card = (tmp_path / "made/README.md").read_text()
    assert ("It has no decoder" in card) == (not config["is_encoder_decoder"])
    assert config["is_encoder_decoder"] == (task == "summarize" or (base == "writer" and task != "extract"))


def test_the_model_of_each_task_does_it(
    data: dict[str, Path], warm_bbp: Bbp, extractive: Path, tmp_path: Path
) -> None:
    (tmp_path / "ice.txt").write_text(TEXTS[0])
    more = ("--epochs", 12, "--val-fraction", 0, "--learning-rate", 3e-3)
    for task in ("classify", "qa"):
        done = warm_bbp("train", task, data[task], "--base", extractive, "-o", task, *more)
        assert done.code == 0, done.stderr
    labelled = warm_bbp("classify", "ice.txt", "--model", "classify")
    assert labelled.code == 0, labelled.stderr
    assert labelled.stdout.startswith("ice\t")
    answered = warm_bbp("qa", "When did it freeze?", "ice.txt", "--model", "qa", "--min-score", 0)
    assert answered.code == 0, answered.stderr
    assert "ninth of January" in answered.stdout


def test_several_labels_make_a_model_of_several_labels(
    warm_bbp: Bbp, extractive: Path, tmp_path: Path
) -> None:
    path = write(tmp_path / "data.jsonl", SEVERAL * 3)
    done = warm_bbp("train", "classify", path, "--base", extractive, "-o", "made", "--epochs", 1)
    assert done.code == 0, done.stderr
    config = json.loads((tmp_path / "made/config.json").read_text())
    assert config["problem_type"] == "multi_label_classification"
    assert config["id2label"] == {"0": "ice", "1": "sea"}
    assert "accuracy" in result(tmp_path / "made")["epochs"][0]


def test_a_trained_classifier_can_be_the_base_of_one_with_the_same_labels_or_others(
    data: dict[str, Path], warm_bbp: Bbp, extractive: Path, tmp_path: Path
) -> None:
    more = ("--epochs", 1, "--val-fraction", 0)
    assert warm_bbp("train", "classify", data["classify"], "--base", extractive, "-o", "a", *more).code == 0
    other = write(tmp_path / "other.jsonl", [{"text": t, "label": n} for n, t in enumerate(TEXTS)])
    for path, labels in ((data["classify"], ["books", "ice"]), (other, ["0", "1", "2"])):
        done = warm_bbp("train", "classify", path, "--base", "a", "-o", "b", *more, "--overwrite")
        assert done.code == 0, done.stderr
        config = json.loads((tmp_path / "b/config.json").read_text())
        assert list(config["id2label"].values()) == labels


def test_the_same_seed_makes_the_same_weights(
    data: dict[str, Path], warm_bbp: Bbp, extractive: Path, tmp_path: Path
) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        more = ("--seed", seed, "--epochs", 1, "--accumulate", 2, "--batch-size", 2)
        assert (
            warm_bbp("train", "classify", data["classify"], "--base", extractive, "-o", name, *more).code == 0
        )
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in "abc"]
    assert weights[0] == weights[1]
    assert weights[0] != weights[2]


def test_the_best_epoch_is_kept(
    data: dict[str, Path], warm_bbp: Bbp, extractive: Path, tmp_path: Path
) -> None:
    """A rate that is far too high makes things worse, so the best epoch is not the last."""
    more = ("--epochs", 5, "--learning-rate", 0.5, "--val", data["summarize"])
    done = warm_bbp("train", "extract", data["extract"], "--base", extractive, "-o", "made", *more)
    assert done.code == 0, done.stderr
    made = result(tmp_path / "made")
    losses = [figures["val_loss"] for figures in made["epochs"]]
    assert losses[made["best_epoch"] - 1] == min(losses)
    assert f"those of epoch {made['best_epoch']}" in (tmp_path / "made/README.md").read_text()


def kill_after_states(count: int, arguments: list[str], folder: Path, environment: dict[str, str]) -> None:
    """Run `bbp train` until it has saved so many states, and kill it."""
    state = folder / f".{arguments[arguments.index('-o') + 1]}.training/state.pt"
    with subprocess.Popen(
        command(*arguments),
        cwd=folder,
        env=environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        seen = set()
        for _ in process.stderr:
            with suppress(FileNotFoundError):
                seen.add(state.stat().st_mtime_ns)
            if len(seen) == count:
                process.kill()
                break
    assert process.returncode == -signal.SIGKILL


def test_a_training_that_was_killed_goes_on_to_the_same_weights(
    data: dict[str, Path], warm_bbp: Bbp, extractive: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    def arguments(output: str) -> list[str]:
        texts = ["train", "classify", data["classify"], "--base", extractive, "-o", output, "--threads", 1]
        return [str(word) for word in [*texts, "--epochs", 40, "--batch-size", 2]]

    whole = warm_bbp(*arguments("whole"))
    assert whole.code == 0, whole.stderr
    kill_after_states(2, arguments("stopped"), tmp_path, environment)
    work = tmp_path / ".stopped.training"
    assert (work / "state.pt").is_file()
    assert not (tmp_path / "stopped").exists()

    refused = warm_bbp(*arguments("stopped"))
    assert refused.code == 7
    assert "--resume goes on with it" in refused.stderr
    other = warm_bbp(*arguments("stopped"), "--resume", "--seed", 5)
    assert (other.code, other.stdout) == (2, "")
    assert "begun with seed 0, not 5" in other.stderr

    resumed = warm_bbp(*arguments("stopped"), "--resume", "-v")
    assert resumed.code == 0, resumed.stderr
    assert "going on after update" in resumed.stderr
    assert "going on after update 1\n" not in resumed.stderr
    for file in sorted(path.name for path in (tmp_path / "whole").iterdir()):
        assert (tmp_path / "whole" / file).read_bytes() == (tmp_path / "stopped" / file).read_bytes(), file
    assert not work.exists()


def test_resume_begins_what_was_not_begun_and_leaves_alone_what_has_ended(
    data: dict[str, Path], warm_bbp: Bbp, extractive: Path, tmp_path: Path
) -> None:
    arguments = ("train", "qa", data["qa"], "--base", extractive, "-o", "made", "--epochs", 1, "--resume")
    first = warm_bbp(*arguments)
    assert first.code == 0, first.stderr
    before = (tmp_path / "made/model.safetensors").stat().st_mtime_ns
    again = warm_bbp(*arguments, "-v")
    assert (again.code, again.stdout) == (0, "made\n")
    assert "has ended already" in again.stderr
    assert (tmp_path / "made/model.safetensors").stat().st_mtime_ns == before
    other = warm_bbp(*arguments, "--epochs", 2)
    assert other.code == 7
    assert "made: is not empty" in other.stderr


def test_a_damaged_state_is_told(
    data: dict[str, Path], warm_bbp: Bbp, extractive: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    arguments = ["train", "qa", str(data["qa"]), "--base", str(extractive), "-o", "made", "--epochs", "99"]
    kill_after_states(1, arguments, tmp_path, environment)
    work = tmp_path / ".made.training"
    whole = (work / "state.pt").read_bytes()
    for damaged in (b"PK\x03\x04 nothing", whole[:-999], b"", b"nothing", whole.replace(b"notes", b"nodes")):
        (work / "state.pt").write_bytes(damaged)
        state = warm_bbp(*arguments, "--resume")
        assert state.code == 7
        assert "the saved state is damaged" in state.stderr
    (work / "state.pt").unlink()
    (work / "state.pt").mkdir()
    state = warm_bbp(*arguments, "--resume")
    assert state.code == 7
    assert "state.pt: cannot be read: Is a directory" in state.stderr
    (work / "run.json").write_text("{")
    run = warm_bbp(*arguments, "--resume")
    assert run.code == 7
    assert "run.json: is damaged" in run.stderr


@pytest.mark.parametrize("there", ["folder", "file"])
def test_an_output_that_exists_is_refused_before_the_data_are_read(
    there: str, bbp: Bbp, tmp_path: Path
) -> None:
    output = tmp_path / "made"
    if there == "folder":
        output.mkdir()
        (output / "precious.txt").write_text("mine")
    else:
        output.write_text("mine")
    done = bbp("train", "qa", "nowhere.jsonl", "-o", "made")
    assert (done.code, done.stdout) == (7, "")
    assert done.stderr.startswith("bbp: error: made: is n")


def test_overwrite_replaces_a_folder_and_an_empty_one_is_filled(
    data: dict[str, Path], warm_bbp: Bbp, extractive: Path, tmp_path: Path
) -> None:
    made = tmp_path / "deep/made"
    made.mkdir(parents=True)
    arguments = ("train", "qa", data["qa"], "--base", extractive, "-o", made, "--epochs", 1)
    assert warm_bbp(*arguments).code == 0
    (made / "LICENSE").write_text("old")
    assert warm_bbp(*arguments, "--overwrite").code == 0
    assert {path.name for path in made.iterdir()} == FILES
    assert [path.name for path in made.parent.iterdir()] == ["made"]


@pytest.mark.parametrize("output", ["mine", "."])
@pytest.mark.parametrize("how", ["--overwrite", "--resume"])
def test_a_folder_that_is_no_checkpoint_is_never_replaced(
    output: str, how: str, bbp: Bbp, tmp_path: Path
) -> None:
    folder = tmp_path / output
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text('{"architectures": ["BigBirdPegasusForQuestionAnswering"]}')
    (folder / "thesis.txt").write_text("three years of work")
    done = bbp("train", "qa", "nowhere.jsonl", "-o", output, how)
    assert (done.code, done.stdout) == (7, "")
    assert f"{output}: is not empty, and no checkpoint folder that could be replaced" in done.stderr
    assert (folder / "thesis.txt").read_text() == "three years of work"


@pytest.mark.parametrize(
    "files",
    [
        {"README.md": "# Ours"},
        {"config.json": '{"colour": "red"}', "README.md": "# Ours"},
        {"config.json": "{", "model.safetensors": ""},
        {"config.json": '{"model_type": "x"}', "model": None},
        {"config.json": '{"model_type": "x"}', "model.safetensors": None},
    ],
)
def test_a_checkpoint_folder_is_told_by_all_that_it_holds(
    files: dict[str, str | None], writer: Path, tmp_path: Path
) -> None:
    assert is_checkpoint_folder(writer)
    for name, content in files.items():
        if content is None:
            (tmp_path / name).mkdir()
        else:
            (tmp_path / name).write_text(content)
    assert not is_checkpoint_folder(tmp_path)


def test_what_was_put_into_the_output_during_a_training_stays(tmp_path: Path) -> None:
    place = Workplace(tmp_path / "made")
    assert place.prepare({}, resume=False, overwrite=True)
    place.best(1).mkdir()
    place.output.mkdir()
    (place.output / "thesis.txt").write_text("three years of work")
    with pytest.raises(OutputError, match="no checkpoint folder"):
        place.finish(1)
    assert (place.output / "thesis.txt").exists()
    assert place.best(1).exists()


def test_a_folder_in_place_of_the_work_folder_is_left_alone(tmp_path: Path) -> None:
    place = Workplace(tmp_path / "made")
    place.folder.mkdir()
    (place.folder / "diary.txt").write_text("Monday")
    with pytest.raises(OutputError, match="where the training would keep its state"):
        place.prepare({}, resume=False, overwrite=True)
    assert (place.folder / "diary.txt").exists()


def test_an_output_that_cannot_be_written_is_told(
    data: dict[str, Path], warm_bbp: Bbp, extractive: Path
) -> None:
    done = warm_bbp("train", "qa", data["qa"], "--base", extractive, "-o", "/proc/made")
    assert done.code == 7
    assert done.stderr.splitlines()[-1].startswith("bbp: error: /proc/made: cannot write: ")


BAD = {
    "summarize": {
        b"": None,  # a line with nothing on it is no record
        b"nothing": "not JSON: ",
        b"[" * 99999: "not JSON: nested too deeply",
        b"[1]": "not a JSON object",
        b'{"document": "a \xff"}': "not UTF-8: byte 16",
        b'{"summary": "It froze."}': "`document` is missing",
        b'{"document": "It froze.", "summary": 3}': "`summary` is no text",
        b'{"document": " ", "summary": "It froze."}': "`document` is empty",
    },
    "classify": {
        b'{"text": "It froze."}': "give `label` or `labels`, one of them",
        b'{"text": "It froze.", "label": "a", "labels": []}': "give `label` or `labels`, one of them",
        b'{"text": "It froze.", "label": 1.5}': "`label` holds 1.5: a label is a text or a whole number",
        b'{"text": "It froze.", "label": true}': "`label` holds true",
        b'{"text": "It froze.", "labels": "a"}': "`labels` is no list",
        b'{"text": "It froze.", "labels": [" "]}': "`labels` holds",
    },
    "qa": {
        b'{"question": "When?", "context": "It froze."}': "`answers` is missing",
        b'{"question": "When?", "context": "It froze.", "answers": 3}': "`answers` is no list",
        b'{"question": "When?", "context": "It froze.", "answers": [3]}': "answer 1 has no `text`",
        b'{"question": "When?", "context": "It is it.", "answers": [{"text": "i"}]}': "1 stands 2 times",
        b'{"question": "When?", "context": "It froze.", "answers": [{"text": "It", "start": -1}]}': "`start`",
        b'{"question": "When?", "context": "It froze.", "answers": [{"text": "It", "start": 1}]}': (
            "answer 1 does not stand at character 1 of the context"
        ),
        b'{"question": "When?", "context": "It froze.", "answers": {"text": ["It"]}}': "two lists of",
    },
}


@pytest.mark.parametrize("task", BAD)
def test_every_bad_record_is_told_with_its_line_and_nothing_is_written(
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


def test_of_many_bad_records_the_first_are_told(bbp: Bbp, tmp_path: Path) -> None:
    (tmp_path / "data.jsonl").write_text("{}\n" * 50)
    told = bbp("train", "qa", "data.jsonl", "-o", "made").stderr.splitlines()
    assert len(told) == 22
    assert told[-2:] == [
        "bbp: error: data.jsonl: and 30 more",
        "bbp: error: data.jsonl: 50 of 50 records are bad",
    ]


UNUSABLE = {
    "empty": (b"", "holds no records"),
    "blank": (b"\n\n", "holds no records"),
    "cut gzip": (b"\x1f\x8b\x08\x00", "damaged gzip file"),
    "one label": (b'{"text": "It froze.", "label": "a"}\n', "all records have 'a'"),
    "no label": (b'{"text": "It froze.", "labels": []}\n', "all records have no label"),
    "mixed": (
        b'{"text": "It froze.", "label": "a"}\n{"text": "It froze.", "labels": ["a"]}\n',
        "data.jsonl:2: has `labels`, and the records before it `label`",
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
    assert "val.jsonl:3: has `labels`, and the records before it `label`" in done.stderr
    write(tmp_path / "val.jsonl", [*LABELLED[:1], {"text": "It froze.", "label": "sea"}])
    done = bbp("train", "classify", "data.jsonl", "--val", "val.jsonl", "-o", "made")
    assert done.code == 3
    assert "val.jsonl:2: no training record has the label 'sea'" in done.stderr
    done = bbp("train", "classify", "data.jsonl", "--val", "several.jsonl", "-o", "made")
    assert done.code == 3
    assert "several.jsonl:1: the training records have the other one" in done.stderr


def test_options_that_contradict_each_other_are_a_usage_error(bbp: Bbp, data: dict[str, Path]) -> None:
    train = ("train", "qa", data["qa"], "-o", "made")
    for more, message in {
        ("--resume", "--overwrite"): "--resume and --overwrite exclude each other",
        ("--val", str(data["qa"]), "--val-fraction", "0.1"): "--val and --val-fraction exclude each other",
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
        ("--dtype", "float16"): "float16 is too coarse",
        ("--learning-rate", 1e30): "it has diverged",
    }.items():
        done = warm_bbp(*train, *more, "--overwrite")
        assert (done.code, done.stdout) == (2, ""), done.stderr
        assert message in done.stderr


def test_impossible_options_are_told_before_the_base_is_looked_for(
    warm_bbp: Bbp, data: dict[str, Path]
) -> None:
    for more in (("--learning-rate", 0), ("--learning-rate", "nan"), ("--dtype", "float16")):
        done = warm_bbp("train", "qa", data["qa"], "--base", "no/where/at/all", "-o", "made", *more)
        assert (done.code, done.stdout) == (2, ""), done.stderr


@pytest.mark.parametrize(
    ("task", "what", "longest"), [("qa", "questions", 7), ("summarize", "summaries", 16)]
)
def test_what_is_too_long_to_learn_from_is_counted_and_told_once(
    task: str, what: str, longest: int, warm_bbp: Bbp, writer: Path, tmp_path: Path
) -> None:
    long = {**DATA[task][0], "question": "When did it freeze? " * 9, "summary": "It froze. " * 99}
    short = {**DATA[task][0], "question": "ice?", "summary": "ice"}
    path = write(tmp_path / "data.jsonl", [long, short, long, short])
    more = ("--max-tokens", 16, "--epochs", 2, "--val-fraction", 0)
    done = warm_bbp("train", task, path, "--base", writer, "-o", "made", *more)
    assert done.code == 0, done.stderr
    assert done.stderr.count("warning") == 1
    told = f"2 of 4 {what} have more than {longest} tokens: only their beginning is learnt from"
    assert f"bbp: warning: {path}: {told}\n" in done.stderr


def test_exactly_what_is_cut_is_counted(extractive: Path) -> None:
    for window in (48, 49):
        tokenizer = PegasusTokenizer.from_pretrained(extractive, model_max_length=window)
        records: list[Record] = [
            *(QuestionRecord(n, "", "ice " * n, "It froze.", ()) for n in range(1, 60)),
            *(SummaryRecord(n, "", "It froze.", "ice " * n) for n in range(1, 60)),
        ]
        longest = longest_target("qa", tokenizer)
        lengths = [len(tokenizer("ice " * n, add_special_tokens=False).input_ids) for n in range(1, 60)]
        assert longest is not None
        assert count_cut("qa", records[:59], tokenizer) == sum(length > longest for length in lengths) > 0
        assert longest == window - 1 - window // 2  # the longest question that `bbp qa` accepts
        whole = [len(tokenizer(("ice " * n).strip()).input_ids) for n in range(1, 60)]
        assert count_cut("summarize", records[59:], tokenizer) == sum(n > window for n in whole) > 0
        assert count_cut("classify", records, tokenizer) == 0


def test_a_validation_loss_that_is_no_number_has_diverged(extractive: Path) -> None:
    hardware = Hardware("cpu", "float32", 1)
    folder = ModelFolder("broken", extractive)
    base = load_base("qa", folder, hardware, seed=0)
    next(base.model.parameters()).data.fill_(float("nan"))
    loaded = LoadedModel(
        Checkpoint(folder, "qa", "answering", "block_sparse"), hardware, base.model, base.tokenizer
    )
    record = QuestionRecord(1, "1", "Who?", TEXTS[0], ())
    with pytest.raises(TrainingError, match="it has diverged"):
        validate("qa", [record], loaded, None, 1, SILENT)


def test_max_tokens_is_the_window_of_the_new_model(
    warm_bbp: Bbp, data: dict[str, Path], extractive: Path, tmp_path: Path
) -> None:
    more = ("--max-tokens", 48, "--epochs", 1)
    assert warm_bbp("train", "qa", data["qa"], "--base", extractive, "-o", "made", *more).code == 0
    assert json.loads((tmp_path / "made/tokenizer_config.json").read_text())["model_max_length"] == 48


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


def test_quiet_says_nothing_and_a_packed_file_is_read(
    warm_bbp: Bbp, extractive: Path, tmp_path: Path
) -> None:
    import gzip

    (tmp_path / "data.jsonl.gz").write_bytes(gzip.compress(json.dumps(QUESTIONS[0]).encode()))
    done = warm_bbp("train", "qa", "data.jsonl.gz", "--base", extractive, "-o", "made", "--epochs", 1, "-q")
    assert (done.code, done.stdout, done.stderr) == (0, "made\n", "")


def test_a_full_disk_is_an_output_error_and_what_was_there_stays(
    data: dict[str, Path], extractive: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "made/config.json").write_text('{"model_type": "bigbird_pegasus"}')
    arguments = ["train", "qa", str(data["qa"]), "--base", str(extractive), "-o", "made", "--overwrite"]
    done = subprocess.run(
        command(*arguments),
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )
    assert done.returncode == 7, done.stderr
    assert done.stderr.splitlines()[-1].startswith("bbp: error: made: cannot write: ")
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["config.json"]


def test_a_terminal_shows_a_bar_and_the_figures_of_each_epoch(
    data: dict[str, Path], extractive: Path, warm_server: WarmBbp, tmp_path: Path, environment: dict[str, str]
) -> None:
    arguments: list[object] = ["train", "qa", data["qa"], "--base", extractive, "-o", "made"]
    code, stdout, _, shown = on_terminal(warm_server, arguments, tmp_path, environment, stderr=True)
    assert (code, stdout) == (0, "made\n")
    assert "training made" in shown
    assert "6/6" in shown
    assert "epoch 3/3: loss " in shown
    assert "bbp: update" not in shown


def test_a_work_folder_that_the_system_refuses_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        Workplace(tmp_path / "file/made").prepare({}, resume=False, overwrite=False)


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("CUDA out of memory")])
def test_memory_that_runs_out_is_no_damage_and_no_full_disk(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_out(*_arguments: object, **_options: object) -> None:
        raise error

    place = Workplace(tmp_path / "made")
    assert place.prepare({}, resume=False, overwrite=False)
    state = TrainingState(1, 0.5, {}, {})
    place.save_state(state, {"best": 0})
    assert place.load_state() == (state, {"best": 0})
    monkeypatch.setattr(torch, "load", run_out)
    monkeypatch.setattr(torch, "save", run_out)
    with pytest.raises(ResourceError, match="out of memory"):
        place.load_state()
    with pytest.raises(ResourceError, match="out of memory"):
        place.save_state(state, {"best": 0})
    with pytest.raises(type(error)), writing_to(tmp_path):
        run_out()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_whoever_stops_a_training_is_told_how_it_goes_on(
    number: signal.Signals,
    data: dict[str, Path],
    extractive: Path,
    tmp_path: Path,
    environment: dict[str, str],
) -> None:
    arguments = ["train", "qa", str(data["qa"]), "--base", str(extractive), "-o", "made", "--epochs", "999"]
    with subprocess.Popen(
        command(*arguments), cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "epoch 1/999" in line:
                process.send_signal(number)
                break
        rest = process.stderr.read()
    assert process.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143}[number]
    assert "bbp: the same command with --resume goes on with this training\n" in rest
    assert "Traceback" not in rest


def test_a_validation_record_that_cannot_be_judged_is_left_out(
    data: dict[str, Path], warm_bbp: Bbp, extractive: Path, tmp_path: Path
) -> None:
    val = write(tmp_path / "val.jsonl", [QUESTIONS[0], {**QUESTIONS[0], "question": "Who? " * 99}])
    more = ("--val", val, "--epochs", 1, "-v")
    done = warm_bbp("train", "qa", data["qa"], "--base", extractive, "-o", "made", *more)
    assert done.code == 0, done.stderr
    assert "validation record 2: the question has " in done.stderr


def test_without_rouge_score_summaries_are_validated_by_loss(
    data: dict[str, Path], bbp: Bbp, writer: Path, tmp_path: Path
) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site/sitecustomize.py").write_text("import sys\nsys.modules['rouge_score'] = None\n")
    arguments = ("train", "summarize", data["summarize"], "--base", writer, "-o", "made", "--epochs", 1)
    done = bbp(*arguments, PYTHONPATH=str(tmp_path / "site"))
    assert done.code == 0, done.stderr
    assert set(result(tmp_path / "made")["epochs"][0]) == {"epoch", "loss", "val_loss"}


def test_a_long_context_is_learnt_from_in_windows_with_and_without_the_answer(extractive: Path) -> None:
    tokenizer = PegasusTokenizer.from_pretrained(extractive, model_max_length=48)
    context = " ".join(TEXTS)
    start = context.index("trout")
    record = QuestionRecord(1, "1", "What came back?", context, (Answer("trout", start),))
    data = QuestionData([record], tokenizer, seed=0)
    with_answer = 0
    for epoch in range(40):
        batch = data.batch([0], epoch)
        ids = batch["input_ids"][0].tolist()
        assert len(ids) <= 48
        assert ids[-1] == tokenizer.eos_token_id
        first, last = int(batch["start_positions"]), int(batch["end_positions"])
        if first:
            with_answer += 1
            assert tokenizer.decode(ids[first : last + 1]).strip() == "trout"
        else:
            assert last == 0
            assert "trout" not in tokenizer.decode(ids)
        assert data.batch([0], epoch)["input_ids"].tolist() == batch["input_ids"].tolist()
    assert 20 < with_answer < 40


def test_no_window_that_holds_an_answer_teaches_that_there_is_none(extractive: Path) -> None:
    tokenizer = PegasusTokenizer.from_pretrained(extractive, model_max_length=48)
    context = " ".join(["trout", *TEXTS, "trout"])
    answers = tuple(Answer("trout", start) for start in (0, context.index("trout", 9), len(context) - 5))
    record = QuestionRecord(1, "1", "What came back?", context, answers)
    data = QuestionData([record], tokenizer, seed=0)
    found = set()
    for epoch in range(200):
        batch = data.batch([0], epoch)
        ids = batch["input_ids"][0].tolist()
        first, last = int(batch["start_positions"]), int(batch["end_positions"])
        assert (first == 0) == ("trout" not in tokenizer.decode(ids))
        if first:
            assert tokenizer.decode(ids[first : last + 1]).strip() == "trout"
        found.add((first, tuple(ids)))
    assert 0 in {first for first, _ in found}
    assert len({first for first, _ in found}) > 3


def test_of_an_answer_that_no_window_holds_a_part_is_learnt(extractive: Path) -> None:
    tokenizer = PegasusTokenizer.from_pretrained(extractive, model_max_length=48)
    context = " ".join(TEXTS)
    data = QuestionData([QuestionRecord(1, "1", "What?", context, (Answer(context, 0),))], tokenizer, seed=0)
    question = len(tokenizer("What?", add_special_tokens=False).input_ids)
    for epoch in range(20):
        batch = data.batch([0], epoch)
        assert (int(batch["start_positions"]), int(batch["end_positions"])) == (question, 46)


def test_a_long_text_is_learnt_from_in_all_of_its_windows(extractive: Path) -> None:
    tokenizer = PegasusTokenizer.from_pretrained(extractive, model_max_length=256)
    record = LabelRecord(1, "1", STORY, ("ice",), several=False)
    data = LabelData([record], tokenizer, Labels(("books", "ice"), several=False), seed=0)
    shown = [data.batch([0], epoch) for epoch in range(60)]
    assert all(batch["labels"].tolist() == [1] for batch in shown)
    assert all(batch["input_ids"].shape[1] <= 256 for batch in shown)
    windows = {tuple(batch["input_ids"][0].tolist()) for batch in shown}
    limit = tokenizer.model_max_length - 1
    assert len(windows) == len(pack(encode(STORY, tokenizer, limit).counts, limit)) > 3


def test_sentences_are_worth_what_they_share_with_the_summary(extractive: Path) -> None:
    tokenizer = PegasusTokenizer.from_pretrained(extractive)
    sentences = TEXTS[0].split(". ")
    record = SummaryRecord(1, "1", TEXTS[0], sentences[1] + ".")
    batch = ExtractData([record], tokenizer, seed=0).batch([0], 0)
    values = batch["values"][0].tolist()
    assert values[1] == pytest.approx(2.0)
    assert max(values[0], values[2]) < 0.5
    assert batch["document_sentences"].tolist() == [3]
    assert batch["sentence_index"].shape == batch["input_ids"].shape
    assert sorted(set(batch["sentence_index"][0].tolist())) == [0, 1, 2]


def test_a_split_is_drawn_by_the_seed_and_leaves_something_on_both_sides() -> None:
    numbers = list(range(100))
    training, validation = split(numbers, 0.05, seed=1)
    assert len(validation) == 5
    assert sorted(training + validation) == numbers
    assert split(numbers, 0.05, seed=1) == (training, validation)
    assert split(numbers, 0.05, seed=2) != (training, validation)
    assert [len(part) for part in split([1, 2], 0.01, seed=0)] == [1, 1]
    assert split([1], 0.5, seed=0) == ([1], [])
    assert split(numbers, 0.0, seed=0) == (numbers, [])


def test_narrow_models_take_larger_steps() -> None:
    assert [default_rate(width) for width in (1024, 256, 32)] == [5e-5, 4e-4, 1e-3]
