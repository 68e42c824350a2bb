"""Answers as spans of a context: its windows, how likely each span is, the best of them.

A window's input is the published pair, question then context then `</s>`. Position 0, the first token of the
question, stands for "the answer is not in this window", as in Devlin et al., "BERT", 2019, section 4.3, where
it is `[CLS]`; these models have no such token.

A span's score is p(it starts at its first token) x p(it ends at its last token). Each is a softmax over the
tokens of the window's context and position 0: a window without the answer puts its mass there, and so scores
of different windows of one document can be compared.

Dimensions: T tokens of a window's input, C tokens of its context.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from bigbird_pegasus.errors import ModelInputError
from bigbird_pegasus.text.words import is_unspaced

NO_ANSWER = 0  # the position
DEFAULT_STRIDE_TOKENS = 128


@dataclass(frozen=True, slots=True)
class ScoredSpan:
    """Tokens `first` to `last`, both included, of a window's context."""

    first: int
    last: int
    score: float


@dataclass(frozen=True, slots=True)
class TextSpan:
    """Code points `start` to `end`, half-open, of a context."""

    start: int
    end: int
    score: float


def context_windows(tokens: int, limit: int, stride: int | None = None) -> list[range]:
    """Cut a context into windows of at most `limit` tokens, of which neighbours share at least `stride`.

    As few windows as possible, all but a single one full and evenly spread: the last has as much context as
    the others. Without a stride they share 128 tokens, or half of a window of fewer than 256.

    Raises:
        ModelInputError: the stride is negative, or as long as a window.
    """
    if stride is None:
        stride = min(DEFAULT_STRIDE_TOKENS, limit // 2)
    if not 0 <= stride < limit:
        raise ModelInputError(
            f"a stride of {stride} tokens does not go with windows of {limit}: give one from 0 to {limit - 1}"
            if limit > 0
            else f"windows of {limit} tokens hold nothing of the context: allow longer ones"
        )
    if tokens <= limit:
        return [range(tokens)]
    steps = -(-(tokens - limit) // (limit - stride))
    starts = [number * (tokens - limit) // steps for number in range(steps + 1)]
    return [range(start, start + limit) for start in starts]


def pair_input(
    question: Sequence[int], context: Sequence[int], window: range, eos_token_id: int
) -> tuple[list[int], range]:
    """Return the ids (T,) of a question and a window of the context, and the window's positions in them."""
    ids = [*question, *context[window.start : window.stop], eos_token_id]
    return ids, range(len(question), len(ids) - 1)


def answers_in_window(
    start_logits: Tensor,
    end_logits: Tensor,
    place: range,
    text: str,
    offsets: Sequence[tuple[int, int]],
    *,
    count: int,
    max_tokens: int,
    may_be_absent: bool = True,
    overlapping: bool = False,
) -> tuple[list[TextSpan], float]:
    """Return up to `count` answers of one window, the best first, and the score of "no answer here".

    Args:
        start_logits: (T,) of the window.
        end_logits: (T,).
        place: positions of the window's context, see `pair_input`.
        text: the whole context.
        offsets: (C,) span in the text of each token of the window's context, half-open.
        count: how many at most.
        max_tokens: of an answer.
        may_be_absent: see `span_probabilities`.
        overlapping: see `best_spans`.
    """
    starts, ends, absent = span_probabilities(start_logits, end_logits, place, may_be_absent=may_be_absent)
    # The search looks at one number after the other, which a GPU does slowly.
    starts, ends = (_without_white_space(each.cpu(), text, offsets) for each in (starts, ends))
    spans = best_spans(starts, ends, count, max_tokens, overlapping=overlapping)
    return [TextSpan(offsets[span.first][0], offsets[span.last][1], span.score) for span in spans], absent


def whole_words(text: str, start: int, end: int) -> tuple[int, int]:
    """Return a span of a text that begins and ends where words do: tokens may be parts of words.

    A word is a row of letters, digits and marks; a point or comma between digits belongs to it, and an
    apostrophe between letters. Scripts that put no spaces between words are left as they are.
    """
    while 0 < start < len(text) and _is_inside_word(text, start):
        start -= 1
    while 0 < end < len(text) and _is_inside_word(text, end):
        end += 1
    return start, end


def _is_inside_word(text: str, place: int) -> bool:
    """Return whether the characters before and behind a place are of one word."""
    if _is_of_word(text[place - 1]) and _is_of_word(text[place]):
        return True
    return _joins(text, place) or _joins(text, place - 1)


def _joins(text: str, place: int) -> bool:
    """Return whether the character at a place is a mark inside a number or word, as in 3.14 or don't."""
    if not 0 < place < len(text) - 1:
        return False
    before, mark, after = text[place - 1], text[place], text[place + 1]
    if mark in ".,":
        return before.isdecimal() and after.isdecimal()
    return mark in "'\N{RIGHT SINGLE QUOTATION MARK}" and before.isalpha() and after.isalpha()


def _is_of_word(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNM" and not is_unspaced(character)


def span_probabilities(
    start_logits: Tensor, end_logits: Tensor, context: range, *, may_be_absent: bool = True
) -> tuple[Tensor, Tensor, float]:
    """Return how likely each token of the context is the start, or the end (C,), and that there is no answer.

    Args:
        start_logits: (T,) of one window.
        end_logits: (T,).
        context: the positions that may be in an answer; never 0.
        may_be_absent: False leaves position 0 out of the softmax: the answer is in this window.

    Raises:
        ModelInputError: the context holds position 0.
    """
    if NO_ANSWER in context:
        raise ModelInputError(
            "the context begins at position 0, which stands for no answer: where is the question?"
        )
    first = [NO_ANSWER] if may_be_absent else []
    kept = torch.tensor([*first, *context], device=start_logits.device)
    starts, ends = (logits[kept].float().softmax(-1) for logits in (start_logits, end_logits))
    absent = float(starts[0] * ends[0]) if may_be_absent else 0.0
    return starts[len(first) :], ends[len(first) :], absent


def best_spans(
    starts: Tensor, ends: Tensor, count: int, max_tokens: int, *, overlapping: bool = False
) -> list[ScoredSpan]:
    """Return up to `count` spans of at most `max_tokens` tokens, the best first.

    Args:
        starts: (C,), see `span_probabilities`.
        ends: (C,).
        overlapping: False takes the best span, then the best that shares no token with it, and so on.
    """
    longest = min(max_tokens, len(starts))
    if not longest:
        return []
    # Row i, column n: the span from token i to token i + n (C, longest); past the end there is none.
    beyond = F.pad(ends, (0, longest - 1), value=-1.0).unfold(0, longest, 1)
    scores = torch.where(beyond < 0, beyond, starts.unsqueeze(1) * beyond)
    last = torch.arange(len(starts), device=starts.device).unsqueeze(1) + torch.arange(
        longest, device=starts.device
    )
    found: list[ScoredSpan] = []
    while len(found) < count:
        first, more = divmod(int(scores.argmax()), longest)
        score = float(scores[first, more])
        if score < 0:
            break
        found.append(ScoredSpan(first, first + more, score))
        if overlapping:
            scores[first, more] = -1
        else:
            scores[: first + more + 1].masked_fill_(last[: first + more + 1] >= first, -1)
    return found


def _without_white_space(probabilities: Tensor, text: str, offsets: Sequence[tuple[int, int]]) -> Tensor:
    """Return (C,) with 0 for tokens that stand for white space: no answer begins or ends there."""
    visible = [bool(text[start:end].strip()) for start, end in offsets]
    return probabilities * torch.tensor(visible, dtype=probabilities.dtype)
