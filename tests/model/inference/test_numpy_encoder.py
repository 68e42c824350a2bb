"""The encoder in numpy gives what the modules in torch give."""

from array import array
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from bigbird_pegasus.config import BigBirdPegasusConfig
from bigbird_pegasus.inference.extractive_model import ExtractiveModel, suits_numpy
from bigbird_pegasus.inference.numpy_encoder import encode_tokens, log_bucket
from bigbird_pegasus.inference.numpy_model import load_numpy_model, shapes
from bigbird_pegasus.inference.torch_extraction import extractive_model
from bigbird_pegasus.modeling import sentence_extraction
from bigbird_pegasus.modeling.sentence_extraction import BigBirdPegasusForSentenceExtraction
from bigbird_pegasus.text.sentences import Sentence
from bigbird_pegasus.text.windows import EncodedText, Window

Shown = tuple[EncodedText, Window]
SIZES: dict[str, Any] = {
    "vocab_size": 50,
    "d_model": 24,
    "encoder_layers": 2,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 1,
    "encoder_ffn_dim": 40,
    "max_position_embeddings": 1100,
    "block_size": 4,
    "num_random_blocks": 2,
    "is_encoder_decoder": False,
    "init_std": 0.3,
}
# By name: what differs from `SIZES`, and how many tokens there are.
CASES: dict[str, tuple[dict[str, Any], int]] = {
    "one token": ({}, 1),
    "full attention": ({}, 36),
    "sparse, a token more": ({}, 37),
    "sparse, whole blocks": ({}, 80),
    "sparse, padded": ({}, 91),
    "a planned length": ({"block_size": 32, "num_random_blocks": 1}, 1024),
    "a planned length, padded": ({"block_size": 32, "num_random_blocks": 1}, 1001),
    "no random blocks": ({"num_random_blocks": 0}, 50),
    "original_full": ({"attention_type": "original_full"}, 90),
    "biases, three heads": ({"use_bias": True, "encoder_attention_heads": 3}, 60),
    "gelu, unscaled": ({"activation_function": "gelu", "scale_embedding": False}, 60),
    "relu": ({"activation_function": "relu"}, 60),
    "silu, one layer": ({"activation_function": "silu", "encoder_layers": 1}, 60),
}


def made(changes: dict[str, Any], folder: Path) -> tuple[BigBirdPegasusForSentenceExtraction, Path]:
    """A model with drawn weights, biases and norms among them, and its folder."""
    torch.manual_seed(0)
    model = BigBirdPegasusForSentenceExtraction(BigBirdPegasusConfig(**(SIZES | changes))).eval()
    for name, weight in model.named_parameters():
        if name.endswith("bias") or "norm" in name:
            torch.nn.init.normal_(weight, mean=1 - name.endswith("bias"), std=0.2)
    model.save_pretrained(folder)
    return model, folder


def read(folder: Path, threads: int = 1) -> ExtractiveModel:
    found = load_numpy_model(folder, threads)
    assert found is not None
    return found


def document(counts: list[int], first: int = 0, before: int = 0) -> EncodedText:
    """A document of sentences with so many tokens, of which `first` come before them, one token each."""
    generator = np.random.default_rng(0)
    all_counts = [1] * first + counts + [1] * before
    ids = generator.integers(1, SIZES["vocab_size"], sum(all_counts))
    sentences = [Sentence(n, n + 1, n == 0) for n in range(len(all_counts))]
    return EncodedText(sentences, all_counts, array("i", ids.tolist()))


@pytest.mark.parametrize("name", CASES)
def test_vectors_are_those_of_torch(name: str, tmp_path: Path) -> None:
    changes, tokens = CASES[name]
    model, folder = made(changes, tmp_path)
    counts = [tokens] if tokens < 4 else [0, tokens // 3, 1, 0, tokens - tokens // 3 - 1, 0]
    windows: list[Shown] = [
        (document(counts), Window(0, len(counts), 0, tokens)),
        (document(counts, 30, 7), Window(30, 30 + len(counts), 30, tokens)),
    ]
    expected = extractive_model(model).encode_windows(windows)
    for one, other in zip(read(folder).encode_windows(windows), expected, strict=True):
        torch.testing.assert_close(
            torch.from_numpy(one), torch.from_numpy(other), rtol=1e-4, atol=1e-4, equal_nan=True
        )


def test_windows_without_tokens_have_no_vectors(tmp_path: Path) -> None:
    _, folder = made({}, tmp_path)
    (found,) = read(folder).encode_windows([(document([0, 0]), Window(0, 2, 0, 0))])
    assert found.shape == (2, SIZES["d_model"])
    assert np.isnan(found).all()


def test_a_window_has_the_same_bits_whatever_is_beside_it_and_however_many_threads(tmp_path: Path) -> None:
    _, folder = made({}, tmp_path)
    texts = [document([20, 30, 41, n]) for n in range(9)]
    windows = [(text, Window(0, 4, 0, len(text.ids))) for text in texts]
    alone = [read(folder).encode_windows([window])[0] for window in windows]
    for threads in (1, 2, 20):
        for one, other in zip(read(folder, threads).encode_windows(windows), alone, strict=True):
            np.testing.assert_array_equal(one, other)


def test_more_tokens_than_positions_are_an_error(tmp_path: Path) -> None:
    _, folder = made({}, tmp_path)
    model = read(folder)
    with pytest.raises(ValueError, match="1101 tokens are more than the model's 1100 positions"):
        encode_tokens(np.ones(1101, np.int64), model.config, {})


@pytest.mark.parametrize("buckets", [16, 24])
def test_buckets_are_those_of_torch(buckets: int) -> None:
    numbers = np.arange(5000)
    expected = sentence_extraction.log_bucket(torch.from_numpy(numbers), buckets)
    np.testing.assert_array_equal(log_bucket(numbers, buckets), expected)


@pytest.mark.parametrize("changes", [{}, {"use_bias": True, "encoder_layers": 3}])
def test_every_tensor_of_the_model_is_known_with_its_shape(changes: dict[str, Any]) -> None:
    config = BigBirdPegasusConfig(**(SIZES | changes))
    model = BigBirdPegasusForSentenceExtraction(config)
    assert shapes(config) == {name: tuple(weight.shape) for name, weight in model.named_parameters()}


def test_half_precision_is_read_and_stays_half_where_it_is_only_looked_up(tmp_path: Path) -> None:
    model, _ = made({}, tmp_path / "full")
    model.half().save_pretrained(tmp_path / "half")
    rounded = BigBirdPegasusForSentenceExtraction.from_pretrained(tmp_path / "half")
    windows = [(document([20, 30]), Window(0, 2, 0, 50))]
    found, expected = read(tmp_path / "half"), extractive_model(rounded)
    assert found.scorer["grams.weight"].dtype == np.float16
    torch.testing.assert_close(
        torch.from_numpy(found.encode_windows(windows)[0]),
        torch.from_numpy(expected.encode_windows(windows)[0]),
        rtol=1e-4,
        atol=1e-4,
    )


def test_what_numpy_cannot_read_is_left_to_torch(tmp_path: Path) -> None:
    model, folder = made({}, tmp_path / "made")
    assert load_numpy_model(folder, 1) is not None
    model.bfloat16().save_pretrained(tmp_path / "bfloat16")
    quantized = BigBirdPegasusForSentenceExtraction.from_pretrained(folder, quantization_config="int8")
    quantized.save_pretrained(tmp_path / "int8")
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:-9])
    made({"d_model": 32}, tmp_path / "other")
    (tmp_path / "other" / "config.json").write_bytes((folder / "config.json").read_bytes())
    for name in ("bfloat16", "int8", "cut", "other", "nowhere"):
        assert load_numpy_model(tmp_path / name, 1) is None, name


def test_numpy_does_float32_on_the_cpu() -> None:
    assert all(
        suits_numpy(device, dtype, None) for device in ("auto", "cpu") for dtype in ("auto", "float32")
    )
    assert not suits_numpy("cuda", "auto", None)
    assert not suits_numpy("auto", "bfloat16", None)
    assert not suits_numpy("auto", "auto", "int8")
