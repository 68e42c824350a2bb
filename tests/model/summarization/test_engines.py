"""The default model in numpy and in torch: the same scores and the same sentences."""

import gzip
import json
from pathlib import Path

import pytest
from bigbird_pegasus import DEFAULT_MODEL, PegasusTokenizer, load_model
from bigbird_pegasus.inference.extractive_model import ExtractiveModel
from bigbird_pegasus.inference.numpy_model import load_numpy_model
from bigbird_pegasus.inference.torch_extraction import extractive_model
from bigbird_pegasus.modeling.sentence_extraction import BigBirdPegasusForSentenceExtraction
from bigbird_pegasus.summarization.choosing.extractive import extractive_steps
from bigbird_pegasus.summarization.options import SummaryOptions
from bigbird_pegasus.summarization.steps import run_steps
from bigbird_pegasus.summarization.summary import Summary
from bigbird_pegasus.text.parsed_text import parse_text

ROOT = Path(__file__).parents[3]
FEW = 12  # of the records of val, and …
FEW_CHARACTERS = 9_000  # … of each of them, two or three windows: the slow test reads all of all
MAX_SCORE_DIFFERENCE = 1e-4


def numpy_model() -> ExtractiveModel:
    found = load_numpy_model(DEFAULT_MODEL, 2)
    assert found is not None
    return found


def torch_model() -> ExtractiveModel:
    loaded = load_model(DEFAULT_MODEL, dtype="float32")
    assert isinstance(loaded, BigBirdPegasusForSentenceExtraction)
    return extractive_model(loaded)


def summarized(text: str, model: ExtractiveModel, tokenizer: PegasusTokenizer) -> Summary:
    steps = extractive_steps(parse_text(text), model, tokenizer, SummaryOptions())
    return run_steps(steps, model.encode_windows, batch_size=8)


def assert_engines_agree(texts: list[str]) -> None:
    tokenizer = PegasusTokenizer.from_pretrained(DEFAULT_MODEL)
    ours, reference = numpy_model(), torch_model()
    for text in texts:
        found, expected = (summarized(text, model, tokenizer) for model in (ours, reference))
        assert found.summary == expected.summary
        assert [(s.start, s.end) for s in found.sentences] == [(s.start, s.end) for s in expected.sentences]
        scores = [pytest.approx(s.score, abs=MAX_SCORE_DIFFERENCE) for s in expected.sentences]
        assert [s.score for s in found.sentences] == scores
        assert (found.coverage, found.quality) == (expected.coverage, expected.quality)


def val(shared: Path) -> list[str]:
    with gzip.open(shared / "corpus" / "val.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line)["document"] for line in lines]


def test_the_engines_agree_on_the_examples_and_the_kinds_of_text() -> None:
    data = [ROOT / "tests/cli/data" / f"{name}.txt" for name in ("chat", "chinese", "recipe", "shopping")]
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "examples/harbour-report.txt", *data)]
    assert_engines_agree(texts)


def test_the_engines_agree_on_some_records_of_val(shared: Path) -> None:
    texts = val(shared)
    assert_engines_agree([text[:FEW_CHARACTERS] for text in texts[:: len(texts) // FEW][:FEW]])


@pytest.mark.slow
def test_the_engines_agree_on_all_records_of_val(shared: Path) -> None:
    texts = val(shared)
    assert len(texts) == 419
    assert_engines_agree(texts)
