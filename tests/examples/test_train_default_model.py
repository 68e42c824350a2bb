"""The script that trains the default model runs from corpus to checkpoint, here on a few tiny records."""

import gzip
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from bigbird_pegasus.loading import load_model
from bigbird_pegasus.modeling.sentence_extraction import BigBirdPegasusForSentenceExtraction
from bigbird_pegasus.tokenization.tokenizer import PegasusTokenizer

from examples.default_model import corpus as corpus_module

ROOT = Path(__file__).resolve().parents[2]
RECIPE = {
    "steps": 2,
    "head_steps": 2,
    "warm_up": 1,
    "decay_steps": 1,
    "batch_windows": 2,
    "window": 64,
    "width": 32,
    "layers": 1,
    "heads": 2,
    "inner": 32,
    "block_size": 4,
}


def write_corpus(folder: Path) -> None:
    generator = random.Random(0)
    words = "network router packet table link failure address protocol header message peer".split()  # noqa: SIM905

    def sentence(count: int = 10) -> str:
        return "The " + " ".join(generator.choices(words, k=count)) + "."

    for name, count in (("train", 24), ("val", 4)):
        with gzip.open(folder / f"{name}.jsonl.gz", "wt", encoding="utf-8") as lines:
            for number in range(count):
                record = {
                    "id": f"{name}-{number}",
                    "source": ("letters", "notes")[number % 2],
                    "document": f"Introduction\n\n{sentence(200)}\n\n"  # longer than a window
                    + "\n\n".join(" ".join(sentence() for _ in range(4)) for _ in range(5)),
                    "summary": f"{sentence()} {sentence()}",
                }
                lines.write(json.dumps(record) + "\n")


def run_stage(*arguments: str) -> str:
    command = [sys.executable, "-m", "examples.default_model.train", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_stages_make_a_checkpoint_that_scores_sentences(tmp_path: Path) -> None:
    write_corpus(tmp_path)
    run, exported, recipe = tmp_path / "run", tmp_path / "exported", json.dumps(RECIPE)
    shared = ("--run", str(run), "--recipe", recipe)
    run_stage("prepare", "--corpus", str(tmp_path), "--vocabulary", "150", *shared)
    run_stage("train", "--report-every", "3", *shared)
    run_stage("score", "--run", str(run))
    run_stage("choose", "--run", str(run), "--corpus", str(tmp_path))
    run_stage("export", "--run", str(run), "--to", str(exported))
    table = run_stage("evaluate", "--corpus", str(tmp_path), "--model", str(exported))
    assert "| all | 4 |" in table
    assert "lead-3" in table

    steps = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in steps if "step" in row] == [2, 3, 4]
    model = load_model(exported)
    assert isinstance(model, BigBirdPegasusForSentenceExtraction)
    assert len(PegasusTokenizer.from_pretrained(exported)) == model.config.vocab_size


def test_a_finished_run_is_not_trained_again(tmp_path: Path) -> None:
    write_corpus(tmp_path)
    shared = ("--run", str(tmp_path / "run"), "--recipe", json.dumps(RECIPE | {"processes": 1}))
    run_stage("prepare", "--corpus", str(tmp_path), "--vocabulary", "150", *shared)
    run_stage("train", *shared)
    weights = (tmp_path / "run" / "checkpoint" / "model.safetensors").read_bytes()
    run_stage("train", *shared)
    assert (tmp_path / "run" / "checkpoint" / "model.safetensors").read_bytes() == weights


def test_stock_sentences_leave_summaries() -> None:
    clean = corpus_module.clean_summary
    assert clean("It routes. This memo provides information for the Internet community.") == "It routes."
    assert clean("It routes. [STANDARDS-TRACK]") == "It routes."
    assert clean("It provides information on routes.") == "It provides information on routes."
    assert clean("[STANDARDS-TRACK]") == "[STANDARDS-TRACK]"


def test_sentence_values_are_what_rouge_score_says() -> None:
    from rouge_score import rouge_scorer

    summary = "The routers are exchanging tables; tables of networks are exchanged with their neighbours."
    sentences = [
        "Routers exchange tables with neighbours.",
        "Nothing else.",
        "",
        "Tables of networks of tables.",
    ]
    scorer = rouge_scorer.RougeScorer(["rouge1", "rouge2"], use_stemmer=True)
    scored = [scorer.score(summary, sentence) for sentence in sentences]
    expected = [s["rouge1"].fmeasure + s["rouge2"].fmeasure for s in scored]
    assert corpus_module.sentence_values(sentences, summary) == pytest.approx(expected)


def test_training_pieces_are_those_of_inference(tmp_path: Path) -> None:
    from bigbird_pegasus.text.windows import encode_sentences

    write_corpus(tmp_path)
    records = corpus_module.read_records(tmp_path / "train.jsonl.gz")
    valued = [corpus_module.value_record(record) for record in records]
    texts = [s.text for document in valued for s in document.sentences]
    corpus_module.train_vocabulary(iter(texts), tmp_path / "spiece", 150)
    corpus = corpus_module.build_corpus(records, valued, tmp_path / "spiece.model")
    tokenizer = PegasusTokenizer(tmp_path / "spiece.model", offset=0)
    for number, document in enumerate(valued):
        first, last = corpus.documents[number], corpus.documents[number + 1]
        pieces = corpus.tokens[corpus.sentences[first] : corpus.sentences[last]].tolist()
        sentences = document.sentences
        encoded = encode_sentences(
            tokenizer, [s.text for s in sentences], [s.starts_paragraph for s in sentences]
        )
        assert [piece for ids in encoded for piece in ids] == pieces


def test_the_split_takes_every_source_and_is_stable(tmp_path: Path) -> None:
    write_corpus(tmp_path)
    records = corpus_module.read_records(tmp_path / "train.jsonl.gz")
    training, tuning = corpus_module.split_tuning(records, 6)
    assert {record.source for record in tuning} == {"letters", "notes"}
    assert len(tuning) == 6
    assert not {r.id for r in training} & {r.id for r in tuning}
    assert corpus_module.split_tuning(records, 6) == (training, tuning)


def test_repeated_and_held_out_records_are_dropped(tmp_path: Path) -> None:
    write_corpus(tmp_path)
    records = corpus_module.read_records(tmp_path / "train.jsonl.gz")
    kept = corpus_module.clean_training_records([*records, records[0]], records[:2])
    assert kept == records[2:]
