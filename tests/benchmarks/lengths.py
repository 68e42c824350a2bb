"""How often summaries keep the bounds of `--length`, and what small lengths cost in ROUGE.

    python -m tests.benchmarks.lengths

Every document of ../shared/corpus/val.jsonl.gz is read once by the default model; then its summary is made in
each length.
"""

import argparse
import gzip
import json
from pathlib import Path

import numpy as np
from bigbird_pegasus import DEFAULT_MODEL
from bigbird_pegasus.checkpoints.hub import checkpoint_folder
from bigbird_pegasus.inference.extractive_model import ExtractiveModel
from bigbird_pegasus.inference.numpy_model import load_numpy_model
from bigbird_pegasus.kernels.threads import usable_processors
from bigbird_pegasus.summarization.choosing.extractive import extractive_steps
from bigbird_pegasus.summarization.length import bounds_of, parse_length
from bigbird_pegasus.summarization.options import SummaryOptions
from bigbird_pegasus.summarization.summary import Summary
from bigbird_pegasus.text.parsed_text import parse_text
from bigbird_pegasus.text.words import count_words
from bigbird_pegasus.tokenization.tokenizer import PegasusTokenizer
from rouge_score import rouge_scorer

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus" / "val.jsonl.gz"
LENGTHS = ("20", "50", "100", "50w", "120w", "200w", "1s", "3s", "5s", "5%", "10%", "short", "medium", "long")


def summaries(document: str, model: ExtractiveModel, tokenizer: PegasusTokenizer) -> dict[str, Summary]:
    """Return the summary of a document in each length; the model reads it once."""
    text = parse_text(document)
    vectors: list[object] | None = None
    found = {}
    for length in LENGTHS:
        steps = extractive_steps(text, model, tokenizer, SummaryOptions(parse_length(length)))
        windows = next(steps)
        vectors = vectors or list(model.encode_windows(windows))
        try:
            steps.send(vectors)  # type: ignore[arg-type]  # what `encode_windows` returned
        except StopIteration as stop:
            found[length] = stop.value
    return found


def is_within(length: str, summary: Summary, document_words: int) -> bool:
    """Return whether a summary keeps its bounds, without a sentence that is cut."""
    bounds = bounds_of(parse_length(length), document_words, 0)
    words, sentences = count_words(summary.summary), len(summary.sentences)
    few = summary.quality.stop == "whole"  # nothing more is there
    enough = few or (words >= bounds.min_words and sentences >= bounds.min_sentences)
    fits = words <= (bounds.max_words or words) and sentences <= (bounds.max_sentences or sentences)
    return enough and fits and not summary.warnings


def main() -> None:
    """Print a row for each length."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--every", type=int, default=1, metavar="N", help="read each N-th document only")
    every = arguments.parse_args().every
    model = load_numpy_model(checkpoint_folder(DEFAULT_MODEL, weights=True), usable_processors())
    assert model is not None
    tokenizer = PegasusTokenizer.from_pretrained(DEFAULT_MODEL)
    scorer = rouge_scorer.RougeScorer(["rouge1", "rouge2"], use_stemmer=True)
    rows: dict[str, list[tuple[float, ...]]] = {length: [] for length in LENGTHS}
    with gzip.open(CORPUS, "rt", encoding="utf-8") as lines:
        for line in list(lines)[::every]:
            record = json.loads(line)
            for length, summary in summaries(record["document"], model, tokenizer).items():
                words = round(summary.quality.compression_ratio * max(1, count_words(summary.summary)))
                rouge = scorer.score(record["summary"], summary.summary)
                within = is_within(length, summary, words)
                figures = (rouge["rouge1"].fmeasure, rouge["rouge2"].fmeasure)
                cut = any("cut" in one or "clause" in one for one in summary.warnings)
                counts = (count_words(summary.summary), len(summary.sentences))
                rows[length].append((within, bool(summary.warnings), cut, *counts, *figures))
    print("length   within %  warned %  cut %  words  sentences  ROUGE-1  ROUGE-2")
    for length, row in rows.items():
        within, warned, cut, words, sentences, one, two = np.mean(row, axis=0)
        shares = f"{100 * within:8.1f}  {100 * warned:8.1f}  {100 * cut:5.1f}"
        print(f"{length:8} {shares}  {words:5.1f}  {sentences:9.1f}  {100 * one:7.1f}  {100 * two:7.1f}")


if __name__ == "__main__":
    main()
