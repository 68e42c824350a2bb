"""The edge of the process: exit codes, one line on stderr, signals and pipes, and what is imported when."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.process import command
from tests.conftest import STORY, Bbp

HEAVY = ("torch", "huggingface_hub", "pypdf", "transformers", "numpy", "chardet")
BLOCK = "word " * 400_000  # more than a pipe holds
MAX_FRAMES = 12  # of the project's code, from `main` to where a document is opened
FRAMES_TO_THE_DOCUMENT = """
import sys
from bbp_cli.main import main

PACKAGES = ("bbp_cli", "bigbird_pegasus")

def print_frames(event, arguments):
    if event == "open" and str(arguments[0]) == "story.txt":
        frame, names = sys._getframe(), []
        while frame is not None:
            if any(f"/{package}/" in frame.f_code.co_filename for package in PACKAGES):
                names.append(frame.f_code.co_name)
            frame = frame.f_back
        print(*reversed(names))

sys.addaudithook(print_frames)
main(sys.argv[1:])
"""


def heed_interrupts() -> None:
    """Run in a child before it starts: a shell has its background jobs, and their children, ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def modules_after(*arguments: str) -> set[str]:
    """The top-level modules that a process has imported when `bbp` returns."""
    code = (
        "import sys\n"
        "from bbp_cli.main import main\n"
        f"main({list(arguments)!r})\n"
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("arguments", [("--help",), ("-h",), ("--version",), ("summarize", "--help")])
def test_help_imports_nothing_heavy(arguments: tuple[str, ...]) -> None:
    assert not modules_after(*arguments) & set(HEAVY)


def test_bad_input_ends_before_torch_is_imported() -> None:
    assert not modules_after("summarize", "missing.txt") & set(HEAVY)


def test_help_is_on_stdout_for_who_asks(bbp: Bbp) -> None:
    for arguments in (["--help"], ["-h"], ["summarize", "-h"], ["extract", "--help"], ["doctor", "-h"]):
        done = bbp(*arguments)
        assert (done.code, done.stderr) == (0, "")
        assert done.stdout.startswith("Usage: bbp")


def test_the_version_is_one_line(bbp: Bbp) -> None:
    from bbp_cli.version import __version__

    done = bbp("--version")
    assert (done.code, done.stdout, done.stderr) == (0, f"bbp {__version__}\n", "")


def test_no_command_is_help_on_stderr(bbp: Bbp) -> None:
    done = bbp()
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: bbp")
    done = bbp("models")
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: bbp models")


def test_a_file_in_place_of_a_command_has_the_command_as_a_hint(bbp: Bbp, tmp_path: Path) -> None:
    (tmp_path / "my report.txt").write_text("It rained.")
    done = bbp("my report.txt")
    assert (done.code, done.stdout) == (2, "")
    message = "No such command 'my report.txt' (to summarize it: bbp summarize 'my report.txt')"
    assert done.stderr == f"bbp: error: {message}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("summarise",), "summarise"),
        (("",), "error: the name of the command is empty (see bbp --help)"),
        (("models", "list", "h.txt"), "error: too many arguments: h.txt (see bbp models list --help)"),
        (("models", "list", "h.txt", "(i)"), "error: too many arguments: h.txt (i) (see"),
        (("summarize", "--lenght", "5"), "--lenght"),
        (("summarize", "--length", "0"), "'--length'"),
        (("summarize", "--length", "many"), "'--length'"),
        (
            ("summarize", "--length", "0"),
            "asks for nothing: give at least 1 (see",
        ),
        (("summarize", "--length", "many"), "5s, 10%, short, medium or long (see"),
        (("summarize", "--length-penalty", "a"), "(or BBP_LENGTH_PENALTY): 'a' is not a number (see"),
        (("qa", "--min-score", "3", "Why?"), "'--min-score': must be from 0 to 1 (see"),
        (("summarize", "--dtype", "int3"), "(or BBP_DTYPE): 'int3' is not one of 'auto', 'float32'"),
        (("summarize", "--threads", "1025"), "(or BBP_THREADS): must be from 1 to 1024 (see"),
        (("doctor", "--threads", "99999999999999999999"), "(or BBP_THREADS): must be from 1 to 1024 (see"),
        (("summarize", "--num-beams", "0"), "must be at least 1 (see"),
        (("summarize", "--num-beams", "2.5"), "'2.5' is not a whole number (see"),
        (("summarize", "--seed", "4294967296"), "(or BBP_SEED): must be from 0 to 4294967295 (see"),
        (("evaluate", "x", "--seed", "4294967296"), "(or BBP_SEED): must be from 0 to 4294967295 (see"),
        (("train", "qa", "x", "-o", "y", "--seed", "4294967296"), "must be from 0 to 4294967295 (see"),
        (("summarize", "-o", "", "a.txt"), "the name is empty"),
        (("summarize", "--output-dir", "", "a.txt"), "the name is empty"),
        (("summarize", ""), "the name is empty"),
        (("extract", "a.txt", ""), "the name is empty"),
        (("extract", "--files-from", ""), "the name is empty"),
        (("summarize", "--encoding", "klingon", "a.txt"), "klingon"),
        (("summarize", "-", "-"), "stdin can be read only once"),
        (("summarize", "-", "--files-from", "-"), "stdin can be read only once"),
        (("summarize", "-0", "a.txt"), "--files-from"),
        (("summarize", "-o", "x", "a.txt", "b.txt"), "-o takes one result"),
        (("summarize", "-o", "x", "--output-dir", "y", "a.txt"), "exclude each other"),
    ],
)
def test_wrong_usage_is_exit_2_and_one_line(arguments: tuple[str, ...], message: str, bbp: Bbp) -> None:
    done = bbp(*arguments)
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith("bbp: error: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_debug_shows_the_traceback_too(bbp: Bbp) -> None:
    for done in (bbp("extract", "--debug", "none.txt"), bbp("extract", "none.txt", BBP_DEBUG="1")):
        assert done.code == 3
        assert "Traceback" in done.stderr
        assert done.stderr.endswith("bbp: error: none.txt: no such file\n")


@pytest.mark.parametrize("no", ["0", "false", "Off", ""])
def test_a_debug_variable_that_says_no_is_obeyed(no: str, bbp: Bbp) -> None:
    done = bbp("extract", "none.txt", BBP_DEBUG=no)
    assert (done.code, done.stderr) == (3, "bbp: error: none.txt: no such file\n")


def test_a_flag_variable_that_is_no_answer_is_a_usage_error(bbp: Bbp) -> None:
    done = bbp("extract", "none.txt", BBP_DEBUG="perhaps")
    assert (done.code, done.stdout) == (2, "")
    assert "'--debug' (or BBP_DEBUG): must be 1 or 0 (see" in done.stderr


def test_an_unexpected_exception_is_called_a_bug(tmp_path: Path) -> None:
    code = (
        "import sys, bbp_cli.commands.extract\n"
        "from bbp_cli.main import main\n"
        "def broken(*_): raise ZeroDivisionError('no\\nway')\n"
        "bbp_cli.commands.extract.extract_texts = broken\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    start = [sys.executable, "-c", code, "extract", "x"]
    done = subprocess.run(start, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("bbp: error: this is a bug in bbp: ZeroDivisionError: no\\nway (")
    assert done.stderr.count("\n") == 1
    done = subprocess.run([*start, "--debug"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Traceback" in done.stderr


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [(signal.SIGINT, 130, "bbp: interrupted\n"), (signal.SIGTERM, 143, "bbp: terminated\n")],
)
def test_signals_end_the_process_with_their_codes(
    number: signal.Signals, code: int, said: str, tmp_path: Path, environment: dict[str, str]
) -> None:
    (tmp_path / "story.txt").write_text(STORY)
    process = subprocess.Popen(
        command("extract", "story.txt", "-"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env=environment,
        preexec_fn=heed_interrupts,
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()  # the first file is printed: now it waits for stdin
        process.send_signal(number)
        assert process.stderr.read().decode() == said
    assert process.returncode == code


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [(signal.SIGINT, 130, "bbp: interrupted\n"), (signal.SIGTERM, 143, "bbp: terminated\n")],
)
def test_signals_end_the_process_while_a_library_is_imported_that_catches_everything(
    number: signal.Signals, code: int, said: str, tmp_path: Path
) -> None:
    (tmp_path / "library.py").write_text(
        f"import os\ntry:\n    os.kill(os.getpid(), {int(number)})\nexcept BaseException:\n    pass\n"
    )
    start = (
        "import sys, bbp_cli.commands.extract\n"
        "from bbp_cli.main import main\n"
        "def importing(*_): import library; print('not ended')\n"
        "bbp_cli.commands.extract.extract_texts = importing\n"
        "sys.exit(main(['extract', 'x']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", start],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        preexec_fn=heed_interrupts,
    )
    assert (done.returncode, done.stdout, done.stderr) == (code, "", said)


def test_a_reader_that_leaves_early_ends_the_process_silently(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    (tmp_path / "long.txt").write_text(BLOCK)
    process = subprocess.Popen(
        command("extract", "long.txt", "long.txt"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env=environment,
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("extract", "story.txt")])
def test_a_pipe_closed_before_the_start_is_a_broken_pipe(
    arguments: tuple[str, ...], tmp_path: Path, environment: dict[str, str]
) -> None:
    (tmp_path / "story.txt").write_text(STORY)
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            command(*arguments),
            stdout=writing,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            env=environment,
            check=False,
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize(
    "arguments", [("--help",), ("extract", "story.txt"), ("summarize", "--json", "none")]
)
def test_a_full_disk_is_an_output_error(
    arguments: tuple[str, ...], tmp_path: Path, environment: dict[str, str]
) -> None:
    (tmp_path / "story.txt").write_text(STORY)
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            command(*arguments),
            stdout=full,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            env=environment,
            check=False,
        )
    assert done.returncode == 7
    assert done.stderr == b"bbp: error: stdout: cannot write: No space left on device\n"


def test_a_closed_stdout_is_an_output_error(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "story.txt").write_text(STORY)
    script = f"exec {' '.join(command('extract', 'story.txt'))} >&-"
    done = subprocess.run(
        ["sh", "-c", script], stderr=subprocess.PIPE, cwd=tmp_path, env=environment, check=False
    )
    assert done.returncode == 7
    assert done.stderr.startswith(b"bbp: error: stdout: ")


def test_a_closed_stderr_does_not_change_the_code(tmp_path: Path, environment: dict[str, str]) -> None:
    script = f"exec {' '.join(command('extract', 'none.txt'))} 2>&-"
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, env=environment, check=False)
    assert done.returncode == 3


def test_environment_variables_stand_in_for_options_and_options_win(bbp: Bbp, extractive: Path) -> None:
    variables = {"BBP_MODEL": str(extractive), "BBP_ENCODING": "klingon"}
    done = bbp("summarize", "none.txt", **variables)
    assert (done.code, "klingon" in done.stderr) == (2, True)
    done = bbp("summarize", "--encoding", "latin-1", "none.txt", **variables)
    assert done.code == 3
    done = bbp("extract", "--count", stdin=STORY.encode(), BBP_MODEL="/nowhere/at/all")
    assert (done.code, "/nowhere/at/all" in done.stderr) == (4, True)


def test_colour_follows_the_option_then_the_environment(bbp: Bbp) -> None:
    red = "\x1b[1;31merror:\x1b[0m"
    assert red not in bbp("extract", "none").stderr
    assert red in bbp("extract", "none", FORCE_COLOR="1").stderr
    assert red not in bbp("extract", "none", FORCE_COLOR="1", NO_COLOR="1").stderr
    assert red in bbp("extract", "--color", "always", "none", NO_COLOR="1").stderr
    assert red in bbp("extract", "--color=always", "none", BBP_COLOR="never").stderr
    assert red not in bbp("extract", "none", FORCE_COLOR="1", BBP_COLOR="never").stderr


def test_headers_are_coloured_on_request_and_the_text_is_not(bbp: Bbp, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(STORY)
    (tmp_path / "b.txt").write_text(STORY)
    done = bbp("extract", "--color", "always", "a.txt", "b.txt")
    assert done.stdout == f"\x1b[1m==> a.txt <==\x1b[0m\n{STORY}\n\n\x1b[1m==> b.txt <==\x1b[0m\n{STORY}\n"
    done = bbp("extract", "--color", "never", "a.txt", "b.txt", FORCE_COLOR="1")
    assert done.stdout == f"==> a.txt <==\n{STORY}\n\n==> b.txt <==\n{STORY}\n"


def test_quiet_keeps_errors_only(bbp: Bbp) -> None:
    done = bbp("extract", "-q", stdin="Café au lait, s'il vous plaît.".encode("cp1252"))
    assert (done.code, done.stderr) == (0, "")
    assert bbp("extract", "-q", "none").stderr == "bbp: error: none: no such file\n"


@pytest.mark.parametrize(
    "command_words",
    [("summarize",), ("classify", "--model", "x"), ("qa", "--model", "x", "Who?"), ("extract",)],
)
def test_a_document_is_opened_few_frames_below_main(command_words: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "story.txt").write_text(STORY)
    done = subprocess.run(
        [sys.executable, "-c", FRAMES_TO_THE_DOCUMENT, *command_words, "story.txt"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={
            **os.environ,
            "BBP_MODEL": "/nowhere/at/all",
        },  # the document is read before a model is looked for
    )
    (names,) = [line.split() for line in done.stdout.splitlines() if line.startswith("main ")]
    assert names[0] == "main"
    assert len(names) <= MAX_FRAMES, names
