"""The options that summarize, classify and qa share, and how a command comes by them."""

import inspect
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from bbp_cli.batch.ray_options import RayOptions, check_installed
from bbp_cli.batch.runner import RunOptions
from bbp_cli.batch.sharding import parse_shard
from bbp_cli.commands.options import (
    MAX_THREADS,
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
    Timeout,
    Verbose,
    name_of,
)
from bbp_cli.console import Console
from bbp_cli.documents.folders import FolderFilter
from bbp_cli.documents.inputs import InputOptions
from bbp_cli.documents.pdf.process import INPUT_BYTES, MEMORY_BYTES, ReadingLimits
from bbp_cli.documents.rows import DEFAULT_ID_FIELD, RowFormat
from bbp_cli.errors import UsageError
from bbp_cli.models.loading import ModelOptions
from bbp_cli.output.destination import Format, OutputOptions, RetryFailed
from bbp_cli.tasks.gates import GATES, Gate

Include = Annotated[
    list[str] | None,
    typer.Option(
        metavar="GLOB", help="Of folders, read only files of this name or path, for example '*.pdf'."
    ),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option(metavar="GLOB", help="Of folders, leave out files and folders of this name or path."),
]
NoRecursive = Annotated[
    bool, typer.Option("--no-recursive", help="Of folders, leave out the folders in them.")
]
JsonLines = Annotated[bool, typer.Option("--jsonl", help="Inputs are JSON Lines: a document per line.")]
TextField = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Field of --jsonl with the text (default: document, or text)."),
]
IdField = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Field or column that names the document (default: id)."),
]
Column = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Inputs are CSV: the text of each row's document is in this column."),
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Continue a run: keep results that are there, make what is missing or has changed.",
    ),
]
RetryFailedOption = Annotated[
    RetryFailed | None,
    typer.Option(
        "--retry-failed",
        metavar="[all]",
        help="With --resume, try again what ran out of time or memory; all: whatever failed.",
        show_choices=False,
    ),
]
FailFast = Annotated[bool, typer.Option("--fail-fast", help="Stop at the first input that fails.")]
MaxFailures = Annotated[int | None, typer.Option(min=1, metavar="N", help="Stop when N inputs have failed.")]
DocumentTimeout = Annotated[
    float | None,
    typer.Option(min=0.1, metavar="SECONDS", help="Give up a PDF that takes longer to read."),
]
DocumentMemory = Annotated[
    int,
    typer.Option(min=64, metavar="MB", help="Give up a PDF that takes more memory to read."),
]
MaxInput = Annotated[
    int,
    typer.Option(min=1, max=1_000_000, metavar="MB", help="Refuse a document whose file is longer."),
]
ShardOption = Annotated[
    str | None,
    typer.Option(
        "--shard",
        metavar="K/N",
        help="Do share K of N, by content; auto: as a Slurm array or an indexed Kubernetes job says.",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=MAX_THREADS,
        metavar="N",
        envvar="BBP_WORKERS",
        help="Processes with a model each (default: a core each for 64 inputs or more).",
    ),
]
Unordered = Annotated[
    bool, typer.Option("--unordered", help="Write results of several workers as soon as they are there.")
]
Ray = Annotated[
    str | None,
    typer.Option(
        "--ray",
        parser=name_of,
        metavar="ADDRESS",
        envvar="BBP_RAY",
        help="Compute on a Ray cluster: HOST:PORT, auto (that of this machine) or local. Needs bbp[ray].",
    ),
]
Gpus = Annotated[
    float | None,
    typer.Option(min=0, metavar="X", help="GPUs of each --ray worker, also parts (default: 0)."),
]
LogJson = Annotated[
    bool, typer.Option("--log-json", help="Messages on stderr as JSON objects, for other programs.")
]
FailOn = Annotated[
    str | None,
    typer.Option(
        metavar="GATES",
        help=f"Exit with 8 where a result is one of these, separated by commas: {', '.join(GATES)}.",
    ),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Print what would be done with each input, and its tokens, windows, output; load no model.",
    ),
]

MakeRun = Callable[..., RunOptions]
"""Called with `paths`, `model` and `json`, returns the options of a run."""


def make_run_options(
    *,
    paths: tuple[str, ...],
    model: str,
    json: bool,
    format: Format = "text",
    cite: bool = False,
    highlight: Path | None = None,
    cover: bool = True,
    only_beginning: bool = False,
    output: Output = None,
    output_dir: OutputDir = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    retry_failed: RetryFailedOption = None,
    fail_fast: FailFast = False,
    max_failures: MaxFailures = None,
    fail_on: FailOn = None,
    dry_run: DryRun = False,
    shard: ShardOption = None,
    workers: Workers = None,
    unordered: Unordered = False,
    ray: Ray = None,
    gpus: Gpus = None,
    files_from: FilesFrom = None,
    nul: Nul = False,
    include: Include = None,
    exclude: Exclude = None,
    no_recursive: NoRecursive = False,
    jsonl: JsonLines = False,
    text_field: TextField = None,
    id_field: IdField = None,
    column: Column = None,
    encoding: Encoding = None,
    document_timeout: DocumentTimeout = None,
    document_memory: DocumentMemory = MEMORY_BYTES >> 20,
    max_input: MaxInput = INPUT_BYTES // 1_000_000,
    revision: Revision = None,
    offline: Offline = False,
    timeout: Timeout = None,
    dtype: Precision = "auto",
    quantize: Quantize = None,
    device: Device = "auto",
    threads: Threads = None,
    batch_size: BatchSize = None,
    log_json: LogJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    color: Color = "auto",
    debug: Debug = False,
) -> RunOptions:
    """Return the options of a run.

    Raises:
        UsageError: options contradict each other.
    """
    chosen = FolderFilter(tuple(include or ()), tuple(exclude or ()), not no_recursive)
    rows = _row_format(jsonl, text_field, id_field, column)
    limits = ReadingLimits(document_timeout, document_memory << 20, max_input * 1_000_000, only_beginning)
    if fail_fast and max_failures not in (None, 1):
        raise UsageError("--fail-fast is --max-failures 1: give one of them")
    if gpus is not None and ray is None:
        raise UsageError("--gpus is for workers of --ray", hint="add --ray, or take --device")
    if ray is not None:
        check_installed()
    return RunOptions(
        InputOptions(paths, files_from, nul, encoding, chosen, rows, limits),
        OutputOptions(
            json, format, cite, output, output_dir, overwrite, resume, retry_failed, highlight, cover
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
        Console(quiet=quiet, verbose=verbose, color=color, log_json=log_json),
        max_failures=1 if fail_fast else max_failures,
        fail_on=_gates(fail_on),
        dry_run=dry_run,
        shard=None if shard is None else parse_shard(shard),
        workers=workers,
        unordered=unordered,
        ray=None if ray is None else RayOptions(ray, gpus or 0.0),
    )


def with_run_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `make_run_options`, which it gets as `run`, a `MakeRun`."""
    of_command = inspect.signature(command).parameters
    of_run = inspect.signature(make_run_options).parameters
    own = [parameter for name, parameter in of_command.items() if name != "run"]
    given = (
        "paths",
        "model",
        "json",
        "format",
        "cite",
        "highlight",
        "cover",
        "only_beginning",
    )  # by the command itself
    shared = [parameter for name, parameter in of_run.items() if name not in given]

    @wraps(command)
    def with_run(**values: Any) -> None:
        run = partial(make_run_options, **{each.name: values.pop(each.name) for each in shared})
        command(run=run, **values)

    parameters = [parameter.replace(kind=parameter.KEYWORD_ONLY) for parameter in (*own, *shared)]
    with_run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # Typer reads it
    with_run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return with_run


def _gates(text: str | None) -> tuple[Gate, ...]:
    asked = [] if text is None else text.split(",")
    unknown = [name for name in asked if name not in GATES]
    if unknown:
        raise UsageError(f"--fail-on: {unknown[0]!r} is none of {', '.join(GATES)}")
    return tuple(gate for gate in GATES if gate in asked)


def _row_format(
    jsonl: bool, text_field: str | None, id_field: str | None, column: str | None
) -> RowFormat | None:
    if jsonl and column is not None:
        raise UsageError("--jsonl and --column exclude each other", hint="give one of them")
    if text_field is not None and not jsonl:
        raise UsageError("--text-field is for --jsonl", hint="add --jsonl")
    if id_field is not None and not jsonl and column is None:
        raise UsageError("--id-field is for --jsonl and --column", hint="add one of them")
    if not jsonl and column is None:
        return None
    return RowFormat(text_field, id_field or DEFAULT_ID_FIELD, column)
