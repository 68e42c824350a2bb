"""Batches for sequence-to-sequence training: examples of any length, padded, with the decoder's inputs."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bigbird_pegasus.errors import ConfigError
from bigbird_pegasus.tokenization.batch_encoding import BatchEncoding


@dataclass
class DataCollatorForSeq2Seq:
    """Makes a batch of a list of examples, each `input_ids` and perhaps `attention_mask`, `labels` and
    others.

    Attributes:
        tokenizer: pads the inputs.
        model: shifts labels into `decoder_input_ids`, where it is given.
        padding: True or "longest" pads to the longest example, "max_length" to `max_length`, False or
            "do_not_pad" not at all.
        max_length: see `padding`; it also bounds the labels' padding.
        pad_to_multiple_of: lengths, of inputs and of labels, become multiples of it.
        label_pad_token_id: what labels are filled up with: -100 is not learnt.
        return_tensors: "pt" or "np".
    """

    tokenizer: Any
    model: Any = None
    padding: bool | str = True
    max_length: int | None = None
    pad_to_multiple_of: int | None = None
    label_pad_token_id: int = -100
    return_tensors: str = "pt"

    def __call__(
        self, features: Sequence[Mapping[str, Any]], return_tensors: str | None = None
    ) -> BatchEncoding:
        """Return the batch: `input_ids`, `attention_mask`, `labels`, `decoder_input_ids`, each (B, T).

        Raises:
            ConfigError: `return_tensors` is unknown, or examples are of different lengths and are not padded.
        """
        kind = return_tensors or self.return_tensors
        if kind not in ("pt", "np"):
            raise ConfigError(f"return_tensors is {kind!r}: it must be 'pt' or 'np'")
        check_rows(features)
        rows = [{name: _as_list(value) for name, value in feature.items()} for feature in features]
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        labels = columns.pop("label" if "label" in columns else "labels", None)
        batch = {name: self._column(name, values) for name, values in columns.items()}
        if "input_ids" in columns and "attention_mask" not in columns:
            batch["attention_mask"] = self._column(
                "attention_mask", [[1] * len(x) for x in columns["input_ids"]]
            )
        if labels is not None and any(label is not None for label in labels):
            is_text = isinstance(labels[0], list)
            batch["labels"] = self._padded("labels", labels, self.label_pad_token_id) if is_text else labels
        tensors = {name: torch.tensor(values) for name, values in batch.items()}
        if "labels" in tensors and hasattr(self.model, "prepare_decoder_input_ids_from_labels"):
            shifted = self.model.prepare_decoder_input_ids_from_labels(labels=tensors["labels"])
            tensors["decoder_input_ids"] = shifted
        if kind == "np":
            return BatchEncoding({name: tensor.numpy() for name, tensor in tensors.items()})
        return BatchEncoding(tensors)

    def _column(self, name: str, values: list[Any]) -> list[Any]:
        """Pad a column of lists by its own filler; numbers stay as they are."""
        if not isinstance(values[0], list):
            if isinstance(values[0], str):
                raise ConfigError(f"{name} are texts, of which no tensor is made: remove the column")
            return values
        return self._padded(name, values, int(self.tokenizer.pad_token_id) if name == "input_ids" else 0)

    def _padded(self, name: str, rows: list[list[int]], filler: int) -> list[list[int]]:
        """Fill rows up to a common length, on the side where the tokenizer pads."""
        length = max(map(len, rows))
        if self.padding in (False, "do_not_pad"):
            if any(len(row) != length for row in rows):
                raise ConfigError(f"{name} are of different lengths: a batch needs padding")
            return rows
        if self.padding == "max_length" and self.max_length is not None:
            length = max(length, self.max_length)
        if self.pad_to_multiple_of:
            length = -(-length // self.pad_to_multiple_of) * self.pad_to_multiple_of
        left = getattr(self.tokenizer, "padding_side", "right") == "left"
        fillers = [[filler] * (length - len(row)) for row in rows]
        return [fill + row if left else row + fill for fill, row in zip(fillers, rows, strict=True)]


@dataclass
class DataCollatorWithPadding:
    """Makes a batch of encodings with one label each, padded by the tokenizer: of `DataCollatorForSeq2Seq`
    what a classifier needs; `label` and `label_ids` become `labels`."""

    tokenizer: Any
    padding: bool | str = True
    max_length: int | None = None
    pad_to_multiple_of: int | None = None
    return_tensors: str = "pt"

    def __call__(self, features: Sequence[Mapping[str, Any]]) -> BatchEncoding:
        """Return the batch.

        Raises:
            TokenizerError: see `PegasusTokenizer.pad`.
        """
        batch: BatchEncoding = self.tokenizer.pad(
            features,
            padding=self.padding,
            max_length=self.max_length,
            pad_to_multiple_of=self.pad_to_multiple_of,
            return_tensors=self.return_tensors,
        )
        for name in ("label", "label_ids"):
            if name in batch:
                batch["labels"] = batch.pop(name)
        return batch


def default_data_collator(
    features: Sequence[Mapping[str, Any]], return_tensors: str = "pt"
) -> dict[str, Any]:
    """Make a batch of examples that have one length: tensors (B, …) of their numbers; texts are left out.

    `label` and `label_ids` become `labels`.

    Raises:
        ConfigError: `return_tensors` is unknown, or rows are of different lengths.
    """
    if return_tensors not in ("pt", "np"):
        raise ConfigError(f"return_tensors is {return_tensors!r}: it must be 'pt' or 'np'")
    check_rows(features)
    batch = {}
    for name, first in features[0].items():
        if first is None or isinstance(first, str):
            continue
        rows = [feature[name] for feature in features]
        try:
            if isinstance(first, Tensor | np.ndarray):
                tensor = torch.stack([torch.as_tensor(row) for row in rows])
            else:
                tensor = torch.tensor(rows)
        except (TypeError, ValueError, RuntimeError) as error:
            raise ConfigError(
                f"{name} are of different lengths, or no numbers: a batch needs padding"
            ) from error
        renamed = "labels" if name in ("label", "label_ids") else name
        batch[renamed] = tensor if return_tensors == "pt" else tensor.numpy()
    return batch


def check_rows(rows: Sequence[Mapping[str, Any]]) -> None:
    """Check that a batch can be made of examples.

    Raises:
        ConfigError: there are none, or they have not all the same keys.
    """
    if not rows or not all(isinstance(row, Mapping) for row in rows):
        raise ConfigError("a batch is made of one example or more, each a dict")
    for row in rows:
        if row.keys() != rows[0].keys():
            names = ", ".join(sorted(row.keys() ^ rows[0].keys()))
            raise ConfigError(f"not all examples have {names}")


def _as_list(value: Any) -> Any:
    """Return what an example holds as plain lists and numbers."""
    return value.tolist() if isinstance(value, Tensor | np.ndarray) else value


def set_seed(seed: int, deterministic: bool = False) -> None:
    """Seed Python's, numpy's and torch's random numbers; `deterministic` also forbids torch's other
    kernels."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    if deterministic:
        torch.use_deterministic_algorithms(True)
