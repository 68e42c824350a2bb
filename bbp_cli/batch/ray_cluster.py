"""Documents computed by actors of a Ray cluster, each with the model; journal and files stay here.

The seam is that of `bbp_cli.batch.workers`: documents are read here and sent to the actors, only results come
back. An actor that is lost, with its machine or alone, is replaced, and what it had is done again.
"""

import logging
import os
import signal
import socket
import time
from collections import deque
from collections.abc import Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any, Generic

from bigbird_pegasus.kernels.arithmetic import Arithmetic

from bbp_cli.batch.keys import small_files_sha256
from bbp_cli.batch.ray_options import RayOptions
from bbp_cli.batch.reader import DocumentReader, Outcome
from bbp_cli.batch.scheduler import FinishedDocument
from bbp_cli.batch.worker_count import PROCESS_BYTES
from bbp_cli.batch.workers import AHEAD, ATTEMPTS, as_outcome
from bbp_cli.console import Console
from bbp_cli.documents.document import Document
from bbp_cli.documents.inputs import Input
from bbp_cli.errors import BbpError, ModelError, ResourceError
from bbp_cli.models.arithmetic import arithmetic_of
from bbp_cli.models.checkpoints import Checkpoint, LoadedModel, TaskName
from bbp_cli.models.hardware import Hardware
from bbp_cli.models.loading import ModelOptions, find_checkpoint, load_checkpoint, prepare_hardware
from bbp_cli.models.names import DEFAULT, SILENT, local_folder
from bbp_cli.tasks.task import OutputT, ResultT, Task, WindowT, run_one
from bbp_cli.version import __version__

CONNECT_S = 10.0
START_S = 300.0  # an actor may have to wait for a machine that the cluster starts first
POLL_S = 1.0  # how long a signal may have to wait
STORE_BYTES = 200 << 20  # of a cluster that is started here: documents on their way


@dataclass(frozen=True)
class RayJob(Generic[WindowT, OutputT, ResultT]):
    """What each worker does: a task, with a model that it finds on its own machine."""

    task_name: TaskName
    task: Task[WindowT, OutputT, ResultT]
    model: ModelOptions
    checkpoint: Checkpoint  # as it is here


@dataclass(frozen=True)
class RemoteModel:
    """The model as a worker has loaded it; results of two workers that differ in `identity` may differ."""

    checkpoint: Checkpoint
    hardware: Hardware
    arithmetic: Arithmetic
    params: Mapping[str, object]
    warnings: tuple[str, ...]
    machine: str
    files: tuple[str, str, Mapping[str, str]]  # version of bbp, digests of the weights and small files
    identity: Mapping[str, str | None]


@dataclass
class _Entry:
    """An input on its way to its outcome."""

    item: Input
    document: Document | None
    outcome: Any = None  # FinishedDocument | Outcome
    deaths: int = 0


@dataclass
class _Worker:
    """An actor, and what it was asked for: to load the model, then the documents that it has, in order."""

    actor: Any
    ready: Any  # the reference of its RemoteModel; None as soon as it is there
    asked: deque[tuple[Any, _Entry]] = field(default_factory=deque)


class RayCluster(Generic[WindowT, OutputT, ResultT]):
    """Workers on a cluster; `model` is that of the first one that has loaded it.

    Raises:
        ResourceError: there is no such cluster, or no worker starts on it.
        ModelError: the model cannot be loaded there, or is another one than here.
    """

    def __init__(
        self,
        options: RayOptions,
        job: RayJob[WindowT, OutputT, ResultT],
        count: int | None,
        inputs: int,
        console: Console,
    ) -> None:
        cpus = job.model.threads or 1
        memory = PROCESS_BYTES + 3 * job.checkpoint.weight_bytes
        self._needs: dict[str, float] = {"num_cpus": cpus, "num_gpus": options.gpus, "memory": memory}
        self._checkpoint = job.checkpoint
        self._console = console
        self._files = files_of(job.checkpoint)
        self._entries: deque[_Entry] = deque()
        self._unsent: deque[_Entry] = deque()
        self._workers: list[_Worker] = []
        self._failed_starts = 0
        self._worked_at = time.monotonic()
        self._model: RemoteModel | None = None
        self._ray = connect(options.address)
        try:
            self._check_local(options)
            self._job = self._ray.put(replace(job, model=_for_workers(job, options.gpus)))
            self._make = self._ray.remote(Actor).options(**self._needs)
            self._workers += [self._start() for _ in range(min(count or inputs, self._room()))]
            while self._model is None:
                self._receive()
        except BaseException:
            self.close()
            raise

    @property
    def model(self) -> RemoteModel:
        """Return the model as the first worker has loaded it."""
        assert self._model is not None
        return self._model

    def schedule(
        self, documents: DocumentReader, *, in_order: bool = True
    ) -> Generator[tuple[Input, FinishedDocument[ResultT] | Outcome], None, None]:
        """Do the task for many documents; see `schedule_in_workers`."""
        while documents.has_more or self._entries:
            while documents.has_more and len(self._entries) < AHEAD * len(self._workers):
                if self._entries and documents.waits:
                    break
                self._add(*next(documents))
            entry = self._take(in_order=in_order)
            yield entry.item, entry.outcome

    def close(self) -> None:
        """Leave the cluster, which ends the workers; one that was started here ends too."""
        self._ray.shutdown()

    def _check_local(self, options: RayOptions) -> None:
        """Raise ResourceError where a cluster that was started here, and does not grow, lacks the GPUs."""
        there = self._ray.cluster_resources().get("GPU", 0)
        if options.address == "local" and options.gpus > there:
            hint = "--gpus 0 computes on the processor"
            raise ResourceError(f"a worker needs {options.gpus:g} GPUs, and here are {there:g}", hint=hint)

    def _room(self) -> int:
        """Return how many workers fit on the cluster as it is now."""
        there = self._ray.cluster_resources()
        names = {"num_cpus": "CPU", "num_gpus": "GPU", "memory": "memory"}
        rooms = [there.get(names[name], 0) // amount for name, amount in self._needs.items() if amount]
        return max(1, int(min(rooms)))

    def _start(self) -> _Worker:
        actor = self._make.remote(self._job)
        return _Worker(actor, actor.load.remote())

    def _add(self, item: Input, found: Document | Outcome) -> None:
        if isinstance(found, Document):
            self._entries.append(_Entry(item, found))
            self._unsent.append(self._entries[-1])
        else:
            self._entries.append(_Entry(item, None, found))

    def _take(self, *, in_order: bool) -> _Entry:
        """Wait for the outcome of the first document, or of any, and return it."""
        while True:
            for entry in list(self._entries)[: 1 if in_order else None]:
                if entry.outcome is not None:
                    self._entries.remove(entry)
                    return entry
            self._send()
            self._receive()

    def _send(self) -> None:
        """Give each worker the next documents: one to compute, and one that waits on its machine."""
        for depth in range(AHEAD):
            for worker in self._workers:
                if self._unsent and worker.ready is None and len(worker.asked) == depth:
                    entry = self._unsent.popleft()
                    worker.asked.append((worker.actor.compute.remote(entry.document), entry))

    def _receive(self) -> None:
        """Wait for an answer of any worker, for a while, and take all that are there."""
        expected = {
            worker.ready or worker.asked[0][0]: worker
            for worker in self._workers
            if worker.ready is not None or worker.asked
        }
        if any(worker.ready is None for worker in self._workers):
            self._worked_at = time.monotonic()
        elif not expected or time.monotonic() - self._worked_at > START_S:
            cpus, gpus, memory = self._needs.values()
            raise ResourceError(
                f"the cluster has started no worker in {START_S:.0f} s",
                hint=f"each needs {cpus:g} CPUs, {gpus:g} GPUs and {memory / 1e6:,.0f} MB: see ray status",
            )
        try:
            done, _ = self._ray.wait(list(expected), timeout=POLL_S)
        except SystemError as error:
            raise wrapped_signal(error) from None
        for reference in done:
            worker = expected[reference]
            try:
                answer = self._ray.get(reference)
            except self._ray.exceptions.RayTaskError:
                raise  # a bug in bbp
            except self._ray.exceptions.RayError:
                self._replace(worker)
                continue
            if worker.ready is not None:
                self._take_in(worker, answer)
            else:
                _, entry = worker.asked.popleft()
                assert entry.document is not None
                entry.outcome = as_outcome(entry.document, answer)

    def _take_in(self, worker: _Worker, model: RemoteModel | BbpError) -> None:
        """Let a worker that has its model begin: a different one would give different results."""
        if isinstance(model, BbpError):
            raise model
        check_same(model, self._files)
        if self._model is None:
            self._model = replace(model, checkpoint=self._checkpoint)  # by its name here
            for warning in model.warnings:
                self._console.warn(self._checkpoint.folder.id, warning)
        first = self._model
        if model.identity != first.identity:
            message = f"is left out: it computes otherwise than {first.machine}, results could differ"
            self._console.warn(model.machine, message)
            self._workers.remove(worker)
            self._ray.kill(worker.actor)
            return
        worker.ready = None
        self._failed_starts = 0

    def _replace(self, worker: _Worker) -> None:
        """Start another worker for one that is lost, and send what it had again."""
        with suppress(self._ray.exceptions.RayError):
            self._ray.kill(worker.actor)
        self._workers.remove(worker)
        if worker.ready is not None:
            self._failed_starts += 1
            if self._failed_starts == ATTEMPTS:
                hint = "is bbp installed on all machines, and is there enough memory?"
                raise ResourceError(f"{ATTEMPTS} workers died before they had loaded the model", hint=hint)
        entries = [entry for _, entry in worker.asked]
        for entry in entries[:1]:  # it computed this one: the other waited
            entry.deaths += 1
            if entry.deaths == ATTEMPTS:
                hint = "it may need more memory than a machine has"
                entry.outcome = ResourceError(f"{ATTEMPTS} workers died of it", hint=hint)
        self._unsent.extendleft(entry for entry in reversed(entries) if entry.outcome is None)
        self._workers.append(self._start())


def wrapped_signal(error: SystemError) -> BaseException:
    """Return a signal's exception (Ctrl-C) that was raised inside of compiled code, which wraps it."""
    return error.__cause__ or error.__context__ or error


def connect(address: str) -> Any:
    """Connect to a cluster, or start one here, and return the module of Ray.

    Raises:
        ResourceError: there is none.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    handler = signal.getsignal(signal.SIGTERM)
    ray = import_module("ray")
    # It has no option for this: messages on workers that died are printed to stdout, between our results.
    internals: Any = import_module("ray._private.worker")
    internals.print_to_stdstream = lambda *_args, **_options: None

    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        if address == "local":
            # By default workers wait for every other program of this machine.
            os.environ.setdefault("RAY_worker_niceness", "0")
            ray.init("local", include_dashboard=False, object_store_memory=STORE_BYTES, **quiet)
        else:
            _check_reachable(address)
            ray.init(address, **quiet)
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        ray.shutdown()
        message = f"no Ray cluster at {address}: {str(error).splitlines()[0]}"
        raise ResourceError(message, hint="`ray start --head` starts one; --ray local needs none") from error
    finally:
        signal.signal(signal.SIGTERM, handler)  # Ray sets one of its own when it is imported
    return ray


def _for_workers(job: RayJob[Any, Any, Any], gpus: float) -> ModelOptions:
    """Return what names the same model on every machine, and how a worker runs it."""
    options, name = job.model, job.model.name
    if name != DEFAULT and (folder := local_folder(name)) is not None:
        name = str(folder.path.absolute())
    # Without a GPU of its own a worker leaves those of its machine to others.
    device = "cpu" if options.device == "auto" and not gpus else options.device
    revision = job.checkpoint.folder.revision  # the commit that is here
    return replace(options, name=name, device=device, revision=revision, threads=options.threads or 1)


def _check_reachable(address: str) -> None:
    """Raise OSError where nobody answers: Ray itself would try for minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_S).close()


def files_of(checkpoint: Checkpoint) -> tuple[str, str, Mapping[str, str]]:
    """Return what has to be the same on all machines."""
    return __version__, checkpoint.weights_sha256, small_files_sha256(checkpoint)


def check_same(model: RemoteModel, files: tuple[str, str, Mapping[str, str]]) -> None:
    """Raise ModelError where a worker has other files than `files_of` says of this machine."""
    if model.files != files:
        message = "its model or version of bbp is not that of this machine"
        hint = "install the same on all machines"
        raise ModelError(message, file=model.machine, hint=hint, code="model_differs")


class Actor:
    """A worker on the cluster; errors that a person can mend are returned, not raised."""

    def __init__(self, job: RayJob[Any, Any, Any]) -> None:
        self._job = job
        self._loaded: LoadedModel | None = None

    def load(self) -> RemoteModel | BbpError:
        """Load the model, and describe it."""
        job = self._job
        try:
            checkpoint = find_checkpoint(job.task_name, job.model, SILENT)
            hardware = prepare_hardware(checkpoint, job.model, SILENT)
            loaded = self._loaded = load_checkpoint(checkpoint, hardware, job.model, SILENT)
            params = job.task.params(loaded)
        except BbpError as error:
            error.file = error.file or socket.gethostname()
            return error
        return RemoteModel(
            checkpoint,
            loaded.hardware,
            loaded.arithmetic,
            params,
            loaded.warnings,
            socket.gethostname(),
            files_of(checkpoint),
            arithmetic_of(checkpoint, hardware, job.model.quantize),
        )

    def compute(self, document: Document) -> tuple[Any, float] | BbpError:
        """Do the task for one document, and say how many seconds it took."""
        assert self._loaded is not None
        started = time.perf_counter()
        try:
            return run_one(self._job.task, document, self._loaded), time.perf_counter() - started
        except BbpError as error:
            return error
