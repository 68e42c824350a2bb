"""What `bbp train` does once its options are read: check, load, train, keep the best, write it."""

import hashlib
import math
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from bbp_cli.checkpoints import Checkpoint, LoadedModel, check_family, weights_digest
from bbp_cli.console import Console, one_line, say
from bbp_cli.device import Hardware, prepare, resources_reported
from bbp_cli.errors import InputError, Terminated, UsageError
from bbp_cli.evaluation import Settings as JudgeSettings
from bbp_cli.evaluation import judge, summary_of_figures
from bbp_cli.hub import ModelFolder, locate
from bbp_cli.jobs import ModelChoice
from bbp_cli.metrics import rouge_installed, rouge_scorer
from bbp_cli.model_card import model_card
from bbp_cli.training_base import CLASSES, Base, Labels, load_base
from bbp_cli.training_data import LabelRecord, Record, Task, check_labels, label_names, read_records, split
from bbp_cli.training_files import Workplace, write_result, writing_to
from bbp_cli.version import __version__

if TYPE_CHECKING:
    from bigbird_pegasus.training import TrainingData, TrainingOptions, TrainingState, Update

VAL_FRACTION = 0.05
JUDGED = 200  # validation records at most whose results are compared after each epoch; the loss is of all
SAVING_SHARE = 20  # a state is saved when the last one is so many times as old as it took to write
PLAIN_LINES = 20  # of progress in a whole run, where no bar is shown
RATE, RATE_WIDTH = 5e-5, 1024  # the usual rate of the published sizes; narrower models take larger steps
MOST_RATE = 1e-3

# The figure that says which epoch is the best; where it is the same (or missing), the loss on validation.
DECIDES: Mapping[Task, str | None] = {"summarize": None, "extract": None, "classify": "accuracy", "qa": "f1"}


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


@dataclass(frozen=True)
class Records:
    """What is trained on, and what the model is validated with."""

    training: Sequence[Record]
    validation: Sequence[Record]
    labels: Labels | None
    digests: Mapping[str, str]


def train_model(
    task: Task,
    data: Path,
    settings: TrainSettings,
    output: TrainOutput,
    choice: ModelChoice,
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
    place.refuse(resume=output.resume, overwrite=output.overwrite)
    records = gather(task, data, settings)
    folder = locate(
        choice.name, revision=choice.revision, offline=choice.offline, check=check_family, console=console
    )
    check_family(folder)
    hardware = prepare(choice.device, choice.dtype, choice.threads)
    if hardware.dtype == "float16":
        raise UsageError("--dtype float16 is too coarse to train in", hint="use bfloat16 or float32")
    base = load_base(task, folder, hardware, settings.seed, settings.max_tokens, records.labels)
    run = describe_run(task, folder, base, hardware, settings, records)
    if not place.prepare(run, resume=output.resume, overwrite=output.overwrite):
        console.detail(f"{output.folder}: this training has ended already")
        return output.folder
    for warning in base.warnings:
        console.warn(folder.id, warning)
    with _hint_to_resume(console):
        _Training(task, records, base, folder, hardware, run, place, console).go()
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
    records: Sequence[Record] = read_records(data, task)
    digests = {"data_sha256": _sha256(data)}
    if settings.val is None:
        fraction = VAL_FRACTION if settings.val_fraction is None else settings.val_fraction
        training, validation = split(records, fraction, settings.seed)
    else:
        training, validation = list(records), read_records(settings.val, task)
        digests["val_sha256"] = _sha256(settings.val)
    labels = None
    if task == "classify":
        # A label that only a split's validation has cannot be learnt, but it is one of the model's labels.
        known = _labelled(training if settings.val is not None else records)
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


def default_rate(width: int) -> float:
    """5e-5 for the published width of 1,024, and more for narrower models: 4e-4 for 256, 1e-3 at most."""
    return min(MOST_RATE, float(f"{RATE * (RATE_WIDTH / width) ** 1.5:.1e}"))


@dataclass
class _Training:
    """A run that goes on: the loop's callbacks, and what they remember."""

    task: Task
    records: Records
    base: Base
    folder: ModelFolder
    hardware: Hardware
    run: Mapping[str, Any]
    place: Workplace
    console: Console

    def __post_init__(self) -> None:
        self.history: list[dict[str, Any]] = []  # figures of each epoch
        self.best = 0  # the epoch, from 1; 0 before the first
        self.saved_at = time.monotonic()
        self.saving_took = 0.0
        self.step: Callable[[], None] = lambda: None

    def go(self) -> None:
        """Train to the end, from wherever an earlier run was stopped, and write the result."""
        from bigbird_pegasus.errors import ConfigError
        from bigbird_pegasus.training import Callbacks, TrainingError, count_updates, train

        state = self._load_state()
        try:
            options = self._options()
        except ConfigError as error:
            raise UsageError(str(error)) from error
        _, total = count_updates(len(self.records.training), options)
        callbacks = Callbacks(self._updated, self._epoch_ended, self._save_when_due)
        self.started, self.first = time.monotonic(), state.update if state else 0
        with self.console.progress(f"training {self.place.output.name}", total) as self.step:
            for _ in range(self.first):
                self.step()
            try:
                with resources_reported():
                    train(self.base.model, self.data(self.records.training), options, callbacks, state)
            except TrainingError as error:
                raise UsageError(str(error), hint="a lower --learning-rate may help") from error
        self.place.finish(self.best)

    def data(self, records: Sequence[Any]) -> "TrainingData":
        """The batches of some records."""
        from bbp_cli import training_tasks as tasks

        tokenizer, seed = self.base.tokenizer, self.run["seed"]
        if self.task == "summarize":
            return tasks.SummaryData(records, tokenizer)
        if self.task == "classify":
            return tasks.LabelData(records, tokenizer, cast(Labels, self.records.labels), seed)
        if self.task == "extract":
            return tasks.ExtractData(records, tokenizer, seed)
        return tasks.QuestionData(records, tokenizer, seed)

    def _options(self) -> "TrainingOptions":
        import torch
        from bigbird_pegasus.training import TrainingOptions

        names = ("epochs", "batch_size", "accumulate", "learning_rate", "seed")
        autocast = torch.bfloat16 if self.hardware.dtype == "bfloat16" else None
        return TrainingOptions(**{name: self.run[name] for name in names}, autocast=autocast)

    def _load_state(self) -> "TrainingState | None":
        kept = self.place.load_state()
        if kept is None:
            return None
        state, notes = kept
        self.history, self.best = notes["history"], notes["best"]
        self.console.detail(f"going on after update {state.update}")
        return state

    def _updated(self, update: "Update") -> None:
        self.step()
        if update.number % max(1, update.total // PLAIN_LINES) == 0:
            elapsed = time.monotonic() - self.started
            left = elapsed / (update.number - self.first) * (update.total - update.number)
            self.console.file_done(
                f"update {update.number}/{update.total}: loss {update.loss:.4f}, {_clock(left)} left"
            )

    def _epoch_ended(self, epoch: int, loss: float) -> None:
        """Validate; keep the weights where they are the best so far."""
        figures = {"epoch": epoch + 1, "loss": round(loss, 6), **self._validate()}
        self.history.append(figures)
        shown = ", ".join(f"{name} {value:.4g}" for name, value in figures.items() if name != "epoch")
        if not self.console.quiet:
            say(f"bbp: epoch {epoch + 1}/{self.run['epochs']}: {one_line(shown)}")
        if not self.best or self._rank(figures) > self._rank(self.history[self.best - 1]):
            self.best = epoch + 1
        if self.best == epoch + 1:
            self._write_checkpoint(self.place.best(self.best))
        if epoch + 1 == self.run["epochs"]:
            self._describe(self.place.best(self.best))

    def _validate(self) -> dict[str, float]:
        if not self.records.validation:
            return {}
        with _autocast(self.hardware):
            figures = {"val_loss": self._validation_loss()}
            judged = self._judged()
        return {name: round(value, 6) for name, value in {**figures, **judged}.items()}

    def _validation_loss(self) -> float:
        import torch

        data = self.data(self.records.validation)
        size, losses, numbers = self.run["batch_size"], [], range(len(self.records.validation))
        order = sorted(numbers, key=lambda number: data.lengths[number])
        with torch.inference_mode():
            for start in range(0, len(order), size):
                chosen = order[start : start + size]
                batch = {n: t.to(self.hardware.device) for n, t in data.batch(chosen, 0).items()}
                losses += [float(self.base.model(**batch).loss)] * len(chosen)
        return sum(losses) / len(losses)

    def _judged(self) -> dict[str, float]:
        """Figures of results as the commands give them, from the first window of each document."""
        scorer = None
        if self.task in ("summarize", "extract"):
            if not rouge_installed():
                return {}
            scorer = rouge_scorer()
        greedy = {"num_beams": 1} if self.task == "summarize" else {}
        settings = JudgeSettings(truncate=True, generation=greedy)
        judged = []
        for record in self.records.validation[:JUDGED]:
            try:
                judged.append(judge(record, self._loaded, settings, scorer))
            except InputError as error:
                self.console.detail(f"validation record {record.line}: {error.message}")
        figures = summary_of_figures(judged)
        figures.pop("words", None)
        return figures

    @cached_property
    def _loaded(self) -> LoadedModel:
        """The model as the commands know it."""
        kinds = {"summarize": "writing", "classify": "labelling", "qa": "answering", "extract": "extractive"}
        task = "summarize" if self.task == "extract" else self.task
        attention = self.base.model.config.attention_type
        checkpoint = Checkpoint(self.folder, task, cast(Any, kinds[self.task]), attention)
        return LoadedModel(checkpoint, self.hardware, self.base.model, self.base.tokenizer)

    def _rank(self, figures: Mapping[str, float]) -> tuple[float, float]:
        """Greater is better; without validation the later epoch is."""
        if not self.records.validation:
            return (float(figures["epoch"]), 0.0)
        decides = DECIDES[self.task]
        return (figures.get(decides, 0.0) if decides else 0.0, -figures["val_loss"])

    def _write_checkpoint(self, folder: Path) -> None:
        with writing_to(self.place.output):
            shutil.rmtree(folder, ignore_errors=True)  # what an earlier run did not complete
            self.base.model.save_pretrained(folder)
            self.base.tokenizer.save_pretrained(folder)

    def _describe(self, folder: Path) -> None:
        """Add the record of the run and the model card to the checkpoint that is the result."""
        result = {"run": dict(self.run), "epochs": self.history, "best_epoch": self.best}
        labels = self.records.labels.names if self.records.labels else ()
        with writing_to(self.place.output):
            write_result(folder, result)
            card = model_card(CLASSES[self.task], result, labels)
            (folder / "README.md").write_text(card, encoding="utf-8")

    def _save_when_due(self, snapshot: Any) -> None:
        """Save a state, unless that would take more than a small part of the time."""
        now = time.monotonic()
        if now - self.saved_at < self.saving_took * SAVING_SHARE:
            return
        self.place.save_state(snapshot(), {"history": self.history, "best": self.best})
        self.saved_at = time.monotonic()
        self.saving_took = self.saved_at - now


@contextmanager
def _hint_to_resume(console: Console) -> Iterator[None]:
    """Tell whoever stops a training how it goes on."""
    try:
        yield
    except (KeyboardInterrupt, Terminated):
        if not console.quiet:
            say("bbp: the same command with --resume goes on with this training")
        raise


def _autocast(hardware: Hardware) -> Any:
    import torch

    if hardware.dtype != "bfloat16":
        return nullcontext()
    return torch.autocast(torch.device(hardware.device).type, dtype=torch.bfloat16)


def _labelled(records: Sequence[Record]) -> list[LabelRecord]:
    return [record for record in records if isinstance(record, LabelRecord)]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _clock(seconds: float) -> str:
    """h:mm:ss, rounded up."""
    whole = math.ceil(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
