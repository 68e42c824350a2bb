"""The published ways to make and call a pipeline that are not the plain one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from bigbird_pegasus import (
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
