"""Every option of `generate` against transformers: equal ids on settings drawn at random over all of them.

What is drawn at random by sampling is chosen by rule here, in both packages alike: the least probable token
    that
is left. That shows what a filter leaves better than any draw. 30 settings are in the default run, 300 by
`pytest -m slow`.
"""

import random
from functools import cache
from typing import Any

import pytest
import torch
import transformers
from bigbird_pegasus.generation import beam_search, sampling
from torch import Tensor

from tests.parity.test_generation_parity import MODELS, Pair, draw_documents, draw_options, make_pair

CASES = 30
MORE_CASES = 300
WORDS = [[11], [12, 13], [14, 11, 15]]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Any:
    @cache
    def make(number: int) -> Pair:
        return make_pair(number, tmp_path_factory.mktemp("checkpoint"))

    return make


@pytest.fixture
def no_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draws take the least probable tokens that are left, in both packages."""

    def least(probabilities: Tensor, num_samples: int) -> Tensor:
        return rarest(probabilities.log(), num_samples)

    def draw(scores: Tensor, streams: Any) -> Tensor:
        return rarest(scores.log_softmax(dim=-1), 1).squeeze(1)

    def choose(totals: Tensor, count: int, streams: Any) -> tuple[Tensor, Tensor, Tensor]:
        if not streams:
            return plain_choose(totals, count, streams)
        flat = totals.flatten(1)
        found = rarest(flat.log_softmax(dim=-1), count)
        return flat.gather(1, found), found // totals.shape[2], found % totals.shape[2]

    plain_choose = beam_search.choose
    monkeypatch.setattr(torch, "multinomial", least)
    monkeypatch.setattr(sampling, "draw", draw)
    monkeypatch.setattr(beam_search, "choose", choose)


def rarest(logs: Tensor, count: int) -> Tensor:
    """The least probable of those above 1e-7, the most probable of the others after them."""
    likely = logs > -16
    return torch.where(likely, -logs, logs - 100).topk(count).indices


def draw_all_options(draw: random.Random, pair: Pair, documents: int) -> dict[str, Any]:
    options = draw_options(draw, documents)
    vocabulary = pair.ours.config.vocab_size

    def sometimes(name: str, *values: Any, share: float = 0.15) -> None:
        if draw.random() < share:
            options[name] = draw.choice(values)

    if draw.random() < 0.35 and "forced_bos_token_id" not in options:
        options["do_sample"] = True
        sometimes("temperature", 0.5, 1.5, share=0.4)
        sometimes("top_k", 0, 3, 20, share=0.6)
        sometimes("top_p", 0.5, 0.9, share=0.4)
        sometimes("top_h", 0.3, 0.8, share=0.2)
        sometimes("min_p", 0.05, 0.5, share=0.3)
        sometimes("typical_p", 0.3, 0.9, share=0.3)
        sometimes("epsilon_cutoff", 0.01, 0.1, share=0.3)
        sometimes("eta_cutoff", 0.01, 0.1, share=0.3)
    sometimes("encoder_no_repeat_ngram_size", 1, 2, 3)
    sometimes("encoder_repetition_penalty", 0.7, 1.5)
    sometimes("exponential_decay_length_penalty", (2, 1.3), (0, 1.05))
    sometimes("bad_words_ids", WORDS, [[5], [1]])
    sometimes(
        "sequence_bias", {(11,): 3.0, (12, 13): 9.0, (14, 15, 16): -4.0}, [[[17], -5.0], [[18, 19], 6.0]]
    )
    if "forced_bos_token_id" not in options:  # which transformers refuses to suppress
        sometimes("suppress_tokens", [11, 12], list(range(4, vocabulary, 2)))
    sometimes("begin_suppress_tokens", [1], list(range(5, vocabulary, 3)))
    sometimes("renormalize_logits", True)
    sometimes("remove_invalid_values", True, share=0.1)
    if draw.random() < 0.15 and "do_sample" not in options:  # nothing may be left to draw
        allowed = [draw.sample(range(1, vocabulary), vocabulary // 2) for _ in range(documents)]
        options["prefix_allowed_tokens_fn"] = lambda number, tokens: allowed[number]
    if draw.random() < 0.15:
        options["logits_processor"] = [
            lambda tokens, scores: scores + scores.roll(1, dims=1).clamp(-20, 20) / 9
        ]
    if draw.random() < 0.15:
        stop = draw.sample(range(4, vocabulary), vocabulary // 10)
        options["stopping_criteria"] = [
            lambda tokens, scores, **kwargs: torch.isin(tokens[:, -1], torch.tensor(stop))
        ]
    if "decoder_input_ids" in options and draw.random() < 0.5:
        options["decoder_attention_mask"] = torch.ones_like(options["decoder_input_ids"])
        if options["decoder_input_ids"].shape[1] > 3:
            options["decoder_attention_mask"][0, 1] = 0
    return options


def for_transformers(options: dict[str, Any]) -> dict[str, Any]:
    given = dict(options)
    if "logits_processor" in given:
        given["logits_processor"] = transformers.LogitsProcessorList(given["logits_processor"])
    if "stopping_criteria" in given:
        given["stopping_criteria"] = transformers.StoppingCriteriaList(given["stopping_criteria"])
    return given


def compare(case: int, pairs: Any) -> None:
    draw = random.Random(1000 + case)
    pair = pairs(case % len(MODELS))
    ids, mask = draw_documents(draw, pair)
    options = draw_all_options(draw, pair, len(ids))
    pair.reference.model.encoder.set_attention_type("block_sparse")
    source: dict[str, Any] = {"input_ids": ids}
    if draw.random() < 0.1 and not any(name.startswith("encoder_") for name in options):
        scale = pair.ours.config.d_model**0.5
        source = {"inputs_embeds": pair.ours.get_input_embeddings()(ids) * scale}
    asked: dict[str, Any] = {"return_dict_in_generate": True, "output_scores": True}
    if draw.random() < 0.4:
        asked |= {"output_logits": True, "output_attentions": True, "output_hidden_states": True}
    expected = pair.reference.generate(**source, attention_mask=mask, **for_transformers(options), **asked)
    alone = pair.ours.generate(**source, attention_mask=mask, **options)
    assert isinstance(alone, Tensor)
    # Where fewer texts were found than asked for, what stands in their place is no text.
    there = (expected.sequences_scores > -1e8).tolist() if "num_beams" in options else [True] * len(alone)
    assert rows(alone, there) == rows(expected.sequences, there), options
    found: Any = pair.ours.generate(**source, attention_mask=mask, **options, **asked)
    assert rows(found.sequences, there) == rows(expected.sequences, there), options
    if not all(there):
        return
    assert_equal_records(pair, found, expected, options)


def rows(sequences: Tensor, there: list[bool]) -> list[list[int]]:
    return [row for row, kept in zip(sequences.tolist(), there, strict=True) if kept]


def assert_equal_records(pair: Pair, found: Any, expected: Any, options: dict[str, Any]) -> None:
    # Looser than the default: a score is a sum of up to 30 log probabilities, see `test_generation_parity`.
    close: dict[str, Any] = {"rtol": 1e-4, "atol": 1e-4, "equal_nan": True}
    names = set(found) - {"past_key_values"} - ({"sequences_scores"} if "num_beams" not in options else set())
    assert names == set(expected) - {"past_key_values"}
    steps = len(expected.scores)
    for name in ("scores", "logits"):
        if name in expected:
            assert [t.shape for t in found[name]] == [t.shape for t in expected[name]]
            # Rows of beams that cannot be continued hold anything; what led to the texts is compared below.
            compared = steps if "num_beams" not in options else 1
            for mine, theirs in zip(found[name][:compared], expected[name], strict=False):
                torch.testing.assert_close(mine, theirs, **close)
    if "beam_indices" in expected:
        assert found.beam_indices.tolist() == expected.beam_indices.tolist()
        torch.testing.assert_close(found.sequences_scores, expected.sequences_scores, **close)
    for name in ("decoder_attentions", "cross_attentions", "decoder_hidden_states"):
        for mine, theirs in zip(found.get(name, ()), expected.get(name, ()), strict=True):
            for a, b in zip(mine, theirs, strict=True):
                assert a.shape == b.shape, name
    for normalize in (False, True):
        arguments = (expected.sequences, expected.scores, expected.get("beam_indices"), normalize)
        theirs = pair.reference.compute_transition_scores(*arguments)
        torch.testing.assert_close(pair.ours.compute_transition_scores(*arguments), theirs, **close)
        arguments = (found.sequences, found.scores, found.get("beam_indices"), normalize)
        torch.testing.assert_close(pair.ours.compute_transition_scores(*arguments), theirs, **close)


IGNORED = pytest.mark.filterwarnings("ignore::UserWarning:transformers")


@IGNORED
@pytest.mark.usefixtures("no_chance")
@pytest.mark.parametrize("case", range(CASES))
def test_ids_and_records_equal_those_of_transformers(case: int, pairs: Any) -> None:
    compare(case, pairs)


@IGNORED
@pytest.mark.slow
@pytest.mark.usefixtures("no_chance")
@pytest.mark.parametrize("case", range(CASES, MORE_CASES))
def test_ids_and_records_equal_those_of_transformers_in_many_more_settings(case: int, pairs: Any) -> None:
    compare(case, pairs)


def test_the_settings_are_drawn_over_all_options(pairs: Any) -> None:
    seen: dict[str, int] = {}
    for case in range(MORE_CASES):
        draw = random.Random(1000 + case)
        pair = pairs(case % len(MODELS))
        documents = len(draw_documents(draw, pair)[0])
        for name in draw_all_options(draw, pair, documents):
            seen[name] = seen.get(name, 0) + 1
    assert min(seen.values()) >= 8, seen
    assert {"typical_p", "min_p", "top_h", "eta_cutoff", "epsilon_cutoff", "bad_words_ids"} <= set(seen)
