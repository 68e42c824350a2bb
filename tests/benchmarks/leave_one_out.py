"""How good the recipe of the default model is on a kind of text that it was not trained on.

    python -m tests.benchmarks.leave_one_out --folder runs/left-out

For each source of the corpus, scorer and selector are trained without its documents and judged on the
held-out records of it, by the code of `bbp summarize`; and once with all sources. The training is a shorter
one than the default model's (`--most` documents of each source, two parts instead of four, two rounds). Two
variants:

- words: the head takes nothing from the encoder, so nothing in it has seen the source.
- encoder: with the vectors of the encoder that comes with bbp, which stays as it is. It was trained on all
  sources: only scorer and selector have not seen the one that is left out.

Beside them lead-3 and LexRank, see `baselines.py`. Everything is kept in `--folder`: the same command again
goes on where it was ended.
"""

import json
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from bigbird_pegasus import DEFAULT_MODEL
from bigbird_pegasus.loading import load_model
from bigbird_pegasus.modeling.sentence_extraction import BigBirdPegasusForSentenceExtraction

from bbp_cli.dataset import SummaryExample
from bbp_cli.evaluation.judge import JudgeOptions, score_example
from bbp_cli.evaluation.metrics import ROUGE, bootstrap_intervals, means, rouge_scorer
from bbp_cli.models.checkpoints import find, load
from bbp_cli.models.hardware import prepare
from examples.default_model import corpus as data
from examples.default_model import scorer as scoring
from examples.default_model import selector as choosing
from examples.default_model.train import one_window
from tests.benchmarks.baselines import (
    CORPUS,
    ScoredExample,
    judge_summaries,
    kept,
    read,
    summarizer,
    with_interval,
)
from tests.benchmarks.published_size import options_of

BASELINES = ("lead-3", "lexrank")
VARIANTS = ("words", "encoder")
ALL = "all sources"
SCORER = scoring.ScorerRecipe(folds=2)
CHOOSER = choosing.ChooserRecipe(rounds=2, first_documents=500)
CHOOSER_DOCUMENTS = 1500
JudgeOne = Callable[[SummaryExample], dict[str, float]]


@dataclass(frozen=True)
class Training:
    """What all trainings share: documents, vectors of their sentences, the texts the selector learns from."""

    corpus: data.Corpus
    vectors: np.ndarray
    texts: dict[int, choosing.Text]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options_of(__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--val", type=Path, default=CORPUS / "val.jsonl.gz")
    parser.add_argument("--train", type=Path, default=CORPUS / "train.jsonl.gz")
    parser.add_argument("--most", type=int, default=1500, help="documents of each source to train on")
    parser.add_argument("--only", type=lambda text: text.split(","), help="sources to leave out")
    asked = parser.parse_args(arguments)
    asked.folder.mkdir(parents=True, exist_ok=True)
    records = read(asked.val)
    sources = sorted({record.source or "" for record in records})
    file = asked.folder / "judged.jsonl"
    judged = kept(file)
    scorer = rouge_scorer()

    def judge_all(method: str, wanted: Sequence[str], make: Callable[[], JudgeOne]) -> None:
        done = {row.id for row in judged if row.method == method}
        left = [r for r in records if r.source in wanted and r.id not in done]
        judge_one = make() if left else None
        for record in left:
            assert judge_one is not None
            row = ScoredExample(method, record.id, record.source or "", judge_one(record))
            judged.append(row)
            with file.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(asdict(row)) + "\n")
        print(f"{method}, {', '.join(wanted)}: {len(left)} records judged", file=sys.stderr, flush=True)

    for method in BASELINES:
        judge_all(method, sources, partial(judge_summaries, summarizer(method, asked), scorer))
    training: list[Training] = []  # read when it is first needed

    def trained(variant: str, left_out: str | None) -> JudgeOne:
        folder = asked.folder / f"{variant}-{'all' if left_out is None else 'without-' + left_out}"
        if not folder.exists():
            if not training:
                training.append(read_training(asked.train, records, asked.most, asked.folder))
            train_head(training[0], variant, left_out, folder)
        loaded = load(find(str(folder), "summarize"), prepare())
        return lambda record: dict(score_example(record, loaded, JudgeOptions(), scorer).figures)

    for variant in VARIANTS:
        judge_all(f"{variant}, {ALL}", sources, partial(trained, variant, None))
        for source in asked.only or sources:
            judge_all(f"{variant}, left out", [source], partial(trained, variant, source))
    print(table(judged))


def read_training(file: Path, held_out: Sequence[SummaryExample], most: int, folder: Path) -> Training:
    """The training records, cleaned and the first `most` of each source by a hash of the id, and what the
    encoder makes of them; the arrays are kept in `folder`.
    """
    records = data.clean_training_records(
        data.read_records(file), [data.Record(r.id, r.source or "", r.document, r.summary) for r in held_out]
    )
    records = data.first_of_each_source(records, most)
    arrays, vectors = folder / "training.npz", folder / "vectors.npy"
    if not arrays.exists():
        valued = [data.value_record(record) for record in records]
        data.build_corpus(records, valued, DEFAULT_MODEL / "spiece.model").save(arrays)
    corpus = data.Corpus.load(arrays)
    assert corpus.sources.tolist() == [record.source for record in records], f"{arrays} is of other records"
    if not vectors.exists():
        model = _default_model()
        np.save(vectors, scoring.read_documents(model, corpus, one_window, SCORER))
    some = np.random.default_rng(2).permutation(len(records))[:CHOOSER_DOCUMENTS].tolist()
    texts = {number: choosing.Text.of(records[number]) for number in some}
    return Training(corpus, np.load(vectors), texts)


def train_head(training: Training, variant: str, left_out: str | None, folder: Path) -> None:
    """Write a checkpoint folder with scorer and selector that were trained without the source `left_out`."""
    corpus, model = training.corpus, _default_model()
    vectors = training.vectors if variant == "encoder" else np.zeros_like(training.vectors)
    documents = np.flatnonzero(corpus.sources != (left_out or ""))
    scores, lengths = scoring.scores_by_others(corpus, vectors, documents, model.config, SCORER)
    scorer = scoring.train_scorer(corpus, vectors, documents, model.config, SCORER)
    if variant == "words":
        scorer.first.weight.data[:, -model.config.d_model :] = 0.0
    selector = choosing.train_chooser(
        [
            choosing.scored_document(
                text,
                scores[corpus.documents[number] : corpus.documents[number + 1]],
                float(lengths[number]),
            )
            for number, text in training.texts.items()
            if corpus.sources[number] != left_out
        ],
        CHOOSER,
    )
    model.sentence_head.scorer.load_state_dict(scorer.state_dict())
    model.sentence_head.chooser.load_state_dict(selector.state_dict())
    begun = folder.with_suffix(".begun")
    begun.mkdir(exist_ok=True)
    model.to(torch.float16).save_pretrained(begun)
    for name in ("spiece.model", "tokenizer_config.json"):
        shutil.copy(DEFAULT_MODEL / name, begun / name)
    begun.rename(folder)


def _default_model() -> BigBirdPegasusForSentenceExtraction:
    model = load_model(DEFAULT_MODEL)
    assert isinstance(model, BigBirdPegasusForSentenceExtraction)
    return model


def table(judged: Sequence[ScoredExample]) -> str:
    """Markdown: ROUGE-1 / ROUGE-2 by source, of all records with intervals, and the mean of the sources."""
    methods = list(dict.fromkeys(row.method for row in judged))
    sources = sorted({row.source for row in judged})
    lines = [f"| | {' | '.join(methods)} |", "| --- " * (1 + len(methods)) + "|"]

    def figures(method: str, source: str | None = None) -> list[dict[str, float]]:
        return [r.figures for r in judged if r.method == method and source in (None, r.source)]

    for source in sources:
        found = [means(figures(method, source)) for method in methods]
        number = len({row.id for row in judged if row.source == source})
        lines.append(f"| {source} ({number}) | {' | '.join(map(_pair, found))} |")
    of_all = []
    for method in methods:
        rows = figures(method)
        mean, between = means(rows), bootstrap_intervals(rows)
        of_all.append(" / ".join(with_interval(mean[name], between.get(name)) for name in ROUGE))
    lines.append(f"| all records, with ROUGE-Lsum | {' | '.join(of_all)} |")
    by_source = [
        means([means(rows) for source in sources if (rows := figures(method, source))]) for method in methods
    ]
    lines.append(f"| mean of the sources | {' | '.join(map(_pair, by_source))} |")
    words = [f"{means(figures(method))['words']:.0f}" for method in methods]
    return "\n".join([*lines, f"| words | {' | '.join(words)} |"])


def _pair(mean: dict[str, float]) -> str:
    return f"{mean['rouge1']:.1f} / {mean['rouge2']:.1f}" if mean else ""


if __name__ == "__main__":
    main()
