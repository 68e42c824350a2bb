"""Beam search, with scores and stopping rules equal to those of transformers 5.23.

Every document is searched on its own: what one finds or when it stops does not depend on the others of its
batch, and it leaves the batch when it is done.

Dimensions: B documents, K beams, C candidates, N = B x K decoder rows, T tokens so far (prompt included), V
vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bigbird_pegasus.generation.config import GenerationConfig
from bigbird_pegasus.generation.logits_processors import Processor, process
from bigbird_pegasus.generation.protocols import (
    FREE,
    CacheT,
    Hypothesis,
    SearchControls,
    StepCallback,
    StepModel,
)
from bigbird_pegasus.generation.sampling import random_streams, step_record

# The score of a beam that copies another one at the start, and of an empty entry among the finished texts.
NO_SCORE = -1e9
EXCLUDED = float("-inf")


@dataclass(frozen=True)
class Running:
    """The K best unfinished texts of each document, best first."""

    tokens: Tensor  # (B, K, T)
    scores: Tensor  # (B, K) sum of log probabilities

    def of(self, documents: Tensor) -> "Running":
        """Return those of some documents."""
        return Running(self.tokens[documents], self.scores[documents])


@dataclass(frozen=True)
class Finished:
    """The K best finished texts of each document, best first.

    An empty entry holds the prompt and scores `NO_SCORE`.
    """

    tokens: Tensor  # (B, K, max_length)
    lengths: Tensor  # (B, K)
    scores: Tensor  # (B, K) divided by the length penalty
    last_rows: Tensor  # (B, K) the decoder row that each one's last token was scored in

    def of(self, documents: Tensor) -> "Finished":
        """Return those of some documents."""
        return Finished(*(column[documents] for column in self.columns))

    def unless(self, frozen: Tensor, before: "Finished") -> "Finished":
        """Return what stood before for the documents that are frozen, bool (B,)."""
        pairs = zip(self.columns, before.columns, strict=True)
        return Finished(
            *(torch.where(frozen.view(-1, *[1] * (new.ndim - 1)), old, new) for new, old in pairs)
        )

    @property
    def columns(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """All there is, document by document."""
        return self.tokens, self.lengths, self.scores, self.last_rows

    @property
    def is_full(self) -> Tensor:
        """(B,) whether K texts have been found."""
        return (self.scores > NO_SCORE).all(dim=1)


def beam_search(
    model: StepModel[CacheT],
    cache: CacheT,
    prompt: Tensor,
    options: GenerationConfig,
    processors: Sequence[Processor],
    max_length: int,
    on_step: StepCallback | None = None,
    controls: SearchControls = FREE,
) -> list[list[Hypothesis]]:
    """Search the `num_return_sequences` best texts of each document with `num_beams` beams.

    `prompt` is (B, T); `cache` knows the B documents and no row yet. With `do_sample` the
    candidates are drawn, without replacement, instead of being the best ones. A hypothesis' score is the sum
    of its tokens' log probabilities (end token included, after the processors), divided by `new tokens **
    length_penalty`.
    """
    beams, prompt_length = options.num_beams, prompt.shape[1]
    eos = torch.tensor(options.eos_token_ids, dtype=torch.long, device=prompt.device)
    # Even if each beam ends in every possible way, `beams` candidates are left to continue.
    candidates = max(2, 1 + len(eos)) * beams
    streams = random_streams(options.seed, prompt.shape[0]) if options.do_sample else []

    running, finished = start(prompt, beams, max_length)
    found: dict[int, list[Hypothesis]] = {}
    documents = list(range(prompt.shape[0]))
    new = prompt.repeat_interleave(beams, dim=0)[:, controls.read :]  # (N, T)
    over = torch.zeros_like(prompt[:, 0], dtype=torch.bool)  # (B,) done and, with `keep_all`, still here
    while True:
        log_probabilities = model.next_token_logits(new, cache).log_softmax(dim=-1)  # (N, V)
        log_probabilities = process(processors, running.tokens.flatten(0, 1), log_probabilities)
        scores, beam, tokens = extend(running, log_probabilities, candidates, streams)

        length = tokens.shape[2]
        at_the_end = length == max_length
        ends = torch.isin(tokens[..., -1], eos) | at_the_end  # (B, C)
        if controls.stops is not None:
            ends |= controls.stops(tokens.flatten(0, 1)).view_as(ends)
        normalized = scores / (length - prompt_length) ** options.length_penalty
        first_rows = torch.arange(len(documents), device=prompt.device)[:, None] * beams
        collected = collect(finished, tokens, normalized, ends, first_rows + beam)
        finished = collected.unless(over, finished) if controls.keep_all else collected
        running_scores, continued = (scores + ends * NO_SCORE).topk(beams)  # each (B, K)
        running = Running(pick(tokens, continued), running_scores)

        if on_step is not None:
            best = tokens[:, 0] if at_the_end else running.tokens[:, 0]
            on_step(step_record(best, documents, prompt_length, max_length))
        done = is_done(running, finished, options, prompt_length, max_length) | at_the_end | ends.all()
        if controls.keep_all:
            over = over | done
            done = over if bool(over.all()) else torch.zeros_like(over)
        ended = done.tolist()  # read once: each look at a tensor on a GPU waits for it
        for row in (row for row, end in enumerate(ended) if end):
            found[documents[row]] = hypotheses(finished, row, options.num_return_sequences)
        if all(ended):
            return [found[document] for document in sorted(found)]

        # The row whose text each running beam continues; the cache copies only where that is another one.
        rows = first_rows + pick(beam, continued)
        if controls.trace is not None:
            controls.trace.append(rows.flatten())
        if any(ended):
            kept = (~done).nonzero().flatten()
            cache.reorder(rows[kept].flatten())
            cache.keep_documents(kept)
            running, finished = running.of(kept), finished.of(kept)
            documents = [documents[row] for row in kept.tolist()]
            streams = [streams[row] for row in kept.tolist()] if streams else []
        elif not torch.equal(rows, first_rows + torch.arange(beams, device=prompt.device)):
            cache.reorder(rows.flatten())
        new = running.tokens[..., -1].reshape(-1, 1)  # (N, 1)


def start(prompt: Tensor, beams: int, max_length: int) -> tuple[Running, Finished]:
    """Return the state before the first step, from the prompt (B, T)."""
    documents, length = prompt.shape
    tokens = prompt[:, None].expand(-1, beams, -1)
    scores = torch.full((documents, beams), NO_SCORE, device=prompt.device)
    nothing = Finished(
        tokens=torch.nn.functional.pad(tokens, (0, max_length - length)),
        lengths=torch.full_like(tokens[..., 0], length),
        scores=scores.clone(),
        last_rows=torch.zeros_like(tokens[..., 0]),
    )
    # All beams are alike at first: only one may be continued, or the same text would be found K times.
    scores[:, 0] = 0.0
    return Running(tokens, scores), nothing


def extend(
    running: Running, log_probabilities: Tensor, count: int, streams: Sequence[torch.Generator]
) -> tuple[Tensor, Tensor, Tensor]:
    """Return C candidates of each document: running texts with one token more, see `choose`.

    `log_probabilities` is (N, V). Returns the candidates' scores (B, C), the beams that they continue (B, C)
    and their tokens (B, C, T + 1).
    """
    beams, vocabulary = running.scores.shape[1], log_probabilities.shape[1]
    totals = running.scores[..., None] + log_probabilities.view(-1, beams, vocabulary)  # (B, K, V)
    scores, beam, token = choose(totals, count, streams)  # each (B, C)
    return scores, beam, torch.cat((pick(running.tokens, beam), token[..., None]), dim=2)


def choose(totals: Tensor, count: int, streams: Sequence[torch.Generator]) -> tuple[Tensor, Tensor, Tensor]:
    """Choose `count` of the K x V continuations of each document by their score in `totals` (B, K, V).

    Without `streams` the best ones, best first; with a random stream for each document, draws without
    replacement, first drawn first (the order of scores plus Gumbel noise). Returns score, beam and token id,
    each (B, count).
    """
    ranked = totals
    if streams:
        shape = totals.shape[1:]
        noise = torch.stack([torch.empty(shape).exponential_(generator=stream) for stream in streams])
        ranked = totals - noise.log().to(totals.device)
    # The best of each beam first: these are found at the same time, one long list is searched alone.
    of_each = ranked.topk(min(count, ranked.shape[2]), dim=2)  # (B, K, c)
    best = of_each.values.flatten(1).topk(count).indices  # (B, C)
    beam, token = best // of_each.values.shape[2], of_each.indices.flatten(1).gather(1, best)
    return pick(totals.flatten(1), beam * totals.shape[2] + token), beam, token


def collect(finished: Finished, tokens: Tensor, scores: Tensor, ends: Tensor, last_rows: Tensor) -> Finished:
    """Put candidates that end among the finished texts and keep the K best.

    `tokens` (B, C, T), `scores` (B, C) normalized, `ends` (B, C), `last_rows` (B, C). Only the first K
    candidates count: an ending that is worse than K continuations is not a good text of its length.
    """
    beams, length = finished.scores.shape[1], tokens.shape[2]
    counts = ends & (torch.arange(ends.shape[1], device=ends.device) < beams)
    best = torch.cat((finished.scores, scores.masked_fill(~counts, EXCLUDED)), dim=1).topk(beams)
    rows = torch.nn.functional.pad(tokens, (0, finished.tokens.shape[2] - length))
    lengths = torch.full_like(rows[..., 0], length)
    return Finished(
        tokens=pick(torch.cat((finished.tokens, rows), dim=1), best.indices),
        lengths=pick(torch.cat((finished.lengths, lengths), dim=1), best.indices),
        scores=best.values,
        last_rows=pick(torch.cat((finished.last_rows, last_rows), dim=1), best.indices),
    )


def is_done(
    running: Running, finished: Finished, options: GenerationConfig, prompt_length: int, max_length: int
) -> Tensor:
    """Return (B,) whether no running text of a document can displace a finished one any more.

    With `early_stopping` that is as soon as there are K of them. Otherwise when the best running text, at a
    guess of its final score, could not displace the worst of them. The guess takes the present length;
    "never" takes the maximum where length is rewarded (`length_penalty` > 0), and so misses nothing.
    """
    favours_long = options.early_stopping == "never" and options.length_penalty > 0
    new_tokens = (max_length if favours_long else running.tokens.shape[2]) - prompt_length
    best_attainable: Tensor = running.scores[:, 0] / new_tokens**options.length_penalty
    worst_kept = torch.where(finished.is_full, finished.scores.amin(dim=1), NO_SCORE)
    done = ~(best_attainable > worst_kept)
    return done | finished.is_full if options.early_stopping is True else done


def hypotheses(finished: Finished, row: int, count: int) -> list[Hypothesis]:
    """Return the `count` best finished texts of the document in `row`."""
    tokens, lengths, scores, last = (column[row, :count].tolist() for column in finished.columns)
    return [Hypothesis(tuple(tokens[i][: lengths[i]]), scores[i], last[i]) for i in range(count)]


def pick(values: Tensor, indices: Tensor) -> Tensor:
    """Take `values[b, indices[b, i]]` for every b and i: (B, X, ...) and (B, Y) give (B, Y, ...)."""
    documents = torch.arange(len(indices), device=indices.device)[:, None]
    picked: Tensor = values[documents, indices]
    return picked
