"""YOPO (arXiv 2410.06169): system prompt, visual tokens on a grid, text.

As the released code masks: the visual x visual block of a causal mask is overwritten by a neighbourhood on the grid (later
neighbours included). Pruned heads lose the visual keys: after the softmax, without a new division (`zero`), or before (`drop`).
"""

from dataclasses import replace

import numpy as np
import pytest

import masks
from cases import Case
from ladder import every_rung, generator, standard_tests
from problem import random_problem
from product import run

pytestmark = pytest.mark.system("yopo")
N = 160


def neighbours(rows, columns, radius):
    """Boolean [cell, cell] of the grid, cells in row-major order."""
    mask = np.zeros((rows, columns, rows, columns), dtype=bool)
    for r in range(rows):
        for c in range(columns):
            mask[r, c, max(0, r - radius) : r + radius + 1, max(0, c - radius) : c + radius + 1] = True
    return mask.reshape(rows * columns, rows * columns)


def whole_mask(length, v):
    """Boolean [position, position] of a head that is not pruned."""
    cells = v["rows"] * v["columns"]
    size = max(length, v["start"] + cells)
    mask = np.tri(size, dtype=bool)
    visual = slice(v["start"], v["start"] + cells)
    mask[visual, visual] = neighbours(v["rows"], v["columns"], v["radius"])
    return mask[:length, :length]


def seen_by_kept(c, v):
    q = c.q[:, 0]
    mask = whole_mask(c.kv_len, v)[np.clip(q, 0, None)] if c.kv_len else np.zeros((c.q_len, 0), bool)
    return mask & (q >= 0)[:, None]


def valued(c, v):
    """Visual keys of a pruned head have no value."""
    kept = v["keep"][c.l, c.h] and c.l < v["layer_cut"]
    return kept | (c.k < v["start"]) | (c.k >= v["start"] + v["rows"] * v["columns"])


def seen_if_dropped(c, v):
    return seen_by_kept(c, v) & valued(c, v)


def params(rng, z):
    return {"start": int(rng.integers(0, 40)), "rows": int(rng.integers(1, 9)), "columns": int(rng.integers(1, 9)),
            "radius": int(rng.integers(0, 4)), "layer_cut": int(rng.integers(0, 5))}


def heads(rng, z):
    return {"keep": rng.random((z.layers, z.q_heads)) < 0.5}


CASES = [Case("yopo_drop", "yopo", seen_if_dropped, entry="drop", params=params, operands=heads),
         Case("yopo_zero", "yopo", seen_by_kept, entry="zero", valued=valued, params=params, operands=heads)]
test_random_calls, test_unseen_keys = standard_tests(CASES, 5, 3, layers=4, layer=2)


GRID = {"start": 20, "rows": 8, "columns": 12, "radius": 2, "layer_cut": 20}
VISUAL = slice(20, 20 + 96)


def seen(rung, q_len=N, layer=3, keep=(True, False), **params):
    table = np.tile(np.array(keep), (32, 1))
    return masks.seen("yopo", rung, q_len, N, q_heads=len(keep), kv_heads=len(keep), entry="drop", layer=layer, keep=table,
                      **{**GRID, **params})


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


@every_rung
def test_pruning_after_the_softmax_keeps_the_denominator(rung):
    """out = (1 - f) times that of dropped keys, where f is the weight of the visual keys; lse stays that of all keys."""
    p = random_problem(CASES[1], "f32", generator("denominator"), layers=2, layer=0, q_lens=np.array([130]), kv_lens=np.array([130]))
    p.values.update(GRID, keep=np.zeros((2, p.sizes.q_heads), dtype=bool))
    (zero, whole), (drop, rest) = (run(rung, replace(p, case=case)) for case in (CASES[1], CASES[0]))
    f = 1 - np.exp(rest - whole)
    np.testing.assert_allclose(zero[:, :, :130], ((1 - f)[..., None] * drop)[:, :, :130], atol=1e-5)
    assert f[:, :, 20:130].min() > 0.01 and abs(zero[:, :, 40:130] - drop[:, :, 40:130]).max() > 0.1


@every_rung
def test_rows_of_weights_sum_to_what_is_left(rung):
    p = random_problem(CASES[1], "f32", generator("sum"), layers=2, layer=0, q_lens=np.array([130]), kv_lens=np.array([130]), dv=1)
    p.values.update(GRID, keep=np.zeros((2, p.sizes.q_heads), dtype=bool))
    p.v[:] = 1
    (sums, whole), (_, rest) = (run(rung, replace(p, case=case)) for case in (CASES[1], CASES[0]))
    np.testing.assert_allclose(sums[:, :, :130, 0], np.exp(rest - whole)[:, :, :130], atol=1e-5)
