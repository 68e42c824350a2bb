"""Document + model → its labels. Each window is scored, and the scores of the windows are combined."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from bigbird_pegasus.classification import (
    SCORE_DECIMALS,
    ClassifyOptions,
    choose,
    combine,
    meaning_of_scores,
    text_windows,
)
from bigbird_pegasus.summarization.options import OnText
from bigbird_pegasus.text.windows import EncodedText, Window, window_input

from bbp_cli.documents.document import Document
from bbp_cli.errors import UsageError
from bbp_cli.models.checkpoints import LoadedModel, non_finite_scores_error
from bbp_cli.tasks.results import Label, Labels, WindowVote, coverage, truncation_warning
from bbp_cli.tasks.task import SHORT_WINDOWS, TaskSteps

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Classification:
    """Label a document; one longer than the model's window is read in several."""

    options: ClassifyOptions

    def params(self, loaded: LoadedModel) -> Mapping[str, object]:
        """Return the options that hold with this model's kind of labels; see `Task`."""
        return asdict(self.options.for_meaning(meaning_of_scores(loaded.model.config)))

    def identities(self) -> Sequence[Mapping[str, object]]:
        """Return the options; see `Task`."""
        return [asdict(self.options)]

    def plan(
        self, document: Document, loaded: LoadedModel, on_text: OnText | None = None
    ) -> "TaskSteps[tuple[EncodedText, Window], Tensor, Labels]":
        """Return the steps to the labels of a document; see `Task`.

        Raises:
            UsageError: the options do not fit the model.
        """
        check(loaded, self.options)
        meaning = meaning_of_scores(loaded.model.config)
        options = self.options.for_meaning(meaning)
        encoded, windows = text_windows(
            document.running_text, loaded.tokenizer, loaded.window_tokens, truncate=options.truncate
        )
        rows = yield [(encoded, window) for window in windows]
        scores, of_windows = combine(rows, [window.tokens for window in windows], meaning)
        votes = tuple(
            _vote(document, encoded, window, _labels(row, loaded, options))
            for window, row in zip(windows, of_windows, strict=True)
        )
        read = coverage(document, len(encoded.ids), sum(window.tokens for window in windows), len(windows))
        return Labels(_labels(scores, loaded, options), votes, read, truncation_warning(read))

    def compute(
        self, loaded: LoadedModel, windows: Sequence[tuple[EncodedText, Window]]
    ) -> "Sequence[Tensor]":
        """Return the logits of each window, float32 (labels,).

        Raises:
            ModelError: one is NaN or infinite.
        """
        from bigbird_pegasus.inference.ragged_batch import forward_each

        ids = [window_input(encoded, window, loaded.tokenizer) for encoded, window in windows]
        rows = []
        for output in forward_each(loaded.model, ids):
            if not output.logits.isfinite().all():
                raise non_finite_scores_error(loaded)
            rows.append(output.logits[0].float().cpu())
        return rows

    def batch_size(self, loaded: LoadedModel) -> int:
        """Return how many windows are best computed together."""
        return SHORT_WINDOWS

    def streams(self, loaded: LoadedModel) -> bool:
        """Return False: labels are known when all windows are read."""
        return False


def check(loaded: LoadedModel, options: ClassifyOptions) -> None:
    """Raise UsageError where the options do not fit the model."""
    if options.threshold is not None and meaning_of_scores(loaded.model.config) != "several":
        raise UsageError(
            f"--threshold is for models that give several labels; {loaded.checkpoint.folder.id} gives one",
            hint="--top-k 3 shows the next best ones too",
        )


def _labels(scores: Sequence[float], loaded: LoadedModel, options: ClassifyOptions) -> tuple[Label, ...]:
    """Return the labels to show, the best first."""
    names = loaded.model.config.id2label
    return tuple(
        Label(names[number], round(scores[number], SCORE_DECIMALS)) for number in choose(scores, options)
    )


def _vote(document: Document, encoded: EncodedText, window: Window, labels: tuple[Label, ...]) -> WindowVote:
    start = encoded.sentences[window.first].start
    end = encoded.sentences[window.last - 1].end
    return WindowVote(document.page_at(start), start, end, window.tokens, labels)
