"""Documents computed together: each has the result that it has alone."""

import random
from itertools import pairwise
from typing import Any

import pytest
import torch
from bigbird_pegasus import BigBirdPegasusForQuestionAnswering, BigBirdPegasusForSequenceClassification
from bigbird_pegasus.generation.config import GenerationConfig
from bigbird_pegasus.generation.protocols import GenerationStep
from bigbird_pegasus.inference.prepack import prepack
from bigbird_pegasus.inference.ragged_batch import (
    MIN_TOKENS_TOGETHER,
    RaggedCrossKV,
    encode_each,
    forward_each,
    generate_each,
)
from bigbird_pegasus.modeling.cross_attention import DenseCrossKV
from bigbird_pegasus.quantization.quantize import quantize_linears
from torch import Tensor

from tests.model.tiny import bfloat16_kernels, tiny_config, tiny_ids, tiny_model

LIMIT = tiny_config().full_attention_limit


def documents_of(lengths: list[int], seed: int = 0) -> list[Tensor]:
    return [tiny_ids(1, length, seed=seed + number)[0] for number, length in enumerate(lengths)]


def random_lengths(draw: random.Random) -> list[int]:
    """Some of a few tokens, some attended to fully, some sparsely, and some just at the border."""
    kinds = [(2, MIN_TOKENS_TOGETHER), (MIN_TOKENS_TOGETHER, LIMIT), (LIMIT, LIMIT + 2), (LIMIT, 200)]
    return [draw.randint(*draw.choice(kinds)) for _ in range(draw.randint(2, 6))]


def without_filler(row: Tensor) -> list[int]:
    """The ids up to the end token."""
    ids: list[int] = row.tolist()
    return ids[: ids.index(1, 1) + 1] if 1 in ids[1:] else ids


@pytest.mark.parametrize("seed", range(20))
@torch.no_grad()
def test_encoder_states_do_not_depend_on_the_other_documents_of_a_ragged_batch(seed: int) -> None:
    draw = random.Random(seed)
    encoder = tiny_model(seed, num_random_blocks=draw.choice([0, 1, 2])).model.encoder
    documents = documents_of(random_lengths(draw), seed)
    for document, states in zip(documents, encode_each(encoder, documents), strict=True):
        alone = encoder(document[None]).last_hidden_state
        torch.testing.assert_close(states, alone, rtol=1e-6, atol=1e-6)


@bfloat16_kernels
@pytest.mark.parametrize("seed", range(5))
@torch.no_grad()
def test_bfloat16_encoder_states_are_bit_identical_alone_and_in_a_ragged_batch(seed: int) -> None:
    model = tiny_model(seed).bfloat16()
    prepack(model)
    documents = documents_of(random_lengths(random.Random(seed)), seed)
    for document, states in zip(documents, encode_each(model.model.encoder, documents), strict=True):
        assert torch.equal(states, model.model.encoder(document[None]).last_hidden_state)


WAYS: list[dict[str, Any]] = [
    {"num_beams": 1},
    {"num_beams": 4},
    {"num_beams": 5, "length_penalty": 0.8, "no_repeat_ngram_size": 3},
    {"num_beams": 2, "early_stopping": True},
    {"num_beams": 1, "do_sample": True, "seed": 7},
    {"num_beams": 3, "do_sample": True, "seed": 7, "top_k": 20},
]


@pytest.mark.parametrize("options", WAYS, ids=str)
@pytest.mark.parametrize("seed", range(5))
def test_texts_of_a_ragged_batch_are_those_of_each_document_alone(options: dict[str, Any], seed: int) -> None:
    model = tiny_model(seed)
    draw = random.Random(seed)
    model.final_logits_bias[:, 1] += draw.uniform(4, 7)  # so that texts end at different lengths
    documents = documents_of(random_lengths(draw), seed)
    together = generate_each(model, documents, max_new_tokens=12, **options)
    assert isinstance(together, Tensor)
    for document, row in zip(documents, together, strict=True):
        alone = model.generate(document[None], max_new_tokens=12, **options)
        assert isinstance(alone, Tensor)
        assert without_filler(row) == without_filler(alone[0])


@bfloat16_kernels
@pytest.mark.parametrize("scheme", [None, "int8", "int4", "nf4"])
@pytest.mark.parametrize("seed", range(3))
def test_packed_and_quantized_models_write_the_same_texts_in_a_ragged_batch(scheme: Any, seed: int) -> None:
    model = tiny_model(seed, d_model=64, encoder_ffn_dim=64, decoder_ffn_dim=64, init_std=0.1).bfloat16()
    if scheme is None:
        prepack(model)
    else:
        quantize_linears(model, scheme)
    documents = documents_of(random_lengths(random.Random(seed)), seed)
    together = generate_each(model, documents, max_new_tokens=8, num_beams=3)
    assert isinstance(together, Tensor)
    for document, row in zip(documents, together, strict=True):
        alone = model.generate(document[None], max_new_tokens=8, num_beams=3)
        assert isinstance(alone, Tensor)
        assert without_filler(row) == without_filler(alone[0])


def test_a_finished_document_leaves_the_search() -> None:
    model = tiny_model()
    model.final_logits_bias[:, 1] += 5.0
    steps: list[GenerationStep] = []
    generate_each(
        model, documents_of([40, 20, 50, 33]), on_step=steps.append, max_new_tokens=30, do_sample=True, seed=0
    )
    running = [set(step.documents) for step in steps]
    assert all(later <= earlier for earlier, later in pairwise(running))
    assert len({len(documents) for documents in running}) > 1


def test_generate_each_takes_the_options_of_the_model_by_default() -> None:
    model = tiny_model()
    model.generation_config = GenerationConfig(max_length=5, eos_token_id=None)
    assert generate_each(model, documents_of([40, 20])).shape == (2, 5)


@pytest.mark.parametrize("decoder", [True, False])
def test_forward_each_gives_each_document_its_own_output(decoder: bool) -> None:
    torch.manual_seed(0)
    config = tiny_config(is_encoder_decoder=decoder)
    documents = [[*ids.tolist(), 1] for ids in documents_of([40, 20, 5, 27, 28, 90])]
    for kind in (BigBirdPegasusForSequenceClassification, BigBirdPegasusForQuestionAnswering):
        model = kind(config).eval()
        found = list(forward_each(model, documents))
        assert len(found) == len(documents)
        for ids, output in zip(documents, found, strict=True):
            alone = model(input_ids=torch.tensor([ids]), use_cache=False)
            names = ["logits"] if hasattr(alone, "logits") else ["start_logits", "end_logits"]
            for name in names:
                torch.testing.assert_close(getattr(output, name), getattr(alone, name), rtol=1e-5, atol=1e-5)


def test_cross_attention_weights_of_a_ragged_batch_are_refused() -> None:
    parts = tuple(DenseCrossKV(torch.zeros(1, 2, n, 4), torch.zeros(1, 2, n, 4)) for n in (3, 5))
    with pytest.raises(ValueError, match="no common matrix"):
        RaggedCrossKV(parts).probabilities(torch.zeros(2, 2, 1, 4), None)


def test_an_empty_ragged_batch_has_no_states() -> None:
    assert encode_each(tiny_model().model.encoder, []) == []
