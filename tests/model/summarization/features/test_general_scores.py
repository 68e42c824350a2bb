"""Scores of the encoder and of the forests together."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from bigbird_pegasus.modeling.decision_forest import Forest
from bigbird_pegasus.modeling.general_scorer import GeneralScorer
from bigbird_pegasus.summarization.features.document_features import (
    RARITY_BUCKETS,
    column_names,
    columns_digest,
    document_features,
)
from bigbird_pegasus.summarization.features.general_scores import (
    FAMILIAR_COVERAGE,
    FAMILIAR_WEIGHT,
    LENGTH_FACTOR,
    MANY_SENTENCES,
    UNFAMILIAR_COVERAGE,
    UNFAMILIAR_WEIGHT,
    familiarity,
    with_general_scorer,
)
from bigbird_pegasus.summarization.features.sentence_features import sentence_features
from bigbird_pegasus.summarization.features.word_importance import GRAM_COLUMNS

TEXTS = [f"Sentence number {name} tells about the harbour." for name in ("one", "two", "three", "four")]
TEXTS.append("It is long and says nothing at all about it.")
STARTS = [True] * 5
ALLOWED = [True, True, True, True, False]
SCORES = np.array([0.1, 0.2, 0.3, 0.6, 0.9])
WORDS = [len(text.split()) for text in TEXTS]
BUCKETS = 64


def stump(
    column: str, threshold: float, low: float, high: float, names: Sequence[str] | None = None
) -> Forest:
    """Return a forest of one tree of one question, about a sentence or what else has columns."""
    where = (names or column_names()).index(column)
    return Forest(
        np.zeros(1, np.int32),
        np.array([where, 0, 0], np.int16),
        np.array([threshold, 0, 0], np.float32),
        np.array([[1, 2], [1, 1], [2, 2]], np.int32),
        np.array([0, low, high], np.float32),
    ).checked()


def scorer(kind: np.ndarray) -> GeneralScorer:
    """Return one that likes the first two sentences, expects 20 words, and all words that stand once."""
    rarity = np.ones(RARITY_BUCKETS, np.float16)
    length = stump("document_sentences", 100, math.log(20), math.log(500))
    place = stump("position", 1.5, 3.0, 1.0)
    mean = np.zeros(BUCKETS, np.float16)
    once = stump("gram_count", 1.5, 9.0, -9.0, GRAM_COLUMNS)
    return GeneralScorer(place, length, once, rarity, mean, kind.astype(np.float16), columns_digest())


DOCUMENT = document_features(
    TEXTS, STARTS, ALLOWED, sentence_features(TEXTS, STARTS).words, np.ones(RARITY_BUCKETS, np.float16)
)
ITS_KIND = DOCUMENT.word_vector(np.ones(RARITY_BUCKETS, np.float16), BUCKETS)[None]
OTHER_KIND = np.where(ITS_KIND > 0, 0.0, 1.0) / math.sqrt((ITS_KIND == 0).sum())


def test_familiarity_is_that_of_the_closest_kind() -> None:
    assert familiarity(scorer(OTHER_KIND), DOCUMENT) == 0
    assert familiarity(scorer(ITS_KIND), DOCUMENT) == 1
    assert familiarity(scorer(np.concatenate([OTHER_KIND, ITS_KIND])), DOCUMENT) == 1
    slightly = 0.09 * ITS_KIND + math.sqrt(1 - 0.09**2) * OTHER_KIND
    assert abs(familiarity(scorer(slightly), DOCUMENT) - 0.5) < 0.01


def test_the_forest_counts_more_where_a_text_is_unfamiliar() -> None:
    deviation = SCORES[:4].std()
    for kind, weight in ((OTHER_KIND, UNFAMILIAR_WEIGHT), (ITS_KIND, FAMILIAR_WEIGHT)):
        found = with_general_scorer(scorer(kind), SCORES, 5.0, DOCUMENT, ALLOWED, np.zeros(5), WORDS)
        # Over the four sentences that are allowed 3, 3, 1, 1 are standard scores 1, 1, -1, -1.
        few = 4 / MANY_SENTENCES
        expected = SCORES + few * weight * deviation * np.array([1, 1, -1, -1, -1])
        np.testing.assert_allclose(found.scores, expected, atol=1e-9)


def test_the_length_is_cautious_where_a_text_is_unfamiliar() -> None:
    found = with_general_scorer(scorer(ITS_KIND), SCORES, 5.0, DOCUMENT, ALLOWED, np.zeros(5), WORDS)
    np.testing.assert_allclose(found.log_length, 5.0 + math.log(LENGTH_FACTOR))
    found = with_general_scorer(scorer(OTHER_KIND), SCORES, 5.0, DOCUMENT, ALLOWED, np.zeros(5), WORDS)
    cautious = (math.log(20) + math.log(100)) / 2 + math.log(LENGTH_FACTOR)
    np.testing.assert_allclose(found.log_length, cautious, atol=1e-6)


def test_deductions_are_in_deviations_of_the_scores() -> None:
    deducted = np.array([0, 0, 2, 0, 0.0])
    plain = with_general_scorer(scorer(ITS_KIND), SCORES, 5.0, DOCUMENT, ALLOWED, np.zeros(5), WORDS)
    found = with_general_scorer(scorer(ITS_KIND), SCORES, 5.0, DOCUMENT, ALLOWED, deducted, WORDS)
    np.testing.assert_allclose(plain.scores - found.scores, SCORES[:4].std() * deducted, atol=1e-9)


def test_a_forest_that_finds_all_alike_changes_nothing() -> None:
    flat = replace(scorer(ITS_KIND), sentences=stump("position", 1.5, 1.0, 1.0))
    found = with_general_scorer(flat, SCORES, 5.0, DOCUMENT, ALLOWED, np.zeros(5), WORDS)
    np.testing.assert_array_equal(found.scores, SCORES)


def test_words_count_more_where_a_text_is_unfamiliar() -> None:
    deviation, few = SCORES[:4].std(), 4 / MANY_SENTENCES
    for kind, weight in ((OTHER_KIND, UNFAMILIAR_COVERAGE), (ITS_KIND, FAMILIAR_COVERAGE)):
        coverage = with_general_scorer(
            scorer(kind), SCORES, 5.0, DOCUMENT, ALLOWED, np.zeros(5), WORDS
        ).coverage
        assert coverage is not None
        np.testing.assert_allclose(coverage.weight, few * weight * deviation)
        # A word that stands once is in the summary by all odds, one that stands often is not.
        once = coverage.grams.features[:, GRAM_COLUMNS.index("gram_count")] == 1
        assert coverage.chances[once].min() > 0.99
        assert coverage.chances[~once].max() < 0.01


def test_very_few_sentences_are_scored_by_the_encoder_alone() -> None:
    few = [True, True, True, False, False]
    found = with_general_scorer(scorer(OTHER_KIND), SCORES, 5.0, DOCUMENT, few, np.ones(5), WORDS)
    np.testing.assert_array_equal(found.scores, SCORES)
    assert found.log_length == 5.0
    assert found.coverage is None
