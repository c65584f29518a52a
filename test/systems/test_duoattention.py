"""DuoAttention (arXiv 2410.10819), row 20 of the systems: the mechanism simulated with caches as lists of positions.

Retrieval heads keep every key. A streaming head keeps the first `sink` and the last `recent` keys of what it has seen; a
chunk of the prompt attends to what was kept and causally to itself; a decode step is a chunk of one. The numbers are
checked by test_random_calls; elsewhere a single wrong key would move a result by far more than the tolerance.
"""

import numpy as np
import pytest

import cases
import dtypes
import masks
import oracle
import product
import tolerance
from ladder import every_dtype, every_rung, generator, standard_tests
from problem import random_problem
from product import attn

pytestmark = pytest.mark.system("duoattention")
D = 64
ATOL = 1e-5
PREFILL = cases.by_name("duoattention_prefill")


test_random_calls, test_unseen_keys = standard_tests([PREFILL], 4, 2)


def run(rung, **call):
    pattern = product.artifact(PREFILL, "f32", D, D)
    return attn.reference(pattern, **call) if rung == "reference" else attn.attend(pattern, **call)


class Simulation:
    """One request. Tensors are [head, position, dim]."""

    def __init__(self, q, k, v, retrieval, sink, recent):
        self.q, self.k, self.v = (x.astype(np.float64) for x in (q, k, v))
        self.retrieval, self.sink, self.recent = retrieval, sink, recent
        self.kept = [[] for _ in retrieval]  # positions in each KV head's cache
        self.length = 0

    def chunk(self, size):
        """Outputs of the next `size` tokens [q_head, size, dim]."""
        positions = list(range(self.length, self.length + size))
        out = np.zeros((self.q.shape[0], size, self.v.shape[2]))
        group = self.q.shape[0] // len(self.retrieval)
        for h in range(self.q.shape[0]):
            for row, i in enumerate(positions):
                seen = self.kept[h // group] + [j for j in positions if j <= i]
                scores = self.k[h // group, seen] @ self.q[h, i] / np.sqrt(self.q.shape[2])
                p = np.exp(scores - scores.max())
                out[h, row] = p @ self.v[h // group, seen] / p.sum()
        for g, keep_all in enumerate(self.retrieval):
            everything = self.kept[g] + positions
            if not keep_all:
                recent = [j for j in everything if j >= self.length + size - self.recent]
                everything = [j for j in everything if j < self.sink and j not in recent] + recent
            self.kept[g] = everything
        self.length += size
        return out


def tensors(length, q_heads, kv_heads, seed):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(h, length, D)).astype(np.float32) for h in (q_heads, kv_heads, kv_heads)]


RETRIEVAL = np.array([True, False, False, True])


@every_rung
@pytest.mark.parametrize("chunks", [[150], [70, 33, 1, 46], [5, 5, 5, 60, 7], [64, 64], [1, 1, 1]])
@pytest.mark.parametrize("sink, recent", [(4, 16), (1, 1), (64, 256)])
def test_chunked_prefill(rung, chunks, sink, recent):
    q, k, v = tensors(sum(chunks), 8, 4, seed=len(chunks))
    simulation = Simulation(q, k, v, RETRIEVAL, sink, recent)
    start = 0
    for size in chunks:
        end = start + size
        out, _ = run(
            rung, entry="prefill", q=q[None, :, start:end], is_retrieval=RETRIEVAL, chunk=start, sink=sink,
            recent=recent, **{"k.whole": k[None, :, :end], "v.whole": v[None, :, :end]},
        )
        np.testing.assert_allclose(out[0], simulation.chunk(size), atol=ATOL)
        start = end


class Ring:
    """The caches of one request as an engine holds them: whole ones for retrieval heads, sink and ring for the others."""

    def __init__(self, k, v, retrieval, sink, slots):
        self.k, self.v, self.sink, self.slots = k, v, sink, slots
        self.whole = np.flatnonzero(retrieval)
        self.ring = np.flatnonzero(~retrieval)
        self.ring_k, self.ring_v = (np.full((1, len(self.ring), sink + slots, D), np.nan, np.float32) for _ in "kv")

    def write(self, position):
        slot = position if position < self.sink else self.sink + (position - self.sink) % self.slots
        self.ring_k[0, :, slot], self.ring_v[0, :, slot] = self.k[self.ring, position], self.v[self.ring, position]

    def tensors(self, length):
        return {"k.whole": self.k[None, self.whole, :length], "v.whole": self.v[None, self.whole, :length],
                "k.ring": self.ring_k, "v.ring": self.ring_v}

    def head_maps(self, heads):
        index = lambda which: [list(which).index(g) if g in which else -1 for g in range(heads)]
        return {"k.whole": index(self.whole), "v.whole": index(self.whole), "k.ring": index(self.ring),
                "v.ring": index(self.ring)}


@every_rung
@pytest.mark.parametrize("extra_slots", [1, 5])
@pytest.mark.parametrize("prompt", [1, 19, 20, 21, 40, 64])
def test_decode_from_the_ring(rung, prompt, extra_slots):
    """Steps on both sides of the first overwrite of a slot, with unwritten slots full of NaN."""
    sink, recent, steps = 4, 16, 6
    q, k, v = tensors(prompt + steps, 8, 4, seed=prompt)
    simulation = Simulation(q, k, v, RETRIEVAL, sink, recent)
    simulation.chunk(prompt)
    ring = Ring(k, v, RETRIEVAL, sink, recent + extra_slots)
    for position in range(prompt):
        ring.write(position)
    for position in range(prompt, prompt + steps):
        ring.write(position)
        out, _ = run(
            rung, entry="decode", q=q[None, :, position : position + 1], is_retrieval=RETRIEVAL, sink=sink,
            recent=recent, slots=ring.slots, kv_lens=[position + 1], head_maps=ring.head_maps(4),
            **ring.tensors(position + 1),
        )
        np.testing.assert_allclose(out[0], simulation.chunk(1), atol=ATOL)


@every_rung
def test_limits_that_are_causal_attention(rung):
    """No streaming head; a first chunk; sinks or recent keys that hold everything."""
    n = 90
    few = {"chunk": 50, "sink": 1, "recent": 1}
    heads = {"q_heads": 2, "kv_heads": 2, "entry": "prefill", "cache": "whole"}
    for retrieval, change in ((1, {}), (0, {"chunk": 0}), (0, {"sink": n}), (0, {"recent": n})):
        mask = masks.seen("duoattention", rung, n, n, is_retrieval=np.full(2, bool(retrieval)), **heads, **{**few, **change})
        assert (mask == masks.causal(n)).all()


@every_rung
def test_only_retrieval_heads_do_not_depend_on_the_chunks(rung):
    n, heads = 90, {"q_heads": 2, "kv_heads": 2, "entry": "prefill", "cache": "whole"}
    def rows(start, end):
        return masks.seen("duoattention", rung, end - start, n, kv_lens=[end], is_retrieval=np.array([True, False]),
                          chunk=start, sink=2, recent=10, **heads)
    one, two = rows(0, n), np.concatenate([rows(0, 40), rows(40, n)], axis=1)
    assert (one[0] == two[0]).all() and (one[1, :40] == two[1, :40]).all()
    assert one[1, 40:].sum() > two[1, 40:].sum()


def mixture(p, gate, sink, recent, rounding=None):
    """gate * full + (1 - gate) * streaming attention, a gate for each KV head."""
    r = rounding or (lambda x: x)
    causal = lambda c: c.k <= c.q
    stream = lambda c: causal(c) & ((c.k < sink) | (c.k >= c.q - recent))
    full, streamed = (oracle.softmax_attention(*p.tensors(), m, rounding=rounding, **p.lengths())[0] for m in (causal, stream))
    gates = np.repeat(gate, p.sizes.q_heads // p.sizes.kv_heads)[None, :, None, None]
    return r(r(gates * full) + r((1 - gates) * streamed))


def soft(p, gate, sink, recent, rung):
    call = {"entry": "soft", "q": p.q, "k.whole": p.k, "v.whole": p.v, "gate": gate.astype(np.float32), "sink": sink,
            "recent": recent, "q_lens": p.sizes.q_lens, "kv_lens": p.sizes.kv_lens}
    pattern = product.artifact(PREFILL, p.dtype, D, D)
    if rung == "reference":
        return attn.reference(pattern, **call)[0]
    return dtypes.decode(attn.attend(pattern, **call)[0], p.dtype)


@every_rung
@every_dtype
def test_soft_gates(rung, dtype):
    rng = generator("soft", dtype)
    for _ in range(4):
        p = random_problem(cases.by_name("causal"), dtype, rng, q_lens=np.array([97, 33]), kv_lens=np.array([200, 33]))
        gate, sink, recent = rng.random(p.sizes.kv_heads).astype(np.float32).astype(float), int(rng.integers(0, 9)), int(rng.integers(1, 60))
        out, exact = p.rows(soft(p, gate, sink, recent, rung)), p.rows(mixture(p, gate, sink, recent))
        if rung == "reference":
            np.testing.assert_allclose(out, exact, rtol=1e-9, atol=1e-10)
        else:
            rounded = p.rows(mixture(p, gate, sink, recent, dtypes.rounding(dtype)))
            tolerance.check_out(out, exact, rounded, p.tensors()[2], dtype)


@every_rung
def test_gates_of_one_and_zero_are_the_two_kinds_of_heads(rung):
    """What decode computes for retrieval and streaming heads, row by row."""
    length, sink, recent = 60, 4, 16
    q, k, v = (x[None] for x in tensors(length, 8, 4, seed=11))
    p = random_problem(cases.by_name("causal"), "f32", generator("hard"), q_lens=np.array([length]), kv_lens=np.array([length]),
                       q_heads=8, kv_heads=4, slack=0)
    p.q, p.k, p.v = q, k, v
    simulation = Simulation(q[0], k[0], v[0], RETRIEVAL, sink, recent)
    expected = np.concatenate([simulation.chunk(1) for _ in range(length)], axis=1)
    np.testing.assert_allclose(soft(p, RETRIEVAL.astype(float), sink, recent, rung)[0], expected, atol=ATOL)
