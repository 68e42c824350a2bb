"""`pipeline`: what it returns, and that it is what model and tokenizer give.

The results were compared once with those of transformers 4.57.1 on checkpoints like these: equal but for what
the module's docstring names.
"""

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from bigbird_pegasus import (
    BigBirdPegasusForConditionalGeneration,
    BigBirdPegasusForQuestionAnswering,
    BigBirdPegasusForSequenceClassification,
    PegasusTokenizer,
    pipeline,
    summarize,
)
from bigbird_pegasus.classification import text_windows
from bigbird_pegasus.errors import ConfigError
from bigbird_pegasus.inference.extractive_model import ExtractiveModel
from bigbird_pegasus.modeling.pretrained import BigBirdPegasusPreTrainedModel
from bigbird_pegasus.modeling.sentence_extraction import BigBirdPegasusForSentenceExtraction
from bigbird_pegasus.question_answering import context_windows, pair_input

from tests.cli.checkpoints import small_config, train_vocabulary

TEXTS = [
    "The harbour froze in January, and ferries stayed in port.",
    "A new reading room opened in the library last week.",
    "Engineers replaced the pump of the old mill. Trout came back to the stream.",
]
QUESTION = "What did the engineers replace?"
WINDOW = 96
LABELS = ["sea", "books", "garden"]

Save = Callable[..., Path]


@pytest.fixture(scope="module")
def save(tmp_path_factory: pytest.TempPathFactory) -> Save:
    """Makes checkpoint folders with random weights, large enough that scores differ."""

    def make(model_class: type[BigBirdPegasusPreTrainedModel], **changes: Any) -> Path:
        folder = tmp_path_factory.mktemp(model_class.__name__)
        tokenizer = train_vocabulary(folder, [*TEXTS, QUESTION], 200, WINDOW)
        torch.manual_seed(0)
        config = small_config(tokenizer, model_class.__name__).replace(init_std=0.3, **changes)
        model_class(config).save_pretrained(folder)
        return folder

    return make


@pytest.fixture(scope="module")
def writer(save: Save) -> Path:
    return save(BigBirdPegasusForConditionalGeneration)


@pytest.fixture(scope="module")
def classifier(save: Save) -> Path:
    return save(BigBirdPegasusForSequenceClassification, id2label=dict(enumerate(LABELS)))


@pytest.fixture(scope="module")
def reader(save: Save) -> Path:
    return save(BigBirdPegasusForQuestionAnswering)


def label_scores(folder: Path, text: str, pair: str | None = None) -> torch.Tensor:
    """The logits of one text, straight from the model."""
    tokenizer = PegasusTokenizer.from_pretrained(folder)
    model = BigBirdPegasusForSequenceClassification.from_pretrained(folder)
    with torch.inference_mode():
        logits: torch.Tensor = model(**tokenizer(text, pair, return_tensors="pt")).logits[0]
        return logits


# Summarization


def test_a_text_has_a_list_of_one_summary(writer: Path) -> None:
    summarize = pipeline("summarization", writer)
    tokenizer = PegasusTokenizer.from_pretrained(writer)
    model = BigBirdPegasusForConditionalGeneration.from_pretrained(writer)
    ids = model.generate(**tokenizer(TEXTS[0], return_tensors="pt"), num_beams=2, max_new_tokens=9)
    assert isinstance(ids, torch.Tensor)
    expected = [{"summary_text": tokenizer.decode(ids[0], skip_special_tokens=True)}]
    assert summarize(TEXTS[0], num_beams=2, max_new_tokens=9) == expected
    assert summarize([TEXTS[0]], num_beams=2, max_new_tokens=9) == expected


def test_a_length_that_is_asked_for_is_obeyed(writer: Path) -> None:
    tokenizer = PegasusTokenizer.from_pretrained(writer)
    model = BigBirdPegasusForConditionalGeneration.from_pretrained(writer)
    ids = model.generate(**tokenizer(TEXTS[0], return_tensors="pt"), num_beams=4, max_length=5)
    assert isinstance(ids, torch.Tensor)
    assert ids.shape[1] == 5
    expected = [{"summary_text": tokenizer.decode(ids[0], skip_special_tokens=True)}]
    assert pipeline("summarization", writer)(TEXTS[0], max_length=5) == expected


def test_several_texts_have_a_summary_each(writer: Path) -> None:
    summarize = pipeline("summarization", writer, num_beams=2, max_length=9)
    assert summarize(TEXTS) == [summarize(text)[0] for text in TEXTS]


def test_several_sequences_a_text_are_a_list_each(writer: Path) -> None:
    summarize = pipeline("summarization", writer, num_beams=3, max_length=9, num_return_sequences=2)
    assert [set(record) for record in summarize(TEXTS[0])] == [{"summary_text"}] * 2
    assert summarize(TEXTS[:2]) == [summarize(text) for text in TEXTS[:2]]


def test_without_any_option_four_beams_write_to_the_end(writer: Path) -> None:
    tokenizer = PegasusTokenizer.from_pretrained(writer)
    model = BigBirdPegasusForConditionalGeneration.from_pretrained(writer)
    ids = model.generate(**tokenizer(TEXTS[0], return_tensors="pt"), num_beams=4, max_new_tokens=WINDOW)
    assert isinstance(ids, torch.Tensor)
    expected = tokenizer.decode(ids[0], skip_special_tokens=True)
    assert pipeline("summarization", writer)(TEXTS[0]) == [{"summary_text": expected}]


def test_the_options_of_the_checkpoint_come_before_the_defaults(writer: Path, tmp_path: Path) -> None:
    model = BigBirdPegasusForConditionalGeneration.from_pretrained(writer)
    assert model.generation_config is not None
    model.generation_config = model.generation_config.replace(max_length=5, num_beams=2)
    tokenizer = PegasusTokenizer.from_pretrained(writer)
    ids = model.generate(**tokenizer(TEXTS[0], return_tensors="pt"))
    assert isinstance(ids, torch.Tensor)
    expected = tokenizer.decode(ids[0], skip_special_tokens=True)
    assert pipeline("summarization", model, tokenizer=tokenizer)(TEXTS[0]) == [{"summary_text": expected}]


def test_sampling_takes_one_beam(writer: Path) -> None:
    summarize = pipeline("summarization", writer, max_length=9)
    assert summarize(TEXTS[0], do_sample=True, seed=1) == summarize(TEXTS[0], do_sample=True, seed=1)


def test_a_dict_of_sequences_is_read_too(writer: Path) -> None:
    summarize = pipeline("summarization", writer, max_length=9)
    assert summarize(TEXTS[0], return_dict_in_generate=True) == summarize(TEXTS[0])


def test_a_text_longer_than_the_window_is_cut_only_when_asked(writer: Path) -> None:
    summarize = pipeline("summarization", writer, max_length=9)
    with pytest.raises(ValueError, match="positions"):
        summarize(" ".join(TEXTS * 5))
    assert len(summarize(" ".join(TEXTS * 5), truncation=True)) == 1


# Text classification


def test_a_text_has_a_list_with_its_best_label(classifier: Path) -> None:
    classify = pipeline("text-classification", classifier)
    scores = label_scores(classifier, TEXTS[0]).softmax(-1)
    expected = {"label": LABELS[int(scores.argmax())], "score": pytest.approx(float(scores.max()))}
    assert classify(TEXTS[0]) == [expected]
    assert classify([TEXTS[0]]) == [expected]
    assert classify({"text": TEXTS[0]}) == expected
    assert pipeline("sentiment-analysis", classifier)(TEXTS[0]) == [expected]


def test_top_k_labels_come_best_first(classifier: Path) -> None:
    classify = pipeline("text-classification", classifier)
    scores = label_scores(classifier, TEXTS[0]).softmax(-1)
    order = scores.argsort(descending=True).tolist()
    everything = [{"label": LABELS[n], "score": pytest.approx(float(scores[n]))} for n in order]
    assert classify(TEXTS[0], top_k=None) == everything
    assert classify(TEXTS[0], top_k=2) == everything[:2]
    assert classify(TEXTS[0], top_k=1) == everything[:1]
    assert classify([TEXTS[0]], top_k=2) == [everything[:2]]
    assert pipeline("text-classification", classifier, top_k=None)(TEXTS[0]) == [everything]


def test_a_pair_is_read_as_the_tokenizer_reads_pairs(classifier: Path) -> None:
    classify = pipeline("text-classification", classifier, function_to_apply="none")
    logits = label_scores(classifier, TEXTS[0], TEXTS[1])
    found = classify([{"text": TEXTS[0], "text_pair": TEXTS[1]}])
    assert found == [{"label": LABELS[int(logits.argmax())], "score": pytest.approx(float(logits.max()))}]


@pytest.mark.parametrize(
    ("changes", "function"),
    [
        ({"num_labels": 3}, "softmax"),
        ({"num_labels": 3, "problem_type": "multi_label_classification"}, "sigmoid"),
        ({"num_labels": 1}, "sigmoid"),
        ({"num_labels": 1, "problem_type": "regression"}, "none"),
        ({"num_labels": 3, "problem_type": "regression"}, "none"),
    ],
)
def test_the_problem_says_how_scores_are_made(changes: dict[str, Any], function: str, save: Save) -> None:
    folder = save(BigBirdPegasusForSequenceClassification, **changes)
    classify = pipeline("text-classification", folder)
    assert classify(TEXTS[0], top_k=None) == classify(TEXTS[0], top_k=None, function_to_apply=function)
    logits = label_scores(folder, TEXTS[0])
    expected = {"softmax": logits.softmax(-1), "sigmoid": logits.sigmoid(), "none": logits}[function]
    found = sorted(record["score"] for record in classify(TEXTS[0], top_k=None))
    assert found == pytest.approx(sorted(expected.tolist()))


def test_options_of_the_tokenizer_are_passed_on(classifier: Path) -> None:
    classify = pipeline("text-classification", classifier, function_to_apply="none", top_k=None)
    long = " ".join(TEXTS * 5)
    tokenizer = PegasusTokenizer.from_pretrained(classifier)
    ids = tokenizer(long, truncation=True, return_tensors="pt").input_ids
    with torch.inference_mode():
        logits = classify.model(ids).logits[0]
    (cut,) = classify(long, truncation=True)
    assert [record["score"] for record in cut] == sorted(logits.tolist(), reverse=True)
    assert classify(long) != [cut]


@pytest.mark.parametrize("function", ["softmax", "sigmoid", "none"])
def test_scores_of_the_windows_of_a_long_text_are_combined(function: str, classifier: Path) -> None:
    classify = pipeline("text-classification", classifier, function_to_apply=function, top_k=None)
    long = " ".join(TEXTS * 5)
    encoded, windows = text_windows(long, classify.tokenizer, WINDOW)
    rows, counts = [], [window.tokens for window in windows]
    for window in windows:
        text = long[encoded.sentences[window.first].start : encoded.sentences[window.last - 1].end]
        rows.append(label_scores(classifier, text).tolist())
    assert len(rows) > 2
    expected = []
    for column in range(len(LABELS)):
        mean = sum(n * row[column] for n, row in zip(counts, rows, strict=True)) / sum(counts)
        highest = max(1 / (1 + math.exp(-row[column])) for row in rows)
        expected.append(highest if function == "sigmoid" else mean)
    if function == "softmax":  # of means of logits: a window's log-sum is the same for every label
        total = sum(math.exp(value) for value in expected)
        expected = [math.exp(value) / total for value in expected]
    (found,) = classify(long)
    scores = {record["label"]: record["score"] for record in found}
    assert [scores[label] for label in LABELS] == pytest.approx(expected, rel=1e-4)


def test_a_pair_longer_than_the_window_is_refused(classifier: Path) -> None:
    with pytest.raises(ValueError, match="positions"):
        pipeline("text-classification", classifier)({"text": TEXTS[0], "text_pair": " ".join(TEXTS * 5)})


@pytest.mark.parametrize("text", [TEXTS[0], " ".join(TEXTS * 5)])
def test_an_unknown_score_function_is_refused(text: str, classifier: Path) -> None:
    with pytest.raises(ConfigError, match="function_to_apply"):
        pipeline("text-classification", classifier)(text, function_to_apply="tanh")


# Question answering


def spans_of(folder: Path, question: str, context: str, longest: int) -> list[tuple[float, int, int]]:
    """(score, start, end) of every span, the best first, from logits over the context alone."""
    tokenizer = PegasusTokenizer.from_pretrained(folder)
    model = BigBirdPegasusForQuestionAnswering.from_pretrained(folder)
    asked = len(tokenizer(question, add_special_tokens=False).input_ids)
    offsets = tokenizer(context, return_offsets_mapping=True).offset_mapping[:-1]
    with torch.inference_mode():
        output = model(**tokenizer(question, context, return_tensors="pt"))
    starts = output.start_logits[0, asked:-1].softmax(-1).tolist()
    ends = output.end_logits[0, asked:-1].softmax(-1).tolist()
    visible = [bool(context[start:end].strip()) for start, end in offsets]
    spans = [
        (starts[first] * ends[last], offsets[first][0], offsets[last][1])
        for first in range(len(starts))
        for last in range(first, min(first + longest, len(ends)))
        if visible[first] and visible[last]
    ]
    return sorted(spans, reverse=True)


def test_an_answer_is_the_most_likely_span(reader: Path) -> None:
    answer = pipeline("question-answering", reader)
    score, start, end = spans_of(reader, QUESTION, TEXTS[2], 15)[0]
    expected = {
        "score": pytest.approx(score, rel=1e-4),
        "start": start,
        "end": end,
        "answer": TEXTS[2][start:end],
    }
    assert answer(question=QUESTION, context=TEXTS[2], align_to_words=False) == expected
    assert answer({"question": QUESTION, "context": TEXTS[2]}, align_to_words=False) == expected
    assert answer([{"question": QUESTION, "context": TEXTS[2]}], align_to_words=False) == expected


def test_top_k_answers_are_the_most_likely_texts(reader: Path) -> None:
    answer = pipeline("question-answering", reader)
    found = answer(question=QUESTION, context=TEXTS[2], align_to_words=False, top_k=4, max_answer_len=3)
    expected = [TEXTS[2][start:end] for _, start, end in spans_of(reader, QUESTION, TEXTS[2], 3)]
    assert [record["answer"] for record in found] == list(dict.fromkeys(expected))[:4]
    assert all(len(record) == 4 for record in found)


def test_aligned_answers_are_whole_words(reader: Path) -> None:
    answer = pipeline("question-answering", reader)
    for record in answer(question=QUESTION, context=TEXTS[2], top_k=5):
        padded = f" {TEXTS[2]} "
        assert padded[record["start"]].isspace()
        assert padded[record["end"] + 1].isspace()


def test_the_score_of_words_is_the_sum_of_their_spans(reader: Path) -> None:
    answer = pipeline("question-answering", reader)
    words = [(match.start(), match.end()) for match in re.finditer(r"\S+", TEXTS[2])]
    scores: dict[str, float] = {}
    for score, start, end in spans_of(reader, QUESTION, TEXTS[2], 15)[: 2 * 3 + 10]:
        first = max(left for left, _ in words if left <= start)
        last = min(right for _, right in words if right >= end)
        scores[TEXTS[2][first:last]] = scores.get(TEXTS[2][first:last], 0) + score
    expected = sorted(scores.items(), key=lambda item: -item[1])[:3]
    found = answer(question=QUESTION, context=TEXTS[2], top_k=3)
    assert [record["answer"] for record in found] == [text for text, _ in expected]
    assert [record["score"] for record in found] == pytest.approx([score for _, score in expected], rel=1e-4)


def test_a_long_question_is_cut(reader: Path) -> None:
    answer = pipeline("question-answering", reader)
    beginning = " ".join(QUESTION.split()[:3])
    tokens = len(answer.tokenizer(beginning, add_special_tokens=False).input_ids)
    expected = answer(question=beginning, context=TEXTS[2])
    assert answer(question=QUESTION, context=TEXTS[2], max_question_len=tokens) == expected
    assert answer(question=QUESTION, context=TEXTS[2]) != expected


def test_windows_are_the_models_unless_smaller_ones_are_asked_for(reader: Path) -> None:
    answer = pipeline("question-answering", reader)
    usual = answer(question=QUESTION, context=TEXTS[2])
    assert answer(question=QUESTION, context=TEXTS[2], max_seq_len=10_000) == usual
    assert answer(question=QUESTION, context=TEXTS[2], max_seq_len=40) != usual


def test_several_questions_have_a_list_of_answers(reader: Path) -> None:
    answer = pipeline("question-answering", reader)
    alone = [answer(question=QUESTION, context=text) for text in TEXTS]
    assert answer(question=[QUESTION] * 3, context=TEXTS) == alone
    assert answer([{"question": QUESTION, "context": text} for text in TEXTS]) == alone
    assert answer(question=[QUESTION] * 2, context=TEXTS[0]) == alone[:1] * 2


def test_a_long_context_is_read_to_its_end(reader: Path) -> None:
    answer = pipeline("question-answering", reader)
    context = " ".join(f"{number}. {text}" for number, text in enumerate(TEXTS * 6))
    found = answer(question=QUESTION, context=context, top_k=60, doc_stride=10)
    assert all(context[record["start"] : record["end"]] == record["answer"] for record in found)
    assert max(record["end"] for record in found) > len(context) - 100
    assert all(0 <= record["score"] <= 1.0001 for record in found)


def test_an_impossible_answer_is_empty(reader: Path) -> None:
    answer = pipeline("question-answering", reader)
    found = answer(question=QUESTION, context=TEXTS[2], handle_impossible_answer=True, top_k=500)
    (impossible,) = [record for record in found if not record["answer"]]
    assert (impossible["start"], impossible["end"]) == (0, 0)
    sure = answer(question=QUESTION, context=TEXTS[2], top_k=500)
    assert sum(record["score"] for record in found) < sum(record["score"] for record in sure) + 0.001


def test_an_answer_is_impossible_as_far_as_the_least_of_the_windows_says_so(reader: Path) -> None:
    answer = pipeline("question-answering", reader, handle_impossible_answer=True, max_seq_len=60)
    asked = answer.tokenizer(QUESTION, add_special_tokens=False).input_ids
    context = answer.tokenizer(" ".join(TEXTS * 2), add_special_tokens=False).input_ids
    scores = []
    for window in context_windows(len(context), 59 - len(asked), (59 - len(asked)) // 2):
        ids, place = pair_input(asked, context, window, answer.tokenizer.eos_token_id)
        with torch.inference_mode():
            output = answer.model(torch.tensor([ids]))
        kept = [0, *place]
        starts, ends = output.start_logits[0, kept].softmax(0), output.end_logits[0, kept].softmax(0)
        scores.append(float(starts[0] * ends[0]))
    assert len(scores) > 1
    found = answer(question=QUESTION, context=" ".join(TEXTS * 2), top_k=1000)
    (impossible,) = [record["score"] for record in found if not record["answer"]]
    assert impossible == pytest.approx(min(scores), rel=1e-4)
    assert min(scores) < scores[-1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"top_k": 0}, "top_k"),
        ({"max_answer_len": 0}, "max_answer_len"),
        ({"max_question_len": 0}, "max_question_len"),
        ({"best_of": 2}, "best_of"),
    ],
)
def test_impossible_options_of_questions_are_refused(
    options: dict[str, Any], message: str, reader: Path
) -> None:
    with pytest.raises(ConfigError, match=message):
        pipeline("question-answering", reader)(question=QUESTION, context=TEXTS[0], **options)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "give a question and a context"),
        ({"question": QUESTION}, "1 questions have 0 contexts"),
        ({"question": [QUESTION] * 2, "context": [TEXTS[0]]}, "2 questions have 1 contexts"),
        ({"question": " ", "context": TEXTS[0]}, "neither of them empty"),
        ({"question": QUESTION, "context": ""}, "neither of them empty"),
        ({"examples": {"context": TEXTS[0]}}, "neither of them empty"),
        ({"question": QUESTION, "context": TEXTS[0] * 9, "doc_stride": 500}, "stride"),
    ],
)
def test_questions_that_cannot_be_asked_are_refused(
    arguments: dict[str, Any], message: str, reader: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        pipeline("question-answering", reader)(**arguments)


# Model, tokenizer, device


def test_a_model_in_memory_needs_its_tokenizer(classifier: Path) -> None:
    model = BigBirdPegasusForSequenceClassification.from_pretrained(classifier)
    tokenizer = PegasusTokenizer.from_pretrained(classifier)
    expected = pipeline("text-classification", classifier)(TEXTS[0])
    assert pipeline("text-classification", model, tokenizer=tokenizer)(TEXTS[0]) == expected
    assert pipeline("text-classification", model, tokenizer=str(classifier))(TEXTS[0]) == expected
    with pytest.raises(ConfigError, match="tokenizer"):
        pipeline("text-classification", model)


def test_dtype_and_device_are_those_asked_for(classifier: Path) -> None:
    assert pipeline("text-classification", classifier).model.dtype == torch.float32
    half = pipeline("text-classification", classifier, dtype=torch.bfloat16, device="cpu")
    assert (half.model.dtype, half.model.device.type) == (torch.bfloat16, "cpu")
    with torch.inference_mode():
        logits = half.model(**half.tokenizer(TEXTS[0], return_tensors="pt")).logits[0]
    assert half(TEXTS[0])[0]["score"] == float(logits.float().softmax(-1).max())
    assert pipeline("text-classification", classifier, torch_dtype="bfloat16").model.dtype == torch.bfloat16
    assert pipeline("text-classification", classifier, device=-1).model.device.type == "cpu"


def test_a_model_in_memory_is_moved_but_not_converted(classifier: Path) -> None:
    model = BigBirdPegasusForSequenceClassification.from_pretrained(classifier)
    pipeline("text-classification", model, tokenizer=classifier, device="meta")
    assert model.device.type == "meta"
    with pytest.raises(ConfigError, match="a model in memory has one"):
        pipeline("text-classification", model, tokenizer=classifier, dtype=torch.bfloat16)


@pytest.mark.skipif(torch.accelerator.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_the_cpu_with_a_warning(classifier: Path) -> None:
    with pytest.warns(UserWarning, match="device 0 is the CPU"):
        made = pipeline("text-classification", classifier, device=0)
    assert made.model.device.type == "cpu"


@pytest.mark.parametrize("task", ["translation", "", "summarisation"])
def test_an_unknown_task_is_refused(task: str, classifier: Path) -> None:
    with pytest.raises(ConfigError, match="must be one of feature-extraction, question-answering, summ"):
        pipeline(task, classifier)


def test_a_model_for_another_task_is_refused(classifier: Path) -> None:
    model = BigBirdPegasusForSequenceClassification.from_pretrained(classifier)
    with pytest.raises(ConfigError, match="needs a folder, a name or a BigBirdPegasusForQuestionAnswering"):
        pipeline("question-answering", model, tokenizer=classifier)
    with pytest.raises(ConfigError, match="not no model"):
        pipeline("question-answering")


def test_without_a_model_the_default_one_summarizes_as_the_function_does() -> None:
    text = "\n\n".join(TEXTS)
    made = pipeline("summarization")
    (alone,) = made(text)
    assert alone == {"summary_text": summarize(text, dtype="float32").summary}
    assert made([text, text], length=20) == 2 * [
        {"summary_text": summarize(text, dtype="float32", length=20).summary}
    ]
    assert isinstance(made.model, ExtractiveModel)
    assert made.model.arithmetic.engine == "numpy"
    in_memory = pipeline("summarization", made.model, tokenizer=made.tokenizer, length=20)
    assert in_memory(text) == made(text, length=20)
    with pytest.raises(ConfigError, match="this model runs in numpy"):
        pipeline("summarization", made.model, tokenizer=made.tokenizer, device="cpu")
    in_torch = pipeline("summarization", dtype="bfloat16")
    assert isinstance(in_torch.model, BigBirdPegasusForSentenceExtraction)
    assert in_torch(text)
    assert made(text, length=20, truncation=True) == made(text, length=20)  # as scripts say it
    with pytest.raises(ConfigError, match="num_beams needs a model that writes"):
        made(text, num_beams=4)
    with pytest.raises(ConfigError, match="its length is `length`, in words"):
        made(text, max_length=30)
