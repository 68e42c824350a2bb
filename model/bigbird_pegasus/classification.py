"""Labels of a text of any length: its windows, the scores of all of them together, which labels are returned.

No part of it runs the model: whoever has the windows' logits combines them here. torch is imported where it
computes, since the command line imports this module when it starts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor

    from bigbird_pegasus.config import BigBirdPegasusConfig
    from bigbird_pegasus.text.windows import EncodedText, Window
    from bigbird_pegasus.tokenization.tokenizer import PegasusTokenizer

MIN_SCORE = 0.5  # of a label, where a document may have several
SCORE_DECIMALS = 6

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


def meaning_of_scores(config: "BigBirdPegasusConfig") -> Meaning:
    """Return whether a text has one label, several, or a value for each, by the checkpoint's config."""
    if config.problem_type == "multi_label_classification":
        return "several"
    if config.problem_type == "regression" or config.num_labels == 1:
        return "values"
    return "one"


def text_windows(
    text: str, tokenizer: "PegasusTokenizer", window_tokens: int, *, truncate: bool = False
) -> "tuple[EncodedText, list[Window]]":
    """Return a text's tokens and its windows of at most `window_tokens` tokens, `</s>` among them.

    With `truncate` only the first window, as full as it can be.
    """
    limit = window_tokens - 1  # `</s>` ends each window
    # Here, because the command line imports this module when it starts.
    from bigbird_pegasus.text.parsed_text import parse_text
    from bigbird_pegasus.text.windows import encode, first_window, pack

    encoded = encode(parse_text(text), tokenizer, limit)
    return encoded, [first_window(encoded.counts, limit)] if truncate else pack(encoded.counts, limit)


def combine(
    logits: Sequence["Tensor"], tokens: Sequence[int], meaning: Meaning
) -> tuple[list[float], list[list[float]]]:
    """Return the scores of a text's labels, and those of each window alone.

    One label: the mean of the windows' log-probabilities, weighted by their tokens. An undecided window
    adds the same to every label, so it does not outvote the others, as in a mean of probabilities.
    Several: the highest of any window. A label that one chapter earns is the text's, however long the
    rest is. Values: their mean, weighted by tokens.

    Args:
        logits: (C,) of each window, C labels.
        tokens: of each window.
        meaning: see `meaning_of_scores`.
    """
    import torch

    stacked = torch.stack(list(logits)).double()  # (windows, C)
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


def choose(scores: Sequence[float], options: ClassifyOptions) -> list[int]:
    """Return the numbers of the labels to show, the best first.

    Against `threshold` a score counts with the 6 decimals that are shown.
    """
    best = sorted(range(len(scores)), key=lambda number: -scores[number])[: options.top_k]
    least = options.threshold
    return [number for number in best if least is None or round(scores[number], SCORE_DECIMALS) >= least]
