"""The key of a result changes with each option that changes the result, and with no other one."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bigbird_pegasus.classification import ClassifyOptions
from bigbird_pegasus.summarization.length import parse_length
from bigbird_pegasus.summarization.options import SummaryOptions

from bbp_cli.batch.keys import ResultKeys
from bbp_cli.commands.app import command
from bbp_cli.documents.document import Document, parse
from bbp_cli.documents.pdf.page import Aside, Page
from bbp_cli.models.checkpoints import Checkpoint, inspect
from bbp_cli.models.names import locate
from bbp_cli.tasks.classify import Classification
from bbp_cli.tasks.question_answering import QAOptions, QuestionAnswering
from bbp_cli.tasks.summarize import AbstractiveSummary, ExtractiveSummary

# Of each command: the options that its results depend on beside model, precision and quantization.
IN_KEY = {
    "summarize": {
        *("length", "query", "truncate", "seed", "keep_references"),
        *("strategy", "mode", "overlap", "per_section", "reference"),
        *("no_restore_case", "num_beams", "length_penalty", "no_repeat_ngram_size"),
    },
    "classify": {"top_k", "threshold", "truncate"},
    "qa": {"words", "questions", "top_k", "min_score", "stride", "truncate"},
}
ARITHMETIC = {"model", "revision", "dtype", "quantize", "device"}
# Which inputs there are, how they are read (the key has what was read), where results go and in which form,
# what the run does with them, and how fast it is.
NOT_IN_KEY = {
    *("paths", "files_from", "nul", "include", "exclude", "no_recursive", "jsonl", "text_field", "id_field"),
    *("column", "encoding", "document_timeout", "document_memory", "max_input"),
    *("output", "output_dir", "overwrite", "json", "format", "cite", "highlight", "no_cover"),
    *("resume", "retry_failed", "fail_fast", "max_failures", "fail_on", "dry_run", "shard", "unordered"),
    *("workers", "ray", "gpus", "threads", "batch_size", "offline", "timeout"),
    *("log_json", "quiet", "verbose", "color", "debug"),
}
SUMMARY = SummaryOptions()
LABELS: tuple[tuple[str, Any], ...] = (("top_k", 3), ("threshold", 0.3), ("truncate", True))
ANSWERS: tuple[tuple[str, Any], ...] = (("top_k", 3), ("min_score", 0.3), ("stride", 9), ("truncate", True))
HOW: tuple[tuple[str, Any], ...] = (
    *(("strategy", "map-reduce"), ("mode", "extract"), ("overlap", 9)),
    *(("per_section", True), ("reference", True)),
)
CHANGED: dict[str, tuple[Any, Any]] = {
    "length": (ExtractiveSummary(SUMMARY), ExtractiveSummary(replace(SUMMARY, length=9))),
    "length in sentences": (
        ExtractiveSummary(replace(SUMMARY, length=5)),
        ExtractiveSummary(replace(SUMMARY, length=parse_length("5s"))),
    ),
    **{
        name: (ExtractiveSummary(SUMMARY), ExtractiveSummary(replace(SUMMARY, **{name: value})))
        for name, value in HOW
    },
    "query": (ExtractiveSummary(SUMMARY), ExtractiveSummary(replace(SUMMARY, query="Who?"))),
    "truncate": (ExtractiveSummary(SUMMARY), ExtractiveSummary(replace(SUMMARY, truncate=True))),
    "seed": (ExtractiveSummary(SUMMARY), ExtractiveSummary(replace(SUMMARY, seed=7))),
    "references": (ExtractiveSummary(SUMMARY), ExtractiveSummary(SUMMARY, keep_references=True)),
    "written references": (AbstractiveSummary(SUMMARY), AbstractiveSummary(SUMMARY, keep_references=True)),
    "case": (AbstractiveSummary(SUMMARY), AbstractiveSummary(replace(SUMMARY, restore_case=False))),
    **{
        name: (AbstractiveSummary(SUMMARY), AbstractiveSummary(replace(SUMMARY, generation={name: 2})))
        for name in ("num_beams", "length_penalty", "no_repeat_ngram_size")
    },
    **{
        f"labels: {name}": (
            Classification(ClassifyOptions()),
            Classification(replace(ClassifyOptions(), **{name: value})),
        )
        for name, value in LABELS
    },
    **{
        f"answers: {name}": (
            QuestionAnswering(("Who?",), QAOptions()),
            QuestionAnswering(("Who?",), replace(QAOptions(), **{name: value})),
        )
        for name, value in ANSWERS
    },
    "question": (QuestionAnswering(("Who?",), QAOptions()), QuestionAnswering(("Why?",), QAOptions())),
}


@pytest.fixture(scope="module")
def checkpoint(extractive: Path) -> Checkpoint:
    return inspect(locate(str(extractive)))


def key(checkpoint: Checkpoint, task: Any, document: Document, **arithmetic: str) -> tuple[str, ...]:
    return ResultKeys("summarize", checkpoint, task.identities(), arithmetic).of(document)


@pytest.fixture
def document() -> Document:
    return parse(b"The harbour froze in January. Ferries stayed in port.", "a.txt")


def test_every_option_is_known_to_change_results_or_not_to() -> None:
    for name, own in IN_KEY.items():
        options = {parameter.name for parameter in command().commands[name].params}
        assert options == {*own, *ARITHMETIC, *(NOT_IN_KEY & options)}


@pytest.mark.parametrize("name", CHANGED)
def test_each_option_that_changes_results_is_in_the_key(
    checkpoint: Checkpoint, document: Document, name: str
) -> None:
    before, after = CHANGED[name]
    assert key(checkpoint, before, document) == key(checkpoint, replace(before), document)
    assert key(checkpoint, before, document) != key(checkpoint, after, document)


def test_what_was_read_is_in_the_key_and_where_it_was_is_not(
    checkpoint: Checkpoint, document: Document
) -> None:
    task = ExtractiveSummary(SUMMARY)
    same = replace(document, source=replace(document.source, path="b.txt", sha256="0"))
    others = [
        replace(document, text=document.text + "!"),
        replace(document, pages=(Page(1, 0, len(document.text)),)),
        replace(document, asides=(Aside(0, 3, "note"),)),
        replace(document, warnings=("something",)),
        replace(document, is_beginning=True),
    ]
    first = key(checkpoint, task, document)
    assert key(checkpoint, task, same) == first
    assert len({first, *(key(checkpoint, task, other) for other in others)}) == 6
    assert key(checkpoint, task, document, dtype="float32") != key(
        checkpoint, task, document, dtype="bfloat16"
    )
