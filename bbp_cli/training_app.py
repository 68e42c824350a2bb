"""`bbp train` and `bbp evaluate`: what can be typed."""

from pathlib import Path
from typing import Annotated

import typer

from bbp_cli.checkpoints import TaskName
from bbp_cli.console import Console
from bbp_cli.hub import DEFAULT
from bbp_cli.jobs import ModelChoice
from bbp_cli.options import (
    GREATEST_SEED,
    Color,
    Debug,
    Device,
    Length,
    Model,
    Offline,
    Overwrite,
    Precision,
    Quantize,
    Quiet,
    Revision,
    Seed,
    Threads,
    Verbose,
    name_of,
    path_of,
)
from bbp_cli.training_data import Baseline, Task

Data = Annotated[
    Path, typer.Argument(parser=path_of, metavar="DATA", help="JSON Lines, also packed with gzip.")
]


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
    from bbp_cli.train import TrainOutput, TrainSettings, train_model

    folder = train_model(
        task,
        data,
        TrainSettings(epochs, batch_size, accumulate, learning_rate, max_tokens, val, val_fraction, seed),
        TrainOutput(output, resume, overwrite),
        ModelChoice(base, offline, device, dtype, threads, revision),
        Console(quiet, verbose, color),
    )
    typer.echo(folder)


def evaluate(
    data: Data,
    task: Annotated[TaskName, typer.Option(help="What is evaluated.")] = "summarize",
    baseline: Annotated[
        Baseline | None, typer.Option(help="Summarize without a model, to compare with.", show_default=False)
    ] = None,
    length: Length = None,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="Only the first N records.")] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print a JSON record per document and a last one.")
    ] = False,
    model: Model = DEFAULT,
    revision: Revision = None,
    offline: Offline = False,
    dtype: Precision = "auto",
    quantize: Quantize = None,
    device: Device = "auto",
    threads: Threads = None,
    seed: Seed = 0,
    quiet: Quiet = False,
    verbose: Verbose = False,
    color: Color = "auto",
    debug: Debug = False,
) -> None:
    """Measure how good results are on documents whose summary, label or answer is known.

    DATA is as for bbp train. Summaries are compared by ROUGE (rouge-score, with stemming), labels by accuracy
    and macro-F1, answers by exact match and token F1; all in percent. Whole documents are read.
    """
    from bbp_cli.evaluate import Settings as EvaluateSettings
    from bbp_cli.evaluate import evaluate_data

    evaluate_data(
        data,
        task,
        EvaluateSettings(length, baseline, limit, seed, json),
        ModelChoice(model, offline, device, dtype, threads, revision, quantize),
        Console(quiet, verbose, color),
    )
