"""Gradients of every parameter against transformers, in training mode with Google's random attention."""

from pathlib import Path
from typing import Any

import pytest
import torch
from bigbird_pegasus import load_model
from bigbird_pegasus.checkpoints.names import published_name

from tests.model.tiny_inputs import KINDS, tiny_inputs
from tests.parity.reference import reference_model

FULL, SPARSE = 25, 399  # transformers draws Google's plans where it has room for 4,096 tokens
SIZES: dict[str, Any] = {
    "max_position_embeddings": 4096,
    "block_size": 16,
    "num_random_blocks": 2,
    "dropout": 0.0,
}


def loss_of(output: Any) -> torch.Tensor:
    loss: torch.Tensor | None = getattr(output, "loss", None)
    if loss is not None:
        return loss
    states: torch.Tensor = output.last_hidden_state
    return states.square().mean()


def assert_equal_gradients(ours: Any, theirs: Any, inputs: dict[str, Any]) -> None:
    mine, other = loss_of(ours(**inputs)), loss_of(theirs(**inputs))
    torch.testing.assert_close(mine, other)
    mine.backward()
    other.backward()
    expected = dict(theirs.named_parameters())
    compared = {published_name(name): p.grad for name, p in ours.named_parameters()}
    assert compared.keys() == expected.keys()
    for name, gradient in compared.items():
        reference = expected[name].grad
        assert (gradient is None) == (reference is None), name
        if gradient is not None:
            # Gradients sum thousands of terms, each side in another order: looser than the default, and
            # relative to the largest of the tensor.
            atol = 1e-5 * max(1.0, reference.abs().max().item())
            assert torch.allclose(gradient, reference, rtol=1e-4, atol=atol), name


@pytest.mark.parametrize("length", [FULL, SPARSE])
@pytest.mark.parametrize("kind", KINDS)
def test_gradients_of_every_parameter_equal_those_of_transformers(
    tmp_path: Path, kind: str, length: int
) -> None:
    theirs = reference_model(tmp_path, kind=kind, use_bias=True, **SIZES).train()
    ours = load_model(tmp_path).train()
    assert_equal_gradients(ours, theirs, tiny_inputs(kind, length, labels=True))


@pytest.mark.parametrize(
    ("problem_type", "labels"),
    [
        ("regression", torch.tensor([[0.5, 1.0, -3.0]] * 3)),
        ("multi_label_classification", torch.tensor([[1.0, 0, 1], [0, 0, 0], [0, 1, 0]])),
    ],
)
def test_gradients_of_other_problem_types_equal_those_of_transformers(
    tmp_path: Path, problem_type: str, labels: torch.Tensor
) -> None:
    kind = "BigBirdPegasusForSequenceClassification"
    theirs = reference_model(tmp_path, kind=kind, num_labels=3, problem_type=problem_type, **SIZES).train()
    ours = load_model(tmp_path).train()
    assert_equal_gradients(ours, theirs, tiny_inputs(kind, SPARSE) | {"labels": labels})


def test_gradients_through_full_attention_on_long_documents_equal_those_of_transformers(
    tmp_path: Path,
) -> None:
    kind = "BigBirdPegasusForConditionalGeneration"
    theirs = reference_model(tmp_path, kind=kind, attention_type="original_full", **SIZES).train()
    assert_equal_gradients(load_model(tmp_path).train(), theirs, tiny_inputs(kind, SPARSE, labels=True))


@pytest.mark.parametrize("kind", KINDS[1:])
def test_the_layers_dropped_by_a_seed_are_those_that_transformers_drops(tmp_path: Path, kind: str) -> None:
    layers: dict[str, Any] = {
        "encoder_layers": 4,
        "decoder_layers": 4,
        "encoder_layerdrop": 0.5,
        "decoder_layerdrop": 0.5,
    }
    # Not sparse: a short input makes transformers build new attention modules, which draws random numbers.
    theirs = reference_model(tmp_path, kind=kind, attention_type="original_full", **SIZES, **layers).train()
    ours = load_model(tmp_path).train()
    inputs = tiny_inputs(kind, FULL, labels=True)
    losses = set()
    for seed in range(5):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            mine = loss_of(ours(**inputs))
            torch.manual_seed(seed)
            torch.testing.assert_close(mine, loss_of(theirs(**inputs)))
        losses.add(mine.item())
    assert len(losses) > 1
