"""The published ways to make and call a pipeline that are not the plain one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from bigbird_pegasus import (
    BigBirdPegasusConfig,
    BigBirdPegasusForCausalLM,
    BigBirdPegasusForConditionalGeneration,
    BigBirdPegasusForQuestionAnswering,
    BigBirdPegasusForSequenceClassification,
    pipeline,
)
from bigbird_pegasus.errors import BigBirdPegasusError, ConfigError

from tests.cli.checkpoints import small_config, train_vocabulary

TEXTS = ["The harbour froze in January, and ferries stayed in port.", "Trout came back to the stream."]
QUESTION = "What came back?"
CLASSES: dict[str, Any] = {
    "summarization": BigBirdPegasusForConditionalGeneration,
    "text2text-generation": BigBirdPegasusForConditionalGeneration,
    "text-classification": BigBirdPegasusForSequenceClassification,
    "question-answering": BigBirdPegasusForQuestionAnswering,
}
WRITE = {"max_new_tokens": 5, "num_beams": 1}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A checkpoint with random weights for each task."""
    made = {}
    for task, model_class in CLASSES.items():
        folder = tmp_path_factory.mktemp(task)
        tokenizer = train_vocabulary(folder, [*TEXTS, QUESTION], 200, 96)
        torch.manual_seed(0)
        config = small_config(tokenizer, model_class.__name__).replace(init_std=0.3)
        model_class(config).save_pretrained(folder)
        made[task] = folder
    return made


def lazily(items: list[Any], taken: list[Any]) -> Iterator[Any]:
    for item in items:
        taken.append(item)
        yield item


@pytest.mark.parametrize("task", CLASSES)
def test_an_iterator_is_answered_one_by_one(task: str, folders: dict[str, Path]) -> None:
    pipe: Any = pipeline(task, folders[task])
    items: list[Any] = list(TEXTS)
    options = WRITE if "generation" in task or task == "summarization" else {}
    if task == "question-answering":
        items = [{"question": QUESTION, "context": text} for text in TEXTS]
    taken: list[Any] = []
    answers = pipe(lazily(items, taken), **options)
    assert taken == []
    assert next(answers) == pipe(items, **options)[0]
    assert len(taken) == 1
    assert list(answers) == pipe(items, **options)[1:]


@pytest.mark.parametrize("task", CLASSES)
def test_a_pipeline_knows_its_device_and_can_be_saved(
    task: str, folders: dict[str, Path], tmp_path: Path
) -> None:
    pipe: Any = pipeline(task, folders[task], device_map={"": "cpu"}, batch_size=8, framework="pt")
    assert (pipe.task, pipe.device) == (task, torch.device("cpu"))
    pipe.save_pretrained(tmp_path)
    again: Any = pipeline(task, tmp_path, device_map="cpu")
    question = (QUESTION, TEXTS[1]) if task == "question-answering" else (TEXTS[0],)
    assert again(*question, batch_size=2) == pipe(*question)


def test_text_to_text_is_a_summary_by_another_key(folders: dict[str, Path]) -> None:
    pipe: Any = pipeline("text2text-generation", folders["text2text-generation"])
    summaries: Any = pipeline("summarization", folders["text2text-generation"])
    (summary,) = summaries(TEXTS[0], **WRITE)
    assert pipe(TEXTS[0], **WRITE) == [{"generated_text": summary["summary_text"]}]
    (found,) = pipe(TEXTS[0], **WRITE, return_tensors=True)
    assert list(found) == ["generated_token_ids"]
    decoded = pipe.tokenizer.decode(found["generated_token_ids"], skip_special_tokens=True)
    assert decoded == summary["summary_text"]
    assert list(summaries(TEXTS[0], **WRITE, return_text=False)[0]) == ["summary_token_ids"]


def test_all_scores_may_be_asked_for_by_the_old_name(folders: dict[str, Path]) -> None:
    pipe: Any = pipeline("text-classification", folders["text-classification"])
    assert pipe(TEXTS[0], return_all_scores=True) == [pipe(TEXTS[0], top_k=None)]
    assert pipe(TEXTS[0], return_all_scores=False) == pipe(TEXTS[0])


def test_a_question_and_its_context_may_be_given_in_a_row(folders: dict[str, Path]) -> None:
    pipe: Any = pipeline("question-answering", folders["question-answering"])
    assert pipe(QUESTION, TEXTS[1]) == pipe(question=QUESTION, context=TEXTS[1])
    assert pipe(QUESTION, TEXTS[1], topk=2) == pipe(QUESTION, TEXTS[1], top_k=2)
    with pytest.raises(BigBirdPegasusError, match="a question and a context"):
        pipe(QUESTION, TEXTS[1], "more")


def test_model_arguments_are_those_of_from_pretrained(folders: dict[str, Path]) -> None:
    pipe: Any = pipeline(
        "text-classification", folders["text-classification"], model_kwargs={"dtype": "float64"}
    )
    assert pipe.model.dtype == torch.float64
    with pytest.raises(ConfigError, match="not both"):
        pipeline("text-classification", folders["text-classification"], device="cpu", device_map="cpu")


@pytest.mark.skipif(torch.accelerator.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_said_to_be_missing(folders: dict[str, Path]) -> None:
    with pytest.warns(UserWarning, match="there is no GPU here: device 0 is the CPU"):
        pipeline("text-classification", folders["text-classification"], device=0)


def test_the_default_model_in_numpy_cannot_be_saved(tmp_path: Path) -> None:
    pipe: Any = pipeline("summarization")
    assert pipe.device == torch.device("cpu")
    with pytest.raises(ConfigError, match="copy the folder"):
        pipe.save_pretrained(tmp_path)


# Text generation and feature extraction


@pytest.fixture(scope="module")
def decoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that continues texts."""
    folder = tmp_path_factory.mktemp("decoder")
    tokenizer = train_vocabulary(folder, [*TEXTS, QUESTION], 200, 96)
    torch.manual_seed(0)
    BigBirdPegasusForCausalLM(small_config(tokenizer, "BigBirdPegasusForCausalLM")).save_pretrained(folder)
    return folder


def test_prompts_are_continued(decoder: Path) -> None:
    pipe: Any = pipeline("text-generation", decoder, do_sample=False, max_new_tokens=6)
    ids = pipe.tokenizer(TEXTS[0], return_tensors="pt").input_ids
    expected = pipe.model.generate(ids, max_new_tokens=6, do_sample=False)
    new = pipe.tokenizer.decode(expected[0, ids.shape[1] :], skip_special_tokens=True)
    assert pipe(TEXTS[0]) == [{"generated_text": TEXTS[0] + new}]
    assert pipe(TEXTS[0], return_full_text=False) == [{"generated_text": new}]
    assert pipe(TEXTS[0], return_tensors=True) == [{"generated_token_ids": expected[0].tolist()}]
    assert pipe(TEXTS) == [pipe(text) for text in TEXTS]
    assert len(pipe(TEXTS[0], num_beams=2, num_return_sequences=2)) == 2
    assert pipe("", add_special_tokens=False)[0]["generated_text"]
    taken: list[Any] = []
    answers = pipe(lazily(TEXTS, taken))
    assert taken == []
    assert (next(answers), len(taken)) == (pipe(TEXTS[0]), 1)
    record = pipe(TEXTS[0], return_dict_in_generate=True)
    assert record == pipe(TEXTS[0])


def test_without_options_continuations_are_sampled(decoder: Path) -> None:
    pipe: Any = pipeline("text-generation", decoder)
    expected = pipe(TEXTS[1], do_sample=True, temperature=0.7, seed=1)
    assert pipe(TEXTS[1], seed=1) == expected
    assert pipe(TEXTS[1], seed=1, temperature=100.0) != expected
    ids = pipe(TEXTS[1], seed=1, return_tensors=True, eos_token_id=[])[0]["generated_token_ids"]
    assert len(ids) == 96


def test_a_prompt_that_leaves_no_room_is_cut_where_that_is_asked_for(decoder: Path) -> None:
    pipe: Any = pipeline("text-generation", decoder, do_sample=False, max_new_tokens=20, eos_token_id=[])
    long = " ".join(TEXTS * 5)
    with pytest.raises(BigBirdPegasusError, match="at most"):
        pipe(long)
    found = pipe(long, handle_long_generation="hole", return_tensors=True)[0]["generated_token_ids"]
    assert found[:76] == pipe.tokenizer(long).input_ids[-76:]
    assert len(found) == 96
    with pytest.raises(ConfigError, match="a prompt has no room"):
        pipe(long, handle_long_generation="hole", max_new_tokens=96)


def test_a_stop_sequence_ends_a_continuation(decoder: Path) -> None:
    pipe: Any = pipeline("text-generation", decoder, do_sample=False, eos_token_id=[], max_new_tokens=30)
    (whole,) = pipe(TEXTS[0], return_full_text=False)
    stop = whole["generated_text"][:3]
    (stopped,) = pipe(TEXTS[0], return_full_text=False, stop_sequence=stop)
    assert whole["generated_text"].startswith(stopped["generated_text"])
    assert len(stopped["generated_text"]) < len(whole["generated_text"])


@pytest.mark.parametrize(
    ("inputs", "options", "message"),
    [
        (TEXTS[0], {"return_full_text": True, "return_tensors": True}, "give one of return_full_text"),
        (TEXTS[0], {"handle_long_generation": "cut"}, "must be None or 'hole'"),
        (TEXTS[0], {"tools": []}, "tools is for chats"),
        ([{"role": "user", "content": "?"}], {}, "chats are not offered"),
        (TEXTS[0], {"tempreture": 1.0}, "tempreture"),
    ],
)
def test_what_text_generation_has_not_is_refused(
    inputs: Any, options: dict[str, Any], message: str, decoder: Path
) -> None:
    with pytest.raises(BigBirdPegasusError, match=message):
        pipeline("text-generation", decoder)(inputs, **options)


def test_features_are_the_last_hidden_states(folders: dict[str, Path]) -> None:
    pipe: Any = pipeline("feature-extraction", folders["summarization"])
    inputs = pipe.tokenizer(TEXTS[0], return_tensors="pt")
    expected = pipe.model(**inputs).last_hidden_state
    assert torch.equal(pipe(TEXTS[0], return_tensors=True), expected)
    assert pipe(TEXTS[0]) == expected.tolist()
    assert pipe(TEXTS) == [pipe(text) for text in TEXTS]
    assert next(pipe(iter(TEXTS))) == pipe(TEXTS[0])
    cut = pipe(TEXTS[0], truncation=True, tokenize_kwargs={"max_length": 4}, return_tensors=True)
    assert cut.shape == (1, 4, pipe.model.config.d_model)
    head = BigBirdPegasusForSequenceClassification.from_pretrained(folders["text-classification"])
    scores: Any = pipeline("feature-extraction", head, tokenizer=folders["text-classification"])(TEXTS[0])
    assert scores == head(**inputs).logits.tolist()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pooling": "mean"}, "no option pooling"),
        ({"truncation": True, "tokenize_kwargs": {"truncation": False}}, "not both"),
    ],
)
def test_what_feature_extraction_has_not_is_refused(
    options: dict[str, Any], message: str, folders: dict[str, Path]
) -> None:
    with pytest.raises(ConfigError, match=message):
        pipeline("feature-extraction", folders["summarization"])(TEXTS[0], **options)


def test_published_arguments_of_pipelines_are_accepted(folders: dict[str, Path]) -> None:
    folder = folders["text-classification"]
    config = BigBirdPegasusConfig.from_pretrained(folder)
    config.id2label = {0: "sea", 1: "land"}
    pipe: Any = pipeline(
        "text-classification", folder, config=config, use_fast=True, trust_remote_code=True, token="secret"
    )
    assert {label["label"] for label in pipe(TEXTS[0], top_k=None)} == {"sea", "land"}
    with pytest.raises(ConfigError, match="config is for a checkpoint folder"):
        pipeline("text-classification", pipe.model, tokenizer=pipe.tokenizer, config=config)


@pytest.mark.parametrize("task", ["summarization", "text-classification", "feature-extraction"])
def test_what_is_no_text_is_refused(task: str, folders: dict[str, Path]) -> None:
    pipe: Any = pipeline(task, folders["summarization" if task.startswith("feature") else task])
    with pytest.raises(BigBirdPegasusError, match="give a text or several of them, not NoneType"):
        pipe(None)
    with pytest.raises(BigBirdPegasusError, match=r"5 is none|a text to encode must be a str"):
        pipe([5])
