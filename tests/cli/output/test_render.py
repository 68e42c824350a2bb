"""Each kind of result has a text and the fields of a record."""

import pytest

from bbp_cli.output.render import as_text, record_fields
from bbp_cli.tasks.results import Answer, Answers, DocumentAnswers, DocumentCoverage, Label, Labels

READ = DocumentCoverage(tokens_total=9, tokens_read=9, windows=1, truncated=False, pages_without_text=())
ANSWER = Answer("in\u2028May", 0.25, page=3, start=4, end=10)


def answers(question: str, *found: Answer) -> Answers:
    return Answers(question, found, no_answer_score=0.5, coverage=READ)


def test_labels_are_lines_of_label_and_score() -> None:
    labels = Labels((Label("sea\tfood", 0.75), Label("b", 0.125)), (), READ)
    assert as_text(labels) == "sea food\t0.7500\nb\t0.1250"
    assert as_text(Labels((), (), READ)) == "no label"


def test_answers_to_several_questions_are_printed_after_their_question() -> None:
    one, none = answers("When?", ANSWER), answers("Why?")
    line = "in\u2028May\t0.2500\tpage 3, characters 4-10"
    assert as_text(DocumentAnswers((one,))) == line
    assert as_text(DocumentAnswers((none,))) == "no answer"
    assert as_text(DocumentAnswers((one, none))) == f"When?\t{line}\nWhy?\tno answer"


def test_an_object_of_no_kind_of_result_is_refused() -> None:
    with pytest.raises(TypeError, match="no text for int"):
        as_text(3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="no record of int"):
        record_fields(3)  # type: ignore[arg-type]
