"""A model's name → the folder its files lie in; what the Hub's cache holds.

The files live in the cache that all programs of the Hub share (HF_HOME, HF_HUB_CACHE), in its own layout:
`models--OWNER--NAME/` with `blobs/DIGEST`, `snapshots/COMMIT/FILE` that point to blobs, and `refs/BRANCH`.
The network is used when they are not there, by `download`. These two modules alone import huggingface_hub,
and only for a name.
"""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bigbird_pegasus.checkpoints.files import is_complete

from bbp_cli.console import Console
from bbp_cli.errors import ModelError, UsageError
from bbp_cli.files import exists, is_folder

SHORT_NAMES = {
    "arxiv": "google/bigbird-pegasus-large-arxiv",
    "pubmed": "google/bigbird-pegasus-large-pubmed",
    "bigpatent": "google/bigbird-pegasus-large-bigpatent",
}
DEFAULT = "default"
MAIN = "main"  # the branch that a name without revision means
LONGEST_NAME = 96  # characters; the Hub allows no more
COMMIT = re.compile(r"[0-9a-f]{40}")
_PART = r"\w(?:[\w.-]*\w)?"
_REPOSITORY = re.compile(rf"(?!.*(?:--|\.\.|\.git$)){_PART}/{_PART}", re.ASCII)
_REVISION = re.compile(r"(?!.*\.\.|.{250})[\w.][\w./-]*")
SILENT = Console(quiet=True)


@dataclass(frozen=True)
class ModelFolder:
    """A checkpoint folder, what records call the model, and its commit where it came from the Hub."""

    id: str
    path: Path
    revision: str | None = None


Check = Callable[[ModelFolder], object]


def accept(_folder: ModelFolder) -> None:
    """Any model will do."""


def locate(
    name: str,
    *,
    revision: str | None = None,
    offline: bool = False,
    check: Check = accept,
    console: Console = SILENT,
) -> ModelFolder:
    """Find a model: `default`, a short name, a folder, or a Hub repository (`owner/name`).

    What is completely in the cache is taken from there without asking the Hub, else it is downloaded.

    Args:
        name: of the model.
        revision: branch, tag or commit of the repository; the main branch if None.
        offline: never download.
        check: raises where the model is not wanted; of a download called with the folder when it holds no
            more than `config.json`.
        console: shows the download.

    Raises:
        UsageError: a revision of what is not from the Hub, or one that cannot be.
        ModelError: there is no such folder or repository, or it is not cached and may not be downloaded, or
            the download failed, see `download.download`.
        OutputError: the cache cannot be written.
    """
    folder = local_folder(name)
    if folder is not None:
        if revision is not None:
            raise UsageError(
                f"--revision is for models from the Hub, and {name} is a folder on this computer"
            )
        return folder
    repository = repository_of(name)
    check_revision(revision)
    path = cached(repository, revision)
    if path is None:
        from bbp_cli.models.download import download

        refuse_offline(repository, offline=offline)
        path = download(repository, revision, check, console)
    return ModelFolder(repository, path, path.name)


def local_folder(name: str) -> ModelFolder | None:
    """The folder a name means without the Hub: that of the default model, or one on the disk; or None."""
    if name == DEFAULT:
        return ModelFolder(DEFAULT, default_folder())
    if name not in SHORT_NAMES and is_folder(name):
        return ModelFolder(name, Path(name))
    return None


def repository_of(name: str) -> str:
    """The Hub's name of a model.

    Raises:
        ModelError: it cannot be one.
    """
    repository = SHORT_NAMES.get(name, name)
    impossible = len(repository) > LONGEST_NAME or not _REPOSITORY.fullmatch(repository)
    if impossible or (name not in SHORT_NAMES and exists(name)):
        raise ModelError(
            "no such model folder",
            hint=f"give a folder, a Hub name (owner/name), or one of {', '.join(SHORT_NAMES)}",
            file=name,
            code="model_missing",
        )
    return repository


def check_revision(revision: str | None) -> None:
    """Raise UsageError for what cannot be the name of a branch, a tag or a commit."""
    if revision is not None and not _REVISION.fullmatch(revision):
        raise UsageError(f"--revision {revision!r} cannot be a branch, a tag or a commit")


def default_folder() -> Path:
    """Where the model that comes with bbp lies."""
    import bigbird_pegasus

    return Path(str(bigbird_pegasus.__file__)).parent / "pretrained"


# The cache


def cache_folder() -> Path:
    """Where the Hub keeps model files."""
    prepare_library()
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE)


def prepare_library() -> None:
    """To be called before the first use of huggingface_hub: it is to say and to send nothing of its own.

    With telemetry it asks the Hub once a day which programs are agents, and tells it which one runs it.

    Raises:
        UsageError: one of its variables holds nonsense.
    """
    os.environ.setdefault("HF_HUB_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        import huggingface_hub.constants  # noqa: F401 - it reads the variables
    except ValueError as error:
        hint = "HF_ENDPOINT is an address, and HF_HUB_..._TIMEOUT are seconds"
        raise UsageError(f"a variable HF_... cannot be understood: {error}", hint=hint) from error


def refuse_offline(repository: str, *, offline: bool) -> None:
    """Raise ModelError where the network is forbidden, by `--offline` or by the Hub's own variables."""
    prepare_library()
    from huggingface_hub.constants import HF_HUB_OFFLINE

    if not (offline or HF_HUB_OFFLINE):
        return
    variable = next((name for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE") if os.environ.get(name)), "")
    why = "--offline" if offline else f"{variable}={os.environ.get(variable)}"
    raise ModelError(
        f"not in the cache, and {why} forbids the download",
        hint=f"run once without it; the cache is {cache_folder()}",
        file=repository,
        code="model_not_cached",
    )


def storage_folder(repository: str) -> Path:
    """The folder of a repository in the cache."""
    return cache_folder() / f"models--{repository.replace('/', '--')}"


def cached(repository: str, revision: str | None = None) -> Path | None:
    """The folder of a revision, if all of it is in the cache."""
    storage = storage_folder(repository)
    commit = revision or MAIN
    if not COMMIT.fullmatch(commit):
        try:
            commit = (storage / "refs" / commit).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return None
    folder = storage / "snapshots" / commit
    return folder if COMMIT.fullmatch(commit) and is_complete(folder) else None


def cached_folders() -> Iterator[ModelFolder]:
    """Every revision of every model in the cache, complete or not, by name and commit."""
    for folder in sorted(cache_folder().glob("models--*--*/snapshots/*")):
        if COMMIT.fullmatch(folder.name) and folder.is_dir():
            repository = folder.parts[-3].removeprefix("models--").replace("--", "/", 1)
            yield ModelFolder(repository, folder, folder.name)


def references(folder: ModelFolder) -> list[str]:
    """The branches and tags that mean a cached folder."""
    start = folder.path.parents[1] / "refs"
    notes = [path for path in start.rglob("*") if path.is_file()]
    named = [path for path in notes if path.read_bytes().strip() == str(folder.revision).encode()]
    return sorted(path.relative_to(start).as_posix() for path in named)
