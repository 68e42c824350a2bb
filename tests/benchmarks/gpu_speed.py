"""Speed and memory on a GPU beside transformers on the same card: random weights of the published shape.

To its 577 M parameters come 126 M for position tables of 65,536 tokens; a call reads no more for that. Both
sides have the same weights. A step is what lies between two tokens of `generate` with 5 beams.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import pairwise
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import torch
from bigbird_pegasus import BigBirdPegasusConfig, BigBirdPegasusForConditionalGeneration
from bigbird_pegasus.checkpoints.loader import own_tensors
from bigbird_pegasus.checkpoints.names import published_name
from bigbird_pegasus.inference.prepack import prepack
from bigbird_pegasus.quantization.quantize import SCHEMES, quantize_linears

from tests.benchmarks.gpu_case import (
    DTYPES,
    SIZES,
    Case,
    Finding,
    Setting,
    forget,
    need,
    peak_gb,
    relative_error,
    synchronize,
    timed,
)

BEAMS = 5
SIDES = ("bbp", "transformers")
POSITIONS = 65_536


class Models:
    """The model that was asked for last, and random ids of its vocabulary."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self._kept: tuple[tuple[str, str], Any] | None = None

    def get(self, side: str, precision: str) -> Any:
        """Return a model of a side, with the weights that all have; the one before is forgotten."""
        if self._kept is None or self._kept[0] != (side, precision):
            self._kept = None
            forget(self.setting.device)
            self._kept = (side, precision), self._make(side, precision)
        return self._kept[1]

    def ids(self, batch: int, tokens: int) -> torch.Tensor:
        """Draw documents (B, T)."""
        generator = torch.Generator().manual_seed(0)
        drawn = torch.randint(3, config_of(self.setting).vocab_size, (batch, tokens), generator=generator)
        return drawn.to(self.setting.device)

    def _make(self, side: str, precision: str) -> Any:
        torch.manual_seed(0)
        # As transformers sees random blocks; for speed it is all the same.
        with self.setting.device:
            ours = BigBirdPegasusForConditionalGeneration(config_of(self.setting), "transformers").eval()
        ours.requires_grad_(False)
        if side == "transformers":
            return _theirs(ours, self.setting).to(DTYPES[precision])
        ours = ours.to(DTYPES.get(precision, torch.bfloat16))
        if precision in SCHEMES:
            quantize_linears(ours, precision)
        prepack(ours)
        return ours


def config_of(setting: Setting) -> BigBirdPegasusConfig:
    """The defaults of the configuration are the published shape."""
    return (
        BigBirdPegasusConfig(**SIZES)
        if setting.tiny
        else BigBirdPegasusConfig(max_position_embeddings=POSITIONS)
    )


def _theirs(ours: Any, setting: Setting) -> Any:
    need("transformers")
    import transformers

    transformers.logging.set_verbosity_error()
    with TemporaryDirectory() as folder:
        ours.config.save_pretrained(folder)
        config = transformers.BigBirdPegasusConfig.from_pretrained(folder)
    with setting.device:
        model = transformers.BigBirdPegasusForConditionalGeneration(config).eval()
    tensors = {published_name(name): tensor for name, tensor in own_tensors(ours).items()}
    told = model.load_state_dict(tensors, strict=False)
    if told.unexpected_keys:
        raise AssertionError(f"transformers does not know {told.unexpected_keys[:5]}")
    model.tie_weights()
    return model.requires_grad_(False)


def speed(setting: Setting) -> Iterator[Case]:
    """Time encoder, step and end to end of both sides; what matters most comes first."""
    models = Models(setting)
    if setting.tiny:
        encoded, written = [(2, 300)], [(2, 300)]
    else:
        encoded, written = [(1, 4096), (8, 4096), (1, 65536), (8, 65536)], [(1, 4096), (8, 4096), (1, 65536)]
    for precision in reversed(DTYPES):
        for side in SIDES:
            for batch, tokens in encoded:
                name = f"encoder, {side} {precision}, {batch} x {tokens}"
                yield Case(name, partial(_encode, models, side, precision, batch, tokens))
            for batch, tokens in written:
                name = f"{BEAMS} beams, {side} {precision}, {batch} x {tokens}"
                yield Case(name, partial(_write, models, side, precision, batch, tokens))
        yield Case(f"encoder and ids beside transformers, {precision}", partial(_beside, models, precision))


def quantized_speed(setting: Setting) -> Iterator[Case]:
    """Time our quantized models; activations are bfloat16."""
    models = Models(setting)
    for scheme in SCHEMES:
        for batch in (1,) if setting.tiny else (1, 8):
            tokens = 300 if setting.tiny else 4096
            name = f"{scheme}, {batch} x {tokens}"
            yield Case(f"encoder, {name}", partial(_encode, models, "bbp", scheme, batch, tokens))
            yield Case(f"{BEAMS} beams, {name}", partial(_write, models, "bbp", scheme, batch, tokens))


def _encode(models: Models, side: str, precision: str, batch: int, tokens: int) -> Finding:
    model, ids, device = models.get(side, precision), models.ids(batch, tokens), models.setting.device
    forget(device)
    with torch.inference_mode():
        seconds = timed(_encoder(side, model, ids), device)
    return Finding({"ms": 1e3 * seconds, "tokens_a_second": round(batch * tokens / seconds)} | _peak(models))


def _encoder(side: str, model: Any, ids: torch.Tensor) -> Callable[[], Any]:
    return partial(model.get_encoder(), ids) if side == "transformers" else partial(model.encode, ids)


def _peak(models: Models) -> dict[str, float]:
    peak = peak_gb(models.setting.device)
    return {} if peak is None else {"peak_gb": peak}


def _write(models: Models, side: str, precision: str, batch: int, tokens: int) -> Finding:
    """Write so many tokens about documents: end to end, and the median of what lies between two of them."""
    model, ids, device = models.get(side, precision), models.ids(batch, tokens), models.setting.device
    new_tokens = 6 if models.setting.tiny else 128
    generate(side, model, ids, device, 3)  # compiles and looks for kernels
    forget(device)
    moments = generate(side, model, ids, device, new_tokens)
    steps = [after - before for before, after in pairwise(moments[1:])]
    figures = {"end_to_end_s": moments[-1] - moments[0], "first_token_s": moments[1] - moments[0]}
    return Finding(figures | {"step_ms": 1e3 * median(steps), "new_tokens": new_tokens} | _peak(models))


def generate(side: str, model: Any, ids: torch.Tensor, device: torch.device, new_tokens: int) -> list[float]:
    """Write with beams; return the moments of the start, of each token and of the end."""
    moments: list[float] = []

    def mark(*_: Any) -> None:
        synchronize(device)
        moments.append(time.perf_counter())

    def processor(_: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        mark()
        return scores

    listener: dict[str, Any] = {"on_step": mark} if side == "bbp" else {"logits_processor": [processor]}
    mark()
    with torch.inference_mode():
        model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            num_beams=BEAMS,
            min_new_tokens=new_tokens,
            max_new_tokens=new_tokens,
            **listener,
        )
    mark()
    return moments


def _beside(models: Models, precision: str) -> Finding:
    """Compare states and written ids of both sides, with equal weights."""
    batch, tokens, new_tokens = (2, 300, 6) if models.setting.tiny else (2, 4096, 32)
    ids = models.ids(batch, tokens)
    states, texts = [], []
    for side in SIDES:
        model = models.get(side, precision)
        with torch.inference_mode():
            states.append(_encoder(side, model, ids)().last_hidden_state.float().cpu())
            lengths: Mapping[str, int] = {"min_new_tokens": new_tokens, "max_new_tokens": new_tokens}
            texts.append(model.generate(input_ids=ids, num_beams=BEAMS, **lengths).cpu())
    width = min(text.shape[1] for text in texts)
    equal = float((texts[0][:, :width] == texts[1][:, :width]).float().mean())
    error = relative_error(states[0], states[1])
    right = error < (1e-4 if precision == "float32" else 3e-2)
    return Finding({"encoder_error": error, "tokens_equal": equal}, right)


def step(setting: Setting) -> Iterator[Case]:
    """Look into a step of ours: where the host waits for the device, how many kernels it starts."""
    models = Models(setting)
    for batch in (1,) if setting.tiny else (1, 8):
        for beams in (1, BEAMS):
            yield Case(f"waits, batch {batch}, {beams} beams", partial(_waits, models, batch, beams))
        yield Case(f"kernels, batch {batch}, {BEAMS} beams", partial(_kernels, models, batch))


STEPS = 16


def _written(models: Models, batch: int, beams: int, steps: int) -> Callable[[], Any]:
    model, ids = models.get("bbp", "bfloat16"), models.ids(batch, 300 if models.setting.tiny else 4096)
    encoded = model.encode(ids)
    lengths = {"min_new_tokens": steps, "max_new_tokens": steps}
    return partial(model.generate, encoder_outputs=encoded, num_beams=beams, **lengths)


def _waits(models: Models, batch: int, beams: int) -> Finding:
    """Count where the host waits, a step: torch warns of each, and names the line."""
    if models.setting.device.type != "cuda":
        return Finding(note="torch tells of waits on CUDA only")
    import warnings
    from collections import Counter

    with torch.inference_mode():
        write = _written(models, batch, beams, STEPS)
        write()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            torch.cuda.set_sync_debug_mode("warn")
            write()
            torch.cuda.set_sync_debug_mode("default")
    found = Counter(
        f"{warning.filename.rpartition('bigbird_pegasus/')[2]}:{warning.lineno}" for warning in caught
    )
    lines = ", ".join(f"{line} {count}" for line, count in found.most_common(20))
    return Finding({"waits_a_step": len(caught) / STEPS, "steps": STEPS}, note=lines)


def _kernels(models: Models, batch: int) -> Finding:
    from torch.profiler import ProfilerActivity, profile

    on_cuda = models.setting.device.type == "cuda"
    with torch.inference_mode():
        few, more = (_written(models, batch, BEAMS, steps) for steps in (2, 2 + STEPS))
        more()
        seconds = timed(more, models.setting.device, most=2) - timed(few, models.setting.device, most=2)
        activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_cuda else [])]
        with profile(activities=activities) as found:
            more()
            synchronize(models.setting.device)
    rows = found.key_averages()
    launches = sum(row.count for row in rows if row.key.startswith(("cudaLaunchKernel", "cuLaunchKernel")))
    busy = sum(getattr(row, "self_device_time_total", 0) for row in rows) / 1e6
    order = "self_device_time_total" if on_cuda else "self_cpu_time_total"
    print(rows.table(sort_by=order, row_limit=18, max_name_column_width=60), flush=True)
    figures = {"step_ms": 1e3 * seconds / STEPS, "launches_a_step": launches / (2 + STEPS)}
    return Finding(figures | {"device_busy_ms_a_step": 1e3 * busy / (2 + STEPS)})
