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
    BatchEncoding,
    BigBirdPegasusConfig,
    BigBirdPegasusForConditionalGeneration,
    GenerationConfig,
    PegasusTokenizer,
    PegasusTokenizerFast,
    default_data_collator,
)
from bigbird_pegasus.errors import ConfigError, TokenizerError
from bigbird_pegasus.generation.config import NOT_OFFERED
from bigbird_pegasus.tokenization.tokenizer import HINTS
from torch import Tensor

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


def test_what_a_tokenizer_does_not_offer_is_one_line_that_names_it(tokenizer: Any, tmp_path: Path) -> None:
    for name, hint in HINTS.items():
        assert not hasattr(tokenizer, name)
        with pytest.raises(AttributeError, match=f"^{name} is not offered: {re.escape(hint)}$"):
            getattr(tokenizer, name)
    with pytest.raises(AttributeError, match=r"^words is no attribute of a tokenizer$"):
        _ = tokenizer.words
    with pytest.raises(TokenizerError, match="filename_prefix is not offered"):
        tokenizer.save_pretrained(tmp_path, filename_prefix="a")
    with pytest.raises(TokenizerError, match="push_to_hub is not offered"):
        tokenizer.save_pretrained(tmp_path, push_to_hub=True)
    with pytest.raises(TokenizerError, match="encoding is not offered"):
        BatchEncoding({}, encoding=[])  # type: ignore[arg-type]
    with pytest.raises(TokenizerError, match="truncation_side is 'up'"):
        PegasusTokenizerFast(tokenizer.vocab_file, offset=0, truncation_side="up")
    tokenizer.truncation_side = "middle"
    with pytest.raises(TokenizerError, match="truncation_side is 'middle'"):
        tokenizer("a")
    tokenizer.truncation_side = "left"
    tokenizer.padding_side = "left"
    tokenizer.save_pretrained(tmp_path)
    again = PegasusTokenizer.from_pretrained(tmp_path)
    assert (again.truncation_side, again.padding_side) == ("left", "left")
    tokenizer.truncation_side = tokenizer.padding_side = "right"


def test_trainers_are_imported_from_transformers() -> None:
    with pytest.raises(
        ImportError, match=r"^Seq2SeqTrainer is not in bigbird_pegasus: import it from transf"
    ):
        from bigbird_pegasus import Seq2SeqTrainer  # noqa: F401
    with pytest.raises(ImportError, match="cannot import name 'Nothing'"):
        from bigbird_pegasus import Nothing  # noqa: F401


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ([{"input_ids": [1, 2]}, {"input_ids": [1]}], {}, "input_ids are of different lengths"),
        ([{"x": Tensor([1, 2])}, {"x": Tensor([1])}], {}, "x are of different lengths"),
        ([{"x": 1}], {"return_tensors": "tf"}, "return_tensors is 'tf'"),
    ],
)
def test_rows_that_make_no_batch_are_refused(rows: Any, options: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        default_data_collator(rows, **options)
