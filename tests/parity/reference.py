"""The published implementation, made fresh for every case: it leaks state between inputs."""

from pathlib import Path
from typing import Any

import torch
import transformers

from tests.model.tiny import SIZES

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()


def reference_model(
    folder: Path, seed: int = 0, kind: str = "BigBirdPegasusForConditionalGeneration", **changes: Any
) -> Any:
    """Make a tiny model of transformers with random weights, save it in `folder`, return it in eval mode."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        config = transformers.BigBirdPegasusConfig(**(SIZES | changes))
        model = getattr(transformers, kind)(config)
        if hasattr(model, "final_logits_bias"):
            model.final_logits_bias.normal_()
    model.save_pretrained(folder)
    return model.eval()
