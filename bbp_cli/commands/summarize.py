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
    ModeOption,
    NoCover,
    NoRepeat,
    NoRestoreCase,
    Overlap,
    Paths,
    PerSection,
    Query,
    Reference,
    Seed,
    StrategyOption,
    SummaryLength,
    TruncateSummary,
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
    strategy: StrategyOption = None,
    mode: ModeOption = None,
    overlap: Overlap = 0,
    per_section: PerSection = False,
    truncate: TruncateSummary = False,
    reference: Reference = False,
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
        strategy=strategy,
        mode=mode,
        overlap=overlap,
        per_section=per_section,
        reference=reference,
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
            only_beginning=(truncate or strategy == "truncate") and getattr(length, "unit", None) != "%",
        ),
    )
    need_input(context, found)
