"""YOPO (arXiv 2410.06169): system prompt, visual tokens on a grid, text.

As the released code masks: the visual x visual block of a causal mask is overwritten by a neighbourhood on the grid (later
neighbours included), then pruned heads lose the visual keys.
"""

import numpy as np
import pytest

import masks
from cases import Case
from ladder import check_random_calls, check_unseen_keys, every_dtype, every_rung

pytestmark = pytest.mark.system("yopo", partial="pruning after the softmax, which keeps the denominator")
N = 160


def neighbours(rows, columns, radius):
    """Boolean [cell, cell] of the grid, cells in row-major order."""
    mask = np.zeros((rows, columns, rows, columns), dtype=bool)
    for r in range(rows):
        for c in range(columns):
            mask[r, c, max(0, r - radius) : r + radius + 1, max(0, c - radius) : c + radius + 1] = True
    return mask.reshape(rows * columns, rows * columns)


def whole_mask(length, v, kept):
    """Boolean [position, position] of one head."""
    cells = v["rows"] * v["columns"]
    size = max(length, v["start"] + cells)
    mask = np.tri(size, dtype=bool)
    visual = slice(v["start"], v["start"] + cells)
    mask[visual, visual] = neighbours(v["rows"], v["columns"], v["radius"])
    if not kept:
        mask[:, visual] = False
    return mask[:length, :length]


def visible(c, v):
    kept = bool(v["keep"][c.l, c.h]) and c.l < v["layer_cut"]
    mask = whole_mask(c.kv_len, v, kept)
    q = c.q[:, 0]
    return np.where(q[:, None] < 0, False, mask[np.clip(q, 0, None)]) if c.kv_len else np.zeros((c.q_len, 0), bool)


def params(rng, z):
    return {"start": int(rng.integers(0, 40)), "rows": int(rng.integers(1, 9)), "columns": int(rng.integers(1, 9)),
            "radius": int(rng.integers(0, 4)), "layer_cut": int(rng.integers(0, 5))}


def heads(rng, z):
    return {"keep": rng.random((z.layers, z.q_heads)) < 0.5}


CASE = Case("yopo", "yopo", visible, params=params, operands=heads)


@every_rung
@every_dtype
def test_random_calls(dtype, rung):
    check_random_calls(CASE, dtype, rung, 6, layers=4, layer=2)


@every_rung
def test_unseen_keys(rung):
    check_unseen_keys(CASE, "f32", rung, 3, layers=4, layer=1)


GRID = {"start": 20, "rows": 8, "columns": 12, "radius": 2, "layer_cut": 20}
VISUAL = slice(20, 20 + 96)


def seen(rung, q_len=N, layer=3, keep=(True, False), **params):
    table = np.tile(np.array(keep), (32, 1))
    return masks.seen("yopo", rung, q_len, N, q_heads=len(keep), kv_heads=len(keep), layer=layer, keep=table, **{**GRID, **params})


@every_rung
def test_a_large_neighbourhood_makes_only_the_image_bidirectional(rung):
    expected = masks.causal(N).copy()
    expected[VISUAL, VISUAL] = True
    assert (seen(rung, keep=[True], radius=11)[0] == expected).all()


@every_rung
def test_pruned_heads_see_text_only(rung):
    kept, pruned = seen(rung)
    assert not pruned[:, VISUAL].any()
    others = np.r_[0:20, 116:N]
    assert (pruned[:, others] == kept[:, others]).all()


@every_rung
def test_behind_the_layer_cut_every_head_is_pruned(rung):
    first, second = seen(rung, layer=20)
    assert (first == second).all() and (first == seen(rung, layer=3)[1]).all()


@every_rung
def test_decode_sees_the_row_of_prefill(rung):
    assert (seen(rung, q_len=1)[:, 0] == seen(rung)[:, -1]).all()
