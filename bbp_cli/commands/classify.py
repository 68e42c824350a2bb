"""`bbp classify`: its options."""

from typing import Annotated

import typer
from bigbird_pegasus.classification import ClassifyOptions

from bbp_cli.batch.runner import run_task
from bbp_cli.commands.options import Classifier, LabelsJson, Paths, Truncate, need_input
from bbp_cli.commands.run_options import MakeRun, with_run_options
from bbp_cli.models.names import DEFAULT
from bbp_cli.tasks.classify import Classification


@with_run_options
def classify(
    context: typer.Context,
    run: MakeRun,
    paths: Paths = None,
    model: Classifier = DEFAULT,
    top_k: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Print the N best labels (default: 1; all where the model gives several).",
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            metavar="X",
            help="Print labels of at least this score, of a model that gives several (default: 0.5).",
        ),
    ] = None,
    json: LabelsJson = False,
    truncate: Truncate = False,
) -> None:
    """Print the labels of each document: label, tab, score.

    The labels are those the model was trained with: bbp train classify makes one. A long document is read in
    windows, and their scores are combined; the JSON record shows those of each window.
    """
    task = Classification(ClassifyOptions(top_k=top_k, threshold=threshold, truncate=truncate))
    options = run(paths=tuple(paths or ()), model=model, json=json, only_beginning=truncate)
    found = run_task("classify", lambda _checkpoint: task, options)
    need_input(context, found)
