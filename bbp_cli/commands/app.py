"""The Typer app: what can be typed. Each command reads its options and hands over to `commands`."""

from typing import Annotated, Any

import typer
from bigbird_pegasus.summarization.options import SummaryOptions

from bbp_cli.commands.evaluate import evaluate
from bbp_cli.commands.inputs import (
    answer_inputs,
    classify_inputs,
    count_inputs,
    extract_inputs,
    summarize_inputs,
)
from bbp_cli.commands.models import app as models_app
from bbp_cli.commands.options import (
    Answerer,
    AnswersJson,
    BatchSize,
    Beams,
    Classifier,
    Color,
    Debug,
    Device,
    Encoding,
    FilesFrom,
    Json,
    LabelsJson,
    Length,
    LengthPenalty,
    Model,
    NoRepeat,
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
)
from bbp_cli.commands.questions import questions_and_paths
from bbp_cli.commands.train import train
from bbp_cli.console import Console, say
from bbp_cli.documents.inputs import InputOptions
from bbp_cli.models.loading import ModelOptions
from bbp_cli.models.names import DEFAULT
from bbp_cli.output.destination import OutputOptions
from bbp_cli.tasks import classify as classification
from bbp_cli.tasks import question_answering
from bbp_cli.version import __version__

SHORT_HELP = """\
For example:  bbp {start} report.pdf
              bbp {start} *.txt
              curl -s https://example.org/paper.pdf | bbp {start}
All options:  bbp {name} --help"""
# How the examples begin where the name of the command alone does not say enough.
STARTS = {
    "classify": "classify --model FOLDER",
    "qa": 'qa --model FOLDER "What is it about?"',
}

app = typer.Typer(
    name="bbp",
    help="Summarize long documents on this computer. Text, PDF, HTML or a pipe in; a summary out.",
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(models_app)


def command() -> Any:
    """The command that the process boundary runs."""
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
    """Summarize long documents on this computer. Text, PDF, HTML or a pipe in; a summary out."""
    if context.invoked_subcommand is None:
        say(context.get_help())
        raise typer.Exit(2)


@app.command()
def summarize(
    context: typer.Context,
    paths: Paths = None,
    output: Output = None,
    output_dir: OutputDir = None,
    overwrite: Overwrite = False,
    json: Json = False,
    length: Length = None,
    model: Model = DEFAULT,
    num_beams: Beams = None,
    length_penalty: LengthPenalty = None,
    no_repeat_ngram_size: NoRepeat = None,
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

    The default model needs no network: it prints the sentences that say most, word for word. Models that
    write their own text come from the Hugging Face Hub: --model arxiv.
    """
    beams = {
        "num_beams": num_beams,
        "length_penalty": length_penalty,
        "no_repeat_ngram_size": no_repeat_ngram_size,
    }
    given = {name: value for name, value in beams.items() if value is not None}
    found = summarize_inputs(
        InputOptions(tuple(paths or ()), files_from, nul, encoding),
        OutputOptions(json, output, output_dir, overwrite),
        ModelOptions(model, offline, device, dtype, threads, revision, quantize, batch_size),
        SummaryOptions(length, truncate, seed, given),
        Console(quiet, verbose, color),
    )
    _need_input(context, found)


@app.command()
def classify(
    context: typer.Context,
    paths: Paths = None,
    model: Classifier = DEFAULT,
    top_k: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="The N best labels (usually 1, of several labels all)."),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, metavar="X", help="Several labels: those of at least this score (usually 0.5)."
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

    The labels are those of the model. A document longer than the model's window is labelled window by window,
    and the windows are combined; the JSON record says how each one voted.
    """
    found = classify_inputs(
        InputOptions(tuple(paths or ()), files_from, nul, encoding),
        OutputOptions(json, output, output_dir, overwrite),
        ModelOptions(model, offline, device, dtype, threads, revision, quantize, batch_size),
        classification.ClassifyOptions(top_k, threshold, truncate),
        Console(quiet, verbose, color),
    )
    _need_input(context, found)


@app.command()
def qa(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="QUESTION [PATHS]",
            help="A question; files and folders, - is stdin.",
            show_default=False,
        ),
    ] = None,
    questions: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Many questions, one a line, in place of QUESTION; - is stdin."),
    ] = None,
    model: Answerer = DEFAULT,
    top_k: Annotated[int, typer.Option(min=1, metavar="N", help="The N best answers.")] = 1,
    min_score: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, metavar="X", help="Answers of at least this score (usually the model decides)."
        ),
    ] = None,
    stride: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="Tokens that neighbouring windows share (usually 128)."),
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
    """Print the passage of each document that answers a question: text, tab, score, tab, place; or no answer.

    The score is how likely the model finds the passage's start times its end. Offsets count characters of
    what bbp extract prints.
    """
    asked, paths = questions_and_paths(words or (), questions, files_from)
    found = bool(asked) and answer_inputs(
        asked,
        InputOptions(paths, files_from, nul, encoding),
        OutputOptions(json, output, output_dir, overwrite),
        ModelOptions(model, offline, device, dtype, threads, revision, quantize, batch_size),
        question_answering.QAOptions(top_k, min_score, stride, truncate),
        Console(quiet, verbose, color),
    )
    _need_input(context, found)


@app.command()
def extract(
    context: typer.Context,
    paths: Paths = None,
    count: Annotated[bool, typer.Option("--count", help="Print the number of tokens instead.")] = False,
    model: Model = DEFAULT,
    files_from: FilesFrom = None,
    nul: Nul = False,
    encoding: Encoding = None,
    revision: Revision = None,
    offline: Offline = False,
    quiet: Quiet = False,
    color: Color = "auto",
    debug: Debug = False,
) -> None:
    """Print the text of each document exactly as bbp reads it.

    All offsets in JSON records count characters (code points) of this text.
    """
    reading = InputOptions(tuple(paths or ()), files_from, nul, encoding)
    console = Console(quiet=quiet, color=color)
    if count:
        found = count_inputs(reading, ModelOptions(model, offline, revision=revision), console)
    else:
        found = extract_inputs(reading, console)
    _need_input(context, found)


app.command()(train)
app.command()(evaluate)


@app.command()
def doctor(
    device: Device = "auto", dtype: Precision = "auto", threads: Threads = None, debug: Debug = False
) -> None:
    """Show what bbp runs on: versions, device, precision, threads, models."""
    from bbp_cli.commands.doctor import examine

    report = list(examine(device, dtype, threads))  # all of it or none: the device may not be there
    for name, value in report:
        typer.echo(f"{name + ':':<15} {value}")


def _need_input(context: typer.Context, found: bool) -> None:
    """Without any input there is a person at a terminal: say how to begin."""
    if found:
        return
    say(context.get_usage())
    name = str(context.info_name)
    say(SHORT_HELP.format(name=name, start=STARTS.get(name, name)))
    raise typer.Exit(2)
