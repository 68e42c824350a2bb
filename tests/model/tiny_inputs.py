"""Inputs for every class of the family, with labels, for tests of what the classes have in common."""

from typing import Any

import bigbird_pegasus
import torch
from torch import Tensor

from tests.model.tiny import tiny_config, tiny_ids

KINDS = (
    "BigBirdPegasusModel",
    "BigBirdPegasusForConditionalGeneration",
    "BigBirdPegasusForSequenceClassification",
    "BigBirdPegasusForQuestionAnswering",
    "BigBirdPegasusForCausalLM",
)
CLASSIFIER, ANSWERER, CAUSAL = KINDS[2:]


def tiny_of_kind(kind: str, seed: int = 0, **changes: Any) -> Any:
    """A model of the class `kind` in eval mode; the same seed and sizes give the same weights."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = getattr(bigbird_pegasus, kind)(tiny_config(**changes))
    return model.eval().requires_grad_(False)


def documents_with_end(lengths: list[int]) -> dict[str, Tensor]:
    """Documents of ordinary tokens that end with the end token 1, padded on the right."""
    ids = tiny_ids(len(lengths), max(lengths))
    mask = (torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]).long()
    ids[torch.arange(len(lengths)), torch.tensor(lengths) - 1] = 1
    return {"input_ids": ids * mask, "attention_mask": mask}


def tiny_inputs(kind: str, length: int, *, padded: bool = True, labels: bool = False) -> dict[str, Any]:
    """Arguments of a forward of the class `kind` on three documents of up to `length` tokens."""
    lengths = [length, max(2, length // 2), max(2, length - 3)] if padded else [length] * 3
    inputs: dict[str, Any] = documents_with_end(lengths)
    target = tiny_ids(3, 7, seed=1)
    if kind in ("BigBirdPegasusModel", "BigBirdPegasusForConditionalGeneration"):
        inputs["decoder_input_ids"] = target
    if labels and kind == "BigBirdPegasusForConditionalGeneration":
        inputs["labels"] = target.roll(-1, 1).masked_fill(
            torch.arange(7) > torch.tensor([[9], [3], [5]]), -100
        )
    if labels and kind == "BigBirdPegasusForSequenceClassification":
        inputs["labels"] = torch.tensor([1, 0, 1])
    if labels and kind == "BigBirdPegasusForQuestionAnswering":
        inputs["start_positions"] = torch.tensor([0, 1, length])  # the last one is out of range
        inputs["end_positions"] = torch.tensor([1, length - 1, 0])
    if labels and kind == "BigBirdPegasusForCausalLM":
        inputs["labels"] = inputs["input_ids"].roll(-1, 1).masked_fill(inputs["attention_mask"] == 0, -100)
    return inputs
