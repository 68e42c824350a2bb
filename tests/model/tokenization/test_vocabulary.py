"""The folder of a tokenizer: read, written, and refused where it cannot be one."""

from pathlib import Path
from typing import Any

import pytest
from bigbird_pegasus.errors import TokenizerError
from bigbird_pegasus.tokenization.tokenizer import PegasusTokenizer

from tests.model.vocabularies import DOCUMENT, SPECIAL, write_folder


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
            TokenizerError,
            match=r"spiece\.model (is empty|is not a SentencePiece model|cannot be read: it is a Git LFS)",
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
