"""`summarize`: what the command `bbp summarize` does with a text, as a function."""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from bigbird_pegasus.checkpoints.files import DEFAULT_MODEL
from bigbird_pegasus.checkpoints.hub import checkpoint_folder
from bigbird_pegasus.config import BigBirdPegasusConfig, architecture_of
from bigbird_pegasus.errors import ConfigError, ModelKindError, did_you_mean
from bigbird_pegasus.generation.config import GenerationConfig
from bigbird_pegasus.inference.extractive_model import ARCHITECTURE, ExtractiveModel, suits_numpy
from bigbird_pegasus.inference.numpy_model import load_numpy_model
from bigbird_pegasus.kernels.threads import usable_processors
from bigbird_pegasus.summarization.choosing.extractive import extractive_steps
from bigbird_pegasus.summarization.length import parse_length
from bigbird_pegasus.summarization.options import Mode, Strategy, SummaryOptions, resolve
from bigbird_pegasus.summarization.steps import run_steps
from bigbird_pegasus.summarization.summary import ModelInfo, Summary
from bigbird_pegasus.text.parsed_text import parse_text
from bigbird_pegasus.tokenization.tokenizer import PegasusTokenizer

if TYPE_CHECKING:
    import torch

    from bigbird_pegasus.modeling.heads import BigBirdPegasusForConditionalGeneration
    from bigbird_pegasus.modeling.pretrained import BigBirdPegasusPreTrainedModel

    SummarizingModel = ExtractiveModel | BigBirdPegasusForConditionalGeneration

MAX_PATH_CHARACTERS = 1024
EXTRACTIVE_BATCH_SIZE = 8  # short windows are encoded faster together, long ones are not

_SURROGATE = re.compile("[\ud800-\udfff]")
_GENERATION_OPTIONS = tuple(field.name for field in fields(GenerationConfig) if field.name != "extra")
_OPTIONS = (
    *("length", "query", "truncate", "seed", "restore_case"),
    *("strategy", "mode", "overlap", "per_section", "reference"),
    *("model", "tokenizer", "device", "dtype", "quantize", "batch_size"),
)
_KNOWN = f": there are {', '.join(_OPTIONS)}, and those of `generate` such as num_beams"


@overload
def summarize(texts: str, **options: Any) -> Summary: ...
@overload
def summarize(texts: Sequence[str], **options: Any) -> list[Summary]: ...
def summarize(
    texts: str | Sequence[str],
    *,
    model: "str | Path | BigBirdPegasusPreTrainedModel | ExtractiveModel" = DEFAULT_MODEL,
    tokenizer: PegasusTokenizer | None = None,
    length: int | str | None = None,
    query: str | None = None,
    truncate: bool = False,
    seed: int = 0,
    restore_case: bool = True,
    strategy: Strategy | None = None,
    mode: Mode | None = None,
    overlap: int = 0,
    per_section: bool = False,
    reference: bool = False,
    device: "str | torch.device" = "auto",
    dtype: "str | torch.dtype" = "auto",
    quantize: str | None = None,
    revision: str | None = None,
    local_files_only: bool = False,
    batch_size: int | None = None,
    **generation: Any,
) -> Summary | list[Summary]:
    """Summarize one text, or several with one model.

    Args:
        texts: the text, or a sequence of texts.
        model: a checkpoint folder, `owner/name` on the Hub, or a model in memory, which is used as it is.
            Left out, the model that comes with the package, which chooses sentences.
        tokenizer: of a model in memory.
        length: words of a summary at most, or "120w" (about so many), "5s" (sentences), "10%", "short",
            "medium" or "long"; None leaves it to the model.
        query: a question that the choice of sentences leans to, for a model that chooses them.
        truncate: read only the beginning of a text, as much as the model reads at once: the strategy of that
            name.
        seed: of a search that samples.
        restore_case: give what a model writes in small letters the case and spacing of the text's words.
        strategy: of a text longer than the model's window. "select" chooses among the sentences of all
            windows; of a model that writes, "map" is a text for each window (its default with `per_section`),
            "reduce" a text about those until one remains (its default), "fuse" one text that attends to all
            windows at once; "truncate" reads the first one only.
        mode: "verbatim" prints sentences of the text, word for word, with any model; of one that writes,
            "abstractive" is its own text, "checked" takes of its beams the one with the fewest numbers, dates
            and names that the text does not contain, and in "rewrite" it rewrites what the default model
            chooses.
        overlap: sentences that a window shares with the one before.
        per_section: make a summary of what stands under each heading.
        reference: generate with the checkpoint's own settings, nothing added.
        device: a torch device; "auto" is a CUDA GPU where there is one, else the CPU.
        dtype: of the weights; "auto" is bfloat16 where the device multiplies it in hardware, else float32.
            A model that chooses sentences runs in numpy, in float32 on the CPU, unless another device or type
            is named; then torch is not imported.
        quantize: "int8", "int4" or "nf4".
        revision: of a model on the Hub.
        local_files_only: never download.
        batch_size: windows of a text that the model reads together; None is 8 for a model that chooses
            sentences, and 1 for one that writes, which needs more memory. Results do not depend on it.
        generation: options of `generate` (`num_beams`, `no_repeat_ngram_size`, …) for a model that writes.

    Returns:
        A `Summary`, or a list of them where a sequence was given. That of an empty text is empty.

    Raises:
        ConfigError: what is given is not text, or is the name of a file that is there; an option is unknown,
            impossible or does not fit the model, or the model does not summarize.
        CheckpointError, TokenizerError: the checkpoint cannot be used.
    """
    several = _checked_texts(texts)
    _check_count("length", None if isinstance(length, str) else length)
    _check_count("batch_size", batch_size)
    _check_names(generation)
    if query is not None and not (isinstance(query, str) and query.strip()):
        raise ConfigError(f"query is {query!r}: give a question, or None")
    options = SummaryOptions(
        parse_length(length) if isinstance(length, str) else length,
        truncate,
        seed,
        restore_case,
        generation,
        query,
        strategy,
        mode,
        overlap,
        per_section,
        reference,
    )
    if isinstance(model, str | Path):
        if tokenizer is not None:
            raise ConfigError("a tokenizer is for a model in memory: a checkpoint has its own")
        name = "default" if model == DEFAULT_MODEL else str(model)
        on_hub: Any = {"revision": revision, "local_files_only": local_files_only}
        tokenizer = PegasusTokenizer.from_pretrained(model, **on_hub)
        asked = (model, device, dtype, quantize, on_hub)
        ready: SummarizingModel = _load_without_torch(*asked) or _load_in_torch(*asked)
    else:
        if tokenizer is None:
            raise ConfigError("give the tokenizer of the model too")
        if (device, dtype, quantize, revision) != ("auto", "auto", None, None):
            raise ConfigError("device, dtype, quantize and revision are for a checkpoint that is loaded")
        name = None
        ready = model if isinstance(model, ExtractiveModel) else _ready(model)
    info = _model_info(name, ready)
    found = [replace(_summarize(text, ready, tokenizer, options, batch_size), model=info) for text in several]
    return found[0] if isinstance(texts, str) else found


def _load_without_torch(
    name_or_path: str | Path, device: object, dtype: object, quantize: str | None, on_hub: Any
) -> ExtractiveModel | None:
    """Return a checkpoint that chooses sentences; None where torch is asked for, or needed to read it."""
    if not suits_numpy(str(device), str(dtype).removeprefix("torch."), quantize):
        return None
    config = BigBirdPegasusConfig.from_pretrained(name_or_path, **on_hub)
    if architecture_of(config.architectures) != ARCHITECTURE:
        return None
    return load_numpy_model(checkpoint_folder(name_or_path, weights=True, **on_hub), usable_processors())


def _load_in_torch(
    name_or_path: str | Path,
    device: "str | torch.device",
    dtype: "str | torch.dtype",
    quantize: str | None,
    on_hub: Any,
) -> "SummarizingModel":
    from bigbird_pegasus.inference.prepack import prepack
    from bigbird_pegasus.loading import load_model

    place = _device(device)
    precision = _dtype(place) if dtype == "auto" else dtype
    model = load_model(name_or_path, dtype=precision, device=place, quantization_config=quantize, **on_hub)
    prepack(model)  # as the command does: faster, and so the same order of additions
    return _ready(model)


def _ready(model: "BigBirdPegasusPreTrainedModel") -> "SummarizingModel":
    """Return a model of torch as one that summarizes."""
    from bigbird_pegasus.inference.torch_extraction import extractive_model
    from bigbird_pegasus.modeling.heads import BigBirdPegasusForConditionalGeneration
    from bigbird_pegasus.modeling.sentence_extraction import BigBirdPegasusForSentenceExtraction

    if isinstance(model, BigBirdPegasusForSentenceExtraction):
        return extractive_model(model)
    if isinstance(model, BigBirdPegasusForConditionalGeneration):
        return model
    raise ConfigError(f"{type(model).__name__} does not summarize")


def _model_info(name: str | None, model: "SummarizingModel") -> ModelInfo:
    if isinstance(model, ExtractiveModel):
        arithmetic, device = model.arithmetic, model.device
    else:
        from bigbird_pegasus.kernels.arithmetic import torch_arithmetic

        device = str(model.device)
        dtype = str(model.dtype).removeprefix("torch.")
        arithmetic = torch_arithmetic(dtype, device, model.quantization, has_decoder=True)
    return ModelInfo(name, arithmetic.dtype, device, arithmetic.quantization, arithmetic)


def _summarize(
    raw: str,
    model: "SummarizingModel",
    tokenizer: PegasusTokenizer,
    options: SummaryOptions,
    batch_size: int | None,
) -> Summary:
    text = parse_text(raw)
    if isinstance(model, ExtractiveModel):
        if options.generation:
            names = ", ".join(options.generation)
            message = f"{names} needs a model that writes: this one chooses sentences"
            if any(name.startswith(("max_", "min_")) for name in options.generation):
                message += "; its length is `length`, in words"
            raise ModelKindError("writes", message)
        options = resolve(options, writes=False)
        steps = extractive_steps(text, model, tokenizer, options)
        return run_steps(steps, model.encode_windows, batch_size or EXTRACTIVE_BATCH_SIZE)
    from bigbird_pegasus.summarization.modes import compute, writer_steps

    writer = model
    return run_steps(
        writer_steps(text, model, tokenizer, options),
        lambda requests: compute(writer, tokenizer, requests),
        batch_size or 1,
    )


def _checked_texts(texts: object) -> list[str]:
    several = [texts] if isinstance(texts, str) else texts
    if isinstance(several, bytes) or not isinstance(several, Iterable):
        raise ConfigError(_not_text("texts is", texts))
    checked: list[str] = []
    for number, text in enumerate(several, start=1):
        if not isinstance(text, str):
            raise ConfigError(_not_text(f"text {number} is", text))
        if _names_file(text):
            raise ConfigError(f"text {number} is the name of a file, not its text: give {_reading(text)}")
        if surrogate := _SURROGATE.search(text):
            raise ConfigError(
                f"text {number} holds a lone surrogate at {surrogate.start()}, which is no character: "
                "text.encode('utf-8', 'replace').decode() replaces it"
            )
        checked.append(text)
    return checked


def _names_file(text: str) -> bool:
    """Return whether a text is one short line that leads to a file: its name, given in place of its text."""
    is_path = 0 < len(text) <= MAX_PATH_CHARACTERS and text.isprintable()
    return is_path and os.path.isfile(text)  # noqa: PTH113 - Path.is_file fails on names that are too long


def _reading(path: str) -> str:
    return f"Path({path!r}).read_text(), or `bbp summarize` the file, which may be a PDF"


def _not_text(what: str, given: object) -> str:
    hint = "give a str or a sequence of them"
    if isinstance(given, bytes):
        hint = "decode it first"
    elif isinstance(given, Path):
        hint = "give its text, read_text() of a text file"
    return f"{what} {'None' if given is None else type(given).__name__}, not text: {hint}"


def _check_count(name: str, count: object) -> None:
    if count is None:
        return
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        unit = " word" if name == "length" else ""
        raise ConfigError(f"{name} is {count!r}: it must be a number, at least 1{unit}")


def _check_names(options: Iterable[str]) -> None:
    for name in options:
        if name not in _GENERATION_OPTIONS:
            known = (*_GENERATION_OPTIONS, *_OPTIONS)
            raise ConfigError(f"unknown option {name!r}{did_you_mean(name, known) or _KNOWN}")


def _device(device: "str | torch.device") -> "torch.device":
    import torch

    from bigbird_pegasus.kernels.device import available_device

    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return available_device(device)


def _dtype(device: "torch.device") -> "torch.dtype":
    """Return the fastest type of weights on a device."""
    import torch

    from bigbird_pegasus.kernels.cpu import computes_bfloat16

    fast = device.type == "cuda" or (device.type == "cpu" and computes_bfloat16())
    return torch.bfloat16 if fast else torch.float32
