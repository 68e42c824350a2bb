"""Slow and obvious twins of the searches, a scripted model for them, and a tiny real one.

The twins search one document with Python lists, without a cache: every hypothesis is read anew from its first
token at each step, and every rule is written as a sentence would say it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from bigbird_pegasus.config import BigBirdPegasusConfig
from bigbird_pegasus.generation.config import GenerationConfig
from bigbird_pegasus.modeling.heads import BigBirdPegasusForConditionalGeneration
from torch import Tensor

NextLogits = Callable[[Sequence[int]], Tensor]
"""From the tokens so far to the logits (V,) of the next one."""

NEVER = float("-inf")
START, END = 2, 1


Limits = tuple[int, int]
"""The least and the greatest length."""


def slow_process(tokens: Sequence[int], scores: Tensor, options: GenerationConfig, limits: Limits) -> Tensor:
    """The processors for one row."""
    scores = scores.clone()
    for token in set(tokens):
        factor = options.repetition_penalty
        scores[token] = scores[token] * factor if scores[token] < 0 else scores[token] / factor
    size = options.no_repeat_ngram_size
    if size:
        seen = {tuple(tokens[i : i + size]) for i in range(len(tokens) - size + 1)}
        tail = tuple(tokens[len(tokens) - size + 1 :])
        for token in range(len(scores)):
            if (*tail, token) in seen:
                scores[token] = NEVER
    if len(tokens) < limits[0]:
        for token in options.eos_token_ids:
            scores[token] = NEVER
    forced = []
    if len(tokens) == 1 and options.forced_bos_token_id is not None:
        forced = [options.forced_bos_token_id]
    if len(tokens) == limits[1] - 1 and options.forced_eos_token_ids:
        forced = list(options.forced_eos_token_ids)
    if forced:
        scores = torch.full_like(scores, NEVER)
        scores[forced] = 0.0
    return scores


def slow_greedy(
    logits: NextLogits, prompt: Sequence[int], options: GenerationConfig, limits: Limits
) -> list[int]:
    """The most probable token each time."""
    tokens = list(prompt)
    while len(tokens) < limits[1]:
        tokens.append(int(slow_process(tokens, logits(tokens), options, limits).argmax()))
        if tokens[-1] in options.eos_token_ids:
            break
    return tokens


def slow_beam_search(
    logits: NextLogits, prompt: Sequence[int], options: GenerationConfig, limits: Limits
) -> list[tuple[list[int], float]]:
    """Beam search over lists of (tokens, score)."""
    beams = options.num_beams
    running = [(list(prompt), 0.0)]
    finished: list[tuple[list[int], float]] = []
    while True:
        candidates = []
        for tokens, total in running:
            scores = slow_process(tokens, logits(tokens).log_softmax(-1), options, limits)
            candidates += [([*tokens, token], total + score) for token, score in enumerate(scores.tolist())]
        candidates.sort(key=lambda candidate: -candidate[1])
        candidates = [candidate for candidate in candidates if candidate[1] > NEVER]

        running = []
        for rank, (tokens, total) in enumerate(candidates):
            new_tokens = len(tokens) - len(prompt)
            if tokens[-1] in options.eos_token_ids or len(tokens) == limits[1]:
                if rank < beams:
                    finished.append((tokens, total / new_tokens**options.length_penalty))
            elif len(running) < beams:
                running.append((tokens, total))
        finished = sorted(finished, key=lambda text: -text[1])[:beams]

        if not running or (options.early_stopping is True and len(finished) == beams):
            return finished[: options.num_return_sequences]
        tokens, total = running[0]
        length = len(tokens) - len(prompt)
        if options.early_stopping == "never" and options.length_penalty > 0:
            length = limits[1] - len(prompt)
        if len(finished) == beams and total / length**options.length_penalty <= finished[-1][1]:
            return finished[: options.num_return_sequences]


Script = Callable[[int, Sequence[int]], Tensor]
"""From a document's number and the tokens so far to the logits (V,) of the next one."""


@dataclass
class ScriptedCache:
    """Remembers the tokens of every row, and what was asked of it."""

    documents: Tensor  # (B,) which document each place holds
    history: Tensor | None = None  # (N, T)
    reorders: list[list[int]] = field(default_factory=list)
    kept: list[list[int]] = field(default_factory=list)

    def reorder(self, rows: Tensor) -> None:
        assert self.history is not None
        self.history = self.history[rows]
        self.reorders.append(rows.tolist())

    def keep_documents(self, indices: Tensor) -> None:
        self.documents = self.documents[indices]
        self.kept.append(indices.tolist())


@dataclass
class ScriptedModel:
    """Logits as a function of the document's number and everything that the cache remembers of the row."""

    script: Script
    rows: list[int] = field(default_factory=list)  # in each call

    def next_token_logits(self, input_ids: Tensor, cache: ScriptedCache) -> Tensor:
        cache.history = input_ids if cache.history is None else torch.cat((cache.history, input_ids), dim=1)
        self.rows.append(len(input_ids))
        each = len(input_ids) // len(cache.documents)
        assert each * len(cache.documents) == len(input_ids)
        documents = cache.documents.repeat_interleave(each).tolist()
        return torch.stack(
            [
                self.script(document, tokens)
                for document, tokens in zip(documents, cache.history.tolist(), strict=True)
            ]
        )


def random_script(
    vocabulary: int, seed: int = 0, sharpness: float = 3.0
) -> Callable[[int, Sequence[int]], Tensor]:
    """Logits (V,) that look random and are always the same after the same tokens of the same document."""

    def script(document: int, tokens: Sequence[int]) -> Tensor:
        state = seed * 7919 + document
        for token in tokens:
            state = (state * 1000003 + token + 1) % (2**61 - 1)
        return torch.randn(vocabulary, generator=torch.Generator().manual_seed(state)) * sharpness

    return script


def tiny_model(
    seed: int = 0, end_bias: float = 6.0, **changes: Any
) -> BigBirdPegasusForConditionalGeneration:
    """Random weights, sharp enough that ties do not decide."""
    sizes: dict[str, Any] = {
        "vocab_size": 61,
        "d_model": 24,
        "encoder_layers": 2,
        "decoder_layers": 2,
        "encoder_ffn_dim": 32,
    }
    sizes |= {
        "decoder_ffn_dim": 32,
        "encoder_attention_heads": 4,
        "decoder_attention_heads": 4,
        "block_size": 4,
    }
    sizes |= {"num_random_blocks": 1, "max_position_embeddings": 96, "init_std": 0.35}
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = BigBirdPegasusForConditionalGeneration(BigBirdPegasusConfig(**(sizes | changes))).eval()
        model.final_logits_bias.normal_(std=2.0)
        model.final_logits_bias[0, END] += end_bias
    return model


def documents(lengths: Sequence[int], seed: int = 0, vocabulary: int = 61) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(4, vocabulary, (len(lengths), max(lengths)), generator=generator)
    mask = (torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]).long()
    return ids * mask, mask


def options(**values: Any) -> GenerationConfig:
    return GenerationConfig(**({"eos_token_id": END, "pad_token_id": 0} | values))
