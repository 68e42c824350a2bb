"""What the tests of named models say again and again about files and errors."""

import json
from pathlib import Path

from tests.cli.process import Finished

NAME = "tester/tiny"
WEIGHTS = "model.safetensors"


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def pulled(done: Finished) -> dict[str, bytes]:
    """What is in the folder that `bbp models pull` printed."""
    assert done.code == 0, done.stderr
    return files_of(Path(done.stdout.removesuffix("\n")))


def partial_files(cache: Path) -> list[Path]:
    return list(cache.glob("models--*/blobs/*.incomplete"))


def assert_refused(done: Finished, code: int, *told: str) -> None:
    """One line of error that says so."""
    assert (done.code, done.stdout) == (code, ""), done
    errors = [line for line in done.stderr.splitlines() if not line.startswith("bbp: downloading ")]
    assert len(errors) == 1
    assert errors[0].startswith("bbp: error: ")
    for words in told:
        assert words in errors[0]


def in_shards(folder: Path) -> dict[str, bytes]:
    """The files of a checkpoint with its weights in two parts and an index."""
    from safetensors.torch import load_file, save

    files = files_of(folder)
    del files[WEIGHTS]
    tensors = load_file(folder / WEIGHTS)
    names = sorted(tensors)
    halves = {
        f"model-0000{n}-of-00002.safetensors": {name: tensors[name] for name in names[n - 1 :: 2]}
        for n in (1, 2)
    }
    index = {"weight_map": {name: file for file, half in halves.items() for name in half}}
    files["model.safetensors.index.json"] = json.dumps(index).encode()
    return files | {name: save(half, metadata={"format": "pt"}) for name, half in halves.items()}
