"""Turn the result of a task into text, or into its fields of a JSON record.

One function per form of output, with one implementation per type of result.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import singledispatch
from typing import Any

from bigbird_pegasus.text.words import clean

from bbp_cli.tasks.results import (
    Answer,
    Answers,
    DocumentAnswers,
    DocumentResult,
    DocumentSummary,
    Label,
    Labels,
    RecordResult,
)

NO_LABEL = "no label"
NO_ANSWER = "no answer"


@singledispatch
def as_text(result: DocumentResult) -> str:
    """Return a document's result as it is printed without `--json`."""
    raise TypeError(f"no text for {type(result).__name__}")


@as_text.register
def _(summary: DocumentSummary) -> str:
    return summary.text


@as_text.register
def _(found: Labels) -> str:
    return _label_lines(found.labels)


@as_text.register
def _(found: DocumentAnswers) -> str:
    return _answer_lines([(answers.question, answers.answers) for answers in found.questions])


def text_of_records(records: Sequence[Mapping[str, Any]]) -> str:
    """Return a document's result as it is printed without `--json`, from its records."""
    first = records[0]
    if first["task"] == "summarize":
        return str(first["summary"])
    if first["task"] == "classify":
        return _label_lines([Label(**label) for label in first["labels"]])
    found = [(record["question"], [Answer(**answer) for answer in record["answers"]]) for record in records]
    return _answer_lines(found)


@singledispatch
def record_fields(result: RecordResult) -> dict[str, object]:
    """Return the fields of a JSON record that belong to this kind of result."""
    raise TypeError(f"no record of {type(result).__name__}")


@record_fields.register
def _(summary: DocumentSummary) -> dict[str, object]:
    return {
        "summary": summary.text,
        "sentences": [asdict(sentence) for sentence in summary.sentences],
        "quality": asdict(summary.quality),
    }


@record_fields.register
def _(found: Labels) -> dict[str, object]:
    return {
        "labels": [asdict(label) for label in found.labels],
        "windows": [asdict(window) for window in found.windows],
    }


@record_fields.register
def _(found: Answers) -> dict[str, object]:
    return {
        "question": found.question,
        "answers": [asdict(answer) for answer in found.answers],
        "no_answer_score": found.no_answer_score,
    }


def _label_lines(labels: Sequence[Label]) -> str:
    """Return a line `label<TAB>score` for each label, or `no label`."""
    return "\n".join(f"{clean(label.label)}\t{label.score:.4f}" for label in labels) or NO_LABEL


def _answer_lines(found: Sequence[tuple[str, Sequence[Answer]]]) -> str:
    """Return a line `text<TAB>score<TAB>place` for each answer of each question, or `no answer`.

    With several questions each line begins with its question.
    """
    return "\n".join(
        f"{clean(question)}\t{line}" if len(found) > 1 else line
        for question, answers in found
        for line in [_answer_line(answer) for answer in answers] or [NO_ANSWER]
    )


def _answer_line(answer: Answer) -> str:
    """Return text, score and place: the page, in a document with pages, and the half-open span."""
    page = "" if answer.page is None else f"page {answer.page}, "
    return f"{answer.text}\t{answer.score:.4f}\t{page}characters {answer.start}-{answer.end}"
