"""Our numbers against transformers', in float32 at the default tolerance."""

from pathlib import Path
from typing import Any

import pytest
import torch
from bigbird_pegasus import BigBirdPegasusForConditionalGeneration, load_model

from tests.model.tiny import SIZES, tiny_ids
from tests.parity.reference import reference_model

LENGTHS = [3, 28, 29, 30, 61, 100]  # up to and beyond the sparse limit of 28, multiples of 4 and not


def masks(length: int) -> list[torch.Tensor | None]:
    ends = torch.tensor([[length], [max(1, length // 2)], [max(1, length - 3)]])
    return [None, (torch.arange(length) < ends).long()]


def assert_equal_outputs(ours: Any, theirs: Any, mask: torch.Tensor | None) -> None:
    torch.testing.assert_close(ours.logits, theirs.logits)
    real = (
        torch.ones(ours.encoder_last_hidden_state.shape[:2], dtype=torch.bool)
        if mask is None
        else mask.bool()
    )
    torch.testing.assert_close(ours.encoder_last_hidden_state[real], theirs.encoder_last_hidden_state[real])


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"num_random_blocks": 3, "use_bias": True, "block_size": 2},
        {"attention_type": "original_full", "activation_function": "relu"},
        {"scale_embedding": False, "activation_function": "gelu"},
    ],
    ids=["plain", "bias, three random blocks", "full, relu", "unscaled, gelu"],
)
def test_logits_equal_those_of_transformers(tmp_path: Path, changes: dict[str, Any], length: int) -> None:
    ids, target = tiny_ids(3, length), tiny_ids(3, 7, seed=1)
    for mask in masks(length):
        theirs = reference_model(tmp_path, **changes)
        ours = load_model(tmp_path, random_attention="transformers")
        inputs = {"input_ids": ids, "attention_mask": mask, "decoder_input_ids": target}
        with torch.no_grad():
            assert_equal_outputs(ours(**inputs), theirs(**inputs), mask)


@pytest.mark.parametrize(
    ("length", "block_size", "random_blocks"),
    [(1024, 64, 3), (3072, 128, 2), (4096, 64, 3), (512, 16, 2), (400, 16, 3), (399, 16, 1)],
)
def test_seeded_attention_equals_transformers_in_training(
    tmp_path: Path, length: int, block_size: int, random_blocks: int
) -> None:
    """Transformers draws the seeded plan in training only; with no dropout nothing else differs there."""
    sizes: dict[str, Any] = {
        "block_size": block_size,
        "num_random_blocks": random_blocks,
        "max_position_embeddings": 4096,
    }
    theirs = reference_model(tmp_path, dropout=0.0, **sizes).train()
    ours = load_model(tmp_path, random_attention="seeded")
    mask = (torch.arange(length) < torch.tensor([[length], [length - 100]])).long()
    inputs = {"input_ids": tiny_ids(2, length), "attention_mask": mask, "decoder_input_ids": tiny_ids(2, 4)}
    with torch.no_grad():
        assert_equal_outputs(ours(**inputs), theirs(**inputs), mask)
        other = load_model(tmp_path, random_attention="transformers")(**inputs)
    assert not torch.allclose(other.logits, theirs(**inputs).logits)  # the plans do matter in this test


def test_transformers_loads_what_we_save_with_equal_logits(tmp_path: Path) -> None:
    import transformers

    reference_model(tmp_path / "theirs")
    ours = BigBirdPegasusForConditionalGeneration.from_pretrained(
        tmp_path / "theirs", random_attention="transformers"
    )
    ours.save_pretrained(tmp_path / "ours")
    published: Any = transformers.BigBirdPegasusForConditionalGeneration
    theirs, report = published.from_pretrained(tmp_path / "ours", output_loading_info=True)
    assert not any(report[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    inputs = {"input_ids": tiny_ids(2, 50), "decoder_input_ids": tiny_ids(2, 5)}
    with torch.no_grad():
        torch.testing.assert_close(theirs.eval()(**inputs).logits, ours(**inputs).logits)


def test_published_configuration_has_the_same_fields_and_defaults() -> None:
    import transformers
    from bigbird_pegasus import BigBirdPegasusConfig

    theirs, ours = transformers.BigBirdPegasusConfig(), BigBirdPegasusConfig()
    own_fields = set(transformers.BigBirdPegasusConfig.__annotations__) - {"model_type", "attribute_map"}
    compared = {
        name for name in own_fields if not name.startswith("_") and name != "keys_to_ignore_at_inference"
    }
    assert {"vocab_size", "block_size", "tie_word_embeddings"} <= compared
    assert {name: getattr(ours, name) for name in compared} == {
        name: getattr(theirs, name) for name in compared
    }
    for alias in transformers.BigBirdPegasusConfig.attribute_map:
        assert getattr(ours, alias) == getattr(theirs, alias)


def test_tiny_sizes_are_ones_that_transformers_accepts() -> None:
    import transformers

    assert transformers.BigBirdPegasusConfig(**SIZES).d_model == 32
