"""A model's name → the folder its files lie in. huggingface_hub only here, and only for a name.

The files live in the Hub's own cache (HF_HOME, HF_HUB_CACHE); the network is used when they are not there.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from bbp_cli.errors import ModelError

SHORT_NAMES = {
    "arxiv": "google/bigbird-pegasus-large-arxiv",
    "pubmed": "google/bigbird-pegasus-large-pubmed",
    "bigpatent": "google/bigbird-pegasus-large-bigpatent",
}
DEFAULT = "default"
SETTINGS_FILES = ("*.json", "spiece.model")
SAFE_WEIGHTS = "*.safetensors"
OLD_WEIGHTS = "pytorch_model*.bin"
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True)
class ModelFolder:
    """A checkpoint folder, what records call the model, and its commit where it came from the Hub."""

    id: str
    path: Path
    revision: str | None = None


def locate(name: str, *, offline: bool = False) -> ModelFolder:
    """Find a model: `default`, a short name, a folder, or a Hub repository (`owner/name`).

    Raises:
        ModelError: there is no such folder or repository, or it is not cached and may not be downloaded.
    """
    if name == DEFAULT:
        return ModelFolder(DEFAULT, default_folder())
    if name not in SHORT_NAMES and Path(name).is_dir():
        return ModelFolder(name, Path(name))
    repository = SHORT_NAMES.get(name, name)
    if Path(name).exists() or not _REPOSITORY.fullmatch(repository) or name.startswith("."):
        raise ModelError(
            "no such model folder",
            hint=f"give a folder, a Hub name (owner/name), or one of {', '.join(SHORT_NAMES)}",
            file=name,
            code="model_missing",
        )
    path = _cached(repository) or _download(repository, offline=offline)
    return ModelFolder(repository, path, revision=path.name)


def default_folder() -> Path:
    """Where the model that comes with bbp lies."""
    import bigbird_pegasus

    return Path(str(bigbird_pegasus.__file__)).parent / "pretrained"


def cache_folder() -> Path:
    """Where the Hub keeps model files."""
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE)


def _cached(repository: str) -> Path | None:
    """The newest complete download, or None."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(repository, local_files_only=True))
    except LocalEntryNotFoundError:
        return None
    weights = [*folder.glob(SAFE_WEIGHTS), *folder.glob(OLD_WEIGHTS)]
    complete = (folder / "config.json").is_file() and (folder / "spiece.model").is_file() and weights
    return folder if complete else None


def _download(repository: str, *, offline: bool) -> Path:
    from huggingface_hub import HfApi, constants, snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    if offline or constants.HF_HUB_OFFLINE:
        why = "--offline" if offline else f"HF_HUB_OFFLINE={os.environ.get('HF_HUB_OFFLINE')}"
        raise ModelError(
            f"not in the cache, and {why} forbids the download",
            hint=f"run once without it; the cache is {cache_folder()}",
            file=repository,
            code="model_not_cached",
        )
    try:
        files = HfApi().list_repo_files(repository)
        safe = any(name.endswith(".safetensors") for name in files)
        weights = SAFE_WEIGHTS if safe else OLD_WEIGHTS
        return Path(snapshot_download(repository, allow_patterns=[*SETTINGS_FILES, weights]))
    except GatedRepoError as error:
        raise _failed(repository, "access must be asked for on its page; then set HF_TOKEN") from error
    except RepositoryNotFoundError as error:
        raise _failed(repository, "the Hub has no such model, or it is private (HF_TOKEN)") from error
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise _failed(repository, f"download failed: {_first_line(error)}") from error


def _failed(repository: str, message: str) -> ModelError:
    return ModelError(message, file=repository, code="model_download")


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
