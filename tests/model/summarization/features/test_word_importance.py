"""Words and pairs of words that a summary may hold: counted as a slow, obvious version counts them."""

from collections import defaultdict
from itertools import pairwise

import numpy as np
import pytest
from bigbird_pegasus.summarization.features.cue_words import FUNCTION_WORDS
from bigbird_pegasus.summarization.features.word_importance import (
    _DOCUMENT,
    _SENTENCE_MAXIMA,
    _SENTENCE_MEANS,
    FUNCTION_WORD_RARITY,
    GRAM_COLUMNS,
    MAX_GRAMS,
    MIN_WORDS,
    PAIR_WEIGHT,
    WORDS_POWER,
    DocumentGrams,
    WordCoverage,
    judged_grams,
    pair_key,
    weighted_chances,
)

BUCKETS = 97
Drawn = tuple[list[list[int]], np.ndarray, dict[str, np.ndarray], np.ndarray]


def drawn_document(seed: int, sentences: int = 12, vocabulary: int = 20) -> Drawn:
    """Return hashes of words, function words among them, headings, columns and rarities, all random."""
    generator = np.random.default_rng(seed)
    known = [*range(1000, 1000 + vocabulary), *FUNCTION_WORDS[:5].tolist()]
    words = [generator.choice(known, generator.integers(0, 9)).tolist() for _ in range(sentences)]
    names = {*_SENTENCE_MEANS, *_SENTENCE_MAXIMA, *_DOCUMENT}
    columns = {name: generator.random(sentences) for name in sorted(names)}
    return words, generator.random(sentences) < 0.3, columns, generator.random(BUCKETS).astype(np.float16)


def places_of(words: list[list[int]]) -> dict[int, list[int]]:
    """Return for each gram's key the sentences that it stands in, once for each time."""
    places: dict[int, list[int]] = defaultdict(list)
    for number, row in enumerate(words):
        for word in row:
            if word not in FUNCTION_WORDS:
                places[word].append(number)
        for first, second in pairwise(row):
            if first not in FUNCTION_WORDS or second not in FUNCTION_WORDS:
                places[pair_key(first, second)].append(number)
    return places


def rarity_of(word: int, rarity: np.ndarray) -> float:
    """Return how rare a word is."""
    return FUNCTION_WORD_RARITY if word in FUNCTION_WORDS else float(rarity[word % len(rarity)])


@pytest.mark.parametrize("seed", range(5))
def test_grams_are_counted_as_one_would_by_hand(seed: int) -> None:
    words, heading, columns, rarity = drawn_document(seed)
    found = judged_grams(words, heading, columns, rarity)
    places = places_of(words)
    assert sorted(found.keys.tolist()) == sorted(places)
    greatest = max(len(there) for key, there in places.items() if key < pair_key(1, 0))
    mentions = set(zip(found.grams.tolist(), found.sentences.tolist(), strict=True))
    assert mentions == {(g, n) for g, key in enumerate(found.keys.tolist()) for n in places[key]}
    for row, key in zip(found.features, found.keys.tolist(), strict=True):
        value = dict(zip(GRAM_COLUMNS, row.tolist(), strict=True))
        there, distinct = places[key], sorted(set(places[key]))
        pairs = [pair for line in words for pair in pairwise(line)]
        pair = next((pair for pair in pairs if pair_key(*pair) == key), None)
        relative = [n / 12 for n in distinct]
        expected = {
            "gram_words": 1 if pair is None else 2,
            "gram_count": len(there),
            "gram_sentences": len(distinct),
            "gram_count_of_greatest": len(there) / greatest,
            "gram_first": there[0],
            "gram_relative_last": there[-1] / 12,
            "gram_spread": np.std(relative),
            "gram_opening_3": sum(n < 3 for n in distinct),
            "gram_closing_5": sum(n >= 7 for n in distinct),
            "gram_headings": sum(heading[n] for n in distinct),
            "gram_mean_words": np.mean([columns["words"][n] for n in distinct]),
            "gram_max_lexrank_general": max(columns["lexrank_general"][n] for n in distinct),
            "gram_rarity": sum(rarity_of(word, rarity) for word in (pair or (key,))),
            "gram_parts": len({n * 10 // 12 for n in distinct}),
            "gram_count_of_word": len(there)
            / min(len(places[word]) for word in (pair or (key,)) if word in places),
            "document_words": columns["document_words"][0],
        }
        np.testing.assert_allclose([value[name] for name in expected], list(expected.values()), atol=2e-5)


@pytest.mark.parametrize("words", [[], [[]], [[], []], [FUNCTION_WORDS[:3].tolist()]])
def test_a_text_without_content_words_has_no_grams(words: list[list[int]]) -> None:
    _, _, columns, rarity = drawn_document(0)
    found = judged_grams(words, np.zeros(len(words), bool), columns, rarity)
    assert len(found.keys) == len(found.grams) == 0
    assert found.features.shape == (0, len(GRAM_COLUMNS))


def test_what_is_rare_and_frequent_is_judged_first() -> None:
    words = [[1000 + n] for n in range(MAX_GRAMS + 50)] + [[5000]] * 3
    _, _, columns, _ = drawn_document(0, sentences=len(words))
    found = judged_grams(words, np.zeros(len(words), bool), columns, np.ones(BUCKETS, np.float16))
    assert len(found.keys) == MAX_GRAMS
    assert set(found.keys[:6].tolist()) == {1000, 1001, 1002, 1003, 1004, 5000}


def small_grams() -> DocumentGrams:
    """Return two words and a pair: both words in the first sentence, the second and the pair in the last."""
    features = np.array([[1], [1], [2]], np.float32)
    return DocumentGrams(np.array([1, 2, 3]), features, np.array([0, 1, 1, 2]), np.array([0, 0, 2, 2]))


def test_pairs_count_more() -> None:
    np.testing.assert_allclose(weighted_chances(small_grams(), np.zeros(3)), [0.5, 0.5, 0.5 * PAIR_WEIGHT])


def test_what_is_covered_adds_nothing() -> None:
    words = np.array([10.0, 1.0, 20.0])
    coverage = WordCoverage(small_grams(), np.array([0.3, 0.2, 0.5]), words, np.ones(3, bool), 2.0)
    shares = np.array([0.5 / 10**WORDS_POWER, 0, 0.7 / 20**WORDS_POWER])
    everyone = np.arange(3)
    first = 2.0 * (shares - shares.mean()) / shares.std()
    np.testing.assert_allclose(coverage.gains(np.array([], np.int64), everyone), first)
    left = np.array([0, 0, 0.5 / 20**WORDS_POWER])
    np.testing.assert_allclose(
        coverage.gains(np.array([0]), np.array([2])), (2.0 * (left - shares.mean()) / shares.std())[2:]
    )
    assert MIN_WORDS > 1


def test_sentences_are_numbered_anew() -> None:
    found = small_grams().among(np.array([1, 2]), 3)
    assert (found.grams.tolist(), found.sentences.tolist()) == ([1, 2], [1, 1])
