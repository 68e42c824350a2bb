import pytest
import torch
from bigbird_pegasus.modeling.kv_pool import SLOTS_MULTIPLE, SPARE_TOKENS

from tests.model.tiny import tiny_ids, tiny_model


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
