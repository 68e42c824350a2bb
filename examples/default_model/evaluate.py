"""Figures of sentence-choosing models on records with a summary. Helper of `train.py`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from bigbird_pegasus.inference.extractive_model import ExtractiveModel
from bigbird_pegasus.inference.torch_extraction import extractive_model
from bigbird_pegasus.loading import load_model
from bigbird_pegasus.modeling.sentence_extraction import BigBirdPegasusForSentenceExtraction
from bigbird_pegasus.summarization.choosing.extractive import extractive_steps
from bigbird_pegasus.summarization.options import SummaryOptions
from bigbird_pegasus.summarization.steps import run_steps
from bigbird_pegasus.text.parsed_text import parse_text
from bigbird_pegasus.tokenization.tokenizer import PegasusTokenizer
from rouge_score import rouge_scorer

from examples.default_model.corpus import Record, split_sentences


@dataclass(frozen=True)
class Figures:
    """ROUGE F1 in percent, means over documents, and the words of the summaries."""

    documents: int
    rouge1: float
    rouge2: float
    rouge_lsum: float
    mean_words: float
    most_words: int


def summarize(document: str, model: ExtractiveModel, tokenizer: PegasusTokenizer) -> list[str]:
    """Return the sentences that the model chooses, by the code of the command."""
    steps = extractive_steps(parse_text(document), model, tokenizer, SummaryOptions())
    summary = run_steps(steps, model.encode_windows, batch_size=1)
    return [sentence.text for sentence in summary.sentences]


def evaluate(folder: Path, records: Sequence[Record]) -> dict[str, Figures]:
    """Figures of a checkpoint folder by source, and of all records under `all`: rouge-score with stemming."""
    model = load_model(folder)
    if not isinstance(model, BigBirdPegasusForSentenceExtraction):
        raise SystemExit(f"{folder} is no sentence-scoring model")
    tokenizer = PegasusTokenizer.from_pretrained(folder)
    chooser = extractive_model(model)
    summaries = [summarize(record.document, chooser, tokenizer) for record in records]
    return figures_by_source(records, summaries)


def evaluate_lead(records: Sequence[Record], count: int, least_words: int = 8) -> dict[str, Figures]:
    """Figures of the first `count` sentences of at least `least_words` words (headings are no sentences)."""
    summaries = []
    for record in records:
        texts = [s.text for s in split_sentences(record.document)]
        summaries.append(([t for t in texts if len(t.split()) >= least_words] or texts)[:count])
    return figures_by_source(records, summaries)


def figures_by_source(records: Sequence[Record], summaries: Sequence[Sequence[str]]) -> dict[str, Figures]:
    """Figures of the chosen sentences; rouge-score reads the sentences of both sides one a line."""
    scorer = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeLsum"], use_stemmer=True)
    rows: dict[str, list[tuple[float, ...]]] = {}
    for record, summary in zip(records, summaries, strict=True):
        reference = "\n".join(s.text for s in split_sentences(record.summary))
        scored = scorer.score(reference, "\n".join(summary))
        row = (*(scored[name].fmeasure * 100 for name in scored), sum(len(s.split()) for s in summary))
        rows.setdefault(record.source, []).append(row)
        rows.setdefault("all", []).append(row)
    figures = {}
    for source in sorted(rows, key=lambda name: (name == "all", name)):
        first, second, longest, words = zip(*rows[source], strict=True)
        one, two, lsum, mean_words = (float(np.mean(column)) for column in (first, second, longest, words))
        figures[source] = Figures(len(words), one, two, lsum, mean_words, int(max(words)))
    return figures


def print_figures(title: str, figures: dict[str, Figures]) -> None:
    """Return a Markdown table."""
    print(f"\n| {title} | documents | ROUGE-1 | ROUGE-2 | ROUGE-Lsum | mean words | most words |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for source, f in figures.items():
        print(
            f"| {source} | {f.documents} | {f.rouge1:.2f} | {f.rouge2:.2f} | {f.rouge_lsum:.2f} "
            f"| {f.mean_words:.1f} | {f.most_words} |"
        )
