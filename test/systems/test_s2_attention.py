"""S2-Attention (arXiv 2407.17678): a block mask per KV head, as DKernel's get_sparse_attn_mask builds it.

The heads of one GQA group share a mask. Blocks of a head are the nearest `local_blocks` and those of its stripe; the last
`dense_heads` heads and the first `dense_layers` layers see everything; inside the own block attention is causal.
"""

import numpy as np
import pytest

import masks
from cases import Case
from ladder import check_random_calls, check_unseen_keys, every_rung, every_rung_and_dtype
from product import artifact, attn

pytestmark = pytest.mark.system("s2_attention", partial="decode over a compacted cache of each head")
N = 192  # of the tests that look at the mask


def block_masks(blocks, heads, local_blocks, vert_stride, offset, dense_heads):
    """Boolean [head, query block, key block]."""
    step = max(1, vert_stride // heads)
    keep = np.zeros((heads, blocks, blocks), dtype=bool)
    for h in range(heads):
        for i in range(blocks):
            for j in range(i + 1):
                keep[h, i, j] = i - j < local_blocks or (j + h * step + offset) % vert_stride == 0 or h >= heads - dense_heads
    return keep


def visible(c, v):
    block, heads = v["block"], c.kv_heads
    keep = block_masks(c.kv_len // block + 1, heads, v["local_blocks"], v["vert_stride"], v["offset"], v["dense_heads"])
    if c.l < v["dense_layers"]:
        keep[:] = True
    row = np.clip(c.q, 0, None) // block
    return (c.k <= c.q) & keep[c.g, row, c.k // block]


def params(rng, z):
    return {"block": int(rng.choice([8, 16, 64])), "local_blocks": int(rng.integers(1, 4)),
            "vert_stride": int(rng.integers(1, 9)), "offset": int(rng.integers(0, 9)),
            "dense_heads": int(rng.integers(0, 2)), "dense_layers": int(rng.integers(0, 3))}


CASE = Case("s2_attention", "s2_attention", visible, params=params)


@every_rung_and_dtype
@pytest.mark.parametrize("layer", [0, 2])
def test_random_calls(dtype, rung, layer):
    check_random_calls(CASE, dtype, rung, 4, layers=4, layer=layer, kv_heads=4, q_heads=8)


@every_rung
def test_unseen_keys(rung):
    check_unseen_keys(CASE, "f32", rung, 3, layers=4, layer=2, kv_heads=2, q_heads=2)


def seen(rung, heads, group=1, q_len=N, kv_len=N, layer=3, **params):
    settings = {"block": 8, "local_blocks": 2, "vert_stride": 8, **params}
    return masks.seen("s2_attention", rung, q_len, kv_len, q_heads=heads * group, kv_heads=heads, layer=layer, **settings)


@every_rung
def test_heads_together_see_everything(rung):
    mask = seen(rung, heads=8)
    assert (mask.any(axis=0) == masks.causal(N)).all()
    assert mask.mean() < 0.5 * masks.causal(N).mean()


@every_rung
def test_mask_is_monotone_so_that_keys_may_be_evicted(rung):
    """A key that a query does not see is not seen by any later one."""
    mask = seen(rung, heads=4, group=2, offset=3)
    for head in mask:
        for k in range(N):
            rows = head[k:, k]
            assert not (rows[1:] & ~rows[:-1]).any()


@every_rung
@pytest.mark.parametrize("params", [{"vert_stride": 1}, {"local_blocks": N // 8}, {"dense_heads": 4}, {"dense_layers": 4}])
def test_limits_that_are_causal_attention(rung, params):
    assert (seen(rung, heads=4, **params) == masks.causal(N)).all()


@every_rung
def test_decode_sees_the_row_of_prefill(rung):
    whole = seen(rung, heads=4)
    for length in (1, 8, 9, 100, N):
        assert (seen(rung, heads=4, q_len=1, kv_len=N, kv_lens=[length])[:, 0] == whole[:, length - 1]).all()


def test_decode_does_not_read_evicted_keys():
    """Every step, what a KV head no longer sees is overwritten with NaN; the steps still give the rows of prefill."""
    rng = np.random.default_rng(0)
    heads, group, length, prompt, settings = 4, 2, 150, 100, {"block": 8, "local_blocks": 2, "vert_stride": 8}
    q, k, v = (rng.normal(size=(1, n, length, 64)).astype(np.float32) for n in (heads * group, heads, heads))
    compiled = artifact(CASE, "f32", 64, 64)
    expected, _ = attn.attend(compiled, q=q, k=k, v=v, **settings)
    for step in range(prompt, length):
        out, _ = attn.attend(compiled, q=q[:, :, step : step + 1], k=k, v=v, kv_lens=[step + 1], **settings)
        np.testing.assert_allclose(out[:, :, 0], expected[:, :, step], atol=1e-5)
        keep = block_masks(length // 8 + 1, heads, 2, 8, 0, 0)[:, step // 8]
        for head in range(heads):
            gone = [j for j in range(step + 1) if not keep[head, j // 8]]
            k[0, head, gone] = v[0, head, gone] = np.nan
    assert np.isnan(k).mean() > 0.3
