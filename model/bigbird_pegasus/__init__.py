"""BigBird-Pegasus in PyTorch: an encoder-decoder for long documents, and a small model that comes with it.

Names are imported when they are first used, so that `import bigbird_pegasus` alone stays quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bigbird_pegasus.checkpoints.files import DEFAULT_MODEL as DEFAULT_MODEL
    from bigbird_pegasus.checkpoints.loader import NewHeadWarning as NewHeadWarning
    from bigbird_pegasus.config import BigBirdPegasusConfig as BigBirdPegasusConfig
    from bigbird_pegasus.loading import load_model as load_model
    from bigbird_pegasus.modeling.causal_lm import BigBirdPegasusForCausalLM as BigBirdPegasusForCausalLM
    from bigbird_pegasus.modeling.heads import (
        BigBirdPegasusForConditionalGeneration as BigBirdPegasusForConditionalGeneration,
    )
    from bigbird_pegasus.modeling.heads import (
        BigBirdPegasusForQuestionAnswering as BigBirdPegasusForQuestionAnswering,
    )
    from bigbird_pegasus.modeling.heads import (
        BigBirdPegasusForSequenceClassification as BigBirdPegasusForSequenceClassification,
    )
    from bigbird_pegasus.modeling.model import BigBirdPegasusModel as BigBirdPegasusModel
    from bigbird_pegasus.modeling.sentence_extraction import (
        BigBirdPegasusForSentenceExtraction as BigBirdPegasusForSentenceExtraction,
    )
    from bigbird_pegasus.pipelines import pipeline as pipeline
    from bigbird_pegasus.quantization.quantize import BitsAndBytesConfig as BitsAndBytesConfig
    from bigbird_pegasus.summarization.summarize import summarize as summarize
    from bigbird_pegasus.summarization.summary import Summary as Summary
    from bigbird_pegasus.tokenization.tokenizer import PegasusTokenizer as PegasusTokenizer

_LAZY = {
    "BigBirdPegasusConfig": "config",
    "BigBirdPegasusForCausalLM": "modeling.causal_lm",
    "BigBirdPegasusForConditionalGeneration": "modeling.heads",
    "BigBirdPegasusForQuestionAnswering": "modeling.heads",
    "BigBirdPegasusForSentenceExtraction": "modeling.sentence_extraction",
    "BigBirdPegasusForSequenceClassification": "modeling.heads",
    "BigBirdPegasusModel": "modeling.model",
    "BitsAndBytesConfig": "quantization.quantize",
    "DEFAULT_MODEL": "checkpoints.files",
    "NewHeadWarning": "checkpoints.loader",
    "PegasusTokenizer": "tokenization.tokenizer",
    "load_model": "loading",
    "pipeline": "pipelines",
    "Summary": "summarization.summary",
    "summarize": "summarization.summarize",
}

__all__ = sorted(_LAZY)


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
