"""The extractive model: the encoder with a head that scores each sentence of a document.

Dimensions: B documents (or windows of them), T tokens, L sentences, D model width, S head width.

A sentence's score estimates its value, ROUGE-1 F1 + ROUGE-2 F1 against the summary its author would write,
on an absolute scale: scores of different windows of a document can be compared. The head has two parts. The
*sentence encoder* makes a vector of each sentence of a window from its tokens' states, as in BERTSUM (Liu and
Lapata, "Text Summarization with Pretrained Encoders", 2019, section 3.2). The *scorer* sees a document's
sentences together: these vectors, hashed words and pairs of words, as in fastText (Joulin et al., 2017), and
what `sentence_features` counts. The selection network serves `summarization.choosing.sentence_selection`.
"""

from functools import partial
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bigbird_pegasus.config import BigBirdPegasusConfig, RandomAttention
from bigbird_pegasus.model_output import ModelOutput
from bigbird_pegasus.modeling.attention import full_attention
from bigbird_pegasus.modeling.encoder import Encoder
from bigbird_pegasus.modeling.general_scorer import GeneralScorer, read_general_scorer
from bigbird_pegasus.modeling.layers import EncoderLayer
from bigbird_pegasus.modeling.pretrained import BigBirdPegasusPreTrainedModel
from bigbird_pegasus.modeling.sentence_columns import (
    DEFAULT_LOG_LENGTH,
    DENSE_COLUMNS,
    GAIN_SCALE,
    GRAM_BUCKETS,
    GRAM_WIDTH,
    HEADING_BUCKETS,
    HEADING_WIDTH,
    LENGTH_BUCKETS,
    POSITION_BUCKETS,
    REFERENCE_SENTENCES,
    RELATIVE_BUCKETS,
    SCORER_WIDTH,
    SELECTOR_COLUMNS,
    SELECTOR_WIDTH,
    SENTENCE_LAYERS,
)
from bigbird_pegasus.modeling.token_embeddings import TokenEmbedding

TEMPERATURE = 0.15  # of the distribution over a window's sentences that the loss compares
SCALE_WEIGHT = 2.0  # of the squared error, which keeps the scores on the values' own scale
LENGTH_WEIGHT = 0.3  # of the error of the summary's length


class SentenceScores(ModelOutput):
    """Scores (B, L) float32, -inf where a document has no such sentence; the logarithm of how many words a
    summary would have (B,); the loss where values were given.
    """

    scores: Tensor
    length: Tensor
    loss: Tensor | None = None


class BigBirdPegasusForSentenceExtraction(BigBirdPegasusPreTrainedModel):
    """The encoder and a head that estimates what each sentence is worth in a summary."""

    head: ClassVar[tuple[str, ...]] = ("sentence_head.",)
    general_scorer: GeneralScorer | None = None  # no part of the weights: it is neither trained nor saved

    def __init__(self, config: BigBirdPegasusConfig, random_attention: RandomAttention = "seeded") -> None:
        super().__init__(config)
        self.shared = TokenEmbedding(config)
        self.encoder = Encoder(config, random_attention, self.shared)
        self.sentence_head = SentenceHead(config)
        self.initialize()

    def read_beside(self, folder: Path) -> None:
        """Read the general scorer, if the folder has one.

        Raises:
            CheckpointError: its file is corrupt.
        """
        self.general_scorer = read_general_scorer(folder)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        sentence_index: Tensor,
        sentence_position: Tensor,
        document_sentences: Tensor,
        features: Tensor,
        grams: Tensor,
        gram_counts: Tensor,
        headings: Tensor,
        heading_counts: Tensor,
        values: Tensor | None = None,
        summary_words: Tensor | None = None,
    ) -> SentenceScores:
        """Score the sentences of windows, each taken for a document of its own.

        Args:
            input_ids: (B, T).
            attention_mask: (B, T), 0 at padding.
            sentence_index: int64 (B, T), which of the window's sentences a token belongs to; -1 for none.
            sentence_position: int64 (B, L), the number of each sentence in its whole document.
            document_sentences: int64 (B,), how many sentences the whole document has.
            features: float (B, L, DENSE_COLUMNS), see `SentenceFeatures.dense`.
            grams: int64, the hashes of all sentences, one after the other.
            gram_counts: int64 (B, L), how many of them each sentence has; 0 at padding.
            headings, heading_counts: the same of the words of the headings that they stand under.
            values: float (B, L), what each sentence is worth (0 to 2); asks for the loss.
            summary_words: int64 (B,), how many words the summary has.
        """
        vectors = self.sentence_vectors(
            input_ids, attention_mask, sentence_index, sentence_position, document_sentences
        )
        found = self.score(vectors, features, grams, gram_counts, headings, heading_counts)
        if values is None:
            return found
        loss = extraction_loss(found.scores, values)
        if summary_words is not None:
            loss = loss + LENGTH_WEIGHT * F.smooth_l1_loss(found.length, summary_words.clamp(min=1).log())
        return SentenceScores(found.scores, found.length, loss)

    def sentence_vectors(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        sentence_index: Tensor,
        sentence_position: Tensor,
        document_sentences: Tensor,
    ) -> Tensor:
        """Return a vector for each sentence of windows (B, L, D), NaN where there is none; see `forward`."""
        states = self.encoder(input_ids, attention_mask, return_dict=True).last_hidden_state
        sentence_index = sentence_index.masked_fill(attention_mask == 0, -1)
        vectors: Tensor = self.sentence_head.reader(
            states, sentence_index, sentence_position, document_sentences
        )
        return vectors

    def score(
        self,
        vectors: Tensor,
        features: Tensor,
        grams: Tensor,
        gram_counts: Tensor,
        headings: Tensor,
        heading_counts: Tensor,
    ) -> SentenceScores:
        """Score a document's sentences by their vectors, of all its windows; see `forward`."""
        scores, length = self.sentence_head.scorer(
            vectors, features, grams, gram_counts, headings, heading_counts
        )
        return SentenceScores(scores, length)


class SentenceHead(nn.Module):
    """Sentence encoder, scorer and selection network; the attributes are names of stored tensors."""

    def __init__(self, config: BigBirdPegasusConfig) -> None:
        super().__init__()
        self.reader = SentenceEncoder(config)
        self.scorer = SentenceScorer(config)
        self.chooser = SelectionNetwork()


class SentenceEncoder(nn.Module):
    """Token states (B, T, D) of windows → one vector for each sentence (B, L, D)."""

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
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self, states: Tensor, sentence_index: Tensor, sentence_position: Tensor, document_sentences: Tensor
    ) -> Tensor:
        """Encode sentences; see `BigBirdPegasusForSentenceExtraction.sentence_vectors`."""
        count = sentence_position.shape[1]
        sentences, lengths = self._means(states, sentence_index, count)
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
        return F.gelu(self.inner(features)).masked_fill(~real.unsqueeze(-1), float("nan"))

    def _means(self, states: Tensor, sentence_index: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Return weighted means of the states of each sentence's tokens (B, L, D), and its tokens (B, L)."""
        batch, _, width = states.shape
        weights = torch.sigmoid(self.token_weight(states).float())  # (B, T, 1)
        rows = torch.arange(batch, device=states.device).unsqueeze(1) * (count + 1)
        # Tokens of no sentence are gathered in one more row, which is cut off.
        flat = (rows + torch.where(sentence_index < 0, count, sentence_index)).flatten()
        extended = torch.cat([states.float() * weights, weights, torch.ones_like(weights)], dim=-1)
        sums = extended.new_zeros(batch * (count + 1), width + 2)
        sums = sums.index_add(0, flat, extended.flatten(0, 1)).view(batch, count + 1, width + 2)[:, :-1]
        means = sums[..., :width] / sums[..., width : width + 1].clamp(min=1e-6)  # summed in float32
        return means.to(self.norm.weight.dtype), sums[..., -1].long()


class SentenceScorer(nn.Module):
    """A document's sentence vectors and features → scores (B, L), logarithm of a summary's words (B,)."""

    def __init__(self, config: BigBirdPegasusConfig) -> None:
        super().__init__()
        width = SCORER_WIDTH
        self.grams = nn.Embedding(GRAM_BUCKETS, GRAM_WIDTH + 1)  # the first column is added to the score
        self.headings = nn.Embedding(HEADING_BUCKETS, HEADING_WIDTH)
        self.first = ExactLinear(GRAM_WIDTH + HEADING_WIDTH + len(DENSE_COLUMNS) + config.d_model, width)
        self.near = ExactLinear(3 * width, width)
        self.document = ExactLinear(2 * width, width)
        self.inner = ExactLinear(2 * width + GRAM_WIDTH, width)
        self.score = ExactLinear(width, 1)
        self.length = ExactLinear(width, 1)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self,
        vectors: Tensor,
        features: Tensor,
        grams: Tensor,
        gram_counts: Tensor,
        headings: Tensor,
        heading_counts: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Score sentences; see `BigBirdPegasusForSentenceExtraction.score`."""
        real = ~vectors[..., 0].isnan()  # (B, L)
        words = _bags(self.grams.weight, grams, gram_counts)
        bias, words = words[..., 0], words[..., 1:]
        above = _bags(self.headings.weight, headings, heading_counts)
        x = torch.cat([words, above, features.float(), vectors.float()], dim=-1)
        x = x.masked_fill(~real.unsqueeze(-1), 0.0)
        x = F.gelu(self.first(self.dropout(x))).masked_fill(~real.unsqueeze(-1), 0.0)  # (B, L, S)

        # The beginning shows what kind of document it is.
        opening, there = x[:, :REFERENCE_SENTENCES], real[:, :REFERENCE_SENTENCES].unsqueeze(-1)
        mean = opening.sum(1) / there.sum(1).clamp(min=1)
        most = opening.masked_fill(~there, -9.0).amax(1)
        document = F.gelu(self.document(torch.cat([mean, most], dim=-1)))  # (B, S)
        before, after = F.pad(x, (0, 0, 1, 0))[:, :-1], F.pad(x, (0, 0, 0, 1))[:, 1:]
        near = F.gelu(self.near(torch.cat([before, x, after], dim=-1)))
        inner = torch.cat([x, near * (1 + document.unsqueeze(1)), words], dim=-1)
        scores: Tensor = self.score(self.dropout(F.gelu(self.inner(inner)))).squeeze(-1) + bias
        length: Tensor = self.length(document).squeeze(-1) + DEFAULT_LOG_LENGTH
        return scores.masked_fill(~real, float("-inf")), length


def _bags(table: Tensor, flat: Tensor, counts: Tensor) -> Tensor:
    """Return sums of the table's rows for each bag of hashes, over the root of their number (B, L, width)."""
    ends = counts.flatten().cumsum(0)
    sums = F.embedding_bag(flat % len(table), table.float(), ends - counts.flatten(), mode="sum")
    return sums.view(*counts.shape, -1) / counts.clamp(min=1).sqrt().unsqueeze(-1)


def log_bucket(numbers: Tensor, buckets: int) -> Tensor:
    """Return the bucket of each number: 0 … 7 have their own, then three share a doubling."""
    large = 8 + (torch.log2(numbers.clamp(min=8).float() / 8) * 3).long()
    return torch.where(numbers < 8, numbers, large).clamp(0, buckets - 1)


def extraction_loss(scores: Tensor, values: Tensor) -> Tensor:
    """Return the KL divergence between the sentences' values and their scores, plus the squared error.

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


class ExactLinear(nn.Module):
    """A linear map in float32, whatever type its weights are kept in: what comes out is compared."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        self.bias = nn.Parameter(torch.zeros(outputs))
        if not self.weight.is_meta:
            nn.init.normal_(self.weight, std=inputs**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Map (…, inputs) to float32 (…, outputs)."""
        return F.linear(x.float(), self.weight.float(), self.bias.float())


class SelectionNetwork(nn.Module):
    """Features of a state and its candidates (..., SELECTOR_COLUMNS) → gain that each would bring (...)."""

    def __init__(self) -> None:
        super().__init__()
        self.first = ExactLinear(len(SELECTOR_COLUMNS), SELECTOR_WIDTH)
        self.second = ExactLinear(SELECTOR_WIDTH, SELECTOR_WIDTH)
        self.gain = ExactLinear(SELECTOR_WIDTH, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Estimate gains; nothing here is trained together with the scores."""
        gains: Tensor = self.gain(F.gelu(self.second(F.gelu(self.first(features)))))
        return gains.squeeze(-1) * GAIN_SCALE
