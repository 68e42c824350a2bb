"""Many inputs, in order, with one model: read each, work on it, report what failed, go on."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from bbp_cli.console import Console
from bbp_cli.documents.document import Document, display_name, read
from bbp_cli.documents.inputs import Input, Inputs
from bbp_cli.errors import BbpError, InputError, ResourceError, verdict

NAMES_SHOWN = 3  # of files that were passed over

ToolT = TypeVar("ToolT")
Read = Callable[[Input], Document]
"""Reads an input, and tells what is odd about it; raises InputError."""
Worker = Callable[[Sequence[Input], Read], Iterable[tuple[Input, BbpError | None]]]
"""Works on all inputs, and says of each, in order and as soon as it can, whether it failed."""


def run(
    inputs: Inputs,
    encoding: str | None,
    console: Console,
    work: Worker,
    failed: Callable[[Input, BbpError], None] = lambda _item, _error: None,
    *,
    any_text: bool = False,
) -> None:
    """Work on every input; a failure is reported in its turn, and the others go on.

    What `work` raises ends the run. For `any_text` see `documents.parse`.

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

    def read_item(item: Input) -> Document:
        return _read(item, encoding, console, any_text=any_text)

    for item, error in work(inputs.items, read_item):
        if error is not None:
            note(item, error)
    if failures:
        raise verdict(failures, len(inputs.items))


def one_by_one(load: Callable[[], ToolT], work: Callable[[Input, Document, ToolT], None]) -> Worker:
    """Work on one document after the other.

    `load` gives what the work needs. It is called when there is a first document, so that an unreadable input
    is told at once; what it raises ends the run.
    """

    def worker(items: Sequence[Input], read_item: Read) -> Iterator[tuple[Input, BbpError | None]]:
        for item in items:
            try:
                document = read_item(item)
            except InputError as error:
                yield item, error
                continue
            tool = load()
            try:
                work(item, document, tool)
            except (InputError, ResourceError) as error:
                yield item, error
            else:
                yield item, None

    return worker


def _read(item: Input, encoding: str | None, console: Console, *, any_text: bool) -> Document:
    if item.problem is not None:
        raise item.problem
    document = read(item.path, encoding, any_text=any_text)
    for warning in document.warnings:
        console.warn(display_name(item.path), warning)
    return document


def _passed_over(files: Sequence[str]) -> str:
    names = ", ".join(Path(file).name for file in files[:NAMES_SHOWN])
    more = ", ..." if len(files) > NAMES_SHOWN else ""
    return (
        f"{len(files)} file{'s' if len(files) > 1 else ''} passed over, neither text nor PDF: {names}{more}"
    )
