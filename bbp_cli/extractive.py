"""Summaries by choosing: every sentence is scored, and the best within the word budget are the summary.

Scores are on an absolute scale, so the sentences of all windows are chosen from together.
"""

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
SHORT = 3  # sentences: a text of at most so many is its own summary


def summarize(
    document: Document, loaded: LoadedModel, settings: "Settings", progress: ProgressBar
) -> Summary:
    """Choose sentences of at most `settings.length` words together, in document order."""
    from bigbird_pegasus.prose import candidates

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
    allowed = candidates(document.text, [(span.start, span.end) for span in spans])
    chosen, stop = choose(texts, scores, budget, allowed)
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


def choose(
    texts: Sequence[str], scores: Sequence[float], max_words: int, allowed: Sequence[bool]
) -> tuple[list[int], Stop]:
    """The numbers of the sentences to print, in document order; a short text is printed whole.

    Choosing stops where the length is reached, or where no other sentence is worth it ("end").

    `allowed` tells which sentences may be chosen: headings, captions and the like may not
    (`bigbird_pegasus.prose.candidates`).
    """
    from bigbird_pegasus.extraction import choose_sentences, least_share_of_best

    if len(texts) <= SHORT and sum(len(text.split()) for text in texts) <= max_words:
        return list(range(len(texts))), "whole"
    words = [len(text.split()) for text in texts]
    numbers = [number for number, may in enumerate(allowed) if may]
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
