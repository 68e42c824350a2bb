"""`bbp extract`: its options, and its two loops over the inputs."""

from typing import Annotated

import typer
from bigbird_pegasus.text.parsed_text import parse_text
from bigbird_pegasus.text.windows import encode

from bbp_cli.batch.reader import DocumentReader
from bbp_cli.batch.sink import Failures
from bbp_cli.commands.options import (
    Color,
    Debug,
    Encoding,
    FilesFrom,
    Model,
    Nul,
    Offline,
    Paths,
    Quiet,
    Revision,
    Timeout,
    need_input,
)
from bbp_cli.console import Console, one_line
from bbp_cli.documents.document import Document
from bbp_cli.documents.inputs import InputOptions, collect, warn_skipped
from bbp_cli.errors import BbpError
from bbp_cli.models.checkpoints import find, load_tokenizer
from bbp_cli.models.loading import ModelOptions
from bbp_cli.models.names import DEFAULT
from bbp_cli.output.stdout import emit, printer_for


def extract(
    context: typer.Context,
    paths: Paths = None,
    count: Annotated[
        bool,
        typer.Option("--count", help="Print the number of tokens that the model reads in place of the text."),
    ] = False,
    model: Model = DEFAULT,
    files_from: FilesFrom = None,
    nul: Nul = False,
    encoding: Encoding = None,
    revision: Revision = None,
    offline: Offline = False,
    timeout: Timeout = None,
    quiet: Quiet = False,
    color: Color = "auto",
    debug: Debug = False,
) -> None:
    """Print the text of each document exactly as bbp reads it.

    All offsets in JSON records count characters (code points) of this text.
    """
    options = InputOptions(paths=tuple(paths or ()), files_from=files_from, nul=nul, encoding=encoding)
    console = Console(quiet=quiet, color=color)
    if count:
        found = count_tokens(options, ModelOptions(name=model, offline=offline, revision=revision), console)
    else:
        found = extract_texts(options, console)
    need_input(context, found)


def extract_texts(options: InputOptions, console: Console) -> bool:
    """Print the text of every input exactly as bbp reads it, and return whether there was any.

    Raises:
        BbpError: after all inputs: the failure of the only one, or that some or all have failed.
    """
    inputs = collect(options)
    warn_skipped(inputs, console)
    printer, failures = printer_for(inputs, console), Failures(inputs, console)
    for item, document in DocumentReader(inputs, options.encoding, console, any_text=True):
        if isinstance(document, Document):
            printer.finish(item.label, document.text)
        elif isinstance(document, BbpError):
            failures.add(item, document)
    failures.raise_if_any()
    return bool(inputs.items)


def count_tokens(options: InputOptions, model: ModelOptions, console: Console) -> bool:
    """Print how many tokens of every input the model reads, and return whether there was any input.

    Raises:
        ModelError: the model's tokenizer cannot be found or loaded.
        BbpError: after all inputs: the failure of the only one, or that some or all have failed.
    """
    inputs = collect(options)
    warn_skipped(inputs, console)
    failures = Failures(inputs, console)
    documents = DocumentReader(inputs, options.encoding, console, any_text=True)
    for item, error in documents.settled_first():
        if isinstance(error, BbpError):
            failures.add(item, error)
    if documents.has_more:
        found = find(model.name, revision=model.revision, offline=model.offline, console=console)
        tokenizer = load_tokenizer(found.folder)
        for item, document in documents:
            if isinstance(document, BbpError):
                failures.add(item, document)
            if not isinstance(document, Document):
                continue
            text = parse_text(document.running_text)
            tokens = len(encode(text, tokenizer, tokenizer.model_max_length).ids)
            name = f"\t{one_line(item.label)}" if len(inputs.items) > 1 else ""
            emit(f"{tokens}{name}\n")
    failures.raise_if_any()
    return bool(inputs.items)
