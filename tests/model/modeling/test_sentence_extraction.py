"""The sentence-scoring head."""

import math
from pathlib import Path

import numpy as np
import pytest
import sentencepiece
import torch
from bigbird_pegasus.config import BigBirdPegasusConfig
from bigbird_pegasus.inference.torch_extraction import extractive_model
from bigbird_pegasus.loading import load_model
from bigbird_pegasus.modeling.sentence_extraction import (
    BigBirdPegasusForSentenceExtraction,
    extraction_loss,
    log_bucket,
)
from bigbird_pegasus.summarization.choosing.extractive import score_document
from bigbird_pegasus.summarization.features.feature_batches import feature_inputs
from bigbird_pegasus.summarization.features.sentence_features import sentence_features
from bigbird_pegasus.text.windows import encode_sentences
from bigbird_pegasus.tokenization.tokenizer import PegasusTokenizer

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
    texts = [f"{text} Number {n}." for n, text in enumerate(TEXT[:sentences])]
    features = [sentence_features(texts, STARTS), sentence_features(texts[::-1], STARTS)]
    return {
        **feature_inputs(features),
        "input_ids": torch.randint(5, 60, (2, tokens), generator=generator),
        "attention_mask": torch.ones(2, tokens, dtype=torch.long),
        "sentence_index": (torch.arange(tokens) * sentences // tokens).repeat(2, 1),
        "sentence_position": torch.arange(sentences).repeat(2, 1),
        "document_sentences": torch.tensor([sentences, 40]),
    }


def with_more_sentences(batch: dict[str, torch.Tensor], more: int) -> dict[str, torch.Tensor]:
    """The same batch, filled up with sentences that are not there."""
    wider = {"sentence_position", "gram_counts", "heading_counts"}
    padded = {n: torch.nn.functional.pad(t, (0, more)) if n in wider else t for n, t in batch.items()}
    padded["features"] = torch.nn.functional.pad(batch["features"], (0, 0, 0, more))
    return padded


# --- the model ----------------------------------------------------------------------------------------


def test_each_sentence_has_a_finite_score(model: BigBirdPegasusForSentenceExtraction) -> None:
    output = model(**inputs())
    assert output.scores.shape == (2, 5)
    assert output.scores.dtype == torch.float32
    assert output.scores.isfinite().all()
    assert output.length.shape == (2,)
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
    scores = model(**with_more_sentences(padded, 3)).scores
    # the scores of these drawn weights are about 100, so float32 leaves four digits behind the point
    torch.testing.assert_close(scores[:, :5], model(**batch).scores, rtol=1e-4, atol=1e-4)
    assert scores[:, 5:].isneginf().all()


def test_scores_see_where_a_sentence_stands(model: BigBirdPegasusForSentenceExtraction) -> None:
    batch = inputs()
    later = batch | {"sentence_position": batch["sentence_position"] + 20}
    assert not torch.allclose(model(**batch).scores, model(**later).scores)


def test_scores_see_the_words_of_a_sentence(model: BigBirdPegasusForSentenceExtraction) -> None:
    batch = inputs()
    other = batch | {"grams": batch["grams"] + 1}
    assert not torch.allclose(model(**batch).scores, model(**other).scores)


def test_windows_read_one_by_one_are_scored_as_one_document(
    model: BigBirdPegasusForSentenceExtraction,
) -> None:
    batch = {name: tensor[:1] if len(tensor) == 2 else tensor for name, tensor in inputs().items()}
    read = {"input_ids", "attention_mask", "sentence_index", "sentence_position", "document_sentences"}
    vectors = model.sentence_vectors(**{name: batch[name] for name in read})
    features = sentence_features([f"{text} Number {n}." for n, text in enumerate(TEXT)], STARTS)
    found = model.score(vectors, **feature_inputs([features]))
    expected = model(**{name: batch[name] for name in read}, **feature_inputs([features]))
    torch.testing.assert_close(found.scores, expected.scores)
    torch.testing.assert_close(found.length, expected.length)


def test_a_sentence_without_tokens_scores_0(model: BigBirdPegasusForSentenceExtraction) -> None:
    vectors = np.zeros((5, model.config.d_model), np.float32)
    vectors[3] = math.nan
    scored = score_document(extractive_model(model), vectors, TEXT, STARTS, [True] * len(TEXT))
    assert scored.scores[3] == 0.0
    assert all(math.isfinite(score) and score for n, score in enumerate(scored.scores) if n != 3)


def test_a_summary_is_expected_to_be_at_most_a_fifth_of_its_document(
    model: BigBirdPegasusForSentenceExtraction,
) -> None:
    vectors = np.zeros((5, model.config.d_model), np.float32)
    words = sum(len(text.split()) for text in TEXT)
    length = score_document(extractive_model(model), vectors, TEXT, STARTS, [True] * len(TEXT)).length
    assert 40 <= length <= max(40, words / 5)


def test_the_length_of_the_summary_is_part_of_the_loss(model: BigBirdPegasusForSentenceExtraction) -> None:
    batch, values = inputs(), torch.zeros(2, 5)
    right = model(**batch).length.exp()
    losses = [model(**batch, values=values, summary_words=words).loss for words in (right, 3 * right)]
    assert losses[0] < losses[1]


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


def test_buckets_grow_with_the_logarithm() -> None:
    numbers = torch.tensor([0, 1, 7, 8, 16, 32, 10_000])
    assert log_bucket(numbers, 24).tolist() == [0, 1, 7, 8, 11, 14, 23]
