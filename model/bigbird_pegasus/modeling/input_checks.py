"""Checks of the tensors that a caller gives a model, before they fail somewhere deep or change the result."""

import torch
from torch import Tensor, nn

from bigbird_pegasus.errors import ModelInputError

_INTEGERS = (torch.int64, torch.int32)


def check_ids(ids: Tensor, embedding: nn.Embedding, name: str) -> None:
    """Check ids (B, T) for an embedding.

    Their values are looked at on a CPU only: a GPU would have to be waited for.

    Raises:
        ModelInputError: they have not two dimensions, are no integers, or are not in the vocabulary.
    """
    if ids.dim() != 2 or ids.dtype not in _INTEGERS:
        kind = str(ids.dtype).removeprefix("torch.")
        raise ModelInputError(f"{name} are {kind} {tuple(ids.shape)}: integers (batch, tokens) are needed")
    if torch.compiler.is_compiling() or ids.device.type != "cpu" or not ids.numel():
        return
    low, high = int(ids.min()), int(ids.max())
    if low < 0 or high >= embedding.num_embeddings:
        wrong = low if low < 0 else high
        raise ModelInputError(
            f"{name} hold {wrong}: the vocabulary has {embedding.num_embeddings} ids from 0"
        )


def check_embeds(embeds: Tensor, width: int) -> None:
    """Check embeddings (B, T, D).

    Raises:
        ModelInputError: they have another shape.
    """
    if embeds.dim() != 3 or embeds.shape[2] != width:
        raise ModelInputError(f"embeddings are {tuple(embeds.shape)}: (batch, tokens, {width}) are needed")


def check_mask(mask: Tensor | None, rows: int, tokens: int, name: str) -> None:
    """Check a mask of padding (rows, tokens).

    Raises:
        ModelInputError: it has another shape.
    """
    if mask is not None and tuple(mask.shape) != (rows, tokens):
        raise ModelInputError(f"{name} is {tuple(mask.shape)}: ({rows}, {tokens}) is needed")
