"""The table of token embeddings: which modules hold it, its size, and the names under which it is stored.

Encoder, decoder and the output head that is the table again hold one weight, unless the configuration says
`tie_word_embeddings: false`. In a state it stands once, by
its first name, as in files of weights; loaded is it by any of its names.

Dimensions: V tokens, D model width.
"""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from bigbird_pegasus.config import BigBirdPegasusConfig

HOLDERS = ("shared", "embed_tokens")  # attributes that are the table
HEAD = "lm_head"


class TokenEmbedding(nn.Embedding):
    """The table of token embeddings, which gives out rows times `embed_scale`: `inputs_embeds` are such
    rows."""

    def __init__(self, config: BigBirdPegasusConfig) -> None:
        super().__init__(config.vocab_size, config.d_model, config.pad_token_id)
        self.embed_scale = math.sqrt(config.d_model) if config.scale_embedding else 1.0

    def forward(self, input: Tensor) -> Tensor:
        """Look ids up, (…) to (…, D)."""
        rows = super().forward(input)
        return rows if self.embed_scale == 1 else rows * self.embed_scale


def get_tables(model: nn.Module) -> Iterator[nn.Module]:
    """Yield the modules that look tokens up: one, unless encoder and decoder have tables of their own."""
    return (module for name, module in model.named_modules() if name.rpartition(".")[2] in HOLDERS)


def get_table(model: nn.Module) -> nn.Module:
    """Return the first module that looks tokens up."""
    return next(get_tables(model))


def set_table(model: nn.Module, table: nn.Module) -> None:
    """Put a table into all places of the old one."""
    for module in list(model.modules()):
        for name in HOLDERS:
            if name in module._modules:
                setattr(module, name, table)


def repeated_names(model: nn.Module) -> dict[str, str]:
    """Return the further names of parameters that have several, with the first name of each."""
    first: dict[int, str] = {}
    repeated = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        if first.setdefault(id(parameter), name) != name:
            repeated[name] = first[id(parameter)]
    return repeated


def name_once(model: nn.Module, state: dict[str, Any], prefix: str, metadata: Any) -> None:
    """Leave the further names out of a state: a hook of `state_dict`."""
    for name in repeated_names(model):
        state.pop(prefix + name, None)


def name_all(model: nn.Module, state: dict[str, Any], prefix: str, *others: Any) -> None:
    """Add the names that a state lacks of a weight that it has: a hook of `load_state_dict`."""
    groups: dict[str, list[str]] = {}
    for name, first in repeated_names(model).items():
        groups.setdefault(first, [first]).append(name)
    for names in groups.values():
        known = next((state[prefix + name] for name in names if prefix + name in state), None)
        if known is not None:
            for name in names:
                state.setdefault(prefix + name, known)


def resize_table(model: nn.Module, tokens: int, std: float | None) -> None:
    """Give the table, and an output head of its own, another number of rows (V).

    The first rows stay what they are. New ones are the mean of the old ones (Hewitt, "Initializing new word
    embeddings for pretrained language models", 2021), or drawn with the deviation `std`.
    """
    done: set[int] = set()
    for name, module in model.named_modules():
        last = name.rpartition(".")[2]
        if last in HOLDERS and isinstance(module, nn.Embedding):
            module.num_embeddings = tokens
        elif last == HEAD and isinstance(module, nn.Linear):
            module.out_features = tokens
        else:
            continue
        if id(module.weight) not in done:  # one that is shared is resized with the module that has it first
            table = _resized(module.weight.detach(), tokens, std)
            module.weight = nn.Parameter(table, module.weight.requires_grad)
        done.add(id(module.weight))


def _resized(table: Tensor, rows: int, std: float | None) -> Tensor:
    """Cut a table of token rows (V, D), or fill it up."""
    new = table.new_empty(max(0, rows - len(table)), table.shape[1])
    if std is None:
        new[:] = table.mean(dim=0)
    else:
        new.normal_(std=std)
    return torch.cat([table[:rows], new])
