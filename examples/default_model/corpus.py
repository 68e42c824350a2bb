"""Data of the default model: cleaned records, sentences, their values, the vocabulary, word embeddings.

Helper of `train.py`. Everything here is deterministic and runs on a CPU in minutes.
"""

import gzip
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import sentencepiece
from bigbird_pegasus.summarization.features.sentence_features import WORD, SentenceFeatures, sentence_features
from bigbird_pegasus.text.parsed_text import parse_text
from rouge_score import tokenize
from rouge_score.tokenizers import DefaultTokenizer

# Sentences that publishers add to every abstract. They say nothing about the document, and a model that
# is rewarded for them learns to look for boilerplate.
STOCK_SENTENCE = re.compile(
    r"""^(
      This\ (memo|document|RFC|note)\ (provides|contains)\ information\ for\ the\ (Internet|ARPA|NSF).*
    | .*\bis\ not\ an\ Internet\ Standards\ Track\ specification.*
    | (This\ (memo|document)|It|The\ memo)\ does\ not\ specify\ (an\ Internet|any|a)\ standard.*
    | (This\ (memo|document)|It)\ (defines|is|specifies|documents)\ an?\ (Experimental\ Protocol
        |Historic\ Document
        |Internet\ Best\ Current\ Practices?|experimental\ protocol)\ for\ the\ Internet\ [Cc]ommunity.*
    | This\ (memo|document)\ documents\ an\ Internet\ Best\ Current\ Practice.*
    | .*requests\ discussion\ and\ suggestions\ for\ improvements?.*
    | Discussion\ and\ suggestions\ for\ improvements?\ (are|is)\ requested.*
    | Distribution\ of\ this\ (memo|document)\ is\ unlimited.*
    | Please\ refer\ to\ the\ current\ edition\ of\ the\ .*
    | This\ document\ is\ a\ product\ of\ the\ .*
    | The\ views\ and\ positions\ documented\ in\ this\ report\ .*
    | No\ objections\ to\ its\ publication\ as\ an\ RFC\ .*
    | \[?STANDARDS[\ -]TRACK\]?\.?
    | Swift-evolution\ thread:.*
    )$""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
TUNING_SHARE = 300


@dataclass(frozen=True)
class Record:
    """One document with the summary its authors wrote."""

    id: str
    source: str
    document: str
    summary: str


@dataclass(frozen=True)
class Sentence:
    """A sentence of a document: white space collapsed, and whether it starts a paragraph."""

    text: str
    starts_paragraph: bool


def read_records(path: Path, limit: int | None = None) -> list[Record]:
    """Return the records of a `.jsonl.gz` corpus file, in file order."""
    records: list[Record] = []
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            if limit is not None and len(records) == limit:
                break
            fields = json.loads(line)
            records.append(Record(fields["id"], fields["source"], fields["document"], fields["summary"]))
    return records


def split_sentences(text: str) -> list[Sentence]:
    """Sentences exactly as the `bbp` command splits them."""
    parsed = parse_text(text)
    return [Sentence(parsed.on_one_line(span), span.starts_paragraph) for span in parsed.sentences]


def clean_summary(summary: str) -> str:
    """Return the summary without stock sentences; unchanged when nothing else would be left."""
    kept = [s.text for s in split_sentences(summary) if not STOCK_SENTENCE.match(s.text)]
    return " ".join(kept) or summary


def _normalised(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9]+", text.lower()))


def clean_training_records(records: Sequence[Record], held_out: Sequence[Record]) -> list[Record]:
    """Drop repeated records, those that occur in `held_out` too, and empty or trivial summaries."""
    seen = {_normalised(r.summary) for r in held_out} | {_normalised(r.document[:600]) for r in held_out}
    kept = []
    for record in records:
        summary, opening = _normalised(record.summary), _normalised(record.document[:600])
        if summary in seen or opening in seen or len(summary.split()) < 8:
            continue
        seen |= {summary, opening}
        kept.append(record)
    return kept


def split_tuning(records: Sequence[Record], count: int = TUNING_SHARE) -> tuple[list[Record], list[Record]]:
    """(training, tuning): every source gives its share of `count`, chosen by a hash of the id."""
    share = count / len(records)
    tuning = {r.id for rs in _by_source(records) for r in rs[: max(1, round(share * len(rs)))]}
    return [r for r in records if r.id not in tuning], [r for r in records if r.id in tuning]


def first_of_each_source(records: Sequence[Record], most: int) -> list[Record]:
    """At most so many records of each source, chosen by a hash of the id, in their order."""
    taken = {record.id for members in _by_source(records) for record in members[:most]}
    return [record for record in records if record.id in taken]


def _by_source(records: Sequence[Record]) -> list[list[Record]]:
    by_source: dict[str, list[Record]] = {}
    for record in records:
        by_source.setdefault(record.source, []).append(record)
    return [sorted(rs, key=lambda r: hashlib.sha256(r.id.encode()).hexdigest()) for rs in by_source.values()]


# --- ROUGE of every sentence -------------------------------------------------------------------------


@lru_cache(maxsize=1_000_000)
def _stem(word: str) -> str:
    return " ".join(tokenize.tokenize(word, _STEMMER))


_STEMMER = DefaultTokenizer(use_stemmer=True)._stemmer
_WORD = re.compile(r"[a-z0-9]+")


def rouge_words(text: str) -> list[str]:
    """Return the stemmed words that rouge-score counts, with a cache per word."""
    return [_stem(word) for word in _WORD.findall(text.lower())]


def word_stems(text: str) -> list[str]:
    """Return the stem of each word as the features of sentences count words; empty where ROUGE has none."""
    return [" ".join(rouge_words(word)) for word in WORD.findall(text.lower())]


def _f1(
    candidate: Counter[Any], reference: Counter[Any], candidate_total: int, reference_total: int
) -> float:
    if candidate_total <= 0 or reference_total <= 0:
        return 0.0
    overlap = sum(min(count, reference[key]) for key, count in candidate.items() if key in reference)
    return 2 * overlap / (candidate_total + reference_total)


def sentence_values(sentences: Sequence[str], summary: str) -> list[float]:
    """ROUGE-1 F1 + ROUGE-2 F1 (stemmed, 0 to 2) of every sentence against the summary."""
    reference = rouge_words(summary)
    unigrams, bigrams = Counter(reference), Counter(pairwise(reference))
    values = []
    for sentence in sentences:
        words = rouge_words(sentence)
        first = _f1(Counter(words), unigrams, len(words), len(reference))
        second = 0.0
        if first:
            pairs = Counter(pairwise(words))
            second = _f1(pairs, bigrams, len(words) - 1, len(reference) - 1)
        values.append(first + second)
    return values


def rouge_f1(reference: str, candidate: str) -> tuple[float, float]:
    """ROUGE-1 and ROUGE-2 F1 (stemmed, 0 to 1), as rouge-score counts them."""
    wanted, found = rouge_words(reference), rouge_words(candidate)
    pairs = [Counter(pairwise(words)) for words in (wanted, found)]
    return (
        _f1(Counter(found), Counter(wanted), len(found), len(wanted)),
        _f1(pairs[1], pairs[0], len(found) - 1, len(wanted) - 1),
    )


# --- vocabulary and word embeddings -------------------------------------------------------------------


def train_vocabulary(sentences: Iterator[str], prefix: Path, size: int) -> None:
    """SentencePiece unigram vocabulary: `<pad>` 0, `</s>` 1, `<s>` 2, `<unk>` 3, `<n>` 4; case folded.

    Case is folded because the model never writes text: its pieces only serve to score sentences, and
    `The` and `the` as one piece leave more of the small vocabulary to the words that matter.
    """
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=sentences,
        model_prefix=str(prefix),
        model_type="unigram",
        vocab_size=size,
        pad_id=0,
        eos_id=1,
        bos_id=2,
        unk_id=3,
        pad_piece="<pad>",
        eos_piece="</s>",
        bos_piece="<s>",
        unk_piece="<unk>",
        user_defined_symbols=["<n>"],
        normalization_rule_name="nmt_nfkc_cf",
        character_coverage=0.9995,
        max_sentence_length=4000,
        num_threads=2,
        minloglevel=2,
        hard_vocab_limit=False,
    )


def word_embeddings(tokens: np.ndarray, vocabulary: int, width: int, window: int = 5) -> np.ndarray:
    """(V, width) unit-variance embeddings: PPMI of pieces at most `window` apart, randomised SVD.

    Levy and Goldberg (2014), "Neural word embedding as implicit matrix factorization"; the singular values
    enter with power 1/2.
    """
    counts = np.zeros(vocabulary * vocabulary, dtype=np.float32)
    for distance in range(1, window + 1):
        left, right = tokens[:-distance].astype(np.int64), tokens[distance:]
        for start in range(0, len(left), 8_000_000):
            part = slice(start, start + 8_000_000)
            codes, frequency = np.unique(left[part] * vocabulary + right[part], return_counts=True)
            counts[codes] += frequency
    matrix = counts.reshape(vocabulary, vocabulary)
    matrix = matrix + matrix.T
    total, rows = matrix.sum(), matrix.sum(axis=1) + 1e-9
    context = rows**0.75  # smoothed contexts: rare pieces would otherwise get the largest values
    context *= total / context.sum()
    with np.errstate(divide="ignore"):
        ppmi = np.log(matrix * total / rows[:, None] / context[None, :])
    ppmi = np.maximum(ppmi, 0.0).astype(np.float32)
    generator = np.random.default_rng(0)
    sample = ppmi @ generator.standard_normal((vocabulary, width + 32), dtype=np.float32)
    for _ in range(3):
        basis, _ = np.linalg.qr(sample)
        sample = ppmi @ (ppmi.T @ basis)
    basis, _ = np.linalg.qr(sample)
    left_vectors, singular, _ = np.linalg.svd(basis.T @ ppmi, full_matrices=False)
    vectors = (basis @ left_vectors)[:, :width] * np.sqrt(singular[:width])
    vectors -= vectors.mean(axis=0)
    scaled: np.ndarray = (vectors / vectors.std()).astype(np.float32)
    return scaled


# --- everything as flat arrays ------------------------------------------------------------------------


@dataclass(frozen=True)
class Corpus:
    """Tokenized documents in flat arrays: document i owns sentences `documents[i]:documents[i + 1]`.

    `tokens` holds all piece ids; sentence j owns `tokens[sentences[j]:sentences[j + 1]]`, its `<n>` mark
    first where it starts a paragraph. `values`, `words`, `starts` and `dense` have one entry a sentence; its
    hashes are `grams[gram_ends[j]:gram_ends[j + 1]]` and `headings[heading_ends[j]:heading_ends[j + 1]]`, see
    `summarization.features.sentence_features`. `sources` and `summary_words` have one entry a document.
    """

    tokens: np.ndarray
    sentences: np.ndarray
    documents: np.ndarray
    values: np.ndarray
    words: np.ndarray
    starts: np.ndarray
    dense: np.ndarray
    grams: np.ndarray
    gram_ends: np.ndarray
    headings: np.ndarray
    heading_ends: np.ndarray
    sources: np.ndarray
    summary_words: np.ndarray

    def save(self, path: Path) -> None:
        """Write the arrays to one `.npz` file."""
        np.savez(path, **vars(self))

    @classmethod
    def load(cls, path: Path) -> "Corpus":
        """Read what `save` wrote."""
        with np.load(path) as arrays:
            return cls(**{name: arrays[name] for name in arrays.files})

    def __len__(self) -> int:
        return len(self.documents) - 1

    def features(self, first: int, last: int) -> SentenceFeatures:
        """Return the features of sentences `first` to `last - 1`, without their words."""
        bounds, above = self.gram_ends[first : last + 1], self.heading_ends[first : last + 1]
        return SentenceFeatures(
            self.dense[first:last].astype(np.float32),
            self.grams[bounds[0] : bounds[-1]].astype(np.int64),
            np.diff(bounds),
            self.headings[above[0] : above[-1]].astype(np.int64),
            np.diff(above),
            [],
        )


@dataclass(frozen=True)
class Valued:
    """The sentences of a record and what each is worth."""

    sentences: list[Sentence]
    values: list[float]
    features: tuple[np.ndarray, ...]
    summary_words: int


def value_record(record: Record) -> Valued:
    """Split a record's document, count its sentences' features and value each against the cleaned summary."""
    sentences, summary = split_sentences(record.document), clean_summary(record.summary)
    texts = [sentence.text for sentence in sentences]
    return Valued(
        sentences, sentence_values(texts, summary), features_of(sentences), len(rouge_words(summary))
    )


def features_of(sentences: Sequence[Sentence]) -> tuple[np.ndarray, ...]:
    """Count the features of a document's sentences, as `Valued` keeps them."""
    texts = [sentence.text for sentence in sentences]
    found = sentence_features(texts, [sentence.starts_paragraph for sentence in sentences])
    return (
        found.dense.astype(np.float16),
        found.grams.astype(np.uint32),
        found.gram_counts,
        found.headings.astype(np.uint32),
        found.heading_counts,
    )


def build_corpus(records: Sequence[Record], valued: Sequence[Valued], vocabulary: Path) -> Corpus:
    """Tokenize and flatten; the same pieces as `text.windows.encode_sentences` makes."""
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(vocabulary))
    newline = pieces.piece_to_id("<n>")
    flat = [sentence for document in valued for sentence in document.sentences]
    encoded = pieces.encode([sentence.text for sentence in flat], num_threads=2)
    encoded = [[newline, *ids] if s.starts_paragraph else ids for ids, s in zip(encoded, flat, strict=True)]
    columns = zip(*(document.features for document in valued), strict=True)
    dense, grams, gram_counts, headings, heading_counts = (np.concatenate(column) for column in columns)
    return Corpus(
        tokens=np.fromiter((i for ids in encoded for i in ids), dtype=np.uint16),
        sentences=np.cumsum([0, *map(len, encoded)], dtype=np.int64),
        documents=np.cumsum([0, *(len(document.sentences) for document in valued)], dtype=np.int64),
        values=np.array([value for document in valued for value in document.values], dtype=np.float32),
        words=np.array([len(sentence.text.split()) for sentence in flat], dtype=np.int32),
        starts=np.array([sentence.starts_paragraph for sentence in flat], dtype=bool),
        dense=dense,
        grams=grams,
        gram_ends=np.cumsum([0, *gram_counts], dtype=np.int64),
        headings=headings,
        heading_ends=np.cumsum([0, *heading_counts], dtype=np.int64),
        summary_words=np.array([document.summary_words for document in valued], dtype=np.int64),
        sources=np.array([record.source for record in records]),
    )
