"""A class that a caller makes around a loaded body keeps the body's weights, as with transformers."""

from pathlib import Path
from typing import Any

import bigbird_pegasus
import pytest
import torch
import transformers
from torch import nn

from tests.parity.reference import reference_model


def around(library: Any, folder: Path) -> nn.Module:
    """Make a class with a loaded body and a new head, which ends as published."""
    base: Any = library.BigBirdPegasusPreTrainedModel

    class WithLoadedBody(base):  # type: ignore[misc]
        def __init__(self, config: Any) -> None:
            super().__init__(config)
            self.model = library.BigBirdPegasusModel.from_pretrained(folder)
            self.regressor = nn.Linear(config.d_model, 1)
            self.post_init()

    model: nn.Module = WithLoadedBody(library.BigBirdPegasusConfig.from_pretrained(folder))
    return model


def test_a_loaded_body_is_kept_and_the_head_is_new(tmp_path: Path) -> None:
    stored = reference_model(tmp_path, kind="BigBirdPegasusModel").state_dict()
    ours, theirs = (around(library, tmp_path) for library in (bigbird_pegasus, transformers))
    body = ours.get_submodule("model").state_dict()
    assert body
    assert all(torch.equal(tensor, stored[name]) for name, tensor in body.items())
    other = theirs.get_submodule("model").state_dict()
    assert all(torch.equal(tensor, other[name]) for name, tensor in body.items())
    for model in (ours, theirs):
        assert torch.equal(model.get_parameter("regressor.bias"), torch.zeros(1))
        assert 0.1 < float(model.get_parameter("regressor.weight").detach().std()) < 0.6


@pytest.mark.parametrize("kind", ["BigBirdPegasusModel", "BigBirdPegasusForConditionalGeneration"])
@pytest.mark.parametrize("method", ["init_weights", "post_init"])
def test_loaded_weights_are_not_drawn_again(tmp_path: Path, kind: str, method: str) -> None:
    reference_model(tmp_path, kind=kind)
    for library in (bigbird_pegasus, transformers):
        model = getattr(library, kind).from_pretrained(tmp_path)
        before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        getattr(model, method)()
        assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
