"""The same patterns in attn and in PyTorch: scaled_dot_product_attention and compiled FlexAttention (--peers)."""

import sys

import numpy as np
import pytest

from conftest import ROOT

sys.path[:0] = [str(ROOT / "tools" / "attn-bench"), str(ROOT / "python")]
torch = pytest.importorskip("torch", reason="PyTorch is not installed; tools/test.sh --peers installs it")

from attn_bench import cases  # noqa: E402
from attn_bench import contenders  # noqa: E402

pytestmark = pytest.mark.peers
CASES = {"dense": cases.DENSE, "causal": cases.CAUSAL, **cases.SPARSE}
EPSILON = {"f32": 2.0**-23, "bf16": 2.0**-7}


@pytest.fixture(scope="module", autouse=True)
def two_threads():
    contenders.torch_module(2)


def same(problem, ours, theirs):
    """Both are within the tolerance of the exact result; then their difference is within the sum."""
    theirs = theirs.float().numpy()
    assert problem.error(ours) <= 1
    bound = 8 * EPSILON[problem.dtype] * max(1.0, np.abs(theirs).max()) * (1 if problem.dtype == "bf16" else 8)
    assert np.abs(contenders.oracle.to_float(ours) - theirs).max() <= bound


@pytest.mark.parametrize("dtype", ["f32", "bf16"])
@pytest.mark.parametrize("name", CASES)
def test_flex_attention(name, dtype):
    heads, kv_heads = (8, 8) if CASES[name].by_head else (4, 2)  # masks by head are written for 8 heads at this length
    length = next(n for n in (1500, 1536, 2048) if CASES[name].fits(n))
    problem = contenders.Problem(CASES[name], dtype, 64, length, length, 2, heads, kv_heads, seed=3)
    plan = contenders.ours(problem, 2)
    plan.run()
    same(problem, plan.out, contenders.flex(torch, problem, name == "dense")())


@pytest.mark.parametrize("dtype", ["f32", "bf16"])
@pytest.mark.parametrize("name", ["dense", "causal"])
@pytest.mark.parametrize("d", [64, 128])
def test_sdpa(name, dtype, d):
    problem = contenders.Problem(CASES[name], dtype, d, 777, 777, 2, 6, 3, seed=4)
    plan = contenders.ours(problem, 2)
    plan.run()
    same(problem, plan.out, contenders.sdpa(torch, problem, name == "causal")())
