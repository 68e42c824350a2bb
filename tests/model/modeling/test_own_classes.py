"""A class that a caller makes of `BigBirdPegasusPreTrainedModel`: the body and a head of its own."""

from pathlib import Path
from typing import Any

import pytest
import torch
from bigbird_pegasus import (
    BigBirdPegasusConfig,
    BigBirdPegasusForConditionalGeneration,
    BigBirdPegasusModel,
    BigBirdPegasusPreTrainedModel,
    NewHeadWarning,
)
from bigbird_pegasus.errors import CheckpointError, ConfigError
from torch import Tensor, nn

from tests.model.tiny import tiny_config, tiny_ids, tiny_model


class Regressor(BigBirdPegasusPreTrainedModel):
    def __init__(self, config: BigBirdPegasusConfig) -> None:
        super().__init__(config)
        self.model = BigBirdPegasusModel(config)
        self.norm = nn.LayerNorm(config.d_model)
        self.regressor = nn.Linear(config.d_model, 1)
        self.offset = nn.Parameter(torch.zeros(1))
        self.post_init()

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Any:
        states = self.model(input_ids, attention_mask=attention_mask).last_hidden_state
        return self.regressor(self.norm(states[:, -1])) + self.offset


@pytest.mark.parametrize("base", [BigBirdPegasusModel, BigBirdPegasusForConditionalGeneration])
def test_a_published_checkpoint_gives_the_body_and_the_rest_is_new(tmp_path: Path, base: Any) -> None:
    stored = base(tiny_config())
    stored.save_pretrained(tmp_path)
    with pytest.warns(NewHeadWarning, match="regressor.weight.*train Regressor before use"):
        model = Regressor.from_pretrained(tmp_path)
    ours = model.get_parameter("model.shared.weight")
    assert torch.equal(
        ours, stored.get_parameter("shared.weight" if base is BigBirdPegasusModel else "model.shared.weight")
    )
    assert model.norm.weight.tolist() == [1] * 32
    assert model.norm.bias.tolist() == [0] * 32
    assert model(tiny_ids(2, 9)).shape == (2, 1)


def test_it_is_saved_and_read_again(tmp_path: Path) -> None:
    model = Regressor(tiny_config()).eval()
    model.save_pretrained(save_directory=tmp_path)
    same = Regressor.from_pretrained(pretrained_model_name_or_path=tmp_path)
    assert torch.equal(same(tiny_ids(2, 9)), model(tiny_ids(2, 9)))


def test_a_body_that_lacks_tensors_is_an_error_all_the_same(tmp_path: Path) -> None:
    stored = BigBirdPegasusModel(tiny_config())
    state = stored.state_dict()
    state.pop("encoder.layers.0.fc1.weight")
    stored.save_pretrained(tmp_path, state_dict=state)
    with pytest.raises(CheckpointError, match=r"1 missing: model\.encoder\.layers\.0\.fc1\.weight"):
        Regressor.from_pretrained(tmp_path)


class WithLayer(BigBirdPegasusForConditionalGeneration):
    def __init__(self, config: BigBirdPegasusConfig) -> None:
        super().__init__(config)
        self.extra = nn.Linear(config.d_model, 2)
        self.register_buffer("steps", torch.arange(3))
        self.register_buffer("ones", torch.empty(3).fill_(1), persistent=False)
        self.post_init()


def test_what_a_subclass_adds_is_new_and_its_buffers_are_the_constructors(tmp_path: Path) -> None:
    stored = tiny_model()
    stored.save_pretrained(tmp_path)
    with pytest.warns(NewHeadWarning, match="has no extra.weight, extra.bias: newly initialized"):
        model = WithLayer.from_pretrained(tmp_path)
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in stored.state_dict().items())
    assert model.get_parameter("extra.weight").std() > 0.1
    assert model.get_buffer("steps").tolist() == [0, 1, 2]
    assert model.get_buffer("ones").tolist() == [1, 1, 1]
    model.get_buffer("steps").fill_(7)
    model.save_pretrained(tmp_path)
    same = WithLayer.from_pretrained(tmp_path)
    assert torch.equal(same.get_parameter("extra.weight"), model.get_parameter("extra.weight"))
    assert same.get_buffer("steps").tolist() == [7, 7, 7]
    assert same.get_buffer("ones").tolist() == [1, 1, 1]


def test_a_subclass_that_takes_no_random_attention_is_asked_for_none(tmp_path: Path) -> None:
    tiny_model().save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match="'transformers', but WithLayer is made of a configuration alone"):
        WithLayer.from_pretrained(tmp_path, random_attention="transformers")


def test_no_checkpoint_is_refused() -> None:
    with pytest.raises(ConfigError, match="there is no checkpoint to read"):
        BigBirdPegasusModel.from_pretrained(None, config=tiny_config(), state_dict={})


def test_weights_are_drawn_once() -> None:
    model = tiny_model()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model.init_weights()
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert model.get_parameter("lm_head.weight") is model.get_parameter("model.shared.weight")


def test_weights_that_are_made_off_the_meta_device_later_are_drawn() -> None:
    with torch.device("meta"):
        model = BigBirdPegasusModel(tiny_config())
    model.to_empty(device="cpu")
    torch.nn.init.zeros_(model.get_parameter("shared.weight"))
    model.init_weights()
    assert model.get_parameter("shared.weight").std() > 0.2


def test_whether_it_writes_is_asked_of_the_class() -> None:
    assert BigBirdPegasusForConditionalGeneration.can_generate()
    assert not BigBirdPegasusModel.can_generate()


def test_a_way_of_attention_is_accepted_or_refused() -> None:
    tiny_model().set_attn_implementation("sdpa")
    with pytest.raises(ConfigError, match="attn_implementation is 'flash'"):
        tiny_model().set_attn_implementation("flash")


def test_there_is_one_configuration() -> None:
    config = tiny_config()
    assert config.get_text_config(decoder=True) is config
    assert config.sub_configs == {}


def test_an_upload_is_refused_with_what_to_do() -> None:
    with pytest.raises(ConfigError, match="push_to_hub is not offered: `hf upload`"):
        tiny_model().push_to_hub("name")
