"""Document + model → summary, by an extractive or an abstractive model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from bigbird_pegasus.summarization.options import OnText, SummaryOptions

from bbp_cli.documents.document import Document
from bbp_cli.errors import UsageError
from bbp_cli.models.checkpoints import Checkpoint, LoadedModel
from bbp_cli.tasks.results import DocumentSummary
from bbp_cli.tasks.task import SHORT_WINDOWS, Task, TaskSteps

if TYPE_CHECKING:
    from bigbird_pegasus.summarization.abstractive import GenerationRequest
    from bigbird_pegasus.text.windows import EncodedText, Window
    from torch import Tensor

    SummaryTask = Task[
        tuple[EncodedText, Window] | GenerationRequest, Tensor | tuple[str, bool], DocumentSummary
    ]


@dataclass(frozen=True)
class ExtractiveSummary:
    """Choose sentences of the document: the encoder reads windows, then all sentences are scored together."""

    options: SummaryOptions

    def params(self, model: LoadedModel) -> Mapping[str, object]:
        """Return the options; see `Task`."""
        return self.options.as_params()

    def plan(
        self, document: Document, model: LoadedModel, on_text: OnText | None = None
    ) -> "TaskSteps[tuple[EncodedText, Window], Tensor, DocumentSummary]":
        """Return the steps to a summary; see `Task`."""
        from bbp_cli.tasks import extractive

        return extractive.steps(document, model, self.options)

    def compute(
        self, model: LoadedModel, windows: "Sequence[tuple[EncodedText, Window]]"
    ) -> "Sequence[Tensor]":
        """Return the vectors of each window's sentences."""
        from bbp_cli.tasks import extractive

        return extractive.read_windows(model, windows)

    def batch_size(self, model: LoadedModel) -> int:
        """Return how many windows are best computed together."""
        return SHORT_WINDOWS

    def streams(self, model: LoadedModel) -> bool:
        """Return False: which sentences are chosen is known at the end."""
        return False


@dataclass(frozen=True)
class AbstractiveSummary:
    """Write a summary of each window, one after the other or several together, and join them."""

    options: SummaryOptions

    def params(self, model: LoadedModel) -> Mapping[str, object]:
        """Return the options; see `Task`."""
        return self.options.as_params()

    def plan(
        self, document: Document, model: LoadedModel, on_text: OnText | None = None
    ) -> "TaskSteps[GenerationRequest, tuple[str, bool], DocumentSummary]":
        """Return the steps to a summary; see `Task`."""
        from bbp_cli.tasks import writing

        return writing.steps(document, model, self.options, on_text)

    def compute(
        self, model: LoadedModel, windows: "Sequence[GenerationRequest]"
    ) -> Sequence[tuple[str, bool]]:
        """Return the text that is written about each window, and whether the model ended it."""
        from bbp_cli.tasks import writing

        return writing.write(model, windows)

    def batch_size(self, model: LoadedModel) -> int:
        """Return how many windows the decoder best writes about together."""
        from bbp_cli.tasks import writing

        return writing.texts_at_once(model, self.options)

    def streams(self, model: LoadedModel) -> bool:
        """Return whether the search is greedy or samples: beams change what they wrote before."""
        from bbp_cli.tasks import writing

        return writing.number_of_beams(model, self.options) == 1


def summary_task(options: SummaryOptions, checkpoint: Checkpoint) -> "SummaryTask":
    """Return the task for the kind of model that a checkpoint holds.

    Raises:
        UsageError: the model is extractive, and options of text generation are given.
    """
    if checkpoint.kind != "extractive":
        return cast("SummaryTask", AbstractiveSummary(options))
    if options.generation:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in options.generation)
        raise UsageError(
            f"the model {checkpoint.folder.id} chooses sentences, so {names} cannot be used with it",
            hint="give a model that writes, for example --model arxiv",
        )
    # The two tasks have windows of different types. Each is handed only windows that it planned itself, which
    # the types of a union cannot say.
    return cast("SummaryTask", ExtractiveSummary(options))
