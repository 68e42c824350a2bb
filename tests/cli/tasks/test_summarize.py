"""`bbp summarize` with real checkpoints of both kinds, as a user runs it."""

import json
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typst
from bigbird_pegasus.summarization.length import AskedLength
from bigbird_pegasus.summarization.options import SummaryOptions

from bbp_cli.documents.document import BEGINNING_BYTES, parse
from bbp_cli.tasks.summarize import KIND_HINTS, ExtractiveSummary
from tests.cli.pdfs import make_pdf
from tests.conftest import DOCUMENTS, SENTENCES, STORY, VERBS, Bbp


def write_documents(folder: Path) -> list[str]:
    names = [f"{number}.txt" for number in range(len(DOCUMENTS))]
    for name, text in zip(names, DOCUMENTS, strict=True):
        (folder / name).write_text(text)
    return names


def without_timing(record: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key != "timing"}


# A model that writes


@pytest.mark.parametrize("beams", [None, 1, 4])
def test_a_writing_model_prints_the_words_it_learned(
    beams: int | None, warm_bbp: Bbp, writer: Path, tmp_path: Path
) -> None:
    options = [] if beams is None else ["--num-beams", beams]
    for text, summary in DOCUMENTS.items():
        done = warm_bbp("summarize", "--model", writer, *options, stdin=text.encode())
        assert (done.code, done.stdout, done.stderr) == (0, summary + "\n", "")


def test_the_same_words_come_from_a_cold_process(bbp: Bbp, writer: Path) -> None:
    text, summary = next(iter(DOCUMENTS.items()))
    done = bbp("summarize", "--model", writer, stdin=text.encode())
    assert (done.code, done.stdout, done.stderr) == (0, summary + "\n", "")


def test_several_documents_are_summarized_in_order_with_one_model_load(
    warm_bbp: Bbp, writer: Path, tmp_path: Path
) -> None:
    names = write_documents(tmp_path)
    done = warm_bbp("summarize", "-v", "--model", writer, *names)
    expected = [f"==> {name} <==\n{text}\n" for name, text in zip(names, DOCUMENTS.values(), strict=True)]
    assert (done.code, done.stdout) == (0, "\n".join(expected))
    assert done.stderr.count(f"model {writer}") == 1
    assert done.stderr.splitlines()[-1] == "bbp: 3 made"


def test_a_long_document_is_written_about_window_by_window(warm_bbp: Bbp, writer: Path) -> None:
    text = "\n\n".join(DOCUMENTS) * 3
    map_windows = ("summarize", "--json", "--strategy", "map", "--model", writer)
    record = warm_bbp(*map_windows, stdin=text.encode()).records[0]
    assert record["coverage"]["windows"] > 1
    assert (
        record["coverage"]["tokens_read"] == record["coverage"]["tokens_total"] == record["source"]["tokens"]
    )
    assert record["coverage"]["truncated"] is False
    spans = sorted({(s["sources"][0]["start"], s["sources"][0]["end"]) for s in record["sentences"]})
    assert spans[0][0] == 0
    assert spans[-1][1] == len(text)
    assert len(spans) == record["coverage"]["windows"]
    assert all(not text[end:start].strip() for (_, end), (start, _) in pairwise(spans))
    assert record["summary"].count("\n") == record["coverage"]["windows"] - 1


def test_length_limits_the_tokens_a_model_writes(warm_bbp: Bbp, writer: Path) -> None:
    text, summary = next(iter(DOCUMENTS.items()))
    record = warm_bbp("summarize", "--json", "--length", 6, "--model", writer, stdin=text.encode()).records[0]
    assert summary.startswith(record["summary"])
    assert len(record["summary"].split()) < len(summary.split())
    assert record["quality"]["stop"] == "length"
    assert record["params"]["length"] == 6


def test_generation_options_reach_the_model(warm_bbp: Bbp, writer: Path) -> None:
    text = next(iter(DOCUMENTS))
    done = warm_bbp(
        "summarize", "--json", "--no-repeat-ngram-size", 1, "--model", writer, stdin=text.encode()
    )
    words = done.records[0]["summary"]
    assert done.records[0]["params"]["no_repeat_ngram_size"] == 1
    assert words != DOCUMENTS[text]


def test_an_impossible_generation_option_is_a_usage_error(warm_bbp: Bbp, writer: Path) -> None:
    done = warm_bbp(
        "summarize", "--length-penalty", "inf", "--num-beams", 2, "--model", writer, stdin=STORY.encode()
    )
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith("bbp: error: --length-penalty is inf: it must be")


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (
            "extractive",
            ["--mode", "rewrite"],
            f"--mode rewrite needs a model that writes: this one chooses sentences ({KIND_HINTS['writes']})",
        ),
        ("extractive", ["--strategy", "fuse"], "--strategy fuse needs a model that writes: "),
        (
            "extractive",
            ["--reference"],
            "--reference needs a model that writes: this one chooses",
        ),
        ("writer", ["--strategy", "select"], "of a model that writes it takes mode verbatim\n"),
        ("writer", ["--reference", "--length", 9], "--reference is the checkpoint's own settings alone: "),
        ("writer", ["--per-section", "--strategy", "fuse"], "error: --per-section goes with strategy map"),
        ("writer", ["--query", "tides"], "--query is for a model that chooses sentences: this one writes ("),
        ("writer", ["--mode", "verbatim", "--num-beams", 2], "writes nothing: --num-beams do nothing there"),
        ("writer", ["--num-beams", 500], "error: --num-beams is too large: it must be at most 128"),
    ],
)
def test_a_mode_or_strategy_that_does_not_fit_is_one_line(
    kind: str, options: list[object], message: str, bbp: Bbp, request: pytest.FixtureRequest
) -> None:
    done = bbp("summarize", "--model", request.getfixturevalue(kind), *options, stdin=STORY.encode())
    assert (done.code, done.stdout) == (2, "")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_every_format_prints_the_headings_of_sections(
    warm_bbp: Bbp, extractive: Path, tmp_path: Path
) -> None:
    titles = ("Ice & snow", "A room to read in", "The pump")
    text = "\n\n".join(f"# {title}\n\n{text}" for title, text in zip(titles, DOCUMENTS, strict=True))
    (tmp_path / "a.txt").write_text(text)
    for form, heading in (
        (["--cite"], "{}\n"), (["--format", "bullets"], "{}\n- "), (["--format", "md"], "## {}\n\n"),
        (["--format", "html"], '<h3 dir="auto">{}</h3>'),
    ):  # fmt: skip
        done = warm_bbp("summarize", "--per-section", *form, "--model", extractive, "a.txt")
        assert done.code == 0
        for title in titles:
            assert heading.format(title.replace("&", "&amp;") if "html" in form else title) in done.stdout


def test_checking_without_beams_is_a_usage_error(warm_bbp: Bbp, writer: Path) -> None:
    done = warm_bbp("summarize", "--mode", "checked", "--model", writer, stdin=STORY.encode())
    assert (done.code, done.stderr) == (
        2, "bbp: error: --mode checked needs beams (add --num-beams 4, for example)\n"
    )  # fmt: skip


def test_every_way_has_its_own_key_and_is_in_its_record(warm_bbp: Bbp, writer: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("\n\n".join(DOCUMENTS) * 2)
    ways: list[list[object]] = [
        [], ["--strategy", "fuse"], ["--strategy", "truncate"], ["--truncate"], ["--overlap", 2],
        ["--mode", "verbatim"], ["--mode", "rewrite"],
    ]  # fmt: skip
    records = [warm_bbp("summarize", "--json", "--model", writer, *way, "a.txt").records[0] for way in ways]
    assert [(one["params"]["strategy"], one["params"]["mode"]) for one in records] == [
        ("reduce", "abstractive"), ("fuse", "abstractive"), ("truncate", "abstractive"),
        ("truncate", "abstractive"), ("reduce", "abstractive"), ("select", "verbatim"), ("select", "rewrite"),
    ]  # fmt: skip
    assert records[4]["params"]["overlap"] == 2
    assert without_timing(records[2]) == without_timing(records[3])
    assert len({one["key"] for one in records}) == len(ways) - 1
    for one in records:
        parts = one["coverage"]["parts"]
        assert len(parts) == one["coverage"]["windows"]
        assert parts[0]["start"] == 0


# A model that chooses


def test_a_choosing_model_prints_sentences_of_the_document_in_order(warm_bbp: Bbp, extractive: Path) -> None:
    done = warm_bbp("summarize", "--model", extractive, "--length", 60, stdin=STORY.encode())
    assert (done.code, done.stderr) == (0, "")
    summary = done.stdout.removesuffix("\n")
    chosen = [sentence for sentence in SENTENCES if sentence in summary]
    assert summary == " ".join(chosen)
    assert 1 <= len(summary.split()) <= 60


@pytest.mark.parametrize("length", [1, 5, 17, 40, 100])
def test_length_is_never_exceeded(length: int, warm_bbp: Bbp, extractive: Path) -> None:
    done = warm_bbp("summarize", "--model", extractive, "--length", length, stdin=STORY.encode())
    assert done.code == 0
    assert 1 <= len(done.stdout.split()) <= length


def test_a_cut_sentence_has_a_warning(warm_bbp: Bbp, extractive: Path) -> None:
    done = warm_bbp("summarize", "--model", extractive, "--length", 5, stdin=STORY.encode())
    assert len(done.stdout.split()) == 5
    assert done.stderr == (
        "bbp: warning: stdin: the most important sentence has 10 words, more than 5: it is cut\n"
    )


def test_sentences_are_asked_of_a_model_that_chooses(warm_bbp: Bbp, writer: Path, extractive: Path) -> None:
    done = warm_bbp("summarize", "--json", "--model", extractive, "--length", "3s", stdin=STORY.encode())
    assert (len(done.records[0]["sentences"]), done.records[0]["params"]["length"]) == (3, "3s")
    done = warm_bbp("summarize", "--model", writer, "--length", "3s", stdin=STORY.encode())
    assert (done.code, done.stdout) == (2, "")
    assert "error: --length 3s is for a model that chooses sentences" in done.stderr
    assert f"({KIND_HINTS['chooses']})" in done.stderr
    done = warm_bbp("summarize", "--length", "3x", stdin=STORY.encode())
    assert (done.code, done.stdout) == (2, "")
    assert "length '3x' is not a number of words, 120w, 5s, 10%, short, medium or long" in done.stderr


def test_length_and_query_decide_about_a_result() -> None:
    asked = [
        SummaryOptions(),
        SummaryOptions(60),
        SummaryOptions(AskedLength("w", 60)),
        SummaryOptions(AskedLength("short")),
        SummaryOptions(query="boats"),
        SummaryOptions(query="tides"),
    ]
    found = [ExtractiveSummary(options).identities()[0] for options in asked]
    assert all(one != other for n, one in enumerate(found) for other in found[:n])


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_short_text_comes_back_whole(count: int, warm_bbp: Bbp, extractive: Path) -> None:
    text = " ".join(["The tide turned at noon.", "Nobody had expected it.", "The boats lay dry."][:count])
    record = warm_bbp("summarize", "--json", "--model", extractive, stdin=text.encode()).records[0]
    assert record["summary"] == text
    assert record["quality"]["stop"] == "whole"


def test_every_offset_points_at_its_sentence_in_what_extract_prints(
    warm_bbp: Bbp, extractive: Path, tmp_path: Path
) -> None:
    pages = [
        " ".join(SENTENCES[start : start + 12]) + f" Naïve café no. {start} — 😀." for start in (0, 12, 24)
    ]
    (tmp_path / "story.txt").write_bytes(("\ufeff" + "\r\n\r\n".join(pages)).encode())
    pages = [page.replace("—", "-").replace("😀", "!") for page in pages]
    (tmp_path / "story.pdf").write_bytes(make_pdf(pages))
    for name in ("story.txt", "story.pdf"):
        text = warm_bbp("extract", name).stdout
        record = warm_bbp("summarize", "--json", "--model", extractive, name).records[0]
        assert record["sentences"]
        for sentence in record["sentences"]:
            source = sentence["sources"][0]
            assert " ".join(text[source["start"] : source["end"]].split()) == sentence["text"]
            if name == "story.pdf":
                (page,) = (p for p in pages if sentence["text"] in p)
                assert source["page"] == pages.index(page) + 1
            else:
                assert source["page"] is None


def test_sentences_of_all_windows_compete(warm_bbp: Bbp, extractive: Path) -> None:
    record = warm_bbp(
        "summarize", "--json", "--model", extractive, "--length", 400, stdin=STORY.encode()
    ).records[0]
    assert record["coverage"]["windows"] > 3
    places = [sentence["sources"][0]["start"] for sentence in record["sentences"]]
    assert min(places) < len(STORY) / 3
    assert max(places) > 2 * len(STORY) / 3


@pytest.mark.parametrize("kind", ["writer", "extractive"])
def test_truncate_reads_as_much_as_fits_into_one_window(
    kind: str, warm_bbp: Bbp, request: pytest.FixtureRequest
) -> None:
    limit = {"writer": 192, "extractive": 128}[kind]
    text = "The ferries stayed in port. " * limit
    model = request.getfixturevalue(kind)
    sentence = warm_bbp("extract", "--count", "--model", model, stdin=text[:27].encode()).stdout.strip()
    record = warm_bbp("summarize", "--json", "--truncate", "--model", model, stdin=text.encode()).records[0]
    assert limit - 1 - int(sentence) < record["coverage"]["tokens_read"] <= limit


def test_truncate_reads_the_first_window_with_a_warning(warm_bbp: Bbp, extractive: Path) -> None:
    done = warm_bbp("summarize", "--json", "--truncate", "--model", extractive, stdin=STORY.encode())
    coverage = done.records[0]["coverage"]
    assert coverage["windows"] == 1
    assert coverage["truncated"] is True
    assert coverage["tokens_read"] < coverage["tokens_total"]
    told = f"--truncate: read only the first {coverage['tokens_read']} of {coverage['tokens_total']} tokens"
    assert done.stderr == f"bbp: warning: stdin: {told}\n"
    assert done.records[0]["warnings"] == [told]


def test_truncate_leaves_the_rest_of_a_long_file_unread(warm_bbp: Bbp, extractive: Path) -> None:
    long = STORY.encode() + b"\n\n" + b"The ferries stayed in port.\n" * (BEGINNING_BYTES // 28 + 1)
    options = ("summarize", "--truncate", "--model", extractive)
    done = warm_bbp(*options, "--json", stdin=long)
    record, coverage = done.records[0], done.records[0]["coverage"]
    assert [record["source"][name] for name in ("sha256", "chars", "tokens")] == [None, None, None]
    assert (coverage["tokens_total"], coverage["truncated"], coverage["windows"]) == (None, True, 1)
    assert record["failed_gates"][:2] == ["unread", "truncated"]
    told = (
        f"--truncate: read only the first {coverage['tokens_read']} tokens; the rest of the file is not read"
    )
    assert record["warnings"] == [told]
    whole = warm_bbp(*options, "--json", stdin=long[: BEGINNING_BYTES // 2]).records[0]
    assert (whole["summary"], whole["quality"]) == (record["summary"], record["quality"])
    assert whole["source"]["tokens"] == whole["coverage"]["tokens_total"] > coverage["tokens_read"]
    page = warm_bbp(*options, "--format", "html", stdin=long).stdout
    assert f"only its beginning: {coverage['tokens_read']} tokens" in page
    assert "SHA-256" not in page
    assert " in the document, " not in page


@pytest.mark.parametrize("bytes_of_text", [BEGINNING_BYTES // 4, BEGINNING_BYTES + 100])
def test_a_dry_run_counts_what_truncate_reads(warm_bbp: Bbp, extractive: Path, bytes_of_text: int) -> None:
    long = b"The ferries stayed in port.\n" * (bytes_of_text // 28)
    options = ("summarize", "--json", "--truncate", "--model", extractive)
    (record,), (plan,) = (warm_bbp(*options, *more, stdin=long).records for more in ((), ("--dry-run",)))
    assert (plan["tokens"], plan["windows"]) == (record["source"]["tokens"], 1)
    assert record["coverage"]["windows"] == 1


def test_truncate_reads_a_long_log_to_its_last_error(warm_bbp: Bbp, extractive: Path) -> None:
    lines = [f"2024-05-01 10:00:00 INFO the ferry {number} came to port" for number in range(50_000)]
    lines.append("2024-05-01 11:00:00 ERROR the pier is gone")
    long = "\n".join(lines).encode()
    assert len(long) > BEGINNING_BYTES
    (record,) = warm_bbp("summarize", "--json", "--truncate", "--model", extractive, stdin=long).records
    assert "line 50001" in record["warnings"][0]
    assert record["source"]["sha256"] is not None


def test_a_length_in_percent_needs_all_of_the_text(warm_bbp: Bbp, extractive: Path) -> None:
    long = b"The ferries stayed in port.\n" * (BEGINNING_BYTES // 28 + 1)
    options = ("summarize", "--json", "--truncate", "--length", "1%", "--model", extractive)
    assert warm_bbp(*options, stdin=long).records[0]["source"]["chars"] == len(long)


def test_a_sentence_longer_than_a_window_is_read_to_its_end(warm_bbp: Bbp, extractive: Path) -> None:
    text = "the crew " + " and ".join(VERBS * 20) + " it with zeal"
    record = warm_bbp("summarize", "--json", "--model", extractive, stdin=text.encode()).records[0]
    assert record["coverage"]["windows"] > 1
    assert record["coverage"]["tokens_read"] == record["coverage"]["tokens_total"]


def test_the_summary_holds_no_control_characters(warm_bbp: Bbp, extractive: Path) -> None:
    text = "A line with \x1b[31mcolour\x07 in it is here.\nIt is\tshort."
    done = warm_bbp("summarize", "--model", extractive, stdin=text.encode())
    assert done.stdout == "A line with colour in it is here. It is short.\n"


def test_beams_are_a_usage_error_for_a_model_that_chooses(bbp: Bbp, extractive: Path) -> None:
    done = bbp(
        "summarize", "--num-beams", 4, "--length-penalty", 0.8, "--model", extractive, stdin=STORY.encode()
    )
    assert (done.code, done.stdout) == (2, "")
    assert "--num-beams, --length-penalty" in done.stderr
    assert done.stderr.count("\n") == 1


# Records


def test_a_record_has_all_the_keys_of_the_schema(warm_bbp: Bbp, extractive: Path, tmp_path: Path) -> None:
    (tmp_path / "story.pdf").write_bytes(make_pdf([STORY, ""]))
    (record,) = warm_bbp("summarize", "--json", "--seed", 7, "--model", extractive, "story.pdf").records
    head = {"schema": "bbp.result/1", "id": "story.pdf", "task": "summarize", "status": "ok"}
    assert {key: record[key] for key in head} == head
    assert set(record) - set(head) == {
        "bbp_version", "key", "source", "summary", "sentences", "coverage", "failed_gates", "quality",
        "model", "params", "warnings", "timing",
    }  # fmt: skip
    document = parse((tmp_path / "story.pdf").read_bytes(), "story.pdf")
    assert record["source"] == {
        "path": "story.pdf",
        "sha256": document.source.sha256,
        "media_type": "application/pdf",
        "encoding": None,
        "pages": 2,
        "chars": len(document.text),
        "tokens": record["coverage"]["tokens_total"],
    }
    assert record["summary"] == " ".join(sentence["text"] for sentence in record["sentences"])
    assert set(record["sentences"][0]["sources"][0]) == {
        "page",
        "start",
        "end",
        "score",
        "page_label",
        "rectangles",
    }
    assert record["coverage"]["pages_without_text"] == [2]
    assert set(record["quality"]) == {
        "compression_ratio", "repeated_ngrams", "stop", "deflate_ratio", "no_repeat_ngram_size", "retries",
    }  # fmt: skip
    assert set(record["model"]) == {
        "id", "revision", "weights_sha256", "dtype", "quantization", "device", "attention", "arithmetic",
    }  # fmt: skip
    assert record["model"]["id"] == str(extractive)
    assert record["params"] == {
        "length": None, "truncate": False, "seed": 7, "strategy": "select", "mode": "verbatim",
    }  # fmt: skip
    assert record["warnings"] == ["no text on page 2: blank"]


@pytest.mark.parametrize("kind", ["writer", "extractive"])
def test_records_are_byte_stable_but_for_timing(
    kind: str, warm_bbp: Bbp, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    names = write_documents(tmp_path)
    runs = [
        warm_bbp("summarize", "--json", "--model", request.getfixturevalue(kind), *names) for _ in range(2)
    ]
    first, second = ([json.dumps(without_timing(record)) for record in done.records] for done in runs)
    assert first == second
    assert len(first) == len(names)
    assert all("timing" in record for record in runs[0].records)


def test_a_failed_input_still_has_its_line_in_order(warm_bbp: Bbp, writer: Path, tmp_path: Path) -> None:
    names = write_documents(tmp_path)
    (tmp_path / "empty.txt").touch()
    done = warm_bbp("summarize", "--json", "--model", writer, names[0], "empty.txt", "none.txt", names[1])
    assert done.code == 6
    assert [record["status"] for record in done.records] == ["ok", "error", "error", "ok"]
    assert [record["id"] for record in done.records] == [names[0], "empty.txt", "none.txt", names[1]]
    assert done.records[1]["error"] == {"code": "empty", "exit": 3, "message": "empty file", "hint": None}
    assert [line for line in done.stderr.splitlines() if "error" in line] == [
        "bbp: error: none.txt: no such file",
        "bbp: error: empty.txt: empty file",
        "bbp: error: 2 of 4 inputs failed: empty.txt, none.txt",
    ]


def test_one_failed_input_is_one_record_and_one_line(bbp: Bbp) -> None:
    done = bbp("summarize", "--json", "none.txt")
    assert done.code == 3
    assert done.records[0]["error"]["code"] == "missing"
    assert done.stderr == "bbp: error: none.txt: no such file\n"


def test_all_inputs_failing_for_one_kind_give_its_code(bbp: Bbp) -> None:
    done = bbp("summarize", "a.txt", "b.txt")
    assert (done.code, done.stdout) == (3, "")
    assert done.stderr.splitlines()[-1] == "bbp: error: all 2 inputs failed: a.txt, b.txt"


# Models that cannot be used


def damaged_copy(source: Path, target: Path, name: str, content: bytes | None) -> Path:
    target.mkdir()
    for file in source.iterdir():
        (target / file.name).write_bytes(file.read_bytes())
    if content is None:
        (target / name).unlink()
    else:
        (target / name).write_bytes(content)
    return target


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", None, "no config.json"),
        ("config.json", b"{not json", "config.json cannot be read"),
        ("config.json", b"[]", "config.json cannot be read"),
        ("config.json", b"{}", "not a model that summarizes"),
        ("config.json", b'{"architectures": ["BertModel"]}', "not a model that summarizes: BertModel"),
        (  # the model package loads the first name it knows
            "config.json",
            b'{"architectures": ["BigBirdPegasusForCausalLM", "BigBirdPegasusForConditionalGeneration"]}',
            "not a model that summarizes: BigBirdPegasusForCausalLM or",
        ),
        ("model.safetensors", None, "no weights"),
        ("spiece.model", None, "no spiece.model"),
    ],
)
def test_an_incomplete_model_folder_is_reported_before_torch_is_imported(
    name: str, content: bytes | None, message: str, bbp: Bbp, writer: Path, tmp_path: Path
) -> None:
    damaged_copy(writer, tmp_path / "model", name, content)
    done = bbp("summarize", "--model", "model", stdin=STORY.encode())
    assert (done.code, done.stdout) == (4, "")
    assert done.stderr.startswith("bbp: error: model")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["model.safetensors", "spiece.model", "tokenizer_config.json"])
@pytest.mark.parametrize("content", [b"", b"garbage"])
def test_a_corrupt_model_file_is_a_model_error(
    name: str, content: bytes, warm_bbp: Bbp, writer: Path, tmp_path: Path
) -> None:
    damaged_copy(writer, tmp_path / "model", name, content)
    done = warm_bbp("summarize", "--model", "model", stdin=STORY.encode())
    assert (done.code, done.stdout) == (4, "")
    assert done.stderr.startswith("bbp: error: ")
    assert done.stderr.count("\n") == 1


def test_weights_cut_short_are_a_model_error(warm_bbp: Bbp, writer: Path, tmp_path: Path) -> None:
    weights = (writer / "model.safetensors").read_bytes()
    damaged_copy(writer, tmp_path / "model", "model.safetensors", weights[: len(weights) // 2])
    done = warm_bbp("summarize", "--model", "model", stdin=STORY.encode())
    assert (done.code, done.stdout) == (4, "")
    assert done.stderr.count("\n") == 1


def test_weights_of_another_model_are_a_model_error(
    warm_bbp: Bbp, writer: Path, extractive: Path, tmp_path: Path
) -> None:
    other = (extractive / "model.safetensors").read_bytes()
    damaged_copy(writer, tmp_path / "model", "model.safetensors", other)
    done = warm_bbp("summarize", "--model", "model", stdin=STORY.encode())
    assert (done.code, done.stdout) == (4, "")


def test_an_unknown_configuration_key_is_a_warning(warm_bbp: Bbp, writer: Path, tmp_path: Path) -> None:
    config = json.loads((writer / "config.json").read_text()) | {"moon_phase": 3}
    damaged_copy(writer, tmp_path / "model", "config.json", json.dumps(config).encode())
    text, summary = next(iter(DOCUMENTS.items()))
    done = warm_bbp("summarize", "--model", "model", stdin=text.encode())
    assert (done.code, done.stdout) == (0, summary + "\n")
    assert done.stderr.startswith("bbp: warning: model: ")
    assert "moon_phase" in done.stderr
    quiet = warm_bbp("summarize", "-q", "--model", "model", stdin=text.encode())
    assert (quiet.code, quiet.stdout, quiet.stderr) == (0, summary + "\n", "")


def test_headings_are_left_out_where_there_are_sentences(warm_bbp: Bbp, extractive: Path) -> None:
    text = "\n\n".join(f"Heading number {n}\n\n{sentence}" for n, sentence in enumerate(SENTENCES))
    done = warm_bbp("summarize", "--model", extractive, "--length", 400, stdin=text.encode())
    assert done.code == 0
    assert "Heading" not in done.stdout
    headings = "\n\n".join(f"Heading number {n} of the {verb} list" for n, verb in enumerate(VERBS))
    done = warm_bbp("summarize", "--model", extractive, stdin=headings.encode())
    assert done.stdout.startswith("Heading")


def test_the_count_of_extract_is_what_the_record_says(
    warm_bbp: Bbp, extractive: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text(STORY)
    (tmp_path / "b.txt").write_text(" ".join(VERBS * 60))  # one sentence, longer than a window
    one = warm_bbp("extract", "--count", "--model", extractive, "a.txt")
    assert (one.code, one.stderr) == (0, "")
    several = warm_bbp("extract", "--count", "--model", extractive, "a.txt", "b.txt")
    records = warm_bbp("summarize", "--json", "--model", extractive, "a.txt", "b.txt").records
    counts = [record["source"]["tokens"] for record in records]
    assert one.stdout == f"{counts[0]}\n"
    assert several.stdout == f"{counts[0]}\ta.txt\n{counts[1]}\tb.txt\n"


def test_the_notes_of_a_pdf_are_read_by_no_model(
    warm_bbp: Bbp, extractive: Path, writer: Path, tmp_path: Path
) -> None:
    note = "The firm is Nordkai of Lund and it built the gate too."
    source = f'#set page(paper: "a5")\n{STORY.replace(".", f".#footnote[{note}]", 1)}'
    (tmp_path / "note.pdf").write_bytes(typst.compile(source.encode(), format="pdf"))
    assert note in warm_bbp("extract", "note.pdf").stdout
    (tmp_path / "story.pdf").write_bytes(
        typst.compile(f'#set page(paper: "a5")\n{STORY}'.encode(), format="pdf")
    )
    for model in (extractive, writer):
        count = warm_bbp("extract", "--count", "--model", model, "note.pdf").stdout
        (record,) = warm_bbp("summarize", "--json", "--model", model, "note.pdf").records
        assert count == f"{record['source']['tokens']}\n"
        assert count == warm_bbp("extract", "--count", "--model", model, "story.pdf").stdout


def test_a_bibliography_is_read_where_it_is_asked_for(
    warm_bbp: Bbp, extractive: Path, writer: Path, tmp_path: Path
) -> None:
    entries = "\n\n".join(f"[{n}] Anna Lind. The harbour of Varnes. Nordkai, 19{n}." for n in range(60, 64))
    source = f'#set page(paper: "a5")\n{STORY}\n\n= References\n\n{entries}'
    (tmp_path / "paper.pdf").write_bytes(typst.compile(source.encode(), format="pdf"))
    for model in (extractive, writer):
        command = ("summarize", "--json", "--model", model, "paper.pdf")
        (without,), (kept,) = (warm_bbp(*command, *more).records for more in ((), ("--keep-references",)))
        assert kept["source"]["tokens"] > without["source"]["tokens"]
        assert ("keep_references" in without["params"], kept["params"]["keep_references"]) == (False, True)


def test_a_checkpoint_used_to_several_texts_or_records_writes_one_text(
    warm_bbp: Bbp, writer: Path, tmp_path: Path
) -> None:
    shutil.copytree(writer, tmp_path / "model")
    file = tmp_path / "model/generation_config.json"
    habit = {**json.loads(file.read_text()), "num_beams": 3, "num_return_sequences": 3}
    file.write_text(json.dumps({**habit, "return_dict_in_generate": True, "output_scores": True}))
    text, summary = next(iter(DOCUMENTS.items()))
    done = warm_bbp("summarize", "--model", "model", stdin=text.encode())
    assert (done.code, done.stdout) == (0, summary + "\n")
    done = warm_bbp("summarize", "--model", "model", "--num-beams", 2, stdin=text.encode())
    assert (done.code, done.stdout) == (0, summary + "\n")


def test_a_length_penalty_without_beams_is_a_usage_error(warm_bbp: Bbp, writer: Path) -> None:
    done = warm_bbp("summarize", "--length-penalty", 2, "--model", writer, stdin=STORY.encode())
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr == "bbp: error: --length-penalty needs beams (add --num-beams 4, for example)\n"


def test_an_empty_summary_has_a_warning(warm_bbp: Bbp, writer: Path, tmp_path: Path) -> None:
    settings = json.loads((writer / "generation_config.json").read_text()) | {"forced_bos_token_id": 1}
    damaged_copy(writer, tmp_path / "model", "generation_config.json", json.dumps(settings).encode())
    done = warm_bbp("summarize", "--model", "model", stdin=STORY.encode())
    assert (done.code, done.stdout.strip()) == (0, "")
    assert "stdin: the model wrote nothing" in done.stderr
