"""Document + model → the labels that fit it. Each window is scored, and the windows' scores are combined."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Literal

from bigbird_pegasus.text.parsed_text import parse_text
from bigbird_pegasus.text.windows import EncodedText, Window, encode, first_window, pack, window_input

from bbp_cli.documents.document import Document
from bbp_cli.errors import UsageError
from bbp_cli.models.checkpoints import LoadedModel, non_finite_scores_error
from bbp_cli.tasks.results import Classification, Label, ProgressBar, WindowVote, coverage, truncation_warning
from bbp_cli.tasks.task import Steps, alone

if TYPE_CHECKING:
    from torch import Tensor


LEAST_SCORE = 0.5  # of a label, where a document may have several

Meaning = Literal["one", "several", "values"]


@dataclass(frozen=True)
class ClassifyOptions:
    """Which labels are told: the best `top_k`, and of a model that gives several those above `threshold`.

    By default the best one; of a model that gives several, all above 0.5, or the best `top_k` if that is set.
    """

    top_k: int | None = None
    threshold: float | None = None
    truncate: bool = False

    def for_meaning(self, meaning: Meaning) -> "ClassifyOptions":
        """The settings that hold where some were not given."""
        if meaning == "one" and self.top_k is None:
            return replace(self, top_k=1)
        if meaning == "several" and self.threshold is None and self.top_k is None:
            return replace(self, threshold=LEAST_SCORE)
        return self

    def as_params(self, loaded: LoadedModel) -> dict[str, object]:
        """The settings that hold, as records show them."""
        return asdict(self.for_meaning(meaning_of_scores(loaded)))


def classify(
    document: Document, loaded: LoadedModel, settings: ClassifyOptions, progress: ProgressBar
) -> Classification:
    """Label one document, all of it: what is longer than the model's window is read in several.

    Raises:
        ModelError: what the model says is no number.
        ResourceError: it does not fit into memory.
        UsageError: the model cannot obey the settings.
    """
    steps_of_one = steps(document, loaded, settings)
    return alone(steps_of_one, partial(label_logits, loaded), document.source.path, progress)


def steps(document: Document, loaded: LoadedModel, settings: ClassifyOptions) -> Steps[Classification]:
    """What is to be done for the labels of a document, see `together`; a window is a function to its ids.

    Raises:
        UsageError: the model cannot obey the settings.
    """
    check(loaded, settings)
    meaning = meaning_of_scores(loaded)
    settings = settings.for_meaning(meaning)
    limit = loaded.window_tokens - 1  # `</s>` ends each window
    encoded = encode(parse_text(document.text), loaded.tokenizer, limit)
    first = [first_window(encoded.counts, limit)] if settings.truncate else None
    windows = first or pack(encoded.counts, limit)
    rows = yield [partial(window_input, encoded, window, loaded.tokenizer) for window in windows]
    scores, of_windows = combine(rows, [window.tokens for window in windows], meaning)
    names = loaded.model.config.id2label
    votes = tuple(
        _vote(document, encoded, window, choose(row, names, settings))
        for window, row in zip(windows, of_windows, strict=True)
    )
    found = coverage(document, len(encoded.ids), sum(window.tokens for window in windows), len(windows))
    chosen = choose(scores, names, settings)
    return Classification(chosen, votes, found, truncation_warning(found))


def check(loaded: LoadedModel, settings: ClassifyOptions) -> None:
    """Raise UsageError where the settings do not fit the model."""
    if settings.threshold is not None and meaning_of_scores(loaded) != "several":
        raise UsageError(
            f"--threshold is for models that give several labels; {loaded.checkpoint.folder.id} gives one",
            hint="--top-k 3 shows the next best ones too",
        )


def meaning_of_scores(loaded: LoadedModel) -> Meaning:
    """Whether a document has one label, several, or a value for each; the checkpoint says so."""
    config = loaded.model.config
    if config.problem_type == "multi_label_classification":
        return "several"
    if config.problem_type == "regression" or config.num_labels == 1:
        return "values"
    return "one"


def label_logits(loaded: LoadedModel, windows: Sequence[Callable[[], Sequence[int]]]) -> list["Tensor"]:
    """What the model says of windows, whose ids end with `</s>`: of each float32 (labels,).

    Raises:
        ModelError: it is no number.
    """
    from bigbird_pegasus.inference.ragged_batch import forward_each

    rows = []
    for output in forward_each(loaded.model, [ids() for ids in windows]):
        if not output.logits.isfinite().all():
            raise non_finite_scores_error(loaded)
        rows.append(output.logits[0].float().cpu())
    return rows


def combine(
    logits: Sequence["Tensor"], tokens: Sequence[int], meaning: Meaning
) -> tuple[list[float], list[list[float]]]:
    """The scores of a document's labels, and those of each window alone.

    One label: the mean of the windows' log-probabilities, weighted by their tokens. A window that cannot tell
    adds the same to every label, so it does not outvote one that can; a mean of probabilities would let it.
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


def choose(scores: Sequence[float], names: dict[int, str], settings: ClassifyOptions) -> tuple[Label, ...]:
    """The labels to tell, the best first."""
    order = sorted(range(len(scores)), key=lambda number: -scores[number])
    labels = (Label(names[number], round(scores[number], 6)) for number in order[: settings.top_k])
    least = settings.threshold
    return tuple(label for label in labels if least is None or label.score >= least)


def _vote(document: Document, encoded: EncodedText, window: Window, labels: tuple[Label, ...]) -> WindowVote:
    start = encoded.sentences[window.first].start
    end = encoded.sentences[window.last - 1].end
    return WindowVote(document.page_at(start), start, end, window.tokens, labels)
