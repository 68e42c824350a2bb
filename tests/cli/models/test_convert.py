"""`bbp models convert` and `--quantize`: the same model in fewer bits, from a folder or while loading."""

import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import STORY, Bbp

SCHEMES = ["int8", "int4", "nf4"]


def convert(bbp: Bbp, source: Path | str, *options: Path | str) -> Path:
    done = bbp("models", "convert", source, *options)
    assert (done.code, done.stderr.count("error")) == (0, 0), done.stderr
    return Path(done.stdout.removesuffix("\n"))


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_converted_model_gives_the_results_of_a_quantized_one(
    warm_bbp: Bbp, writer: Path, scheme: str, tmp_path: Path
) -> None:
    converted = convert(warm_bbp, writer, tmp_path / "new" / scheme, "--quantize", scheme)
    assert converted == tmp_path / "new" / scheme
    told = []
    for options in (
        ["--model", writer, "--quantize", scheme],
        ["--model", converted],
        ["--model", converted, "--quantize", scheme],
    ):
        done = warm_bbp("summarize", "--json", *options, stdin=STORY.encode())
        assert done.code == 0, done.stderr
        (record,) = done.records
        assert record["model"]["quantization"] == scheme
        told.append((record["summary"], record["sentences"]))
    assert told[0] == told[1] == told[2]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_default_kind_of_model_works_in_every_scheme(
    warm_bbp: Bbp, extractive: Path, scheme: str, tmp_path: Path
) -> None:
    converted = convert(warm_bbp, extractive, tmp_path / "new", "--quantize", scheme)
    direct = warm_bbp("summarize", "--model", extractive, "--quantize", scheme, stdin=STORY.encode())
    stored = warm_bbp("summarize", "--model", converted, stdin=STORY.encode())
    assert (direct.code, direct.stdout) == (0, stored.stdout)
    assert direct.stdout.strip()


def test_the_record_of_an_unquantized_model_has_no_scheme(warm_bbp: Bbp, writer: Path) -> None:
    done = warm_bbp("summarize", "--json", "--model", writer, stdin=STORY.encode())
    assert done.records[0]["model"]["quantization"] is None


def test_the_variable_means_the_option(warm_bbp: Bbp, writer: Path) -> None:
    done = warm_bbp("summarize", "--json", "--model", writer, stdin=STORY.encode(), BBP_QUANTIZE="nf4")
    assert done.records[0]["model"]["quantization"] == "nf4"


def test_info_shows_the_scheme_and_counts_the_same_parameters(
    warm_bbp: Bbp, writer: Path, tmp_path: Path
) -> None:
    converted = convert(warm_bbp, writer, tmp_path / "new", "--quantize", "int4", "--dtype", "bfloat16")
    before = warm_bbp("models", "info", writer, "--json").records[0]
    after = warm_bbp("models", "info", converted, "--json").records[0]
    assert (before["quantization"], before["dtype"]) == (None, "float32")
    assert (after["quantization"], after["dtype"]) == ("int4", "bfloat16")
    assert after["parameters"] == before["parameters"]
    assert after["size_bytes"] < before["size_bytes"]
    assert "quantization:   int4\n" in warm_bbp("models", "info", converted).stdout


def test_a_pickle_becomes_safetensors_and_the_files_beside_it_come_along(
    warm_bbp: Bbp, writer: Path, tmp_path: Path
) -> None:
    import torch
    from safetensors.torch import load_file

    source = tmp_path / "source"
    shutil.copytree(writer, source)
    tensors = load_file(source / "model.safetensors")
    (source / "model.safetensors").unlink()
    torch.save(tensors, source / "pytorch_model.bin")
    (source / "README.md").write_text("---\nlicense: mit\n---\n")
    (source / "training.log").write_text("not part of the model")
    converted = convert(warm_bbp, source, tmp_path / "new")
    assert set(files_in(converted)) == (set(files_in(writer)) | {"README.md"})
    assert files_in(converted)["spiece.model"] == files_in(writer)["spiece.model"]
    again = load_file(converted / "model.safetensors")
    assert all(torch.equal(again[name], tensor) for name, tensor in tensors.items())


def test_smaller_sizes_are_reported_on_stderr(warm_bbp: Bbp, writer: Path, tmp_path: Path) -> None:
    done = warm_bbp("models", "convert", writer, tmp_path / "new", "--quantize", "int8")
    assert "of weights are" in done.stderr
    quiet = warm_bbp("models", "convert", writer, tmp_path / "quiet", "--quantize", "int8", "-q")
    assert (quiet.stdout, quiet.stderr) == (f"{tmp_path / 'quiet'}\n", "")


# What cannot be


def test_another_scheme_than_the_stored_one_is_a_usage_error(
    warm_bbp: Bbp, writer: Path, tmp_path: Path
) -> None:
    converted = convert(warm_bbp, writer, tmp_path / "new", "--quantize", "int8")
    for command in (
        ["summarize", "--model", converted, "--quantize", "nf4"],
        ["models", "convert", converted, tmp_path / "other", "--quantize", "nf4"],
    ):
        done = warm_bbp(*command, stdin=STORY.encode())
        assert (done.code, done.stdout) == (2, "")
        assert "is quantized as int8 already: it cannot be had as nf4" in done.stderr
    assert not (tmp_path / "other").exists()


def test_an_unknown_scheme_is_a_usage_error(warm_bbp: Bbp, writer: Path) -> None:
    done = warm_bbp("summarize", "--model", writer, "--quantize", "int3", stdin=STORY.encode())
    assert done.code == 2
    assert "int3" in done.stderr


def test_a_quantized_model_is_no_base_for_training(warm_bbp: Bbp, writer: Path, tmp_path: Path) -> None:
    converted = convert(warm_bbp, writer, tmp_path / "new", "--quantize", "int8")
    data = tmp_path / "data.jsonl"
    data.write_text(json.dumps({"document": STORY, "summary": "Short."}) + "\n")
    done = warm_bbp("train", "summarize", data, "--base", converted, "-o", tmp_path / "trained")
    assert done.code == 4
    assert "is quantized as int8, which cannot be trained" in done.stderr


def test_a_damaged_scheme_is_a_model_error(warm_bbp: Bbp, writer: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    shutil.copytree(writer, tmp_path / "odd")
    tensors = load_file(tmp_path / "odd" / "model.safetensors")
    save_file(tensors, tmp_path / "odd" / "model.safetensors", metadata={"quantization": "int5"})
    done = warm_bbp("summarize", "--model", tmp_path / "odd", stdin=STORY.encode())
    assert done.code == 4
    assert "quantized as 'int5'; known are int8, int4, nf4" in done.stderr


def test_a_model_is_not_converted_onto_itself_or_over_other_files(
    warm_bbp: Bbp, writer: Path, tmp_path: Path
) -> None:
    shutil.copytree(writer, tmp_path / "own")
    before = files_in(tmp_path / "own")
    done = warm_bbp("models", "convert", tmp_path / "own", tmp_path / "own", "--overwrite")
    assert (done.code, files_in(tmp_path / "own")) == (2, before)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for place, options in (("other", []), ("other", ["--overwrite"]), ("file", ["--overwrite"])):
        done = warm_bbp("models", "convert", writer, tmp_path / place, *options)
        assert done.code == 7, done.stderr
    assert (tmp_path / "other" / "letter.txt").read_text() == "mine"
    assert (tmp_path / "file").read_text() == "mine"
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_an_existing_model_is_replaced_only_when_asked(warm_bbp: Bbp, writer: Path, tmp_path: Path) -> None:
    place = convert(warm_bbp, writer, tmp_path / "new", "--quantize", "int8")
    refused = warm_bbp("models", "convert", writer, place, "--quantize", "nf4")
    assert (refused.code, "--overwrite replaces it" in refused.stderr) == (7, True)
    convert(warm_bbp, writer, place, "--quantize", "nf4", "--overwrite")
    assert warm_bbp("models", "info", place, "--json").records[0]["quantization"] == "nf4"


def test_a_folder_that_cannot_be_made_is_an_output_error(warm_bbp: Bbp, writer: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = warm_bbp("models", "convert", writer, tmp_path / "file" / "new")
    assert done.code == 7
    assert "cannot write" in done.stderr


def test_an_empty_folder_is_taken(warm_bbp: Bbp, writer: Path, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    assert (convert(warm_bbp, writer, tmp_path / "new") / "config.json").is_file()


def test_a_checkpoint_without_its_head_is_not_converted(warm_bbp: Bbp, writer: Path, tmp_path: Path) -> None:
    shutil.copytree(writer, tmp_path / "headless")
    config = json.loads((tmp_path / "headless" / "config.json").read_text())
    config["architectures"] = ["BigBirdPegasusForSequenceClassification"]
    (tmp_path / "headless" / "config.json").write_text(json.dumps(config))
    done = warm_bbp("models", "convert", tmp_path / "headless", tmp_path / "new")
    assert done.code == 4
    assert "the checkpoint lacks its head" in done.stderr
