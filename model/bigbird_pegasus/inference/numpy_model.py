"""A checkpoint of the sentence extraction model as an `ExtractiveModel` that runs in numpy, without torch.

What is stored in half precision stays so in tables that are only looked up in; matrices become float32.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from bigbird_pegasus.checkpoints.files import QUANTIZATION, SAFETENSORS
from bigbird_pegasus.checkpoints.names import our_name
from bigbird_pegasus.config import BigBirdPegasusConfig
from bigbird_pegasus.inference.extractive_model import ExtractiveModel
from bigbird_pegasus.inference.numpy_encoder import encode_sentences, encode_tokens
from bigbird_pegasus.inference.numpy_functions import Floats, NetworkWeights
from bigbird_pegasus.kernels.allocator import large_tensors_on_own_pages, trim_heap
from bigbird_pegasus.kernels.arithmetic import numpy_arithmetic
from bigbird_pegasus.kernels.blas import single_threaded_blas
from bigbird_pegasus.modeling.general_scorer import read_general_scorer
from bigbird_pegasus.modeling.sentence_columns import (
    DENSE_COLUMNS,
    GRAM_BUCKETS,
    GRAM_WIDTH,
    HEADING_BUCKETS,
    HEADING_WIDTH,
    LENGTH_BUCKETS,
    POSITION_BUCKETS,
    RELATIVE_BUCKETS,
    SCORER_WIDTH,
    SELECTOR_COLUMNS,
    SELECTOR_WIDTH,
    SENTENCE_LAYERS,
)
from bigbird_pegasus.text.windows import EncodedText, Window

_DTYPES = {"F16", "F32"}
_TABLES = ("shared.", "encoder.embed_positions.", "sentence_head.scorer.grams.")  # only looked up in
_SCORER, _SELECTOR = "sentence_head.scorer.", "sentence_head.chooser."


def load_numpy_model(folder: Path, threads: int) -> ExtractiveModel | None:
    """Read a checkpoint folder; windows are computed by `threads` threads.

    Returns:
        The model, or None where a folder does not hold exactly what this engine reads: where weights are
        quantized, of another type or in another kind of file, or do not fit the configuration. Those are
        torch's, which also reports what is wrong.

    Raises:
        CheckpointError, ConfigError: there is no configuration, or not one of ours.
    """
    stored = stored_shapes(folder)
    if stored is None:
        return None
    config = BigBirdPegasusConfig.from_pretrained(folder)
    if config.encoder_layers > len(stored) or stored != shapes(config):
        return None
    with large_tensors_on_own_pages():  # behind this block, results of a forward come from the heap
        weights = _joined(_read(folder / SAFETENSORS), config)
    trim_heap()
    return ExtractiveModel(
        config,
        partial(encode_windows, config, weights, threads),
        {name.removeprefix(_SCORER): w for name, w in weights.items() if name.startswith(_SCORER)},
        {name.removeprefix(_SELECTOR): w for name, w in weights.items() if name.startswith(_SELECTOR)},
        numpy_arithmetic(),
        "cpu",
        read_general_scorer(folder),
    )


def stored_shapes(folder: Path) -> dict[str, tuple[int, ...]] | None:
    """Return the shapes of a folder's tensors by our names; None where numpy cannot read them."""
    try:
        with safe_open(folder / SAFETENSORS, framework="numpy") as file:
            parts = {our_name(name): file.get_slice(name) for name in file.keys()}  # noqa: SIM118  # no mapping
            plain = QUANTIZATION not in (file.metadata() or {})
            if not plain or any(part.get_dtype() not in _DTYPES for part in parts.values()):
                return None
            return {name: tuple(part.get_shape()) for name, part in parts.items()}
    except (SafetensorError, OSError):
        return None


def encode_windows(
    config: BigBirdPegasusConfig,
    weights: NetworkWeights,
    threads: int,
    windows: Sequence[tuple[EncodedText, Window]],
) -> list[Floats]:
    """Return the vectors of the sentences of each window; see `ExtractiveModel`."""
    encode_one = partial(_encode_window, config, weights)
    with single_threaded_blas():
        if threads == 1 or len(windows) == 1:
            return [encode_one(window) for window in windows]
        with ThreadPoolExecutor(min(threads, len(windows))) as workers:
            return list(workers.map(encode_one, windows))


def _encode_window(
    config: BigBirdPegasusConfig, weights: NetworkWeights, shown: tuple[EncodedText, Window]
) -> Floats:
    encoded, window = shown
    if not window.tokens:
        return np.full((window.last - window.first, config.d_model), np.nan, np.float32)
    ids = np.array(encoded.window_ids(window), np.int64)
    counts = np.array(encoded.counts[window.first : window.last], np.int64)
    states = encode_tokens(ids, config, weights)
    return encode_sentences(states, counts, window.first, len(encoded.sentences), config, weights)


def _read(path: Path) -> dict[str, NDArray[Any]]:
    """Return all tensors of a file by our names, float32 but for the tables."""
    weights = {}
    with safe_open(path, framework="numpy") as file:
        for published in file.keys():  # noqa: SIM118  # it is no mapping
            name, array = our_name(published), file.get_tensor(published)
            weights[name] = array if name.startswith(_TABLES) else array.astype(np.float32)
    return weights


def _joined(weights: dict[str, NDArray[Any]], config: BigBirdPegasusConfig) -> dict[str, NDArray[Any]]:
    """Put the projections to queries, keys and values into one, with the queries scaled for attention."""
    scale = np.float32((config.d_model // config.encoder_attention_heads) ** -0.5)
    for name in _attentions(config):
        for part in ("weight", "bias"):
            names = [f"{name}.self.{projection}.{part}" for projection in ("query", "key", "value")]
            if names[0] in weights:
                query, key, value = (weights.pop(each) for each in names)
                weights[f"{name}.joined.{part}"] = np.concatenate([query * scale, key, value])
    return weights


def shapes(config: BigBirdPegasusConfig) -> Mapping[str, tuple[int, ...]]:
    """Return the shape of every tensor of the model by our names."""
    width, inner, scorer = config.d_model, config.encoder_ffn_dim, SCORER_WIDTH
    found: dict[str, tuple[int, ...]] = {
        "shared.weight": (config.vocab_size, width),
        "encoder.embed_positions.weight": (config.max_position_embeddings, width),
        "sentence_head.reader.position.weight": (POSITION_BUCKETS, width),
        "sentence_head.reader.relative_position.weight": (RELATIVE_BUCKETS, width),
        "sentence_head.reader.length.weight": (LENGTH_BUCKETS, width),
        f"{_SCORER}grams.weight": (GRAM_BUCKETS, GRAM_WIDTH + 1),
        f"{_SCORER}headings.weight": (HEADING_BUCKETS, HEADING_WIDTH),
    }
    linears = {
        "sentence_head.reader.token_weight": (1, width),
        "sentence_head.reader.document": (width, width),
        "sentence_head.reader.inner": (width, 3 * width),
        f"{_SCORER}first": (scorer, GRAM_WIDTH + HEADING_WIDTH + len(DENSE_COLUMNS) + width),
        f"{_SCORER}near": (scorer, 3 * scorer),
        f"{_SCORER}document": (scorer, 2 * scorer),
        f"{_SCORER}inner": (scorer, 2 * scorer + GRAM_WIDTH),
        f"{_SCORER}score": (1, scorer),
        f"{_SCORER}length": (1, scorer),
        f"{_SELECTOR}first": (SELECTOR_WIDTH, len(SELECTOR_COLUMNS)),
        f"{_SELECTOR}second": (SELECTOR_WIDTH, SELECTOR_WIDTH),
        f"{_SELECTOR}gain": (1, SELECTOR_WIDTH),
    }
    norms = ["encoder.layernorm_embedding", "sentence_head.reader.norm"]
    for attention in _attentions(config):
        layer = attention.removesuffix(".self_attn")
        linears |= {f"{layer}.fc1": (inner, width), f"{layer}.fc2": (width, inner)}
        norms += [f"{layer}.self_attn_layer_norm", f"{layer}.final_layer_norm"]
        for projection in ("self.query", "self.key", "self.value", "output"):
            found[f"{attention}.{projection}.weight"] = (width, width)
            if config.use_bias:
                found[f"{attention}.{projection}.bias"] = (width,)
    for name, shape in linears.items():
        found |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    for name in norms:
        found |= {f"{name}.weight": (width,), f"{name}.bias": (width,)}
    return found


def _attentions(config: BigBirdPegasusConfig) -> list[str]:
    """Return the names of the attention modules of all layers."""
    stacks = {"encoder": config.encoder_layers, "sentence_head.reader": SENTENCE_LAYERS}
    return [f"{stack}.layers.{n}.self_attn" for stack, layers in stacks.items() for n in range(layers)]
