"""Self-attention keys and values of one document, stored once per token and shared by its beams.

Beams branch off from one another, so most of their tokens are common. Keys and values stand in the slots of a
buffer, and a table gives the slot of each token of each beam. A beam that continues another one copies a row
of that table and no keys; a step reads the slots that are still in use: a few more than the tokens of one
text, because beams seldom differ for long.

Like the token pools of vLLM and SGLang, but with slots of one token and one document a pool.

Dimensions: R rows (the document's beams), H heads, T new tokens, L tokens read before, C slots (the
capacity), d head width.
"""

import torch
from torch import Tensor

from bigbird_pegasus.kernels.few_rows import attends_by_few_rows, attention

SPARE_TOKENS = 32  # of each row, that there are slots for after the pool has grown
SLOTS_MULTIPLE = 64  # the capacity is a multiple of it


class KVPool:
    """Keys and values of self-attention for the rows of one document, in all layers."""

    def __init__(self, layers: int, rows: int, device: torch.device) -> None:
        """Start with rows that have read nothing."""
        self._layers: list[tuple[Tensor, Tensor] | None] = [None] * layers  # keys, values: (H, C, d)
        self._table = torch.empty(rows, 0, dtype=torch.long, device=device)  # (R, L): the slot of each token
        self._reading = self._table  # (R, L + T), with the tokens of the step under way
        self._used = 0  # slots
        self._capacity = 0  # C
        self._bias: Tensor | None = None  # (R, C), of one step's scores

    @property
    def rows(self) -> int:
        """R."""
        return len(self._table)

    @property
    def tensors(self) -> tuple[list[tuple[Tensor, Tensor] | None], Tensor]:
        """Keys and values of each layer, and the table of slots, between two steps."""
        return self._layers, self._table

    @property
    def sizes(self) -> tuple[int, int]:
        """Slots that are used, and C."""
        return self._used, self._capacity

    @staticmethod
    def of_tensors(
        tensors: tuple[list[tuple[Tensor, Tensor] | None], Tensor], sizes: tuple[int, int]
    ) -> "KVPool":
        """Make a pool of what `tensors` and `sizes` returned."""
        layers, table = tensors
        pool = KVPool(len(layers), 0, table.device)
        pool._layers, pool._table = list(layers), table
        pool._reading = table
        pool._used, pool._capacity = sizes
        return pool

    def reserve(self, tokens: int) -> bool:
        """Reserve slots for T new tokens of each row; a step that failed reserves the same ones again.

        Returns:
            Whether the pool had to grow.
        """
        new = self.rows * tokens
        grows = self._used + new > self._capacity
        if grows:
            self._grow(new)
        slots = torch.arange(self._used, self._used + new, device=self._table.device)
        self._reading = torch.cat((self._table, slots.view(self.rows, tokens)), dim=1)
        self._bias = None
        return grows

    def append(self, layer: int, key: Tensor, value: Tensor) -> None:
        """Store keys and values (R, H, T, d) of the new tokens in the reserved slots."""
        rows, heads, tokens, width = key.shape
        pair = self._layers[layer]
        if pair is None:
            shape = (heads, self._capacity, width)
            pair = self._layers[layer] = (key.new_zeros(shape), value.new_zeros(shape))
        for stored, new in zip(pair, (key, value), strict=True):
            slots = stored[:, self._used : self._used + rows * tokens]
            slots.view(heads, rows, tokens, width).copy_(new.transpose(0, 1))

    def keys_and_values(self, layer: int) -> tuple[Tensor, Tensor]:
        """Return keys and values of all tokens of each row, (R, H, L + T, d), gathered into copies."""
        keys, values = self._of(layer)
        return keys[:, self._reading].transpose(0, 1), values[:, self._reading].transpose(0, 1)

    def attend(self, layer: int, query: Tensor, mask: Tensor | None) -> Tensor:
        """Attend from one new token of each row, (R, H, 1, d), to what its row has read, and to itself.

        Args:
            layer: number of the decoder layer.
            query: (R, H, 1, d).
            mask: bool (R, L + 1), False at padding, the same in all layers; None where there is none.

        Returns:
            (R, H, 1, d).
        """
        if attends_by_few_rows(query):
            return attention(query.squeeze(2), *self._of(layer), self._reading, mask).unsqueeze(2)
        # Every slot is read, and masked for the rows whose text it is not part of: a product with some
        # slots of a buffer would copy them first.
        keys, values = self._of(layer)
        query = (query * query.shape[-1] ** -0.5).squeeze(2).transpose(0, 1)  # (H, R, d)
        bias = self._score_bias(query.dtype, mask)
        scores = torch.bmm(query, keys.transpose(1, 2)).add_(bias)  # (H, R, C)
        return torch.bmm(torch.softmax(scores, dim=-1), values).transpose(0, 1).unsqueeze(2)

    def commit(self) -> None:
        """Count the new tokens as read, after all layers have stored them."""
        self._used += self._reading.shape[1] * self.rows - self._table.numel()
        self._table = self._reading

    def crop(self, length: int) -> None:
        """Forget the tokens of each row after its first ones."""
        self._table = self._reading = self._table[:, :length]
        self._used = int(self._table.max()) + 1 if self._table.numel() else 0

    def reorder(self, rows: Tensor) -> None:
        """Let row i continue what row `rows[i]` has read; int64 (R',)."""
        self._table = self._reading = self._table.index_select(0, rows)

    def _of(self, layer: int) -> tuple[Tensor, Tensor]:
        pair = self._layers[layer]
        if pair is None:
            raise RuntimeError(f"layer {layer} remembers nothing yet")
        return pair

    def _score_bias(self, dtype: torch.dtype, mask: Tensor | None) -> Tensor:
        """Return what is added to scores, (R, C): 0 at the slots of a row's own tokens, -inf elsewhere."""
        if self._bias is None:
            bias = torch.full((self.rows, self._capacity), -torch.inf, dtype=dtype, device=self._table.device)
            own = torch.zeros_like(self._reading, dtype=dtype)
            if mask is not None:  # finite, so that a row of padding alone gives numbers
                own.masked_fill_(~mask, torch.finfo(dtype).min)
            self._bias = bias.scatter_(1, self._reading, own)
        return self._bias

    def _grow(self, new: int) -> None:
        """Drop the slots that no row uses any more, and add some for `new` tokens and the next steps."""
        living, inverse = torch.unique(self._table, return_inverse=True)  # in the order they were read
        wanted = len(living) + new + self.rows * SPARE_TOKENS
        self._capacity = -(-wanted // SLOTS_MULTIPLE) * SLOTS_MULTIPLE
        for layer, pair in enumerate(self._layers):
            if pair is not None:
                self._layers[layer] = (self._moved(pair[0], living), self._moved(pair[1], living))
        self._table, self._used = inverse, len(living)

    def _moved(self, buffer: Tensor, slots: Tensor) -> Tensor:
        """Copy some slots of (H, C, d) to the front of a buffer of the new capacity."""
        larger = buffer.new_zeros(buffer.shape[0], self._capacity, buffer.shape[2])
        larger[:, : len(slots)] = buffer.index_select(1, slots)
        return larger
