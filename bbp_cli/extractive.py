"""Summaries by choosing: every sentence is scored, and the best within the word budget are the summary.

Scores are on an absolute scale, so the sentences of all windows are chosen from together.
"""

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from bbp_cli.checkpoints import LoadedModel
from bbp_cli.documents import Document
from bbp_cli.results import (
    Origin,
    ProgressBar,
    Stop,
    Summary,
    SummarySentence,
    clean,
    coverage,
    measure_quality,
    truncation_warning,
)
from bbp_cli.windows import EncodedText, Sentence, Window, encode, first_window, pack

if TYPE_CHECKING:
    from bbp_cli.summarize import Settings

DEFAULT_LENGTH = 100  # words
# Marks of Latin, Arabic and Urdu, Armenian, Hindi, Burmese, Ethiopic, Khmer, Chinese and Japanese writing.
# Behind one may stand quotes, brackets and what points to a source: [3], (Smith, 2020), a raised number.
_SENTENCE_END = re.compile(
    r"[.!?\u2026\u0589\u061f\u06d4\u0964\u0965\u104b\u1362\u17d4\u203c-\u203d\u2047-\u2049"
    r"\u3002\uff01\uff0e\uff1f\uff61]"
    r"(?:[^\w(\[]|[_\u00b2\u00b3\u00b9\u2070-\u2079]|\([^()]{0,100}\)|\[[^\[\]]{0,100}\])*\Z"
)
_LONGEST_END = 200  # characters in which the mark is looked for: a sentence may be a million full stops
_LEAST_KEPT = 0.5  # of a document's words: what has fewer in sentences is a list, a poem, or not punctuated
SHORT = 3  # sentences: a text of at most so many is its own summary


def summarize(
    document: Document, loaded: LoadedModel, settings: "Settings", progress: ProgressBar
) -> Summary:
    """Choose sentences of at most `settings.length` words together, in document order."""
    encoded = encode(document.text, loaded.tokenizer, loaded.window_tokens)
    windows = pack(encoded.counts, loaded.window_tokens)
    if settings.truncate:
        windows = [first_window(encoded.counts, loaded.window_tokens)]
    scores: list[float] = []
    with progress(document.source.path, len(windows)) as step:
        for of_window in score_windows(encoded, windows, loaded.model):
            scores += of_window
            step()
    budget = settings.length or DEFAULT_LENGTH
    spans = encoded.sentences[: len(scores)]
    texts = [clean(document.text[span.start : span.end]) for span in spans]
    chosen, stop = choose(texts, scores, budget)
    warnings: tuple[str, ...] = ()
    if len(chosen) == 1 and len(texts[chosen[0]].split()) > budget:
        texts[chosen[0]] = " ".join(texts[chosen[0]].split()[:budget])
        warnings = (f"no sentence has at most {budget} words: the best one is cut",)
    sentences = tuple(SummarySentence(texts[n], (_origin(document, spans[n], scores[n]),)) for n in chosen)
    text = " ".join(sentence.text for sentence in sentences)
    found = coverage(document, len(encoded.ids), sum(window.tokens for window in windows), len(windows))
    quality = measure_quality(sum(len(text.split()) for text in texts), text, stop)
    return Summary(text, sentences, found, quality, (*warnings, *truncation_warning(found)))


def score_windows(encoded: EncodedText, windows: Sequence[Window], model: Any) -> Iterator[list[float]]:
    """The scores of each window's sentences, one window at a time; a sentence without tokens gets 0."""
    import torch

    total = torch.tensor([len(encoded.sentences)], device=model.device)
    for window in windows:
        if not window.tokens:
            yield [0.0] * (window.last - window.first)
            continue
        counts = torch.tensor(encoded.counts[window.first : window.last])
        ids = torch.tensor(encoded.window_ids(window), dtype=torch.long)
        with torch.inference_mode():
            scores = model(
                input_ids=ids.unsqueeze(0).to(model.device),
                attention_mask=torch.ones_like(ids).unsqueeze(0).to(model.device),
                sentence_index=torch.arange(len(counts))
                .repeat_interleave(counts)
                .unsqueeze(0)
                .to(model.device),
                sentence_position=torch.arange(window.first, window.last).unsqueeze(0).to(model.device),
                document_sentences=total,
            ).scores[0]
        yield [score if score > float("-inf") else 0.0 for score in scores.tolist()]


def choose(texts: Sequence[str], scores: Sequence[float], max_words: int) -> tuple[list[int], Stop]:
    """The numbers of the sentences to print, in document order; a short text is printed whole.

    Choosing stops where the length is reached, or where no other sentence is worth it ("end").

    Headings, captions and the like do not end as a sentence does, and are left out of a text that is mostly
    sentences.
    """
    from bigbird_pegasus.extraction import choose_sentences, least_share_of_best

    if len(texts) <= SHORT and sum(len(text.split()) for text in texts) <= max_words:
        return list(range(len(texts))), "whole"
    candidates = [number for number, text in enumerate(texts) if _ends_as_sentence(text)]
    words = [len(text.split()) for text in texts]
    if sum(words[n] for n in candidates) < _LEAST_KEPT * sum(words):
        candidates = list(range(len(texts)))
    best = choose_sentences([texts[n] for n in candidates], [scores[n] for n in candidates], max_words)
    chosen = [candidates[n] for n in best]
    if len(chosen) == len(texts):
        return chosen, "whole"
    room = max_words - sum(words[n] for n in chosen)
    worth = least_share_of_best(max_words) * max(scores[n] for n in chosen)
    did_not_fit = any(words[n] > room and scores[n] >= worth for n in set(candidates) - set(chosen))
    return chosen, "length" if did_not_fit else "end"


def _ends_as_sentence(text: str) -> bool:
    return _SENTENCE_END.search(text[-_LONGEST_END:]) is not None


def _origin(document: Document, span: Sentence, score: float) -> Origin:
    return Origin(document.page_at(span.start), span.start, span.end, round(score, 6))
