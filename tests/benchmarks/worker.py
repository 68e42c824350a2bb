"""A process of its own with one model, which does what `speed.py` asks for: so each side's memory is its own.

    python -m tests.benchmarks.worker SIDE PRECISION FOLDER THREADS

Requests are lines of JSON on stdin, `{"call": "encode", ...}`; each is answered by one line on stdout.
"""

import argparse
import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict
from itertools import pairwise
from typing import Any

import torch

from tests.benchmarks.machine import (
    QUANTIZED,
    dtype_beside_quantized,
    held_memory,
    measure_rates,
    peak_memory,
)

Answer = dict[str, Any]
BEAMS = 5


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("side", choices=("bbp", "transformers", "machine"))
    parser.add_argument("precision")
    parser.add_argument("folder")
    parser.add_argument("threads", type=int)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not stand between the answers
    calls = _machine() if asked.side == "machine" else _model(asked.side, asked.precision, asked.folder)
    for line in sys.stdin:
        request = json.loads(line)
        with torch.inference_mode():
            answer = calls[request.pop("call")](**request)
        print(json.dumps(answer), file=out, flush=True)


def _machine() -> dict[str, Callable[..., Answer]]:
    return {"rates": lambda **sizes: asdict(measure_rates(**sizes))}


def _model(side: str, precision: str, folder: str) -> dict[str, Callable[..., Answer]]:
    before = held_memory()
    start = time.perf_counter()
    model, listen = {"bbp": load_ours, "transformers": load_theirs}[side](folder, precision)
    loading = {"seconds": time.perf_counter() - start, "before": before, "peak": peak_memory()}

    def encode(tokens: int) -> Answer:
        ids = random_ids(model, tokens)
        start = time.perf_counter()
        model.get_encoder()(ids) if side == "transformers" else model.encode(ids)
        return {"seconds": time.perf_counter() - start}

    def write(
        source: dict[str, Any], tokens: int, new_tokens: int, prompt: int, at_first: Callable[[], None]
    ) -> Answer:
        """Write with beams; `first` ends with the first new token, each of `steps` with one more."""
        moments = [time.perf_counter()]

        def tell() -> None:
            moments.append(time.perf_counter())
            if len(moments) == 2:
                at_first()

        model.generate(
            **source,
            **listen(tell),
            attention_mask=torch.ones(1, tokens, dtype=torch.long),
            decoder_input_ids=random_ids(model, prompt),
            num_beams=BEAMS,
            length_penalty=0.8,
            min_new_tokens=new_tokens,
            max_new_tokens=new_tokens,
        )
        end = time.perf_counter()
        between = [after - before for before, after in pairwise(moments)]
        return {"seconds": end - moments[0], "first": between[0], "steps": between[1:]}

    def steps(tokens: int, count: int, prompt: int, at_first: Callable[[], None] = lambda: None) -> Answer:
        """Decode on from a prompt, about a source whose encoding is drawn."""
        hidden = torch.randn(1, tokens, model.config.d_model, generator=_generator()).to(model.dtype)
        return write({"encoder_outputs": encoding_of(side, hidden)}, tokens, count + 1, prompt, at_first)

    def generate(tokens: int, new_tokens: int) -> Answer:
        return write({"input_ids": random_ids(model, tokens)}, tokens, new_tokens, 1, lambda: None)

    return {
        "loading": lambda: loading,
        "encode": encode,
        "steps": steps,
        "generate": generate,
        "memory": lambda: {"peak": peak_memory()},
        "weights": lambda: {"bytes": _weight_bytes(model)},
        "profile": lambda **request: _profile(model, encode, steps, **request),
    }


def load_ours(folder: str, precision: str) -> tuple[Any, Callable[..., dict[str, Any]]]:
    """Load as `bbp --dtype` or `--quantize` does; with it the option of `generate` that tells of steps."""
    from bigbird_pegasus import load_model
    from bigbird_pegasus.inference.prepack import prepack

    if precision in QUANTIZED:
        model = load_model(
            folder, dtype=getattr(torch, dtype_beside_quantized()), quantization_config=precision
        )
    else:
        model = load_model(folder, dtype=getattr(torch, precision))
    prepack(model)
    return model, lambda tell: {"on_step": lambda step: tell()}


def load_theirs(folder: str, precision: str) -> tuple[Any, Callable[..., dict[str, Any]]]:
    """Load as the published documentation says; a processor of logits tells of steps."""
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    warnings.simplefilter("ignore")
    model = transformers.BigBirdPegasusForConditionalGeneration.from_pretrained(
        folder, dtype=getattr(torch, precision)
    ).eval()

    def listen(tell: Callable[[], None]) -> dict[str, Any]:
        def processor(ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            tell()
            return scores

        return {"logits_processor": [processor]}

    return model, listen


def encoding_of(side: str, hidden: torch.Tensor) -> Any:
    """What `generate` takes in place of ids."""
    if side == "bbp":
        from bigbird_pegasus.modeling.outputs import BaseModelOutput

        return BaseModelOutput(last_hidden_state=hidden)
    from transformers.modeling_outputs import BaseModelOutput as TheirOutput

    return TheirOutput(last_hidden_state=hidden)


def random_ids(model: Any, tokens: int) -> torch.Tensor:
    """Ids (1, tokens) of ordinary tokens; a single one is the start token."""
    if tokens == 1:
        return torch.tensor([[model.config.decoder_start_token_id]])
    ids = torch.randint(3, model.config.vocab_size, (1, tokens), generator=_generator())
    ids[:, 0] = model.config.decoder_start_token_id
    return ids


def _weight_bytes(model: Any) -> int:
    """What the weights of our model take in memory, in whichever form they are."""
    from bigbird_pegasus.checkpoints.loader import own_tensors
    from bigbird_pegasus.quantization.quantize import quantized_tensors

    tensors = own_tensors(model) | quantized_tensors(model)
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def _profile(model: Any, encode: Any, steps: Any, part: str, rows: int, **sizes: int) -> Answer:
    from torch.profiler import ProfilerActivity, profile

    found = profile(activities=[ProfilerActivity.CPU])
    if part == "encoder":
        found.start()
        encode(**sizes)
    else:
        steps(**sizes, at_first=found.start)
    found.stop()
    table = found.key_averages().table(sort_by="self_cpu_time_total", row_limit=rows)
    return {"table": str(table)}


if __name__ == "__main__":
    main()
