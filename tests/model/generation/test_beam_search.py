"""Greedy and beam search: against slow twins, against enumeration, and by a scripted model."""

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from bigbird_pegasus.generation.beam_search import NO_SCORE, Finished, Running, beam_search, is_done
from bigbird_pegasus.generation.config import GenerationConfig
from bigbird_pegasus.generation.generate import GenerationOutput, generate
from bigbird_pegasus.generation.logits_processors import BANNED, Surroundings, processors_for
from bigbird_pegasus.generation.protocols import GenerationStep, Hypothesis, StepCallback
from bigbird_pegasus.generation.sampling import sample
from torch import Tensor

from tests.model.generation.oracles import (
    END,
    START,
    ScriptedCache,
    ScriptedModel,
    documents,
    options,
    random_script,
    slow_beam_search,
    slow_greedy,
    tiny_model,
)


@dataclass(frozen=True)
class Encoding:
    last_hidden_state: Tensor


def search(
    model: ScriptedModel,
    options: GenerationConfig,
    max_length: int = 12,
    batch: int = 1,
    on_step: StepCallback | None = None,
    cache: ScriptedCache | None = None,
) -> list[list[Hypothesis]]:
    """Search with a scripted model, end token 1, from the start token 2."""
    run = beam_search if options.num_beams > 1 else sample
    prompt = torch.full((batch, 1), START)
    cache = cache or ScriptedCache(torch.arange(batch))
    processors = processors_for(options, Surroundings(options.min_length, max_length))
    return run(model, cache, prompt, options, processors, max_length, on_step)


# ---- against the slow twins, on the real model --------------------


@pytest.mark.parametrize("case", range(40))
def test_ids_and_scores_equal_those_of_a_search_without_cache(case: int) -> None:
    draw = random.Random(case)
    model = tiny_model(seed=case % 4, end_bias=draw.choice([3.0, 6.0, 9.0]))
    ids, mask = documents([draw.randint(3, 60) for _ in range(draw.randint(1, 3))], seed=case)
    wanted: dict[str, Any] = {"max_length": draw.randint(5, 14), "no_repeat_ngram_size": draw.randint(0, 3)}
    wanted |= {"min_length": draw.choice([0, 4]), "repetition_penalty": draw.choice([1.0, 1.3])}
    wanted |= {
        "eos_token_id": draw.choice([END, [END, 5]]),
        "forced_bos_token_id": draw.choice([None, None, 7]),
    }
    wanted |= {"forced_eos_token_id": draw.choice([None, None, END])}
    if case % 4:
        wanted |= {"num_beams": draw.randint(2, 5), "early_stopping": draw.choice([True, False, "never"])}
        wanted |= {"length_penalty": draw.choice([-1.0, 0.0, 0.8, 2.0])}
        wanted |= {"num_return_sequences": draw.randint(1, wanted["num_beams"])}
    settings = options(**wanted)
    found = generate(model, ids, mask, settings, return_dict_in_generate=True)
    assert isinstance(found, GenerationOutput)

    expected_ids, expected_scores = [], []
    with torch.no_grad():
        hidden = model.encode(ids, mask).last_hidden_state
        for row in range(len(ids)):

            def logits(tokens: Sequence[int], row: int = row) -> Tensor:
                output = model(
                    decoder_input_ids=torch.tensor([tokens]),
                    encoder_outputs=(hidden[row : row + 1],),
                    attention_mask=mask[row : row + 1],
                    use_cache=False,
                )
                last: Tensor = output.logits[0, -1]
                return last

            limits = (settings.min_length, wanted["max_length"])
            if settings.num_beams > 1:
                for tokens, score in slow_beam_search(logits, [START], settings, limits):
                    expected_ids.append(tokens)
                    expected_scores.append(score)
            else:
                expected_ids.append(slow_greedy(logits, [START], settings, limits))
    longest = max(map(len, expected_ids))
    # Beam search fills up with the end token where the padding id is 0, as transformers does.
    filler = settings.eos_token_ids[0] if settings.num_beams > 1 else 0
    assert found.sequences.tolist() == [[*text, *[filler] * (longest - len(text))] for text in expected_ids]
    if settings.num_beams > 1:
        torch.testing.assert_close(found.sequences_scores, torch.tensor(expected_scores))


@pytest.mark.parametrize("num_beams", [1, 4])
@pytest.mark.parametrize("do_sample", [False, True])
def test_a_document_has_the_same_summary_in_a_batch_and_alone(num_beams: int, do_sample: bool) -> None:
    model = tiny_model(end_bias=6.0 if num_beams == 1 else 9.0)
    ids, mask = documents([50, 33, 47, 41, 50])
    wanted: dict[str, Any] = {"num_beams": num_beams, "do_sample": do_sample, "seed": 5, "max_new_tokens": 20}
    wanted |= {"return_dict_in_generate": True}
    hidden = model.encode(ids, mask).last_hidden_state
    together = generate(model, ids, mask, **wanted)
    steps = []
    for row in range(len(ids)):
        encoding = Encoding(hidden[row : row + 1])
        alone = generate(model, None, mask[row : row + 1], encoder_outputs=encoding, **wanted)
        assert isinstance(alone, GenerationOutput)
        assert isinstance(together, GenerationOutput)
        steps.append(alone.sequences.shape[1])
        assert together.sequences[row, : steps[-1]].tolist() == alone.sequences[0].tolist()
        assert set(together.sequences[row, steps[-1] :].tolist()) <= {0, END}
        if num_beams > 1:
            assert together.sequences_scores is not None
            torch.testing.assert_close(together.sequences_scores[row : row + 1], alone.sequences_scores)
    assert len(set(steps)) > 1  # some did leave the batch before others


# ---- the searches, by a scripted model --------------------


def test_greedy_takes_the_most_probable_token_until_the_end_token() -> None:
    best = {1: 7, 2: 5, 3: END}
    model = ScriptedModel(lambda _, tokens: torch.eye(9)[best[len(tokens)]])
    assert search(model, options()) == [[Hypothesis((START, 7, 5, END))]]


def test_greedy_search_takes_the_first_of_equal_logits() -> None:
    model = ScriptedModel(lambda _, tokens: torch.zeros(9))
    assert search(model, options(), max_length=4) == [[Hypothesis((START, 0, 0, 0))]]


@pytest.mark.parametrize("num_beams", [1, 3])
def test_texts_without_end_token_reach_max_length(num_beams: int) -> None:
    found = search(
        ScriptedModel(random_script(9)), options(eos_token_id=[], num_beams=num_beams), max_length=6
    )
    assert len(found[0][0].tokens) == 6


def test_padding_follows_a_text_that_ends_before_another_one_of_its_document() -> None:
    settings = options(do_sample=True, seed=2, num_return_sequences=6, pad_token_id=0)
    model = ScriptedModel(lambda _, tokens: torch.tensor([BANNED, 0.0, 0.0, 0.0]))
    texts = [hypothesis.tokens for hypothesis in search(model, settings)[0]]
    ends = {text.index(END) for text in texts}
    assert len(ends) > 1
    assert all(set(text[text.index(END) + 1 :]) <= {0} for text in texts)


def test_a_row_ends_where_every_token_is_banned() -> None:
    model = ScriptedModel(lambda _, tokens: torch.arange(4.0))
    found = search(model, options(no_repeat_ngram_size=1, min_length=9), max_length=9)
    assert found[0][0].tokens == (
        START,
        3,
        0,
        0,
    )  # 2 is the start token, 1 may not come yet, 0 is padding too


def test_beams_without_any_continuation_end_the_search() -> None:
    model = ScriptedModel(lambda _, tokens: torch.arange(4.0))
    found = search(model, options(no_repeat_ngram_size=1, min_length=9, num_beams=2), max_length=9)
    assert found[0][0].tokens == (START,)


def test_beam_search_finds_what_greedy_misses() -> None:
    probabilities = {
        (START,): {5: 0.6, 6: 0.4},
        (START, 5): {7: 0.3, 8: 0.3, 9: 0.4},
        (START, 6): {7: 0.95, 8: 0.05},
    }

    def script(_: int, tokens: Sequence[int]) -> Tensor:
        row = torch.full((10,), 1e-6)
        for token, probability in probabilities.get(tuple(tokens), {END: 1.0}).items():
            row[token] = probability
        return row.log()

    assert search(ScriptedModel(script), options())[0][0].tokens == (START, 5, 9, END)
    assert search(ScriptedModel(script), options(num_beams=2))[0][0].tokens == (START, 6, 7, END)


@pytest.mark.parametrize("length_penalty", [-0.5, 0.0, 1.0, 2.0])
@pytest.mark.parametrize("seed", range(5))
def test_enough_beams_find_the_best_of_all_texts(seed: int, length_penalty: float) -> None:
    vocabulary, new_tokens, script = 4, 3, random_script(4, seed, sharpness=1.0)
    best: tuple[float, tuple[int, ...]] = (float("-inf"), ())
    for count in range(1, new_tokens + 1):
        for text in itertools.product(range(vocabulary), repeat=count):
            if END in text[:-1] or (text[-1] != END and count < new_tokens):
                continue
            score = sum(
                float(script(0, (START, *text[:i])).log_softmax(-1)[token]) for i, token in enumerate(text)
            )
            best = max(best, (score / count**length_penalty, (START, *text)))
    settings = options(
        num_beams=vocabulary**new_tokens, length_penalty=length_penalty, early_stopping="never"
    )
    found = search(ScriptedModel(script), settings, max_length=new_tokens + 1)[0][0]
    assert found.tokens == best[1]
    assert found.score == pytest.approx(best[0], abs=1e-5)


def test_texts_of_a_document_are_distinct_and_best_first() -> None:
    found = search(ScriptedModel(random_script(20)), options(num_beams=5, num_return_sequences=5))[0]
    assert len({hypothesis.tokens for hypothesis in found}) == 5
    scores = [hypothesis.score or 0.0 for hypothesis in found]
    assert scores == sorted(scores, reverse=True)


def test_the_three_forms_of_early_stopping_search_ever_longer() -> None:
    steps: dict[Any, int] = {}
    scores: dict[Any, float] = {}
    for form in (True, False, "never"):
        steps[form], scores[form] = 0, 0.0
        for seed in range(10):
            model = ScriptedModel(random_script(12, seed, sharpness=1.5))
            settings = options(num_beams=3, early_stopping=form, length_penalty=1.0)
            scores[form] += search(model, settings, max_length=25)[0][0].score or 0.0
            steps[form] += len(model.rows)
    assert steps[True] < steps[False] < steps["never"]
    assert scores[True] <= scores[False] <= scores["never"]


@pytest.mark.parametrize(
    ("form", "length_penalty", "done"),
    [
        # The best running text has -6 after 3 new tokens of at most 8; the worst finished one has -2.5.
        (True, 1.0, True),
        (False, 1.0, False),  # -6 / 3 > -2.5
        (False, 0.5, True),  # -6 / 3 ** 0.5 < -2.5
        (False, 0.0, True),  # -6 < -2.5
        ("never", 1.0, False),  # -6 / 8 > -2.5
        ("never", 0.5, False),  # -6 / 8 ** 0.5 > -2.5
        ("never", 0.0, True),
        ("never", -1.0, True),
    ],
)
def test_beam_search_stops_when_no_running_text_can_win(form: Any, length_penalty: float, done: bool) -> None:
    running = Running(torch.zeros(1, 2, 4, dtype=torch.long), torch.tensor([[-6.0, -7.0]]))
    texts, sizes = torch.zeros(1, 2, 9, dtype=torch.long), torch.full((1, 2), 4)
    settings = options(num_beams=2, early_stopping=form, length_penalty=length_penalty)
    full = Finished(texts, sizes, torch.tensor([[-1.0, -2.5]]), sizes)
    assert is_done(running, full, settings, prompt_length=1, max_length=9).tolist() == [done]
    with_a_place_left = Finished(texts, sizes, torch.tensor([[-1.0, NO_SCORE]]), sizes)
    assert is_done(running, with_a_place_left, settings, prompt_length=1, max_length=9).tolist() == [False]


def test_early_stopping_never_estimates_with_the_present_length_if_length_is_penalized() -> None:
    running = Running(torch.zeros(1, 2, 4, dtype=torch.long), torch.tensor([[-6.0, -7.0]]))
    texts, sizes = torch.zeros(1, 2, 9, dtype=torch.long), torch.full((1, 2), 4)
    finished = Finished(texts, sizes, torch.tensor([[-9.0, -20.0]]), sizes)
    settings = options(num_beams=2, early_stopping="never", length_penalty=-1.0)
    assert not is_done(running, finished, settings, prompt_length=1, max_length=9)  # -6 * 3 > -20 > -6 * 8


@pytest.mark.parametrize("wanted", [{}, {"num_beams": 3}, {"do_sample": True, "seed": 1}], ids=str)
def test_finished_documents_leave_the_batch(wanted: dict[str, Any]) -> None:
    settings = options(**wanted)

    def script(document: int, tokens: Sequence[int]) -> Tensor:
        ends = len(tokens) > 2 * document
        return random_script(30)(document, tokens) + torch.eye(30)[END] * (100.0 if ends else -100.0)

    model, cache = ScriptedModel(script), ScriptedCache(torch.arange(4))
    found = search(model, settings, batch=4, cache=cache)
    assert [len(texts[0].tokens) for texts in found] == [2, 4, 6, 8]
    assert model.rows[0] == 4 * settings.num_beams
    assert model.rows[-1] == settings.num_beams
    assert cache.documents.tolist() == [3]


def test_the_cache_is_reordered_only_when_the_order_changed() -> None:
    def script(_: int, tokens: Sequence[int]) -> Tensor:
        if len(tokens) == 1:
            return torch.tensor([0.0, -50.0, -50.0, -1.0, -9.0])
        return torch.tensor([-50.0, -50.0, -50.0, -50.0, 9.0])  # each beam has one way to go: none overtakes

    cache = ScriptedCache(torch.arange(1))
    search(ScriptedModel(script), options(num_beams=2), max_length=7, cache=cache)
    assert cache.reorders == [[0, 0]]


# ---- the callback --------------------


@pytest.mark.parametrize("num_beams", [1, 3])
def test_the_callback_gets_every_step_of_unfinished_documents(num_beams: int) -> None:
    def script(document: int, tokens: Sequence[int]) -> Tensor:
        ends = len(tokens) > 2 * document + 1
        return random_script(30)(document, tokens) + torch.eye(30)[END] * (100.0 if ends else -100.0)

    heard: list[GenerationStep] = []
    found = search(ScriptedModel(script), options(num_beams=num_beams), batch=2, on_step=heard.append)
    assert [step.step for step in heard] == [1, 2, 3, 4]
    assert [step.documents for step in heard] == [(0, 1), (0, 1), (1,), (1,)]
    assert {step.last_step for step in heard} == {11}
    assert all(len(text) == step.step for step in heard for text in step.tokens)
    if num_beams == 1:
        assert heard[-1].tokens == (found[1][0].tokens[1:],)
        assert heard[0].tokens[1] == found[1][0].tokens[1:2]


@pytest.mark.parametrize("num_beams", [1, 3])
def test_an_exception_in_the_callback_ends_the_search(num_beams: int) -> None:
    model = ScriptedModel(random_script(30))

    def interrupt(step: GenerationStep) -> None:
        if step.step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(model, options(num_beams=num_beams, min_length=9), on_step=interrupt)
    assert len(model.rows) == 2
