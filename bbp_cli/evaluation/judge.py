"""Record + model → what the model makes of it, and how good that is. The commands' own code does the work."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bigbird_pegasus.summarization.extractive import DEFAULT_SUMMARY_WORDS
from bigbird_pegasus.summarization.options import SummaryOptions
from bigbird_pegasus.text.words import count_words

from bbp_cli.dataset import LabelRecord, QuestionRecord, Record, SummaryRecord
from bbp_cli.documents.document import PLAIN_TEXT, Document, Source
from bbp_cli.errors import InputError, UsageError
from bbp_cli.evaluation.baselines import Baseline, at_random, lead, oracle, sentences_of
from bbp_cli.evaluation.metrics import answer_figures, classification_figures, means, rouge
from bbp_cli.models.checkpoints import LoadedModel
from bbp_cli.tasks.classify import Classification, ClassifyOptions
from bbp_cli.tasks.question_answering import QAOptions, QuestionAnswering
from bbp_cli.tasks.summarize import summary_task
from bbp_cli.tasks.task import run_one


@dataclass(frozen=True)
class Judged:
    """One record: what was found, and its figures (percent, but for words)."""

    record: Record
    found: Mapping[str, object]
    figures: Mapping[str, float]


@dataclass(frozen=True)
class JudgeOptions:
    """What decides about results beside model and data; of each record's document only the first window is
    read where `truncate` is set.
    """

    length: int | None = None
    seed: int = 0
    truncate: bool = False
    generation: Mapping[str, object] = field(default_factory=dict)


def judge(record: Record, loaded: LoadedModel, settings: JudgeOptions, scorer: Any = None) -> Judged:
    """Do the task of a record with a model, and compare; `scorer` is for summaries, see `metrics`.

    Raises:
        InputError: the record's question is too long for the model.
        ModelError: what the model says is no number.
        ResourceError: it does not fit into memory.
        UsageError: the model cannot obey the settings.
    """
    if isinstance(record, SummaryRecord):
        return _judge_summary(record, loaded, settings, scorer)
    if isinstance(record, LabelRecord):
        return _judge_labels(record, loaded, settings)
    return _judge_answer(record, loaded, settings)


def judge_baseline(
    record: SummaryRecord, baseline: Baseline, length: int | None, seed: int, scorer: Any
) -> Judged:
    """Summarize without a model, and compare."""
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


def document_of(text: str, record: Record) -> Document:
    """A record's text as a document: exactly as it stands there, as it is in training, however short."""
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
    return Document(text, Source(record.id, digest, PLAIN_TEXT, "utf-8"))


def summary_of_figures(judged: Sequence[Judged]) -> dict[str, float]:
    """Means over records; for labels also macro-F1."""
    figures = means([dict(one.figures) for one in judged])
    pairs = [(one.record, one.found) for one in judged if isinstance(one.record, LabelRecord)]
    if pairs:
        wanted = [record.labels for record, _ in pairs]
        found = [
            tuple(map(str, labels)) for _, output in pairs if isinstance(labels := output["labels"], list)
        ]
        names = sorted({label for labels in (*wanted, *found) for label in labels})
        figures = classification_figures(wanted, found, names)
    return figures


# Tasks


def _judge_summary(record: SummaryRecord, loaded: LoadedModel, settings: JudgeOptions, scorer: Any) -> Judged:
    document = document_of(record.document, record)
    options = SummaryOptions(settings.length, settings.truncate, settings.seed, settings.generation)
    summary = run_one(summary_task(options, loaded.checkpoint), document, loaded)
    return _compared(record, [sentence.text for sentence in summary.sentences], None, scorer, summary.text)


def _compared(
    record: SummaryRecord, sentences: Sequence[str], budget: int | None, scorer: Any, text: str | None = None
) -> Judged:
    """Figures of a summary; of a single sentence that is longer than the budget only its beginning counts."""
    if budget is not None and len(sentences) == 1:
        sentences = [" ".join(sentences[0].split()[:budget])]
    text = " ".join(sentences) if text is None else text
    figures = rouge(scorer, sentences_of(record.summary), sentences)
    return Judged(record, {"summary": text}, {**figures, "words": float(count_words(text))})


def _judge_labels(record: LabelRecord, loaded: LoadedModel, settings: JudgeOptions) -> Judged:
    document = document_of(record.text, record)
    options = ClassifyOptions(truncate=settings.truncate)
    found = [label.label for label in run_one(Classification(options), document, loaded).labels]
    right = set(found) == set(record.labels)
    return Judged(record, {"labels": found}, {"accuracy": 100.0 * right})


def _judge_answer(record: QuestionRecord, loaded: LoadedModel, settings: JudgeOptions) -> Judged:
    document = document_of(record.context, record)
    task = QuestionAnswering([record.question], QAOptions(truncate=settings.truncate))
    try:
        found = run_one(task, document, loaded)
    except UsageError as error:  # of a command's question; here it is the record's
        raise InputError(error.message, code="question") from error
    best = found.questions[0].answers
    text = best[0].text if best else ""
    return Judged(record, {"answer": text}, answer_figures([answer.text for answer in record.answers], text))
