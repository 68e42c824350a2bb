"""Summaries by choosing: every sentence is scored, and those that add most one after another are the summary.

The encoder reads one window by itself; what it makes of the sentences is scored and chosen from together.
"""

import re
from collections.abc import Sequence
from itertools import accumulate
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
    from bigbird_pegasus.choosing import Chooser
    from bigbird_pegasus.extraction import ScoredSentences
    from torch import Tensor

    from bbp_cli.summarize import Settings

DEFAULT_LENGTH = 100  # words at most of a short text that is printed whole, and of a single sentence
LEAST_LEAD = 30  # words
_QUESTION = re.compile(r"Q(?:uestion)?(?: ?\d+)?[:.] ?\w.*\?$", re.IGNORECASE)
_ANSWER = re.compile(r"A(?:nswer)?(?: ?\d+)?[:.] ?\w", re.IGNORECASE)
SHORT = 3  # sentences: a text of at most so many is its own summary


def steps(document: Document, loaded: LoadedModel, settings: "Settings") -> Steps[Summary]:
    """Choose sentences, at most `settings.length` words of them where it is given; see `together`."""
    import torch
    from bigbird_pegasus.extraction import score_document

    encoded = encode(document.text, loaded.tokenizer, loaded.window_tokens)
    windows = pack(encoded.counts, loaded.window_tokens)
    if settings.truncate:
        windows = [first_window(encoded.counts, loaded.window_tokens)]
    of_windows = yield [(encoded, window) for window in windows]
    vectors = torch.cat(list(of_windows))
    spans = encoded.sentences[: len(vectors)]
    plain = without_marks(document.text)
    texts = [clean(plain[span.start : span.end]) for span in spans]
    scored = score_document(loaded.model, vectors, texts, [span.starts_paragraph for span in spans])
    scores = scored.scores
    allowed = candidates(document.text, [(span.start, span.end) for span in spans])
    if _is_made_of_sentences(texts, allowed):
        chosen, stop = choose(texts, scored, settings.length, allowed, loaded.model.sentence_head.chooser)
        chosen = with_questions(texts, chosen, settings.length)
    else:
        chosen, stop = lead(texts, settings.length, allowed)
    budget = settings.length or DEFAULT_LENGTH
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

    Without `max_words` a quarter of the words, but at least 30 and at most 100. Scores say nothing about such
    pieces.
    """
    words = [count_words(text) if may else 0 for text, may in zip(texts, allowed, strict=True)]
    left = max_words or min(DEFAULT_LENGTH, max(LEAST_LEAD, sum(words) // 4))
    numbers = [n for n, count in enumerate(words) if count]
    last = next(
        (i for i, total in enumerate(accumulate(words[n] for n in numbers)) if total > left), len(numbers)
    )
    return numbers[: max(1, last)], "whole" if last == len(texts) else "length"


def with_questions(texts: Sequence[str], chosen: Sequence[int], max_words: int | None) -> list[int]:
    """The chosen sentences, and where there is room the question before each that is an answer ("A: …")."""
    found = set(chosen)
    words = sum(count_words(texts[n]) for n in chosen)
    for number in chosen:
        asked = number - 1
        if asked < 0 or asked in found:
            continue
        if _ANSWER.match(texts[number]) and _QUESTION.match(texts[asked]):
            words += count_words(texts[asked])
            if max_words is not None and words > max_words:
                break
            found.add(asked)
    return sorted(found)


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


def read_windows(model: Any, windows: Sequence[tuple[EncodedText, Window]]) -> "list[Tensor]":
    """The vectors of the sentences of windows, each of some document: (L, D); NaN for one without tokens."""
    import torch
    from bigbird_pegasus.side_by_side import encode_each

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


def choose(
    texts: Sequence[str],
    scored: "ScoredSentences",
    max_words: int | None,
    allowed: Sequence[bool],
    chooser: "Chooser",
) -> tuple[list[int], Stop]:
    """The numbers of the sentences to print, in document order; a short text is printed whole.

    Choosing stops where the length is reached, or where no other sentence is worth it ("end"). Without
    `max_words` the length is what such a document's summary is expected to have.

    `allowed` tells which sentences may be chosen: headings, captions and the like may not
    (`bigbird_pegasus.prose.candidates`).
    """
    from bigbird_pegasus.choosing import choose_sentences

    words = [count_words(text) for text in texts]
    short = max_words or DEFAULT_LENGTH
    if len(texts) <= SHORT and sum(words) <= short:
        return list(range(len(texts))), "whole"
    numbers = [number for number, may in enumerate(allowed) if may]
    if len(numbers) <= SHORT and sum(words[n] for n in numbers) <= short:
        return numbers, "end"
    length = scored.length if max_words is None else float(max_words)
    chosen, cut = choose_sentences(chooser, words, scored.scores, scored.features, length, allowed, max_words)
    if len(chosen) == len(texts):
        return chosen, "whole"
    return chosen, "length" if cut else "end"


def _origin(document: Document, span: Sentence, score: float) -> Origin:
    return Origin(document.page_at(span.start), span.start, span.end, round(score, 6))
