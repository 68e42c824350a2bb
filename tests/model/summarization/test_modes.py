"""Strategies and modes of a model that writes, on a small checkpoint and on drawn weights."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from bigbird_pegasus import BigBirdPegasusForConditionalGeneration, PegasusTokenizer, load_model, summarize
from bigbird_pegasus.errors import ConfigError
from bigbird_pegasus.inference.ragged_batch import generate_from_windows
from bigbird_pegasus.summarization.modes import compute
from bigbird_pegasus.summarization.quality import MAX_DEFLATE_RATIO, deflate_ratio
from bigbird_pegasus.summarization.writing.support import source_facts, unsupported_facts
from bigbird_pegasus.summarization.writing.verbatim import ScoringRequest, score_sentences
from bigbird_pegasus.summarization.writing.written_text import (
    RETRY_NGRAM_SIZE,
    GenerationRequest,
    WrittenText,
    _best_supported,
    before_repetition,
)
from bigbird_pegasus.text.parsed_text import parse_text
from bigbird_pegasus.text.windows import encode, pack, window_input
from torch import Tensor

from tests.conftest import DOCUMENTS, REPOSITORY, SENTENCES, STORY
from tests.model.tiny import tiny_ids, tiny_model

TITLES = ("Ice in the harbour", "A room to read in", "The pump of the mill")
SECTIONED = "\n\n".join(f"# {title}\n\n{text}" for title, text in zip(TITLES, DOCUMENTS, strict=True))


@pytest.fixture(scope="module")
def tokenizer(writer: Path) -> PegasusTokenizer:
    return PegasusTokenizer.from_pretrained(writer)


@pytest.fixture(scope="module")
def model(writer: Path) -> BigBirdPegasusForConditionalGeneration:
    loaded = load_model(writer)
    assert isinstance(loaded, BigBirdPegasusForConditionalGeneration)
    return loaded


def drawn(model: BigBirdPegasusForConditionalGeneration, seed: int) -> BigBirdPegasusForConditionalGeneration:
    torch.manual_seed(seed)
    return BigBirdPegasusForConditionalGeneration(model.config).eval()


def drawn_document(seed: int) -> str:
    chance = random.Random(seed)
    sentences = chance.sample(SENTENCES, chance.randint(1, len(SENTENCES)))
    gaps = [chance.choice([" ", " ", "\n", "\n\n", "\n\n# Heading of it\n\n"]) for _ in sentences]
    return "".join(sentence + gap for sentence, gap in zip(sentences, gaps, strict=True))


# Verbatim


@pytest.mark.parametrize("seed", range(6))
def test_verbatim_summaries_are_sentences_of_the_document_in_order_whatever_the_weights(
    seed: int, model: BigBirdPegasusForConditionalGeneration, tokenizer: PegasusTokenizer, extractive: Path
) -> None:
    text = drawn_document(seed)
    chance = random.Random(seed)
    options: dict[str, Any] = {
        "mode": "verbatim", "overlap": chance.choice([0, 2]), "per_section": seed % 3 == 0,
        "length": chance.choice([None, 30, 80]),
    }  # fmt: skip
    for found in (
        summarize(text, model=drawn(model, seed), tokenizer=tokenizer, **options),
        summarize(text, model=extractive, **options),
    ):
        sentences = parse_text(text).sentences
        spans = [(one.start, one.end) for one in sentences]
        chosen = [(one.start, one.end) for one in found.sentences]
        assert chosen
        assert [span for span in spans if span in chosen] == chosen
        for one in found.sentences:
            whole = " ".join(text[one.start : one.end].split())
            assert one.text == whole or (options["length"] and one.text.rstrip(".…") in whole)
        headings = {one.heading for one in found.sentences} - {None}
        shown = [line for line in found.summary.split("\n") if line not in headings]
        assert " ".join(" ".join(shown).split()) == " ".join(one.text for one in found.sentences)


def test_scores_are_the_likelihood_of_each_sentence_read_by_itself(
    model: BigBirdPegasusForConditionalGeneration, tokenizer: PegasusTokenizer
) -> None:
    encoded = encode(parse_text(SECTIONED), tokenizer, 191)
    (window, *_) = pack(encoded.counts, 191)
    numbers = tuple(range(window.first, window.last))
    (scores,) = score_sentences(model, tokenizer, [ScoringRequest(encoded, window, numbers)])
    ids = torch.tensor([window_input(encoded, window, tokenizer)])
    for number, score in zip(numbers, scores, strict=True):
        start = window.first_token + sum(encoded.counts[window.first : number])
        own = [*encoded.ids[start : start + encoded.counts[number]], 1]
        own = own[1:] if own[0] == tokenizer.convert_tokens_to_ids("<n>") else own
        with torch.no_grad():  # the loss of the whole text, as it is trained
            loss = model(input_ids=ids, labels=torch.tensor([own])).loss
        assert loss is not None
        assert score == pytest.approx(-float(loss), abs=1e-4)


# Long documents


def slow_fused(
    model: BigBirdPegasusForConditionalGeneration, windows: Sequence[Tensor], steps: int
) -> list[int]:
    """Greedy search without a cache: the decoder reads everything anew for each token."""
    states = torch.cat([model.encode(window[None]).last_hidden_state for window in windows], dim=1)
    ids = [int(model.config.decoder_start_token_id or 0)]
    for _ in range(steps):
        out = model(encoder_outputs=(states,), decoder_input_ids=torch.tensor([ids]), use_cache=False)
        ids.append(int(out.logits[0, -1].argmax()))
        if ids[-1] == 1:
            break
    return ids


@pytest.mark.parametrize("seed", range(4))
@torch.no_grad()
def test_fused_windows_are_attended_to_as_one_source(seed: int) -> None:
    model = tiny_model(seed)
    documents = [[tiny_ids(1, length, seed=length)[0] for length in lengths] for lengths in ((40, 90), (25,))]
    found = generate_from_windows(model, documents, max_new_tokens=8)
    assert isinstance(found, Tensor)
    for windows, row in zip(documents, found.tolist(), strict=True):
        expected = slow_fused(model, windows, 8)
        assert row[: len(expected)] == expected


@pytest.mark.parametrize("strategy", ["map", "reduce", "fuse", "truncate"])
def test_a_document_of_one_window_has_one_summary_whatever_the_strategy(strategy: Any, writer: Path) -> None:
    text, summary = next(iter(DOCUMENTS.items()))
    found = summarize(text, model=writer, dtype="float32", strategy=strategy)
    assert found.summary == summary
    assert len(found.coverage.parts) == 1


@pytest.mark.parametrize("strategy", ["reduce", "fuse"])
def test_one_text_is_left_of_a_long_document(strategy: Any, writer: Path) -> None:
    found = summarize(STORY, model=writer, dtype="float32", strategy=strategy, num_beams=2)
    assert found.coverage.windows > 3
    assert found.coverage.tokens_read == found.coverage.tokens_total
    assert "\n" not in found.summary
    parts = found.coverage.parts
    assert sum(part.tokens for part in parts) == found.coverage.tokens_total
    assert (parts[0].start, parts[-1].end) == (0, len(STORY.rstrip()))


def test_what_windows_share_is_said_once(writer: Path) -> None:
    text = "\n\n".join(DOCUMENTS) * 2
    for overlap in (1, 3):
        found = summarize(text, model=writer, dtype="float32", strategy="map", overlap=overlap)
        assert found.coverage.tokens_read == found.coverage.tokens_total
        assert sum(part.tokens for part in found.coverage.parts) > found.coverage.tokens_total
        texts = [one.text for one in found.sentences]
        assert len(set(texts)) == len(texts)
        assert found.summary.split("\n") == texts


def test_each_heading_has_a_summary_of_what_stands_under_it(writer: Path, extractive: Path) -> None:
    for name in (writer, extractive):
        found = summarize(SECTIONED, model=name, dtype="float32", per_section=True)
        blocks = found.summary.split("\n\n")
        assert [block.split("\n")[0] for block in blocks] == list(TITLES)
        assert [part.heading for part in found.coverage.parts] == list(TITLES)
        assert {one.heading for one in found.sentences} == set(TITLES)
        assert all(part.sentences for part in found.coverage.parts)


def test_a_text_without_headings_has_one_summary_and_a_warning(writer: Path, extractive: Path) -> None:
    for name, options in ((writer, {"strategy": "map"}), (writer, {"mode": "verbatim"}), (extractive, {})):
        asked: dict[str, Any] = {"model": name, "dtype": "float32", **options}
        found, plain = summarize(STORY, per_section=True, **asked), summarize(STORY, **asked)
        assert found.warnings == ("no headings found: one summary of all",)
        assert (found.summary, found.coverage) == (plain.summary, plain.coverage)


def test_a_length_is_kept_over_all_sections(extractive: Path) -> None:
    for length in (5, 20, 40):
        found = summarize(SECTIONED, model=extractive, per_section=True, length=length)
        assert 0 < sum(len(one.text.split()) for one in found.sentences) <= length


# Modes


def test_beams_are_ranked_by_what_the_document_lacks() -> None:
    facts = source_facts("The ferry carried 12 passengers to Bergen.")
    beams = [
        WrittenText("A ferry with 90 cars sank.", True),
        WrittenText("", True),
        WrittenText("A ferry carried 12 passengers.", True),
        WrittenText("A ferry carried passengers.", True),
    ]
    assert _best_supported(beams, facts) == beams[2]
    assert _best_supported(beams, None) == beams[0]


@pytest.mark.parametrize("seed", range(3))
def test_checked_texts_have_at_most_as_many_unsupported_facts(
    seed: int, model: BigBirdPegasusForConditionalGeneration, tokenizer: PegasusTokenizer
) -> None:
    other = drawn(model, seed)
    options: dict[str, Any] = {"model": other, "tokenizer": tokenizer, "num_beams": 4, "length": 12}
    text = next(iter(DOCUMENTS))
    facts = source_facts(text)
    plain, checked = (summarize(text, **options, mode=mode) for mode in ("abstractive", "checked"))
    assert len(unsupported_facts(checked.summary, facts)) <= len(unsupported_facts(plain.summary, facts))


def test_checking_needs_beams(writer: Path) -> None:
    with pytest.raises(ConfigError, match="needs beams"):
        summarize(STORY, model=writer, mode="checked")


@pytest.mark.parametrize("seed", range(2))
def test_rewritten_sentences_cite_what_was_chosen(
    seed: int, model: BigBirdPegasusForConditionalGeneration, tokenizer: PegasusTokenizer
) -> None:
    text = "\n\n".join(random.Random(seed).sample(list(DOCUMENTS), 3)) + " " + drawn_document(seed + 10)
    chosen = summarize(text)
    found = summarize(text, model=model, tokenizer=tokenizer, mode="rewrite")
    assert found.sentences
    covered = {n for one in found.sentences for n in range(one.start, one.end)}
    of_chosen = {n for one in chosen.sentences for n in range(one.start, one.end)}
    assert {n for n in covered if not text[n].isspace()} <= of_chosen
    assert {one.score for one in found.sentences} <= {one.score for one in chosen.sentences}


# Repetition, and the checkpoint's own settings


def test_a_text_that_repeats_itself_is_written_again_once(
    model: BigBirdPegasusForConditionalGeneration, tokenizer: PegasusTokenizer
) -> None:
    stuck = drawn(model, 0)
    stuck.final_logits_bias[:, 10:13] += torch.tensor([9.0, 9.5, 10.0])
    encoded = encode(parse_text(STORY), tokenizer, 191)
    windows = pack(encoded.counts, 191)[:2]
    options = {"max_new_tokens": 60}
    (once,) = compute(stuck, tokenizer, [GenerationRequest(encoded, (windows[0],), options, may_retry=False)])
    assert isinstance(once, WrittenText)
    assert deflate_ratio(once.text) > MAX_DEFLATE_RATIO
    for written in compute(
        stuck, tokenizer, [GenerationRequest(encoded, (one,), options) for one in windows]
    ):
        assert isinstance(written, WrittenText)
        assert written.retried
        assert deflate_ratio(written.text) < deflate_ratio(once.text)
    found = summarize(STORY, model=stuck, tokenizer=tokenizer, strategy="truncate", length=45)
    assert (found.quality.retries, found.quality.no_repeat_ngram_size) == (1, 0)
    allowed = summarize(
        STORY, model=stuck, tokenizer=tokenizer, strategy="truncate", length=45, no_repeat_ngram_size=0
    )
    assert (allowed.quality.retries, allowed.quality.deflate_ratio > MAX_DEFLATE_RATIO) == (0, True)


@pytest.mark.parametrize("seed", range(5))
def test_what_stands_before_a_repetition_does_not_change(seed: int) -> None:
    model = tiny_model(seed)
    ids = tiny_ids(1, 40, seed=seed)
    free, blocked = (
        model.generate(ids, max_new_tokens=40, no_repeat_ngram_size=size)[0].tolist()
        for size in (0, RETRY_NGRAM_SIZE)
    )
    certain = before_repetition(free)
    assert blocked[: len(certain)] == certain


def test_reference_writes_the_ids_of_transformers(
    model: BigBirdPegasusForConditionalGeneration, tokenizer: PegasusTokenizer, writer: Path, tmp_path: Path
) -> None:
    transformers = pytest.importorskip("transformers")
    settings = {"num_beams": 3, "length_penalty": 0.8, "max_length": 24, "no_repeat_ngram_size": 2}
    model = load_model(writer)  # type: ignore[assignment]
    model.generation_config = type(model.generation_config).from_dict(  # type: ignore[union-attr]
        {**model.generation_config.to_dict(), **settings}  # type: ignore[union-attr]
    )
    model.save_pretrained(tmp_path)
    other = transformers.BigBirdPegasusForConditionalGeneration.from_pretrained(tmp_path).eval()
    text = " ".join(SENTENCES[:4])
    encoded = encode(parse_text(text), tokenizer, 191)
    (window,) = pack(encoded.counts, 191)
    ids = torch.tensor([window_input(encoded, window, tokenizer)])
    theirs = other.generate(ids)[0].tolist()
    found = summarize(text, model=model, tokenizer=tokenizer, reference=True)
    assert found.summary == " ".join(tokenizer.decode(theirs, skip_special_tokens=True).split())
    ours = model.generate(ids)
    assert isinstance(ours, Tensor)
    assert ours[0].tolist() == theirs
    assert found.quality.retries == 0


@pytest.mark.parametrize("length", [None, 100, 40, "short"])
@pytest.mark.parametrize("name", ["harbour-report.txt", "river-survey.txt"])
def test_no_sentence_of_a_section_is_cut(name: str, length: int | str | None) -> None:
    document = (REPOSITORY / "examples" / name).read_text(encoding="utf-8")
    parsed = parse_text(document)
    whole = {parsed.on_one_line(span) for span in parsed.sentences}
    found = summarize(document, per_section=True, length=length)
    assert found.sentences
    assert {one.text for one in found.sentences} <= whole
    assert found.warnings == ()
