"""A checkpoint's name → the folder of its files: a folder on the disk, or a model of the Hugging Face Hub."""

from pathlib import Path

from bigbird_pegasus.checkpoints.cache import cached, is_repository_name, snapshot_folder
from bigbird_pegasus.checkpoints.download import download
from bigbird_pegasus.errors import HubError, HubReason


def checkpoint_folder(
    name_or_path: str | Path,
    *,
    weights: bool = False,
    revision: str | None = None,
    local_files_only: bool = False,
) -> Path:
    """Find the folder of a checkpoint, and download what is missing of one that is named.

    HF_HOME, HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE hold as in every program of the Hub. What is complete in
    its cache is taken from there without asking.

    Args:
        name_or_path: a folder, or `owner/name` on the Hub where there is no such folder.
        weights: whether they are needed too, or only what is small.
        revision: branch, tag or commit, by default the main branch; of a folder it means nothing.
        local_files_only: never download.

    Raises:
        HubError: the Hub does not have it or does not give it, or it is neither in the cache nor may or can
            it be downloaded.
    """
    name = str(name_or_path)
    if isinstance(name_or_path, Path) or Path(name).is_dir() or not is_repository_name(name):
        return Path(name_or_path)
    if local_files_only:
        folder = snapshot_folder(name, revision)
        if folder is None:
            raise HubError(HubReason.OFFLINE, f"{name} is not a folder here and not in the cache of the Hub")
        return folder
    try:
        return cached(name, revision, weights=weights) or download(name, revision, weights=weights)
    except HubError as error:
        message = f"{name} is not a folder here, and the Hub does not give it: {error}"
        raise HubError(error.reason, message) from error
