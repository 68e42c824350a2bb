"""The files of a Hub repository → the Hub's cache: each one verified, and resumed where it was cut.

huggingface_hub 2.4 alone is not enough for that. Over plain HTTP it compares sizes, never digests, and since
its pull request 4228 a file that is cut by the end of the process starts over. Weights are gigabytes, so this
module takes the library's session, tokens, addresses, errors, locks and cache, and does the transfer itself:
what has arrived stays in the cache as `blobs/DIGEST.incomplete` (the library's name for it), the rest is
requested with a Range header, and a file gets its place only when it has the digest that the Hub lists for
it: sha256 for large files (LFS), git's for the others. Xet, the library's other way to transfer, is not used:
it starts over too, and the Hub serves every file over HTTP as well.

`HfApi.verify_repo_checksums` is not used either: it checks files that stand in their place already, reports
every file of the repository that was not wanted as missing, and asks the Hub for a second listing to do so.
"""

import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bigbird_pegasus.checkpoints.atomic import atomic_write
from bigbird_pegasus.checkpoints.cache import (
    COMMIT,
    MAIN,
    hub_constants,
    is_revision_name,
    storage_folder,
    whole_revision,
)
from bigbird_pegasus.checkpoints.files import CONFIG_FILE, SMALL_FILES, WEIGHTS, max_bytes_of, shards_of
from bigbird_pegasus.checkpoints.requests import (
    PASSING_STATUSES,
    RefusedError,
    chunks_of,
    connection_failure,
    read_answer,
    refusal,
    requested,
    transport_error,
)
from bigbird_pegasus.errors import BigBirdPegasusError, CheckpointError, HubError, HubReason

MAX_IDLE_ATTEMPTS = 3  # in a row that bring nothing new; seconds between them: 1, 2
MIN_PROGRESS_BYTES = 1024  # of an attempt; or else it brought nothing new
SHA256_DIGITS = 64  # hexadecimal
_DIGEST = re.compile(r"[0-9a-f]{64}|[0-9a-f]{40}")  # sha256, or git's sha1

OnBytes = Callable[[int, int], None]
"""Called while weights arrive: bytes of them on the disk, and bytes of all that were missing at the start."""


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
    user_agent: str

    @property
    def folder(self) -> Path:
        """The folder of this commit."""
        return storage_folder(self.repository) / "snapshots" / self.commit

    def place(self, file: RemoteFile) -> Path:
        """Return where a file is to be."""
        return self.folder / file.name

    def blob(self, file: RemoteFile) -> Path:
        """Return where its content is kept."""
        return storage_folder(self.repository) / "blobs" / file.digest

    def partial(self, file: RemoteFile) -> Path:
        """Return where its content is kept until all of it has arrived."""
        return storage_folder(self.repository) / "blobs" / f"{file.digest}.incomplete"


def download(
    repository: str,
    revision: str | None = None,
    *,
    weights: bool = True,
    required: Sequence[str] = (),
    check: Callable[[Path], object] = lambda _folder: None,
    on_bytes: OnBytes = lambda _received, _total: None,
    user_agent: str = "bigbird_pegasus",
) -> Path:
    """Bring the newest commit of a revision into the cache and return its folder.

    Only a checkpoint's files are fetched, `config.json` first and the weights last. Files that are in the
    cache already are verified, and fetched again if they are damaged.

    Args:
        repository: `owner/name`.
        revision: branch, tag or commit, by default the main branch.
        weights: whether they are fetched too, or only what is small.
        required: small files without which nothing is fetched.
        check: called with the folder when it holds no more than `config.json`; raises where the model is not
            wanted.
        on_bytes: see `OnBytes`; not called where no weights are missing.
        user_agent: of the program, `name/version`.

    Raises:
        HubError: no such repository, revision or file, no access, no connection, wrong content, or the cache
            cannot be written.
    """
    if revision is not None and not is_revision_name(revision):
        raise HubError(HubReason.NO_REVISION, f"{revision!r} cannot be a branch, a tag or a commit")
    if revision is not None:
        revision = whole_revision(repository, revision)
    if hub_constants().HF_HUB_OFFLINE:
        raise HubError(HubReason.OFFLINE, "not in the cache, and HF_HUB_OFFLINE forbids the download")
    with _explained(repository, revision):
        listing = _list(repository, revision, user_agent)
        for name in required:
            _find(listing, name)
        small_files = [_find(listing, name) for name in SMALL_FILES if name in listing.files]
        first = next((name for name in WEIGHTS if name in listing.files), "weights") if weights else None
        if first is not None:
            _find(listing, first)
        for file in small_files:
            _bring(listing, file)
            if file.name == CONFIG_FILE:
                check(listing.folder)
        if first is not None:
            _bring_weights(listing, _weight_files(listing, first), on_bytes)
        _remember(listing, revision or MAIN)
    return listing.folder


def _list(repository: str, revision: str | None, user_agent: str) -> Listing:
    """Ask the Hub which commit a revision is, and for its files."""
    place = f"/revision/{quote(revision, safe='')}" if revision is not None else ""
    url = f"{hub_constants().ENDPOINT}/api/models/{repository}{place}?blobs=true"
    try:
        info = json.loads(read_answer(url, user_agent))
        files = [_remote_file(file) for file in info["siblings"]]
        commit = str(info["sha"])
    except UnicodeEncodeError as error:
        raise HubError(HubReason.SETTINGS, "HF_TOKEN holds characters that no token has") from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _not_a_hub() from error
    if not COMMIT.fullmatch(commit):
        raise _not_a_hub()
    return Listing(repository, commit, {file.name: file for file in files}, user_agent)


def _remote_file(listed: Any) -> RemoteFile:
    """Return a file as the Hub lists it.

    Raises:
        TypeError, KeyError: it is not listed as files are.
    """
    large = listed.get("lfs")
    file = RemoteFile(listed["rfilename"], listed["size"], large["sha256"] if large else listed["blobId"])
    if type(file.size) is not int or file.size < 0 or not _DIGEST.fullmatch(file.digest):
        raise TypeError("a size or digest is none")
    return file


def _find(listing: Listing, name: str) -> RemoteFile:
    """Return a file that a model needs.

    Raises:
        HubError: it is not listed, or is longer than any file of its kind.
    """
    if name not in listing.files:
        raise HubError(HubReason.INCOMPLETE, f"the repository has no {name}")
    file, most = listing.files[name], max_bytes_of(name)
    if file.size > most:
        size, limit = (f"{count / 1e6:,.0f} MB" for count in (file.size, most))
        raise HubError(HubReason.TOO_LARGE, f"{name} has {size} there, and no such file more than {limit}")
    return file


def _weight_files(listing: Listing, first: str) -> list[RemoteFile]:
    """Return the file of the weights, or those that their index names."""
    file = listing.files[first]
    if not first.endswith(".json"):
        return [file]
    _bring(listing, file)
    try:
        names = [path.name for path in shards_of(listing.place(file))]
    except CheckpointError as error:
        message = "the repository has no readable index of weights"
        raise HubError(HubReason.INCOMPLETE, message) from error
    return [_find(listing, name) for name in names]


def _bring_weights(listing: Listing, files: list[RemoteFile], on_bytes: OnBytes) -> None:
    """Bring the weights to their places, and report how far they are."""
    missing = [file for file in files if not _is_good(listing.place(file), file)]
    total, done = sum(file.size for file in missing), 0
    _need_room(listing, sum(file.size - _arrived(listing, file) for file in missing))

    def on_size(size: int) -> None:
        on_bytes(done + size, total)

    for file in missing:
        _bring(listing, file, on_size)
        done += file.size
        on_size(0)


def _bring(listing: Listing, file: RemoteFile, on_size: Callable[[int], None] = lambda _size: None) -> None:
    """See that a file is in its place and has the right content; `on_size` gets its bytes on the disk.

    Raises:
        HubError: what was sent is not what the Hub lists.
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
            _receive(listing, file, on_size)
        _link(blob, place)


def _arrived(listing: Listing, file: RemoteFile) -> int:
    """Return how many bytes of a file are on the disk, complete or not."""
    kept = [path.stat().st_size for path in (listing.blob(file), listing.partial(file)) if path.is_file()]
    return min(max(kept, default=0), file.size)


def _receive(listing: Listing, file: RemoteFile, on_size: Callable[[int], None]) -> None:
    """Get what is missing of a file's content, and keep it if it is right."""
    partial = listing.partial(file)
    partial.touch()
    on_size(partial.stat().st_size)
    idle = 0
    while (had := partial.stat().st_size) < file.size:
        failure: Exception = ConnectionError("the file ends too early")
        try:
            _resume(listing, file, on_size)
        except RefusedError as error:
            if error.status not in PASSING_STATUSES:
                raise
            failure = error
        except (transport_error(), ConnectionError) as error:
            failure = error
        idle = 0 if partial.stat().st_size >= had + MIN_PROGRESS_BYTES else idle + 1
        if idle == MAX_IDLE_ATTEMPTS and partial.stat().st_size < file.size:
            raise failure
        time.sleep(idle)
    if not _is_good(partial, file):
        partial.unlink()
        raise HubError(
            HubReason.WRONG_CONTENT,
            f"{file.name} is not what the Hub lists: wrong content was sent, and thrown away",
        )
    partial.replace(listing.blob(file))


def _resume(listing: Listing, file: RemoteFile, on_size: Callable[[int], None]) -> None:
    """Append to the part of a file what the server sends of the rest; start over where it cannot resume."""
    from huggingface_hub import hf_hub_url

    partial = listing.partial(file)
    had = partial.stat().st_size
    headers = {"Range": f"bytes={had}-"} if had else {}
    url = hf_hub_url(listing.repository, file.name, revision=listing.commit)
    with requested(url, listing.user_agent, headers) as response:
        resumes = response.status_code == 206
        with partial.open("ab" if resumes else "wb") as sink:
            for chunk in chunks_of(response):
                # One byte too many tells that the content is wrong; the others need no room on the disk.
                sink.write(chunk[: file.size + 1 - sink.tell()])
                sink.flush()  # what has arrived is kept even if this process is killed
                on_size(sink.tell())
                if sink.tell() > file.size:
                    return


def _is_good(path: Path, file: RemoteFile) -> bool:
    """Return whether a file has the size and the digest that the Hub lists."""
    if not path.is_file() or path.stat().st_size != file.size:
        return False
    is_sha256 = len(file.digest) == SHA256_DIGITS
    digest = hashlib.sha256() if is_sha256 else hashlib.sha1(f"blob {file.size}\0".encode())
    with path.open("rb") as content:
        while chunk := content.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest() == file.digest


def _link(blob: Path, place: Path) -> None:
    """Let a file's place point to its content, or hold it where links cannot be made."""
    link = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        if getattr(hub_constants(), "HF_HUB_DISABLE_SYMLINKS", False):  # 1.0 has no such variable
            raise OSError("links are not wanted")
        link.symlink_to(os.path.relpath(blob, place.parent))
    except OSError:
        link = blob
    link.replace(place)


def _remember(listing: Listing, revision: str) -> None:
    """Note which commit a branch or tag is, for the runs that do not ask the Hub; last, when all is there."""
    if listing.commit.startswith(revision):
        return
    note = storage_folder(listing.repository) / "refs" / revision
    note.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(note, lambda path: path.write_text(listing.commit, encoding="utf-8"))


def _need_room(listing: Listing, size: int) -> None:
    """Raise HubError where the disk cannot hold so many bytes more."""
    free = shutil.disk_usage(listing.folder).free
    if size > free:
        needed = f"{size / 1e6:,.0f} MB are needed"
        raise HubError(HubReason.NO_ROOM, f"the model cache has room for {free / 1e6:,.0f} MB, and {needed}")


@contextmanager
def _explained(repository: str, revision: str | None) -> Iterator[None]:
    """Turn what the network and the disk raise into HubError."""
    try:
        yield
    except BigBirdPegasusError:  # some of them are OSErrors
        raise
    except RefusedError as error:
        raise refusal(error, repository, revision) from error
    except (transport_error(), ConnectionError) as error:
        raise connection_failure(error) from error
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        message = f"cannot write the model cache: {error.strerror or error}{place}"
        raise HubError(HubReason.CACHE, message) from error


def _not_a_hub() -> HubError:
    endpoint = hub_constants().ENDPOINT
    return HubError(HubReason.NO_HUB, f"{endpoint} did not answer as a Hugging Face Hub does")
