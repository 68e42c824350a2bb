"""`bbp summarize`: its options."""

import typer
from bigbird_pegasus.summarization.options import SummaryOptions

from bbp_cli.batch.runner import run_task
from bbp_cli.commands.options import (
    BatchSize,
    Beams,
    Cite,
    Color,
    Debug,
    Device,
    Encoding,
    FilesFrom,
    FormatOption,
    Json,
    Length,
    LengthPenalty,
    Model,
    NoRepeat,
    NoRestoreCase,
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
    Seed,
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
from bbp_cli.tasks.summarize import summary_task


def summarize(
    context: typer.Context,
    paths: Paths = None,
    output: Output = None,
    output_dir: OutputDir = None,
    overwrite: Overwrite = False,
    json: Json = False,
    format: FormatOption = "text",
    cite: Cite = False,
    length: Length = None,
    model: Model = DEFAULT,
    num_beams: Beams = None,
    length_penalty: LengthPenalty = None,
    no_repeat_ngram_size: NoRepeat = None,
    no_restore_case: NoRestoreCase = False,
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
    seed: Seed = 0,
    quiet: Quiet = False,
    verbose: Verbose = False,
    color: Color = "auto",
    debug: Debug = False,
) -> None:
    """Print a summary of each document.

    The default model needs no network: it prints the most important sentences, word for word. Models that
    write text of their own are downloaded from the Hugging Face Hub: --model arxiv, pubmed or bigpatent.
    """
    beams = {
        "num_beams": num_beams,
        "length_penalty": length_penalty,
        "no_repeat_ngram_size": no_repeat_ngram_size,
    }
    given = {name: value for name, value in beams.items() if value is not None}
    options = SummaryOptions(
        length=length, truncate=truncate, seed=seed, restore_case=not no_restore_case, generation=given
    )
    found = run_task(
        "summarize",
        lambda checkpoint: summary_task(options, checkpoint),
        InputOptions(paths=tuple(paths or ()), files_from=files_from, nul=nul, encoding=encoding),
        OutputOptions(
            json=json, format=format, cite=cite, file=output, folder=output_dir, overwrite=overwrite
        ),
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
