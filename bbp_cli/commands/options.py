"""The options that several commands have: names, help, variables; and the help where no input is given."""

from pathlib import Path
from typing import Annotated

import typer
from bigbird_pegasus.quantization.scheme import Scheme

from bbp_cli.console import ColorChoice, print_line
from bbp_cli.models.hardware import DType

MAX_SEED = 2**32 - 1  # what every generator of random numbers takes that bbp uses
MAX_THREADS = 1024  # beyond what any processor has; OpenMP dies of a hundred thousand

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


def name_of(text: str) -> str:
    """Reject an empty name."""
    if not text:
        raise typer.BadParameter("the name is empty")
    return text


def path_of(text: str) -> Path:
    """Parse a path that is not empty: an empty one would be this folder."""
    return Path(name_of(text))


def _batch_size(text: str) -> int:
    """Return the number; 0 for `auto`."""
    if text == "auto":
        return 0
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise typer.BadParameter(f"{text!r} is neither auto nor a whole number above 0")
    return int(text)


def need_input(context: typer.Context, found: bool) -> None:
    """End with usage and examples where no input was found: a person at a terminal gave no path."""
    if found:
        return
    print_line(context.get_usage())
    name = str(context.info_name)
    print_line(SHORT_HELP.format(name=name, start=STARTS.get(name, name)))
    raise typer.Exit(2)


Paths = Annotated[
    list[str] | None,
    typer.Argument(metavar="PATHS", help="Files and folders; - is stdin.", show_default=False),
]
FilesFrom = Annotated[
    str | None,
    typer.Option("--files-from", metavar="FILE", help="Read more paths from FILE, one a line; - is stdin."),
]
Nul = Annotated[bool, typer.Option("-0", help="Names in --files-from end with NUL (find -print0).")]
Encoding = Annotated[
    str | None,
    typer.Option(metavar="NAME", envvar="BBP_ENCODING", help="Encoding of text files that are not UTF-8."),
]
Output = Annotated[
    Path | None,
    typer.Option("-o", "--output", parser=path_of, metavar="FILE", help="Write the result to FILE."),
]
OutputDir = Annotated[
    Path | None,
    typer.Option(
        parser=path_of, metavar="DIR", envvar="BBP_OUTPUT_DIR", help="Write one file per input below DIR."
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace output files that exist.")]
Json = Annotated[
    bool, typer.Option("--json", help="Print a JSON record per input: sentences, pages, coverage, model.")
]
LabelsJson = Annotated[
    bool, typer.Option("--json", help="Print a JSON record per input: labels, votes, coverage, model.")
]
AnswersJson = Annotated[
    bool, typer.Option("--json", help="Print a JSON record per input and question: answers, pages, model.")
]
Model = Annotated[
    str,
    typer.Option(
        parser=name_of,
        metavar="PATH_OR_NAME",
        envvar="BBP_MODEL",
        help="Checkpoint folder, Hub name, or arxiv, pubmed, bigpatent.",
    ),
]
Classifier = Annotated[
    str,
    typer.Option(
        "--model",
        parser=name_of,
        metavar="PATH_OR_NAME",
        envvar="BBP_CLASSIFY_MODEL",
        help="Checkpoint folder or Hub name of a model that classifies; there is no default.",
        show_default=False,
    ),
]
Answerer = Annotated[
    str,
    typer.Option(
        "--model",
        parser=name_of,
        metavar="PATH_OR_NAME",
        envvar="BBP_QA_MODEL",
        help="Checkpoint folder or Hub name of a model that answers questions; there is no default.",
        show_default=False,
    ),
]
Offline = Annotated[
    bool, typer.Option("--offline", envvar="BBP_OFFLINE", help="Never download; use what is in the cache.")
]
Revision = Annotated[
    str | None,
    typer.Option(metavar="REV", help="Branch, tag or commit of a model from the Hub (usually main)."),
]
Length = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="WORDS",
        envvar="BBP_LENGTH",
        help="Most words in the summary; if not given, the default model follows the document.",
    ),
]
Beams = Annotated[
    int | None,
    typer.Option(
        "--num-beams",
        min=1,
        metavar="N",
        envvar="BBP_NUM_BEAMS",
        help="Beams of a writing model; 1 is greedy.",
    ),
]
LengthPenalty = Annotated[
    float | None,
    typer.Option(
        metavar="X",
        envvar="BBP_LENGTH_PENALTY",
        help="Beam search: above 1 favours longer text, below 1 shorter.",
    ),
]
NoRepeat = Annotated[
    int | None,
    typer.Option(
        "--no-repeat-ngram-size",
        min=0,
        metavar="N",
        envvar="BBP_NO_REPEAT_NGRAM_SIZE",
        help="Never write the same N tokens twice.",
    ),
]
Truncate = Annotated[
    bool,
    typer.Option(
        "--truncate", envvar="BBP_TRUNCATE", help="Read only the first window of a long document, and say so."
    ),
]
Device = Annotated[
    str, typer.Option(metavar="NAME", envvar="BBP_DEVICE", help="auto, cpu, cuda, cuda:1, mps.")
]
Precision = Annotated[
    DType, typer.Option("--dtype", envvar="BBP_DTYPE", help="Precision; auto: bfloat16 where it is fast.")
]
Quantize = Annotated[
    Scheme | None,
    typer.Option(
        "--quantize",
        envvar="BBP_QUANTIZE",
        help="Weights in fewer bits: less memory, and int8 is faster.",
        show_default=False,
    ),
]
BatchSize = Annotated[
    int | None,
    typer.Option(
        "--batch-size",
        parser=_batch_size,
        metavar="N",
        envvar="BBP_BATCH_SIZE",
        help="Windows of long documents, or short documents, read together; auto: what is fast and fits.",
        show_default=False,
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=MAX_THREADS,
        metavar="N",
        envvar="BBP_THREADS",
        help="Processor threads (default: all it may use).",
    ),
]
Seed = Annotated[
    int,
    typer.Option(min=0, max=MAX_SEED, metavar="N", envvar="BBP_SEED", help="Seed for models that sample."),
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", envvar="BBP_QUIET", help="Only errors on stderr.")]
Verbose = Annotated[
    bool, typer.Option("-v", "--verbose", envvar="BBP_VERBOSE", help="Say what is loaded and done.")
]
Color = Annotated[ColorChoice, typer.Option(envvar="BBP_COLOR", help="Colour on the terminal.")]
Debug = Annotated[bool, typer.Option("--debug", envvar="BBP_DEBUG", help="Show the traceback of an error.")]

Data = Annotated[
    Path, typer.Argument(parser=path_of, metavar="DATA", help="JSON Lines, also packed with gzip.")
]
