"""`bbp models convert`: a checkpoint folder → the same model in fewer bits, which loads by mapping."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from bigbird_pegasus.checkpoints.files import (
    CONFIG_FILE,
    GENERATION_CONFIG_FILE,
    SMALL_FILES,
    is_complete,
    weight_files,
)
from bigbird_pegasus.quantization.scheme import Scheme
from rich.filesize import decimal

from bbp_cli.console import Console
from bbp_cli.errors import OutputError, UsageError
from bbp_cli.models.checkpoints import Checkpoint, check_scheme, find, load_exactly
from bbp_cli.models.hardware import DType
from bbp_cli.models.memory import memory_errors
from bbp_cli.models.names import ModelFolder

WRITTEN = (CONFIG_FILE, GENERATION_CONFIG_FILE)  # with the weights; the other files are copied


@dataclass(frozen=True)
class Conversion:
    """Where the new model goes, and how its weights are stored; `dtype` "auto" keeps their type."""

    destination: Path
    dtype: DType = "auto"
    quantize: Scheme | None = None
    overwrite: bool = False


def convert(
    source: str, wanted: Conversion, console: Console, *, revision: str | None = None, offline: bool = False
) -> Path:
    """Write the model; the folder appears when it is complete.

    Raises:
        UsageError, ModelError, OutputError: see `checkpoints.find`.
        UsageError: the folder is the model's own, or it is stored in another quantization scheme.
        ModelError, ResourceError: the model cannot be loaded here.
        OutputError: the folder exists, holds something other than a model, or cannot be written.
    """
    checkpoint = find(source, revision=revision, offline=offline, console=console)
    check_scheme(checkpoint, wanted.quantize)
    _check_destination(wanted, checkpoint.folder)
    model = load_exactly(checkpoint, wanted.dtype, wanted.quantize)
    beginning = os.fsencode(wanted.destination.name)[:100].decode("utf-8", "ignore")  # of 255 bytes at most
    new = wanted.destination.with_name(f".{beginning}.{os.getpid()}")
    old = new.with_name(f"{new.name}.old")
    try:
        new.mkdir(parents=True)
        with memory_errors():
            model.save_pretrained(new)
        _copy_beside(checkpoint, new)
        if wanted.destination.is_dir():
            wanted.destination.rename(old)  # deleted only when the new one stands in its place
        new.replace(wanted.destination)
    except OSError as error:
        raise OutputError(f"cannot write: {error.strerror or error}", file=str(wanted.destination)) from error
    finally:
        shutil.rmtree(new, ignore_errors=True)
        if wanted.destination.exists():
            shutil.rmtree(old, ignore_errors=True)
        elif old.exists():
            old.rename(wanted.destination)
    before, after = _weight_bytes(checkpoint.folder.path), _weight_bytes(wanted.destination)
    console.file_done(f"{decimal(before)} of weights are {decimal(after)} in {wanted.destination}")
    return wanted.destination


def _check_destination(wanted: Conversion, source: ModelFolder) -> None:
    """Check that the folder may be written, before a model is loaded."""
    place = wanted.destination
    try:
        if place.resolve() == source.path.resolve():
            raise UsageError(f"{place} is the model itself", hint="name another folder")
        if not (place.exists() or place.is_symlink()):
            return
        if not place.is_dir() or place.is_symlink():
            raise OutputError("is not a folder", hint="name another folder", file=str(place), code="exists")
        if not any(place.iterdir()):
            return
        if not wanted.overwrite:
            raise OutputError(
                "exists already", hint="--overwrite replaces it", file=str(place), code="exists"
            )
        if not is_complete(place):
            raise OutputError(
                "holds something other than a model, which is not replaced",
                hint="name another folder",
                file=str(place),
                code="exists",
            )
    except OSError as error:
        raise OutputError(f"cannot write: {error.strerror}", file=str(place)) from error


def _copy_beside(checkpoint: Checkpoint, folder: Path) -> None:
    for name in SMALL_FILES:
        if name not in WRITTEN and (checkpoint.folder.path / name).is_file():
            shutil.copyfile(checkpoint.folder.path / name, folder / name)


def _weight_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in weight_files(folder))
