"""BigBird-Pegasus in PyTorch: an encoder-decoder for long documents, and a small model that comes with it.

Names are imported when they are first used, so that `import bigbird_pegasus` alone stays quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bigbird_pegasus.auto import AutoConfig as AutoConfig
    from bigbird_pegasus.auto import AutoModel as AutoModel
    from bigbird_pegasus.auto import AutoModelForCausalLM as AutoModelForCausalLM
    from bigbird_pegasus.auto import AutoModelForQuestionAnswering as AutoModelForQuestionAnswering
    from bigbird_pegasus.auto import AutoModelForSeq2SeqLM as AutoModelForSeq2SeqLM
    from bigbird_pegasus.auto import AutoModelForSequenceClassification as AutoModelForSequenceClassification
    from bigbird_pegasus.auto import AutoTokenizer as AutoTokenizer
    from bigbird_pegasus.checkpoints.files import DEFAULT_MODEL as DEFAULT_MODEL
    from bigbird_pegasus.checkpoints.loader import NewHeadWarning as NewHeadWarning
    from bigbird_pegasus.config import BigBirdPegasusConfig as BigBirdPegasusConfig
    from bigbird_pegasus.data_collator import DataCollatorForSeq2Seq as DataCollatorForSeq2Seq
    from bigbird_pegasus.data_collator import set_seed as set_seed
    from bigbird_pegasus.generation.config import GenerationConfig as GenerationConfig
    from bigbird_pegasus.generation.logits_processors import LogitsProcessor as LogitsProcessor
    from bigbird_pegasus.generation.logits_processors import LogitsProcessorList as LogitsProcessorList
    from bigbird_pegasus.generation.stopping_criteria import StoppingCriteria as StoppingCriteria
    from bigbird_pegasus.generation.stopping_criteria import StoppingCriteriaList as StoppingCriteriaList
    from bigbird_pegasus.generation.streamers import TextIteratorStreamer as TextIteratorStreamer
    from bigbird_pegasus.generation.streamers import TextStreamer as TextStreamer
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
    from bigbird_pegasus.modeling.pretrained import (
        BigBirdPegasusPreTrainedModel as BigBirdPegasusPreTrainedModel,
    )
    from bigbird_pegasus.modeling.sentence_extraction import (
        BigBirdPegasusForSentenceExtraction as BigBirdPegasusForSentenceExtraction,
    )
    from bigbird_pegasus.pipelines.factory import pipeline as pipeline
    from bigbird_pegasus.quantization.quantize import BitsAndBytesConfig as BitsAndBytesConfig
    from bigbird_pegasus.summarization.summarize import summarize as summarize
    from bigbird_pegasus.summarization.summary import Summary as Summary
    from bigbird_pegasus.tokenization.batch_encoding import BatchEncoding as BatchEncoding
    from bigbird_pegasus.tokenization.tokenizer import PegasusTokenizer as PegasusTokenizer

_LAZY = {
    "AutoConfig": "auto",
    "AutoModel": "auto",
    "AutoModelForCausalLM": "auto",
    "AutoModelForQuestionAnswering": "auto",
    "AutoModelForSeq2SeqLM": "auto",
    "AutoModelForSequenceClassification": "auto",
    "AutoTokenizer": "auto",
    "BatchEncoding": "tokenization.batch_encoding",
    "BigBirdPegasusConfig": "config",
    "BigBirdPegasusForCausalLM": "modeling.causal_lm",
    "BigBirdPegasusForConditionalGeneration": "modeling.heads",
    "BigBirdPegasusForQuestionAnswering": "modeling.heads",
    "BigBirdPegasusForSentenceExtraction": "modeling.sentence_extraction",
    "BigBirdPegasusForSequenceClassification": "modeling.heads",
    "BigBirdPegasusModel": "modeling.model",
    "BigBirdPegasusPreTrainedModel": "modeling.pretrained",
    "BitsAndBytesConfig": "quantization.quantize",
    "DEFAULT_MODEL": "checkpoints.files",
    "DataCollatorForSeq2Seq": "data_collator",
    "GenerationConfig": "generation.config",
    "LogitsProcessor": "generation.logits_processors",
    "LogitsProcessorList": "generation.logits_processors",
    "NewHeadWarning": "checkpoints.loader",
    "PegasusTokenizer": "tokenization.tokenizer",
    "StoppingCriteria": "generation.stopping_criteria",
    "StoppingCriteriaList": "generation.stopping_criteria",
    "Summary": "summarization.summary",
    "TextIteratorStreamer": "generation.streamers",
    "TextStreamer": "generation.streamers",
    "load_model": "loading",
    "pipeline": "pipelines.factory",
    "set_seed": "data_collator",
    "summarize": "summarization.summarize",
}

__all__ = sorted(_LAZY)


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
