import copy
import math
import os
import pickle
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
from bigbird_pegasus.kernels.few_rows import FewRowsLinear, FewRowsWeight
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional as F

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


def drawn(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def codes(*shape: int, seed: int) -> Tensor:
    """Weights of 8 bits, all that there are."""
    return torch.randint(-128, 128, shape, generator=torch.Generator().manual_seed(seed)).to(torch.int8)


def rounded(x: Tensor) -> tuple[Tensor, Tensor]:
    """Round x (R, G, K) as the kernel says it does: whole numbers, and what they stand for, (R, G, 1)."""
    size = x.abs()
    by_sum = size.sum(dim=2, keepdim=True) / (2**24 - x.shape[2])
    step = torch.maximum(size.amax(dim=2, keepdim=True) / 32767, by_sum)
    return torch.where(step > 0, x / step, 0).round(), step


@compiled
@settings(max_examples=60, deadline=None)
@given(shapes, st.booleans(), st.booleans(), st.integers(0, 99))
def test_products_of_float32_equal_those_of_float64(
    shape: tuple[int, int, int, int], has_bias: bool, has_scale: bool, seed: int
) -> None:
    groups, rows, inputs, outputs = shape
    x, weight = drawn(rows, groups, inputs, seed=seed), drawn(groups, outputs, inputs, seed=seed + 1)
    bias = drawn(groups, outputs, seed=seed + 2) if has_bias else None
    scale = drawn(groups, outputs, seed=seed + 3) if has_scale else None
    truth = torch.einsum("rgi,goi->rgo", x.double(), weight.double())
    truth = truth if scale is None else truth * scale
    truth = truth if bias is None else truth + bias
    torch.testing.assert_close(FewRowsWeight(weight, bias, scale).multiply(x), truth.float())


@compiled
@settings(max_examples=60, deadline=None)
@given(shapes, st.sampled_from([torch.float32, torch.bfloat16]), st.booleans(), st.integers(0, 99))
def test_products_of_codes_are_exact_sums_of_rounded_rows(
    shape: tuple[int, int, int, int], dtype: torch.dtype, has_scales: bool, seed: int
) -> None:
    groups, rows, inputs, outputs = shape
    x = (drawn(rows, groups, inputs, seed=seed) * 10 ** drawn(rows, 1, 1, seed=seed + 1)).to(dtype)
    weight = codes(groups, outputs, inputs, seed=seed + 2)
    bias, scale = (drawn(groups, outputs, seed=seed + n) for n in (3, 4))
    x_scale = drawn(groups, inputs, seed=seed + 5)
    beside = (bias, scale, x_scale) if has_scales else ()
    found = FewRowsWeight(weight, *beside).multiply(x)
    whole, step = rounded(x.float() * x_scale if has_scales else x.float())
    truth = torch.einsum("rgi,goi->rgo", whole.double(), weight.double()) * step
    truth = (truth * scale + bias if has_scales else truth).float()
    # A number that lies between two whole ones may be rounded to the other one: a step times a weight.
    torch.testing.assert_close(found, truth, rtol=1.3e-6, atol=float(150 * step.max()) if rows else 0)


@compiled
def test_the_largest_sums_of_codes_do_not_overflow() -> None:
    for inputs in (1, 3, 511, 512, 513, 4096, 70_001):
        weight = torch.full((1, 17, inputs), -128, dtype=torch.int8)
        for x in (torch.ones(6, 1, inputs), drawn(6, 1, inputs, seed=0).abs()):
            truth = -128 * x.double().sum(dim=2, keepdim=True).expand(-1, -1, 17)
            found = FewRowsWeight(weight).multiply(x)
            _, step = rounded(x)
            # Half a step for each input, times the weight; a sum that overflows is off by 2 ** 32 steps.
            torch.testing.assert_close(found, truth.float(), atol=64.5 * inputs * float(step.max()), rtol=0)


@compiled
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_a_row_that_is_not_finite_is_no_number_and_leaves_the_others_alone(
    wrong: float, dtype: torch.dtype
) -> None:
    x = drawn(3, 2, 37, seed=0).to(dtype)
    weight = FewRowsWeight(codes(2, 20, 37, seed=1))
    before = weight.multiply(x)
    x[1, 0, 36] = wrong
    found = weight.multiply(x)
    assert found[1, 0].isnan().all()
    found[1, 0] = before[1, 0]
    assert torch.equal(found, before)


@compiled
@pytest.mark.parametrize("size", [0.0, 1e-45, 1e-37])
def test_rows_as_good_as_zero_give_next_to_nothing(size: float) -> None:
    found = FewRowsWeight(codes(1, 20, 37, seed=0)).multiply(torch.full((2, 1, 37), size))
    assert found.abs().max() < 1e-30


@compiled
@pytest.mark.parametrize("weight", [drawn(2, 20, 5, seed=0), codes(2, 20, 5, seed=0)])
def test_rows_that_are_apart_in_memory_are_multiplied_as_those_side_by_side(weight: Tensor) -> None:
    x = drawn(5, 2, 15, seed=1)
    packed = FewRowsWeight(weight)
    assert torch.equal(packed.multiply(x[:, :, ::3]), packed.multiply(x[:, :, ::3].contiguous()))


@compiled
@pytest.mark.parametrize("weight", [drawn(2, 150, 3, seed=0), codes(2, 150, 3, seed=0)])
def test_a_table_of_many_outputs_is_packed_in_parts_and_unpacked(
    weight: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = FewRowsWeight(weight)
    monkeypatch.setattr(few_rows, "BLOCKS_AT_ONCE", 4)
    in_parts = FewRowsWeight(weight)
    for name, tensor in whole.tensors.items():
        assert torch.equal(in_parts.tensors[name], tensor)
    assert torch.equal(whole.unpack(), weight)
    assert torch.equal(copy.deepcopy(whole).unpack(), weight)


@compiled
@pytest.mark.parametrize("rows", [1, 5, 70])
@pytest.mark.parametrize("bias", [True, False])
def test_a_linear_map_of_few_rows_equals_the_plain_one(rows: int, bias: bool) -> None:
    plain = nn.Linear(17, 33, bias=bias)
    x = torch.randn(2, rows, 17)
    with torch.no_grad():
        torch.testing.assert_close(FewRowsLinear(plain.weight, plain.bias)(x), plain(x))


FITTING: dict[str, Any] = {"weight": torch.ones(2, 33, 17), "x": torch.ones(5, 2, 17)}


@compiled
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            {"x": torch.ones(5, 2, 17).bfloat16()},
            "rows for packed weights are float32 on cpu, not torch.bfloat16",
        ),
        ({"x": torch.ones(5, 2, 17, device="meta")}, "not torch.float32 on meta"),
        ({"x": torch.ones(5, 2, 16)}, r"rows of \(5, 2, 16\) for weights of \(2, 33, 17\)"),
        ({"x": torch.ones(5, 1, 17)}, r"rows of \(5, 1, 17\)"),
        ({"x": torch.ones(5, 17)}, r"rows of \(5, 17\)"),
        ({"weight": torch.ones(2, 33, 17).half()}, "float32 or int8 on cpu, not torch.float16 on cpu"),
        (
            {"weight": torch.ones(2, 33, 17, device="meta")},
            "float32 or int8 on cpu, not torch.float32 on meta",
        ),
        ({"bias": torch.ones(33)}, r"a bias of \(33,\), not \(2, 33\)"),
        ({"x_scale": torch.ones(2, 17)}, "x_scale is for weights of 8 bits"),
        ({"scale": torch.ones(2, 32)}, r"a scale of \(2, 32\), not \(2, 33\)"),
    ],
)
def test_what_the_kernel_would_read_past_its_end_is_refused(wrong: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = FITTING | wrong
    beside: dict[str, Any] = {name: given.get(name) for name in ("bias", "scale", "x_scale")}
    with pytest.raises(ModelInputError, match=message):
        FewRowsWeight(given["weight"], **beside).multiply(given["x"])


@compiled
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch.jit.trace
def test_a_packed_map_is_neither_trained_nor_traced() -> None:
    packed, x = FewRowsLinear(torch.ones(33, 17)), torch.ones(2, 17)
    with pytest.raises(ModelInputError, match="for inference alone: no gradients, traces or programs"):
        packed(x.clone().requires_grad_())
    with torch.no_grad():
        assert packed(x.clone().requires_grad_()).shape == (2, 33)
    with FakeTensorMode() as fake, pytest.raises(ModelInputError, match="for inference alone"):
        packed(fake.from_tensor(x))
    with pytest.raises(ModelInputError, match="for inference alone"):
        torch.jit.trace(packed, x)


@compiled
def test_a_packed_map_survives_pickling() -> None:
    for packed in (
        FewRowsLinear(drawn(33, 17, seed=0), drawn(33, seed=1), gelu_new=True),
        FewRowsLinear(codes(33, 17, seed=0), drawn(33, seed=1), drawn(33, seed=2)),
    ):
        x = drawn(5, 17, seed=3)
        assert torch.equal(pickle.loads(pickle.dumps(packed))(x), packed(x))


@compiled
@pytest.mark.parametrize("dtype", [torch.float32, torch.int8])
def test_no_inputs_give_the_bias(dtype: torch.dtype) -> None:
    bias = drawn(1, 20, seed=0)
    found = FewRowsWeight(torch.ones(1, 20, 0, dtype=dtype), bias).multiply(torch.ones(3, 1, 0))
    assert torch.equal(found, bias.expand(3, 1, 20))


@compiled
def test_weights_of_8_bits_have_a_largest_number_of_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(few_rows, "MAX_INPUTS", 16)
    with pytest.raises(ModelInputError, match="17 inputs are too many for weights of 8 bits: at most 16"):
        FewRowsWeight(codes(1, 33, 17, seed=0))


@compiled
def test_no_rows_are_mapped_to_no_rows() -> None:
    assert FewRowsLinear(torch.ones(33, 17))(torch.ones(2, 0, 17)).shape == (2, 0, 33)
    assert FewRowsWeight(codes(2, 33, 17, seed=0)).multiply(torch.ones(0, 2, 17)).shape == (0, 2, 33)


@compiled
def test_long_sums_are_as_exact_as_sums_in_float32_are() -> None:
    x, weight = torch.randn(5, 1, 16_384), torch.randn(1, 32, 16_384)
    found = FewRowsWeight(weight).multiply(x)[:, 0]
    truth = (x[:, 0].double() @ weight[0].double().t()).float()
    # One addition after the other: the root of 16,384 roundings, each of 6e-8 of a sum of up to some 400.
    torch.testing.assert_close(found, truth, rtol=1e-5, atol=1e-3)


@compiled
@pytest.mark.parametrize("weight", [drawn(1, 37, 21, seed=0), codes(1, 37, 21, seed=0)])
def test_the_activation_of_a_map_equals_the_plain_one(weight: Tensor) -> None:
    x, bias = 8 * drawn(5, 1, 21, seed=1), drawn(1, 37, seed=2)
    scale = torch.full((1, 37), 0.02 if weight.dtype == torch.int8 else 1.0)
    plain = FewRowsWeight(weight, bias, scale).multiply(x)
    assert plain.min() < -20
    assert plain.max() > 20
    found = FewRowsWeight(weight, bias, scale, gelu_new=True).multiply(x)
    torch.testing.assert_close(found, F.gelu(plain, approximate="tanh"))


@compiled
def test_the_activation_of_what_is_not_finite_is_as_published() -> None:
    x = torch.tensor([math.nan, math.inf, -math.inf, 0.0, -0.0, 1e30, -1e30, -100.0]).view(8, 1, 1)
    found = FewRowsWeight(torch.ones(1, 1, 1), gelu_new=True).multiply(x)
    torch.testing.assert_close(found, F.gelu(x, approximate="tanh"), equal_nan=True)


@compiled
def test_codes_are_multiplied_to_the_same_bits_with_vnni_and_without(tmp_path: Path) -> None:
    script = tmp_path / "multiply.py"
    script.write_text(
        "import sys, torch\n"
        "from bigbird_pegasus.kernels.few_rows import FewRowsWeight\n"
        "torch.manual_seed(0)\n"
        "weight = FewRowsWeight(torch.randint(-128, 128, (2, 50, 333)).to(torch.int8))\n"
        "torch.save(weight.multiply(torch.randn(11, 2, 333)), sys.argv[1])\n",
        encoding="utf-8",
    )
    for name, limits in (("as it is", {}), ("avx2", AVX2_ALONE)):
        command = [sys.executable, str(script), str(tmp_path / name)]
        subprocess.run(command, env=os.environ | limits, check=True)
    assert torch.equal(*(torch.load(tmp_path / name, weights_only=True) for name in ("as it is", "avx2")))


NAMES = ("product", "attention", "shared_attention", "layout")
OLDER = " ".join(f"int few_rows_{name}(void) {{ return 7; }}" for name in NAMES)


@pytest.mark.parametrize("source", [None, "int few_rows_product(void) { return 0; }", OLDER])
def test_a_library_that_is_none_or_an_older_one_is_as_good_as_none(
    source: str | None, tmp_path: Path
) -> None:
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    package = tmp_path / "bigbird_pegasus"
    shutil.copytree(
        Path(few_rows.__file__).parents[1], package, ignore=shutil.ignore_patterns("*.so", "*.safetensors")
    )
    library = package / "kernels" / f"_few_rows{suffix}"
    library.write_bytes(b"no library")
    if source is not None:
        compiler = shutil.which("gcc")
        if compiler is None:
            pytest.skip("no gcc")
        (tmp_path / "older.c").write_text(source, encoding="utf-8")
        subprocess.run([compiler, "-shared", "-fPIC", tmp_path / "older.c", "-o", library], check=True)
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
    x, weights = torch.randn(5, 2, 64), (torch.randn(2, 100, 64), codes(2, 100, 64, seed=0))
    packed = [FewRowsWeight(weight) for weight in weights]
    usual = torch.get_num_threads()
    before = [weight.multiply(x) for weight in packed]
    try:
        torch.set_num_threads(threads)
        assert all(torch.equal(w.multiply(x), found) for w, found in zip(packed, before, strict=True))
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
