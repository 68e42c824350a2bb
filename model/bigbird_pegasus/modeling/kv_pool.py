"""What the decoder remembers of the texts of one document: each token once, however many beams share it.

Beams go on from one another, so most of what they have read they have in common. Its keys and values stand
in places of a buffer, and a table says in which place each beam finds each of its tokens. A beam that goes on
from another one copies a line of that table, and no keys; a step reads the places that beams still use: a few
more than the tokens of one text, as beams that differ for long are rare.

Dimensions: R rows (the document's beams), H heads, T new tokens, L tokens read before, P places, d head
width.
"""

import torch
from torch import Tensor

ROOM = 32  # tokens of each row, when more places are made
STEP = 64  # places are made in multiples of it


class Past:
    """Keys and values of self-attention for the rows of one document, in all layers."""

    def __init__(self, layers: int, rows: int, device: torch.device) -> None:
        """Start with rows that have read nothing."""
        self._layers: list[tuple[Tensor, Tensor] | None] = [None] * layers  # keys, values: (H, P, d)
        self._table = torch.empty(rows, 0, dtype=torch.long, device=device)  # (R, L): a place for each token
        self._reading = self._table  # (R, L + T), with the tokens that are being read
        self._used = 0  # places
        self._places = 0  # P
        self._hidden: Tensor | None = None  # (R, P), for one step

    @property
    def rows(self) -> int:
        """R."""
        return len(self._table)

    def begin(self, tokens: int) -> bool:
        """Find places for T new tokens of each row; a step that failed begins again.

        Returns whether places had to be made.
        """
        new = self.rows * tokens
        grows = self._used + new > self._places
        if grows:
            self._make_room(new)
        places = torch.arange(self._used, self._used + new, device=self._table.device)
        self._reading = torch.cat((self._table, places.view(self.rows, tokens)), dim=1)
        self._hidden = None
        return grows

    def append(self, layer: int, key: Tensor, value: Tensor) -> None:
        """Remember keys and values (R, H, T, d) of the new tokens."""
        rows, heads, tokens, width = key.shape
        pair = self._layers[layer]
        if pair is None:
            shape = (heads, self._places, width)
            pair = self._layers[layer] = (key.new_zeros(shape), value.new_zeros(shape))
        for kept, new in zip(pair, (key, value), strict=True):
            places = kept[:, self._used : self._used + rows * tokens]
            places.view(heads, rows, tokens, width).copy_(new.transpose(0, 1))

    def keys_and_values(self, layer: int) -> tuple[Tensor, Tensor]:
        """Return keys and values of all tokens of each row, (R, H, L + T, d), copied together."""
        keys, values = self._of(layer)
        return keys[:, self._reading].transpose(0, 1), values[:, self._reading].transpose(0, 1)

    def attend(self, layer: int, query: Tensor, mask: Tensor | None) -> Tensor:
        """Attend from one new token of each row, (R, H, 1, d), to what its row has read, and to itself.

        All places are read, and hidden from the rows whose text they are not of: a product with parts of a
        buffer would copy them first. `mask` is bool (R, L + 1), False at padding, the same for all layers.
        """
        keys, values = self._of(layer)
        query = (query * query.shape[-1] ** -0.5).squeeze(2).transpose(0, 1)  # (H, R, d)
        scores = torch.bmm(query, keys.transpose(1, 2)).add_(self._hide(query.dtype, mask))  # (H, R, P)
        return torch.bmm(torch.softmax(scores, dim=-1), values).transpose(0, 1).unsqueeze(2)

    def advance(self) -> None:
        """Count the new tokens as read, once all layers have seen them."""
        self._used += self._reading.shape[1] * self.rows - self._table.numel()
        self._table = self._reading

    def reorder(self, rows: Tensor) -> None:
        """Row i goes on from what row `rows[i]` has read; int64 (R',)."""
        self._table = self._reading = self._table.index_select(0, rows)

    def _of(self, layer: int) -> tuple[Tensor, Tensor]:
        pair = self._layers[layer]
        if pair is None:
            raise RuntimeError(f"layer {layer} remembers nothing yet")
        return pair

    def _hide(self, dtype: torch.dtype, mask: Tensor | None) -> Tensor:
        """Return what is added to scores, (R, P): 0 where a row looks, -inf elsewhere."""
        if self._hidden is None:
            hidden = torch.full((self.rows, self._places), -torch.inf, dtype=dtype, device=self._table.device)
            seen = torch.zeros_like(self._reading, dtype=dtype)
            if mask is not None:  # finite, so that a row of padding alone gives numbers
                seen.masked_fill_(~mask, torch.finfo(dtype).min)
            self._hidden = hidden.scatter_(1, self._reading, seen)
        return self._hidden

    def _make_room(self, new: int) -> None:
        """Drop what no row's text holds any more, and make places for `new` tokens and some more steps."""
        living, inverse = torch.unique(self._table, return_inverse=True)  # in the order they were read
        wanted = len(living) + new + self.rows * ROOM
        self._places = -(-wanted // STEP) * STEP
        for layer, pair in enumerate(self._layers):
            if pair is not None:
                self._layers[layer] = (self._kept(pair[0], living), self._kept(pair[1], living))
        self._table, self._used = inverse, len(living)

    def _kept(self, buffer: Tensor, places: Tensor) -> Tensor:
        bigger = buffer.new_zeros(buffer.shape[0], self._places, buffer.shape[2])
        bigger[:, : len(places)] = buffer.index_select(1, places)
        return bigger
