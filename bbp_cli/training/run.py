"""One training run: callbacks after updates and epochs, checkpoints, resume."""

import math
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bbp_cli.console import Console, one_line, plain_line_is_due, print_line
from bbp_cli.dataset import Example, TrainingTask
from bbp_cli.errors import UsageError
from bbp_cli.models.checkpoints import KINDS, Checkpoint, LoadedModel, TaskName
from bbp_cli.models.hardware import Hardware
from bbp_cli.models.memory import memory_errors
from bbp_cli.models.names import ModelFolder
from bbp_cli.training.base_model import CLASSES, Base, LabelSet
from bbp_cli.training.batches import data_of
from bbp_cli.training.model_card import model_card
from bbp_cli.training.run_folder import RunFolder, write_result, writing_to
from bbp_cli.training.validation import validate

if TYPE_CHECKING:
    from bigbird_pegasus.training import TrainingOptions, TrainingState, Update


SAVING_SHARE = 20  # a state is saved when the last one is this many times as old as its writing took

# The figure that says which epoch is the best; where it is the same (or missing), the loss on validation.
DECIDES: Mapping[TrainingTask, str | None] = {
    "summarize": None,
    "extract": None,
    "classify": "accuracy",
    "qa": "f1",
}


@dataclass(frozen=True)
class Records:
    """The examples of training and validation."""

    training: Sequence[Example]
    validation: Sequence[Example]
    labels: LabelSet | None
    digests: Mapping[str, str]


@dataclass
class TrainingRun:
    """A run and the state of its callbacks.

    `parameters` is what the final weights depend on, see `train.run_parameters`.
    """

    task: TrainingTask
    records: Records
    base: Base
    folder: ModelFolder
    hardware: Hardware
    parameters: Mapping[str, Any]
    run_folder: RunFolder
    console: Console

    def __post_init__(self) -> None:
        self.history: list[dict[str, Any]] = []  # figures of each epoch
        self.best = 0  # the epoch, from 1; 0 before the first
        self.saved_at = time.monotonic()
        self.saving_took = 0.0
        self.step: Callable[[], None] = lambda: None

    def run(self, options: "TrainingOptions") -> None:
        """Train to the end, from the last saved state if there is one, and write the result.

        Raises:
            UsageError: the loss is infinite.
            OutputError: something cannot be written, or a saved state is damaged.
            ResourceError: it does not fit into memory.
        """
        from bigbird_pegasus.training import Callbacks, TrainingError, count_updates, train

        state = self._load_state()
        data = data_of(
            self.task,
            self.records.training,
            self.base.tokenizer,
            self.records.labels,
            self.parameters["seed"],
        )
        _, total = count_updates(len(data.lengths), options)
        callbacks = Callbacks(self._updated, self._epoch_ended, self._save_when_due)
        self.started, self.first = time.monotonic(), state.update if state else 0
        with self.console.progress(f"training {self.run_folder.output.name}", total) as self.step:
            for _ in range(self.first):
                self.step()
            try:
                with memory_errors():
                    train(self.base.model, data, options, callbacks, state)
            except TrainingError as error:
                raise UsageError(str(error), hint="a lower --learning-rate may help") from error
        self.run_folder.finish(self.best)

    def _load_state(self) -> "TrainingState | None":
        kept = self.run_folder.load_state()
        if kept is None:
            return None
        state, notes = kept
        self.history, self.best = notes["history"], notes["best"]
        self.console.detail(f"resuming after update {state.update}")
        return state

    def _updated(self, update: "Update") -> None:
        self.step()
        if plain_line_is_due(update.number, update.total):
            elapsed = time.monotonic() - self.started
            left = elapsed / (update.number - self.first) * (update.total - update.number)
            self.console.file_done(
                f"update {update.number}/{update.total}: loss {update.loss:.4f}, {_clock(left)} left"
            )

    def _epoch_ended(self, epoch: int, loss: float) -> None:
        """Validate, and keep the weights if they are the best so far."""
        figures = {"epoch": epoch + 1, "loss": round(loss, 6), **self._validated()}
        self.history.append(figures)
        shown = ", ".join(f"{name} {value:.4g}" for name, value in figures.items() if name != "epoch")
        if not self.console.quiet:
            print_line(f"bbp: epoch {epoch + 1}/{self.parameters['epochs']}: {one_line(shown)}")
        if not self.best or self._rank(figures) > self._rank(self.history[self.best - 1]):
            self.best = epoch + 1
            self._write_checkpoint()
        if epoch + 1 == self.parameters["epochs"]:
            self._describe()

    def _validated(self) -> dict[str, float]:
        if not self.records.validation:
            return {}
        return validate(
            self.task,
            self.records.validation,
            self._loaded(),
            self.records.labels,
            self.parameters["batch_size"],
            self.console,
        )

    def _loaded(self) -> LoadedModel:
        """Return the model as the commands know it."""
        task: TaskName = "summarize" if self.task == "extract" else self.task
        kind = KINDS[task][CLASSES[self.task]]
        checkpoint = Checkpoint(self.folder, task, kind, self.base.model.config.attention_type)
        return LoadedModel(checkpoint, self.hardware, self.base.model, self.base.tokenizer)

    def _rank(self, figures: Mapping[str, float]) -> tuple[float, float]:
        """Return a key by which a better epoch is greater; without validation a later one is better."""
        if not self.records.validation:
            return (float(figures["epoch"]), 0.0)
        decides = DECIDES[self.task]
        return (figures.get(decides, 0.0) if decides else 0.0, -figures["val_loss"])

    def _write_checkpoint(self) -> None:
        folder = self.run_folder.best(self.best)
        with writing_to(self.run_folder.output):
            shutil.rmtree(folder, ignore_errors=True)  # left incomplete by an earlier run
            self.base.model.save_pretrained(folder)
            self.base.tokenizer.save_pretrained(folder)

    def _describe(self) -> None:
        """Add the record of the run and the model card to the checkpoint that is the result."""
        folder = self.run_folder.best(self.best)
        result = {"run": dict(self.parameters), "epochs": self.history, "best_epoch": self.best}
        labels = self.records.labels.names if self.records.labels else ()
        with writing_to(self.run_folder.output):
            write_result(folder, result)
            decoder = self.base.model.config.is_encoder_decoder
            card = model_card(CLASSES[self.task], result, labels, decoder=decoder)
            (folder / "README.md").write_text(card, encoding="utf-8")

    def _save_when_due(self, snapshot: "Callable[[], TrainingState]") -> None:
        """Save a state, unless that would take more than a small part of the time."""
        now = time.monotonic()
        if now - self.saved_at < self.saving_took * SAVING_SHARE:
            return
        self.run_folder.save_state(snapshot(), {"history": self.history, "best": self.best})
        self.saved_at = time.monotonic()
        self.saving_took = self.saved_at - now


def _clock(seconds: float) -> str:
    """Format seconds as h:mm:ss, rounded up."""
    whole = math.ceil(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
