"""`generate`: what it takes, what it returns, and which requests it refuses."""

from typing import Any

import pytest
import torch
from bigbird_pegasus.errors import ConfigError, ModelInputError
from bigbird_pegasus.generation.config import GenerationConfig
from bigbird_pegasus.generation.generate import GenerationOutput, generate, lengths
from torch import Tensor

from tests.model.generation.oracles import START, documents, tiny_model


def generated_ids(*arguments: Any, **options: Any) -> torch.Tensor:
    """Return what `generate` returns, which is ids (B, T) unless a dictionary is asked for."""
    found = generate(*arguments, **options)
    assert isinstance(found, torch.Tensor)
    return found


def test_generate_returns_ids_alone_or_with_scores() -> None:
    model = tiny_model()
    ids, mask = documents([9, 5])
    plain = generated_ids(model, ids, mask, num_beams=3, num_return_sequences=2, max_new_tokens=6)
    full = generate(
        model, ids, mask, num_beams=3, num_return_sequences=2, max_new_tokens=6, return_dict_in_generate=True
    )
    assert isinstance(plain, Tensor)
    assert isinstance(full, GenerationOutput)
    assert plain.tolist() == full.sequences.tolist()
    assert plain.dtype == torch.long
    assert full.sequences_scores is not None
    assert full.sequences_scores.shape == (4,)
    assert full.sequences_scores.dtype == torch.float32


def test_options_come_from_the_checkpoint_unless_they_are_given() -> None:
    ids, mask = documents([9])
    model = tiny_model(end_bias=-99.0, num_beams=3, max_length=7)
    found = generate(model, ids, mask, return_dict_in_generate=True)
    assert isinstance(found, GenerationOutput)
    assert found.sequences_scores is not None
    assert found.sequences.shape == (1, 7)
    assert len(generated_ids(model, ids, mask, max_length=9)[0]) == 9
    model.generation_config = GenerationConfig(max_length=5)
    assert len(generated_ids(model, ids, mask)[0]) == 5
    assert len(generated_ids(model, ids, mask, GenerationConfig(max_new_tokens=3))[0]) == 4


def test_options_of_speed_do_not_change_the_text() -> None:
    model = tiny_model()
    ids, mask = documents([30, 12])
    expected = generated_ids(model, ids, mask, num_beams=2).tolist()
    assert generated_ids(model, ids, mask, num_beams=2, cache_implementation="static").tolist() == expected
    assert (
        generated_ids(model, ids, mask, num_beams=2, use_cache=False, output_scores=True).tolist() == expected
    )


def test_generate_from_encoder_outputs_equals_generate_from_ids() -> None:
    model = tiny_model()
    ids, mask = documents([30, 12])
    encoding = model.encode(ids, mask)
    expected = generated_ids(model, ids, mask, num_beams=2).tolist()
    assert (
        generated_ids(model, attention_mask=mask, encoder_outputs=encoding, num_beams=2).tolist() == expected
    )


def test_texts_begin_with_the_given_decoder_tokens() -> None:
    model = tiny_model()
    ids, mask = documents([30, 12])
    given = torch.tensor([[7, 8], [9, 10]])
    for num_beams in (1, 3):
        found = generated_ids(
            model, ids, mask, decoder_input_ids=given, num_beams=num_beams, max_new_tokens=4
        )
        assert found[:, :3].tolist() == [[START, 7, 8], [START, 9, 10]]
        started = torch.cat((torch.full((2, 1), START), given), dim=1)
        again = generated_ids(
            model, ids, mask, decoder_input_ids=started, num_beams=num_beams, max_new_tokens=4
        )
        assert again.tolist() == found.tolist()


def test_the_start_token_is_added_only_if_no_prompt_has_it() -> None:
    given = torch.tensor([[START, 8], [9, 10]])
    found = generated_ids(tiny_model(), *documents([30, 12]), decoder_input_ids=given, max_new_tokens=1)
    assert found[:, :2].tolist() == given.tolist()


def test_generation_leaves_no_gradient_and_no_trace_in_the_model() -> None:
    model = tiny_model()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    ids, mask = documents([30, 12])
    first = generated_ids(model, ids, mask, num_beams=2)
    generated_ids(model, *documents([80, 70]), num_beams=3)
    assert not first.requires_grad
    assert generated_ids(model, ids, mask, num_beams=2).tolist() == first.tolist()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, (0, 21)),
        ({"max_length": 9, "min_length": 4}, (4, 9)),
        ({"max_length": 9, "max_new_tokens": 30}, (0, 31)),
        ({"max_length": 9, "min_length": 7, "min_new_tokens": 3}, (4, 9)),
        ({"max_length": 101}, (0, 101)),
    ],
)
def test_lengths_count_the_prompt_and_new_tokens_do_not(
    wanted: dict[str, Any], expected: tuple[int, int]
) -> None:
    assert lengths(GenerationConfig(**wanted), prompt_length=1, positions=100) == expected


def test_the_default_length_fits_the_positions() -> None:
    assert lengths(GenerationConfig(), prompt_length=3, positions=10) == (0, 10)


def test_a_text_can_use_the_last_position() -> None:
    model = tiny_model(end_bias=-99.0, max_position_embeddings=16)
    ids, mask = documents([9])
    assert generated_ids(model, ids, mask, max_length=17).shape == (1, 17)
    with pytest.raises(ConfigError, match="max_length is 18: this model can write at most 17 tokens"):
        generated_ids(model, ids, mask, max_length=18)


def test_a_prompt_that_fills_the_length_is_an_error() -> None:
    model = tiny_model()
    with pytest.raises(ConfigError, match="max_length is 3, but the text begins with 3 tokens"):
        generated_ids(model, *documents([9]), max_length=3, decoder_input_ids=torch.tensor([[5, 6]]))


def test_a_prompt_for_other_documents_is_an_error() -> None:
    with pytest.raises(ModelInputError, match=r"decoder_input_ids must be \(1, tokens\), not \(2, 1\)"):
        generated_ids(tiny_model(), *documents([9]), decoder_input_ids=torch.tensor([[5], [6]]))


def test_generating_without_documents_is_an_error() -> None:
    with pytest.raises(ConfigError, match="needs input_ids or encoder_outputs"):
        generated_ids(tiny_model())


@pytest.mark.parametrize(
    "name", ["eos_token_id", "pad_token_id", "forced_bos_token_id", "forced_eos_token_id"]
)
def test_a_token_id_outside_the_vocabulary_is_an_error(name: str) -> None:
    options: dict[str, Any] = {name: 61}
    with pytest.raises(ConfigError, match=f"{name} holds 61: the model's vocabulary has 61 tokens"):
        generated_ids(tiny_model(), *documents([9]), **options)


def test_an_unknown_generate_option_is_an_error_that_names_the_closest() -> None:
    with pytest.raises(ConfigError, match="unknown generation option 'num_beam': did you mean num_beams"):
        generated_ids(tiny_model(), *documents([9]), num_beam=3)
