"""One run of a task over many inputs: read, compute, write each result."""

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace

from bbp_cli.batch.dry_run import show_plan
from bbp_cli.batch.interrupts import StopRequest, stop_requests
from bbp_cli.batch.keys import ResultKeys
from bbp_cli.batch.ray_options import RayOptions
from bbp_cli.batch.reader import DocumentReader, Outcome
from bbp_cli.batch.scheduler import FinishedDocument, schedule
from bbp_cli.batch.sharding import Shard, share_of
from bbp_cli.batch.sink import ResultSink
from bbp_cli.batch.worker_count import worker_count
from bbp_cli.console import Console
from bbp_cli.documents.inputs import Input, InputOptions, Inputs, collect, warn_skipped
from bbp_cli.models.arithmetic import arithmetic_of
from bbp_cli.models.checkpoints import Checkpoint, LoadedModel, TaskName
from bbp_cli.models.loading import (
    ModelOptions,
    check_named,
    find_checkpoint,
    load_checkpoint,
    prepare_hardware,
)
from bbp_cli.output.destination import OutputOptions
from bbp_cli.output.records import ModelRun
from bbp_cli.tasks.gates import Gate
from bbp_cli.tasks.results import DocumentResult
from bbp_cli.tasks.task import OutputT, Task, WindowT

PickTask = Callable[[Checkpoint], Task[WindowT, OutputT, DocumentResult]]
Results = Generator[tuple[Input, FinishedDocument[DocumentResult] | Outcome], None, None]


@dataclass(frozen=True)
class RunOptions:
    """What a run reads and writes, which model it uses, and when it ends early."""

    inputs: InputOptions
    output: OutputOptions
    model: ModelOptions
    console: Console
    max_failures: int | None = None
    fail_on: tuple[Gate, ...] = ()
    dry_run: bool = False
    shard: Shard | None = None
    workers: int | None = None
    unordered: bool = False
    ray: RayOptions | None = None


def run_task(name: TaskName, pick: PickTask[WindowT, OutputT], options: RunOptions) -> bool:
    """Do a task for every input, and return whether there was any.

    The model is loaded when a first document has been read that it is needed for. `pick` returns the task for
    its checkpoint.

    Raises:
        UsageError: options contradict each other, or do not fit the model.
        ModelError, ResourceError: the model cannot be found, loaded or run here.
        OutputError, ClosedOutputError: a result cannot be written.
        BbpError: after all inputs: the failure of the only one, or that some or all have failed.
        Interrupted, Terminated: a signal arrived, and the document in progress is written.
    """
    inputs = collect(options.inputs, leave_out=options.output.places)
    found = bool(inputs.items)
    if found:
        check_named(options.model, name)
    if options.shard is not None:
        inputs = share_of(inputs, options.shard)
    sink = ResultSink(name, inputs, options.output, options.console, options.max_failures, options.fail_on)
    with closing(sink):
        warn_skipped(inputs, options.console)
        if options.dry_run:
            _show_plan(name, pick, options, inputs, sink)
            return found
        sink.announce(inputs)
        documents = _reader(options, inputs, sink)
        _work(name, pick, options, inputs, documents, sink)
        sink.finish()
    return found


def _show_plan(
    name: TaskName, pick: PickTask[WindowT, OutputT], options: RunOptions, inputs: Inputs, sink: ResultSink
) -> None:
    """Print what the run would do."""
    if sink.store is not None:
        sink.store.read_only = True
    checkpoint = find_checkpoint(name, options.model, options.console)
    hardware = prepare_hardware(checkpoint, options.model, options.console)
    arithmetic = arithmetic_of(checkpoint, hardware, options.model.quantize)
    identities = pick(checkpoint).identities()
    sink.use_keys(ResultKeys(name, checkpoint, identities, arithmetic))
    documents = _reader(options, inputs, sink)
    truncate = any(identity["truncate"] for identity in identities)
    show_plan(
        inputs,
        documents,
        sink,
        checkpoint,
        hardware,
        options.console,
        truncate=truncate,
        json=options.output.json,
    )


def _reader(options: RunOptions, inputs: Inputs, sink: ResultSink) -> DocumentReader:
    reading = options.inputs
    return DocumentReader(inputs, reading.encoding, options.console, store=sink.store, limits=reading.limits)


def _work(
    name: TaskName,
    pick: PickTask[WindowT, OutputT],
    options: RunOptions,
    inputs: Inputs,
    documents: DocumentReader,
    sink: ResultSink,
) -> None:
    """Read, compute and write until the inputs end, or the run is to end early."""
    for item, found in documents.settled_first():
        sink.settle(item, found)
    if not documents.has_more:
        return
    started = time.perf_counter()
    checkpoint = find_checkpoint(name, options.model, options.console)
    task = pick(checkpoint)
    with ExitStack() as stack:
        cluster = None
        if options.ray is None:
            hardware = prepare_hardware(checkpoint, options.model, options.console)
            arithmetic: Mapping[str, object] = arithmetic_of(checkpoint, hardware, options.model.quantize)
        else:
            from bbp_cli.batch.ray_cluster import RayCluster, RayJob

            job = RayJob(name, task, options.model, checkpoint)
            cluster = RayCluster(options.ray, job, options.workers, len(inputs.items), options.console)
            stack.callback(cluster.close)
            arithmetic = cluster.model.identity
        sink.use_keys(ResultKeys(name, checkpoint, task.identities(), arithmetic))
        for item, found in documents.settled_first():  # what is done already, as the keys say
            sink.settle(item, found)
        if not documents.has_more:
            return
        if cluster is None:
            loaded = load_checkpoint(checkpoint, hardware, options.model, options.console)
            run = ModelRun(loaded, task.params(loaded), 0.0)
            results = _compute_here(task, loaded, options, len(inputs.items), documents, sink)
        else:
            run = ModelRun(cluster.model, cluster.model.params, 0.0)
            results = cluster.schedule(documents, in_order=not options.unordered)
        run = replace(run, load_seconds=time.perf_counter() - started)
        _write_all(results, run, documents, len(inputs.items), sink)


def _compute_here(
    task: Task[WindowT, OutputT, DocumentResult],
    loaded: LoadedModel,
    options: RunOptions,
    inputs: int,
    documents: DocumentReader,
    sink: ResultSink,
) -> Results:
    """Return the results of this process, or of several."""
    checkpoint, hardware = loaded.checkpoint, loaded.hardware
    grows = sink.shows_growing_text and task.streams(loaded)
    on_text: Callable[[Input, str], None] | None = sink.grow if grows else None
    # Text that grows on the terminal shows the progress itself.
    if grows:
        sink.progress.console = replace(options.console, quiet=True)
    elif sink.shows_growing_text and inputs == 1 and checkpoint.kind == "abstractive":
        sink.progress.drafts = True
        on_text = sink.draft
    count = 1 if grows else worker_count(options.workers, inputs, checkpoint, hardware)
    if count > 1:
        from bbp_cli.batch.workers import WorkerJob, schedule_in_workers

        share = replace(hardware, threads=max(1, hardware.threads // count))
        job = WorkerJob(task, checkpoint, share, options.model.quantize)
        return schedule_in_workers(documents, job, count, in_order=not options.unordered)
    bar = sink.progress.document
    return schedule(documents, task, loaded, bar, options.model.batch_size, on_text)


def _write_all(
    results: Results, run: ModelRun, documents: DocumentReader, inputs: int, sink: ResultSink
) -> None:
    """Write each result as it comes."""
    waits = stop_requests(inputs, lambda: documents.is_waiting)
    with closing(results), waits as stop, sink.progress.shown():
        for item, outcome in results:
            sink.write(item, outcome, run)
            _obey(stop, sink)


def _obey(stop: StopRequest, sink: ResultSink) -> None:
    """End the run where a signal has asked for it."""
    error = stop.error(sink.so_far)
    if error is not None:
        raise error
