"""Files of many documents: JSON Lines and CSV, from files and pipes."""

import csv
import gzip
import io
import json
from pathlib import Path

import pytest

from bbp_cli.documents.inputs import Input, InputOptions, collect
from bbp_cli.documents.rows import RowFormat
from bbp_cli.errors import InputError
from tests.cli.pdfs import make_pdf
from tests.conftest import SENTENCES, Bbp

TEXTS = [" ".join(SENTENCES[4 * number : 4 * number + 4]) for number in range(3)]


def items(path: Path, rows: RowFormat) -> list[Input]:
    return list(collect(InputOptions((str(path),), rows=rows)).items)


def text_of(item: Input) -> str:
    assert item.row is not None
    return item.row.read().text


def problems(found: list[Input]) -> list[str | None]:
    return [item.problem.message if item.problem else None for item in found]


def test_a_line_is_a_document_with_the_id_it_names(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    lines = [{"id": "first", "document": TEXTS[0]}, {"id": 7, "text": TEXTS[1]}, {"document": TEXTS[2]}]
    path.write_text("\ufeff" + "\n\n".join(map(json.dumps, lines)))
    found = items(path, RowFormat())
    assert [item.id for item in found] == ["first", "7", "5"]  # without an id: the line
    assert [text_of(item) for item in found] == TEXTS
    assert [text_of(item) for item in reversed(found)] == TEXTS[::-1]


def test_fields_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    path.write_text(
        "".join(json.dumps({"name": f"n{n}", "body": text}) + "\n" for n, text in enumerate(TEXTS))
    )
    found = items(path, RowFormat("body", "name"))
    assert [(item.id, text_of(item)) for item in found] == [(f"n{n}", text) for n, text in enumerate(TEXTS)]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_row_of_csv_is_a_document(tmp_path: Path, delimiter: str) -> None:
    texts = [f'He said "no",\nthen left; it was {n}\t.\n{text}' for n, text in enumerate(TEXTS)]
    written = io.StringIO(newline="")
    table = csv.writer(written, delimiter=delimiter)
    table.writerow(["id", "title", "review é"])
    for number, text in enumerate(texts):
        table.writerow([f"r{number}", "x", text])
    path = tmp_path / "d.csv"
    path.write_bytes(written.getvalue().encode("utf-8-sig"))
    found = items(path, RowFormat(column="review é"))
    assert [(item.id, text_of(item)) for item in found] == [(f"r{n}", text) for n, text in enumerate(texts)]


def test_a_bad_row_costs_itself_alone(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    good = json.dumps({"id": "a", "document": TEXTS[0]}).encode()
    path.write_bytes(b"\n".join([good, b"{", b"[]", b"\xff", good, good.replace(b'"a"', b'"b"')]))
    found = items(path, RowFormat())
    assert [bool(problem) for problem in problems(found)] == [False, True, True, True, True, False]
    assert problems(found)[4] == "the id 'a' of line 5 stands in line 1 too"
    assert text_of(found[5]) == TEXTS[0]


@pytest.mark.parametrize(
    ("content", "rows", "message"),
    [
        ("", RowFormat(), "holds no rows"),
        ("\n\n", RowFormat(), "holds no rows"),
        ("a,b\n1,2\n", RowFormat(column="c"), "no column 'c'"),
        ("a,b\n", RowFormat(column="a"), "holds no rows"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_failed_input(
    tmp_path: Path, content: str, rows: RowFormat, message: str
) -> None:
    (tmp_path / "d").write_text(content)
    assert problems(items(tmp_path / "d", rows)) == [message]
    assert problems(items(tmp_path / "none", rows)) == ["no such file"]


def test_a_missing_column_has_those_that_are_there_as_a_hint_or_that_it_is_no_csv(tmp_path: Path) -> None:
    for content, hint in (("a;b\n1;2\n", "its columns: a, b"), ("A report\n\nIt froze.\n", "may be no CSV")):
        (tmp_path / "d").write_text(content)
        (item,) = items(tmp_path / "d", RowFormat(column="text"))
        assert item.problem is not None
        assert item.problem.message == "no column 'text'"
        assert str(item.problem.hint).endswith(hint)


def test_a_header_that_is_not_text_is_one_failed_input(tmp_path: Path) -> None:
    (tmp_path / "d").write_bytes(b"\xff,b\n1,2\n")
    assert problems(items(tmp_path / "d", RowFormat(column="b"))) == ["the header is not utf-8 text"]


LOOKS_LIKE = {
    "text": (" ".join(SENTENCES[:30]).replace(". ", ".\n").encode(), "plain text", "without --jsonl"),
    "a line": (b"The keeper wrote a diary.", "plain text", "without --jsonl"),
    "chat": (b"[10:02] anna: the server is down\n" * 9, "plain text", "without --jsonl"),
    "pretty": (json.dumps([{"document": TEXTS[0]}] * 3, indent=1).encode(), "JSON that goes over", "jq -c"),
    "csv": (b"id,name,said\n" + b'1,Anna,"Yes, it is."\n' * 9, "CSV", "--column NAME"),
    "page": (b"<!DOCTYPE html>\n<html><body>\n<p>A page.</p></body></html>", "a web page", "without --jsonl"),
    "pdf": (make_pdf(TEXTS), "a PDF", "leave --jsonl out"),
    "packed": (gzip.compress(b"x" * 999), "a gzip file", "None"),
    "binary": (bytes(range(256)) * 9, "a binary file: NUL at position 0", "None"),
    "values": (b"1\n2\n3\n", "plain text", "without --jsonl"),
}


@pytest.mark.parametrize("kind", LOOKS_LIKE)
@pytest.mark.parametrize("is_stdin", [False, True])
def test_what_is_not_json_lines_is_one_error_that_says_what_it_looks_like(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, is_stdin: bool
) -> None:
    content, looks, hint = LOOKS_LIKE[kind]
    (tmp_path / "d").write_bytes(content)
    with (tmp_path / "d").open(encoding="latin-1") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        (item,) = items(Path("-") if is_stdin else tmp_path / "d", RowFormat())
    assert item.problem is not None
    assert item.problem.message.startswith(f"not JSON Lines, an object on each line: it looks like {looks}")
    assert str(item.problem.hint).startswith(hint)


def test_lines_without_the_field_of_the_text_are_one_error_that_names_the_fields(tmp_path: Path) -> None:
    (tmp_path / "d").write_text('{"id": 1, "body": "x"}\n{"title": "y"}\n' * 500)
    (item,) = items(tmp_path / "d", RowFormat())
    assert item.problem is not None
    assert item.problem.message == "its first lines have no field `document` or `text`, but id, body, title"
    assert item.problem.hint == "--text-field names another one"
    assert len(items(tmp_path / "d", RowFormat("body"))) == 1000
    (tmp_path / "d").write_text("{}\n" * 500)
    assert problems(items(tmp_path / "d", RowFormat())) == ["its first lines hold no fields"]


def test_a_file_that_begins_badly_and_goes_on_well_is_read(tmp_path: Path) -> None:
    good = json.dumps({"document": TEXTS[0]})
    (tmp_path / "d").write_text("# no JSON\n" * 30 + f"{good}\n")
    assert [bool(problem) for problem in problems(items(tmp_path / "d", RowFormat()))] == [True] * 30 + [
        False
    ]
    (tmp_path / "d").write_text('{"schema": 1}\n' * 30 + f"{good}\n")
    *first, last = items(tmp_path / "d", RowFormat())
    for item in first:
        assert item.row is not None
        with pytest.raises(InputError, match="`document` is missing"):
            item.row.read()
    assert last.row is not None
    assert last.row.read().text == TEXTS[0]


def test_records_of_rows_carry_their_ids_in_order_from_a_file_and_from_a_pipe(
    warm_bbp: Bbp, extractive: Path, tmp_path: Path
) -> None:
    lines: list[dict[str, object]] = [
        {"id": f"i/{number}", "document": text} for number, text in enumerate(TEXTS)
    ]
    lines.insert(1, {"id": "bad", "document": 5})
    (tmp_path / "d.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    arguments = ["summarize", "--model", extractive, "--jsonl"]
    done = warm_bbp(*arguments, "--json", "d.jsonl")
    assert done.code == 6
    assert done.stderr.endswith("bbp: error: 1 of 4 inputs failed: d.jsonl:bad\n")
    assert [(one["id"], one["status"]) for one in done.records] == [
        ("i/0", "ok"),
        ("bad", "error"),
        ("i/1", "ok"),
        ("i/2", "ok"),
    ]
    assert done.records[0]["source"]["path"] == "d.jsonl"
    piped = warm_bbp(*arguments, "--json", stdin=(tmp_path / "d.jsonl").read_bytes())
    assert [one["id"] for one in piped.records] == [one["id"] for one in done.records]
    assert warm_bbp(*arguments, "d.jsonl", "--output-dir", "out").code == 6
    written = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.txt"))
    assert written == [f"d.jsonl/i%2F{number}.summary.txt" for number in range(3)]
    assert warm_bbp(*arguments, "d.jsonl", "--output-dir", "out", "--resume").code == 6
    assert warm_bbp(*arguments, "--json", "d.jsonl", "-o", "r.jsonl").code == 6
    again = warm_bbp(*arguments, "--json", "d.jsonl", "-o", "r.jsonl")
    assert again.stderr.splitlines()[-2] == "bbp: 3 kept, 1 failed"


def test_an_id_is_a_name_of_a_file_on_every_system(tmp_path: Path) -> None:
    names = ["../x", "a/b\\c", "..", ".hidden", "é" * 200, "con:1", 'x"y']
    path = tmp_path / "d.jsonl"
    path.write_text("".join(json.dumps({"id": name, "document": TEXTS[0]}) + "\n" for name in names))
    found = [item.name.name for item in items(path, RowFormat())]
    assert len(set(found)) == len(names)
    for name in found:
        assert len(name) <= 120
        assert not set(name) & set('/\\:"<>|?*')
        assert not name.startswith(".")
