"""Vocabularies that grow, against transformers' PegasusTokenizer."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
import transformers
from bigbird_pegasus import BigBirdPegasusForConditionalGeneration
from bigbird_pegasus.errors import TokenizerError
from bigbird_pegasus.tokenization.tokenizer import PegasusTokenizer

from tests.cli.checkpoints import small_config
from tests.model.vocabularies import train_vocabulary

NEW = ["tidegate", "<new>", "mill-", "mill-wheel", "blåbær", "the"]
SPECIAL = {"cls_token": "[CLS]", "additional_special_tokens": ["<sp1>", "<sp2>"]}
WORDS = ["The", "river", *NEW, *NEW, "[CLS]", "<sp1>", "<sp2>", "is", "higher", "than", "sea."]

Pair = tuple[PegasusTokenizer, Any]


def write_folder(folder: Path, offset: int) -> Path:
    ids = {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}
    train_vocabulary(folder / "spiece.model", vocab_size=100, user_defined_symbols=["<s>"], **ids)
    tokens: dict[str, Any] = {"mask_token": None, "mask_token_sent": None} if offset == 0 else {}
    PegasusTokenizer(folder / "spiece.model", offset=offset, **tokens).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module", params=[0, 103])
def grown(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Both tokenizers with the same tokens added."""
    folder = write_folder(tmp_path_factory.mktemp("vocabulary"), request.param)
    ours, theirs = (c.from_pretrained(folder) for c in (PegasusTokenizer, transformers.PegasusTokenizer))
    assert ours.add_tokens(NEW) == theirs.add_tokens(NEW) == len(NEW)
    assert ours.add_tokens(NEW[0]) == theirs.add_tokens(NEW[0]) == 0
    assert ours.add_special_tokens(SPECIAL) == theirs.add_special_tokens(SPECIAL) == 3
    return ours, theirs


def texts(count: int) -> list[str]:
    """Words in a row, with and without the spaces between them."""
    draw = random.Random(0)
    return [
        "".join(draw.choice(WORDS) + draw.choice(["", " ", " ", "  "]) for _ in range(9)).strip()
        for _ in range(count)
    ]


def test_added_tokens_have_the_published_ids(grown: Pair) -> None:
    ours, theirs = grown
    assert (len(ours), ours.vocab_size) == (len(theirs), theirs.vocab_size)
    for token in [*NEW, *SPECIAL["additional_special_tokens"], "[CLS]", "</s>", "river", "none of them"]:
        assert ours.convert_tokens_to_ids(token) == theirs.convert_tokens_to_ids(token)
    assert (ours.cls_token_id, ours.additional_special_tokens) == (theirs.cls_token_id, ["<sp1>", "<sp2>"])
    known = theirs.get_added_vocab()
    assert {token: known[token] for token in ours.get_added_vocab()} == ours.get_added_vocab()
    assert ours.added_tokens_decoder == {index: token for token, index in ours.get_added_vocab().items()}


def test_texts_with_added_tokens_are_encoded_as_published(grown: Pair) -> None:
    ours, theirs = grown
    for text in texts(300):
        mine, other = ours(text, return_offsets_mapping=True), theirs(text, return_offsets_mapping=True)
        assert mine.input_ids == other.input_ids, text
        assert mine.word_ids() == other.word_ids(), text
        for (start, end), (_, other_end) in zip(mine.offset_mapping, other.offset_mapping, strict=True):
            assert end == other_end or start == end, text
        for skip in (True, False):
            assert ours.decode(mine.input_ids, skip) == theirs.decode(mine.input_ids, skip), text
        assert ours.tokenize(text) == theirs.tokenize(text)


def test_added_tokens_are_saved_and_read_by_both(grown: Pair, tmp_path: Path) -> None:
    ours, _ = grown
    ours.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "added_tokens.json").read_text()) == ours.get_added_vocab()
    again = PegasusTokenizer.from_pretrained(tmp_path)
    theirs = transformers.PegasusTokenizer.from_pretrained(tmp_path)
    assert (again.all_special_ids, again.cls_token) == (ours.all_special_ids, "[CLS]")
    for text in texts(50):
        assert again(text).input_ids == ours(text).input_ids == theirs(text).input_ids
    # folders of transformers 4 without `added_tokens_decoder`
    config = json.loads((tmp_path / "tokenizer_config.json").read_text())
    del config["added_tokens_decoder"]
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    older = PegasusTokenizer.from_pretrained(tmp_path)
    assert all(older(text).input_ids == ours(text).input_ids for text in texts(50))
    PegasusTokenizer(ours.vocab_file, offset=ours.offset).save_pretrained(tmp_path)
    assert not PegasusTokenizer.from_pretrained(tmp_path).get_added_vocab()


def test_a_model_grows_with_its_tokenizer(tmp_path: Path) -> None:
    tokenizer = PegasusTokenizer.from_pretrained(write_folder(tmp_path, 0))
    model = BigBirdPegasusForConditionalGeneration(
        small_config(tokenizer, "BigBirdPegasusForConditionalGeneration")
    )
    model.save_pretrained(tmp_path)
    tokenizer.add_tokens(["tidegate"])
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(TokenizerError, match="resize_token_embeddings of the model, and save it"):
        PegasusTokenizer.from_pretrained(tmp_path)
    model.resize_token_embeddings(len(tokenizer))
    model.save_pretrained(tmp_path)
    again = PegasusTokenizer.from_pretrained(tmp_path)
    ids = again("the tidegate", return_tensors="pt").input_ids
    assert again.decode(model.generate(ids, max_new_tokens=3, bad_words_ids=[[1]])[0])
    assert len(again) == model.config.vocab_size == 101


def test_a_special_token_may_be_replaced(tmp_path: Path) -> None:
    tokenizer = PegasusTokenizer.from_pretrained(write_folder(tmp_path, 103))
    tokenizer.pad_token = tokenizer.eos_token
    assert tokenizer.pad_token_id == tokenizer.eos_token_id
    assert tokenizer.add_special_tokens({"pad_token": "[PAD]"}) == 1
    assert tokenizer(["the", "the river"], padding=True).input_ids[0][-1] == len(tokenizer) - 1
    tokenizer.save_pretrained(tmp_path)
    assert PegasusTokenizer.from_pretrained(tmp_path).pad_token_id == tokenizer.pad_token_id
    tokenizer.bos_token_id = tokenizer.pad_token_id
    assert tokenizer.bos_token == "[PAD]"
    tokenizer.sep_token = None
    assert tokenizer.sep_token_id is None
    for value in (None, "<nowhere>"):
        with pytest.raises(TokenizerError, match="add_special_tokens first"):
            tokenizer.eos_token = value  # type: ignore[assignment]


def test_newlines_stay_beside_added_tokens(pegasus_vocabulary: Path) -> None:
    tokenizer = PegasusTokenizer(pegasus_vocabulary, offset=0)
    tokenizer.add_tokens("tidegate")
    text = "The tidegate\ntidegate \n\ntidegate opens"
    decoded = tokenizer.decode(tokenizer(text).input_ids, skip_special_tokens=True)
    assert decoded.replace(" \n", "\n") == text.replace(" \n", "\n")


def flagged(**flags: bool) -> Any:
    return transformers.AddedToken("<new>", **flags)


@pytest.mark.parametrize(
    ("added", "message"),
    [
        ("", "1 to 200 characters"),
        (["a" * 201], "1 to 200 characters"),
        (5, "not 5"),
        ([flagged(lstrip=True)], "'<new>' is to be added with lstrip=True, which is not offered"),
    ],
)
def test_what_cannot_be_added_is_refused(added: Any, message: str, tmp_path: Path) -> None:
    tokenizer = PegasusTokenizer.from_pretrained(write_folder(tmp_path, 0))
    with pytest.raises(TokenizerError, match=message):
        tokenizer.add_tokens(added)
    with pytest.raises(TokenizerError, match="additional_token is no special token"):
        tokenizer.add_special_tokens({"additional_token": "<new>"})
    assert tokenizer.add_tokens(flagged()) == 1


@pytest.mark.parametrize(
    ("decoder", "message"),
    [
        ([], None),
        ("a", "maps ids to tokens"),
        ({"x": "a"}, "'x' is no id"),
        ({"-1": "a"}, "'-1' is no id"),
        ({"100": 5}, "not 5"),
        ({"105": "<new>"}, "gives '<new>' the id 105, but it is 100"),
        ({"100": {"content": "<mask_2>", "special": True}}, None),
        ({"7": "<not-this>"}, None),
    ],
)
def test_added_tokens_of_a_configuration_are_checked(
    decoder: Any, message: str | None, tmp_path: Path
) -> None:
    folder = write_folder(tmp_path, 0)
    config = json.loads((folder / "tokenizer_config.json").read_text()) | {"added_tokens_decoder": decoder}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    (folder / "config.json").write_text(json.dumps({"vocab_size": 100}))
    if message is None:
        assert len(PegasusTokenizer.from_pretrained(folder)) == 100
        return
    with pytest.raises(TokenizerError, match=message):
        PegasusTokenizer.from_pretrained(folder)


def test_there_are_bounds(tmp_path: Path) -> None:
    tokenizer = PegasusTokenizer.from_pretrained(write_folder(tmp_path, 0))
    with pytest.raises(TokenizerError, match="more than 10000 tokens are added"):
        tokenizer.add_tokens([f"<{number}>" for number in range(10_001)])
