"""Shares of a run on several machines, and one file of all their records."""

import json
from pathlib import Path, PurePath
from typing import Any

import pytest

from bbp_cli.batch.sharding import Shard, parse_shard, share_of
from bbp_cli.documents.inputs import Input, InputOptions, Inputs, collect
from bbp_cli.errors import UsageError
from tests.cli.batch.test_resume import records, texts, without_timing
from tests.conftest import SENTENCES, Bbp

COUNT = 12


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_every_input_is_in_exactly_one_share(tmp_path: Path, count: int) -> None:
    inputs = collect(InputOptions((str(texts(tmp_path / "in", COUNT)), str(tmp_path / "missing"))))
    shares = [share_of(inputs, Shard(number, count)).items for number in range(1, count + 1)]
    assert sorted(item.path for share in shares for item in share) == sorted(
        item.path for item in inputs.items
    )


def test_a_share_is_by_content_and_not_by_name_or_company(tmp_path: Path) -> None:
    def shares(inputs: Inputs) -> list[int]:
        return [
            next(number for number in range(1, 8) if Shard(number, 7).takes(item)) for item in inputs.items
        ]

    found = shares(collect(InputOptions((str(texts(tmp_path / "in", COUNT)),))))
    for number in range(COUNT):
        path = tmp_path / "in" / f"{number}.txt"
        path.rename(tmp_path / f"renamed{number}")
    moved = [
        Input(str(tmp_path / f"renamed{path.stem}"), PurePath("x"))
        for path in sorted(PurePath(f"{number}.txt") for number in range(COUNT))
    ]
    assert shares(Inputs(tuple(moved))) == found
    assert len(set(found)) > 3


@pytest.mark.parametrize(
    ("text", "environment", "shard"),
    [
        ("2/7", {}, Shard(2, 7)),
        (
            "auto",
            {"SLURM_ARRAY_TASK_ID": "5", "SLURM_ARRAY_TASK_MIN": "1", "SLURM_ARRAY_TASK_COUNT": "7"},
            Shard(5, 7),
        ),
        (
            "auto",
            {
                "SLURM_ARRAY_TASK_ID": "4",
                "SLURM_ARRAY_TASK_MIN": "0",
                "SLURM_ARRAY_TASK_COUNT": "3",
                "SLURM_ARRAY_TASK_STEP": "2",
            },
            Shard(3, 3),
        ),
        ("auto/4", {"JOB_COMPLETION_INDEX": "3"}, Shard(4, 4)),
        ("auto", {"JOB_COMPLETION_INDEX": "0", "JOB_COMPLETIONS": "2"}, Shard(1, 2)),
    ],
)
def test_a_share_is_named_or_taken_from_the_cluster(
    text: str, environment: dict[str, str], shard: Shard
) -> None:
    assert parse_shard(text, environment) == shard


@pytest.mark.parametrize(
    ("text", "environment", "message"),
    [
        ("2", {}, "neither K/N nor auto"),
        ("0/3", {}, "K counts from 1 to N"),
        ("4/3", {}, "K counts from 1 to N"),
        ("auto", {}, "JOB_COMPLETION_INDEX is not set"),
        ("auto", {"JOB_COMPLETION_INDEX": "0"}, "JOB_COMPLETIONS is not set"),
        ("auto", {"SLURM_ARRAY_TASK_ID": "1"}, "SLURM_ARRAY_TASK_MIN is not set"),
    ],
)
def test_an_impossible_share_is_a_usage_error(text: str, environment: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_shard(text, environment)


def test_a_run_begun_in_seven_shares_is_finished_in_three(
    warm_bbp: Bbp, extractive: Path, tmp_path: Path
) -> None:
    texts(tmp_path / "in", COUNT)
    arguments = ["summarize", "--model", extractive, "--json", "in"]
    assert warm_bbp(*arguments, "-o", "whole.jsonl").code == 0
    for number in (1, 2, 3):
        assert warm_bbp(*arguments, "--output-dir", "out", "--shard", f"{number}/7").code == 0
    begun = len(records(tmp_path / "out/.bbp.jsonl"))
    assert 0 < begun < COUNT
    done = [warm_bbp(*arguments, "--output-dir", "out", "--resume", "--shard", f"{k}/3") for k in (1, 2, 3)]
    assert [one.code for one in done] == [0, 0, 0]
    kept = [line for one in done for line in one.stderr.splitlines() if "kept" in line]
    assert sum(int(line.split(" kept")[0].split()[-1]) for line in kept) == begun
    assert warm_bbp("merge", "out", "--inputs", "in", "-o", "all.jsonl").code == 0
    assert without_timing((tmp_path / "all.jsonl").read_text()) == without_timing(
        (tmp_path / "whole.jsonl").read_text()
    )


def line(name: str, key: str = "k", status: str = "ok", **model: Any) -> str:
    fields = {"schema": "bbp.result/1", "id": name, "task": "summarize", "status": status, "key": key}
    return json.dumps({**fields, "source": {"path": name}, "model": model, "params": {}}) + "\n"


def test_what_is_wrong_with_parts_is_reported(bbp: Bbp, tmp_path: Path) -> None:
    texts(tmp_path / "in", 5)
    names = [f"in/{number}.txt" for number in range(5)]
    (tmp_path / "a").write_text(
        line(names[3]) + line(names[0], dtype="float32") + line(names[1], status="error")
    )
    (tmp_path / "b").write_text(
        line(names[0], dtype="float32")
        + line(names[1])
        + line(names[4], status="error")
        + line(names[3], "other")
    )
    done = bbp("merge", "a", "b", "--inputs", "in")
    assert done.code == 6
    assert [(record["id"], record["status"]) for record in done.records] == [
        (names[0], "ok"),
        (names[1], "ok"),
        (names[3], "ok"),
        (names[4], "error"),
    ]
    assert done.stderr.splitlines() == [
        "bbp: warning: 1 records are there more than once",
        "bbp: warning: different results, of which the last is taken: in/3.txt",
        'bbp: warning: results differ in dtype: "float32", null',
        "bbp: error: 1 missing: in/2.txt; 1 failed: in/4.txt",
    ]
    done = bbp("merge", "b", "a")
    assert [record["id"] for record in done.records] == [names[0], names[1], names[3], names[4]]


@pytest.mark.parametrize("content", ["damage\n", "{}\n", '{"schema": "bbp.result/1", "status": "new"}\n'])
def test_a_part_that_is_damaged_is_an_input_error(bbp: Bbp, tmp_path: Path, content: str) -> None:
    (tmp_path / "a").write_text(line("x") + content)
    done = bbp("merge", "a", "-o", "out")
    assert (done.code, done.stderr) == (3, "bbp: error: a: line 2 is no record of bbp\n")
    assert bbp("merge", "none").code == 3
    assert not (tmp_path / "out").exists()


def test_merge_replaces_nothing_without_being_told(bbp: Bbp, tmp_path: Path) -> None:
    (tmp_path / "a").write_text(line("x"))
    (tmp_path / "out").write_text(SENTENCES[0])
    assert bbp("merge", "a", "-o", "out").code == 7
    assert bbp("merge", "a", "-o", "out", "--overwrite").code == 0
    assert [record["id"] for record in records(tmp_path / "out")] == ["x"]
