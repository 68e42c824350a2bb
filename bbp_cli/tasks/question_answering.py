"""Document + question + model → the spans of the document that answer it.

The document is read once for each question, in windows that overlap: the question stands before each of them.
How spans are scored, why scores of different windows can be compared: `bigbird_pegasus.question_answering`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import TYPE_CHECKING

from bigbird_pegasus.summarization.options import OnText
from bigbird_pegasus.text.windows import unwrapped
from bigbird_pegasus.text.words import clean

from bbp_cli.documents.document import Document
from bbp_cli.errors import UsageError
from bbp_cli.models.checkpoints import LoadedModel, non_finite_scores_error
from bbp_cli.tasks.results import Answer, Answers, DocumentAnswers, coverage, truncation_warning
from bbp_cli.tasks.task import SHORT_WINDOWS, TaskSteps

if TYPE_CHECKING:
    from torch import Tensor


MAX_ANSWER_TOKENS = 30  # as usual for SQuAD


@dataclass(frozen=True)
class QAOptions:
    """Which answers are shown: the best `top_k` with at least `min_score`.

    Without `min_score` the model decides: a window in which "no answer here" scores higher than every span
    gives none. `stride` is the tokens that neighbouring windows share.
    """

    top_k: int = 1
    min_score: float | None = None
    stride: int | None = None
    truncate: bool = False


@dataclass(frozen=True)
class Context:
    """A document's text as tokens, and the span of each in the document (code points)."""

    document: Document
    ids: Sequence[int]
    spans: Sequence[tuple[int, int]]


@dataclass(frozen=True)
class AskedWindow:
    """A question's ids, and the window of the context in which the answer is looked for."""

    question: Sequence[int]
    context: Context
    window: range
    options: QAOptions


WindowAnswers = tuple[list[Answer], float]
"""The best spans of a window, which may be none, and the score of "no answer here"."""


@dataclass(frozen=True)
class QuestionAnswering:
    """Answer questions from each document, which is read once for each of them."""

    questions: Sequence[str]
    options: QAOptions

    def params(self, loaded: LoadedModel) -> Mapping[str, object]:
        """Return the options; a stride that was not given depends on the question's length; see `Task`."""
        return asdict(self.options)

    def identities(self) -> Sequence[Mapping[str, object]]:
        """Return each question with the options; see `Task`."""
        return [{"question": question, **asdict(self.options)} for question in self.questions]

    def plan(
        self, document: Document, loaded: LoadedModel, on_text: OnText | None = None
    ) -> TaskSteps[AskedWindow, WindowAnswers, DocumentAnswers]:
        """Return the steps to the answers of a document; see `Task`.

        Raises:
            UsageError: a question is too long for the model's window, or the stride is.
        """
        context = read_context(document, loaded)
        asked = [
            (question, *_windows(question, context, loaded, self.options)) for question in self.questions
        ]
        outputs = yield [
            AskedWindow(ids, context, window, self.options) for _, ids, windows in asked for window in windows
        ]
        answers, of_windows = [], iter(outputs)
        for question, _, windows in asked:
            of_question = list(islice(of_windows, len(windows)))
            tokens = len(context.ids) if not self.options.truncate else len(windows[0])
            read = coverage(document, len(context.ids), tokens, len(windows))
            best = best_of((answer for found, _ in of_question for answer in found), self.options.top_k)
            absent = round(min(absent for _, absent in of_question), 6)
            answers.append(Answers(question, best, absent, read, truncation_warning(read)))
        return DocumentAnswers(tuple(answers))

    def compute(self, loaded: LoadedModel, windows: Sequence[AskedWindow]) -> Sequence[WindowAnswers]:
        """Return the answers of each window.

        Raises:
            ModelError: the model computes NaN or infinity.
        """
        from bigbird_pegasus.inference.ragged_batch import forward_each
        from bigbird_pegasus.question_answering import pair_input

        eos = loaded.tokenizer.eos_token_id
        inputs = [pair_input(each.question, each.context.ids, each.window, eos) for each in windows]
        found = []
        outputs = forward_each(loaded.model, [ids for ids, _ in inputs])
        for asked, (_, place), output in zip(windows, inputs, outputs, strict=True):
            if not (output.start_logits.isfinite().all() and output.end_logits.isfinite().all()):
                raise non_finite_scores_error(loaded)
            found.append(_answers_of(asked, output.start_logits[0], output.end_logits[0], place))
        return found

    def batch_size(self, loaded: LoadedModel) -> int:
        """Return how many windows are best computed together."""
        return SHORT_WINDOWS

    def streams(self, loaded: LoadedModel) -> bool:
        """Return False: which answers are best is known when all windows are read."""
        return False


def read_context(document: Document, loaded: LoadedModel) -> Context:
    """Encode a document for the model."""
    encoded = loaded.tokenizer(
        unwrapped(document.running_text), add_special_tokens=False, return_offsets_mapping=True
    )
    return Context(document, encoded.input_ids, encoded.offset_mapping)


def _answers_of(
    asked: AskedWindow, start_logits: "Tensor", end_logits: "Tensor", place: range
) -> WindowAnswers:
    from bigbird_pegasus.question_answering import answers_in_window, whole_words

    context, window, options = asked.context, asked.window, asked.options
    text, document = context.document.running_text, context.document
    spans, absent = answers_in_window(
        start_logits,
        end_logits,
        place,
        text,
        context.spans[window.start : window.stop],
        count=options.top_k,
        max_tokens=MAX_ANSWER_TOKENS,
    )
    if options.min_score is None:
        spans = spans if spans and spans[0].score > absent else []
    answers = []
    for span in spans:
        start, end = whole_words(text, span.start, span.end)
        answers.append(
            Answer(
                text=clean(text[start:end]),
                score=round(span.score, 6),
                page=document.page_at(start),
                start=start,
                end=end,
            )
        )
    # What rounds to 0 is no answer, however low the least score.
    return [found for found in answers if found.score > 0 and found.score >= (options.min_score or 0)], absent


def best_of(candidates: Iterable[Answer], count: int) -> tuple[Answer, ...]:
    """Return the best answers of all windows, the best first; of any that overlap only the best."""
    chosen: list[Answer] = []
    for candidate in sorted(candidates, key=lambda answer: (-answer.score, answer.start)):
        if len(chosen) == count:
            break
        if all(candidate.end <= other.start or other.end <= candidate.start for other in chosen):
            chosen.append(candidate)
    return tuple(chosen)


def _windows(
    question: str, context: Context, loaded: LoadedModel, options: QAOptions
) -> tuple[list[int], list[range]]:
    """Return the ids of a question and the windows of the context that go with it."""
    from bigbird_pegasus.question_answering import context_windows

    ids = list(loaded.tokenizer(question, add_special_tokens=False).input_ids)
    limit = loaded.window_tokens - len(ids) - 1  # `</s>` ends each window
    if not ids or limit < loaded.window_tokens // 2:
        told = f"has {len(ids)} tokens: more than half of the model's window" if ids else "is empty"
        raise UsageError(f"the question {told}")
    if options.stride is not None and options.stride >= limit:
        raise UsageError(
            f"--stride {options.stride} is too much: beside the question a window has {limit} tokens"
        )
    windows = context_windows(len(context.ids), limit, options.stride)
    return ids, windows[:1] if options.truncate else windows
