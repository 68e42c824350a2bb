from typing import Any

import pytest
import torch
from bigbird_pegasus.errors import ConfigError
from bigbird_pegasus.modeling.outputs import Seq2SeqSequenceClassifierOutput

from tests.model.tiny import tiny_ids
from tests.model.tiny_inputs import (
    ANSWERER,
    CAUSAL,
    CLASSIFIER,
    KINDS,
    documents_with_end,
    tiny_inputs,
    tiny_of_kind,
)


def first(output: Any) -> torch.Tensor:
    result: torch.Tensor = output[0]
    return result


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "dropout",
    ["dropout", "attention_dropout", "activation_dropout", "encoder_layerdrop", "decoder_layerdrop"],
)
def test_each_dropout_acts_in_training_only(kind: str, dropout: str) -> None:
    if kind == CAUSAL and dropout == "encoder_layerdrop":
        pytest.skip("a decoder has no encoder's layers")
    none: dict[str, Any] = {"dropout": 0.0}
    model = tiny_of_kind(kind, **(none | {dropout: 0.5}), encoder_layers=3, decoder_layers=3)
    still = tiny_of_kind(kind, **none, encoder_layers=3, decoder_layers=3)
    inputs = tiny_inputs(kind, 25)
    expected = first(still(**inputs))
    assert torch.equal(first(model(**inputs)), expected)
    assert torch.equal(first(still.train()(**inputs)), expected)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        assert not torch.equal(first(model.train()(**inputs)), expected)
    assert torch.equal(first(model.eval()(**inputs)), expected)


def test_the_encoder_has_no_activation_dropout_and_no_attention_dropout_where_it_is_sparse() -> None:
    """As published: the sparse attention and the encoder's feed-forward take none."""
    config: dict[str, Any] = {"dropout": 0.0, "activation_dropout": 0.5, "attention_dropout": 0.5}
    encoder = tiny_of_kind("BigBirdPegasusModel", **config).encoder
    for length, attention_drops in ((61, False), (25, True)):
        expected = encoder.eval()(tiny_ids(2, length)).last_hidden_state
        found = encoder.train()(tiny_ids(2, length)).last_hidden_state
        assert torch.equal(found, expected) is not attention_drops


def test_classifier_dropout_acts_in_training_only() -> None:
    model = tiny_of_kind(CLASSIFIER, dropout=0.0, classifier_dropout=0.5)
    inputs = tiny_inputs(CLASSIFIER, 25)
    expected = model(**inputs).logits
    assert torch.equal(model(**inputs).logits, expected)
    assert not torch.equal(model.train()(**inputs).logits, expected)


def test_a_document_is_classified_by_the_state_at_its_last_end_token() -> None:
    model = tiny_of_kind(CLASSIFIER, num_labels=3)
    ids = tiny_ids(2, 20)
    ids[:, 4] = 1
    ids[0, 9] = ids[1, 17] = 1
    states = model.model(ids).last_hidden_state
    expected = model.classification_head(torch.stack([states[0, 9], states[1, 17]]))
    torch.testing.assert_close(model(ids).logits, expected)


def test_classification_reads_the_last_of_any_end_tokens() -> None:
    model = tiny_of_kind(CLASSIFIER, eos_token_id=[1, 7])
    ids = tiny_ids(2, 20) % 50 + 10
    ids[0, 9], ids[1, 17] = 1, 7
    states = model.model(ids).last_hidden_state
    expected = model.classification_head(torch.stack([states[0, 9], states[1, 17]]))
    torch.testing.assert_close(model(ids).logits, expected)


def test_classifying_documents_with_different_numbers_of_end_tokens_is_an_error() -> None:
    ids = documents_with_end([9, 9])["input_ids"]
    ids[1, 3] = 1
    with pytest.raises(ValueError, match=r"same number of <eos> tokens, not \[1, 2\]"):
        tiny_of_kind(CLASSIFIER)(ids)


@pytest.mark.parametrize("eos", [1, None])
def test_classifying_a_document_without_end_token_is_an_error(eos: int | None) -> None:
    with pytest.raises(ValueError, match="at least one <eos> token"):
        tiny_of_kind(CLASSIFIER, eos_token_id=eos)(tiny_ids(2, 9))


def test_classification_by_embeddings_alone_is_not_implemented() -> None:
    with pytest.raises(NotImplementedError, match="end tokens in input_ids"):
        tiny_of_kind(CLASSIFIER)(inputs_embeds=torch.zeros(2, 9, 32))


def test_classification_refuses_decoder_input_of_another_length() -> None:
    inputs = documents_with_end([9, 9])
    with pytest.raises(ValueError, match=r"the decoder read \(2, 4\) tokens and input_ids are \(2, 9\)"):
        tiny_of_kind(CLASSIFIER)(**inputs, decoder_input_ids=tiny_ids(2, 4))


def test_with_labels_no_cache_is_returned_and_the_configuration_stays() -> None:
    model = tiny_of_kind(CLASSIFIER, num_labels=3)
    inputs, config = tiny_inputs(CLASSIFIER, 9, labels=True), model.config
    output = model(**inputs, use_cache=True)
    assert isinstance(output, Seq2SeqSequenceClassifierOutput)
    assert model.config is config
    assert config.problem_type is None
    assert output.past_key_values is None
    marks = torch.ones(3, 3)  # the same model learns from other labels next
    assert model(**(inputs | {"labels": marks})).loss > 0


def test_a_question_answering_model_always_has_two_labels() -> None:
    assert tiny_of_kind(ANSWERER, num_labels=5).config.num_labels == 2


@pytest.mark.parametrize("given", ["start_positions", "end_positions"])
def test_one_end_of_a_span_without_the_other_is_an_error(given: str) -> None:
    inputs = tiny_inputs(ANSWERER, 9) | {given: torch.tensor([1, 1, 1])}
    with pytest.raises(ValueError, match="start_positions and end_positions together"):
        tiny_of_kind(ANSWERER)(**inputs)


@pytest.mark.parametrize("kind", KINDS)
def test_use_cache_defaults_to_the_configuration(kind: str) -> None:
    inputs = tiny_inputs(kind, 9)
    for says in (True, False):
        output = tiny_of_kind(kind, use_cache=says)(**inputs)
        assert (output.past_key_values is not None) is says


@pytest.mark.parametrize("kind", KINDS)
def test_resizing_the_vocabulary_changes_all_tables_and_configurations(kind: str) -> None:
    model = tiny_of_kind(kind)
    inputs = tiny_inputs(kind, 61)
    before = first(model(**inputs))
    embedding = model.resize_token_embeddings(120)
    configs = [module.config for module in model.modules() if hasattr(module, "config")]
    assert {config.vocab_size for config in configs} == {120}
    assert embedding.num_embeddings == 120
    assert not embedding.weight.requires_grad
    tables = [p for p in model.parameters() if p.shape[0] == 120]
    assert len(tables) == (2 if kind == CAUSAL else 1)
    for table in tables:
        torch.testing.assert_close(table[101:], table[:101].mean(0).expand(19, -1))
    after = first(model(**inputs))
    torch.testing.assert_close(after[..., : before.shape[-1]], before)
    if hasattr(model, "generate"):
        assert model.generate(tiny_ids(1, 9), max_new_tokens=3).shape[0] == 1


def test_resizing_gives_new_tokens_zero_bias() -> None:
    model = tiny_of_kind("BigBirdPegasusForConditionalGeneration")
    model.final_logits_bias.fill_(2.0)
    model.resize_token_embeddings(103)
    assert model.final_logits_bias.tolist() == [[2.0] * 101 + [0.0] * 2]
    model.resize_token_embeddings(50)
    assert model.final_logits_bias.tolist() == [[2.0] * 50]


def test_resizing_below_a_special_token_is_an_error() -> None:
    model = tiny_of_kind("BigBirdPegasusModel")
    with pytest.raises(ConfigError, match="decoder_start_token_id=2 is outside the vocabulary of 2"):
        model.resize_token_embeddings(2)
    assert model.config.vocab_size == model.shared.num_embeddings == 101


def test_encoder_outputs_are_accepted_in_place_of_input_ids() -> None:
    model = tiny_of_kind("BigBirdPegasusForConditionalGeneration")
    inputs = tiny_inputs("BigBirdPegasusForConditionalGeneration", 61)
    expected = model(**inputs)
    encoded = model.encode(inputs.pop("input_ids"), inputs["attention_mask"])
    for given in (encoded, encoded.to_tuple(), [encoded.last_hidden_state]):
        assert torch.equal(model(**inputs, encoder_outputs=given).logits, expected.logits)
