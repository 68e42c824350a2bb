"""torch.export, torch.compile and ONNX: encoder and decoder become programs in one piece that agree with
them."""

from pathlib import Path
from typing import Any

import onnxruntime
import pytest
import torch
from bigbird_pegasus.errors import ModelInputError
from bigbird_pegasus.modeling.cross_attention import PackedCrossKV
from bigbird_pegasus.modeling.kv_cache import DecoderCache
from torch import Tensor
from torch.utils._pytree import tree_flatten

from tests.model.tiny import tiny_ids, tiny_model

onnxruntime.disable_telemetry_events()

FULL, SPARSE = 9, 90  # tokens; full attention ends at 28 in the tiny model


def documents(tokens: int, masked: bool) -> tuple[Tensor, Tensor | None]:
    mask = torch.ones(2, tokens, dtype=torch.long)
    mask[1, tokens // 2 :] = 0
    return tiny_ids(2, tokens), mask if masked else None


@pytest.mark.filterwarnings("ignore")  # of the compiler, about caches that it looks into
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("tokens", [FULL, SPARSE])
def test_the_encoder_is_exported_and_compiled_without_a_break(tokens: int, masked: bool) -> None:
    encoder: Any = tiny_model().get_encoder()
    ids, mask = documents(tokens, masked)
    (expected,) = encoder(ids, mask, return_dict=False)
    exported: Any = torch.export.export(encoder, (ids, mask), {"return_dict": False})
    program: Any = exported.module()
    torch.testing.assert_close(program(ids, mask, return_dict=False)[0], expected)
    compiled: Any = torch.compile(encoder, fullgraph=True, backend="eager", dynamic=False)
    torch.testing.assert_close(compiled(ids, mask, return_dict=False)[0], expected)


@pytest.mark.parametrize("masked", [False, True])
def test_the_decoder_is_exported_and_compiled_without_a_break(masked: bool) -> None:
    model = tiny_model()
    decoder: Any = model.get_decoder()
    ids, mask = documents(FULL, masked)
    named: dict[str, Any] = {
        "encoder_hidden_states": model.encode(ids, mask).last_hidden_state,
        "encoder_attention_mask": mask,
        "use_cache": False,
        "return_dict": False,
    }
    prompt = tiny_ids(2, 5, seed=1)
    (expected,) = decoder(prompt, **named)
    exported: Any = torch.export.export(decoder, (prompt,), named)
    program: Any = exported.module()
    torch.testing.assert_close(program(prompt, **named)[0], expected)
    compiled: Any = torch.compile(decoder, fullgraph=True, backend="eager", dynamic=False)
    torch.testing.assert_close(compiled(prompt, **named)[0], expected)


@pytest.mark.parametrize("masked", [False, True])
def test_a_step_with_a_cache_is_exported_and_compiled_without_a_break(masked: bool) -> None:
    model = tiny_model()
    decoder: Any = model.get_decoder()
    ids, mask = documents(FULL, masked)
    source: dict[str, Any] = {
        "encoder_hidden_states": model.encode(ids, mask).last_hidden_state,
        "encoder_attention_mask": mask,
        "return_dict": False,
    }
    prompt, *steps = tiny_ids(2, 5, seed=1).split([3, 1, 1], dim=1)
    caches = [decoder(prompt, use_cache=True, **source)[1] for _ in range(4)]
    expected = [decoder(step, past_key_values=caches[0], **source)[0] for step in steps]

    exported: Any = torch.export.export(decoder, (steps[0],), {"past_key_values": caches[1], **source})
    program: Any = exported.module()
    found, grown = program(steps[0], past_key_values=caches[2], **source)
    torch.testing.assert_close(found, expected[0])
    torch.testing.assert_close(decoder(steps[1], past_key_values=grown, **source)[0], expected[1])

    compiled: Any = torch.compile(decoder, fullgraph=True, backend="eager", dynamic=False)
    for step, states in zip(steps, expected, strict=True):
        torch.testing.assert_close(compiled(step, past_key_values=caches[3], **source)[0], states)


def test_a_cache_of_a_search_is_not_exported() -> None:
    cache = DecoderCache(1)
    cache.set_cross(0, PackedCrossKV((), ()))
    with pytest.raises(ModelInputError, match="let a forward make it"):
        tree_flatten(cache)


@pytest.mark.filterwarnings("ignore")  # of the exporter, about its own future
@pytest.mark.parametrize("tokens", [FULL, SPARSE])
def test_an_onnx_file_of_the_encoder_agrees(tokens: int, tmp_path: Path) -> None:
    encoder: Any = tiny_model().get_encoder()
    ids, mask = documents(tokens, masked=True)
    (expected,) = encoder(ids, mask, return_dict=False)
    encoder.config.return_dict = False
    path = tmp_path / "encoder.onnx"
    torch.onnx.export(encoder, (ids, mask), path, dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(str(path))
    names = [node.name for node in session.get_inputs()]
    (found,) = session.run(
        None, dict(zip(names, (ids.numpy(), (mask if mask is not None else ids).numpy()), strict=True))
    )
    torch.testing.assert_close(torch.from_numpy(found), expected, rtol=1e-4, atol=1e-4)
