"""Many inputs, in order, with one model: read each, work on it, report what failed, go on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from bbp_cli.console import Console
from bbp_cli.decoding import check_encoding
from bbp_cli.documents import Document, display_name, read
from bbp_cli.errors import BbpError, InputError, PartialError, ResourceError
from bbp_cli.inputs import Input, Inputs, find_inputs

NAMES_SHOWN = 3  # of files that were passed over

ToolT = TypeVar("ToolT")


@dataclass(frozen=True)
class Reading:
    """What to read, and how."""

    paths: tuple[str, ...]
    files_from: str | None = None
    nul: bool = False
    encoding: str | None = None


def collect(reading: Reading, leave_out: Path | None = None) -> Inputs:
    """The inputs of a run; no items at all means that nothing was asked for.

    Raises:
        UsageError: the options contradict each other, or the encoding is unknown.
        InputError: the list of files cannot be used.
    """
    check_encoding(reading.encoding)
    return find_inputs(reading.paths, reading.files_from, nul=reading.nul, leave_out=leave_out)


def run(
    inputs: Inputs,
    encoding: str | None,
    console: Console,
    load: Callable[[], ToolT],
    work: Callable[[Input, Document, ToolT], None],
    failed: Callable[[Input, BbpError], None] = lambda _item, _error: None,
    *,
    any_text: bool = False,
) -> None:
    """Work on every input that can be read; a failure is reported when it happens, and the others go on.

    `load` gives what the work needs (a model). It is called when there is a first document, so that an
    unreadable input is told at once; what it raises ends the run. For `any_text` see `documents.parse`.

    Raises:
        BbpError: the failure of the only input; or, after all inputs, that some or all have failed.
    """
    for folder, files in inputs.skipped:
        console.warn(folder, _passed_over(files))
    failures: list[BbpError] = []

    def note(item: Input, error: BbpError) -> None:
        error.file = error.file or display_name(item.path)
        failures.append(error)
        failed(item, error)
        if len(inputs.items) > 1:
            console.error(error)

    for item in inputs.items:
        try:
            document = _read(item, encoding, console, any_text=any_text)
        except InputError as error:
            note(item, error)
            continue
        tool = load()
        try:
            work(item, document, tool)
        except (InputError, ResourceError) as error:
            note(item, error)
    if failures:
        raise verdict(failures, len(inputs.items))


def _read(item: Input, encoding: str | None, console: Console, *, any_text: bool) -> Document:
    if item.problem is not None:
        raise item.problem
    document = read(item.path, encoding, any_text=any_text)
    for warning in document.warnings:
        console.warn(display_name(item.path), warning)
    return document


def verdict(failures: Sequence[BbpError], total: int) -> BbpError:
    """The error a run ends with: of one input its own, of several what they have in common."""
    if total == 1:
        return failures[0]
    if len(failures) == total and len({error.exit_code for error in failures}) == 1:
        return type(failures[0])(f"all {total} inputs failed")
    return PartialError(f"{len(failures)} of {total} inputs failed")


def _passed_over(files: Sequence[str]) -> str:
    names = ", ".join(Path(file).name for file in files[:NAMES_SHOWN])
    more = ", ..." if len(files) > NAMES_SHOWN else ""
    return (
        f"{len(files)} file{'s' if len(files) > 1 else ''} passed over, neither text nor PDF: {names}{more}"
    )
