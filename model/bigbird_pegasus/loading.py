"""Load a checkpoint as the class that its configuration names."""

from pathlib import Path
from typing import Any

from bigbird_pegasus.config import ARCHITECTURES, BigBirdPegasusConfig, architecture_of
from bigbird_pegasus.errors import CheckpointError
from bigbird_pegasus.modeling.causal_lm import BigBirdPegasusForCausalLM
from bigbird_pegasus.modeling.heads import (
    BigBirdPegasusForConditionalGeneration,
    BigBirdPegasusForQuestionAnswering,
    BigBirdPegasusForSequenceClassification,
)
from bigbird_pegasus.modeling.model import BigBirdPegasusModel
from bigbird_pegasus.modeling.pretrained import BigBirdPegasusPreTrainedModel
from bigbird_pegasus.modeling.sentence_extraction import BigBirdPegasusForSentenceExtraction

CLASSES: dict[str, type[BigBirdPegasusPreTrainedModel]] = {
    cls.__name__: cls
    for cls in (
        BigBirdPegasusModel,
        BigBirdPegasusForConditionalGeneration,
        BigBirdPegasusForSequenceClassification,
        BigBirdPegasusForQuestionAnswering,
        BigBirdPegasusForCausalLM,
        BigBirdPegasusForSentenceExtraction,
    )
}


def load_model(
    name_or_path: str | Path,
    *,
    revision: str | None = None,
    local_files_only: bool = False,
    **options: Any,
) -> BigBirdPegasusPreTrainedModel:
    """Load a checkpoint as the class that its `architectures` names, in eval mode.

    Arguments are those of `BigBirdPegasusPreTrainedModel.from_pretrained`.

    Raises:
        CheckpointError: the architecture is not one of ours, or see
            `BigBirdPegasusPreTrainedModel.from_pretrained`.
        ConfigError: the configuration is not one of ours.
    """
    on_hub: Any = {"revision": revision, "local_files_only": local_files_only}
    names = BigBirdPegasusConfig.from_pretrained(name_or_path, **on_hub).architectures
    name = architecture_of(names)
    if name is not None:
        return CLASSES[name].from_pretrained(name_or_path, **on_hub, **options)
    known = ", ".join(sorted(ARCHITECTURES))
    raise CheckpointError(
        f"{name_or_path} is a {' or '.join(names) or 'model without architecture'}; known are {known}"
    )
