"""The oracle itself, against cases that can be done by hand and identities."""

import numpy as np

import dtypes
import oracle


def tensors(rng, m, n, heads=2, d=4):
    return rng.normal(size=(1, heads, m, d)), rng.normal(size=(1, heads, n, d)), rng.normal(size=(1, heads, n, d))


def run(q, k, v, visible, **kw):
    return oracle.softmax_attention(q, k, v, visible, q_lens=[q.shape[2]], kv_lens=[k.shape[2]], **kw)


def test_by_hand():
    q, k = np.array([[[[2.0]]]]), np.array([[[[0.0], [np.log(3) / 2]]]])
    v = np.array([[[[4.0], [8.0]]]])
    out, lse = run(q, k, v, lambda c: c.k >= 0, scale=1.0)
    np.testing.assert_allclose(out, [[[[(4 + 3 * 8) / 4]]]])
    np.testing.assert_allclose(lse, [[[np.log(4)]]])


def test_position_rules():
    rng = np.random.default_rng(0)
    q, k, v = tensors(rng, 1, 3)
    first, _ = run(q, k, v, lambda c: c.k <= c.q, positions="top_left")
    np.testing.assert_allclose(first, v[:, :, :1])
    last, _ = run(q, k, v, lambda c: c.k <= c.q, positions="bottom_right")
    np.testing.assert_allclose(last, run(q, k, v, lambda c: c.k >= 0)[0])


def test_row_that_sees_nothing():
    rng = np.random.default_rng(1)
    q, k, v = tensors(rng, 2, 3)
    out, lse = run(q, k, v, lambda c: (c.k < 0) & (c.q >= 0))
    assert (out == 0).all() and np.isneginf(lse).all()
    out, lse = run(q, k, v, lambda c: (c.k < 0) & (c.q >= 0), seed=np.array([0.5, -1.0]))
    assert (out == 0).all()
    np.testing.assert_allclose(lse[0], [[0.5, 0.5], [-1.0, -1.0]])


def test_merge_of_two_key_sets_is_the_whole():
    rng = np.random.default_rng(2)
    q, k, v = tensors(rng, 5, 9)
    parts = [run(q, k, v, lambda c: (c.k <= c.q) & (c.k % 2 == r)) for r in (0, 1)]
    out, lse = oracle.merge(*zip(*parts))
    whole = run(q, k, v, lambda c: c.k <= c.q)
    np.testing.assert_allclose(out, whole[0], atol=1e-12)
    np.testing.assert_allclose(lse, whole[1], atol=1e-12)


def test_linear_attention_is_its_recurrence():
    rng = np.random.default_rng(3)
    q, k, v = tensors(rng, 6, 6, heads=1)
    out = oracle.linear_attention(q, k, v, lambda c: c.k <= c.q, lambda c: 0.9, q_lens=[6], kv_lens=[6], scale=1.0)
    state = np.zeros((4, 4))
    for i in range(6):
        state = 0.9 * state + np.outer(k[0, 0, i], v[0, 0, i])
        np.testing.assert_allclose(out[0, 0, i], q[0, 0, i] @ state, atol=1e-12)


def test_rope_depends_on_the_difference_of_positions():
    rng = np.random.default_rng(4)
    angles = np.arange(20)[:, None] * np.array([1.0, 0.1])
    q, k = rng.normal(size=(1, 4)), rng.normal(size=(1, 4))
    for interleaved in (False, True):
        def dot(i, j):
            turn = lambda x, at: oracle.rope(x, np.cos(angles), np.sin(angles), at, interleaved)
            return (turn(q, i) @ turn(k, j).T).item()
        np.testing.assert_allclose(dot(7, 3), dot(17, 13))
        assert abs(dot(7, 3) - dot(7, 4)) > 1e-3


def test_bf16_rounds_to_nearest_even():
    for bits, expected in ((0x3F808000, 0x3F80), (0x3F818000, 0x3F82), (0x3F808001, 0x3F81), (0xFF800000, 0xFF80)):
        x = np.array([bits], dtype=np.uint32).view(np.float32)
        assert dtypes.encode(x, "bf16")[0] == expected
    assert np.isnan(dtypes.decode(dtypes.encode(np.array([np.nan]), "bf16"), "bf16")[0])
