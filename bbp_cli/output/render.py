"""A task's result → its text, and the fields of its JSON record that are the task's own."""

from dataclasses import asdict

from bigbird_pegasus.text.words import clean

from bbp_cli.tasks.results import Answer, Answers, Classification, Outcome, Summary

NO_LABEL = "no label"
NO_ANSWER = "no answer"


def of_summary(summary: Summary) -> Outcome:
    """The summary itself."""
    fields = {
        "summary": summary.text,
        "sentences": [asdict(sentence) for sentence in summary.sentences],
        "quality": asdict(summary.quality),
    }
    return Outcome(summary.text, fields, summary.coverage, summary.warnings)


def of_classification(found: Classification) -> Outcome:
    """A line `label<TAB>score` for each label, or `no label`."""
    fields = {
        "labels": [asdict(label) for label in found.labels],
        "windows": [asdict(window) for window in found.windows],
    }
    lines = [f"{clean(label.label)}\t{label.score:.4f}" for label in found.labels]
    return Outcome("\n".join(lines) or NO_LABEL, fields, found.coverage, found.warnings)


def of_answers(found: Answers, *, several: bool) -> Outcome:
    """A line `text<TAB>score<TAB>place` for each answer, or `no answer`; of several, the question first."""
    fields = {
        "question": found.question,
        "answers": [asdict(answer) for answer in found.answers],
        "no_answer_score": found.no_answer_score,
    }
    lines = [f"{answer.text}\t{answer.score:.4f}\t{_place(answer)}" for answer in found.answers] or [
        NO_ANSWER
    ]
    if several:
        lines = [f"{clean(found.question)}\t{line}" for line in lines]
    return Outcome("\n".join(lines), fields, found.coverage, found.warnings)


def _place(answer: Answer) -> str:
    """`page 3, characters 120-155`: the page where there are pages, and the half-open span."""
    page = "" if answer.page is None else f"page {answer.page}, "
    return f"{page}characters {answer.start}-{answer.end}"
