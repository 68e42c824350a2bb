"""Results → text or JSON on stdout, in one file, or in a folder. Always UTF-8 with `\\n` line ends."""

import json
import os
import re
import stat
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from bbp_cli.checkpoints import LoadedModel
from bbp_cli.console import one_line, styled
from bbp_cli.documents import STDIN, Document
from bbp_cli.errors import BbpError, ClosedOutputError, OutputError, UsageError
from bbp_cli.inputs import Input
from bbp_cli.outcomes import Outcome
from bbp_cli.version import __version__

SCHEMA = "bbp.result/1"
_ALL_BUT_TWO_WORDS = re.compile(r".*(?=\s+\S+\s+\S*\Z)", re.DOTALL)


# Records


def result_record(
    task: str,
    document: Document,
    outcome: Outcome,
    loaded: LoadedModel,
    params: Mapping[str, object],
    timing: Mapping[str, float],
) -> dict[str, Any]:
    """The JSON record of one result; `timing` alone differs between two runs."""
    source = document.source
    return {
        **_record_head(source.path, task, "ok"),
        "source": {
            **asdict(source),
            "pages": len(document.pages) or None,
            "chars": len(document.text),
            "tokens": outcome.coverage.tokens_total,
        },
        **outcome.fields,
        "coverage": asdict(outcome.coverage),
        "model": model_record(loaded),
        "params": dict(params),
        "warnings": [*document.warnings, *outcome.warnings],
        "timing": {name: round(seconds, 3) for name, seconds in timing.items()},
    }


def error_record(path: str, task: str, error: BbpError) -> dict[str, Any]:
    """The JSON record of an input that failed."""
    return {
        **_record_head(path, task, "error"),
        "source": {"path": path},
        "error": {
            "code": error.code,
            "exit": error.exit_code,
            "message": error.message,
            "hint": error.hint,
        },
    }


def model_record(loaded: LoadedModel) -> dict[str, Any]:
    """Which model, and how it was run."""
    checkpoint = loaded.checkpoint
    return {
        "id": checkpoint.folder.id,
        "revision": checkpoint.folder.revision,
        "weights_sha256": checkpoint.weights_sha256,
        "dtype": loaded.hardware.dtype,
        "quantization": loaded.model.quantization,
        "device": loaded.hardware.device,
        "attention": checkpoint.attention,
    }


def json_line(record: Mapping[str, Any]) -> str:
    """One record on one line. Lone surrogates (bytes of a file name) become JSON's own escapes."""
    line = json.dumps(record, ensure_ascii=False, allow_nan=False)
    return line.encode("utf-8", "backslashreplace").decode("utf-8")


def _record_head(path: str, task: str, status: str) -> dict[str, Any]:
    return {"schema": SCHEMA, "id": path, "task": task, "status": status, "bbp_version": __version__}


# Streams and files


def emit(text: str) -> None:
    """Write text to stdout at once.

    Raises:
        ClosedOutputError: nobody reads it any more.
        OutputError: it cannot be written, for instance because the disk is full.
    """
    if sys.stdout is None or sys.stdout.closed:
        raise OutputError("closed: there is nowhere to write the result", file="stdout")
    try:
        write_utf8(text, sys.stdout.buffer)
    except BrokenPipeError:
        raise ClosedOutputError("stdout is closed") from None
    except OSError as error:
        raise OutputError(f"cannot write: {error.strerror}", file="stdout") from error


class TextPrinter:
    """Results as text on stdout, one after the other; several get the headers that `head` prints.

    A result can be printed while it grows. Its last two words may still change: "do n" becomes "don't".
    """

    def __init__(self, *, several: bool, color: bool) -> None:
        self._several = several
        self._color = color
        self._printed_any = False
        self._shown: str | None = None  # of the present result; None before its header

    def grow(self, path: str, text: str) -> None:
        """Print what is certain of a result that is not finished: all but its last two words."""
        self._begin(path)
        certain = _ALL_BUT_TWO_WORDS.match(text)
        self._show(certain[0] if certain else "")

    def finish(self, path: str, text: str) -> None:
        """Print a result, or what is missing of it."""
        self._begin(path)
        self._show(text)
        emit("\n" if not text.endswith("\n") else "")
        self._shown = None

    def _begin(self, path: str) -> None:
        if self._shown is not None:
            return
        if self._several:
            header = styled(f"==> {one_line(path)} <==", "header", color=self._color)
            emit(("\n" if self._printed_any else "") + header + "\n")
        self._printed_any = True
        self._shown = ""

    def _show(self, text: str) -> None:
        shown = self._shown or ""
        if shown.startswith(text):
            return
        # What looked certain may be wrong after all: then the text begins again, for it must be right.
        emit(text[len(shown) :] if text.startswith(shown) else "\n" + text)
        self._shown = text


def write_utf8(text: str, file: BinaryIO) -> None:
    """Write text into an open file as UTF-8, whatever the system's encoding, and flush it."""
    file.write(text.encode("utf-8", "backslashreplace"))
    file.flush()


def write_file(path: Path, text: str) -> None:
    """Write a whole file or none of it: into a temporary file beside it, then renamed over it.

    What is no regular file (`/dev/null`, a named pipe) is written to as it is.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        if path.exists() and not stat.S_ISREG(path.stat().st_mode):
            with path.open("wb") as file:
                write_utf8(text, file)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, text)
    except BrokenPipeError:
        raise ClosedOutputError("the output is closed") from None
    except OSError as error:
        raise OutputError(f"cannot write: {error.strerror}", file=str(path)) from error


def _replace(path: Path, text: str) -> None:
    target = path.resolve()  # a link stays a link
    descriptor, temporary = tempfile.mkstemp(
        dir=target.parent, prefix=f".{target.name[:100]}.", suffix=".tmp"
    )
    try:
        with os.fdopen(descriptor, "wb") as file:
            write_utf8(text, file)
        Path(temporary).chmod(_mode_of_new_files(target))
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _mode_of_new_files(path: Path) -> int:
    """The mode of the file that is replaced, or what the umask leaves for a new one."""
    if path.exists():
        return stat.S_IMODE(path.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


# Where results go


def output_paths(folder: Path, inputs: Sequence[Input], suffix: str) -> list[Path]:
    """The file of each input below an output folder.

    Raises:
        UsageError: two inputs have the same one.
    """
    paths = [folder / item.name.with_name(item.name.name + suffix) for item in inputs]
    owners: dict[str, str] = {}
    for path, item in zip(paths, inputs, strict=True):
        key = os.path.normcase(path)
        if key in owners:
            raise UsageError(
                f"{owners[key]} and {item.path} would both be written to {path}",
                hint="give relative paths, or run once for each",
            )
        owners[key] = item.path
    return paths


def refuse_no_folder(folder: Path) -> None:
    """Raise OutputError for an output folder that cannot be one; asked before a model is loaded."""
    mode = _mode_of(folder)
    if mode and not stat.S_ISDIR(mode):
        raise OutputError("is not a folder", hint="-o takes a file", file=str(folder), code="exists")


def refuse_existing(paths: Iterable[Path], *, overwrite: bool) -> None:
    """Raise OutputError where a result would replace a file or a folder, or its name is too long.

    Asked before a model is loaded.
    """
    for path in paths:
        mode = _mode_of(path)
        if stat.S_ISDIR(mode):
            raise OutputError(
                "is a folder", hint="--output-dir takes a folder", file=str(path), code="exists"
            )
        if not overwrite and stat.S_ISREG(mode):
            raise OutputError("exists already", hint="--overwrite replaces it", file=str(path), code="exists")


def refuse_inputs(paths: Iterable[Path], inputs: Sequence[Input]) -> None:
    """Raise UsageError where a result would replace one of the documents that are read."""
    read = {_identity(Path(item.path)) for item in inputs if item.path != STDIN} - {None}
    for path in paths:
        if _identity(path) in read:
            raise UsageError(f"{path} is an input: its result cannot replace it", hint="name another file")


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file this is, whatever its name; None where there is none."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def _mode_of(path: Path) -> int:
    """The mode of what has this name, 0 if nothing has.

    Raises:
        OutputError: nothing can have it.
    """
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise OutputError(f"cannot write: {error.strerror}", file=str(path)) from error
