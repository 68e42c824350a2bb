"""A Hub that lies, or that is none: nothing endless is read or kept, and the line says what it is."""

from pathlib import Path

import pytest

from tests.conftest import Bbp
from tests.hub_checks import NAME, WEIGHTS, assert_refused, files_of, pulled
from tests.hub_server import Hub


@pytest.mark.parametrize(
    ("file", "size", "limit"),
    [
        ("config.json", 10**10, "10 MB"),
        ("spiece.model", 10**8, "20 MB"),
        ("README.md", 10**9, "10 MB"),
        (WEIGHTS, 10**15, "100,000 MB"),
    ],
)
def test_a_file_listed_with_more_than_any_of_its_kind_is_not_asked_for(
    file: str, size: int, limit: str, hub: Hub, hub_bbp: Bbp, extractive: Path
) -> None:
    hub.publish(NAME, {"README.md": b"# A model"} | files_of(extractive))
    hub.size_listed[file] = size
    done = hub_bbp("models", "pull", NAME)
    assert_refused(done, 4, f"{file} has {size / 1e6:,.0f} MB there, and no such file more than {limit}")
    assert hub.asked_for(file) == []


@pytest.mark.parametrize("file", ["config.json", "spiece.model", WEIGHTS])
def test_no_more_of_a_file_is_kept_than_is_listed(
    file: str, hub: Hub, hub_bbp: Bbp, extractive: Path, cache: Path
) -> None:
    files = files_of(extractive)
    hub.publish(NAME, files)
    hub.sends[file] = files[file] + b"x" * 30_000_000
    assert_refused(hub_bbp("models", "pull", NAME), 4, f"{file} is not what the Hub lists")
    assert sum(
        path.stat().st_size for path in cache.rglob("*") if not path.is_symlink() and path.is_file()
    ) < (sum(map(len, files.values())) + 1000)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"[" * 100_000, "did not answer as a Hugging Face Hub does"),
        (b" " * 50_000_001, "answers with more than 50 MB"),
        (b'{"sha": 5, "siblings": 5}', "did not answer as"),
        (b'{"sha": "x", "siblings": [{"rfilename": "config.json", "size": -1, "blobId": "x"}]}', "did not"),
        (b'{"sha": "x", "siblings": [{"rfilename": [], "size": true, "blobId": {}}]}', "did not answer as"),
    ],
)
def test_an_answer_of_the_api_is_bounded_and_checked(
    answer: bytes, said: str, hub: Hub, hub_bbp: Bbp
) -> None:
    hub.answer = answer
    assert_refused(hub_bbp("models", "pull", NAME), 4, said)


def test_an_error_with_an_endless_text_is_read_no_further_than_its_header(hub: Hub, hub_bbp: Bbp) -> None:
    hub.refuses_api, hub.endless = "broken", True
    assert_refused(hub_bbp("models", "pull", NAME), 4, "the Hub answers HTTP 500")


@pytest.mark.parametrize("trickle", [False, True])
def test_a_download_without_progress_is_given_up(
    trickle: bool, hub: Hub, hub_bbp: Bbp, extractive: Path
) -> None:
    hub.publish(NAME, files_of(extractive))
    hub.silent, hub.trickle = not trickle, trickle
    done = hub_bbp("models", "pull", NAME, "--timeout", 1)
    assert_refused(done, 4, "no connection to", "bytes arrived in" if trickle else "timed out")


def test_a_redirect_to_what_is_not_of_the_web_is_refused(hub: Hub, hub_bbp: Bbp, extractive: Path) -> None:
    hub.publish(NAME, files_of(extractive))
    hub.files_url = "file:///etc/passwd"
    assert_refused(hub_bbp("models", "pull", NAME), 4, "leads to an address that is not of the web")


def test_certificates_that_are_not_there_are_named(hub: Hub, hub_bbp: Bbp, tmp_path: Path) -> None:
    for path in (tmp_path / "none.pem", tmp_path):
        done = hub_bbp("models", "pull", NAME, SSL_CERT_FILE=str(path))
        assert_refused(done, 2, f"the certificates of SSL_CERT_FILE={path} cannot be read")


def test_a_cache_that_cannot_be_written_is_named(hub: Hub, hub_bbp: Bbp, extractive: Path) -> None:
    hub.publish(NAME, files_of(extractive))
    done = hub_bbp("models", "pull", NAME, HF_HUB_CACHE="/proc/none")
    assert_refused(done, 7, "cannot write the model cache", "/proc/none")


def test_a_commit_may_be_named_by_its_beginning(
    hub: Hub, hub_bbp: Bbp, extractive: Path, cache: Path
) -> None:
    commit = hub.publish(NAME, files_of(extractive))
    pulled(hub_bbp("models", "pull", NAME))
    listed = next(line for line in hub_bbp("models", "list").stdout.splitlines() if NAME in line)
    short = commit[:12]
    assert short in listed
    hub.requests.clear()
    for revision in (short, commit[:7]):
        assert commit in hub_bbp("models", "path", NAME, "--revision", revision).stdout
    for wrong in (commit[:6], "0" * 12):
        assert hub_bbp("models", "path", NAME, "--revision", wrong).code == 4
    assert hub.requests == []
    weights = next(cache.rglob(WEIGHTS))
    weights.resolve().write_bytes(b"damaged")
    assert pulled(hub_bbp("models", "pull", NAME, "--revision", short)) == files_of(extractive)
    assert hub_bbp("models", "rm", NAME, "--revision", short).code == 0
    assert hub_bbp("models", "path", NAME).code == 4
