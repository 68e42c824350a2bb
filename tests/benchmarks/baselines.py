"""ROUGE of the default model and of what could be used in its place, on held-out records of a corpus.

    python -m tests.benchmarks.baselines --output runs/baselines.jsonl
    python -m tests.benchmarks.baselines --output runs/baselines.jsonl --only lexrank,textrank

- lead-3, lead-4: the first sentences of at least 8 words, however long.
- lexrank, textrank, lsa, luhn: of sumy, with its English stemmer and stop words; the best sentences that
  fit into 100 words, of those of at least 8. Sentences are split as bbp splits them.
- ridge, embeddings: models that are trained first, see `trained_baselines.py`; 100 words.
- smollm2 (only when it is asked for): a small language model, see `small_language_model.py`; `--every 8
  --records 50` judges on every eighth record, 50 in all.
- default: the model that comes with bbp, by the code of `bbp summarize`; as long as it finds right.

Figures are F1 of rouge-score, with stemming. Results are added to those in `--output`, and the tables
are made of all of them, with 95 % bootstrap intervals over the records.
"""

import gzip
import json
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

from bigbird_pegasus.text.words import count_words

from bbp_cli.dataset import SummaryExample
from bbp_cli.evaluation.baselines import sentences_of
from bbp_cli.evaluation.judge import JudgeOptions, score_example
from bbp_cli.evaluation.metrics import ROUGE, bootstrap_intervals, means, rouge, rouge_scorer
from tests.benchmarks.published_size import ROOT, options_of

Summarizer = Callable[[SummaryExample], list[str]]
CORPUS = ROOT.parent / "shared" / "corpus"
WORDS = 100
MIN_WORDS = 8  # of a sentence that counts: headings are none
SUMY = {
    "lexrank": ("sumy.summarizers.lex_rank", "LexRankSummarizer"),
    "textrank": ("sumy.summarizers.text_rank", "TextRankSummarizer"),
    "lsa": ("sumy.summarizers.lsa", "LsaSummarizer"),
    "luhn": ("sumy.summarizers.luhn", "LuhnSummarizer"),
}
TRAINED = ("ridge", "embeddings")
DEFAULT = "default"
METHODS = ("lead-3", "lead-4", *SUMY, *TRAINED, DEFAULT)


@dataclass(frozen=True)
class ScoredExample:
    """The figures of one method on one record."""

    method: str
    id: str
    source: str
    figures: dict[str, float]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options_of(__doc__)
    parser.add_argument("--val", type=Path, default=CORPUS / "val.jsonl.gz")
    parser.add_argument("--train", type=Path, default=CORPUS / "train.jsonl.gz")
    parser.add_argument("--only", type=lambda text: text.split(","), default=METHODS)
    parser.add_argument("--records", type=int, help="judge on the first so many")
    parser.add_argument("--every", type=int, default=1, help="of each so many records, judge on the first")
    parser.add_argument("--gguf", type=Path, help="weights of smollm2")
    parser.add_argument("--training-records", type=int, help="train on the first so many")
    parser.add_argument("--output", type=Path, help="JSON Lines: read first, added to")
    asked = parser.parse_args(arguments)
    records = read(asked.val)[:: asked.every][: asked.records]
    judged = kept(asked.output)
    scorer = rouge_scorer()
    for method in asked.only:
        done = {row.id for row in judged if row.method == method}
        left = [record for record in records if record.id not in done]
        judge_one = _judge_with(method, asked, scorer) if left else None
        for record in left:
            assert judge_one is not None
            row = ScoredExample(method, record.id, record.source or "", judge_one(record))
            judged.append(row)
            if asked.output:
                with asked.output.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(row)) + "\n")
        print(f"{method}: {len(left)} records judged", file=sys.stderr)
    print(tables(judged))


def read(path: Path, limit: int | None = None) -> list[SummaryExample]:
    """Records of a corpus file, in their order."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in islice(file, limit)]
    return [
        SummaryExample(number, row["id"], row["document"], row["summary"], row["source"])
        for number, row in enumerate(rows, start=1)
    ]


def kept(path: Path | None) -> list[ScoredExample]:
    """What was judged before."""
    if path is None or not path.is_file():
        return []
    return [ScoredExample(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def _judge_with(method: str, asked: Any, scorer: Any) -> Callable[[SummaryExample], dict[str, float]]:
    if method == DEFAULT:
        return _default_model(scorer)
    return judge_summaries(summarizer(method, asked), scorer)


def judge_summaries(summarize: Summarizer, scorer: Any) -> Callable[[SummaryExample], dict[str, float]]:
    """What compares a method's summaries with those of the records."""

    def judge_one(record: SummaryExample) -> dict[str, float]:
        sentences = summarize(record)
        figures = rouge(scorer, sentences_of(record.summary), sentences)
        return figures | {"words": float(count_words(" ".join(sentences)))}

    return judge_one


def summarizer(method: str, asked: Any) -> Summarizer:
    """What makes a method's summaries, trained where it has to be."""
    if method in SUMY:
        return _sumy(method)
    if method in TRAINED:
        from tests.benchmarks import trained_baselines

        training = read(asked.train, asked.training_records)
        train: Callable[..., Summarizer] = getattr(trained_baselines, method)
        return train(training, read(asked.val))
    if method == "smollm2":
        from tests.benchmarks.small_language_model import smollm2

        return smollm2(asked.gguf)
    return partial(_lead, int(method.removeprefix("lead-")))


def _lead(count: int, record: SummaryExample) -> list[str]:
    return _whole_sentences(record)[:count]


def _whole_sentences(record: SummaryExample) -> list[str]:
    """A document's sentences without headings and the like; all where nothing else is there."""
    sentences = sentences_of(record.document)
    return [s for s in sentences if len(s.split()) >= MIN_WORDS] or sentences


def _default_model(scorer: Any) -> Callable[[SummaryExample], dict[str, float]]:
    from bbp_cli.models.checkpoints import find, load
    from bbp_cli.models.hardware import prepare

    loaded = load(find(DEFAULT, "summarize"), prepare())
    return lambda record: dict(score_example(record, loaded, JudgeOptions(), scorer).figures)


class _Words:
    """sumy's words, without the data that its own tokenizer downloads."""

    _word = re.compile(r"[^\W\d_](?:[^\W\d_]|['-])*")

    def to_words(self, sentence: str) -> tuple[str, ...]:
        return tuple(self._word.findall(sentence))


def _sumy(method: str) -> Summarizer:
    from sumy.models.dom import ObjectDocumentModel, Paragraph, Sentence
    from sumy.nlp.stemmers import Stemmer
    from sumy.utils import get_stop_words

    module, name = SUMY[method]
    found = getattr(import_module(module), name)(Stemmer("english"))
    found.stop_words = get_stop_words("english")
    words = _Words()

    def summarize(record: SummaryExample) -> list[str]:
        sentences = [Sentence(text, words) for text in _whole_sentences(record) if words.to_words(text)]
        document = ObjectDocumentModel([Paragraph(sentences)])
        return [str(sentence) for sentence in found(document, _within_budget)]

    return summarize


def _within_budget(rated: Sequence[Any]) -> list[Any]:
    """Of sentences, best first, those that fit into the words; the best one in any case."""
    chosen, left = [], WORDS
    for one in rated:
        words = count_words(str(one.sentence))
        if words <= left:
            chosen.append(one)
            left -= words
    return chosen or list(rated[:1])


def tables(judged: Sequence[ScoredExample]) -> str:
    """Markdown: overall with intervals, then ROUGE-1 / ROUGE-2 by source, ± half of an interval."""
    methods: dict[str, list[ScoredExample]] = {}
    for row in judged:
        methods.setdefault(row.method, []).append(row)
    lines = ["| | records | ROUGE-1 | ROUGE-2 | ROUGE-Lsum | words |", "| --- " * 6 + "|"]
    for method, rows in methods.items():
        figures = [row.figures for row in rows]
        mean, between = means(figures), bootstrap_intervals(figures)
        cells = [with_interval(mean[name], between.get(name)) for name in ROUGE]
        lines.append(f"| {method} | {len(rows)} | {' | '.join(cells)} | {mean['words']:.0f} |")
    sources = sorted({row.source for row in judged})
    counts = {s: len({row.id for row in judged if row.source == s}) for s in sources}
    head = [f"{source} ({counts[source]})" for source in sources]
    lines += ["", f"| ROUGE-1 / ROUGE-2 | {' | '.join(head)} |", "| --- " * (1 + len(sources)) + "|"]
    for method, rows in methods.items():
        cells = []
        for source in sources:
            figures = [row.figures for row in rows if row.source == source]
            mean, between = means(figures), bootstrap_intervals(figures)
            both = [_with_half(mean[name], between.get(name)) for name in ROUGE[:2] if mean]
            cells.append(" / ".join(both))
        lines.append(f"| {method} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _with_half(value: float, between: tuple[float, float] | None) -> str:
    return f"{value:.1f}" if between is None else f"{value:.1f} ± {(between[1] - between[0]) / 2:.1f}"


def with_interval(value: float, between: tuple[float, float] | None) -> str:
    """A mean, and its interval where there is one."""
    return f"{value:.1f}" if between is None else f"{value:.1f} ({between[0]:.1f} to {between[1]:.1f})"


if __name__ == "__main__":
    main()
