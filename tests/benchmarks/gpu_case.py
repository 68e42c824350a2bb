"""What the parts of `gpu.py` share: cases, findings, small models, clocks, the error of a tensor."""

import importlib.util
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import torch
from bigbird_pegasus import BigBirdPegasusConfig
from torch import Tensor

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
BLOCK = 16
# Heads of 16 and maps of 64: what kernels of graphics cards, and those of 4 bits, want at least.
SIZES: dict[str, Any] = {
    "vocab_size": 160,
    "d_model": 64,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 128,
    "decoder_ffn_dim": 128,
    "max_position_embeddings": 512,
    "block_size": BLOCK,
    "num_random_blocks": 2,
    "init_std": 0.2,  # large weights, so that every path matters to the result
}


class NotHereError(Exception):
    """A case cannot run here; the message says why."""


@dataclass(frozen=True)
class Setting:
    """Where it runs, and whether with tiny sizes."""

    device: torch.device
    tiny: bool


@dataclass(frozen=True)
class Finding:
    """Figures of a case, and whether they are right (None: nothing was checked)."""

    figures: Mapping[str, Any] = field(default_factory=dict)
    right: bool | None = None
    note: str = ""


@dataclass(frozen=True)
class Case:
    """Something to find out."""

    name: str
    run: Callable[[], Finding]


def need(*packages: str) -> None:
    """Raise NotHereError where a package is missing."""
    missing = [package for package in packages if importlib.util.find_spec(package) is None]
    if missing:
        raise NotHereError(f"{', '.join(missing)} is not installed")


def small_config(**changes: Any) -> BigBirdPegasusConfig:
    """Return the configuration of a model that is checked, not timed."""
    return BigBirdPegasusConfig(**(SIZES | changes))


def small_model(cls: Any, seed: int = 0, **changes: Any) -> Any:
    """Return a model with random weights, the same for each call, on the CPU in float32."""
    torch.manual_seed(seed)
    model = cls(small_config(**changes))
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if name.endswith("bias") and tensor.is_floating_point():
            tensor.detach().normal_(std=0.2)
    return model.eval()


def documents(lengths: Sequence[int], seed: int = 0) -> dict[str, Tensor]:
    """Return ids and mask (B, S) of documents that end with the end token 1, padded on the right."""
    longest, ends = max(lengths), torch.tensor(lengths)
    ids = torch.randint(
        3, SIZES["vocab_size"], (len(lengths), longest), generator=torch.Generator().manual_seed(seed)
    )
    mask = (torch.arange(longest) < ends[:, None]).long()
    ids[torch.arange(len(lengths)), ends - 1] = 1
    return {"input_ids": ids * mask, "attention_mask": mask}


def moved(
    inputs: Mapping[str, Any], device: torch.device, dtype: torch.dtype | None = None
) -> dict[str, Any]:
    """Put tensors on a device; those of floats in a type."""

    def place(value: Any) -> Any:
        if not isinstance(value, Tensor):
            return value
        return value.to(device, dtype if value.is_floating_point() else None)

    return {name: place(value) for name, value in inputs.items()}


def relative_error(found: Tensor, reference: Tensor) -> float:
    """Return ‖found - reference‖ / ‖reference‖ over finite numbers; infinite where others are not finite."""
    found, reference = found.detach().to("cpu", torch.float64), reference.detach().to("cpu", torch.float64)
    there = reference.isfinite()
    if found.shape != reference.shape or not torch.equal(found.isfinite(), there):
        return float("inf")
    norm = float(reference[there].norm())
    return float((found[there] - reference[there]).norm()) / max(norm, 1e-30)


def synchronize(device: torch.device) -> None:
    """Wait for what the device was given to do."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def timed(call: Callable[[], Any], device: torch.device, *, most: int = 10, enough_s: float = 1.0) -> float:
    """Return the median of seconds, after one call that is not counted."""
    call()
    synchronize(device)
    found: list[float] = []
    while len(found) < most and sum(found) < enough_s:
        start = time.perf_counter()
        call()
        synchronize(device)
        found.append(time.perf_counter() - start)
    return median(found)


def forget(device: torch.device) -> None:
    """Give back what nobody uses, and count memory anew."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def peak_gb(device: torch.device) -> float | None:
    """Return the most memory that tensors have held since `forget`; None on a CPU."""
    return torch.cuda.max_memory_allocated(device) / 1e9 if device.type == "cuda" else None
