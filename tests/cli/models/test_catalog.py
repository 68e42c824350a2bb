"""`bbp models`: what is in the cache, what it is, where, and away with it."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import STORY, Bbp
from tests.hub_checks import NAME, WEIGHTS, assert_refused, files_of, partial_files
from tests.hub_server import Hub

CARD = b"---\nlanguage: en\nlicense: apache-2.0\n---\n# A model\nlicense: none\n"


@pytest.fixture
def commit(hub: Hub, hub_bbp: Bbp, extractive: Path) -> str:
    """The commit of a model that has been pulled."""
    commit = hub.publish(NAME, files_of(extractive) | {"README.md": CARD})
    assert hub_bbp("models", "pull", NAME).code == 0
    hub.requests.clear()
    return commit


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


# list


def test_the_default_model_is_always_listed(hub_bbp: Bbp, hub: Hub) -> None:
    records = hub_bbp("models", "list", "--json").records
    assert [(record["id"], record["task"], record["revision"]) for record in records] == [
        ("default", "summarize", None)
    ]
    assert hub.requests == []


def test_models_in_the_cache_are_listed(
    hub_bbp: Bbp, hub: Hub, commit: str, extractive: Path, cache: Path
) -> None:
    record = hub_bbp("models", "list", "--json").records[1]
    assert record == {
        "schema": "bbp.model/1",
        "id": NAME,
        "task": "summarize",
        "kind": "extractive",
        "size_bytes": size_of(extractive) + len(CARD),
        "revision": commit,
        "references": ["main"],
        "path": str(cache / "models--tester--tiny" / "snapshots" / commit),
    }
    lines = hub_bbp("models", "list").stdout.splitlines()
    assert lines[0].split() == ["MODEL", "TASK", "SIZE", "REVISION"]
    assert lines[2].split()[:2] == [NAME, "summarize"]
    assert lines[2].split()[-2:] == [commit[:12], "main"]
    assert hub.requests == []


def test_models_that_bbp_cannot_run_are_not_listed(hub_bbp: Bbp, commit: str, cache: Path) -> None:
    def put(name: str, files: dict[str, bytes]) -> None:
        folder = cache / f"models--other--{name}" / "snapshots" / ("0" * 40)
        folder.mkdir(parents=True)
        for file, data in files.items():
            (folder / file).write_bytes(data)

    whole = {"spiece.model": b"", WEIGHTS: b""}
    put("llama", {**whole, "config.json": b'{"architectures": ["LlamaForCausalLM"]}'})
    put("unfinished", {"config.json": b'{"architectures": ["BigBirdPegasusForQuestionAnswering"]}'})
    put("damaged", {**whole, "config.json": b"{"})
    (cache / "datasets--other--data").mkdir()
    (cache / "models--other--empty").mkdir()
    done = hub_bbp("models", "list", "--json")
    assert [record["id"] for record in done.records] == ["default", NAME]
    assert done.stderr == ""
    told = hub_bbp("models", "list", "--verbose").stderr
    assert "other/llama: not a model bbp knows: LlamaForCausalLM" in told


def test_every_revision_is_listed_with_its_names(
    hub: Hub, hub_bbp: Bbp, commit: str, extractive: Path
) -> None:
    other = hub.publish(NAME, extractive, branch="refs/pr/1")
    assert hub_bbp("models", "pull", NAME, "--revision", "refs/pr/1").code == 0
    records = hub_bbp("models", "list", "--json").records[1:]
    found = {record["revision"]: record["references"] for record in records}
    assert found == {commit: ["main"], other: ["refs/pr/1"]}


def test_a_missing_default_model_is_a_warning(hub_bbp: Bbp, tmp_path: Path) -> None:
    code = "import sys, bbp_cli.models.names as hub, bbp_cli.main as b; from pathlib import Path\n"
    code += "hub.default_folder = lambda: Path('nowhere')\nsys.exit(b.main(['models', 'list', '--json']))"
    arguments = [sys.executable, "-c", code]
    done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "bbp: warning: default: no config.json" in done.stderr


# info


def test_info_describes_a_model(hub_bbp: Bbp, hub: Hub, commit: str, extractive: Path) -> None:
    from bigbird_pegasus import PegasusTokenizer, load_model

    model = load_model(extractive)
    record = hub_bbp("models", "info", NAME, "--json").records[0]
    del record["path"]
    assert record == {
        "schema": "bbp.model/1",
        "id": NAME,
        "task": "summarize",
        "kind": "extractive",
        "size_bytes": size_of(extractive) + len(CARD),
        "revision": commit,
        "references": ["main"],
        "architecture": "BigBirdPegasusForSentenceExtraction",
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "dtype": "float32",
        "quantization": None,
        "weights_sha256": hashlib.sha256((extractive / WEIGHTS).read_bytes()).hexdigest(),
        "context_tokens": 128,
        "vocabulary": len(PegasusTokenizer.from_pretrained(extractive)),
        "license": "apache-2.0",
    }
    lines = dict(line.split(":", 1) for line in hub_bbp("models", "info", NAME).stdout.splitlines())
    told = {name: value.strip() for name, value in lines.items()}
    assert told["sha256"] == record["weights_sha256"]
    assert told["parameters"] == f"{record['parameters']:,}"
    assert told["context"] == "128 tokens"
    assert told["revision"] == f"{commit} main"
    assert told["license"] == "apache-2.0"
    assert hub.requests == []


@pytest.mark.parametrize("name", ["default", "folder"])
def test_info_describes_models_that_are_not_from_the_hub(
    name: str, hub_bbp: Bbp, extractive: Path, tmp_path: Path
) -> None:
    (tmp_path / "folder").symlink_to(extractive)
    record = hub_bbp("models", "info", name, "--json").records[0]
    assert (record["id"], record["revision"], record["references"]) == (name, None, [])
    assert record["task"] == "summarize"


@pytest.mark.parametrize(
    "card", [None, b"# No header", b"---\ntags: [a]\n---\n", b"---\nlicense:\n---\n", b"\xff\xfe"]
)
def test_a_model_card_without_license_is_reported(
    card: bytes | None, hub_bbp: Bbp, extractive: Path, tmp_path: Path
) -> None:
    for name, data in files_of(extractive).items():
        (tmp_path / name).write_bytes(data)
    if card is not None:
        (tmp_path / "README.md").write_bytes(card)
    done = hub_bbp("models", "info", tmp_path)
    assert "license:        not stated\n" in done.stdout


def test_info_of_a_damaged_model_is_an_error(hub_bbp: Bbp, extractive: Path, tmp_path: Path) -> None:
    for name, data in files_of(extractive).items():
        (tmp_path / name).write_bytes(data[: len(data) // 2] if name == WEIGHTS else data)
    assert_refused(hub_bbp("models", "info", tmp_path), 4, WEIGHTS, "corrupt")


# path


def test_path_prints_the_folder(hub_bbp: Bbp, hub: Hub, commit: str, cache: Path) -> None:
    folder = cache / "models--tester--tiny" / "snapshots" / commit
    for options in ([], ["--revision", "main"], ["--revision", commit]):
        assert hub_bbp("models", "path", NAME, *options).stdout == f"{folder}\n"
    assert hub.requests == []


@pytest.mark.parametrize("command", ["path", "info"])
def test_info_and_path_download_nothing(command: str, hub_bbp: Bbp, hub: Hub, extractive: Path) -> None:
    hub.publish(NAME, extractive)
    done = hub_bbp("models", command, NAME, "--revision", "v1")
    assert_refused(done, 4, f"{NAME}: not in the cache", f"bbp models pull {NAME} --revision v1")
    assert hub.requests == []


def test_path_of_what_is_no_model_is_an_error(hub_bbp: Bbp, tmp_path: Path) -> None:
    assert_refused(hub_bbp("models", "path", tmp_path), 4, "no config.json")


# rm


def test_rm_removes_a_model_and_says_what_that_freed(
    hub_bbp: Bbp, commit: str, extractive: Path, cache: Path
) -> None:
    size = size_of(extractive) + len(CARD)
    done = hub_bbp("models", "rm", NAME)
    assert (done.code, done.stdout, done.stderr) == (0, f"{NAME}: {size / 1e6:.1f} MB freed\n", "")
    assert not (cache / "models--tester--tiny").exists()
    assert_refused(hub_bbp("models", "rm", NAME), 4, f"{NAME}: not in the cache")


def test_rm_of_one_revision_leaves_the_others(hub: Hub, hub_bbp: Bbp, commit: str, extractive: Path) -> None:
    other = hub.publish(NAME, files_of(extractive) | {"README.md": b"other"}, branch="v2")
    assert hub_bbp("models", "pull", NAME, "--revision", "v2").code == 0
    assert hub_bbp("models", "rm", NAME, "--revision", "v2").stdout == f"{NAME}: 5 bytes freed\n"
    assert [record["revision"] for record in hub_bbp("models", "list", "--json").records] == [None, commit]
    assert_refused(hub_bbp("models", "rm", NAME, "--revision", other), 4, "not in the cache")
    assert hub_bbp("summarize", "--offline", "--model", NAME, stdin=STORY.encode()).code == 0


def test_rm_removes_what_was_left_of_a_broken_download(
    hub: Hub, hub_bbp: Bbp, extractive: Path, cache: Path
) -> None:
    hub.publish(NAME, extractive)
    hub.cut, hub.cuts_left = {WEIGHTS: 100_000}, 99
    assert hub_bbp("models", "pull", NAME).code == 4
    freed = size_of(extractive) - (extractive / WEIGHTS).stat().st_size + 100_000
    assert hub_bbp("models", "rm", NAME).stdout == f"{NAME}: {freed / 1000:.1f} kB freed\n"
    assert partial_files(cache) == []


def test_rm_refuses_the_default_model_and_folders(hub_bbp: Bbp, extractive: Path) -> None:
    assert_refused(hub_bbp("models", "rm", "default"), 2, "default is part of bbp")
    assert_refused(hub_bbp("models", "rm", extractive), 2, "a folder of yours")
    assert (extractive / WEIGHTS).is_file()


# Names and revisions


@pytest.mark.parametrize("name", ["nothing", "a/b/c", "../up", ".hidden/x", "a/b--c", "a/..b", "a/b.git"])
@pytest.mark.parametrize("command", ["pull", "path"])
def test_impossible_model_names_are_reported(name: str, command: str, hub_bbp: Bbp, hub: Hub) -> None:
    assert_refused(hub_bbp("models", command, name), 4, "no such model folder", "arxiv, pubmed, bigpatent")
    assert hub.requests == []


@pytest.mark.parametrize(
    ("command", "revision"),
    [("pull", ""), ("pull", "../../main"), ("path", "-x"), ("rm", "a b"), ("info", "/main")],
)
def test_an_impossible_revision_is_a_usage_error(command: str, revision: str, hub_bbp: Bbp, hub: Hub) -> None:
    told = "cannot be a branch, a tag or a commit"
    assert_refused(hub_bbp("models", command, NAME, f"--revision={revision}"), 2, told)
    used = hub_bbp("summarize", "--model", NAME, f"--revision={revision}", stdin=STORY.encode())
    assert_refused(used, 2, told)
    assert hub.requests == []


@pytest.mark.parametrize("name", ["default", "folder"])
def test_a_revision_of_what_is_not_from_the_hub_is_a_usage_error(
    name: str, hub_bbp: Bbp, extractive: Path, tmp_path: Path
) -> None:
    (tmp_path / "folder").symlink_to(extractive)
    for arguments in (("summarize", "--model", name), ("models", "pull", name), ("models", "info", name)):
        done = hub_bbp(*arguments, "--revision", "main", stdin=STORY.encode())
        assert_refused(done, 2, "--revision is for models from the Hub")


def test_pull_of_what_is_here_prints_its_folder(hub_bbp: Bbp, hub: Hub, extractive: Path) -> None:
    assert hub_bbp("models", "pull", extractive).stdout == f"{extractive}\n"
    assert hub_bbp("models", "pull", "default").code == 0
    assert hub.requests == []


def test_extract_counts_with_a_named_model(hub_bbp: Bbp, hub: Hub, extractive: Path) -> None:
    hub.publish(NAME, extractive, branch="v1")
    arguments = ("extract", "--count", "--model")
    done = hub_bbp(*arguments, NAME, "--revision", "v1", stdin=STORY.encode())
    assert done.stdout == hub_bbp(*arguments, extractive, stdin=STORY.encode()).stdout


# Help


@pytest.mark.parametrize("command", [(), ("pull",), ("list",), ("info",), ("path",), ("rm",)])
def test_help_is_given_without_heavy_imports(command: tuple[str, ...], environment: dict[str, str]) -> None:
    arguments = [sys.executable, "-X", "importtime", "-m", "bbp_cli", "models", *command, "--help"]
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Usage: bbp models")
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert not imported & {"torch", "huggingface_hub", "pypdf"}


def test_models_alone_says_what_there_is(hub_bbp: Bbp) -> None:
    done = hub_bbp("models")
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: bbp models ")
    assert "Download a model from the Hugging Face Hub" in done.stderr


def test_json_is_one_object_a_line(hub_bbp: Bbp, commit: str) -> None:
    lines = hub_bbp("models", "list", "--json").stdout.splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["default", NAME]
