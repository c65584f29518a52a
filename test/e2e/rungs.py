"""A call on every rung of the ladder, for specs that test_patterns.py does not cover: several caches, branches, tables."""

import functools
import json

import numpy as np

import product

# Absolute, for f32 inputs of unit variance: the reference computes in fp64, and one wrong key moves a result by far more.
TOLERANCE = {"reference": 1e-9, "cpu": 2e-5}


@functools.lru_cache(maxsize=None)
def _compile(spec: str, variant: str):
    return product.attn.compile(spec, variants=[variant])


def artifact(spec, d=32):
    return _compile(json.dumps({"attn": 1, **spec}), f"d={d},dtype=f32")


def check(spec, call, expected_out, expected_lse=None, q_lens=None, d=32):
    """Runs `call` on both rungs and compares the real rows."""
    compiled = artifact(spec, d)
    for rung, run in (("reference", product.attn.reference), ("cpu", product.attn.attend)):
        out, lse = run(compiled, **call)
        assert (lse is None) == (expected_lse is None), rung
        for b in range(out.shape[0]):
            rows = slice(None, out.shape[2] if q_lens is None else q_lens[b])
            np.testing.assert_allclose(out[b, :, rows], expected_out[b, :, rows], atol=TOLERANCE[rung], err_msg=rung)
            if lse is not None:
                np.testing.assert_allclose(lse[b, :, rows], expected_lse[b, :, rows], atol=2e-5, err_msg=rung)


def normal(rng, *shape):
    return rng.normal(size=shape).astype(np.float32)


def softmax_row(scores, values):
    """(out, lse) of one query row over the keys with finite scores."""
    seen = ~np.isneginf(scores)
    if not seen.any():
        return np.zeros(values.shape[1]), -np.inf
    top = scores[seen].max()
    p = np.exp(scores[seen] - top)
    return p @ values[seen] / p.sum(), top + np.log(p.sum())


def softmax(scores, values):
    """Row by row; `scores` is [rows, keys], hidden keys are -inf."""
    results = [softmax_row(s, values) for s in scores]
    return np.array([r[0] for r in results]).reshape(len(scores), values.shape[1]), np.array([r[1] for r in results])
