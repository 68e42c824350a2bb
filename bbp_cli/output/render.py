"""Turn the result of a task into text, or into its fields of a JSON record.

One function per form of output, with one implementation per type of result.
"""

from dataclasses import asdict
from functools import singledispatch

from bigbird_pegasus.text.words import clean

from bbp_cli.tasks.results import (
    Answer,
    Answers,
    DocumentAnswers,
    DocumentResult,
    DocumentSummary,
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
    """Return a line `label<TAB>score` for each label, or `no label`."""
    return "\n".join(f"{clean(label.label)}\t{label.score:.4f}" for label in found.labels) or NO_LABEL


@as_text.register
def _(found: DocumentAnswers) -> str:
    """Return a line `text<TAB>score<TAB>place` for each answer, or `no answer`.

    With several questions each line begins with its question.
    """
    several = len(found.questions) > 1
    return "\n".join(
        f"{clean(answers.question)}\t{line}" if several else line
        for answers in found.questions
        for line in [_answer_line(answer) for answer in answers.answers] or [NO_ANSWER]
    )


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


def _answer_line(answer: Answer) -> str:
    """Return text, score and place: the page, in a document with pages, and the half-open span."""
    page = "" if answer.page is None else f"page {answer.page}, "
    return f"{answer.text}\t{answer.score:.4f}\t{page}characters {answer.start}-{answer.end}"
