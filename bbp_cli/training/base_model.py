"""A base checkpoint → the model that is trained, of the task's class, and its tokenizer.

What the base lacks is newly initialized from the seed: the head, and the decoder of an abstractive model.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bigbird_pegasus.checkpoints.files import stored_quantization

from bbp_cli.dataset import TrainingTask
from bbp_cli.errors import ModelError, UsageError
from bbp_cli.models.checkpoints import model_errors
from bbp_cli.models.hardware import Hardware
from bbp_cli.models.memory import memory_errors
from bbp_cli.models.names import ModelFolder

if TYPE_CHECKING:
    from bigbird_pegasus import BigBirdPegasusConfig, PegasusTokenizer
    from bigbird_pegasus.modeling.pretrained import BigBirdPegasusPreTrainedModel


CLASSES: Mapping[TrainingTask, str] = {
    "summarize": "BigBirdPegasusForConditionalGeneration",
    "classify": "BigBirdPegasusForSequenceClassification",
    "qa": "BigBirdPegasusForQuestionAnswering",
    "extract": "BigBirdPegasusForSentenceExtraction",
}
DECODER_ONLY = "BigBirdPegasusForCausalLM"
MIN_TOKENS = 16


@dataclass(frozen=True)
class LabelSet:
    """The labels of a classifier, and whether a text may have several of them."""

    names: tuple[str, ...]
    several: bool


@dataclass(frozen=True)
class Base:
    """The model before training, in eval mode, its weights float32 and in memory of their own."""

    model: "BigBirdPegasusPreTrainedModel"
    tokenizer: "PegasusTokenizer"
    warnings: tuple[str, ...]


def load_base(
    task: TrainingTask,
    folder: ModelFolder,
    hardware: Hardware,
    seed: int,
    max_tokens: int | None = None,
    labels: LabelSet | None = None,
) -> Base:
    """Make the model of a task from a base; `max_tokens` is its window from now on.

    Raises:
        ModelError: the task cannot start from this checkpoint.
        UsageError: the window is too large for the base, or too small for anything.
        ResourceError: it does not fit into memory.
    """
    import torch
    from bigbird_pegasus import BigBirdPegasusConfig, NewHeadWarning, PegasusTokenizer

    reported: list[str] = []
    with warnings.catch_warnings(), model_errors(folder), memory_errors():
        warnings.simplefilter("ignore", NewHeadWarning)  # a new head is what training is for
        config = BigBirdPegasusConfig.from_pretrained(folder.path)
        if (scheme := stored_quantization(folder.path)) is not None:
            raise ModelError(
                f"is quantized as {scheme}, which cannot be trained",
                hint="start from the model before quantization",
                file=folder.id,
                code="model_unusable",
            )
        if CLASSES["extract"] in config.architectures:  # never has a decoder, whatever its configuration says
            config = config.replace(is_encoder_decoder=False)
        if DECODER_ONLY in config.architectures:
            raise ModelError(
                "has no encoder, and every task needs one", file=folder.id, code="model_unusable"
            )
        tokenizer = PegasusTokenizer.from_pretrained(folder.path)
        window = _window(tokenizer, config, max_tokens)
        tokenizer = PegasusTokenizer.from_pretrained(folder.path, model_max_length=window)
        torch.manual_seed(seed)
        if task == "summarize" and not config.is_encoder_decoder:
            reported.append(
                "the base has no decoder: a new one is initialized, and learns from your data alone"
            )
        model = _model(task, folder, config, labels)
    model.to(hardware.device)
    for parameter in model.parameters():  # copy what is mapped to the base's file
        parameter.data = parameter.data.clone()
    return Base(model, tokenizer, tuple(reported))


def _model(
    task: TrainingTask, folder: ModelFolder, config: "BigBirdPegasusConfig", labels: LabelSet | None
) -> "BigBirdPegasusPreTrainedModel":
    from bigbird_pegasus import DEFAULT_MODEL, load_model
    from bigbird_pegasus.modeling import heads
    from bigbird_pegasus.modeling.model import BigBirdPegasusModel
    from bigbird_pegasus.modeling.sentence_extraction import BigBirdPegasusForSentenceExtraction

    kept: dict[str, Any] = {"is_encoder_decoder": config.is_encoder_decoder}
    if task == "extract":
        if CLASSES[task] in config.architectures:
            extractor = BigBirdPegasusForSentenceExtraction.from_pretrained(folder.path, **kept)
            extractor.general_scorer = None  # what is trained shall decide alone
            return extractor
        extractor = BigBirdPegasusForSentenceExtraction(config.replace(is_encoder_decoder=False))
        shipped: Any = load_model(DEFAULT_MODEL)  # its input is scores, whichever encoder gave them
        extractor.sentence_head.chooser.load_state_dict(shipped.sentence_head.chooser.state_dict())
        return _with_encoder(extractor, extractor.encoder, folder)
    if task == "summarize":
        if config.is_encoder_decoder:
            return heads.BigBirdPegasusForConditionalGeneration.from_pretrained(folder.path)
        config = config.replace(is_encoder_decoder=True, use_cache=True)
        writer = heads.BigBirdPegasusForConditionalGeneration(config)
        return _with_encoder(writer, writer.model.encoder, folder)
    if task == "qa":
        return heads.BigBirdPegasusForQuestionAnswering.from_pretrained(folder.path, **kept)
    changes = {**kept, **_label_changes(labels)}
    if CLASSES[task] not in config.architectures or config.id2label == changes["id2label"]:
        return heads.BigBirdPegasusForSequenceClassification.from_pretrained(folder.path, **changes)
    classifier = heads.BigBirdPegasusForSequenceClassification(config.replace(**changes))  # other labels
    classifier.model.load_state_dict(BigBirdPegasusModel.from_pretrained(folder.path, **kept).state_dict())
    return classifier.eval()


def _with_encoder(
    model: "BigBirdPegasusPreTrainedModel", encoder: Any, folder: ModelFolder
) -> "BigBirdPegasusPreTrainedModel":
    """Copy the base's encoder into a newly initialized model."""
    from bigbird_pegasus import load_model

    base: Any = load_model(folder.path)
    found = base.encoder if hasattr(base, "encoder") else base.model.encoder
    encoder.load_state_dict(found.state_dict())
    return model.eval()


def _label_changes(labels: LabelSet | None) -> dict[str, Any]:
    names: Sequence[str] = labels.names if labels else ()
    several = labels is not None and labels.several
    return {
        "id2label": dict(enumerate(names)),
        "problem_type": "multi_label_classification" if several else "single_label_classification",
    }


def _window(tokenizer: "PegasusTokenizer", config: "BigBirdPegasusConfig", asked: int | None) -> int:
    most = min(tokenizer.model_max_length, config.max_position_embeddings)
    if asked is not None and asked > config.max_position_embeddings:
        raise UsageError(f"--max-tokens {asked}: the base reads at most {config.max_position_embeddings}")
    if asked is not None and asked < MIN_TOKENS:
        raise UsageError(f"--max-tokens {asked} leaves no room for text", hint=f"at least {MIN_TOKENS}")
    return asked or most
