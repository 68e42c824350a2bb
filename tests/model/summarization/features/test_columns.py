"""The order of features is that which the shipped weights were trained with.

The numbers were computed by the code that trained them. A column that moves would feed the shipped networks
garbage without any error.
"""

import numpy as np
import pytest
from bigbird_pegasus import DEFAULT_MODEL, load_model
from bigbird_pegasus.modeling.sentence_columns import (
    DENSE_COLUMNS,
    GRAM_WIDTH,
    HEADING_WIDTH,
    SELECTOR_COLUMNS,
)
from bigbird_pegasus.modeling.sentence_extraction import BigBirdPegasusForSentenceExtraction
from bigbird_pegasus.summarization.choosing.sentence_selection import Candidates, SelectionState
from bigbird_pegasus.summarization.features.sentence_features import sentence_features, stack_columns

TEXT = [
    "Introduction",
    "Routers forward packets between the networks they know.",
    "A router keeps a table of networks.",
    "Background",
    "Whales sing.",
]
STARTS = [True, True, False, True, True]
THIRD_SENTENCE = {
    "centroid_cosine": 0.48374,
    "raw_centroid_cosine": 0.682828,
    "opening_cosine": 0.616359,
    "headings_cosine": 0.0,
    "max_similarity": 0.10393,
    "similar_share": 0.0,
    "similarity_to_previous": 0.10393,
    "similarity_to_next": 0.0,
    "mean_log_word_count": 0.462421,
    "log_words": 0.693147,
    "words": 0.175,
    "log_position": 0.274653,
    "relative_position": 0.4,
    "log_position_by_log_length": 0.098422,
    "log_position_in_paragraph": 0.693147,
    "log_paragraph_sentences": 1.098612,
    "log_sections": 0.346574,
    "log_since_heading": 0.366204,
    "log_sentences_before": 0.173287,
    "inverse_position": 0.333333,
    "inverse_sentences_before": 0.5,
    "log_document_sentences": 0.358352,
    "starts_paragraph": 0.0,
    "ends_as_sentence": 1.0,
    "is_heading": 0.0,
    "uppercase_share": 0.142857,
    "digit_share": 0.0,
    "mark_share": 0.142857,
    "before_first_heading": 0.0,
    "has_few_words": 0.0,
}
IT_AFTER_THE_SECOND_WAS_SELECTED = {
    "score": 0.5,
    "score_of_best": 0.833333,
    "log_words": 0.693147,
    "words": 0.175,
    "rank": 0.1,
    "words_of_length": 0.35,
    "dense_centroid_cosine": 0.48374,
    "dense_raw_centroid_cosine": 0.682828,
    "dense_opening_cosine": 0.616359,
    "dense_max_similarity": 0.10393,
    "dense_log_position": 0.274653,
    "dense_relative_position": 0.4,
    "dense_log_position_in_paragraph": 0.693147,
    "dense_log_sentences_before": 0.173287,
    "dense_inverse_sentences_before": 0.5,
    "dense_starts_paragraph": 0.0,
    "log_length": -1.204268,
    "best_score": 0.6,
    "mean_of_best_3": 0.466667,
    "mean_of_best_8": 0.466667,
    "log_document_sentences": -0.441648,
    "mean_score": 0.523529,
    "shared_words": 0.285714,
    "shared_rare_words": 0.166667,
    "shared_pairs": 0.0,
    "shared_with_one": 0.285714,
    "distance": 0.05,
    "follows": 1.0,
    "precedes": 0.0,
    "value_gain": 0.265714,
    "new_words_gain": 0.201429,
    "score_of_usual": 0.831947,
    "words_of_length_after": 0.75,
    "state_words": 0.133333,
    "state_sentences": 0.333333,
    "state_words_of_length": 0.4,
    "state_value": 0.6,
    "state_is_empty": 0.0,
    "state_mean_score": 0.6,
}


def test_the_shipped_weights_have_an_input_for_each_column() -> None:
    model = load_model(DEFAULT_MODEL)
    assert isinstance(model, BigBirdPegasusForSentenceExtraction)
    head = model.sentence_head
    assert head.chooser.first.weight.shape[1] == len(SELECTOR_COLUMNS) == 39
    beside = GRAM_WIDTH + HEADING_WIDTH + model.config.d_model
    assert head.scorer.first.weight.shape[1] == beside + len(DENSE_COLUMNS) == beside + 30


def test_the_columns_of_sentences_stand_where_the_shipped_weights_have_them() -> None:
    assert tuple(THIRD_SENTENCE) == DENSE_COLUMNS
    found = sentence_features(TEXT, STARTS).dense[2]
    np.testing.assert_allclose(found, list(THIRD_SENTENCE.values()), rtol=0, atol=1e-5)


def test_the_columns_of_a_selection_stand_where_the_shipped_weights_have_them() -> None:
    assert tuple(IT_AFTER_THE_SECOND_WAS_SELECTED) == SELECTOR_COLUMNS
    words = [len(text.split()) for text in TEXT]
    scores = [0.1, 0.6, 0.5, 0.1, 0.3]
    state = SelectionState(Candidates([1, 2, 4], words, scores, sentence_features(TEXT, STARTS), 20.0))
    state.add(0)
    expected = list(IT_AFTER_THE_SECOND_WAS_SELECTED.values())
    np.testing.assert_allclose(state.features()[1], expected, rtol=0, atol=1e-5)
    assert float(state.simple_gains()[1]) == pytest.approx(0.201429, abs=1e-5)


@pytest.mark.parametrize("names", [("a",), ("a", "b", "c")])
def test_columns_are_stacked_by_their_names_and_no_name_is_missing(names: tuple[str, ...]) -> None:
    columns = {"b": [2.0], "a": [1.0]}
    assert stack_columns(columns, ("a", "b")).tolist() == [[1.0, 2.0]]
    with pytest.raises(ValueError, match="are not"):
        stack_columns(columns, names)
