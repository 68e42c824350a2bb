"""The forests of the default model: what they learn, and that they come out of a corpus as arrays."""

import re
import shutil
from pathlib import Path

import lightgbm
import numpy as np
from bigbird_pegasus.modeling.general_scorer import read_general_scorer
from bigbird_pegasus.summarization.features.sentence_features import hash_word
from bigbird_pegasus.summarization.features.word_importance import DocumentGrams, WordCoverage, pair_key

from examples.default_model import leave_one_out
from examples.default_model.general import (
    Example,
    GeneralRecipe,
    as_forest,
    train_general,
    wanted_grams,
    weights_by_kind,
    without_length,
)
from tests.examples.test_train_default_model import write_corpus

RECIPE = GeneralRecipe(documents=12, rounds=3, length_rounds=2, word_rounds=3, min_leaf_rows=5)


def test_values_without_length_know_nothing_of_length() -> None:
    generator = np.random.default_rng(0)
    words = generator.integers(3, 60, 200)
    quality = generator.normal(size=200)
    found = without_length(quality + 2 * np.log(words) - 0.3 * np.log(words) ** 2, words)
    assert abs(np.corrcoef(found, np.log(words))[0, 1]) < 1e-9
    assert np.corrcoef(found, quality)[0, 1] > 0.98
    np.testing.assert_allclose([found.mean(), found.std()], [0, 1], atol=1e-9)
    np.testing.assert_array_equal(without_length(np.ones(3), np.array([5, 5, 5])), np.zeros(3))


def test_every_kind_and_every_document_of_it_weighs_the_same() -> None:
    weights = weights_by_kind(["a", "b", "b"], [4, 2, 6])
    np.testing.assert_allclose(weights.sum(), 12)
    np.testing.assert_allclose([weights[:4].sum(), weights[4:6].sum(), weights[6:].sum()], [6, 3, 3])


def test_arrays_decide_as_lightgbm_does() -> None:
    generator = np.random.default_rng(0)
    rows = generator.normal(size=(2000, 4)).astype(np.float32).round(2)
    targets = rows[:, 0] * rows[:, 1] + np.abs(rows[:, 2])
    options = {"verbose": -1, "min_data_in_leaf": 20, "num_threads": 1}
    booster = lightgbm.train(options, lightgbm.Dataset(rows, targets), 20)
    np.testing.assert_allclose(as_forest(booster).predict(rows), booster.predict(rows), atol=1e-5)


def test_a_corpus_makes_the_file_of_a_checkpoint_and_again_the_same(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    write_corpus(corpus)
    for name in ("train", "val"):
        shutil.copy(corpus / f"{name}.jsonl.gz", corpus / f"{name}-more.jsonl.gz")
    for run in ("first", "second"):
        train_general(corpus, tmp_path / run, RECIPE)
    first, second = (read_general_scorer(tmp_path / run) for run in ("first", "second"))
    assert first is not None
    assert second is not None
    assert first.kinds.shape == (2, len(first.mean_kind))
    np.testing.assert_array_equal(first.sentences.values, second.sentences.values)
    np.testing.assert_array_equal(first.words.values, second.words.values)
    np.testing.assert_array_equal(first.rarity, second.rarity)


def test_grams_are_wanted_whose_stems_the_summary_has() -> None:
    texts = ["Harbours were closed.", "The closing harbour closed again."]
    words = [[hash_word(word) for word in re.findall(r"\w+", text.lower())] for text in texts]
    found = wanted_grams(texts, words, "The harbour closed early.")
    singles = {hash_word(word) for word in ("harbours", "closed", "the", "closing", "harbour")}
    assert set(found) == singles | {pair_key(hash_word("harbour"), hash_word("closed"))}


def judged_document(texts: list[str], words: list[int], similarities: np.ndarray) -> leave_one_out.Judged:
    """A document of so many sentences and two words: one in all sentences but the last, one in the last."""
    count = len(texts)
    nothing = np.zeros((0, 1), np.float32)
    example = Example(
        "id", "kind", np.zeros((count, 1)), np.array(words), np.zeros(count), 0, nothing, np.zeros(0)
    )
    owners = np.arange(count)
    grams = DocumentGrams(
        np.array([1, 2]), np.ones((2, 1), np.float32), (owners == count - 1).astype(int), owners
    )
    return leave_one_out.Judged(example, texts, similarities, grams, "A summary.")


def test_sentences_are_selected_by_score_and_novelty() -> None:
    similarities = np.zeros((5, 5))
    similarities[0, 1] = similarities[1, 0] = 0.9
    words = [30, 30, 30, 90, 20]
    judged = judged_document([f"Sentence {n}." for n in range(5)], words, similarities)
    # The second says what the first does, the fourth does not fit beside it.
    assert leave_one_out.select(judged, np.array([5.0, 4.9, 4.2, 4.8, 1.0])) == [0, 1, 2]
    assert leave_one_out.select(judged, np.array([2.0, 1.9, 1.2, 1.8, 1.1])) == [0, 2, 4]
    coverage = WordCoverage(judged.grams, np.ones(2), np.array(words, float), np.ones(5, bool), 3.0)
    assert leave_one_out.select(judged, np.array([5.0, 4.9, 4.2, 4.8, 3.9]), coverage) == [0, 2, 4]


def test_the_sentence_with_the_words_of_the_topic_is_first_for_latent_semantic_analysis() -> None:
    texts = [
        "Boats and harbours and nets were counted.",
        "Boats in harbours were counted.",
        "Nets and boats were mended in the harbours.",
        "The mayor slept.",
        "It was there.",
    ]
    scores = leave_one_out.latent_semantic_analysis(judged_document(texts, [6] * 5, np.zeros((5, 5))))
    assert set(scores.argsort()[-3:]) == {0, 1, 2}
    assert scores[4] == scores.min()


def test_intervals_are_of_documents_within_kinds() -> None:
    generator = np.random.default_rng(0)
    rows = {"same": np.full((9, 2), 30.0), "other": generator.normal(50, 10, (400, 2))}
    found = leave_one_out.with_intervals(rows)
    np.testing.assert_array_equal(found["same"][1], [0, 0])
    expected = 1.96 * 10 / 400**0.5
    np.testing.assert_allclose(found["other"][1], expected, rtol=0.15)  # 3 x (3.5 % draws, 3 % ends)
    # Of the two kinds' mean only one half varies.
    np.testing.assert_allclose(found["kinds"][0], (30 + rows["other"].mean(0)) / 2)
    np.testing.assert_allclose(found["kinds"][1], found["other"][1] / 2, rtol=0.01)
