"""The model that chooses sentences: the encoder with a head that scores each sentence of a document.

Dimensions: B windows, T tokens, L sentences, D model width.

A sentence's score estimates its value, ROUGE-1 F1 + ROUGE-2 F1 against the summary its author would write,
on an absolute scale: scores of different windows of a document can be compared. The way from words to score
is short (states of a sentence's tokens, their weighted mean, two layers in which sentences see each other, a
small perceptron), as BERTSUM has it (Liu and Lapata, "Text Summarization with Pretrained Encoders", 2019,
section 3.2), because pointing or marking through a decoder did not learn from 9,000 documents.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bigbird_pegasus.attention import RandomAttention, full_attention
from bigbird_pegasus.config import BigBirdPegasusConfig
from bigbird_pegasus.layers import EncoderLayer
from bigbird_pegasus.model import Encoder
from bigbird_pegasus.outputs import ModelOutput
from bigbird_pegasus.prose import count_words
from bigbird_pegasus.tokenizer import PegasusTokenizer
from bigbird_pegasus.weights import PretrainedModule

SENTENCE_LAYERS = 2
POSITION_BUCKETS = 24
RELATIVE_BUCKETS = 20
LENGTH_BUCKETS = 16
TEMPERATURE = 0.15  # of the distribution over a window's sentences that the loss compares
SCALE_WEIGHT = 2.0  # of the squared error, which keeps the scores on the values' own scale

# How sentences are chosen: found by trying on a slice of the training documents, never on `val`.
MAX_SHARED_WORDS = 0.6  # of a sentence's words with one already chosen
LEAST_OF_BEST = 0.6  # a sentence worth less than this part of the best one is left out
LENGTH_POWER = 0.3  # by which the words of a sentence count against it: they use up the budget
USUAL_WORDS = 100  # of a summary; when more are asked for, sentences of less worth are let in
SHORTEST_COUNTED = 6  # words; shorter sentences gain nothing by being shorter


@dataclass(frozen=True)
class SentenceScores(ModelOutput):
    """Scores (B, L) float32, -inf where a window has no such sentence; the loss where values were given."""

    scores: Tensor
    loss: Tensor | None = None


class BigBirdPegasusForSentenceExtraction(PretrainedModule):
    """The encoder and a head that estimates what each sentence is worth in a summary."""

    head: ClassVar[tuple[str, ...]] = ("sentence_head.",)

    def __init__(self, config: BigBirdPegasusConfig, random_attention: RandomAttention = "seeded") -> None:
        super().__init__(config)
        self.encoder = Encoder(config, random_attention)
        self.sentence_head = SentenceHead(config)
        self.initialize()

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        sentence_index: Tensor,
        sentence_position: Tensor,
        document_sentences: Tensor,
        values: Tensor | None = None,
    ) -> SentenceScores:
        """Score the sentences of windows.

        Args:
            input_ids: (B, T).
            attention_mask: (B, T), 0 at padding.
            sentence_index: int64 (B, T), which of the window's sentences a token belongs to; -1 for none.
            sentence_position: int64 (B, L), the number of each sentence in its whole document.
            document_sentences: int64 (B,), how many sentences the whole document has.
            values: float (B, L), what each sentence is worth (0 to 2); asks for the loss.
        """
        states = self.encoder(input_ids, attention_mask).last_hidden_state
        sentence_index = sentence_index.masked_fill(attention_mask == 0, -1)
        scores = self.sentence_head(states, sentence_index, sentence_position, document_sentences)
        return SentenceScores(scores, None if values is None else extraction_loss(scores, values))


class SentenceHead(nn.Module):
    """From token states (B, T, D) to one score for each sentence (B, L)."""

    def __init__(self, config: BigBirdPegasusConfig) -> None:
        super().__init__()
        width = config.d_model
        self.token_weight = nn.Linear(width, 1)
        self.position = nn.Embedding(POSITION_BUCKETS, width)
        self.relative_position = nn.Embedding(RELATIVE_BUCKETS, width)
        self.length = nn.Embedding(LENGTH_BUCKETS, width)
        self.document = nn.Linear(width, width)
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(SENTENCE_LAYERS))
        self.norm = nn.LayerNorm(width)
        self.inner = nn.Linear(3 * width, width)
        self.score = nn.Linear(width, 1)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self, states: Tensor, sentence_index: Tensor, sentence_position: Tensor, document_sentences: Tensor
    ) -> Tensor:
        """Score sentences; see `BigBirdPegasusForSentenceExtraction.forward`."""
        count = sentence_position.shape[1]
        sentences, lengths = self._sentence_vectors(states, sentence_index, count)
        real = lengths > 0  # (B, L)
        document = (sentences * real.unsqueeze(-1)).sum(1) / real.sum(1, keepdim=True).clamp(min=1)  # (B, D)
        document = self.document(document).unsqueeze(1)

        total = document_sentences.clamp(min=1).unsqueeze(1)
        relative = (sentence_position * RELATIVE_BUCKETS // total).clamp(0, RELATIVE_BUCKETS - 1)
        x = (
            sentences
            + self.position(log_bucket(sentence_position, POSITION_BUCKETS))
            + self.relative_position(relative)
            + self.length(log_bucket(lengths, LENGTH_BUCKETS))
        )
        x = self.dropout(x)
        attend = partial(full_attention, mask=real[:, None, None, :] | ~real.any(1)[:, None, None, None])
        for layer in self.layers:
            x = layer(x, attend)
        features = torch.cat([self.norm(x), sentences, sentences * document], dim=-1)
        scores: Tensor = self.score(self.dropout(F.gelu(self.inner(features)))).squeeze(-1)
        return scores.float().masked_fill(~real, float("-inf"))

    def _sentence_vectors(self, states: Tensor, sentence_index: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Weighted means of the states of each sentence's tokens (B, L, D), and its tokens (B, L)."""
        batch, _, width = states.shape
        weights = torch.sigmoid(self.token_weight(states).float())  # (B, T, 1)
        rows = torch.arange(batch, device=states.device).unsqueeze(1) * (count + 1)
        # Tokens of no sentence are gathered in one more row, which is cut off.
        flat = (rows + torch.where(sentence_index < 0, count, sentence_index)).flatten()
        extended = torch.cat([states.float() * weights, weights, torch.ones_like(weights)], dim=-1)
        sums = extended.new_zeros(batch * (count + 1), width + 2)
        sums = sums.index_add(0, flat, extended.flatten(0, 1)).view(batch, count + 1, width + 2)[:, :-1]
        means = sums[..., :width] / sums[..., width : width + 1].clamp(min=1e-6)  # summed in float32
        return means.to(self.document.weight.dtype), sums[..., -1].long()


def log_bucket(numbers: Tensor, buckets: int) -> Tensor:
    """0 … 7 for themselves, then three buckets for each doubling, up to `buckets - 1`."""
    large = 8 + (torch.log2(numbers.clamp(min=8).float() / 8) * 3).long()
    return torch.where(numbers < 8, numbers, large).clamp(0, buckets - 1)


def extraction_loss(scores: Tensor, values: Tensor) -> Tensor:
    """KL divergence between what sentences are worth and their scores, plus the squared error.

    Args:
        scores: (B, L), -inf where there is no sentence.
        values: (B, L).
    """
    real = scores.isfinite()
    scores = scores.masked_fill(~real, -1e4)
    wanted = (values.masked_fill(~real, -1e4) / TEMPERATURE).softmax(-1)
    divergence = F.kl_div((scores / TEMPERATURE).log_softmax(-1), wanted, reduction="none").sum(-1)
    error = ((scores - values) * real).square().sum() / real.sum().clamp(min=1)
    return divergence.mean() + SCALE_WEIGHT * error


# --- from sentences to tokens -------------------------------------------------------------------------


def encode_sentences(
    tokenizer: PegasusTokenizer, sentences: Sequence[str], starts_paragraph: Sequence[bool]
) -> list[list[int]]:
    """Token ids of each sentence, white space collapsed, `<n>` before those that start a paragraph.

    Sentences are encoded one by one, so a document wrapped at 72 columns reads like one that is not, and
    what a sentence's tokens are does not depend on the window it falls into.
    """
    if not sentences:
        return []
    newline = [tokenizer.convert_tokens_to_ids(tokenizer.newline_token)] if tokenizer.newline_token else []
    encoded = tokenizer([" ".join(s.split()) for s in sentences], add_special_tokens=False)["input_ids"]
    return [
        [*newline, *ids] if starts else list(ids)
        for ids, starts in zip(encoded, starts_paragraph, strict=True)
    ]


# --- from scores to a summary -------------------------------------------------------------------------


def choose_sentences(sentences: Sequence[str], scores: Sequence[float], max_words: int) -> list[int]:
    """Choose the best sentences of at most `max_words` words together, in document order.

    They are taken by score, longer ones a little later than their score says. Left out is what shares more
    than 60 % of its words with a sentence already chosen, what no longer fits (a shorter one may), and what
    is worth less than 60 % of the best one: a summary says little and then stops. That last bound sinks in
    proportion when more than 100 words are asked for. When nothing fits at all, the best sentence is chosen
    whatever its length: a summary is never empty unless the document is.

    Args:
        sentences: their texts.
        scores: one for each.
        max_words: words as `prose.count_words` counts them.

    Raises:
        ValueError: not as many scores as sentences, or `max_words` below 1.
    """
    if len(sentences) != len(scores):
        raise ValueError(f"{len(sentences)} sentences have {len(scores)} scores")
    if max_words < 1:
        raise ValueError(f"max_words is {max_words}: it must be at least 1")
    lengths = [count_words(sentence) for sentence in sentences]

    def rank(number: int) -> tuple[float, int]:
        return -scores[number] / max(SHORTEST_COUNTED, lengths[number]) ** LENGTH_POWER, number

    order = sorted((n for n, length in enumerate(lengths) if length), key=rank)
    least = least_share_of_best(max_words)
    chosen: list[int] = []
    chosen_words: list[Counter[str]] = []
    left = max_words
    for number in order:
        if lengths[number] > left or (chosen and scores[number] < least * scores[chosen[0]]):
            continue
        words = _words(sentences[number])
        if any(_share(words, other) > MAX_SHARED_WORDS for other in chosen_words):
            continue
        chosen.append(number)
        chosen_words.append(words)
        left -= lengths[number]
    return sorted(chosen or order[:1])


def least_share_of_best(max_words: int) -> float:
    """What part of the best sentence's score another one must have to be chosen too."""
    return LEAST_OF_BEST * min(1.0, USUAL_WORDS / max_words)


def _words(sentence: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", sentence.lower()))


def _share(words: Counter[str], other: Counter[str]) -> float:
    """Which part of the words stands in `other` too."""
    return (words & other).total() / max(1, words.total())
