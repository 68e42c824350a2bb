"""A sentence extraction model in torch as an `ExtractiveModel`: for GPUs, bfloat16 and quantized weights."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from bigbird_pegasus.inference.extractive_model import ExtractiveModel
from bigbird_pegasus.inference.numpy_functions import Floats
from bigbird_pegasus.inference.ragged_batch import encode_each
from bigbird_pegasus.kernels.arithmetic import torch_arithmetic
from bigbird_pegasus.modeling.sentence_extraction import BigBirdPegasusForSentenceExtraction
from bigbird_pegasus.text.windows import EncodedText, Window


def extractive_model(model: BigBirdPegasusForSentenceExtraction) -> ExtractiveModel:
    """Return a model whose encoder runs where it is; the weights of its small networks are copied."""
    return ExtractiveModel(
        model.config,
        lambda windows: encode_windows(model, windows),
        weights_of(model.sentence_head.scorer),
        weights_of(model.sentence_head.chooser),
        torch_arithmetic(str(model.dtype).removeprefix("torch."), str(model.device), model.quantization),
        str(model.device),
        model.general_scorer,
    )


def weights_of(module: nn.Module) -> dict[str, Floats]:
    """Return a module's weights as float32 arrays, by their names in it."""
    return {name: weight.float().cpu().numpy() for name, weight in module.state_dict().items()}


def encode_windows(
    model: BigBirdPegasusForSentenceExtraction, windows: Sequence[tuple[EncodedText, Window]]
) -> list[Floats]:
    """Return the vectors of the sentences of each window; see `ExtractiveModel`."""
    ids = [torch.tensor(encoded.window_ids(window), dtype=torch.long) for encoded, window in windows]
    with torch.inference_mode():
        states = iter(encode_each(model.encoder, [one.to(model.device) for one in ids if len(one)]))
        return [
            _vectors(model, next(states), encoded, window).float().cpu().numpy()
            if window.tokens
            else np.full((window.last - window.first, model.config.d_model), math.nan, np.float32)
            for encoded, window in windows
        ]


def _vectors(
    model: BigBirdPegasusForSentenceExtraction, states: Tensor, encoded: EncodedText, window: Window
) -> Tensor:
    device = model.device
    counts = torch.tensor(encoded.counts[window.first : window.last], device=device)
    vectors: Tensor = model.sentence_head.reader(
        states,
        torch.arange(len(counts), device=device).repeat_interleave(counts).unsqueeze(0),
        torch.arange(window.first, window.last, device=device).unsqueeze(0),
        torch.tensor([len(encoded.sentences)], device=device),
    )
    return vectors[0]
