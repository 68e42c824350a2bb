import weakref

import pytest
import torch
from bigbird_pegasus import BigBirdPegasusForConditionalGeneration
from bigbird_pegasus.errors import ConfigError

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


def test_unknown_random_attention_is_an_error() -> None:
    with pytest.raises(ConfigError, match="random_attention is 'none'"):
        BigBirdPegasusForConditionalGeneration(tiny_config(), random_attention="none")  # type: ignore[arg-type]
