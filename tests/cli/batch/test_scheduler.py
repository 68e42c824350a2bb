"""Documents are computed together, and each result comes in its turn as if the document had been alone."""

import io
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import cast

import pytest
from bigbird_pegasus.summarization.options import OnText

from bbp_cli.batch.reader import DocumentReader, Outcome
from bbp_cli.batch.scheduler import FinishedDocument, schedule
from bbp_cli.console import Console
from bbp_cli.documents.document import STDIN, Document, read
from bbp_cli.documents.inputs import Input, Inputs
from bbp_cli.errors import InputError, ResourceError
from bbp_cli.models.checkpoints import LoadedModel
from bbp_cli.tasks.task import TaskSteps, run_one
from tests.conftest import DOCUMENTS, SENTENCES, STORY, Bbp

NO_MODEL = cast(LoadedModel, None)  # the tasks here compute without one
WINDOWS = [1, 3, 2, 0, 5, 1, 1]  # of each document

Result = tuple[Input, FinishedDocument[list[str]] | Outcome]
Shown = Callable[[], None]


@dataclass
class Counting:
    """A task that finds the names of its windows: `windows` of each document, in each of `rounds`."""

    windows: Sequence[int] = tuple(WINDOWS)
    rounds: int = 1
    largest_batch_that_fits: int = 1000
    grows: bool = False
    too_large: set[tuple[str, int]] = field(default_factory=set)
    begun: list[str] = field(default_factory=list)
    batches: list[list[tuple[str, int]]] = field(default_factory=list)

    def params(self, loaded: LoadedModel) -> Mapping[str, object]:
        return {}

    def identities(self) -> Sequence[Mapping[str, object]]:
        return [{}]

    def plan(
        self, document: Document, loaded: LoadedModel, on_text: OnText | None = None
    ) -> TaskSteps[tuple[str, int], str, list[str]]:
        name = Path(document.source.path).name
        self.begun.append(name)
        return self.steps(name)

    def steps(self, name: str) -> TaskSteps[tuple[str, int], str, list[str]]:
        found: list[str] = []
        for number in range(self.rounds):
            count = self.windows[int(name[1:])] if name[1:].isdigit() else 1
            found += yield [(name, 10 * number + window) for window in range(count)]
        return found

    def compute(self, loaded: LoadedModel, windows: Sequence[tuple[str, int]]) -> Sequence[str]:
        self.batches.append(list(windows))
        if len(windows) > self.largest_batch_that_fits or self.too_large & set(windows):
            raise ResourceError("out of memory")
        return [f"{name}/{window}" for name, window in windows]

    def batch_size(self, loaded: LoadedModel) -> int:
        return 8

    def streams(self, loaded: LoadedModel) -> bool:
        return self.grows


class Run:
    """Runs a `Counting` over documents d0, d1, … in a folder, and keeps what its bars showed."""

    def __init__(self, folder: Path, task: Counting) -> None:
        self.task = task
        self.bars: dict[str, tuple[int, int]] = {}  # total, steps
        self.items = [Input(str(folder / f"d{n}"), PurePath(f"d{n}")) for n in range(len(task.windows))]
        for item in self.items:
            Path(item.path).write_text("some words of a text")

    @contextmanager
    def progress(self, path: str, total: int) -> Iterator[Shown]:
        steps: list[None] = []
        yield lambda: steps.append(None)
        self.bars[Path(path).name] = total, len(steps)

    def schedule(self, size: int | None = None) -> Iterator[Result]:
        reader = DocumentReader(Inputs(tuple(self.items)), None, Console(quiet=True))
        return schedule(reader, self.task, NO_MODEL, self.progress, size)

    def results(self, size: int | None = None) -> dict[str, list[str] | Outcome]:
        return {
            item.name.name: outcome.result if isinstance(outcome, FinishedDocument) else outcome
            for item, outcome in self.schedule(size)
        }


def alone(windows: Sequence[int] = WINDOWS, rounds: int = 1) -> dict[str, list[str]]:
    """What is found in each document when it is the only one."""
    rows = {f"d{n}": range(count) for n, count in enumerate(windows)}
    return {
        name: [f"{name}/{10 * number + window}" for number in range(rounds) for window in row]
        for name, row in rows.items()
    }


@pytest.mark.parametrize("rounds", [1, 2])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 100, None])
def test_results_come_in_order_and_do_not_depend_on_the_batch_size(
    tmp_path: Path, size: int | None, rounds: int
) -> None:
    task = Counting(rounds=rounds)
    results = Run(tmp_path, task).results(size)
    assert results == alone(rounds=rounds)
    assert list(results) == list(alone())
    assert max(map(len, task.batches)) <= (size or 8)


def test_a_bar_has_a_step_for_each_window(tmp_path: Path) -> None:
    run = Run(tmp_path, Counting())
    run.results(4)
    assert run.bars["d4"] == (5, 5)  # two of them were computed in the batch of earlier documents
    assert all(steps == total for total, steps in run.bars.values())


def test_windows_of_several_documents_share_a_batch(tmp_path: Path) -> None:
    task = Counting()
    Run(tmp_path, task).results(4)
    assert task.batches[0] == [("d0", 0), ("d1", 0), ("d1", 1), ("d1", 2)]
    assert len(task.batches) == 4  # 13 windows


def test_no_more_documents_are_begun_than_a_batch_needs(tmp_path: Path) -> None:
    task = Counting([1] * 50)
    results = Run(tmp_path, task).schedule(4)
    assert next(results)[0].name.name == "d0"
    assert len(task.begun) == 4
    for number, _ in enumerate(results, start=1):
        assert len(task.begun) - number <= 4


@pytest.mark.parametrize("size", [1, 4])
def test_a_document_that_cannot_be_read_fails_in_its_turn_and_alone(tmp_path: Path, size: int) -> None:
    run = Run(tmp_path, Counting())
    for name in ("d1", "d6"):
        (tmp_path / name).unlink()
    results = run.results(size)
    assert list(results) == list(alone())
    assert [name for name, found in results.items() if isinstance(found, InputError)] == ["d1", "d6"]
    assert {name: results[name] for name in ("d0", "d2", "d3", "d4", "d5")}.items() <= alone().items()


def test_where_memory_is_too_small_for_a_batch_its_windows_are_computed_one_by_one(tmp_path: Path) -> None:
    task = Counting(largest_batch_that_fits=1)
    assert Run(tmp_path, task).results(4) == alone()


def test_a_document_too_large_for_memory_takes_no_other_with_it(tmp_path: Path) -> None:
    results = Run(tmp_path, Counting(too_large={("d1", 1)})).results(4)
    assert [name for name, found in results.items() if isinstance(found, ResourceError)] == ["d1"]
    assert {**results, "d1": []} == {**alone(), "d1": []}


def test_an_error_of_the_task_itself_ends_the_run(tmp_path: Path) -> None:
    class Broken(Counting):
        def compute(self, loaded: LoadedModel, windows: Sequence[tuple[str, int]]) -> Sequence[str]:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Run(tmp_path, Broken()).results(4)


def test_the_seconds_of_windows_computed_together_are_shared_out(tmp_path: Path) -> None:
    done = list(Run(tmp_path, Counting([1, 1])).schedule(2))
    assert all(isinstance(found, FinishedDocument) and found.seconds > 0 for _, found in done)


@pytest.mark.parametrize("grows", [True, False])
def test_text_that_grows_is_written_for_one_window_at_a_time_and_drafts_are_not(
    tmp_path: Path, grows: bool
) -> None:
    task = Counting(grows=grows)
    run = Run(tmp_path, task)
    reader = DocumentReader(Inputs(tuple(run.items)), None, Console(quiet=True))
    list(schedule(reader, task, NO_MODEL, run.progress, 8, on_text=lambda _item, _text: None))
    assert ({len(batch) for batch in task.batches} == {1}) == grows


def test_a_finished_document_does_not_wait_for_a_named_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    task = Counting([1])
    run = Run(tmp_path, task)
    run.items.append(Input(str(pipe), PurePath("pipe")))
    results = run.schedule(8)
    assert next(results)[0].name.name == "d0"  # nobody has written into the pipe yet
    assert task.begun == ["d0"]
    writing = threading.Thread(target=pipe.write_text, args=("some words of a text",))
    writing.start()
    assert next(results)[0].name.name == "pipe"
    writing.join()


def test_a_finished_document_does_not_wait_for_stdin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = Counting([1])
    run = Run(tmp_path, task)
    run.items.append(Input(STDIN, PurePath("stdin")))
    results = run.schedule(8)
    assert next(results)[0].name.name == "d0"
    assert task.begun == ["d0"]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"some words of a text")))
    assert next(results)[0].path == STDIN


@pytest.mark.parametrize(("on_text", "batches"), [(None, [3, 3]), (lambda text: None, [1] * 6)])
def test_a_task_is_run_for_one_document(
    tmp_path: Path, on_text: Callable[[str], None] | None, batches: list[int]
) -> None:
    task = Counting(rounds=2)
    document = read(Run(tmp_path, task).items[1].path)
    found = run_one(task, document, NO_MODEL, on_text)
    assert found == ["d1/0", "d1/1", "d1/2", "d1/10", "d1/11", "d1/12"]
    assert [len(batch) for batch in task.batches] == batches


def test_unreadable_inputs_before_the_first_document_are_yielded_first(tmp_path: Path) -> None:
    run = Run(tmp_path, Counting([1, 1, 1]))
    for name in ("d0", "d2"):
        (tmp_path / name).unlink()
    reader = DocumentReader(Inputs(tuple(run.items)), None, Console(quiet=True))
    assert [item.name.name for item, _ in reader.settled_first()] == ["d0"]
    assert list(reader.settled_first()) == []
    assert [(item.name.name, isinstance(document, InputError)) for item, document in reader] == [
        ("d1", False),
        ("d2", True),
    ]
    assert not reader.has_more


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
def test_records_of_an_abstractive_model_do_not_depend_on_the_batch_size(
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
