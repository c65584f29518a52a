"""Tri-shape of SCBench (arXiv 2412.10319), as MInference runs it: sinks and a window, the last queries dense."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

import masks
import oracle
from cases import Case, draw, integer
from ladder import every_rung, generator, standard_tests
from problem import random_problem
from product import run

pytestmark = pytest.mark.system("scbench", partial="compression, retrieval and loading of caches; copy-on-write forks")
N = 160


def a_shape(c, v):
    return (c.k <= c.q) & ((c.k < v["init"]) | (c.q - c.k < v["local"]))


def tri_shape(c, v):
    """The last rows of the prompt see everything before them."""
    mask = a_shape(c, v)
    first = max(0, c.q_len - v["last"])
    mask[first:] = (c.k <= c.q)[first:]
    return mask


PARAMS = draw(init=integer(0, 20), local=integer(1, 60), last=integer(0, 50))
CASES = [Case("tri_shape", "scbench", tri_shape, entry="tri_shape", params=PARAMS),
         Case("a_shape", "scbench", a_shape, entry="a_shape", params=PARAMS)]
test_random_calls, test_unseen_keys = standard_tests(CASES, 4, 2)


def seen(rung, entry="tri_shape", q_len=N, **params):
    return masks.seen("scbench", rung, q_len, N, entry=entry, **params)[0]


@every_rung
def test_limits(rung):
    assert (seen(rung, init=0, local=5, last=N) == masks.causal(N)).all()
    assert (seen(rung, init=0, local=N, last=0) == masks.causal(N)).all()
    few = {"init": 3, "local": 20}
    assert (seen(rung, last=0, **few) == seen(rung, "a_shape", **few)).all()


@every_rung
def test_a_shape_is_a_window_merged_with_the_sinks_outside_it(rung):
    p = random_problem(CASES[1], "f32", generator("merge"), q_lens=np.array([90]), kv_lens=np.array([130]))
    window = lambda c: (c.k <= c.q) & (c.q - c.k < p.values["local"])
    sinks = lambda c: (c.k <= c.q) & ~window(c) & (c.k < p.values["init"])
    parts = [oracle.softmax_attention(*p.tensors(), mask, **p.lengths()) for mask in (window, sinks)]
    out, lse = oracle.merge(*zip(*parts))
    got, got_lse = run(rung, p)
    np.testing.assert_allclose(p.rows(got), p.rows(out), atol=1e-5)
    np.testing.assert_allclose(p.rows(got_lse), p.rows(lse), atol=1e-5)


def turn(p, start, end):
    """The call of one turn of a conversation: its rows, over a cache that holds all turns so far."""
    sizes = replace(p.sizes, q_lens=np.full(p.sizes.batch, end - start), kv_lens=np.full(p.sizes.batch, end))
    return replace(p, sizes=sizes, q=p.q[:, :, start:end], k=p.k[:, :, :end], v=p.v[:, :, :end])


@every_rung
@pytest.mark.parametrize("entry", ["decode", "a_shape"])
def test_turns_over_one_cache_are_the_whole_prompt(rung, entry):
    case = replace(CASES[1], entry=entry)
    p = random_problem(case, "f32", generator("turns"), q_lens=np.array([130, 130]), kv_lens=np.array([130, 130]), slack=0)
    p.values["local"] = 20
    whole, _ = run(rung, p)
    joined = [run(rung, turn(p, start, end))[0] for start, end in pairwise([0, 70, 71, 104, 130])]
    np.testing.assert_allclose(np.concatenate(joined, axis=2), whole, atol=1e-5)


@every_rung
def test_requests_forked_from_one_prefix_do_not_see_each_other(rung):
    """Three requests share the first 60 keys; what one of them appends changes no bit of the others."""
    p = random_problem(CASES[0], "f32", generator("fork"), q_lens=np.array([20, 20, 20]), kv_lens=np.array([80, 80, 80]))
    p.k[1:, :, :60], p.v[1:, :, :60] = p.k[:1, :, :60], p.v[:1, :, :60]
    before, _ = run(rung, p)
    p.k[1, :, 60:], p.v[1, :, 60:] = np.nan, np.nan
    after, _ = run(rung, p)
    assert before[[0, 2], :, :20].tobytes() == after[[0, 2], :, :20].tobytes()
