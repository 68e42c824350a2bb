"""What a terminal shows of a summary, and what a pipe gets."""

import fcntl
import struct
import termios
from collections.abc import Callable
from pathlib import Path

import pytest

from bbp_cli.console import shorten_start
from tests.cli.process import WarmBbp
from tests.cli.test_console import ESCAPE, terminal
from tests.conftest import STORY

PDF = Path(__file__).resolve().parents[3] / "examples" / "river-survey.pdf"
Shown = Callable[..., str]


@pytest.fixture
def shown(warm_server: WarmBbp, tmp_path: Path, environment: dict[str, str]) -> Shown:
    """Return what a window of so many columns shows of stdout."""

    def show(*words: object, columns: int = 70, **variables: str) -> str:
        with terminal() as screen:
            fcntl.ioctl(screen.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
            arguments = ("summarize", *map(str, words))
            done = warm_server.run(
                arguments, STORY.encode(), tmp_path, environment | variables, stdout=screen.path
            )
            assert done.code == 0
            assert done.stderr in ("", "bbp: 2 made\n")
            return screen.close()

    return show


def test_a_terminal_shows_title_citations_and_what_was_read(shown: Shown) -> None:
    screen = shown(PDF, "--length", 60)
    assert "\x1b[36m[p. 1]" in screen
    assert "\x1b[2m3 pages · " in screen
    lines = ESCAPE.sub("", screen).splitlines()
    assert max(map(len, lines)) <= 70
    assert lines[0].startswith(" ─ ")
    assert lines[0].rstrip("─ ").endswith("river-survey.pdf")
    assert lines[-1].strip("─ ") == ""
    assert "words · " in lines[-2]
    assert " s · model default" in lines[-2]
    assert "│" not in screen  # nothing at the sides: the text can be copied


def test_several_panels_need_no_headers(shown: Shown, tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(STORY)
    lines = ESCAPE.sub("", shown("a.txt", "b.txt")).splitlines()
    assert [line.strip(" ─") for line in lines if ".txt" in line] == ["a.txt", "b.txt"]


def test_the_text_of_the_panel_is_that_of_a_pipe(
    shown: Shown, warm_server: WarmBbp, tmp_path: Path, environment: dict[str, str]
) -> None:
    piped = warm_server.run(("summarize", str(PDF), "--cite"), b"", tmp_path, environment).stdout
    body = ESCAPE.sub("", shown(PDF)).splitlines()[1:-3]
    assert " ".join(" ".join(body).split()) == " ".join(piped.split())


@pytest.mark.parametrize(
    ("words", "columns", "variables"),
    [
        (["--color", "never"], 70, {}),
        (["-q"], 70, {}),
        ([], 70, {"NO_COLOR": "1"}),
        ([], 70, {"TERM": "dumb"}),
        ([], 30, {}),
    ],
)
def test_where_nothing_is_drawn_the_text_stands_alone(
    words: list[str],
    columns: int,
    variables: dict[str, str],
    shown: Shown,
    warm_server: WarmBbp,
    tmp_path: Path,
    environment: dict[str, str],
) -> None:
    piped = warm_server.run(("summarize", "--length", "30"), STORY.encode(), tmp_path, environment).stdout
    assert shown("--length", "30", *words, columns=columns, **variables) == piped


def test_a_list_is_wrapped_to_the_window_and_never_in_a_pipe(
    shown: Shown, warm_server: WarmBbp, tmp_path: Path, environment: dict[str, str]
) -> None:
    words = ("--format", "bullets", "--length", "3s", "--cite", PDF)
    lines = shown(*words, columns=45).splitlines()
    assert max(map(len, lines)) <= 45
    assert len([line for line in lines if line.startswith("- ")]) == 3
    assert all(line.startswith(("- ", "  ")) for line in lines)
    piped = warm_server.run(("summarize", *map(str, words)), b"", tmp_path, environment).stdout
    assert len(piped.splitlines()) == 3
    assert " ".join(" ".join(lines).split()) == " ".join(piped.split())


def test_a_long_name_is_known_by_its_end() -> None:
    assert shorten_start("reports/2024/river-survey.pdf", 20) == "…24/river-survey.pdf"
    assert shorten_start("short.pdf", 20) == "short.pdf"
    assert shorten_start("short.pdf", 1) == "…f"


def test_a_word_says_that_the_model_is_loading(
    warm_server: WarmBbp, tmp_path: Path, environment: dict[str, str]
) -> None:
    with terminal() as screen:
        done = warm_server.run(("summarize",), STORY.encode(), tmp_path, environment, stderr=screen.path)
        said = screen.close()
    assert done.code == 0
    assert said.startswith("loading the model …\r\x1b[2K")
    assert "1/1\x1b[0m window" in said
