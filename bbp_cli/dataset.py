"""JSON Lines → examples to train on or to evaluate with; all are checked before anything else happens.

    summarize, extract   {"document": "...", "summary": "..."}
    classify             {"text": "...", "label": "..."}   or   {"text": "...", "labels": ["...", ...]}
    qa                   {"question": "...", "context": "...", "answers": [{"text": "...", "start": 17}]}

`document` is accepted for `text` and `context`. Other fields are ignored, but for `id`, which names an
example in what `bbp evaluate` prints, and `source`, by which it groups. A file may be packed with gzip.
"""

import gzip
import hashlib
import io
import json
import random
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TypeVar

from bbp_cli.console import one_line, print_line
from bbp_cli.documents.json_lines import HEAD_LINES, not_json_lines
from bbp_cli.errors import InputError

TrainingTask = Literal["summarize", "classify", "qa", "extract"]

BAD_LINES_SHOWN = 20
GZIP_MAGIC = b"\x1f\x8b"

ItemT = TypeVar("ItemT")

_FIELDS = {False: "label", True: "labels"}  # whether a text may have several


@dataclass(frozen=True)
class SummaryExample:
    """A document and the summary that a person wrote of it."""

    line: int
    id: str
    document: str
    summary: str
    source: str | None = None


@dataclass(frozen=True)
class LabelExample:
    """A text with one label, or with any number of them where the file has `labels`."""

    line: int
    id: str
    text: str
    labels: tuple[str, ...]
    several: bool
    source: str | None = None


@dataclass(frozen=True)
class AnswerSpan:
    """An answer and where it stands in the context (code points)."""

    text: str
    start: int


@dataclass(frozen=True)
class QuestionExample:
    """A question about a context; no answers: the context holds none."""

    line: int
    id: str
    question: str
    context: str
    answers: tuple[AnswerSpan, ...]
    source: str | None = None


Example = SummaryExample | LabelExample | QuestionExample


@dataclass(frozen=True)
class DataFile:
    """The examples of a file, and the digest of its bytes."""

    records: list[Example]
    sha256: str


_LINE: dict[TrainingTask, str] = {
    "summarize": '{"document": "...", "summary": "..."}',
    "extract": '{"document": "...", "summary": "..."}',
    "classify": '{"text": "...", "label": "..."}',
    "qa": '{"question": "...", "context": "...", "answers": [{"text": "..."}]}',
}


class BadRecordError(Exception):
    """A line of the data cannot be used; the message says why."""


def read_examples(path: Path, task: TrainingTask) -> DataFile:
    """Read and check a whole file, once: it may be a pipe. The first bad lines are reported on stderr.

    Raises:
        InputError: the file cannot be read, holds no records, or at least one is bad.
    """
    parse = _PARSERS[task]
    records: list[Example] = []
    bad: list[tuple[int, str]] = []
    data = _read(path)
    _check_head(path, data, task)
    for number, line in _lines(path, data):
        try:
            records.append(parse(_fields(line), number))
        except BadRecordError as error:
            bad.append((number, str(error)))
    if not bad and task == "classify":
        bad = _mixed_labels(records)
    if bad:
        _report(path, bad)
        raise InputError(
            f"{len(bad)} of {len(records) + len(bad)} records are bad", file=str(path), code="records"
        )
    if not records:
        raise InputError("holds no records", file=str(path), code="empty")
    return DataFile(records, hashlib.sha256(data).hexdigest())


def split(records: Sequence[ItemT], fraction: float, seed: int) -> tuple[list[ItemT], list[ItemT]]:
    """Split examples into training and validation, each in file order and not empty if there are two or more.

    Which ones are held out depends on the seed and their number alone.
    """
    held = min(max(1, round(len(records) * fraction)), len(records) - 1) if fraction else 0
    chosen = set(random.Random(f"split/{seed}").sample(range(len(records)), held))
    training = [record for number, record in enumerate(records) if number not in chosen]
    return training, [record for number, record in enumerate(records) if number in chosen]


def label_names(records: Sequence[LabelExample]) -> list[str]:
    """Return every label, sorted."""
    return sorted({label for record in records for label in record.labels})


def check_labels(path: Path, records: Sequence[LabelExample], known: Sequence[str], several: bool) -> None:
    """Raise InputError where validation records hold labels that training records do not."""
    bad = []
    for record in records:
        unknown = sorted(set(record.labels) - set(known))
        if unknown:
            bad.append((record.line, f"no training record has the label {unknown[0]!r}"))
        elif record.several != several:
            bad.append(
                (
                    record.line,
                    f"has `{_FIELDS[record.several]}`, and the training records have `{_FIELDS[several]}`",
                )
            )
    if bad:
        _report(path, bad)
        raise InputError(f"{len(bad)} of {len(records)} records are bad", file=str(path), code="records")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise InputError("no such file", file=str(path), code="missing") from error
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=str(path), code="unreadable") from error


def _lines(path: Path, data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield lines that are not blank, numbered from 1; a gzip file is unpacked."""
    try:
        with io.BytesIO(data) as plain, gzip.open(plain) if data.startswith(GZIP_MAGIC) else plain as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield number, line
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"damaged gzip file: {error}", file=str(path), code="corrupt") from error


def _check_head(path: Path, data: bytes, task: TrainingTask) -> None:
    """Refuse a file that does not begin as JSON Lines: one error, not one for each line."""
    head = [line for _, line in islice(_lines(path, data), HEAD_LINES)]
    for line in head:
        try:
            _fields(line)
        except BadRecordError:
            continue
        return
    if head:
        error = not_json_lines(b"".join(head), str(path))
        error.file, error.hint = str(path), f"a line is {_LINE[task]}"
        raise error


def _fields(line: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise BadRecordError(f"not UTF-8: byte {error.start}") from None
    except ValueError as error:
        raise BadRecordError(f"not JSON: {error}") from None
    except RecursionError:
        raise BadRecordError("not JSON: nested too deeply") from None
    if not isinstance(fields, dict):
        raise BadRecordError("not a JSON object")
    return fields


def _text(fields: Mapping[str, Any], name: str, *others: str) -> str:
    found = next((other for other in (name, *others) if other in fields), None)
    if found is None:
        raise BadRecordError(f"`{name}` is missing")
    if not isinstance(fields[found], str):
        raise BadRecordError(f"`{found}` is not a string")
    text: str = fields[found].encode("utf-8", "replace").decode("utf-8")  # lone surrogates
    if not text.strip():
        raise BadRecordError(f"`{found}` is empty")
    return text


def _id(fields: Mapping[str, Any], line: int) -> str:
    value = fields.get("id")
    return str(value) if isinstance(value, str | int) and value != "" else str(line)


def _source(fields: Mapping[str, Any]) -> str | None:
    value = fields.get("source")
    return value if isinstance(value, str) and value.strip() else None


def _summary(fields: Mapping[str, Any], line: int) -> SummaryExample:
    return SummaryExample(
        line, _id(fields, line), _text(fields, "document", "text"), _text(fields, "summary"), _source(fields)
    )


def _label(fields: Mapping[str, Any], line: int) -> LabelExample:
    name, text = _id(fields, line), _text(fields, "text", "document")
    if ("label" in fields) == ("labels" in fields):
        raise BadRecordError("give `label` or `labels`, one of them")
    if "label" in fields:
        return LabelExample(
            line, name, text, (_label_name(fields["label"], "label"),), False, _source(fields)
        )
    if not isinstance(fields["labels"], list):
        raise BadRecordError("`labels` is not a list")
    labels = tuple(dict.fromkeys(_label_name(label, "labels") for label in fields["labels"]))
    return LabelExample(line, name, text, labels, True, _source(fields))


def _label_name(value: Any, field: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
        raise BadRecordError(f"`{field}` holds {json.dumps(value)}: a label is a string or a whole number")
    return str(value)


def _question(fields: Mapping[str, Any], line: int) -> QuestionExample:
    question, context = _text(fields, "question"), _text(fields, "context", "document")
    answers = fields.get("answers")
    if answers is None:
        raise BadRecordError("`answers` is missing; an empty list means that the context holds none")
    if isinstance(answers, dict):  # as SQuAD is published
        texts, starts = answers.get("text"), answers.get("answer_start")
        if not isinstance(texts, list) or not isinstance(starts, list) or len(texts) != len(starts):
            raise BadRecordError("`answers` needs `text` and `answer_start`, two lists of one length")
        answers = [{"text": text, "start": start} for text, start in zip(texts, starts, strict=True)]
    if not isinstance(answers, list):
        raise BadRecordError("`answers` is not a list")
    checked = tuple(_answer(answer, number, context) for number, answer in enumerate(answers, 1))
    return QuestionExample(line, _id(fields, line), question, context, checked, _source(fields))


def _answer(answer: Any, number: int, context: str) -> AnswerSpan:
    if not isinstance(answer, dict) or not isinstance(answer.get("text"), str) or not answer["text"].strip():
        raise BadRecordError(f"answer {number} has no `text`")
    text, start = answer["text"], answer.get("start")
    if start is None:
        times = context.count(text)
        if times == 0:
            raise BadRecordError(f"answer {number} is not in the context")
        if times > 1:
            raise BadRecordError(f"answer {number} is {times} times in the context: it needs `start`")
        start = context.index(text)
    if isinstance(start, bool) or not isinstance(start, int) or start < 0:
        raise BadRecordError(
            f"`start` of answer {number} is {json.dumps(start)}, not the number of a character"
        )
    if context[start : start + len(text)] != text:
        raise BadRecordError(f"answer {number} is not at character {start} of the context")
    return AnswerSpan(text, start)


def _mixed_labels(records: Sequence[Example]) -> list[tuple[int, str]]:
    """Return the lines with `labels` where the first has `label`, or the other way round."""
    found = [record for record in records if isinstance(record, LabelExample)]
    return [
        (
            record.line,
            f"has `{_FIELDS[record.several]}`, and the records before it have `{_FIELDS[found[0].several]}`",
        )
        for record in found
        if record.several != found[0].several
    ]


def _report(path: Path, bad: Sequence[tuple[int, str]]) -> None:
    for number, message in bad[:BAD_LINES_SHOWN]:
        print_line(f"bbp: error: {one_line(f'{path}:{number}: {message}')}")
    if len(bad) > BAD_LINES_SHOWN:
        print_line(f"bbp: error: {one_line(str(path))}: and {len(bad) - BAD_LINES_SHOWN} more")


_PARSERS: dict[TrainingTask, Callable[[Mapping[str, Any], int], Example]] = {
    "summarize": _summary,
    "extract": _summary,
    "classify": _label,
    "qa": _question,
}
