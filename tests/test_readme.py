"""The README says what the program does: commands, options, exit codes, examples, file tree."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bbp_cli import errors
from bbp_cli.commands.app import command

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CODE = re.compile(r"```\w*\n(.*?)```|`([^`\n]+)`", re.DOTALL)
OPTION = re.compile(r"(?<![\w-])(--[a-z][a-z-]+)")


def all_commands(group: Any, name: str = "bbp") -> Iterator[tuple[str, Any]]:
    """Every command with its whole name, those of groups included."""
    for word, child in group.commands.items():
        yield f"{name} {word}", child
        if hasattr(child, "commands"):
            yield from all_commands(child, f"{name} {word}")


COMMANDS = dict(all_commands(command()))


def options_of(names: list[str]) -> set[str]:
    return {option for name in names for parameter in COMMANDS[name].params for option in parameter.opts}


def code_in_readme() -> list[str]:
    """The blocks and spans of code, without fences."""
    return [block or span for block, span in CODE.findall(README)]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_readme(name: str) -> None:
    group, _, word = name.rpartition(" ")
    assert re.search(rf"\b{group} ([^\n]*\W)?{word}\b", README)


def test_every_option_of_summarize_is_in_the_readme() -> None:
    named = " ".join(code_in_readme())
    missing = [
        parameter.opts
        for parameter in COMMANDS["bbp summarize"].params
        if parameter.param_type_name == "option"
        and not any(re.search(rf"(?<![\w-]){option}(?![\w-])", named) for option in parameter.opts)
    ]
    assert missing == []


def test_every_bbp_line_of_the_readme_uses_commands_and_options_that_exist() -> None:
    code_lines = [line.split("  #")[0] for code in code_in_readme() for line in code.splitlines()]
    lines = [line for line in code_lines if re.search(r"\bbbp [a-z]", line)]
    assert len(lines) > 5
    for line in lines:
        for call in re.findall(r"\bbbp ((?:[a-z]+ ?)+[^|#;)]*)", line):
            words = call.split()
            name = max((n for n in COMMANDS if f"bbp {call}".startswith(n)), key=len, default=None)
            assert name, f"no such command: bbp {words[0]}"
            unknown = set(OPTION.findall(call)) - options_of([name]) - {"--help", "--version"}
            assert not unknown, f"{line.strip()}: {unknown}"


def test_every_option_named_in_the_readme_exists() -> None:
    known = options_of(list(COMMANDS)) | {"--help", "--version", "--install-completion"}
    rows = [line for line in README.splitlines() if line.startswith("|")]
    named = {
        option for row in rows for span in re.findall(r"`([^`]+)`", row) for option in OPTION.findall(span)
    }
    assert named <= known


def test_the_exit_codes_of_the_readme_are_those_of_the_errors() -> None:
    classes = [value for value in vars(errors).values() if isinstance(value, type)]
    used = {error.exit_code for error in classes if issubclass(error, errors.BbpError | errors.Terminated)}
    section = README.split("### Exit codes")[1].split("\n#")[0]
    named = {
        int(code) for row in re.findall(r"^\| ([\d, ]+) \|", section, re.MULTILINE) for code in row.split(",")
    }
    assert named == used | {0, 130}


def test_example_files_named_in_the_readme_exist() -> None:
    named = set(re.findall(r"\bexamples/[\w./-]+\w", README))
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_links_to_files_of_the_project_lead_somewhere() -> None:
    targets = [t for t in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in t]
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_the_file_tree_names_every_folder_of_the_packages_and_nothing_else() -> None:
    tree = README.split("## File tree")[1].split("```")[1]
    for package in ("bbp_cli", "model/bigbird_pegasus"):
        section = re.search(rf"^{package}/.*?(?=^\S|\Z)", tree, re.DOTALL | re.MULTILINE)
        assert section, f"{package}/ is not in the file tree"
        named = set(re.findall(r"^  (\w+)/", section[0], re.MULTILINE))
        folders = {path.name for path in (ROOT / package).iterdir() if path.is_dir()} - {"__pycache__"}
        assert named == folders


def test_top_level_folders_are_in_the_file_tree() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if tracked.returncode:
        pytest.skip("not a git checkout")
    folders = {name.split("/")[0] for name in tracked.stdout.splitlines() if "/" in name} - {".ci"}
    tree = README.split("## File tree")[1].split("```")[1]
    assert [folder for folder in folders if f"{folder}/" not in tree] == []
