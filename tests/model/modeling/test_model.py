import weakref
from typing import Any

import pytest
import torch
from bigbird_pegasus import BigBirdPegasusConfig, BigBirdPegasusForConditionalGeneration, BigBirdPegasusModel
from bigbird_pegasus.errors import ConfigError
from bigbird_pegasus.modeling.decoder import Decoder
from bigbird_pegasus.modeling.encoder import Encoder
from bigbird_pegasus.modeling.kv_pool import SLOTS_MULTIPLE, SPARE_TOKENS
from bigbird_pegasus.modeling.model import shift_right

from tests.model.tiny import tiny_config, tiny_ids, tiny_model


def test_one_model_gives_the_same_bits_for_a_long_input_before_and_after_a_short_one() -> None:
    model = tiny_model(block_size=4, num_random_blocks=2)
    long, short = tiny_ids(2, 90), tiny_ids(2, 20)
    before = model.model.encoder(long).last_hidden_state
    model.model.encoder(short)
    after = model.model.encoder(long).last_hidden_state
    assert torch.equal(before, after)


@pytest.mark.parametrize(("length", "padded_length"), [(9, 30), (30, 36), (37, 40), (61, 64), (90, 91)])
def test_right_padding_does_not_change_the_states_of_the_tokens(length: int, padded_length: int) -> None:
    """Up to the same number of blocks: the last block is global, so more blocks are another pattern."""
    encoder = tiny_model(block_size=4, num_random_blocks=2).model.encoder
    ids = tiny_ids(1, length)
    longer = torch.cat([ids, torch.zeros(1, padded_length - length, dtype=torch.long)], dim=1)
    mask = (torch.arange(padded_length) < length).long()[None]
    padded = encoder(longer, mask).last_hidden_state[:, :length]
    torch.testing.assert_close(padded, encoder(ids).last_hidden_state)


def test_hidden_states_are_freed_unless_requested() -> None:
    encoder = tiny_model(encoder_layers=3).model.encoder
    states: list[weakref.ref[torch.Tensor]] = []
    alive: list[int] = []

    def look(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        alive.append(sum(state() is not None for state in states))
        states.append(weakref.ref(output))

    for layer in encoder.layers:
        layer.register_forward_hook(look)
    with torch.no_grad():
        encoder(tiny_ids(1, 20))
    assert alive == [0, 1, 1]  # the layer's own input
    with torch.no_grad():
        kept = encoder(tiny_ids(1, 20), output_hidden_states=True).hidden_states
    assert kept is not None
    assert len(kept) == 4


def test_an_encoder_without_random_blocks_works() -> None:
    encoder = tiny_model(block_size=4, num_random_blocks=0).model.encoder
    states = encoder(tiny_ids(2, 50), torch.ones(2, 50)).last_hidden_state
    assert states.isfinite().all()


def test_full_attention_is_used_up_to_the_limit_and_sparse_beyond() -> None:
    sparse = tiny_model(block_size=4, num_random_blocks=1)
    full = tiny_model(block_size=4, num_random_blocks=1, attention_type="original_full")
    limit = sparse.config.full_attention_limit
    assert limit == 28
    for length, same in ((limit, True), (limit + 12, False)):
        ids = tiny_ids(1, length)
        a, b = (m.model.encoder(ids).last_hidden_state for m in (sparse, full))
        assert torch.allclose(a, b) is same


def test_requested_attentions_times_values_give_the_states() -> None:
    encoder = tiny_model(block_size=4, num_random_blocks=1).model.encoder
    mask = (torch.arange(50) < torch.tensor([[50], [33]])).long()
    plain = encoder(tiny_ids(2, 50), mask)
    watched = encoder(tiny_ids(2, 50), mask, output_attentions=True, output_hidden_states=True)
    assert torch.equal(plain.last_hidden_state, watched.last_hidden_state)
    assert plain.attentions is None
    assert plain.hidden_states is None
    assert [a.shape for a in watched.attentions] == [(2, 4, 50, 50)] * 2
    for weights in watched.attentions:
        torch.testing.assert_close(weights.sum(-1), torch.ones(2, 4, 50))
        assert not weights[1, :, :, 33:].any()
    assert torch.equal(watched.hidden_states[-1], watched.last_hidden_state)


@pytest.mark.parametrize("steps", [(5,), (1, 1, 1, 1, 1), (2, 3), (4, 1)])
def test_decoding_in_steps_with_the_cache_equals_decoding_at_once(steps: tuple[int, ...]) -> None:
    model = tiny_model()
    ids, target = tiny_ids(2, 30), tiny_ids(2, 5)
    mask = (torch.arange(30) < torch.tensor([[30], [11]])).long()
    whole = model(input_ids=ids, attention_mask=mask, decoder_input_ids=target).logits
    cache = model.new_cache(model.encode(ids, mask).last_hidden_state, mask)
    at = 0
    for step in steps:
        logits = model.next_token_logits(target[:, at : at + step], cache)
        at += step
        torch.testing.assert_close(logits, whole[:, at - 1])
    assert (cache.length, cache.rows) == (5, 2)


def test_the_cache_grows_beyond_its_first_buffers() -> None:
    model = tiny_model()
    ids, target = tiny_ids(1, 30), tiny_ids(1, SPARE_TOKENS + SLOTS_MULTIPLE + 9)
    whole = model(input_ids=ids, decoder_input_ids=target).logits
    cache = model.new_cache(model.encode(ids).last_hidden_state)
    for at in range(target.shape[1]):
        logits = model.next_token_logits(target[:, at : at + 1], cache)
    torch.testing.assert_close(logits, whole[:, -1])


def test_beams_share_the_source_of_their_document() -> None:
    """Three beams for each of two documents give what six copies of the documents give."""
    model = tiny_model()
    ids, target = tiny_ids(2, 30), tiny_ids(6, 4)
    mask = (torch.arange(30) < torch.tensor([[30], [11]])).long()
    copies = model(
        input_ids=ids.repeat_interleave(3, 0),
        attention_mask=mask.repeat_interleave(3, 0),
        decoder_input_ids=target,
    ).logits
    cache = model.new_cache(model.encode(ids, mask).last_hidden_state, mask)
    torch.testing.assert_close(model.next_token_logits(target, cache), copies[:, -1])


def test_reordered_rows_continue_the_rows_they_came_from() -> None:
    model = tiny_model()
    ids, target, rows = tiny_ids(1, 30), tiny_ids(3, 4), torch.tensor([2, 2, 0])
    cache = model.new_cache(model.encode(ids).last_hidden_state)
    model.next_token_logits(target, cache)
    cache.reorder(rows)
    following = tiny_ids(3, 1)
    whole = torch.cat([target[rows], following], dim=1)
    expected = model(input_ids=ids.expand(3, -1), decoder_input_ids=whole).logits[:, -1]
    torch.testing.assert_close(model.next_token_logits(following, cache), expected)


def test_documents_can_leave_the_cache() -> None:
    model = tiny_model()
    ids, target = tiny_ids(3, 30), tiny_ids(6, 4)
    mask = (torch.arange(30) < torch.tensor([[30], [11], [20]])).long()
    cache = model.new_cache(model.encode(ids, mask).last_hidden_state, mask)
    model.next_token_logits(target, cache)
    kept, rows = torch.tensor([0, 2]), torch.tensor([0, 1, 4, 5])
    cache.reorder(rows)
    cache.keep_documents(kept)
    following = tiny_ids(4, 1)
    expected = model(
        input_ids=ids[kept].repeat_interleave(2, 0),
        attention_mask=mask[kept].repeat_interleave(2, 0),
        decoder_input_ids=torch.cat([target[rows], following], dim=1),
    ).logits[:, -1]
    torch.testing.assert_close(model.next_token_logits(following, cache), expected)


def test_published_cache_argument_continues_a_call() -> None:
    model = tiny_model()
    ids, target = tiny_ids(2, 30), tiny_ids(2, 5)
    first = model(input_ids=ids, decoder_input_ids=target[:, :3], use_cache=True)
    assert first.past_key_values.get_seq_length() == 3
    second = model(
        encoder_outputs=(first.encoder_last_hidden_state,),
        decoder_input_ids=target[:, 3:],
        past_key_values=first.past_key_values,
    )
    torch.testing.assert_close(second.logits, model(input_ids=ids, decoder_input_ids=target).logits[:, 3:])


def test_embeddings_in_place_of_ids_give_the_same() -> None:
    model = tiny_model()
    ids, target = tiny_ids(2, 30), tiny_ids(2, 5)
    scale = model.config.d_model**0.5
    embed = model.model.encoder.embedding
    by_embeds = model(inputs_embeds=embed(ids) * scale, decoder_inputs_embeds=embed(target) * scale)
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


def test_outputs_are_reached_by_name_and_position_and_as_a_tuple() -> None:
    model = tiny_model()
    inputs = {"input_ids": tiny_ids(1, 9), "decoder_input_ids": tiny_ids(1, 3), "use_cache": False}
    output = model(**inputs)
    assert output[0] is output.logits  # loss is not set, so it does not count
    assert output["logits"] is output.logits
    as_tuple = model(
        input_ids=tiny_ids(1, 9), decoder_input_ids=tiny_ids(1, 3), use_cache=False, return_dict=False
    )
    assert isinstance(as_tuple, tuple)
    assert len(as_tuple) == len(output.to_tuple()) == 2


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
    embedded = encoder.embedding(ids) * config.d_model**0.5 + encoder.positions.weight[:7]
    torch.testing.assert_close(encoder(ids).last_hidden_state, encoder.norm(embedded))
    assert len(decoder(ids, output_hidden_states=True).hidden_states) == 1


def test_fresh_weights_follow_init_std_and_padding_is_zero() -> None:
    model = BigBirdPegasusModel(BigBirdPegasusConfig(**tiny_config(init_std=0.05).to_dict()))
    layer: Any = model.encoder.layers[0]
    assert 0.04 < layer.attention.query.weight.std().item() < 0.06
    assert not model.encoder.embedding.weight[0].any()
    assert not layer.feed_forward.up.bias.any()


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


def test_unknown_random_attention_is_an_error() -> None:
    with pytest.raises(ConfigError, match="random_attention is 'none'"):
        BigBirdPegasusForConditionalGeneration(tiny_config(), random_attention="none")  # type: ignore[arg-type]


def test_rows_without_beams_can_continue_one_another() -> None:
    """As transformers does it: the source is repeated for each beam, and the cache knows no documents."""
    model = tiny_model()
    ids, target, rows = tiny_ids(1, 30).expand(3, -1), tiny_ids(3, 4), torch.tensor([2, 2, 0])
    cache = model.new_cache(model.encode(ids).last_hidden_state)
    model.next_token_logits(target, cache)
    following = target
    for _ in range(2):
        cache.reorder(rows)
        following = torch.cat([following[rows], tiny_ids(3, 1)], dim=1)
        found = model.next_token_logits(following[:, -1:], cache)
    torch.testing.assert_close(found, model(input_ids=ids, decoder_input_ids=following).logits[:, -1])


def test_a_cache_refuses_rows_that_do_not_fit_its_documents() -> None:
    model = tiny_model()
    states = model.encode(tiny_ids(2, 30)).last_hidden_state
    cache = model.new_cache(states)
    cache.reorder(torch.tensor([0, 0]))  # nothing has been read yet
    with pytest.raises(ValueError, match="3 rows cannot be shared out among 2 documents"):
        model.next_token_logits(tiny_ids(3, 1), cache)
    model.next_token_logits(tiny_ids(6, 1), cache)
    with pytest.raises(ValueError, match="remembers 6 rows, not 4"):
        model.next_token_logits(tiny_ids(4, 1), cache)
    for mixed in ([0, 1, 3, 4], [0, 1, 3, 3, 4, 5]):
        with pytest.raises(ValueError, match="each document continues with 3 rows of its own"):
            cache.reorder(torch.tensor(mixed))
