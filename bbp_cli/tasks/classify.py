"""Document + model → its labels. Each window is scored, and the scores of the windows are combined."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Literal

from bigbird_pegasus.text.parsed_text import parse_text
from bigbird_pegasus.text.windows import EncodedText, Window, encode, first_window, pack, window_input

from bbp_cli.documents.document import Document
from bbp_cli.errors import UsageError
from bbp_cli.models.checkpoints import LoadedModel, non_finite_scores_error
from bbp_cli.tasks.results import Label, Labels, WindowVote, coverage, truncation_warning
from bbp_cli.tasks.task import SHORT_WINDOWS, OnText, TaskSteps

if TYPE_CHECKING:
    from torch import Tensor


MIN_SCORE = 0.5  # of a label, where a document may have several

Meaning = Literal["one", "several", "values"]


@dataclass(frozen=True)
class ClassifyOptions:
    """Which labels are returned: the best `top_k`, and of a model that gives several those above `threshold`.

    By default the best one; of a model that gives several, all above 0.5, or the best `top_k` if that is set.
    """

    top_k: int | None = None
    threshold: float | None = None
    truncate: bool = False

    def for_meaning(self, meaning: Meaning) -> "ClassifyOptions":
        """Return the options with the defaults of this kind of labels."""
        if meaning == "one" and self.top_k is None:
            return replace(self, top_k=1)
        if meaning == "several" and self.threshold is None and self.top_k is None:
            return replace(self, threshold=MIN_SCORE)
        return self


@dataclass(frozen=True)
class Classification:
    """Label a document; one longer than the model's window is read in several."""

    options: ClassifyOptions

    def params(self, model: LoadedModel) -> Mapping[str, object]:
        """Return the options that hold with this model's kind of labels; see `Task`."""
        return asdict(self.options.for_meaning(meaning_of_scores(model)))

    def plan(
        self, document: Document, model: LoadedModel, on_text: OnText | None = None
    ) -> "TaskSteps[tuple[EncodedText, Window], Tensor, Labels]":
        """Return the steps to the labels of a document; see `Task`.

        Raises:
            UsageError: the options do not fit the model.
        """
        check(model, self.options)
        meaning = meaning_of_scores(model)
        options = self.options.for_meaning(meaning)
        limit = model.window_tokens - 1  # `</s>` ends each window
        encoded = encode(parse_text(document.text), model.tokenizer, limit)
        first = [first_window(encoded.counts, limit)] if options.truncate else None
        windows = first or pack(encoded.counts, limit)
        rows = yield [(encoded, window) for window in windows]
        scores, of_windows = combine(rows, [window.tokens for window in windows], meaning)
        names = model.model.config.id2label
        votes = tuple(
            _vote(document, encoded, window, choose(row, names, options))
            for window, row in zip(windows, of_windows, strict=True)
        )
        read = coverage(document, len(encoded.ids), sum(window.tokens for window in windows), len(windows))
        return Labels(choose(scores, names, options), votes, read, truncation_warning(read))

    def compute(
        self, model: LoadedModel, windows: Sequence[tuple[EncodedText, Window]]
    ) -> "Sequence[Tensor]":
        """Return the logits of each window, float32 (labels,).

        Raises:
            ModelError: one is NaN or infinite.
        """
        from bigbird_pegasus.inference.ragged_batch import forward_each

        ids = [window_input(encoded, window, model.tokenizer) for encoded, window in windows]
        rows = []
        for output in forward_each(model.model, ids):
            if not output.logits.isfinite().all():
                raise non_finite_scores_error(model)
            rows.append(output.logits[0].float().cpu())
        return rows

    def batch_size(self, model: LoadedModel) -> int:
        """Return how many windows are best computed together."""
        return SHORT_WINDOWS

    def streams(self, model: LoadedModel) -> bool:
        """Return False: labels are known when all windows are read."""
        return False


def check(model: LoadedModel, options: ClassifyOptions) -> None:
    """Raise UsageError where the options do not fit the model."""
    if options.threshold is not None and meaning_of_scores(model) != "several":
        raise UsageError(
            f"--threshold is for models that give several labels; {model.checkpoint.folder.id} gives one",
            hint="--top-k 3 shows the next best ones too",
        )


def meaning_of_scores(model: LoadedModel) -> Meaning:
    """Return whether a document has one label, several, or a value for each, by the checkpoint's config."""
    config = model.model.config
    if config.problem_type == "multi_label_classification":
        return "several"
    if config.problem_type == "regression" or config.num_labels == 1:
        return "values"
    return "one"


def combine(
    logits: Sequence["Tensor"], tokens: Sequence[int], meaning: Meaning
) -> tuple[list[float], list[list[float]]]:
    """Return the scores of a document's labels, and those of each window alone.

    One label: the mean of the windows' log-probabilities, weighted by their tokens. An undecided window
    adds the same to every label, so it does not outvote the others, as in a mean of probabilities.
    Several: the highest of any window. A label that one chapter earns is the document's, however long the
    rest is. Values: their mean, weighted by tokens.
    """
    import torch

    stacked = torch.stack(list(logits)).double()  # (windows, labels)
    weights = torch.tensor(tokens).double().clamp(min=1).unsqueeze(1)
    weights = weights / weights.sum()
    if meaning == "several":
        probabilities = stacked.sigmoid()
        return probabilities.amax(0).tolist(), probabilities.tolist()
    if meaning == "values":
        return (weights * stacked).sum(0).tolist(), stacked.tolist()
    log_probabilities = stacked.log_softmax(-1)
    combined = (weights * log_probabilities).sum(0).softmax(-1)
    return combined.tolist(), log_probabilities.exp().tolist()


def choose(scores: Sequence[float], names: dict[int, str], options: ClassifyOptions) -> tuple[Label, ...]:
    """Return the labels to show, the best first."""
    order = sorted(range(len(scores)), key=lambda number: -scores[number])
    labels = (Label(names[number], round(scores[number], 6)) for number in order[: options.top_k])
    least = options.threshold
    return tuple(label for label in labels if least is None or label.score >= least)


def _vote(document: Document, encoded: EncodedText, window: Window, labels: tuple[Label, ...]) -> WindowVote:
    start = encoded.sentences[window.first].start
    end = encoded.sentences[window.last - 1].end
    return WindowVote(document.page_at(start), start, end, window.tokens, labels)
