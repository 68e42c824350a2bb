"""Features that know hardly any words: against slow loops over sentences and words."""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from bigbird_pegasus.summarization.features import document_features as features
from bigbird_pegasus.summarization.features.cue_words import FUNCTION_WORDS
from bigbird_pegasus.summarization.features.document_features import (
    MAX_REFERENCE_SENTENCES,
    RARITY_BUCKETS,
    DocumentFeatures,
    column_names,
    document_features,
)
from bigbird_pegasus.summarization.features.sentence_features import sentence_features

RARITY = np.random.default_rng(0).uniform(1, 8, RARITY_BUCKETS).astype(np.float16)
TEXTS = [
    "The harbour",
    "The harbour of the town is closed in winter.",
    "Boats cannot enter a frozen harbour, so fishing boats stay in the town.",
    "Why is it closed?",
    "Costs",
    "Keeping the harbour open costs the town 400 coins (two boats) in a winter.",
    "They propose to close it.",
    "",
]
STARTS = [True, True, False, True, True, True, False, False]
ALLOWED = [False, True, True, True, False, True, True, False]
TURNS = [
    "Anna: Shall we open the harbour in winter?",
    "Ben: Yes, the boats need the harbour.",
    "The town will pay for the ice breaker.",
    "Anna: Good.",
    "Carl: I agree that the town pays.",
]


def count(texts: Sequence[str], starts: Sequence[bool], allowed: Sequence[bool]) -> DocumentFeatures:
    words = sentence_features(texts, starts).words
    return document_features(texts, starts, allowed, words, RARITY)


def column(found: DocumentFeatures, name: str) -> np.ndarray:
    return found.values[:, column_names().index(name)]


def unit_vectors(texts: Sequence[str], starts: Sequence[bool]) -> list[dict[int, float]]:
    """Return what each sentence's content words weigh, by their hash."""
    vectors = []
    for words in sentence_features(texts, starts).words:
        counts = Counter(word for word in words if word not in set(FUNCTION_WORDS.tolist()))
        vector = {w: (1 + math.log(n)) * float(RARITY[w % RARITY_BUCKETS]) for w, n in counts.items()}
        norm = math.sqrt(sum(value**2 for value in vector.values())) or 1.0
        vectors.append({word: value / norm for word, value in vector.items()})
    return vectors


def product(a: dict[int, float], b: dict[int, float]) -> float:
    return sum(value * b.get(word, 0.0) for word, value in a.items())


def total(vectors: Sequence[dict[int, float]]) -> dict[int, float]:
    sums: Counter[int] = Counter()
    for vector in vectors:
        sums.update(vector)
    norm = math.sqrt(sum(value**2 for value in sums.values())) or 1.0
    return {word: value / norm for word, value in sums.items()}


def lexrank(alike: np.ndarray) -> np.ndarray:
    """Return LexRank by its definition: votes of linked sentences, damped."""
    linked = np.where(alike > features.MIN_SIMILARITY, alike, 0.0)
    number = len(alike)
    rank = [1 / number] * number
    for _ in range(features.LEXRANK_ROUNDS + 1):
        new = []
        for i in range(number):
            votes = sum(rank[j] * linked[i, j] / linked[j].sum() for j in range(number) if linked[j].sum())
            new.append(0.15 / number + 0.85 * votes)
        rank = new
    return np.array(rank) * number


def test_closeness_is_that_of_loops_over_words() -> None:
    found = count(TEXTS, STARTS, ALLOWED)
    vectors = unit_vectors(TEXTS, STARTS)
    number = len(TEXTS)
    alike = np.array([[product(a, b) * (a is not b) for b in vectors] for a in vectors])
    expected: dict[str, Sequence[float] | np.ndarray] = {
        "centroid_general": [product(v, total(vectors)) for v in vectors],
        "opening_3": [product(v, total(vectors[:3])) for v in vectors],
        "closing_5": [product(v, total(vectors[-5:])) for v in vectors],
        "headings": [product(v, total([vectors[0], vectors[4]])) for v in vectors],
        "to_first": [product(v, vectors[0]) * (n > 0) for n, v in enumerate(vectors)],
        "to_heading": [
            product(v, vectors[0 if n < 4 else 4]) * (n not in (0, 4)) for n, v in enumerate(vectors)
        ],
        "to_previous": [product(v, vectors[n - 1]) if n else 0.0 for n, v in enumerate(vectors)],
        "to_next": [product(v, vectors[n + 1]) if n + 1 < number else 0.0 for n, v in enumerate(vectors)],
        "max_similarity": alike.max(1),
        "max_similarity_before": [max([0.0, *alike[n, :n]]) for n in range(number)],
        "mean_similarity": alike.mean(1),
        "linked_share": (alike > features.MIN_SIMILARITY).mean(1),
        "lexrank_general": lexrank(alike),
    }
    for name, values in expected.items():
        np.testing.assert_allclose(column(found, name), values, atol=2e-5, err_msg=name)
    numbers = np.array([1, 2, 5])
    np.testing.assert_allclose(found.similarities(numbers), alike[np.ix_(numbers, numbers)], atol=1e-9)


def test_lexical_features_are_those_of_loops_over_words() -> None:
    found = count(TEXTS, STARTS, ALLOWED)
    rows = [list(vector) for vector in unit_vectors(TEXTS, STARTS)]
    seen: set[int] = set()
    new = []
    for row in rows:
        new.append(sum(word not in seen for word in row) / max(1, len(row)))
        seen |= set(row)
    rarities = [[float(RARITY[word % RARITY_BUCKETS]) for word in row] for row in rows]
    np.testing.assert_allclose(column(found, "new_words"), new, atol=1e-5)
    np.testing.assert_allclose(
        column(found, "mean_rarity"), [sum(r) / max(1, len(r)) for r in rarities], atol=1e-5
    )
    np.testing.assert_allclose(column(found, "max_rarity"), [max([0.0, *r]) for r in rarities], atol=1e-5)


def test_places_and_marks() -> None:
    found = count(TEXTS, STARTS, ALLOWED)
    expected: dict[str, Sequence[float] | np.ndarray] = {
        "position": [0, 1, 2, 3, 4, 5, 6, 7],
        "position_from_end": [7, 6, 5, 4, 3, 2, 1, 0],
        "position_in_paragraph": [0, 0, 1, 0, 0, 0, 1, 2],
        "paragraph_sentences": [1, 2, 2, 1, 1, 3, 3, 3],
        "section": [1, 1, 1, 1, 2, 2, 2, 2],
        "since_heading": [0, 1, 2, 3, 0, 1, 2, 3],
        "sentences_before": [0, 0, 1, 2, 3, 3, 4, 5],
        "words": [2, 9, 13, 4, 1, 14, 5, 0],
        "question": [0, 0, 0, 1, 0, 0, 0, 0],
        "ends": [0, 1, 1, 1, 0, 1, 1, 0],
        "brackets": [0, 0, 0, 0, 0, 1, 0, 0],
        "first_pronoun": [0, 0, 0, 0, 0, 0, 1, 0],
        "cue_proposes": [0, 0, 0, 0, 0, 0, 1, 0],
        "rank_words": [0, 0.4, 0.6, 0, 0, 0.8, 0.2, 0],
        "document_sentences": [8] * 8,
        "document_words": [48] * 8,
        "document_question": [0.2] * 8,
        "starts_turn": [0] * 8,
    }
    for name, values in expected.items():
        np.testing.assert_allclose(column(found, name), values, atol=1e-5, err_msg=name)
    np.testing.assert_allclose(column(found, "numbers")[5], 1 / 14, atol=1e-5)
    np.testing.assert_allclose(column(found, "commas")[2], 1 / 13, atol=1e-5)


def test_turns_of_a_conversation() -> None:
    found = count(TURNS, [True, True, False, True, True], [True] * 5)
    expected: dict[str, Sequence[float] | np.ndarray] = {
        "starts_turn": [1, 1, 0, 1, 1],
        "place_in_turn": [0, 0, 1, 0, 0],
        "turn_words": [7, 14, 14, 1, 6],  # without the speakers' names
        "words_of_previous_turn": [0, 7, 7, 14, 1],
        "words_of_next_turn": [14, 1, 1, 6, 0],
        "answers": [0, 1, 1, 0, 0],
        "asks_at_end": [1, 0, 0, 0, 0],
        "speaker_share": [8 / 28, 14 / 28, 14 / 28, 8 / 28, 6 / 28],
        "speakers": [3] * 5,
        "first_we": [0, 0, 0, 0, 1],
    }
    for name, values in expected.items():
        np.testing.assert_allclose(column(found, name), values, atol=1e-5, err_msg=name)


@pytest.mark.parametrize(
    "texts",
    [
        ["One sentence."],
        [""],
        ["?"],
        ["the of and"],
        ["\ud800 broken", "Ünïcödé \U0001f600."],
        ["Two\nlines.", "One."],
        ["。"] * 3,
    ],
)
def test_features_of_odd_documents_are_finite(texts: list[str]) -> None:
    for allowed in (True, False):
        found = count(texts, [True] * len(texts), [allowed] * len(texts))
        assert found.values.shape == (len(texts), len(column_names()))
        assert np.isfinite(found.values).all()


def test_long_documents_are_compared_with_sentences_spread_over_them() -> None:
    generator = np.random.default_rng(1)
    words = [f"word{n}" for n in range(300)]
    texts = [" ".join(generator.choice(words, 9)) + "." for _ in range(3 * MAX_REFERENCE_SENTENCES)]
    starts = [True] * len(texts)
    found = count(texts, starts, starts)
    vectors = unit_vectors(texts, starts)
    references = range(0, len(texts), 3)
    for number in (0, 1, 500, len(texts) - 1):
        alike = [product(vectors[number], vectors[n]) * (n != number) for n in references]
        np.testing.assert_allclose(column(found, "max_similarity")[number], max(alike), atol=2e-5)
        np.testing.assert_allclose(column(found, "mean_similarity")[number], np.mean(alike), atol=2e-5)


def test_parts_of_the_comparison_are_those_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = count(TEXTS, STARTS, ALLOWED).values
    monkeypatch.setattr("bigbird_pegasus.summarization.features.word_vectors._CHUNK_NUMBERS", 24)
    np.testing.assert_array_equal(count(TEXTS, STARTS, ALLOWED).values, whole)
