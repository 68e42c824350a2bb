"""The published losses of the heads, computed in float32 whatever the model's type.

Dimensions: B documents, N decoder rows, T tokens, V vocabulary, C labels.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from bigbird_pegasus.config import ProblemType
from bigbird_pegasus.errors import ModelInputError

IGNORED_LABEL = -100


def language_modelling_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean cross-entropy of logits (N, T, V) to labels (N, T), leaving out those that are -100.

    NaN where all of them are -100, as published.

    Raises:
        ModelInputError: the labels have another shape.
    """
    _check_labels(labels, "labels")
    if labels.is_floating_point():
        raise ModelInputError("labels are fractions: token ids are needed")
    if labels.numel() != logits.shape[0] * logits.shape[1]:
        shape = tuple(logits.shape[:2])
        raise ModelInputError(f"labels are {tuple(labels.shape)}: {shape} are needed")
    return _cross_entropy(logits.flatten(0, 1).float(), labels.flatten().long(), IGNORED_LABEL)


def _check_labels(labels: object, name: str) -> None:
    if not isinstance(labels, Tensor):
        raise ModelInputError(f"{name} is a {type(labels).__name__}: a tensor is needed")


def _cross_entropy(logits: Tensor, labels: Tensor, ignored: int) -> Tensor:
    """Return the mean cross-entropy; that there is no such label is found out where it is computed."""
    try:
        return F.cross_entropy(logits, labels, ignore_index=ignored)
    except IndexError as error:
        raise ModelInputError(f"labels are from 0 to {logits.shape[1] - 1}: {error}") from error


def problem_type_of(labels: Tensor, num_labels: int) -> ProblemType:
    """Infer from the labels what a classification head learns, where its configuration does not say.

    With one label it is a regression; whole numbers are classes, one for each example; anything else is 0 or
    1 for each of several classes.
    """
    if num_labels == 1:
        return "regression"
    whole = labels.dtype in (torch.long, torch.int)
    return "single_label_classification" if whole else "multi_label_classification"


def classification_loss(logits: Tensor, labels: Tensor, problem_type: ProblemType | None) -> Tensor:
    """Return the mean loss of logits (B, C).

    Args:
        logits: (B, C).
        labels: (B,) numbers of classes; for several labels each (B, C) of 0 and 1; for regression (B, C)
            values, or (B,) where C is 1.
        problem_type: cross-entropy for a single label, binary cross-entropy for several, squared error for
            regression; None: see `problem_type_of`.

    Raises:
        ModelInputError: the labels have another shape.
    """
    _check_labels(labels, "labels")
    logits = logits.float()
    problem_type = problem_type or problem_type_of(labels, logits.shape[1])
    shape = logits.shape
    if problem_type == "single_label_classification":
        shape, labels = logits.shape[:1], labels.flatten()
    elif logits.shape[1] == 1:
        labels = labels.view(-1, 1)
    if labels.shape != shape:
        raise ModelInputError(f"labels are {tuple(labels.shape)}: {problem_type} needs {tuple(shape)}")
    if problem_type == "single_label_classification":
        return _cross_entropy(logits, labels.long(), IGNORED_LABEL)
    if problem_type == "regression":
        return F.mse_loss(logits, labels.float())
    return F.binary_cross_entropy_with_logits(logits, labels.float())


def span_loss(start_logits: Tensor, end_logits: Tensor, starts: Tensor, ends: Tensor) -> Tensor:
    """Return the mean of the cross-entropies of both ends of a span.

    A position after the last token is left out of the mean, one before the first counts as the first, as
    published; NaN where every start or every end is left out.

    Args:
        start_logits: (B, T).
        end_logits: (B, T).
        starts: (B,) or (B, 1), the number of the span's first token.
        ends: as `starts`, of its last token.

    Raises:
        ModelInputError: they are no whole numbers, or not one for each example.
    """
    for name, positions in (("start_positions", starts), ("end_positions", ends)):
        _check_labels(positions, name)
        if positions.is_floating_point() or positions.numel() != len(start_logits):
            raise ModelInputError(
                f"{name} are {positions.dtype} {tuple(positions.shape)}: one integer an example is needed"
            )
    tokens = start_logits.shape[1]
    losses = [
        F.cross_entropy(logits.float(), positions.view(-1).clamp(0, tokens), ignore_index=tokens)
        for logits, positions in ((start_logits, starts), (end_logits, ends))
    ]
    return (losses[0] + losses[1]) / 2
