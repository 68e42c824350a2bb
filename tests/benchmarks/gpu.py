"""One run on a GPU of at most eight minutes: is every class right there, and how fast beside transformers.

    PYTHONPATH=.:model python3 -m tests.benchmarks.gpu --output runs/gpu.json
    python -m tests.benchmarks.gpu --device cpu --tiny       # only to see that this runs
    python -m tests.benchmarks.gpu --only parity,speed

Needs the checkout, torch, numpy and safetensors. What needs more (transformers, bitsandbytes, the libraries
of the command) is skipped where that is missing, and says so. Each part is a process of its own with a limit
of time: one that hangs or breaks the device costs no other. A result is printed as soon as it is there; the
last lines are a Markdown table of all, with `--output` there is a JSON file, too. The exit code is 1 where a
check failed.
"""

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from tests.benchmarks import gpu_attention, gpu_parity, gpu_quantization, gpu_speed
from tests.benchmarks.gpu_case import Case, NotHereError, Setting

ROOT = Path(__file__).resolve().parents[2]
MINUTES = 8.0
END_S = 5.0  # left for the tables
PACKAGES = (
    "torch",
    "triton",
    "transformers",
    "bitsandbytes",
    "numpy",
    "safetensors",
    "sentencepiece",
    "sentencex",
)


@dataclass(frozen=True)
class Part:
    """Some cases, and how many of the seconds of `MINUTES` they may take; `checks`: an error is a fault."""

    cases: Callable[[Setting], Iterator[Case]]
    budget_s: float
    checks: bool


PARTS = {
    "environment": Part(lambda setting: iter([Case("versions", lambda: _environment(setting))]), 30, False),
    "parity": Part(gpu_parity.parity, 75, True),
    "gradients": Part(gpu_parity.gradients, 40, True),
    "ids": Part(gpu_parity.ids, 60, True),
    "quantization": Part(gpu_quantization.quantization, 60, True),
    "command": Part(gpu_parity.command, 90, True),
    "attention": Part(gpu_attention.attention, 90, True),
    "speed": Part(gpu_speed.speed, 150, False),
    "step": Part(gpu_speed.step, 45, False),
    "quantized-speed": Part(gpu_speed.quantized_speed, 60, False),
}


@dataclass(frozen=True)
class Result:
    """What was found in one case: figures by their names, and whether they are right (None: no check)."""

    part: str
    case: str
    figures: Mapping[str, Any] = field(default_factory=dict)
    right: bool | None = None
    note: str = ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the parts and return the exit code."""
    asked = _options(arguments)
    if asked.part is not None:
        return _run_part(asked.part, Setting(torch.device(asked.device), asked.tiny), Path(asked.results))
    end = time.monotonic() + 60 * asked.minutes - END_S
    results: list[Result] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in asked.only:
            file = Path(folder) / f"{name}.jsonl"
            limit_s = min(PARTS[name].budget_s * asked.minutes / MINUTES, end - time.monotonic())
            ending = _in_a_process(name, asked, file, limit_s)
            results += _read(file)
            if ending is not None:
                results.append(ending)
                _show(ending)
            _write(results, asked)
    print("\n" + _table(results), flush=True)
    failed = [result for result in results if result.right is False]
    checked = sum(result.right is not None for result in results)
    print(
        f"\n{checked - len(failed)} of {checked} checks passed on {_device_name(asked.device)}; "
        f"{date.today()}"
    )
    for result in failed:
        print(f"FAILED {result.part}: {result.case} {result.note}")
    return 1 if failed else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true", help="tiny sizes: only to see that this runs")
    parser.add_argument("--output", type=Path, help="JSON file of all results")
    parser.add_argument("--only", type=_parts, default=list(PARTS), help=f"of {','.join(PARTS)}")
    parser.add_argument(
        "--minutes", type=float, default=MINUTES, help="for all parts together, each has its share"
    )
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)  # what a part's process is given
    parser.add_argument("--results", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def _parts(text: str) -> list[str]:
    unknown = set(text.split(",")) - set(PARTS)
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(sorted(unknown))} (known: {', '.join(PARTS)})")
    return text.split(",")


def _in_a_process(name: str, asked: argparse.Namespace, file: Path, limit_s: float) -> Result | None:
    """Run a part; return a result about its end where it did not end by itself, or broke."""
    if limit_s <= 0:
        return Result(name, "all", note="not run: the time is used up")
    print(f"\n== {name}, at most {limit_s:.0f} s", flush=True)
    command = [sys.executable, "-m", "tests.benchmarks.gpu", "--device", asked.device]
    command += ["--part", name, "--results", str(file), *(["--tiny"] if asked.tiny else [])]
    # A session of its own, so that what it started (compilers, the command) ends with it.
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    try:
        code = process.wait(limit_s)
    except subprocess.TimeoutExpired:
        return Result(name, "the rest", note=f"ended after {limit_s:.0f} s: its time is used up")
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if code:
        right = False if PARTS[name].checks else None
        return Result(name, "process", {}, right, f"ended with {code}: see above")
    return None


def _run_part(name: str, setting: Setting, file: Path) -> int:
    """Run a part's cases in this process, and append each result to a file of JSON lines."""
    part = PARTS[name]
    if setting.tiny:
        torch.set_num_threads(1)
    for case in part.cases(setting):
        start = time.monotonic()
        try:
            found = case.run()
            result = Result(name, case.name, found.figures, found.right, found.note)
        except NotHereError as reason:
            result = Result(name, case.name, note=f"skipped: {reason}")
        except Exception as error:  # noqa: BLE001  # whatever happens in one case, the others go on
            traceback.print_exc()
            told = f"{type(error).__name__}: {error}".splitlines()[0][:200]
            result = Result(name, case.name, {}, False if part.checks else None, told)
        _show(result, time.monotonic() - start)
        with file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(asdict(result)) + "\n")
    return 0


def _show(result: Result, seconds: float = 0.0) -> None:
    verdict = {True: "ok", False: "WRONG", None: "-"}[result.right]
    shown = " ".join(f"{name}={_cell(value)}" for name, value in result.figures.items())
    print(f"{verdict:5} {result.part}: {result.case}: {shown} {result.note} ({seconds:.1f} s)", flush=True)


def _cell(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _read(file: Path) -> list[Result]:
    if not file.is_file():
        return []
    return [Result(**json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines()]


def _write(results: Sequence[Result], asked: argparse.Namespace) -> None:
    """Write all results so far: the run may be ended before its end."""
    if asked.output is None:
        return
    asked.output.parent.mkdir(parents=True, exist_ok=True)
    content = {"date": str(date.today()), "device": _device_name(asked.device), "tiny": asked.tiny}
    content["results"] = [asdict(result) for result in results]
    asked.output.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _table(results: Sequence[Result]) -> str:
    lines = ["| part | case | right | figures |", "| --- | --- | --- | --- |"]
    words = {True: "yes", False: "**no**", None: ""}
    for result in results:
        figures = ", ".join(f"{name} {_cell(value)}" for name, value in result.figures.items())
        told = "; ".join(text for text in (figures, result.note) if text).replace("|", "\\|")
        lines.append(f"| {result.part} | {result.case} | {words[result.right]} | {told} |")
    return "\n".join(lines)


def _environment(setting: Setting) -> Any:
    from tests.benchmarks.gpu_case import Finding

    figures: dict[str, Any] = {
        "device": _device_name(str(setting.device)),
        "python": platform.python_version(),
    }
    for package in PACKAGES:
        try:
            figures[package] = version(package)
        except PackageNotFoundError:
            figures[package] = "missing"
    figures["cuda"] = str(torch.version.cuda)
    if setting.device.type == "cuda":
        figures["memory_gb"] = torch.cuda.get_device_properties(setting.device).total_memory / 1e9
    return Finding(figures)


def _device_name(device: str) -> str:
    if device.startswith("cuda") and torch.cuda.is_available():
        return torch.cuda.get_device_name(device)
    return device


if __name__ == "__main__":
    sys.exit(main())
