"""Whether quantized models give on a GPU what their weights say: against the dequantized model in float64."""

from collections.abc import Iterator
from copy import deepcopy
from functools import partial
from typing import Any
from unittest.mock import patch

import torch
from bigbird_pegasus.inference.prepack import prepack
from bigbird_pegasus.loading import CLASSES
from bigbird_pegasus.quantization import bitsandbytes
from bigbird_pegasus.quantization.modules import QuantizedEmbedding, QuantizedLinear
from bigbird_pegasus.quantization.quantize import SCHEMES, quantize_linears, quantized_tensors
from torch import Tensor, nn

from tests.benchmarks.gpu_case import (
    DTYPES,
    Case,
    Finding,
    NotHereError,
    Setting,
    documents,
    moved,
    need,
    relative_error,
    small_model,
)
from tests.benchmarks.gpu_parity import WRITING, write

CPU = torch.device("cpu")
# On a CPU int8 (of the token table in every scheme) rounds activations, too; on a GPU only the type rounds.
FLOOR = {"float32": 1e-5, "bfloat16": 2e-2}


def quantization(setting: Setting) -> Iterator[Case]:
    """Check every scheme in both types; nf4 by its own code and by bitsandbytes."""
    for scheme in SCHEMES:
        yield Case(f"{scheme}: stored the same", partial(_stored_agree, setting, scheme))
        for kernel in ("own", "bitsandbytes") if scheme == "nf4" else ("own",):
            for dtype in DTYPES:
                name = f"{scheme} {kernel} {dtype}"
                yield Case(name, partial(_outputs_agree, setting, scheme, kernel, dtype))
        yield Case(f"{scheme}: ids", partial(_ids_agree, setting, scheme))


def _stored_agree(setting: Setting, scheme: Any) -> Finding:
    """Quantize on the device, and compare what is stored: a rounding may fall the other way now and then."""
    model = small_model(CLASSES[WRITING])
    there = deepcopy(model).to(setting.device)
    quantize_linears(model, scheme)
    quantize_linears(there, scheme)
    wanted, found = quantized_tensors(model), quantized_tensors(there)
    assert wanted.keys() == found.keys()
    pairs = [(found[name].cpu(), wanted[name]) for name in wanted]
    equal = sum(int((a == b).sum()) for a, b in pairs) / sum(b.numel() for _, b in pairs)
    return Finding({"equal": equal}, equal > 0.999)


def _logits(model: Any, device: torch.device) -> Tensor:
    """Score prompts with a model that writes: one token a row, and many, as the kernels differ."""
    batch = moved(documents([300, 150, 40]), device)
    with torch.inference_mode():
        cache = model.new_cache(model.encode(**batch).last_hidden_state, batch["attention_mask"])
        prompt = batch["input_ids"][:, :9].clamp(min=1)
        many = model.next_token_logits(prompt, cache)
        one = model.next_token_logits(prompt[:, :1], cache)
        alone = model.encode(batch["input_ids"][2:, :40]).last_hidden_state
        single = model.new_cache(alone)
        first = model.next_token_logits(prompt[:1, :1], single)
    return torch.cat([many, one, first])


def _outputs_agree(setting: Setting, scheme: Any, kernel: str, dtype: str) -> Finding:
    if kernel == "bitsandbytes":
        need("bitsandbytes")
        if setting.device.type != "cuda":
            raise NotHereError("bitsandbytes multiplies on CUDA only")
    model = small_model(CLASSES[WRITING])
    quantize_linears(model, scheme)
    wanted = _logits(_dequantized(model).double(), CPU)
    model = model.to(DTYPES[dtype]).to(setting.device)
    with patch.object(bitsandbytes, "is_installed", lambda: kernel == "bitsandbytes"):
        error = relative_error(_logits(model, setting.device), wanted)
        prepack(model)  # as the command does
        packed = relative_error(_logits(model, setting.device), wanted)
    floor = FLOOR[dtype] if setting.device.type != "cpu" else 5e-2
    return Finding({"error": error, "packed_error": packed}, max(error, packed) <= floor)


def _ids_agree(setting: Setting, scheme: Any) -> Finding:
    model = small_model(CLASSES[WRITING], init_std=0.3)
    quantize_linears(model, scheme)
    exact = _dequantized(model)
    there = model.to(setting.device)
    rows = equal = 0
    for options in ({}, {"num_beams": 5}):
        wanted = write(exact, "batch", CPU, options)
        found = write(there, "batch", setting.device, options)
        rows += len(wanted)
        if found.shape == wanted.shape:
            equal += sum(torch.equal(*pair) for pair in zip(found, wanted, strict=True))
    exact_here = setting.device.type != "cpu" or scheme != "int8"
    return Finding({"texts": rows, "equal": equal}, equal == rows if exact_here else None)


def _dequantized(model: nn.Module) -> Any:
    """Return a copy with plain maps over the weights that the quantized ones stand for."""
    model = deepcopy(model)
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, QuantizedLinear):
                setattr(parent, name, _plain_linear(child))
            elif isinstance(child, QuantizedEmbedding):  # whose rows are scaled
                table = child.table.float() * child.scale.unsqueeze(1) * child.embed_scale
                setattr(parent, name, nn.Embedding.from_pretrained(table))
    return model.eval()


def _plain_linear(module: QuantizedLinear) -> nn.Linear:
    weight = module.weight.dequantize()
    plain = nn.Linear(weight.shape[1], weight.shape[0], bias=module.bias is not None)
    plain.weight = nn.Parameter(weight, requires_grad=False)
    if module.bias is not None:
        plain.bias = nn.Parameter(module.bias.float(), requires_grad=False)
    return plain
