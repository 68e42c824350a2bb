"""The published implementation, made fresh for every case: it leaks state between inputs."""

from pathlib import Path
from typing import Any

import torch
import transformers

from tests.model.tiny import SIZES

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()


def reference_model(
    folder: Path, seed: int = 0, **changes: Any
) -> transformers.BigBirdPegasusForConditionalGeneration:
    """Make a tiny model of transformers with random weights, save it in `folder`, return it in eval mode."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        config = transformers.BigBirdPegasusConfig(**(SIZES | changes))
        model = transformers.BigBirdPegasusForConditionalGeneration(config)
        model.final_logits_bias.normal_()
    model.save_pretrained(folder)
    return model.eval()
