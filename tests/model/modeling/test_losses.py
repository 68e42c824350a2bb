import pytest
import torch
from bigbird_pegasus.modeling.losses import (
    classification_loss,
    language_modelling_loss,
    problem_type_of,
    span_loss,
)


def test_language_modelling_loss_is_the_mean_over_labels_that_are_not_minus_100() -> None:
    logits = torch.randn(2, 3, 11)
    labels = torch.tensor([[4, -100, 7], [-100, -100, 2]])
    expected = -torch.stack(
        [logits.log_softmax(-1)[row, at, label] for row, at, label in ((0, 0, 4), (0, 2, 7), (1, 2, 2))]
    ).mean()
    torch.testing.assert_close(language_modelling_loss(logits, labels), expected)


def test_losses_of_half_precision_logits_are_computed_in_float32() -> None:
    logits = torch.randn(2, 3, 11, dtype=torch.bfloat16)
    assert language_modelling_loss(logits, torch.zeros(2, 3, dtype=torch.long)).dtype == torch.float32
    labels = torch.zeros(2, dtype=torch.long)
    assert classification_loss(logits[:, 0], labels, None).dtype == torch.float32
    assert span_loss(logits[:, 0], logits[:, 1], labels, labels).dtype == torch.float32


@pytest.mark.parametrize(
    ("labels", "num_labels", "problem_type"),
    [
        (torch.tensor([3]), 1, "regression"),
        (torch.tensor([0.3]), 1, "regression"),
        (torch.tensor([1]), 2, "single_label_classification"),
        (torch.tensor([1], dtype=torch.int), 2, "single_label_classification"),
        (torch.tensor([[1.0, 0.0]]), 2, "multi_label_classification"),
    ],
)
def test_the_problem_type_is_inferred_from_the_labels(
    labels: torch.Tensor, num_labels: int, problem_type: str
) -> None:
    assert problem_type_of(labels, num_labels) == problem_type


def test_labels_of_several_classes_may_be_integers_where_the_problem_type_is_given() -> None:
    logits, marks = torch.randn(2, 3), torch.tensor([[1, 0, 1], [0, 0, 1]])
    whole = classification_loss(logits, marks, "multi_label_classification")
    torch.testing.assert_close(whole, classification_loss(logits, marks.float(), None))


@pytest.mark.parametrize(
    ("labels", "problem_type"),
    [
        (torch.tensor([1, 0, 2]), "single_label_classification"),
        (torch.tensor([[1.0, 0.0]]), "multi_label_classification"),
        (torch.tensor([0.5, 1.0]), "regression"),
    ],
)
def test_labels_of_another_shape_are_an_error(labels: torch.Tensor, problem_type: str) -> None:
    """Where they would be broadcast, the loss would mean something else."""
    with pytest.raises(ValueError, match=rf"labels are .*: {problem_type} needs"):
        classification_loss(torch.randn(2, 3), labels, problem_type)  # type: ignore[arg-type]


def test_span_loss_is_the_mean_of_both_ends() -> None:
    starts, ends = torch.randn(2, 5), torch.randn(2, 5)
    expected = -(starts.log_softmax(-1)[0, 3] + starts.log_softmax(-1)[1, 0]) / 4
    expected -= ends.log_softmax(-1)[0, 4] / 2  # the second end is behind the text
    torch.testing.assert_close(span_loss(starts, ends, torch.tensor([3, 0]), torch.tensor([4, 5])), expected)
