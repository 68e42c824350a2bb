"""Which model to run, and how to load it for a task."""

from collections.abc import Callable
from dataclasses import dataclass

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
    training_hint,
)
from bbp_cli.models.hardware import DType, prepare
from bbp_cli.models.names import DEFAULT


@dataclass(frozen=True)
class ModelOptions:
    """Which model, and how to run it."""

    name: str = DEFAULT
    offline: bool = False
    device: str = "auto"
    dtype: DType = "auto"
    threads: int | None = None
    revision: str | None = None
    quantize: Scheme | None = None
    batch_size: int | None = None  # windows read together; None: what is best


def accept(_checkpoint: Checkpoint) -> None:
    """Any model of the task's kind will do."""


def check_named(choice: ModelOptions, task: TaskName) -> None:
    """Raise UsageError where the default model is to do what it cannot."""
    if choice.name == DEFAULT and task != "summarize":
        raise UsageError(
            f"the default model only summarizes: name one that {TASK_VERBS[task]} with --model",
            hint=training_hint(task),
        )


def load_for(
    task: TaskName, choice: ModelOptions, console: Console, check: Callable[[Checkpoint], None] = accept
) -> LoadedModel:
    """Find and load a model for a task; `check` is told what it is before it is loaded.

    Raises:
        UsageError: it cannot obey the settings.
        ModelError, ResourceError: it cannot be had, loaded or run here.
    """
    checkpoint = find(choice.name, task, revision=choice.revision, offline=choice.offline, console=console)
    check(checkpoint)
    check_scheme(checkpoint, choice.quantize)
    hardware = prepare(choice.device, choice.dtype, choice.threads)
    console.detail(
        f"model {checkpoint.folder.path}: {hardware.dtype} on {hardware.device}, {hardware.threads} threads"
    )
    loaded = load(checkpoint, hardware, choice.quantize)
    for warning in loaded.warnings:
        console.warn(checkpoint.folder.id, warning)
    return loaded
