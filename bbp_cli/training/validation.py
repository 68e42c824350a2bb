"""How good a model is while it is trained: its loss, and the figures of results as the commands give them."""

import math
from collections.abc import Sequence

from bbp_cli.console import Console
from bbp_cli.dataset import Record, Task
from bbp_cli.errors import InputError
from bbp_cli.evaluation.judge import JudgeOptions, judge, summary_of_figures
from bbp_cli.evaluation.metrics import rouge_installed, rouge_scorer
from bbp_cli.models.checkpoints import LoadedModel
from bbp_cli.training.base_model import Labels
from bbp_cli.training.batches import data_of

JUDGED = 200  # records at most whose results are compared; the loss is of all


def validate(
    task: Task,
    records: Sequence[Record],
    loaded: LoadedModel,
    labels: Labels | None,
    batch_size: int,
    console: Console,
) -> dict[str, float]:
    """`val_loss` and the task's figures, rounded; the model is in eval mode.

    Raises:
        TrainingError: the loss is infinite or no number.
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
    task: Task, records: Sequence[Record], loaded: LoadedModel, labels: Labels | None, size: int
) -> float:
    """The mean loss, of each record's window in the first epoch."""
    import torch

    data = data_of(task, records, loaded.tokenizer, labels, seed=0)
    order = sorted(range(len(records)), key=lambda number: data.lengths[number])
    total = 0.0
    with torch.inference_mode():
        for start in range(0, len(order), size):
            chosen = order[start : start + size]
            batch = {name: t.to(loaded.hardware.device) for name, t in data.batch(chosen, 0).items()}
            total += float(loaded.model(**batch).loss) * len(chosen)
    return total / len(order)


def _figures(
    task: Task, records: Sequence[Record], loaded: LoadedModel, console: Console
) -> dict[str, float]:
    """Figures from the first window of each document; of summaries none where rouge-score is missing."""
    summaries = task in ("summarize", "extract")
    if summaries and not rouge_installed():
        return {}
    scorer = rouge_scorer() if summaries else None
    # Beams would take minutes; what is compared is one epoch with another.
    settings = JudgeOptions(truncate=True, generation={"num_beams": 1} if task == "summarize" else {})
    judged = []
    for record in records[:JUDGED]:
        try:
            judged.append(judge(record, loaded, settings, scorer))
        except InputError as error:
            console.detail(f"validation record {record.line}: {error.message}")
    figures = summary_of_figures(judged)
    figures.pop("words", None)
    return figures
