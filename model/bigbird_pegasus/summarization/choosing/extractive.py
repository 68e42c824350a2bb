"""Extractive summaries: every sentence of a text is scored, and those that add most are the summary.

The encoder reads one window by itself; the vectors that it makes of sentences are scored together.
"""

import math
import re
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from bigbird_pegasus.errors import CheckpointError
from bigbird_pegasus.inference.extractive_model import ExtractiveModel
from bigbird_pegasus.inference.numpy_functions import Floats
from bigbird_pegasus.inference.sentence_networks import score_sentences, selection_gains
from bigbird_pegasus.kernels.blas import single_threaded_blas
from bigbird_pegasus.summarization.choosing.by_section import choose_by_section
from bigbird_pegasus.summarization.choosing.query import lean_scores
from bigbird_pegasus.summarization.choosing.sentence_selection import (
    SelectionBounds,
    score_gains,
    select_sentences,
)
from bigbird_pegasus.summarization.chosen import Choice, summary_of_chosen
from bigbird_pegasus.summarization.features.document_features import columns_digest, document_features
from bigbird_pegasus.summarization.features.general_scores import with_general_scorer
from bigbird_pegasus.summarization.features.sentence_features import SentenceFeatures, sentence_features
from bigbird_pegasus.summarization.features.standalone import (
    deductions,
    opens_with_personal_pronoun,
    opens_with_pronoun,
)
from bigbird_pegasus.summarization.features.word_importance import WordCoverage
from bigbird_pegasus.summarization.length import (
    WORDS_PER_SENTENCE,
    AskedLength,
    Length,
    LengthBounds,
    bounds_of,
)
from bigbird_pegasus.summarization.options import NO_QUERY_WORDS, SummaryOptions
from bigbird_pegasus.summarization.quality import Stop
from bigbird_pegasus.summarization.reading import joined_vectors, sections_for, windows_of
from bigbird_pegasus.summarization.summary import Summary, empty_summary
from bigbird_pegasus.text.line_patterns import ends_as_sentence
from bigbird_pegasus.text.parsed_text import ParsedText, parse_text
from bigbird_pegasus.text.sections import headings_of
from bigbird_pegasus.text.sentence_filter import eligible_sentences, is_made_of_sentences
from bigbird_pegasus.text.sentences import Sentence
from bigbird_pegasus.text.speech import speakers_of, with_speaker
from bigbird_pegasus.text.windows import EncodedText, Window, encode, first_window
from bigbird_pegasus.text.words import count_words, ends_unspaced, first_words

if TYPE_CHECKING:
    from bigbird_pegasus.tokenization.tokenizer import PegasusTokenizer


MAX_LOG_LENGTH = 10.0  # logarithm of a summary's words; more is nothing a model has learned
MIN_SUMMARY_WORDS = 40  # that a summary is expected to have: hardly one that was learned from has fewer …
MAX_SUMMARY_SHARE = 1 / 5  # … and at most, of its document's words

DEFAULT_SUMMARY_WORDS = 100  # words at most of a short text that is printed whole, and of a single sentence
MIN_LEAD_WORDS = 30  # words
_QUESTION = re.compile(r"Q(?:uestion)?(?: ?\d+)?[:.] ?\w.*\?$", re.IGNORECASE)
_ANSWER = re.compile(r"A(?:nswer)?(?: ?\d+)?[:.] ?\w", re.IGNORECASE)
MAX_WHOLE_SENTENCES = 3  # sentences: a text of at most so many is its own summary
MAX_DEPENDENT_SHARE = 2 / 3  # of the sentences begin with a pronoun and are still chosen behind another only


def extractive_steps(
    text: ParsedText,
    model: ExtractiveModel,
    tokenizer: "PegasusTokenizer",
    options: SummaryOptions,
) -> Generator[Sequence[tuple[EncodedText, Window]], Sequence[Floats], Summary]:
    """Yield windows, be sent what the model's `encode_windows` makes of each, return the summary."""
    limit = min(tokenizer.model_max_length, model.config.max_position_embeddings)
    encoded = encode(text, tokenizer, limit)
    if not encoded.ids:
        return empty_summary(text.language)
    sections, warnings = sections_for(text, encoded.sentences, options)
    windows = windows_of(encoded, [], options, limit)
    vectors = joined_vectors(windows, (yield [(encoded, window) for window in windows]))
    spans = encoded.sentences[: len(vectors)]
    texts = [text.on_one_line(span) for span in spans]
    allowed = eligible_sentences(text, spans)
    scored = score_document(model, vectors, texts, [span.starts_paragraph for span in spans], allowed)
    speakers = speakers_of(text.plain, text.lines, [span.start for span in spans])
    spoken = [with_speaker(one, speaker) for one, speaker in zip(texts, speakers, strict=True)]
    unread = text.plain[spans[-1].end :] if len(spans) < len(encoded.sentences) else ""
    words_of_all = sum(map(count_words, spoken)) + (count_words(unread) if options.length is not None else 0)
    bounds = bounds_of(options.length, words_of_all, sum(allowed))
    if options.query is not None:
        asked = encode(parse_text(options.query), tokenizer, limit)
        (query_vectors,) = yield [(asked, first_window(asked.counts, limit))]
        leaned = lean_scores(
            options.query,
            texts,
            allowed,
            headings_of(text, spans),
            scored.scores,
            vectors,
            query_vectors.mean(0),
            text.language,
        )
        has_words = any(leaned.related)
        warnings += () if has_words else (NO_QUERY_WORDS,)
        if has_words and options.length is None:
            allowed = _with_antecedents(leaned.related, scored.dependent)  # nobody asked for more words
        if bounds == LengthBounds():  # the best are taken until the words are there: a bound is needed
            bounds = LengthBounds(max(1, round(scored.length)))
        # Words matter by the question alone, and its answer may begin with "It".
        scored = replace(scored, scores=leaned.scores, coverage=None, dependent=frozenset())
    choose_among = _chooser(text, spans, spoken, scored, options, model)
    if sections:
        # Imported here: its expressions take 15 ms to compile, and few summaries are by section.
        from bigbird_pegasus.summarization.choosing.main_point import leaning

        most = None if options.length is None else bounds.max_words
        counts = [count_words(one) for one in spoken]
        leans = leaning(spoken, text.language)
        choice = choose_by_section(choose_among, sections, counts, allowed, most, leans)
    else:
        choice = choose_among(bounds, allowed)
    warnings += _too_few(options.length, len(choice.numbers))
    shown = list(texts)
    for number, rest in choice.shortened.items():  # without the speaker's name, which `named` adds
        shown[number] = rest[len(spoken[number]) - len(texts[number]) :]
    stop: Stop = "end" if choice.stop == "length" and options.length is None else choice.stop
    found = replace(choice, stop=stop, warnings=(*warnings, *choice.warnings))
    return summary_of_chosen(
        text,
        encoded,
        windows,
        sections,
        texts,
        shown,
        speakers,
        scored.scores,
        found,
        join_sentences,
        bounds.min_words,
    )


def _with_antecedents(related: Sequence[bool], dependent: frozenset[int]) -> list[bool]:
    """Return which sentences have to do with a query, with those that the dependent ones of them point to."""
    return [one or (n + 1 in dependent and related[n + 1]) for n, one in enumerate(related)]


def _too_few(length: Length | None, found: int) -> tuple[str, ...]:
    """Return the warning that a summary has fewer sentences than were asked for."""
    if not isinstance(length, AskedLength) or length.unit != "s" or found >= length.number:
        return ()
    has = "1 sentence" if found == 1 else f"{found} sentences"
    return (f"{length.number} sentences were asked for: the text has {has} that can be printed",)


def _chooser(
    text: ParsedText,
    spans: Sequence[Sentence],
    spoken: Sequence[str],
    scored: "ScoredSentences",
    options: SummaryOptions,
    model: ExtractiveModel,
) -> Callable[[LengthBounds, Sequence[bool]], Choice]:
    """Return what chooses among some of the sentences."""
    has_query = options.query is not None
    gains_of = score_gains if has_query else partial(selection_gains, model.selector)
    allowed = eligible_sentences(text, spans)
    is_prose = has_query or is_made_of_sentences(text, spans, allowed)

    def choose_among(bounds: LengthBounds, some: Sequence[bool]) -> Choice:
        if not is_prose:  # scores say nothing of a text that is no running text
            return first_pieces(spoken, bounds, some)
        choice = choose(spoken, scored, bounds, some, gains_of, text.language)
        return with_questions(spoken, choice, bounds)

    return choose_among


def join_sentences(sentences: Sequence[str]) -> str:
    """Join sentences by spaces; after what does not end as one (a list's item) comes a line break."""
    parts: list[str] = []
    for text in sentences:
        space = "" if ends_unspaced(text) else " "
        parts += [text, space if ends_as_sentence(text) else "\n"]
    return "".join(parts).rstrip()


@dataclass(frozen=True)
class ScoredSentences:
    """A score for each sentence of a document, their features, how many words a summary would have, what
    covering a document's important words is worth, and which sentences are chosen only behind the one before.
    """

    scores: list[float]
    features: SentenceFeatures
    length: float
    coverage: WordCoverage | None = None
    dependent: frozenset[int] = frozenset()


@single_threaded_blas()
def score_document(
    model: ExtractiveModel,
    vectors: Floats,
    sentences: Sequence[str],
    starts_paragraph: Sequence[bool],
    allowed: Sequence[bool],
) -> ScoredSentences:
    """Score a document's sentences by their vectors (L, D); one without tokens gets 0 from the encoder.

    `allowed` tells which of them a summary may hold.

    Raises:
        CheckpointError: the model's general scorer is of another version.
    """
    features = sentence_features(sentences, starts_paragraph)
    found, log_length = score_sentences(
        model.scorer,
        vectors,
        features.dense,
        features.grams,
        features.gram_counts,
        features.headings,
        features.heading_counts,
    )
    scores = np.where(np.isfinite(found), found, 0).astype(np.float64)
    words, coverage = [count_words(sentence) for sentence in sentences], None
    if model.general_scorer is not None:
        general = model.general_scorer
        if general.columns != columns_digest():
            raise CheckpointError("the model's general scorer is made for other features of sentences")
        document = document_features(sentences, starts_paragraph, allowed, features.words, general.rarity)
        together = with_general_scorer(
            general, scores, log_length, document, allowed, deductions(sentences), words
        )
        scores, log_length, coverage = together.scores, together.log_length, together.coverage
    expected = math.exp(min(log_length, MAX_LOG_LENGTH))
    length = max(MIN_SUMMARY_WORDS, min(expected, MAX_SUMMARY_SHARE * sum(words)))
    return ScoredSentences(scores.tolist(), features, length, coverage, _dependent(sentences, allowed))


def first_pieces(texts: Sequence[str], bounds: LengthBounds, allowed: Sequence[bool]) -> Choice:
    """Choose a document's first pieces, where few are sentences: a list, a table, a poem without full stops.

    Where no words are asked for, a quarter of them, but at least 30 and at most 100; or the sentences that
    are asked for. Scores say nothing about such pieces.
    """
    words = [count_words(text) if may else 0 for text, may in zip(texts, allowed, strict=True)]
    numbers = [n for n, count in enumerate(words) if count]
    if bounds.min_sentences:
        last = min(len(numbers), bounds.min_sentences)
    else:
        left = bounds.max_words or min(DEFAULT_SUMMARY_WORDS, max(MIN_LEAD_WORDS, sum(words) // 4))
        totals = enumerate(accumulate(words[n] for n in numbers))
        last = next((i for i, total in totals if total > left), len(numbers))
    choice = Choice(numbers[: max(1, last)], "whole" if last == len(texts) else "length")
    return _with_single_cut(texts, choice, bounds)


def with_questions(texts: Sequence[str], choice: Choice, bounds: LengthBounds) -> Choice:
    """Add the question before each chosen answer ("A: …") where there is room."""
    if bounds.max_sentences is not None:
        return choice
    found = set(choice.numbers)
    words = sum(count_words(choice.shortened.get(n, texts[n])) for n in choice.numbers)
    for number in choice.numbers:
        asked = number - 1
        if asked < 0 or asked in found:
            continue
        if _ANSWER.match(texts[number]) and _QUESTION.match(texts[asked]):
            words += count_words(texts[asked])
            if bounds.max_words is not None and words > bounds.max_words:
                break
            found.add(asked)
    return replace(choice, numbers=sorted(found))


@single_threaded_blas()
def choose(
    texts: Sequence[str],
    scored: "ScoredSentences",
    bounds: LengthBounds,
    allowed: Sequence[bool],
    gains_of: Callable[[Floats], Floats],
    language: str | None = None,
) -> Choice:
    """Choose the sentences to print; a short text is printed whole.

    Choosing stops where a bound is reached, or where no other sentence is worth it ("end"). Without bounds
    the length is what such a document's summary is expected to have.

    `allowed` tells which sentences may be chosen: headings, captions and the like may not
    (`bigbird_pegasus.text.sentence_filter`). `gains_of` is the selection network, or `score_gains`.
    """
    words = [count_words(text) for text in texts]
    numbers = [number for number, may in enumerate(allowed) if may]
    everything = list(range(len(texts)))
    if _is_short(everything, words, bounds):
        return Choice(everything, "whole")
    if _is_short(numbers, words, bounds):
        return Choice(numbers, "end")
    point = None
    if bounds.max_words is not None:
        # Imported here: its expressions take 15 ms to compile, and most summaries have no length asked for.
        from bigbird_pegasus.summarization.choosing.main_point import main_point

        given = (texts, scored.scores, scored.features, scored.length, allowed)
        point = main_point(gains_of, *given, bounds.max_words, language, scored.coverage, scored.dependent)
    shortened = {point.number: point.text} if point and point.text else {}
    words = [count_words(shortened.get(n, text)) for n, text in enumerate(texts)]
    chosen, cut = select_sentences(
        gains_of,
        words,
        scored.scores,
        scored.features,
        _expected_words(scored.length, bounds),
        allowed,
        SelectionBounds(
            bounds.max_words,
            bounds.min_words,
            bounds.max_sentences,
            bounds.min_sentences,
            point.number if point else None,
            point.dependent if point else scored.dependent,
        ),
        scored.coverage,
    )
    if len(chosen) == len(texts) and not shortened:
        return Choice(chosen, "whole")
    warnings = (point.warning,) if point and point.warning else ()
    choice = Choice(chosen, "length" if cut or shortened else "end", shortened, warnings)
    return choice if point else _with_single_cut(texts, choice, bounds)


def _dependent(texts: Sequence[str], allowed: Sequence[bool]) -> frozenset[int]:
    """Return the sentences that begin with a word for something in the one before: "This means that …".

    Not those behind a sentence that may not be chosen. Where most sentences begin so, as a story about one
    person does, "he", "she", "it" and "they" are free: the summary would be the story's beginning.
    """
    numbers = [n for n, may in enumerate(allowed) if may]
    opening = [n for n in numbers if opens_with_pronoun(texts[n])]
    if len(opening) > MAX_DEPENDENT_SHARE * len(numbers):
        opening = [n for n in opening if not opens_with_personal_pronoun(texts[n])]
    return frozenset(n for n in opening if n > 0 and allowed[n - 1])


def _is_short(numbers: Sequence[int], words: Sequence[int], bounds: LengthBounds) -> bool:
    """Return whether all of these sentences are a summary: at most three, of few words."""
    most = min(MAX_WHOLE_SENTENCES, bounds.max_sentences or MAX_WHOLE_SENTENCES)
    return len(numbers) <= most and sum(words[n] for n in numbers) <= (
        bounds.max_words or DEFAULT_SUMMARY_WORDS
    )


def _expected_words(length: float, bounds: LengthBounds) -> float:
    """Return how many words a summary has: those asked for, or what is expected of such a document."""
    if bounds.max_words is not None:
        return float(bounds.max_words)
    return max(length, float(WORDS_PER_SENTENCE * bounds.min_sentences))


def _with_single_cut(texts: Sequence[str], choice: Choice, bounds: LengthBounds) -> Choice:
    """Cut the only sentence that is chosen where it is longer than a summary may be."""
    most = bounds.max_words or DEFAULT_SUMMARY_WORDS
    if len(choice.numbers) != 1 or bounds.max_sentences == 1:
        return choice
    number = choice.numbers[0]
    if count_words(texts[number]) <= most:
        return choice
    warning = f"no sentence has at most {most} words: the best one is cut"
    return replace(choice, shortened={number: first_words(texts[number], most)}, warnings=(warning,))
