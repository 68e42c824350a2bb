"""The README and the manuals say what the program does: commands, options, exit codes, examples, folders."""

import contextlib
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bbp_cli import errors
from bbp_cli.commands.app import command
from tests import terminal_picture
from tests.conftest import Bbp

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
MANUALS = [README, ROOT / "bbp_cli" / "README.md", ROOT / "bbp_cli" / "training" / "README.md"]
TEXT = "\n".join(path.read_text(encoding="utf-8") for path in MANUALS)
MAX_README_BYTES = 10 * 1024
MIN_ROW_CHARACTERS = 40  # shorter rows of tables, such as `| --- |`, may be alike
CODE = re.compile(r"```\w*\n(.*?)```|`([^`\n]+)`", re.DOTALL)
OPTION = re.compile(r"(?<![\w-])(--[a-z][a-z-]+)")


def all_commands(group: Any, name: str = "bbp") -> Iterator[tuple[str, Any]]:
    """Yield every command with its whole name, those of groups included."""
    for word, child in group.commands.items():
        yield f"{name} {word}", child
        if hasattr(child, "commands"):
            yield from all_commands(child, f"{name} {word}")


COMMANDS = dict(all_commands(command()))


def options_of(names: list[str]) -> set[str]:
    return {option for name in names for parameter in COMMANDS[name].params for option in parameter.opts}


def code_in_manuals() -> list[str]:
    """Return the blocks and spans of code, without fences."""
    return [block or span for block, span in CODE.findall(TEXT)]


@cache
def tracked_files() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [name for name in listed.stdout.splitlines() if (ROOT / name).exists()]


def markdown_files() -> list[Path]:
    """Return every .md file of the project but those that are input of tests."""
    names = [
        name for name in tracked_files() if name.endswith(".md") and not name.startswith("tests/cli/data/")
    ]
    assert len(names) >= 6
    return [ROOT / name for name in names]


def without_code(text: str) -> str:
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def anchors_of(path: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a file."""
    headings = re.findall(r"^#+ (.+)$", without_code(path.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_a_manual(name: str) -> None:
    group, _, word = name.rpartition(" ")
    assert re.search(rf"\b{group} ([^\n]*\W)?{word}\b", TEXT)


def test_every_option_of_summarize_is_in_the_manual() -> None:
    named = " ".join(code_in_manuals())
    missing = [
        parameter.opts
        for parameter in COMMANDS["bbp summarize"].params
        if parameter.param_type_name == "option"
        and not any(re.search(rf"(?<![\w-]){option}(?![\w-])", named) for option in parameter.opts)
    ]
    assert missing == []


def test_every_bbp_line_of_the_manuals_uses_commands_and_options_that_exist() -> None:
    code_lines = [line.split("  #")[0] for code in code_in_manuals() for line in code.splitlines()]
    lines = [line for line in code_lines if re.search(r"\bbbp [a-z]", line)]
    assert len(lines) > 5
    for line in lines:
        for call in re.findall(r"\bbbp ((?:[a-z]+ ?)+[^|#;)]*)", line):
            words = call.split()
            name = max((n for n in COMMANDS if f"bbp {call}".startswith(n)), key=len, default=None)
            assert name, f"no such command: bbp {words[0]}"
            unknown = set(OPTION.findall(call)) - options_of([name]) - {"--help", "--version"}
            assert not unknown, f"{line.strip()}: {unknown}"


def test_every_option_named_in_a_table_exists() -> None:
    known = options_of(list(COMMANDS)) | {"--help", "--version", "--install-completion"}
    rows = [line for line in TEXT.splitlines() if line.startswith("|")]
    named = {
        option for row in rows for span in re.findall(r"`([^`]+)`", row) for option in OPTION.findall(span)
    }
    assert named <= known


def test_the_exit_codes_of_the_readme_are_those_of_the_errors() -> None:
    classes = [value for value in vars(errors).values() if isinstance(value, type)]
    used = {error.exit_code for error in classes if issubclass(error, errors.BbpError | errors.Terminated)}
    section = README.read_text(encoding="utf-8").split("## Exit codes")[1].split("\n#")[0]
    named = {
        int(code) for row in re.findall(r"^\| ([\d, ]+) \|", section, re.MULTILINE) for code in row.split(",")
    }
    assert named == used | {0, 130}


def test_the_readme_is_short() -> None:
    assert README.stat().st_size <= MAX_README_BYTES


def test_the_python_of_the_readme_runs(capsys: pytest.CaptureFixture[str], warm_bbp: Bbp) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    with contextlib.chdir(README.parent):
        exec(compile(code, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    done = warm_bbp("summarize", README.parent / "examples/harbour-report.txt", "--length", 100)
    assert printed.startswith(done.stdout)
    assert printed.count("\n") > 2


def test_example_files_that_are_named_exist() -> None:
    named = {
        name
        for path in markdown_files()
        for name in re.findall(r"\bexamples/[\w./-]+\w", path.read_text(encoding="utf-8"))
    }
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_link_leads_to_a_file_and_a_heading_that_exist() -> None:
    broken = []
    for path in markdown_files():
        for target in re.findall(r"\]\(([^)\s]+)\)", without_code(path.read_text(encoding="utf-8"))):
            if "://" in target:
                continue
            name, _, anchor = target.partition("#")
            file = (path.parent / name).resolve() if name else path
            if not file.exists() or (anchor and anchor not in anchors_of(file)):
                broken.append(f"{path.relative_to(ROOT)}: {target}")
    assert broken == []


def test_no_row_of_a_table_stands_in_two_files() -> None:
    places: dict[str, set[str]] = defaultdict(set)
    for path in markdown_files():
        for line in path.read_text(encoding="utf-8").splitlines():
            row = (
                "|".join(cell.strip(" *") for cell in line.split("|"))
                if line.lstrip().startswith("|")
                else ""
            )
            if len(row) >= MIN_ROW_CHARACTERS:
                places[row].add(str(path.relative_to(ROOT)))
    assert len(places) > 50
    assert {row: files for row, files in places.items() if len(files) > 1} == {}


def folders_of_the_tree() -> dict[str, set[str]]:
    """Return the folders that the README lists below each folder of the first level of its tree."""
    tree = README.read_text(encoding="utf-8").split("## Folders")[1].split("```")[1]
    found: dict[str, set[str]] = {}
    for indent, names in re.findall(r"^( *)((?:[\w./]+/(?:, )?)+)", tree, re.MULTILINE):
        folders = [name.rstrip("/") for name in names.split(", ")]
        if indent:
            found[next(reversed(found))].update(folders)
        else:
            found[folders[0]] = set()
    return found


@pytest.mark.parametrize("top", ["bbp_cli", "model/bigbird_pegasus", "tests"])
def test_the_readme_lists_every_folder_of_the_packages_and_of_the_tests(top: str) -> None:
    below = [Path(name).relative_to(top).parts for name in tracked_files() if name.startswith(f"{top}/")]
    assert folders_of_the_tree()[top] == {parts[0] for parts in below if len(parts) > 1}


def test_the_readme_lists_every_folder_at_the_top() -> None:
    folders = {name.split("/")[0] for name in tracked_files() if "/" in name}
    assert {top.split("/")[0] for top in folders_of_the_tree()} == folders


@pytest.mark.skipif(shutil.which("jq") is None, reason="the picture shows a pipe into jq")
def test_the_picture_of_a_terminal_shows_what_the_commands_print() -> None:
    shown = {line: terminal_picture.output_of(line) for line in terminal_picture.COMMANDS}
    assert terminal_picture.PICTURE.read_text(encoding="utf-8") == terminal_picture.draw(shown)
