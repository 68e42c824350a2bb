"""What is encoded: the span of each token in the text, truncation, padding, pairs."""

from pathlib import Path
from typing import Any

import pytest
from bigbird_pegasus.errors import TokenizerError
from bigbird_pegasus.tokenization.tokenizer import PegasusTokenizer

from tests.model.vocabularies import SENTENCES


class TestLengths:
    @pytest.mark.parametrize("length", [1, 2, 7, 1000])
    def test_truncation_keeps_the_end_token(self, tokenizer: PegasusTokenizer, length: int) -> None:
        whole = tokenizer(SENTENCES[0]).input_ids
        cut = tokenizer(SENTENCES[0], truncation=True, max_length=length).input_ids
        assert cut == (whole if length > len(whole) else [*whole[: length - 1], tokenizer.eos_token_id])

    def test_truncation_without_max_length_uses_model_max_length(self, vocabulary: Path) -> None:
        tokenizer = PegasusTokenizer(vocabulary, offset=0, model_max_length=9)
        assert len(tokenizer(SENTENCES[0], truncation=True).input_ids) == 9
        assert len(tokenizer(SENTENCES[0]).input_ids) > 9

    def test_max_length_alone_truncates_unless_truncation_is_false(self, tokenizer: PegasusTokenizer) -> None:
        assert len(tokenizer(SENTENCES[0], max_length=4).input_ids) == 4
        whole = tokenizer(SENTENCES[0])
        for refusal in (False, "do_not_truncate"):
            assert tokenizer(SENTENCES[0], max_length=4, truncation=refusal) == whole

    def test_without_special_tokens_max_length_counts_text_alone(self, tokenizer: PegasusTokenizer) -> None:
        ids = tokenizer.encode(SENTENCES[0], add_special_tokens=False, truncation=True, max_length=4)
        assert ids == tokenizer(SENTENCES[0]).input_ids[:4]

    def test_padding_is_on_the_right_with_mask_0(self, tokenizer: PegasusTokenizer) -> None:
        batch = tokenizer(["the sea and the mill", "the"], padding="longest")
        longest, short = batch.input_ids
        alone = tokenizer("the").input_ids
        assert short == alone + [tokenizer.pad_token_id] * (len(longest) - len(alone))
        assert batch.attention_mask == [
            [1] * len(longest),
            [1] * len(alone) + [0] * (len(short) - len(alone)),
        ]
        assert tokenizer(["the sea and the mill", "the"], padding=True) == batch

    @pytest.mark.parametrize("padding", [True, "max_length"])
    def test_padded_lengths_are_multiples(self, tokenizer: PegasusTokenizer, padding: bool | str) -> None:
        batch = tokenizer(SENTENCES, padding=padding, pad_to_multiple_of=64, truncation=False, max_length=70)
        lengths = {len(ids) for ids in batch.input_ids}
        assert lengths == {128 if padding == "max_length" else 64}

    def test_max_length_padding_fills_every_row(self, tokenizer: PegasusTokenizer) -> None:
        batch = tokenizer(["the", SENTENCES[0]], padding="max_length", truncation=True, max_length=12)
        assert [len(ids) for ids in batch.input_ids] == [12, 12]
        assert sum(batch.attention_mask[0]) == len(tokenizer("the").input_ids)

    def test_a_single_text_is_padded(self, tokenizer: PegasusTokenizer) -> None:
        assert len(tokenizer("the", padding="max_length", max_length=12).input_ids) == 12
        assert len(tokenizer("the", padding=True, pad_to_multiple_of=8).input_ids) == 8

    def test_no_texts_are_an_empty_batch(self, tokenizer: PegasusTokenizer) -> None:
        assert tokenizer([]) == {"input_ids": [], "attention_mask": []}
        assert tokenizer([], padding=True, return_tensors="pt").input_ids.numel() == 0

    def test_an_empty_text_is_the_end_token(self, tokenizer: PegasusTokenizer) -> None:
        assert tokenizer("").input_ids == tokenizer(" \t ").input_ids == [tokenizer.eos_token_id]

    def test_a_pair_is_the_first_text_followed_by_the_second(self, tokenizer: PegasusTokenizer) -> None:
        first, second = tokenizer("the sea").input_ids[:-1], tokenizer("the mill").input_ids
        assert tokenizer("the sea", "the mill").input_ids == first + second
        assert tokenizer(["the sea"], ["the mill"]).input_ids == [first + second]

    def test_truncation_strategies_cut_pairs(self, tokenizer: PegasusTokenizer) -> None:
        short, long = "the sea", SENTENCES[0]
        first, second = tokenizer(short).input_ids[:-1], tokenizer(long).input_ids[:-1]
        limit = len(first) + 6
        options: dict[str, Any] = {"max_length": limit, "add_special_tokens": False}
        for strategy in ("longest_first", "only_second"):
            assert tokenizer.encode(short, long, truncation=strategy, **options) == first + second[:6]
        assert tokenizer.encode(long, short, truncation="only_first", **options) == second[:6] + first
        both = tokenizer.encode(long, long, truncation=True, max_length=7, add_special_tokens=False)
        assert both == second[:3] + second[:4]

    def test_a_pair_that_cannot_be_cut_enough_is_refused(self, tokenizer: PegasusTokenizer) -> None:
        with pytest.raises(TokenizerError, match="cannot bring the pair"):
            tokenizer(SENTENCES[0], "the", truncation="only_second", max_length=4)

    def test_targets_become_labels(self, tokenizer: PegasusTokenizer) -> None:
        batch = tokenizer(["the sea"], text_target=["the mill"], padding=True, return_tensors="pt")
        assert batch.labels.tolist() == tokenizer(["the mill"]).input_ids
        assert tokenizer(text_target="the mill") == tokenizer("the mill")

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"truncation": "left"}, "truncation is 'left'"),
            ({"padding": "left"}, "padding is 'left'"),
            ({"max_length": 0, "truncation": True}, "max_length is 0"),
            ({"pad_to_multiple_of": 0, "padding": True}, "pad_to_multiple_of is 0"),
            (
                {"padding": True, "truncation": True, "max_length": 10, "pad_to_multiple_of": 8},
                "no multiple of",
            ),
            ({"return_tensors": "tf"}, "return_tensors is 'tf'"),
            ({"text_pair": ["the"]}, "two texts, or two lists"),
        ],
    )
    def test_impossible_arguments_are_refused(
        self, tokenizer: PegasusTokenizer, options: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(TokenizerError, match=message):
            tokenizer("the sea", **options)

    @pytest.mark.parametrize("text", [3, b"bytes", ["the", None], {"text": "the"}])
    def test_encoding_something_else_than_text_is_refused(
        self, tokenizer: PegasusTokenizer, text: Any
    ) -> None:
        with pytest.raises(TokenizerError, match="must be a str"):
            tokenizer(text)

    def test_encoding_without_a_text_is_refused(self, tokenizer: PegasusTokenizer) -> None:
        with pytest.raises(TokenizerError, match="nothing to encode"):
            tokenizer()

    def test_padding_to_max_length_without_a_limit_is_refused(self, vocabulary: Path) -> None:
        unlimited = PegasusTokenizer(vocabulary, offset=0, model_max_length=1e30)
        assert len(unlimited(SENTENCES, truncation=True, padding=True, pad_to_multiple_of=64).input_ids) == 6
        with pytest.raises(TokenizerError, match="needs a max_length"):
            unlimited("the", padding="max_length")
