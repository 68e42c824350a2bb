"""Protocols of the model and the cache that a search uses, and the record that its callback gets."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from torch import Tensor


class SearchCache(Protocol):
    """A cache of the decoder's N rows, grouped by document."""

    def reorder(self, rows: Tensor) -> None:
        """Make row i a copy of what was row `rows[i]`; there may be fewer rows than before."""

    def keep_documents(self, indices: Tensor) -> None:
        """Forget the documents that are not in `indices`."""


CacheT = TypeVar("CacheT", bound=SearchCache)
CacheT_contra = TypeVar("CacheT_contra", bound=SearchCache, contravariant=True)


class StepModel(Protocol[CacheT_contra]):
    """A model that a search can use."""

    def next_token_logits(self, input_ids: Tensor, cache: CacheT_contra) -> Tensor:
        """Return float32 logits (N, V) after the tokens (N, T) that follow those in `cache`; the caller owns
        them."""


@dataclass(frozen=True)
class Hypothesis:
    """One text found for a document: its ids, prompt included.

    Of beam search also its score, and the row that its last token was scored in.
    """

    tokens: tuple[int, ...]
    score: float | None = None
    last_row: int = 0


@dataclass(frozen=True)
class GenerationStep:
    """The state of a search after one step, for a callback.

    `tokens[i]` are the new ids so far of the best running text of document `documents[i]` of the batch; in
    beam search the best text may be another one at the next step. A finished document is not named any more.
    """

    step: int  # 1 after the first new token
    last_step: int  # the most steps there can be
    documents: tuple[int, ...]
    tokens: tuple[tuple[int, ...], ...]


StepCallback = Callable[[GenerationStep], None]


@dataclass(frozen=True)
class SearchControls:
    """What beside the options a search obeys.

    Attributes:
        stops: says of tokens (N, T) which rows are done, bool (N,), beside those that their end token ends.
        keep_all: documents that are done stay in the batch, so that row i is always the same document's.
        read: how many tokens of the prompt the cache holds already.
        trace: gets, after each step of beam search, the row that each row continues, int64 (N,).
    """

    stops: Callable[[Tensor], Tensor] | None = None
    keep_all: bool = False
    read: int = 0
    trace: list[Tensor] | None = None


FREE = SearchControls()
