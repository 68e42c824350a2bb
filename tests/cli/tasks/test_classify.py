"""bbp classify: labels of documents, how windows are combined, and what is refused."""

import math
from pathlib import Path

import pytest
import torch
import typst
from bigbird_pegasus import load_model, pipeline
from bigbird_pegasus.classification import ClassifyOptions, choose, combine
from bigbird_pegasus.modeling.heads import BigBirdPegasusForSequenceClassification
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from tests.cli.checkpoints import small_config, train_vocabulary
from tests.cli.task_checkpoints import CLASSIFIER_WINDOW, LABELS, TOPICS, as_read, make_classifier, text_about
from tests.conftest import Bbp

LONG = " ".join(TOPICS["sea"] + TOPICS["garden"] + TOPICS["garden"])  # more than one window


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that gives each document one of the labels sea, books, garden."""
    return make_classifier(tmp_path_factory.mktemp("classifier"), several=False)


@pytest.fixture(scope="module")
def marker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that gives a document all labels that fit."""
    return make_classifier(tmp_path_factory.mktemp("marker"), several=True)


@pytest.fixture
def documents(tmp_path: Path) -> None:
    """sea.txt, books.txt and garden.txt, of one window each, and long.txt."""
    for number, label in enumerate(LABELS):
        (tmp_path / f"{label}.txt").write_text(text_about([label], number))
    (tmp_path / "long.txt").write_text(LONG)


pytestmark = pytest.mark.usefixtures("documents")


def test_a_document_gets_its_label_and_score(warm_bbp: Bbp, classifier: Path) -> None:
    done = warm_bbp("classify", "sea.txt", "--model", classifier)
    assert (done.code, done.stderr) == (0, "")
    label, score = done.stdout.removesuffix("\n").split("\t")
    assert label == "sea"
    assert 0.8 < float(score) < 1


def test_stdin_is_classified(warm_bbp: Bbp, classifier: Path) -> None:
    done = warm_bbp("classify", "--model", classifier, stdin=text_about(["books"], 7).encode())
    assert (done.code, done.stdout.split("\t")[0]) == (0, "books")


def test_the_notes_of_a_pdf_are_not_read(warm_bbp: Bbp, classifier: Path, tmp_path: Path) -> None:
    head, text = '#set page(paper: "a5")\n', text_about(["sea"], 1)
    note = f"#footnote[{text_about(['books'], 2)[:80]}]"
    for name, source in (("note.pdf", text.replace(" ", f"{note} ", 1)), ("none.pdf", text)):
        (tmp_path / name).write_bytes(typst.compile((head + source).encode(), format="pdf"))
    noted, plain = warm_bbp("classify", "--json", "note.pdf", "none.pdf", "--model", classifier).records
    assert noted["source"]["chars"] > plain["source"]["chars"]
    assert noted["labels"] == plain["labels"]


def test_several_documents_stand_under_headers(warm_bbp: Bbp, classifier: Path) -> None:
    done = warm_bbp("classify", "sea.txt", "books.txt", "garden.txt", "--model", classifier)
    lines = [line.split("\t")[0] for line in done.stdout.splitlines()]
    assert lines == [
        *("==> sea.txt <==", "sea", ""),
        *("==> books.txt <==", "books", ""),
        *("==> garden.txt <==", "garden"),
    ]
    assert done.stderr == "bbp: 3 made\n"


def test_top_k_shows_the_next_best_labels_too(warm_bbp: Bbp, classifier: Path) -> None:
    done = warm_bbp("classify", "sea.txt", "--model", classifier, "--top-k", 9)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    scores = [float(score) for _, score in rows]
    assert {label for label, _ in rows} == set(LABELS)
    assert scores == sorted(scores, reverse=True)
    assert sum(scores) == pytest.approx(1, abs=1e-3)


def test_the_record_says_how_each_window_voted(warm_bbp: Bbp, classifier: Path) -> None:
    done = warm_bbp("classify", "long.txt", "--model", classifier, "--json", "--top-k", 3)
    record = done.records[0]
    windows = record["windows"]
    assert record["task"] == "classify"
    assert record["coverage"]["windows"] == len(windows) > 2
    assert sum(window["tokens"] for window in windows) == record["coverage"]["tokens_total"]
    assert [windows[0]["start"], windows[-1]["end"]] == [0, len(LONG)]
    assert [window["labels"][0]["label"] for window in windows[:1] + windows[-1:]] == ["sea", "garden"]
    assert record["labels"][0]["label"] == "garden"  # two thirds of the text

    logs = dict.fromkeys(LABELS, 0.0)
    for window in windows:
        for vote in window["labels"]:
            logs[vote["label"]] += math.log(vote["score"]) * window["tokens"]
    tokens = record["coverage"]["tokens_total"]
    shares = {label: math.exp(log / tokens) for label, log in logs.items()}
    for found in record["labels"]:
        assert found["score"] == pytest.approx(shares[found["label"]] / sum(shares.values()), abs=1e-4)


def test_a_document_that_just_fits_is_one_window(warm_bbp: Bbp, classifier: Path, tmp_path: Path) -> None:
    words = LONG.split()
    files = [tmp_path / f"{count}.txt" for count in range(10, 40)]
    for count, file in enumerate(files, 10):
        file.write_text(" ".join(words[:count]))
    coverages = [r["coverage"] for r in warm_bbp("classify", *files, "--model", classifier, "--json").records]
    assert {coverage["windows"] for coverage in coverages} == {1, 2}
    assert all((c["windows"] == 1) == (c["tokens_total"] < CLASSIFIER_WINDOW) for c in coverages)


def test_records_of_two_runs_differ_in_timing_alone(warm_bbp: Bbp, classifier: Path) -> None:
    runs = [warm_bbp("classify", "long.txt", "--model", classifier, "--json").records for _ in range(2)]
    for (record,) in runs:
        assert set(record.pop("timing")) == {"load_seconds", "classify_seconds"}
    assert runs[0] == runs[1]


def test_a_document_gets_every_label_that_one_of_its_windows_earns(warm_bbp: Bbp, marker: Path) -> None:
    done = warm_bbp("classify", "long.txt", "--model", marker, "--json", "--top-k", 3)
    (record,) = done.records
    for found in record["labels"]:
        votes = [v["score"] for w in record["windows"] for v in w["labels"] if v["label"] == found["label"]]
        assert found["score"] == max(votes)
    done = warm_bbp("classify", "long.txt", "--model", marker)
    assert {line.split("\t")[0] for line in done.stdout.splitlines()} == {"sea", "garden"}


def test_a_threshold_that_no_label_reaches_leaves_none(warm_bbp: Bbp, marker: Path) -> None:
    done = warm_bbp("classify", "sea.txt", "--model", marker, "--threshold", 1)
    assert (done.code, done.stdout) == (0, "no label\n")
    done = warm_bbp("classify", "sea.txt", "--model", marker, "--threshold", 1, "--json")
    assert done.records[0]["labels"] == []
    done = warm_bbp("classify", "sea.txt", "--model", marker, "--threshold", 0)
    assert len(done.stdout.splitlines()) == 3


def test_a_threshold_is_refused_where_there_is_one_label(warm_bbp: Bbp, classifier: Path) -> None:
    done = warm_bbp("classify", "sea.txt", "--model", classifier, "--threshold", 0.5)
    assert (done.code, done.stdout) == (2, "")
    assert "--threshold is for models that give several labels" in done.stderr


def test_a_model_that_estimates_a_value_prints_it(warm_bbp: Bbp, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    tokenizer = train_vocabulary(folder, TOPICS["sea"] + TOPICS["books"] + TOPICS["garden"], 300, 96)
    torch.manual_seed(0)
    config = small_config(tokenizer, "BigBirdPegasusForSequenceClassification").replace(num_labels=1)
    BigBirdPegasusForSequenceClassification(config).save_pretrained(folder)
    text = text_about(["sea"], 0, 2)
    ids = torch.tensor([as_read(text, tokenizer)])
    value = load_model(folder)(ids).logits.item()
    done = warm_bbp("classify", "--model", folder, "--dtype", "float32", stdin=text.encode())
    assert done.stdout == f"LABEL_0\t{value:.4f}\n"


def test_truncate_reads_the_first_window_with_a_warning(warm_bbp: Bbp, classifier: Path) -> None:
    done = warm_bbp("classify", "long.txt", "--model", classifier, "--truncate", "--json")
    (record,) = done.records
    assert record["coverage"]["truncated"]
    assert len(record["windows"]) == 1
    assert record["labels"][0]["label"] == "sea"
    assert "bbp: warning: long.txt: --truncate: read only the first" in done.stderr


def test_truncate_reads_as_much_as_fits(warm_bbp: Bbp, classifier: Path, tmp_path: Path) -> None:
    sentences = TOPICS["sea"] + TOPICS["garden"]
    counts = []
    for n in range(2, 9):
        (tmp_path / f"{n}.txt").write_text(" ".join(sentences[:n]))
    whole = [f"{n}.txt" for n in range(2, 9)]
    for r in warm_bbp("classify", *whole, "--model", classifier, "--json").records:
        counts.append(r["coverage"]["tokens_total"])
    done = warm_bbp("classify", "long.txt", "--model", classifier, "--truncate", "--json")
    fitting = [count for count in counts if count < CLASSIFIER_WINDOW]
    assert done.records[0]["windows"][0]["tokens"] == max(fitting)
    assert max(fitting) < max(counts)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_scores_that_are_no_numbers_are_a_model_error(
    value: float, warm_bbp: Bbp, classifier: Path, tmp_path: Path
) -> None:
    broken = with_value(classifier, tmp_path / "broken", "classification_head.out_proj.bias", value)
    done = warm_bbp("classify", "sea.txt", "--model", broken, "--json")
    assert done.code == 4
    why = "the model computes NaN or infinity (its weights are damaged: pull or train it again)"
    assert done.stderr == f"bbp: error: {broken}: {why}\n"


def with_value(folder: Path, copy: Path, name: str, value: float) -> Path:
    """The checkpoint with a value in every place of one tensor."""
    copy.mkdir()
    for path in folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    weights = {key: tensor.clone() for key, tensor in load_file(folder / "model.safetensors").items()}
    weights[name].fill_(value)
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    return copy


def test_a_failed_input_has_its_record_and_the_others_continue(warm_bbp: Bbp, classifier: Path) -> None:
    done = warm_bbp("classify", "sea.txt", "missing.txt", "books.txt", "--model", classifier, "--json")
    assert done.code == 6
    assert [(r["task"], r["status"]) for r in done.records] == [
        ("classify", "ok"),
        ("classify", "error"),
        ("classify", "ok"),
    ]


def test_labels_are_written_to_a_file_per_input(warm_bbp: Bbp, classifier: Path, tmp_path: Path) -> None:
    done = warm_bbp("classify", "sea.txt", "books.txt", "--model", classifier, "--output-dir", "out")
    assert (done.code, done.stdout) == (0, "")
    assert (tmp_path / "out/books.txt.labels.txt").read_text().startswith("books\t")


def test_a_missing_model_has_a_hint_how_to_train_one(bbp: Bbp) -> None:
    done = bbp("classify", "sea.txt")
    assert (done.code, done.stdout) == (2, "")
    assert "bbp train classify DATA.jsonl" in done.stderr


def test_a_model_can_be_named_by_the_environment(warm_bbp: Bbp, classifier: Path) -> None:
    done = warm_bbp("classify", "sea.txt", BBP_CLASSIFY_MODEL=str(classifier))
    assert done.stdout.startswith("sea\t")


def test_a_model_that_summarizes_is_refused(bbp: Bbp, extractive: Path) -> None:
    done = bbp("classify", "sea.txt", "--model", extractive)
    assert (done.code, done.stdout) == (4, "")
    assert "not a model that classifies: BigBirdPegasusForSentenceExtraction" in done.stderr
    assert "bbp train classify" in done.stderr


def test_a_model_that_classifies_does_not_summarize(bbp: Bbp, classifier: Path) -> None:
    done = bbp("summarize", "sea.txt", "--model", classifier)
    assert (done.code, done.stdout) == (4, "")
    assert "not a model that summarizes: BigBirdPegasusForSequenceClassification" in done.stderr


def test_tokens_are_counted_by_any_model_bbp_knows(bbp: Bbp, classifier: Path, tmp_path: Path) -> None:
    assert bbp("extract", "--count", "sea.txt", "--model", classifier).code == 0
    config = tmp_path / "config.json"
    config.write_text('{"architectures": ["BertModel"]}')
    done = bbp("extract", "--count", "sea.txt", "--model", tmp_path)
    assert (done.code, done.stdout) == (4, "")
    assert "not a model bbp knows: BertModel" in done.stderr


def test_a_checkpoint_without_a_head_gives_no_labels(warm_bbp: Bbp, classifier: Path, tmp_path: Path) -> None:
    headless = without_head(classifier, tmp_path / "headless", "classification_head.")
    done = warm_bbp("classify", "sea.txt", "--model", headless)
    assert (done.code, done.stdout) == (4, "")
    assert "the checkpoint lacks its head" in done.stderr


def without_head(folder: Path, copy: Path, head: str) -> Path:
    """The checkpoint without the tensors of its head."""
    copy.mkdir()
    for path in folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    weights = load_file(folder / "model.safetensors")
    kept = {name: tensor.clone() for name, tensor in weights.items() if not name.startswith(head)}
    assert len(kept) < len(weights)
    save_file(kept, copy / "model.safetensors", metadata={"format": "pt"})
    return copy


# How windows are combined

rows = st.lists(st.floats(-20, 20), min_size=3, max_size=3)


@given(rows)
def test_a_single_window_is_scored_by_its_softmax(row: list[float]) -> None:
    scores, (alone,) = combine([torch.tensor(row)], [17], "one")
    assert scores == pytest.approx(torch.tensor(row).softmax(0).tolist(), abs=1e-5)
    assert alone == pytest.approx(scores)


@given(rows, st.floats(-20, 20), st.integers(1, 500))
def test_an_undecided_window_does_not_change_which_label_is_best(
    row: list[float], level: float, tokens: int
) -> None:
    alone, _ = combine([torch.tensor(row)], [100], "one")
    both, _ = combine([torch.tensor(row), torch.full((3,), level)], [100, tokens], "one")
    assert both[alone.index(max(alone))] == pytest.approx(max(both))


def test_longer_windows_count_for_more() -> None:
    logits = [torch.tensor([2.0, 0.0]), torch.tensor([0.0, 2.0])]
    assert combine(logits, [10, 30], "one")[0][1] > 0.5
    assert combine(logits, [10, 30], "values")[0] == pytest.approx([0.5, 1.5])


@given(st.lists(rows, min_size=1, max_size=4))
def test_several_labels_have_the_best_score_of_any_window(logits: list[list[float]]) -> None:
    scores, of_windows = combine([torch.tensor(row) for row in logits], [9] * len(logits), "several")
    assert scores == [max(column) for column in zip(*of_windows, strict=True)]


def test_options_select_the_labels() -> None:
    def told(meaning: str, **settings: float) -> str:
        held = ClassifyOptions(**settings).for_meaning(meaning)  # type: ignore[arg-type]
        return "".join("abc"[number] for number in choose([0.2, 0.7, 0.6], held))

    assert told("one") == "b"
    assert told("one", top_k=2) == "bc"
    assert told("several") == "bc"
    assert told("several", top_k=3) == "bca"
    assert told("several", threshold=0.65) == "b"
    assert told("several", threshold=0.65, top_k=3) == "b"
    assert told("several", top_k=1, threshold=0.1) == "b"
    assert told("values") == "bca"


def test_a_threshold_counts_the_decimals_that_are_shown() -> None:
    assert choose([0.4999996, 0.4999994], ClassifyOptions(threshold=0.5)) == [0]
    assert choose([0.4999994, 0.4999996], ClassifyOptions()) == [1, 0]


@pytest.mark.parametrize("model", ["classifier", "marker"])
def test_the_pipeline_gives_a_long_text_the_labels_of_the_command(
    model: str, warm_bbp: Bbp, request: pytest.FixtureRequest
) -> None:
    folder: Path = request.getfixturevalue(model)
    settings = ("--top-k", 3, "--dtype", "float32", "--json")
    (record,) = warm_bbp("classify", "long.txt", "--model", folder, *settings).records
    assert record["coverage"]["windows"] > 2
    (found,) = pipeline("text-classification", folder, top_k=None)(LONG)
    assert [one["label"] for one in found] == [one["label"] for one in record["labels"]]
    scores = [one["score"] for one in record["labels"]]
    assert [one["score"] for one in found] == pytest.approx(scores, abs=1e-5)
