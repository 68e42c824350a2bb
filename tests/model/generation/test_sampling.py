"""Sampling: seeds, distributions, and the processors' rules on rows that can be read by eye."""

from typing import Any

import pytest
import torch
from bigbird_pegasus.generation.beam_search import choose
from bigbird_pegasus.generation.generate import generate
from bigbird_pegasus.generation.logits_processors import (
    BANNED,
)
from bigbird_pegasus.generation.sampling import draw, random_streams
from torch import Tensor

from tests.model.generation.oracles import documents, tiny_model


def sampled(**wanted: Any) -> list[list[int]]:
    """Two documents, sampled from a tiny model that never ends a text early."""
    model = tiny_model(end_bias=-99.0)
    ids, mask = documents([30, 12])
    found = generate(model, ids, mask, **({"do_sample": True, "max_new_tokens": 12} | wanted))
    assert isinstance(found, Tensor)
    return found.tolist()


@pytest.mark.parametrize("num_beams", [1, 3])
def test_equal_seeds_give_equal_texts_and_others_give_others(num_beams: int) -> None:
    first = sampled(seed=11, num_beams=num_beams, temperature=3.0)
    assert sampled(seed=11, num_beams=num_beams, temperature=3.0) == first
    assert sampled(seed=12, num_beams=num_beams, temperature=3.0) != first


@pytest.mark.parametrize("num_beams", [1, 3])
def test_no_seed_gives_another_text_every_time(num_beams: int) -> None:
    texts = [sampled(num_beams=num_beams, temperature=9.0) for _ in range(2)]
    assert texts[0] != texts[1]


@pytest.mark.parametrize("seed", [None, 4])
@pytest.mark.parametrize("num_beams", [1, 3])
def test_the_global_random_state_is_neither_read_nor_changed(num_beams: int, seed: int | None) -> None:
    before = torch.random.get_rng_state()
    first = sampled(seed=seed, num_beams=num_beams)
    assert torch.equal(torch.random.get_rng_state(), before)
    if seed is not None:
        with torch.random.fork_rng():
            torch.manual_seed(99)
            assert sampled(seed=seed, num_beams=num_beams) == first


def test_sampled_texts_of_a_document_differ_and_begin_with_that_of_a_single_one() -> None:
    texts = sampled(seed=3, num_return_sequences=3, temperature=3.0)
    assert len(texts) == 6
    assert len({tuple(text) for text in texts}) == 6
    assert [texts[0], texts[3]] == sampled(seed=3, temperature=3.0)


@pytest.mark.parametrize("narrow", [{"top_k": 1}, {"temperature": 1e-4}, {"top_p": 1e-6}], ids=str)
def test_the_narrowest_sampling_is_greedy(narrow: dict[str, Any]) -> None:
    assert sampled(**narrow) == sampled(do_sample=False)


def test_draws_follow_the_probabilities() -> None:
    probabilities = torch.tensor([0.5, 0.3, 0.15, 0.05, 0.0])
    drawn = draw(probabilities.log().expand(4000, -1), random_streams(7, documents=1, copies=4000))
    counts = torch.bincount(drawn, minlength=5) / 4000
    assert counts[4] == 0
    torch.testing.assert_close(counts, probabilities, rtol=0, atol=0.03)


def test_one_seeded_stream_follows_the_probabilities_over_its_steps() -> None:
    probabilities = torch.tensor([[0.1, 0.0, 0.6, 0.3]])
    streams = random_streams(7, documents=1)
    drawn = torch.cat([draw(probabilities.log(), streams) for _ in range(4000)])
    counts = torch.bincount(drawn, minlength=4) / 4000
    assert counts[1] == 0
    torch.testing.assert_close(counts, probabilities[0], rtol=0, atol=0.03)


def test_a_row_without_allowed_token_still_draws_an_id() -> None:
    drawn = draw(torch.full((1, 5), BANNED), random_streams(0, 1))
    assert 0 <= int(drawn) < 5


def test_beam_candidates_are_drawn_without_replacement_by_their_probabilities() -> None:
    probabilities = torch.tensor([[[0.4, 0.2], [0.1, 0.3]]])  # (1 document, 2 beams, 2 tokens)
    stream = random_streams(3, 1)
    first = torch.zeros(4)
    for _ in range(3000):
        scores, beam, token = choose(probabilities.log(), 3, stream)
        flat = (beam * 2 + token)[0]
        assert len(set(flat.tolist())) == 3
        torch.testing.assert_close(scores[0], probabilities.log().flatten()[flat])
        first[flat[0]] += 1
    torch.testing.assert_close(first / 3000, probabilities.flatten(), rtol=0, atol=0.04)
