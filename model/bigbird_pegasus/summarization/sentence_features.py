"""What a document's text tells of each sentence beside the encoder's states: its words, place and company.

Dimensions: L sentences of a document, V different words of it, R sentences that others are compared with.

Everything is counted within the document itself, by the same function in training and at use; no table of
word frequencies is needed. Words and pairs of words are hashed into buckets (Weinberger et al., "Feature
Hashing for Large Scale Multitask Learning", 2009), so nothing has to know a vocabulary.
"""

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional as F

from bigbird_pegasus.modeling.sentence_extraction import REFERENCE

HEADING_WORDS = 12  # at most, of what stands above a section
SIMILAR = 0.15  # cosine from which two sentences count as similar
NO_HEADING = 12345
_WORD = re.compile(r"\w+")
_END = re.compile(r"[.!?\u2026\u061f\u0964\u3002\uff01\uff1f][\W\d_]*\Z")
_LONGEST_END = 200  # characters
_SUFFIXES = (("sses", "ss"), ("ies", "i"), ("ing", ""), ("edly", ""), ("ed", ""), ("ly", ""), ("ss", "ss"))
_VOWEL = re.compile("[aeiouy]")


@dataclass(frozen=True)
class SentenceFeatures:
    """Features of a document's sentences.

    `dense` is float32 (L, DENSE). `grams` holds the hashes of all sentences' words and pairs of words, one
    sentence after the other, and `gram_counts` (L,) how many each has; `headings` and `heading_counts` the
    same of the words of the heading that a sentence stands under (all int64, hashes of 32 bits). `words`
    holds the hashes of each sentence's words in their order.
    """

    dense: Tensor
    grams: Tensor
    gram_counts: Tensor
    headings: Tensor
    heading_counts: Tensor
    words: list[list[int]]

    def part(self, first: int, last: int) -> "SentenceFeatures":
        """The features of sentences `first` to `last - 1`."""
        return SentenceFeatures(
            self.dense[first:last],
            *_part(self.grams, self.gram_counts, first, last),
            *_part(self.headings, self.heading_counts, first, last),
            self.words[first:last],
        )


def _part(flat: Tensor, counts: Tensor, first: int, last: int) -> tuple[Tensor, Tensor]:
    start, number = int(counts[:first].sum()), int(counts[first:last].sum())
    return flat[start : start + number], counts[first:last]


def feature_inputs(documents: Sequence[SentenceFeatures]) -> dict[str, Tensor]:
    """The arguments of a model for some documents, filled up to the same number of sentences."""
    longest = max(len(document.dense) for document in documents)

    def filled(tensor: Tensor) -> Tensor:
        missing = longest - len(tensor)
        return torch.cat([tensor, tensor.new_zeros(missing, *tensor.shape[1:])])

    return {
        "features": torch.stack([filled(document.dense) for document in documents]),
        "grams": torch.cat([document.grams for document in documents]),
        "gram_counts": torch.stack([filled(document.gram_counts) for document in documents]),
        "headings": torch.cat([document.headings for document in documents]),
        "heading_counts": torch.stack([filled(document.heading_counts) for document in documents]),
    }


def sentence_features(sentences: Sequence[str], starts_paragraph: Sequence[bool]) -> SentenceFeatures:
    """The features of all sentences of a document, in order.

    Raises:
        ValueError: not as many flags as sentences.
    """
    if len(sentences) != len(starts_paragraph):
        raise ValueError(f"{len(sentences)} sentences have {len(starts_paragraph)} flags")
    words = [[_hash(word) for word in _WORD.findall(text.lower())] for text in sentences]
    shape = _shape(sentences, starts_paragraph)
    dense = torch.cat([_company(words, shape.heading), shape.dense], dim=1)
    grams, headings = [], []
    for own, above, early in zip(words, shape.above, shape.early, strict=True):
        pairs = [(a * 1000003 + b * 8191 + 7) & 0xFFFFFFFF for a, b in pairwise(own)]
        grams.append(sorted({*own, *pairs}))
        salt = 11 if early else 13
        over = [NO_HEADING] if above is None else words[above]
        headings.append(sorted({(word * 7919 + salt) & 0xFFFFFFFF for word in over})[:HEADING_WORDS])
    return SentenceFeatures(dense, *_flat(grams), *_flat(headings), words)


def _flat(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    flat = torch.tensor([value for row in rows for value in row], dtype=torch.long)
    return flat, torch.tensor([len(row) for row in rows], dtype=torch.long)


@lru_cache(maxsize=100_000)
def _hash(word: str) -> int:
    return zlib.crc32(stem(word).encode("utf-8", "replace"))


def stem(word: str) -> str:
    """An English word in lower case without its usual endings; words of other languages hardly change."""
    if len(word) <= 3:
        return word
    for suffix, instead in (*_SUFFIXES, ("s", "")):
        kept = word[: -len(suffix)]
        if word.endswith(suffix) and len(kept) + len(instead) >= 3 and _VOWEL.search(kept):
            word = kept + instead
            break
    if word.endswith("e") and len(word) > 3:
        word = word[:-1]
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "lsz":
        word = word[:-1]
    return word[:-1] + "i" if word.endswith("y") and len(word) > 3 else word


@dataclass(frozen=True)
class _Shape:
    dense: Tensor  # (L, 22)
    heading: list[bool]
    above: list[int | None]  # the heading that a sentence stands under, None for none and for headings
    early: list[bool]  # whether at most one heading has come


def _shape(sentences: Sequence[str], starts_paragraph: Sequence[bool]) -> _Shape:
    """Where each sentence stands, and what its writing looks like."""
    total = len(sentences)
    counts = [len(text.split()) for text in sentences]
    ends = [_END.search(text[-_LONGEST_END:]) is not None for text in sentences]
    heading = [
        starts and not end and n <= HEADING_WORDS
        for starts, end, n in zip(starts_paragraph, ends, counts, strict=True)
    ]
    paragraph, sizes = -1, []
    owners = []
    for starts in starts_paragraph:
        if starts or paragraph < 0:
            paragraph += 1
            sizes.append(0)
        sizes[paragraph] += 1
        owners.append(paragraph)
    rows, above, early = [], [], []
    section = proper = in_paragraph = 0
    last_heading: int | None = None
    for number, text in enumerate(sentences):
        in_paragraph = 0 if starts_paragraph[number] else in_paragraph + 1
        if heading[number]:
            section += 1
            last_heading = number
        above.append(None if last_heading == number else last_heading)
        early.append(section <= 1)
        size = max(1, len(text))
        letters = sum(map(str.isalnum, text))
        spaces = sum(map(str.isspace, text))
        rows.append(
            (
                counts[number],
                number,
                in_paragraph,
                sizes[owners[number]],
                section,
                number - (-1 if last_heading is None else last_heading),
                proper,
                float(starts_paragraph[number]),
                float(ends[number]),
                float(heading[number]),
                5 * sum(map(str.isupper, text)) / size,
                5 * sum(map(str.isdigit, text)) / size,
                5 * (size - letters - spaces) / size,
                float(last_heading is None),
                float(counts[number] < 5),
            )
        )
        proper += ends[number]
    x = torch.tensor(rows, dtype=torch.float32).view(total, 15)
    n, place, inside, of, sections, since, before = x[:, :7].unbind(1)
    whole = torch.full_like(place, max(1, total))
    dense = [
        (1 + n).log() / 3,
        n.clamp(max=80) / 40,
        (1 + place).log() / 4,
        place / whole,
        (1 + place).log() / 4 * (1 + whole).log() / 5,
        (1 + inside).log(),
        (1 + of).log(),
        (1 + sections).log() / 2,
        (1 + since).log() / 3,
        (1 + before).log() / 4,
        1 / (1 + place),
        1 / (1 + before),
        (1 + whole).log() / 5,
    ]
    return _Shape(torch.cat([torch.stack(dense, 1), x[:, 7:]], 1), heading, above, early)


def _company(words: Sequence[Sequence[int]], heading: Sequence[bool]) -> Tensor:
    """How like the rest of the document each sentence is: cosines of its words' counts (L, 9).

    A word weighs the more the fewer of the document's sentences have it.
    """
    total = len(words)
    known: dict[int, int] = {}
    ids = torch.tensor([known.setdefault(word, len(known)) for row in words for word in row])
    ids = ids.long()
    lengths = torch.tensor([len(row) for row in words], dtype=torch.long)
    owners = torch.arange(total).repeat_interleave(lengths)
    pairs, times = torch.unique(owners * max(1, len(known)) + ids, return_counts=True)
    rows, columns = pairs // max(1, len(known)), pairs % max(1, len(known))
    having = torch.zeros(len(known)).index_add(0, columns, torch.ones(len(columns)))
    rarity = ((1 + total) / having).log()
    values = times * rarity[columns]
    norms = torch.zeros(total).index_add(0, rows, values.square()).sqrt().clamp(min=1e-6)
    unit = values / norms[rows]

    compared = min(REFERENCE, total)
    among = rows < compared
    table = torch.zeros(len(known), max(1, compared))
    table[columns[among], rows[among]] = unit[among]
    raw = torch.zeros(len(known)).index_add(0, columns[among], values[among])
    above = torch.tensor([n for n in range(compared) if heading[n]], dtype=torch.long)

    def cosine(direction: Tensor) -> Tensor:
        products = torch.zeros(total).index_add(0, rows, unit * direction[columns])
        found: Tensor = products / direction.norm().clamp(min=1e-6)
        return found

    starts = torch.searchsorted(rows, torch.arange(total))
    alike = F.embedding_bag(columns, table, starts, mode="sum", per_sample_weights=unit)  # (L, R)
    diagonal = torch.arange(compared)
    alike[diagonal, diagonal] = 0.0
    before = torch.zeros(total + 1)
    following = torch.arange(1, max(1, min(total, compared + 1)))
    before[following] = alike[following, following - 1]
    often = torch.zeros(len(known)).index_add(0, ids, torch.ones(len(ids)))
    tokens = lengths.clamp(min=1)
    return torch.stack(
        [
            cosine(table.sum(1)),
            cosine(raw),
            cosine(table[:, :3].sum(1)),
            cosine(table[:, above].sum(1)),
            alike.max(1).values,
            4 * (alike > SIMILAR).float().mean(1),
            before[:-1],
            before[1:],
            torch.zeros(total).index_add(0, owners, (1 + often[ids]).log() / 2) / tokens,
        ],
        dim=1,
    )
