"""Named models come from a Hub on the loopback interface, into its cache, and are used from there."""

import hashlib
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cli.process import WarmBbp, command
from tests.cli.test_console import on_terminal
from tests.conftest import STORY, Bbp
from tests.hub_checks import NAME, WEIGHTS, assert_refused, files_of, in_shards, pulled
from tests.hub_server import Hub


def test_the_first_run_downloads_and_the_second_sends_no_request(
    hub: Hub, hub_bbp: Bbp, extractive: Path
) -> None:
    commit = hub.publish(NAME, extractive)
    arguments = ("summarize", "--json", "--model", NAME)
    first = hub_bbp(*arguments, stdin=STORY.encode())
    assert first.code == 0
    assert first.stderr.startswith(f"bbp: downloading {NAME}, ")
    assert len(first.stderr.splitlines()) == 1
    hub.requests.clear()
    second = hub_bbp(*arguments, stdin=STORY.encode())
    assert (second.code, second.stderr, hub.requests) == (0, "", [])
    for done in (first, second):
        model = done.records[0]["model"]
        sha256 = hashlib.sha256((extractive / WEIGHTS).read_bytes()).hexdigest()
        assert (model["id"], model["revision"], model["weights_sha256"]) == (NAME, commit, sha256)
    records = [done.records[0] | {"timing": None} for done in (first, second)]
    assert records[0] == records[1]


@pytest.mark.parametrize("name", ["arxiv", "pubmed", "bigpatent"])
def test_short_names_are_the_published_checkpoints(
    name: str, hub: Hub, hub_bbp: Bbp, extractive: Path
) -> None:
    hub.publish(f"google/bigbird-pegasus-large-{name}", extractive)
    assert pulled(hub_bbp("models", "pull", name)) == files_of(extractive)
    summary = hub_bbp("summarize", "--json", "--offline", "--model", name, stdin=STORY.encode())
    assert summary.records[0]["model"]["id"] == f"google/bigbird-pegasus-large-{name}"


def test_only_what_bbp_reads_is_downloaded(hub: Hub, hub_bbp: Bbp, extractive: Path) -> None:
    needed = files_of(extractive) | {"README.md": b"# A model", "generation_config.json": b"{}"}
    names = ("pytorch_model.bin", "flax_model.msgpack", "training_args.bin", "vocab.txt", ".gitattributes")
    hub.publish(NAME, needed | dict.fromkeys(names, b"other") | {"onnx/config.json": b"{}"})
    assert pulled(hub_bbp("models", "pull", NAME)) == needed
    assert {request.file for request in hub.requests} == {"", *needed}


def test_weights_that_are_not_safetensors_are_read_too(hub: Hub, hub_bbp: Bbp, extractive: Path) -> None:
    import torch
    from safetensors.torch import load_file

    files = files_of(extractive)
    del files[WEIGHTS]
    torch.save(load_file(extractive / WEIGHTS), extractive.parent / "weights.bin")
    files["pytorch_model.bin"] = (extractive.parent / "weights.bin").read_bytes()
    hub.publish(NAME, files)
    done = hub_bbp("summarize", "--json", "--model", NAME, stdin=STORY.encode())
    same = hub_bbp("summarize", "--json", "--model", extractive, stdin=STORY.encode())
    assert_same_summary(done.records[0], same.records[0])
    sha256 = hashlib.sha256(files["pytorch_model.bin"]).hexdigest()
    assert done.records[0]["model"]["weights_sha256"] == sha256


def assert_same_summary(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert one["summary"] == other["summary"]
    scores = [[s["sources"][0]["score"] for s in record["sentences"]] for record in (one, other)]
    assert scores[0] == pytest.approx(scores[1], abs=1e-4)


def test_weights_in_parts_are_downloaded_part_by_part(hub: Hub, hub_bbp: Bbp, extractive: Path) -> None:
    files = in_shards(extractive)
    hub.publish(NAME, files)
    done = hub_bbp("summarize", "--json", "--model", NAME, stdin=STORY.encode())
    same = hub_bbp("summarize", "--json", "--model", extractive, stdin=STORY.encode())
    # Weights that are mapped from other places of other files may be added in another order.
    assert_same_summary(done.records[0], same.records[0])
    hub.requests.clear()
    assert hub_bbp("models", "path", NAME).code == 0
    assert hub.requests == []


def test_a_revision_is_downloaded_used_and_recorded(hub: Hub, hub_bbp: Bbp, extractive: Path) -> None:
    old = hub.publish(NAME, files_of(extractive) | {"README.md": b"old"}, branch="v1")
    new = hub.publish(NAME, files_of(extractive) | {"README.md": b"new"})
    for revision, commit in (("v1", old), (old, old), ("main", new), (None, new)):
        options = ["--revision", revision] if revision else []
        done = hub_bbp("summarize", "--json", "--model", NAME, *options, stdin=STORY.encode())
        assert done.records[0]["model"]["revision"] == commit
    assert len(hub.asked_for(WEIGHTS)) == 1  # it is the same file in both


def test_pull_moves_to_the_newest_commit_and_other_commands_stay(
    hub: Hub, hub_bbp: Bbp, extractive: Path
) -> None:
    old = hub.publish(NAME, extractive)
    assert hub_bbp("models", "pull", NAME).code == 0
    new = hub.publish(NAME, files_of(extractive) | {"README.md": b"new"})
    assert hub_bbp("models", "path", NAME).stdout.endswith(f"{old}\n")
    assert hub_bbp("models", "pull", NAME).stdout.endswith(f"{new}\n")
    assert hub_bbp("models", "path", NAME).stdout.endswith(f"{new}\n")


def test_the_cache_is_the_one_that_huggingface_hub_reads(
    hub: Hub, hub_bbp: Bbp, extractive: Path, environment: dict[str, str]
) -> None:
    hub.publish(NAME, extractive)
    folder = hub_bbp("models", "pull", NAME).stdout.removesuffix("\n")
    assert library_snapshot(environment | {"HF_HUB_OFFLINE": "1"}) == folder


def test_what_huggingface_hub_has_downloaded_is_used(
    hub: Hub, hub_bbp: Bbp, extractive: Path, environment: dict[str, str]
) -> None:
    hub.publish(NAME, extractive)
    folder = library_snapshot(environment | hub.environment | {"HF_HUB_DISABLE_TELEMETRY": "1"})
    hub.requests.clear()
    assert hub_bbp("models", "path", NAME).stdout == f"{folder}\n"
    assert hub.requests == []


def library_snapshot(environment: dict[str, str]) -> str:
    """The folder that the library's own function gives, in a process of its own."""
    code = f"import huggingface_hub as h; print(h.snapshot_download({NAME!r}))"
    arguments = [command()[0], "-c", code]
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.removesuffix("\n")


def test_a_disk_without_links_holds_the_files_themselves(hub: Hub, hub_bbp: Bbp, extractive: Path) -> None:
    hub.publish(NAME, extractive)
    done = hub_bbp("models", "pull", NAME, HF_HUB_DISABLE_SYMLINKS="1")
    assert pulled(done) == files_of(extractive)
    assert not any(path.is_symlink() for path in Path(done.stdout.removesuffix("\n")).iterdir())
    hub.requests.clear()
    assert pulled(hub_bbp("models", "pull", NAME, HF_HUB_DISABLE_SYMLINKS="1")) == files_of(extractive)
    assert hub.ranges() == []


def test_the_cache_can_be_elsewhere(hub: Hub, hub_bbp: Bbp, extractive: Path, tmp_path: Path) -> None:
    hub.publish(NAME, extractive)
    done = hub_bbp("models", "pull", NAME, HF_HUB_CACHE=str(tmp_path / "mine"))
    assert done.stdout.startswith(str(tmp_path / "mine"))


# What others get to know


def test_the_token_is_sent_to_the_hub_only(hub: Hub, hub_bbp: Bbp, extractive: Path) -> None:
    hub.publish(NAME, extractive)
    done = hub_bbp("models", "pull", NAME, HF_TOKEN="hf_secret")
    assert done.code == 0
    heard = {(request.host, request.headers.get("authorization")) for request in hub.requests}
    assert heard == {("hub", "Bearer hf_secret"), ("files", None)}
    assert "hf_secret" not in done.stdout + done.stderr


def test_requests_carry_no_data_of_the_user_but_versions(hub: Hub, hub_bbp: Bbp, extractive: Path) -> None:
    hub.publish(NAME, extractive)
    assert hub_bbp("models", "pull", NAME, AI_AGENT="someone").code == 0
    agents = {request.headers["user-agent"] for request in hub.requests}
    assert len(agents) == 1
    assert [part.partition("/")[0] for part in agents.pop().split("; ")] == ["bbp", "hf_hub", "python"]
    assert {request.path.split("/")[1] for request in hub.requests if request.host == "hub"} == {
        "api",
        "tester",
    }


def test_without_a_token_none_is_sent(hub: Hub, hub_bbp: Bbp, extractive: Path) -> None:
    hub.publish(NAME, extractive)
    assert hub_bbp("models", "pull", NAME).code == 0
    assert all("authorization" not in request.headers for request in hub.requests)


def test_every_request_of_the_tests_is_recorded(hub: Hub, warm_bbp: Bbp, extractive: Path) -> None:
    """The other tests could not see it if this did not work."""
    elsewhere = hub.environment | {"HF_ENDPOINT": "http://hub.invalid"}
    assert_refused(warm_bbp("models", "pull", NAME, **elsewhere), 4, "HTTP 502")
    assert [(request.host, request.method) for request in hub.requests] == [("world", "GET")]


# The network is forbidden


@pytest.mark.parametrize(
    ("options", "variables", "why"),
    [
        (["--offline"], {}, "--offline"),
        ([], {"BBP_OFFLINE": "1"}, "--offline"),
        ([], {"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE=1"),
        ([], {"TRANSFORMERS_OFFLINE": "1"}, "TRANSFORMERS_OFFLINE=1"),
    ],
)
def test_offline_uses_the_cache_and_nothing_else(
    options: list[str], variables: dict[str, str], why: str, hub: Hub, hub_bbp: Bbp, extractive: Path
) -> None:
    hub.publish(NAME, extractive)
    arguments = ("summarize", "--model", NAME, *options)
    refused = hub_bbp(*arguments, stdin=STORY.encode(), **variables)
    assert_refused(refused, 4, NAME, "not in the cache", why)
    assert hub.requests == []
    assert hub_bbp("models", "pull", NAME).code == 0
    hub.requests.clear()
    assert hub_bbp(*arguments, stdin=STORY.encode(), **variables).code == 0
    assert hub.requests == []


def test_pull_offline_checks_that_the_model_is_there(hub: Hub, hub_bbp: Bbp, extractive: Path) -> None:
    hub.publish(NAME, extractive)
    assert_refused(hub_bbp("models", "pull", NAME, "--offline"), 4, "--offline")
    assert_refused(hub_bbp("models", "pull", NAME, HF_HUB_OFFLINE="1"), 4, "HF_HUB_OFFLINE=1")
    assert hub_bbp("models", "pull", NAME).code == 0
    assert hub_bbp("models", "pull", NAME, "--offline").code == 0


# What is shown


def test_progress_bar_is_shown_on_terminals_without_quiet(
    hub: Hub,
    warm_server: WarmBbp,
    hub_bbp: Bbp,
    extractive: Path,
    environment: dict[str, str],
    tmp_path: Path,
) -> None:
    hub.publish(NAME, extractive)
    assert hub_bbp("models", "pull", NAME, "-q").stderr == ""
    assert hub_bbp("models", "rm", NAME).code == 0
    settings = environment | hub.environment
    done, _, _, shown = on_terminal(warm_server, ["models", "pull", NAME], tmp_path, settings, stderr=True)
    assert done == 0
    assert NAME in shown
    assert "\x1b[2K" in shown
    assert "downloading" not in shown
