"""A checkpoint folder → a model ready to summarize. What can be told without torch is told first."""

import hashlib
import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bbp_cli.device import Hardware, resources_reported
from bbp_cli.errors import ModelError
from bbp_cli.hub import ModelFolder

if TYPE_CHECKING:
    from bigbird_pegasus import PegasusTokenizer

Kind = Literal["extractive", "writing"]

KINDS: dict[str, Kind] = {
    "BigBirdPegasusForSentenceExtraction": "extractive",
    "BigBirdPegasusForConditionalGeneration": "writing",
}
WEIGHTS = ("*.safetensors", "pytorch_model*.bin")


@dataclass(frozen=True)
class Checkpoint:
    """A folder whose configuration names a model that summarizes: by choosing sentences or by writing."""

    folder: ModelFolder
    kind: Kind
    attention: str

    @cached_property
    def weights_sha256(self) -> str:
        """Digest of the weights file; of several, the digest of their digests in the order of their names."""
        files = sorted(path for pattern in WEIGHTS for path in self.folder.path.glob(pattern))
        digests = [_sha256(path) for path in files]
        if len(digests) == 1:
            return digests[0]
        return hashlib.sha256("".join(digests).encode()).hexdigest()


@dataclass(frozen=True)
class LoadedModel:
    """A model in memory with its tokenizer; `model` is of the class that the checkpoint's kind says."""

    checkpoint: Checkpoint
    hardware: Hardware
    model: Any
    tokenizer: "PegasusTokenizer"
    warnings: tuple[str, ...] = ()

    @property
    def window_tokens(self) -> int:
        """How many tokens the model reads at once."""
        return min(self.tokenizer.model_max_length, int(self.model.config.max_position_embeddings))


def inspect(folder: ModelFolder) -> Checkpoint:
    """Read what a checkpoint folder says it is; torch is not needed for that.

    Raises:
        ModelError: a file is missing, `config.json` is corrupt, or the model does not summarize.
    """
    path = folder.path / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        architectures = list(config.get("architectures") or [])
    except FileNotFoundError:
        raise _unusable(folder, "no config.json in this model folder") from None
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise _unusable(folder, f"config.json cannot be read: {error}") from error
    kind = next((KINDS[name] for name in architectures if name in KINDS), None)
    if kind is None:
        named = " or ".join(map(str, architectures)) or "no architecture named"
        raise _unusable(folder, f"not a model that summarizes: {named} (known: {', '.join(KINDS)})")
    if not (folder.path / "spiece.model").is_file():
        raise _unusable(folder, "no spiece.model in this model folder")
    if not any(True for pattern in WEIGHTS for _ in folder.path.glob(pattern)):
        raise _unusable(folder, "no weights in this model folder (model.safetensors or pytorch_model.bin)")
    return Checkpoint(folder, kind, str(config.get("attention_type", "block_sparse")))


def load_tokenizer(folder: ModelFolder) -> "PegasusTokenizer":
    """The tokenizer alone, without torch.

    Raises:
        ModelError: its files are missing or corrupt.
    """
    from bigbird_pegasus import PegasusTokenizer

    with _model_errors(folder):
        return PegasusTokenizer.from_pretrained(folder.path)


def load(checkpoint: Checkpoint, hardware: Hardware) -> LoadedModel:
    """Load model and tokenizer; what the model package warns of is kept for the user.

    Raises:
        ModelError: a file is missing, corrupt or does not fit.
        ResourceError: it does not fit into memory.
    """
    import torch
    from bigbird_pegasus import load_model

    tokenizer = load_tokenizer(checkpoint.folder)
    with (
        warnings.catch_warnings(record=True) as caught,
        _model_errors(checkpoint.folder),
        resources_reported(),
    ):
        warnings.simplefilter("always", UserWarning)
        dtype = getattr(torch, hardware.dtype)
        model = load_model(checkpoint.folder.path, dtype=dtype, device=hardware.device)
    told = tuple(str(warning.message) for warning in caught if warning.category is UserWarning)
    return LoadedModel(checkpoint, hardware, model, tokenizer, told)


@contextmanager
def _model_errors(folder: ModelFolder) -> Iterator[None]:
    """What the model package refuses is a model error of the command line."""
    from bigbird_pegasus.errors import BigBirdPegasusError

    try:
        yield
    except BigBirdPegasusError as error:
        raise _unusable(folder, str(error)) from error


def _unusable(folder: ModelFolder, message: str) -> ModelError:
    named = str(folder.path) in message  # the model package's messages begin with the folder or a file in it
    return ModelError(message, file=None if named else folder.id, code="model_unusable")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
