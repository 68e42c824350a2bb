"""What can go wrong with the download of a model: it ends with one line, and nothing wrong is kept."""

import json
import resource
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.process import Finished, command
from tests.conftest import STORY, Bbp
from tests.hub_checks import NAME, WEIGHTS, assert_refused, files_of, in_shards, partial_files, pulled
from tests.hub_server import Hub, serve

# The connection breaks


def test_a_connection_that_breaks_is_made_again_for_the_rest(
    hub: Hub, hub_bbp: Bbp, extractive: Path
) -> None:
    files = files_of(extractive)
    half = len(files[WEIGHTS]) // 2
    hub.publish(NAME, files)
    hub.cut = {WEIGHTS: half}
    assert pulled(hub_bbp("models", "pull", NAME)) == files
    assert hub.ranges()[-2:] == ["all", f"bytes={half}-"]


def test_a_download_that_broke_is_continued_by_the_next_run(
    hub: Hub, hub_bbp: Bbp, extractive: Path, cache: Path
) -> None:
    files = files_of(extractive)
    half = len(files[WEIGHTS]) // 2
    hub.publish(NAME, files)
    hub.cut, hub.cuts_left = {WEIGHTS: half}, 99
    broken = hub_bbp("models", "pull", NAME)
    assert_refused(broken, 4, NAME, "no connection", "continues where this one stopped")
    assert [path.read_bytes() for path in partial_files(cache)] == [files[WEIGHTS][:half]]
    assert_refused(
        hub_bbp("models", "path", NAME), 4, "not in the cache, or not all of it", "bbp models pull"
    )
    assert_refused(
        hub_bbp("summarize", "--offline", "--model", NAME, stdin=STORY.encode()), 4, "not in the cache"
    )
    hub.cut = {}
    hub.requests.clear()
    assert pulled(hub_bbp("models", "pull", NAME)) == files
    assert hub.ranges() == [f"bytes={half}-"]
    assert partial_files(cache) == []


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)]
)
def test_a_download_that_was_stopped_is_continued_by_the_next_run(
    number: signal.Signals,
    code: int,
    hub: Hub,
    hub_bbp: Bbp,
    extractive: Path,
    cache: Path,
    environment: dict[str, str],
) -> None:
    files = files_of(extractive)
    half = len(files[WEIGHTS]) // 2
    hub.publish(NAME, files)
    hub.cut, hub.hold = {WEIGHTS: half}, True
    process = subprocess.Popen(
        command("models", "pull", NAME),
        env=environment | hub.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert hub.held.wait(60)
    while sum(path.stat().st_size for path in partial_files(cache)) < half:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    out, err = process.communicate()
    assert (process.returncode, out) == (code, b"")
    assert b"Traceback" not in err
    assert [path.read_bytes() for path in partial_files(cache)] == [files[WEIGHTS][:half]]
    hub.cut, hub.hold = {}, False
    hub.release.set()
    hub.requests.clear()
    assert pulled(hub_bbp("models", "pull", NAME)) == files
    assert hub.ranges() == [f"bytes={half}-"]


def test_a_connection_that_falls_silent_is_made_again(hub: Hub, hub_bbp: Bbp, extractive: Path) -> None:
    files = files_of(extractive)
    half = len(files[WEIGHTS]) // 2
    hub.publish(NAME, files)
    hub.cut, hub.hold = {WEIGHTS: half}, True
    assert pulled(hub_bbp("models", "pull", NAME, HF_HUB_DOWNLOAD_TIMEOUT="1")) == files
    assert hub.ranges()[-2:] == ["all", f"bytes={half}-"]


def test_two_that_pull_at_once_fetch_once(hub: Hub, extractive: Path, environment: dict[str, str]) -> None:
    hub.publish(NAME, extractive)
    hub.cut, hub.hold = {WEIGHTS: 1000}, True
    started = []
    for _ in range(2):
        started.append(
            subprocess.Popen(
                command("models", "pull", NAME),
                env=environment | hub.environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        assert hub.held.wait(60)
    while len(hub.asked_for("")) < 2:  # the second has begun too
        time.sleep(0.01)
    hub.release.set()
    ended = [process.communicate() for process in started]
    assert [process.returncode for process in started] == [0, 0]
    assert ended[0][0] == ended[1][0]
    assert files_of(Path(ended[0][0].removesuffix("\n"))) == files_of(extractive)
    assert hub.ranges()[-2:] == ["all", "bytes=1000-"]


def test_a_damaged_part_is_not_built_upon_twice(
    hub: Hub, hub_bbp: Bbp, extractive: Path, cache: Path
) -> None:
    files = files_of(extractive)
    hub.publish(NAME, files)
    hub.cut, hub.cuts_left = {WEIGHTS: 1000}, 99
    assert hub_bbp("models", "pull", NAME).code == 4
    hub.cut = {}
    partial_files(cache)[0].write_bytes(b"damaged")
    assert_refused(hub_bbp("models", "pull", NAME), 4, f"{WEIGHTS} is not what the Hub lists")
    assert pulled(hub_bbp("models", "pull", NAME)) == files


def test_a_server_that_cannot_continue_sends_all_again(
    hub: Hub, hub_bbp: Bbp, extractive: Path, cache: Path
) -> None:
    files = files_of(extractive)
    hub.publish(NAME, files)
    hub.cut, hub.cuts_left = {WEIGHTS: 1000}, 99
    assert hub_bbp("models", "pull", NAME).code == 4
    hub.cut, hub.knows_ranges = {}, False
    assert pulled(hub_bbp("models", "pull", NAME)) == files


def test_a_server_that_is_busy_is_asked_again(hub: Hub, hub_bbp: Bbp, extractive: Path) -> None:
    hub.publish(NAME, extractive)
    hub.refuses_files = "busy"
    assert_refused(hub_bbp("models", "pull", NAME), 4, NAME, "HTTP 503")
    assert len(hub.asked_for("config.json")) == 3


def test_a_server_that_is_down_is_reported(hub: Hub, hub_bbp: Bbp, extractive: Path) -> None:
    with serve() as other:
        gone = other.url
    done = hub_bbp("models", "pull", NAME, HF_ENDPOINT=gone)
    assert_refused(done, 4, NAME, f"no connection to {gone}")
    without_network = hub_bbp("summarize", "--model", NAME, stdin=STORY.encode(), HF_ENDPOINT=gone)
    assert_refused(without_network, 4, NAME, f"no connection to {gone}")


def test_a_server_that_does_not_answer_is_given_up(hub: Hub, hub_bbp: Bbp, extractive: Path) -> None:
    hub.silent = True
    assert_refused(hub_bbp("models", "pull", NAME, HF_HUB_ETAG_TIMEOUT="1"), 4, NAME, "no connection")
    hub.release.set()


# The wrong content


def assert_not_in_cache(hub_bbp: Bbp, cache: Path, good: dict[str, bytes]) -> None:
    """Nothing but good files is in the cache, and the model is not usable."""
    assert_refused(hub_bbp("models", "path", NAME), 4, "not in the cache")
    kept = [path for path in cache.rglob("*") if path.is_file() and ".locks" not in path.parts]
    assert all(path.read_bytes() in good.values() for path in kept)


@pytest.mark.parametrize("file", [WEIGHTS, "spiece.model", "config.json"])
@pytest.mark.parametrize("change", ["flipped", "longer"])
def test_wrong_content_is_refused_and_not_kept(
    file: str, change: str, hub: Hub, hub_bbp: Bbp, extractive: Path, cache: Path
) -> None:
    files = files_of(extractive)
    good = files[file]
    wrong = {"flipped": bytes([good[0] ^ 1]) + good[1:], "longer": good + b"!"}
    hub.publish(NAME, files)
    hub.sends = {file: wrong[change]}
    done = hub_bbp("summarize", "--model", NAME, stdin=STORY.encode())
    assert_refused(done, 4, NAME, f"{file} is not what the Hub lists")
    assert_not_in_cache(hub_bbp, cache, files)
    hub.sends = {}
    assert pulled(hub_bbp("models", "pull", NAME)) == files


def test_a_truncated_download_is_an_error(hub: Hub, hub_bbp: Bbp, extractive: Path) -> None:
    files = files_of(extractive)
    hub.publish(NAME, files)
    hub.sends = {"config.json": files["config.json"][:-1]}
    assert_refused(hub_bbp("models", "pull", NAME), 4, NAME, "no connection")
    hub.sends = {}
    assert pulled(hub_bbp("models", "pull", NAME)) == files


def test_pull_mends_a_damaged_cache(hub: Hub, hub_bbp: Bbp, extractive: Path) -> None:
    files = files_of(extractive)
    hub.publish(NAME, files)
    folder = Path(hub_bbp("models", "pull", NAME).stdout.removesuffix("\n"))
    for name in (WEIGHTS, "config.json"):
        with (folder / name).open("r+b") as file:
            file.write(b"damage")
    hub.requests.clear()
    assert pulled(hub_bbp("models", "pull", NAME)) == files
    assert {request.file for request in hub.requests if request.host == "hub"} == {"", WEIGHTS, "config.json"}


@pytest.mark.parametrize(
    "answer", [b"<html>Sign in to the hotel's network</html>", b"[]", b'{"id": "a/b", "sha": "../../x"}']
)
def test_a_response_that_is_not_the_hubs_is_reported(answer: bytes, hub: Hub, hub_bbp: Bbp) -> None:
    hub.answer = answer
    assert_refused(
        hub_bbp("models", "pull", NAME), 4, NAME, "did not answer as a Hugging Face Hub does", "HF_ENDPOINT"
    )


# No such thing, or no access


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("gated", ["access to this model must be granted", "HF_TOKEN"]),
        ("gated_anonymous", ["access to this model must be granted", "HF_TOKEN"]),
        ("forbidden", ["denies access (HTTP 403)", "HF_TOKEN"]),
        ("unauthorized", ["denies access (HTTP 401)", "HF_TOKEN"]),
        ("bad", ["HTTP 400"]),
        ("broken", ["HTTP 500"]),
    ],
)
@pytest.mark.parametrize("where", ["refuses_api", "refuses_files"])
def test_a_refused_download_has_a_hint(
    state: str, told: list[str], where: str, hub: Hub, hub_bbp: Bbp, extractive: Path
) -> None:
    hub.publish(NAME, extractive)
    setattr(hub, where, state)
    assert_refused(hub_bbp("models", "pull", NAME), 4, NAME, *told)


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("HF_ENDPOINT", "http://[half", "cannot be understood"),
        ("HF_HUB_ETAG_TIMEOUT", "soon", "cannot be understood"),
        ("HF_TOKEN", "hf_ünüsual", "HF_TOKEN"),
    ],
)
def test_a_variable_that_holds_nonsense_is_a_usage_error(
    variable: str, value: str, told: str, hub_bbp: Bbp
) -> None:
    assert_refused(hub_bbp("models", "pull", NAME, **{variable: value}), 2, told)


def test_a_model_that_does_not_exist_is_reported(hub: Hub, hub_bbp: Bbp) -> None:
    assert_refused(
        hub_bbp("models", "pull", "nobody/nothing"), 4, "nobody/nothing", "no such model", "HF_TOKEN"
    )


def test_a_revision_that_does_not_exist_is_reported(hub: Hub, hub_bbp: Bbp, extractive: Path) -> None:
    hub.publish(NAME, extractive)
    done = hub_bbp("summarize", "--model", NAME, "--revision", "v9", stdin=STORY.encode())
    assert_refused(done, 4, NAME, "no revision v9")


@pytest.mark.parametrize("missing", ["config.json", "spiece.model", WEIGHTS])
def test_a_repository_without_a_file_is_reported(
    missing: str, hub: Hub, hub_bbp: Bbp, extractive: Path
) -> None:
    files = files_of(extractive)
    del files[missing]
    hub.publish(NAME, files)
    named = "weights" if missing == WEIGHTS else missing
    assert_refused(hub_bbp("models", "pull", NAME), 4, NAME, f"the repository has no {named}")
    assert hub.ranges() == []


def test_a_repository_without_a_part_of_the_weights_is_reported(
    hub: Hub, hub_bbp: Bbp, extractive: Path
) -> None:
    files = in_shards(extractive)
    del files["model-00002-of-00002.safetensors"]
    hub.publish(NAME, files)
    assert_refused(hub_bbp("models", "pull", NAME), 4, NAME, "has no model-00002-of-00002.safetensors")


def test_an_unreadable_index_is_reported(hub: Hub, hub_bbp: Bbp, extractive: Path) -> None:
    hub.publish(NAME, in_shards(extractive) | {"model.safetensors.index.json": b"{}"})
    assert_refused(hub_bbp("models", "pull", NAME), 4, NAME, "no readable index of weights")


def test_a_listed_file_that_is_missing_is_an_error(hub: Hub, hub_bbp: Bbp, extractive: Path) -> None:
    hub.publish(NAME, extractive)
    hub.lost = {WEIGHTS}
    assert_refused(hub_bbp("models", "pull", NAME), 4, NAME, "HTTP 404")


# What bbp cannot run is not downloaded


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (b'{"architectures": ["LlamaForCausalLM"]}', "LlamaForCausalLM"),
        (b'{"model_type": "bert"}', "no architecture named"),
        (b"not JSON", "config.json cannot be read"),
        (b"[]", "config.json cannot be read"),
    ],
)
def test_another_architecture_is_refused_before_its_weights_are_fetched(
    config: bytes, told: str, hub: Hub, hub_bbp: Bbp, extractive: Path
) -> None:
    hub.publish(NAME, files_of(extractive) | {"config.json": config})
    assert_refused(hub_bbp("summarize", "--model", NAME, stdin=STORY.encode()), 4, NAME, told)
    assert_refused(hub_bbp("models", "pull", NAME), 4, NAME, told)
    assert {request.file for request in hub.requests} == {"", "config.json"}


def test_a_model_for_another_task_is_refused_before_its_weights_are_fetched(
    hub: Hub, hub_bbp: Bbp, extractive: Path
) -> None:
    hub.publish(NAME, extractive)
    assert_refused(hub_bbp("classify", "--model", NAME, stdin=STORY.encode()), 4, NAME, "classifies")
    assert {request.file for request in hub.requests} == {"", "config.json"}


def test_a_base_of_another_family_is_refused_before_its_weights_are_fetched(
    hub: Hub, hub_bbp: Bbp, extractive: Path, tmp_path: Path
) -> None:
    config = b'{"architectures": ["LlamaForCausalLM"]}'
    hub.publish(NAME, files_of(extractive) | {"config.json": config})
    records = [json.dumps({"text": f"Text {n} of it.", "label": "ab"[n % 2]}) for n in range(40)]
    (tmp_path / "data.jsonl").write_text("\n".join(records))
    done = hub_bbp("train", "classify", "data.jsonl", "--base", NAME, "-o", "model")
    assert_refused(done, 4, NAME, "not a BigBird-Pegasus model: LlamaForCausalLM")
    assert {request.file for request in hub.requests} == {"", "config.json"}


# The disk is full


def test_a_model_that_is_larger_than_the_disk_is_not_begun(hub: Hub, hub_bbp: Bbp, extractive: Path) -> None:
    files = files_of(extractive)
    shards = [f"model-{number}.safetensors" for number in range(900)]  # of as much as one file may have
    index = json.dumps({"weight_map": {name: name for name in shards}}).encode()
    weights = {"model.safetensors.index.json": index} | {name: name.encode() for name in shards}
    hub.publish(NAME, {name: data for name, data in files.items() if name != WEIGHTS} | weights)
    hub.size_listed = dict.fromkeys(shards, 10**11)
    assert_refused(hub_bbp("models", "pull", NAME), 7, NAME, "90,000,000 MB are needed", "HF_HOME")
    assert [hub.asked_for(name) for name in shards if hub.asked_for(name)] == []


def test_a_full_disk_keeps_what_has_arrived(
    hub: Hub, hub_bbp: Bbp, extractive: Path, cache: Path, environment: dict[str, str]
) -> None:
    files = files_of(extractive)
    most = 100_000
    hub.publish(NAME, files)

    def limit() -> None:
        """No file larger than that: the same error of the same call, without a full disk."""
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    done = subprocess.run(
        command("models", "pull", NAME),
        env=environment | hub.environment,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit,
    )
    told = Finished(done.returncode, done.stdout, done.stderr)
    assert_refused(told, 7, "cannot write the model cache", "File too large", "HF_HOME")
    assert [path.stat().st_size for path in partial_files(cache)] == [most]
    assert pulled(hub_bbp("models", "pull", NAME)) == files
    assert f"bytes={most}-" in hub.ranges()


def test_an_unwritable_cache_is_an_error(hub: Hub, hub_bbp: Bbp, extractive: Path, tmp_path: Path) -> None:
    hub.publish(NAME, extractive)
    (tmp_path / "file").write_text("in the way")
    done = hub_bbp("models", "pull", NAME, HF_HUB_CACHE=str(tmp_path / "file"))
    assert_refused(done, 7, "cannot write the model cache", "Not a directory")
