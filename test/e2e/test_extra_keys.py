"""Caches that are a class of keys: tokens that are always visible, precomputed keys, compensation tokens."""

import rungs
import numpy as np
import pytest

D = 32
EXTRA = {
    "positions": "bottom_right",
    "caches": {"kv": {"layout": "contiguous"}, "extra": {"layout": "slots"}},
    "partitions": {"keys": {"axis": "key", "classes": {"tokens": {"cache": "extra"}, "sequence": "otherwise"}}},
}


def problem(rng, slots, q_lens, kv_lens, q_heads=4, kv_heads=2):
    batch, q_rows, kv_rows = len(q_lens), max(q_lens) + 2, max(kv_lens) + 3
    x = {"q": rungs.normal(rng, batch, q_heads, q_rows, D)}
    for name, rows in (("kv", kv_rows), ("extra", slots)):
        x[f"k.{name}"], x[f"v.{name}"] = (rungs.normal(rng, batch, kv_heads, rows, D) for _ in "kv")
    return x


def solve(x, q_lens, kv_lens, sequence, tokens, token_bias=lambda b, g: 0.0, seed=None):
    """`sequence(b, h, q, k)` and `tokens(b, h, q, k, kv_len)` give planes of visible pairs; k is the slot for tokens."""
    q = x["q"].astype(np.float64)
    out, lse = np.zeros_like(q), np.full(q.shape[:3], -np.inf)
    for b, (m, n) in enumerate(zip(q_lens, kv_lens)):
        for h in range(q.shape[1]):
            g = h // (q.shape[1] // x["k.kv"].shape[1])
            rows, columns = n - m + np.arange(m)[:, None], np.arange(n)[None]
            slots = np.arange(x["k.extra"].shape[2])[None]
            seen = [np.broadcast_to(tokens(b, h, rows, slots, n), (m, slots.size)),
                    np.broadcast_to(sequence(b, h, rows, columns), (m, n))]
            parts = [(x["k.extra"][b, g], x["v.extra"][b, g]), (x["k.kv"][b, g, :n], x["v.kv"][b, g, :n])]
            scores = [np.where(s, q[b, h, :m] @ k.T.astype(np.float64) / np.sqrt(D), -np.inf) for s, (k, _) in zip(seen, parts)]
            scores[0] = scores[0] + token_bias(b, g)
            values = [v.astype(np.float64) for _, v in parts]
            if seed is not None:
                scores.append(np.full((m, 1), seed[h]))
                values.append(np.zeros((1, D)))
            out[b, h, :m], lse[b, h, :m] = rungs.softmax(np.concatenate(scores, 1), np.concatenate(values))
    return out, lse


LENGTHS = [([5, 1, 40], [70, 1, 40]), ([1, 1], [130, 64]), ([97], [200]), ([3, 0, 2], [0, 4, 9])]


@pytest.mark.parametrize("slots", [0, 1, 7, 70])
@pytest.mark.parametrize("q_lens, kv_lens", LENGTHS)
def test_always_visible_tokens(slots, q_lens, kv_lens):
    spec = {**EXTRA, "name": "always_visible", "params": {"window": 24}, "operands": {"sink": {"shape": ["q_heads"], "dtype": "f32"}},
            "kernel_maps": {"keys.tokens": {"weight": {"softmax": {"seed": "sink"}}},
                            "all": {"mask": {"window": "window"}, "weight": {"softmax": {"seed": "sink"}}}}}
    rng = np.random.default_rng(slots + sum(kv_lens))
    x, sink = problem(rng, slots, q_lens, kv_lens), rungs.normal(rng, 4)
    expected = solve(x, q_lens, kv_lens, lambda b, h, q, k: (k <= q) & (q - k < 24), lambda *_: True, seed=sink)
    rungs.check(spec, {**x, "sink": sink, "q_lens": q_lens, "kv_lens": kv_lens}, *expected, q_lens=q_lens)


@pytest.mark.parametrize("q_lens, kv_lens", LENGTHS[:3])
def test_the_mask_of_tokens_speaks_of_slots_and_of_the_length_of_the_sequence(q_lens, kv_lens):
    """Tokens per request by an operand; hidden slots are full of NaN. kv_len is not the number of slots."""
    spec = {**EXTRA, "name": "some_visible", "operands": {"count": {"shape": ["batch"], "dtype": "i32"}},
            "kernel_maps": {"keys.tokens": {"mask": "k < count[b] and k < kv_len and kv_len - k > 3"}, "all": {"mask": "causal"}}}
    rng = np.random.default_rng(5)
    x, count = problem(rng, 70, q_lens, kv_lens), rng.integers(0, 70, len(q_lens)).astype(np.int32)
    visible = lambda b, h, q, k, n: (k < count[b]) & (k < n) & (n - k > 3) & (q > -1000)
    expected = solve(x, q_lens, kv_lens, lambda b, h, q, k: k <= q, visible)
    for b, n in enumerate(kv_lens):
        hidden = ~visible(b, 0, 0, np.arange(70), n)
        x["k.extra"][b, :, hidden] = x["v.extra"][b, :, hidden] = np.nan
    rungs.check(spec, {**x, "count": count, "q_lens": q_lens, "kv_lens": kv_lens}, *expected, q_lens=q_lens)


def test_ragged_sequences():
    spec = {**EXTRA, "name": "ragged", "kernel_maps": {"keys.tokens": {}, "all": {"mask": "causal"}}}
    rng = np.random.default_rng(6)
    q_lens, kv_lens = [3, 20, 1], [9, 20, 66]
    x = problem(rng, 5, q_lens, kv_lens)
    expected, _ = solve(x, q_lens, kv_lens, lambda b, h, q, k: k <= q, lambda *_: True)
    flat = lambda a, lens: np.concatenate([a[b, :, :n].swapaxes(0, 1) for b, n in enumerate(lens)])
    call = {"q": flat(x["q"], q_lens), "k.kv": flat(x["k.kv"], kv_lens), "v.kv": flat(x["v.kv"], kv_lens),
            "k.extra": x["k.extra"], "v.extra": x["v.extra"], "q_lens": q_lens, "kv_lens": kv_lens}
    for run in (rungs.product.attn.attend, rungs.product.attn.reference):
        out, _ = run(rungs.artifact(spec), **call)
        np.testing.assert_allclose(out, flat(expected, q_lens), atol=2e-5)


RAZOR = {
    "name": "razor_decode",
    "positions": "bottom_right",
    "params": {"sink": 4, "slots": 16},
    "operands": {"is_retrieval": {"shape": ["kv_heads"], "dtype": "bool"},
                 "dropped": {"shape": ["batch", "kv_heads"], "dtype": "i32"}},
    "caches": {"whole": {"layout": "contiguous"}, "ring": {"layout": "sink_ring", "sink": "sink", "ring": "slots"},
               "compensation": {"layout": "slots"}},
    "partitions": {
        "heads": {"axis": "kv_head", "classes": {"retrieval": "is_retrieval[g]", "local": "otherwise"}},
        "keys": {"axis": "key", "classes": {"dropped_keys": {"cache": "compensation"}, "kept": "otherwise"}},
    },
    "kernel_maps": {
        "heads.retrieval & keys.dropped_keys": {"mask": "false"},
        "heads.retrieval": {"mask": "causal", "cache": "whole"},
        "heads.local & keys.dropped_keys": {"mask": "dropped[b, g] > 0", "score": "s + log(float(dropped[b, g]))"},
        "heads.local": {"mask": "causal", "cache": "ring"},
    },
}


@pytest.mark.parametrize("retrieval", [[True, False, False, True], [False] * 4, [True] * 4])
def test_razor_attention_decode(retrieval):
    """Retrieval heads read the whole cache; the others the sink, the ring, and one token that stands for N dropped keys
    with the score bias log N (RazorAttention, arXiv 2407.15891)."""
    rng = np.random.default_rng(sum(retrieval))
    retrieval = np.array(retrieval)
    kv_lens, sink, slots, heads = [5, 20, 21, 90], 4, 16, 4
    batch, rows = len(kv_lens), max(kv_lens)
    q, k, v = rungs.normal(rng, batch, 8, 1, D), rungs.normal(rng, batch, heads, rows, D), rungs.normal(rng, batch, heads, rows, D)
    whole, local = np.flatnonzero(retrieval), np.flatnonzero(~retrieval)
    ring_k, ring_v = (np.full((batch, len(local), sink + slots, D), np.nan, np.float32) for _ in "kv")
    comp_k, comp_v = (np.full((batch, len(local), 1, D), np.nan, np.float32) for _ in "kv")
    dropped = np.zeros((batch, heads), np.int32)
    out, lse = np.zeros(q.shape), np.zeros(q.shape[:3])
    for b, n in enumerate(kv_lens):
        for p in range(n):
            slot = p if p < sink else sink + (p - sink) % slots
            ring_k[b, :, slot], ring_v[b, :, slot] = k[b, local, p], v[b, local, p]
        gone = np.arange(sink, max(n - slots, sink))
        dropped[b, local] = gone.size
        if gone.size:
            comp_k[b, :, 0], comp_v[b, :, 0] = k[b, local][:, gone].mean(1), v[b, local][:, gone].mean(1)
        for h in range(8):
            g = h // 2
            kept = np.arange(n) if retrieval[g] else np.setdiff1d(np.arange(n), gone)
            keys, values, bias = k[b, g, kept], v[b, g, kept], np.zeros(kept.size)
            if not retrieval[g] and gone.size:
                keys, values = np.concatenate([keys, k[b, g, gone].mean(0)[None]]), np.concatenate([values, v[b, g, gone].mean(0)[None]])
                bias = np.append(bias, np.log(gone.size))
            scores = keys.astype(np.float64) @ q[b, h, 0].astype(np.float64) / np.sqrt(D) + bias
            out[b, h, 0], lse[b, h, 0] = rungs.softmax_row(scores, values.astype(np.float64))
    index = lambda which: [list(which).index(g) if g in which else -1 for g in range(heads)]
    tensors = {"whole": (k[:, whole], v[:, whole]), "ring": (ring_k, ring_v), "compensation": (comp_k, comp_v)}
    call = {f"{name}.{cache}": pair[i] for cache, pair in tensors.items() for i, name in enumerate("kv")}
    maps = {f"{name}.{cache}": index(whole if cache == "whole" else local) for cache in tensors for name in "kv"}
    rungs.check(RAZOR, {"q": q, **call, "head_maps": maps, "is_retrieval": retrieval, "dropped": dropped, "kv_lens": kv_lens}, out, lse)


def test_a_tensor_of_slots_is_checked():
    compiled = rungs.artifact({**EXTRA, "name": "checked", "kernel_maps": {"keys.tokens": {}, "all": {"mask": "causal"}}})
    x = problem(np.random.default_rng(1), 5, [3], [9])
    attend = lambda **changes: rungs.product.attn.attend(compiled, **{**x, "q_lens": [3], "kv_lens": [9], **changes})
    with pytest.raises(rungs.product.attn.AttnError, match=r"'v.extra': dimension 2 \(slots\) must be 5 as of 'k.extra', got 4"):
        attend(**{"v.extra": x["v.extra"][:, :, :4]})
    with pytest.raises(rungs.product.attn.AttnError, match=r"'k.extra': rank must be 4"):
        attend(**{"k.extra": x["k.extra"][0]})
    with pytest.raises(rungs.product.attn.AttnError, match="'k.extra' is missing"):
        rungs.product.attn.attend(compiled, **{n: a for n, a in x.items() if n != "k.extra"})


def test_tokens_beside_a_neighborhood():
    """Always-visible tokens of neighbourhood attention (NATTEN): the sequence is tiled by boxes of its grid, the slots are
    not."""
    rows, columns, window = 8, 20, (3, 5)
    spec = {**EXTRA, "name": "natten_tokens", "positions": "top_left", "grid": {"axes": ["y", "x"], "sizes": [rows, columns]},
            "kernel_maps": {"keys.tokens": {"mask": "k % 8 != 3"}, "keys.sequence": {"mask": {"neighborhood": {"window": list(window)}}}}}
    lens = [rows * columns] * 2
    x = problem(np.random.default_rng(9), 21, lens, lens)

    def near(q, k, length, size):
        start = np.clip(q - size // 2, 0, length - size)
        return (start <= k) & (k < start + size)

    sequence = lambda b, h, q, k: near(q // columns, k // columns, rows, window[0]) & near(q % columns, k % columns, columns, window[1])
    expected = solve(x, lens, lens, sequence, lambda b, h, q, k, n: k % 8 != 3)
    rungs.check(spec, {**x, "q_lens": lens, "kv_lens": lens}, *expected, q_lens=lens)
