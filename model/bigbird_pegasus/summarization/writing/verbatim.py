"""Verbatim summaries by a model that writes: the sentences of the document that it would most likely write.

Each sentence is scored by the mean log probability of its tokens: the decoder reads the window, is told what
to write and asked how likely it was. What is printed are the document's own sentences, in their order,
whatever the scores are.
"""

import re
from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bigbird_pegasus.summarization.choosing.by_section import choose_by_section
from bigbird_pegasus.summarization.choosing.extractive import (
    DEFAULT_SUMMARY_WORDS,
    MAX_SUMMARY_SHARE,
    MAX_WHOLE_SENTENCES,
    MIN_SUMMARY_WORDS,
    join_sentences,
)
from bigbird_pegasus.summarization.chosen import Choice, summary_of_chosen
from bigbird_pegasus.summarization.length import LengthBounds, bounds_of
from bigbird_pegasus.summarization.options import SummaryOptions, in_words
from bigbird_pegasus.summarization.quality import Stop
from bigbird_pegasus.summarization.reading import sections_for, windows_of
from bigbird_pegasus.summarization.summary import Summary, empty_summary
from bigbird_pegasus.text.parsed_text import ParsedText
from bigbird_pegasus.text.sentence_filter import eligible_sentences
from bigbird_pegasus.text.speech import speakers_of, with_speaker
from bigbird_pegasus.text.windows import EncodedText, Window, encode, window_input
from bigbird_pegasus.text.words import count_words, first_words

if TYPE_CHECKING:
    from bigbird_pegasus.modeling.heads import BigBirdPegasusForConditionalGeneration
    from bigbird_pegasus.tokenization.tokenizer import PegasusTokenizer

MAX_TOKENS_TOGETHER = 256  # of sentences that are scored at once: bounds the memory that their logits take
MAX_SCORED_TOKENS = 64  # of a sentence: what a longer one begins with is scored
MAX_SHARED_WORDS = 0.6  # of a sentence's words with one that is chosen already


@dataclass(frozen=True)
class ScoringRequest:
    """A window, and which of its sentences are to be scored."""

    encoded: EncodedText
    window: Window
    numbers: tuple[int, ...]


def verbatim_steps(
    text: ParsedText,
    model: "BigBirdPegasusForConditionalGeneration",
    tokenizer: "PegasusTokenizer",
    options: SummaryOptions,
) -> Generator[Sequence[ScoringRequest], Sequence[list[float]], Summary]:
    """Yield requests, be sent what `score_sentences` makes of each, return the summary."""
    options = in_words(options, count_words(text.raw))
    limit = min(tokenizer.model_max_length, model.config.max_position_embeddings) - 1
    encoded = encode(text, tokenizer, limit)
    if not encoded.ids:
        return empty_summary(text.language)
    windows = windows_of(encoded, [], options, limit)
    spans = encoded.sentences[: windows[-1].last]
    allowed = eligible_sentences(text, spans)
    requests = [ScoringRequest(encoded, window, _eligible(window, allowed)) for window in windows]
    scores = [0.0] * len(spans)
    for request, found in zip(requests, (yield requests), strict=True):
        for number, score in zip(request.numbers, found, strict=True):
            scores[number] = score
    texts = [text.on_one_line(span) for span in spans]
    speakers = speakers_of(text.plain, text.lines, [span.start for span in spans])
    spoken = [with_speaker(one, speaker) for one, speaker in zip(texts, speakers, strict=True)]
    sections, no_sections = sections_for(text, spans, options)

    def choose_among(bounds: LengthBounds, some: Sequence[bool]) -> Choice:
        return choose_likeliest(spoken, scores, bounds.max_words, some)

    if sections:
        # Imported here: its expressions take 15 ms to compile, and few summaries are by section.
        from bigbird_pegasus.summarization.choosing.main_point import leaning

        counts = [count_words(one) for one in spoken]
        most = options.length if isinstance(options.length, int) else None
        leans = leaning(spoken, text.language)
        choice = choose_by_section(choose_among, sections, counts, allowed, most, leans)
    else:
        choice = choose_among(bounds_of(options.length, 0, 0), allowed)
    shown = list(texts)
    for number, rest in choice.shortened.items():  # without the speaker's name, which `named` adds
        shown[number] = rest[len(spoken[number]) - len(texts[number]) :]
    choice = replace(choice, warnings=(*no_sections, *choice.warnings))
    return summary_of_chosen(
        text, encoded, windows, sections, texts, shown, speakers, scores, choice, join_sentences
    )


def _eligible(window: Window, allowed: Sequence[bool]) -> tuple[int, ...]:
    """Return the numbers of a window's own sentences that may be chosen."""
    return tuple(n for n in range(window.first + window.shared, window.last) if allowed[n])


def choose_likeliest(
    texts: Sequence[str], scores: Sequence[float], max_words: int | None, allowed: Sequence[bool]
) -> Choice:
    """Choose the sentences with the highest scores; a short text is whole.

    None shares most of its words with one that is chosen before. Without `max_words` a fifth of the words, at
    least 40 and at most 100.
    """
    words = [count_words(text) for text in texts]
    numbers = [n for n, may in enumerate(allowed) if may]
    total = sum(words[n] for n in numbers)
    if len(numbers) <= MAX_WHOLE_SENTENCES and total <= (max_words or DEFAULT_SUMMARY_WORDS):
        return Choice(numbers, "whole" if len(numbers) == len(texts) else "end")
    room = max_words or min(DEFAULT_SUMMARY_WORDS, max(MIN_SUMMARY_WORDS, int(MAX_SUMMARY_SHARE * total)))
    chosen: list[int] = []
    bags: list[Counter[str]] = []
    ranked = sorted(numbers, key=lambda n: (-scores[n], n))
    for number in ranked:
        if words[number] > room:
            continue
        bag = Counter(re.findall(r"\w+", texts[number].lower()))
        if all((bag & other).total() <= MAX_SHARED_WORDS * max(1, bag.total()) for other in bags):
            chosen.append(number)
            bags.append(bag)
            room -= words[number]
    stop: Stop = "end" if max_words is None else "length"
    if chosen or not ranked:
        return Choice(sorted(chosen), stop)
    most = max_words or DEFAULT_SUMMARY_WORDS
    warning = f"no sentence has at most {most} words: the best one is cut"
    return Choice(ranked[:1], stop, {ranked[0]: first_words(texts[ranked[0]], most)}, (warning,))


def score_sentences(
    model: "BigBirdPegasusForConditionalGeneration",
    tokenizer: "PegasusTokenizer",
    requests: Sequence[ScoringRequest],
) -> list[list[float]]:
    """Return for each request the mean log probability of each sentence's tokens, end token included.

    Raises:
        NotFiniteError: the model computes NaN.
    """
    return [_scores(model, tokenizer, request) for request in requests]


def _scores(
    model: "BigBirdPegasusForConditionalGeneration", tokenizer: "PegasusTokenizer", request: ScoringRequest
) -> list[float]:
    import torch

    from bigbird_pegasus.errors import NotFiniteError

    if not request.numbers:
        return []
    with torch.inference_mode():
        ids = torch.tensor(window_input(request.encoded, request.window, tokenizer), device=model.device)
        document = model.encode(ids[None], None)
        read = model.new_cache(document.last_hidden_state)
        texts = [_own_ids(request.encoded, request.window, n, tokenizer) for n in request.numbers]
        order = sorted(range(len(texts)), key=lambda n: len(texts[n]))
        scores = [0.0] * len(texts)
        while order:
            longest = len(texts[order[0]])
            group: list[int] = []
            while order and max(longest, len(texts[order[0]])) * (len(group) + 1) <= MAX_TOKENS_TOGETHER:
                group.append(order.pop(0))
                longest = len(texts[group[-1]])
            for number, score in zip(group, _of_texts(model, read, [texts[n] for n in group]), strict=True):
                scores[number] = score
    if any(score != score for score in scores):
        raise NotFiniteError("the model computes NaN: its weights are damaged, or too large for their type")
    return scores


def _of_texts(
    model: "BigBirdPegasusForConditionalGeneration", read: "object", texts: Sequence[Sequence[int]]
) -> list[float]:
    """Return the mean log probability of each text's tokens; `read` is a cache that knows the document."""
    import torch

    from bigbird_pegasus.modeling.kv_cache import DecoderCache

    assert isinstance(read, DecoderCache)  # for the type checker
    cache = DecoderCache(read.layers, 1)
    for layer in range(read.layers):
        source = read.cross(layer)
        assert source is not None  # it knows the document
        cache.set_cross(layer, source)
    lengths = [len(text) for text in texts]
    targets = torch.zeros(len(texts), max(lengths), dtype=torch.long, device=model.device)
    for row, text in zip(targets, texts, strict=True):
        row[: len(text)] = torch.tensor(text, device=model.device)
    start = torch.full_like(targets[:, :1], model.config.decoder_start_token_id or 0)
    # Padding is on the right, and no token looks ahead: it changes nothing.
    logits = model.token_logits(torch.cat([start, targets[:, :-1]], dim=1), cache)  # (N, T, V)
    found = logits.log_softmax(dim=-1).gather(2, targets[..., None])[..., 0]
    return [float(row[:length].mean()) for row, length in zip(found, lengths, strict=True)]


def _own_ids(encoded: EncodedText, window: Window, number: int, tokenizer: "PegasusTokenizer") -> list[int]:
    """Return the ids of a sentence as the model would write it: without a line break before it, ended."""
    start = window.first_token + sum(encoded.counts[window.first : number])
    ids = list(encoded.ids[start : start + encoded.counts[number]])
    if tokenizer.newline_token and ids[:1] == [tokenizer.convert_tokens_to_ids(tokenizer.newline_token)]:
        ids = ids[1:]
    return [*ids[: MAX_SCORED_TOKENS - 1], tokenizer.eos_token_id]
