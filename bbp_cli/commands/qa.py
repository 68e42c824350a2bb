"""`bbp qa`: its options."""

from dataclasses import replace
from typing import Annotated

import typer

from bbp_cli.batch.runner import run_task
from bbp_cli.commands.options import Answerer, AnswersJson, Truncate, need_input
from bbp_cli.commands.questions import questions_and_paths
from bbp_cli.commands.run_options import MakeRun, with_run_options
from bbp_cli.models.names import DEFAULT
from bbp_cli.tasks.question_answering import QAOptions, QuestionAnswering


@with_run_options
def qa(
    context: typer.Context,
    run: MakeRun,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="QUESTION [PATHS]",
            help="The question, then files and folders to read; - is stdin.",
            show_default=False,
        ),
    ] = None,
    questions: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Read questions from FILE, one per line; - is stdin."),
    ] = None,
    model: Answerer = DEFAULT,
    top_k: Annotated[int, typer.Option(min=1, metavar="N", help="Print the N best answers.")] = 1,
    min_score: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            metavar="X",
            help="Print answers of at least this score (default: the model decides).",
        ),
    ] = None,
    stride: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="Tokens that neighbouring windows share (default: 128)."),
    ] = None,
    json: AnswersJson = False,
    truncate: Truncate = False,
) -> None:
    """Print the passage of each document that answers a question.

    A line is text, tab, score, tab, place; or no answer. The score is the probability of the passage's start
    times that of its end. The place is a page, in a PDF, and characters of the text that bbp extract prints.
    bbp train qa makes a model.
    """
    options = run(paths=(), model=model, json=json, only_beginning=truncate)
    asked, paths = questions_and_paths(words or (), questions, options.inputs.files_from)
    options = replace(options, inputs=replace(options.inputs, paths=paths))
    task = QuestionAnswering(
        asked, QAOptions(top_k=top_k, min_score=min_score, stride=stride, truncate=truncate)
    )
    found = bool(asked) and run_task("qa", lambda _checkpoint: task, options)
    need_input(context, found)
