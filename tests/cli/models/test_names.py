"""A model's name finds its folder: the default, a path, the Hub's cache; or a clear line says why not."""

from pathlib import Path

import pytest

from tests.conftest import DOCUMENTS, Bbp

TEXT, SUMMARY = next(iter(DOCUMENTS.items()))
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def cache(home: Path, repository: str, files: Path | None) -> None:
    """Put a checkpoint into the Hub's cache, as a download would."""
    folder = home / "hub" / f"models--{repository.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs/main").write_text(COMMIT)
    snapshot = folder / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    for file in files.iterdir() if files else ():
        (snapshot / file.name).write_bytes(file.read_bytes())


@pytest.mark.parametrize("name", ["google/bigbird-pegasus-large-arxiv", "arxiv"])
def test_a_cached_model_needs_no_network(
    name: str, warm_bbp: Bbp, writer: Path, environment: dict[str, str]
) -> None:
    cache(Path(environment["HF_HOME"]), "google/bigbird-pegasus-large-arxiv", writer)
    done = warm_bbp(
        "summarize", "--json", "--model", name, stdin=TEXT.encode(), HF_ENDPOINT="http://127.0.0.1:9"
    )
    assert (done.code, done.stderr) == (0, "")
    assert done.records[0]["summary"] == SUMMARY
    assert done.records[0]["model"]["id"] == "google/bigbird-pegasus-large-arxiv"
    assert done.records[0]["model"]["revision"] == COMMIT


@pytest.mark.parametrize(
    ("option", "variables", "why"),
    [
        (["--offline"], {}, "--offline forbids the download"),
        ([], {"BBP_OFFLINE": "1"}, "--offline forbids the download"),
        ([], {"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE=1 forbids the download"),
    ],
)
def test_a_model_that_is_not_cached_is_an_error_when_offline(
    option: list[str], variables: dict[str, str], why: str, bbp: Bbp
) -> None:
    done = bbp("summarize", "--model", "pubmed", *option, stdin=TEXT.encode(), **variables)
    assert (done.code, done.stdout) == (4, "")
    assert done.stderr.startswith("bbp: error: google/bigbird-pegasus-large-pubmed: not in the cache, and ")
    assert why in done.stderr
    assert done.stderr.count("\n") == 1


def test_half_a_download_is_not_a_cached_model(bbp: Bbp, environment: dict[str, str]) -> None:
    cache(Path(environment["HF_HOME"]), "someone/model", None)
    done = bbp("summarize", "--offline", "--model", "someone/model", stdin=TEXT.encode())
    assert (done.code, "not in the cache" in done.stderr) == (4, True)


def test_a_server_that_is_down_is_one_line(bbp: Bbp) -> None:
    done = bbp("summarize", "--model", "someone/model", stdin=TEXT.encode(), HF_ENDPOINT="http://127.0.0.1:9")
    assert (done.code, done.stdout) == (4, "")
    assert done.stderr.startswith("bbp: error: someone/model: no connection to http://127.0.0.1:9")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["nothing", "./nothing/here", "/nothing/here", "a/b/c", "in.txt"])
def test_a_path_that_is_neither_folder_nor_name_is_reported(name: str, bbp: Bbp, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text(TEXT)
    done = bbp("summarize", "--model", name, "in.txt")
    assert (done.code, done.stdout) == (4, "")
    assert done.stderr.startswith(f"bbp: error: {name}: no such model folder")


def test_a_short_name_is_not_a_folder_that_happens_to_be_here(bbp: Bbp, tmp_path: Path) -> None:
    (tmp_path / "arxiv").mkdir()
    done = bbp("summarize", "--offline", "--model", "arxiv", stdin=TEXT.encode())
    assert "google/bigbird-pegasus-large-arxiv: not in the cache" in done.stderr
    done = bbp("summarize", "--offline", "--model", "./arxiv", stdin=TEXT.encode())
    assert (done.code, "no config.json" in done.stderr) == (4, True)
