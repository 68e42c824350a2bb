"""What texts begin with: start tokens, prompts and their masks, what a cache has read of them.

Dimensions: B documents, T decoder tokens.
"""

from typing import Any

import torch
from torch import Tensor

from bigbird_pegasus.errors import ConfigError, ModelInputError
from bigbird_pegasus.generation.config import GenerationConfig


def shape(tensor: Tensor) -> str:
    """Return a tensor's shape as messages say it."""
    return str(tuple(tensor.shape))


def start_tokens(documents: int, options: GenerationConfig, device: torch.device) -> Tensor:
    """Return the tokens (B, 1) that texts begin with where nothing else is given."""
    return torch.full((documents, 1), options.decoder_start_token_id or 0, dtype=torch.long, device=device)


def prompt_of(hidden: Tensor, given: Tensor | None, options: GenerationConfig) -> Tensor:
    """Return the tokens (B, T) that the texts begin with."""
    documents, device = len(hidden), hidden.device
    start = start_tokens(documents, options, device)
    if given is None:
        return start
    if given.ndim != 2 or len(given) != documents:
        raise ModelInputError(f"decoder_input_ids must be ({documents}, tokens), not {shape(given)}")
    given = given.to(device)
    return given if (given[:, :1] == start).any() else torch.cat((start, given), dim=1)


def prompt_mask_of(prompt: Tensor, given: Tensor | None, mask: Tensor | None) -> Tensor | None:
    """Return the mask of the prompts (B, T): as given, one more where the start token was put before."""
    if mask is None or given is None:
        return None
    if mask.shape != given.shape:
        raise ModelInputError(
            f"decoder_attention_mask is {shape(mask)}: decoder_input_ids are {shape(given)}"
        )
    mask = mask.to(prompt.device)
    return mask if mask.shape == prompt.shape else torch.cat((torch.ones_like(mask[:, :1]), mask), dim=1)


def tokens_read(cache: Any, prompt: Tensor, settings: GenerationConfig) -> int:
    """Return how many tokens of the prompts (B, T) a cache of earlier forwards holds."""
    if settings.num_beams > 1 or settings.num_return_sequences > 1:
        raise ConfigError("past_key_values are of one text for each document: without beams")
    if not hasattr(cache, "get_seq_length") or not hasattr(cache, "reserve"):
        raise ModelInputError(
            f"past_key_values is a {type(cache).__name__}: the cache of an earlier call is needed"
        )
    read = int(cache.get_seq_length())
    if read >= prompt.shape[1]:
        raise ModelInputError(
            f"past_key_values hold {read} tokens, and decoder_input_ids are {shape(prompt)}"
        )
    return read


def mask_of_padding(ids: Tensor, options: GenerationConfig) -> Tensor | None:
    """Return the mask (B, T) that the padding in `ids` suggests, as published: none if it may end a text."""
    pad = options.pad_token_id
    return None if pad is None or pad in options.eos_token_ids else ids.ne(pad).long()
