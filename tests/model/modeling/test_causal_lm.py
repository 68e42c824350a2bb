import bigbird_pegasus
import pytest
import torch

from tests.model.tiny import tiny_config, tiny_ids
from tests.model.tiny_inputs import (
    CAUSAL,
    tiny_of_kind,
)


def test_the_causal_model_is_configured_as_a_decoder() -> None:
    config = tiny_config()
    model = bigbird_pegasus.BigBirdPegasusForCausalLM(config)
    assert (model.config.is_decoder, model.config.is_encoder_decoder) == (True, False)
    assert (config.is_decoder, config.is_encoder_decoder) == (False, True)


@pytest.mark.parametrize(("kept", "rows"), [(0, 9), (1, 1), (3, 3), (torch.tensor([0, 5]), 2)], ids=str)
def test_logits_to_keep_limits_the_computed_logits(kept: int | torch.Tensor, rows: int) -> None:
    model = tiny_of_kind(CAUSAL)
    seen = []
    model.lm_head.register_forward_pre_hook(lambda _, args: seen.append(args[0].shape))
    whole = model(tiny_ids(2, 9)).logits
    found = model(tiny_ids(2, 9), logits_to_keep=kept).logits
    assert seen == [(2, 9, 32), (2, rows, 32)]
    positions = torch.arange(9 - rows, 9) if isinstance(kept, int) else kept
    torch.testing.assert_close(found, whole[:, positions])


def test_generation_computes_the_logits_of_one_token_a_step() -> None:
    model = tiny_of_kind(CAUSAL, eos_token_id=None)
    seen = []
    model.lm_head.register_forward_pre_hook(lambda _, args: seen.append(tuple(args[0].shape)))
    model.generate(tiny_ids(2, 9), max_new_tokens=3)
    assert seen == [(2, 32)] * 3


def test_a_continued_text_begins_with_its_prompt_and_equals_cacheless_decoding() -> None:
    model = tiny_of_kind(CAUSAL, eos_token_id=None)
    prompt = tokens = tiny_ids(2, 9)
    for _ in range(6):
        tokens = torch.cat([tokens, model(tokens).logits[:, -1:].argmax(-1)], dim=1)
    assert torch.equal(model.generate(prompt, max_new_tokens=6), tokens)
    assert torch.equal(model.generate(prompt, max_new_tokens=6, num_beams=3)[:, :9], prompt)


def test_continuations_do_not_depend_on_other_prompts_of_the_batch() -> None:
    """Also where some end early and leave, and padding differs."""
    model = tiny_of_kind(CAUSAL, vocab_size=60, scale_embedding=False)
    at, lengths = torch.arange(9), torch.tensor([[9], [4], [7]])
    mask = (at >= 9 - lengths).long()
    prompts = (tiny_ids(3, 9) % 50 + 4) * mask
    ended = set()
    for num_beams in (1, 3):
        options = {"num_beams": num_beams, "max_new_tokens": 20, "eos_token_id": list(range(4, 12))}
        together = model.generate(prompts, attention_mask=mask, **options)
        for row in range(3):
            alone = model.generate(prompts[row : row + 1], attention_mask=mask[row : row + 1], **options)
            assert together[row, : alone.shape[1]].tolist() == alone[0].tolist()
            ended.add(alone.shape[1])
    assert len(ended) > 1


def test_a_published_forward_continues_from_its_cache() -> None:
    model = tiny_of_kind(CAUSAL)
    ids = tiny_ids(2, 9)
    start = model(ids[:, :5])
    assert start.past_key_values.get_seq_length() == 5
    rest = model(ids[:, 5:], past_key_values=start.past_key_values, cache_position=torch.arange(5, 9))
    torch.testing.assert_close(rest.logits, model(ids, use_cache=False).logits[:, 5:])
    assert model(ids, use_cache=False).past_key_values is None
