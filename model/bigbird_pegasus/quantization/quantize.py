"""Post-training quantization by module replacement: the network's own code has no part in it.

What is quantized: the linear maps of all layers, by the scheme; the table of token embeddings and the output
head, by int8 in every scheme. Norms, biases, positions and the small heads stay as they are: together they
are less than 2 % of the published model.

That is decided by error, measured by `tests.benchmarks.sensitivity` on 577 M random weights. Rounding the
embeddings alone moves the logits by 0.6 % in int8 and by 6.5 % in int4, the head by 0.8 and 8.6 %, all layers
by 2.1 and 21 %: in 4 bits either would add as much as the worst layer (the decoder's first, 8.1 %), and in
bfloat16 the two would lower int8's 2.4 % to 2.1 % for 98 MB as one table, for 300 as two.

Packed for its kernel the head is a second table. With layers of 4 bits, which one takes to save memory, there
is only the one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast, get_args

import torch
from torch import Tensor, nn

from bigbird_pegasus.errors import CheckpointError, ConfigError
from bigbird_pegasus.quantization.int4 import Int4Weight
from bigbird_pegasus.quantization.int8 import Int8Table, Int8Weight
from bigbird_pegasus.quantization.modules import QuantizedEmbedding, QuantizedLinear
from bigbird_pegasus.quantization.nf4 import Nf4Weight
from bigbird_pegasus.quantization.scheme import Scheme

Codec = type[Int8Weight] | type[Int4Weight] | type[Nf4Weight]
CODECS: dict[Scheme, Codec] = {"int8": Int8Weight, "int4": Int4Weight, "nf4": Nf4Weight}
HEAD = "lm_head"  # the output head: a table of its own, or the token embedding again
TABLES = ("shared", "embed_tokens")  # how modules of token embeddings are called


@dataclass(frozen=True)
class Quantization:
    """How to quantize; `double` is of nf4, and `compute_dtype` that of activations (theirs where None)."""

    scheme: Scheme
    double: bool = False
    compute_dtype: torch.dtype | None = None


@dataclass(frozen=True)
class BitsAndBytesConfig:
    """The published way to ask for quantization: int8, or nf4 with its options.

    bitsandbytes itself is not needed: on a processor its int8 and nf4 are computed here. Its fp4 is not.
    """

    load_in_8bit: bool = False
    load_in_4bit: bool = False
    bnb_4bit_compute_dtype: torch.dtype | str | None = None
    bnb_4bit_quant_type: str = "fp4"
    bnb_4bit_use_double_quant: bool = False

    def quantization(self) -> Quantization | None:
        """Return what these options ask for; None where they ask for nothing.

        Raises:
            ConfigError: both widths, or a type that is not nf4.
        """
        if self.load_in_8bit and self.load_in_4bit:
            raise ConfigError("load_in_8bit and load_in_4bit exclude each other")
        if self.load_in_8bit:
            return Quantization("int8")
        if not self.load_in_4bit:
            return None
        if self.bnb_4bit_quant_type != "nf4":
            raise ConfigError(f"bnb_4bit_quant_type is {self.bnb_4bit_quant_type!r}: only 'nf4' is known")
        dtype = self.bnb_4bit_compute_dtype
        if isinstance(dtype, str):
            dtype = getattr(torch, dtype, None)
        if dtype is not None and not (isinstance(dtype, torch.dtype) and dtype.is_floating_point):
            raise ConfigError(
                f"bnb_4bit_compute_dtype is {self.bnb_4bit_compute_dtype!r}: it is no such type"
            )
        return Quantization("nf4", self.bnb_4bit_use_double_quant, dtype)


QuantizationRequest = Scheme | Quantization | BitsAndBytesConfig | None


def quantization_of(asked: QuantizationRequest, stored: str | None, folder: Any) -> Quantization | None:
    """Return the quantization that was asked for or that the files record; both may say the same.

    Raises:
        ConfigError: they say different things, or there is no such scheme.
        CheckpointError: the files record an unknown scheme.
    """
    if isinstance(asked, BitsAndBytesConfig):
        asked = asked.quantization()
    elif isinstance(asked, str):
        asked = Quantization(asked)
    known = ", ".join(CODECS)
    if asked is not None and asked.scheme not in CODECS:
        raise ConfigError(f"quantization is {asked.scheme!r}: it must be one of {known}")
    if stored is None:
        return asked
    if stored not in CODECS:
        raise CheckpointError(f"{folder} is quantized as {stored!r}; known are {known}")
    if asked is not None and asked.scheme != stored:
        raise ConfigError(f"{folder} is quantized as {stored} already, it cannot be loaded as {asked.scheme}")
    return asked or Quantization(stored)


@torch.no_grad()
def quantize_linears(model: nn.Module, quantization: Quantization | Scheme) -> None:
    """Quantize a model in memory, one weight after the other.

    Raises:
        ConfigError: it is quantized already.
    """
    if is_quantized(model):
        raise ConfigError("the model is quantized already")
    if isinstance(quantization, str):
        quantization = Quantization(quantization)
    incoming = WeightQuantizer(model, quantization)
    for name in incoming.shapes:
        incoming.add(name, "", model.get_parameter(name).detach())
        incoming.swap(name)
    cast(Any, model).quantization = quantization.scheme
    model.requires_grad_(False)


def is_quantized(model: nn.Module) -> bool:
    """Return whether any weight of a model is quantized."""
    return any(isinstance(module, QuantizedLinear | QuantizedEmbedding) for module in model.modules())


def quantized_parameters(model: nn.Module) -> int:
    """Return how many parameters the quantized weights, and the biases beside them, were made of."""
    count = 0
    for name, module in model.named_modules():
        if isinstance(module, QuantizedEmbedding):
            count += module.table.numel()
        elif isinstance(module, QuantizedLinear) and not _is_table_again(model, name):
            count += module.out_features * module.in_features
            count += 0 if module.bias is None else module.bias.numel()
    return count


def quantized_tensors(model: nn.Module) -> dict[str, Tensor]:
    """Return the stored parts of the quantized weights, by the weights' names and the parts' suffixes."""
    found: dict[str, Tensor] = {}
    for name, module in model.named_modules():
        if isinstance(module, QuantizedEmbedding):
            stored = module.stored()
        elif isinstance(module, QuantizedLinear) and not _is_table_again(model, name):
            stored = module.weight.stored()
        else:
            continue
        found |= {f"{name}.weight{suffix}": tensor for suffix, tensor in stored.items()}
    return found


def without_suffix(published: str) -> tuple[str, str]:
    """Split the name of a stored part into the name of its weight and the part's suffix."""
    weight, found, suffix = published.partition(".weight_")
    return (f"{weight}.weight", f"_{suffix}") if found else (published, "")


def rounded(codec: Codec, weight: Tensor, double: bool = False) -> dict[str, Tensor]:
    """Quantize a weight (N, K) to what is stored; `double` is of nf4."""
    return Nf4Weight.quantize(weight, double) if codec is Nf4Weight else codec.quantize(weight)


class WeightQuantizer:
    """Turns the weights of a model, one after the other, into quantized modules in their places.

    `add` takes a weight, or its stored parts, as a file is read; `swap` replaces the module.
    """

    def __init__(self, model: nn.Module, quantization: Quantization | None, *, stored: bool = False) -> None:
        """Find the weights, none without a quantization; `stored`: they come as codes and scales."""
        self._model = model
        self._quantization = quantization
        self._stored = stored
        self._parts: dict[str, dict[str, Tensor]] = {}
        self.shapes = {
            f"{name}.weight": (module.weight.shape[0], module.weight.shape[1])
            for name, module in model.named_modules()
            if quantization is not None
            and _is_quantized_here(name, module)
            and not _is_table_again(model, name)
        }

    @property
    def arrived(self) -> list[str]:
        """The names of the weights that have been added and not swapped."""
        return list(self._parts)

    def add(self, name: str, suffix: str, tensor: Tensor) -> None:
        """Take a weight, or a part of one that is stored in parts."""
        parts = self._parts.setdefault(name, {})
        if self._stored:
            parts[suffix] = tensor
        else:
            double = self._quantization is not None and self._quantization.double
            parts |= rounded(self._codec(name), tensor, double)

    def share_table(self) -> None:
        """Take the first table of tokens for others, the output head's too, that the file does not have."""
        tables = [name for name in self._parts if _is_table(name.removesuffix(".weight"))]
        for name in self.shapes:
            is_table = name == f"{HEAD}.weight" or _is_table(name.removesuffix(".weight"))
            if is_table and name not in self._parts and tables:
                self._parts[name] = {suffix: part.clone() for suffix, part in self._parts[tables[0]].items()}

    def faults(self) -> dict[str, str]:
        """Check the stored parts against their layouts: a message for each weight that does not fit."""
        found = {}
        for name, parts in self._parts.items():
            codec, shape = self._codec(name), self.shapes[name]
            if codec is Nf4Weight:
                layout = Nf4Weight.layout(shape, double="_nested_absmax" in parts)
            else:
                layout = codec.layout(shape)
            got = {suffix: (tuple(tensor.shape), tensor.dtype) for suffix, tensor in parts.items()}
            if got != layout:
                found[name] = f"{name} holds {_describe(got)}, and should {_describe(layout)}"
        return found

    def swap(self, name: str) -> None:
        """Replace the module of a weight that has been added by a quantized one, wherever it is used."""
        parts = self._parts.pop(name)
        module = self._model.get_submodule(name.removesuffix(".weight"))
        if isinstance(module, nn.Embedding):
            self._swap_embedding(name, module, parts)
        else:
            self._swap_linear(name, cast(nn.Linear, module), parts)

    def _swap_embedding(self, name: str, module: nn.Embedding, parts: Mapping[str, Tensor]) -> None:
        """Replace the table of token embeddings, and the output head that is the same table."""
        # Rows are given out in the type of the norms: these are never quantized, so they still have the
        # model's type, which codes and scales do not show.
        dtype = next(p.dtype for path, p in self._model.named_parameters() if path.endswith("norm.weight"))
        embed_scale = getattr(module, "embed_scale", 1.0)
        table = QuantizedEmbedding(parts[""].squeeze(0), parts["_scale"], dtype, embed_scale)
        # Beside layers of 4 bits the head reads the table as it is stored, else it has a packed copy (module
        # docstring).
        if _is_table_again(self._model, HEAD):
            head = Int8Table if self._is_4_bit else Int8Weight
            setattr(self._model, HEAD, QuantizedLinear(head.load(parts, self.shapes[name])))
        # Encoder and decoder share the table: every attribute that holds the module is replaced. The list is
        # made first, because replacing changes what is walked through.
        for parent in list(self._model.modules()):
            for attribute, child in list(parent.named_children()):
                if child is module:
                    setattr(parent, attribute, table)

    def _swap_linear(self, name: str, module: nn.Linear, parts: Mapping[str, Tensor]) -> None:
        """Replace a linear map, which only one attribute holds."""
        codec = self._codec(name)
        bias = None if module.bias is None else module.bias.detach().float()
        # int8 has no choice: its kernel computes in integers.
        compute_dtype = None if codec is Int8Weight else cast(Quantization, self._quantization).compute_dtype
        weight = codec.load(parts, self.shapes[name])
        parent, _, attribute = name.removesuffix(".weight").rpartition(".")
        setattr(self._model.get_submodule(parent), attribute, QuantizedLinear(weight, bias, compute_dtype))

    @property
    def _is_4_bit(self) -> bool:
        return self._quantization is not None and self._quantization.scheme != "int8"

    def _codec(self, name: str) -> Codec:
        in_layers = self._quantization is not None and ".layers." in f".{name}"
        return CODECS[cast(Quantization, self._quantization).scheme] if in_layers else Int8Weight


def _is_table(name: str) -> bool:
    return name.rpartition(".")[2] in TABLES


def _is_table_again(model: nn.Module, name: str) -> bool:
    """Return whether a module of that name is an output head that is the token embedding."""
    return name == HEAD and bool(getattr(model, "ties_output_head", False))


def _is_quantized_here(name: str, module: nn.Module) -> bool:
    """Return whether a module's weight is quantized: layers, table of token embeddings, output head."""
    if isinstance(module, nn.Linear):
        return ".layers." in f".{name}" or name == HEAD
    return isinstance(module, nn.Embedding) and _is_table(name)


def _describe(parts: Mapping[str, tuple[tuple[int, ...], torch.dtype]]) -> str:
    return ", ".join(
        f"weight{suffix} {'x'.join(map(str, shape))} {str(dtype).removeprefix('torch.')}"
        for suffix, (shape, dtype) in sorted(parts.items())
    )


SCHEMES: tuple[Scheme, ...] = get_args(Scheme)
