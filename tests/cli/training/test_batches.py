"""What a training makes of records: windows, targets, splits."""

from pathlib import Path

import pytest
from bigbird_pegasus import PegasusTokenizer
from bigbird_pegasus.text.parsed_text import parse_text
from bigbird_pegasus.text.windows import encode, pack

from bbp_cli.dataset import AnswerSpan, Example, LabelExample, QuestionExample, SummaryExample, split
from bbp_cli.training.base_model import LabelSet
from bbp_cli.training.batches import ExtractData, LabelData, QuestionData, count_cut, longest_target
from bbp_cli.training.train import default_rate
from tests.cli.training_examples import TEXTS
from tests.conftest import STORY


def test_exactly_what_is_cut_is_counted(extractive: Path) -> None:
    for window in (48, 49):
        tokenizer = PegasusTokenizer.from_pretrained(extractive, model_max_length=window)
        records: list[Example] = [
            *(QuestionExample(n, "", "ice " * n, "It froze.", ()) for n in range(1, 60)),
            *(SummaryExample(n, "", "It froze.", "ice " * n) for n in range(1, 60)),
        ]
        longest = longest_target("qa", tokenizer)
        lengths = [len(tokenizer("ice " * n, add_special_tokens=False).input_ids) for n in range(1, 60)]
        assert longest is not None
        assert count_cut("qa", records[:59], tokenizer) == sum(length > longest for length in lengths) > 0
        assert longest == window - 1 - window // 2  # the longest question that `bbp qa` accepts
        whole = [len(tokenizer(("ice " * n).strip()).input_ids) for n in range(1, 60)]
        assert count_cut("summarize", records[59:], tokenizer) == sum(n > window for n in whole) > 0
        assert count_cut("classify", records, tokenizer) == 0


def test_a_long_context_is_learnt_from_in_windows_with_and_without_the_answer(extractive: Path) -> None:
    tokenizer = PegasusTokenizer.from_pretrained(extractive, model_max_length=48)
    context = " ".join(TEXTS)
    start = context.index("trout")
    record = QuestionExample(1, "1", "What came back?", context, (AnswerSpan("trout", start),))
    data = QuestionData([record], tokenizer, seed=0)
    with_answer = 0
    for epoch in range(40):
        batch = data.batch([0], epoch)
        ids = batch["input_ids"][0].tolist()
        assert len(ids) <= 48
        assert ids[-1] == tokenizer.eos_token_id
        first, last = int(batch["start_positions"]), int(batch["end_positions"])
        if first:
            with_answer += 1
            assert tokenizer.decode(ids[first : last + 1]).strip() == "trout"
        else:
            assert last == 0
            assert "trout" not in tokenizer.decode(ids)
        assert data.batch([0], epoch)["input_ids"].tolist() == batch["input_ids"].tolist()
    assert 20 < with_answer < 40


def test_no_window_that_holds_an_answer_teaches_that_there_is_none(extractive: Path) -> None:
    tokenizer = PegasusTokenizer.from_pretrained(extractive, model_max_length=48)
    context = " ".join(["trout", *TEXTS, "trout"])
    answers = tuple(AnswerSpan("trout", start) for start in (0, context.index("trout", 9), len(context) - 5))
    record = QuestionExample(1, "1", "What came back?", context, answers)
    data = QuestionData([record], tokenizer, seed=0)
    found = set()
    for epoch in range(200):
        batch = data.batch([0], epoch)
        ids = batch["input_ids"][0].tolist()
        first, last = int(batch["start_positions"]), int(batch["end_positions"])
        assert (first == 0) == ("trout" not in tokenizer.decode(ids))
        if first:
            assert tokenizer.decode(ids[first : last + 1]).strip() == "trout"
        found.add((first, tuple(ids)))
    assert 0 in {first for first, _ in found}
    assert len({first for first, _ in found}) > 3


def test_of_an_answer_that_no_window_holds_a_part_is_learnt(extractive: Path) -> None:
    tokenizer = PegasusTokenizer.from_pretrained(extractive, model_max_length=48)
    context = " ".join(TEXTS)
    data = QuestionData(
        [QuestionExample(1, "1", "What?", context, (AnswerSpan(context, 0),))], tokenizer, seed=0
    )
    question = len(tokenizer("What?", add_special_tokens=False).input_ids)
    for epoch in range(20):
        batch = data.batch([0], epoch)
        assert (int(batch["start_positions"]), int(batch["end_positions"])) == (question, 46)


def test_a_long_text_is_learnt_from_in_all_of_its_windows(extractive: Path) -> None:
    tokenizer = PegasusTokenizer.from_pretrained(extractive, model_max_length=256)
    record = LabelExample(1, "1", STORY, ("ice",), several=False)
    data = LabelData([record], tokenizer, LabelSet(("books", "ice"), several=False), seed=0)
    shown = [data.batch([0], epoch) for epoch in range(60)]
    assert all(batch["labels"].tolist() == [1] for batch in shown)
    assert all(batch["input_ids"].shape[1] <= 256 for batch in shown)
    windows = {tuple(batch["input_ids"][0].tolist()) for batch in shown}
    limit = tokenizer.model_max_length - 1
    assert len(windows) == len(pack(encode(parse_text(STORY), tokenizer, limit).counts, limit)) > 3


def test_sentences_are_worth_what_they_share_with_the_summary(extractive: Path) -> None:
    tokenizer = PegasusTokenizer.from_pretrained(extractive)
    sentences = TEXTS[0].split(". ")
    record = SummaryExample(1, "1", TEXTS[0], sentences[1] + ".")
    batch = ExtractData([record], tokenizer, seed=0).batch([0], 0)
    values = batch["values"][0].tolist()
    assert values[1] == pytest.approx(2.0)
    assert max(values[0], values[2]) < 0.5
    assert batch["document_sentences"].tolist() == [3]
    assert batch["sentence_index"].shape == batch["input_ids"].shape
    assert sorted(set(batch["sentence_index"][0].tolist())) == [0, 1, 2]


def test_a_split_is_drawn_by_the_seed_and_leaves_something_on_both_sides() -> None:
    numbers = list(range(100))
    training, validation = split(numbers, 0.05, seed=1)
    assert len(validation) == 5
    assert sorted(training + validation) == numbers
    assert split(numbers, 0.05, seed=1) == (training, validation)
    assert split(numbers, 0.05, seed=2) != (training, validation)
    assert [len(part) for part in split([1, 2], 0.01, seed=0)] == [1, 1]
    assert split([1], 0.5, seed=0) == ([1], [])
    assert split(numbers, 0.0, seed=0) == (numbers, [])


def test_narrow_models_take_larger_steps() -> None:
    assert [default_rate(width) for width in (1024, 256, 32)] == [5e-5, 4e-4, 1e-3]
