"""Every pattern on every rung of the ladder gives what the oracle gives (docs/numerics.md says how close)."""

import numpy as np
import pytest

import cases
import problem
from ladder import check, check_random_calls, check_unseen_keys, every_dtype, every_rung, generator, skip_gap

CALLS = 6

every_case = pytest.mark.parametrize("case", cases.ALL, ids=lambda c: c.name)


@every_rung
@every_dtype
@every_case
def test_random_calls(case, dtype, rung):
    check_random_calls(case, dtype, rung, CALLS)


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
    check_unseen_keys(case, dtype, rung, 2)


@every_rung
@pytest.mark.parametrize("d, dv", [(1, 1), (8, 24), (33, 17), (80, 80), (128, 64), (576, 512)])
def test_head_dimensions(d, dv, rung):
    case = cases.by_name("causal")
    rng = generator(d, dv)
    for dtype in ("f32", "bf16"):
        check(problem.random_problem(case, dtype, rng, d=d, dv=dv, q_lens=np.array([37, 1]), kv_lens=np.array([70, 66])), rung)
