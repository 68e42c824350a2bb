"""Checks of the tensors that a caller gives a model, before they fail somewhere deep or change the result."""

import torch
from torch import Tensor, nn

from bigbird_pegasus.errors import ModelInputError

_INTEGERS = (torch.int64, torch.int32)


def check_tensor(value: object, name: str) -> None:
    """Check that a caller gave a tensor, and that something is in it.

    Raises:
        ModelInputError: it is something else, or empty.
    """
    if not isinstance(value, Tensor):
        raise ModelInputError(f"{name} is a {type(value).__name__}: a tensor is needed")
    if not torch.compiler.is_compiling() and not value.numel():
        raise ModelInputError(f"{name} is {tuple(value.shape)}: there is nothing in it")


GENERATE_TENSORS = ("attention_mask", "inputs_embeds", "decoder_input_ids", "decoder_attention_mask")


def check_given(**values: object) -> None:
    """Do `check_tensor` for all that are not None."""
    for name, value in values.items():
        if value is not None:
            check_tensor(value, name)


def check_ids(ids: Tensor, embedding: nn.Embedding, name: str) -> None:
    """Check ids (B, T) for an embedding.

    Their values are looked at on a CPU only: a GPU would have to be waited for.

    Raises:
        ModelInputError: they are no tensor or an empty one, have not two dimensions, are no integers, are on
            another device, or are not in the vocabulary.
    """
    check_tensor(ids, name)
    if ids.dim() != 2 or ids.dtype not in _INTEGERS:
        kind = str(ids.dtype).removeprefix("torch.")
        raise ModelInputError(f"{name} are {kind} {tuple(ids.shape)}: integers (batch, tokens) are needed")
    if torch.compiler.is_compiling():
        return
    weight = getattr(embedding, "weight", None)
    moved = hasattr(embedding, "_hf_hook") or not isinstance(weight, Tensor) or weight.is_meta
    if not moved and weight is not None and weight.device != ids.device:
        raise ModelInputError(
            f"{name} are on {ids.device}, the model is on {weight.device}: move one of them"
        )
    if ids.device.type != "cpu":
        return
    low, high = int(ids.min()), int(ids.max())
    if low < 0 or high >= embedding.num_embeddings:
        wrong = low if low < 0 else high
        raise ModelInputError(
            f"{name} hold {wrong}: the vocabulary has {embedding.num_embeddings} ids from 0"
        )


def check_embeds(embeds: Tensor, width: int, name: str = "embeddings") -> None:
    """Check embeddings or states (B, T, D).

    Raises:
        ModelInputError: they are no tensor or an empty one, have another shape, or are no fractions.
    """
    check_tensor(embeds, name)
    if embeds.dim() != 3 or embeds.shape[2] != width:
        raise ModelInputError(f"{name} are {tuple(embeds.shape)}: (batch, tokens, {width}) are needed")
    if not embeds.is_floating_point():
        raise ModelInputError(f"{name} are {str(embeds.dtype).removeprefix('torch.')}: fractions are needed")


def check_dtype(given: Tensor, computed: torch.dtype, expected: torch.dtype, name: str) -> None:
    """Check that what is computed with embeddings or states has the type of the model's weights.

    Under autocast any type will do.

    Raises:
        ModelInputError: it has another type.
    """
    if computed != expected and not torch.is_autocast_enabled(given.device.type):
        theirs, ours = (str(dtype).removeprefix("torch.") for dtype in (given.dtype, expected))
        raise ModelInputError(f"{name} {tuple(given.shape)} are {theirs}, the model is {ours}: convert them")


def check_kept(kept: object, tokens: int) -> None:
    """Check which of some logits are to be computed: the last so many, or those at positions (K,).

    Raises:
        ModelInputError: it is no number from 0, nor whole numbers that are positions.
    """
    if isinstance(kept, int) and kept >= 0:
        return
    if not isinstance(kept, Tensor) or kept.dim() != 1 or kept.dtype not in _INTEGERS:
        told = f"{kept.dtype} {tuple(kept.shape)}" if isinstance(kept, Tensor) else f"{kept!r:.50}"
        raise ModelInputError(f"logits_to_keep is {told}: a number from 0 or integers (positions,) is needed")
    if torch.compiler.is_compiling() or kept.device.type != "cpu":
        return
    if any(not -tokens <= position < tokens for position in kept.tolist()):
        raise ModelInputError(f"logits_to_keep is {kept.tolist()!r:.50}: there are {tokens} tokens")


def check_mask(mask: Tensor | None, rows: int, tokens: int, name: str) -> None:
    """Check a mask of padding (rows, tokens).

    Raises:
        ModelInputError: it is no tensor, or has another shape.
    """
    if mask is not None and not isinstance(mask, Tensor):
        raise ModelInputError(f"{name} is a {type(mask).__name__}: a tensor is needed")
    if mask is not None and tuple(mask.shape) != (rows, tokens):
        raise ModelInputError(f"{name} is {tuple(mask.shape)}: ({rows}, {tokens}) is needed")
