"""`bbp evaluate`: figures that a person can check, baselines, records that fail."""

import gzip
import json
from pathlib import Path

import pytest
from rouge_score.rouge_scorer import RougeScorer

from bbp_cli.evaluation.baselines import at_random, lead, oracle, sentences_of
from bbp_cli.evaluation.metrics import (
    answer_figures,
    bootstrap_intervals,
    classification_figures,
    rouge,
    rouge_grams,
    rouge_scorer,
    rouge_value,
)
from tests.cli.training_examples import LABELLED, QUESTIONS, write
from tests.conftest import DOCUMENTS, STORY, Bbp

RECORDS = [
    {"id": f"doc-{n}", "source": "a" if n else "b", "document": text, "summary": summary}
    for n, (text, summary) in enumerate(DOCUMENTS.items())
]
SENTENCES = [
    "The ferry left before noon.",
    "Nobody had seen the captain since the storm.",
    "Tea was served.",
    "The captain was found alive on the island.",
]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write(tmp_path / "data.jsonl", RECORDS)


def test_a_model_that_knows_the_summaries_gets_full_marks(warm_bbp: Bbp, data: Path, writer: Path) -> None:
    done = warm_bbp("evaluate", data, "--model", writer)
    assert done.code == 0, done.stderr
    header, *rows = (line.split() for line in done.stdout.splitlines())
    assert header == ["source", "records", "rouge1", "rouge2", "rougeLsum", "words"]
    assert [row[:5] for row in rows] == [
        ["a", "2", "100.00", "100.00", "100.00"],
        ["b", "1", "100.00", "100.00", "100.00"],
        ["all", "3", "100.00", "100.00", "100.00"],
        ["±", "95", "%", "0.00", "0.00"],
    ]
    assert "3/3 records" in done.stderr


def test_records_and_a_last_line_are_json_and_the_table_is_on_stderr(
    warm_bbp: Bbp, data: Path, extractive: Path
) -> None:
    done = warm_bbp("evaluate", data, "--model", extractive, "--json", "--length", 30)
    assert done.code == 0, done.stderr
    *records, totals = done.records
    assert [record["id"] for record in records] == ["doc-0", "doc-1", "doc-2"]
    scorer = RougeScorer(["rouge1"], use_stemmer=True)
    for record, wanted in zip(records, RECORDS, strict=True):
        assert record["expected"] == wanted["summary"]
        assert len(record["summary"].split()) == record["figures"]["words"] <= 30
        figure = 100 * scorer.score(wanted["summary"], record["summary"])["rouge1"].fmeasure
        assert record["figures"]["rouge1"] == pytest.approx(figure, abs=1e-3)
    mean = sum(record["figures"]["rouge1"] for record in records) / 3
    assert totals["figures"]["rouge1"] == pytest.approx(mean, abs=1e-3)
    assert totals["by_source"]["a"]["records"] == 2
    low, high = totals["intervals"]["rouge1"]
    assert low <= mean <= high
    assert (totals["status"], totals["records"], totals["failed"]) == ("total", 3, 0)
    assert totals["model"]["id"] == str(extractive)
    assert totals["params"] == {"length": 30, "baseline": None, "limit": None, "seed": 0}
    assert "source  records" in done.stderr


def test_a_strategy_and_a_mode_are_those_of_summarize(warm_bbp: Bbp, tmp_path: Path, writer: Path) -> None:
    text = "\n\n".join(DOCUMENTS) * 2  # several windows
    data = write(tmp_path / "long.jsonl", [{"document": text, "summary": DOCUMENTS[next(iter(DOCUMENTS))]}])
    (tmp_path / "long.txt").write_text(text)
    for way in (
        ["--strategy", "truncate"], ["--strategy", "fuse", "--num-beams", 2],
        ["--mode", "verbatim"], ["--mode", "checked", "--num-beams", 2],
    ):  # fmt: skip
        record, totals = warm_bbp("evaluate", data, "--json", "--model", writer, *way).records
        (summary,) = warm_bbp("summarize", "long.txt", "--json", "--model", writer, *way).records
        assert record["summary"] == summary["summary"]
        for name, value in zip(way[::2], way[1::2], strict=True):
            assert totals["params"][str(name).strip("-").replace("-", "_")] == value
    done = warm_bbp("evaluate", data, "--json", "--model", writer, BBP_STRATEGY="fuse")
    assert "strategy" not in done.records[-1]["params"]


def test_two_runs_differ_in_nothing_but_timing(warm_bbp: Bbp, data: Path, extractive: Path) -> None:
    runs = [warm_bbp("evaluate", data, "--model", extractive, "--json").records for _ in range(2)]
    for run in runs:
        assert run[-1].pop("timing")
    assert runs[0] == runs[1]


@pytest.mark.parametrize("baseline", ["lead", "random", "oracle"])
def test_baselines_need_no_model_and_keep_to_the_length(baseline: str, bbp: Bbp, tmp_path: Path) -> None:
    packed = tmp_path / "data.jsonl.gz"
    packed.write_bytes(gzip.compress(json.dumps({"document": STORY, "summary": STORY[-200:]}).encode()))
    arguments = ("evaluate", packed, "--baseline", baseline, "--length", 40, "--json", "-q")
    done = bbp(*arguments, BBP_MODEL="/nowhere")
    assert (done.code, done.stderr) == (0, "")
    record, totals = done.records
    assert 20 < record["figures"]["words"] <= 40
    assert totals["model"] is None
    assert totals["params"]["baseline"] == baseline
    assert bbp(*arguments).records[0] == record
    if baseline == "lead":
        assert STORY.startswith(record["summary"])
    if baseline == "oracle":
        assert record["figures"]["rouge1"] > 90


def test_sentences_of_a_baseline_are_shown_as_the_models_are() -> None:
    shown = ["The harbour is old.", "The harbour was rebuilt."]
    assert sentences_of("The harbour is old. The har-\nbour was rebuilt.\n") == shown


def test_lead_takes_sentences_until_one_does_not_fit() -> None:
    assert lead(SENTENCES, 13) == [0, 1]
    assert lead(SENTENCES, 12) == [0]
    assert lead(SENTENCES, 1) == [0]
    assert lead(SENTENCES, 99) == [0, 1, 2, 3]


def test_random_depends_on_its_seed_alone_and_keeps_to_the_budget() -> None:
    drawn = {tuple(at_random(SENTENCES, 12, f"{seed}")) for seed in range(30)}
    assert len(drawn) > 1
    assert all(sum(len(SENTENCES[n].split()) for n in chosen) <= 12 for chosen in drawn)
    assert at_random(SENTENCES, 12, "1") == at_random(SENTENCES, 12, "1")
    assert len(at_random(SENTENCES, 1, "1")) == 1


def test_the_oracle_chooses_what_the_summary_says_and_nothing_that_only_costs() -> None:
    assert oracle(SENTENCES, "The captain was found on the island after the ferry left.", 99) == [0, 3]
    assert oracle(SENTENCES, "The captain was found on the island after the ferry left.", 8) == [3]
    assert oracle(SENTENCES, "Zebra.", 99) == [0]


def test_labels_are_judged_by_accuracy_and_macro_f1(warm_bbp: Bbp, extractive: Path, tmp_path: Path) -> None:
    data = write(tmp_path / "labels.jsonl", LABELLED)
    more = ("--epochs", 8, "--val-fraction", 0, "--learning-rate", 3e-3)
    assert warm_bbp("train", "classify", data, "--base", extractive, "-o", "made", *more).code == 0
    done = warm_bbp("evaluate", data, "--task", "classify", "--model", "made", "--json")
    assert done.code == 0, done.stderr
    *records, totals = done.records
    assert totals["figures"] == {"accuracy": 100.0, "macro_f1": 100.0}
    assert [record["labels"] for record in records] == [record["expected"] for record in records]


def test_answers_are_judged_by_exact_match_and_f1(warm_bbp: Bbp, extractive: Path, tmp_path: Path) -> None:
    data = write(tmp_path / "questions.jsonl", QUESTIONS)
    more = ("--epochs", 25, "--val-fraction", 0, "--learning-rate", 3e-3)
    assert warm_bbp("train", "qa", data, "--base", extractive, "-o", "made", *more).code == 0
    done = warm_bbp("evaluate", data, "--task", "qa", "--model", "made", "--json", "--limit", 4)
    assert done.code == 0, done.stderr
    *records, totals = done.records
    assert [record["expected"] for record in records] == [["ninth of January"], ["forty"], ["trout"], []]
    right = [record["answer"] == "".join(record["expected"]) for record in records]
    assert totals["figures"]["exact_match"] == 100 * sum(right) / 4
    assert totals["figures"]["exact_match"] >= 50


@pytest.fixture
def reader(warm_bbp: Bbp, extractive: Path, tmp_path: Path) -> Path:
    """A model that answers something."""
    data = write(tmp_path / "questions.jsonl", QUESTIONS)
    made = warm_bbp("train", "qa", data, "--base", extractive, "-o", "reader", "--epochs", 1, "-q")
    assert made.code == 0, made.stderr
    return tmp_path / "reader"


TOO_LONG = {**QUESTIONS[0], "question": "When did it freeze? " * 30}


def test_a_failed_record_is_reported_and_counted_and_the_others_continue(
    warm_bbp: Bbp, reader: Path, tmp_path: Path
) -> None:
    data = write(tmp_path / "data.jsonl", [QUESTIONS[0], TOO_LONG, QUESTIONS[1]])
    done = warm_bbp("evaluate", data, "--task", "qa", "--model", reader, "--json")
    assert done.code == 6
    assert "data.jsonl:2: the question has " in done.stderr
    assert done.stderr.splitlines()[-1].startswith("bbp: error: 1 of 3 inputs failed: ")
    statuses = [record["status"] for record in done.records]
    assert statuses == ["ok", "error", "ok", "total"]
    assert done.records[1]["error"]["code"] == "question"
    assert (done.records[-1]["records"], done.records[-1]["failed"]) == (2, 1)


def test_records_that_all_fail_leave_an_empty_table(warm_bbp: Bbp, reader: Path, tmp_path: Path) -> None:
    data = write(tmp_path / "data.jsonl", [TOO_LONG] * 2)
    done = warm_bbp("evaluate", data, "--task", "qa", "--model", reader)
    assert done.code == 3
    assert done.stdout.splitlines() == ["source  records", "all           0"]


SHORT = ["Hi.", "5", "%PDF-1.4 is how PDF files begin.", "\ufeffNo.\r\nYes."]


def test_a_text_that_a_training_accepts_is_read_as_it_stands(
    warm_bbp: Bbp, bbp: Bbp, reader: Path, writer: Path, extractive: Path, tmp_path: Path
) -> None:
    summaries = write(tmp_path / "short.jsonl", [{"document": text, "summary": "Hi."} for text in SHORT])
    questions = [{"question": "Who?", "context": t, "answers": [{"text": t, "start": 0}]} for t in SHORT]
    asked = write(tmp_path / "asked.jsonl", questions)
    for done in (
        bbp("evaluate", summaries, "--baseline", "lead"),
        warm_bbp("evaluate", summaries, "--model", writer),
        warm_bbp("evaluate", summaries, "--model", extractive),
        warm_bbp("evaluate", asked, "--task", "qa", "--model", reader),
    ):
        assert done.code == 0, done.stderr
        assert done.stdout.splitlines()[1].split()[:2] == ["all", "4"]


def test_data_may_come_through_a_pipe(bbp: Bbp, data: Path) -> None:
    done = bbp("evaluate", "/dev/stdin", "--baseline", "lead", "--json", stdin=data.read_bytes())
    assert done.code == 0, done.stderr
    assert len(done.records) == 4


def test_bad_records_are_an_input_error(bbp: Bbp, tmp_path: Path) -> None:
    (tmp_path / "data.jsonl").write_text("{}\n")
    done = bbp("evaluate", "data.jsonl")
    assert (done.code, done.stdout) == (3, "")
    assert "data.jsonl:1: `document` is missing" in done.stderr


def test_without_rouge_score_the_extra_is_named(bbp: Bbp, data: Path, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site/sitecustomize.py").write_text("import sys\nsys.modules['rouge_score'] = None\n")
    for command in (("evaluate", data), ("train", "extract", data, "-o", "made")):
        done = bbp(*command, PYTHONPATH=str(tmp_path / "site"))
        assert (done.code, done.stdout) == (2, "")
        assert done.stderr == (
            "bbp: error: ROUGE needs the package rouge-score (pip install 'bbp[evaluate]')\n"
        )


def test_options_of_summaries_are_refused_for_other_tasks(bbp: Bbp, data: Path) -> None:
    for option in (("--baseline", "lead"), ("--length", 10), ("--strategy", "map"), ("--num-beams", 2)):
        done = bbp("evaluate", data, "--task", "qa", *option)
        assert done.code == 2
        assert f"{option[0]} is for summaries" in done.stderr
    done = bbp("evaluate", data, "--baseline", "lead", "--mode", "verbatim")
    assert done.code == 2
    assert "--mode is for a model: --baseline has none (give one of them)" in done.stderr


def test_the_default_model_is_refused_for_other_tasks_as_it_is_by_their_commands(
    bbp: Bbp, data: Path
) -> None:
    done = bbp("evaluate", data, "--task", "classify")
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith("bbp: error: the default model only summarizes: name one that classifies")


def test_a_model_of_another_task_is_a_model_error(warm_bbp: Bbp, extractive: Path, tmp_path: Path) -> None:
    data = write(tmp_path / "labels.jsonl", LABELLED)
    done = warm_bbp("evaluate", data, "--task", "classify", "--model", extractive)
    assert (done.code, done.stdout) == (4, "")
    assert "BigBirdPegasusForSentenceExtraction" in done.stderr


# Figures


def test_rouge_lsum_compares_sentences() -> None:
    figures = rouge(rouge_scorer(), SENTENCES[:2], SENTENCES[1::-1])
    assert figures["rouge1"] == 100
    assert figures["rougeLsum"] == 100  # sentence by sentence; in one line the order would cost


def test_intervals_hold_the_mean_and_shrink_with_the_number_of_records() -> None:
    few = [{"x": float(n % 10)} for n in range(20)]
    many = few * 20
    (low, high), (lower, higher) = bootstrap_intervals(few)["x"], bootstrap_intervals(many)["x"]
    assert low < lower < 4.5 < higher < high
    # The standard error of a mean of 400 such numbers is 2.872 / 20.
    assert higher - lower == pytest.approx(2 * 1.96 * 2.872 / 20, rel=0.1)
    assert bootstrap_intervals(few) == bootstrap_intervals(few)
    assert bootstrap_intervals(few[:1]) == {}


@pytest.mark.parametrize(
    ("answers", "found", "exact", "f1"),
    [
        (["The Turku yard"], "turku  yard.", 100, 100),
        (["in Turku", "Turku"], "Turku", 100, 100),
        (["forty workers"], "forty men", 0, 50),
        (["forty"], "", 0, 0),
        ([], "", 100, 100),
        ([], "forty", 0, 0),
    ],
)
def test_answers_are_compared_as_squad_does(answers: list[str], found: str, exact: float, f1: float) -> None:
    assert answer_figures(answers, found) == {"exact_match": exact, "f1": f1}


def test_macro_f1_is_the_mean_over_the_labels_that_occur() -> None:
    wanted = [("a",), ("a",), ("b",), ("a", "b")]
    found = [("a",), ("b",), ("b",), ("a",)]
    figures = classification_figures(wanted, found, ["a", "b", "c"])
    assert figures["accuracy"] == 50
    assert figures["macro_f1"] == pytest.approx(100 * (2 * 2 / 5 + 2 * 1 / 4) / 2)


def test_the_value_of_a_text_is_rouge_1_and_rouge_2_of_the_reference_implementation() -> None:
    scorer = RougeScorer(["rouge1", "rouge2"], use_stemmer=True)
    texts = ["The ferries stopped running.", "Running ferries, it stopped!", "Nobody swims.", ""]
    wanted, *found = rouge_grams(texts)
    for text, grams in zip(texts[1:], found, strict=True):
        scored = scorer.score(texts[0], text)
        assert rouge_value(grams, wanted) == pytest.approx(sum(scored[name].fmeasure for name in scored))
