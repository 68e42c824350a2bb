"""The sentence-scoring head and the choosing of sentences."""

import math
from pathlib import Path

import pytest
import sentencepiece
import torch
from bigbird_pegasus.config import BigBirdPegasusConfig
from bigbird_pegasus.extraction import (
    BigBirdPegasusForSentenceExtraction,
    choose_sentences,
    encode_sentences,
    extraction_loss,
    log_bucket,
)
from bigbird_pegasus.loading import load_model
from bigbird_pegasus.tokenizer import PegasusTokenizer
from hypothesis import given
from hypothesis import strategies as st

TEXT = [
    "Routers forward packets between networks.",
    "A router keeps a table of the networks it can reach.",
    "Tables are exchanged with neighbours every thirty seconds.",
    "When a link fails the table entry is removed.",
    "This document describes the exchange and its failures.",
]
STARTS = [True, False, False, True, False]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> PegasusTokenizer:
    prefix = tmp_path_factory.mktemp("vocabulary") / "spiece"
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT * 20),
        model_prefix=str(prefix),
        vocab_size=120,
        pad_id=0,
        eos_id=1,
        bos_id=2,
        unk_id=3,
        user_defined_symbols=["<n>"],
        minloglevel=2,
        hard_vocab_limit=False,
    )
    return PegasusTokenizer(prefix.with_suffix(".model"), offset=0, model_max_length=64)


@pytest.fixture(scope="module")
def model(tokenizer: PegasusTokenizer) -> BigBirdPegasusForSentenceExtraction:
    torch.manual_seed(0)
    config = BigBirdPegasusConfig(
        vocab_size=len(tokenizer),
        d_model=16,
        encoder_layers=2,
        encoder_attention_heads=2,
        encoder_ffn_dim=32,
        max_position_embeddings=128,
        block_size=4,
        num_random_blocks=1,
        is_encoder_decoder=False,
        init_std=0.3,
    )
    return BigBirdPegasusForSentenceExtraction(config).eval()


def inputs(tokens: int = 40, sentences: int = 5) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {
        "input_ids": torch.randint(5, 60, (2, tokens), generator=generator),
        "attention_mask": torch.ones(2, tokens, dtype=torch.long),
        "sentence_index": (torch.arange(tokens) * sentences // tokens).repeat(2, 1),
        "sentence_position": torch.arange(sentences).repeat(2, 1),
        "document_sentences": torch.tensor([sentences, 40]),
    }


# --- the model ----------------------------------------------------------------------------------------


def test_each_sentence_has_a_finite_score(model: BigBirdPegasusForSentenceExtraction) -> None:
    output = model(**inputs())
    assert output.scores.shape == (2, 5)
    assert output.scores.dtype == torch.float32
    assert output.scores.isfinite().all()
    assert output.loss is None


def test_padding_sentences_score_minus_infinity(model: BigBirdPegasusForSentenceExtraction) -> None:
    batch = inputs()
    batch["sentence_index"][1] = torch.where(batch["sentence_index"][1] < 3, batch["sentence_index"][1], -1)
    scores = model(**batch).scores
    assert scores[1].isneginf().tolist() == [False, False, False, True, True]


@pytest.mark.parametrize("tokens", [12, 40])
def test_padding_changes_no_score(model: BigBirdPegasusForSentenceExtraction, tokens: int) -> None:
    batch = inputs(tokens)
    padded = {name: tensor.clone() for name, tensor in batch.items()}
    extra = -tokens % 4 + 4  # the sparse pattern depends on the number of blocks, so none is added below
    extra = 0 if tokens > model.config.full_attention_limit else extra
    padded["input_ids"] = torch.nn.functional.pad(batch["input_ids"], (0, extra))
    padded["attention_mask"] = torch.nn.functional.pad(batch["attention_mask"], (0, extra))
    padded["sentence_index"] = torch.nn.functional.pad(batch["sentence_index"], (0, extra), value=2)
    padded["sentence_position"] = torch.nn.functional.pad(batch["sentence_position"], (0, 3))
    scores = model(**padded).scores
    torch.testing.assert_close(scores[:, :5], model(**batch).scores)
    assert scores[:, 5:].isneginf().all()


def test_scores_see_where_a_sentence_stands(model: BigBirdPegasusForSentenceExtraction) -> None:
    batch = inputs()
    later = batch | {"sentence_position": batch["sentence_position"] + 20}
    assert not torch.allclose(model(**batch).scores, model(**later).scores)


def test_a_window_without_sentences_is_no_error(model: BigBirdPegasusForSentenceExtraction) -> None:
    batch = inputs()
    batch["sentence_index"][1] = -1
    scores = model(**batch).scores
    assert scores[0].isfinite().all()
    assert scores[1].isneginf().all()


def test_loss_is_least_where_scores_are_the_values() -> None:
    values = torch.tensor([[0.1, 0.9, 0.4]])
    right = extraction_loss(values, values)
    assert right == pytest.approx(0.0, abs=1e-6)
    assert extraction_loss(values + 0.2, values) > right  # the scale counts, not only the order
    assert extraction_loss(values.flip(-1), values) > right


def test_loss_does_not_see_padding() -> None:
    values = torch.tensor([[0.1, 0.9]])
    scores = torch.tensor([[0.3, 0.5]])
    padded = extraction_loss(
        torch.cat([scores, torch.tensor([[-math.inf]])], dim=1), torch.tensor([[0.1, 0.9, 7.0]])
    )
    torch.testing.assert_close(padded, extraction_loss(scores, values))


def test_the_model_learns_which_sentence_is_worth_most(tokenizer: PegasusTokenizer) -> None:
    torch.manual_seed(0)
    config = BigBirdPegasusConfig(
        vocab_size=60,
        d_model=16,
        encoder_layers=1,
        encoder_attention_heads=2,
        encoder_ffn_dim=32,
        max_position_embeddings=64,
        dropout=0.0,
        is_encoder_decoder=False,
    )
    learner = BigBirdPegasusForSentenceExtraction(config).train()
    batch = inputs()
    values = torch.tensor([[0.1, 0.2, 1.0, 0.3, 0.1], [0.9, 0.2, 0.1, 0.3, 0.1]])
    optimizer = torch.optim.Adam(learner.parameters(), lr=1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        learner(**batch, values=values).loss.backward()
        optimizer.step()
    assert learner.eval()(**batch).scores.argmax(-1).tolist() == [2, 0]


def test_a_saved_folder_loads_as_the_same_model(
    model: BigBirdPegasusForSentenceExtraction, tmp_path: Path
) -> None:
    model.save_pretrained(tmp_path)
    loaded = load_model(tmp_path)
    assert isinstance(loaded, BigBirdPegasusForSentenceExtraction)
    torch.testing.assert_close(loaded(**inputs()).scores, model(**inputs()).scores)


# --- sentences, windows -------------------------------------------------------------------------------


def test_paragraphs_begin_with_a_newline_piece(tokenizer: PegasusTokenizer) -> None:
    encoded = encode_sentences(tokenizer, TEXT, STARTS)
    newline = tokenizer.convert_tokens_to_ids("<n>")
    assert [ids[0] == newline for ids in encoded] == STARTS
    assert encoded[1] == tokenizer.encode(TEXT[1], add_special_tokens=False)


def test_line_breaks_inside_a_sentence_change_nothing(tokenizer: PegasusTokenizer) -> None:
    wrapped = [sentence.replace(" ", "\n  ", 2) for sentence in TEXT]
    assert encode_sentences(tokenizer, wrapped, STARTS) == encode_sentences(tokenizer, TEXT, STARTS)


def test_no_sentences_encode_to_nothing(tokenizer: PegasusTokenizer) -> None:
    assert encode_sentences(tokenizer, [], []) == []


# --- choosing -----------------------------------------------------------------------------------------

DISTINCT = [" ".join(f"w{n}x{i}" for i in range(10)) for n in range(8)]


def test_the_best_sentences_come_back_in_document_order() -> None:
    scores = [0.5, 0.1, 0.9, 0.1, 0.8, 0.1, 0.1, 0.1]
    assert choose_sentences(DISTINCT, scores, 20) == [2, 4]


def test_a_sentence_that_repeats_a_chosen_one_is_skipped() -> None:
    sentences = ["one two three four five", "ONE two, three four other.", "six seven eight nine ten"]
    assert choose_sentences(sentences, [1.0, 0.9, 0.8], 10) == [0, 2]


def test_a_sentence_that_does_not_fit_makes_room_for_a_shorter_one() -> None:
    sentences = ["a b c d e f", "g h i j k l m n", "o p q r"]
    assert choose_sentences(sentences, [1.0, 0.95, 0.9], 10) == [0, 2]


def test_sentences_worth_much_less_than_the_best_are_left_out() -> None:
    scores = [1.0, 0.7, 0.5, 0.1, 0.1, 0.1, 0.1, 0.1]
    assert choose_sentences(DISTINCT, scores, 100) == [0, 1]


def test_asking_for_more_words_lets_in_sentences_of_less_worth() -> None:
    scores = [1.0, 0.7, 0.5, 0.3, 0.1, 0.1, 0.1, 0.1]
    assert choose_sentences(DISTINCT, scores, 300) == [0, 1, 2, 3]


def test_of_equal_scores_the_shorter_sentence_is_first() -> None:
    assert choose_sentences([" ".join("abcdefghij"), "k l m n o p q"], [1.0, 1.0], 10) == [1]


def test_when_nothing_fits_the_best_sentence_is_the_summary() -> None:
    assert choose_sentences(DISTINCT[:3], [0.1, 0.3, 0.2], 5) == [1]


def test_blank_sentences_are_never_chosen() -> None:
    assert choose_sentences(["", "  ", "words here"], [9.0, 9.0, 0.1], 10) == [2]
    assert choose_sentences([" "], [1.0], 10) == []
    assert choose_sentences([], [], 10) == []


@given(st.lists(st.tuples(st.text("ab c", max_size=30), st.floats(-1, 2)), max_size=12), st.integers(1, 20))
def test_a_choice_keeps_the_budget_and_the_order(rows: list[tuple[str, float]], budget: int) -> None:
    sentences = [text for text, _ in rows]
    chosen = choose_sentences(sentences, [score for _, score in rows], budget)
    assert chosen == sorted(set(chosen))
    words = sum(len(sentences[n].split()) for n in chosen)
    assert words <= budget or len(chosen) == 1
    assert bool(chosen) == any(text.strip() for text in sentences)


def test_scores_must_match_the_sentences() -> None:
    with pytest.raises(ValueError, match="2 sentences have 1 scores"):
        choose_sentences(["a", "b"], [1.0], 10)


def test_a_budget_below_one_word_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        choose_sentences(["a"], [1.0], 0)


def test_buckets_grow_with_the_logarithm() -> None:
    numbers = torch.tensor([0, 1, 7, 8, 16, 32, 10_000])
    assert log_bucket(numbers, 24).tolist() == [0, 1, 7, 8, 11, 14, 23]


def test_of_equal_scores_the_sentence_further_up_is_chosen() -> None:
    sentences = [f"w{n}x w{n}y w{n}z" for n in range(400)]
    assert choose_sentences(sentences, [1.0] * 400, 6) == [0, 1]


def test_a_much_better_sentence_far_down_is_chosen() -> None:
    sentences = [f"w{n}x w{n}y w{n}z" for n in range(4000)]
    assert choose_sentences(sentences, [0.5] * 3999 + [1.0], 3) == [3999]
