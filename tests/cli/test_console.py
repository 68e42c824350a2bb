"""On a terminal there is colour, progress and text that grows; the content is what a pipe gets."""

import os
import pty
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bbp_cli.console import plain_line_is_due
from bbp_cli.output.stdout import TextPrinter
from tests.cli.process import WarmBbp, command
from tests.conftest import DOCUMENTS, STORY, Bbp

TEXT, SUMMARY = next(iter(DOCUMENTS.items()))
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


class Terminal:
    """A pseudo terminal; what is written to it is read all the time, so that nobody waits."""

    def __init__(self) -> None:
        self._mine, self.theirs = pty.openpty()
        self.path = os.ttyname(self.theirs)
        self._chunks: list[bytes] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        try:
            while chunk := os.read(self._mine, 65_536):
                self._chunks.append(chunk)
        except OSError:  # how Linux tells the end
            return

    def close(self) -> str:
        """What was shown, line ends as a program wrote them."""
        os.close(self.theirs)
        self._reader.join()
        os.close(self._mine)
        return b"".join(self._chunks).decode().replace("\r\n", "\n")


@contextmanager
def terminal() -> Iterator[Terminal]:
    made = Terminal()
    try:
        yield made
    finally:
        if made._reader.is_alive():
            made.close()


def on_terminal(
    server: WarmBbp, arguments: list[object], folder: Path, environment: dict[str, str], **streams: bool
) -> tuple[int, str, str, str]:
    """Run `bbp` with stdout, stderr or both on a terminal: code, stdout, stderr, what the terminal showed."""
    with terminal() as screen:
        paths = dict.fromkeys(streams, screen.path)
        words = tuple(map(str, arguments))
        stdout, stderr = paths.get("stdout"), paths.get("stderr")
        done = server.run(words, TEXT.encode(), folder, environment, stdout=stdout, stderr=stderr)
        shown = screen.close()
    return done.code, done.stdout, done.stderr, shown


def test_the_text_on_a_terminal_is_what_a_pipe_gets(
    warm_server: WarmBbp, writer: Path, extractive: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    (tmp_path / "story.txt").write_text(STORY)
    (tmp_path / "text.txt").write_text(TEXT)
    for model in (writer, extractive):
        for options in (["story.txt"], ["story.txt", "text.txt"], ["--json", "text.txt"], ["--num-beams", 2]):
            if model == extractive and "--num-beams" in options:
                continue
            arguments = ["summarize", "--color", "never", "--model", model, *options]
            piped = warm_server.run(tuple(map(str, arguments)), TEXT.encode(), tmp_path, environment)
            code, _, _, shown = on_terminal(warm_server, arguments, tmp_path, environment, stdout=True)
            without_timing = re.compile(r'"timing".*')
            assert code == piped.code == 0
            assert without_timing.sub("", shown) == without_timing.sub("", piped.stdout)


def test_the_default_on_a_terminal_colours_headers_only(
    warm_server: WarmBbp, writer: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    headers = []
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(TEXT)
        headers.append(f"\x1b[1m==> {name} <==\x1b[0m")
    arguments = ["summarize", "--model", writer, "a.txt", "b.txt"]
    _, _, _, shown = on_terminal(warm_server, arguments, tmp_path, environment, stdout=True)
    assert shown == f"{headers[0]}\n{SUMMARY}\n\n{headers[1]}\n{SUMMARY}\n"
    plain = {**environment, "TERM": "dumb"}
    _, _, _, shown = on_terminal(warm_server, arguments, tmp_path, plain, stdout=True)
    assert "\x1b" not in shown


def test_a_bar_is_shown_on_a_terminal_and_leaves_nothing_behind(
    warm_server: WarmBbp, extractive: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    (tmp_path / "[bold]story.txt").write_text(STORY)
    arguments = ["summarize", "--model", extractive, "[bold]story.txt"]
    code, stdout, _, shown = on_terminal(warm_server, arguments, tmp_path, environment, stderr=True)
    assert code == 0
    assert "[bold]story.txt" in shown
    assert "\x1b[2K" in shown
    assert "words" not in shown
    piped = warm_server.run(tuple(map(str, arguments)), b"", tmp_path, environment)
    assert (piped.stdout, piped.stderr) == (stdout, "")


@pytest.mark.parametrize(("option", "variables"), [(["-q"], {}), ([], {"TERM": "dumb"})])
def test_quiet_and_pipes_show_no_progress_bar(
    option: list[str],
    variables: dict[str, str],
    warm_server: WarmBbp,
    extractive: Path,
    tmp_path: Path,
    environment: dict[str, str],
) -> None:
    (tmp_path / "story.txt").write_text(STORY)
    arguments = ["summarize", *option, "--model", extractive, "story.txt"]
    _, _, _, shown = on_terminal(warm_server, arguments, tmp_path, {**environment, **variables}, stderr=True)
    assert shown == ""


def test_plain_lines_of_progress_come_twenty_to_forty_times_in_a_long_run() -> None:
    for total in (1, 2, 7, 19, 20, 39, 40, 59, 1000, 12345):
        lines = sum(plain_line_is_due(done, total) for done in range(1, total + 1))
        assert min(total, 20) <= lines <= 40


def test_a_warning_during_progress_stands_on_its_own_line(
    warm_server: WarmBbp, extractive: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    (tmp_path / "story.txt").write_text(STORY)
    arguments = ["summarize", "--truncate", "--color", "never", "--model", extractive, "story.txt"]
    _, _, _, shown = on_terminal(warm_server, arguments, tmp_path, environment, stderr=True)
    lines = ESCAPE.sub("", shown).replace("\r", "\n").splitlines()
    assert any(line.startswith("bbp: warning: story.txt: --truncate: ") for line in lines)


def test_a_terminal_on_stdin_and_no_path_is_short_help(tmp_path: Path, environment: dict[str, str]) -> None:
    with terminal() as screen:
        done = subprocess.run(
            command("summarize"),
            stdin=screen.theirs,
            capture_output=True,
            cwd=tmp_path,
            env=environment,
            check=False,
        )
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"Usage: bbp summarize")
    assert b"bbp summarize report.pdf" in done.stderr


def test_text_that_grows_is_shown_but_for_its_last_words(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    printer = TextPrinter(several=False, color=False)
    seen = []
    for text in ("I", "I ca", "I ca n", "I can't st", "I can't stop\nnow", "I can't stop\nnow be"):
        printer.grow("a.txt", text)
        seen.append(capsysbinary.readouterr().out)
    assert seen == [b"", b"", b"I", b"", b" can't", b" stop"]
    printer.finish("a.txt", "I can't stop\nnow, because.")
    assert capsysbinary.readouterr().out == b"\nnow, because.\n"


def test_text_that_changes_after_it_was_shown_is_printed_again(
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    printer = TextPrinter(several=False, color=False)
    printer.grow("a.txt", "It was a dark and stormy")
    printer.finish("a.txt", "It was an ark.")
    assert capsysbinary.readouterr().out == b"It was a dark\nIt was an ark.\n"


def test_greedy_text_grows_on_a_terminal(
    warm_bbp: Bbp, warm_server: WarmBbp, writer: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    code, _, stderr, shown = on_terminal(
        warm_server, ["summarize", "--model", writer], tmp_path, environment, stdout=True
    )
    assert (code, stderr, shown) == (0, "", SUMMARY + "\n")


def test_a_text_can_be_followed_while_it_is_written(writer: Path) -> None:
    from bigbird_pegasus.summarization.options import SummaryOptions

    from bbp_cli.documents.document import parse
    from bbp_cli.models.checkpoints import inspect, load
    from bbp_cli.models.hardware import Hardware
    from bbp_cli.models.names import locate
    from bbp_cli.tasks.summarize import summary_task
    from bbp_cli.tasks.task import run_one

    loaded = load(inspect(locate(str(writer))), Hardware("cpu", "float32", 1))
    texts: list[str] = []
    task = summary_task(SummaryOptions(), loaded.checkpoint)
    summary = run_one(task, parse(TEXT.encode(), "-"), loaded, texts.append)
    assert summary.text == texts[-1] == SUMMARY
    assert len(set(texts)) > len(SUMMARY.split())
    assert all(SUMMARY.startswith(text) for text in texts)
