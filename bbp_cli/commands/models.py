"""`bbp models …`: its commands and their options."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.filesize import decimal

from bbp_cli.commands.options import (
    Color,
    Debug,
    Offline,
    Overwrite,
    Quantize,
    Quiet,
    Revision,
    Timeout,
    Verbose,
    name_of,
    path_of,
)
from bbp_cli.console import Console, one_line
from bbp_cli.models.hardware import DType
from bbp_cli.output.records import json_line
from bbp_cli.output.stdout import emit

Name = Annotated[
    str,
    typer.Argument(
        parser=name_of,
        metavar="NAME",
        help="Name on the Hub (owner/name), arxiv, pubmed, bigpatent, default; or a folder.",
    ),
]
JsonPerModel = Annotated[bool, typer.Option("--json", help="Print a JSON object per model.")]


def pull(
    name: Name,
    revision: Revision = None,
    offline: Offline = False,
    timeout: Timeout = None,
    quiet: Quiet = False,
    color: Color = "auto",
    debug: Debug = False,
) -> None:
    """Download a model from the Hugging Face Hub and print its folder.

    Only missing or damaged files are downloaded, and an interrupted download continues. Every file is checked
    against the digest that the Hub lists. A private model needs a token in HF_TOKEN.
    """
    from bbp_cli.models import catalog as models

    folder = models.pull(name, revision, Console(quiet=quiet, color=color), offline=offline)
    emit(one_line(str(folder.path)) + "\n")


def list_models(
    json: JsonPerModel = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    color: Color = "auto",
    debug: Debug = False,
) -> None:
    """List the models on this computer.

    They are the default model and the downloaded ones that bbp can run.
    """
    from bbp_cli.models import catalog as models

    found = list(models.entries(Console(quiet=quiet, verbose=verbose, color=color)))
    if json:
        lines = [json_line({"schema": models.SCHEMA, **asdict(entry)}) for entry in found]
    else:
        lines = [one_line(line) for line in models.as_table(found)]
    emit("".join(line + "\n" for line in lines))


def info(name: Name, revision: Revision = None, json: JsonPerModel = False, debug: Debug = False) -> None:
    """Describe a model on this computer.

    Printed are task, parameters, size, digest, context and license.
    """
    from bbp_cli.models import catalog as models

    described = models.describe(models.find_here(name, revision))
    if json:
        emit(json_line({"schema": models.SCHEMA, **asdict(described)}) + "\n")
    else:
        emit("".join(one_line(line) + "\n" for line in models.as_lines(described)))


def path(name: Name, revision: Revision = None, debug: Debug = False) -> None:
    """Print the folder of a model on this computer."""
    from bbp_cli.models import catalog as models

    emit(one_line(str(models.find_here(name, revision).path)) + "\n")


def convert(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            parser=name_of,
            help="Folder or name of the model to convert.",
            show_default=False,
        ),
    ],
    destination: Annotated[
        Path, typer.Argument(metavar="DEST", parser=path_of, help="Folder of the new model.")
    ],
    dtype: Annotated[
        DType, typer.Option(help="Precision of the weights that stay unquantized; auto: as stored.")
    ] = "auto",
    quantize: Quantize = None,
    overwrite: Overwrite = False,
    revision: Revision = None,
    offline: Offline = False,
    timeout: Timeout = None,
    quiet: Quiet = False,
    color: Color = "auto",
    debug: Debug = False,
) -> None:
    """Save a quantized copy of a model and print its folder.

    Saved quantized, a model loads faster than with --quantize at each start. --dtype alone changes the
    precision.
    """
    from bbp_cli.models.convert import Conversion
    from bbp_cli.models.convert import convert as convert_model

    conversion = Conversion(destination, dtype=dtype, quantize=quantize, overwrite=overwrite)
    console = Console(quiet=quiet, color=color)
    folder = convert_model(source, conversion, console, revision=revision, offline=offline)
    emit(one_line(str(folder)) + "\n")


def rm(name: Name, revision: Revision = None, debug: Debug = False) -> None:
    """Delete a downloaded model, or one revision of it.

    It is deleted without a question, and the freed space is printed. bbp models pull downloads it again.
    """
    from bbp_cli.models import catalog as models

    repository, size = models.remove(name, revision)
    emit(f"{repository}: {decimal(size)} freed\n")
