"""What looks on or interferes while a text is written: streamers, criteria, processors, proposals."""

import time
from collections.abc import Callable
from queue import Empty
from threading import Thread
from typing import Any

import pytest
import torch
from bigbird_pegasus import (
    LogitsProcessor,
    LogitsProcessorList,
    StoppingCriteria,
    StoppingCriteriaList,
    TextIteratorStreamer,
    TextStreamer,
)
from bigbird_pegasus.errors import ConfigError
from bigbird_pegasus.modeling.heads import BigBirdPegasusForConditionalGeneration
from torch import Tensor

from tests.model.tiny import tiny_ids, tiny_model

WRITTEN = 24
GREEDY: dict[str, Any] = {"max_new_tokens": WRITTEN, "num_beams": 1, "do_sample": False, "eos_token_id": []}


class Words:
    """A tokenizer of which each id is a word of its own."""

    def decode(self, ids: Any, skip_special_tokens: bool = False) -> str:
        """Return `w5 w6 ` for 5 and 6; ids below 3 are special."""
        return "".join(f"w{int(i)} " for i in ids if not (skip_special_tokens and int(i) < 3))


@pytest.fixture(scope="module")
def model() -> BigBirdPegasusForConditionalGeneration:
    return tiny_model()


@pytest.fixture(scope="module")
def text(model: BigBirdPegasusForConditionalGeneration) -> list[int]:
    """What greedy search writes, the start token first."""
    return written(model)


def written(model: BigBirdPegasusForConditionalGeneration, **options: Any) -> list[int]:
    ids = model.generate(tiny_ids(1, 40), **{**GREEDY, **options})
    assert isinstance(ids, Tensor)
    return ids[0].tolist()


# Proposals


@pytest.mark.parametrize("count", [1, 3, 10])
def test_looked_up_proposals_change_nothing(
    count: int, model: BigBirdPegasusForConditionalGeneration, text: list[int]
) -> None:
    for options in ({}, {"repetition_penalty": 1.4}, {"no_repeat_ngram_size": 2}, {"eos_token_id": text[9]}):
        plain = written(model, **options)
        for size in (1, 2):
            found = written(model, prompt_lookup_num_tokens=count, max_matching_ngram_size=size, **options)
            assert found == plain


@pytest.mark.parametrize("count", [1, 5])
def test_an_assistant_changes_nothing(
    count: int, model: BigBirdPegasusForConditionalGeneration, text: list[int]
) -> None:
    stranger = tiny_model(seed=1, decoder_layers=1)
    for assistant in (stranger, model):
        assert written(model, assistant_model=assistant, num_assistant_tokens=count) == text


def forwards(model: BigBirdPegasusForConditionalGeneration, **options: Any) -> int:
    """How often the decoder runs for a text."""
    count = 0

    def counted(*_: Any) -> None:
        nonlocal count
        count += 1

    handle = model.get_decoder().register_forward_pre_hook(counted)
    written(model, **options)
    handle.remove()
    return count


def test_proposals_save_forwards(model: BigBirdPegasusForConditionalGeneration) -> None:
    assert forwards(model) == WRITTEN
    assert forwards(model, assistant_model=tiny_model(), num_assistant_tokens=5) == WRITTEN // 6
    copied = written(model)
    document = torch.tensor([copied[1:]])  # what greedy search is going to write, as a document

    def from_text(_: int, tokens: Tensor) -> list[int]:
        return [copied[len(tokens)]]

    options = {**GREEDY, "prefix_allowed_tokens_fn": from_text}
    plain = model.generate(document, **options)
    count = 0

    def counted(*_: Any) -> None:
        nonlocal count
        count += 1

    handle = model.get_decoder().register_forward_pre_hook(counted)
    found = model.generate(document, prompt_lookup_num_tokens=5, **options)
    handle.remove()
    assert torch.equal(torch.as_tensor(found), torch.as_tensor(plain))
    assert count <= WRITTEN // 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_beams": 2}, "are for greedy search in one document"),
        ({"do_sample": True}, "are for greedy search in one document"),
        ({"return_dict_in_generate": True, "output_scores": True}, "output_scores is not offered with"),
    ],
)
def test_proposals_are_for_greedy_search(
    options: dict[str, Any], message: str, model: BigBirdPegasusForConditionalGeneration
) -> None:
    with pytest.raises(ConfigError, match=message):
        written(model, prompt_lookup_num_tokens=3, **options)


def test_an_assistant_has_the_same_vocabulary(model: BigBirdPegasusForConditionalGeneration) -> None:
    with pytest.raises(ConfigError, match="the assistant_model has 90 tokens and the model 101"):
        written(model, assistant_model=tiny_model(vocab_size=90))
    hidden = model.encode(tiny_ids(1, 9), None)
    with pytest.raises(ConfigError, match="an assistant_model reads the document too"):
        model.generate(encoder_outputs=hidden, assistant_model=model, **GREEDY)


# Streamers


def test_a_text_is_printed_while_it_is_written(
    model: BigBirdPegasusForConditionalGeneration, text: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    for skip_prompt in (False, True):
        written(model, streamer=TextStreamer(Words(), skip_prompt=skip_prompt))
        assert capsys.readouterr().out == Words().decode(text[skip_prompt:]) + "\n"
    written(model, streamer=TextStreamer(Words(), skip_special_tokens=True))
    assert capsys.readouterr().out == Words().decode(text, skip_special_tokens=True) + "\n"
    written(model, streamer=TextStreamer(Words()), prompt_lookup_num_tokens=4)
    assert capsys.readouterr().out == Words().decode(text) + "\n"


def test_another_thread_may_wait_for_the_pieces(
    model: BigBirdPegasusForConditionalGeneration, text: list[int]
) -> None:
    streamer = TextIteratorStreamer(Words(), skip_prompt=True, timeout=60)
    writer = Thread(target=written, args=(model,), kwargs={"streamer": streamer})
    writer.start()
    pieces = list(streamer)
    writer.join()
    assert "".join(pieces) == Words().decode(text[1:])
    assert len(pieces) > WRITTEN // 2
    with pytest.raises(Empty):
        next(TextIteratorStreamer(Words(), timeout=0.01))


def test_words_are_handed_on_whole_and_chinese_by_the_character() -> None:
    class Letters:
        def decode(self, ids: list[int]) -> str:
            return "".join(map(chr, ids))

    streamer = TextIteratorStreamer(Letters())
    for letter in "an ice 中文\nb":
        streamer.put(torch.tensor([ord(letter)]))
    streamer.end()
    assert [piece for piece in streamer if piece] == ["an ", "ice ", "中", "文", "\n", "b"]


def test_a_streamer_follows_one_text(model: BigBirdPegasusForConditionalGeneration) -> None:
    with pytest.raises(ConfigError, match="a streamer follows one text"):
        written(model, streamer=TextStreamer(Words()), num_beams=2)
    with pytest.raises(ConfigError, match="a streamer takes one text at a time"):
        TextStreamer(Words()).put(torch.zeros(2, 3, dtype=torch.long))


# Criteria


def test_a_criterion_ends_a_text(model: BigBirdPegasusForConditionalGeneration, text: list[int]) -> None:
    class AtLength(StoppingCriteria):
        def __call__(self, input_ids: Tensor, scores: Any, **kwargs: Any) -> Tensor:
            return torch.tensor([input_ids.shape[1] >= 7] * len(input_ids))

    def at_token(input_ids: Tensor, scores: Any, **kwargs: Any) -> bool:
        return bool(input_ids[0, -1] == text[4])

    assert written(model, stopping_criteria=[AtLength()]) == text[:7]
    both = StoppingCriteriaList([AtLength(), at_token])
    assert written(model, stopping_criteria=both) == text[: text.index(text[4], 1) + 1]
    assert written(model, stopping_criteria=both, prompt_lookup_num_tokens=3) == written(
        model, stopping_criteria=both
    )


def test_time_ends_a_text(model: BigBirdPegasusForConditionalGeneration, text: list[int]) -> None:
    assert written(model, max_time=1e-9) == text[:2]
    assert written(model, max_time=600.0) == text

    def slowly(*_: Any) -> list[int]:
        time.sleep(0.05)
        return list(range(101))

    assert 2 <= len(written(model, max_time=0.2, prefix_allowed_tokens_fn=slowly)) < 12


def test_strings_end_a_text(model: BigBirdPegasusForConditionalGeneration, text: list[int]) -> None:
    ends = text.index(text[6], 1)
    stop = f"w{text[6]} "
    assert written(model, stop_strings=stop, tokenizer=Words()) == text[: ends + 1]
    across = Words().decode(text[5:7])[1:]
    found = written(model, stop_strings=["nowhere", across], tokenizer=Words())
    assert across in Words().decode(found)
    assert across not in Words().decode(found[:-1])
    with pytest.raises(ConfigError, match="give generate the tokenizer"):
        written(model, stop_strings=stop)
    with pytest.raises(ConfigError, match="none of them empty"):
        written(model, stop_strings=[""], tokenizer=Words())


# Processors


def test_a_processor_changes_the_scores(model: BigBirdPegasusForConditionalGeneration) -> None:
    class Only(LogitsProcessor):
        def __init__(self, token: int) -> None:
            self.token = token

        def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
            return torch.full_like(scores, -1.0).index_fill_(1, torch.tensor([self.token]), 1.0)

    processors: Callable[..., Any] = LogitsProcessorList([Only(5), Only(7)])
    assert written(model, logits_processor=processors, max_new_tokens=3)[1:] == [7, 7, 7]
    assert written(model, logits_processor=[Only(7), Only(5)], max_new_tokens=3)[1:] == [5, 5, 5]
    beams = model.generate(
        tiny_ids(2, 9), logits_processor=[Only(7)], num_beams=2, max_new_tokens=3, eos_token_id=[]
    )
    assert torch.as_tensor(beams)[:, 1:].tolist() == [[7, 7, 7]] * 2
