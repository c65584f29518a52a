"""One call of a case on one rung of the ladder, compared with the oracle (docs/numerics.md says how close)."""

import zlib

import numpy as np
import pytest

import dtypes
import gaps
import problem
import product
import tolerance

RUNGS = {"reference": gaps.REFERENCE, "cpu": gaps.CPU, "emulator": gaps.EMULATOR}
DTYPES = {"reference": ["f32", "f16", "bf16"], "cpu": ["f32", "f16", "bf16"], "emulator": ["f16", "bf16"]}
EMULATED_CALLS = 2  # of one test: the emulator is slow

every_dtype = pytest.mark.parametrize("dtype", DTYPES["cpu"])
every_rung = pytest.mark.parametrize("rung", ["reference", "cpu"])  # those with every dtype
every_rung_and_dtype = pytest.mark.parametrize("rung, dtype", [(rung, dtype) for rung in RUNGS for dtype in DTYPES[rung]])


def generator(*key):
    return np.random.default_rng(zlib.crc32(repr(key).encode()))


def skip_gap(rung, case, dtype):
    reason = RUNGS[rung].get((case.name, dtype)) or RUNGS[rung].get((case.name, "*"))
    if reason:
        pytest.skip(f"gap of {rung}: {reason}")


def check(p, rung):
    skip_gap(rung, p.case, p.dtype)
    out, lse = product.run(rung, p)
    exact, exact_lse = p.solve()
    if rung == "reference":
        np.testing.assert_allclose(p.rows(out), p.rows(exact), rtol=1e-9, atol=1e-10)
    else:
        yardstick, _ = p.solve(dtypes.rounding(p.dtype))
        tolerance.check_out(p.rows(out), p.rows(exact), p.rows(yardstick), p.tensors()[2], p.dtype)
    if exact_lse is not None:
        tolerance.check_lse(p.rows(lse), p.rows(exact_lse))


def check_random_calls(case, dtype, rung, calls, **fixed):
    """The first call is long enough to show every part of a mask."""
    skip_gap(rung, case, dtype)
    rng = generator(case.name, dtype)
    for call in range(min(calls, EMULATED_CALLS) if rung == "emulator" else calls):
        long = {} if call else problem.long_lengths(case)
        check(problem.random_problem(case, dtype, rng, **{**long, **fixed}), rung)


def check_unseen_keys(case, dtype, rung, calls, **fixed):
    """NaN and infinities in keys that no query sees change no bit."""
    skip_gap(rung, case, dtype)
    rng = generator(case.name, dtype, "poison")
    for _ in range(calls):
        clean = problem.random_problem(case, dtype, rng, **fixed)
        expected, got = product.run(rung, clean), product.run(rung, problem.poisoned(clean, rng))
        for a, b in zip(expected, got):
            if a is not None:
                assert clean.rows(a).tobytes() == clean.rows(b).tobytes()


def standard_tests(cases, calls, unseen, **fixed):
    """The two tests that every list of cases has: `test_random_calls, test_unseen_keys = standard_tests(CASES, 4, 2)`."""
    every_case = pytest.mark.parametrize("case", cases, ids=lambda c: c.name)

    @every_rung_and_dtype
    @every_case
    def test_random_calls(case, dtype, rung):
        check_random_calls(case, dtype, rung, calls, **fixed)

    @every_rung
    @every_case
    def test_unseen_keys(case, rung):
        check_unseen_keys(case, "f32", rung, unseen, **fixed)

    return test_random_calls, test_unseen_keys
