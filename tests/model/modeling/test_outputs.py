import copy
import pickle
from typing import Any

import pytest
import torch
from bigbird_pegasus.modeling.outputs import BaseModelOutput, Seq2SeqLMOutput
from torch.utils import _pytree as pytree

from tests.model.tiny import tiny_ids, tiny_model
from tests.model.tiny_inputs import (
    ANSWERER,
    KINDS,
    tiny_inputs,
    tiny_of_kind,
)


def test_outputs_are_reached_by_name_and_position_and_as_a_tuple() -> None:
    model = tiny_model()
    inputs = {"input_ids": tiny_ids(1, 9), "decoder_input_ids": tiny_ids(1, 3), "use_cache": False}
    output = model(**inputs)
    assert output[0] is output.logits  # loss is not set, so it does not count
    assert output["logits"] is output.logits
    as_tuple = model(
        input_ids=tiny_ids(1, 9), decoder_input_ids=tiny_ids(1, 3), use_cache=False, return_dict=False
    )
    assert isinstance(as_tuple, tuple)
    assert len(as_tuple) == len(output.to_tuple()) == 2


def test_positions_and_slices_of_outputs_count_only_fields_that_are_set() -> None:
    output = tiny_of_kind(ANSWERER)(**tiny_inputs(ANSWERER, 9, labels=True))
    loss, start_logits, end_logits = output[:3]
    assert output[0] is output["loss"] is loss
    assert (start_logits is output.start_logits, end_logits is output.end_logits) == (True, True)


def test_outputs_are_ordered_mappings_of_what_is_set() -> None:
    logits, loss = torch.ones(2), torch.zeros(())
    output = Seq2SeqLMOutput(None, logits)
    assert list(output.keys()) == ["logits"]
    assert ("loss" in output, output.loss, output.get("loss")) == (False, None, None)
    assert isinstance(output, dict)
    assert dict(**output) == {"logits": logits}
    output.loss = loss
    assert (output["loss"], output.loss) == (loss, loss)
    output.loss = None
    assert "loss" not in output
    output["logits"] = loss
    assert output.logits is loss


def test_outputs_are_made_of_fields_of_a_mapping_or_of_pairs_and_survive_copies() -> None:
    states = torch.ones(1, 2, 3)
    made_of: Any = BaseModelOutput
    for made in (
        BaseModelOutput(states),
        BaseModelOutput(last_hidden_state=states),
        made_of({"last_hidden_state": states}),
        made_of(pair for pair in [("last_hidden_state", states)]),
        copy.copy(BaseModelOutput(states)),
    ):
        assert made.to_tuple() == (states,)
    for copied in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert type(copied) is BaseModelOutput
        torch.testing.assert_close(copied.last_hidden_state, states)
    assert repr(made_of(3)) == "BaseModelOutput(last_hidden_state=3)"


def test_fields_that_there_are_not_are_refused() -> None:
    with pytest.raises(TypeError, match="has no field 'logit'"):
        Seq2SeqLMOutput(None, torch.ones(1), logit=3)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="has 3 fields, not 4"):
        BaseModelOutput(1, 2, 3, 4)  # type: ignore[call-arg,arg-type]
    output = BaseModelOutput(torch.ones(1))
    with pytest.raises(TypeError, match="has no field 'other'"):
        output["other"] = 1
    with pytest.raises(AttributeError, match="has no field 'other'"):
        _ = output.other
    with pytest.raises(TypeError, match="cannot be deleted"):
        del output["last_hidden_state"]


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_are_known_to_pytree(kind: str) -> None:
    output = tiny_of_kind(kind)(**tiny_inputs(kind, 9))
    leaves, structure = pytree.tree_flatten(output)
    fields = pytree.tree_leaves(output.to_tuple())  # a cache has leaves of its own
    assert all(a is b for a, b in zip(leaves, fields, strict=True))
    again = pytree.tree_unflatten(leaves, structure)
    assert (type(again), list(again)) == (type(output), list(output))


@pytest.mark.parametrize("kind", KINDS)
def test_plain_tuples_are_returned_where_the_configuration_or_the_call_says_so(kind: str) -> None:
    model, inputs = tiny_of_kind(kind), tiny_inputs(kind, 9)
    expected = model(**inputs)
    assert [t.shape for t in model(**inputs, return_dict=False)[:1]] == [expected[0].shape]
    model.config.return_dict = False
    assert isinstance(model(**inputs), tuple)
    assert model(**inputs, return_dict=True).keys() == expected.keys()
    assert isinstance(model.get_decoder()(inputs["input_ids"]), tuple)
    if kind != "BigBirdPegasusForCausalLM":
        assert isinstance(model.get_encoder()(inputs["input_ids"]), tuple)
    if model.can_generate():
        assert model.generate(inputs["input_ids"], max_new_tokens=3).ndim == 2
