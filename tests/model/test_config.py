import json
import warnings
from pathlib import Path
from typing import Any, cast

import bigbird_pegasus
import pytest
import torch
import transformers
from bigbird_pegasus import BigBirdPegasusConfig, BigBirdPegasusModel
from bigbird_pegasus.config_checks import ACTIVATIONS
from bigbird_pegasus.config_keys import ALIASES
from bigbird_pegasus.errors import CheckpointError, ConfigError
from bigbird_pegasus.modeling.activations import activation

from tests.model.tiny import SIZES

# What the published arxiv checkpoint's config.json holds, as its documentation and file state it.
PUBLISHED = {
    "activation_dropout": 0.0,
    "activation_function": "gelu_new",
    "architectures": ["BigBirdPegasusForConditionalGeneration"],
    "attention_dropout": 0.0,
    "attention_type": "block_sparse",
    "block_size": 64,
    "bos_token_id": 2,
    "classifier_dropout": 0.0,
    "d_model": 1024,
    "decoder_attention_heads": 16,
    "decoder_ffn_dim": 4096,
    "decoder_layerdrop": 0.0,
    "decoder_layers": 16,
    "decoder_start_token_id": 2,
    "dropout": 0.1,
    "encoder_attention_heads": 16,
    "encoder_ffn_dim": 4096,
    "encoder_layerdrop": 0.0,
    "encoder_layers": 16,
    "eos_token_id": 1,
    "gradient_checkpointing": False,
    "init_std": 0.02,
    "is_encoder_decoder": True,
    "length_penalty": 0.8,
    "max_length": 256,
    "max_position_embeddings": 4096,
    "model_type": "bigbird_pegasus",
    "num_beams": 5,
    "num_hidden_layers": 16,
    "num_random_blocks": 3,
    "pad_token_id": 0,
    "scale_embedding": True,
    "tokenizer_class": "PegasusTokenizer",
    "torch_dtype": "float32",
    "transformers_version": "4.12.0.dev0",
    "use_bias": False,
    "use_cache": True,
    "vocab_size": 96103,
}


def test_defaults_are_those_of_the_published_large_checkpoints() -> None:
    config = BigBirdPegasusConfig()
    for key, value in PUBLISHED.items():
        if hasattr(config, key) and key not in ("architectures", "torch_dtype"):
            assert getattr(config, key) == value, key


def test_published_file_loads_without_a_warning_and_saves_back_every_key(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(PUBLISHED))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        config = BigBirdPegasusConfig.from_pretrained(tmp_path)
    assert config.extra["length_penalty"] == 0.8
    config.save_pretrained(tmp_path / "again")
    saved = json.loads((tmp_path / "again" / "config.json").read_text())
    renamed = {"num_hidden_layers": "encoder_layers", "torch_dtype": "dtype"}
    assert {saved[renamed.get(key, key)] == value for key, value in PUBLISHED.items()} == {True}
    assert BigBirdPegasusConfig.from_pretrained(tmp_path / "again") == config


@pytest.mark.parametrize("alias", ["hidden_size", "num_attention_heads", "num_hidden_layers"])
def test_alias_is_argument_and_attribute(alias: str) -> None:
    config = BigBirdPegasusConfig(**{alias: 32})
    assert getattr(config, alias) == 32
    assert getattr(config, ALIASES[alias]) == 32


def test_attention_dropout_has_its_published_alias() -> None:
    assert BigBirdPegasusConfig(attention_probs_dropout_prob=0.3).attention_dropout == 0.3
    assert BigBirdPegasusConfig(attention_dropout=0.2).attention_probs_dropout_prob == 0.2


def test_unknown_key_is_kept_written_back_and_reported_once(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="unknown configuration keys are kept but not used: key_of_tomorrow"):
        config = BigBirdPegasusConfig(key_of_tomorrow=[1, 2])
    BigBirdPegasusConfig(key_of_tomorrow=[1, 2])  # a second warning would be an error here
    config.save_pretrained(tmp_path)
    assert BigBirdPegasusConfig.from_pretrained(tmp_path).extra == {"key_of_tomorrow": [1, 2]}


def test_labels_are_numbered_from_any_of_their_three_forms() -> None:
    assert BigBirdPegasusConfig().num_labels == 2
    assert BigBirdPegasusConfig(num_labels=3).id2label == {0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"}
    assert BigBirdPegasusConfig(id2label={"1": "b", "0": "a"}).label2id == {"a": 0, "b": 1}
    assert BigBirdPegasusConfig(label2id={"x": 0}).id2label == {0: "x"}


def test_several_end_tokens_are_kept() -> None:
    assert BigBirdPegasusConfig(eos_token_id=[1, 5]).eos_token_ids == (1, 5)
    assert BigBirdPegasusConfig(eos_token_id=None).eos_token_ids == ()


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"activation_function": "wish"}, "activation_function is 'wish'"),
        ({"attention_type": "flash"}, "attention_type is 'flash'"),
        ({"position_embedding_type": "rotary"}, "position_embedding_type is 'rotary'"),
        ({"position_embedding": "relative"}, "position_embedding is 'relative'"),
        ({"problem_type": "ranking"}, "problem_type is 'ranking'"),
        ({"model_type": "bart"}, "model_type is 'bart'"),
        (
            {"d_model": 10, "encoder_attention_heads": 3},
            "d_model=10 is not a multiple of encoder_att",
        ),
        ({"block_size": 0}, "block_size is 0"),
        ({"num_random_blocks": -1}, "num_random_blocks is -1"),
        ({"vocab_size": "many"}, "vocab_size is 'many'"),
        ({"dropout": 1.5}, "dropout is 1.5"),
        ({"pad_token_id": 7, "vocab_size": 7}, "pad_token_id=7 is outside"),
        ({"hidden_size": 8, "d_model": 16}, "two names of one value"),
        ({"num_labels": 3, "id2label": {0: "a"}}, "num_labels=3 contradicts"),
        ({"num_labels": 0}, "num_labels must be a whole number from 1 to 100000, not 0"),
        ({"id2label": {1: "a"}}, "without gaps"),
        ({"tie_word_embeddings": "no"}, "tie_word_embeddings is 'no'"),
        ({"dtype": "float17"}, "dtype is 'float17': it must be one of float32, "),
        ({"torch_dtype": [1]}, r"dtype is '\[1\]'"),
    ],
)
def test_impossible_value_is_an_error_that_names_it(values: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        BigBirdPegasusConfig(**values)


@pytest.mark.parametrize("content", [None, b"{", b"[1]", b"\xff\xfe\x00"])
def test_missing_or_broken_file_is_a_checkpoint_error(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"config\.json"):
        BigBirdPegasusConfig.from_pretrained(tmp_path)


def test_a_changed_copy_differs_in_what_was_asked_and_nothing_else() -> None:
    config = BigBirdPegasusConfig(id2label={0: "a", 1: "b", 2: "c"}, num_beams=5)
    changed = config.replace(hidden_size=512, num_beams=3)
    assert (changed.d_model, changed.extra["num_beams"]) == (512, 3)
    assert config.replace(d_model=config.d_model, num_beams=5) == config
    assert changed.id2label == config.id2label
    assert (config.d_model, config.extra["num_beams"]) == (1024, 5)


def test_labels_change_by_number_by_name_or_not_at_all() -> None:
    config = BigBirdPegasusConfig(id2label={0: "a", 1: "b", 2: "c"})
    assert config.replace(num_labels=3).id2label == config.id2label
    assert config.replace(num_labels=2).id2label == {0: "LABEL_0", 1: "LABEL_1"}
    assert config.replace(label2id={"x": 1, "y": 0}).id2label == {0: "y", 1: "x"}
    assert config.replace(num_labels=1, id2label={0: "only"}).num_labels == 1
    with pytest.raises(ConfigError, match="num_labels=3 contradicts id2label, which names 2"):
        config.replace(num_labels=3, id2label={0: "a", 1: "b"})


@pytest.mark.parametrize(
    ("name", "hint"),
    [("num_lables", ": did you mean num_labels"), ("hiden_size", ": did you mean hidden_size")],
)
def test_changing_an_unknown_key_is_an_error_that_names_the_closest(name: str, hint: str) -> None:
    with pytest.raises(ConfigError, match=f"unknown option '{name}'{hint}"):
        BigBirdPegasusConfig().replace(**{name: 3})
    with pytest.raises(ConfigError, match=r"unknown option 'xyzzy'$"):
        BigBirdPegasusConfig().replace(xyzzy=3)


def test_changes_are_made_on_load(tmp_path: Path) -> None:
    BigBirdPegasusConfig().save_pretrained(tmp_path)
    config = BigBirdPegasusConfig.from_pretrained(tmp_path, attention_type="original_full", block_size=16)
    assert (config.attention_type, config.block_size) == ("original_full", 16)


def test_what_forwards_return_is_part_of_the_configuration() -> None:
    config = BigBirdPegasusConfig()
    assert (config.output_attentions, config.output_hidden_states, config.return_dict) == (False, False, True)
    config = config.replace(output_attentions=True, output_hidden_states=True, return_dict=False)
    assert (config.output_attentions, config.output_hidden_states, config.return_dict) == (True, True, False)


def test_values_are_set_and_read_under_all_their_names() -> None:
    config = BigBirdPegasusConfig(d_model=32)
    config.hidden_size = 64
    config.num_attention_heads = 8
    config.attention_probs_dropout_prob = 0.5
    assert (config.d_model, config.encoder_attention_heads, config.attention_dropout) == (64, 8, 0.5)
    config.num_beams = 4
    assert (config.num_beams, config.to_dict()["num_beams"]) == (4, 4)
    config.dtype = torch.bfloat16
    assert (config.dtype, config.torch_dtype) == (torch.bfloat16, torch.bfloat16)
    with pytest.raises(AttributeError, match="did you mean num_beams"):
        _ = config.num_beam
    assert {"d_model", "num_beams"} <= set(config)


def test_labels_can_be_set_by_number_name_or_count() -> None:
    config = BigBirdPegasusConfig()
    config.num_labels = 3
    assert config.id2label == {0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"}
    config.id2label = {"0": "good", "1": "bad"}  # type: ignore[dict-item]
    assert (config.num_labels, config.label2id) == (2, {"good": 0, "bad": 1})
    config.num_labels = 2
    assert config.id2label == {0: "good", 1: "bad"}
    config.label2id = {"a": 1, "b": 0}
    assert config.id2label == {0: "b", 1: "a"}


def test_what_is_set_is_checked_at_once_or_when_a_model_is_made() -> None:
    config = BigBirdPegasusConfig()
    with pytest.raises(ConfigError, match="attention_type is 'spares'"):
        config.attention_type = "spares"  # type: ignore[assignment]
    with pytest.raises(ConfigError, match="to_dict is no value"):
        config.to_dict = 3  # type: ignore[assignment,method-assign]
    with pytest.raises(ConfigError, match="architectures is 'one'"):
        config.architectures = "one"  # type: ignore[assignment]
    config.d_model = 15
    with pytest.raises(ConfigError, match="d_model=15 is not a multiple"):
        BigBirdPegasusModel(config)
    with pytest.raises(ConfigError, match="d_model=15 is not a multiple"):
        config.update({"encoder_layers": 2})
    with pytest.raises(ConfigError, match="made of a BigBirdPegasusConfig, not of dict"):
        BigBirdPegasusModel({})  # type: ignore[arg-type]


def test_a_configuration_is_written_as_json_whole_or_in_part_and_read_back(tmp_path: Path) -> None:
    config = BigBirdPegasusConfig(d_model=64, num_labels=3, output_attentions=True)
    assert json.loads(config.to_json_string()).keys() == {
        *("d_model", "id2label", "label2id", "model_type", "output_attentions")
    }
    for use_diff in (True, False):
        config.to_json_file(tmp_path / "a.json", use_diff)
        assert BigBirdPegasusConfig.from_json_file(tmp_path / "a.json") == config
    assert config != BigBirdPegasusConfig(d_model=64)
    with pytest.raises(CheckpointError, match="no file"):
        BigBirdPegasusConfig.from_json_file(tmp_path / "b.json")
    with pytest.raises(TypeError, match="unhashable"):
        hash(config)


def test_unknown_keys_of_from_pretrained_change_nothing_and_are_returned_or_reported(tmp_path: Path) -> None:
    BigBirdPegasusConfig(num_beams=3).save_pretrained(tmp_path)
    options: Any = {"num_beams": 5, "fooo": 1, "return_unused_kwargs": True, "cache_dir": tmp_path}
    config, unused = cast(Any, BigBirdPegasusConfig.from_pretrained(tmp_path, **options))
    assert (config.num_beams, config.name_or_path, unused) == (5, str(tmp_path), {"fooo": 1})
    with pytest.warns(UserWarning, match=r"no 'd_modl', it changes nothing: did you mean d_model\?"):
        BigBirdPegasusConfig.from_pretrained(tmp_path, d_modl=3)


def test_every_activation_that_can_be_named_is_that_of_transformers() -> None:
    x = torch.linspace(-12, 12, 101)
    for name in ACTIVATIONS:
        torch.testing.assert_close(activation(name)(x), transformers.activations.ACT2FN[name](x), msg=name)
    assert set(transformers.activations.ACT2FN) - set(ACTIVATIONS) == {"prelu", "xielu"}  # have parameters


@pytest.mark.parametrize("name", ["dtype", "torch_dtype"])
@pytest.mark.parametrize("value", ["float16", torch.float16])
def test_a_type_of_weights_is_given_and_read_as_published(name: str, value: Any) -> None:
    for package in (transformers, bigbird_pegasus):
        config = package.BigBirdPegasusConfig(**{name: value})
        assert config.dtype is config.torch_dtype is torch.float16
        assert json.loads(config.to_json_string())["dtype"] == "float16"
        assert package.AutoModel.from_config(tiny_of(package, config)).dtype == torch.float16
    assert str(config).startswith("BigBirdPegasusConfig {\n")
    assert BigBirdPegasusConfig().dtype is BigBirdPegasusConfig(torch_dtype="auto").dtype is None


def tiny_of(package: Any, config: Any) -> Any:
    """The sizes of a tiny model in a configuration of either package."""
    return package.BigBirdPegasusConfig(**(config.to_diff_dict() | SIZES))
