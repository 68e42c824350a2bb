"""`pipeline`: from text to text, labels or answers in one call, returning what transformers 4 returned.

What differs on purpose: a question-answering window is as long as the model allows, not 384 tokens, windows
are spread evenly, and an answer seen in two of them keeps its better score (transformers added them, beyond
1). A text that a classifier cannot read at once is read in windows, where transformers raised an error.
`handle_impossible_answer` counts position 0 as "no answer" (see `question_answering`): with a tokenizer
without `[CLS]` transformers never found "no answer". Where a GPU is given by number and there is none, the
pipeline runs on the CPU and warns.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, overload

import torch
from torch import Tensor

from bigbird_pegasus.checkpoints.files import DEFAULT_MODEL
from bigbird_pegasus.checkpoints.hub import checkpoint_folder
from bigbird_pegasus.classification import ClassifyOptions, Meaning, choose, combine, text_windows
from bigbird_pegasus.config import BigBirdPegasusConfig
from bigbird_pegasus.errors import ConfigError, ModelInputError
from bigbird_pegasus.inference.extractive_model import ExtractiveModel, suits_numpy
from bigbird_pegasus.inference.numpy_model import load_numpy_model
from bigbird_pegasus.kernels.device import available_device
from bigbird_pegasus.kernels.threads import usable_processors
from bigbird_pegasus.modeling.heads import (
    BigBirdPegasusForConditionalGeneration,
    BigBirdPegasusForQuestionAnswering,
    BigBirdPegasusForSequenceClassification,
)
from bigbird_pegasus.modeling.pretrained import BigBirdPegasusPreTrainedModel
from bigbird_pegasus.modeling.sentence_extraction import BigBirdPegasusForSentenceExtraction
from bigbird_pegasus.question_answering import answers_in_window, context_windows, pair_input
from bigbird_pegasus.summarization.abstractive import DEFAULT_SUMMARY_TOKENS
from bigbird_pegasus.summarization.summarize import summarize
from bigbird_pegasus.text.windows import window_input
from bigbird_pegasus.tokenization.tokenizer import PegasusTokenizer

Record = dict[str, Any]
ModelArgument = str | Path | BigBirdPegasusPreTrainedModel | ExtractiveModel | None
ScoreFunction = Literal["softmax", "sigmoid", "none"]

DEFAULT_BEAMS = 4


@overload
def pipeline(
    task: Literal["summarization"], model: ModelArgument = None, **options: Any
) -> "SummarizationPipeline": ...
@overload
def pipeline(
    task: Literal["text-classification", "sentiment-analysis"],
    model: ModelArgument = None,
    **options: Any,
) -> "TextClassificationPipeline": ...
@overload
def pipeline(
    task: Literal["question-answering"], model: ModelArgument = None, **options: Any
) -> "QuestionAnsweringPipeline": ...
@overload
def pipeline(
    task: str, model: ModelArgument = None, **options: Any
) -> "SummarizationPipeline | TextClassificationPipeline | QuestionAnsweringPipeline": ...
def pipeline(
    task: str,
    model: ModelArgument = None,
    *,
    tokenizer: str | Path | PegasusTokenizer | None = None,
    device: int | str | torch.device | None = None,
    dtype: torch.dtype | str | None = None,
    torch_dtype: torch.dtype | str | None = None,
    revision: str | None = None,
    device_map: Any = None,
    model_kwargs: Mapping[str, Any] | None = None,
    **options: Any,
) -> "SummarizationPipeline | TextClassificationPipeline | QuestionAnsweringPipeline":
    """Make a function that does a task with a model.

    Args:
        task: "summarization", "text2text-generation", "text-classification" (also "sentiment-analysis") or
            "question-answering".
        model: a checkpoint folder, `owner/name` on the Hub, or a model in memory, which is used as it is.
            Left out, summarization takes the model that comes with the package.
        tokenizer: a folder, a name or a tokenizer; left out, that of the checkpoint.
        device: a torch device, or the number of a GPU, -1 being the CPU. Left out, the CPU, or where a model
            in memory is.
        dtype: of the weights, see `BigBirdPegasusPreTrainedModel.from_pretrained`; not for a model in
            memory. A model that
            chooses sentences runs in numpy, where no other device or type than the CPU and float32 is named.
        revision: of a model on the Hub and of its tokenizer.
        torch_dtype: the older name of `dtype`.
        device_map: the published way to name the device: a device, "auto", or `{"": device}`.
        model_kwargs: further arguments of `from_pretrained`; not for a model in memory.
        options: those of each call, as defaults. `batch_size`, `num_workers` and `framework` are accepted and
            change nothing: texts are computed one after the other, which is as fast on a CPU.

    Raises:
        ConfigError: the task is unknown, model or tokenizer are missing, or the model is for another task.
        CheckpointError, TokenizerError: the folder cannot be used.
    """
    task = {"sentiment-analysis": "text-classification"}.get(task, task)
    if task not in TASKS:
        raise ConfigError(f"task is {task!r}: it must be one of {', '.join(sorted(TASKS))}")
    _, pipeline_class = TASKS[task]
    if isinstance(device_map, Mapping) and set(device_map) == {""}:
        device_map = device_map[""]
    if device is not None and device_map is not None:
        raise ConfigError("give device or device_map, not both")
    device = device_map if device is None else device
    place = None if device is None else available_device(device)
    if model is None and task == "summarization":
        model = DEFAULT_MODEL
    if tokenizer is None and isinstance(model, str | Path):
        tokenizer = model
    given = {"dtype": dtype, "torch_dtype": torch_dtype, **(model_kwargs or {})}
    model = _ready(task, model, place, given, revision)
    if tokenizer is None:
        raise ConfigError("give the tokenizer of the model too")
    if isinstance(tokenizer, str | Path):
        tokenizer = PegasusTokenizer.from_pretrained(tokenizer, revision=revision)
    made: SummarizationPipeline | TextClassificationPipeline | QuestionAnsweringPipeline
    made = pipeline_class(model, tokenizer, _without_ignored(options))
    if isinstance(made, SummarizationPipeline) and task == "text2text-generation":
        made = replace(made, task=task, key="generated")
    return made


@dataclass(frozen=True)
class SummarizationPipeline:
    """Texts → summaries."""

    model: BigBirdPegasusForConditionalGeneration | BigBirdPegasusForSentenceExtraction | ExtractiveModel
    tokenizer: PegasusTokenizer
    options: Mapping[str, Any] = field(default_factory=dict)
    task: str = "summarization"
    key: str = "summary"  # what the keys of results begin with

    @property
    def device(self) -> torch.device:
        """Return where the model is."""
        return _device_of(self.model)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write model and tokenizer into a folder."""
        _save(self.model, self.tokenizer, folder)

    def __call__(self, documents: str | Iterable[str], **options: Any) -> Any:
        """Summarize one text or several, one after the other.

        Args:
            documents: the texts; of an iterator the results are one too, each computed when it is asked for.
            options: `truncation` (of a text longer than the window, else an error), `return_tensors` (ids in
                place of texts, as `summary_token_ids`), `clean_up_tokenization_spaces`, and those of
                `generate`. Where neither they nor the checkpoint say so, at most 256 tokens are written,
                with 4 beams. A model that chooses sentences, as the
                default one, reads texts of any length; its options are those of `bigbird_pegasus.summarize`
                (`length`, `truncate`).

        Returns:
            `[{"summary_text": …}]`, one for each text; with `num_return_sequences` above 1 and several texts
            a list of lists.

        Raises:
            ValueError: a text is longer than the model's window.
        """
        options = _without_ignored(options)
        if isinstance(documents, Iterator):
            return (self(text, **options)[0] for text in documents)
        if isinstance(self.model, ExtractiveModel | BigBirdPegasusForSentenceExtraction):
            texts = [documents] if isinstance(documents, str) else list(documents)
            chosen = {"model": self.model, "tokenizer": self.tokenizer, **self.options, **options}
            return [{"summary_text": one.summary} for one in summarize(texts, **chosen)]
        if isinstance(documents, str):
            return self._summarize(documents, **{**self.options, **options})
        results = [self._summarize(text, **{**self.options, **options}) for text in documents]
        return [one for (one,) in results] if all(len(result) == 1 for result in results) else results

    def _summarize(
        self,
        text: str,
        *,
        truncation: bool | str = False,
        clean_up_tokenization_spaces: bool = False,
        return_tensors: bool = False,
        return_text: bool = True,
        **options: Any,
    ) -> list[Record]:
        assert isinstance(self.model, BigBirdPegasusForConditionalGeneration)  # for the type checker
        default = self.model.generation_config
        assert default is not None  # for the type checker: this class always has one
        if default.max_length is None and default.max_new_tokens is None and "max_length" not in options:
            positions = self.model.config.max_position_embeddings
            options.setdefault("max_new_tokens", min(DEFAULT_SUMMARY_TOKENS, positions))
        if default.num_beams == 1 and not options.get("do_sample", default.do_sample):
            options.setdefault("num_beams", DEFAULT_BEAMS)
        inputs = self.tokenizer(text, truncation=truncation, return_tensors="pt").to(self.model.device)
        with torch.inference_mode():
            output = self.model.generate(**inputs, **options)
        sequences = output if isinstance(output, Tensor) else output.sequences
        if return_tensors or not return_text:
            return [{f"{self.key}_token_ids": ids.cpu()} for ids in sequences]
        texts = self.tokenizer.batch_decode(
            sequences, skip_special_tokens=True, clean_up_tokenization_spaces=clean_up_tokenization_spaces
        )
        return [{f"{self.key}_text": text} for text in texts]


@dataclass(frozen=True)
class TextClassificationPipeline:
    """Texts → labels."""

    model: BigBirdPegasusForSequenceClassification
    tokenizer: PegasusTokenizer
    options: Mapping[str, Any] = field(default_factory=dict)

    task = "text-classification"

    @property
    def device(self) -> torch.device:
        """Return where the model is."""
        return _device_of(self.model)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write model and tokenizer into a folder."""
        _save(self.model, self.tokenizer, folder)

    def __call__(
        self, inputs: str | Mapping[str, str] | Iterable[str | Mapping[str, str]], **options: Any
    ) -> Any:
        """Label one text or several, one after the other.

        Args:
            inputs: texts, or pairs as `{"text": …, "text_pair": …}`; of an iterator the results are one too.
            options: `top_k`, how many labels, None for all (`return_all_scores=True` too);
                `function_to_apply`, "softmax", "sigmoid" or "none", left out what the configuration's
                `problem_type` means; and those of the tokenizer
                (`truncation=True`). A text of more tokens than the model has positions is read in windows,
                whose scores are combined as `bbp classify` does; see `classification.combine`.

        Returns:
            `[{"label": …, "score": …}]`, the best label of each text; of a single pair without the list. With
            `top_k` given here: a list of labels for a text, the best first, and a list of lists for several.

        Raises:
            ConfigError: `function_to_apply` is unknown.
            ValueError: a pair is longer than the model's window.
        """
        settings = _published_labels({**self.options, **_without_ignored(options)})
        if isinstance(inputs, Iterator):
            return (self._classify(one, **settings) for one in inputs)
        if not isinstance(inputs, str | Mapping):
            return [self._classify(one, **settings) for one in inputs]
        result = self._classify(inputs, **settings)
        return [result] if isinstance(inputs, str) and "top_k" not in options else result

    def _classify(
        self,
        text: str | Mapping[str, str],
        *,
        function_to_apply: str | None = None,
        **options: Any,
    ) -> Record | list[Record]:
        only_best = "top_k" not in options
        top_k = options.pop("top_k", 1)
        texts: dict[str, Any] = {"text": text} if isinstance(text, str) else dict(text)
        function = function_to_apply or _function_of(self.model.config)
        inputs = self.tokenizer(**texts, return_tensors="pt", **options).to(self.model.device)
        if isinstance(text, str) and inputs["input_ids"].shape[1] > self.model.config.max_position_embeddings:
            scores = self._scores_over_windows(text, _meaning_of(function))
        else:
            with torch.inference_mode():
                logits = self.model(**inputs, use_cache=False, return_dict=True).logits[0].float().cpu()
            scores = _apply(function, logits).tolist()
        names = self.model.config.id2label
        best = choose(scores, ClassifyOptions(top_k=top_k))
        records = [{"label": names[number], "score": scores[number]} for number in best]
        return records[0] if only_best else records

    def _scores_over_windows(self, text: str, meaning: Meaning) -> list[float]:
        longest = min(self.tokenizer.model_max_length, self.model.config.max_position_embeddings)
        encoded, windows = text_windows(text, self.tokenizer, longest)
        rows = []
        for window in windows:
            ids = torch.tensor([window_input(encoded, window, self.tokenizer)], device=self.model.device)
            with torch.inference_mode():
                rows.append(self.model(ids, use_cache=False, return_dict=True).logits[0].float().cpu())
        scores, _ = combine(rows, [window.tokens for window in windows], meaning)
        return scores


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
        return _device_of(self.model)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write model and tokenizer into a folder."""
        _save(self.model, self.tokenizer, folder)

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
        merged = {**self.options, **_without_ignored(options)}
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
        for name in ("top_k", "max_answer_len", "max_question_len"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}: it must be at least 1")


TASKS: dict[str, tuple[type[BigBirdPegasusPreTrainedModel], Any]] = {
    "summarization": (BigBirdPegasusForConditionalGeneration, SummarizationPipeline),
    "text2text-generation": (BigBirdPegasusForConditionalGeneration, SummarizationPipeline),
    "text-classification": (BigBirdPegasusForSequenceClassification, TextClassificationPipeline),
    "question-answering": (BigBirdPegasusForQuestionAnswering, QuestionAnsweringPipeline),
}


def _ready(
    task: str,
    model: ModelArgument,
    device: torch.device | None,
    dtypes: Mapping[str, Any],
    revision: str | None,
) -> Any:
    """Return a task's model, of a folder or in memory; one that chooses sentences runs in numpy if it may."""
    model_class, _ = TASKS[task]
    if task == "summarization" and model is not None and _is_extractive(model, revision):
        model_class = BigBirdPegasusForSentenceExtraction
    named = [dtype for dtype in dtypes.values() if dtype is not None]
    if isinstance(model, str | Path):
        plain = suits_numpy(str(device or "auto"), str(*named[:1] or ["auto"]).removeprefix("torch."), None)
        if plain and model_class is BigBirdPegasusForSentenceExtraction:
            folder = checkpoint_folder(model, weights=True, revision=revision)
            if (found := load_numpy_model(folder, usable_processors())) is not None:
                return found
        return model_class.from_pretrained(model, **dtypes, device=device, revision=revision)
    if isinstance(model, ExtractiveModel) and task == "summarization":
        if named or device is not None:
            raise ConfigError("device and dtype are for a checkpoint folder: this model runs in numpy")
        return model
    if not isinstance(model, model_class):
        given = "no model" if model is None else type(model).__name__
        raise ConfigError(f"{task} needs a folder, a name or a {model_class.__name__}, not {given}")
    if named:
        raise ConfigError("dtype is for a checkpoint folder: a model in memory has one")
    return model if device is None else model.to(device)


def _is_extractive(
    model: str | Path | BigBirdPegasusPreTrainedModel | ExtractiveModel, revision: str | None
) -> bool:
    """Return whether a model chooses sentences; of a checkpoint its configuration says so."""
    if not isinstance(model, str | Path):
        return isinstance(model, ExtractiveModel | BigBirdPegasusForSentenceExtraction)
    named = BigBirdPegasusConfig.from_pretrained(model, revision=revision).architectures
    return named == [BigBirdPegasusForSentenceExtraction.__name__]


def _function_of(config: BigBirdPegasusConfig) -> ScoreFunction:
    """Return the published function from logits to scores."""
    if config.problem_type == "regression":
        return "none"
    return (
        "sigmoid"
        if config.problem_type == "multi_label_classification" or config.num_labels == 1
        else "softmax"
    )


def _apply(function: str, logits: Tensor) -> Tensor:
    """Map logits (C,) to scores."""
    match function.lower():
        case "softmax":
            return logits.softmax(-1)
        case "sigmoid":
            return logits.sigmoid()
        case "none":
            return logits
    raise _unknown(function)


def _meaning_of(function: str) -> Meaning:
    """Return what scores mean that this function makes."""
    match function.lower():
        case "softmax":
            return "one"
        case "sigmoid":
            return "several"
        case "none":
            return "values"
    raise _unknown(function)


def _unknown(function: str) -> ConfigError:
    return ConfigError(f"function_to_apply is {function!r}: it must be 'softmax', 'sigmoid' or 'none'")


def _pairs(
    examples: Mapping[str, str] | Sequence[Mapping[str, str]] | None,
    question: str | Sequence[str] | None,
    context: str | Sequence[str] | None,
) -> list[tuple[str, str]]:
    """Return each question with its context, from whichever way they were given."""
    if examples is not None:
        listed = [examples] if isinstance(examples, Mapping) else list(examples)
        pairs = [(example.get("question", ""), example.get("context", "")) for example in listed]
    else:
        questions = [question] if isinstance(question, str) else list(question or ())
        contexts = [context] * len(questions) if isinstance(context, str) else list(context or ())
        if len(questions) != len(contexts):
            raise ModelInputError(f"{len(questions)} questions have {len(contexts)} contexts")
        pairs = list(zip(questions, contexts, strict=True))
    if not pairs:
        raise ModelInputError("give a question and a context")
    return pairs


IGNORED = ("batch_size", "num_workers", "framework")


def _without_ignored(options: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what transformers takes and what changes nothing here."""
    return {name: value for name, value in options.items() if name not in IGNORED}


def _published_labels(options: dict[str, Any]) -> dict[str, Any]:
    """Replace `return_all_scores`, the way to say `top_k=None` until 2022."""
    if options.pop("return_all_scores", False):
        options.setdefault("top_k", None)
    return options


def _device_of(model: BigBirdPegasusPreTrainedModel | ExtractiveModel) -> torch.device:
    """Return where a model is: the default one, in numpy, is on the CPU."""
    return model.device if isinstance(model, BigBirdPegasusPreTrainedModel) else torch.device("cpu")


def _save(
    model: BigBirdPegasusPreTrainedModel | ExtractiveModel, tokenizer: PegasusTokenizer, folder: str | Path
) -> None:
    if not isinstance(model, BigBirdPegasusPreTrainedModel):
        raise ConfigError("a model that runs in numpy is not saved: copy the folder that it was read from")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


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
