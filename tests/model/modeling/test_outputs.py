from tests.model.tiny import tiny_ids, tiny_model
from tests.model.tiny_inputs import (
    ANSWERER,
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
