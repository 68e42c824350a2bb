"""What all pipelines share: options without effect, the device, saving."""

from collections.abc import Iterable, Mapping
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
        ModelInputError: it is something else.
    """
    if not isinstance(inputs, Iterable):
        raise ModelInputError(f"give a text or several of them, not {type(inputs).__name__}")


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
