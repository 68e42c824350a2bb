import pytest
import torch
from bigbird_pegasus.generation.logits_processors import (
    BANNED,
    Surroundings,
    ban_before_length,
    ban_repeated_ngrams,
    force_at_length,
    penalize_repetition,
    process,
    processors_for,
)
from bigbird_pegasus.generation.sampling_filters import apply_temperature, keep_top_k, keep_top_p

from tests.model.generation.oracles import options


def test_repetition_penalty_acts_once_for_each_token_and_by_its_sign() -> None:
    scores = penalize_repetition(torch.tensor([[1, 1, 2]]), torch.tensor([[4.0, 4.0, -4.0]]), penalty=2.0)
    assert scores.tolist() == [[4.0, 2.0, -8.0]]


@pytest.mark.parametrize(("size", "banned"), [(1, {3, 4, 5}), (2, {4, 5}), (3, {5}), (4, set()), (9, set())])
def test_a_token_that_would_repeat_an_ngram_is_banned(size: int, banned: set[int]) -> None:
    scores = ban_repeated_ngrams(torch.tensor([[3, 4, 3, 5, 4, 3]] * 2), torch.zeros(2, 7), size)
    assert {i for i, score in enumerate(scores[1].tolist()) if score == BANNED} == banned


def test_bans_and_forced_tokens_act_at_their_length_only() -> None:
    tokens = torch.zeros(1, 3, dtype=torch.long)
    assert ban_before_length(tokens, torch.ones(1, 3), [1], 4).tolist() == [[1.0, BANNED, 1.0]]
    assert ban_before_length(tokens, torch.ones(1, 3), [1], 3).tolist() == [[1.0, 1.0, 1.0]]
    assert force_at_length(tokens, torch.ones(1, 3), [0, 2], 3).tolist() == [[0.0, BANNED, 0.0]]
    assert force_at_length(tokens, torch.ones(1, 3), [0, 2], 4).tolist() == [[1.0, 1.0, 1.0]]


def test_top_k_and_top_p_keep_the_tokens_they_promise() -> None:
    tokens = torch.zeros(1, 1, dtype=torch.long)
    scores = torch.tensor([[0.1, 0.5, 0.15, 0.25]]).log()
    assert apply_temperature(tokens, scores.clone(), 0.5).equal(scores / 0.5)
    assert keep_top_k(tokens, scores.clone(), 2).isfinite().tolist() == [[False, True, False, True]]
    assert keep_top_k(tokens, scores.clone(), 99).isfinite().all()
    assert keep_top_p(tokens, scores.clone(), 0.6, keep=1).isfinite().tolist() == [[False, True, False, True]]
    assert keep_top_p(tokens, scores.clone(), 0.01, keep=3).isfinite().tolist() == [[False, True, True, True]]


def test_options_select_the_logits_processors() -> None:
    assert processors_for(options(), Surroundings(0, 20)) == []
    assert (
        processors_for(options(temperature=0.5, top_k=3, top_p=0.5), Surroundings(0, 20)) == []
    )  # of sampling only
    assert (
        len(processors_for(options(do_sample=True), Surroundings(0, 20))) == 1
    )  # the published default is top_k = 50
    assert processors_for(options(eos_token_id=[]), Surroundings(5, 20)) == []


def test_sampled_beams_keep_a_token_beside_every_end_token() -> None:
    settings = options(do_sample=True, num_beams=2, top_k=1, top_p=0.1, eos_token_id=[1, 3])
    scores = process(
        processors_for(settings, Surroundings(0, 20)), torch.zeros(1, 1), torch.arange(6.0)[None] * 9
    )
    assert scores.isfinite().sum() == 3
