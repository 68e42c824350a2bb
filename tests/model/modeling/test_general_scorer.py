"""The file of forests beside a checkpoint's weights."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bigbird_pegasus import DEFAULT_MODEL
from bigbird_pegasus.checkpoints.files import GENERAL_SCORER_FILE
from bigbird_pegasus.errors import CheckpointError
from bigbird_pegasus.inference.torch_extraction import extractive_model
from bigbird_pegasus.loading import load_model
from bigbird_pegasus.modeling.general_scorer import GeneralScorer, read_general_scorer, write_general_scorer
from bigbird_pegasus.modeling.sentence_extraction import BigBirdPegasusForSentenceExtraction
from bigbird_pegasus.summarization.choosing.extractive import score_document
from bigbird_pegasus.summarization.features.document_features import (
    RARITY_BUCKETS,
    column_names,
    columns_digest,
)
from bigbird_pegasus.summarization.features.word_importance import GRAM_COLUMNS

from tests.model.modeling.test_decision_forest import drawn_forest


def small_scorer() -> GeneralScorer:
    kinds = np.eye(2, 8, dtype=np.float16)
    return GeneralScorer(
        drawn_forest(1),
        drawn_forest(2),
        drawn_forest(3),
        np.ones(RARITY_BUCKETS, np.float16),
        np.zeros(8, np.float16),
        kinds,
        columns_digest(),
    )


def test_what_is_written_is_read(tmp_path: Path) -> None:
    written = small_scorer()
    write_general_scorer(written, tmp_path)
    read = read_general_scorer(tmp_path)
    assert read is not None
    for name in ("rarity", "mean_kind", "kinds"):
        np.testing.assert_array_equal(getattr(read, name), getattr(written, name))
    for forest in ("sentences", "length", "words"):
        for name, array in vars(getattr(written, forest)).items():
            np.testing.assert_array_equal(getattr(getattr(read, forest), name), array)


def test_a_folder_may_have_none(tmp_path: Path) -> None:
    assert read_general_scorer(tmp_path) is None


@pytest.mark.parametrize("content", [b"", b"no tensors", b"\x08\0\0\0\0\0\0\0{}      "])
def test_a_corrupt_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / GENERAL_SCORER_FILE).write_bytes(content)
    with pytest.raises(CheckpointError, match="not a scorer of sentences"):
        read_general_scorer(tmp_path)


def test_a_scorer_of_other_features_is_refused() -> None:
    model = load_model(DEFAULT_MODEL)
    assert isinstance(model, BigBirdPegasusForSentenceExtraction)
    model.general_scorer = replace(small_scorer(), columns="0123456789abcdef")
    vectors = np.zeros((2, model.config.d_model), np.float32)
    with pytest.raises(CheckpointError, match="other features"):
        score_document(extractive_model(model), vectors, ["One.", "Two."], [True, False], [True, True])


def test_the_shipped_model_has_one_that_fits() -> None:
    model = load_model(DEFAULT_MODEL)
    assert isinstance(model, BigBirdPegasusForSentenceExtraction)
    scorer = model.general_scorer
    assert scorer is not None
    assert scorer.sentences.columns.max() < len(column_names())
    assert scorer.words.columns.max() < len(GRAM_COLUMNS)
    used = {column_names()[n] for n in scorer.length.columns[scorer.length.values == 0]}
    assert all(name.startswith("document_") for name in used)


def test_it_is_not_saved_with_the_weights(tmp_path: Path) -> None:
    model = load_model(DEFAULT_MODEL)
    model.save_pretrained(tmp_path)
    again = load_model(tmp_path)
    assert isinstance(again, BigBirdPegasusForSentenceExtraction)
    assert again.general_scorer is None
