from typing import Any

import pytest
import torch
from bigbird_pegasus import BigBirdPegasusConfig, BigBirdPegasusModel
from bigbird_pegasus.modeling.decoder import Decoder
from bigbird_pegasus.modeling.encoder import Encoder
from bigbird_pegasus.modeling.model import shift_right

from tests.model.tiny import tiny_config, tiny_ids, tiny_model


def test_embeddings_in_place_of_ids_give_the_same() -> None:
    model = tiny_model()
    ids, target = tiny_ids(2, 30), tiny_ids(2, 5)
    embed = model.get_input_embeddings()  # whose rows are scaled, as published
    by_embeds = model(inputs_embeds=embed(ids), decoder_inputs_embeds=embed(target))
    torch.testing.assert_close(by_embeds.logits, model(input_ids=ids, decoder_input_ids=target).logits)


def test_without_decoder_input_the_decoder_reads_the_shifted_ids() -> None:
    model = tiny_model()
    ids = tiny_ids(2, 30)
    shifted = torch.cat([torch.full((2, 1), 2), ids[:, :-1]], dim=1)
    assert torch.equal(shift_right(ids, model.config), shifted)
    states = model.model(input_ids=ids).last_hidden_state
    assert torch.equal(states, model.model(input_ids=ids, decoder_input_ids=shifted).last_hidden_state)


def test_labels_give_a_loss_that_ignores_minus_100() -> None:
    model = tiny_model()
    ids, labels = tiny_ids(2, 30), tiny_ids(2, 5)
    labels[1, 3:] = -100
    output = model(input_ids=ids, labels=labels)
    counted = labels != -100
    expected = torch.nn.functional.cross_entropy(output.logits[counted], labels[counted])
    torch.testing.assert_close(output.loss, expected)
    assert output.past_key_values is None


def test_dropout_acts_in_training_only() -> None:
    model = tiny_model(dropout=0.5)
    ids = tiny_ids(1, 30)
    assert torch.equal(model.model(ids).last_hidden_state, model.model(ids).last_hidden_state)
    model.train()
    assert not torch.equal(model.model(ids).last_hidden_state, model.model(ids).last_hidden_state)


def test_layerdrop_of_one_leaves_out_all_layers_in_training() -> None:
    config = tiny_config(encoder_layerdrop=1.0, decoder_layerdrop=1.0, dropout=0.0)
    encoder, decoder = Encoder(config), Decoder(config)
    ids = tiny_ids(1, 7)
    embedded = encoder.embed_tokens(ids) + encoder.embed_positions.weight[:7]
    torch.testing.assert_close(encoder(ids).last_hidden_state, encoder.layernorm_embedding(embedded))
    assert len(decoder(ids, output_hidden_states=True).hidden_states) == 1


def test_fresh_weights_follow_init_std_and_padding_is_zero() -> None:
    model = BigBirdPegasusModel(BigBirdPegasusConfig(**tiny_config(init_std=0.05).to_dict()))
    layer: Any = model.encoder.layers[0]
    assert 0.04 < layer.self_attn.self.query.weight.std().item() < 0.06
    assert not model.shared.weight[0].any()
    assert not layer.fc1.bias.any()


@pytest.mark.parametrize("both", [True, False])
def test_ids_and_embeddings_together_or_neither_are_an_error(both: bool) -> None:
    encoder = tiny_model().model.encoder
    ids, embeds = tiny_ids(1, 5), torch.zeros(1, 5, 32)
    with pytest.raises(ValueError, match="exactly one of input_ids and inputs_embeds"):
        encoder(ids if both else None, None, embeds if both else None)


def test_a_decoder_without_input_is_an_error() -> None:
    with pytest.raises(ValueError, match="the decoder has no input"):
        tiny_model()(inputs_embeds=torch.zeros(1, 5, 32))


def test_more_tokens_than_positions_are_an_error() -> None:
    with pytest.raises(ValueError, match="more than the model's 256 positions"):
        tiny_model().model.encoder(tiny_ids(1, 257))
