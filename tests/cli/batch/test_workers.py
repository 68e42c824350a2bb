"""Several processes compute documents: same results, in order; one that dies costs time only."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from bigbird_pegasus.summarization.options import OnText

from bbp_cli.batch.reader import DocumentReader
from bbp_cli.batch.scheduler import FinishedDocument
from bbp_cli.batch.worker_count import worker_count
from bbp_cli.batch.workers import WorkerJob, schedule_in_workers
from bbp_cli.console import Console
from bbp_cli.documents.document import Document
from bbp_cli.documents.inputs import InputOptions, collect
from bbp_cli.errors import InputError, ResourceError
from bbp_cli.models.checkpoints import LoadedModel, inspect
from bbp_cli.models.hardware import Hardware
from bbp_cli.models.names import locate
from bbp_cli.tasks.task import TaskSteps
from tests.cli.batch.test_resume import files, records, texts, without_timing
from tests.cli.process import command
from tests.conftest import Bbp

COUNT = 8


@dataclass(frozen=True)
class Naming:
    """A task that finds a document's name, refuses those in `refused`, and ends its process on `deadly`."""

    refused: str = ""
    deadly: str = ""

    def params(self, loaded: LoadedModel) -> Mapping[str, object]:
        return {}

    def identities(self) -> Sequence[Mapping[str, object]]:
        return [{}]

    def plan(
        self, document: Document, loaded: LoadedModel, on_text: OnText | None = None
    ) -> TaskSteps[str, str, str]:
        name = Path(document.source.path).name
        if name == self.deadly:
            os._exit(9)
        if name == self.refused:
            raise InputError("refused")
        found = yield [name]
        return found[0]

    def compute(self, loaded: LoadedModel, windows: Sequence[str]) -> Sequence[str]:
        return windows

    def batch_size(self, loaded: LoadedModel) -> int:
        return 1

    def streams(self, loaded: LoadedModel) -> bool:
        return False


def outcomes(folder: Path, model: Path, task: Naming) -> dict[str, object]:
    """Do a task in two processes, and return what became of each document."""
    inputs = collect(InputOptions((str(folder),)))
    reader = DocumentReader(inputs, None, Console(quiet=True))
    job = WorkerJob(task, inspect(locate(str(model))), Hardware("cpu", "float32", 1), None)
    return {
        item.name.name: outcome.result if isinstance(outcome, FinishedDocument) else type(outcome)
        for item, outcome in schedule_in_workers(reader, job, 2)
    }


def test_a_refused_document_fails_in_its_turn(tmp_path: Path, extractive: Path) -> None:
    found = outcomes(texts(tmp_path / "in", 6), extractive, Naming(refused="2.txt"))
    names = [f"{number}.txt" for number in range(6)]
    assert list(found) == names
    assert found == {name: InputError if name == "2.txt" else name for name in names}


@pytest.mark.slow
def test_a_document_on_which_three_processes_die_fails_alone(tmp_path: Path, extractive: Path) -> None:
    found = outcomes(texts(tmp_path / "in", 6), extractive, Naming(deadly="2.txt"))
    names = [f"{number}.txt" for number in range(6)]
    assert list(found) == names
    assert found == {name: ResourceError if name == "2.txt" else name for name in names}


def test_results_of_several_processes_are_those_of_one(
    warm_bbp: Bbp, extractive: Path, tmp_path: Path
) -> None:
    texts(tmp_path / "in", COUNT)
    (tmp_path / "in/3.txt").write_text("")
    arguments = ["summarize", "--model", extractive, "in", "--json", "-o"]
    assert warm_bbp(*arguments, "one.jsonl", "--workers", 1).code == 6
    assert warm_bbp(*arguments, "two.jsonl", "--workers", 2, "--unordered").code == 6
    one, two = ((tmp_path / f"{name}.jsonl").read_text() for name in ("one", "two"))
    assert without_timing(one) == without_timing(two)
    assert warm_bbp(*arguments, "two.jsonl", "--workers", 3).stderr.splitlines()[-2] == (
        f"bbp: {COUNT - 1} kept, 1 failed"
    )


@pytest.mark.parametrize("victim", ["worker", "parent"])
def test_a_killed_process_loses_nothing_and_leaves_none_behind(
    warm_bbp: Bbp, extractive: Path, tmp_path: Path, environment: dict[str, str], victim: str
) -> None:
    texts(tmp_path / "in", 40)
    arguments = ("summarize", "-q", "--model", str(extractive), "in", "--output-dir", "out", "--workers", "2")
    journal = tmp_path / "out/.bbp.jsonl"
    with subprocess.Popen(command(*arguments), cwd=tmp_path, env=environment) as process:
        while not journal.exists() and process.poll() is None:
            time.sleep(0.01)
        workers = [
            child
            for child in psutil.Process(process.pid).children()
            if "spawn_main" in " ".join(child.cmdline())
        ]
        assert len(workers) == 2
        (workers[0] if victim == "worker" else process).send_signal(signal.SIGKILL)
    assert process.returncode == (0 if victim == "worker" else -signal.SIGKILL)
    psutil.wait_procs(workers, timeout=60)
    assert not any(worker.is_running() for worker in workers)
    assert warm_bbp(*arguments, "--resume").code == 0
    assert warm_bbp(*arguments[:-4], "--output-dir", "whole", "--workers", "1").code == 0
    assert files(tmp_path / "out") == files(tmp_path / "whole")
    assert len(records(journal)) == 40


def test_many_documents_have_a_process_for_each_core(extractive: Path, writer: Path) -> None:
    hardware = Hardware("cpu", "float32", 2)
    reads, writes = (inspect(locate(str(model))) for model in (extractive, writer))
    assert worker_count(None, 63, reads, hardware) == 1
    assert worker_count(None, 64, reads, hardware) in (1, 2)  # as much as fits into memory
    assert worker_count(None, 1000, writes, hardware) == 1
    assert worker_count(None, 1000, reads, Hardware("cuda", "bfloat16", 2)) == 1
    assert worker_count(5, 3, writes, hardware) == 3
