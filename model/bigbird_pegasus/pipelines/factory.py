"""`pipeline`: the function that does a task with a model, returning what transformers returned.

Summarization, text to text and question answering are as in transformers 4, the other tasks as in 5. What
differs on purpose is said in the file of each task. Where a GPU is given by number and there is none, the
pipeline runs on the CPU and warns.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, overload

import torch

from bigbird_pegasus.checkpoints.files import DEFAULT_MODEL
from bigbird_pegasus.checkpoints.hub import checkpoint_folder
from bigbird_pegasus.config import BigBirdPegasusConfig
from bigbird_pegasus.errors import ConfigError
from bigbird_pegasus.inference.extractive_model import ExtractiveModel, suits_numpy
from bigbird_pegasus.inference.numpy_model import load_numpy_model
from bigbird_pegasus.kernels.device import available_device
from bigbird_pegasus.kernels.threads import usable_processors
from bigbird_pegasus.modeling.causal_lm import BigBirdPegasusForCausalLM
from bigbird_pegasus.modeling.heads import (
    BigBirdPegasusForConditionalGeneration,
    BigBirdPegasusForQuestionAnswering,
    BigBirdPegasusForSequenceClassification,
)
from bigbird_pegasus.modeling.model import BigBirdPegasusModel
from bigbird_pegasus.modeling.pretrained import BigBirdPegasusPreTrainedModel
from bigbird_pegasus.modeling.sentence_extraction import BigBirdPegasusForSentenceExtraction
from bigbird_pegasus.pipelines.feature_extraction import FeatureExtractionPipeline
from bigbird_pegasus.pipelines.question_answering import QuestionAnsweringPipeline
from bigbird_pegasus.pipelines.shared import without_ignored
from bigbird_pegasus.pipelines.summarization import SummarizationPipeline
from bigbird_pegasus.pipelines.text_classification import TextClassificationPipeline
from bigbird_pegasus.pipelines.text_generation import TextGenerationPipeline
from bigbird_pegasus.tokenization.tokenizer import PegasusTokenizer

ModelArgument = str | Path | BigBirdPegasusPreTrainedModel | ExtractiveModel | None
Pipeline = (
    SummarizationPipeline
    | TextClassificationPipeline
    | QuestionAnsweringPipeline
    | TextGenerationPipeline
    | FeatureExtractionPipeline
)


@overload
def pipeline(
    task: Literal["summarization", "text2text-generation"], model: ModelArgument = None, **options: Any
) -> SummarizationPipeline: ...
@overload
def pipeline(
    task: Literal["text-classification", "sentiment-analysis"], model: ModelArgument = None, **options: Any
) -> TextClassificationPipeline: ...
@overload
def pipeline(
    task: Literal["question-answering"], model: ModelArgument = None, **options: Any
) -> QuestionAnsweringPipeline: ...
@overload
def pipeline(
    task: Literal["text-generation"], model: ModelArgument = None, **options: Any
) -> TextGenerationPipeline: ...
@overload
def pipeline(
    task: Literal["feature-extraction"], model: ModelArgument = None, **options: Any
) -> FeatureExtractionPipeline: ...
@overload
def pipeline(task: str, model: ModelArgument = None, **options: Any) -> Pipeline: ...
def pipeline(
    task: str,
    model: ModelArgument = None,
    *,
    config: BigBirdPegasusConfig | str | Path | None = None,
    tokenizer: str | Path | PegasusTokenizer | None = None,
    device: int | str | torch.device | None = None,
    dtype: torch.dtype | str | None = None,
    torch_dtype: torch.dtype | str | None = None,
    revision: str | None = None,
    token: str | bool | None = None,
    device_map: Any = None,
    model_kwargs: Mapping[str, Any] | None = None,
    **options: Any,
) -> Pipeline:
    """Make a function that does a task with a model.

    Args:
        task: "summarization", "text2text-generation", "text-classification" (also "sentiment-analysis"),
            "question-answering", "text-generation" or "feature-extraction".
        model: a checkpoint folder, `owner/name` on the Hub, or a model in memory, which is used as it is.
            Left out, summarization takes the model that comes with the package.
        config: in place of the checkpoint's own; not for a model in memory.
        tokenizer: a folder, a name or a tokenizer; left out, that of the checkpoint.
        device: a torch device, or the number of a GPU, -1 being the CPU. Left out, the CPU, or where a model
            in memory is.
        dtype: of the weights, see `BigBirdPegasusPreTrainedModel.from_pretrained`; not for a model in
            memory. A model that chooses sentences runs in numpy, where no other device or type than the CPU
            and float32 is named.
        torch_dtype: the older name of `dtype`.
        revision: of a model on the Hub and of its tokenizer.
        token: for models on the Hub that are not public.
        device_map: the published way to name the device: a device, "auto", or `{"": device}`.
        model_kwargs: further arguments of `from_pretrained`; not for a model in memory.
        options: those of each call, as defaults. `batch_size`, `num_workers`, `framework`, `use_fast`,
            `binary_output` and `trust_remote_code` are accepted and change nothing: texts are computed one
            after the other, which is as fast on a CPU, and no code of a repository is ever run.

    Raises:
        ConfigError: the task is unknown, model or tokenizer are missing, or the model is for another task.
        CheckpointError, TokenizerError: the folder cannot be used.
    """
    task = "text-classification" if task == "sentiment-analysis" else task
    if not isinstance(model_kwargs, Mapping | None):
        raise ConfigError(f"model_kwargs is {model_kwargs!r:.50}: it is a dict")
    if not isinstance(task, str) or task not in TASKS:
        raise ConfigError(f"task is {task!r}: it must be one of {', '.join(sorted(TASKS))}")
    place = _place(device, device_map)
    if model is None and task == "summarization":
        model = DEFAULT_MODEL
    if tokenizer is None and isinstance(model, str | Path):
        tokenizer = model
    where: dict[str, Any] = {"revision": revision, "token": token}
    given = {"dtype": dtype, "torch_dtype": torch_dtype, "config": config, **(model_kwargs or {})}
    ready = _ready(
        task, model, place, {name: value for name, value in given.items() if value is not None}, where
    )
    if tokenizer is None:
        raise ConfigError("give the tokenizer of the model too")
    if isinstance(tokenizer, str | Path):
        tokenizer = PegasusTokenizer.from_pretrained(tokenizer, **where)
    elif not callable(tokenizer):
        raise ConfigError(f"the tokenizer is {tokenizer!r:.50}: it must be a folder, a name or a tokenizer")
    made: Pipeline = TASKS[task][1](ready, tokenizer, without_ignored(options))
    if isinstance(made, SummarizationPipeline) and task == "text2text-generation":
        made = replace(made, task=task, key="generated")
    return made


# The model of a checkpoint, and the pipeline, of each task.
TASKS: dict[str, tuple[type[BigBirdPegasusPreTrainedModel], Any]] = {
    "summarization": (BigBirdPegasusForConditionalGeneration, SummarizationPipeline),
    "text2text-generation": (BigBirdPegasusForConditionalGeneration, SummarizationPipeline),
    "text-classification": (BigBirdPegasusForSequenceClassification, TextClassificationPipeline),
    "question-answering": (BigBirdPegasusForQuestionAnswering, QuestionAnsweringPipeline),
    "text-generation": (BigBirdPegasusForCausalLM, TextGenerationPipeline),
    "feature-extraction": (BigBirdPegasusModel, FeatureExtractionPipeline),
}


def _place(device: int | str | torch.device | None, device_map: Any) -> torch.device | None:
    """Return the device that is asked for; None where none is."""
    if isinstance(device_map, Mapping) and set(device_map) == {""}:
        device_map = device_map[""]
    if device is not None and device_map is not None:
        raise ConfigError("give device or device_map, not both")
    named = device_map if device is None else device
    return None if named is None else available_device(named)


def _ready(
    task: str,
    model: ModelArgument,
    device: torch.device | None,
    given: Mapping[str, Any],
    where: Mapping[str, Any],
) -> Any:
    """Return a task's model, of a folder or in memory; one that chooses sentences runs in numpy if it may."""
    model_class, _ = TASKS[task]
    if task == "summarization" and model is not None and _is_extractive(model, where):
        model_class = BigBirdPegasusForSentenceExtraction
    if isinstance(model, str | Path):
        dtype = str(given.get("dtype", given.get("torch_dtype", "auto"))).removeprefix("torch.")
        plain = suits_numpy(str(device or "auto"), dtype, None)
        if plain and model_class is BigBirdPegasusForSentenceExtraction:
            folder = checkpoint_folder(model, weights=True, **where)
            if (found := load_numpy_model(folder, usable_processors())) is not None:
                return found
        return model_class.from_pretrained(model, **given, device=device, **where)
    if isinstance(model, ExtractiveModel) and task == "summarization":
        if given or device is not None:
            raise ConfigError("device and dtype are for a checkpoint folder: this model runs in numpy")
        return model
    # The first tensor of any model's output is a feature, as published.
    accepted = BigBirdPegasusPreTrainedModel if task == "feature-extraction" else model_class
    if not isinstance(model, accepted):
        found_class = "no model" if model is None else type(model).__name__
        raise ConfigError(f"{task} needs a folder, a name or a {model_class.__name__}, not {found_class}")
    if given:
        raise ConfigError(f"{min(given)} is for a checkpoint folder: a model in memory has one")
    return model if device is None else model.to(device)


def _is_extractive(
    model: str | Path | BigBirdPegasusPreTrainedModel | ExtractiveModel, where: Mapping[str, Any]
) -> bool:
    """Return whether a model chooses sentences; of a checkpoint its configuration says so."""
    if not isinstance(model, str | Path):
        return isinstance(model, ExtractiveModel | BigBirdPegasusForSentenceExtraction)
    named = BigBirdPegasusConfig.from_pretrained(model, **where).architectures
    return named == [BigBirdPegasusForSentenceExtraction.__name__]
