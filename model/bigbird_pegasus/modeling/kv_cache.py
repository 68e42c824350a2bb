"""The decoder's cache between steps: keys and values of self-attention and of cross-attention.

Dimensions: B documents, N rows (documents x beams, grouped by document), H heads, d head width,
S source tokens.
"""

import copy
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils._pytree import SequenceKey, register_pytree_node

from bigbird_pegasus.errors import ModelInputError
from bigbird_pegasus.kernels.allocator import trim_heap
from bigbird_pegasus.modeling.cross_attention import CrossKV, DenseCrossKV
from bigbird_pegasus.modeling.kv_pool import KVPool


class DecoderCache:
    """Keys and values of self-attention for each document's rows, and of cross-attention for each document.

    Nothing is copied for beams: what they share of their texts is kept once, and all of them read the
    document's keys and values.
    """

    def __init__(
        self,
        layers: int,
        documents: int | None = None,
        padding_mask: Tensor | None = None,
        prompt_mask: Tensor | None = None,
    ) -> None:
        """Start empty.

        Args:
            layers: number of decoder layers.
            documents: B; None where each row is one of its own.
            padding_mask: bool (B, S), True at the real tokens of the source; None where there is no padding.
            prompt_mask: bool (B, P), True at the real ones of the first P tokens that the decoder will read.
        """
        self.length = 0
        self.padding_mask = padding_mask
        self.prompt_mask = prompt_mask
        self._documents = documents
        self._pools: list[KVPool] = []
        self._cross: list[CrossKV | None] = [None] * layers

    @property
    def layers(self) -> int:
        """The number of decoder layers."""
        return len(self._cross)

    @property
    def rows(self) -> int:
        """N, or 0 before the first step."""
        return sum(pool.rows for pool in self._pools)

    def get_seq_length(self) -> int:
        """Tokens remembered for each row (the published name of `length`)."""
        return self.length

    def reserve(self, rows: int, tokens: int, device: torch.device) -> None:
        """Reserve slots for T new tokens of each of N rows, before the first layer reads them.

        Raises:
            ModelInputError: N is no multiple of the documents, or another one than at the step before.
        """
        if self._pools and rows != self.rows:
            raise ModelInputError(f"the cache remembers {self.rows} rows, not {rows}")
        if not self._pools:
            documents = rows if self._documents is None else self._documents
            if rows % documents:
                raise ModelInputError(f"{rows} rows cannot be shared out among {documents} documents")
            self._pools = [KVPool(self.layers, rows // documents, device) for _ in range(documents)]
        grown = [pool.reserve(tokens) for pool in self._pools]
        if self.length and any(grown):
            trim_heap()  # also what the steps' scores have spread over the heap, some 50 MB

    def append(self, layer: int, key: Tensor, value: Tensor) -> None:
        """Remember keys and values (N, H, T, d) of the new tokens.

        They count in `length` after `commit`, when all layers have stored them.
        """
        for pool, k, v in zip(self._pools, self._by_document(key), self._by_document(value), strict=True):
            pool.append(layer, k, v)

    def keys_and_values(self, layer: int) -> tuple[Tensor, Tensor]:
        """Return keys and values of all tokens, the new ones too, copied: each (N, H, length + T, d)."""
        pairs = [pool.keys_and_values(layer) for pool in self._pools]
        return torch.cat([key for key, _ in pairs]), torch.cat([value for _, value in pairs])

    def attend(self, layer: int, query: Tensor, mask: Tensor | None) -> Tensor:
        """Attend from one new token of each row, (N, H, 1, d), to what its row has read, and to itself.

        `mask` is bool (N, 1, 1, length + 1), False at padding; None where there is none.
        """
        queries = self._by_document(query)
        masks = [None] * len(queries) if mask is None else self._by_document(mask[:, 0, 0])
        parts = zip(self._pools, queries, masks, strict=True)
        found = [pool.attend(layer, q, m) for pool, q, m in parts]
        return found[0] if len(found) == 1 else torch.cat(found)

    def commit(self, tokens: int) -> None:
        """Count `tokens` more as remembered by every layer."""
        self.length += tokens
        for pool in self._pools:
            pool.commit()

    def crop(self, length: int) -> None:
        """Forget the tokens of each row after its first `length` ones."""
        self.length = min(self.length, length)
        for pool in self._pools:
            pool.crop(self.length)

    def cross(self, layer: int) -> CrossKV | None:
        """Return keys and values of the source, or None before they are set."""
        return self._cross[layer]

    def set_cross(self, layer: int, source: CrossKV) -> None:
        """Remember keys and values of the source."""
        self._cross[layer] = source

    def seen_mask(self, rows: int, tokens: int) -> Tensor | None:
        """Return bool (N, length + tokens), False at the padding of prompts; None where there is none."""
        if self.prompt_mask is None:
            return None
        mask = self.prompt_mask.repeat_interleave(rows // len(self.prompt_mask), dim=0)
        return F.pad(mask, (0, self.length + tokens - mask.shape[1]), value=True)

    def reorder(self, rows: Tensor) -> None:
        """Let row i continue what row `rows[i]` remembers; `rows` is int64 (N',), grouped by document.

        Documents of which no row is left are forgotten; the others keep their number of rows. Before the
        first step there is nothing to reorder.

        Raises:
            ModelInputError: rows of several documents are mixed, or another number of them for each.
        """
        if not self._pools:
            return
        each = self._pools[0].rows
        documents = rows.div(each, rounding_mode="floor")
        if len(rows) % each or bool((documents.view(-1, each) != documents[::each, None]).any()):
            raise ModelInputError(
                f"each document continues with {each} rows of its own, not with {rows.tolist()}"
            )
        kept: list[KVPool] = []
        for document in documents[::each].tolist():
            pool = self._pools[document]
            kept.append(copy.deepcopy(pool) if any(pool is other for other in kept) else pool)
        for pool, group in zip(kept, rows.view(-1, each), strict=True):
            pool.reorder(group % each)
        self._pools = kept

    def keep_documents(self, documents: Tensor) -> None:
        """Drop the source of all documents but these, int64 (B',); their rows leave by `reorder`."""
        if self.padding_mask is not None:
            self.padding_mask = self.padding_mask.index_select(0, documents)
        if self.prompt_mask is not None:
            self.prompt_mask = self.prompt_mask.index_select(0, documents)
        self._cross = [None if source is None else source.select(documents) for source in self._cross]

    def _by_document(self, x: Tensor) -> tuple[Tensor, ...]:
        """Split (N, …) into the rows of each document."""
        return (x,) if len(self._pools) == 1 else torch.split(x, self._pools[0].rows)


def _to_tree(cache: DecoderCache) -> tuple[list[Any], Any]:
    """Return a cache's tensors, and what is not a tensor."""
    pools = [pool.tensors for pool in cache._pools]
    source = [None if cross is None else _dense(cross) for cross in cache._cross]
    kept = (cache.length, cache._documents, tuple(pool.sizes for pool in cache._pools))
    return [pools, source, cache.padding_mask, cache.prompt_mask], kept


def _of_tree(tensors: Iterable[Any], kept: Any) -> DecoderCache:
    """Return the cache that `_to_tree` took apart."""
    pools, source, padding_mask, prompt_mask = tensors
    length, documents, sizes = kept
    cache = DecoderCache(len(source), documents, padding_mask, prompt_mask)
    cache.length = length
    cache._cross = [None if pair is None else DenseCrossKV(*pair) for pair in source]
    cache._pools = [KVPool.of_tensors(*pair) for pair in zip(pools, sizes, strict=True)]
    return cache


def _dense(cross: CrossKV) -> tuple[Tensor, Tensor]:
    if not isinstance(cross, DenseCrossKV):
        raise ModelInputError("a cache in the layout of the search is not exported: let a forward make it")
    return cross.key, cross.value


def _to_named_tree(cache: DecoderCache) -> tuple[list[tuple[Any, Any]], Any]:
    tensors, kept = _to_tree(cache)
    return [(SequenceKey(number), one) for number, one in enumerate(tensors)], kept


# Known to pytree, so that a step with a cache can be exported: a program for one number of tokens read.
register_pytree_node(
    DecoderCache,
    _to_tree,
    _of_tree,
    flatten_with_keys_fn=_to_named_tree,
    serialized_type_name="bigbird_pegasus.DecoderCache",
)
