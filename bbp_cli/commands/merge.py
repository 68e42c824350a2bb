"""`bbp merge`: its options."""

from pathlib import Path
from typing import Annotated

import typer

from bbp_cli.batch.merge import merge as merge_records
from bbp_cli.commands.options import Color, Debug, Output, Quiet
from bbp_cli.console import Console
from bbp_cli.documents.inputs import InputOptions, collect
from bbp_cli.errors import OutputError
from bbp_cli.files import exists, write_file
from bbp_cli.output.stdout import emit


def merge(
    parts: Annotated[
        list[str], typer.Argument(metavar="PARTS", help="JSON Lines of records, or output folders.")
    ],
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--inputs", metavar="PATH", help="What was to be done: gives the order, and what is missing."
        ),
    ] = None,
    output: Output = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace output that exists.")] = False,
    quiet: Quiet = False,
    color: Color = "auto",
    debug: Debug = False,
) -> None:
    """Join the records of several runs, for example of --shard, into one file of JSON Lines.

    They come in the order of the inputs, or of their ids. Records that are there twice are dropped; what is
    missing, failed or made in different ways is reported.
    """
    if output is not None and exists(output) and not overwrite:
        raise OutputError("exists already", hint="--overwrite replaces it", file=str(output), code="exists")
    console = Console(quiet=quiet, color=color)
    expected = collect(InputOptions(tuple(inputs))) if inputs else None
    text, error = merge_records(parts, expected, console)
    if output is None:
        emit(text)
    else:
        write_file(Path(output), text)
    if error is not None:
        raise error
