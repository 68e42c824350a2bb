"""What a model cannot take is the package's own error, with shapes."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from bigbird_pegasus.errors import BigBirdPegasusError, ModelInputError

from tests.model.tiny import tiny_ids, tiny_model

IDS = tiny_ids(2, 9)
ONES = torch.ones(2, 9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m(input_ids=IDS[0]), r"input_ids are int64 \(9,\): integers \(batch, tokens\)"),
        (lambda m: m(input_ids=IDS.float()), r"input_ids are float32 \(2, 9\)"),
        (lambda m: m(input_ids=IDS + 1000), "input_ids hold 1[0-9]+: the vocabulary has 101 ids"),
        (lambda m: m(input_ids=IDS - 1000), "input_ids hold -[0-9]+: the vocabulary"),
        (
            lambda m: m(inputs_embeds=torch.zeros(2, 9, 7), decoder_input_ids=IDS),
            r"\(2, 9, 7\).*tokens, 32\)",
        ),
        (lambda m: m(), "exactly one of|decoder_input_ids"),
        (lambda m: m(input_ids=tiny_ids(1, 300)), "300 tokens are more than the model's 256 positions"),
        (lambda m: m(IDS, decoder_input_ids=IDS, labels=IDS[:, 1:]), r"labels are \(2, 8\): \(2, 9\)"),
        (lambda m: m(IDS, torch.ones(2, 8)), r"attention_mask is \(2, 8\): \(2, 9\) is needed"),
        (lambda m: m(IDS, torch.ones(1, 9)), r"attention_mask is \(1, 9\): \(2, 9\) is needed"),
        (lambda m: m(IDS, torch.ones(9)), r"attention_mask is \(9,\): \(2, 9\)"),
        (lambda m: m(IDS, torch.ones(2, 1, 9)), r"attention_mask is \(2, 1, 9\)"),
        (lambda m: m(IDS, decoder_attention_mask=torch.ones(2, 4)), r"decoder attention_mask is \(2, 4\)"),
        (
            lambda m: m(decoder_input_ids=IDS, encoder_outputs=(torch.zeros(2, 5, 32),), attention_mask=ONES),
            r"attention_mask is \(2, 9\): \(2, 5\)",
        ),
    ],
)
def test_wrong_tensors_are_refused_with_their_shapes(call: Callable[[Any], object], message: str) -> None:
    with pytest.raises(ModelInputError, match=message) as error:
        call(tiny_model())
    assert isinstance(error.value, BigBirdPegasusError)
    assert isinstance(error.value, ValueError)


def test_integers_of_32_bits_and_masks_of_any_type_are_taken() -> None:
    model = tiny_model()
    expected = model(input_ids=IDS, attention_mask=ONES).logits
    for mask in (ONES.bool(), ONES.long(), None):
        torch.testing.assert_close(model(input_ids=IDS.int(), attention_mask=mask).logits, expected)
