"""The tokenizer: ids of both layouts, newlines, special tokens, and the way back to text."""

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
import torch
from bigbird_pegasus.errors import TokenizerError
from bigbird_pegasus.tokenization.batch_encoding import BatchEncoding
from bigbird_pegasus.tokenization.tokenizer import PegasusTokenizer
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.model.vocabularies import DOCUMENT, SENTENCES, SPECIAL, train_vocabulary


class TestLayouts:
    def test_offset_0_uses_the_ids_of_the_file(self, tokenizer: PegasusTokenizer, vocabulary: Path) -> None:
        expected = sentencepiece.SentencePieceProcessor(model_file=str(vocabulary)).encode(SENTENCES[0])
        assert tokenizer(SENTENCES[0]).input_ids == [*expected, tokenizer.eos_token_id]

    def test_offset_103_moves_all_but_pad_and_end(
        self, tokenizer: PegasusTokenizer, vocabulary: Path
    ) -> None:
        shifted = PegasusTokenizer(vocabulary)
        ids = tokenizer(SENTENCES[0]).input_ids
        assert shifted(SENTENCES[0]).input_ids == [index + 103 for index in ids[:-1]] + [1]
        assert shifted.decode(shifted(SENTENCES[0]).input_ids, skip_special_tokens=True) == SENTENCES[0]
        assert (shifted.pad_token_id, shifted.eos_token_id, shifted.unk_token_id) == (0, 1, 105)
        assert len(shifted) == len(tokenizer) + 103

    def test_offset_103_reserves_the_ids_between(self, vocabulary: Path) -> None:
        shifted = PegasusTokenizer(vocabulary)
        assert shifted.convert_ids_to_tokens([2, 3, 4, 104]) == [
            "<mask_1>",
            "<mask_2>",
            "<unk_2>",
            "<unk_102>",
        ]
        assert (shifted.mask_token_sent_id, shifted.mask_token_id) == (2, 3)
        assert shifted.decode([2, 4, 104], skip_special_tokens=True) == ""

    def test_ids_are_read_from_the_vocabulary(self, plain_vocabulary: Path) -> None:
        plain = PegasusTokenizer(plain_vocabulary, offset=0)
        found = (plain.bos_token_id, plain.unk_token_id, plain.eos_token_id, plain.pad_token_id)
        assert found == (0, 1, 2, 3)
        assert plain(["The sea.", "The"], padding=True).input_ids[1][-1] == 3

    def test_ids_and_pieces_are_one_to_one(self, vocabulary: Path) -> None:
        for offset in (0, 103):
            tokenizer = PegasusTokenizer(vocabulary, offset=offset)
            vocab = tokenizer.get_vocab()
            assert len(vocab) == len(tokenizer) == tokenizer.vocab_size
            assert tokenizer.convert_tokens_to_ids(list(vocab)) == list(range(len(tokenizer)))

    def test_a_piece_that_does_not_exist_is_unknown(self, tokenizer: PegasusTokenizer) -> None:
        assert tokenizer.convert_tokens_to_ids("no such piece") == tokenizer.unk_token_id
        assert tokenizer.convert_tokens_to_ids("\ud800") == tokenizer.unk_token_id

    def test_tokens_outside_the_vocabulary_are_none(self, plain_vocabulary: Path) -> None:
        plain = PegasusTokenizer(
            plain_vocabulary, offset=0, sep_token="[SEP]", additional_special_tokens=["<x>"]
        )
        assert (plain.sep_token, plain.sep_token_id, plain.mask_token) == (None, None, None)
        assert plain.additional_special_tokens == []

    @pytest.mark.parametrize("offset", [1, 104, -103, "0", True, None])
    def test_unknown_offset_is_refused(self, vocabulary: Path, offset: Any) -> None:
        with pytest.raises(TokenizerError, match="offset is"):
            PegasusTokenizer(vocabulary, offset=offset)

    def test_offset_103_needs_pad_and_end_in_front(self, plain_vocabulary: Path) -> None:
        with pytest.raises(TokenizerError, match="does not begin with <pad> and </s>"):
            PegasusTokenizer(plain_vocabulary, offset=103)

    @pytest.mark.parametrize("length", [0, -1, "4096", float("inf"), float("nan")])
    def test_impossible_model_max_length_is_refused(self, vocabulary: Path, length: Any) -> None:
        with pytest.raises(TokenizerError, match="model_max_length is"):
            PegasusTokenizer(vocabulary, offset=0, model_max_length=length)

    @pytest.mark.parametrize("name", ["pad_token", "eos_token", "unk_token"])
    def test_pad_end_and_unknown_tokens_must_be_in_the_vocabulary(self, vocabulary: Path, name: str) -> None:
        options: dict[str, Any] = {name: "<x>"}
        with pytest.raises(TokenizerError, match="has no piece '<x>'"):
            PegasusTokenizer(vocabulary, offset=0, **options)

    def test_the_unknown_token_must_be_the_unknown_piece(self, vocabulary: Path) -> None:
        with pytest.raises(TokenizerError, match="<n> is not the unknown piece"):
            PegasusTokenizer(vocabulary, offset=0, unk_token="<n>")


class TestNewlines:
    def test_newlines_survive_encoding_and_decoding(self, tokenizer: PegasusTokenizer) -> None:
        ids = tokenizer(DOCUMENT).input_ids
        assert ids.count(tokenizer.convert_tokens_to_ids("<n>")) == 4
        assert tokenizer.decode(ids, skip_special_tokens=True) == DOCUMENT.replace("\r\n", "\n")

    @pytest.mark.parametrize("newline", ["\r\n", "\r", "<n>"])
    def test_every_way_to_write_a_newline_is_one_token(
        self, tokenizer: PegasusTokenizer, newline: str
    ) -> None:
        assert tokenizer(f"The sea{newline}The mill") == tokenizer("The sea\nThe mill")

    def test_decoded_text_never_shows_the_newline_piece(self, tokenizer: PegasusTokenizer) -> None:
        spelt = tokenizer.convert_tokens_to_ids(["▁the", "<n>", "n"])
        assert tokenizer.decode(spelt) == "the\nn"
        assert "<n>" not in tokenizer.decode(range(len(tokenizer)))

    def test_newlines_are_spaces_in_vocabularies_without_a_newline_piece(
        self, plain_vocabulary: Path
    ) -> None:
        plain = PegasusTokenizer(plain_vocabulary, offset=0)
        assert plain.newline_token is None
        assert plain("The sea\nThe mill").input_ids == plain("The sea The mill").input_ids
        assert plain("The sea\nThe", return_offsets_mapping=True).offset_mapping[-2][1] == len("The sea\nThe")

    def test_a_newline_listed_as_special_token_is_still_text(self, vocabulary: Path) -> None:
        tokenizer = PegasusTokenizer(vocabulary, offset=0, additional_special_tokens=["<n>"])
        assert tokenizer.decode(tokenizer("a\nb").input_ids, skip_special_tokens=True).count("\n") == 1

    def test_a_control_piece_is_not_taken_for_a_newline(self, tmp_path: Path) -> None:
        path = train_vocabulary(tmp_path / "x.model", vocab_size=80, control_symbols=["<n>"], pad_id=3)
        assert PegasusTokenizer(path, offset=0).newline_token is None


class TestSpecialTokensInText:
    @pytest.mark.parametrize("token", [*SPECIAL, "<mask_1>", "<unk_7>"])
    @pytest.mark.parametrize("offset", [0, 103])
    def test_special_tokens_written_in_a_text_stay_text(
        self, vocabulary: Path, token: str, offset: int
    ) -> None:
        tokenizer = PegasusTokenizer(vocabulary, offset=offset, additional_special_tokens=["[MASK]"])
        ids = tokenizer(f"The {token} sea{token}", add_special_tokens=False).input_ids
        assert set(ids) & set(tokenizer.all_special_ids) <= {tokenizer.unk_token_id}
        assert tokenizer.convert_tokens_to_ids(token) not in set(ids) - {tokenizer.unk_token_id}

    def test_characters_that_normalise_to_special_tokens_stay_text(self, tokenizer: PegasusTokenizer) -> None:
        ids = tokenizer("The \uff1cs\uff1e sea", add_special_tokens=False).input_ids
        assert tokenizer.bos_token_id not in ids

    def test_letters_of_special_tokens_in_a_text_are_kept(self, tokenizer: PegasusTokenizer) -> None:
        plain = PegasusTokenizer(tokenizer.vocab_file, offset=0, bos_token=None)
        assert plain.convert_tokens_to_ids("<s>") in plain("see <s>the</s>").input_ids
        assert [piece for piece in tokenizer.tokenize("<s>") if piece not in ("▁", "<unk>")] == ["s"]


class TestEncoding:
    def test_tensors_are_int64_with_a_batch_dimension(self, tokenizer: PegasusTokenizer) -> None:
        one = tokenizer("the sea", return_tensors="pt", return_offsets_mapping=True)
        assert one.input_ids.shape == one.attention_mask.shape == one.offset_mapping.shape[:2]
        assert one.input_ids.dtype == torch.long
        assert one.input_ids.tolist() == [tokenizer.encode("the sea")]
        assert tokenizer.encode("the sea", return_tensors="pt").equal(one.input_ids)

    def test_tensors_of_rows_of_different_lengths_are_refused(self, tokenizer: PegasusTokenizer) -> None:
        with pytest.raises(TokenizerError, match="padding=True"):
            tokenizer(["the sea", "the"], return_tensors="pt")

    def test_an_encoding_is_a_dict_with_attributes(self, tokenizer: PegasusTokenizer) -> None:
        encoding = tokenizer("the sea", return_tensors="pt")
        assert dict(**encoding).keys() == {"input_ids", "attention_mask"}
        assert encoding.input_ids is encoding["input_ids"]
        with pytest.raises(AttributeError, match="no 'labels', only input_ids, attention_mask"):
            _ = encoding.labels

    def test_batch_encoding_to_moves_tensors_and_leaves_lists(self) -> None:
        encoding = BatchEncoding(input_ids=torch.zeros(1, 2), texts=["a"])
        assert encoding.to("meta") is encoding
        assert encoding.input_ids.device.type == "meta"
        assert encoding.texts == ["a"]

    def test_encoding_to_lists_does_not_import_torch(self, vocabulary: Path) -> None:
        program = (
            "import sys; from bigbird_pegasus.tokenization.tokenizer import PegasusTokenizer as P;"
            f"t = P({str(vocabulary)!r}, offset=0);"
            "t.decode(t('the sea', return_offsets_mapping=True).input_ids);"
            "sys.exit('torch' in sys.modules)"
        )
        assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0

    def test_a_pickled_tokenizer_is_the_same(self, tokenizer: PegasusTokenizer) -> None:
        copy = pickle.loads(pickle.dumps(tokenizer))
        assert copy(DOCUMENT + "<s>") == tokenizer(DOCUMENT + "<s>")


class TestDecode:
    def test_ids_of_every_form_are_decoded(self, tokenizer: PegasusTokenizer) -> None:
        ids = tokenizer.encode("the sea", add_special_tokens=False)
        assert tokenizer.decode(ids) == tokenizer.decode(torch.tensor(ids)) == "the sea"
        assert tokenizer.decode(tokenizer.convert_tokens_to_ids("▁the")) == "the"
        assert tokenizer.decode(torch.tensor(ids[0])) == tokenizer.decode(ids[0])
        assert tokenizer.decode([]) == ""

    def test_many_rows_are_decoded_to_many_texts(self, tokenizer: PegasusTokenizer) -> None:
        rows = tokenizer(["the sea", "the\nmill"], padding=True, return_tensors="pt").input_ids
        expected = ["the sea", "the\nmill"]
        for sequences in (rows, list(rows), rows.tolist()):
            assert tokenizer.batch_decode(sequences, skip_special_tokens=True) == expected
            assert tokenizer.decode(sequences, skip_special_tokens=True) == expected

    def test_special_tokens_show_unless_skipped(self, tokenizer: PegasusTokenizer) -> None:
        ids = tokenizer.convert_tokens_to_ids(["<s>", "▁the", "<unk>", "</s>", "<pad>"])
        assert tokenizer.decode(ids) == "<s> the<unk></s><pad>"
        assert tokenizer.decode(ids, skip_special_tokens=True) == "the"
        assert tokenizer.convert_ids_to_tokens(ids, skip_special_tokens=True) == ["▁the"]

    def test_spaces_before_punctuation_stay_unless_cleaned(self, tokenizer: PegasusTokenizer) -> None:
        ids = tokenizer.encode("the sea , the mill .", add_special_tokens=False)
        assert tokenizer.decode(ids) == "the sea , the mill ."
        assert tokenizer.decode(ids, clean_up_tokenization_spaces=True) == "the sea, the mill."

    @pytest.mark.parametrize("index", [-100, 10_000_000])
    def test_decoding_an_unknown_id_names_it(self, tokenizer: PegasusTokenizer, index: int) -> None:
        with pytest.raises(TokenizerError, match=f"{index} is no id"):
            tokenizer.decode([5, index])

    @settings(max_examples=100, deadline=None)
    @given(st.lists(st.sampled_from([*" ".join(SENTENCES).split(), "\n"]), max_size=30))
    def test_text_of_known_pieces_survives_encoding_and_decoding(
        self, tokenizer: PegasusTokenizer, words: list[str]
    ) -> None:
        text = " ".join(words)
        expected = text.rstrip(" ") if not text.startswith(" ") else text.strip(" ")
        assert tokenizer.decode(tokenizer(text).input_ids, skip_special_tokens=True) == expected


def test_published_arguments_of_from_pretrained_are_accepted(vocabulary: Path, tmp_path: Path) -> None:
    PegasusTokenizer(vocabulary, offset=0).save_pretrained(tmp_path / "inner")
    accepted: dict[str, Any] = {
        "do_lower_case": True,
        "add_prefix_space": True,
        "use_fast": True,
        "legacy": False,
        "trust_remote_code": True,
        "token": None,
        "config": None,
    }
    tokenizer = PegasusTokenizer.from_pretrained(tmp_path, subfolder="inner", cache_dir=tmp_path, **accepted)
    assert tokenizer.vocab_file == tmp_path / "inner" / "spiece.model"
