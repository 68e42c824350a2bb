"""Which model to run, and how to load it for a task."""

from dataclasses import dataclass

from bigbird_pegasus.inference.extractive_model import suits_numpy
from bigbird_pegasus.quantization.scheme import Scheme

from bbp_cli.console import Console
from bbp_cli.errors import UsageError
from bbp_cli.models.checkpoints import (
    TASK_VERBS,
    Checkpoint,
    LoadedModel,
    TaskName,
    check_scheme,
    find,
    load,
    reads_in_numpy,
    training_hint,
)
from bbp_cli.models.hardware import DType, Hardware, prepare, without_torch
from bbp_cli.models.names import DEFAULT


@dataclass(frozen=True)
class ModelOptions:
    """Which model, and how to run it.

    `batch_size` is the number of windows computed together; None: what the task finds best.
    """

    name: str = DEFAULT
    offline: bool = False
    device: str = "auto"
    dtype: DType = "auto"
    threads: int | None = None
    revision: str | None = None
    quantize: Scheme | None = None
    batch_size: int | None = None


def check_named(options: ModelOptions, task: TaskName) -> None:
    """Raise UsageError where the default model is to do what it cannot."""
    if options.name == DEFAULT and task != "summarize":
        raise UsageError(
            f"the default model only summarizes: name one that {TASK_VERBS[task]} with --model",
            hint=training_hint(task),
        )


def find_checkpoint(task: TaskName, options: ModelOptions, console: Console) -> Checkpoint:
    """Find the model of a run, in the cache or on the Hub.

    Raises:
        UsageError, ModelError, OutputError: it cannot be had, or is for something else.
    """
    return find(options.name, task, revision=options.revision, offline=options.offline, console=console)


def prepare_hardware(checkpoint: Checkpoint, options: ModelOptions, console: Console) -> Hardware:
    """Choose what a model will run on, as the options say.

    Raises:
        UsageError: it is stored in another quantization scheme than the one asked for.
        ResourceError: the device is missing.
    """
    check_scheme(checkpoint, options.quantize)
    may_do_without = suits_numpy(options.device, options.dtype, options.quantize)
    if may_do_without and reads_in_numpy(checkpoint):
        hardware = without_torch(options.threads)
    else:
        hardware = prepare(options.device, options.dtype, options.threads)
    console.detail(
        f"model {checkpoint.folder.path}: {hardware.dtype} on {hardware.device} in {hardware.engine},"
        f" {hardware.threads} threads"
    )
    return hardware


def load_checkpoint(
    checkpoint: Checkpoint, hardware: Hardware, options: ModelOptions, console: Console
) -> LoadedModel:
    """Load a model, and print the warnings of the model package.

    Raises:
        ModelError, ResourceError: it cannot be loaded or run here.
    """
    with console.waiting("loading the model"):
        model = load(checkpoint, hardware, options.quantize)
    for warning in model.warnings:
        console.warn(checkpoint.folder.id, warning)
    return model
