"""Summaries by choosing: every sentence is scored, and the best within the word budget are the summary.

Scores are on an absolute scale, so the sentences of all windows are chosen from together.
"""

from collections.abc import Sequence
from itertools import accumulate, chain
from typing import TYPE_CHECKING, Any

from bigbird_pegasus.languages import ENGLISH, NAMES, guess_language
from bigbird_pegasus.line_patterns import ends_as_sentence
from bigbird_pegasus.lines import without_marks
from bigbird_pegasus.prose import candidates, first_words

from bbp_cli.checkpoints import LoadedModel
from bbp_cli.documents import Document
from bbp_cli.hub import DEFAULT
from bbp_cli.results import (
    Origin,
    Stop,
    Summary,
    SummarySentence,
    clean,
    count_words,
    coverage,
    measure_quality,
    truncation_warning,
)
from bbp_cli.sentences import Sentence
from bbp_cli.together import Steps
from bbp_cli.windows import EncodedText, Window, encode, first_window, pack

if TYPE_CHECKING:
    from torch import Tensor

    from bbp_cli.summarize import Settings

DEFAULT_LENGTH = 100  # words
LEAST_LEAD = 30  # words
SHORT = 3  # sentences: a text of at most so many is its own summary


def steps(document: Document, loaded: LoadedModel, settings: "Settings") -> Steps[Summary]:
    """Choose sentences of at most `settings.length` words together, in document order; see `together`."""
    encoded = encode(document.text, loaded.tokenizer, loaded.window_tokens)
    windows = pack(encoded.counts, loaded.window_tokens)
    if settings.truncate:
        windows = [first_window(encoded.counts, loaded.window_tokens)]
    of_windows = yield [(encoded, window) for window in windows]
    scores: list[float] = list(chain.from_iterable(of_windows))
    budget = settings.length or DEFAULT_LENGTH
    spans = encoded.sentences[: len(scores)]
    plain = without_marks(document.text)
    texts = [clean(plain[span.start : span.end]) for span in spans]
    allowed = candidates(document.text, [(span.start, span.end) for span in spans])
    if _is_made_of_sentences(texts, allowed):
        chosen, stop = choose(texts, scores, budget, allowed)
    else:
        chosen, stop = lead(texts, settings.length, allowed)
    warnings: tuple[str, ...] = ()
    if len(chosen) == 1 and count_words(texts[chosen[0]]) > budget:
        texts[chosen[0]] = first_words(texts[chosen[0]], budget)
        warnings = (f"no sentence has at most {budget} words: the best one is cut",)
    sentences = tuple(SummarySentence(texts[n], (_origin(document, spans[n], scores[n]),)) for n in chosen)
    text = _joined([sentence.text for sentence in sentences])
    found = coverage(document, len(encoded.ids), sum(window.tokens for window in windows), len(windows))
    quality = measure_quality(sum(count_words(text) for text in texts), text, stop)
    if loaded.checkpoint.folder.id == DEFAULT:
        warnings = (*language_warning(document.text), *warnings)
    return Summary(text, sentences, found, quality, (*warnings, *truncation_warning(found)))


def lead(texts: Sequence[str], max_words: int | None, allowed: Sequence[bool]) -> tuple[list[int], Stop]:
    """The first of a document's pieces, where few are sentences: a list, a table, a poem without full stops.

    Without `max_words` a quarter of the words, but at least 30 and at most 100. Scores say nothing about such pieces.
    """
    words = [count_words(text) if may else 0 for text, may in zip(texts, allowed, strict=True)]
    left = max_words or min(DEFAULT_LENGTH, max(LEAST_LEAD, sum(words) // 4))
    numbers = [n for n, count in enumerate(words) if count]
    last = next(
        (i for i, total in enumerate(accumulate(words[n] for n in numbers)) if total > left), len(numbers)
    )
    return numbers[: max(1, last)], "whole" if last == len(texts) else "length"


def _is_made_of_sentences(texts: Sequence[str], allowed: Sequence[bool]) -> bool:
    pieces = [text for text, may in zip(texts, allowed, strict=True) if may]
    of_sentences = sum(count_words(text) for text in pieces if ends_as_sentence(text))
    return 2 * of_sentences >= sum(count_words(text) for text in pieces)


def language_warning(text: str) -> tuple[str, ...]:
    """What the default model has to say of a text that is not English."""
    language = guess_language(text)
    if language in (None, ENGLISH):
        return ()
    return (f"reads like {NAMES[language]}: the default model knows English, take the summary with care",)


def _joined(sentences: Sequence[str]) -> str:
    """One after the other; behind one that does not end as a sentence (a list's item) comes a line break."""
    return "".join(f"{text} " if ends_as_sentence(text) else f"{text}\n" for text in sentences).rstrip()


def score_windows(model: Any, windows: Sequence[tuple[EncodedText, Window]]) -> list[list[float]]:
    """The scores of the sentences of windows, each of some document; a sentence without tokens gets 0."""
    import torch
    from bigbird_pegasus.side_by_side import encode_each

    ids = [torch.tensor(encoded.window_ids(window), dtype=torch.long) for encoded, window in windows]
    with torch.inference_mode():
        states = iter(encode_each(model.encoder, [one.to(model.device) for one in ids if len(one)]))
        return [
            _scores(model, next(states), encoded, window) if window.tokens else _no_scores(window)
            for encoded, window in windows
        ]


def _scores(model: Any, states: "Tensor", encoded: EncodedText, window: Window) -> list[float]:
    import torch

    device = model.device
    counts = torch.tensor(encoded.counts[window.first : window.last], device=device)
    scores: Tensor = model.sentence_head(
        states,
        torch.arange(len(counts), device=device).repeat_interleave(counts).unsqueeze(0),
        torch.arange(window.first, window.last, device=device).unsqueeze(0),
        torch.tensor([len(encoded.sentences)], device=device),
    )
    return [score if score > float("-inf") else 0.0 for score in scores[0].tolist()]


def _no_scores(window: Window) -> list[float]:
    return [0.0] * (window.last - window.first)


def choose(
    texts: Sequence[str], scores: Sequence[float], max_words: int, allowed: Sequence[bool]
) -> tuple[list[int], Stop]:
    """The numbers of the sentences to print, in document order; a short text is printed whole.

    Choosing stops where the length is reached, or where no other sentence is worth it ("end").

    `allowed` tells which sentences may be chosen: headings, captions and the like may not
    (`bigbird_pegasus.prose.candidates`).
    """
    from bigbird_pegasus.extraction import choose_sentences, least_share_of_best

    words = [count_words(text) for text in texts]
    if len(texts) <= SHORT and sum(words) <= max_words:
        return list(range(len(texts))), "whole"
    numbers = [number for number, may in enumerate(allowed) if may]
    if len(numbers) <= SHORT and sum(words[n] for n in numbers) <= max_words:
        return numbers, "end"
    best = choose_sentences([texts[n] for n in numbers], [scores[n] for n in numbers], max_words)
    chosen = [numbers[n] for n in best]
    if len(chosen) == len(texts):
        return chosen, "whole"
    room = max_words - sum(words[n] for n in chosen)
    worth = least_share_of_best(max_words) * max(scores[n] for n in chosen)
    did_not_fit = any(words[n] > room and scores[n] >= worth for n in set(numbers) - set(chosen))
    return chosen, "length" if did_not_fit else "end"


def _origin(document: Document, span: Sentence, score: float) -> Origin:
    return Origin(document.page_at(span.start), span.start, span.end, round(score, 6))
