"""`bbp train` and `bbp evaluate`: what can be typed."""

from pathlib import Path
from typing import Annotated

import typer

from bbp_cli.commands.options import (
    GREATEST_SEED,
    Color,
    Data,
    Debug,
    Device,
    Offline,
    Overwrite,
    Precision,
    Quiet,
    Revision,
    Threads,
    Verbose,
    name_of,
    path_of,
)
from bbp_cli.console import Console
from bbp_cli.dataset import Task
from bbp_cli.models.loading import ModelOptions
from bbp_cli.models.names import DEFAULT


def train(
    task: Annotated[Task, typer.Argument(help="What the model will do.", show_default=False)],
    data: Data,
    output: Annotated[
        Path, typer.Option("-o", "--output", parser=path_of, metavar="DIR", help="Folder of the new model.")
    ],
    base: Annotated[
        str,
        typer.Option(parser=name_of, metavar="PATH_OR_NAME", envvar="BBP_BASE", help="Model to start from."),
    ] = DEFAULT,
    epochs: Annotated[int, typer.Option(min=1, metavar="N", help="Times every record is seen.")] = 3,
    batch_size: Annotated[int, typer.Option(min=1, metavar="N", help="Records read at once.")] = 8,
    accumulate: Annotated[int, typer.Option(min=1, metavar="N", help="Batches of one update.")] = 1,
    learning_rate: Annotated[
        float | None, typer.Option(metavar="X", help="Greatest step (default: by the base's width).")
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Tokens read at once (default: as the base does).")
    ] = None,
    val: Annotated[
        Path | None, typer.Option(parser=path_of, metavar="FILE", help="Records to validate with.")
    ] = None,
    val_fraction: Annotated[
        float | None,
        typer.Option(min=0.0, max=0.9, metavar="X", help="Share of DATA to validate with (default: 0.05)."),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(min=0, max=GREATEST_SEED, metavar="N", envvar="BBP_SEED", help="Decides all chance."),
    ] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a training that was stopped.")] = False,
    overwrite: Overwrite = False,
    revision: Revision = None,
    offline: Offline = False,
    dtype: Precision = "auto",
    device: Device = "auto",
    threads: Threads = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    color: Color = "auto",
    debug: Debug = False,
) -> None:
    """Make a model that summarizes, classifies, answers questions or extracts, from your own examples.

    DATA holds one JSON object a line:

    \b
    summarize, extract  {"document": "...", "summary": "..."}
    classify            {"text": "...", "label": "..."} or {"text": "...", "labels": ["...", "..."]}
    qa                  {"question": "...", "context": "...", "answers": [{"text": "...", "start": 17}]}

    All records are checked before anything else. After each epoch the model is validated, and the best one
    is kept. A training that was stopped goes on with --resume, and ends as if it had not been.
    """
    from bbp_cli.training.train import TrainOutput, TrainSettings, train_model

    folder = train_model(
        task,
        data,
        TrainSettings(epochs, batch_size, accumulate, learning_rate, max_tokens, val, val_fraction, seed),
        TrainOutput(output, resume, overwrite),
        ModelOptions(base, offline, device, dtype, threads, revision),
        Console(quiet, verbose, color),
    )
    typer.echo(folder)
