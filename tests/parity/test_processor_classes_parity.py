"""The published classes of processors and criteria against those of transformers, on random scores."""

import inspect
from collections.abc import Callable
from typing import Any

import bigbird_pegasus
import pytest
import torch
import transformers
from bigbird_pegasus.errors import ConfigError
from torch import Tensor
from transformers.generation import logits_process, stopping_criteria

VOCABULARY, ROWS = 12, 4
DOCUMENTS = torch.randint(VOCABULARY, (ROWS, 9), generator=torch.Generator().manual_seed(5))


def few(_: int, tokens: Tensor) -> list[int]:
    return [3, 4, int(tokens[-1])]


CASES: list[tuple[str, dict[str, Any]]] = [
    ("MinLengthLogitsProcessor", {"min_length": 5, "eos_token_id": 1}),
    ("MinLengthLogitsProcessor", {"min_length": 5, "eos_token_id": [1, 7], "device": "cpu"}),
    (
        "MinNewTokensLengthLogitsProcessor",
        {"prompt_length_to_skip": 2, "min_new_tokens": 3, "eos_token_id": 1},
    ),
    ("TemperatureLogitsWarper", {"temperature": 0.5}),
    ("RepetitionPenaltyLogitsProcessor", {"penalty": 2.0}),
    ("RepetitionPenaltyLogitsProcessor", {"penalty": 2.0, "prompt_ignore_length": 2}),
    ("EncoderRepetitionPenaltyLogitsProcessor", {"penalty": 2.0, "encoder_input_ids": DOCUMENTS}),
    ("TopPLogitsWarper", {"top_p": 0.7}),
    ("TopPLogitsWarper", {"top_p": 0.1, "min_tokens_to_keep": 3}),
    ("TopKLogitsWarper", {"top_k": 3}),
    ("TopKLogitsWarper", {"top_k": 2, "min_tokens_to_keep": 4}),
    ("MinPLogitsWarper", {"min_p": 0.2, "min_tokens_to_keep": 2}),
    ("TopHLogitsWarper", {"top_h": 0.4}),
    ("TypicalLogitsWarper", {"mass": 0.6, "min_tokens_to_keep": 2}),
    ("EpsilonLogitsWarper", {"epsilon": 0.1, "min_tokens_to_keep": 2}),
    ("EtaLogitsWarper", {"epsilon": 0.2}),
    ("TopPLogitsWarper", {"top_p": 0.7, "filter_value": -1e4}),
    ("TopKLogitsWarper", {"top_k": 3, "filter_value": -1e4}),
    ("MinPLogitsWarper", {"min_p": 0.2, "filter_value": -1e4}),
    ("TopHLogitsWarper", {"top_h": 0.4, "filter_value": -1e4}),
    ("TypicalLogitsWarper", {"mass": 0.6, "filter_value": -1e4}),
    ("EpsilonLogitsWarper", {"epsilon": 0.1, "filter_value": -1e4}),
    ("EtaLogitsWarper", {"epsilon": 0.2, "filter_value": 0}),
    ("NoRepeatNGramLogitsProcessor", {"ngram_size": 2}),
    ("EncoderNoRepeatNGramLogitsProcessor", {"encoder_ngram_size": 2, "encoder_input_ids": DOCUMENTS}),
    ("EncoderNoRepeatNGramLogitsProcessor", {"encoder_ngram_size": 3, "encoder_input_ids": DOCUMENTS[0]}),
    ("SequenceBiasLogitsProcessor", {"sequence_bias": [[[3], 2.0], [[1, 4], -3.0]]}),
    ("NoBadWordsLogitsProcessor", {"bad_words_ids": [[3], [1], [2, 5]], "eos_token_id": 1}),
    ("NoBadWordsLogitsProcessor", {"bad_words_ids": [[3]]}),
    ("PrefixConstrainedLogitsProcessor", {"prefix_allowed_tokens_fn": few, "num_beams": 2}),
    ("ForcedBOSTokenLogitsProcessor", {"bos_token_id": 5}),
    ("ForcedEOSTokenLogitsProcessor", {"max_length": 7, "eos_token_id": [1, 2]}),
    ("InfNanRemoveLogitsProcessor", {}),
    (
        "ExponentialDecayLengthPenalty",
        {"exponential_decay_length_penalty": (2, 1.5), "eos_token_id": 1, "input_ids_seq_length": 1},
    ),
    ("LogitNormalization", {}),
    ("SuppressTokensLogitsProcessor", {"suppress_tokens": [2, 3]}),
    ("SuppressTokensAtBeginLogitsProcessor", {"begin_suppress_tokens": [2, 3], "begin_index": 4}),
]


def drawn(tokens: int) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(tokens)
    ids = torch.randint(VOCABULARY, (ROWS, tokens), generator=draw)
    return ids, torch.randn(ROWS, VOCABULARY, generator=draw) * 2


@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_a_processor_does_what_the_published_one_does(name: str, arguments: dict[str, Any]) -> None:
    ours, theirs = getattr(bigbird_pegasus, name)(**arguments), getattr(logits_process, name)(**arguments)
    for tokens in range(1, 10):
        ids, scores = drawn(tokens)
        if name.startswith("Inf"):
            scores[0, 0], scores[1, 1] = float("nan"), float("inf")
        given = scores.clone()
        torch.testing.assert_close(ours(ids, scores), theirs(ids, given.clone()), equal_nan=True)
        torch.testing.assert_close(scores, given, equal_nan=True)


def test_every_published_processor_for_text_is_here() -> None:
    """But those of other models, of watermarks and of guidance, which the options refuse too."""
    absent = ("Watermark", "Guidance", "Bark", "Dia", "Whisper", "SynthID", "Mixed", "AlternatingCodebooks")
    found = [
        name
        for name, one in inspect.getmembers(logits_process, inspect.isclass)
        if issubclass(one, logits_process.LogitsProcessor) and not any(word in name for word in absent)
    ]
    assert set(found) <= set(dir(bigbird_pegasus))


CRITERIA: list[tuple[str, dict[str, Any]]] = [
    ("MaxLengthCriteria", {"max_length": 5}),
    ("MaxTimeCriteria", {"max_time": 0.0, "initial_timestamp": 0.0}),
    ("MaxTimeCriteria", {"max_time": 1e12}),
    ("EosTokenCriteria", {"eos_token_id": 3}),
    ("EosTokenCriteria", {"eos_token_id": [3, 4, 5]}),
]


@pytest.mark.parametrize(("name", "arguments"), CRITERIA)
def test_a_criterion_does_what_the_published_one_does(name: str, arguments: dict[str, Any]) -> None:
    ours, theirs = getattr(bigbird_pegasus, name)(**arguments), getattr(stopping_criteria, name)(**arguments)
    for tokens in range(1, 10):
        ids, scores = drawn(tokens)
        assert ours(ids, scores).tolist() == theirs(ids, scores).tolist()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: bigbird_pegasus.TemperatureLogitsWarper(0.0), "temperature is 0.0"),
        (lambda: bigbird_pegasus.TopPLogitsWarper(1.5), "top_p is 1.5"),
        (lambda: bigbird_pegasus.TopKLogitsWarper(5, filter_value=float("nan")), "filter_value is nan"),
        (lambda: bigbird_pegasus.MinPLogitsWarper(0.5, min_tokens_to_keep=0), "min_tokens_to_keep is 0"),
    ],
)
def test_impossible_arguments_are_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make()


def test_a_list_of_processors_is_taken_by_both() -> None:
    lists = []
    for package in (bigbird_pegasus, transformers):
        made = package.LogitsProcessorList()
        made.append(package.MinLengthLogitsProcessor(6, eos_token_id=1))
        made.append(package.TopKLogitsWarper(4))
        lists.append(made)
    ids, scores = drawn(4)
    torch.testing.assert_close(lists[0](ids, scores.clone()), lists[1](ids, scores.clone()))
