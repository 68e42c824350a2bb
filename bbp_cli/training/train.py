"""`bbp train` after its options are read: check everything, then train or resume."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bbp_cli.console import Console, print_line
from bbp_cli.dataset import (
    Example,
    LabelExample,
    QuestionExample,
    TrainingTask,
    check_labels,
    label_names,
    read_examples,
    split,
)
from bbp_cli.errors import InputError, Terminated, UsageError
from bbp_cli.evaluation.metrics import rouge_scorer
from bbp_cli.models.checkpoints import check_family, weights_digest
from bbp_cli.models.hardware import Hardware, prepare
from bbp_cli.models.loading import ModelOptions
from bbp_cli.models.names import ModelFolder, locate
from bbp_cli.training.base_model import Base, LabelSet, load_base
from bbp_cli.training.batches import count_cut, longest_target
from bbp_cli.training.run import Records, TrainingRun
from bbp_cli.training.run_folder import RunFolder, writing_to
from bbp_cli.version import __version__

if TYPE_CHECKING:
    from bigbird_pegasus.training import TrainingOptions


VAL_FRACTION = 0.05
DEFAULT_RATE, RATE_WIDTH = 5e-5, 1024  # of the published size; narrower models take larger steps
MAX_RATE = 1e-3


@dataclass(frozen=True)
class TrainSettings:
    """The options of a training. None is a default that depends on the base."""

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
    """The output folder, and what may be there already."""

    folder: Path
    resume: bool = False
    overwrite: bool = False


def train_model(
    task: TrainingTask,
    data: Path,
    settings: TrainSettings,
    output: TrainOutput,
    model_options: ModelOptions,
    console: Console,
) -> Path:
    """Train a model and return the folder it is in.

    Raises:
        InputError: the data cannot be used; every bad line was reported before.
        UsageError: options contradict each other, the base, or the run to resume; or the loss is
            infinite.
        ModelError: the base is unavailable, or cannot be trained.
        OutputError: something is in the way, or cannot be written.
        ResourceError: it does not fit into memory.
    """
    if output.resume and output.overwrite:
        raise UsageError("--resume and --overwrite cannot be used together")
    run_folder = RunFolder(output.folder)
    with writing_to(output.folder):
        run_folder.check_free(resume=output.resume, overwrite=output.overwrite)
    records = gather(task, data, settings)
    hardware = prepare(model_options.device, model_options.dtype, model_options.threads)
    if hardware.dtype == "float16":
        raise UsageError("--dtype float16 is too coarse to train in", hint="use bfloat16 or float32")
    options = training_options(settings, hardware)
    folder = locate(
        model_options.name,
        revision=model_options.revision,
        offline=model_options.offline,
        check=check_family,
        console=console,
    )
    check_family(folder)
    base = load_base(task, folder, hardware, settings.seed, settings.max_tokens, records.labels)
    run = run_parameters(task, folder, base, hardware, settings, records)
    options = replace(options, learning_rate=run["learning_rate"])
    if not run_folder.prepare(run, resume=output.resume, overwrite=output.overwrite):
        console.detail(f"{output.folder}: this training is complete; nothing to resume")
        return output.folder
    for warning in base.warnings:
        console.warn(folder.id, warning)
    questions = [record for record in records.training if isinstance(record, QuestionExample)]
    if questions and all(question.answers for question in questions):
        message = "every question has an answer: the model cannot learn to say that a text has none"
        console.warn(str(data), message)
    warn_of_cuts(task, data, records, base, console)
    with _hint_to_resume(console):
        TrainingRun(task, records, base, folder, hardware, run, run_folder, console).run(options)
    return output.folder


def gather(task: TrainingTask, data: Path, settings: TrainSettings) -> Records:
    """Read and check all records before anything else is done.

    Raises:
        UsageError, InputError: see `train_model`.
    """
    if task == "extract":
        rouge_scorer()  # the values of sentences need it: fail before anything is read
    if settings.val is not None and settings.val_fraction is not None:
        raise UsageError("--val and --val-fraction cannot be used together")
    file = read_examples(data, task)
    digests = {"data_sha256": file.sha256}
    if settings.val is None:
        fraction = VAL_FRACTION if settings.val_fraction is None else settings.val_fraction
        training, validation = split(file.records, fraction, settings.seed)
    else:
        val = read_examples(settings.val, task)
        training, validation = file.records, val.records
        digests["val_sha256"] = val.sha256
    labels = None
    if task == "classify":
        # A label that only validation examples have cannot be learnt, but the model must know it.
        known = _labelled(file.records)
        labels = LabelSet(tuple(label_names(known)), known[0].several)
        if len(labels.names) < 2:
            names = " and ".join(map(repr, labels.names)) or "no label"
            raise InputError(
                f"all records have {names}: a classifier needs at least two labels",
                file=str(data),
                code="records",
            )
        if settings.val is not None:
            check_labels(settings.val, _labelled(validation), labels.names, labels.several)
    return Records(training, validation, labels, digests)


def run_parameters(
    task: TrainingTask,
    folder: ModelFolder,
    base: Base,
    hardware: Hardware,
    settings: TrainSettings,
    records: Records,
) -> dict[str, Any]:
    """Return all that the final weights depend on: compared by --resume, recorded in the result."""
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
    """Return the options of the loop, with the default rate where none was asked for.

    Raises:
        UsageError: one is impossible.
    """
    import torch
    from bigbird_pegasus.errors import ConfigError
    from bigbird_pegasus.training import TrainingOptions

    rate = DEFAULT_RATE if settings.learning_rate is None else settings.learning_rate
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


def warn_of_cuts(task: TrainingTask, data: Path, records: Records, base: Base, console: Console) -> None:
    """Warn once of summaries or questions that are cut for training."""
    cut, of = count_cut(task, records.training, base.tokenizer), len(records.training)
    if not cut:
        return
    longest = longest_target(task, base.tokenizer)
    what = "summaries" if task == "summarize" else "questions"
    console.warn(
        str(data),
        f"{cut} of {of} {what} have more than {longest} tokens and are cut there",
    )


def default_rate(width: int) -> float:
    """Return 5e-5 for the published width of 1,024, more for narrower models: 4e-4 for 256, at most 1e-3."""
    return min(MAX_RATE, float(f"{DEFAULT_RATE * (RATE_WIDTH / width) ** 1.5:.1e}"))


@contextmanager
def _hint_to_resume(console: Console) -> Iterator[None]:
    """Print how to resume where the training is interrupted."""
    try:
        yield
    except (KeyboardInterrupt, Terminated):
        if not console.quiet:
            print_line("bbp: run the same command with --resume to continue this training")
        raise


def _labelled(records: Sequence[Example]) -> list[LabelExample]:
    return [record for record in records if isinstance(record, LabelExample)]
