"""Threads, device and precision: what the machine allows, unless the user says otherwise."""

import json
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from bbp_cli.errors import ResourceError, UsageError
from bbp_cli.models.hardware import default_threads, prepare
from bbp_cli.models.memory import memory_errors
from tests.conftest import STORY, Bbp

PROCESSORS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def make_group(root: Path, line: str, limits: dict[str, str]) -> None:
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(line)
    for name, content in limits.items():
        path = root / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


@pytest.fixture(autouse=True)
def no_openmp_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


@pytest.mark.parametrize(
    ("line", "limits"),
    [
        ("0::/\n", {"cpu.max": "100000 100000\n"}),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "90000 100000\n"}),
        ("4:cpu,cpuacct:/\n", {"cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "100000\n"}),
    ],
)
def test_a_quota_of_at_most_one_processor_means_one_thread(
    line: str, limits: dict[str, str], tmp_path: Path
) -> None:
    make_group(tmp_path, line, limits)
    assert default_threads(tmp_path) == 1


@pytest.mark.parametrize(
    ("line", "limits"),
    [
        ("", {}),
        ("0::/\n", {"cpu.max": "max 100000\n"}),
        ("4:cpu:/\n3:memory:/x\n", {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}),
        ("0::/\n", {"cpu.max": "9000000 1000\n"}),
    ],
)
def test_without_a_quota_there_are_as_many_threads_as_processors(
    line: str, limits: dict[str, str], tmp_path: Path
) -> None:
    make_group(tmp_path, line, limits)
    assert default_threads(tmp_path) == PROCESSORS


def test_openmp_settings_are_respected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert default_threads(tmp_path) == 1


def test_given_device_precision_and_threads_are_used() -> None:
    hardware = prepare("cpu", "float16", 1)
    assert (hardware.device, hardware.dtype, hardware.threads) == ("cpu", "float16", 1)


def test_auto_takes_bfloat16_only_where_the_processor_has_it() -> None:
    import torch

    capabilities = torch.cpu.get_capabilities()
    has_it = capabilities.get("avx512_bf16") or capabilities.get("amx_bf16")
    assert prepare("cpu", "auto", 1).dtype == ("bfloat16" if has_it else "float32")


def test_unknown_and_missing_devices_have_different_errors() -> None:
    with pytest.raises(UsageError, match="unknown device"):
        prepare("abacus")
    for name in ("cuda:99", "xla"):
        with pytest.raises(ResourceError, match="no device"):
            prepare(name)


def test_running_out_of_memory_is_a_resource_error() -> None:
    import torch

    with pytest.raises(ResourceError, match=r"out of memory: 1\.1 PB more"), memory_errors():
        torch.empty(1 << 50, dtype=torch.uint8)
    with pytest.raises(ResourceError, match=r"out of memory: 2\.1 GB more"), memory_errors():
        raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has ...")
    with pytest.raises(ResourceError, match=r"out of memory$"), memory_errors():
        bytearray(1 << 60)
    with (
        pytest.raises(ResourceError, match=r"while 2\.3 GB of weights were loaded"),
        memory_errors(2308014332),
    ):
        bytearray(1 << 60)
    with pytest.raises(RuntimeError, match="shapes"), memory_errors():
        torch.zeros(2, 3) @ torch.zeros(2, 3)


LIMITED = """
import resource, sys, torch
from pathlib import Path
from bigbird_pegasus import load_model
from bbp_cli.main import main
load_model(sys.argv.pop(1))  # what torch starts at first use
pages = int(Path("/proc/self/statm").read_text().split()[0])
most = pages * resource.getpagesize() + (150 << 20)
resource.setrlimit(resource.RLIMIT_AS, (most, most))
sys.exit(main())
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the size of a process is read from /proc")
def test_weights_that_do_not_fit_are_exit_5_with_their_size(writer: Path, tmp_path: Path) -> None:
    large = tmp_path / "large"
    shutil.copytree(writer, large)
    with (large / "model.safetensors").open("r+b") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header, tensors = json.loads(file.read(length)), file.read()
        places = [len(tensors), len(tensors) + (1 << 30)]
        header["large"] = {"dtype": "U8", "shape": [1 << 30], "data_offsets": places}
        encoded = json.dumps(header).encode()
        file.seek(0)
        file.write(struct.pack("<Q", len(encoded)) + encoded + tensors)
        file.truncate(8 + len(encoded) + places[1])  # a hole: it takes no room on the disk
    command = [sys.executable, "-c", LIMITED, str(writer), "summarize", "--model", str(large)]
    done = subprocess.run(command, input=STORY, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (5, "")
    assert "out of memory while 1.1 GB of weights were loaded" in done.stderr


def test_a_missing_device_is_exit_5(warm_bbp: Bbp, writer: Path) -> None:
    done = warm_bbp("summarize", "--model", writer, "--device", "cuda:99", stdin=STORY.encode())
    assert (done.code, done.stdout) == (5, "")
    assert done.stderr == "bbp: error: no device 'cuda:99' here (--device cpu always works)\n"


def test_bfloat16_is_in_the_record(warm_bbp: Bbp, writer: Path, extractive: Path) -> None:
    for model in (writer, extractive):
        done = warm_bbp(
            "summarize",
            "--json",
            "--model",
            model,
            "--dtype",
            "bfloat16",
            "--threads",
            1,
            stdin=STORY.encode(),
        )
        assert done.records[0]["model"]["dtype"] == "bfloat16"
        assert done.records[0]["model"]["device"] == "cpu"


def test_doctor_names_everything_it_looked_at(warm_bbp: Bbp) -> None:
    done = warm_bbp("doctor", "--threads", 1, "--dtype", "float32")
    assert (done.code, done.stderr) == (0, "")
    values = dict(line.split(":", 1) for line in done.stdout.splitlines())
    assert values["threads"].strip() == "1"
    assert values["dtype"].split()[0] == "float32"
    assert {
        "bbp",
        "python",
        "torch",
        "pypdfium2",
        "chardet",
        "device",
        "default model",
        "model cache",
    } <= set(values)
