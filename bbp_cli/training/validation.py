"""Validation after each epoch: the loss, and the figures of the commands' own results."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from bbp_cli.console import Console
from bbp_cli.dataset import Example, TrainingTask
from bbp_cli.errors import InputError
from bbp_cli.evaluation.judge import JudgeOptions, aggregate_figures, score_example
from bbp_cli.evaluation.metrics import rouge_installed, rouge_scorer
from bbp_cli.models.checkpoints import LoadedModel
from bbp_cli.training.base_model import LabelSet
from bbp_cli.training.batches import data_of

MAX_SCORED = 200  # examples whose results are compared; the loss is of all


def validate(
    task: TrainingTask,
    records: Sequence[Example],
    loaded: LoadedModel,
    labels: LabelSet | None,
    batch_size: int,
    console: Console,
) -> dict[str, float]:
    """Return `val_loss` and the task's figures, rounded; the model is in eval mode.

    Raises:
        TrainingError: the loss is not finite.
    """
    import torch
    from bigbird_pegasus.training import TrainingError, autocast

    dtype = torch.bfloat16 if loaded.hardware.dtype == "bfloat16" else None
    with autocast(torch.device(loaded.hardware.device), dtype):
        loss = _loss(task, records, loaded, labels, batch_size)
        if not math.isfinite(loss):
            raise TrainingError(f"the loss on validation records is {loss}: it has diverged")
        figures = {"val_loss": loss, **_figures(task, records, loaded, console)}
    return {name: round(value, 6) for name, value in figures.items()}


def _loss(
    task: TrainingTask, records: Sequence[Example], loaded: LoadedModel, labels: LabelSet | None, size: int
) -> float:
    """Return the mean loss, over each example's window in the first epoch."""
    import torch

    data = data_of(task, records, loaded.tokenizer, labels, seed=0)
    order = sorted(range(len(records)), key=lambda number: data.lengths[number])
    total, model = 0.0, cast(Any, loaded.model)
    with torch.inference_mode():
        for start in range(0, len(order), size):
            chosen = order[start : start + size]
            batch = {name: t.to(loaded.hardware.device) for name, t in data.batch(chosen, 0).items()}
            output = model(**batch)
            loss = output[0] if isinstance(output, tuple) else output.loss  # by `config.return_dict`
            total += float(loss) * len(chosen)
    return total / len(order)


def _figures(
    task: TrainingTask, records: Sequence[Example], loaded: LoadedModel, console: Console
) -> dict[str, float]:
    """Return figures of the first window of each document; none of summaries without rouge-score."""
    summaries = task in ("summarize", "extract")
    if summaries and not rouge_installed():
        return {}
    scorer = rouge_scorer() if summaries else None
    # Greedy: beams would take minutes, and only epochs are compared with each other.
    settings = JudgeOptions(strategy="truncate", generation={"num_beams": 1} if task == "summarize" else {})
    ready = _ready(loaded)
    scored = []
    for record in records[:MAX_SCORED]:
        try:
            scored.append(score_example(record, ready, settings, scorer))
        except InputError as error:
            console.detail(f"validation record {record.line}: {error.message}")
    figures = aggregate_figures(scored)
    figures.pop("words", None)
    return figures


def _ready(loaded: LoadedModel) -> LoadedModel:
    """Return the model as the command has it."""
    from bigbird_pegasus.inference.torch_extraction import extractive_model
    from bigbird_pegasus.modeling.sentence_extraction import BigBirdPegasusForSentenceExtraction

    model = loaded.model
    if isinstance(model, BigBirdPegasusForSentenceExtraction):
        return replace(loaded, model=extractive_model(model))
    return loaded
