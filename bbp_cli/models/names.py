"""A model's name → the folder its files lie in: the default, a folder, or a model of the Hugging Face Hub."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bigbird_pegasus.checkpoints import cache
from bigbird_pegasus.checkpoints.download import OnBytes, download
from bigbird_pegasus.checkpoints.files import CONFIG_FILE, VOCABULARY_FILE
from bigbird_pegasus.errors import HubError, HubReason
from rich.filesize import decimal

from bbp_cli.console import Console
from bbp_cli.errors import BbpError, ModelError, OutputError, UsageError
from bbp_cli.files import exists, is_folder
from bbp_cli.version import __version__

SHORT_NAMES = {
    "arxiv": "google/bigbird-pegasus-large-arxiv",
    "pubmed": "google/bigbird-pegasus-large-pubmed",
    "bigpatent": "google/bigbird-pegasus-large-bigpatent",
}
DEFAULT = "default"
SILENT = Console(quiet=True)

_AGAIN = "run the command again: it continues where this one stopped"
_MAKE_ROOM = "make room, or set HF_HOME to another disk; what has arrived is kept"
_OF_MODEL = "bbp reads config.json, spiece.model, and model.safetensors or pytorch_model.bin"
# What the package's reasons are to the user: the error (its exit code), the code in records, the hint.
_ERRORS: dict[HubReason, tuple[type[BbpError], str, str]] = {
    HubReason.OFFLINE: (ModelError, "model_not_cached", "unset HF_HUB_OFFLINE"),
    HubReason.NO_MODEL: (ModelError, "model_missing", "check the name; a private model needs HF_TOKEN"),
    HubReason.NO_REVISION: (ModelError, "model_missing", "see --revision"),
    HubReason.NO_FILE: (ModelError, "model_missing", "check the name"),
    HubReason.INCOMPLETE: (ModelError, "model_unusable", _OF_MODEL),
    HubReason.GATED: (ModelError, "model_denied", "ask for access there, then set HF_TOKEN to your token"),
    HubReason.DENIED: (ModelError, "model_denied", "set HF_TOKEN to a token that may read this model"),
    HubReason.REFUSED: (ModelError, "model_download", f"wait a little; {_AGAIN}"),
    HubReason.NO_CONNECTION: (ModelError, "model_download", f"check the network; {_AGAIN}"),
    HubReason.NO_HUB: (
        ModelError,
        "model_download",
        "check HF_ENDPOINT, and whether this network wants you to sign in first",
    ),
    HubReason.WRONG_CONTENT: (
        ModelError,
        "model_checksum",
        "run the command again; if it stays so, something between here and the Hub changes files",
    ),
    HubReason.TOO_LARGE: (ModelError, "model_unusable", _OF_MODEL),
    HubReason.NO_ROOM: (OutputError, "disk_full", _MAKE_ROOM),
    HubReason.CACHE: (OutputError, "output", _MAKE_ROOM),
    HubReason.SETTINGS: (
        UsageError,
        "usage",
        "HF_ENDPOINT is an address, HF_HUB_..._TIMEOUT are seconds, HF_TOKEN is a token of the Hub, "
        "SSL_CERT_FILE is a file of certificates",
    ),
}


@dataclass(frozen=True)
class ModelFolder:
    """A checkpoint folder, what records call the model, and its commit where it came from the Hub."""

    id: str
    path: Path
    revision: str | None = None


Check = Callable[[ModelFolder], object]


def locate(
    name: str,
    *,
    revision: str | None = None,
    offline: bool = False,
    check: Check = lambda _folder: None,
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
            the download failed.
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
    found = find_cached(repository, revision)
    if found is None:
        refuse_offline(repository, offline=offline)
        found = fetch(repository, revision, check, console)
    return found


def local_folder(name: str) -> ModelFolder | None:
    """Return the folder a name means without the Hub: the default model's, or one on the disk; or None."""
    if name == DEFAULT:
        return ModelFolder(DEFAULT, default_folder())
    if name not in SHORT_NAMES and is_folder(name):
        return ModelFolder(name, Path(name))
    return None


def repository_of(name: str) -> str:
    """Return the Hub's name of a model.

    Raises:
        ModelError: it cannot be one.
    """
    repository = SHORT_NAMES.get(name, name)
    if not cache.is_repository_name(repository) or (name not in SHORT_NAMES and exists(name)):
        raise ModelError(
            "no such model folder",
            hint=f"give a folder, a Hub name (owner/name), or one of {', '.join(SHORT_NAMES)}",
            file=name,
            code="model_missing",
        )
    return repository


def check_revision(revision: str | None) -> None:
    """Raise UsageError for what cannot be the name of a branch, a tag or a commit."""
    if revision is not None and not cache.is_revision_name(revision):
        raise UsageError(f"--revision {revision!r} cannot be a branch, a tag or a commit")


def default_folder() -> Path:
    """Return where the model that comes with bbp lies."""
    import bigbird_pegasus

    return Path(str(bigbird_pegasus.__file__)).parent / "pretrained"


# The cache


def cache_folder() -> Path:
    """Return where the Hub keeps model files."""
    with hub_errors():
        return cache.cache_folder()


def find_cached(repository: str, revision: str | None = None) -> ModelFolder | None:
    """Return the folder of a revision, if all of it is in the cache."""
    with hub_errors(repository):
        path = cache.cached(repository, revision)
    return None if path is None else ModelFolder(repository, path, path.name)


def cached_folders() -> Iterator[ModelFolder]:
    """Yield every revision of every model in the cache, complete or not, by name and commit."""
    with hub_errors():
        snapshots = list(cache.cached_snapshots())
    for repository, path in snapshots:
        yield ModelFolder(repository, path, path.name)


# The download


def fetch(repository: str, revision: str | None, check: Check, console: Console) -> ModelFolder:
    """Bring the newest commit of a revision into the cache, complete and verified.

    Raises:
        UsageError, ModelError, OutputError: see `locate`.
    """

    def check_path(path: Path) -> None:
        check(ModelFolder(repository, path, path.name))

    with hub_errors(repository), _shown(repository, console) as on_bytes:
        path = download(
            repository,
            revision,
            required=(CONFIG_FILE, VOCABULARY_FILE),
            check=check_path,
            on_bytes=on_bytes,
            user_agent=f"bbp/{__version__}",
        )
    return ModelFolder(repository, path, path.name)


@contextmanager
def _shown(repository: str, console: Console) -> Iterator[OnBytes]:
    """Show a download: a bar, or a plain line, from when it is known how much is missing."""
    with ExitStack() as bars:
        shown = 0
        advance: Callable[[int], None] | None = None

        def on_bytes(received: int, total: int) -> None:
            nonlocal shown, advance
            if advance is None:
                console.file_done(f"downloading {repository}, {decimal(total)}")
                advance = bars.enter_context(console.transfer(repository, total))
            advance(received - shown)
            shown = received

        yield on_bytes


def refuse_offline(repository: str, *, offline: bool) -> None:
    """Raise ModelError where the network is forbidden, by `--offline` or by the Hub's own variables."""
    with hub_errors(repository):
        forbidden = offline or cache.hub_constants().HF_HUB_OFFLINE
    if not forbidden:
        return
    variable = next((name for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE") if os.environ.get(name)), "")
    why = "--offline" if offline else f"{variable}={os.environ.get(variable)}"
    raise ModelError(
        f"not in the cache, and {why} forbids the download",
        hint=f"run once without it; the cache is {cache_folder()}",
        file=repository,
        code="model_not_cached",
    )


@contextmanager
def hub_errors(repository: str | None = None) -> Iterator[None]:
    """Turn what the package says of the Hub into the command's errors; to be around every use of it.

    huggingface_hub reads its variables when it is imported in here: it is to print and to send nothing of its
    own. With telemetry it asks the Hub once a day which programs are agents, and reports which one runs it.
    """
    os.environ.setdefault("HF_HUB_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        yield
    except HubError as error:
        kind, code, hint = _ERRORS[error.reason]
        raise kind(str(error), hint=hint, file=repository, code=code) from error
