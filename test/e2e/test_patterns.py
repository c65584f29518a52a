"""Every pattern on every rung of the ladder gives what the oracle gives (docs/numerics.md says how close)."""

import zlib

import numpy as np
import pytest

import cases
import dtypes
import gaps
import problem
import product
import tolerance

RUNGS = {"reference": gaps.REFERENCE, "cpu": gaps.CPU}
DTYPES = ["f32", "f16", "bf16"]
CALLS = 6


def generator(*key):
    return np.random.default_rng(zlib.crc32(repr(key).encode()))


def skip_gap(rung, case, dtype):
    reason = RUNGS[rung].get((case.name, dtype)) or RUNGS[rung].get((case.name, "*"))
    if reason:
        pytest.skip(f"gap of {rung}: {reason}")


def check(p, rung):
    out, lse = product.run(rung, p)
    exact, exact_lse = p.solve()
    if rung == "reference":
        np.testing.assert_allclose(p.rows(out), p.rows(exact), rtol=1e-9, atol=1e-10)
    else:
        yardstick, _ = p.solve(dtypes.rounding(p.dtype))
        tolerance.check_out(p.rows(out), p.rows(exact), p.rows(yardstick), p.tensors()[2], p.dtype)
    if exact_lse is not None:
        tolerance.check_lse(p.rows(lse), p.rows(exact_lse))


every_case = pytest.mark.parametrize("case", cases.ALL, ids=lambda c: c.name)
every_dtype = pytest.mark.parametrize("dtype", DTYPES)
every_rung = pytest.mark.parametrize("rung", RUNGS)


@every_rung
@every_dtype
@every_case
def test_random_calls(case, dtype, rung):
    skip_gap(rung, case, dtype)
    rng = generator(case.name, dtype)
    for _ in range(CALLS):
        check(problem.random_problem(case, dtype, rng), rung)


@every_rung
@every_case
def test_lengths_zero_and_one(case, rung):
    skip_gap(rung, case, "f32")
    rng = generator(case.name)
    q_lens, kv_lens = np.array([0, 1, 1, 0, 3]), np.array([0, 0, 1, 5, 1])
    if case.decode_only:
        q_lens[:] = 1
    if case.equal_lengths:
        kv_lens = q_lens
    if case.rope is not None:
        kv_lens = np.maximum(q_lens, kv_lens)
    check(problem.random_problem(case, "f32", rng, q_lens=q_lens, kv_lens=kv_lens), rung)


@every_rung
@every_dtype
@every_case
def test_what_nobody_sees_does_not_matter(case, dtype, rung):
    skip_gap(rung, case, dtype)
    rng = generator(case.name, dtype, "poison")
    for _ in range(2):
        clean = problem.random_problem(case, dtype, rng)
        expected, got = product.run(rung, clean), product.run(rung, problem.poisoned(clean, rng))
        for a, b in zip(expected, got):
            if a is not None:
                assert clean.rows(a).tobytes() == clean.rows(b).tobytes()


@every_rung
@pytest.mark.parametrize("d, dv", [(1, 1), (8, 24), (33, 17), (80, 80), (128, 64), (576, 512)])
def test_head_dimensions(d, dv, rung):
    case = cases.by_name("causal")
    rng = generator(d, dv)
    for dtype in ("f32", "bf16"):
        check(problem.random_problem(case, dtype, rng, d=d, dv=dv, q_lens=np.array([37, 1]), kv_lens=np.array([70, 66])), rung)
