"""Greedy search and sampling, and what they share with beam search.

The searches know a model only by `StepModel` and its cache by `SearchCache`, so that a scripted model tests
them.

Dimensions: B documents, N decoder rows (documents x rows of each), T tokens so far (prompt included), V
vocabulary.
"""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from bigbird_pegasus.generation.config import GenerationConfig
from bigbird_pegasus.generation.logits_processors import BANNED, Processor, process
from bigbird_pegasus.generation.protocols import (
    FREE,
    CacheT,
    GenerationStep,
    Hypothesis,
    SearchControls,
    StepCallback,
    StepModel,
)


def sample(
    model: StepModel[CacheT],
    cache: CacheT,
    prompt: Tensor,
    options: GenerationConfig,
    processors: Sequence[Processor],
    max_length: int,
    on_step: StepCallback | None = None,
    controls: SearchControls = FREE,
) -> list[list[Hypothesis]]:
    """Write texts token by token: the most probable token each time, or with `do_sample` a drawn one.

    `prompt` is (B, T); `cache` knows the B documents and no row yet. Returns `num_return_sequences` texts for
    each document. A text ends with an end token, at `max_length`, or where every token is banned.
    """
    copies = options.num_return_sequences
    pad = padding_id(options)
    eos = torch.tensor(options.eos_token_ids, dtype=torch.long, device=prompt.device)
    streams = random_streams(options.seed, prompt.shape[0], copies) if options.do_sample else []
    found: dict[int, list[Hypothesis]] = {}
    documents = list(range(prompt.shape[0]))
    tokens = prompt.repeat_interleave(copies, dim=0)  # (N, T)
    ended = torch.zeros_like(tokens[:, 0], dtype=torch.bool)  # (N,)
    new = tokens[:, controls.read :]
    while True:
        # Documents that are done are here only with `keep_all`: then it takes a look.
        alive = _alive(ended, copies) if controls.keep_all else list(range(len(documents)))
        scores = process(processors, tokens, model.next_token_logits(new, cache))  # (N, V)
        chosen = draw(scores, streams) if options.do_sample else scores.argmax(dim=-1)
        ended |= scores.amax(dim=-1) == BANNED
        tokens = torch.cat((tokens, torch.where(ended, pad, chosen)[:, None]), dim=1)
        ended |= torch.isin(chosen, eos)
        ended |= tokens.shape[1] == max_length
        if controls.stops is not None:
            ended |= controls.stops(tokens)
        if on_step is not None and alive:
            best, numbers = tokens[::copies][alive], [documents[row] for row in alive]
            on_step(step_record(best, numbers, prompt.shape[1], max_length))
        running = ~ended.view(-1, copies).all(dim=1)  # (B,)
        if controls.keep_all and bool(running.any()):
            running[:] = True
        runs = running.tolist()  # read once: each look at a tensor on a GPU waits for it
        for row, document in enumerate(documents):
            if not runs[row]:
                group = tokens[row * copies : (row + 1) * copies]
                found[document] = [Hypothesis(tuple(text)) for text in group.tolist()]
        if not any(runs):
            return [found[document] for document in sorted(found)]
        if not all(runs):
            kept = running.nonzero().flatten()
            rows = rows_of(kept, copies)
            cache.reorder(rows)
            cache.keep_documents(kept)
            tokens, ended = tokens[rows], ended[rows]
            documents = [documents[row] for row in kept.tolist()]
            streams = [streams[row] for row in rows.tolist()] if streams else []
        new = tokens[:, -1:]


def _alive(ended: Tensor, copies: int) -> list[int]:
    """Return which documents have a row that goes on."""
    return (~ended.view(-1, copies).all(dim=1)).nonzero().flatten().tolist()


def draw(scores: Tensor, streams: Iterable[torch.Generator]) -> Tensor:
    """Draw a token id (N,) from softmax(scores (N, V)) for each row, with one number of the row's own stream.

    Banned tokens (-inf) are never drawn, unless they all are. Works in float64 on the CPU, so that a seed
    gives one text on every device.
    """
    cumulative = scores.to("cpu", torch.float64).softmax(dim=-1).cumsum(dim=-1)
    point = torch.stack([torch.rand(1, generator=stream, dtype=torch.float64) for stream in streams])
    drawn = torch.searchsorted(cumulative, point * cumulative[:, -1:], right=True).squeeze(1)
    return drawn.clamp(max=scores.shape[1] - 1).to(scores.device)


def random_streams(seed: int | None, documents: int, copies: int = 1) -> list[torch.Generator]:
    """Return a random stream for each row.

    With a seed, each document has the same streams, one a copy: its texts do not depend on the others of its
    batch. Without, every row has a stream of its own. The global random state is neither read nor changed.
    """
    streams = [torch.Generator() for _ in range(documents * copies)]
    for row, stream in enumerate(streams):
        if seed is None:
            stream.seed()
        else:
            stream.manual_seed((seed + row % copies * 0x9E3779B97F4A7C15) % 2**64)
    return streams


def rows_of(documents: Tensor, rows_each: int) -> Tensor:
    """Return the indices of all rows of the documents, in order."""
    return (documents[:, None] * rows_each + torch.arange(rows_each, device=documents.device)).flatten()


def step_record(
    best: Tensor, documents: Sequence[int], prompt_length: int, max_length: int
) -> GenerationStep:
    """Return the record for the callback.

    `best` (B, T) is the best text of each document so far, prompt included.
    """
    new = best[:, prompt_length:]
    return GenerationStep(
        step=new.shape[1],
        last_step=max_length - prompt_length,
        documents=tuple(documents),
        tokens=tuple(tuple(text) for text in new.tolist()),
    )


def padding_id(options: GenerationConfig) -> int:
    """Return the id that fills rows after the end of their text.

    Without an end token all rows end at the same length, and it never shows.
    """
    if options.pad_token_id is not None:
        return options.pad_token_id
    return options.eos_token_ids[0] if options.eos_token_ids else 0
