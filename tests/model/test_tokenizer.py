"""The tokenizer, on two small vocabularies trained here: one as PEGASUS builds them, one without ``<n>``."""

import io
import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
import torch
from bigbird_pegasus.encoding import BatchEncoding
from bigbird_pegasus.errors import TokenizerError
from bigbird_pegasus.tokenizer import PegasusTokenizer
from hypothesis import given, settings
from hypothesis import strategies as st

SENTENCES = [
    "The tide gate at the old mill opens when the river is higher than the sea.",
    "Each spring the engineers measure the water, the wind and the salt in the soil.",
    "A model of the harbour was built in 1957 to test the effect of dredging on the currents.",
    "The results were printed on paper, bound and sent to the ministry; nobody read them!",
    "Why should a document of forty pages be read twice? Because the second reading is cheaper.",
    "Sampling, cleaning, training and testing took the authors three weeks (see the appendix).",
]
SPECIAL = ["<pad>", "</s>", "<unk>", "<s>", "[MASK]"]
DOCUMENT = "The tide gate opens.\n\nThe river is higher than the sea.\r\nThe engineers measure it.\n"


def train_vocabulary(path: Path, **options: Any) -> Path:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES * 20), model_writer=model, minloglevel=2, num_threads=1, **options
    )
    path.write_bytes(model.getvalue())
    return path


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``<pad>`` 0, ``</s>`` 1, ``<unk>`` 2; ``<s>``, ``<n>`` and ``[MASK]`` user-defined, as published."""
    return train_vocabulary(
        tmp_path_factory.mktemp("vocabulary") / "spiece.model",
        vocab_size=100,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        user_defined_symbols=["<s>", "<n>", "[MASK]"],
    )


@pytest.fixture(scope="module")
def plain_vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_vocabulary(
        tmp_path_factory.mktemp("plain") / "spiece.model",
        vocab_size=80,
        pad_id=3,
        eos_id=2,
        unk_id=1,
        bos_id=0,
    )


@pytest.fixture(scope="module")
def tokenizer(vocabulary: Path) -> PegasusTokenizer:
    return PegasusTokenizer(vocabulary, offset=0, mask_token="[MASK]", mask_token_sent=None)


def write_folder(folder: Path, vocabulary: Path, **config: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "spiece.model").write_bytes(vocabulary.read_bytes())
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


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

    def test_every_id_has_one_piece_and_back(self, vocabulary: Path) -> None:
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
    def test_needed_tokens_must_exist(self, vocabulary: Path, name: str) -> None:
        with pytest.raises(TokenizerError, match="has no piece <x>"):
            PegasusTokenizer(vocabulary, offset=0, **{name: "<x>"})

    def test_the_unknown_token_must_be_the_unknown_piece(self, vocabulary: Path) -> None:
        with pytest.raises(TokenizerError, match="<n> is not the unknown piece"):
            PegasusTokenizer(vocabulary, offset=0, unk_token="<n>")


class TestNewlines:
    def test_newlines_survive_the_way_there_and_back(self, tokenizer: PegasusTokenizer) -> None:
        ids = tokenizer(DOCUMENT).input_ids
        assert ids.count(tokenizer.convert_tokens_to_ids("<n>")) == 4
        assert tokenizer.decode(ids, skip_special_tokens=True) == DOCUMENT.replace("\r\n", "\n")

    @pytest.mark.parametrize("newline", ["\r\n", "\r", "<n>"])
    def test_every_way_to_write_a_newline_is_one_token(
        self, tokenizer: PegasusTokenizer, newline: str
    ) -> None:
        assert tokenizer(f"The sea{newline}The mill") == tokenizer("The sea\nThe mill")

    def test_decoded_text_never_shows_the_piece(self, tokenizer: PegasusTokenizer) -> None:
        spelt = tokenizer.convert_tokens_to_ids(["▁the", "<n>", "n"])
        assert tokenizer.decode(spelt) == "the\nn"
        assert "<n>" not in tokenizer.decode(range(len(tokenizer)))

    def test_without_the_piece_newlines_are_spaces(self, plain_vocabulary: Path) -> None:
        plain = PegasusTokenizer(plain_vocabulary, offset=0)
        assert plain.newline_token is None
        assert plain("The sea\nThe mill").input_ids == plain("The sea The mill").input_ids
        assert plain("The sea\nThe", return_offsets_mapping=True).offset_mapping[-2][1] == len("The sea\nThe")

    def test_a_configuration_cannot_turn_newlines_off(self, vocabulary: Path) -> None:
        tokenizer = PegasusTokenizer(vocabulary, offset=0, additional_special_tokens=["<n>"])
        assert tokenizer.decode(tokenizer("a\nb").input_ids, skip_special_tokens=True).count("\n") == 1

    def test_a_control_piece_is_no_newline(self, tmp_path: Path) -> None:
        path = train_vocabulary(tmp_path / "x.model", vocab_size=80, control_symbols=["<n>"], pad_id=3)
        assert PegasusTokenizer(path, offset=0).newline_token is None


class TestSpecialTokensInText:
    @pytest.mark.parametrize("token", [*SPECIAL, "<mask_1>", "<unk_7>"])
    @pytest.mark.parametrize("offset", [0, 103])
    def test_text_cannot_hold_special_tokens(self, vocabulary: Path, token: str, offset: int) -> None:
        tokenizer = PegasusTokenizer(vocabulary, offset=offset, additional_special_tokens=["[MASK]"])
        ids = tokenizer(f"The {token} sea{token}", add_special_tokens=False).input_ids
        assert set(ids) & set(tokenizer.all_special_ids) <= {tokenizer.unk_token_id}
        assert tokenizer.convert_tokens_to_ids(token) not in set(ids) - {tokenizer.unk_token_id}

    def test_nor_by_characters_that_normalise_to_them(self, tokenizer: PegasusTokenizer) -> None:
        ids = tokenizer("The \uff1cs\uff1e sea", add_special_tokens=False).input_ids
        assert tokenizer.bos_token_id not in ids

    def test_the_letters_between_the_brackets_are_kept(self, tokenizer: PegasusTokenizer) -> None:
        plain = PegasusTokenizer(tokenizer.vocab_file, offset=0, bos_token=None)
        assert plain.convert_tokens_to_ids("<s>") in plain("see <s>the</s>").input_ids
        assert [piece for piece in tokenizer.tokenize("<s>") if piece not in ("▁", "<unk>")] == ["s"]


class TestSpans:
    def spans(self, tokenizer: PegasusTokenizer, text: str) -> list[tuple[str, str]]:
        found = tokenizer(text, return_offsets_mapping=True)
        pieces = tokenizer.convert_ids_to_tokens(found.input_ids)
        return [(piece, text[a:b]) for piece, (a, b) in zip(pieces, found.offset_mapping, strict=True)]

    def test_spans_point_into_the_text_as_passed(self, tokenizer: PegasusTokenizer) -> None:
        text = "  the \r\n ﬁ\u200bthe①"
        expected = [("▁the", "the"), ("▁", ""), ("<n>", "\r\n")]
        assert self.spans(tokenizer, text)[:3] == expected
        assert ("▁the", "the") in self.spans(tokenizer, text)[3:]
        assert "".join(surface for _, surface in self.spans(tokenizer, text)).endswith("ﬁthe①")

    def test_end_and_padding_have_empty_spans(self, tokenizer: PegasusTokenizer) -> None:
        found = tokenizer(["the sea", "the"], padding=True, return_offsets_mapping=True)
        padded = [span for span, i in zip(found.offset_mapping[1], found.input_ids[1], strict=True) if i < 2]
        assert set(padded) == {(0, 0)}
        assert all(len(a) == len(b) for a, b in zip(found.offset_mapping, found.input_ids, strict=True))

    def test_ids_are_the_same_with_and_without_spans(self, tokenizer: PegasusTokenizer) -> None:
        text = "\n".join(SENTENCES * 30)
        assert tokenizer(text, return_offsets_mapping=True).input_ids == tokenizer(text).input_ids

    def test_spans_follow_truncation(self, tokenizer: PegasusTokenizer) -> None:
        whole = tokenizer(DOCUMENT, return_offsets_mapping=True).offset_mapping
        cut = tokenizer(DOCUMENT, return_offsets_mapping=True, truncation=True, max_length=6).offset_mapping
        assert cut == [*whole[:5], (0, 0)]

    def test_spans_of_a_pair_point_into_each_text(self, tokenizer: PegasusTokenizer) -> None:
        pair = tokenizer("the sea", "the mill", return_offsets_mapping=True).offset_mapping
        first, second = (
            tokenizer(t, return_offsets_mapping=True).offset_mapping for t in ("the sea", "the mill")
        )
        assert pair == [*first[:-1], *second]

    @settings(max_examples=300, deadline=None)
    @given(
        text=st.lists(
            st.sampled_from(
                [*"  ae\n\r\t\0<>▁", *SPECIAL, "<n>", "\r\n", "ﬁ", "½", "①", "e\u0301", "\u0301", "日本"]
            )
            | st.sampled_from(
                ["😀", "👩\u200d👩\u200d👧", "\u200b", "\ufeff", "\ud800", "\udfff", "가", "the ", "…"]
            )
            | st.characters(exclude_categories=()),
            max_size=40,
        ).map("".join)
    )
    def test_spans_ascend_and_cover_every_character(self, tokenizer: PegasusTokenizer, text: str) -> None:
        found = tokenizer(text, return_offsets_mapping=True, add_special_tokens=False)
        assert len(found.input_ids) == len(found.offset_mapping)
        edges = [0, *(edge for span in found.offset_mapping for edge in span), len(text)]
        assert edges == sorted(edges)
        covered = {position for a, b in found.offset_mapping for position in range(a, b)}
        visible = {i for i, character in enumerate(text) if tokenizer.tokenize(character)}
        assert visible <= covered
        # a surrogate is read as U+FFFD, one for one
        repaired = "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)
        assert tokenizer(repaired, return_offsets_mapping=True, add_special_tokens=False) == found

    @settings(max_examples=50, deadline=None)
    @given(
        st.lists(st.sampled_from([*" ".join(SENTENCES).split(), "\n", "日", "½ "]), min_size=50, max_size=400)
    )
    def test_long_texts_have_the_pieces_of_their_words(
        self, tokenizer: PegasusTokenizer, words: list[str]
    ) -> None:
        text = " ".join(words)
        whole = tokenizer._vocabulary.encode(text.replace("\n", "<n>"))
        # equally good ways to cut a word may differ, so compare the words and how many there are
        spelt = "".join(tokenizer.convert_ids_to_tokens(whole))
        assert "".join(tokenizer.tokenize(text)) == spelt

    @pytest.mark.parametrize("unit", ["the sea\n", "a", " ", "日", "e\u0301 "])
    def test_very_long_texts_take_linear_time(self, tokenizer: PegasusTokenizer, unit: str) -> None:
        text = unit * (1_000_000 // len(unit))  # a quadratic step would take hours here
        found = tokenizer(text, return_offsets_mapping=True, truncation=True, max_length=5)
        assert len(found.input_ids) <= 5

    def test_five_megabytes_are_encoded_whole(self, tokenizer: PegasusTokenizer) -> None:
        sentence = SENTENCES[0] + " "
        count = 5_000_000 // len(sentence)
        once = tokenizer(SENTENCES[0], add_special_tokens=False).input_ids
        assert tokenizer(sentence * count, add_special_tokens=False).input_ids == once * count


class TestLengths:
    @pytest.mark.parametrize("length", [1, 2, 7, 1000])
    def test_truncation_keeps_the_end_token(self, tokenizer: PegasusTokenizer, length: int) -> None:
        whole = tokenizer(SENTENCES[0]).input_ids
        cut = tokenizer(SENTENCES[0], truncation=True, max_length=length).input_ids
        assert cut == (whole if length > len(whole) else [*whole[: length - 1], tokenizer.eos_token_id])

    def test_truncation_without_a_length_uses_the_model_s(self, vocabulary: Path) -> None:
        tokenizer = PegasusTokenizer(vocabulary, offset=0, model_max_length=9)
        assert len(tokenizer(SENTENCES[0], truncation=True).input_ids) == 9
        assert len(tokenizer(SENTENCES[0]).input_ids) > 9

    def test_a_length_alone_truncates_and_false_forbids_it(self, tokenizer: PegasusTokenizer) -> None:
        assert len(tokenizer(SENTENCES[0], max_length=4).input_ids) == 4
        whole = tokenizer(SENTENCES[0])
        for refusal in (False, "do_not_truncate"):
            assert tokenizer(SENTENCES[0], max_length=4, truncation=refusal) == whole

    def test_without_special_tokens_all_room_is_text(self, tokenizer: PegasusTokenizer) -> None:
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

    def test_one_text_is_padded_too(self, tokenizer: PegasusTokenizer) -> None:
        assert len(tokenizer("the", padding="max_length", max_length=12).input_ids) == 12
        assert len(tokenizer("the", padding=True, pad_to_multiple_of=8).input_ids) == 8

    def test_no_texts_are_an_empty_batch(self, tokenizer: PegasusTokenizer) -> None:
        assert tokenizer([]) == {"input_ids": [], "attention_mask": []}
        assert tokenizer([], padding=True, return_tensors="pt").input_ids.numel() == 0

    def test_an_empty_text_is_the_end_token(self, tokenizer: PegasusTokenizer) -> None:
        assert tokenizer("").input_ids == tokenizer(" \t ").input_ids == [tokenizer.eos_token_id]

    def test_pairs_stand_behind_each_other(self, tokenizer: PegasusTokenizer) -> None:
        first, second = tokenizer("the sea").input_ids[:-1], tokenizer("the mill").input_ids
        assert tokenizer("the sea", "the mill").input_ids == first + second
        assert tokenizer(["the sea"], ["the mill"]).input_ids == [first + second]

    def test_pairs_are_cut_as_asked(self, tokenizer: PegasusTokenizer) -> None:
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
    def test_what_is_no_text_is_refused(self, tokenizer: PegasusTokenizer, text: Any) -> None:
        with pytest.raises(TokenizerError, match="must be a str"):
            tokenizer(text)

    def test_nothing_to_encode_is_refused(self, tokenizer: PegasusTokenizer) -> None:
        with pytest.raises(TokenizerError, match="nothing to encode"):
            tokenizer()

    def test_padding_to_no_limit_is_refused(self, vocabulary: Path) -> None:
        unlimited = PegasusTokenizer(vocabulary, offset=0, model_max_length=1e30)
        assert len(unlimited(SENTENCES, truncation=True, padding=True, pad_to_multiple_of=64).input_ids) == 6
        with pytest.raises(TokenizerError, match="needs a max_length"):
            unlimited("the", padding="max_length")


class TestEncoding:
    def test_tensors_are_int64_with_a_batch_dimension(self, tokenizer: PegasusTokenizer) -> None:
        one = tokenizer("the sea", return_tensors="pt", return_offsets_mapping=True)
        assert one.input_ids.shape == one.attention_mask.shape == one.offset_mapping.shape[:2]
        assert one.input_ids.dtype == torch.long
        assert one.input_ids.tolist() == [tokenizer.encode("the sea")]
        assert tokenizer.encode("the sea", return_tensors="pt").equal(one.input_ids)

    def test_rows_of_different_lengths_make_no_tensor(self, tokenizer: PegasusTokenizer) -> None:
        with pytest.raises(TokenizerError, match="padding=True"):
            tokenizer(["the sea", "the"], return_tensors="pt")

    def test_an_encoding_is_a_dict_with_attributes(self, tokenizer: PegasusTokenizer) -> None:
        encoding = tokenizer("the sea", return_tensors="pt")
        assert dict(**encoding).keys() == {"input_ids", "attention_mask"}
        assert encoding.input_ids is encoding["input_ids"]
        with pytest.raises(AttributeError, match="no 'labels', only input_ids, attention_mask"):
            _ = encoding.labels

    def test_to_moves_tensors_and_leaves_lists(self) -> None:
        encoding = BatchEncoding(input_ids=torch.zeros(1, 2), texts=["a"])
        assert encoding.to("meta") is encoding
        assert encoding.input_ids.device.type == "meta"
        assert encoding.texts == ["a"]

    def test_lists_need_no_torch(self, vocabulary: Path) -> None:
        program = (
            "import sys; from bigbird_pegasus.tokenizer import PegasusTokenizer as P;"
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
    def test_an_id_that_does_not_exist_is_named(self, tokenizer: PegasusTokenizer, index: int) -> None:
        with pytest.raises(TokenizerError, match=f"{index} is no id"):
            tokenizer.decode([5, index])

    @settings(max_examples=100, deadline=None)
    @given(st.lists(st.sampled_from([*" ".join(SENTENCES).split(), "\n"]), max_size=30))
    def test_known_text_survives(self, tokenizer: PegasusTokenizer, words: list[str]) -> None:
        text = " ".join(words)
        expected = text.rstrip(" ") if not text.startswith(" ") else text.strip(" ")
        assert tokenizer.decode(tokenizer(text).input_ids, skip_special_tokens=True) == expected


class TestFolders:
    def test_a_published_folder_is_read(self, vocabulary: Path, tmp_path: Path) -> None:
        config = {"offset": 0, "model_max_length": 77, "mask_token": {"content": "[MASK]", "lstrip": False}}
        folder = write_folder(
            tmp_path, vocabulary, **config, mask_token_sent=None, name_or_path="x", pad_token=None
        )
        tokenizer = PegasusTokenizer.from_pretrained(folder)
        assert (tokenizer.offset, tokenizer.model_max_length, tokenizer.mask_token) == (0, 77, "[MASK]")
        assert PegasusTokenizer.from_pretrained(str(folder), model_max_length=5).model_max_length == 5

    @pytest.mark.parametrize("token", ["[MASK]", "x" * 300, "\ud800", "", None])
    def test_any_listed_special_token_is_taken_or_ignored(
        self, vocabulary: Path, tmp_path: Path, token: str | None
    ) -> None:
        folder = write_folder(tmp_path, vocabulary, offset=0, additional_special_tokens=[token])
        expected = ["[MASK]"] if token == "[MASK]" else []
        assert PegasusTokenizer.from_pretrained(folder).additional_special_tokens == expected

    def test_the_special_tokens_map_fills_what_is_missing(self, vocabulary: Path, tmp_path: Path) -> None:
        folder = write_folder(tmp_path, vocabulary, offset=0)
        (folder / "special_tokens_map.json").write_text('{"mask_token": "[MASK]"}', encoding="utf-8")
        assert PegasusTokenizer.from_pretrained(folder).mask_token == "[MASK]"

    @pytest.mark.parametrize("offset", [0, 103])
    def test_a_saved_tokenizer_loads_as_it_was(self, vocabulary: Path, tmp_path: Path, offset: int) -> None:
        tokenizer = PegasusTokenizer(vocabulary, offset=offset, model_max_length=99, mask_token="[MASK]")
        tokenizer.save_pretrained(tmp_path / "new" / "folder")
        loaded = PegasusTokenizer.from_pretrained(tmp_path / "new" / "folder")
        text = DOCUMENT + " ".join(SPECIAL)
        assert loaded(text, return_offsets_mapping=True) == tokenizer(text, return_offsets_mapping=True)
        assert loaded.all_special_ids == tokenizer.all_special_ids
        assert loaded.model_max_length == 99
        loaded.save_pretrained(tmp_path / "new" / "folder")  # over itself
        assert PegasusTokenizer.from_pretrained(tmp_path / "new" / "folder")(text) == tokenizer(text)

    def test_a_missing_folder_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(TokenizerError, match="absent is not a folder"):
            PegasusTokenizer.from_pretrained(tmp_path / "absent")

    def test_a_missing_vocabulary_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(TokenizerError, match=r"has no spiece\.model$"):
            PegasusTokenizer.from_pretrained(tmp_path)

    def test_a_folder_with_tokenizer_json_alone_says_what_to_do(self, tmp_path: Path) -> None:
        (tmp_path / "tokenizer.json").write_text("{}", encoding="utf-8")
        with pytest.raises(
            TokenizerError, match=r"has no spiece\.model; tokenizer\.json alone is not enough"
        ):
            PegasusTokenizer.from_pretrained(tmp_path)

    @pytest.mark.parametrize("name", ["tokenizer_config.json", "special_tokens_map.json", "config.json"])
    @pytest.mark.parametrize("content", [b"{", b"[]", b"\xff\xfe", b""])
    def test_a_corrupt_json_file_is_named(
        self, vocabulary: Path, tmp_path: Path, name: str, content: bytes
    ) -> None:
        folder = write_folder(tmp_path, vocabulary, offset=0)
        (folder / name).write_bytes(content)
        with pytest.raises(TokenizerError, match=name) as caught:
            PegasusTokenizer.from_pretrained(folder)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        ("config", "message"),
        [
            ({"offset": 5}, "offset is 5"),
            ({"offset": [0]}, "offset is"),
            ({"offset": 0, "model_max_length": "long"}, "model_max_length is 'long'"),
            ({"offset": 0, "eos_token": 7}, "eos_token of"),
            ({"offset": 0, "additional_special_tokens": "<x>"}, "is no list"),
            ({"offset": 0, "additional_special_tokens": [7]}, "additional_special_tokens of"),
        ],
    )
    def test_an_impossible_configuration_is_refused(
        self, vocabulary: Path, tmp_path: Path, config: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(TokenizerError, match=message):
            PegasusTokenizer.from_pretrained(write_folder(tmp_path, vocabulary, **config))

    def test_more_ids_than_the_model_has_are_refused(self, vocabulary: Path, tmp_path: Path) -> None:
        folder = write_folder(tmp_path, vocabulary)  # says no offset, so that of PEGASUS
        (folder / "config.json").write_text('{"vocab_size": 100}', encoding="utf-8")
        with pytest.raises(TokenizerError, match=r"has 203 ids, but the vocab_size in config\.json is 100"):
            PegasusTokenizer.from_pretrained(folder)
        assert len(PegasusTokenizer.from_pretrained(folder, offset=0)) == 100

    def test_a_missing_vocabulary_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(TokenizerError, match=r"cannot read the vocabulary .*x\.model: No such file"):
            PegasusTokenizer(tmp_path / "x.model", offset=0)

    @pytest.mark.parametrize(
        "content",
        [b"", b"\n", b"garbage " * 100, b"version https://git-lfs.github.com/spec/v1\n", b"\xff" * 64],
    )
    def test_a_file_that_is_no_vocabulary_is_refused_in_one_line(
        self, tmp_path: Path, content: bytes, capfd: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "spiece.model").write_bytes(content)
        with pytest.raises(
            TokenizerError, match=r"spiece\.model is (empty|not a SentencePiece model)"
        ) as caught:
            PegasusTokenizer.from_pretrained(tmp_path, offset=0)
        assert "\n" not in str(caught.value)
        assert capfd.readouterr() == ("", "")

    def test_a_vocabulary_cut_short_is_refused(self, vocabulary: Path, tmp_path: Path) -> None:
        whole = vocabulary.read_bytes()
        expected = PegasusTokenizer(vocabulary, offset=0)(DOCUMENT)
        path = tmp_path / "spiece.model"
        refused = 0
        for length in range(0, len(whole), len(whole) // 250):
            path.write_bytes(whole[:length])
            try:
                # behind the pieces, the trainer and the normalizer there is nothing that we need
                assert PegasusTokenizer(path, offset=0)(DOCUMENT) == expected
            except TokenizerError as error:
                assert "not a SentencePiece model" in str(error) or "is empty" in str(error)  # noqa: PT017
                refused = length
        assert refused > 0.95 * len(whole)

    def test_a_vocabulary_cut_between_two_pieces_is_refused(self, vocabulary: Path, tmp_path: Path) -> None:
        whole = vocabulary.read_bytes()
        second = 2 + whole[1]  # a piece is a tag, its length below 128, and so many bytes
        third = second + 2 + whole[second + 1]
        end = third + 2 + whole[third + 1]
        (tmp_path / "spiece.model").write_bytes(whole[:end])
        with pytest.raises(TokenizerError, match="or it is damaged"):
            PegasusTokenizer(tmp_path / "spiece.model", offset=0)
