"""Ragged batches: documents of different lengths without padding, each with the result that it has alone.

The linear maps see the tokens of all documents as one long row; attention stays within each document. Nothing
is padded, so neither the pattern of sparse attention nor the order of sums depends on the lengths of others.

Dimensions: B documents, T tokens of one, D model width.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from bigbird_pegasus.config import BigBirdPegasusConfig
from bigbird_pegasus.errors import NotFiniteError
from bigbird_pegasus.generation.generate import GenerationOutput, search, settings_for
from bigbird_pegasus.generation.prompts import start_tokens
from bigbird_pegasus.generation.protocols import StepCallback
from bigbird_pegasus.modeling.cross_attention import CrossKV
from bigbird_pegasus.modeling.encoder import Encoder
from bigbird_pegasus.modeling.heads import BigBirdPegasusForConditionalGeneration
from bigbird_pegasus.modeling.kv_cache import DecoderCache
from bigbird_pegasus.modeling.layers import Attend

# Encoded together: so many tokens keep a processor busy, more only take memory. The default model needs for a
# document of 60 tokens 3.1 ms alone and 1.4 ms in eights, for one of 400 tokens always 10 ms (2 threads).
MAX_TOKENS_TOGETHER = 512
# Products of fewer rows go through kernels that add in another order: such documents are always alone.
MIN_TOKENS_TOGETHER = 16


def encode_each(encoder: Encoder, documents: Sequence[Tensor]) -> list[Tensor]:
    """Encode documents, int64 (T,) each, and return the states of each, (1, T, D).

    Short documents are encoded together.

    Raises:
        ValueError: more tokens than there are positions.
    """
    states: list[Tensor] = []
    for group in _groups(documents):
        states += _encode_side_by_side(encoder, group)
    return states


def _groups(documents: Sequence[Tensor]) -> list[list[Tensor]]:
    """Documents that follow each other, at most `MAX_TOKENS_TOGETHER` tokens; those of a few tokens alone."""
    groups: list[list[Tensor]] = []
    room = 0
    for document in documents:
        tokens = len(document)
        if tokens > room or tokens < MIN_TOKENS_TOGETHER:
            groups.append([])
            room = MAX_TOKENS_TOGETHER if tokens >= MIN_TOKENS_TOGETHER else 0
        groups[-1].append(document)
        room -= tokens
    return groups


@torch.inference_mode()
def forward_each(model: Any, documents: Sequence[Sequence[int]]) -> Iterator[Any]:
    """Yield the forward's record of a classification or question answering model for each document's ids.

    Only the encoder reads short documents together.
    """
    ids = [torch.tensor(document, dtype=torch.long, device=model.device) for document in documents]
    states = encode_each(model.model.encoder, ids)
    for document in ids:
        yield model(
            input_ids=document[None], encoder_outputs=(states.pop(0),), use_cache=False, return_dict=True
        )


def _encode_side_by_side(encoder: Encoder, documents: Sequence[Tensor]) -> list[Tensor]:
    if len(documents) < 2:
        return [encoder(document[None], return_dict=True).last_hidden_state for document in documents]
    embedded = [encoder.pad_to_blocks(encoder.embed(document[None]), None) for document in documents]
    lengths = [x.shape[1] for x, _ in embedded]
    x = torch.cat([x for x, _ in embedded], dim=1)  # (1, T of all, D)
    for number, layer in enumerate(encoder.layers):
        attends = [encoder.attention(number, x.shape[1], mask) for x, mask in embedded]
        x = layer(x, _within_each(attends, lengths))
    parts = torch.split(encoder.layernorm_embedding(x), lengths, dim=1)
    return [part[:, : len(document)] for part, document in zip(parts, documents, strict=True)]


def _within_each(attends: Sequence[Attend], lengths: list[int]) -> Attend:
    """Let the tokens of each document attend to their own document alone."""

    def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        parts = zip(attends, *(torch.split(x, lengths, dim=2) for x in (query, key, value)), strict=True)
        return torch.cat([attend_one(q, k, v) for attend_one, q, k, v in parts], dim=2)

    return attend


@dataclass(frozen=True)
class RaggedCrossKV:
    """Keys and values of documents of different lengths, one `CrossKV` each."""

    parts: tuple[CrossKV, ...]

    @property
    def documents(self) -> int:
        """See `CrossKV`."""
        return len(self.parts)

    def attend(self, query: Tensor, mask: Tensor | None, dropout: float) -> Tensor:
        """See `CrossKV`; there is no padding, and so never a mask."""
        found = [part.attend(query[i : i + 1], None, dropout) for i, part in enumerate(self.parts)]
        return torch.cat(found)

    def probabilities(self, query: Tensor, mask: Tensor | None) -> Tensor:
        """See `CrossKV`.

        Raises:
            ValueError: always: their widths differ.
        """
        raise ValueError("documents of different lengths have no common matrix of attention")

    def select(self, documents: Tensor) -> "RaggedCrossKV":
        """See `CrossKV`."""
        return RaggedCrossKV(tuple(self.parts[i] for i in documents.tolist()))


@torch.no_grad()
def generate_each(
    model: BigBirdPegasusForConditionalGeneration,
    documents: Sequence[Tensor],
    *,
    on_step: StepCallback | None = None,
    **options: Any,
) -> Tensor | GenerationOutput:
    """Generate texts for documents, int64 (T,) each, in one search; see `generate_from_windows`."""
    return generate_from_windows(model, [[document] for document in documents], on_step=on_step, **options)


@torch.no_grad()
def generate_from_windows(
    model: BigBirdPegasusForConditionalGeneration,
    documents: Sequence[Sequence[Tensor]],
    *,
    on_step: StepCallback | None = None,
    **options: Any,
) -> Tensor | GenerationOutput:
    """Generate texts for documents in one search; see `generation.generate`.

    The windows of a document, int64 (T,) each, are encoded apart, each with positions from 0 on; the decoder
    attends to the states of all of them: the cost grows with their number, not with its square.

    A step of the decoder reads all of its weights, whatever the number of rows: several documents cost
    little more than one. Those that are done leave the search.

    Raises:
        ConfigError: as `generate`.
        NotFiniteError: the model computes NaN.
    """
    settings = settings_for(model, None, options)
    encoded = encode_each(model.model.encoder, [window for windows in documents for window in windows])
    caches = []
    for windows in documents:
        states = [encoded.pop(0) for _ in windows]  # not needed any more afterwards
        caches.append(model.new_cache(states[0] if len(states) == 1 else torch.cat(states, dim=1)))
    prompt = start_tokens(len(documents), settings, model.device)
    return search(_FiniteModel(model), _joined(caches), prompt, settings, on_step)


@dataclass(frozen=True)
class _FiniteModel:
    """A model whose logits are looked at: greedy search would take NaN for the likeliest token."""

    model: BigBirdPegasusForConditionalGeneration

    @property
    def config(self) -> BigBirdPegasusConfig:
        """Configuration of the model."""
        return self.model.config

    def next_token_logits(self, ids: Tensor, cache: DecoderCache) -> Tensor:
        """See `StepModel`.

        Raises:
            NotFiniteError: one is NaN.
        """
        logits = self.model.next_token_logits(ids, cache)
        if bool(logits.isnan().any()):
            raise NotFiniteError(
                "the model computes NaN: its weights are damaged, or too large for their type"
            )
        return logits


def _joined(caches: Sequence[DecoderCache]) -> DecoderCache:
    """One cache for the documents of several, of which no row has been read yet."""
    if len(caches) == 1:
        return caches[0]
    joined = DecoderCache(caches[0].layers, len(caches))
    for layer in range(joined.layers):
        parts = tuple(cast(CrossKV, cache.cross(layer)) for cache in caches)
        joined.set_cross(layer, RaggedCrossKV(parts))
    return joined
