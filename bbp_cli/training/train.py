"""What `bbp train` does once its options are read: check everything, then train, or go on with it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bbp_cli.console import Console, say
from bbp_cli.dataset import LabelRecord, Record, Task, check_labels, label_names, read_records, split
from bbp_cli.errors import InputError, Terminated, UsageError
from bbp_cli.evaluation.metrics import rouge_scorer
from bbp_cli.models.checkpoints import check_family, weights_digest
from bbp_cli.models.hardware import Hardware, prepare
from bbp_cli.models.loading import ModelOptions
from bbp_cli.models.names import ModelFolder, locate
from bbp_cli.training.base_model import Base, Labels, load_base
from bbp_cli.training.batches import count_cut, longest_target
from bbp_cli.training.run import Records, TrainingRun
from bbp_cli.training.run_folder import Workplace, writing_to
from bbp_cli.version import __version__

if TYPE_CHECKING:
    from bigbird_pegasus.training import TrainingOptions


VAL_FRACTION = 0.05
RATE, RATE_WIDTH = 5e-5, 1024  # the usual rate of the published sizes; narrower models take larger steps
MOST_RATE = 1e-3


@dataclass(frozen=True)
class TrainSettings:
    """What decides about a training beside data and base. None is a default that the base decides."""

    epochs: int = 3
    batch_size: int = 8
    accumulate: int = 1
    learning_rate: float | None = None
    max_tokens: int | None = None
    val: Path | None = None
    val_fraction: float | None = None
    seed: int = 0


@dataclass(frozen=True)
class TrainOutput:
    """Where the model goes, and what may be there already."""

    folder: Path
    resume: bool = False
    overwrite: bool = False


def train_model(
    task: Task,
    data: Path,
    settings: TrainSettings,
    output: TrainOutput,
    choice: ModelOptions,
    console: Console,
) -> Path:
    """Train a model and return the folder it is in.

    Raises:
        InputError: the data cannot be used; every bad record was told before.
        UsageError: options contradict each other, the base, or the run that is to be resumed; or the loss
            has become infinite.
        ModelError: the base cannot be had, or is no checkpoint to start from.
        OutputError: something is in the way, or cannot be written.
        ResourceError: it does not fit into memory.
    """
    if output.resume and output.overwrite:
        raise UsageError("--resume and --overwrite exclude each other")
    place = Workplace(output.folder)
    with writing_to(output.folder):
        place.refuse(resume=output.resume, overwrite=output.overwrite)
    records = gather(task, data, settings)
    hardware = prepare(choice.device, choice.dtype, choice.threads)
    if hardware.dtype == "float16":
        raise UsageError("--dtype float16 is too coarse to train in", hint="use bfloat16 or float32")
    options = training_options(settings, hardware)
    folder = locate(
        choice.name, revision=choice.revision, offline=choice.offline, check=check_family, console=console
    )
    check_family(folder)
    base = load_base(task, folder, hardware, settings.seed, settings.max_tokens, records.labels)
    run = describe_run(task, folder, base, hardware, settings, records)
    options = replace(options, learning_rate=run["learning_rate"])
    if not place.prepare(run, resume=output.resume, overwrite=output.overwrite):
        console.detail(f"{output.folder}: this training has ended already")
        return output.folder
    for warning in base.warnings:
        console.warn(folder.id, warning)
    warn_of_cuts(task, data, records, base, console)
    with _hint_to_resume(console):
        TrainingRun(task, records, base, folder, hardware, run, place, console).go(options)
    return output.folder


def gather(task: Task, data: Path, settings: TrainSettings) -> Records:
    """Read and check all records, before anything else is done.

    Raises:
        UsageError, InputError: see `train_model`.
    """
    if task == "extract":
        rouge_scorer()  # what sentences are worth is measured with it: better to say so now
    if settings.val is not None and settings.val_fraction is not None:
        raise UsageError("--val and --val-fraction exclude each other")
    file = read_records(data, task)
    digests = {"data_sha256": file.sha256}
    if settings.val is None:
        fraction = VAL_FRACTION if settings.val_fraction is None else settings.val_fraction
        training, validation = split(file.records, fraction, settings.seed)
    else:
        val = read_records(settings.val, task)
        training, validation = file.records, val.records
        digests["val_sha256"] = val.sha256
    labels = None
    if task == "classify":
        # A label that only a split's validation has cannot be learnt, but it is one of the model's labels.
        known = _labelled(file.records)
        labels = Labels(tuple(label_names(known)), known[0].several)
        if len(labels.names) < 2:
            names = " and ".join(map(repr, labels.names)) or "no label"
            raise InputError(
                f"all records have {names}: there is nothing to tell apart", file=str(data), code="records"
            )
        if settings.val is not None:
            check_labels(settings.val, _labelled(validation), labels.names, labels.several)
    return Records(training, validation, labels, digests)


def describe_run(
    task: Task, folder: ModelFolder, base: Base, hardware: Hardware, settings: TrainSettings, records: Records
) -> dict[str, Any]:
    """Everything that the weights at the end depend on, as a resume compares it and the result tells it."""
    asked = settings.learning_rate
    rate = default_rate(base.model.config.d_model) if asked is None else asked
    return {
        "task": task,
        "base": folder.id,
        "base_sha256": weights_digest(folder),
        **records.digests,
        "training_records": len(records.training),
        "validation_records": len(records.validation),
        "epochs": settings.epochs,
        "batch_size": settings.batch_size,
        "accumulate": settings.accumulate,
        "learning_rate": rate,
        "max_tokens": base.tokenizer.model_max_length,
        "seed": settings.seed,
        "device": hardware.device,
        "dtype": hardware.dtype,
        "threads": hardware.threads,
        "bbp_version": __version__,
    }


def training_options(settings: TrainSettings, hardware: Hardware) -> "TrainingOptions":
    """The options of the loop, with the usual rate where none was asked for.

    Raises:
        UsageError: one is impossible.
    """
    import torch
    from bigbird_pegasus.errors import ConfigError
    from bigbird_pegasus.training import TrainingOptions

    rate = RATE if settings.learning_rate is None else settings.learning_rate
    try:
        return TrainingOptions(
            epochs=settings.epochs,
            batch_size=settings.batch_size,
            accumulate=settings.accumulate,
            learning_rate=rate,
            autocast=torch.bfloat16 if hardware.dtype == "bfloat16" else None,
            seed=settings.seed,
        )
    except ConfigError as error:
        raise UsageError(str(error)) from error


def warn_of_cuts(task: Task, data: Path, records: Records, base: Base, console: Console) -> None:
    """Say once how many summaries or questions are longer than what a model learns from."""
    cut, of = count_cut(task, records.training, base.tokenizer), len(records.training)
    if not cut:
        return
    longest = longest_target(task, base.tokenizer)
    what = "summaries" if task == "summarize" else "questions"
    console.warn(
        str(data),
        f"{cut} of {of} {what} have more than {longest} tokens: only their beginning is learnt from",
    )


def default_rate(width: int) -> float:
    """5e-5 for the published width of 1,024, and more for narrower models: 4e-4 for 256, 1e-3 at most."""
    return min(MOST_RATE, float(f"{RATE * (RATE_WIDTH / width) ** 1.5:.1e}"))


@contextmanager
def _hint_to_resume(console: Console) -> Iterator[None]:
    """Tell whoever stops a training how it goes on."""
    try:
        yield
    except (KeyboardInterrupt, Terminated):
        if not console.quiet:
            say("bbp: the same command with --resume goes on with this training")
        raise


def _labelled(records: Sequence[Record]) -> list[LabelRecord]:
    return [record for record in records if isinstance(record, LabelRecord)]
