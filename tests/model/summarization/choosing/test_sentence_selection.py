"""How sentences are taken by their scores."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pytest
import torch
from bigbird_pegasus import DEFAULT_MODEL, load_model
from bigbird_pegasus.inference.numpy_functions import Floats
from bigbird_pegasus.inference.sentence_networks import selection_gains
from bigbird_pegasus.inference.torch_extraction import weights_of
from bigbird_pegasus.modeling.sentence_extraction import BigBirdPegasusForSentenceExtraction, SelectionNetwork
from bigbird_pegasus.summarization.choosing.sentence_selection import (
    SelectionBounds,
    pick_candidates,
    select_sentences,
)
from bigbird_pegasus.summarization.features.sentence_features import sentence_features
from bigbird_pegasus.summarization.features.word_bags import word_bags
from hypothesis import given
from hypothesis import strategies as st

Chooser = Callable[[Floats], Floats]
DISTINCT = [" ".join(f"w{n}x{i}" for i in range(10)) + "." for n in range(8)]


@pytest.fixture(scope="module")
def chooser() -> Chooser:
    model = load_model(DEFAULT_MODEL)
    assert isinstance(model, BigBirdPegasusForSentenceExtraction)
    return partial(selection_gains, weights_of(model.sentence_head.chooser))


def choose(
    chooser: Chooser,
    sentences: Sequence[str],
    scores: Sequence[float],
    length: float = 30,
    max_words: int | None = None,
    allowed: Sequence[bool] | None = None,
) -> tuple[list[int], bool]:
    words = [len(sentence.split()) for sentence in sentences]
    features = sentence_features(sentences, [n == 0 for n in range(len(sentences))])
    may = [True] * len(words) if allowed is None else allowed
    return select_sentences(chooser, words, scores, features, length, may, SelectionBounds(max_words))


def test_the_best_sentences_come_back_in_document_order(chooser: Chooser) -> None:
    chosen, _ = choose(chooser, DISTINCT, [0.5, 0.1, 0.9, 0.1, 0.8, 0.1, 0.1, 0.1], max_words=20)
    assert chosen == [2, 4]


def test_a_sentence_that_repeats_a_chosen_one_is_skipped(chooser: Chooser) -> None:
    sentences = [DISTINCT[0], DISTINCT[0].upper(), DISTINCT[1]]
    chosen, _ = choose(chooser, sentences, [0.9, 0.89, 0.5])
    assert chosen == [0, 2]


def test_asked_sentences_are_filled_up_with_dependent_ones_then_with_near_repeats(chooser: Chooser) -> None:
    words = DISTINCT[0].split()
    near = " ".join([*words[:8], "other", "end."])
    sentences = [DISTINCT[0], DISTINCT[0].upper(), near, DISTINCT[1]]

    def chosen(count: int) -> list[int]:
        bounds = SelectionBounds(max_sentences=count, min_sentences=count, dependent=frozenset([3]))
        features = sentence_features(sentences, [True] * 4)
        scores = [0.9, 0.8, 0.7, 0.1]
        return select_sentences(chooser, [10] * 4, scores, features, 30, [True] * 4, bounds)[0]

    assert chosen(2) == [0, 3]
    assert chosen(3) == [0, 2, 3]
    assert chosen(4) == [0, 2, 3]  # the same words again say nothing


def test_a_longer_expected_summary_has_more_sentences(chooser: Chooser) -> None:
    scores = [0.5, 0.5, 0.45, 0.4, 0.4, 0.35, 0.3, 0.3]
    numbers = [len(choose(chooser, DISTINCT, scores, length)[0]) for length in (12, 40, 200)]
    assert numbers == sorted(numbers)
    assert numbers[0] < numbers[-1]


def test_sentences_worth_nothing_are_left_out(chooser: Chooser) -> None:
    chosen, cut = choose(chooser, DISTINCT, [0.9, 0.8, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], 20)
    assert chosen == [0, 1]
    assert not cut


def test_a_sentence_that_does_not_fit_makes_room_for_a_shorter_one(chooser: Chooser) -> None:
    sentences = [DISTINCT[0], DISTINCT[1], "Eight words of quite another kind of thing."]
    assert choose(chooser, sentences, [0.9, 0.8, 0.7], 18, max_words=18) == ([0, 2], True)


def test_no_room_is_filled_with_a_sentence_that_says_nothing(chooser: Chooser) -> None:
    sentences = [DISTINCT[0], DISTINCT[1], "It was long."]
    assert choose(chooser, sentences, [0.9, 0.8, 0.7], 18, max_words=18) == ([0], True)
    assert choose(chooser, [DISTINCT[0], "It was long."], [0.9, 0.7], 18, max_words=18) == ([0, 1], False)


def test_when_nothing_fits_the_best_sentence_is_the_summary(chooser: Chooser) -> None:
    assert choose(chooser, DISTINCT[:3], [0.1, 0.3, 0.2], max_words=5) == ([1], True)


def test_only_allowed_sentences_with_words_are_chosen(chooser: Chooser) -> None:
    assert choose(chooser, ["", "  ", "words here."], [0.9, 0.9, 0.1])[0] == [2]
    assert choose(chooser, DISTINCT[:2], [0.9, 0.8], allowed=[False, True])[0] == [1]
    assert choose(chooser, [" "], [1.0]) == ([], False)
    assert choose(chooser, [], []) == ([], False)


def test_of_equal_scores_the_shorter_sentence_is_looked_at_first() -> None:
    assert pick_candidates([10, 7, 0, 7], [1.0, 1.0, 1.0, 1.0], [True] * 4) == [1, 3, 0]


def test_a_much_better_sentence_far_down_is_chosen(chooser: Chooser) -> None:
    sentences = [f"w{n}x w{n}y w{n}z." for n in range(4000)]
    assert 3999 in choose(chooser, sentences, [0.1] * 3999 + [0.9], max_words=9)[0]


@given(st.lists(st.tuples(st.text("ab c", max_size=30), st.floats(-1, 2)), max_size=12), st.integers(1, 20))
def test_a_choice_keeps_the_length_and_the_order(rows: list[tuple[str, float]], length: int) -> None:
    torch.manual_seed(0)
    sentences = [text for text, _ in rows]
    drawn = partial(selection_gains, weights_of(SelectionNetwork()))
    chosen, _ = choose(drawn, sentences, [score for _, score in rows], max_words=length)
    assert chosen == sorted(set(chosen))
    words = sum(len(sentences[n].split()) for n in chosen)
    assert words <= length or len(chosen) == 1
    assert bool(chosen) == any(text.strip() for text in sentences)


def test_scores_must_match_the_sentences(chooser: Chooser) -> None:
    with pytest.raises(ValueError, match="2 sentences have 1 scores"):
        choose(chooser, ["a", "b"], [1.0])


def test_a_length_below_one_word_is_an_error(chooser: Chooser) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        choose(chooser, ["a"], [1.0], max_words=0)


def test_word_bags_are_the_dense_matrix_of_counts() -> None:
    sentences = [[3, 5, 3], [], [5, 9, 9, 9], [7]]
    bags = word_bags(sentences)
    dense = np.array([[2, 1, 0, 0], [0, 0, 0, 0], [0, 1, 0, 3], [0, 0, 1, 0]], np.float32)  # 3, 5, 7, 9
    assert [bags.row(n).tolist() for n in range(4)] == dense.tolist()
    bag = np.array([1, 2, 0, 2], np.float32)
    assert bags.sums(bags.shared(bag)).tolist() == np.minimum(dense, bag).sum(1).tolist()
    np.testing.assert_allclose(bags.rarity, np.log(5 / np.array([1, 2, 1, 1])), rtol=1e-6)
    assert word_bags([[], []]).sums(word_bags([[], []]).counts).tolist() == [0, 0]
