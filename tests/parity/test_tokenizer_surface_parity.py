"""The published surface of the tokenizer against transformers' PegasusTokenizer: settings drawn at random."""

import json
import random
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
import transformers
from bigbird_pegasus.errors import TokenizerError
from bigbird_pegasus.tokenization.tokenizer import PegasusTokenizer

from tests.conftest import DOCUMENTS, SENTENCES
from tests.parity.test_tokenizer_parity import BIGBIRD_CONFIG

pytestmark = pytest.mark.filterwarnings("ignore:.max_length. is ignored")

WORDS = " ".join([*DOCUMENTS, *SENTENCES]).split()


@pytest.fixture(scope="module")
def folder(pegasus_vocabulary: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bigbird")
    (folder / "spiece.model").write_bytes(pegasus_vocabulary.read_bytes())
    (folder / "tokenizer_config.json").write_text(json.dumps(BIGBIRD_CONFIG), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def ours(folder: Path) -> PegasusTokenizer:
    return PegasusTokenizer.from_pretrained(folder)


@pytest.fixture(scope="module")
def theirs(folder: Path) -> Any:
    return transformers.PegasusTokenizer.from_pretrained(folder)


def drawn(seed: int) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Texts and settings of a call."""
    draw = random.Random(seed)
    split = draw.random() < 0.2

    def text() -> Any:
        words = [draw.choice(WORDS) for _ in range(draw.randint(1, 30))]
        return words if split else " ".join(words)

    single = draw.random() < 0.3
    arguments: tuple[Any, ...] = (text(),) if single else ([text() for _ in range(draw.randint(1, 4))],)
    kind = draw.random()
    if kind < 0.3:
        arguments += (text(),) if single else ([text() for _ in arguments[0]],)
    elif kind < 0.45 and not single:
        arguments = ([(one, text()) for one in arguments[0]],)
    is_pair = len(arguments) == 2 or (not single and isinstance(arguments[0][0], tuple))
    settings: dict[str, Any] = {
        "is_split_into_words": split,
        "add_special_tokens": draw.random() < 0.8,
        "padding": draw.choice([False, True, "longest", "max_length"]),
        "padding_side": draw.choice([None, "left", "right"]),
        "return_special_tokens_mask": draw.random() < 0.4,
        "return_length": draw.random() < 0.4,
        "return_attention_mask": draw.choice([None, True, False]),
        "pad_to_multiple_of": draw.choice([None, None, 8]),
    }
    settings["max_length"] = draw.choice([40, 48, 64])
    settings["truncation"] = draw.choice([False, "only_first", "longest_first"])
    if settings["truncation"] == "only_first" or (settings["truncation"] and not is_pair):
        settings["max_length"] = 64 if is_pair else 16
        settings["stride"] = draw.choice([0, 3, 7])
        settings["return_overflowing_tokens"] = draw.random() < 0.5
    if settings["truncation"] and settings["max_length"] in (40,):
        settings["pad_to_multiple_of"] = None
    if draw.random() < 0.3 and settings["padding"] == "max_length" and settings["truncation"]:
        settings["return_tensors"] = draw.choice(["np", "pt"])
    return arguments, settings


@pytest.mark.parametrize("start", range(0, 300, 50))
def test_calls_equal_those_of_transformers(start: int, ours: PegasusTokenizer, theirs: Any) -> None:
    for seed in range(start, start + 50):
        arguments, settings = drawn(seed)
        expected = theirs(*arguments, **settings)
        found = ours(*arguments, **settings)
        assert set(found) == set(expected), (seed, settings)
        for name in expected:
            if settings.get("return_tensors"):
                assert type(found[name]) is type(expected[name])
                assert numpy.asarray(found[name]).tolist() == numpy.asarray(expected[name]).tolist(), seed
            else:
                assert found[name] == expected[name], (seed, name, settings)
        _same_places(found, expected, seed)


def _same_places(found: Any, expected: Any, seed: int) -> None:
    ids = numpy.asarray(expected["input_ids"], dtype=object)
    rows = len(ids) if ids.ndim == 2 or isinstance(ids[0], list) else 1
    for row in range(rows):
        assert found.tokens(row) == expected.tokens(row), seed
        assert found.sequence_ids(row) == expected.sequence_ids(row), seed
        assert found.word_ids(row) == expected.word_ids(row), seed


def test_characters_lead_to_the_same_tokens(ours: PegasusTokenizer, theirs: Any) -> None:
    text, other = " ".join(WORDS[:40]), " ".join(WORDS[40:60])
    found = ours([text, text], [other, other], padding="max_length", max_length=200, padding_side="left")
    expected = theirs([text, text], [other, other], padding="max_length", max_length=200, padding_side="left")
    for sequence, source in enumerate((text, other)):
        for place, character in enumerate(source):
            if character != " ":  # transformers counts the space before a word to it
                told = expected.char_to_token(1, place, sequence)
                assert found.char_to_token(1, place, sequence) == told
                span = found.token_to_chars(1, told)
                assert span is not None
                assert span.end == expected.token_to_chars(1, told).end
    assert found.char_to_token(10_000) is None
    assert found.token_to_chars(0) is None
    assert found.n_sequences == 2


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("padding", [True, "max_length", False])
def test_pad_equals_that_of_transformers(
    side: str, padding: Any, ours: PegasusTokenizer, theirs: Any
) -> None:
    ids = [[5, 6, 7, 1], [8, 1]]
    many = {"input_ids": ids, "special_tokens_mask": [[0, 0, 0, 1], [0, 1]]}
    rows = [{"input_ids": row, "attention_mask": [1] * len(row)} for row in ids]
    for encoded in (many, rows, {"input_ids": ids[0]}):
        told = {
            "padding": padding,
            "max_length": 6 if padding == "max_length" else None,
            "padding_side": side,
        }
        copies = [json.loads(json.dumps(encoded)) for _ in range(2)]
        assert dict(ours.pad(copies[0], **told)) == dict(theirs.pad(copies[1], **told))
    tensors = [{"input_ids": torch.tensor(row)} for row in ids]
    found = ours.pad(tensors, return_tensors="pt")
    assert torch.equal(found["input_ids"], theirs.pad(tensors, return_tensors="pt")["input_ids"])


def test_the_small_methods_equal_those_of_transformers(ours: PegasusTokenizer, theirs: Any) -> None:
    text = " ".join(WORDS[:30])
    pieces = theirs.tokenize(text)
    assert ours.tokenize(text) == pieces
    assert ours.tokenize(text, add_special_tokens=True) == theirs.tokenize(text, add_special_tokens=True)
    assert ours.convert_tokens_to_string(pieces) == theirs.convert_tokens_to_string(pieces)
    for pair in (False, True):
        assert ours.num_special_tokens_to_add(pair) == theirs.num_special_tokens_to_add(pair)
    ids = [5, 1, 0, 105]
    assert ours.get_special_tokens_mask(ids, already_has_special_tokens=True) == (
        theirs.get_special_tokens_mask(ids, already_has_special_tokens=True)
    )
    assert ours.get_special_tokens_mask([5, 6], [7]) == [0, 0, 0, 1]
    assert ours.build_inputs_with_special_tokens([5], [6]) == [5, 6, 1]
    assert ours.special_tokens_map["eos_token"] == theirs.special_tokens_map["eos_token"]
    assert ours.vocab == ours.get_vocab()
    assert theirs.vocab.items() >= {piece: ours.vocab[piece] for piece in pieces}.items()


def test_an_encoding_becomes_tensors_in_place(ours: PegasusTokenizer) -> None:
    encoding = ours("Ice closed the harbour.")
    assert encoding.convert_to_tensors("pt", prepend_batch_axis=True) is encoding
    assert encoding["input_ids"].shape == (1, len(encoding.tokens()))
    assert isinstance(ours("ice").convert_to_tensors("np")["input_ids"], numpy.ndarray)
    assert ours("ice").data == dict(ours("ice"))


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        (("a", "b"), {"truncation": True, "max_length": 2, "return_overflowing_tokens": True}, "only_first"),
        (
            ("a b c d e f",),
            {"truncation": True, "max_length": 3, "stride": 2, "return_overflowing_tokens": True},
            "stride is 2",
        ),
        (("a",), {"stride": -1}, "stride is -1"),
        (("a",), {"padding_side": "top"}, "padding_side is 'top'"),
        (("a",), {"return_tensors": "tf"}, "return_tensors is 'tf'"),
        (("a",), {"is_split_into_words": True}, "a list of words"),
        ((5,), {}, "must be a str"),
        (([("a", "b"), "c"],), {}, "must be a str"),
    ],
)
def test_impossible_calls_are_refused(
    arguments: tuple[Any, ...], settings: dict[str, Any], message: str, ours: PegasusTokenizer
) -> None:
    with pytest.raises(TokenizerError, match=message):
        ours(*arguments, **settings)


def test_without_its_texts_an_encoding_says_so(ours: PegasusTokenizer) -> None:
    with pytest.raises(TokenizerError, match="does not know the texts of row 0"):
        ours.pad({"input_ids": [5]}).tokens()
    with pytest.raises(TokenizerError, match="does not know the texts of row 3"):
        ours("a").word_ids(3)
    with pytest.raises(TokenizerError, match="no input_ids to pad, only labels"):
        ours.pad({"labels": [5]})
