"""The Auto classes of the published documentation, for this package's kind of checkpoint.

A published Auto class chooses among hundreds of architectures by a checkpoint's `model_type`; here there is
one, and a checkpoint of another is a ConfigError that names it.
"""

from pathlib import Path
from typing import Any, ClassVar, NoReturn

from bigbird_pegasus.config import BigBirdPegasusConfig
from bigbird_pegasus.errors import ConfigError
from bigbird_pegasus.modeling.causal_lm import BigBirdPegasusForCausalLM
from bigbird_pegasus.modeling.heads import (
    BigBirdPegasusForConditionalGeneration,
    BigBirdPegasusForQuestionAnswering,
    BigBirdPegasusForSequenceClassification,
)
from bigbird_pegasus.modeling.model import BigBirdPegasusModel
from bigbird_pegasus.modeling.pretrained import BigBirdPegasusPreTrainedModel
from bigbird_pegasus.tokenization.tokenizer import PegasusTokenizer


def _not_made(cls: type) -> NoReturn:
    raise ConfigError(f"{cls.__name__} is a choice of classes, not a class of objects: use from_pretrained")


class AutoConfig:
    """Reads the configuration of a checkpoint."""

    def __init__(self) -> None:
        _not_made(type(self))

    @staticmethod
    def from_pretrained(pretrained_model_name_or_path: str | Path, **options: Any) -> BigBirdPegasusConfig:
        """See `BigBirdPegasusConfig.from_pretrained`."""
        return BigBirdPegasusConfig.from_pretrained(pretrained_model_name_or_path, **options)

    @staticmethod
    def for_model(model_type: str, **values: Any) -> BigBirdPegasusConfig:
        """Make a configuration by the name of its architecture.

        Raises:
            ConfigError: it is another architecture.
        """
        return BigBirdPegasusConfig(model_type=model_type, **values)


class AutoTokenizer:
    """Reads the tokenizer of a checkpoint."""

    def __init__(self) -> None:
        _not_made(type(self))

    @staticmethod
    def from_pretrained(pretrained_model_name_or_path: str | Path, **options: Any) -> PegasusTokenizer:
        """See `PegasusTokenizer.from_pretrained`."""
        return PegasusTokenizer.from_pretrained(pretrained_model_name_or_path, **options)


class _AutoModelClass:
    """What the Auto classes of models share: the class they stand for."""

    model_class: ClassVar[type[BigBirdPegasusPreTrainedModel]]

    def __init__(self) -> None:
        _not_made(type(self))

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | Path, **options: Any) -> Any:
        """See `BigBirdPegasusPreTrainedModel.from_pretrained`."""
        return cls.model_class.from_pretrained(pretrained_model_name_or_path, **options)

    @classmethod
    def from_config(cls, config: BigBirdPegasusConfig, **options: Any) -> Any:
        """Make a model with random weights; see `BigBirdPegasusPreTrainedModel.from_config`."""
        return cls.model_class.from_config(config, **options)


class AutoModel(_AutoModelClass):
    """`BigBirdPegasusModel`."""

    model_class = BigBirdPegasusModel


class AutoModelForSeq2SeqLM(_AutoModelClass):
    """`BigBirdPegasusForConditionalGeneration`."""

    model_class = BigBirdPegasusForConditionalGeneration


class AutoModelForSequenceClassification(_AutoModelClass):
    """`BigBirdPegasusForSequenceClassification`."""

    model_class = BigBirdPegasusForSequenceClassification


class AutoModelForQuestionAnswering(_AutoModelClass):
    """`BigBirdPegasusForQuestionAnswering`."""

    model_class = BigBirdPegasusForQuestionAnswering


class AutoModelForCausalLM(_AutoModelClass):
    """`BigBirdPegasusForCausalLM`."""

    model_class = BigBirdPegasusForCausalLM
