"""Documents are read together, and each is told in its turn as if it had been alone."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePath

import pytest

from bbp_cli.batch.scheduler import Work, in_order
from bbp_cli.documents.document import STDIN, Document, parse
from bbp_cli.documents.inputs import Input
from bbp_cli.errors import InputError, ResourceError
from bbp_cli.tasks.task import Steps, alone
from tests.conftest import DOCUMENTS, SENTENCES, STORY, Bbp

WINDOWS = [1, 3, 2, 0, 5, 1, 1]  # of each document


class Run:
    """Documents whose windows are (document, window), and whose result is what was made of their windows."""

    def __init__(self, windows: Sequence[int] = WINDOWS, rounds: int = 1) -> None:
        self.windows = windows
        self.rounds = rounds
        self.begun: list[str] = []
        self.batches: list[list[tuple[str, int]]] = []
        self.unreadable: set[str] = set()
        self.too_large: set[tuple[str, int]] = set()
        self.room = 1000
        self.failing: set[str] = set()

    def items(self) -> list[Input]:
        return [Input(f"d{n}", PurePath(f"d{n}")) for n in range(len(self.windows))]

    def begin(self, item: Input) -> tuple[Document, Steps[list[str]]]:
        if item.path in self.unreadable:
            raise InputError("no such file")
        self.begun.append(item.path)
        return parse(b"some words of a text", item.path), self.steps(item)

    def steps(self, item: Input) -> Steps[list[str]]:
        found: list[str] = []
        for number in range(self.rounds):
            windows = range(self.windows[int(item.path[1:])]) if item.path[1:].isdigit() else range(1)
            found += yield [(item.path, 10 * number + window) for window in windows]
        return found

    def compute(self, windows: Sequence[tuple[str, int]]) -> list[str]:
        self.batches.append(list(windows))
        if len(windows) > self.room or self.too_large & set(windows):
            raise ResourceError("out of memory")
        return [f"{path}/{window}" for path, window in windows]

    @contextmanager
    def progress(self, path: str, total: int) -> Iterator[Callable[[], None]]:
        steps: list[None] = []
        yield lambda: steps.append(None)
        if self.rounds == 1 and path not in self.failing:
            assert len(steps) == total

    def all(self, size: int, items: Sequence[Input] | None = None) -> list[Work[list[str]]]:
        given = self.items() if items is None else items
        return list(in_order(given, self.begin, self.compute, lambda: size, self.progress))


@pytest.mark.parametrize("rounds", [1, 2])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 100])
def test_results_come_in_order_and_do_not_depend_on_the_size(size: int, rounds: int) -> None:
    run, one = Run(rounds=rounds), Run(rounds=rounds)
    done = run.all(size)
    assert [work.item.path for work in done] == [item.path for item in run.items()]
    assert [work.found for work in done] == [work.found for work in one.all(1)]
    assert max(map(len, run.batches)) <= size
    assert {len(batch) for batch in one.batches} == {1}


def test_windows_of_several_documents_share_a_batch() -> None:
    run = Run()
    run.all(4)
    assert run.batches[0] == [("d0", 0), ("d1", 0), ("d1", 1), ("d1", 2)]
    assert len(run.batches) == 4  # 13 windows


def test_no_more_documents_are_begun_than_a_batch_needs() -> None:
    run = Run([1] * 50)
    works = in_order(run.items(), run.begin, run.compute, lambda: 4, run.progress)
    assert next(works).item.path == "d0"
    assert len(run.begun) == 4
    for number, _ in enumerate(works, start=1):
        assert len(run.begun) - number <= 4


@pytest.mark.parametrize("size", [1, 4])
def test_what_cannot_be_read_fails_in_its_turn_and_alone(size: int) -> None:
    run = Run()
    run.unreadable = {"d1", "d6"}
    done = run.all(size)
    assert [work.item.path for work in done if work.error] == ["d1", "d6"]
    assert [len(work.found) for work in done if work.found is not None] == [1, 2, 0, 5, 1]


def test_where_memory_is_too_small_for_several_they_are_read_one_by_one() -> None:
    run = Run()
    run.room = 1
    assert [work.found for work in run.all(4)] == [work.found for work in Run().all(4)]


def test_a_document_too_large_for_memory_takes_no_other_with_it() -> None:
    run = Run()
    run.too_large, run.failing = {("d1", 1)}, {"d1"}
    done = run.all(4)
    assert [work.item.path for work in done if isinstance(work.error, ResourceError)] == ["d1"]
    assert sum(work.found is not None for work in done) == len(WINDOWS) - 1


def test_the_seconds_of_windows_read_together_are_shared_out() -> None:
    done = Run([1, 1]).all(2)
    assert all(work.seconds > 0 for work in done)


def test_a_document_does_not_wait_for_stdin_or_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (STDIN, str(pipe)):
        run = Run([1])
        items = [*run.items(), Input(path, PurePath("later"))]
        works = in_order(items, run.begin, run.compute, lambda: 8, run.progress)
        assert next(works).item.path == "d0"
        assert run.begun == ["d0"]
        assert next(works).item.path == path


def test_a_document_is_run_alone_window_by_window() -> None:
    run = Run(rounds=2)
    found = alone(run.steps(run.items()[1]), run.compute, "d1", run.progress)
    assert found == ["d1/0", "d1/1", "d1/2", "d1/10", "d1/11", "d1/12"]
    assert [len(batch) for batch in run.batches] == [1] * 6


# The command


def records(text: str) -> list[dict[str, object]]:
    found = [json.loads(line) for line in text.splitlines()]
    assert all(record.pop("timing", None) or record["status"] == "error" for record in found)
    return found


@pytest.fixture
def short_texts(tmp_path: Path) -> list[str]:
    """Names of texts of very different lengths, with one between that is not there."""
    texts = [" ".join(SENTENCES[n : n + n % 7 + 1]) for n in range(20)]
    texts += [*DOCUMENTS, STORY, STORY + "\n\n" + STORY]
    for number, text in enumerate(texts):
        (tmp_path / f"{number}.txt").write_text(text)
    names = [f"{number}.txt" for number in range(len(texts))]
    return [*names[:5], "missing.txt", *names[5:]]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_records_of_the_default_model_do_not_depend_on_the_batch_size(
    warm_bbp: Bbp, short_texts: list[str], dtype: str
) -> None:
    runs = [
        warm_bbp("summarize", *short_texts, "--json", "--dtype", dtype, "--batch-size", size)
        for size in ("1", "auto", "5")
    ]
    assert [run.code for run in runs] == [6, 6, 6]
    assert records(runs[0].stdout) == records(runs[1].stdout) == records(runs[2].stdout)
    assert [record["id"] for record in records(runs[0].stdout)] == short_texts


@pytest.mark.parametrize("options", [[], ["--num-beams", "3"], ["--length", "12"]], ids=str)
def test_nor_do_those_of_a_model_that_writes(
    warm_bbp: Bbp, writer: Path, short_texts: list[str], options: list[str]
) -> None:
    runs = [
        warm_bbp("summarize", *short_texts[-9:], "--model", writer, "--json", "--batch-size", size, *options)
        for size in ("1", "auto", "3")
    ]
    assert records(runs[0].stdout) == records(runs[1].stdout) == records(runs[2].stdout)


@pytest.mark.parametrize("size", ["0", "-1", "many", "1.5", ""])
def test_a_batch_size_is_a_number_or_auto(bbp: Bbp, size: str) -> None:
    done = bbp("summarize", f"--batch-size={size}", stdin=b"some words of a text")
    assert done.code == 2
    assert "neither auto nor a whole number above 0" in done.stderr
