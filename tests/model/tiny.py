"""Tiny models with random weights, large enough to take every path."""

from typing import Any

import pytest
import torch
from bigbird_pegasus import BigBirdPegasusConfig, BigBirdPegasusForConditionalGeneration
from bigbird_pegasus.kernels.cpu import multiplies_bfloat16
from torch import Tensor

bfloat16_kernels = pytest.mark.skipif(
    not multiplies_bfloat16(), reason="this processor has no bfloat16 kernels"
)

SIZES: dict[str, Any] = {
    "vocab_size": 101,
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 40,
    "max_position_embeddings": 256,
    "block_size": 4,
    "num_random_blocks": 1,
    # Large weights, so that every path matters to the result.
    "init_std": 0.3,
}


def tiny_config(**changes: Any) -> BigBirdPegasusConfig:
    return BigBirdPegasusConfig(**(SIZES | changes))


def tiny_model(seed: int = 0, **changes: Any) -> BigBirdPegasusForConditionalGeneration:
    """A model in eval mode; the same seed and sizes give the same weights."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = BigBirdPegasusForConditionalGeneration(tiny_config(**changes))
        model.final_logits_bias.normal_()
    return model.eval().requires_grad_(False)


def tiny_ids(documents: int, length: int, seed: int = 0) -> Tensor:
    """Ids (documents, length) of ordinary tokens."""
    return torch.randint(
        3, SIZES["vocab_size"], (documents, length), generator=torch.Generator().manual_seed(seed)
    )
