"""The default model answers without torch; what needs torch says so in the record."""

import json
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import STORY, Bbp

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "harbour-report.txt"
HEAVY = ("torch", "huggingface_hub", "pypdf", "transformers", "scipy")
COMMAND = """
import sys
from bbp_cli.main import main
sys.argv = ["bbp", *sys.argv[1:]]
try:
    main()
finally:
    print(sorted(set({heavy}) & set(sys.modules)), file=sys.stderr)
"""
FUNCTION = """
import sys
from bigbird_pegasus import summarize
print(summarize(open(sys.argv[1], encoding="utf-8").read()).model.arithmetic.engine)
print(sorted(set({heavy}) & set(sys.modules)), file=sys.stderr)
"""


def run(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code.format(heavy=HEAVY), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


@pytest.mark.parametrize(
    "options", [(), ("--json", "--device", "cpu", "--dtype", "float32", "--threads", "1")]
)
def test_summarize_never_imports_torch(options: tuple[str, ...]) -> None:
    done = run(COMMAND, "summarize", *options, EXAMPLE)
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert done.stderr.splitlines()[-1] == "[]"


def test_neither_does_a_checkpoint_that_was_trained(extractive: Path) -> None:
    done = run(COMMAND, "summarize", "--model", extractive, EXAMPLE)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (0, "[]"), done.stderr


def test_the_function_does_not_import_torch_either() -> None:
    done = run(FUNCTION, EXAMPLE)
    assert (done.stdout, done.stderr) == ("numpy\n", "[]\n")


@pytest.mark.parametrize(
    ("options", "engine", "dtype", "quantization"),
    [
        ((), "numpy", "float32", None),
        (("--dtype", "float32"), "numpy", "float32", None),
        (("--dtype", "bfloat16"), "torch", "bfloat16", None),
        (("--quantize", "int8", "--dtype", "float32"), "torch", "float32", "int8"),
    ],
)
def test_the_record_says_which_arithmetic_made_a_result(
    options: tuple[str, ...], engine: str, dtype: str, quantization: str | None, warm_bbp: Bbp
) -> None:
    model = warm_bbp("summarize", "--json", *options, stdin=STORY.encode()).records[0]["model"]
    arithmetic = model["arithmetic"]
    assert arithmetic["engine"] == engine
    assert (model["dtype"], model["quantization"]) == (dtype, quantization)
    assert (arithmetic["dtype"], arithmetic["quantization"]) == (dtype, quantization)
    assert arithmetic["version"].startswith(engine)
    assert arithmetic["instructions"] not in ("", "unknown")


def test_a_model_that_writes_names_torchs_arithmetic(warm_bbp: Bbp, writer: Path) -> None:
    import torch
    from bigbird_pegasus.kernels.arithmetic import torch_arithmetic

    record = warm_bbp("summarize", "--json", "--model", writer, "--dtype", "float32", stdin=STORY.encode())
    assert record.records[0]["model"]["arithmetic"] == {
        "engine": "torch",
        "dtype": "float32",
        "quantization": None,
        "instructions": torch_arithmetic("float32", "cpu", None, has_decoder=True).instructions,
        "version": f"torch {torch.__version__}",
    }


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="Haswell is an x86 processor")
def test_the_choice_of_instructions_is_in_the_record() -> None:
    environment = os.environ | {"OPENBLAS_CORETYPE": "Haswell"}  # as on a processor with AVX2 alone
    command = [sys.executable, "-m", "bbp_cli", "summarize", "--json", str(EXAMPLE)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env=environment)
    arithmetic = json.loads(done.stdout)["model"]["arithmetic"]
    if "OpenBLAS" not in arithmetic["version"]:
        pytest.skip("numpy has another library here")
    assert arithmetic["instructions"] == "Haswell"


def test_verbose_and_doctor_say_which_engine_runs(warm_bbp: Bbp) -> None:
    told = warm_bbp("summarize", "--verbose", "--threads", 1, stdin=STORY.encode()).stderr
    assert "float32 on cpu in numpy, 1 threads" in told
    values = dict(line.split(":", 1) for line in warm_bbp("doctor").stdout.splitlines())
    choosers = "for models that choose sentences, as the default one,"
    engine = rf" +numpy \(\w+\) {choosers} torch \([\w ]+\) for others"
    assert re.fullmatch(engine, values["engine"])
    assert re.fullmatch(rf" +float32 {choosers} float32 for others", values["dtype"])
    values = dict(
        line.split(":", 1) for line in warm_bbp("doctor", "--dtype", "bfloat16").stdout.splitlines()
    )
    assert values["engine"].split()[0] == "torch"
    assert values["dtype"].strip() == "bfloat16"
