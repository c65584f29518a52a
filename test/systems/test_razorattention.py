"""RazorAttention (arXiv 2407.15891), step by step.

A local head keeps the first N0 keys and the newest L. What it dropped is one token: the means of the dropped keys and values,
which counts as often as keys were dropped (a bias of log N on its score). Retrieval heads keep everything. The caches of a
request are kept here as an engine would keep them; attn computes the steps.
"""

import numpy as np
import pytest

import dtypes
import masks
import product
import tolerance
from cases import Case
from ladder import every_dtype, every_rung
from product import attn

pytestmark = pytest.mark.system("razorattention", partial="the update of the mean token when the ring drops a key")
D, HEADS, GROUP = 64, 3, 2
RETRIEVAL = np.array([False, True, False])
CASE = Case("razorattention", "razorattention", None)


def means(k, v, dropped):
    """The mean token of one head, computed from all its dropped keys."""
    return k[dropped].mean(axis=0), v[dropped].mean(axis=0)


class Request:
    """K and V of all positions [head, position, dim], as the dtype stores them, and the caches that a step reads."""

    def __init__(self, k, v, sink, recent, dtype):
        self.k, self.v, self.sink, self.recent, self.dtype = k, v, sink, recent, dtype

    def split(self, length):
        """(kept, dropped) positions of a local head at a step with `length` keys."""
        kept = [j for j in range(length) if j < self.sink or j >= length - self.recent]
        return kept, [j for j in range(length) if j not in kept]

    def caches(self, length):
        k, v, local = self.k, self.v, np.flatnonzero(~RETRIEVAL)
        kept, dropped = self.split(length)
        ring = np.full((2, 1, len(local), self.sink + self.recent, D), np.nan)
        mean = np.full((2, 1, HEADS, 1, D), np.nan)
        for at, x in enumerate((k, v)):
            for j in kept:
                slot = j if j < self.sink else self.sink + (j - self.sink) % self.recent
                ring[at, 0, :, slot] = x[local, j]
        for head in local:
            if dropped:
                mean[0, 0, head, 0], mean[1, 0, head, 0] = means(k[head], v[head], dropped)
        store = lambda x: dtypes.encode(x.astype(np.float32), self.dtype)
        whole = [store(x[None, RETRIEVAL, :length]) for x in (k, v)]
        return {"k.whole": whole[0], "v.whole": whole[1], "k.ring": store(ring[0]), "v.ring": store(ring[1]),
                "k.mean": store(mean[0]), "v.mean": store(mean[1])}

    def step(self, q, length, caches, weight_of_mean=1.0, r=lambda x: x):
        """(out, lse) of query rows q [query head, dim], from the definition."""
        out, lse = np.zeros(q.shape), np.zeros(len(q))
        for h, row in enumerate(q):
            g = h // GROUP
            kept, dropped = (list(range(length)), []) if RETRIEVAL[g] else self.split(length)
            keys, values, bias = self.k[g, kept], self.v[g, kept], np.zeros(len(kept))
            if dropped:
                mean = [dtypes.decode(caches[n][0, g, 0], self.dtype).astype(float) for n in ("k.mean", "v.mean")]
                keys, values = np.vstack([keys, mean[0]]), np.vstack([values, mean[1]])
                bias = np.append(bias, weight_of_mean * np.log(len(dropped)))
            s = r(r(r(keys @ row) / np.sqrt(D)) + bias)
            p = r(np.exp(s - s.max()))
            lse[h] = s.max() + np.log(p.sum())
            out[h] = r(r(p / p.sum()) @ values)
        return out, lse


def run(rung, request, q, length, caches, retrieval=RETRIEVAL, **params):
    dropped = [0 if keep else len(request.split(length)[1]) for keep in retrieval]
    maps = {"whole": np.where(retrieval, np.cumsum(retrieval) - 1, -1), "ring": np.where(retrieval, -1, np.cumsum(~retrieval) - 1)}
    call = {"entry": "decode", "q": dtypes.encode(q.astype(np.float32), request.dtype)[None, :, None], "kv_lens": [length],
            "is_retrieval": retrieval, "dropped": np.array([dropped], np.int32), "sink": request.sink, "recent": request.recent,
            "head_maps": {f"{x}.{cache}": index.tolist() for x in "kv" for cache, index in maps.items()}, **caches, **params}
    pattern = product.artifact(CASE, request.dtype, D, D)
    if rung == "reference":
        out, lse = attn.reference(pattern, **call)
    else:
        out, lse = attn.attend(pattern, **call)
        out = dtypes.decode(out, request.dtype)
    return out[0, :, 0], lse[0, :, 0]


def tensors(length, dtype, seed, flat=None):
    """q, k, v [head, position, dim] in fp64, exact in `dtype`; keys and values of positions in `flat` are all equal."""
    rng = np.random.default_rng(seed)
    q, k, v = (dtypes.rounding(dtype)(rng.normal(size=(n, length, D))).astype(float) for n in (HEADS * GROUP, HEADS, HEADS))
    if flat:
        k[:, flat], v[:, flat] = k[:, flat[:1]], v[:, flat[:1]]
    return q, k, v


@every_rung
@every_dtype
@pytest.mark.parametrize("sink, recent", [(4, 16), (1, 40), (0, 7)])
def test_steps(rung, dtype, sink, recent):
    """Before the ring is full, around its first overwrite, and long after it."""
    q, k, v = tensors(160, dtype, seed=recent)
    request = Request(k, v, sink, recent, dtype)
    for length in (1, sink + recent - 1, sink + recent, sink + recent + 1, sink + recent + 2, 100, 160):
        for weight_of_mean in (1.0, 0.0):
            caches = request.caches(length)
            out, lse = run(rung, request, q[:, length - 1], length, caches, weight_of_mean=weight_of_mean)
            exact, exact_lse = request.step(q[:, length - 1], length, caches, weight_of_mean)
            if rung == "reference":
                np.testing.assert_allclose(out, exact, rtol=1e-9, atol=1e-10)
            else:
                rounded, _ = request.step(q[:, length - 1], length, caches, weight_of_mean, dtypes.rounding(dtype))
                tolerance.check_out(out, exact, rounded, v, dtype)
            tolerance.check_lse(lse, exact_lse)


def full(q, k, v, length):
    """Causal attention of the last query."""
    s = np.array([k[h // GROUP, :length] @ q[h, length - 1] / np.sqrt(D) for h in range(len(q))])
    top = s.max(axis=1)
    p = np.exp(s - top[:, None])
    out = np.array([p[h] @ v[h // GROUP, :length] for h in range(len(q))]) / p.sum(axis=1)[:, None]
    return out, top + np.log(p.sum(axis=1))


@every_rung
def test_equal_dropped_keys_make_it_exact(rung):
    length, sink, recent = 120, 4, 16
    q, k, v = tensors(length, "f32", seed=1, flat=list(range(sink, length - recent)))
    request = Request(k, v, sink, recent, "f32")
    out, lse = run(rung, request, q[:, -1], length, request.caches(length))
    expected, expected_lse = full(q, k, v, length)
    np.testing.assert_allclose(out, expected, atol=1e-5)
    np.testing.assert_allclose(lse, expected_lse, atol=1e-5)


@every_rung
def test_the_mean_token_has_at_most_the_mass_of_what_it_stands_for(rung):
    """Jensen's inequality, so the lse of a local head is below that of full attention."""
    length = 150
    q, k, v = tensors(length, "f32", seed=2)
    request = Request(k, v, 4, 20, "f32")
    _, lse = run(rung, request, 3 * q[:, -1], length, request.caches(length))
    _, expected = full(3 * q, k, v, length)
    local = ~np.repeat(RETRIEVAL, GROUP)
    assert (lse[local] < expected[local] - 1e-3).all()
    np.testing.assert_allclose(lse[~local], expected[~local], atol=1e-5)


@every_rung
def test_a_ring_that_holds_everything_is_full_attention(rung):
    q, k, v = tensors(50, "f32", seed=3)
    request = Request(k, v, 4, 46, "f32")
    out, _ = run(rung, request, q[:, -1], 50, request.caches(50))
    np.testing.assert_allclose(out, full(q, k, v, 50)[0], atol=1e-5)


def test_a_running_mean_is_the_mean():
    """How an engine updates the token when a key leaves the ring: mean <- (n mean + key) / (n + 1)."""
    _, k, v = tensors(90, "f32", seed=4)
    mean, count = np.zeros((2, D)), 0
    for j in range(4, 74):
        mean = (count * mean + np.stack([k[0, j], v[0, j]])) / (count + 1)
        count += 1
    np.testing.assert_allclose(mean, means(k[0], v[0], list(range(4, 74))), atol=1e-12)


@every_rung
def test_prefill_is_causal_attention(rung):
    heads = {"is_retrieval": np.array([False]), "dropped": np.array([[0]], np.int32)}
    mask = masks.seen("razorattention", rung, 90, 90, entry="prefill", cache="whole", **heads)
    assert (mask == masks.causal(90)).all()
