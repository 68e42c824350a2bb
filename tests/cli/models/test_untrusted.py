"""Checkpoints that lie: an answer or one line of the documented kinds, in bounded time and memory."""

import json
import re
import shutil
import warnings
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from bigbird_pegasus.errors import BigBirdPegasusError
from bigbird_pegasus.loading import CLASSES
from safetensors.torch import load_file, save_file

from tests.cli.checkpoints import small_config, train_vocabulary
from tests.cli.models.forked import Ended, forked
from tests.cli.models.mutations import LFS_POINTER, mutate
from tests.conftest import DOCUMENTS, Bbp

CLASSIFIER, WRITER = "BigBirdPegasusForSequenceClassification", "BigBirdPegasusForConditionalGeneration"
COMMANDS = {
    CLASSIFIER: ("classify",),
    WRITER: ("summarize", "--length", "5"),
    "BigBirdPegasusForQuestionAnswering": ("qa", "When did the harbour freeze?"),
    "BigBirdPegasusForSentenceExtraction": ("summarize",),
}
DONE, UNUSABLE, USAGE = 0, 4, 2
MAX_GROWTH_BYTES = 300_000_000
MAX_LINE_CHARACTERS = 500


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A checkpoint of each kind with random weights, by its architecture."""
    folders = {}
    for architecture in COMMANDS:
        folder = tmp_path_factory.mktemp(architecture)
        tokenizer = train_vocabulary(folder, DOCUMENTS, 300, 96)
        torch.manual_seed(0)
        CLASSES[architecture](small_config(tokenizer, architecture)).save_pretrained(folder)
        folders[architecture] = folder
    return folders


@pytest.fixture
def document(tmp_path: Path) -> Path:
    """A text to read."""
    path = tmp_path / "document.txt"
    path.write_text(next(iter(DOCUMENTS)), encoding="utf-8")
    return path


def by_command(folder: Path, document: Path, architecture: str) -> int:
    """Run `bbp` on a document with a checkpoint and return its exit code."""
    from bbp_cli.main import main

    return main([*COMMANDS[architecture], str(document), "--model", str(folder), "--json"])


def by_package(folder: Path, document: Path, architecture: str) -> int:
    """Load a checkpoint and run it as a script would; return 0, or 4 for an error of the package."""
    from bigbird_pegasus import PegasusTokenizer
    from bigbird_pegasus.loading import load_model

    warnings.simplefilter("ignore")
    try:
        tokenizer = PegasusTokenizer.from_pretrained(folder)
        model: Any = load_model(folder)
        text = document.read_text(encoding="utf-8")
        encoding = tokenizer(text, truncation=True, max_length=64, return_tensors="pt")
        with torch.no_grad():
            if architecture == WRITER:
                model.generate(**encoding, max_new_tokens=8)
            elif "Extraction" not in architecture:
                model(**encoding)
    except BigBirdPegasusError as error:
        print(error)
        return UNUSABLE
    return DONE


WAYS = (by_command, by_package)


def verdict(ended: Ended, growth: int) -> str | None:
    """Say what is wrong with how a run ended that took so many bytes more than usual; None if nothing is."""
    if ended.code not in (DONE, UNUSABLE, USAGE, 5):
        return f"code {ended.code}: {ended.stderr[-300:]}"
    if growth > MAX_GROWTH_BYTES:
        return f"grew by {growth / 1e6:.0f} MB"
    errors = [line for line in ended.stderr.splitlines() if line.startswith("bbp: error:")]
    if len(errors) > 1 or any(len(line) > MAX_LINE_CHARACTERS for line in errors):
        return f"{len(errors)} lines of errors, {max(map(len, errors))} characters"
    return "a pickle ran a function" if "this was run" in ended.stdout else None


# Each kind once, with what must be said


def change(name: str, **values: Any) -> Callable[[Path], None]:
    """Return what sets keys of a JSON file."""

    def write(folder: Path) -> None:
        path = folder / name
        content = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        path.write_text(json.dumps(content | values), encoding="utf-8")

    return write


def put(name: str, data: bytes) -> Callable[[Path], None]:
    """Return what writes a file; weights of another name go."""

    def write(folder: Path) -> None:
        if name.endswith((".bin", ".index.json")):
            (folder / "model.safetensors").unlink()
        (folder / name).write_bytes(data)

    return write


def config(**values: Any) -> Callable[[Path], None]:
    return change("config.json", **values)


def generation(**values: Any) -> Callable[[Path], None]:
    return change("generation_config.json", **values)


def index(*names: str) -> Callable[[Path], None]:
    content = {"weight_map": {str(number): name for number, name in enumerate(names)}}
    return put("model.safetensors.index.json", json.dumps(content).encode())


def poison(name: str) -> Callable[[Path], None]:
    """Return what fills a tensor with NaN."""

    def write(folder: Path) -> None:
        tensors = load_file(folder / "model.safetensors")
        tensors[name].fill_(float("nan"))
        save_file(tensors, folder / "model.safetensors")

    return write


REFUSED: dict[str, tuple[str, Callable[[Path], None]]] = {
    "the model computes NaN or infinity": (WRITER, poison("model.decoder.layers.0.fc1.weight")),
    "d_model is above 100000000": (CLASSIFIER, config(d_model=2**63)),
    "weights of 1 layers, the configuration says 1000000": (CLASSIFIER, config(encoder_layers=10**6)),
    "weights of 1 layers, the configuration says 70": (CLASSIFIER, config(decoder_layers=70)),
    "eos_token_id is 0.5": (CLASSIFIER, config(eos_token_id=0.5)),
    "at least one <eos> token": (CLASSIFIER, config(eos_token_id=None)),
    "extra is 5": (CLASSIFIER, config(extra=5)),
    "id2label numbers its labels": (CLASSIFIER, config(id2label={"a": "x"})),
    "id2label is 'a'": (CLASSIFIER, config(id2label="a")),
    "map numbers and names, not \\[\\]": (CLASSIFIER, config(id2label={"0": []})),
    "there are 100001 labels": (CLASSIFIER, config(id2label={str(n): "a" for n in range(100_001)})),
    "without gaps, not 5": (CLASSIFIER, config(id2label={"5": "a"})),
    "num_labels must be a whole number from 1 to 100000": (
        CLASSIFIER,
        config(id2label=None, label2id=None, num_labels=10**8),
    ),
    "architectures is": (CLASSIFIER, config(architectures=[CLASSIFIER, 5])),
    "attention_type is \\[\\]": (CLASSIFIER, config(attention_type=[])),
    "use_cache is 'x'": (CLASSIFIER, config(use_cache="x")),
    "init_std is nan: it must be a finite number": (CLASSIFIER, config(init_std=float("nan"))),
    "init_std is 100000.0: it must be a small number": (CLASSIFIER, config(init_std=1e5)),
    "dropout is inf: it must be a probability": (CLASSIFIER, config(dropout=float("inf"))),
    "length_penalty is 1e\\+30: it must be from -10 to 10": (WRITER, generation(length_penalty=1e30)),
    "num_beams is too large: it must be at most 128": (WRITER, generation(num_beams=10**6)),
    "eos_token_id has 5000 token ids: 100 at most": (WRITER, generation(eos_token_id=[1] * 5000)),
    "seed is too large": (WRITER, generation(seed=2**64)),
    "it nests more than 50 levels": (
        CLASSIFIER,
        config(deep=json.loads("[" * 60 + "]" * 60)),
    ),
    "maximum recursion depth": (CLASSIFIER, put("config.json", b"[" * 100_000)),
    "it has more than 10 MB": (CLASSIFIER, put("config.json", b" " * 10_000_001)),
    "config.json cannot be read: it is a Git LFS pointer": (CLASSIFIER, put("config.json", LFS_POINTER)),
    "model.safetensors cannot be read: it is a Git LFS": (CLASSIFIER, put("model.safetensors", LFS_POINTER)),
    "model.bin cannot be read: it is a Git LFS": (CLASSIFIER, put("pytorch_model.bin", LFS_POINTER)),
    "spiece.model cannot be read: it is a Git LFS": (CLASSIFIER, put("spiece.model", LFS_POINTER)),
    "its header claims 18,446,744,073,709,551,615 bytes": (
        CLASSIFIER,
        put("model.safetensors", b"\xff" * 200),
    ),
    "corrupt or holds more than weights": (CLASSIFIER, put("pytorch_model.bin", b".")),
    "not a SentencePiece model": (CLASSIFIER, put("spiece.model", b"\xff" * 200_000)),
    "more than 20 MB": (CLASSIFIER, put("spiece.model", b"\0" * 20_000_001)),
    "model_max_length is True": (CLASSIFIER, change("tokenizer_config.json", model_max_length=True)),
    "reads 1 tokens at once": (CLASSIFIER, change("tokenizer_config.json", model_max_length=1)),
    "names '../a.safetensors', which is no file of weights beside it": (
        CLASSIFIER,
        index("../a.safetensors"),
    ),
    "names '/dev/zero'": (CLASSIFIER, index("/dev/zero")),
    "names 5000 files": (CLASSIFIER, index(*(f"{n}.safetensors" for n in range(5000)))),
    "lacks 0.safetensors, 1.safetensors, 10.safetensors, 11.safetensors, 12.safetensors and 15 more": (
        CLASSIFIER,
        index(*(f"{n}.safetensors" for n in range(20))),
    ),
    "it names no files": (CLASSIFIER, index()),
    "it is not an index of weights": (CLASSIFIER, put("model.safetensors.index.json", b'{"weight_map": 5}')),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_a_checkpoint_may_not_say_is_one_line(
    message: str, good: dict[str, Path], tmp_path: Path, document: Path, warm_bbp: Bbp
) -> None:
    architecture, damage = REFUSED[message]
    shutil.copytree(good[architecture], tmp_path / "model")
    damage(tmp_path / "model")
    done = warm_bbp(*COMMANDS[architecture], document, "--model", tmp_path / "model")
    assert done.code in (UNUSABLE, USAGE)
    (line,) = done.stderr.splitlines()
    assert len(line) <= MAX_LINE_CHARACTERS
    assert re.search(message, line)


@pytest.mark.parametrize(
    ("architecture", "harmless"),
    [
        *((architecture, config(return_dict=False)) for architecture in COMMANDS),
        (CLASSIFIER, config(self=1, cls=2, to_dict=3)),
        (CLASSIFIER, config(num_random_blocks=10**7)),
        (WRITER, generation(num_beams=128, num_return_sequences=128)),
        (WRITER, generation(repetition_penalty=1e308)),
        (WRITER, generation(max_length=10**8)),  # bbp writes as much as the model can
    ],
)
def test_what_is_only_unusual_works(
    architecture: str,
    harmless: Callable[[Path], None],
    good: dict[str, Path],
    tmp_path: Path,
    document: Path,
    warm_bbp: Bbp,
) -> None:
    shutil.copytree(good[architecture], tmp_path / "model")
    harmless(tmp_path / "model")
    assert warm_bbp(*COMMANDS[architecture], document, "--model", tmp_path / "model").code == DONE


# Kinds that nobody thought of


def runs_of_mutations(
    seeds: range, good: dict[str, Path], document: Path, folder: Path
) -> list[tuple[int, str]]:
    """Return the seeds of mutated checkpoints that end otherwise than they may, and how; print the counts."""
    wrong, codes, most = [], Counter[int](), 0
    usual: dict[tuple[str, object], int] = {}  # of a fork that reads the checkpoint as it was
    for seed in seeds:
        architecture = list(COMMANDS)[seed % len(COMMANDS)]
        way = WAYS[seed // len(COMMANDS) % 2]
        if (architecture, way) not in usual:
            run = forked(partial(way, good[architecture], document, architecture), folder)
            assert run.code == DONE, run.stderr
            usual[architecture, way] = run.growth_bytes
        mutate(good[architecture], folder / "model", seed)
        ended = forked(partial(way, folder / "model", document, architecture), folder)
        codes[ended.code] += 1
        growth = ended.growth_bytes - usual[architecture, way]
        most = max(most, growth)
        if problem := verdict(ended, growth):
            wrong.append((seed, problem))
        shutil.rmtree(folder / "model")
    ends = ", ".join(f"{count} x {code}" for code, count in sorted(codes.items()))
    extra = f"at most {most / 1e6:.0f} MB more than usual"
    print(f"seeds {seeds.start}-{seeds.stop - 1}: exit codes {ends}; {extra}")
    return wrong


def test_mutated_checkpoints_end_as_documented(good: dict[str, Path], document: Path, tmp_path: Path) -> None:
    assert runs_of_mutations(range(40), good, document, tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 10_000, 500))  # one piece: -k "documented[500]"
def test_ten_thousand_mutated_checkpoints_end_as_documented(
    first: int, good: dict[str, Path], document: Path, tmp_path: Path
) -> None:
    assert runs_of_mutations(range(first, first + 500), good, document, tmp_path) == []
