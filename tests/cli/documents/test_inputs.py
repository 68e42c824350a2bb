"""Which inputs a run has, in which order, and what each is called in an output folder."""

import os
from dataclasses import replace
from pathlib import Path, PurePath

import pytest

from bbp_cli.documents import inputs
from bbp_cli.documents.folders import FolderFilter
from bbp_cli.documents.inputs import InputOptions, collect, output_name
from bbp_cli.errors import InputError
from tests.cli.pdfs import make_pdf
from tests.conftest import Bbp

PROSE = "A short text about a boat that lay in the harbour."


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make_tree(root: Path) -> None:
    for name in ("b.txt", "a.md", "sub/c.txt", "sub/deep/d.rst", ".hidden/e.txt", "sub/.f.txt", "empty.txt"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("" if name == "empty.txt" else PROSE)
    (root / "report.bin").write_bytes(make_pdf([PROSE]))
    (root / "image.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    (root / "sub/data.dat").write_bytes(b"ab\x00cd")


def paths_of(*arguments: str, **options: object) -> list[str]:
    return [item.path for item in collect(InputOptions(arguments, **options)).items]  # type: ignore[arg-type] # any option


def test_paths_keep_their_order(here: Path) -> None:
    assert paths_of("b", "a", "-", "b/../c") == ["b", "a", "-", "b/../c"]


def test_a_folder_is_read_sorted_and_deep_without_hidden_files(here: Path) -> None:
    make_tree(here / "docs")
    assert paths_of("docs") == [
        "docs/a.md",
        "docs/b.txt",
        "docs/empty.txt",
        "docs/report.bin",
        "docs/sub/c.txt",
        "docs/sub/deep/d.rst",
    ]


def test_files_of_a_folder_that_are_not_documents_are_skipped_with_a_warning(here: Path, bbp: Bbp) -> None:
    make_tree(here / "docs")
    done = bbp("extract", "docs")
    assert done.code == 6  # empty.txt
    assert done.stderr.splitlines()[0] == (
        "bbp: warning: docs: 2 files skipped, which bbp does not read: image.png, data.dat"
    )


def test_the_output_folder_is_not_read(here: Path) -> None:
    make_tree(here)
    found = collect(InputOptions((".",)), leave_out=[here / "sub"]).items
    assert [item.path for item in found] == ["./a.md", "./b.txt", "./empty.txt", "./report.bin"]


def test_a_link_to_a_folder_inside_is_not_followed(here: Path) -> None:
    make_tree(here / "docs")
    (here / "docs/loop").symlink_to(here / "docs")
    assert len(paths_of("docs")) == 6


def test_lists_of_files_are_read_by_lines_or_nul(here: Path) -> None:
    (here / "lines").write_bytes(b"one.txt\n\nwith space.txt\r\n\xff.txt\n")
    assert paths_of(files_from="lines") == ["one.txt", "with space.txt", "\udcff.txt"]
    (here / "nul").write_bytes(b"one\nname.txt\x00two.txt\x00")
    assert paths_of(files_from="nul", nul=True) == ["one\nname.txt", "two.txt"]
    assert paths_of("first.txt", files_from="lines")[:2] == ["first.txt", "one.txt"]


def test_a_list_can_come_from_stdin(bbp: Bbp, here: Path) -> None:
    (here / "a b.txt").write_text(PROSE)
    (here / "c.txt").write_text(PROSE)
    done = bbp("extract", "--files-from", "-", "-0", stdin=b"a b.txt\x00c.txt\x00")
    assert done.stdout == f"==> a b.txt <==\n{PROSE}\n\n==> c.txt <==\n{PROSE}\n"


def test_an_empty_list_is_an_input_error(bbp: Bbp) -> None:
    done = bbp("extract", "--files-from", "-", stdin=b"\n\n")
    assert (done.code, done.stderr) == (3, "bbp: error: stdin: lists no files\n")
    done = bbp("extract", "--files-from", "nowhere")
    assert (done.code, done.stdout) == (3, "")


def test_a_list_without_end_is_refused(bbp: Bbp, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = bbp("extract", "--files-from", "/dev/zero")
    assert (done.code, done.stderr) == (3, "bbp: error: /dev/zero: more than 64 MB: not the list of files\n")
    monkeypatch.setattr(inputs, "MAX_LIST_BYTES", 10)
    (here / "list").write_bytes(b"a.txt\nb.tx")
    assert paths_of(files_from="list") == ["a.txt", "b.tx"]
    (here / "list").write_bytes(b"a.txt\nb.txt")
    with pytest.raises(InputError, match="not the list of files"):
        collect(InputOptions((), "list"))


def test_a_line_of_a_list_that_is_too_long_for_a_path_is_refused(here: Path) -> None:
    (here / "list").write_bytes(b"a.txt\n" + b"a" * 4096)
    assert paths_of(files_from="list") == ["a.txt", "a" * 4096]
    (here / "list").write_bytes(b"a.txt\n" + b"a" * 4097)
    with pytest.raises(InputError, match="line 2 has 4097 bytes: no path"):
        collect(InputOptions((), "list"))
    (here / "list").write_bytes(b"a.txt\x00" * 1000)
    with pytest.raises(InputError, match="line 1") as refused:
        collect(InputOptions((), "list"))
    assert "-0" in str(refused.value.hint)


def test_given_paths_mean_that_stdin_is_not_read(bbp: Bbp, here: Path) -> None:
    (here / "a.txt").write_text(PROSE)
    done = bbp("extract", "a.txt", stdin=b"Something else altogether.")
    assert done.stdout == PROSE + "\n"


def test_stdin_can_stand_among_files(bbp: Bbp, here: Path) -> None:
    (here / "a.txt").write_text(PROSE)
    done = bbp("extract", "a.txt", "-", stdin=b"Something else altogether.")
    assert done.stdout == f"==> a.txt <==\n{PROSE}\n\n==> stdin <==\nSomething else altogether.\n"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a/report.pdf", "a/report.pdf"),
        ("./a/../b.txt", "b.txt"),
        ("-", "stdin"),
        ("/elsewhere/x/y.txt", "elsewhere/x/y.txt"),
        ("//elsewhere/y.txt", "elsewhere/y.txt"),
        ("../up/z.txt", "up/z.txt"),
        ("../../z.txt", "z.txt"),
    ],
)
def test_an_output_name_is_the_path_as_given_inside_of_the_folder(path: str, name: str) -> None:
    assert output_name(path) == PurePath(name)


def test_a_file_that_is_named_twice_is_read_once(here: Path) -> None:
    make_tree(here / "docs")
    (here / "docs/link.txt").symlink_to("b.txt")
    (here / "list").write_text("docs/b.txt\nmissing\n")
    assert paths_of("docs/b.txt", "docs", "./docs/../docs/b.txt", "missing", files_from="list") == [
        "docs/b.txt",
        "docs/a.md",
        "docs/empty.txt",
        "docs/link.txt",  # a name of its own, so a result of its own
        "docs/report.bin",
        "docs/sub/c.txt",
        "docs/sub/deep/d.rst",
        "missing",
    ]


@pytest.mark.parametrize(
    ("include", "exclude", "recursive", "found"),
    [
        (("*.txt",), (), True, ["b.txt", "empty.txt", "sub/c.txt"]),
        (("*.txt", "a.*"), ("e*",), True, ["a.md", "b.txt", "sub/c.txt"]),
        ((), ("sub",), True, ["a.md", "b.txt", "empty.txt", "report.bin"]),
        (("sub/*",), ("*/deep/*",), True, ["sub/c.txt"]),
        (("*.txt",), (), False, ["b.txt", "empty.txt"]),
        (("*.none",), (), True, [""]),
    ],
)
def test_globs_choose_files_of_folders(
    here: Path, include: tuple[str, ...], exclude: tuple[str, ...], recursive: bool, found: list[str]
) -> None:
    make_tree(here / "docs")
    chosen = FolderFilter(include, exclude, recursive)
    assert paths_of("docs/", chosen=chosen) == [f"docs/{name}" for name in found]
    assert paths_of("docs/image.png", chosen=chosen) == ["docs/image.png"]  # named: read


def test_what_a_folder_holds_and_bbp_does_not_read_has_a_reason(here: Path) -> None:
    make_tree(here / "docs")
    (here / "docs/loop").symlink_to(here / "docs")
    (here / "docs/a.md.summary.txt").write_text(PROSE)
    (here / "docs/old.jsonl").write_text('{"schema": "bbp.result/1", "id": "x"}\n')
    os.mkfifo(here / "docs/pipe")
    skipped = collect(InputOptions(("docs",))).skipped
    assert [(file.path, file.reason) for file in skipped] == [
        ("docs/loop", "a link to a folder is not followed"),
        ("docs/a.md.summary.txt", "a result that bbp wrote"),
        ("docs/image.png", "bbp does not read this kind of file"),
        ("docs/old.jsonl", "a result that bbp wrote"),
        ("docs/pipe", "bbp does not read this kind of file"),
        ("docs/sub/data.dat", "bbp does not read this kind of file"),
    ]


def test_skipped_files_have_records_before_the_results(here: Path, warm_bbp: Bbp, extractive: Path) -> None:
    make_tree(here / "docs")
    done = warm_bbp("summarize", "--model", extractive, "--json", "docs/sub", "docs/image.png", "docs/a.md")
    found = [(record["id"], record["status"]) for record in done.records]
    assert found == [
        ("docs/sub/data.dat", "skipped"),
        ("docs/sub/c.txt", "ok"),
        ("docs/sub/deep/d.rst", "ok"),
        ("docs/image.png", "error"),
        ("docs/a.md", "ok"),
    ]
    assert done.stderr.splitlines()[-2:] == [
        "bbp: 3 made, 1 failed, 1 skipped",
        "bbp: error: 1 of 4 inputs failed: docs/image.png",
    ]


def test_a_missing_input_is_known_before_the_model_is_looked_for(here: Path, bbp: Bbp) -> None:
    make_tree(here / "docs")
    done = bbp("summarize", "docs", "missing.txt", "--model", "nowhere/at-all", "--offline")
    lines = [line for line in done.stderr.splitlines() if "warning" not in line]
    assert done.code == 4
    assert lines[0] == "bbp: error: missing.txt: no such file"
    assert sum("missing.txt" in line for line in lines) == 1


GLOBS = {
    # what is typed: what is said of it; the folder has docs/a.md, b.TXT, sub/c.txt, sub/deep/d.rst
    ("--include", "*.pdg"): "--include '*.pdg'",
    ("--include", ".rst"): "did you mean '*.rst'?",
    ("--include", "rst"): "did you mean '*.rst'?",
    ("--include", "*md "): "did you mean '*md'?",
    ("--include", "'*.md'"): "did you mean '*.md'?",
    ("--include", "docs/*.md"): "did you mean '*.md'?",
    ("--include", "sub"): "did you mean 'sub/*'?",
    ("--include", "*.{md,rst}"): "give the option once for each pattern",
    ("--include", "*.md,*.rst"): "give the option once for each pattern",
    ("--include", "*.MD"): "capitals count: there is 'a.md'",
    ("--exclude", "draft*"): "--exclude 'draft*' matches no file",
    ("--exclude", "Sub"): "capitals count: there is 'sub'",
}


@pytest.mark.parametrize("typed", GLOBS)
def test_a_glob_that_matches_nothing_is_named_once(here: Path, typed: tuple[str, str]) -> None:
    option, pattern = typed
    for name in ("a.md", "b.TXT", "sub/c.txt", "sub/deep/d.rst"):
        (here / "docs" / name).parent.mkdir(parents=True, exist_ok=True)
        (here / "docs" / name).write_text(PROSE)
    chosen = FolderFilter(include=(pattern,)) if option == "--include" else FolderFilter(exclude=(pattern,))
    found = collect(InputOptions(("docs",), chosen=chosen))
    if option == "--include":
        assert found.warnings == ()
        (item,) = found.items
        assert item.problem is not None
        said = f"{item.problem.message} ({item.problem.hint})"
        assert said.startswith(f"none of the files in this folder is chosen by --include {pattern!r} (")
        beside = FolderFilter(include=(pattern, "c.txt"))
        (warning,) = collect(InputOptions(("docs",), chosen=beside)).warnings
        assert warning.startswith(f"--include {pattern!r} matches no file")
    else:
        (said,) = found.warnings
        assert len(found.items) == 4
    assert GLOBS[typed] in said


@pytest.mark.parametrize(
    "patterns",
    [
        (".git",),
        (".git/",),
        ("./.git",),
        (".git/*",),
        (".venv",),
        (".env",),
        ("sub", "c.txt"),
        ("sub", "sub/*.txt"),
    ],
)
@pytest.mark.parametrize("recursive", [True, False])
def test_nothing_is_said_of_a_glob_that_may_match_what_was_not_looked_at(
    here: Path, patterns: tuple[str, ...], recursive: bool
) -> None:
    make_tree(here / "docs")
    (here / "docs/.git").mkdir()
    for name in (".git/HEAD", ".env", "prod.env"):
        (here / "docs" / name).write_text(PROSE)
    chosen = FolderFilter(exclude=patterns, recursive=recursive)
    assert collect(InputOptions(("docs",), chosen=chosen)).warnings == ()
    beside = replace(chosen, exclude=(".git", ".md"))  # hidden folders hide no slips
    (warning,) = collect(InputOptions(("docs",), chosen=beside)).warnings
    assert warning == "--exclude '.md' matches no file; did you mean '*.md'?"


@pytest.mark.parametrize("pattern", [".", "/", "", "./", "//", "' '", "..", "/*"])
def test_no_glob_that_takes_everything_is_proposed(here: Path, pattern: str) -> None:
    make_tree(here / "docs")
    found = collect(InputOptions(("docs",), chosen=FolderFilter(exclude=(pattern,))))
    assert found.warnings == (f"--exclude {pattern!r} matches no file",)
    (item,) = collect(InputOptions(("docs",), chosen=FolderFilter(include=(pattern,)))).items
    assert item.problem is not None
    assert "did you mean" not in str(item.problem.hint)


def test_globs_that_choose_nothing_of_several_folders_are_told_apart(here: Path) -> None:
    make_tree(here / "docs")
    (here / "other").mkdir()
    (here / "other/x.tex").write_text(PROSE)
    both = ("docs", "other")
    assert collect(InputOptions(both, chosen=FolderFilter(include=("*.tex", "*.md")))).warnings == ()
    everything = collect(InputOptions(("other",), chosen=FolderFilter(exclude=("*",))))
    assert everything.items[0].problem is not None
    assert everything.items[0].problem.message.endswith("is chosen by --exclude '*'")
    alone = collect(InputOptions(("other/x.tex",), chosen=FolderFilter(include=("*.tex",))))
    assert alone.warnings == ("--include and --exclude choose files of folders, and no folder is given",)


@pytest.mark.parametrize("pattern", ["sub/", "./sub", "**/sub", "./sub/"])
def test_spellings_of_a_folder_that_mean_the_same_are_taken(here: Path, pattern: str) -> None:
    make_tree(here / "docs")
    found = collect(InputOptions(("docs",), chosen=FolderFilter(exclude=(pattern,))))
    assert [item.path for item in found.items if "sub" in item.path] == []
    deep = collect(InputOptions(("docs",), chosen=FolderFilter(include=("**/*.md", "**/*.rst"))))
    assert [item.path for item in deep.items] == ["docs/a.md", "docs/sub/deep/d.rst"]
    assert (found.warnings, deep.warnings) == ((), ())


def test_a_folder_of_nothing_but_results_is_told_as_one(here: Path) -> None:
    (here / "out").mkdir()
    (here / "out/a.txt.summary.txt").write_text(PROSE)
    (item,) = collect(InputOptions(("out",))).items
    assert item.problem is not None
    assert item.problem.message == "only results that bbp wrote are in this folder"
    assert [one.problem for one in collect(InputOptions(("out/a.txt.summary.txt",))).items] == [None]


def test_the_command_says_which_glob_matched_nothing(bbp: Bbp, here: Path) -> None:
    make_tree(here / "docs")
    done = bbp("summarize", "--dry-run", "docs", "--exclude", "*.TXT", "--exclude", "empty.txt")
    assert done.code == 0
    line = "bbp: warning: --exclude '*.TXT' matches no file; capitals count: there is 'b.txt'"
    assert done.stderr.splitlines()[0] == line
