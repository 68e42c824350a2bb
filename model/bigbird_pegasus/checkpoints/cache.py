"""The cache that all programs of the Hugging Face Hub share: what models are called, where their files lie.

Its place is HF_HUB_CACHE or HF_HOME, its layout `models--OWNER--NAME/` with `blobs/DIGEST`,
`snapshots/COMMIT/FILE`, which are links to blobs, and `refs/BRANCH`, files that hold a commit.
huggingface_hub is imported when the cache is first looked at: a folder's name needs it not.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from bigbird_pegasus.checkpoints.files import is_complete
from bigbird_pegasus.errors import HubError, HubReason


@dataclass(frozen=True)
class HubOptions:
    """What a call says otherwise than the environment: where the cache is, and who asks."""

    cache_dir: str | Path | None = None
    token: str | bool | None = None  # False: nobody; None or True: as the environment says


_AS_THE_ENVIRONMENT = HubOptions()
_options: ContextVar[HubOptions] = ContextVar("hub_options", default=_AS_THE_ENVIRONMENT)


@contextmanager
def hub_options(options: HubOptions) -> Iterator[None]:
    """Let the options hold for what is read from the Hub within."""
    before = _options.set(options)
    try:
        yield
    finally:
        _options.reset(before)


def hub_token() -> str | bool | None:
    """Return what huggingface_hub takes for a token: one, False for none, None for the environment's."""
    return _options.get().token


MAIN = "main"  # the branch that a name without revision means
COMMIT = re.compile(r"[0-9a-f]{40}")
MIN_COMMIT_DIGITS = 7  # of a commit's short form, as git writes it
MAX_NAME_CHARACTERS = 96  # the Hub allows no more
_PART = r"\w(?:[\w.-]*\w)?"
_REPOSITORY = re.compile(rf"(?!.*(?:--|\.\.|\.git$)){_PART}/{_PART}", re.ASCII)
_REVISION = re.compile(r"(?!.*\.\.|.{250})[\w.][\w./-]*")


def is_repository_name(name: str) -> bool:
    """Return whether a model on the Hub can have this name: `owner/name`."""
    return len(name) <= MAX_NAME_CHARACTERS and _REPOSITORY.fullmatch(name) is not None


def is_revision_name(name: str) -> bool:
    """Return whether this can be the name of a branch, a tag or a commit."""
    return _REVISION.fullmatch(name) is not None


def hub_constants() -> ModuleType:
    """Return the settings of huggingface_hub, which reads them from the environment when it is imported.

    Raises:
        HubError: one of its variables holds an impossible value.
    """
    try:
        from huggingface_hub import constants
    except ValueError as error:
        raise HubError(
            HubReason.SETTINGS, f"an environment variable HF_... cannot be understood: {error}"
        ) from error
    return constants


def cache_folder() -> Path:
    """Return where the Hub's programs keep model files."""
    return Path(_options.get().cache_dir or hub_constants().HF_HUB_CACHE)


def storage_folder(repository: str) -> Path:
    """Return the folder of a repository in the cache."""
    return cache_folder() / f"models--{repository.replace('/', '--')}"


def snapshot_folder(repository: str, revision: str | None = None) -> Path | None:
    """Return the folder of a revision in the cache, complete or not; None where nothing of it is there."""
    storage = storage_folder(repository)
    commit = whole_revision(repository, revision or MAIN)
    if not COMMIT.fullmatch(commit):
        try:
            commit = (storage / "refs" / commit).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return None
    folder = storage / "snapshots" / commit
    return folder if COMMIT.fullmatch(commit) and folder.is_dir() else None


def whole_revision(repository: str, revision: str) -> str:
    """Return the commit that a short form means in the cache, and any other revision as it is.

    The Hub knows no short forms.
    """
    storage = storage_folder(repository)
    is_known = COMMIT.fullmatch(revision) or (storage / "refs" / revision).is_file()
    return revision if is_known else _whole_commit(storage, revision) or revision


def means_commit(revision: str, commit: str) -> bool:
    """Return whether a revision is a commit, or the beginning of one that is long enough to mean it."""
    return len(revision) >= MIN_COMMIT_DIGITS and commit.startswith(revision)


def _whole_commit(storage: Path, beginning: str) -> str | None:
    """Return the one commit in the cache that begins so; None where there is none, or several."""
    names = [path.name for path in (storage / "snapshots").glob("*") if means_commit(beginning, path.name)]
    return names[0] if len(names) == 1 else None


def cached(repository: str, revision: str | None = None, *, weights: bool = True) -> Path | None:
    """Return the folder of a revision if all of it is in the cache, or all beside the weights."""
    folder = snapshot_folder(repository, revision)
    return folder if folder is not None and is_complete(folder, weights=weights) else None


def cached_snapshots() -> Iterator[tuple[str, Path]]:
    """Yield (repository, folder) of each cached revision, complete or not; its commit names a folder."""
    for folder in sorted(cache_folder().glob("models--*--*/snapshots/*")):
        if COMMIT.fullmatch(folder.name) and folder.is_dir():
            yield folder.parts[-3].removeprefix("models--").replace("--", "/", 1), folder


def references(snapshot: Path) -> list[str]:
    """Return the branches and tags that mean a snapshot folder."""
    start = snapshot.parents[1] / "refs"
    notes = [path for path in start.rglob("*") if path.is_file()]
    named = [path for path in notes if path.read_bytes().strip() == snapshot.name.encode()]
    return sorted(path.relative_to(start).as_posix() for path in named)
