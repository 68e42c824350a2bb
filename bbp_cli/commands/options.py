"""Options that several commands share, with help and environment variables; help where no input is given."""

import os
from pathlib import Path
from typing import Annotated

import typer
from bigbird_pegasus.errors import ConfigError
from bigbird_pegasus.quantization.scheme import Scheme
from bigbird_pegasus.summarization.length import AskedLength, Length, parse_length
from bigbird_pegasus.summarization.options import Mode, Strategy

from bbp_cli.console import ColorChoice, print_line
from bbp_cli.models.hardware import DType
from bbp_cli.output.destination import Format

MAX_SEED = 2**32 - 1  # what every generator of random numbers takes that bbp uses
MAX_THREADS = 1024  # beyond what any processor has; OpenMP dies of a hundred thousand

SHORT_HELP = """\
For example:  bbp {start} report.pdf
              bbp {start} *.txt
              curl -s https://example.org/paper.pdf | bbp {start}
All options:  bbp {name} --help"""
# How the examples of a command begin, where it needs more than its name.
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


def _length_of(text: str) -> Length:
    try:
        return parse_length(text)
    except ConfigError as error:
        raise typer.BadParameter(str(error)) from error


def _question_of(text: str) -> str:
    if not text.strip():
        raise typer.BadParameter("the query is empty")
    return text


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
    typer.Argument(metavar="PATHS", help="Files and folders to read; - is stdin.", show_default=False),
]
FilesFrom = Annotated[
    str | None,
    typer.Option("--files-from", metavar="FILE", help="Read more paths from FILE, one per line; - is stdin."),
]
Nul = Annotated[bool, typer.Option("-0", help="Paths in --files-from end with NUL (find -print0).")]
Encoding = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        envvar="BBP_ENCODING",
        help="Encoding of text files that are not UTF-8, for example cp1252.",
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        parser=path_of,
        metavar="FILE",
        help="Write the result to FILE; folders that are missing are made.",
    ),
]
OutputDir = Annotated[
    Path | None,
    typer.Option(
        parser=path_of,
        metavar="DIR",
        envvar="BBP_OUTPUT_DIR",
        help="Write DIR/PATH.summary.txt per input: PATH as it was given, without leading / or ../;"
        " folders that are missing are made.",
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace output that exists.")]
Json = Annotated[
    bool, typer.Option("--json", help="Print a JSON record per input: sentences, pages, coverage, model.")
]
FormatOption = Annotated[
    Format,
    typer.Option(
        "--format",
        envvar="BBP_FORMAT",
        help="Text, a list, or a report with sources: Markdown, or one HTML page.",
    ),
]
Cite = Annotated[
    bool, typer.Option("--cite", envvar="BBP_CITE", help="Print where each sentence stands: [p. 7].")
]
Highlight = Annotated[
    Path | None,
    typer.Option(
        parser=path_of,
        metavar="PATH",
        help="Write a copy of each PDF with its summary highlighted into this folder, or .pdf file.",
    ),
]
NoCover = Annotated[
    bool,
    typer.Option("--no-cover", help="Leave out the page before a highlighted PDF that lists its sentences."),
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
        help="Folder of a model, its name on the Hugging Face Hub, or arxiv, pubmed, bigpatent.",
    ),
]
Classifier = Annotated[
    str,
    typer.Option(
        "--model",
        parser=name_of,
        metavar="PATH_OR_NAME",
        envvar="BBP_CLASSIFY_MODEL",
        help="Folder or Hub name of a model that classifies; needed, there is no default.",
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
        help="Folder or Hub name of a model that answers questions; needed, there is no default.",
        show_default=False,
    ),
]
Offline = Annotated[
    bool,
    typer.Option("--offline", envvar="BBP_OFFLINE", help="Never download: use only models on this computer."),
]


def _wait_at_most(seconds: float | None) -> float | None:
    """Hand the time on to huggingface_hub, which reads it when it is imported."""
    if seconds is not None:
        os.environ["HF_HUB_DOWNLOAD_TIMEOUT"] = os.environ["HF_HUB_ETAG_TIMEOUT"] = str(
            max(1, round(seconds))
        )
    return seconds


Timeout = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        min=1,
        max=3600,
        envvar="BBP_TIMEOUT",
        callback=_wait_at_most,
        help="Give up a download of a model after so long without progress (default: 10).",
        show_default=False,
    ),
]
Revision = Annotated[
    str | None,
    typer.Option(metavar="REV", help="Branch, tag or commit of a model from the Hub (default: main)."),
]
MaxWords = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="WORDS",
        help="Most words of a summary. BBP_LENGTH, which may be a share or a name, is not read.",
    ),
]
SummaryLength = Annotated[
    AskedLength | None,
    typer.Option(
        "--length",
        parser=_length_of,
        metavar="LENGTH",
        envvar="BBP_LENGTH",
        help="Most words: 120. Or about 120w, 5s (sentences), 10% (of the words), short, medium, long "
        "(default: the model decides by the document).",
        show_default=False,
    ),
]
Query = Annotated[
    str | None,
    typer.Option(
        parser=_question_of,
        metavar="TEXT",
        help='Prefer sentences about this, for example "what does it say about safety".',
        show_default=False,
    ),
]
Beams = Annotated[
    int | None,
    typer.Option(
        "--num-beams",
        min=1,
        metavar="N",
        envvar="BBP_NUM_BEAMS",
        help="Beams of a model that writes: more are slower and often better; 1 is greedy search.",
    ),
]
LengthPenalty = Annotated[
    float | None,
    typer.Option(
        metavar="X",
        envvar="BBP_LENGTH_PENALTY",
        help="Of a model that writes, with beams: above 1 favours longer text, below 1 shorter.",
    ),
]
NoRepeat = Annotated[
    int | None,
    typer.Option(
        "--no-repeat-ngram-size",
        min=0,
        metavar="N",
        envvar="BBP_NO_REPEAT_NGRAM_SIZE",
        help="Of a model that writes: never write the same N tokens twice; 0 allows it.",
    ),
]
NoRestoreCase = Annotated[
    bool,
    typer.Option(
        "--no-restore-case",
        envvar="BBP_NO_RESTORE_CASE",
        help="Leave what a model writes in small letters without the case of the document's words.",
    ),
]
KeepReferences = Annotated[
    bool,
    typer.Option(
        "--keep-references",
        envvar="BBP_KEEP_REFERENCES",
        help="Read the bibliography of a PDF, too: its entries may be chosen.",
    ),
]
StrategyOption = Annotated[
    Strategy | None,
    typer.Option(
        "--strategy",
        envvar="BBP_STRATEGY",
        help="Of a document longer than the model's window: choose among the sentences of all windows"
        " (select); with a model that writes, a text for each window (map: the default with --per-section),"
        " then about those until one is left (reduce: else the default), one text that attends to all windows"
        " (fuse); or read only the beginning (truncate).",
        show_default=False,
    ),
]
ModeOption = Annotated[
    Mode | None,
    typer.Option(
        "--mode",
        envvar="BBP_MODE",
        help="What a summary is made of: sentences of the document (verbatim), or of a model that writes: its"
        " own text (abstractive), the beam with the fewest facts that the document lacks (checked), or its"
        " own words for each passage that the default model chooses (rewrite).",
        show_default=False,
    ),
]
Overlap = Annotated[
    int,
    typer.Option(
        "--overlap",
        min=0,
        metavar="N",
        envvar="BBP_OVERLAP",
        help="Sentences that neighbouring windows share.",
    ),
]
PerSection = Annotated[
    bool,
    typer.Option("--per-section", envvar="BBP_PER_SECTION", help="Summarize what stands under each heading."),
]
Reference = Annotated[
    bool,
    typer.Option(
        "--reference",
        envvar="BBP_REFERENCE",
        help="Generate with the checkpoint's own settings alone, as published; nothing of bbp's is added.",
    ),
]
TruncateSummary = Annotated[
    bool, typer.Option("--truncate", envvar="BBP_TRUNCATE", help="Short for --strategy truncate.")
]
Truncate = Annotated[
    bool,
    typer.Option(
        "--truncate",
        envvar="BBP_TRUNCATE",
        help="Read only the beginning of a long document, as much as the model reads at once.",
    ),
]
Device = Annotated[
    str, typer.Option(metavar="NAME", envvar="BBP_DEVICE", help="Device: auto, cpu, cuda, cuda:1, mps.")
]
Precision = Annotated[
    DType,
    typer.Option(
        "--dtype",
        envvar="BBP_DTYPE",
        help="Precision; auto: float32 in numpy for models that choose sentences,"
        " else bfloat16 where it is fast.",
    ),
]
Quantize = Annotated[
    Scheme | None,
    typer.Option(
        "--quantize",
        envvar="BBP_QUANTIZE",
        help="Store weights in fewer bits: takes less memory; int8 is also faster.",
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
        help="Windows (parts of documents) computed together; auto: as many as are fast and fit into memory.",
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
        help="Processor threads (default: all that are available).",
    ),
]
Seed = Annotated[
    int, typer.Option(min=0, max=MAX_SEED, metavar="N", envvar="BBP_SEED", help="Seed of random choices.")
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", envvar="BBP_QUIET", help="Print errors only.")]
Verbose = Annotated[
    bool,
    typer.Option(
        "-v", "--verbose", envvar="BBP_VERBOSE", help="Print which model, device and precision are used."
    ),
]
Color = Annotated[ColorChoice, typer.Option(envvar="BBP_COLOR", help="Use colour; auto: on a terminal.")]
Debug = Annotated[
    bool, typer.Option("--debug", envvar="BBP_DEBUG", help="Print the Python traceback of an error.")
]

Data = Annotated[
    Path,
    typer.Argument(
        parser=path_of, metavar="DATA", help="File of records: JSON Lines, may be packed with gzip."
    ),
]
