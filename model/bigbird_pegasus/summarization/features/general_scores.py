"""Scores and lengths of an encoder together with those of a scorer that knows hardly any words.

Dimensions: L sentences of a document.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bigbird_pegasus.modeling.general_scorer import GeneralScorer
from bigbird_pegasus.summarization.features.document_features import DocumentFeatures
from bigbird_pegasus.summarization.features.sentence_features import Doubles
from bigbird_pegasus.summarization.features.word_importance import WordCoverage, weighted_chances

# Chosen on documents that the encoder has not seen, of kinds that it knows and of kinds that it does not;
# between them the figures hardly change.
UNFAMILIAR_COSINE, FAMILIAR_COSINE = 0.05, 0.13
UNFAMILIAR_WEIGHT, FAMILIAR_WEIGHT = 1.2, 0.8  # of the forest's scores, in deviations of the encoder's
UNFAMILIAR_COVERAGE, FAMILIAR_COVERAGE = 1.0, 0.2  # what covered words count, in these deviations
USUAL_SUMMARY_WORDS = 100  # half of the estimate is this, where a kind of text is unknown
LENGTH_FACTOR = 1.25  # of the estimates: what is missing costs more F1 than what is too much
MIN_SCORED_SENTENCES = 4  # of fewer, an order within the document says nothing; …
MANY_SENTENCES = 24  # … of so many, as much as it ever does: the forest learned from long documents


@dataclass(frozen=True)
class GeneralScores:
    """Scores of a document's sentences (L,), the logarithm of how many words a summary would have, and
    what a sentence adds by the words that it covers; None where the general scorer has no say.
    """

    scores: Doubles
    log_length: float
    coverage: WordCoverage | None = None


def with_general_scorer(
    scorer: GeneralScorer,
    scores: Doubles,
    log_length: float,
    document: DocumentFeatures,
    allowed: Sequence[bool],
    deducted: Doubles,
    words: Sequence[int],
) -> GeneralScores:
    """Add what the forests find to an encoder's scores (L,) and length, the more the less familiar a text is.

    The forest's values are brought to the mean and deviation of the encoder's scores over the sentences that
    are allowed: where those are all alike, the scores stay as they are. `deducted` (L,) is taken off, in
    these deviations. `words` (L,) counts the sentences'.
    """
    may = np.array(allowed, bool)
    if may.sum() < MIN_SCORED_SENTENCES:
        return GeneralScores(scores, log_length)
    known = familiarity(scorer, document)
    values = scorer.sentences.predict(document.values)
    deviation = float(values[may].std())
    standard = (values - values[may].mean()) / deviation if deviation > 0 else np.zeros(len(values))
    many = min(1.0, float(may.sum()) / MANY_SENTENCES)
    weight = many * (known * FAMILIAR_WEIGHT + (1 - known) * UNFAMILIAR_WEIGHT)
    coverage_weight = many * (known * FAMILIAR_COVERAGE + (1 - known) * UNFAMILIAR_COVERAGE)
    unit = float(scores[may].std())
    first = int(may.argmax())
    estimate = float(scorer.length.predict(document.values[first : first + 1])[0])
    cautious = (estimate + math.log(USUAL_SUMMARY_WORDS)) / 2
    return GeneralScores(
        scores + unit * (weight * standard - deducted),
        known * log_length + (1 - known) * cautious + math.log(LENGTH_FACTOR),
        WordCoverage(
            document.grams,
            weighted_chances(document.grams, scorer.words.predict(document.grams.features)),
            np.array(words, np.float64),
            may,
            unit * coverage_weight,
        ),
    )


def familiarity(scorer: GeneralScorer, document: DocumentFeatures) -> float:
    """Return how much a document resembles what the encoder was trained on: from 0 to 1 as its like do."""
    vector = document.word_vector(scorer.rarity, len(scorer.mean_kind)) - scorer.mean_kind
    norm = float(np.sqrt(vector @ vector))
    closest = float((scorer.kinds.astype(np.float64) @ vector).max()) / max(norm, 1e-9)
    return min(1.0, max(0.0, (closest - UNFAMILIAR_COSINE) / (FAMILIAR_COSINE - UNFAMILIAR_COSINE)))
