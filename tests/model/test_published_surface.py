"""The table of the published surface in the package's README, kept agreeing with what there is."""

import inspect
import re
from pathlib import Path
from typing import Any

import bigbird_pegasus
import pytest
from bigbird_pegasus import (
    AutoConfig,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    BigBirdPegasusConfig,
    BigBirdPegasusForConditionalGeneration,
    GenerationConfig,
    PegasusTokenizer,
)
from bigbird_pegasus.errors import ConfigError
from bigbird_pegasus.generation.config import NOT_OFFERED

from tests.model.tiny import tiny_ids, tiny_model

READERS = (
    BigBirdPegasusForConditionalGeneration,
    BigBirdPegasusConfig,
    PegasusTokenizer,
    AutoConfig,
    AutoTokenizer,
    AutoModelForSeq2SeqLM,
)
WRITERS = (BigBirdPegasusForConditionalGeneration, BigBirdPegasusConfig, PegasusTokenizer, GenerationConfig)

README = Path(__file__).parents[2] / "model" / "README.md"


def rows() -> list[tuple[str, str]]:
    text = README.read_text(encoding="utf-8").split("## The published surface")[1].split("\n## ")[0]
    found = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| ")]
    return [(left.strip(), right.strip()) for left, right in found[1:]]


def test_what_the_table_names_is_there() -> None:
    model = BigBirdPegasusForConditionalGeneration
    for left, right in rows():
        names = re.findall(r"`(\w+)`", left)
        if left.startswith("`Auto") or left.startswith("`BigBirdPegasusPre") or left.startswith("`TextS"):
            assert set(names) <= set(dir(bigbird_pegasus)), left
        elif left.startswith(("`get_", "`resize", "`gradient")):
            assert all(hasattr(model, name) for name in names), left
        elif left.startswith("`watermarking"):
            assert set(names) <= set(NOT_OFFERED)
            assert right.startswith("refused")


@pytest.mark.parametrize("name", NOT_OFFERED)
def test_what_is_not_offered_is_one_line_that_names_it(name: str) -> None:
    model: Any = tiny_model()
    with pytest.raises(ConfigError, match=f"^{name} is not offered: .*$"):
        model.generate(tiny_ids(1, 5), **{name: 0.5})
    assert model.generate(tiny_ids(1, 5), max_new_tokens=2, **{name: NOT_OFFERED[name][0][0]}) is not None


def test_generation_options_have_the_published_names_and_change_in_place() -> None:
    options = GenerationConfig()
    options.num_beams = 3
    assert options.update(max_length=9, other=1) == {"other": 1}
    assert (options.num_beams, options.max_length) == (3, 9)
    with pytest.raises(ConfigError, match="num_beams is 0"):
        options.update(num_beams=0)


PUBLISHED_NAMES: list[tuple[Any, str, str]] = [
    *((one, "from_pretrained", "pretrained_model_name_or_path") for one in READERS),
    *((one, "save_pretrained", "save_directory") for one in WRITERS),
    (GenerationConfig, "from_pretrained", "pretrained_model_name"),
    (GenerationConfig, "from_dict", "config_dict"),
    (GenerationConfig, "from_model_config", "model_config"),
    (BigBirdPegasusConfig, "from_dict", "config_dict"),
    (BigBirdPegasusConfig, "update", "config_dict"),
    (BigBirdPegasusConfig, "from_json_file", "json_file"),
    (BigBirdPegasusConfig, "to_json_file", "json_file_path"),
]


@pytest.mark.parametrize(("owner", "method", "name"), PUBLISHED_NAMES)
def test_the_first_argument_has_the_published_name(owner: Any, method: str, name: str) -> None:
    assert next(n for n in inspect.signature(getattr(owner, method)).parameters if n != "self") == name
