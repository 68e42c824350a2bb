"""One run of a task over many inputs: read, compute, write each result."""

import time
from collections.abc import Callable
from dataclasses import replace

from bbp_cli.batch.reader import DocumentReader
from bbp_cli.batch.scheduler import schedule
from bbp_cli.batch.sink import ResultSink
from bbp_cli.console import Console
from bbp_cli.documents.inputs import InputOptions, collect, warn_skipped
from bbp_cli.models.checkpoints import Checkpoint, TaskName
from bbp_cli.models.loading import ModelOptions, check_named, find_checkpoint, load_checkpoint
from bbp_cli.output.destination import OutputOptions
from bbp_cli.output.records import ModelRun
from bbp_cli.tasks.results import DocumentResult
from bbp_cli.tasks.task import OutputT, Task, WindowT


def run_task(
    name: TaskName,
    pick: Callable[[Checkpoint], Task[WindowT, OutputT, DocumentResult]],
    input_options: InputOptions,
    output_options: OutputOptions,
    model_options: ModelOptions,
    console: Console,
) -> bool:
    """Do a task for every input, and return whether there was any.

    The model is loaded when a first document has been read. `pick` returns the task for its checkpoint.

    Raises:
        UsageError: options contradict each other, or do not fit the model.
        ModelError, ResourceError: the model cannot be found, loaded or run here.
        OutputError, ClosedOutputError: a result cannot be written.
        BbpError: after all inputs: the failure of the only one, or that some or all have failed.
    """
    inputs = collect(input_options, leave_out=output_options.folder)
    if inputs.items:
        check_named(model_options, name)
    sink = ResultSink(name, inputs, output_options, console)
    warn_skipped(inputs, console)
    documents = DocumentReader(inputs, input_options.encoding, console)
    for item, error in documents.unreadable_first():
        sink.fail(item, error)
    if documents.has_more:
        started = time.perf_counter()
        checkpoint = find_checkpoint(name, model_options, console)
        task = pick(checkpoint)
        loaded = load_checkpoint(checkpoint, model_options, console)
        run = ModelRun(loaded, task.params(loaded), load_seconds=time.perf_counter() - started)
        grows = sink.shows_growing_text and task.streams(loaded)
        on_text = sink.grow if grows else None
        # Text that grows on the terminal shows the progress itself.
        progress = replace(console, quiet=True).progress if grows else console.progress
        results = schedule(documents, task, loaded, progress, model_options.batch_size, on_text)
        for item, outcome in results:
            sink.write(item, outcome, run)
        sink.write_index()
    sink.failures.raise_if_any()
    return bool(inputs.items)
