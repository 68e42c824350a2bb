"""A model's name on the Hugging Face Hub → the folder of its files in the cache that all programs share.

huggingface_hub is imported for names alone: a folder is read without it. HF_HOME, HF_ENDPOINT, HF_TOKEN and
HF_HUB_OFFLINE are that library's and hold here. What is in the cache is taken from there without asking.
"""

import re
from pathlib import Path
from typing import cast

from bigbird_pegasus.checkpoints.files import (
    CONFIG,
    PICKLE,
    PICKLE_INDEX,
    SAFETENSORS,
    SAFETENSORS_INDEX,
    VOCABULARY,
    WEIGHTS,
    is_complete,
)
from bigbird_pegasus.errors import CheckpointError

BESIDE_WEIGHTS = [
    CONFIG,
    VOCABULARY,
    "tokenizer_config.json",
    "special_tokens_map.json",
    "generation_config.json",
]
# What to fetch beside the file that is looked for.
SETS_OF_WEIGHTS = {
    SAFETENSORS: [SAFETENSORS],
    SAFETENSORS_INDEX: [SAFETENSORS_INDEX, "model-*.safetensors"],
    PICKLE: [PICKLE],
    PICKLE_INDEX: [PICKLE_INDEX, "pytorch_model-*.bin"],
}
_NAME = re.compile(r"\w[\w.-]*/\w[\w.-]*", re.ASCII)


def checkpoint_folder(
    name_or_path: str | Path,
    *,
    weights: bool = False,
    revision: str | None = None,
    local_files_only: bool = False,
) -> Path:
    """Find the folder of a checkpoint, and download what is missing of one that is named.

    Args:
        name_or_path: a folder, or `owner/name` on the Hub where there is no such folder.
        weights: whether they are needed too, or only what is small.
        revision: branch, tag or commit, by default the main branch; of a folder it means nothing.
        local_files_only: never download.

    Raises:
        CheckpointError: the Hub does not have it or does not give it, or it is neither in the cache nor may
            or can it be downloaded.
    """
    name = str(name_or_path)
    if isinstance(name_or_path, Path) or Path(name).is_dir() or not _NAME.fullmatch(name):
        return Path(name_or_path)
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    no_connection = cast(type[Exception], HfHubHTTPError.__bases__[0])  # of httpx until 1.x, then of httpx2
    try:
        cached = _cached(name, revision)
        if cached is not None and (local_files_only or is_complete(cached)):
            return cached
        if not local_files_only:
            return _downloaded(name, revision, weights=weights)
    except (no_connection, HFValidationError, OSError) as error:
        reason = " ".join(str(error).split())
        raise CheckpointError(f"{name} is no folder here, and the Hub does not give it: {reason}") from error
    raise CheckpointError(f"{name} is no folder here and not in the cache of the Hub")


def _cached(name: str, revision: str | None) -> Path | None:
    """The folder of a revision in the cache, complete or not."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, revision=revision, local_files_only=True, allow_patterns=CONFIG))
    except LocalEntryNotFoundError:
        return None


def _downloaded(name: str, revision: str | None, *, weights: bool) -> Path:
    """The folder of a revision with all that is needed; weights come last, so all else is there with them."""
    from huggingface_hub import HfApi, snapshot_download

    folder = snapshot_download(name, revision=revision, allow_patterns=BESIDE_WEIGHTS)
    if weights:
        files = HfApi().list_repo_files(name, revision=revision)
        wanted = next((SETS_OF_WEIGHTS[first] for first in WEIGHTS if first in files), [])
        folder = snapshot_download(name, revision=revision, allow_patterns=wanted)
    return Path(folder)
