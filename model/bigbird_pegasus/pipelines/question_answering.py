"""The pipeline "question-answering": questions and contexts → the spans that answer.

What differs on purpose from transformers 4: a window is as long as the model allows, not 384 tokens, windows
are spread evenly, and an answer seen in two of them keeps its better score (transformers added them, beyond
1). `handle_impossible_answer` counts position 0 as "no answer" (see `question_answering`): with a tokenizer
without `[CLS]` transformers never found "no answer".
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from bigbird_pegasus.errors import ConfigError, ModelInputError
from bigbird_pegasus.modeling.heads import BigBirdPegasusForQuestionAnswering
from bigbird_pegasus.pipelines.shared import Record, device_of, save, without_ignored
from bigbird_pegasus.question_answering import answers_in_window, context_windows, pair_input
from bigbird_pegasus.tokenization.tokenizer import PegasusTokenizer


@dataclass(frozen=True)
class QuestionAnsweringPipeline:
    """Questions and contexts → the spans that answer."""

    model: BigBirdPegasusForQuestionAnswering
    tokenizer: PegasusTokenizer
    options: Mapping[str, Any] = field(default_factory=dict)

    task = "question-answering"

    @property
    def device(self) -> torch.device:
        """Return where the model is."""
        return device_of(self.model)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write model and tokenizer into a folder."""
        save(self.model, self.tokenizer, folder)

    def __call__(
        self,
        *examples: Any,
        question: str | Sequence[str] | None = None,
        context: str | Sequence[str] | None = None,
        **options: Any,
    ) -> Any:
        """Answer questions from their contexts, one after the other.

        Args:
            examples: `{"question": …, "context": …}`, a list of those or an iterator (then the answers are
                one too), or a question and its context, in place of the two arguments.
            question: one, or several.
            context: one for each question, or one for all.
            options: see `QuestionOptions`.

        Returns:
            `{"score", "start", "end", "answer"}`; with `top_k` a list of that many, the best first, unless
            there is only one. `start` and `end` count code points of the context. For several questions a
            list of those. Spans of a window that read the same are one answer with the sum of their scores.

        Raises:
            ConfigError: an option is unknown or impossible.
            ValueError: a question or a context is missing or empty, or their numbers differ.
        """
        for name in ("examples", "data"):  # the published names of the positional argument
            if name in options:
                examples = (*examples, options.pop(name))
        merged = {**self.options, **without_ignored(options)}
        if "topk" in merged:  # the name until 2021
            merged.setdefault("top_k", merged.pop("topk"))
        try:
            settings = QuestionOptions(**merged)
        except TypeError as error:
            raise ConfigError(f"question-answering: {error}") from error
        if len(examples) == 2:
            question, context = examples
        elif len(examples) == 1 and isinstance(examples[0], Iterator):
            return (self._answer(*_pairs(one, None, None)[0], settings) for one in examples[0])
        elif len(examples) > 2:
            raise ModelInputError("give a question and a context, or examples that hold both")
        pairs = _pairs(examples[0] if len(examples) == 1 else None, question, context)
        results = [self._answer(*pair, settings) for pair in pairs]
        return results[0] if len(results) == 1 else results

    def _answer(self, question: str, context: str, settings: "QuestionOptions") -> Record | list[Record]:
        asked = self.tokenizer(question, add_special_tokens=False).input_ids[: settings.max_question_len]
        text = self.tokenizer(context, add_special_tokens=False, return_offsets_mapping=True)
        if not asked or not text.input_ids:
            raise ModelInputError("give a question and a context, neither of them empty")
        longest = min(self.tokenizer.model_max_length, self.model.config.max_position_embeddings)
        room = min(settings.max_seq_len or longest, longest) - len(asked) - 1  # `</s>` ends each window
        # Aligned to words, several spans may be the same answer.
        count = 2 * settings.top_k + 10 if settings.align_to_words else settings.top_k
        answers: list[Record] = []
        impossible = 1.0
        for window in context_windows(len(text.input_ids), room, settings.doc_stride):
            ids, place = pair_input(asked, text.input_ids, window, self.tokenizer.eos_token_id)
            with torch.inference_mode():
                tensor = torch.tensor([ids], device=self.model.device)
                output = self.model(tensor, use_cache=False, return_dict=True)
            spans, absent = answers_in_window(
                output.start_logits[0],
                output.end_logits[0],
                place,
                context,
                text.offset_mapping[window.start : window.stop],
                count=count,
                max_tokens=settings.max_answer_len,
                may_be_absent=settings.handle_impossible_answer,
                overlapping=True,
            )
            impossible = min(impossible, absent)
            found: list[Record] = []
            for span in spans:
                start, end = span.start, span.end
                if settings.align_to_words:
                    start, end = _whole_words(context, start, end)
                found.append({"score": span.score, "start": start, "end": end, "answer": context[start:end]})
            # Spans of one window exclude each other, so that their probabilities add up; two windows may
            # have seen the same one.
            answers = _merged([*answers, *_merged(found, add=True)], add=False)
        if settings.handle_impossible_answer:
            answers.append({"score": impossible, "start": 0, "end": 0, "answer": ""})
        answers.sort(key=lambda answer: -float(answer["score"]))
        return answers[0] if len(answers[: settings.top_k]) == 1 else answers[: settings.top_k]


@dataclass(frozen=True)
class QuestionOptions:
    """How questions are answered, by the published names.

    Args:
        top_k: how many answers.
        doc_stride: tokens that neighbouring windows share; None is 128, or half a smaller window.
        max_answer_len: tokens of an answer.
        max_seq_len: tokens of a window, question and `</s>` among them; None is the model's own.
        max_question_len: tokens after which a question is cut.
        handle_impossible_answer: "" may be the answer, with the score of "no answer".
        align_to_words: answers are extended to white space.

    Raises:
        ConfigError: a number is too small.
    """

    top_k: int = 1
    doc_stride: int | None = None
    max_answer_len: int = 15
    max_seq_len: int | None = None
    max_question_len: int = 64
    handle_impossible_answer: bool = False
    align_to_words: bool = True

    def __post_init__(self) -> None:
        least = {"top_k": 1, "max_answer_len": 1, "max_question_len": 1, "doc_stride": 0, "max_seq_len": 0}
        for name, minimum in least.items():
            value = getattr(self, name)
            if value is None and name in ("doc_stride", "max_seq_len"):
                continue
            if not isinstance(value, int) or isinstance(value, bool):
                raise ConfigError(f"{name} is {value!r:.50}: it must be a whole number")
            if value < minimum:
                raise ConfigError(f"{name} is {value}: it must be at least {minimum}")


def _pairs(
    examples: Mapping[str, str] | Sequence[Mapping[str, str]] | None,
    question: str | Sequence[str] | None,
    context: str | Sequence[str] | None,
) -> list[tuple[str, str]]:
    """Return each question with its context, from whichever way they were given."""
    if examples is not None:
        listed = [examples] if isinstance(examples, Mapping) else examples
        if not isinstance(listed, list | tuple) or not all(isinstance(one, Mapping) for one in listed):
            raise ModelInputError(f"an example is a dict of question and context, not {examples!r:.50}")
        pairs = [(example.get("question", ""), example.get("context", "")) for example in listed]
    else:
        for given in (question, context):
            if not isinstance(given, str | list | tuple | None):
                raise ModelInputError(f"questions and contexts are texts, not {given!r:.50}")
        questions = [question] if isinstance(question, str) else list(question or ())
        contexts = [context] * len(questions) if isinstance(context, str) else list(context or ())
        if len(questions) != len(contexts):
            raise ModelInputError(f"{len(questions)} questions have {len(contexts)} contexts")
        pairs = list(zip(questions, contexts, strict=True))
    if not pairs:
        raise ModelInputError("give a question and a context")
    for text in (text for pair in pairs for text in pair):
        if not isinstance(text, str):
            raise ModelInputError(f"questions and contexts are texts, not {text!r:.50}")
    return pairs


def _whole_words(text: str, start: int, end: int) -> tuple[int, int]:
    """Extend a span to the white space around it."""
    while start and not text[start - 1].isspace():
        start -= 1
    while end < len(text) and not text[end].isspace():
        end += 1
    return start, end


def _merged(answers: Sequence[Record], *, add: bool) -> list[Record]:
    """Keep the best of answers that read the same, with the sum of their scores where `add` is set."""
    merged: dict[str, Record] = {}
    for answer in sorted(answers, key=lambda answer: -float(answer["score"])):
        best = merged.setdefault(answer["answer"].lower(), answer)
        if add and best is not answer:
            best["score"] += answer["score"]
    return list(merged.values())
