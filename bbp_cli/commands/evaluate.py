"""`bbp evaluate`: its options."""

from typing import Annotated

import typer
from bigbird_pegasus.summarization.options import Mode, Strategy

from bbp_cli.commands.options import (
    Color,
    Data,
    Debug,
    Device,
    MaxWords,
    Model,
    Offline,
    Precision,
    Quantize,
    Quiet,
    Revision,
    Seed,
    Threads,
    Timeout,
    Verbose,
)
from bbp_cli.console import Console
from bbp_cli.evaluation.baselines import Baseline
from bbp_cli.models.checkpoints import TaskName
from bbp_cli.models.loading import ModelOptions
from bbp_cli.models.names import DEFAULT

NOT_READ = "Its variable is not read: figures depend on what is typed alone."


def evaluate(
    data: Data,
    task: Annotated[TaskName, typer.Option(help="Task to evaluate.")] = "summarize",
    baseline: Annotated[
        Baseline | None, typer.Option(help="Summarize without a model, for comparison.", show_default=False)
    ] = None,
    length: MaxWords = None,
    strategy: Annotated[
        Strategy | None, typer.Option(help=f"As of bbp summarize. {NOT_READ}", show_default=False)
    ] = None,
    mode: Annotated[
        Mode | None, typer.Option(help=f"As of bbp summarize. {NOT_READ}", show_default=False)
    ] = None,
    num_beams: Annotated[
        int | None, typer.Option(min=1, metavar="N", help=f"As of bbp summarize. {NOT_READ}")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Evaluate only the first N records.")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print a JSON record per document, and a last one with the totals.")
    ] = False,
    model: Model = DEFAULT,
    revision: Revision = None,
    offline: Offline = False,
    timeout: Timeout = None,
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
    """Score a model on documents with known results.

    DATA is as for bbp train. Summaries are compared by ROUGE (rouge-score, with stemming), labels by accuracy
    and macro-F1, answers by exact match and token F1; all in percent. Whole documents are read.
    """
    from bbp_cli.evaluation.evaluate import EvaluateOptions, evaluate_data

    evaluate_data(
        data,
        task,
        EvaluateOptions(
            length=length,
            baseline=baseline,
            limit=limit,
            seed=seed,
            json=json,
            strategy=strategy,
            mode=mode,
            num_beams=num_beams,
        ),
        ModelOptions(
            name=model,
            offline=offline,
            device=device,
            dtype=dtype,
            threads=threads,
            revision=revision,
            quantize=quantize,
        ),
        Console(quiet=quiet, verbose=verbose, color=color),
    )
