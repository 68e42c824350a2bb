"""The small networks in numpy give what the modules give that were trained."""

import numpy as np
import pytest
import torch
from bigbird_pegasus.config import BigBirdPegasusConfig
from bigbird_pegasus.inference.sentence_networks import score_sentences, selection_gains
from bigbird_pegasus.inference.torch_extraction import weights_of
from bigbird_pegasus.modeling.sentence_columns import SELECTOR_COLUMNS
from bigbird_pegasus.modeling.sentence_extraction import SelectionNetwork, SentenceScorer
from bigbird_pegasus.summarization.features.feature_batches import feature_inputs
from bigbird_pegasus.summarization.features.sentence_features import sentence_features

WIDTH = 16


@pytest.mark.parametrize("sentences", [1, 7, 230])
@pytest.mark.parametrize("without_tokens", [(), (0,), "all"])
def test_scores_are_those_of_the_module(sentences: int, without_tokens: tuple[int, ...] | str) -> None:
    torch.manual_seed(0)
    scorer = SentenceScorer(BigBirdPegasusConfig(d_model=WIDTH, encoder_attention_heads=2)).eval()
    texts = ["" if n % 5 == 3 else f"Boat {n} sails to port {n % 7} at noon." for n in range(sentences)]
    features = sentence_features(texts, [n % 4 == 0 for n in range(sentences)])
    vectors = torch.randn(sentences, WIDTH)
    vectors[list(range(sentences)) if without_tokens == "all" else list(without_tokens)] = torch.nan
    with torch.inference_mode():
        scores, length = scorer(vectors[None], **feature_inputs([features]))
    found, found_length = score_sentences(
        weights_of(scorer),
        vectors.numpy(),
        features.dense,
        features.grams,
        features.gram_counts,
        features.headings,
        features.heading_counts,
    )
    torch.testing.assert_close(torch.from_numpy(found), scores[0], rtol=1e-5, atol=1e-5)
    assert found_length == pytest.approx(float(length), abs=1e-5)


def test_gains_are_those_of_the_module() -> None:
    torch.manual_seed(0)
    network = SelectionNetwork()
    features = torch.randn(40, len(SELECTOR_COLUMNS))
    found = selection_gains(weights_of(network), features.numpy())
    with torch.inference_mode():
        torch.testing.assert_close(torch.from_numpy(np.asarray(found)), network(features))
