"""One summary over many documents: the sentences of their summaries that say most, each with its file.

Each document is summarized by itself. Then sentences are taken by their scores, those of a document that has
sentences already counting less, and what another sentence says already is named beside it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from bigbird_pegasus.text.speech import with_speaker
from bigbird_pegasus.text.words import count_words

from bbp_cli.documents.document import Document
from bbp_cli.output.citations import place
from bbp_cli.tasks.results import CitedSentence, DocumentSummary

DEFAULT_WORDS = 200
DISCOUNT = 0.8  # of a document's scores for each sentence that it has in the digest
SAME_SHARE = 0.6  # of the words of both: beyond it two sentences say the same
MIN_WORD_LETTERS = 3  # shorter words are in every sentence
_WORD = re.compile(r"\w+")


@dataclass
class DigestSentence:
    """A sentence, the name of its document, its place there, and other documents that say the same."""

    document: int
    number: int
    name: str
    place: str
    sentence: CitedSentence
    score: float
    also: list[str] = field(default_factory=list)

    @property
    def shown(self) -> str:
        """Return the sentence as it is printed: of a conversation, behind the name of who says it."""
        return with_speaker(self.sentence.text, self.sentence.speaker)

    @property
    def words(self) -> frozenset[str]:
        """Return the words that tell sentences apart."""
        found = _WORD.findall(self.sentence.text.lower())
        return frozenset(word for word in found if len(word) >= MIN_WORD_LETTERS)


def candidates_of(
    number: int, name: str, document: Document, summary: DocumentSummary
) -> list[DigestSentence]:
    """Return the sentences of a document's summary; `number` is that of the document in the run."""
    return [
        DigestSentence(number, position, name, place(one, document), one, one.sources[0].score or 0.0)
        for position, one in enumerate(summary.sentences)
    ]


def choose(
    candidates: Sequence[DigestSentence], words: int, *, best_first: bool = False
) -> list[DigestSentence]:
    """Return sentences of at most `words` words together, in the order of their documents.

    The first one is taken however long it is. `best_first`: the documents stand in the order of their best
    sentences; those of one document keep theirs.
    """
    left, chosen = list(candidates), list[DigestSentence]()
    taken: dict[int, int] = {}
    room = words
    while left:
        best = max(left, key=lambda one: (one.score * DISCOUNT ** taken.get(one.document, 0), -one.document))
        left.remove(best)
        same = next((one for one in chosen if says_the_same(one, best)), None)
        if same is not None:
            if best.name not in (same.name, *same.also):
                same.also.append(best.name)
            continue
        needed = count_words(best.shown)
        if needed > room and chosen:
            continue
        chosen.append(best)
        room -= needed
        taken[best.document] = taken.get(best.document, 0) + 1
    places = list(dict.fromkeys(one.document for one in chosen)) if best_first else sorted(taken)
    return sorted(chosen, key=lambda one: (places.index(one.document), one.number))


def says_the_same(one: DigestSentence, other: DigestSentence) -> bool:
    """Return whether two sentences have most of their words in common."""
    mine, others = one.words, other.words
    shared = len(mine & others)
    return shared >= SAME_SHARE * max(1, len(mine | others))
