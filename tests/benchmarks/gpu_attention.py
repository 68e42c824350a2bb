"""One layer's block-sparse attention on a GPU beside `flex_attention` of the same pattern, and full one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from bigbird_pegasus.modeling.attention import block_sparse_attention
from bigbird_pegasus.modeling.random_attention import random_attention_plan
from torch import Tensor
from torch.nn import functional as F

from tests.benchmarks.gpu_case import Case, Finding, Setting, forget, peak_gb, relative_error, timed

RANDOM_BLOCKS = 3
BLOCK = 64


@dataclass(frozen=True)
class Shape:
    """Of one layer: B documents, H heads of width d, T tokens."""

    batch: int
    tokens: int
    heads: int = 16
    width: int = 64


def attention(setting: Setting) -> Iterator[Case]:
    """Time three ways to attend, and check flex_attention's result against ours."""
    shapes = [Shape(1, 4096), Shape(8, 4096), Shape(1, 16384), Shape(1, 65536)]
    for shape in [Shape(1, 832, heads=2, width=16)] if setting.tiny else shapes:
        name = f"batch {shape.batch}, {shape.tokens} tokens"
        yield Case(f"block-sparse, {name}", partial(_ours, setting, shape))
        yield Case(f"flex_attention, {name}", partial(_flex, setting, shape))
        yield Case(f"full, {name}", partial(_full, setting, shape))


def _drawn(setting: Setting, shape: Shape) -> tuple[Tensor, Tensor, Tensor]:
    """Draw queries, keys and values, bfloat16 (B, H, T, d), strided as a layer's projections are."""
    generator = torch.Generator(setting.device).manual_seed(0)
    size = (3, shape.batch, shape.tokens, shape.heads, shape.width)
    drawn = torch.randn(size, generator=generator, device=setting.device, dtype=torch.bfloat16)
    query, key, value = drawn.transpose(2, 3).unbind(0)
    return query, key, value


def _plan(shape: Shape) -> Tensor:
    return torch.from_numpy(random_attention_plan(shape.tokens, shape.heads, BLOCK, RANDOM_BLOCKS, 0))


def _measured(setting: Setting, call: Callable[[], Tensor], **figures: Any) -> dict[str, Any]:
    call()
    forget(setting.device)
    found: dict[str, Any] = {"ms": 1e3 * timed(call, setting.device, most=20)}
    peak = peak_gb(setting.device)
    return found | ({} if peak is None else {"peak_gb": peak}) | figures


def _ours(setting: Setting, shape: Shape) -> Finding:
    query, key, value = _drawn(setting, shape)
    attend = partial(block_sparse_attention, plan=_plan(shape), block_size=BLOCK)
    with torch.inference_mode():
        figures = _measured(setting, lambda: attend(query, key, value))
        if shape.tokens > 16384:
            return Finding(figures)
        wanted = attend(query.float(), key.float(), value.float())
        figures["error"] = relative_error(attend(query, key, value), wanted)
    return Finding(figures, figures["error"] < 2e-2)


def _flex(setting: Setting, shape: Shape) -> Finding:
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention

    query, key, value = _drawn(setting, shape)
    seen = _pattern(shape).to(setting.device)

    def visible(batch: Tensor, head: Tensor, at: Tensor, to: Tensor) -> Tensor:
        return seen[head, at // BLOCK, to // BLOCK]

    # Only a kernel that is compiled reads no more than the blocks of the mask.
    compiled: Any = flex_attention if setting.tiny else torch.compile(flex_attention, dynamic=False)
    make: Any = create_block_mask if setting.tiny else torch.compile(create_block_mask)
    heads, tokens = shape.heads, shape.tokens
    mask = make(visible, None, heads, tokens, tokens, device=str(setting.device), BLOCK_SIZE=BLOCK)
    options = {} if setting.tiny else {"kernel_options": {"BLOCK_M": BLOCK, "BLOCK_N": BLOCK}}
    with torch.inference_mode():
        figures = _measured(setting, lambda: compiled(query, key, value, block_mask=mask, **options))
        found = compiled(query, key, value, block_mask=mask, **options)
        wanted = block_sparse_attention(query, key, value, _plan(shape), BLOCK)
    figures["error"] = relative_error(found, wanted)
    return Finding(figures, figures["error"] < 2e-2)


def _pattern(shape: Shape) -> Tensor:
    """Return bool (H, n, n): which blocks each block of queries sees; at these lengths none of them twice."""
    blocks = shape.tokens // BLOCK
    seen = torch.zeros(shape.heads, blocks, blocks, dtype=torch.bool)
    seen[:, [0, -1]] = True
    seen[:, :, [0, -1]] = True
    row = torch.arange(1, blocks - 1)
    for beside in (-1, 0, 1):
        seen[:, row, row + beside] = True
    seen[:, 1:-1].scatter_(2, _plan(shape), True)
    return seen


def _full(setting: Setting, shape: Shape) -> Finding:
    query, key, value = _drawn(setting, shape)
    with torch.inference_mode():
        return Finding(_measured(setting, lambda: F.scaled_dot_product_attention(query, key, value)))
