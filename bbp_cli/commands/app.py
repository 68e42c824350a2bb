"""The Typer app: all commands, a file each."""

from typing import Annotated, Any

import typer

from bbp_cli.commands import models
from bbp_cli.commands.classify import classify
from bbp_cli.commands.digest import digest
from bbp_cli.commands.doctor import doctor
from bbp_cli.commands.evaluate import evaluate
from bbp_cli.commands.extract import extract
from bbp_cli.commands.merge import merge
from bbp_cli.commands.qa import qa
from bbp_cli.commands.summarize import summarize
from bbp_cli.commands.train import train
from bbp_cli.console import print_line
from bbp_cli.version import __version__

app = typer.Typer(
    name="bbp",
    help="Summarize long documents on this computer: text, PDF, HTML, office files, mail, captions.",
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def command() -> Any:
    """Return the command that `main` runs."""
    return typer.main.get_command(app)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"bbp {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def bbp(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version.")
    ] = False,
) -> None:
    """Summarize long documents on this computer: text, PDF, HTML, office files, mail, captions."""
    _help_without_command(context)


def _help_without_command(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print_line(context.get_help())
        raise typer.Exit(2)


for each in (summarize, digest, classify, qa, merge, extract, train, evaluate, doctor):
    app.command()(each)

models_app = typer.Typer(
    name="models",
    help="Download, list, describe, convert or delete models.",
    rich_markup_mode=None,
    invoke_without_command=True,
    callback=_help_without_command,
)
models_app.command()(models.pull)
models_app.command("list")(models.list_models)  # `list` would hide the type
models_app.command()(models.info)
models_app.command()(models.path)
models_app.command()(models.convert)
models_app.command()(models.rm)
app.add_typer(models_app)
