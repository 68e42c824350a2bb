"""Checkpoints by name: from the cache, else from a Hub, which here is on the loopback interface."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bigbird_pegasus
import pytest
import torch
from bigbird_pegasus import BigBirdPegasusConfig, BigBirdPegasusForConditionalGeneration, PegasusTokenizer
from bigbird_pegasus.checkpoints.download import download
from bigbird_pegasus.checkpoints.files import SMALL_FILES
from bigbird_pegasus.checkpoints.hub import checkpoint_folder
from bigbird_pegasus.errors import CheckpointError, ConfigError, HubError, HubReason
from huggingface_hub import constants
from huggingface_hub.utils._http import close_session
from huggingface_hub.utils.tqdm import disable_progress_bars, enable_progress_bars

from tests.cli.checkpoints import small_config, train_vocabulary
from tests.conftest import Bbp
from tests.hub_checks import files_of, in_shards
from tests.hub_server import Hub, serve

NAME = "tester/writer"
TEXT = "A ferry crossed the bay at dawn, and the harbour master wrote its name into a book."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("writer")
    tokenizer = train_vocabulary(folder, [TEXT], 60, 64)
    torch.manual_seed(0)
    config = small_config(tokenizer, "BigBirdPegasusForConditionalGeneration")
    BigBirdPegasusForConditionalGeneration(config).save_pretrained(folder)
    return folder


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """An empty Hub and an empty cache, both those of huggingface_hub while the test runs."""
    with serve() as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(constants, "ENDPOINT", running.url)
        template = running.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        close_session()  # it remembers the proxies
        disable_progress_bars()
        yield running
        assert running.asked_elsewhere() == []
        close_session()
        enable_progress_bars()


def weights_asked_for(hub: Hub) -> list[str]:
    return sorted({r.file for r in hub.requests if r.file.endswith((".safetensors", ".bin", ".index.json"))})


def test_a_model_and_its_tokenizer_are_loaded_by_name(hub: Hub, folder: Path) -> None:
    hub.publish(NAME, folder)
    tokenizer = PegasusTokenizer.from_pretrained(NAME)
    assert weights_asked_for(hub) == []
    model = BigBirdPegasusForConditionalGeneration.from_pretrained(NAME)
    assert tokenizer(TEXT).input_ids == PegasusTokenizer.from_pretrained(folder)(TEXT).input_ids
    expected = BigBirdPegasusForConditionalGeneration.from_pretrained(folder).state_dict()
    torch.testing.assert_close(model.state_dict(), expected, rtol=0, atol=0)


def test_a_pipeline_is_made_by_name(hub: Hub, folder: Path) -> None:
    hub.publish(NAME, folder)
    by_name, by_folder = (
        bigbird_pegasus.pipeline("summarization", model=model, max_length=8) for model in (NAME, str(folder))
    )
    assert by_name("A ferry.") == by_folder("A ferry.")


def test_what_is_in_the_cache_is_loaded_without_asking_anybody(hub: Hub, folder: Path) -> None:
    hub.publish(NAME, folder)
    bigbird_pegasus.load_model(NAME)
    hub.requests.clear()
    bigbird_pegasus.load_model(NAME)
    bigbird_pegasus.load_model(NAME, local_files_only=True)
    PegasusTokenizer.from_pretrained(NAME)
    BigBirdPegasusConfig.from_pretrained(NAME, num_labels=3)
    assert hub.requests == []


def test_only_what_is_read_is_fetched_and_safetensors_before_pickles(hub: Hub, folder: Path) -> None:
    names = ("pytorch_model.bin", "flax_model.msgpack", "training_args.bin", "vocab.txt", "more/config.json")
    others = dict.fromkeys(names, b"{}")
    hub.publish(NAME, files_of(folder) | others)
    path = checkpoint_folder(NAME, weights=True)
    assert files_of(path) == files_of(folder)


def test_shards_are_fetched_with_their_index(hub: Hub, folder: Path) -> None:
    files = in_shards(folder)
    hub.publish(NAME, files)
    assert files_of(checkpoint_folder(NAME, weights=True)) == files
    assert type(bigbird_pegasus.load_model(NAME)).__name__ == "BigBirdPegasusForConditionalGeneration"


def test_pickles_are_fetched_where_there_is_nothing_else(hub: Hub, folder: Path) -> None:
    files = files_of(folder)
    files["pytorch_model.bin"] = files.pop("model.safetensors")
    hub.publish(NAME, files)
    assert files_of(checkpoint_folder(NAME, weights=True)) == files


def test_a_revision_is_a_branch_or_a_commit(hub: Hub, folder: Path) -> None:
    hub.publish(NAME, {"config.json": b"{}"})
    commit = hub.publish(NAME, folder, branch="new")
    assert checkpoint_folder(NAME, revision="new", weights=True).name == commit
    assert checkpoint_folder(NAME, revision=commit, local_files_only=True).name == commit
    for load in (bigbird_pegasus.load_model, PegasusTokenizer.from_pretrained):
        load(NAME, revision="new")


def test_a_model_of_another_kind_is_refused_before_its_weights_are_fetched(hub: Hub, folder: Path) -> None:
    hub.publish(NAME, files_of(folder) | {"config.json": b'{"model_type": "bart"}'})
    with pytest.raises(ConfigError, match="bart"):
        BigBirdPegasusForConditionalGeneration.from_pretrained(NAME)
    assert weights_asked_for(hub) == []


def test_a_download_that_broke_is_completed(hub: Hub, folder: Path) -> None:
    hub.publish(NAME, folder)
    hub.lost = {"model.safetensors"}
    with pytest.raises(CheckpointError, match=NAME):
        bigbird_pegasus.load_model(NAME)
    hub.lost = set()
    bigbird_pegasus.load_model(NAME)


@pytest.mark.parametrize("state", ["gated", "gated_anonymous", "forbidden", "unauthorized", "broken"])
def test_what_the_hub_refuses_is_a_checkpoint_error(state: str, hub: Hub, folder: Path) -> None:
    hub.publish(NAME, folder)
    hub.refuses_api = state
    with pytest.raises(
        CheckpointError, match=f"^{NAME} is not a folder here, and the Hub does not give it: "
    ):
        bigbird_pegasus.load_model(NAME)


@pytest.mark.parametrize("options", [{}, {"revision": "nowhere"}])
def test_a_missing_model_or_revision_is_a_checkpoint_error(
    options: dict[str, Any], hub: Hub, folder: Path
) -> None:
    if options:
        hub.publish(NAME, folder)
    with pytest.raises(CheckpointError, match="the Hub does not give it"):
        PegasusTokenizer.from_pretrained(NAME, **options)


def test_without_network_a_model_that_is_not_cached_is_a_checkpoint_error(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CheckpointError, match="not in the cache"):
        bigbird_pegasus.load_model(NAME, local_files_only=True)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(CheckpointError, match="the Hub does not give it"):
        bigbird_pegasus.load_model(NAME)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(CheckpointError, match="the Hub does not give it"):
        bigbird_pegasus.load_model(NAME)
    assert hub.requests == []


@pytest.mark.parametrize("name", ["nowhere", "a/b/c", "../up", Path("owner/name"), "own er/name", ""])
def test_an_impossible_hub_name_is_taken_as_a_folder(name: str | Path, hub: Hub) -> None:
    with pytest.raises(CheckpointError, match="not a checkpoint folder"):
        bigbird_pegasus.load_model(name)
    assert hub.requests == []


def test_a_folder_called_like_a_model_goes_before_it(
    hub: Hub, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.publish(NAME, {"config.json": b"{}"})
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tester").mkdir()
    (tmp_path / NAME).symlink_to(folder)
    bigbird_pegasus.load_model(NAME)
    assert hub.requests == []


def test_the_package_and_the_command_fetch_the_same_files(
    hub: Hub, folder: Path, warm_bbp: Bbp, tmp_path: Path
) -> None:
    names = (*SMALL_FILES, "pytorch_model.bin", "tokenizer.json", "onnx/config.json", ".gitattributes")
    others = {name: f'{{"made_for": "{name}"}}'.encode() for name in names}  # equal files are fetched once
    hub.publish(NAME, others | files_of(folder))
    bigbird_pegasus.load_model(NAME)
    by_package = {request.file for request in hub.requests}
    hub.requests.clear()
    done = warm_bbp("models", "pull", NAME, **hub.environment, HF_HUB_CACHE=str(tmp_path / "command"))
    by_command = {request.file for request in hub.requests}
    assert done.code == 0, done.stderr
    assert by_package == by_command == {"", *SMALL_FILES, "model.safetensors"}


@pytest.mark.parametrize("file", ["config.json", "spiece.model", "model.safetensors"])
def test_a_file_with_another_digest_is_refused_and_not_kept(file: str, hub: Hub, folder: Path) -> None:
    hub.publish(NAME, folder)
    good = (folder / file).read_bytes()
    hub.sends = {file: bytes([good[0] ^ 1]) + good[1:]}
    with pytest.raises(HubError, match=f"{re.escape(file)} is not what the Hub lists") as caught:
        bigbird_pegasus.load_model(NAME)
    assert caught.value.reason is HubReason.WRONG_CONTENT
    hub.sends = {}
    bigbird_pegasus.load_model(NAME)


def test_weights_that_were_cut_are_resumed(hub: Hub, folder: Path) -> None:
    hub.publish(NAME, folder)
    half = (folder / "model.safetensors").stat().st_size // 2
    hub.cut, hub.cuts_left = {"model.safetensors": half}, 99
    with pytest.raises(HubError, match="no connection") as caught:
        bigbird_pegasus.load_model(NAME)
    assert caught.value.reason is HubReason.NO_CONNECTION
    hub.cut = {}
    hub.requests.clear()
    bigbird_pegasus.load_model(NAME)
    assert hub.ranges() == [f"bytes={half}-"]


def test_progress_counts_the_bytes_of_missing_weights(hub: Hub, folder: Path) -> None:
    hub.publish(NAME, in_shards(folder))
    seen: list[tuple[int, int]] = []
    path = download(NAME, on_bytes=lambda *counts: seen.append(counts))
    size = sum(file.stat().st_size for file in path.glob("model-*.safetensors"))
    assert {total for _, total in seen} == {size}
    received = [count for count, _ in seen]
    assert (received[0], received[-1]) == (0, size)
    assert received == sorted(received)
    download(NAME, on_bytes=lambda *counts: seen.append(counts))
    assert len(seen) == len(received)


def test_a_required_file_is_looked_for_before_anything_is_fetched(hub: Hub, folder: Path) -> None:
    files = files_of(folder)
    del files["spiece.model"]
    hub.publish(NAME, files)
    with pytest.raises(HubError, match=r"the repository has no spiece\.model") as caught:
        download(NAME, required=("config.json", "spiece.model"))
    assert caught.value.reason is HubReason.INCOMPLETE
    assert {request.file for request in hub.requests} == {""}


def test_an_impossible_revision_is_not_requested(hub: Hub) -> None:
    with pytest.raises(HubError, match="cannot be a branch") as caught:
        checkpoint_folder(NAME, revision="../../elsewhere")
    assert caught.value.reason is HubReason.NO_REVISION
    assert hub.requests == []


def test_a_tokenizer_in_the_cache_is_used_without_asking_anybody(hub: Hub, folder: Path) -> None:
    hub.publish(NAME, folder)
    PegasusTokenizer.from_pretrained(NAME)
    hub.requests.clear()
    PegasusTokenizer.from_pretrained(NAME)
    assert hub.requests == []
