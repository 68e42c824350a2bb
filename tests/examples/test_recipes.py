"""The recipes in examples/recipes/ do what they say."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.cli.batch.test_resume import texts
from tests.conftest import REPOSITORY, SENTENCES

RECIPES = REPOSITORY / "examples/recipes"
Shell = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def shell(tmp_path: Path, environment: dict[str, str], extractive: Path) -> Shell:
    """Run a command line in a folder where `bbp` is on the path, with a small model."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/bbp").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m bbp_cli "$@"\n')
    (tmp_path / "bin/bbp").chmod(0o755)
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    (tmp_path / "work").mkdir()

    def run(line: str, **more: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["bash", "-o", "pipefail", "-c", line],
            cwd=tmp_path / "work",
            env={**environment, "PATH": path, "BBP_MODEL": str(extractive), **more},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"needs {program}")


@needs("make")
def test_make_makes_the_summary_of_a_changed_text_again(shell: Shell, tmp_path: Path) -> None:
    texts(tmp_path / "work", 2)
    line = f"make -f {RECIPES / 'Makefile'}"
    assert shell(line).returncode == 0
    first = [(tmp_path / f"work/{number}.summary").read_text() for number in range(2)]
    assert "Nothing to be done" in shell(line).stdout
    (tmp_path / "work/1.txt").write_text(" ".join(SENTENCES[30:34]))
    done = shell(line)
    assert (done.returncode, done.stdout.count("bbp summarize")) == (0, 1), done.stderr
    again = [(tmp_path / f"work/{number}.summary").read_text() for number in range(2)]
    assert again[0] == first[0]
    assert again[1] != first[1]


def test_find_reads_names_of_any_kind(shell: Shell, tmp_path: Path) -> None:
    texts(tmp_path / "work/in", 2)
    (tmp_path / "work/in/1.txt").rename(tmp_path / "work/in/a\n b'.txt")
    done = shell(f"{RECIPES / 'find.sh'} in")
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == ["in/0.txt", "in/a\n b'.txt"]
    assert (done.returncode, done.stderr) == (0, "")


def test_two_processes_of_xargs_lose_nothing(shell: Shell, tmp_path: Path) -> None:
    texts(tmp_path / "work/in", 4)
    done = shell(f"{RECIPES / 'xargs.sh'} in out")
    assert (done.returncode, done.stderr) == (0, "")
    names = [f"in/{number}.txt" for number in range(4)]
    journal = (tmp_path / "work/out/.bbp.jsonl").read_text().splitlines()
    assert sorted(json.loads(line)["id"] for line in journal) == names
    assert all((tmp_path / f"work/out/{name}.summary.txt").exists() for name in names)


@needs("jq")
def test_jq_shows_failures_and_documents(shell: Shell, tmp_path: Path) -> None:
    texts(tmp_path / "work/in", 2)
    (tmp_path / "work/in/1.txt").write_text("")
    done = shell(f"bbp summarize -q in --json -o r.jsonl; {RECIPES / 'jq.sh'} r.jsonl")
    lines = done.stdout.splitlines()
    assert lines[0] == "in/1.txt\tempty\tempty file"
    assert lines[1].split("\t")[1] == "in/0.txt"


@needs("git")
def test_the_hook_adds_summaries_of_changed_documents_to_the_commit(shell: Shell, tmp_path: Path) -> None:
    texts(tmp_path / "work/docs", 2)
    hook = RECIPES / "pre-commit.sh"
    identity = "git config user.email a@b.c && git config user.name n"
    commit = "git add docs && git commit -qm m && git show --name-only --format="
    done = shell(f"git init -q . && {identity} && ln -s {hook} .git/hooks/pre-commit && {commit}")
    assert done.returncode == 0, done.stderr
    assert "summaries/docs/1.txt.summary.txt" in done.stdout.splitlines()
    (tmp_path / "work/docs/1.txt").write_text(" ".join(SENTENCES[30:34]))
    changed = shell(commit).stdout.splitlines()
    assert changed == ["docs/1.txt", "summaries/.bbp.jsonl", "summaries/docs/1.txt.summary.txt"]


def test_tasks_of_a_slurm_array_do_a_share_each(shell: Shell, tmp_path: Path) -> None:
    texts(tmp_path / "work/in", 6)
    array = {"SLURM_ARRAY_TASK_MIN": "1", "SLURM_ARRAY_TASK_COUNT": "2"}
    for number in ("1", "2"):
        done = shell(f"{RECIPES / 'slurm.sh'} in", SLURM_ARRAY_TASK_ID=number, **array)
        assert (done.returncode, done.stderr) == (0, "")
    done = shell("bbp merge part-*.jsonl --inputs in")
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == [f"in/{n}.txt" for n in range(6)]
    assert done.returncode == 0


@pytest.mark.skipif(find_spec("ray") is None, reason="needs the extra `ray`")
@pytest.mark.slow
def test_a_job_on_a_cluster_is_continued(shell: Shell, tmp_path: Path) -> None:
    texts(tmp_path / "work/in", 2)
    for count in (2, 3):
        texts(tmp_path / "work/in", count)
        done = shell(f"{RECIPES / 'ray.sh'} in all.jsonl", RAY_CLUSTER="local")
        assert (done.returncode, done.stderr) == (0, "")
    lines = (tmp_path / "work/all.jsonl").read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == [f"in/{number}.txt" for number in range(3)]


def test_the_job_fails_where_a_report_was_not_read(shell: Shell, tmp_path: Path) -> None:
    job = (RECIPES / "github-actions.yml").read_text()
    (line,) = [each.split("run: ")[1] for each in job.splitlines() if "bbp summarize" in each]
    texts(tmp_path / "work/reports", 2)
    assert shell(line).returncode == 0
    assert shell(line + " --truncate").returncode == 0
    (tmp_path / "work/reports/long.txt").write_text(" ".join(SENTENCES))
    assert shell(line + " --truncate").returncode == 8
    (tmp_path / "work/reports/long.txt").write_text("")
    assert shell(line).returncode == 6
