"""What the commands that read documents do once their options are read."""

from collections.abc import Sequence
from functools import cache, partial
from typing import TYPE_CHECKING

from bigbird_pegasus.summarization.options import SummaryOptions
from bigbird_pegasus.text.parsed_text import parse_text
from bigbird_pegasus.text.windows import encode

from bbp_cli.batch.jobs import Task, run_task
from bbp_cli.batch.runner import one_by_one, run
from bbp_cli.console import Console, one_line
from bbp_cli.documents.document import Document, display_name
from bbp_cli.documents.inputs import Input, InputOptions, collect
from bbp_cli.errors import UsageError
from bbp_cli.models.checkpoints import Checkpoint, LoadedModel, find, load_tokenizer
from bbp_cli.models.loading import ModelOptions
from bbp_cli.output.destination import OutputOptions
from bbp_cli.output.render import of_answers, of_classification, of_summary
from bbp_cli.output.stdout import emit, printer_for
from bbp_cli.tasks import classify as classification
from bbp_cli.tasks import question_answering
from bbp_cli.tasks.results import Outcome, TextListener
from bbp_cli.tasks.summarize import grows, read_windows, summaries_at_once, summary_steps
from bbp_cli.tasks.task import Steps, windows_at_once

if TYPE_CHECKING:
    from bigbird_pegasus import PegasusTokenizer


def summarize_inputs(
    reading: InputOptions,
    destination: OutputOptions,
    choice: ModelOptions,
    settings: SummaryOptions,
    console: Console,
) -> bool:
    """Summarize every input; False where there is none. Raises as `jobs.run_task`."""

    def check(checkpoint: Checkpoint) -> None:
        if checkpoint.kind == "extractive" and settings.generation:
            names = ", ".join(f"--{name.replace('_', '-')}" for name in settings.generation)
            raise UsageError(
                f"the model {checkpoint.folder.id} chooses sentences, so there is nothing to do for {names}",
                hint="give a model that writes, for example --model arxiv",
            )

    def begin(document: Document, loaded: LoadedModel, listener: TextListener | None) -> Steps[list[Outcome]]:
        return [of_summary((yield from summary_steps(document, loaded, settings, listener)))]

    size, shown_early = partial(summaries_at_once, settings=settings), partial(grows, settings=settings)
    task = Task(
        "summarize",
        "summary",
        lambda _loaded: settings.as_params(),
        begin,
        read_windows,
        size,
        check,
        shown_early,
    )
    return run_task(task, reading, destination, choice, console)


def classify_inputs(
    reading: InputOptions,
    destination: OutputOptions,
    choice: ModelOptions,
    settings: classification.ClassifyOptions,
    console: Console,
) -> bool:
    """Label every input; False where there is none. Raises as `jobs.run_task`."""

    def begin(
        document: Document, loaded: LoadedModel, _listener: TextListener | None
    ) -> Steps[list[Outcome]]:
        return [of_classification((yield from classification.steps(document, loaded, settings)))]

    compute = classification.label_logits
    task = Task("classify", "labels", settings.as_params, begin, compute, windows_at_once)
    return run_task(task, reading, destination, choice, console)


def answer_inputs(
    questions: Sequence[str],
    reading: InputOptions,
    destination: OutputOptions,
    choice: ModelOptions,
    settings: question_answering.QAOptions,
    console: Console,
) -> bool:
    """Answer the questions from every input; False where there is none. Raises as `jobs.run_task`."""

    def begin(
        document: Document, loaded: LoadedModel, _listener: TextListener | None
    ) -> Steps[list[Outcome]]:
        found = yield from question_answering.steps(document, questions, loaded, settings)
        return [of_answers(answers, several=len(questions) > 1) for answers in found]

    compute = question_answering.read_windows
    task = Task("qa", "answers", settings.as_params, begin, compute, windows_at_once)
    return run_task(task, reading, destination, choice, console)


def extract_inputs(reading: InputOptions, console: Console) -> bool:
    """Print the text of every input exactly as bbp reads it; False where there is none."""
    inputs = collect(reading)
    printer = printer_for(inputs, console)

    def work(item: Input, document: Document, _nothing: None) -> None:
        printer.finish(display_name(item.path), document.text)

    run(inputs, reading.encoding, console, one_by_one(lambda: None, work), any_text=True)
    return bool(inputs.items)


def count_inputs(reading: InputOptions, choice: ModelOptions, console: Console) -> bool:
    """Print how many tokens of the model every input has; False where there is none."""
    inputs = collect(reading)

    @cache
    def tokenizer() -> "PegasusTokenizer":
        found = find(choice.name, revision=choice.revision, offline=choice.offline, console=console)
        return load_tokenizer(found.folder)

    def work(item: Input, document: Document, tokenizer: "PegasusTokenizer") -> None:
        tokens = len(encode(parse_text(document.text), tokenizer, tokenizer.model_max_length).ids)
        emit(f"{tokens}\t{one_line(display_name(item.path))}\n" if len(inputs.items) > 1 else f"{tokens}\n")

    run(inputs, reading.encoding, console, one_by_one(tokenizer, work), any_text=True)
    return bool(inputs.items)
