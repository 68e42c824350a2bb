"""The weights that are shipped: an ordinary small checkpoint folder that beats the first sentences."""

import gzip
import json
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from bigbird_pegasus import DEFAULT_MODEL, load_model
from bigbird_pegasus.inference.extractive_model import ExtractiveModel
from bigbird_pegasus.inference.sentence_networks import selection_gains
from bigbird_pegasus.inference.torch_extraction import extractive_model
from bigbird_pegasus.modeling.sentence_extraction import BigBirdPegasusForSentenceExtraction
from bigbird_pegasus.summarization.choosing.extractive import ScoredSentences, choose, score_document
from bigbird_pegasus.summarization.length import LengthBounds
from bigbird_pegasus.text import windows
from bigbird_pegasus.text.parsed_text import parse_text
from bigbird_pegasus.text.sentence_filter import eligible_sentences
from bigbird_pegasus.text.sentences import Sentence
from bigbird_pegasus.tokenization.tokenizer import PegasusTokenizer

from examples.default_model.corpus import Record, read_records
from examples.default_model.evaluate import evaluate, evaluate_lead, print_figures

SLICE = 20  # records, every 20th of val: some seconds together


@pytest.fixture(scope="module")
def model() -> ExtractiveModel:
    loaded = load_model(DEFAULT_MODEL)
    assert isinstance(loaded, BigBirdPegasusForSentenceExtraction)
    return extractive_model(loaded)


@pytest.fixture(scope="module")
def tokenizer() -> PegasusTokenizer:
    return PegasusTokenizer.from_pretrained(DEFAULT_MODEL)


def test_the_folder_is_an_ordinary_checkpoint_of_less_than_25_megabytes() -> None:
    files = {path.name: path.stat().st_size for path in DEFAULT_MODEL.iterdir()}
    assert {"config.json", "model.safetensors", "spiece.model", "tokenizer_config.json", "README.md"} <= set(
        files
    )
    assert sum(files.values()) < 25e6
    config = json.loads((DEFAULT_MODEL / "config.json").read_text(encoding="utf-8"))
    assert config["architectures"] == ["BigBirdPegasusForSentenceExtraction"]


def test_loading_warns_of_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_model(DEFAULT_MODEL)


def score(text: str, model: ExtractiveModel, tokenizer: PegasusTokenizer) -> ScoredSentences:
    encoded = windows.encode(parse_text(text), tokenizer, tokenizer.model_max_length)
    packed = windows.pack(encoded.counts, tokenizer.model_max_length)
    vectors = np.concatenate(model.encode_windows([(encoded, window) for window in packed]))
    texts = [text[span.start : span.end] for span in encoded.sentences]
    starts = [span.starts_paragraph for span in encoded.sentences]
    allowed = eligible_sentences(parse_text(text), encoded.sentences)
    return score_document(model, vectors, texts, starts, allowed)


def test_vocabulary_and_model_fit(model: ExtractiveModel, tokenizer: PegasusTokenizer) -> None:
    assert len(tokenizer) == model.config.vocab_size
    assert tokenizer.newline_token == "<n>"
    assert tokenizer.model_max_length <= model.config.max_position_embeddings


def test_a_sentence_that_says_what_a_document_is_about_beats_a_heading_and_an_aside(
    model: ExtractiveModel, tokenizer: PegasusTokenizer
) -> None:
    sentences = [
        "Introduction",
        "This document specifies a protocol that lets routers exchange the networks they can reach.",
        "See Section 4.",
        "It defines the messages, the timers, and what happens when a link fails.",
        "Thanks are due to many people.",
    ]
    text = "{}\n\n{} {} {}\n\n{}".format(*sentences)
    scored = score(text, model, tokenizer)
    starts = [text.index(sentence) for sentence in sentences]
    spans = [Sentence(start, start + len(s), True) for start, s in zip(starts, sentences, strict=True)]
    allowed = eligible_sentences(parse_text(text), spans)
    gains_of = partial(selection_gains, model.selector)
    chosen = choose(sentences, scored, LengthBounds(), allowed, gains_of).numbers
    assert 1 in chosen
    assert not {0, 2, 4} & set(chosen)


def test_scores_do_not_depend_on_what_was_read_before(
    model: ExtractiveModel, tokenizer: PegasusTokenizer
) -> None:
    short = "Routers forward packets. This memo says how."
    long = " ".join(f"Sentence number {n} speaks about networks and their tables." for n in range(200))
    before = score(short, model, tokenizer).scores
    assert len(before) == 2
    score(long, model, tokenizer)
    assert score(short, model, tokenizer).scores == before


def test_rouge_is_well_above_the_first_sentences_on_a_fixed_slice(shared: Path) -> None:
    with gzip.open(shared / "corpus" / "val.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for number, line in enumerate(lines) if number % 20 == 0][:SLICE]
    records = [Record(row["id"], row["source"], row["document"][:8_000], row["summary"]) for row in rows]
    ours, lead = evaluate(DEFAULT_MODEL, records)["all"], evaluate_lead(records, 4)["all"]
    assert ours.rouge1 > lead.rouge1 + 1.5
    assert ours.mean_words <= 120


@pytest.mark.slow
def test_rouge_on_all_of_val(shared: Path) -> None:
    ours = evaluate(DEFAULT_MODEL, read_records(shared / "corpus" / "val.jsonl.gz"))
    print_figures("default model", ours)
    assert ours["all"].documents == 419
    assert ours["all"].rouge1 >= 45.2
    assert ours["all"].rouge2 >= 22.3
    assert ours["all"].mean_words <= 100
