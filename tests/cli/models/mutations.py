"""Checkpoints damaged or forged at random: each seed is one of them, always the same.

A mutation changes one or two files of a good checkpoint: values, keys and types in its JSON files, the header
and content of its weights, bytes of its vocabulary.
"""

import io
import json
import pickle
import random
import shutil
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 2307000000\n"
# What may stand where something else is meant.
VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        2,
        3,
        7,
        0.5,
        -0.5,
        1.0,
        1e30,
        1e308,
        10**6,
        10**8,
        10**9,
        2**31,
        2**63,
        10**400,
    ),
    *(
        -(2**63),
        float("nan"),
        float("inf"),
        float("-inf"),
        "",
        "a",
        "0",
        "1",
        "auto",
        "x" * 100_000,
        "\ud800",
        "\0",
    ),
    *(
        "a\nb",
        "../../etc/passwd",
        "float8_e4m3fn",
        "int8",
        "complex64",
        [],
        [0],
        [1, 2],
        [[]],
        ["a"],
        [None],
        [0.5],
    ),
    *(
        [10**9],
        list(range(10_000)),
        ["x" * 1000] * 1000,
        {},
        {"a": "b"},
        {"0": "a"},
        {"0": None, "1": []},
        {"1": "a"},
    ),
    *({"content": "<s>"}, {"content": 5}, {"content": None}, {"__type": "AddedToken", "content": "</s>"}),
    *({"default": {"a": 1}}, {str(n): n for n in range(3000)}),
)
KEYS = (
    *(
        "self",
        "cls",
        "extra",
        "config",
        "__class__",
        "__dict__",
        "__init__",
        "to_dict",
        "replace",
        "fields",
        "",
        "\n",
    ),
    *(
        "num_labels",
        "id2label",
        "label2id",
        "hidden_size",
        "num_hidden_layers",
        "num_attention_heads",
        "torch_dtype",
    ),
    *(
        "return_dict",
        "output_attentions",
        "output_hidden_states",
        "use_return_dict",
        "quantization_config",
        "use_cache",
    ),
    *(
        "num_beams",
        "num_return_sequences",
        "length_penalty",
        "max_length",
        "min_length",
        "max_new_tokens",
        "top_k",
    ),
    *(
        "no_repeat_ngram_size",
        "repetition_penalty",
        "do_sample",
        "temperature",
        "top_p",
        "early_stopping",
        "seed",
    ),
    *("forced_eos_token_id", "forced_bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id"),
    *(
        "task_specific_params",
        "auto_map",
        "model_max_length",
        "offset",
        "additional_special_tokens",
        "mask_token",
    ),
    *("mask_token_sent", "added_tokens_decoder", "sp_model_kwargs", "tokenizer_class", "suppress_tokens"),
    *(
        "bad_words_ids",
        "attention_type",
        "position_embedding",
        "problem_type",
        "name_or_path",
        "_name_or_path",
    ),
)
JSON_FILES = ("config.json", "generation_config.json", "tokenizer_config.json", "special_tokens_map.json")
DTYPES = (
    *(
        torch.float16,
        torch.bfloat16,
        torch.float64,
        torch.int8,
        torch.int64,
        torch.bool,
        torch.complex64,
        torch.uint8,
    ),
    *(torch.float8_e4m3fn, torch.float8_e5m2),
)


def mutate(good: Path, folder: Path, seed: int) -> None:
    """Write a mutated copy of a checkpoint."""
    draw = random.Random(seed)
    shutil.copytree(good, folder)
    for _ in range(draw.choice((1, 1, 1, 2))):
        with suppress(OSError, RuntimeError):  # the first may have left what the second cannot change
            draw.choices(MUTATIONS, WEIGHTS)[0](folder, draw)


# JSON files


def _a_json_file(folder: Path, draw: random.Random) -> tuple[Path, dict[str, Any]]:
    path = folder / draw.choice(JSON_FILES[:1] * 3 + JSON_FILES)
    try:
        values = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError:
        values = {}
    return path, values if isinstance(values, dict) else {}


def change_values(folder: Path, draw: random.Random) -> None:
    """Give up to three keys, known or not, values of any kind."""
    path, values = _a_json_file(folder, draw)
    for _ in range(draw.choice((1, 1, 2, 3))):
        values[draw.choice([*values] * 3 + [*KEYS])] = draw.choice(VALUES)
    path.write_text(json.dumps(values, default=str), encoding="utf-8")


def nudge_numbers(folder: Path, draw: random.Random) -> None:
    """Change numbers to others that might be meant: sizes, ids and shares that do not fit the rest."""
    path, values = _a_json_file(folder, draw)
    numbers = [key for key, value in values.items() if type(value) in (int, float)]
    for key in draw.sample(numbers, min(2, len(numbers))):
        values[key] = draw.choice(
            (values[key] * 2, values[key] + 1, values[key] - 1, -values[key], values[key] * 1000)
        )
    path.write_text(json.dumps(values), encoding="utf-8")


def drop_keys(folder: Path, draw: random.Random) -> None:
    """Leave keys out."""
    path, values = _a_json_file(folder, draw)
    for key in draw.sample(sorted(values), min(len(values), draw.randint(1, 5))):
        del values[key]
    path.write_text(json.dumps(values), encoding="utf-8")


def repeat_keys(folder: Path, draw: random.Random) -> None:
    """Write a key twice, with two values."""
    path, values = _a_json_file(folder, draw)
    key = draw.choice([*values, "vocab_size"])
    text = json.dumps(values).removesuffix("}") + ("," if values else "")
    path.write_text(text + f"{json.dumps(key)}: {json.dumps(draw.choice(VALUES))}}}", encoding="utf-8")


def replace_json(folder: Path, draw: random.Random) -> None:
    """Put something in the place of a JSON object."""
    depth = draw.choice((100, 500, 900, 3000, 100_000))
    texts: tuple[bytes, ...] = (
        *(
            b"",
            b"null",
            b"[]",
            b"5",
            b'"a"',
            b"{",
            b"{}",
            b"\xff\xfe{\0}\0",
            b"\xef\xbb\xbf{}",
            LFS_POINTER,
            b"\0" * 999,
        ),
        *(b"[" * depth, b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth, b"1" * 10_000),
    )
    path, values = _a_json_file(folder, draw)
    if draw.random() < 0.2:  # nested inside an object that is good
        text = json.dumps(values).removesuffix("}") + ("," if values else "") + '"deep":'
        path.write_bytes(text.encode() + b"[" * depth + b"]" * depth + b"}")
    else:
        path.write_bytes(draw.choice(texts))


def _vocabulary_size(config: Path) -> int:
    """Return what a configuration says, or, where another mutation has damaged it, some number."""
    if not config.is_file():  # it may be a link to /dev/zero
        return 300
    try:
        found = json.loads(config.read_bytes())["vocab_size"]
    except (OSError, ValueError, TypeError, LookupError, RecursionError):
        return 300
    return found if isinstance(found, int) and 0 < found < 1 << 31 else 300


def add_tokens(folder: Path, draw: random.Random) -> None:
    """Name tokens beside the vocabulary, with ids of any kind."""
    size = _vocabulary_size(folder / "config.json")
    ids = (size, size, size + 1, 0, 1, *VALUES)
    tokens = ("<new>", "a", "</s>", "<pad>", "▁the", " ", "", "\0", "\ud800", "x" * 100_000)
    count = draw.choice((0, 1, 1, 2, 3, 50_000))
    found = {
        draw.choice(tokens) if count < 9 else f"<{number}>": draw.choice(ids) if count < 9 else size + number
        for number in range(count)
    }
    (folder / "added_tokens.json").write_text(json.dumps(found, default=str), encoding="utf-8")


# Any file


def flip_bytes(folder: Path, draw: random.Random) -> None:
    """Change a few bytes of a file."""
    path = draw.choice(sorted(path for path in folder.iterdir() if path.is_file()))
    data = bytearray(path.read_bytes())
    reach = len(data) if draw.random() < 0.5 else min(len(data), 4000)
    for _ in range(draw.choice((1, 1, 2, 8, 64))):
        if reach:
            data[draw.randrange(reach)] = draw.choice((0, 0xFF, 0x7F, 0x80, draw.randrange(256)))
    path.write_bytes(data)


def cut(folder: Path, draw: random.Random) -> None:
    """Cut a file, or let it go on."""
    path = draw.choice(sorted(path for path in folder.iterdir() if path.is_file()))
    data = path.read_bytes()
    end = draw.choice((0, 1, 7, 8, 9, 100, len(data) // 2, len(data) - 1, draw.randrange(len(data) + 1)))
    path.write_bytes(data[:end] if draw.random() < 0.8 else data + data[:end])


def cast(tensor: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Convert a tensor, of a complex one its real part."""
    return (tensor.real if tensor.is_complex() and not dtype.is_complex else tensor).to(dtype)


def replace_file(folder: Path, draw: random.Random) -> None:
    """Put a folder, a pointer, a link, bytes or nothing in the place of a file."""
    path = draw.choice(sorted(path for path in folder.iterdir() if path.is_file()))
    path.unlink()
    kind = draw.randrange(6)
    if kind == 0:
        path.mkdir()
    elif kind == 1:
        path.write_bytes(LFS_POINTER)
    elif kind == 2:
        path.symlink_to(path.name)
    elif kind == 3:
        path.write_bytes(
            draw.choice((b"\xff", b"\0", b".", b"PK\x03\x04", b"<!DOCTYPE html>"))
            * draw.choice((1, 9, 200_000))
        )
    elif kind == 4:
        path.symlink_to("/dev/zero")


# Weights


def forge_header(folder: Path, draw: random.Random) -> None:
    """Change shapes, types, places or names in the header of the weights."""
    path = folder / "model.safetensors"
    if not path.is_file() or path.stat().st_size < 9:
        return
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    try:
        header = json.loads(data[8 : 8 + length])
        name = draw.choice(sorted(set(header) - {"__metadata__"}))
        entry = header[name]
    except (ValueError, TypeError, LookupError):
        return
    kind = draw.randrange(7)
    if kind == 0:
        entry["shape"] = draw.choice(
            ([], [0], [1], [10**9], [2**63], [-1], [2**32, 2**32], "a", None, [0.5], [[1]])
        )
    elif kind == 1:
        entry["dtype"] = draw.choice(
            ("F64", "F16", "BF16", "I8", "I64", "BOOL", "F8_E4M3", "C64", "U4", "", None, 5)
        )
    elif kind == 2:
        entry["data_offsets"] = draw.choice(
            ([0, 0], [0, 4], [4, 0], [-1, 3], [0, 2**63], [2**40, 2**41], None, "a")
        )
    elif kind == 3:
        del header[name]
        header[
            draw.choice(
                ("../a", "", name + ".code", "encoder.layers.999999999.fc1.weight", "x" * 100_000, "\0")
            )
        ] = entry
    elif kind == 4:
        header["__metadata__"] = draw.choice(
            ({}, [], None, 5, {"quantization": "int8"}, {"quantization": "x" * 9000})
        )
    elif kind == 5:
        header |= {f"encoder.layers.{n}.fc1.bias": entry for n in range(20_000)}
    else:
        length = draw.choice((0, 1, 2**32, 2**63, 2**64 - 1, length + 1))
        path.write_bytes(struct.pack("<Q", length) + data[8:])
        return
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])


def change_tensors(folder: Path, draw: random.Random) -> None:
    """Write well-formed weights with other values, types, shapes or names."""
    path = folder / "model.safetensors"
    try:
        tensors = load_file(path)
    except Exception:  # noqa: BLE001 - another mutation was here
        return
    for name in draw.sample(sorted(tensors), min(len(tensors), draw.randint(1, 3))):
        tensor = tensors[name]
        kind = draw.randrange(6)
        if kind == 0:
            tensors[name] = torch.full_like(tensor, draw.choice((float("nan"), float("inf"), 1e38, 0.0)))
        elif kind == 1:
            tensors[name] = cast(tensor, draw.choice(DTYPES))
        elif kind == 2:
            tensors[name] = draw.choice(
                (tensor[:-1], tensor[None], tensor.flatten(), tensor.repeat(2, *[1] * (tensor.dim() - 1)))
            ).contiguous()
        elif kind == 3:
            del tensors[name]
        elif kind == 4:
            tensors[draw.choice(("a", "model." + name, name.replace(".0.", ".7."), "lm_head.weight"))] = (
                tensor.clone()
            )
        else:
            tensors = {key: cast(value, draw.choice(DTYPES)) for key, value in tensors.items()}
    save_file(tensors, path)


class _Call:
    """A pickle of it calls a function when it is loaded."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("this was run",))


def write_pickle(folder: Path, draw: random.Random) -> None:
    """Store the weights as a pickle, with something wrong in it."""
    path = folder / "model.safetensors"
    try:
        tensors: dict[Any, Any] = dict(load_file(path))
    except Exception:  # noqa: BLE001 - another mutation was here
        return
    path.unlink()
    path = folder / "pytorch_model.bin"
    name = draw.choice(sorted(tensors))
    kind = draw.randrange(9)
    content: Any = tensors
    if kind == 0:
        tensors[name] = _Call()
    elif kind == 1:
        tensors[name] = torch.zeros(1).expand(
            draw.choice(((10**9,), (10**6, 10**6), tuple(tensors[name].shape)))
        )
    elif kind == 2:
        tensors[draw.choice((5, None, (1, 2), b"a"))] = tensors[name]
    elif kind == 3:
        tensors[name] = draw.choice(
            (5, None, [], {}, "a", tensors[name].to_sparse(), tensors[name].to(draw.choice(DTYPES)))
        )
    elif kind == 4:
        content = draw.choice(([], 5, None, {}, {"state_dict": tensors}, [tensors], torch.zeros(3)))
    elif kind == 5:
        path.write_bytes(
            draw.choice(
                (b".", b"\x80\x02.", b"(" * 100_000, b"\x80\x02]" * 9, b"cos\nsystem\n.", LFS_POINTER)
            )
        )
        return
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=draw.random() < 0.7)
    data = bytearray(buffer.getvalue())
    if kind >= 6:
        for _ in range(draw.choice((1, 4, 64))):
            data[draw.randrange(min(len(data), draw.choice((300, 9000, len(data)))))] = draw.randrange(256)
    path.write_bytes(pickle.dumps(content) if kind == 4 and draw.random() < 0.3 else data)


def write_index(folder: Path, draw: random.Random) -> None:
    """Put an index in the place of the weights, which names what it should not."""
    weights = folder / "model.safetensors"
    if not weights.is_file():
        return
    weights.rename(folder / "model-00001-of-00001.safetensors")
    good = "model-00001-of-00001.safetensors"
    names: tuple[Any, ...] = (
        *(
            good,
            "../" + good,
            str(folder.parent / "a.safetensors"),
            "/dev/zero",
            "/etc/passwd",
            "",
            ".",
            "..",
            "\0",
            "\ud800",
        ),
        *(
            "x" * 300,
            "a/b",
            5,
            None,
            [],
            {},
            "config.json",
            "spiece.model",
            "pytorch_model.bin",
            "model.safetensors.index.json",
        ),
    )
    maps: tuple[Any, ...] = (
        *({"a": draw.choice(names)}, {"a": good, "b": draw.choice(names)}, {}, [], None, 5, "a"),
        {str(n): f"model-{n}.safetensors" for n in range(20_000)},
    )
    index = {"weight_map": draw.choice(maps)} if draw.random() < 0.95 else {}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")


MUTATIONS: tuple[Callable[[Path, random.Random], None], ...] = (
    *(
        change_values,
        nudge_numbers,
        drop_keys,
        repeat_keys,
        replace_json,
        flip_bytes,
        cut,
        replace_file,
        forge_header,
    ),
    *(change_tensors, write_pickle, write_index, add_tokens),
)
WEIGHTS = (8, 4, 2, 2, 2, 3, 2, 2, 3, 3, 3, 2, 2)
