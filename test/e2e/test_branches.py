"""Branches: the results of several attentions, summed with gates as weights."""

import rungs
import numpy as np
import oracle
import pytest

D = 32
Z = {"q_lens": [5, 1, 40, 0], "kv_lens": [70, 66, 40, 3]}


def tensors(rng, batch=4, q_heads=4, kv_heads=2):
    return {"q": rungs.normal(rng, batch, q_heads, 43, D), "k": rungs.normal(rng, batch, kv_heads, 73, D),
            "v": rungs.normal(rng, batch, kv_heads, 73, D)}


def branch(x, visible, **more):
    return oracle.softmax_attention(*(x[n].astype(np.float64) for n in "qkv"), visible, **Z, **more)[0]


DUO = {
    "name": "soft_gate",
    "positions": "bottom_right",
    "params": {"sink": 4, "recent": 20},
    "operands": {"alpha": {"shape": ["kv_heads"], "dtype": "f32"}},
    "partitions": {"branch": {"axis": "branch", "classes": {"full": "alpha[g]", "stream": "1 - alpha[g]"}}},
    "kernel_maps": {"branch.full": {"mask": "causal"},
                    "branch.stream": {"mask": {"and": ["causal", {"or": [{"sink": "sink"}, {"window": "recent"}]}]}}},
}


def stream(c):
    return (c.k <= c.q) & ((c.k < 4) | (c.q - c.k < 20))


@pytest.mark.parametrize("alpha", [[0.25, 0.9], [0.0, 1.0]])
def test_soft_gate_of_duo_attention(alpha):
    rng = np.random.default_rng(1)
    x, alpha = tensors(rng), np.array(alpha, np.float32)
    gate = np.repeat(alpha, 2)[None, :, None, None].astype(np.float64)
    expected = gate * branch(x, lambda c: c.k <= c.q) + (1 - gate) * branch(x, stream)
    rungs.check(DUO, {**x, **Z, "alpha": alpha}, expected, q_lens=Z["q_lens"])


def test_gates_of_every_query_layer_and_head():
    """Three branches; one has classes of keys, one has a learned sink, one sees nothing in some rows."""
    spec = {
        "name": "query_gates",
        "positions": "bottom_right",
        "operands": {"gate": {"shape": ["batch", "q_heads", "kv_len"], "dtype": "f32"},
                     "table": {"shape": ["layers", "q_heads"], "dtype": "f32"}, "sink": {"shape": ["q_heads"], "dtype": "f32"}},
        "partitions": {
            "branch": {"axis": "branch", "classes": {"parts": "gate[b, h, q]", "seeded": "table[l, h]", "far": "-0.5"}},
            "keys": {"axis": "key", "classes": {"early": "k < 9", "late": "otherwise"}},
        },
        "kernel_maps": {"branch.parts & keys.early": {}, "branch.parts": {"mask": "causal"},
                        "branch.seeded": {"mask": "causal", "weight": {"softmax": {"seed": "sink"}}},
                        "branch.far": {"mask": "q - k >= 30"}},
    }
    rng = np.random.default_rng(2)
    x = tensors(rng)
    gate, table, sink = rungs.normal(rng, 4, 4, 73), rungs.normal(rng, 3, 4), rungs.normal(rng, 4)
    rows = np.zeros((4, 4, 43, 1))
    for b, (m, n) in enumerate(zip(*Z.values())):
        rows[b, :, :m, 0] = gate[b][:, np.clip(n - m + np.arange(m), 0, 72)]
    expected = (rows * branch(x, lambda c: (c.k < 9) | (c.k <= c.q)) +
                table[2].astype(np.float64)[None, :, None, None] * branch(x, lambda c: c.k <= c.q, seed=sink.astype(np.float64)) -
                0.5 * branch(x, lambda c: c.q - c.k >= 30))
    rungs.check(spec, {**x, **Z, "gate": gate, "table": table, "sink": sink, "layer": 2}, expected, q_lens=Z["q_lens"])


def test_a_branch_may_be_linear():
    spec = {
        "name": "linear_branch",
        "positions": "bottom_right",
        "partitions": {"branch": {"axis": "branch", "classes": {"linear": "0.5", "softmax": "2.0"}}},
        "kernel_maps": {"branch.linear": {"mask": "causal", "weight": {"linear": {"decay": "0.9", "form": "quadratic"}}},
                        "branch.softmax": {"mask": "causal"}},
    }
    x = tensors(np.random.default_rng(4))
    q, k, v = (x[n].astype(np.float64) for n in "qkv")
    linear = oracle.linear_attention(q, k, v, lambda c: c.k <= c.q, lambda c: np.float64(np.float32(0.9)), **Z)
    rungs.check(spec, {**x, **Z}, 0.5 * linear + 2.0 * branch(x, lambda c: c.k <= c.q), q_lens=Z["q_lens"])


def test_a_branch_may_have_a_cache_of_its_own():
    spec = {
        "name": "stored_branch",
        "positions": "bottom_right",
        "caches": {"sequence": {"layout": "contiguous"}, "memory": {"layout": "slots"}},
        "partitions": {"branch": {"axis": "branch", "classes": {"plain": "0.5", "joined": "2.0"}},
                       "keys": {"axis": "key", "classes": {"stored": {"cache": "memory"}, "seen": "otherwise"}}},
        "kernel_maps": {"branch.joined & keys.stored": {}, "branch.joined": {"mask": "causal"},
                        "branch.plain & keys.stored": {"mask": "false"}, "branch.plain": {"mask": "causal"}},
    }
    rng = np.random.default_rng(3)
    x, memory = tensors(rng), [rungs.normal(rng, 4, 2, 6, D) for _ in "kv"]
    plain = branch(x, lambda c: c.k <= c.q)
    joined = np.zeros(x["q"].shape)
    for b, (m, n) in enumerate(zip(*Z.values())):
        for h in range(4):
            keys = np.concatenate([memory[0][b, h // 2], x["k"][b, h // 2, :n]]).astype(np.float64)
            values = np.concatenate([memory[1][b, h // 2], x["v"][b, h // 2, :n]]).astype(np.float64)
            seen = np.concatenate([np.ones((m, 6), bool), np.arange(n)[None] <= n - m + np.arange(m)[:, None]], 1)
            scores = np.where(seen, x["q"][b, h, :m].astype(np.float64) @ keys.T / np.sqrt(D), -np.inf)
            joined[b, h, :m] = rungs.softmax(scores, values)[0]
    call = {"q": x["q"], "k.sequence": x["k"], "v.sequence": x["v"], "k.memory": memory[0], "v.memory": memory[1]}
    rungs.check(spec, {**call, **Z}, 0.5 * plain + 2.0 * joined, q_lens=Z["q_lens"])
