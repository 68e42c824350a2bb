"""The library does what the command does."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from bigbird_pegasus import (
    BigBirdPegasusConfig,
    BigBirdPegasusForQuestionAnswering,
    BigBirdPegasusForSequenceClassification,
    PegasusTokenizer,
    Summary,
    load_model,
    pipeline,
    summarize,
)
from bigbird_pegasus.errors import ConfigError

from bbp_cli.documents.document import read
from tests.conftest import DOCUMENTS, STORY, Bbp

ROOT = Path(__file__).resolve().parents[3]
DATA = ROOT / "tests" / "cli" / "data"
TEXT = next(iter(DOCUMENTS))


def of_class(model_class: Any, other: Path, folder: Path) -> Path:
    """A checkpoint of a class with drawn weights, and the sizes and vocabulary of another one."""
    model_class(BigBirdPegasusConfig.from_pretrained(other)).save_pretrained(folder)
    for name in ("spiece.model", "tokenizer_config.json"):
        shutil.copy(other / name, folder / name)
    return folder


PLACE: dict[str, Any] = {"page": None, "page_label": None, "rectangles": []}  # of text without pages


def assert_same(found: Summary, record: dict[str, Any]) -> None:
    """The command's record says the same as the function's result."""
    assert found.summary == record["summary"]
    assert [
        {
            "text": s.text,
            "sources": [{**PLACE, "start": s.start, "end": s.end, "score": s.score}],
            "unsupported": [vars(fact) for fact in s.unsupported],
            "speaker": s.speaker,
            "heading": s.heading,
        }
        for s in found.sentences
    ] == record["sentences"]
    read = found.coverage
    assert [read.tokens_total, read.tokens_read, read.windows, read.truncated] == [
        record["coverage"][name] for name in ("tokens_total", "tokens_read", "windows", "truncated")
    ]
    assert vars(found.quality) == record["quality"]


@pytest.mark.parametrize("name", ["news.txt", "email_thread.txt", "shopping.txt", "french.txt", "faq.txt"])
@pytest.mark.parametrize("options", [{}, {"length": 20}, {"truncate": True}])
def test_function_and_command_choose_the_same_sentences(
    name: str, options: dict[str, Any], warm_bbp: Bbp
) -> None:
    asked = {"length": ["--length", "20"], "truncate": ["--truncate"]}
    flags = [flag for option in options for flag in asked[option]]
    record = warm_bbp("summarize", "--json", DATA / name, *flags).records[0]
    # The command reads formats, mail for one; the function is given the text that comes of it.
    found = summarize(read(str(DATA / name)).text, dtype="float32", **options)
    assert_same(found, record)
    assert found.model is not None
    assert (found.model.id, found.model.dtype) == (record["model"]["id"], record["model"]["dtype"])
    assert found.language == {"french.txt": "fr"}.get(name, "en") or name == "shopping.txt"


def test_function_and_command_read_several_windows_alike(warm_bbp: Bbp, extractive: Path) -> None:
    record = warm_bbp("summarize", "--json", "--model", extractive, stdin=STORY.encode()).records[0]
    for batch_size in (1, 3, None):
        found = summarize(STORY, model=extractive, dtype="float32", batch_size=batch_size)
        assert found.coverage.windows > 3
        assert_same(found, record)


def test_function_and_command_write_the_same_text(warm_bbp: Bbp, writer: Path) -> None:
    text = "\n\n".join(DOCUMENTS)
    flags = ["--num-beams", "2", "--length", "30"]
    record = warm_bbp("summarize", "--json", "--model", writer, *flags, stdin=text.encode()).records[0]
    found = summarize(text, model=writer, dtype="float32", length=30, num_beams=2)
    assert_same(found, record)
    assert found.summary


def test_several_texts_give_several_summaries_with_one_model_in_memory(extractive: Path) -> None:
    model, tokenizer = load_model(extractive), PegasusTokenizer.from_pretrained(extractive)
    found = summarize([STORY, TEXT], model=model, tokenizer=tokenizer, length=20)
    assert found == [summarize(text, model=model, tokenizer=tokenizer, length=20) for text in (STORY, TEXT)]
    assert found[0].model is not None
    assert found[0].model.id is None
    assert summarize([], model=model, tokenizer=tokenizer) == []


def test_options_that_cannot_be_obeyed_are_an_error(extractive: Path, tmp_path: Path) -> None:
    model, tokenizer = load_model(extractive), PegasusTokenizer.from_pretrained(extractive)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"length": 0}, "at least 1 word"),
        ({"batch_size": 0}, "at least 1"),
        ({"model": model}, "tokenizer"),
        ({"model": model, "tokenizer": tokenizer, "dtype": torch.float32}, "for a checkpoint"),
        ({"tokenizer": tokenizer}, "has its own"),
        ({"num_beams": 4}, "num_beams needs a model that writes"),
        ({"length": "x"}, "length 'x' is not a number of words"),
        ({"length": True}, "length is True: it must be a number"),
        ({"batch_size": 2.5}, "batch_size is 2.5: it must be a number"),
        ({"threads": 2}, "unknown option 'threads': there are length, "),
        ({"lenght": 2}, "unknown option 'lenght': did you mean length"),
        ({"dtype": "int8"}, "dtype is 'int8': it must be .*quantizing"),
        ({"dtype": torch.int8}, "dtype is torch.int8: it must be "),
        ({"dtype": 3}, "dtype is 3: it must be "),
        ({"device": "cuda:99"}, "device is 'cuda:99', which is not here"),
    ]
    for options, message in cases:
        with pytest.raises(ConfigError, match=message):
            summarize(TEXT, **options)
    classifier = of_class(BigBirdPegasusForSequenceClassification, extractive, tmp_path / "labels")
    with pytest.raises(ConfigError, match="does not summarize"):
        summarize(TEXT, model=classifier)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "texts is None, not text"),
        (3, "texts is int, not text"),
        (b"words", "texts is bytes, not text: decode it first"),
        (Path("paper.txt"), r"texts is \w*Path, not text: give its text"),
        ([TEXT, None], "text 2 is None, not text"),
        ([TEXT, b"words"], "text 2 is bytes, not text"),
        ("One \ud800 word.", "text 1 holds a lone surrogate at 4"),
    ],
)
def test_what_is_not_text_is_an_error(given: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        summarize(given)


@pytest.mark.parametrize("several", [False, True])
def test_the_name_of_a_file_in_place_of_its_text_is_an_error(
    several: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "law.txt").write_text(TEXT)
    for name in ("law.txt", str(tmp_path / "law.txt")):
        with pytest.raises(
            ConfigError, match=r"is the name of a file, not its text: give Path\('.*law.txt'\)"
        ):
            summarize([TEXT, name] if several else name)
    for text in ("lawless.txt", "law.txt\n", ".", "x" * 900, "\0"):
        assert summarize(text).summary == text.strip().strip("\0")


@pytest.mark.parametrize("empty", ["", "   ", "\n\f\n"])
def test_the_summary_of_nothing_is_empty_and_takes_no_other_with_it(empty: str, writer: Path) -> None:
    alone, words, again = (summarize(empty), *summarize([TEXT, empty]))
    assert alone == again
    assert (alone.summary, alone.sentences, alone.coverage.tokens_total) == ("", (), 0)
    assert words == summarize(TEXT)
    assert pipeline("summarization")(empty) == [{"summary_text": ""}]
    assert summarize(empty, model=writer, truncate=True).summary == ""


def test_the_package_never_imports_what_the_command_line_needs() -> None:
    code = (
        "import importlib, pkgutil, sys, bigbird_pegasus\n"
        "for module in pkgutil.walk_packages(bigbird_pegasus.__path__, 'bigbird_pegasus.'):\n"
        "    importlib.import_module(module.name)\n"
        "for name in bigbird_pegasus.__all__:\n"
        "    getattr(bigbird_pegasus, name)\n"
        "assert 'bigbird_pegasus.pipelines.factory' in sys.modules\n"
        "names = {'typer', 'rich', 'pypdf', 'pypdfium2', 'chardet', 'click', 'bbp_cli'}\n"
        "print(sorted(names & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr


README = (ROOT / "model" / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_the_readme_runs(number: int, writer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "paper.txt").write_text(TEXT, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    # Checkpoints of the tests in place of the published one, which no test may download.
    code = BLOCKS[number].replace('"google/bigbird-pegasus-large-arxiv"', repr(str(writer)))
    code = code.replace('context="..."', f"context={TEXT!r}")
    folders = {
        "labels_folder": of_class(BigBirdPegasusForSequenceClassification, writer, tmp_path / "labels"),
        "reader_folder": of_class(BigBirdPegasusForQuestionAnswering, writer, tmp_path / "reader"),
    }
    exec(compile(code, "model/README.md", "exec"), folders)
