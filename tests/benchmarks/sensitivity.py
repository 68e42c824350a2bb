"""Which weights may be rounded: the error of the logits where only some are, with a model of published size.

    python -m tests.benchmarks.sensitivity [--schemes int8,int4,nf4] [--tokens 1024]

Weights are rounded and put back as floats, so that only their own error counts, not that of activations.
Everything is computed in float32 and compared with the model as it is. Errors of different weights add up in
squares: leaving one out of "all" lowers that as much.
"""

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import torch
from bigbird_pegasus import load_model
from bigbird_pegasus.quantization.quantize import CODECS, rounded
from torch import Tensor

from tests.benchmarks.machine import QUANTIZED, description
from tests.benchmarks.published_size import FOLDER, checkpoint, options_of

DECODER_TOKENS = 16
TABLE = "model.shared.weight"

Chosen = Callable[[str], bool]


def groups(encoder_layers: int, decoder_layers: int) -> dict[str, Chosen]:
    """The weights of each row of the table, by our names."""
    last = {"encoder": encoder_layers - 1, "decoder": decoder_layers - 1}

    def layer(side: str, number: int) -> Chosen:
        return lambda name: name.startswith(f"model.{side}.layers.{number}.")

    found: dict[str, Chosen] = {
        "token embeddings": lambda name: name == TABLE,
        "output head": lambda name: name == "head",
    }
    for side, number in last.items():
        found |= {
            f"first layer of the {side}": layer(side, 0),
            f"last layer of the {side}": layer(side, number),
        }
    return found | {
        "queries, keys and values, all layers": lambda name: name.endswith(
            tuple(f"{part}.weight" for part in ("query", "key", "value", "q_proj", "k_proj", "v_proj"))
        ),
        "output of attention, all layers": lambda name: name.endswith(("output.weight", "out_proj.weight")),
        "feed-forward, all layers": lambda name: name.endswith(("fc1.weight", "fc2.weight")),
        "all layers": lambda name: ".layers." in name,
        "all": lambda name: True,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options_of(__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--schemes", type=lambda text: text.split(","), default=["int8", "int4"])
    parser.add_argument("--tokens", type=int, default=1024)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tiny", action="store_true")
    asked = parser.parse_args(arguments)
    assert {*asked.schemes} <= {*QUANTIZED}
    torch.set_num_threads(asked.threads)
    model: Any = load_model(checkpoint(asked.folder, asked.tiny), dtype=torch.float32)
    tokens = 64 if asked.tiny else asked.tokens
    exact = _logits(model, tokens)
    print(f"| rounded | {' | '.join(asked.schemes)} |\n| --- |{' ---: |' * len(asked.schemes)}")
    for name, chosen in groups(model.config.encoder_layers, model.config.decoder_layers).items():
        errors = [_error(model, chosen, scheme, tokens, exact) for scheme in asked.schemes]
        print(f"| {name} | {' | '.join(f'{100 * error:.2f} %' for error in errors)} |", flush=True)
    print(f"\n{tokens} tokens; {description(asked.threads)}; {date.today()}")


@torch.inference_mode()
def _logits(model: Any, tokens: int) -> Tensor:
    """Scores (16, V) of random tokens about a source of random tokens."""
    generator = torch.Generator().manual_seed(0)
    vocabulary = model.config.vocab_size
    ids = torch.randint(107 % vocabulary, vocabulary, (1, tokens), generator=generator)
    targets = torch.randint(107 % vocabulary, vocabulary, (1, DECODER_TOKENS), generator=generator)
    logits: Tensor = model(ids, decoder_input_ids=targets).logits[0]
    return logits


@torch.no_grad()
def _error(model: Any, chosen: Chosen, scheme: str, tokens: int, exact: Tensor) -> float:
    """The relative error of the logits with some weights rounded, which are exact again afterwards."""
    kept: dict[str, Tensor] = {}
    weights = {name: p for name, p in model.named_parameters() if _is_rounded(name)}
    for name, weight in weights.items():
        if chosen(name) and name != TABLE:
            kept[name] = weight.detach().clone()
            weight.copy_(_rounded(weight, scheme))
    table = model.get_parameter(TABLE)
    as_table, as_head = chosen(TABLE), chosen("head")
    if as_table or as_head:
        low = _rounded(table, scheme)
        exact_table = table.detach().clone()
        if as_table:
            table.copy_(low)
        head = low if as_head else exact_table
        removed = model.lm_head.register_forward_hook(
            lambda module, inputs, output: torch.nn.functional.linear(inputs[0], head)
        )
        kept[TABLE] = exact_table
    found = _logits(model, tokens)
    if as_table or as_head:
        removed.remove()
    for name, exact_weight in kept.items():
        model.get_parameter(name).copy_(exact_weight)
    return float((found - exact).norm() / exact.norm())


def _is_rounded(name: str) -> bool:
    return name.endswith(".weight") and (name == TABLE or (".layers." in name and "norm" not in name))


def _rounded(weight: Tensor, scheme: str) -> Tensor:
    """The weight as its codes and scales give it back."""
    codec = CODECS[scheme]  # type: ignore[index]  # a string that has been checked
    detached = weight.detach()
    return codec.load(rounded(codec, detached), (weight.shape[0], weight.shape[1])).dequantize()


if __name__ == "__main__":
    main()
