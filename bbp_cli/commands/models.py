"""`bbp models …`: what can be typed."""

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
    Verbose,
    name_of,
    path_of,
)
from bbp_cli.console import Console, one_line
from bbp_cli.models.hardware import DType
from bbp_cli.output.records import json_line
from bbp_cli.output.stdout import emit

app = typer.Typer(
    name="models",
    help="Models from the Hugging Face Hub: download, list, describe, convert, remove.",
    no_args_is_help=False,
    rich_markup_mode=None,
)

Name = Annotated[
    str,
    typer.Argument(
        parser=name_of,
        metavar="NAME",
        help="Hub name (owner/name), arxiv, pubmed, bigpatent, default; or a folder.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, one object a model.")]


@app.command()
def pull(
    name: Name,
    revision: Revision = None,
    offline: Offline = False,
    quiet: Quiet = False,
    color: Color = "auto",
    debug: Debug = False,
) -> None:
    """Download a model, or what is missing or damaged of it, and print its folder.

    A download that was stopped continues where it stopped. Every file is compared with the digest that the
    Hub lists. A private model needs a token in HF_TOKEN.
    """
    from bbp_cli.models import catalog as models

    folder = models.pull(name, revision, Console(quiet, color=color), offline=offline)
    emit(one_line(str(folder.path)) + "\n")


@app.command(name="list")
def list_models(
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    color: Color = "auto",
    debug: Debug = False,
) -> None:
    """List the models on this computer that bbp can run: the default model, and those in the Hub's cache."""
    from bbp_cli.models import catalog as models

    found = list(models.entries(Console(quiet, verbose, color)))
    if json:
        lines = [json_line({"schema": models.SCHEMA, **asdict(entry)}) for entry in found]
    else:
        lines = [one_line(line) for line in models.as_table(found)]
    emit("".join(line + "\n" for line in lines))


@app.command()
def info(name: Name, revision: Revision = None, json: Json = False, debug: Debug = False) -> None:
    """Describe a model on this computer: task, parameters, size, digest, context, license."""
    from bbp_cli.models import catalog as models

    described = models.describe(models.find_here(name, revision))
    if json:
        emit(json_line({"schema": models.SCHEMA, **asdict(described)}) + "\n")
    else:
        emit("".join(one_line(line) + "\n" for line in models.as_lines(described)))


@app.command()
def path(name: Name, revision: Revision = None, debug: Debug = False) -> None:
    """Print the folder of a model on this computer."""
    from bbp_cli.models import catalog as models

    emit(one_line(str(models.find_here(name, revision).path)) + "\n")


@app.command()
def convert(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", parser=name_of, help="Folder or name.", show_default=False)
    ],
    destination: Annotated[
        Path, typer.Argument(metavar="DEST", parser=path_of, help="Folder of the new model.")
    ],
    dtype: Annotated[
        DType, typer.Option(help="Precision of what is not quantized; auto: as it is stored.")
    ] = "auto",
    quantize: Quantize = None,
    overwrite: Overwrite = False,
    revision: Revision = None,
    offline: Offline = False,
    quiet: Quiet = False,
    color: Color = "auto",
    debug: Debug = False,
) -> None:
    """Write a model once more, in fewer bits, and print its folder.

    What is written is mapped into memory when it is used: an int8 model is ready at once.
    """
    from bbp_cli.models.convert import Conversion
    from bbp_cli.models.convert import convert as convert_model

    wanted = Conversion(destination, dtype, quantize, overwrite)
    folder = convert_model(source, wanted, Console(quiet, color=color), revision=revision, offline=offline)
    emit(one_line(str(folder)) + "\n")


@app.command()
def rm(name: Name, revision: Revision = None, debug: Debug = False) -> None:
    """Remove a model from the Hub's cache, or one revision of it, without asking; say what that freed."""
    from bbp_cli.models import catalog as models

    repository, size = models.remove(name, revision)
    emit(f"{repository}: {decimal(size)} freed\n")
