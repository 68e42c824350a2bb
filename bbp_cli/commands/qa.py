"""`bbp qa`: its options."""

from typing import Annotated

import typer

from bbp_cli.batch.runner import run_task
from bbp_cli.commands.options import (
    Answerer,
    AnswersJson,
    BatchSize,
    Color,
    Debug,
    Device,
    Encoding,
    FilesFrom,
    Nul,
    Offline,
    Output,
    OutputDir,
    Overwrite,
    Precision,
    Quantize,
    Quiet,
    Revision,
    Threads,
    Truncate,
    Verbose,
    need_input,
)
from bbp_cli.commands.questions import questions_and_paths
from bbp_cli.console import Console
from bbp_cli.documents.inputs import InputOptions
from bbp_cli.models.loading import ModelOptions
from bbp_cli.models.names import DEFAULT
from bbp_cli.output.destination import OutputOptions
from bbp_cli.tasks.question_answering import QAOptions, QuestionAnswering


def qa(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="QUESTION [PATHS]",
            help="The question, then files and folders to read; - is stdin.",
            show_default=False,
        ),
    ] = None,
    questions: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Read questions from FILE, one per line; - is stdin."),
    ] = None,
    model: Answerer = DEFAULT,
    top_k: Annotated[int, typer.Option(min=1, metavar="N", help="Print the N best answers.")] = 1,
    min_score: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            metavar="X",
            help="Print answers of at least this score (default: the model decides).",
        ),
    ] = None,
    stride: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="Tokens that neighbouring windows share (default: 128)."),
    ] = None,
    output: Output = None,
    output_dir: OutputDir = None,
    overwrite: Overwrite = False,
    json: AnswersJson = False,
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
    """Print the passage of each document that answers a question.

    A line is text, tab, score, tab, place; or no answer. The score is the probability of the passage's start
    times that of its end. The place is a page, in a PDF, and characters of the text that bbp extract prints.
    bbp train qa makes a model.
    """
    asked, paths = questions_and_paths(words or (), questions, files_from)
    options = QAOptions(top_k=top_k, min_score=min_score, stride=stride, truncate=truncate)
    task = QuestionAnswering(asked, options)
    found = bool(asked) and run_task(
        "qa",
        lambda _checkpoint: task,
        InputOptions(paths=paths, files_from=files_from, nul=nul, encoding=encoding),
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
