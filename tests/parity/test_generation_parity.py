"""`generate` against transformers: equal ids for greedy and beam search, equal sequence scores.

Every case draws documents and options anew. Weights are random and sharp, so that ties do not decide: wide
embeddings, a random output bias, and a bias for the end tokens under which texts end early, late or never.
"""

import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from bigbird_pegasus.generation.config import GenerationConfig
from bigbird_pegasus.generation.generate import GenerationOutput, generate
from bigbird_pegasus.generation.logits_processors import Surroundings, process, processors_for
from bigbird_pegasus.modeling.heads import BigBirdPegasusForConditionalGeneration
from torch import Tensor

transformers = pytest.importorskip("transformers")

# (vocabulary, block size, random blocks, bias of the end token): the full/sparse limit is (5 + 2r) blocks.
MODELS = [
    (97, 4, 1, 4.0),
    (128, 8, 1, 8.0),
    (150, 4, 3, 10.0),
    (200, 16, 2, 6.0),
    (131, 8, 2, 0.0),
    (101, 16, 1, 12.0),
]
CASES = 150


@dataclass(frozen=True)
class Pair:
    """One model on both sides."""

    reference: Any
    ours: BigBirdPegasusForConditionalGeneration
    limit: int


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Any:
    @cache
    def make(number: int) -> Pair:
        return make_pair(number, tmp_path_factory.mktemp("checkpoint"))

    return make


def make_pair(number: int, folder: Path) -> Pair:
    vocabulary, block_size, random_blocks, end_bias = MODELS[number]
    config = transformers.BigBirdPegasusConfig(
        vocab_size=vocabulary,
        d_model=32,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=48,
        decoder_ffn_dim=48,
        max_position_embeddings=256,
        block_size=block_size,
        num_random_blocks=random_blocks,
        init_std=0.35,
        dropout=0.0,
    )
    with torch.random.fork_rng():
        torch.manual_seed(number)
        reference = transformers.BigBirdPegasusForConditionalGeneration(config).eval()
        reference.final_logits_bias.normal_(std=2.0)
        reference.final_logits_bias[0, [1, 3]] += end_bias
    reference.save_pretrained(folder)
    ours = BigBirdPegasusForConditionalGeneration.from_pretrained(folder, random_attention="transformers")
    return Pair(reference, ours, (5 + 2 * random_blocks) * block_size)


def draw_documents(draw: random.Random, pair: Pair) -> tuple[Tensor, Tensor]:
    """Documents of random lengths in one batch, padded on the right; the batch is full or sparse."""
    longest = draw.randint(2, pair.limit) if draw.random() < 0.4 else draw.randint(pair.limit + 1, 250)
    lengths = [longest] + [draw.randint(1, longest) for _ in range(draw.randint(0, 3))]
    draw.shuffle(lengths)
    ids = torch.zeros(len(lengths), longest, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, length in enumerate(lengths):
        ids[row, :length] = torch.tensor(
            [draw.randrange(4, pair.ours.config.vocab_size) for _ in range(length)]
        )
        mask[row, :length] = 1
    return ids, mask


def draw_options(draw: random.Random, documents: int) -> dict[str, Any]:  # noqa: C901 - a flat list
    options: dict[str, Any] = {}
    if draw.random() < 0.7:
        options["num_beams"] = draw.randint(2, 6)
        options["num_return_sequences"] = draw.randint(1, options["num_beams"])
        options["length_penalty"] = draw.choice([-1.0, 0.0, 0.8, 1.0, 2.5])
        options["early_stopping"] = draw.choice([True, False, "never"])
    length = draw.choice(["max_length", "max_new_tokens", None])
    if length:
        options[length] = draw.randint(8, 30)
    if draw.random() < 0.5:
        options[draw.choice(["min_length", "min_new_tokens"])] = draw.randint(1, 7)
    if draw.random() < 0.6:
        options["no_repeat_ngram_size"] = draw.randint(1, 4)
    if draw.random() < 0.5:
        options["repetition_penalty"] = draw.choice([0.8, 1.2, 2.0])
    if draw.random() < 0.3:
        options["eos_token_id"] = draw.choice([[1, 3], [1, 3, 7], 5])
    if draw.random() < 0.2:
        options["pad_token_id"] = 9
    if draw.random() < 0.2:
        # Several forced ids all score 0: beams would tie.
        options["forced_eos_token_id"] = 1 if "num_beams" in options else [1, 3]
    if draw.random() < 0.2:
        options["forced_bos_token_id"] = 6
    if draw.random() < 0.2:
        options["decoder_start_token_id"] = 0
    if draw.random() < 0.2:
        prompt = [[2, 11, 12, 13], [2, 14, 11, 15], [2, 16, 11, 11], [2, 12, 12, 12]][:documents]
        options["decoder_input_ids"] = torch.tensor(prompt)[:, draw.randint(0, 1) :]
    return options


def written_by_reference(pair: Pair, ids: Tensor, mask: Tensor, options: dict[str, Any]) -> Any:
    # One short input switches transformers' model to full attention for good.
    pair.reference.model.encoder.set_attention_type("block_sparse")
    return pair.reference.generate(
        input_ids=ids, attention_mask=mask, return_dict_in_generate=True, output_scores=True, **options
    )


# transformers says that it takes its default length where a case leaves the length to it.
@pytest.mark.filterwarnings("ignore:Using the model-agnostic default `max_length`:UserWarning")
@pytest.mark.parametrize("case", range(CASES))
def test_ids_and_scores_equal_those_of_transformers(case: int, pairs: Any) -> None:
    draw = random.Random(case)
    pair = pairs(case % len(MODELS))
    ids, mask = draw_documents(draw, pair)
    options = draw_options(draw, len(ids))
    expected = written_by_reference(pair, ids, mask, options)
    found = generate(pair.ours, ids, mask, return_dict_in_generate=True, **options)
    assert isinstance(found, GenerationOutput)
    assert found.sequences.tolist() == expected.sequences.tolist(), options
    if "num_beams" in options:
        # Looser than the default 1.3e-6: a score sums up to 30 log probabilities, each with the rounding of
        # logits near 15. Of 1,500 cases 6 were off by 1.5e-6 to 2.7e-6; the 150 here pass at the default too.
        torch.testing.assert_close(found.sequences_scores, expected.sequences_scores, rtol=1e-5, atol=1e-5)
    else:
        assert found.sequences_scores is None


def test_the_cases_of_generation_parity_cover_attention_padding_and_endings(pairs: Any) -> None:
    """Both kinds of attention, lengths off the block, padding, early ends and runs to the greatest length."""
    seen = {
        "full": 0,
        "sparse": 0,
        "off the block": 0,
        "padded": 0,
        "beam": 0,
        "greedy": 0,
        "ended": 0,
        "cut": 0,
    }
    for case in range(CASES):
        draw = random.Random(case)
        pair = pairs(case % len(MODELS))
        ids, mask = draw_documents(draw, pair)
        options = draw_options(draw, len(ids))
        seen["sparse" if ids.shape[1] > pair.limit else "full"] += 1
        seen["off the block"] += ids.shape[1] > pair.limit and ids.shape[1] % pair.ours.config.block_size != 0
        seen["padded"] += bool((mask == 0).any())
        seen["beam" if "num_beams" in options else "greedy"] += 1
        if case % 5 == 0:
            ends = options.get("eos_token_id", 1)
            ends = torch.tensor(ends if isinstance(ends, list) else [ends])
            written = generate(pair.ours, ids, mask, **options)
            assert isinstance(written, torch.Tensor)
            ended = torch.isin(written, ends).any(dim=1)
            seen["ended"] += bool(ended.any())
            seen["cut"] += bool((~ended).any())
    assert all(count >= 5 for count in seen.values()), seen
    assert seen["beam"] >= 60
    assert seen["greedy"] >= 30
    assert seen["sparse"] >= 50


@pytest.mark.parametrize("num_beams", [1, 3])
def test_a_batch_without_mask_is_read_to_its_end_as_in_transformers(num_beams: int, pairs: Any) -> None:
    pair = pairs(0)
    ids = torch.randint(4, 97, (2, 45), generator=torch.Generator().manual_seed(0))
    pair.reference.model.encoder.set_attention_type("block_sparse")
    expected = pair.reference.generate(ids, num_beams=num_beams, max_new_tokens=12)
    found = generate(pair.ours, ids, num_beams=num_beams, max_new_tokens=12)
    assert isinstance(found, torch.Tensor)
    assert found.tolist() == expected.tolist()


@pytest.mark.parametrize("num_beams", [1, 4])
@pytest.mark.parametrize(
    "options",
    [
        {"temperature": 0.7},
        {"top_k": 7},
        {"top_k": 1},
        {"top_k": 1000},
        {"top_k": 0, "top_p": 0.8},
        {"top_k": 0, "top_p": 0.05},
        {"temperature": 1.7, "top_k": 20, "top_p": 0.9},
        {"repetition_penalty": 1.3, "no_repeat_ngram_size": 2, "min_new_tokens": 6, "top_p": 0.5},
        {"eos_token_id": [1, 3, 5], "top_k": 2, "min_length": 9},
        {"forced_bos_token_id": 6, "forced_eos_token_id": [1, 3], "max_length": 9},
    ],
    ids=str,
)
def test_processors_change_scores_exactly_as_those_of_transformers(
    options: dict[str, Any], num_beams: int, pairs: Any
) -> None:
    options = {"max_length": 12, "eos_token_id": 1, "num_beams": num_beams, "do_sample": True} | options
    generator = torch.Generator().manual_seed(3)
    for length in range(1, 12):
        tokens = torch.randint(0, 97, (5, length), generator=generator)
        tokens[0] %= 3  # repeats itself
        scores = torch.randn(5, 97, generator=generator) * 4

        config = transformers.GenerationConfig(**({"top_k": 50} | options))
        config.update(**config._get_default_generation_params(), defaults_only=True)
        config.decoder_start_token_id = 2
        reference = pairs(0).reference
        reference._prepare_special_tokens(config, kwargs_has_attention_mask=True, device="cpu")
        if config.min_new_tokens is not None:
            config.min_length = config.min_new_tokens + 1
        expected = reference._get_logits_processor(config, input_ids_seq_length=1)(tokens, scores.clone())

        ours = GenerationConfig().replace(**options)
        least = ours.min_length if ours.min_new_tokens is None else 1 + ours.min_new_tokens
        around = Surroundings(least, options["max_length"])
        found = process(processors_for(ours, around), tokens, scores.clone())
        torch.testing.assert_close(found, expected, rtol=0, atol=0)
