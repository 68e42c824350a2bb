"""Example + model → the model's result and its figures. The commands' own code does the work."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bigbird_pegasus.classification import ClassifyOptions
from bigbird_pegasus.summarization.choosing.extractive import DEFAULT_SUMMARY_WORDS
from bigbird_pegasus.summarization.options import Mode, Strategy, SummaryOptions
from bigbird_pegasus.text.words import count_words

from bbp_cli.dataset import Example, LabelExample, QuestionExample, SummaryExample
from bbp_cli.documents.document import Document, Source
from bbp_cli.documents.formats.convert import PLAIN_TEXT
from bbp_cli.errors import InputError, UsageError
from bbp_cli.evaluation.baselines import Baseline, at_random, lead, oracle, sentences_of
from bbp_cli.evaluation.metrics import answer_figures, classification_figures, means, rouge
from bbp_cli.evaluation.rouge_tokens import rouge_tokens_for
from bbp_cli.models.checkpoints import LoadedModel
from bbp_cli.tasks.classify import Classification
from bbp_cli.tasks.question_answering import QAOptions, QuestionAnswering
from bbp_cli.tasks.summarize import summary_task
from bbp_cli.tasks.task import run_one


@dataclass(frozen=True)
class ScoredExample:
    """One example: the result, and its figures (percent, but for words)."""

    record: Example
    found: Mapping[str, object]
    figures: Mapping[str, float]


@dataclass(frozen=True)
class JudgeOptions:
    """The options of an evaluation; strategy `truncate` reads only the first window, for every task."""

    length: int | None = None
    seed: int = 0
    strategy: Strategy | None = None
    mode: Mode | None = None
    generation: Mapping[str, object] = field(default_factory=dict)

    @property
    def truncate(self) -> bool:
        """Return whether only the first window of each document is read."""
        return self.strategy == "truncate"


def score_example(
    record: Example, loaded: LoadedModel, settings: JudgeOptions, scorer: Any = None
) -> ScoredExample:
    """Run a model on an example and compare; `scorer` is for summaries, see `metrics`.

    Raises:
        InputError: the example's question is too long for the model.
        ModelError: the model's scores are not finite numbers.
        ResourceError: it does not fit into memory.
        UsageError: the model cannot obey the settings.
    """
    if isinstance(record, SummaryExample):
        return _score_summary(record, loaded, settings, scorer)
    if isinstance(record, LabelExample):
        return _score_labels(record, loaded, settings)
    return _score_answer(record, loaded, settings)


def score_baseline(
    record: SummaryExample, baseline: Baseline, length: int | None, seed: int, scorer: Any
) -> ScoredExample:
    """Summarize an example without a model, and compare."""
    document = document_of(record.document, record)
    sentences = sentences_of(document.text)
    budget = length or DEFAULT_SUMMARY_WORDS
    if baseline == "lead":
        chosen = lead(sentences, budget)
    elif baseline == "random":
        chosen = at_random(sentences, budget, f"{seed}/{record.id}")
    else:
        chosen = oracle(sentences, record.summary, budget)
    return _compared(record, [sentences[number] for number in chosen], budget, scorer)


def document_of(text: str, record: Example) -> Document:
    """Make a document of an example's text, exactly as it stands, however short, as training does."""
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
    return Document(text, Source(record.id, digest, PLAIN_TEXT, "utf-8"))


def aggregate_figures(judged: Sequence[ScoredExample]) -> dict[str, float]:
    """Return means over examples; for labels also macro-F1."""
    figures = means([dict(one.figures) for one in judged])
    pairs = [(one.record, one.found) for one in judged if isinstance(one.record, LabelExample)]
    if pairs:
        wanted = [record.labels for record, _ in pairs]
        found = [
            tuple(map(str, labels)) for _, output in pairs if isinstance(labels := output["labels"], list)
        ]
        names = sorted({label for labels in (*wanted, *found) for label in labels})
        figures = classification_figures(wanted, found, names)
    return figures


def _score_summary(
    record: SummaryExample, loaded: LoadedModel, settings: JudgeOptions, scorer: Any
) -> ScoredExample:
    document = document_of(record.document, record)
    options = SummaryOptions(
        settings.length,
        seed=settings.seed,
        generation=settings.generation,
        strategy=settings.strategy,
        mode=settings.mode,
    )
    summary = run_one(summary_task(options, loaded.checkpoint), document, loaded)
    return _compared(record, [sentence.text for sentence in summary.sentences], None, scorer, summary.text)


def _compared(
    record: SummaryExample, sentences: Sequence[str], budget: int | None, scorer: Any, text: str | None = None
) -> ScoredExample:
    """Score a summary; of a single sentence that is longer than the budget only its beginning counts."""
    if budget is not None and len(sentences) == 1:
        sentences = [" ".join(sentences[0].split()[:budget])]
    text = " ".join(sentences) if text is None else text
    figures = rouge(scorer, sentences_of(record.summary), sentences)
    found = {"summary": text, "rouge_tokens": rouge_tokens_for(record.summary)}
    return ScoredExample(record, found, {**figures, "words": float(count_words(text))})


def _score_labels(record: LabelExample, loaded: LoadedModel, settings: JudgeOptions) -> ScoredExample:
    document = document_of(record.text, record)
    options = ClassifyOptions(truncate=settings.truncate)
    found = [label.label for label in run_one(Classification(options), document, loaded).labels]
    right = set(found) == set(record.labels)
    return ScoredExample(record, {"labels": found}, {"accuracy": 100.0 * right})


def _score_answer(record: QuestionExample, loaded: LoadedModel, settings: JudgeOptions) -> ScoredExample:
    document = document_of(record.context, record)
    task = QuestionAnswering([record.question], QAOptions(truncate=settings.truncate))
    try:
        found = run_one(task, document, loaded)
    except UsageError as error:  # about a command's question; here it is the example's
        raise InputError(error.message, code="question") from error
    best = found.questions[0].answers
    text = best[0].text if best else ""
    return ScoredExample(
        record, {"answer": text}, answer_figures([answer.text for answer in record.answers], text)
    )
