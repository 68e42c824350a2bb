"""A text is parsed once, and what is found in it agrees."""

import sys
from collections import Counter
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
from bigbird_pegasus.text.language import detect_language
from bigbird_pegasus.text.lines import blank_markup, classify_lines
from bigbird_pegasus.text.parsed_text import parse_text
from bigbird_pegasus.text.sentences import split_sentences

from bbp_cli.main import main

DATA = Path(__file__).resolve().parents[2] / "cli" / "data"
STEPS = (classify_lines, blank_markup, detect_language, split_sentences)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each step was called since, by whatever module."""
    counted: Counter[str] = Counter()

    def counting(step: Any) -> Any:
        @wraps(step)
        def wrapped(*arguments: Any, **options: Any) -> Any:
            counted[step.__name__] += 1
            return step(*arguments, **options)

        return wrapped

    modules = [
        module for name, module in sys.modules.items() if name.startswith(("bigbird_pegasus", "bbp_cli"))
    ]
    for step in STEPS:
        for module in modules:
            if getattr(module, step.__name__, None) is step:
                monkeypatch.setattr(module, step.__name__, counting(step))
    return counted


@pytest.mark.parametrize("options", [[], ["--truncate"], ["--length", "30"], ["--json"]])
def test_each_step_is_done_once_for_a_document_that_is_summarized(
    options: list[str], calls: Counter[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["summarize", str(DATA / "news.txt"), "--threads", "1", *options]) == 0
    assert capsys.readouterr().out
    assert calls == {step.__name__: 1 for step in STEPS}


def test_each_step_is_done_once_for_each_of_several_documents(
    calls: Counter[str], capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["news.txt", "german.txt", "email_thread.txt"]
    assert main(["summarize", *(str(DATA / name) for name in names), "--threads", "1"]) == 0
    assert capsys.readouterr().out
    assert calls == {step.__name__: len(names) for step in STEPS}


@pytest.mark.parametrize("name", ["bug_report.md", "email_thread.txt", "source_code.py", "french.txt"])
def test_the_parts_of_a_parsed_text_are_those_of_its_steps(name: str) -> None:
    raw = (DATA / name).read_text(encoding="utf-8")
    parsed = parse_text(raw)
    assert parsed.lines == classify_lines(raw)
    assert parsed.plain == blank_markup(raw, parsed.lines)
    assert len(parsed.plain) == len(raw)
    assert parsed.language == detect_language(parsed.plain)
    assert parsed.sentences == split_sentences(parsed.plain, parsed.lines, parsed.language)


def test_a_sentence_on_one_line_has_no_markup_and_no_control_characters() -> None:
    parsed = parse_text("> We keep\n> the\x07 date.")
    assert [parsed.on_one_line(sentence) for sentence in parsed.sentences] == ["We keep the date."]
