"""`bbp digest`: its options."""

from dataclasses import asdict

import typer
from bigbird_pegasus.summarization.options import NO_QUERY_WORDS, SummaryOptions

from bbp_cli.batch.digest import DEFAULT_WORDS, DigestSentence, candidates_of, choose
from bbp_cli.batch.reader import DocumentReader
from bbp_cli.batch.scheduler import FinishedDocument, schedule
from bbp_cli.batch.sink import Failures
from bbp_cli.commands.options import (
    Color,
    Debug,
    Encoding,
    FilesFrom,
    Json,
    MaxWords,
    Model,
    Nul,
    Offline,
    Paths,
    Query,
    Quiet,
    Revision,
    Threads,
    need_input,
)
from bbp_cli.console import Console, one_line
from bbp_cli.documents.inputs import InputOptions, collect, warn_skipped
from bbp_cli.errors import BbpError, UsageError
from bbp_cli.models.loading import ModelOptions, find_checkpoint, load_checkpoint, prepare_hardware
from bbp_cli.models.names import DEFAULT
from bbp_cli.output.records import json_line, model_record
from bbp_cli.output.stdout import emit
from bbp_cli.tasks.results import DocumentSummary
from bbp_cli.tasks.summarize import summary_task

SCHEMA = "bbp.digest/1"
ALSO_NAMED = 5  # documents that say the same, in text; JSON has all


def digest(
    context: typer.Context,
    paths: Paths = None,
    json: Json = False,
    length: MaxWords = DEFAULT_WORDS,
    query: Query = None,
    model: Model = DEFAULT,
    files_from: FilesFrom = None,
    nul: Nul = False,
    encoding: Encoding = None,
    revision: Revision = None,
    offline: Offline = False,
    threads: Threads = None,
    quiet: Quiet = False,
    color: Color = "auto",
    debug: Debug = False,
) -> None:
    """Print one summary of all documents together: a line for each sentence, with its file and place.

    What several documents say is said once, with the names of the others.
    """
    inputs = InputOptions(tuple(paths or ()), files_from, nul, encoding)
    options = ModelOptions(name=model, offline=offline, revision=revision, threads=threads)
    console = Console(quiet=quiet, color=color)
    found = digest_documents(inputs, options, length or DEFAULT_WORDS, console, query=query, json=json)
    need_input(context, found)


def digest_documents(
    options: InputOptions,
    model: ModelOptions,
    words: int,
    console: Console,
    *,
    query: str | None,
    json: bool,
) -> bool:
    """Print the digest of all inputs, and return whether there was any.

    With a query, documents that have none of its words are left out, unless none has one, and the one that
    says most of it stands first.

    Raises:
        UsageError: the model writes; it does not say which of its sentences matter.
        ModelError, ResourceError: the model cannot be found, loaded or run here.
        BbpError: after the digest: some or all inputs have failed.
    """
    inputs = collect(options)
    warn_skipped(inputs, console)
    failures = Failures(inputs, console)
    documents = DocumentReader(inputs, options.encoding, console)
    for item, error in documents.settled_first():
        if isinstance(error, BbpError):
            failures.add(item, error)
    if documents.has_more:
        checkpoint = find_checkpoint("summarize", model, console)
        if checkpoint.kind != "extractive":
            hint = "leave out --model, or name one that bbp train extract has made"
            raise UsageError(f"a digest needs a model that chooses sentences: {model.name} writes", hint=hint)
        hardware = prepare_hardware(checkpoint, model, console)
        loaded = load_checkpoint(checkpoint, hardware, model, console)
        candidates: list[DigestSentence] = []
        beside: list[DigestSentence] = []  # of documents without a word of the query
        read = 0
        task = summary_task(SummaryOptions(query=query), checkpoint)
        for number, (item, found) in enumerate(schedule(documents, task, loaded, console.progress)):
            if isinstance(found, BbpError):
                failures.add(item, found)
            elif isinstance(found, FinishedDocument):
                assert isinstance(found.result, DocumentSummary)
                speaks_of_it = NO_QUERY_WORDS not in found.result.warnings
                place = candidates if speaks_of_it else beside
                place += candidates_of(number, item.label, found.document, found.result)
                read += 1
        warnings = [NO_QUERY_WORDS] if query is not None and not candidates and beside else []
        for warning in warnings:
            console.warn(f"{read} document{'s' if read > 1 else ''}", warning)
        chosen = choose(candidates or beside, words, best_first=query is not None)
        if json:
            head = {"schema": SCHEMA, "documents": read, "query": query}
            emit(
                json_line({**head, **_as_json(chosen), "model": model_record(loaded), "warnings": warnings})
                + "\n"
            )
        else:
            emit("".join(map(as_line, chosen)))
    failures.raise_if_any()
    return bool(inputs.items)


def as_line(one: DigestSentence) -> str:
    """Return a sentence with its document and place, and the first of those that say the same."""
    more = f" and {len(one.also) - ALSO_NAMED} more" if len(one.also) > ALSO_NAMED else ""
    also = f"; also {', '.join(one.also[:ALSO_NAMED])}{more}" if one.also else ""
    return f"{one.shown} [{one_line(f'{one.name}, {one.place}{also}')}]\n"


def _as_json(chosen: list[DigestSentence]) -> dict[str, object]:
    sentences = [
        {
            "document": one.name,
            "place": one.place,
            **asdict(one.sentence),
            "also": one.also,
        }
        for one in chosen
    ]
    return {"summary": "\n".join(one.shown for one in chosen), "sentences": sentences}
