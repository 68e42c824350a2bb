"""`bbp classify`: its options."""

from typing import Annotated

import typer
from bigbird_pegasus.classification import ClassifyOptions

from bbp_cli.batch.runner import run_task
from bbp_cli.commands.options import (
    BatchSize,
    Classifier,
    Color,
    Debug,
    Device,
    Encoding,
    FilesFrom,
    LabelsJson,
    Nul,
    Offline,
    Output,
    OutputDir,
    Overwrite,
    Paths,
    Precision,
    Quantize,
    Quiet,
    Revision,
    Threads,
    Truncate,
    Verbose,
    need_input,
)
from bbp_cli.console import Console
from bbp_cli.documents.inputs import InputOptions
from bbp_cli.models.loading import ModelOptions
from bbp_cli.models.names import DEFAULT
from bbp_cli.output.destination import OutputOptions
from bbp_cli.tasks.classify import Classification


def classify(
    context: typer.Context,
    paths: Paths = None,
    model: Classifier = DEFAULT,
    top_k: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Print the N best labels (default: 1; all where the model gives several).",
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            metavar="X",
            help="Print labels of at least this score, of a model that gives several (default: 0.5).",
        ),
    ] = None,
    output: Output = None,
    output_dir: OutputDir = None,
    overwrite: Overwrite = False,
    json: LabelsJson = False,
    truncate: Truncate = False,
    files_from: FilesFrom = None,
    nul: Nul = False,
    encoding: Encoding = None,
    revision: Revision = None,
    offline: Offline = False,
    dtype: Precision = "auto",
    quantize: Quantize = None,
    device: Device = "auto",
    threads: Threads = None,
    batch_size: BatchSize = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    color: Color = "auto",
    debug: Debug = False,
) -> None:
    """Print the labels of each document: label, tab, score.

    The labels are those the model was trained with: bbp train classify makes one. A long document is read in
    windows, and their scores are combined; the JSON record shows those of each window.
    """
    task = Classification(ClassifyOptions(top_k=top_k, threshold=threshold, truncate=truncate))
    found = run_task(
        "classify",
        lambda _checkpoint: task,
        InputOptions(paths=tuple(paths or ()), files_from=files_from, nul=nul, encoding=encoding),
        OutputOptions(json=json, file=output, folder=output_dir, overwrite=overwrite),
        ModelOptions(
            name=model,
            offline=offline,
            device=device,
            dtype=dtype,
            threads=threads,
            revision=revision,
            quantize=quantize,
            batch_size=batch_size,
        ),
        Console(quiet=quiet, verbose=verbose, color=color),
    )
    need_input(context, found)
