"""`bbp train`: its options."""

from pathlib import Path
from typing import Annotated

import typer

from bbp_cli.commands.options import (
    MAX_SEED,
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
    Timeout,
    Verbose,
    name_of,
    path_of,
)
from bbp_cli.console import Console
from bbp_cli.dataset import TrainingTask
from bbp_cli.models.loading import ModelOptions
from bbp_cli.models.names import DEFAULT


def train(
    task: Annotated[TrainingTask, typer.Argument(help="Task of the new model.", show_default=False)],
    data: Data,
    output: Annotated[
        Path, typer.Option("-o", "--output", parser=path_of, metavar="DIR", help="Folder of the new model.")
    ],
    base: Annotated[
        str,
        typer.Option(parser=name_of, metavar="PATH_OR_NAME", envvar="BBP_BASE", help="Model to start from."),
    ] = DEFAULT,
    epochs: Annotated[int, typer.Option(min=1, metavar="N", help="Passes over the training records.")] = 3,
    batch_size: Annotated[int, typer.Option(min=1, metavar="N", help="Records in a batch.")] = 8,
    accumulate: Annotated[
        int, typer.Option(min=1, metavar="N", help="Batches for each update of the weights.")
    ] = 1,
    learning_rate: Annotated[
        float | None,
        typer.Option(metavar="X", help="Learning rate after warm-up (default: by the base's width)."),
    ] = None,
    max_tokens: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Tokens in a window (default: as many as the base reads)."),
    ] = None,
    val: Annotated[
        Path | None,
        typer.Option(parser=path_of, metavar="FILE", help="Validation records, in a file of their own."),
    ] = None,
    val_fraction: Annotated[
        float | None,
        typer.Option(
            min=0.0, max=0.9, metavar="X", help="Share of DATA held out for validation (default: 0.05)."
        ),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(min=0, max=MAX_SEED, metavar="N", envvar="BBP_SEED", help="Seed of all random choices."),
    ] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Continue an interrupted training.")] = False,
    overwrite: Overwrite = False,
    revision: Revision = None,
    offline: Offline = False,
    timeout: Timeout = None,
    dtype: Precision = "auto",
    device: Device = "auto",
    threads: Threads = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    color: Color = "auto",
    debug: Debug = False,
) -> None:
    """Train a model on your own examples.

    It will write summaries, choose sentences (extract), classify, or answer questions. DATA holds one JSON
    object per line:

    \b
    summarize, extract  {"document": "...", "summary": "..."}
    classify            {"text": "...", "label": "..."} or {"text": "...", "labels": ["...", "..."]}
    qa                  {"question": "...", "context": "...", "answers": [{"text": "...", "start": 17}]}

    All records are checked first. After each epoch the model is validated, and the best one is kept. An
    interrupted training continues with --resume, and ends with the same weights as an uninterrupted one.
    """
    from bbp_cli.training.train import TrainOutput, TrainSettings, train_model

    folder = train_model(
        task,
        data,
        TrainSettings(
            epochs=epochs,
            batch_size=batch_size,
            accumulate=accumulate,
            learning_rate=learning_rate,
            max_tokens=max_tokens,
            val=val,
            val_fraction=val_fraction,
            seed=seed,
        ),
        TrainOutput(folder=output, resume=resume, overwrite=overwrite),
        ModelOptions(
            name=base, offline=offline, device=device, dtype=dtype, threads=threads, revision=revision
        ),
        Console(quiet=quiet, verbose=verbose, color=color),
    )
    typer.echo(folder)
