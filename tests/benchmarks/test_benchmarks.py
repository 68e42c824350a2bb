"""The benchmarks run, on a tiny model: their figures mean nothing here."""

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from bigbird_pegasus.loading import load_model

ROOT = Path(__file__).resolve().parents[2]
GPU_PARTS = ("environment", "parity", "quantization", "attention", "speed", "step")
WORDS = "the harbour master counted boats gates tides lamps ropes crews weeks storms"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("benchmarks") / "model"


def run(name: str, *options: object) -> str:
    command = [sys.executable, "-m", f"tests.benchmarks.{name}", *map(str, options)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_both_sides_are_measured_and_stand_in_every_table(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "samples.jsonl"
    options = ("--tiny", "--threads", 1, "--folder", folder, "--output", output, "--rounds", 1, "--steps", 2)
    timed = run("speed", *options, "--precisions", "bfloat16,int8", "--only", "encoder,step,end-to-end")
    assert timed.count("\n| transformers bfloat16") == 3  # of the end, an estimate
    assert timed.count("\n| bbp bfloat16") == timed.count("\n| bbp int8") == 3
    with_memory = run("speed", *options, "--precisions", "int8", "--only", "memory")
    assert "peak memory" in with_memory
    assert timed.split("Measured")[0] in with_memory  # made of the samples that were kept
    parts = {json.loads(line)["part"] for line in output.read_text(encoding="utf-8").splitlines()}
    assert parts == {"loading", "rates", "encoder", "step", "end-to-end", "memory"}


def test_the_profile_names_operations(folder: Path) -> None:
    assert "linear" in run("profile", "--tiny", "--threads", 1, "--folder", folder, "--steps", 2)


def test_lengths_beyond_the_positions_are_read_in_windows(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    plot = tmp_path / "plot.png"
    rows = run("scaling", "--tiny", "--threads", 1, "--folder", folder, "--plot", plot).splitlines()
    assert rows[2].startswith("| 64 | 1 |")
    assert rows[3].startswith("| 512 | 2 |")
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_start_and_loading_are_measured(folder: Path) -> None:
    printed = run("start", "--tiny", "--threads", 1, "--folder", folder, "--rounds", 1, "--documents", 3)
    assert "bbp summarize takes" in printed
    assert "| 300 | " in printed
    assert "| bfloat16 |" in printed
    assert "Loading takes" in printed


def test_the_peak_of_the_whole_command_is_measured(folder: Path) -> None:
    only = "float32:bfloat16,folder:int8,transformers:bfloat16"
    rows = run("memory", "--tiny", "--threads", 1, "--folder", folder, "--only", only).splitlines()
    assert [row.split(" | ")[:3] for row in rows[2:5]] == [
        ["| bbp bfloat16", "float32", "64"],
        ["| bbp int8", "a converted folder", "64"],
        ["| transformers bfloat16", "float32", "64"],
    ]


def test_weights_are_rounded_group_by_group_and_are_exact_again_afterwards(folder: Path) -> None:
    options = ("--tiny", "--threads", 1, "--folder", folder, "--schemes", "int8,int8")
    rows = run("sensitivity", *options).splitlines()[2:-2]
    assert rows[-1].startswith("| all | ")
    errors = [row.split(" | ")[1:] for row in rows]
    assert all(first == second.removesuffix(" |") != "0.00 %" for first, second in errors)


def test_batches_are_measured(folder: Path) -> None:
    printed = run("batches", "--tiny", "--threads", 1, "--folder", folder, "--documents", 3, "--words", 3)
    assert "| 1 | 3 |" in printed
    assert "| auto | 3 |" in printed


def test_every_way_to_summarize_is_judged_once_on_every_record(tmp_path: Path) -> None:
    pytest.importorskip("sumy")
    corpus, judged = tmp_path / "records.jsonl.gz", tmp_path / "judged.jsonl"
    words = WORDS.split()
    texts = [
        [" ".join([*words[n + i :], *words[: n + i]]).capitalize() + f" in {n} {i}." for i in range(9)]
        for n in range(6)
    ]
    with gzip.open(corpus, "wt", encoding="utf-8") as file:
        for number, text in enumerate(texts):
            record = {
                "id": str(number),
                "source": "hand",
                "document": " ".join(text),
                "summary": text[number],
            }
            file.write(json.dumps(record) + "\n")
    options = ("--train", corpus, "--output", judged, "--val", corpus)
    simple = run("baselines", *options, "--records", 2, "--only", "lead-3,lexrank,textrank,lsa,luhn,default")
    assert simple.count("| 2 |") == 6
    assert "hand (2)" in simple
    held_out = tmp_path / "held-out.jsonl.gz"
    with gzip.open(held_out, "wt", encoding="utf-8") as file:
        record = {"id": "new", "source": "hand", "document": "A. B. C. D.", "summary": "B and D."}
        file.write(json.dumps(record) + "\n")
    trained = run("baselines", *options[:4], "--val", held_out, "--only", "ridge,embeddings")
    assert trained.count("| 1 |") == 2
    assert simple.splitlines()[2] in trained  # what was judged before stays


def test_a_source_is_judged_by_models_that_were_trained_without_it(tmp_path: Path) -> None:
    pytest.importorskip("sumy")
    words = WORDS.split()
    for name, numbers in (("train", range(20)), ("val", range(30, 34))):
        with gzip.open(tmp_path / f"{name}.jsonl.gz", "wt", encoding="utf-8") as file:
            for number in numbers:
                text = [" ".join([*words[(number + i) % 9 :], "of", str(number), str(i)]) for i in range(9)]
                document = " ".join(f"The {sentence}." for sentence in text)
                fields = {"document": document, "summary": f"The {text[number % 9]}."}
                source = ("letters", "notes")[number % 2]
                file.write(json.dumps({"id": str(number), "source": source, **fields}) + "\n")
    made = tmp_path / "made"
    corpus = ("--train", tmp_path / "train.jsonl.gz", "--val", tmp_path / "val.jsonl.gz", "--most", 8)
    printed = run("leave_one_out", *corpus, "--folder", made)
    assert "| notes (2) |" in printed
    assert "words, left out" in printed
    assert "encoder, all sources" in printed

    judged = [json.loads(line) for line in (made / "judged.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(judged) == 6 * 4
    # Nothing of the encoder reaches this head, and left out means another model than with all.
    model: Any = load_model(made / "words-without-notes")
    weights = model.sentence_head.scorer.first.weight
    assert not weights[:, -256:].any()
    assert weights[:, :-256].any()
    assert (made / "encoder-all").is_dir()
    assert run("leave_one_out", *corpus, "--folder", made) == printed


def test_a_run_for_a_gpu_runs_and_its_checks_pass(tmp_path: Path) -> None:
    output = tmp_path / "gpu.json"
    options = ("--device", "cpu", "--tiny", "--minutes", 600, "--output", output)
    printed = run("gpu", *options, "--only", ",".join(GPU_PARTS))
    found = json.loads(output.read_text(encoding="utf-8"))["results"]
    assert {result["part"] for result in found} == set(GPU_PARTS)
    checked = [result for result in found if result["right"] is not None]
    assert len(checked) > 20
    assert f"{len(checked)} of {len(checked)} checks passed" in printed
    assert printed.count("| speed | ") == 10
