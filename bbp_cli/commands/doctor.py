"""`bbp doctor`: versions, device, models."""

import platform
import sys
from collections.abc import Iterator

import typer
from bigbird_pegasus.inference.extractive_model import suits_numpy
from bigbird_pegasus.kernels.arithmetic import numpy_arithmetic, torch_arithmetic

from bbp_cli.commands.options import Debug, Device, Precision, Threads
from bbp_cli.errors import ModelError
from bbp_cli.models import names
from bbp_cli.models.checkpoints import inspect
from bbp_cli.models.hardware import DType, Hardware, prepare
from bbp_cli.version import __version__

CHOOSERS = "models that choose sentences, as the default one"
NUMPY_DTYPE = "float32"  # the only one that numpy multiplies fast
PACKAGES = (
    "torch",
    "numpy",
    "threadpoolctl",
    "sentencepiece",
    "safetensors",
    "sentencex",
    "pypdfium2",
    "pypdf",
    "chardet",
    "huggingface_hub",
    "typer",
    "rich",
)


def doctor(
    device: Device = "auto", dtype: Precision = "auto", threads: Threads = None, debug: Debug = False
) -> None:
    """Print versions, device and model folders.

    Add what it prints to a bug report.
    """
    report = list(examine(device, dtype, threads))  # before anything is printed: the device may be missing
    for name, value in report:
        typer.echo(f"{name + ':':<15} {value}")


def examine(device: str, dtype: DType, threads: int | None) -> Iterator[tuple[str, str]]:
    """Yield names and values, in the order they are printed.

    Raises:
        ResourceError, UsageError: the device is missing or unknown.
    """
    yield "bbp", __version__
    yield "python", f"{platform.python_version()} ({sys.executable})"
    yield "system", platform.platform()
    for package in PACKAGES:
        yield package, _version(package)
    hardware = prepare(device, dtype, threads)
    yield "device", hardware.device
    numpy_too = suits_numpy(device, dtype, None)
    yield (
        "dtype",
        f"{NUMPY_DTYPE} for {CHOOSERS}, {hardware.dtype} for others" if numpy_too else hardware.dtype,
    )
    yield "threads", str(hardware.threads)
    yield "engine", _engine(hardware, numpy_too=numpy_too)
    yield "default model", _default_model()
    yield "model cache", str(names.cache_folder())


def _engine(hardware: Hardware, *, numpy_too: bool) -> str:
    """Return what computes, and for which processor; models that choose sentences may not need torch."""
    used = torch_arithmetic(hardware.dtype, hardware.device, None, has_decoder=True)
    torch = f"torch ({used.instructions})"
    if not numpy_too:
        return torch
    return f"numpy ({numpy_arithmetic().instructions}) for {CHOOSERS}, {torch} for others"


def _version(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version  # no other command needs it

    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _default_model() -> str:
    try:
        checkpoint = inspect(names.locate(names.DEFAULT))
    except ModelError as error:
        return f"unusable: {error.message}"
    return f"{checkpoint.folder.path} (sha256 {checkpoint.weights_sha256[:12]})"
