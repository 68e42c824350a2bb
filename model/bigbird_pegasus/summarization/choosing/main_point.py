"""What a summary of few words begins with: the sentence that matters most, or what of it has room."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bigbird_pegasus.inference.numpy_functions import Floats
from bigbird_pegasus.summarization.choosing.main_clause import main_clause
from bigbird_pegasus.summarization.choosing.presupposition import presupposes
from bigbird_pegasus.summarization.choosing.sentence_selection import SelectionBounds, select_sentences
from bigbird_pegasus.summarization.features.sentence_features import SentenceFeatures
from bigbird_pegasus.summarization.features.word_importance import WordCoverage
from bigbird_pegasus.text.line_patterns import ends_as_sentence
from bigbird_pegasus.text.words import count_words, first_words

SMALL_LENGTH = 60  # words: in a summary of at most so many no sentence leans on one that is left out
MIN_SHARED_WORDS = 2  # content words of the main sentence that a substitute says too, or it has …
MIN_SUBSTITUTE_SCORE = 0.75  # … at least so much of its score
_CONTENT_WORD = re.compile(r"[^\W\d_]{5,}|[^\W_]*\d[^\W_]*")
_SMALL_WORD = (
    r"(?:[^\W\d_]{1,3}|because|after|before|about|against|under|between|which|where|while|when|with|from|into|over"
    r"|that|than|their|through|weil|nach|über|unter|durch|wegen|nachdem|eine[rmns]?|ihre[rmns]?|seine[rmns]?|oder"
    r"|pour|dans|avec|leur|parce|mais|para|desde|como|pero|sobre|porque|della|nella|perché|pela|pelo|voor|naar)"
)
_LAST_NUMBER = re.compile(r"\s+\S*\d\S*\Z")  # its unit may follow
_LAST_WORDS = re.compile(rf"(?:(?<!\d)[\s,;:(\u2013-]+{_SMALL_WORD})*[\s,;:(\u2013-]*\Z", re.IGNORECASE)


@dataclass(frozen=True)
class MainPoint:
    """The sentence that a short summary begins with; `text` is what of it has room, where that is not all.

    `dependent` sentences say something only behind the one before them. `warning`: what was left out or cut.
    """

    number: int
    text: str | None = None
    dependent: frozenset[int] = frozenset()
    warning: str | None = None


def main_point(
    gains_of: Callable[[Floats], Floats],
    texts: Sequence[str],
    scores: Sequence[float],
    features: SentenceFeatures,
    length: float,
    allowed: Sequence[bool],
    max_words: int,
    language: str | None,
    coverage: WordCoverage | None = None,
    dependent: frozenset[int] = frozenset(),
) -> MainPoint | None:
    """Return what a summary of at most `max_words` begins with; None where no sentence may be chosen.

    The sentences in `dependent` are chosen only behind the one before them: none of them is the first.

    The sentence that a summary of the expected `length` would begin with is taken whole where it has room, or
    else its main clause. Where that cannot be cut, another takes its place: of those that stand alone, and
    speak of the same things or matter about as much, the one with the best score. Where there is none, it is
    the beginning of the first.
    """
    words = [count_words(text) for text in texts]
    given = (gains_of, words, scores, features)
    bounds = SelectionBounds(max_sentences=1, dependent=dependent)
    best, _ = select_sentences(*given, length, allowed, bounds, coverage)
    if not best:
        return None
    number = best[0]
    leans = leaning(texts, language)
    if max_words <= SMALL_LENGTH:
        dependent |= {n for n, leans_on in enumerate(leans) if leans_on}
    if words[number] <= max_words:
        return MainPoint(number, None, dependent)
    problem = f"the most important sentence has {words[number]} words, more than {max_words}"
    if clause := main_clause(texts[number], language, max_words):
        return MainPoint(number, clause, dependent, f"{problem}: its main clause is printed")
    said = _content_words(texts[number])
    matters = [
        score >= MIN_SUBSTITUTE_SCORE * scores[number] or len(_content_words(text) & said) >= MIN_SHARED_WORDS
        for text, score in zip(texts, scores, strict=True)
    ]
    substitutes = [
        n
        for n, may in enumerate(allowed)
        if may and matters[n] and not leans[n] and words[n] <= max_words and ends_as_sentence(texts[n])
    ]
    if substitutes:
        found = max(substitutes, key=lambda n: (scores[n], -n))
        return MainPoint(found, None, dependent, f"{problem}: another one is printed")
    return MainPoint(number, beginning(texts[number], max_words), dependent, f"{problem}: it is cut")


def leaning(texts: Sequence[str], language: str | None) -> list[bool]:
    """Return which sentences say something only behind the one before them."""
    return [n > 0 and presupposes(text, language) for n, text in enumerate(texts)]


def _content_words(text: str) -> set[str]:
    return {word.lower()[:5] for word in _CONTENT_WORD.findall(text)}


def beginning(text: str, max_words: int) -> str:
    """Return the first words of a sentence, without a number and small words at the end."""
    cut = first_words(text, max_words)
    return _LAST_WORDS.sub("", _LAST_NUMBER.sub("", cut)) or cut
