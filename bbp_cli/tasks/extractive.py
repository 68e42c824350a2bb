"""Summaries by choosing: every sentence is scored, and those that add most one after another are the summary.

The encoder reads one window by itself; what it makes of the sentences is scored and chosen from together.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bigbird_pegasus.summarization.extractive import DEFAULT_SUMMARY_WORDS, choose, lead, with_questions
from bigbird_pegasus.summarization.quality import measure_quality
from bigbird_pegasus.text.language import ENGLISH, NAMES
from bigbird_pegasus.text.line_patterns import ends_as_sentence
from bigbird_pegasus.text.parsed_text import parse_text
from bigbird_pegasus.text.sentence_filter import eligible_sentences
from bigbird_pegasus.text.sentences import Sentence
from bigbird_pegasus.text.windows import EncodedText, Window, encode, first_window, pack
from bigbird_pegasus.text.words import count_words, first_words

from bbp_cli.documents.document import Document
from bbp_cli.models.checkpoints import LoadedModel
from bbp_cli.models.names import DEFAULT
from bbp_cli.tasks.results import Origin, Summary, SummarySentence, coverage, truncation_warning
from bbp_cli.tasks.task import TaskSteps

if TYPE_CHECKING:
    from bigbird_pegasus.summarization.options import SummaryOptions
    from torch import Tensor


def steps(
    document: Document, loaded: LoadedModel, settings: "SummaryOptions"
) -> "TaskSteps[tuple[EncodedText, Window], Tensor, Summary]":
    """Choose sentences, at most `settings.length` words of them where it is given; see `Task.plan`."""
    import torch
    from bigbird_pegasus.summarization.extractive import score_document

    parsed = parse_text(document.text)
    encoded = encode(parsed, loaded.tokenizer, loaded.window_tokens)
    windows = pack(encoded.counts, loaded.window_tokens)
    if settings.truncate:
        windows = [first_window(encoded.counts, loaded.window_tokens)]
    of_windows = yield [(encoded, window) for window in windows]
    vectors = torch.cat(list(of_windows))
    spans = encoded.sentences[: len(vectors)]
    texts = [parsed.on_one_line(span) for span in spans]
    scored = score_document(loaded.model, vectors, texts, [span.starts_paragraph for span in spans])
    scores = scored.scores
    allowed = eligible_sentences(parsed, spans)
    if _is_made_of_sentences(texts, allowed):
        chosen, stop = choose(texts, scored, settings.length, allowed, loaded.model.sentence_head.chooser)
        chosen = with_questions(texts, chosen, settings.length)
    else:
        chosen, stop = lead(texts, settings.length, allowed)
    budget = settings.length or DEFAULT_SUMMARY_WORDS
    warnings: tuple[str, ...] = ()
    if len(chosen) == 1 and count_words(texts[chosen[0]]) > budget:
        texts[chosen[0]] = first_words(texts[chosen[0]], budget)
        warnings = (f"no sentence has at most {budget} words: the best one is cut",)
    sentences = tuple(SummarySentence(texts[n], (_origin(document, spans[n], scores[n]),)) for n in chosen)
    text = _joined([sentence.text for sentence in sentences])
    found = coverage(document, len(encoded.ids), sum(window.tokens for window in windows), len(windows))
    quality = measure_quality(sum(count_words(text) for text in texts), text, stop)
    if loaded.checkpoint.folder.id == DEFAULT:
        warnings = (*language_warning(parsed.language), *warnings)
    return Summary(text, sentences, found, quality, (*warnings, *truncation_warning(found)))


def _is_made_of_sentences(texts: Sequence[str], allowed: Sequence[bool]) -> bool:
    pieces = [text for text, may in zip(texts, allowed, strict=True) if may]
    of_sentences = sum(count_words(text) for text in pieces if ends_as_sentence(text))
    return 2 * of_sentences >= sum(count_words(text) for text in pieces)


def language_warning(language: str | None) -> tuple[str, ...]:
    """What the default model has to say of a text that is not English."""
    if language in (None, ENGLISH):
        return ()
    return (f"reads like {NAMES[language]}: the default model knows English, take the summary with care",)


def _joined(sentences: Sequence[str]) -> str:
    """One after the other; behind one that does not end as a sentence (a list's item) comes a line break."""
    return "".join(f"{text} " if ends_as_sentence(text) else f"{text}\n" for text in sentences).rstrip()


def read_windows(model: Any, windows: Sequence[tuple[EncodedText, Window]]) -> "list[Tensor]":
    """The vectors of the sentences of windows, each of some document: (L, D); NaN for one without tokens."""
    import torch
    from bigbird_pegasus.inference.ragged_batch import encode_each

    ids = [torch.tensor(encoded.window_ids(window), dtype=torch.long) for encoded, window in windows]
    with torch.inference_mode():
        states = iter(encode_each(model.encoder, [one.to(model.device) for one in ids if len(one)]))
        return [
            _vectors(model, next(states), encoded, window) if window.tokens else _no_vectors(model, window)
            for encoded, window in windows
        ]


def _vectors(model: Any, states: "Tensor", encoded: EncodedText, window: Window) -> "Tensor":
    import torch

    device = model.device
    counts = torch.tensor(encoded.counts[window.first : window.last], device=device)
    vectors: Tensor = model.sentence_head.reader(
        states,
        torch.arange(len(counts), device=device).repeat_interleave(counts).unsqueeze(0),
        torch.arange(window.first, window.last, device=device).unsqueeze(0),
        torch.tensor([len(encoded.sentences)], device=device),
    )
    return vectors[0]


def _no_vectors(model: Any, window: Window) -> "Tensor":
    import torch

    return torch.full((window.last - window.first, model.config.d_model), float("nan"), device=model.device)


def _origin(document: Document, span: Sentence, score: float) -> Origin:
    return Origin(document.page_at(span.start), span.start, span.end, round(score, 6))
