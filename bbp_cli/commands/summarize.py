"""`bbp summarize`: its options."""

import typer
from bigbird_pegasus.summarization.options import SummaryOptions

from bbp_cli.batch.runner import run_task
from bbp_cli.commands.options import (
    Beams,
    Cite,
    FormatOption,
    Highlight,
    Json,
    KeepReferences,
    LengthPenalty,
    Model,
    NoCover,
    NoRepeat,
    NoRestoreCase,
    Paths,
    Query,
    Seed,
    SummaryLength,
    Truncate,
    need_input,
)
from bbp_cli.commands.run_options import MakeRun, with_run_options
from bbp_cli.models.names import DEFAULT
from bbp_cli.tasks.summarize import summary_task


@with_run_options
def summarize(
    context: typer.Context,
    run: MakeRun,
    paths: Paths = None,
    json: Json = False,
    format: FormatOption = "text",
    cite: Cite = False,
    highlight: Highlight = None,
    no_cover: NoCover = False,
    length: SummaryLength = None,
    query: Query = None,
    model: Model = DEFAULT,
    num_beams: Beams = None,
    length_penalty: LengthPenalty = None,
    no_repeat_ngram_size: NoRepeat = None,
    no_restore_case: NoRestoreCase = False,
    keep_references: KeepReferences = False,
    truncate: Truncate = False,
    seed: Seed = 0,
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
        length=length,
        truncate=truncate,
        seed=seed,
        restore_case=not no_restore_case,
        generation=given,
        query=query,
    )
    found = run_task(
        "summarize",
        lambda checkpoint: summary_task(options, checkpoint, keep_references=keep_references),
        run(
            paths=tuple(paths or ()),
            model=model,
            json=json,
            format=format,
            cite=cite,
            highlight=highlight,
            cover=not no_cover,
        ),
    )
    need_input(context, found)
