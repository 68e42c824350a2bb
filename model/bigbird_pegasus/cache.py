"""What the decoder remembers between steps.

Dimensions: B documents, N rows (documents x beams, grouped by document), H heads, d head width,
S source tokens.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from bigbird_pegasus.source import Source

GROWTH = 64  # tokens; one that is asked for more grows by so many


class DecoderCache:
    """Keys and values of self-attention for each row, and of cross-attention once for each document.

    Self-attention keys and values are written in place into buffers that grow by `GROWTH` tokens.
    Cross-attention keys and values are read by all beams of a document and never copied for them.
    """

    def __init__(
        self,
        layers: int,
        padding_mask: Tensor | None = None,
        prompt_mask: Tensor | None = None,
    ) -> None:
        """Start empty.

        Args:
            layers: number of decoder layers.
            padding_mask: bool (B, S), True at the real tokens of the source; None where there is no padding.
            prompt_mask: bool (B, P), True at the real ones of the first P tokens that the decoder will read.
        """
        self.length = 0
        self.padding_mask = padding_mask
        self.prompt_mask = prompt_mask
        self._spare: Tensor | None = None
        self._self: list[tuple[Tensor, Tensor] | None] = [None] * layers
        self._cross: list[Source | None] = [None] * layers

    @property
    def layers(self) -> int:
        """The number of decoder layers."""
        return len(self._cross)

    @property
    def rows(self) -> int:
        """N, or 0 before the first step."""
        first = self._self[0] if self._self else None
        return 0 if first is None else first[0].shape[0]

    def get_seq_length(self) -> int:
        """Tokens remembered for each row (the published name of `length`)."""
        return self.length

    def buffers(self, layer: int) -> tuple[Tensor, Tensor]:
        """Return the buffers of keys and values, (N, H, capacity, d); past what is remembered are zeros."""
        pair = self._self[layer]
        if pair is None:
            raise RuntimeError(f"layer {layer} remembers nothing yet")
        return pair

    def append(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Remember keys and values (N, H, T, d) of new tokens; return all of them, (N, H, length + T, d).

        `length` moves on by `advance`, once all layers have seen the new tokens.
        """
        end = self.length + key.shape[2]
        self._make_room(layer, key, end)
        keys, values = self.buffers(layer)
        keys[:, :, self.length : end] = key
        values[:, :, self.length : end] = value
        return keys[:, :, :end], values[:, :, :end]

    def advance(self, tokens: int) -> None:
        """Count `tokens` more as remembered by every layer."""
        self.length += tokens

    def cross(self, layer: int) -> Source | None:
        """Return keys and values of the source, or None before they are set."""
        return self._cross[layer]

    def set_cross(self, layer: int, source: Source) -> None:
        """Remember keys and values of the source."""
        self._cross[layer] = source

    def seen_mask(self, rows: int, tokens: int) -> Tensor | None:
        """Return bool (N, length + tokens), False at the padding of prompts; None where there is none."""
        if self.prompt_mask is None:
            return None
        mask = self.prompt_mask.repeat_interleave(rows // len(self.prompt_mask), dim=0)
        return F.pad(mask, (0, self.length + tokens - mask.shape[1]), value=True)

    def reorder(self, rows: Tensor) -> None:
        """Row i goes on from what row `rows[i]` remembers; `rows` is int64 (N',), grouped by document."""
        for layer, pair in enumerate(self._self):
            if pair is not None:
                self._self[layer] = (self._chosen(pair[0], rows), self._chosen(pair[1], rows))

    def _chosen(self, buffer: Tensor, rows: Tensor) -> Tensor:
        """Copy rows of a buffer into the spare one; the buffer is the next spare."""
        spare = self._spare
        if spare is None or spare.shape != (len(rows), *buffer.shape[1:]):
            spare = buffer.new_empty(len(rows), *buffer.shape[1:])
        torch.index_select(buffer, 0, rows, out=spare)
        self._spare = buffer
        return spare

    def keep_documents(self, documents: Tensor) -> None:
        """Forget the source of all documents but these, int64 (B',); their rows leave by `reorder`."""
        if self.padding_mask is not None:
            self.padding_mask = self.padding_mask.index_select(0, documents)
        if self.prompt_mask is not None:
            self.prompt_mask = self.prompt_mask.index_select(0, documents)
        self._cross = [None if source is None else source.of(documents) for source in self._cross]

    def _make_room(self, layer: int, like: Tensor, end: int) -> None:
        pair = self._self[layer]
        if pair is not None and pair[0].shape[2] >= end:
            return
        rows, heads, _, width = like.shape
        capacity = -(-end // GROWTH) * GROWTH
        bigger = (like.new_zeros(rows, heads, capacity, width), like.new_zeros(rows, heads, capacity, width))
        if pair is not None:
            for new, old in zip(bigger, pair, strict=True):
                new[:, :, : self.length] = old[:, :, : self.length]
        self._self[layer] = bigger
