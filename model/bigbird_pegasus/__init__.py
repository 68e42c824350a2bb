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
    from bigbird_pegasus.data_collator import DataCollatorWithPadding as DataCollatorWithPadding
    from bigbird_pegasus.data_collator import default_data_collator as default_data_collator
    from bigbird_pegasus.data_collator import set_seed as set_seed
    from bigbird_pegasus.generation.config import GenerationConfig as GenerationConfig
    from bigbird_pegasus.generation.logits_processors import LogitsProcessor as LogitsProcessor
    from bigbird_pegasus.generation.logits_processors import LogitsProcessorList as LogitsProcessorList
    from bigbird_pegasus.generation.processor_classes import (
        EncoderNoRepeatNGramLogitsProcessor as EncoderNoRepeatNGramLogitsProcessor,
    )
    from bigbird_pegasus.generation.processor_classes import (
        EncoderRepetitionPenaltyLogitsProcessor as EncoderRepetitionPenaltyLogitsProcessor,
    )
    from bigbird_pegasus.generation.processor_classes import EpsilonLogitsWarper as EpsilonLogitsWarper
    from bigbird_pegasus.generation.processor_classes import EtaLogitsWarper as EtaLogitsWarper
    from bigbird_pegasus.generation.processor_classes import (
        ExponentialDecayLengthPenalty as ExponentialDecayLengthPenalty,
    )
    from bigbird_pegasus.generation.processor_classes import (
        ForcedBOSTokenLogitsProcessor as ForcedBOSTokenLogitsProcessor,
    )
    from bigbird_pegasus.generation.processor_classes import (
        ForcedEOSTokenLogitsProcessor as ForcedEOSTokenLogitsProcessor,
    )
    from bigbird_pegasus.generation.processor_classes import (
        InfNanRemoveLogitsProcessor as InfNanRemoveLogitsProcessor,
    )
    from bigbird_pegasus.generation.processor_classes import LogitNormalization as LogitNormalization
    from bigbird_pegasus.generation.processor_classes import (
        MinLengthLogitsProcessor as MinLengthLogitsProcessor,
    )
    from bigbird_pegasus.generation.processor_classes import (
        MinNewTokensLengthLogitsProcessor as MinNewTokensLengthLogitsProcessor,
    )
    from bigbird_pegasus.generation.processor_classes import MinPLogitsWarper as MinPLogitsWarper
    from bigbird_pegasus.generation.processor_classes import (
        NoBadWordsLogitsProcessor as NoBadWordsLogitsProcessor,
    )
    from bigbird_pegasus.generation.processor_classes import (
        NoRepeatNGramLogitsProcessor as NoRepeatNGramLogitsProcessor,
    )
    from bigbird_pegasus.generation.processor_classes import (
        PrefixConstrainedLogitsProcessor as PrefixConstrainedLogitsProcessor,
    )
    from bigbird_pegasus.generation.processor_classes import (
        RepetitionPenaltyLogitsProcessor as RepetitionPenaltyLogitsProcessor,
    )
    from bigbird_pegasus.generation.processor_classes import (
        SequenceBiasLogitsProcessor as SequenceBiasLogitsProcessor,
    )
    from bigbird_pegasus.generation.processor_classes import (
        SuppressTokensAtBeginLogitsProcessor as SuppressTokensAtBeginLogitsProcessor,
    )
    from bigbird_pegasus.generation.processor_classes import (
        SuppressTokensLogitsProcessor as SuppressTokensLogitsProcessor,
    )
    from bigbird_pegasus.generation.processor_classes import (
        TemperatureLogitsWarper as TemperatureLogitsWarper,
    )
    from bigbird_pegasus.generation.processor_classes import TopHLogitsWarper as TopHLogitsWarper
    from bigbird_pegasus.generation.processor_classes import TopKLogitsWarper as TopKLogitsWarper
    from bigbird_pegasus.generation.processor_classes import TopPLogitsWarper as TopPLogitsWarper
    from bigbird_pegasus.generation.processor_classes import TypicalLogitsWarper as TypicalLogitsWarper
    from bigbird_pegasus.generation.stopping_criteria import EosTokenCriteria as EosTokenCriteria
    from bigbird_pegasus.generation.stopping_criteria import MaxLengthCriteria as MaxLengthCriteria
    from bigbird_pegasus.generation.stopping_criteria import MaxTimeCriteria as MaxTimeCriteria
    from bigbird_pegasus.generation.stopping_criteria import StoppingCriteria as StoppingCriteria
    from bigbird_pegasus.generation.stopping_criteria import StoppingCriteriaList as StoppingCriteriaList
    from bigbird_pegasus.generation.stopping_criteria import StopStringCriteria as StopStringCriteria
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
    from bigbird_pegasus.tokenization.added_tokens import AddedToken as AddedToken
    from bigbird_pegasus.tokenization.batch_encoding import BatchEncoding as BatchEncoding
    from bigbird_pegasus.tokenization.tokenizer import PegasusTokenizer as PegasusTokenizer
    from bigbird_pegasus.tokenization.tokenizer import PegasusTokenizerFast as PegasusTokenizerFast

_LAZY = {
    "AddedToken": "tokenization.added_tokens",
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
    "DataCollatorWithPadding": "data_collator",
    "GenerationConfig": "generation.config",
    "LogitsProcessor": "generation.logits_processors",
    "LogitsProcessorList": "generation.logits_processors",
    "NewHeadWarning": "checkpoints.loader",
    "PegasusTokenizer": "tokenization.tokenizer",
    "PegasusTokenizerFast": "tokenization.tokenizer",
    "StoppingCriteria": "generation.stopping_criteria",
    "StoppingCriteriaList": "generation.stopping_criteria",
    "Summary": "summarization.summary",
    "TextIteratorStreamer": "generation.streamers",
    "TextStreamer": "generation.streamers",
    "default_data_collator": "data_collator",
    "load_model": "loading",
    "pipeline": "pipelines.factory",
    "set_seed": "data_collator",
    "summarize": "summarization.summarize",
    "MinLengthLogitsProcessor": "generation.processor_classes",
    "MinNewTokensLengthLogitsProcessor": "generation.processor_classes",
    "TemperatureLogitsWarper": "generation.processor_classes",
    "RepetitionPenaltyLogitsProcessor": "generation.processor_classes",
    "EncoderRepetitionPenaltyLogitsProcessor": "generation.processor_classes",
    "TopPLogitsWarper": "generation.processor_classes",
    "TopKLogitsWarper": "generation.processor_classes",
    "MinPLogitsWarper": "generation.processor_classes",
    "TopHLogitsWarper": "generation.processor_classes",
    "TypicalLogitsWarper": "generation.processor_classes",
    "EpsilonLogitsWarper": "generation.processor_classes",
    "EtaLogitsWarper": "generation.processor_classes",
    "NoRepeatNGramLogitsProcessor": "generation.processor_classes",
    "EncoderNoRepeatNGramLogitsProcessor": "generation.processor_classes",
    "SequenceBiasLogitsProcessor": "generation.processor_classes",
    "NoBadWordsLogitsProcessor": "generation.processor_classes",
    "PrefixConstrainedLogitsProcessor": "generation.processor_classes",
    "ForcedBOSTokenLogitsProcessor": "generation.processor_classes",
    "ForcedEOSTokenLogitsProcessor": "generation.processor_classes",
    "InfNanRemoveLogitsProcessor": "generation.processor_classes",
    "ExponentialDecayLengthPenalty": "generation.processor_classes",
    "LogitNormalization": "generation.processor_classes",
    "SuppressTokensLogitsProcessor": "generation.processor_classes",
    "SuppressTokensAtBeginLogitsProcessor": "generation.processor_classes",
    "EosTokenCriteria": "generation.stopping_criteria",
    "MaxLengthCriteria": "generation.stopping_criteria",
    "MaxTimeCriteria": "generation.stopping_criteria",
    "StopStringCriteria": "generation.stopping_criteria",
}

__all__ = sorted(_LAZY)

# What scripts import beside the classes above, and transformers does with them as with its own.
_IN_TRANSFORMERS = frozenset(
    {
        *("Trainer", "TrainingArguments", "Seq2SeqTrainer", "Seq2SeqTrainingArguments", "TrainerCallback"),
        *("EarlyStoppingCallback", "EvalPrediction", "HfArgumentParser", "get_scheduler", "SchedulerType"),
        *("get_linear_schedule_with_warmup", "get_cosine_schedule_with_warmup", "Adafactor"),
    }
)


def __getattr__(name: str) -> Any:
    if name in _IN_TRANSFORMERS:  # no AttributeError: a message of that is lost in `from … import`
        raise ImportError(
            f"{name} is not in bigbird_pegasus: import it from transformers, it takes our classes"
        )
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
