"""BigBird-Pegasus in PyTorch: an encoder-decoder for long documents, and a small model that comes with it.

Names are imported when they are first used, so that `import bigbird_pegasus` alone stays quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bigbird_pegasus.config import BigBirdPegasusConfig as BigBirdPegasusConfig
    from bigbird_pegasus.extraction import (
        BigBirdPegasusForSentenceExtraction as BigBirdPegasusForSentenceExtraction,
    )
    from bigbird_pegasus.heads import BigBirdPegasusForCausalLM as BigBirdPegasusForCausalLM
    from bigbird_pegasus.heads import (
        BigBirdPegasusForConditionalGeneration as BigBirdPegasusForConditionalGeneration,
    )
    from bigbird_pegasus.heads import (
        BigBirdPegasusForQuestionAnswering as BigBirdPegasusForQuestionAnswering,
    )
    from bigbird_pegasus.heads import (
        BigBirdPegasusForSequenceClassification as BigBirdPegasusForSequenceClassification,
    )
    from bigbird_pegasus.loading import DEFAULT_MODEL as DEFAULT_MODEL
    from bigbird_pegasus.loading import load_model as load_model
    from bigbird_pegasus.model import BigBirdPegasusModel as BigBirdPegasusModel
    from bigbird_pegasus.pipelines import pipeline as pipeline
    from bigbird_pegasus.quantization import BitsAndBytesConfig as BitsAndBytesConfig
    from bigbird_pegasus.tokenizer import PegasusTokenizer as PegasusTokenizer
    from bigbird_pegasus.weights import NewHeadWarning as NewHeadWarning

_ROOMS = {
    "BigBirdPegasusConfig": "config",
    "BigBirdPegasusForCausalLM": "heads",
    "BigBirdPegasusForConditionalGeneration": "heads",
    "BigBirdPegasusForQuestionAnswering": "heads",
    "BigBirdPegasusForSentenceExtraction": "extraction",
    "BigBirdPegasusForSequenceClassification": "heads",
    "BigBirdPegasusModel": "model",
    "BitsAndBytesConfig": "quantization",
    "DEFAULT_MODEL": "loading",
    "NewHeadWarning": "weights",
    "PegasusTokenizer": "tokenizer",
    "load_model": "loading",
    "pipeline": "pipelines",
}

__all__ = sorted(_ROOMS)


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
