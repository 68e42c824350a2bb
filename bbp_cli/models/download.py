"""The files of a Hub repository → the Hub's cache: each one checked, and continued where it was cut.

huggingface_hub 2.4 alone is not enough for that. Over plain HTTP it compares sizes, never digests, and since
its pull request 4228 a file that is cut by the end of the process starts anew. Weights are gigabytes, so this
module takes the library's session, tokens, addresses, errors, locks and cache, and does the transfer itself:
what has arrived stays in the cache as `blobs/DIGEST.incomplete` (the library's name for it), the rest is
asked for with a Range request, and a file gets its place only when it has the digest that the Hub lists for
it: sha256 for large files (LFS), git's for the others. Xet, the library's other way to transfer, is not used:
it starts anew too, and the Hub serves every file over HTTP as well.
"""

import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from bigbird_pegasus.checkpoints.files import CONFIG, VOCABULARY, WEIGHTS, shards_of

from bbp_cli.console import Console, human_size
from bbp_cli.errors import ModelError, OutputError, UsageError
from bbp_cli.models.names import COMMIT, MAIN, Check, ModelFolder, prepare_library, storage_folder
from bbp_cli.version import __version__

# What is fetched beside the weights, where the repository has it; the first two it must have.
FILES = (CONFIG, VOCABULARY, "tokenizer_config.json", "generation_config.json", "README.md")
NEEDED = (CONFIG, VOCABULARY)
ATTEMPTS = 3  # in a row that bring nothing new; seconds between them: 1, 2
PASSING = (408, 429, 502, 503, 504)  # answers that may be another one a moment later
SHA256 = 64  # hexadecimal digits
_DIGEST = re.compile(r"[0-9a-f]{64}|[0-9a-f]{40}")  # sha256, or git's sha1
AGAIN = "run the command again: it continues where this one stopped"
NO_ROOM = "make room, or set HF_HOME to another disk; what has arrived is kept"

Advance = Callable[[int], None]


@dataclass(frozen=True)
class RemoteFile:
    """A file of a repository: its size in bytes, and the digest that is also its name among the blobs."""

    name: str
    size: int
    digest: str


@dataclass(frozen=True)
class Listing:
    """What a repository holds at a commit, and the folder in the cache that is to hold it too."""

    repository: str
    commit: str
    files: Mapping[str, RemoteFile]

    @property
    def folder(self) -> ModelFolder:
        """The folder of this commit."""
        path = storage_folder(self.repository) / "snapshots" / self.commit
        return ModelFolder(self.repository, path, self.commit)

    def place(self, file: RemoteFile) -> Path:
        """Where a file is to be."""
        return self.folder.path / file.name

    def blob(self, file: RemoteFile) -> Path:
        """Where its content is kept."""
        return storage_folder(self.repository) / "blobs" / file.digest

    def partial(self, file: RemoteFile) -> Path:
        """Where its content is kept until all of it has arrived."""
        return storage_folder(self.repository) / "blobs" / f"{file.digest}.incomplete"


def download(repository: str, revision: str | None, check: Check, console: Console) -> Path:
    """Bring the newest commit of a revision into the cache and return its folder.

    Only the files that bbp reads are fetched, `config.json` first and the weights last. Files that are in the
    cache already are checked, and fetched again if they are damaged.

    Raises:
        ModelError: no such repository, revision or file, no access, no connection, wrong content; or what
            `check` raises when it has read `config.json`.
        OutputError: the cache cannot be written.
        UsageError: the token, or another variable of the library, holds nonsense.
    """
    with _explained(repository, revision):
        listing = _list(repository, revision)
        config, *others = _small_files(listing)
        weights = next((listing.files[name] for name in WEIGHTS if name in listing.files), None)
        if weights is None:
            raise _lacks(repository, "weights")
        _bring(listing, config)
        check(listing.folder)
        for file in others:
            _bring(listing, file)
        _bring_all(listing, _of_weights(listing, weights), console)
        _remember(listing, revision or MAIN)
    return listing.folder.path


def _list(repository: str, revision: str | None) -> Listing:
    """Ask the Hub which commit a revision is, and for its files."""
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import HfHubHTTPError

    api = HfApi(library_name="bbp", library_version=__version__)
    try:
        info = api.model_info(
            repository, revision=revision, files_metadata=True, timeout=constants.HF_HUB_ETAG_TIMEOUT
        )
        files = [
            RemoteFile(
                file.rfilename, int(file.size or 0), str(file.lfs.sha256 if file.lfs else file.blob_id)
            )
            for file in info.siblings or ()
        ]
        commit = str(info.sha)
    except UnicodeEncodeError as error:
        raise UsageError("HF_TOKEN holds characters that no token has") from error
    except HfHubHTTPError:  # one kind of it is a ValueError too
        raise
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _strange_answer(repository) from error
    if not COMMIT.fullmatch(commit) or not all(_DIGEST.fullmatch(file.digest) for file in files):
        raise _strange_answer(repository)
    return Listing(repository, commit, {file.name: file for file in files})


def _small_files(listing: Listing) -> list[RemoteFile]:
    for name in NEEDED:
        if name not in listing.files:
            raise _lacks(listing.repository, name)
    return [listing.files[name] for name in FILES if name in listing.files]


def _of_weights(listing: Listing, weights: RemoteFile) -> list[RemoteFile]:
    """The file of the weights, or those that their index names."""
    if not weights.name.endswith(".json"):
        return [weights]
    _bring(listing, weights)
    names = shards_of(listing.place(weights))
    for name in names or ["readable index of weights"]:
        if name not in listing.files:
            raise _lacks(listing.repository, name)
    return [listing.files[name] for name in names]


def _bring_all(listing: Listing, files: list[RemoteFile], console: Console) -> None:
    """Bring files to their places, with a bar."""
    missing = [file for file in files if not _is_good(listing.place(file), file)]
    size = sum(file.size for file in missing)
    _need_room(listing, sum(file.size - _arrived(listing, file) for file in missing))
    if missing:
        console.file_done(f"downloading {listing.repository}, {human_size(size)}")
    with console.transfer(listing.repository, size) as advance:
        for file in missing:
            _bring(listing, file, advance)


def _bring(listing: Listing, file: RemoteFile, advance: Advance = lambda _bytes: None) -> None:
    """See that a file is in its place and has the right content.

    Raises:
        ModelError: what was sent is not what the Hub lists.
    """
    from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined]  # its `__all__` is made at run time

    place, blob = listing.place(file), listing.blob(file)
    if _is_good(place, file):
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    blob.parent.mkdir(parents=True, exist_ok=True)
    lock = blob.parents[2] / ".locks" / blob.parents[1].name / f"{blob.name}.lock"  # as the library's
    lock.parent.mkdir(parents=True, exist_ok=True)
    with WeakFileLock(lock):
        if not _is_good(blob, file):
            _receive(listing, file, advance)
        _link(blob, place)


def _arrived(listing: Listing, file: RemoteFile) -> int:
    """How many bytes of a file are on the disk, complete or not."""
    kept = [path.stat().st_size for path in (listing.blob(file), listing.partial(file)) if path.is_file()]
    return min(max(kept, default=0), file.size)


def _receive(listing: Listing, file: RemoteFile, advance: Advance) -> None:
    """Get what is missing of a file's content, and keep it if it is right."""
    from huggingface_hub import hf_hub_url
    from huggingface_hub.errors import HfHubHTTPError

    url = hf_hub_url(listing.repository, file.name, revision=listing.commit)
    partial = listing.partial(file)
    partial.touch()
    advance(partial.stat().st_size)
    idle = 0
    while (had := partial.stat().st_size) < file.size:
        failure: Exception = ConnectionError("the file ends too early")
        try:
            _continue(url, partial, file.size, advance)
        except _http_error() as error:
            if isinstance(error, HfHubHTTPError) and error.response.status_code not in PASSING:
                raise
            failure = error
        idle = 0 if partial.stat().st_size > had else idle + 1
        if idle == ATTEMPTS:
            raise failure
        time.sleep(idle)
    if not _is_good(partial, file):
        partial.unlink()
        raise ModelError(
            f"{file.name} is not what the Hub lists: wrong content was sent, and thrown away",
            hint="run the command again; if it stays so, something between here and the Hub changes files",
            file=listing.repository,
            code="model_checksum",
        )
    partial.replace(listing.blob(file))


def _continue(url: str, partial: Path, size: int, advance: Advance) -> None:
    """Append to a file what the server sends of the rest; start anew where it cannot continue."""
    from huggingface_hub import constants, get_session, hf_raise_for_status
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # likewise

    had = partial.stat().st_size
    headers = build_hf_headers(library_name="bbp", library_version=__version__)
    headers["Accept-Encoding"] = "identity"
    if had:
        headers["Range"] = f"bytes={had}-"
    with get_session().stream(
        "GET", url, headers=headers, timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT
    ) as response:
        hf_raise_for_status(response)
        continues = response.status_code == 206
        if had and not continues:
            advance(-had)
        with partial.open("ab" if continues else "wb") as sink:
            for chunk in response.iter_bytes():
                sink.write(chunk)
                sink.flush()  # what has arrived is kept even if this process is killed
                advance(len(chunk))
                if sink.tell() > size:
                    return


def _is_good(path: Path, file: RemoteFile) -> bool:
    """Whether a file has the size and the digest that the Hub lists."""
    if not path.is_file() or path.stat().st_size != file.size:
        return False
    digest = hashlib.sha256() if len(file.digest) == SHA256 else hashlib.sha1(f"blob {file.size}\0".encode())
    with path.open("rb") as content:
        while chunk := content.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest() == file.digest


def _link(blob: Path, place: Path) -> None:
    """Let a file's place point to its content, or hold it where links cannot be made."""
    from huggingface_hub import constants

    link = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        if getattr(constants, "HF_HUB_DISABLE_SYMLINKS", False):  # 1.0 has no such variable
            raise OSError("links are not wanted")
        link.symlink_to(os.path.relpath(blob, place.parent))
    except OSError:
        link = blob
    link.replace(place)


def _remember(listing: Listing, revision: str) -> None:
    """Note which commit a branch or tag is, for the runs that do not ask the Hub; last, when all is there."""
    if revision == listing.commit:
        return
    note = storage_folder(listing.repository) / "refs" / revision
    note.parent.mkdir(parents=True, exist_ok=True)
    fresh = note.with_name(f".{note.name}.{os.getpid()}")
    fresh.write_text(listing.commit, encoding="utf-8")
    fresh.replace(note)


def _need_room(listing: Listing, size: int) -> None:
    """Raise OutputError where the disk cannot hold so many bytes more."""
    folder = listing.folder.path
    free = shutil.disk_usage(folder).free
    if size > free:
        raise OutputError(
            f"the model cache has room for {human_size(free)}, and {human_size(size)} are needed",
            hint=NO_ROOM,
            file=listing.repository,
            code="disk_full",
        )


@contextmanager
def _explained(repository: str, revision: str | None) -> Iterator[None]:
    """What the library, the network and the disk raise becomes one line with a hint."""
    prepare_library()
    from huggingface_hub import constants
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    def failed(message: str, hint: str, code: str) -> ModelError:
        return ModelError(message, hint=hint, file=repository, code=code)

    try:
        yield
    except GatedRepoError as error:
        hint = f"ask for it at {constants.ENDPOINT}/{repository}, then set HF_TOKEN to your token"
        raise failed("access to this model must be granted first", hint, "model_denied") from error
    except RevisionNotFoundError as error:
        raise failed(
            f"the Hub has no revision {revision} of it", "see --revision", "model_missing"
        ) from error
    except RepositoryNotFoundError as error:
        hint = "check the name; a private model needs HF_TOKEN"
        raise failed("the Hub has no such model, or hides it", hint, "model_missing") from error
    except HfHubHTTPError as error:
        raise failed(*_refused(error.response.status_code)) from error
    except (_http_error(), ConnectionError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        message = f"no connection to {constants.ENDPOINT}: {reason}"
        raise failed(message, f"is the network there? {AGAIN}", "model_download") from error
    except OSError as error:
        message = f"cannot write the model cache: {error.strerror or error}"
        raise OutputError(message, hint=NO_ROOM, file=error.filename or repository) from error


def _http_error() -> type[Exception]:
    """HTTPError of the HTTP library beneath, whichever it is: httpx until huggingface_hub 1, now httpx2."""
    from huggingface_hub.errors import HfHubHTTPError

    return cast(type[Exception], HfHubHTTPError.__bases__[0])


def _refused(status: int) -> tuple[str, str, str]:
    """Message, hint and code for a status of HTTP."""
    if status in (401, 403):
        hint = "set HF_TOKEN to a token that may read this model"
        return f"the Hub denies access (HTTP {status})", hint, "model_denied"
    if status == 404:
        return "the Hub has no such model or file (HTTP 404)", "check the name", "model_missing"
    return f"the Hub answers HTTP {status}", f"wait a little; {AGAIN}", "model_download"


def _lacks(repository: str, what: str) -> ModelError:
    return ModelError(
        f"the repository has no {what}",
        hint="bbp reads config.json, spiece.model, and model.safetensors or pytorch_model.bin",
        file=repository,
        code="model_unusable",
    )


def _strange_answer(repository: str) -> ModelError:
    from huggingface_hub.constants import ENDPOINT

    return ModelError(
        f"what {ENDPOINT} answers is not what a Hub answers",
        hint="is HF_ENDPOINT right?",
        file=repository,
        code="model_download",
    )
