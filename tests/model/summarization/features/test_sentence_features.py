"""What is counted of sentences beside the encoder."""

import numpy as np
import pytest
from bigbird_pegasus.modeling.sentence_columns import DENSE_COLUMNS
from bigbird_pegasus.summarization.features.feature_batches import feature_inputs
from bigbird_pegasus.summarization.features.sentence_features import sentence_features, stem
from hypothesis import given
from hypothesis import strategies as st

TEXT = [
    "Introduction",
    "Routers forward packets between the networks they know.",
    "A router keeps a table of networks.",
    "Background",
    "Whales sing.",
]
STARTS = [True, True, False, True, True]


@given(st.lists(st.tuples(st.text(max_size=30), st.booleans()), max_size=8))
def test_any_text_has_finite_features(rows: list[tuple[str, bool]]) -> None:
    features = sentence_features([text for text, _ in rows], [starts for _, starts in rows])
    assert features.dense.shape == (len(rows), len(DENSE_COLUMNS))
    assert np.isfinite(features.dense).all()
    assert features.gram_counts.sum() == len(features.grams)
    assert features.heading_counts.sum() == len(features.headings)


def test_sentences_about_the_same_are_closer_to_the_whole_than_a_stray_one() -> None:
    centre = sentence_features([*TEXT[1:3], "The router forwards a packet.", TEXT[4]], [True] * 4).dense[:, 0]
    assert centre[3] == centre.min()


def test_a_sentence_knows_the_heading_it_stands_under() -> None:
    features = sentence_features(TEXT, STARTS)
    ends = np.cumsum(features.heading_counts)[:-1]
    own = [tuple(part.tolist()) for part in np.split(features.headings, ends)]
    assert own[1] == own[2] != own[4]
    assert own[0] not in own[1:]


def test_inflected_words_are_the_same_word() -> None:
    assert stem("networks") == stem("network")
    assert stem("specifies") == stem("specify")
    assert stem("routing") == stem("routed") == stem("route")
    assert stem("is") == "is"


def test_a_part_has_the_features_of_its_sentences() -> None:
    whole = sentence_features(TEXT, STARTS)
    part = whole.part(1, 4)
    np.testing.assert_array_equal(part.dense, whole.dense[1:4])
    assert part.words == whole.words[1:4]
    joined = [whole.part(n, n + 1).grams for n in range(1, 4)]
    assert np.concatenate(joined).tolist() == part.grams.tolist()


def test_documents_are_filled_up_to_the_longest() -> None:
    features = sentence_features(TEXT, STARTS)
    inputs = feature_inputs([features, features.part(0, 2)])
    assert inputs["features"].shape == (2, 5, len(DENSE_COLUMNS))
    assert inputs["gram_counts"][1].tolist() == [*features.gram_counts[:2].tolist(), 0, 0, 0]
    assert len(inputs["grams"]) == int(inputs["gram_counts"].sum())


def test_each_sentence_needs_its_flag() -> None:
    with pytest.raises(ValueError, match="2 sentences have 1 flags"):
        sentence_features(["a", "b"], [True])
