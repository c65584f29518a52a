"""Every pattern on every rung of the ladder gives what the oracle gives (docs/numerics.md says how close)."""

import numpy as np
import pytest

import cases
import problem
import gaps
import product
from ladder import (
    check,
    check_random_calls,
    check_unseen_keys,
    every_rung,
    every_rung_and_dtype,
    generator,
    skip_gap,
)

CALLS = 6

every_case = pytest.mark.parametrize("case", cases.ALL, ids=lambda c: c.name)


@every_rung_and_dtype
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


@every_rung_and_dtype
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


@pytest.mark.parametrize("name, dtype", [gap for gap, reason in gaps.EMULATOR.items() if "not emitted" in reason])
def test_a_gap_of_the_emulator_is_refused_by_the_compiler(name, dtype):
    """Else it is no gap any more, or a wrong result."""
    case = cases.by_name(name)
    for each in ("f16", "bf16") if dtype == "*" else (dtype,):
        with pytest.raises(product.attn.AttnError, match="UNSUPPORTED"):
            product.artifact(case, each, 64, 64, "sm_80")


@pytest.mark.parametrize("completion", ["early", "late", "random"])
@pytest.mark.parametrize("q_len", [1, 70])
def test_the_order_of_copies_and_warps_changes_no_bit(q_len, completion):
    case = cases.by_name("causal")
    p = problem.random_problem(case, "bf16", generator(q_len), q_lens=np.array([q_len]), kv_lens=np.array([200]), q_heads=4,
                               kv_heads=2)
    call = {"q": p.q, "k": p.k, "v": p.v, "q_lens": [q_len], "kv_lens": [200], "device": "emulator"}
    artifact = product.artifact(case, "bf16", 64, 64, "sm_80")
    want = product.attn.attend(artifact, **call)
    for seed in range(1, 5):
        got = product.attn.attend(artifact, **call, emulator_completion=completion, emulator_seed=seed)
        assert all(p.rows(a).tobytes() == p.rows(b).tobytes() for a, b in zip(want, got))


@pytest.mark.parametrize("d, dv", [(64, 128), (96, 96), (128, 64), (192, 128), (256, 256)])
def test_head_dimensions_on_the_emulator(d, dv):
    case = cases.by_name("causal")
    for dtype in ("f16", "bf16"):
        sizes = {"q_lens": np.array([37, 1]), "kv_lens": np.array([70, 66]), "q_heads": 2, "kv_heads": 1}
        check(problem.random_problem(case, dtype, generator(d, dv), d=d, dv=dv, **sizes), "emulator")
