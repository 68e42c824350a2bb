"""A checkpoint's name → the folder of its files: a folder on the disk, or a model of the Hugging Face Hub."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bigbird_pegasus.checkpoints.cache import (
    HubOptions,
    cached,
    hub_options,
    is_repository_name,
    snapshot_folder,
)
from bigbird_pegasus.checkpoints.download import download
from bigbird_pegasus.errors import ConfigError, HubError, HubReason


def checkpoint_folder(
    name_or_path: str | Path,
    *,
    weights: bool = False,
    revision: str | None = None,
    local_files_only: bool = False,
    subfolder: str = "",
    cache_dir: str | Path | None = None,
    token: str | bool | None = None,
    force_download: bool = False,
) -> Path:
    """Find the folder of a checkpoint, and download what is missing of one that is named.

    HF_HOME, HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE hold as in every program of the Hub. What is complete in
    its cache is taken from there without asking.

    Args:
        name_or_path: a folder, or `owner/name` on the Hub where there is no such folder.
        weights: whether they are needed too, or only what is small.
        revision: branch, tag or commit, by default the main branch; of a folder it means nothing.
        local_files_only: never download.
        subfolder: of the folder, where the checkpoint is in it; not of a model on the Hub.
        cache_dir: in place of the Hub's own cache.
        token: for models that are not public; True or None takes HF_TOKEN or the one of `hf auth login`.
        force_download: verify what is cached, and fetch again what is damaged or out of date.

    Raises:
        ConfigError: a subfolder of a model on the Hub, or what is given is no name.
        HubError: the Hub does not have it or does not give it, or it is neither in the cache nor may or can
            it be downloaded.
    """
    if not isinstance(name_or_path, str | Path):
        raise ConfigError(f"a checkpoint is a folder or a name on the Hub, not {name_or_path!r:.50}")
    name = str(name_or_path)
    if isinstance(name_or_path, Path) or Path(name).is_dir() or not is_repository_name(name):
        return Path(name_or_path) / subfolder
    if subfolder:
        raise ConfigError(
            f"subfolder is {subfolder!r}: of a model on the Hub only the top folder is read; download it"
        )
    with hub_options(HubOptions(cache_dir, None if token is True else token)):
        return _hub_folder(name, revision, weights, local_files_only, force_download)


def _hub_folder(
    name: str, revision: str | None, weights: bool, local_files_only: bool, force_download: bool
) -> Path:
    """Return the folder of a model on the Hub in its cache."""
    if local_files_only:
        folder = snapshot_folder(name, revision)
        if folder is None:
            raise HubError(HubReason.OFFLINE, f"{name} is not a folder here and not in the cache of the Hub")
        return folder
    try:
        known = None if force_download else cached(name, revision, weights=weights)
        return known or download(name, revision, weights=weights)
    except HubError as error:
        message = f"{name} is not a folder here, and the Hub does not give it: {error}"
        raise HubError(error.reason, message) from error


# Arguments of the published `from_pretrained` that say where a checkpoint is.
WHERE = ("subfolder", "cache_dir", "token", "force_download")
# Those that change nothing here, with what they are for; the values under which they would are refused below.
WITHOUT_EFFECT = (
    "trust_remote_code",  # code of a repository is never run
    "resume_download",  # always
    "proxies",  # HTTPS_PROXY and the like hold
    "use_auth_token",
    "mirror",
    "low_cpu_mem_usage",  # always: little more than the weights is in memory
    "code_revision",
)


def split_options(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split the options of a `from_pretrained` into those of `checkpoint_folder` and the others."""
    where = {name: options[name] for name in WHERE if options.get(name) is not None}
    if options.get("use_auth_token") is not None:
        where.setdefault("token", options["use_auth_token"])
    others = {name: value for name, value in options.items() if name not in (*WHERE, *WITHOUT_EFFECT)}
    return where, others
