import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from bigbird_pegasus.errors import ModelInputError
from bigbird_pegasus.kernels import few_rows
from bigbird_pegasus.kernels.few_rows import FewRowsLinear
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

compiled = pytest.mark.skipif(
    not few_rows.has_few_rows(), reason="the kernel was not compiled, or this processor has no AVX2"
)
TESTS = Path(__file__).parents[1]
# What limits torch, oneDNN and FBGEMM to AVX2 on a processor that has more.
AVX2_ALONE = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "FBGEMM_ENABLE_INSTRUCTIONS": "AVX2",
}

shapes = st.tuples(  # groups, rows, inputs, outputs
    st.integers(1, 4), st.integers(0, 14), st.integers(1, 70), st.integers(1, 50)
)


@compiled
@settings(max_examples=60, deadline=None)
@given(shapes, st.booleans(), st.integers(0, 99))
def test_products_of_float32_equal_those_of_float64(
    shape: tuple[int, int, int, int], has_bias: bool, seed: int
) -> None:
    groups, rows, inputs, outputs = shape
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, groups, inputs, generator=generator)
    weight = torch.randn(groups, outputs, inputs, generator=generator)
    bias = torch.randn(groups * outputs, generator=generator) if has_bias else None
    truth = torch.einsum("rgi,goi->rgo", x.double(), weight.double())
    if bias is not None:
        truth += bias.view(groups, outputs)
    found = few_rows.product(x, few_rows.pack(weight), outputs, bias)
    torch.testing.assert_close(found, truth.float())


@compiled
@settings(max_examples=30, deadline=None)
@given(shapes, st.integers(0, 99))
def test_products_of_codes_are_those_of_the_numbers_they_are(
    shape: tuple[int, int, int, int], seed: int
) -> None:
    groups, rows, inputs, outputs = shape
    generator = torch.Generator().manual_seed(seed)
    x = torch.randint(-9, 10, (rows, groups, inputs), generator=generator).float()
    codes = torch.randint(-128, 128, (groups, outputs, inputs), generator=generator).to(torch.int8)
    found = few_rows.product(x, few_rows.pack(codes), outputs)
    assert torch.equal(found, torch.einsum("rgi,goi->rgo", x, codes.float()))  # whole numbers: exact


@compiled
def test_rows_that_are_apart_in_memory_are_multiplied_as_those_side_by_side() -> None:
    x = torch.randn(5, 2, 12)[:, :, ::3]
    weight = torch.randn(2, 20, 4)
    found = few_rows.product(x, few_rows.pack(weight), 20)
    torch.testing.assert_close(found, torch.einsum("rgi,goi->rgo", x, weight))


@compiled
def test_a_table_of_many_outputs_is_packed_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    weight = torch.randn(2, 150, 3)
    whole = few_rows.pack(weight)
    monkeypatch.setattr(few_rows, "BLOCKS_AT_ONCE", 4)
    assert torch.equal(few_rows.pack(weight), whole)


@compiled
@pytest.mark.parametrize("rows", [1, 5, 70])
@pytest.mark.parametrize("bias", [True, False])
def test_a_linear_map_of_few_rows_equals_the_plain_one(rows: int, bias: bool) -> None:
    plain = nn.Linear(17, 33, bias=bias)
    x = torch.randn(2, rows, 17)
    with torch.no_grad():
        torch.testing.assert_close(FewRowsLinear(plain.weight, plain.bias)(x), plain(x))


FITTING: dict[str, Any] = {"x": torch.ones(2, 1, 17), "packed": torch.ones(1, 3, 17, 16), "outputs": 33}
ON_CPU = "packed weights multiply float32 on cpu, not torch"


@compiled
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"x": torch.ones(2, 1, 17).bfloat16()}, f"{ON_CPU}.bfloat16 on cpu"),
        ({"x": torch.ones(2, 1, 17, device="meta")}, f"{ON_CPU}.float32 on meta"),
        ({"packed": torch.ones(1, 3, 17, 16).bfloat16()}, f"{ON_CPU}.bfloat16 on cpu"),
        ({"bias": torch.ones(33).double()}, f"{ON_CPU}.float64 on cpu"),
        ({"x": torch.ones(2, 1, 16)}, r"weights of \(1, 3, 17, 16\) for 1 x 16 inputs, 33 outputs"),
        ({"x": torch.ones(2, 2, 17)}, r"weights of \(1, 3, 17, 16\) for 2 x 17 inputs, 33 outputs"),
        ({"outputs": 49}, r"weights of \(1, 3, 17, 16\) for 1 x 17 inputs, 49 outputs"),
        ({"packed": torch.ones(1, 3, 17, 32)[..., ::2]}, r"weights of \(1, 3, 17, 16\)"),
        ({"bias": torch.ones(32)}, r"a bias of \(32,\) for 1 x 33 outputs"),
    ],
)
def test_what_the_kernel_would_read_past_its_end_is_refused(wrong: dict[str, Any], message: str) -> None:
    few_rows.product(**FITTING)
    with pytest.raises(ModelInputError, match=message):
        few_rows.product(**{**FITTING, **wrong})


@compiled
def test_no_rows_are_mapped_to_no_rows() -> None:
    assert FewRowsLinear(torch.ones(33, 17))(torch.ones(2, 0, 17)).shape == (2, 0, 33)


@compiled
def test_long_sums_are_as_exact_as_sums_in_float32_are() -> None:
    x, weight = torch.randn(5, 1, 16_384), torch.randn(1, 32, 16_384)
    found = few_rows.product(x, few_rows.pack(weight), 32)[:, 0]
    truth = (x[:, 0].double() @ weight[0].double().t()).float()
    # One addition after the other: the root of 16,384 roundings, each of 6e-8 of a sum of up to some 400.
    torch.testing.assert_close(found, truth, rtol=1e-5, atol=1e-3)


def test_a_library_that_cannot_be_loaded_is_as_good_as_none(tmp_path: Path) -> None:
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    package = tmp_path / "bigbird_pegasus"
    shutil.copytree(
        Path(few_rows.__file__).parents[1], package, ignore=shutil.ignore_patterns("*.so", "*.safetensors")
    )
    (package / "kernels" / f"_few_rows{suffix}").write_bytes(b"no library")
    ask = "from bigbird_pegasus.kernels import few_rows as f; print(f.__file__, f.has_few_rows())"
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", ask], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str(package / "kernels" / "few_rows.py"), "False"]


def test_the_kernel_can_be_compiled_where_there_is_a_compiler(tmp_path: Path) -> None:
    """It is optional when the package is installed: there, an error in it would go unseen."""
    compiler = shutil.which("gcc")
    if compiler is None or platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip("no gcc, or no x86-64")
    options = tomllib.loads((TESTS.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    (module,) = options["tool"]["setuptools"]["ext-modules"]
    command = [compiler, "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", *module["extra-compile-args"]]
    source = TESTS.parents[1] / module["sources"][0]
    subprocess.run([*command, str(source), "-o", str(tmp_path / "few_rows.so")], check=True)


@compiled
@pytest.mark.parametrize("threads", [1, 3])
def test_the_number_of_threads_changes_no_bit(threads: int) -> None:
    x, weight = torch.randn(5, 2, 64), few_rows.pack(torch.randn(2, 100, 64))
    usual = torch.get_num_threads()
    before = few_rows.product(x, weight, 100)
    try:
        torch.set_num_threads(threads)
        assert torch.equal(few_rows.product(x, weight, 100), before)
    finally:
        torch.set_num_threads(usual)


def test_the_kernel_is_used_where_it_is_compiled_and_for_weights_where_there_is_no_avx512() -> None:
    capability = torch.backends.cpu.get_cpu_capability()
    assert few_rows.multiplies_weights_by_few_rows() == (few_rows.has_few_rows() and capability == "AVX2")
    ask = "from bigbird_pegasus.kernels import few_rows as f; "
    ask += "print(f.has_few_rows(), f.multiplies_weights_by_few_rows())"
    there = find_spec(few_rows.LIBRARY) is not None
    has_avx2 = torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512")
    for capability, expected in (("avx2", there and has_avx2), ("default", False)):
        done = subprocess.run(
            [sys.executable, "-c", ask],
            env=os.environ | {"ATEN_CPU_CAPABILITY": capability},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == f"{expected} {expected}\n"


@compiled
@pytest.mark.skipif(torch.backends.cpu.get_cpu_capability() == "AVX2", reason="all tests run with AVX2 alone")
def test_packed_models_and_cross_attention_are_right_with_avx2_alone() -> None:
    files = [TESTS / "inference/test_prepack.py", TESTS / "modeling/test_cross_attention.py"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *files],
        cwd=TESTS.parents[1],
        env=os.environ | AVX2_ALONE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
