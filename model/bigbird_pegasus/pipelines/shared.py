"""What all pipelines share: options without effect, the device, saving."""

from collections.abc import Iterable, Mapping
from inspect import signature
from pathlib import Path
from typing import Any

import torch

from bigbird_pegasus.errors import ConfigError, ModelInputError
from bigbird_pegasus.inference.extractive_model import ExtractiveModel
from bigbird_pegasus.modeling.pretrained import BigBirdPegasusPreTrainedModel
from bigbird_pegasus.tokenization.tokenizer import PegasusTokenizer

Record = dict[str, Any]

# What transformers takes and what changes nothing here: texts are computed one after the other, there is one
# implementation of each class, and no code of a repository is run.
IGNORED = ("batch_size", "num_workers", "framework", "use_fast", "trust_remote_code", "binary_output")


def check_inputs(inputs: Any) -> None:
    """Check that there is a text, or what can be one after the other.

    Raises:
        ModelInputError: it is something else, such as a mapping, of which only keys would be read.
    """
    if not isinstance(inputs, Iterable) or isinstance(inputs, bytes | Mapping):
        raise ModelInputError(f"give a text or several of them, not {type(inputs).__name__}")


def check_text(text: Any) -> str:
    """Return a text as it is.

    Raises:
        ModelInputError: it is none.
    """
    if not isinstance(text, str):
        raise ModelInputError(f"give a text or several of them: {text!r:.50} is none")
    return text


def encoded(tokenizer: Any, options: Any, **texts: str) -> Any:
    """Return a text or pair as tensors (1, T), encoded with further arguments of the tokenizer.

    Raises:
        ConfigError: the options are no mapping, or not those of a tokenizer.
        TokenizerError: one is impossible.
    """
    if not isinstance(options, Mapping):
        raise ConfigError(f"options of the tokenizer are a dict by their names, not {options!r:.50}")
    set_here = {"return_tensors": "pt", **texts}
    try:
        signature(tokenizer).bind(**set_here)
        signature(tokenizer).bind(**options)
    except TypeError as error:
        raise ConfigError(f"the tokenizer {error}") from error
    if both := set_here.keys() & options.keys():
        raise ConfigError(f"{min(both)} is set by the pipeline")
    return tokenizer(**set_here, **options)


def without_ignored(options: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out the options that change nothing here."""
    return {name: value for name, value in options.items() if name not in IGNORED}


def device_of(model: BigBirdPegasusPreTrainedModel | ExtractiveModel) -> torch.device:
    """Return where a model is: the default one, in numpy, is on the CPU."""
    return model.device if isinstance(model, BigBirdPegasusPreTrainedModel) else torch.device("cpu")


def save(
    model: BigBirdPegasusPreTrainedModel | ExtractiveModel, tokenizer: PegasusTokenizer, folder: str | Path
) -> None:
    """Write model and tokenizer into a folder.

    Raises:
        ConfigError: the model runs in numpy.
    """
    if not isinstance(model, BigBirdPegasusPreTrainedModel):
        raise ConfigError("a model that runs in numpy is not saved: copy the folder that it was read from")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
