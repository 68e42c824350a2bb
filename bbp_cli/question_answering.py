"""Document + question + model → the spans of the document that answer it.

The document is read once for each question, in windows that overlap: the question stands before each of them.
How spans are scored, and why scores of different windows can be compared: `bigbird_pegasus.spans`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from bbp_cli.checkpoints import LoadedModel, no_numbers
from bbp_cli.device import resources_reported
from bbp_cli.documents import Document
from bbp_cli.errors import UsageError
from bbp_cli.results import Answer, Answers, ProgressBar, clean, coverage, truncation_warning
from bbp_cli.windows import unwrapped

LONGEST_ANSWER = 30  # tokens, as usual for SQuAD


@dataclass(frozen=True)
class Settings:
    """Which answers are told: the best `top_k` with at least `min_score`.

    Without a least score the model decides: a window in which "no answer here" scores higher than every span
    gives none. `stride` is the tokens that neighbouring windows share.
    """

    top_k: int = 1
    min_score: float | None = None
    stride: int | None = None
    truncate: bool = False

    def as_params(self) -> dict[str, object]:
        """The settings as records show them."""
        return asdict(self)


@dataclass(frozen=True)
class Context:
    """A document's text as tokens, and the span of each in the document (code points)."""

    document: Document
    ids: Sequence[int]
    spans: Sequence[tuple[int, int]]


def answer(
    document: Document,
    questions: Sequence[str],
    loaded: LoadedModel,
    settings: Settings,
    progress: ProgressBar,
) -> list[Answers]:
    """Answer questions about one document, in their order.

    Raises:
        ModelError: what the model says is no number.
        ResourceError: it does not fit into memory.
        UsageError: a question is too long for the model's window, or the stride is.
    """
    context = read_context(document, loaded)
    asked = [(question, *_plan(question, context, loaded, settings)) for question in questions]
    results = []
    total = sum(len(windows) for _, _, windows in asked)
    with resources_reported(), progress(document.source.path, total) as step:
        for question, ids, windows in asked:
            candidates: list[Answer] = []
            absent = []
            for window in windows:
                spans, score_of_none = read_window(ids, context, window, loaded, settings)
                candidates += spans
                absent.append(score_of_none)
                step()
            read = len(context.ids) if not settings.truncate else len(windows[0])
            found = coverage(document, len(context.ids), read, len(windows))
            best = best_of(candidates, settings.top_k)
            results.append(Answers(question, best, round(min(absent), 6), found, truncation_warning(found)))
    return results


def read_context(document: Document, loaded: LoadedModel) -> Context:
    """Encode a document for the model."""
    encoded = loaded.tokenizer(
        unwrapped(document.text), add_special_tokens=False, return_offsets_mapping=True
    )
    return Context(document, encoded.input_ids, encoded.offset_mapping)


def read_window(
    question: Sequence[int], context: Context, window: range, loaded: LoadedModel, settings: Settings
) -> tuple[list[Answer], float]:
    """The best spans of one window, which may be none, and the score of "no answer here".

    Raises:
        ModelError: what the model says is no number.
    """
    import torch
    from bigbird_pegasus.spans import best_spans, of_visible_tokens, span_probabilities, window_input

    ids, place = window_input(question, context.ids, window, loaded.tokenizer.eos_token_id)
    with torch.inference_mode():
        output = loaded.model(input_ids=torch.tensor([ids], device=loaded.model.device), use_cache=False)
    if not (output.start_logits.isfinite().all() and output.end_logits.isfinite().all()):
        raise no_numbers(loaded)
    starts, ends, absent = span_probabilities(output.start_logits[0], output.end_logits[0], place)
    text, places = context.document.text, context.spans[window.start : window.stop]
    starts, ends = (of_visible_tokens(each.cpu(), text, places) for each in (starts, ends))
    spans = best_spans(starts, ends, settings.top_k, LONGEST_ANSWER)
    if settings.min_score is None:
        spans = spans if spans and spans[0].score > absent else []
    answers = [
        _answer(context, window.start + span.first, window.start + span.last, span.score) for span in spans
    ]
    # What rounds to 0 is no answer, however low the least score.
    return [
        found for found in answers if found.score > 0 and found.score >= (settings.min_score or 0)
    ], absent


def best_of(candidates: Iterable[Answer], count: int) -> tuple[Answer, ...]:
    """The best answers of all windows, the best first; of those that share characters the best alone."""
    chosen: list[Answer] = []
    for candidate in sorted(candidates, key=lambda answer: (-answer.score, answer.start)):
        if len(chosen) == count:
            break
        if all(candidate.end <= other.start or other.end <= candidate.start for other in chosen):
            chosen.append(candidate)
    return tuple(chosen)


def _plan(
    question: str, context: Context, loaded: LoadedModel, settings: Settings
) -> tuple[list[int], list[range]]:
    """The ids of a question and the windows of the context that go with it."""
    from bigbird_pegasus.spans import context_windows, usual_stride

    ids = list(loaded.tokenizer(question, add_special_tokens=False).input_ids)
    limit = loaded.window_tokens - len(ids) - 1  # `</s>` ends each window
    if not ids or limit < loaded.window_tokens // 2:
        told = f"has {len(ids)} tokens: more than half of the model's window" if ids else "is empty"
        raise UsageError(f"the question {told}")
    stride = usual_stride(limit) if settings.stride is None else settings.stride
    if stride >= limit:
        raise UsageError(f"--stride {stride} is too much: beside the question a window has {limit} tokens")
    windows = context_windows(len(context.ids), limit, stride)
    return ids, windows[:1] if settings.truncate else windows


def _answer(context: Context, first: int, last: int, score: float) -> Answer:
    start, end = context.spans[first][0], context.spans[last][1]
    text, document = context.document.text, context.document
    return Answer(clean(text[start:end]), round(score, 6), document.page_at(start), start, end)
