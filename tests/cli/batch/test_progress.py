"""How far a run is: a display on a terminal, a line every few seconds elsewhere, events for programs."""

import fcntl
import json
import re
import signal
import struct
import termios
import threading
import time
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pytest
import rich.console

from bbp_cli.batch import progress as progress_module
from bbp_cli.batch.progress import DraftText, RunProgress
from bbp_cli.console import Console
from tests import progress_picture
from tests.cli.batch.test_resume import texts
from tests.cli.process import WarmBbp
from tests.cli.test_console import ESCAPE, Terminal, terminal
from tests.conftest import DOCUMENTS, Bbp


def test_a_plain_line_comes_every_few_seconds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 0.0
    monkeypatch.setattr(progress_module, "time", SimpleNamespace(monotonic=lambda: now))
    shown = RunProgress(1000, Console())
    for number in range(100):
        now += 0.25
        shown.count(f"{number}.txt", tokens=50, failed=number == 3)
    lines = capsys.readouterr().err.splitlines()
    left = {20: "4 min 05 s", 40: "4 min 00 s", 60: "3 min 55 s", 80: "3 min 50 s", 100: "3 min 45 s"}
    assert lines == [
        f"bbp: {done}/1000 {done - 1}.txt (1 failed, 200 tokens/s, {time} left)"
        for done, time in left.items()
    ]


@pytest.mark.parametrize("console", [Console(quiet=True), Console()])
def test_quiet_runs_and_single_inputs_have_no_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], console: Console
) -> None:
    now = 0.0
    monkeypatch.setattr(progress_module, "time", SimpleNamespace(monotonic=lambda: now))
    shown = RunProgress(5 if console.quiet else 1, console)
    for number in range(5):
        now += 100.0
        shown.count(f"{number}.txt")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("columns", [12, 40, 200])
def test_the_display_fits_any_window_and_leaves_nothing_behind(
    warm_server: WarmBbp, extractive: Path, tmp_path: Path, environment: dict[str, str], columns: int
) -> None:
    texts(tmp_path / ("in" * 30), 4)
    words = ("summarize", "--model", str(extractive), "in" * 30, "--output-dir", "out")
    with terminal() as screen:
        resize(screen, columns)
        done = warm_server.run(words, b"", tmp_path, environment, stderr=screen.path)
        shown = screen.close()
    assert done.code == 0
    lines = ESCAPE.sub("\n", shown).replace("\r", "\n").splitlines()
    display = [line for line in lines if "/4" in line]
    assert display
    assert [line for line in lines if len(line) > columns and "made" not in line] == []
    assert shown.rstrip().endswith("bbp: 4 made")


SEQUENCE = re.compile(r"\x1b\[(\??[\d;]*)([A-Za-z])")


def screen_of(shown: str) -> str:
    """What a terminal without an end shows after all of this, without the spaces at ends of lines."""
    rows, row, column = [""], 0, 0
    while shown:
        if found := SEQUENCE.match(shown):
            shown = shown[found.end() :]
            if found[2] == "A":
                row = max(0, row - int(found[1] or 1))
            elif found[2] == "K":
                rows[row] = ""
            continue
        character, shown = shown[0], shown[1:]
        if character == "\r":
            column = 0
        elif character == "\n":
            row, column = row + 1, 0
            rows += [""] * (row == len(rows))
        else:
            rows[row] = rows[row][:column].ljust(column) + character + rows[row][column + 1 :]
            column += 1
    return "\n".join(line.rstrip() for line in rows).rstrip("\n")


def test_the_display_follows_a_window_that_is_made_narrower_in_the_middle_of_a_run(
    warm_server: WarmBbp, extractive: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    texts(tmp_path / "in", 40)
    journal = tmp_path / "out/.bbp.jsonl"
    words = ("summarize", "--model", str(extractive), "in", "--output-dir", "out", "--workers", "1")
    with terminal() as screen:
        resize(screen, 100)

        def make_narrower() -> None:
            while not (journal.exists() and journal.stat().st_size):
                time.sleep(0.001)
            resize(screen, 30)

        thread = threading.Thread(target=make_narrower, daemon=True)
        thread.start()
        when = (signal.SIGWINCH, journal, 10_000)
        done = warm_server.run(words, b"", tmp_path, environment, when, stderr=screen.path)
        thread.join()
        shown = screen.close()
    assert done.code == 0
    plain = SEQUENCE.sub(lambda found: "" if found[2] == "m" else "\n", shown)
    widths = [len(line) for line in plain.replace("\r", "\n").splitlines() if "/40" in line]
    assert widths[-1] <= 30 < widths[0]
    assert widths == sorted(widths, reverse=True)
    assert screen_of(shown) == "bbp: 40 made"


def resize(screen: Terminal, columns: int) -> None:
    fcntl.ioctl(screen.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize("columns", [20, 100])
def test_a_summary_appears_on_the_terminal_while_it_is_written(
    warm_server: WarmBbp,
    writer: Path,
    tmp_path: Path,
    environment: dict[str, str],
    beams: int,
    columns: int,
) -> None:
    document, summary = next(iter(DOCUMENTS.items()))
    (tmp_path / "a.txt").write_text(document)
    words = ("summarize", "--color", "never", "--model", str(writer), "--num-beams", str(beams), "a.txt")
    with terminal() as screen:
        resize(screen, columns)
        done = warm_server.run(words, b"", tmp_path, environment, stdout=screen.path, stderr=screen.path)
        shown = screen.close()
    piped = warm_server.run(words, b"", tmp_path, environment)
    assert (done.code, piped.stdout, piped.stderr) == (0, f"{summary}\n", "")
    assert screen_of(shown) == summary
    assert (shown.count("Ice") > 1) == (beams > 1)  # drawn again in place


def test_a_draft_is_drawn_as_far_as_the_window_has_room() -> None:
    text = "\n".join(f"line {number}\x1b[31m" for number in range(50))
    file = StringIO()
    rich.console.Console(file=file, width=20, height=5).print(DraftText(text))
    shown = [f"line {number}\\x1b[31m" for number in range(46, 50)]
    assert [line.rstrip() for line in file.getvalue().splitlines()] == shown


def test_the_picture_in_the_manual_is_the_display() -> None:
    assert progress_picture.PICTURE.read_text(encoding="utf-8") == progress_picture.draw()


def test_events_are_json_and_the_last_one_has_the_exit_code(
    warm_bbp: Bbp, extractive: Path, tmp_path: Path
) -> None:
    texts(tmp_path / "in", 3)
    (tmp_path / "in/1.txt").write_text("")
    (tmp_path / "in/x.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    arguments = ["summarize", "--model", extractive, "in", "--output-dir", "out", "--log-json"]
    done = warm_bbp(*arguments)
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert done.code == 6
    assert events[-1] == {"event": "exit", "code": 6, "failed": ["in/1.txt"]}
    assert events[-3] == {
        "event": "summary",
        "made": 2,
        "made_again": 0,
        "kept": 0,
        "failed": 1,
        "skipped": 1,
    }
    assert {event["event"] for event in events} == {"warning", "error", "summary", "exit"}
    assert events[1]["file"] == "in/1.txt"
    assert (events[1]["code"], events[1]["exit"]) == ("empty", 3)
    (tmp_path / "in/1.txt").unlink()
    done = warm_bbp(*arguments)
    assert json.loads(done.stderr.splitlines()[-1]) == {"event": "exit", "code": 0, "failed": []}
    done = warm_bbp(*arguments, "-q")
    assert [json.loads(line)["event"] for line in done.stderr.splitlines()] == ["exit"]


def test_errors_before_a_run_are_events_too(bbp: Bbp) -> None:
    done = bbp("summarize", "--log-json", "--nonsense")
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert [(event["event"], event.get("exit", event.get("code"))) for event in events] == [
        ("error", 2),
        ("exit", 2),
    ]
