"""Models whose tables of tokens are not one (`tie_word_embeddings=False`), and an older switch."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from bigbird_pegasus import (
    BigBirdPegasusConfig,
    BigBirdPegasusForCausalLM,
    BigBirdPegasusForConditionalGeneration,
    BigBirdPegasusForQuestionAnswering,
    BigBirdPegasusModel,
    load_model,
)
from bigbird_pegasus.errors import CheckpointError
from safetensors.torch import load_file, save_file

from tests.model.tiny import tiny_config, tiny_ids, tiny_model
from tests.parity.reference import reference_model

TABLES = [
    "lm_head.weight",
    "model.decoder.embed_tokens.weight",
    "model.encoder.embed_tokens.weight",
    "model.shared.weight",
]


def test_an_untied_checkpoint_scores_writes_and_learns_as_in_transformers(tmp_path: Path) -> None:
    theirs = reference_model(tmp_path, tie_word_embeddings=False)
    ours = BigBirdPegasusForConditionalGeneration.from_pretrained(tmp_path, random_attention="transformers")
    ids = tiny_ids(2, 40)
    batch = {"input_ids": ids, "labels": tiny_ids(2, 7, seed=1)}
    mine, other = ours(**batch), theirs(**batch)
    torch.testing.assert_close(mine.logits, other.logits)
    torch.testing.assert_close(mine.loss, other.loss)
    options: dict[str, Any] = {"num_beams": 3, "max_new_tokens": 8}
    assert ours.generate(ids, **options).tolist() == theirs.generate(ids, **options).tolist()
    mine.loss.backward()
    other.loss.backward()
    for name in TABLES[:3]:
        gradient = ours.get_parameter(name).grad
        torch.testing.assert_close(gradient, theirs.get_parameter(name).grad)
    assert ours.get_parameter(TABLES[3]).grad is None  # it is only kept

    ours.save_pretrained(tmp_path / "again")
    assert {*TABLES} <= load_file(tmp_path / "again" / "model.safetensors").keys()
    again = type(theirs).from_pretrained(tmp_path / "again").eval()
    torch.testing.assert_close(again(**batch).logits, mine.logits)


def test_what_an_untied_head_learns_is_its_own() -> None:
    model = BigBirdPegasusForConditionalGeneration(tiny_config(tie_word_embeddings=False))
    assert sorted(name for name in model.state_dict() if name in TABLES) == TABLES
    before = model.get_parameter(TABLES[1]).clone()
    with torch.no_grad():
        model.lm_head.weight.zero_()
    assert torch.equal(model.get_parameter(TABLES[1]), before)
    assert not model(tiny_ids(1, 9)).logits.any()
    model.resize_token_embeddings(110)
    assert {len(model.get_parameter(name)) for name in TABLES} == {110}
    model.enable_input_require_grads()
    assert model.requires_grad_(False).model.encoder(tiny_ids(1, 9)).last_hidden_state.requires_grad


@pytest.mark.parametrize(
    "kind", [BigBirdPegasusModel, BigBirdPegasusForCausalLM, BigBirdPegasusForQuestionAnswering]
)
@pytest.mark.filterwarnings("ignore::bigbird_pegasus.NewHeadWarning")
def test_other_classes_read_the_tables_of_their_own(tmp_path: Path, kind: Any) -> None:
    stored = tiny_model(tie_word_embeddings=False)
    stored.save_pretrained(tmp_path)
    model = kind.from_pretrained(tmp_path)
    inside = "" if kind is BigBirdPegasusModel else "model."
    name = f"{inside}decoder.embed_tokens.weight"
    assert torch.equal(model.get_parameter(name), stored.get_parameter(TABLES[1]))


def test_tables_that_a_file_holds_once_are_all_that_one(tmp_path: Path) -> None:
    tied = tiny_model()
    tied.save_pretrained(tmp_path)
    config = BigBirdPegasusConfig.from_pretrained(tmp_path, tie_word_embeddings=False)
    model = BigBirdPegasusForConditionalGeneration.from_pretrained(tmp_path, config=config)
    torch.testing.assert_close(model(tiny_ids(2, 30)).logits, tied(tiny_ids(2, 30)).logits)
    assert model.lm_head.weight.data_ptr() != model.get_parameter(TABLES[3]).data_ptr()
    tensors = load_file(tmp_path / "model.safetensors")
    save_file(
        {"lm_head.weight": tensors.pop("model.shared.weight"), **tensors}, tmp_path / "model.safetensors"
    )
    with pytest.raises(
        CheckpointError, match=r"3 missing: model\.shared\.weight, model\.encoder\.embed_tokens"
    ):
        BigBirdPegasusForConditionalGeneration.from_pretrained(tmp_path, config=config)


def test_an_untied_model_is_quantized_table_by_table(tmp_path: Path) -> None:
    model = tiny_model(tie_word_embeddings=False)
    model.save_pretrained(tmp_path)
    rounded = load_model(tmp_path, quantization_config="int8")
    expected, found = (one(tiny_ids(2, 30)).logits for one in (model, rounded))
    assert torch.corrcoef(torch.stack([expected.flatten(), found.flatten()]))[0, 1] > 0.98
    rounded.save_pretrained(tmp_path / "int8")
    torch.testing.assert_close(load_model(tmp_path / "int8")(tiny_ids(2, 30)).logits, found)


def test_a_configuration_that_asks_for_gradient_checkpointing_has_it_once(tmp_path: Path) -> None:
    theirs = reference_model(tmp_path, gradient_checkpointing=True)
    assert theirs.is_activation_checkpointing
    assert not json.loads((tmp_path / "config.json").read_text()).get("gradient_checkpointing")
    tiny_model(gradient_checkpointing=True).save_pretrained(tmp_path / "ours")
    assert "gradient_checkpointing" not in json.loads((tmp_path / "ours" / "config.json").read_text())
    config = tiny_config(gradient_checkpointing=True)
    for kind in (BigBirdPegasusForConditionalGeneration, BigBirdPegasusForCausalLM):
        model = kind(config)
        assert model.is_gradient_checkpointing
        model.gradient_checkpointing_disable()
        assert not model.is_gradient_checkpointing
    assert not BigBirdPegasusModel(tiny_config(gradient_checkpointing=False)).is_gradient_checkpointing
