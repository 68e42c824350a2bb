"""`bbp train`: models of every task, the best of their epochs, and what is said meanwhile."""

import json
from pathlib import Path

import pytest
from bigbird_pegasus.training import TrainingError

from bbp_cli.dataset import QuestionExample
from bbp_cli.models.checkpoints import Checkpoint, LoadedModel
from bbp_cli.models.hardware import Hardware
from bbp_cli.models.names import SILENT, ModelFolder
from bbp_cli.training.base_model import load_base
from bbp_cli.training.validation import validate
from tests.cli.process import WarmBbp
from tests.cli.test_console import on_terminal
from tests.cli.training_examples import (
    DATA,
    FILES,
    QUESTIONS,
    SEVERAL,
    TEXTS,
    result,
    write,
    write_data,
)
from tests.conftest import Bbp


@pytest.fixture
def data(tmp_path: Path) -> dict[str, Path]:
    return write_data(tmp_path)


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


def test_questions_that_all_have_an_answer_are_warned_of(
    warm_bbp: Bbp, extractive: Path, tmp_path: Path
) -> None:
    for questions, warned in ((QUESTIONS[:3], True), (QUESTIONS, False)):
        path = write(tmp_path / "data.jsonl", questions)
        more = ("--epochs", 1, "--val-fraction", 0, "--overwrite")
        done = warm_bbp("train", "qa", path, "--base", extractive, "-o", "made", *more)
        assert done.code == 0, done.stderr
        assert ("cannot learn to say that a text has none" in done.stderr) == warned


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


@pytest.mark.parametrize(
    ("task", "what", "longest"), [("qa", "questions", 7), ("summarize", "summaries", 16)]
)
def test_examples_that_are_too_long_are_counted_and_reported_once(
    task: str, what: str, longest: int, warm_bbp: Bbp, writer: Path, tmp_path: Path
) -> None:
    long = {**DATA[task][0], "question": "When did it freeze? " * 9, "summary": "It froze. " * 99}
    short = {**DATA[task][0], "question": "ice?", "summary": "ice"}
    path = write(tmp_path / "data.jsonl", [long, short, long, short])
    more = ("--max-tokens", 16, "--epochs", 2, "--val-fraction", 0)
    done = warm_bbp("train", task, path, "--base", writer, "-o", "made", *more)
    assert done.code == 0, done.stderr
    assert done.stderr.count("more than") == 1
    told = f"2 of 4 {what} have more than {longest} tokens and are cut there"
    assert f"bbp: warning: {path}: {told}\n" in done.stderr


def test_a_validation_loss_that_is_no_number_has_diverged(extractive: Path) -> None:
    hardware = Hardware("cpu", "float32", 1)
    folder = ModelFolder("broken", extractive)
    base = load_base("qa", folder, hardware, seed=0)
    next(base.model.parameters()).data.fill_(float("nan"))
    loaded = LoadedModel(
        Checkpoint(folder, "qa", "question_answering", "block_sparse"), hardware, base.model, base.tokenizer
    )
    record = QuestionExample(1, "1", "Who?", TEXTS[0], ())
    with pytest.raises(TrainingError, match="it has diverged"):
        validate("qa", [record], loaded, None, 1, SILENT)


def test_max_tokens_is_the_window_of_the_new_model(
    warm_bbp: Bbp, data: dict[str, Path], extractive: Path, tmp_path: Path
) -> None:
    more = ("--max-tokens", 48, "--epochs", 1)
    assert warm_bbp("train", "qa", data["qa"], "--base", extractive, "-o", "made", *more).code == 0
    assert json.loads((tmp_path / "made/tokenizer_config.json").read_text())["model_max_length"] == 48


def test_quiet_says_nothing_and_a_packed_file_is_read(
    warm_bbp: Bbp, extractive: Path, tmp_path: Path
) -> None:
    import gzip

    (tmp_path / "data.jsonl.gz").write_bytes(gzip.compress(json.dumps(QUESTIONS[0]).encode()))
    done = warm_bbp("train", "qa", "data.jsonl.gz", "--base", extractive, "-o", "made", "--epochs", 1, "-q")
    assert (done.code, done.stdout, done.stderr) == (0, "made\n", "")


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
