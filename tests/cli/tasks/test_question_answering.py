"""Which answers are told, with a reader whose logits are written down: each token has its own."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import sentencepiece
import torch
from bigbird_pegasus import PegasusTokenizer
from bigbird_pegasus.modeling.pretrained import BigBirdPegasusPreTrainedModel

from bbp_cli.documents.document import Document, Source
from bbp_cli.errors import ModelError, UsageError
from bbp_cli.models.checkpoints import Checkpoint, LoadedModel
from bbp_cli.models.hardware import Hardware
from bbp_cli.models.names import ModelFolder
from bbp_cli.tasks.question_answering import QAOptions, QuestionAnswering
from bbp_cli.tasks.results import Answers
from bbp_cli.tasks.task import run_one
from tests.model.tiny import tiny_model

WINDOW = 24
WORDS = ["one", "two", "three", "four", "five", "six", "seven", "who"]


@dataclass
class ScriptedReader:
    """Says that an answer starts, or ends, at the tokens with the highest numbers; 0 for all others."""

    starts: Mapping[int, float]
    ends: Mapping[int, float]
    nowhere: float = -5.0
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    config: Any = field(default_factory=lambda: SimpleNamespace(max_position_embeddings=WINDOW))
    read: list[list[int]] = field(default_factory=list)
    model: Any = field(
        default_factory=lambda: tiny_model().model
    )  # reads; what it makes of it is passed over

    def __call__(
        self, input_ids: torch.Tensor, encoder_outputs: Any, use_cache: bool, return_dict: bool
    ) -> Any:
        ids = input_ids[0].tolist()
        self.read.append(ids)
        logits = [[table.get(token, 0.0) for token in ids] for table in (self.starts, self.ends)]
        for row in logits:
            row[0] = self.nowhere
        start, end = torch.tensor(logits).unsqueeze(1)
        return SimpleNamespace(start_logits=start, end_logits=end)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> PegasusTokenizer:
    """One token for each of the words."""
    folder = tmp_path_factory.mktemp("vocabulary")
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([" ".join(WORDS)] * 20),
        model_prefix=str(folder / "spiece"),
        model_type="bpe",
        vocab_size=60,
        hard_vocab_limit=False,
        pad_id=0,
        eos_id=1,
        bos_id=2,
        unk_id=3,
        pad_piece="<pad>",
        user_defined_symbols=["<n>"],
        num_threads=1,
        minloglevel=2,
    )
    return PegasusTokenizer(folder / "spiece.model", offset=0, model_max_length=WINDOW)


def loaded(reader: ScriptedReader, tokenizer: PegasusTokenizer) -> LoadedModel:
    checkpoint = Checkpoint(ModelFolder("scripted", Path()), "qa", "question_answering", "block_sparse")
    model = cast(BigBirdPegasusPreTrainedModel, reader)
    return LoadedModel(checkpoint, Hardware("cpu", "float32", 1), model, tokenizer)


def document(text: str) -> Document:
    return Document(text, Source("a.txt", "", "text/plain", "utf-8"))


class Asker:
    """Asks a scripted reader about texts."""

    def __init__(self, tokenizer: PegasusTokenizer) -> None:
        self.tokenizer = tokenizer

    def token(self, word: str) -> int:
        (token,) = self.tokenizer(word, add_special_tokens=False).input_ids
        return int(token)

    def reader(self, starts: dict[str, float], ends: dict[str, float], **more: Any) -> ScriptedReader:
        by_token = [{self.token(word): logit for word, logit in table.items()} for table in (starts, ends)]
        return ScriptedReader(by_token[0], by_token[1], **more)

    def ask(self, text: str, reader: ScriptedReader, question: str = "who", **settings: Any) -> Answers:
        model = loaded(reader, self.tokenizer)
        (found,) = run_one(
            QuestionAnswering([question], QAOptions(**settings)), document(text), model
        ).questions
        return found


@pytest.fixture
def asker(tokenizer: PegasusTokenizer) -> Asker:
    return Asker(tokenizer)


def texts_of(found: Answers) -> list[str]:
    return [answer.text for answer in found.answers]


def test_the_vocabulary_has_the_words(asker: Asker) -> None:
    assert len({asker.token(word) for word in WORDS} - {asker.tokenizer.unk_token_id}) == len(WORDS)


def test_the_best_span_is_the_answer(asker: Asker) -> None:
    reader = asker.reader({"three": 9}, {"five": 9})
    found = asker.ask("one two three four five six", reader)
    assert texts_of(found) == ["three four five"]
    assert found.answers[0].score > 0.98
    assert (found.answers[0].start, found.answers[0].end) == (8, 23)


def test_no_answer_is_given_where_its_score_is_higher(asker: Asker) -> None:
    reader = asker.reader({"three": 9}, {"five": 9}, nowhere=9.5)
    assert texts_of(asker.ask("one two three four five six", reader)) == []
    assert texts_of(asker.ask("one two three four five six", reader, min_score=0.1)) == ["three four five"]
    assert texts_of(asker.ask("one two three four five six", reader, min_score=0.3)) == []


def test_the_surest_window_says_how_likely_no_answer_is(asker: Asker) -> None:
    reader = asker.reader({"three": 9}, {"five": 9}, nowhere=4)
    found = asker.ask("one two three four five " + "six " * 60, reader)
    assert texts_of(found) == ["three four five"]
    assert found.coverage.windows > 2
    assert found.no_answer_score < 0.001


def test_a_span_that_rounds_to_nothing_is_no_answer(asker: Asker) -> None:
    reader = asker.reader({"three": 40}, {"five": 40})
    found = asker.ask("one two three four five six", reader, min_score=0, top_k=5)
    assert texts_of(found) == ["three four five"]


def test_no_answer_begins_or_ends_with_a_line_break(asker: Asker) -> None:
    line_break = asker.tokenizer.convert_tokens_to_ids(str(asker.tokenizer.newline_token))
    reader = asker.reader({"three": 8}, {"three": 8})
    reader.starts = {**reader.starts, line_break: 9.0}
    reader.ends = {**reader.ends, line_break: 9.0}
    found = asker.ask("one two\n\nthree four\n\nfive six", reader)
    assert texts_of(found) == ["three"]
    assert asker.ask("one two\nthree four\nfive six", reader).answers[0].score > 0.9  # lines of a paragraph


def test_an_answer_across_lines_is_printed_on_one_line(asker: Asker) -> None:
    reader = asker.reader({"three": 9}, {"five": 9})
    found = asker.ask("one two three\n  four\nfive six", reader)
    assert texts_of(found) == ["three four five"]
    assert (found.answers[0].start, found.answers[0].end) == (8, 25)


def test_the_same_passage_in_two_windows_is_one_answer(asker: Asker) -> None:
    reader = asker.reader({"seven": 9}, {"seven": 9})
    text = "one two " * 9 + "seven " + "three four " * 9
    found = asker.ask(text, reader, stride=18, top_k=3)
    seen = [ids for ids in reader.read if asker.token("seven") in ids]
    assert len(seen) > 1
    assert texts_of(found).count("seven") == 1


def test_every_window_is_between_the_question_and_the_end_token(asker: Asker) -> None:
    reader = asker.reader({}, {})
    asker.ask("one two three four " * 10, reader, question="who six")
    assert len(reader.read) > 1
    for ids in reader.read:
        assert ids[:2] == [asker.token("who"), asker.token("six")]
        assert ids[-1] == asker.tokenizer.eos_token_id
        assert len(ids) == WINDOW


def test_a_question_may_take_half_of_the_window_and_no_more(asker: Asker) -> None:
    reader = asker.reader({}, {})
    longest = WINDOW - 1 - WINDOW // 2
    asker.ask("one two", reader, question="who " * longest)
    with pytest.raises(UsageError, match="more than half"):
        asker.ask("one two", reader, question="who " * (longest + 1))
    with pytest.raises(UsageError, match="the question is empty"):
        asker.ask("one two", reader, question=" ")


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_logits_that_are_no_numbers_are_a_model_error(value: float, asker: Asker) -> None:
    empty: dict[str, float] = {}
    for tables in (({"three": value}, empty), (empty, {"three": value})):
        with pytest.raises(ModelError, match="the model computes NaN or infinity"):
            asker.ask("one two three", asker.reader(*tables))


def test_a_stride_must_leave_room(asker: Asker) -> None:
    reader = asker.reader({}, {})
    room = WINDOW - 2
    asker.ask("one two", reader, stride=room - 1)
    with pytest.raises(UsageError, match="--stride"):
        asker.ask("one two", reader, stride=room)


def test_windows_share_half_of_their_tokens_where_that_is_less_than_128(asker: Asker) -> None:
    reader = asker.reader({}, {})
    found = asker.ask("one two three four five six " * 11, reader)
    assert found.coverage.tokens_total == 66
    assert found.coverage.windows == 5  # of 22 tokens, 11 on from one to the next
