"""Fine-tuning on one machine: the training loop of any model and task.

    batches   -> epoch_batches            examples of like length together, in an order that the seed decides
    rate      -> learning_rate_factor     warm-up, then decay
    update    -> train                    forward and backward over a few batches, clip, AdamW

All random choices follow from the seed and the number of the update, so a run that was stopped
and resumes from its last `TrainingState` ends with the same weights, bit for bit, as one that was not.

Sources: AdamW (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019); linear warm-up and
decay as in BERT (Devlin et al., 2019, appendix A.2).
"""

import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from bigbird_pegasus.errors import BigBirdPegasusError, ConfigError

BATCHES_SORTED_TOGETHER = 50
SEEDS = 2**63  # torch has so many
MAX_RATE_OR_NORM = 1e30  # of rates and norms; float32 ends at 3e38


class TrainingError(BigBirdPegasusError):
    """Training cannot go on: the loss is no number any more, or a state is not one of this run."""


@dataclass(frozen=True)
class TrainingOptions:
    """The hyperparameters of a run.

    Raises:
        ConfigError: a value is impossible.
    """

    epochs: int = 3
    batch_size: int = 8  # examples of a forward
    accumulate: int = 1  # forwards of an update
    learning_rate: float = 5e-5  # the greatest
    warm_up: float = 0.06  # share of the updates
    weight_decay: float = 0.01  # of matrices; vectors (biases, norms) and embeddings have none
    clip: float = 1.0  # greatest norm of the gradient
    autocast: torch.dtype | None = None  # what forwards compute in; None: the weights' own type
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "accumulate"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ConfigError(f"{name} is {value!r}: it must be a whole number of at least 1")
        for name in ("learning_rate", "clip"):
            if not 0 < getattr(self, name) <= MAX_RATE_OR_NORM:
                raise ConfigError(f"{name} is {getattr(self, name)!r}: it must be above 0 and at most 1e30")
        if not 0 <= self.warm_up <= 1:
            raise ConfigError(f"warm_up is {self.warm_up!r}: it is a share, between 0 and 1")
        if not 0 <= self.weight_decay < float("inf"):
            raise ConfigError(f"weight_decay is {self.weight_decay!r}: it must be at least 0")


class TrainingData(Protocol):
    """Examples by number."""

    @property
    def lengths(self) -> Sequence[int]:
        """Return how long each example is, in any unit: those of like length share a batch."""

    def batch(self, numbers: Sequence[int], epoch: int) -> Mapping[str, Tensor]:
        """Return the arguments of the model's forward for some examples, labels included.

        It must depend on nothing but its arguments; `epoch` (from 0) may choose what is shown of an example.
        """


@dataclass(frozen=True)
class TrainingState:
    """All that a run needs to resume: updates done, sum of this epoch's losses, weights, optimizer."""

    update: int
    loss_sum: float
    model: Mapping[str, Tensor]
    optimizer: Mapping[str, Any]


@dataclass(frozen=True)
class Update:
    """One update that was done: its number from 1, of how many; its epoch from 0; its mean loss."""

    number: int
    total: int
    epoch: int
    loss: float
    learning_rate: float


@dataclass(frozen=True)
class Callbacks:
    """Callbacks of a run. They are called in the order `update`, `epoch` where one ends, `saveable`.

    Attributes:
        update: an update was done.
        epoch: an epoch (from 0) ended with this mean loss; the model is in eval mode meanwhile.
        saveable: the state that the function returns may be kept to resume from. Its tensors are the
            run's own: save or copy them before returning.
    """

    update: Callable[[Update], None] = lambda _update: None
    epoch: Callable[[int, float], None] = lambda _epoch, _loss: None
    saveable: Callable[[Callable[[], TrainingState]], None] = lambda _snapshot: None


def train(
    model: nn.Module,
    data: TrainingData,
    options: TrainingOptions,
    callbacks: Callbacks | None = None,
    state: TrainingState | None = None,
) -> None:
    """Train a model in place; it is in eval mode afterwards.

    Args:
        model: its forward takes what `data.batch` gives and returns a record with a `loss`.
        data: the examples.
        options: see `TrainingOptions`.
        callbacks: called after updates and epochs.
        state: of an earlier call with the same arguments, to resume from.

    Raises:
        ConfigError: there are no examples.
        TrainingError: the loss is infinite or no number, or the state is not one of this model and run.
    """
    callbacks = callbacks or Callbacks()
    per_epoch, total = count_updates(len(data.lengths), options)
    optimizer = make_optimizer(model, options)
    done, loss_sum = 0, 0.0
    if state is not None:
        done, loss_sum = _restore(model, optimizer, state, total)

    def snapshot() -> TrainingState:
        return TrainingState(done, loss_sum, model.state_dict(), optimizer.state_dict())

    model.train()
    while done < total:
        epoch, first = divmod(done, per_epoch)
        batches = epoch_batches(data.lengths, options.batch_size, options.seed, epoch)
        for batch_group in _groups(batches, options.accumulate, first):
            rate = options.learning_rate * learning_rate_factor(done, total, options.warm_up)
            loss = _update(model, data, batch_group, epoch, optimizer, rate, options, done)
            done, loss_sum = done + 1, loss_sum + loss
            callbacks.update(Update(done, total, epoch, loss, rate))
            if done % per_epoch == 0:
                with _evaluating(model):
                    callbacks.epoch(epoch, loss_sum / per_epoch)
                loss_sum = 0.0
            callbacks.saveable(snapshot)
    model.eval()


def count_updates(examples: int, options: TrainingOptions) -> tuple[int, int]:
    """Return the updates of an epoch, and of the whole run.

    Raises:
        ConfigError: there are no examples.
    """
    if not examples:
        raise ConfigError("there are no examples to train on")
    per_epoch = math.ceil(math.ceil(examples / options.batch_size) / options.accumulate)
    return per_epoch, per_epoch * options.epochs


def epoch_batches(lengths: Sequence[int], batch_size: int, seed: int, epoch: int) -> list[list[int]]:
    """Numbers of the examples of each batch of an epoch: every example once, in random order.

    Examples are shuffled, sorted by length within pools of `BATCHES_SORTED_TOGETHER` batches, cut into
    batches, and the batches shuffled: little padding, and no order that a model could learn from.
    """
    generator = random.Random(f"{seed}/{epoch}")
    order = list(range(len(lengths)))
    generator.shuffle(order)
    pool = batch_size * BATCHES_SORTED_TOGETHER
    batches = []
    for start in range(0, len(order), pool):
        together = sorted(order[start : start + pool], key=lambda number: lengths[number])
        batches += [together[i : i + batch_size] for i in range(0, len(together), batch_size)]
    generator.shuffle(batches)
    return batches


def learning_rate_factor(update: int, updates: int, warm_up: float) -> float:
    """Factor of the learning rate of an update (from 0): a line up to 1, then a line down to nearly 0."""
    rising = math.ceil(updates * warm_up)
    if update < rising:
        return (update + 1) / (rising + 1)
    return (updates - update) / (updates - rising)


def make_optimizer(model: nn.Module, options: TrainingOptions) -> torch.optim.AdamW:
    """AdamW over what the model trains; no decay of vectors and embeddings."""
    embeddings = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    trained = [p for p in model.parameters() if p.requires_grad]
    decayed = [p for p in trained if p.dim() > 1 and id(p) not in embeddings]
    others = [p for p in trained if p.dim() <= 1 or id(p) in embeddings]
    groups = [
        {"params": decayed, "weight_decay": options.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=options.learning_rate)


def autocast(device: torch.device, dtype: torch.dtype | None) -> AbstractContextManager[Any]:
    """Return the context in which forwards compute in a type; None leaves it to the weights."""
    return nullcontext() if dtype is None else torch.autocast(device.type, dtype=dtype)


def _groups(batches: list[list[int]], size: int, first: int) -> Iterator[list[list[int]]]:
    """Yield the batches of each update, from update `first` of the epoch on."""
    for start in range(first * size, len(batches), size):
        yield batches[start : start + size]


def _update(
    model: nn.Module,
    data: TrainingData,
    batches: list[list[int]],
    epoch: int,
    optimizer: torch.optim.Optimizer,
    rate: float,
    options: TrainingOptions,
    number: int,
) -> float:
    """Do one update and return the mean loss of its batches."""
    device = next(model.parameters()).device
    losses = []
    optimizer.zero_grad(set_to_none=True)
    for index, numbers in enumerate(batches):
        arguments = {name: tensor.to(device) for name, tensor in data.batch(numbers, epoch).items()}
        # Dropout draws from here: the same after a resume, and different in every forward.
        torch.manual_seed(((options.seed * 1_000_003 + number) * options.accumulate + index) % SEEDS)
        with autocast(device, options.autocast):
            output = model(**arguments)
            loss: Tensor = output[0] if isinstance(output, tuple) else output.loss  # by `config.return_dict`
        losses.append(float(loss.detach()))
        if not math.isfinite(losses[-1]):
            raise TrainingError(f"the loss is {losses[-1]} at update {number + 1}: it has diverged")
        (loss / len(batches)).backward()
    nn.utils.clip_grad_norm_(model.parameters(), options.clip)
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.step()
    return sum(losses) / len(losses)


def _restore(
    model: nn.Module, optimizer: torch.optim.Optimizer, state: TrainingState, total: int
) -> tuple[int, float]:
    """Put a state into model and optimizer; return the updates done and the sum of the epoch's losses."""
    try:
        model.load_state_dict(state.model)
        optimizer.load_state_dict(dict(state.optimizer))
    except (RuntimeError, ValueError, KeyError) as error:
        raise TrainingError(f"the state is not one of this model: {str(error).splitlines()[0]}") from error
    if state.update > total:
        raise TrainingError(f"the state is of update {state.update}, and this run has only {total}")
    return state.update, state.loss_sum


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    model.eval()
    try:
        yield
    finally:
        model.train()
