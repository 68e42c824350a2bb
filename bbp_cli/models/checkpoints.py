"""A checkpoint folder → a model ready to work. What can be checked without torch is checked first."""

import hashlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bigbird_pegasus.checkpoints.files import (
    CONFIG_FILE,
    VOCABULARY_FILE,
    WEIGHTS,
    read_json_object,
    stored_quantization,
    weight_files,
)
from bigbird_pegasus.errors import BigBirdPegasusError, CheckpointError
from bigbird_pegasus.inference.extractive_model import ExtractiveModel
from bigbird_pegasus.kernels.arithmetic import Arithmetic, torch_arithmetic
from bigbird_pegasus.quantization.scheme import Scheme

from bbp_cli.console import Console
from bbp_cli.errors import ModelError, UsageError
from bbp_cli.models.hardware import Hardware
from bbp_cli.models.memory import memory_errors
from bbp_cli.models.names import SILENT, ModelFolder, locate

if TYPE_CHECKING:
    from bigbird_pegasus import PegasusTokenizer
    from bigbird_pegasus.modeling.pretrained import BigBirdPegasusPreTrainedModel


TaskName = Literal["summarize", "classify", "qa"]
ModelKind = Literal["extractive", "abstractive", "classification", "question_answering"]

KINDS: dict[TaskName, dict[str, ModelKind]] = {
    "summarize": {
        "BigBirdPegasusForSentenceExtraction": "extractive",
        "BigBirdPegasusForConditionalGeneration": "abstractive",
    },
    "classify": {"BigBirdPegasusForSequenceClassification": "classification"},
    "qa": {"BigBirdPegasusForQuestionAnswering": "question_answering"},
}
TASK_VERBS: dict[TaskName, str] = {
    "summarize": "summarizes",
    "classify": "classifies",
    "qa": "answers questions",
}
MIN_WINDOW_TOKENS = 16
FAMILY = "BigBirdPegasus"  # the names of all architectures of the model package begin with it
_OF_MODEL = "it must hold config.json, spiece.model, and model.safetensors or pytorch_model.bin"


@dataclass(frozen=True)
class Checkpoint:
    """A folder whose configuration names a model that bbp has a task for."""

    folder: ModelFolder
    task: TaskName
    kind: ModelKind
    attention: str

    @cached_property
    def weights_sha256(self) -> str:
        """See `weights_digest`."""
        return weights_digest(self.folder)

    @property
    def weight_bytes(self) -> int:
        """Bytes of its weight files; missing ones count 0."""
        return sum(path.stat().st_size for path in weight_files(self.folder.path) if path.is_file())

    @cached_property
    def quantization(self) -> str | None:
        """Scheme of its weights, from the metadata of their file; None where they are not quantized."""
        return stored_quantization(self.folder.path)


@dataclass(frozen=True)
class LoadedModel:
    """A model in memory with its tokenizer; `model` is an `ExtractiveModel` where the kind is extractive."""

    checkpoint: Checkpoint
    hardware: Hardware
    model: "BigBirdPegasusPreTrainedModel | ExtractiveModel"
    tokenizer: "PegasusTokenizer"
    warnings: tuple[str, ...] = ()

    @cached_property
    def arithmetic(self) -> Arithmetic:
        """The arithmetic that computes results."""
        if isinstance(self.model, ExtractiveModel):
            return self.model.arithmetic
        return torch_arithmetic(
            self.hardware.dtype, self.hardware.device, self.model.quantization, has_decoder=True
        )

    @property
    def window_tokens(self) -> int:
        """Tokens that the model reads at once."""
        return min(self.tokenizer.model_max_length, self.model.config.max_position_embeddings)


def weights_digest(folder: ModelFolder) -> str:
    """Return the SHA-256 of the weights file; of several, that of their digests in order of names."""
    digests = [_sha256(path) for path in weight_files(folder.path)]
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def find(
    name: str,
    task: TaskName | None = None,
    *,
    revision: str | None = None,
    offline: bool = False,
    console: Console = SILENT,
) -> Checkpoint:
    """Find a model, in the cache or on the Hub, and read what it is.

    Raises:
        UsageError, ModelError, OutputError: see `names.locate` and `inspect`. What cannot be used is not
            downloaded.
    """
    check = partial(architecture_for, task=task)
    return inspect(locate(name, revision=revision, offline=offline, check=check, console=console), task)


def inspect(folder: ModelFolder, task: TaskName | None = None) -> Checkpoint:
    """Read what a checkpoint folder says it is; without torch. Without a task, any is accepted.

    Raises:
        ModelError: a file is missing, `config.json` is corrupt, or the model is for something else.
    """
    its_task, kind = architecture_for(folder, task)
    if not (folder.path / VOCABULARY_FILE).is_file():
        raise _unusable(folder, "no spiece.model in this model folder", hint=_OF_MODEL)
    if not any((folder.path / name).is_file() for name in WEIGHTS):
        raise _unusable(folder, "no weights in this model folder", hint=_OF_MODEL)
    attention = str(read_config(folder).get("attention_type", "block_sparse"))
    return Checkpoint(folder, its_task, kind, attention)


def architecture_for(folder: ModelFolder, task: TaskName | None = None) -> tuple[TaskName, ModelKind]:
    """Find the task of a folder's model, by its `config.json` alone.

    Raises:
        ModelError: `config.json` is missing or corrupt, or the model is not for the task, or for none.
    """
    from bigbird_pegasus.config import architecture_of

    known = {
        name: (its_task, kind)
        for its_task, kinds in KINDS.items()
        for name, kind in kinds.items()
        if task in (None, its_task)
    }
    architectures = _architectures(folder)
    found = known.get(architecture_of(architectures) or "")
    if found is None:
        does = "bbp knows" if task is None else f"that {TASK_VERBS[task]}"
        message = f"not a model {does}: {_named(architectures)} (known: {', '.join(known)})"
        raise _unusable(folder, message, hint=training_hint(task))
    return found


def check_family(folder: ModelFolder) -> None:
    """Raise ModelError where the `config.json` is not that of a BigBird-Pegasus model."""
    architectures = _architectures(folder)
    if not any(name.startswith(FAMILY) for name in architectures):
        raise _unusable(folder, f"not a BigBird-Pegasus model: {_named(architectures)}")


def read_config(folder: ModelFolder) -> dict[str, Any]:
    """Return the content of `config.json`.

    Raises:
        ModelError: it is missing or corrupt.
    """
    try:
        return read_json_object(folder.path / CONFIG_FILE)
    except FileNotFoundError:
        raise _unusable(folder, "no config.json in this model folder", hint=_OF_MODEL) from None
    except CheckpointError as error:
        raise _unusable(folder, str(error)) from error


def _architectures(folder: ModelFolder) -> list[str]:
    named = read_config(folder).get("architectures")
    return [str(name) for name in named] if isinstance(named, list) else []


def _named(architectures: list[str]) -> str:
    return " or ".join(architectures) or "no architecture named"


def load_tokenizer(folder: ModelFolder) -> "PegasusTokenizer":
    """Load the tokenizer alone, without torch.

    Raises:
        ModelError: its files are missing or corrupt.
    """
    from bigbird_pegasus import PegasusTokenizer

    with model_errors(folder):
        return PegasusTokenizer.from_pretrained(folder.path)


def check_scheme(checkpoint: Checkpoint, quantize: Scheme | None) -> None:
    """Raise UsageError where a model is stored in another quantization scheme than the one asked for."""
    stored = checkpoint.quantization
    if quantize is not None and stored not in (None, quantize):
        raise UsageError(
            f"{checkpoint.folder.id} is quantized as {stored} already: it cannot be had as {quantize}",
            hint=f"leave out --quantize {quantize}, or take the model that it was made of",
        )


def load(checkpoint: Checkpoint, hardware: Hardware, quantize: Scheme | None = None) -> LoadedModel:
    """Load model and tokenizer; warnings of the model package are kept for the user.

    Raises:
        UsageError: see `check_scheme`.
        ModelError: a file is missing, corrupt or does not fit.
        ResourceError: it does not fit into memory.
    """
    check_scheme(checkpoint, quantize)
    loaded = _load_in_numpy(checkpoint, hardware) if hardware.engine == "numpy" else None
    if loaded is None:
        loaded = _load_in_torch(checkpoint, replace(hardware, engine="torch"), quantize)
    if loaded.window_tokens < MIN_WINDOW_TOKENS:
        message = f"the model reads {loaded.window_tokens} tokens at once, which is too few for a sentence"
        raise _unusable(checkpoint.folder, message, hint="see model_max_length of its tokenizer_config.json")
    return loaded


def reads_in_numpy(checkpoint: Checkpoint) -> bool:
    """Return whether the numpy engine can read a checkpoint: see `load_numpy_model`, but for its sizes."""
    from bigbird_pegasus.inference.numpy_model import stored_shapes

    return checkpoint.kind == "extractive" and stored_shapes(checkpoint.folder.path) is not None


def _load_in_numpy(checkpoint: Checkpoint, hardware: Hardware) -> LoadedModel | None:
    """Load a model that chooses sentences; None where its files need torch, which also says what is wrong."""
    from bigbird_pegasus.inference.numpy_model import load_numpy_model

    folder = checkpoint.folder
    tokenizer = load_tokenizer(folder)
    with _kept_warnings() as messages, model_errors(folder), memory_errors(checkpoint.weight_bytes):
        model = load_numpy_model(folder.path, hardware.threads)
    return None if model is None else LoadedModel(checkpoint, hardware, model, tokenizer, tuple(messages))


def _load_in_torch(checkpoint: Checkpoint, hardware: Hardware, quantize: Scheme | None) -> LoadedModel:
    from bigbird_pegasus.inference.prepack import prepack
    from bigbird_pegasus.inference.torch_extraction import extractive_model
    from bigbird_pegasus.modeling.sentence_extraction import BigBirdPegasusForSentenceExtraction

    tokenizer = load_tokenizer(checkpoint.folder)
    with _kept_warnings() as messages:
        model = load_exactly(checkpoint, hardware.dtype, quantize, hardware.device)
        with memory_errors(checkpoint.weight_bytes):
            prepack(model)
    ready = extractive_model(model) if isinstance(model, BigBirdPegasusForSentenceExtraction) else model
    return LoadedModel(checkpoint, hardware, ready, tokenizer, tuple(messages))


@contextmanager
def _kept_warnings() -> Iterator[list[str]]:
    """Keep the warnings of the model package inside the block, for the user."""
    messages: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield messages
    messages += [str(warning.message) for warning in caught if warning.category is UserWarning]


def load_exactly(
    checkpoint: Checkpoint, dtype: str, quantize: Scheme | None = None, device: str = "cpu"
) -> "BigBirdPegasusPreTrainedModel":
    """Load a model, and refuse one whose head is missing; `dtype` is torch's name, or "auto".

    Raises:
        ModelError, ResourceError: see `load`.
    """
    from bigbird_pegasus import NewHeadWarning, load_model

    folder = checkpoint.folder
    with warnings.catch_warnings(), model_errors(folder), memory_errors(checkpoint.weight_bytes):
        warnings.simplefilter("error", NewHeadWarning)
        try:
            return load_model(folder.path, dtype=dtype, device=device, quantization_config=quantize)
        except NewHeadWarning as warning:
            message = "the checkpoint lacks its head: a new one would answer at random"
            raise _unusable(folder, message, hint=training_hint(checkpoint.task)) from warning


@contextmanager
def model_errors(folder: ModelFolder) -> Iterator[None]:
    """Translate errors of the model package to model errors of the command line."""
    try:
        yield
    except BigBirdPegasusError as error:
        named = str(folder.path) in str(error)  # most messages name the folder or a file in it
        file = None if named else folder.id
        raise ModelError(str(error), file=file, code="model_unusable") from error


def non_finite_scores_error(loaded: LoadedModel) -> ModelError:
    """Return the error of a model that computes NaN or infinity: damaged weights, or too small a type."""
    hint = "its weights are damaged: pull or train it again"
    if loaded.hardware.dtype != "float32":
        hint = "try --dtype float32; if it stays so, the weights are damaged"
    return _unusable(loaded.checkpoint.folder, "the model computes NaN or infinity", hint=hint)


def training_hint(task: TaskName | None) -> str | None:
    """Return a hint for a task whose models nobody publishes."""
    if task in (None, "summarize"):
        return None
    return f"make one: bbp train {task} DATA.jsonl --output FOLDER"


def _unusable(folder: ModelFolder, message: str, hint: str | None = None) -> ModelError:
    return ModelError(message, hint=hint, file=folder.id, code="model_unusable")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
