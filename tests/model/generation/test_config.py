"""Generation options: where they are read from, what is kept, what is refused."""

import json
import re
import warnings
from pathlib import Path
from typing import Any

import pytest
from bigbird_pegasus.config import BigBirdPegasusConfig
from bigbird_pegasus.errors import CheckpointError, ConfigError
from bigbird_pegasus.generation.config import GenerationConfig

PUBLISHED = {
    "num_beams": 5,
    "length_penalty": 0.8,
    "max_length": 256,
}  # of google/bigbird-pegasus-large-arxiv


def test_options_are_read_from_config_json_as_published_checkpoints_keep_them(tmp_path: Path) -> None:
    BigBirdPegasusConfig(vocab_size=97, d_model=16, **PUBLISHED).save_pretrained(tmp_path)
    found = GenerationConfig.from_pretrained(tmp_path)
    assert {name: getattr(found, name) for name in PUBLISHED} == PUBLISHED
    ids = (found.pad_token_id, found.bos_token_id, found.eos_token_id, found.decoder_start_token_id)
    assert ids == (0, 2, 1, 2)
    assert found.extra == {}


def test_generation_config_json_wins_over_config_json(tmp_path: Path) -> None:
    BigBirdPegasusConfig(vocab_size=97, d_model=16, **PUBLISHED).save_pretrained(tmp_path)
    (tmp_path / "generation_config.json").write_text('{"num_beams": 3, "eos_token_id": [1, 4]}')
    found = GenerationConfig.from_pretrained(tmp_path)
    assert (found.num_beams, found.length_penalty, found.eos_token_ids) == (3, 1.0, (1, 4))


def test_options_survive_saving_and_only_what_is_set_is_written(tmp_path: Path) -> None:
    options = GenerationConfig(
        num_beams=4,
        early_stopping="never",
        eos_token_id=[1, 5],
        forced_eos_token_id=1,
        extra={"mine": {"a": 1}},
    )
    options.save_pretrained(tmp_path / "new")
    assert GenerationConfig.from_pretrained(tmp_path / "new") == options
    written = json.loads((tmp_path / "new" / "generation_config.json").read_text())
    assert sorted(written) == ["early_stopping", "eos_token_id", "forced_eos_token_id", "mine", "num_beams"]


def test_unknown_generation_keys_are_kept() -> None:
    values = {"num_beams": 2, "transformers_version": "5.23.0", "_from_model_config": True}
    assert GenerationConfig.from_dict(values).to_dict() == values


def test_keys_that_would_change_the_text_are_reported_once() -> None:
    values = {"penalty_alpha": 0.4, "diversity_penalty": 0.0, "constraints": None}
    with pytest.warns(UserWarning, match="generation options are kept but not used: penalty_alpha$"):
        GenerationConfig.from_dict(values)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert GenerationConfig.from_dict(values).extra == values


def test_none_disables_an_option() -> None:
    values = {"top_k": None, "top_p": None, "num_beams": None, "max_length": None, "early_stopping": None}
    assert GenerationConfig.from_dict(values) == GenerationConfig(top_k=0)
    assert GenerationConfig(num_beams=4, top_k=3).replace(num_beams=None, top_k=None) == GenerationConfig(
        top_k=0
    )


def test_replace_returns_a_changed_copy() -> None:
    options = GenerationConfig(num_beams=4)
    assert options.replace(length_penalty=2.0) == GenerationConfig(num_beams=4, length_penalty=2.0)
    assert options == GenerationConfig(num_beams=4)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"num_beams": 0}, "num_beams is 0: it must be a whole number of at least 1"),
        ({"num_beams": True}, "num_beams is True: it must be a whole number"),
        ({"num_beams": 2.0}, "num_beams is 2.0: it must be a whole number"),
        (
            {"num_beams": 2, "num_return_sequences": 3},
            "num_return_sequences is 3: it must be at most num_beams",
        ),
        ({"num_return_sequences": 2}, "greedy search finds one text: raise num_beams or set do_sample"),
        ({"num_return_sequences": 0}, "num_return_sequences is 0: it must be a whole number of at least 1"),
        ({"max_length": 0}, "max_length is 0: it must be a whole number of at least 1"),
        ({"max_new_tokens": 0}, "max_new_tokens is 0"),
        ({"min_length": -1}, "min_length is -1: it must be a whole number of at least 0"),
        ({"min_new_tokens": -1}, "min_new_tokens is -1"),
        ({"no_repeat_ngram_size": -1}, "no_repeat_ngram_size is -1"),
        ({"early_stopping": "sometimes"}, "early_stopping is 'sometimes': it must be true, false or 'never'"),
        ({"early_stopping": 1}, "early_stopping is 1: it must be true, false or 'never'"),
        ({"length_penalty": float("nan")}, "length_penalty is nan: it must be a finite number"),
        ({"length_penalty": "1"}, "length_penalty is '1': it must be a finite number"),
        ({"temperature": 0.0}, "temperature is 0.0: it must be a finite number above 0"),
        ({"temperature": -1.0}, "temperature is -1.0: it must be a finite number above 0"),
        ({"repetition_penalty": 0}, "repetition_penalty is 0: it must be a finite number above 0"),
        ({"top_p": 0.0}, "top_p is 0.0: it must be a finite number above 0"),
        ({"top_p": 1.5}, "top_p is 1.5: it must be at most 1"),
        ({"top_k": -1}, "top_k is -1"),
        ({"seed": -1}, "seed is -1"),
        ({"do_sample": "yes"}, "do_sample is 'yes': it must be true or false"),
        ({"pad_token_id": -1}, "pad_token_id is -1"),
        (
            {"eos_token_id": [1, "</s>"]},
            "eos_token_id is [1, '</s>']: it must be a token id or a list of token ids",
        ),
        ({"forced_eos_token_id": -3}, "forced_eos_token_id is -3: it must be a token id or a list"),
    ],
    ids=str,
)
def test_an_impossible_value_is_an_error_that_says_what_is_allowed(
    values: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        GenerationConfig(**values)


def test_an_unknown_option_is_an_error() -> None:
    with pytest.raises(
        ConfigError, match="unknown generation option 'length_penality': did you mean length_penalty"
    ):
        GenerationConfig().replace(length_penality=1.0)
    with pytest.raises(ConfigError, match=r"unknown generation option 'zzz'$"):
        GenerationConfig().replace(zzz=1)


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "cannot be read"), ("[1]", "cannot be read: it holds no JSON object"), ("\xff", "cannot be read")],
)
def test_a_corrupt_file_is_an_error_that_names_it(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "generation_config.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(CheckpointError, match=f"generation_config.json {message}"):
        GenerationConfig.from_pretrained(tmp_path)


def test_a_folder_without_configuration_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"has no config\.json"):
        GenerationConfig.from_pretrained(tmp_path)
