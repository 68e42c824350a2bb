"""bbp qa: answers with score, page and span; no answer; many questions; and what is refused."""

import textwrap
from itertools import pairwise
from pathlib import Path

import pytest
from bigbird_pegasus import PegasusTokenizer
from bigbird_pegasus.text.parsed_text import parse_text
from bigbird_pegasus.text.windows import unwrapped
from hypothesis import given
from hypothesis import strategies as st

from bbp_cli.tasks.question_answering import best_of
from bbp_cli.tasks.results import Answer
from tests.cli.pdfs import make_pdf
from tests.cli.task_checkpoints import ANSWERS, READER_WINDOW, REPORT, make_reader
from tests.cli.tasks.test_classify import without_head
from tests.conftest import Bbp

WHERE = "Where was the ice breaker built?"
HOW_TALL = "How tall is the lighthouse?"


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that finds the answers of `ANSWERS` in `REPORT`, which takes it several windows to read."""
    return make_reader(tmp_path_factory.mktemp("reader"))


@pytest.fixture(scope="module")
def undecided(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has hardly learnt: every span has some score, none of them rounds to nothing."""
    return make_reader(tmp_path_factory.mktemp("undecided"), steps=1)


@pytest.fixture
def documents(tmp_path: Path) -> None:
    """report.txt, wrapped.txt with the same in short lines, and questions.txt."""
    (tmp_path / "report.txt").write_text(REPORT)
    paragraphs = [textwrap.fill(paragraph, 40) for paragraph in REPORT.split("\n\n")]
    (tmp_path / "wrapped.txt").write_text("\n\n".join(paragraphs))
    (tmp_path / "questions.txt").write_text("\n" + "\n\n".join(ANSWERS) + "\n")


pytestmark = pytest.mark.usefixtures("documents")


def test_an_answer_has_its_score_and_place(warm_bbp: Bbp, reader: Path) -> None:
    done = warm_bbp("qa", WHERE, "report.txt", "--model", reader)
    assert (done.code, done.stderr) == (0, "")
    text, score, place = done.stdout.removesuffix("\n").split("\t")
    start = REPORT.index("Turku")
    assert (text, place) == ("Turku", f"characters {start}-{start + 5}")
    assert 0.3 < float(score) <= 1


@pytest.mark.parametrize("file", ["report.txt", "wrapped.txt"])
def test_offsets_are_characters_of_what_extract_prints(
    file: str, warm_bbp: Bbp, reader: Path, tmp_path: Path
) -> None:
    text = warm_bbp("extract", file).stdout
    done = warm_bbp("qa", file, "--questions", "questions.txt", "--model", reader, "--json")
    for record, (question, expected) in zip(done.records, ANSWERS.items(), strict=True):
        assert (record["task"], record["question"]) == ("qa", question)
        assert [answer["text"] for answer in record["answers"]] == ([expected] if expected else [])
        for answer in record["answers"]:
            assert " ".join(text[answer["start"] : answer["end"]].split()) == expected
            assert answer["page"] is None
        assert record["coverage"]["windows"] > 2
        assert not record["coverage"]["truncated"]


def test_an_answer_in_a_pdf_has_its_page(warm_bbp: Bbp, reader: Path, tmp_path: Path) -> None:
    (tmp_path / "report.pdf").write_bytes(make_pdf(REPORT.split("\n\n")))
    done = warm_bbp("qa", WHERE, "report.pdf", "--model", reader)
    assert done.stdout.startswith("Turku\t")
    assert "\tpage 2, characters " in done.stdout
    (record,) = warm_bbp("qa", WHERE, "report.pdf", "--model", reader, "--json").records
    assert record["answers"][0]["page"] == 2


def test_a_question_that_the_document_does_not_answer_gets_no_answer(warm_bbp: Bbp, reader: Path) -> None:
    done = warm_bbp("qa", HOW_TALL, "report.txt", "--model", reader)
    assert (done.code, done.stdout) == (0, "no answer\n")
    (record,) = warm_bbp("qa", HOW_TALL, "report.txt", "--model", reader, "--json").records
    assert record["answers"] == []
    assert record["no_answer_score"] > 0.3


def test_min_score_replaces_the_decision_of_the_model(warm_bbp: Bbp, reader: Path, undecided: Path) -> None:
    done = warm_bbp("qa", WHERE, "report.txt", "--model", reader, "--min-score", 1)
    assert (done.code, done.stdout) == (0, "no answer\n")
    done = warm_bbp("qa", HOW_TALL, "report.txt", "--model", undecided, "--min-score", 0)
    assert len(done.stdout.split("\t")) == 3


def test_the_best_answers_do_not_overlap(warm_bbp: Bbp, undecided: Path) -> None:
    done = warm_bbp("qa", WHERE, "report.txt", "--model", undecided, "--top-k", 5, "--min-score", 0, "--json")
    answers = done.records[0]["answers"]
    assert len(answers) > 1
    assert [a["score"] for a in answers] == sorted((a["score"] for a in answers), reverse=True)
    spans = sorted((answer["start"], answer["end"]) for answer in answers)
    assert all(left[1] <= right[0] for left, right in pairwise(spans))


def test_a_larger_stride_makes_more_windows(warm_bbp: Bbp, reader: Path) -> None:
    windows = [
        warm_bbp("qa", WHERE, "report.txt", "--model", reader, "--stride", stride, "--json").records[0][
            "coverage"
        ]["windows"]
        for stride in (0, 40)
    ]
    assert windows[0] < windows[1]


def test_a_document_that_just_fits_is_one_window(warm_bbp: Bbp, reader: Path, tmp_path: Path) -> None:
    words = REPORT.split()
    files = [tmp_path / f"{count}.txt" for count in range(4, 32)]
    for count, file in enumerate(files, 4):
        file.write_text(" ".join(words[:count]))
    question = len(PegasusTokenizer.from_pretrained(reader)(WHERE, add_special_tokens=False).input_ids)
    done = warm_bbp("qa", WHERE, *files, "--model", reader, "--json")
    coverages = [record["coverage"] for record in done.records]
    assert {coverage["windows"] for coverage in coverages} >= {1, 2}
    fits = READER_WINDOW - question - 1
    assert all((c["windows"] == 1) == (c["tokens_total"] <= fits) for c in coverages)


def test_many_questions_stand_before_their_answers(warm_bbp: Bbp, reader: Path) -> None:
    done = warm_bbp("qa", "--questions", "questions.txt", "report.txt", "wrapped.txt", "--model", reader)
    assert done.code == 0
    rows = [line.split("\t") for line in done.stdout.splitlines() if "\t" in line]
    expected = [[question, answer or "no answer"] for question, answer in ANSWERS.items()]
    assert [row[:2] for row in rows] == expected * 2
    assert done.stdout.count("==>") == 2


def test_questions_come_from_stdin_and_documents_by_name(warm_bbp: Bbp, reader: Path, tmp_path: Path) -> None:
    done = warm_bbp("qa", "--questions", "-", "report.txt", "--model", reader, stdin=WHERE.encode())
    assert (done.code, done.stdout.split("\t")[0]) == (0, "Turku")
    (tmp_path / "list").write_text("report.txt\n")
    listed = ("qa", "--questions", "-", "--files-from", "list", "--model", reader)
    assert warm_bbp(*listed, stdin=WHERE.encode()).stdout == done.stdout


def test_a_document_comes_from_stdin(warm_bbp: Bbp, reader: Path) -> None:
    done = warm_bbp("qa", WHERE, "--model", reader, stdin=REPORT.encode())
    assert (done.code, done.stdout.split("\t")[0]) == (0, "Turku")


def test_records_of_two_runs_differ_in_timing_alone(warm_bbp: Bbp, reader: Path) -> None:
    runs = [warm_bbp("qa", WHERE, "report.txt", "--model", reader, "--json").records for _ in range(2)]
    for (record,) in runs:
        assert set(record.pop("timing")) == {"load_seconds", "qa_seconds"}
    assert runs[0] == runs[1]


def test_truncate_reads_the_first_window_with_a_warning(warm_bbp: Bbp, reader: Path) -> None:
    done = warm_bbp("qa", WHERE, "report.txt", "--model", reader, "--truncate", "--json")
    (record,) = done.records
    assert record["coverage"]["truncated"]
    assert record["coverage"]["windows"] == 1
    assert record["answers"] == []
    assert "bbp: warning: report.txt: --truncate: read only the first" in done.stderr


def test_a_warning_of_every_question_is_printed_once(warm_bbp: Bbp, reader: Path, tmp_path: Path) -> None:
    (tmp_path / "same.txt").write_text(f"{WHERE}\n{WHERE}\n")
    done = warm_bbp("qa", "--questions", "same.txt", "report.txt", "--model", reader, "--truncate")
    assert len(done.stdout.splitlines()) == 2
    assert done.stderr.count("--truncate: read only the first") == 1


def test_a_failed_input_has_its_record_and_the_others_continue(warm_bbp: Bbp, reader: Path) -> None:
    done = warm_bbp("qa", WHERE, "missing.txt", "report.txt", "--model", reader, "--json")
    assert done.code == 6
    assert [(r["task"], r["status"]) for r in done.records] == [("qa", "error"), ("qa", "ok")]


def test_answers_are_written_to_a_file(warm_bbp: Bbp, reader: Path, tmp_path: Path) -> None:
    done = warm_bbp(
        "qa", "report.txt", "--questions", "questions.txt", "--model", reader, "-o", "answers.txt"
    )
    assert (done.code, done.stdout) == (0, "")
    assert len((tmp_path / "answers.txt").read_text().splitlines()) == len(ANSWERS)


REFUSED_QUESTIONS = {
    "empty": ([" ", "report.txt"], "the question is empty"),
    "a file": (["report.txt", WHERE], "report.txt is a file: the question comes before the paths"),
    "stdin twice": (["--questions", "-"], "documents must have names"),
    "stdin named twice": (["--questions", "-", "-"], "documents must have names"),
    "stdin listed twice": (["--questions", "-", "--files-from", "-"], "documents must have names"),
    "negative stride": ([WHERE, "report.txt", "--stride", "-1"], "--stride"),
    "no answers": ([WHERE, "report.txt", "--top-k", "0"], "--top-k"),
    "score above 1": ([WHERE, "report.txt", "--min-score", "2"], "--min-score"),
}


@pytest.mark.parametrize("case", REFUSED_QUESTIONS)
def test_usage_that_cannot_be_obeyed_is_refused(case: str, bbp: Bbp, tmp_path: Path) -> None:
    arguments, message = REFUSED_QUESTIONS[case]
    done = bbp("qa", *arguments, "--model", "somewhere")
    assert (done.code, done.stdout) == (2, "")
    assert message in done.stderr


def test_a_question_too_long_for_the_window_is_refused(warm_bbp: Bbp, reader: Path) -> None:
    done = warm_bbp("qa", WHERE * 10, "report.txt", "--model", reader)
    assert (done.code, done.stdout) == (2, "")
    assert "more than half of the model's window" in done.stderr


def test_a_stride_too_large_for_the_window_is_refused(warm_bbp: Bbp, reader: Path) -> None:
    done = warm_bbp("qa", WHERE, "report.txt", "--model", reader, "--stride", 500)
    assert (done.code, done.stdout) == (2, "")
    assert "--stride 500 is too much" in done.stderr


BAD_QUESTIONS = {
    "missing": (None, "the questions cannot be read"),
    "empty": (b"", "holds no questions"),
    "blank": (b" \n\n", "holds no questions"),
    "binary": (bytes(range(256)) * 20, "questions.txt"),
}


@pytest.mark.parametrize("case", BAD_QUESTIONS)
def test_a_file_of_questions_that_cannot_be_used_is_named(case: str, bbp: Bbp, tmp_path: Path) -> None:
    content, message = BAD_QUESTIONS[case]
    (tmp_path / "questions.txt").unlink()
    if content is not None:
        (tmp_path / "questions.txt").write_bytes(content)
    done = bbp("qa", "report.txt", "--questions", "questions.txt", "--model", "somewhere")
    assert (done.code, done.stdout) == (3, "")
    assert done.stderr.startswith("bbp: error: questions.txt: ")
    assert message in done.stderr


def test_a_missing_question_prints_examples(bbp: Bbp) -> None:
    done = bbp("qa")
    assert (done.code, done.stdout) == (2, "")
    assert 'bbp qa --model FOLDER "What is it about?" report.pdf' in done.stderr


def test_a_missing_model_has_a_hint_how_to_train_one(bbp: Bbp) -> None:
    done = bbp("qa", WHERE, "report.txt")
    assert (done.code, done.stdout) == (2, "")
    assert "bbp train qa DATA.jsonl" in done.stderr


def test_a_model_can_be_named_by_the_environment(warm_bbp: Bbp, reader: Path) -> None:
    assert warm_bbp("qa", WHERE, "report.txt", BBP_QA_MODEL=str(reader)).stdout.startswith("Turku\t")


def test_a_model_that_summarizes_is_refused(bbp: Bbp, extractive: Path) -> None:
    done = bbp("qa", WHERE, "report.txt", "--model", extractive)
    assert (done.code, done.stdout) == (4, "")
    assert "not a model that answers questions" in done.stderr
    assert "bbp train qa" in done.stderr


def test_a_checkpoint_without_a_head_gives_no_answers(warm_bbp: Bbp, reader: Path, tmp_path: Path) -> None:
    headless = without_head(reader, tmp_path / "headless", "qa_outputs.")
    done = warm_bbp("qa", WHERE, "report.txt", "--model", headless)
    assert (done.code, done.stdout) == (4, "")
    assert "the checkpoint lacks its head" in done.stderr


def answer(start: int, end: int, score: float) -> Answer:
    return Answer("text", score, None, start, end)


def test_of_answers_that_share_characters_the_best_is_kept() -> None:
    seen_twice = [answer(10, 20, 0.8), answer(12, 20, 0.9), answer(20, 25, 0.1), answer(0, 11, 0.3)]
    assert best_of(seen_twice, 3) == (answer(12, 20, 0.9), answer(0, 11, 0.3), answer(20, 25, 0.1))
    assert best_of(seen_twice, 1) == (answer(12, 20, 0.9),)
    assert best_of([], 1) == ()


@given(st.text(st.sampled_from("ab \n\t\f\r"), max_size=30))
def test_unwrapped_text_keeps_its_offsets_and_its_paragraphs(text: str) -> None:
    joined = unwrapped(text)
    assert len(joined) == len(text)
    assert [c for c in joined if not c.isspace()] == [c for c in text if not c.isspace()]
    assert all(a == b or (a.isspace() and b.isspace()) for a, b in zip(joined, text, strict=True))
    starts = [sentence.start for sentence in parse_text(text).sentences if sentence.starts_paragraph]
    assert len(joined.strip().split("\n")) == max(1, len(starts))


def test_unwrapped_text_has_one_line_a_paragraph() -> None:
    assert unwrapped("one\ntwo\n\n\nthree\tfour\n") == "one two\n  three four "
