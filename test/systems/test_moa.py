"""MoA (arXiv 2406.14909): each head of each layer has the span alpha + beta * N, evaluated for every length N.

Prefill is by blocks of 64: the first one and the int(alpha // 64 + beta * N / 64) nearest. Decode sees what a cache of
`size` slots holds: slot t while t < size, else 64 + (t - size) % (size - 64), so the first 64 keys and the newest ones.
"""

import math

import numpy as np
import pytest

import masks
from cases import Case
from ladder import every_rung, standard_tests

pytestmark = pytest.mark.system("moa", partial="one cache buffer with a ring of its own size for each head")
N = 160


def spans(rng, z):
    """Eighths of the length, and constants on a grid, as the search of the paper has them."""
    shape = (z.layers, z.q_heads)
    return {"alpha": rng.choice([-64, -32, 0, 24, 64], shape).astype(np.int32), "beta": rng.integers(0, 9, shape).astype(np.int32)}


def prefill_blocks(alpha, eighths, length, block):
    """Boolean [query block, key block]."""
    count = max(int(alpha // block + eighths / 8 * length / block), 1)
    blocks = length // block + 1
    return np.array([[j <= i and (i - j < count or j == 0) for j in range(blocks)] for i in range(blocks)])


def prefill(c, v):
    block = v["block"]
    keep = prefill_blocks(v["alpha"][c.l, c.h], v["beta"][c.l, c.h], c.kv_len, block)
    return (c.k <= c.q) & keep[np.clip(c.q, 0, None) // block, c.k // block]


def cache_size(alpha, eighths, total, block):
    return math.ceil(max(min(int(alpha + eighths / 8 * total), total), 2 * block) / block) * block


def cached(alpha, eighths, total, block, length):
    """The positions that are in the slots of a head once `length` tokens were written one by one."""
    size = cache_size(alpha, eighths, total, block)
    slots = {}
    for t in range(length):
        slots[t if t < size else block + (t - size) % (size - block)] = t
    return set(slots.values())


def decode(c, v):
    mask = np.zeros((c.q_len, c.kv_len), dtype=bool)
    for row, q in enumerate(c.q[:, 0]):
        held = cached(v["alpha"][c.l, c.h], v["beta"][c.l, c.h], v["max_length"], v["block"], int(q) + 1)
        mask[row] = np.isin(c.k[0], list(held))
    return mask


CASES = [
    Case("moa_prefill", "moa", prefill, entry="prefill", operands=spans, params=lambda rng, z: {"block": int(rng.choice([8, 16, 64]))}),
    Case("moa_decode", "moa", decode, entry="decode", operands=spans, decode_only=True,
         params=lambda rng, z: {"block": int(rng.choice([8, 16])), "max_length": int(rng.integers(200, 260))}),
]
test_random_calls, test_unseen_keys = standard_tests(CASES, 4, 3, layers=3, layer=1)


def table(alpha, eighths, layers=1):
    return {"alpha": np.resize(alpha, (layers, np.size(alpha))).astype(np.int32),
            "beta": np.resize(eighths, (layers, np.size(alpha))).astype(np.int32)}


def seen(rung, entry, q_len=N, kv_len=N, q_heads=1, layer=0, **values):
    return masks.seen("moa", rung, q_len, kv_len, q_heads=q_heads, kv_heads=q_heads, entry=entry, layer=layer,
                      **{"block": 8, **values})


@every_rung
@pytest.mark.parametrize("entry", ["prefill", "decode"])
def test_whole_length_is_causal_attention(rung, entry):
    values = table(0, 8) | ({} if entry == "prefill" else {"max_length": N})
    assert (seen(rung, entry, **values) == masks.causal(N)).all()


@every_rung
def test_spans_follow_the_length(rung):
    """The same tables at two lengths: a constant span, half of the length, and their sum."""
    for length in (80, N):
        mask = seen(rung, "prefill", q_len=length, kv_lens=[length], q_heads=3, **table([16, 0, 16], [0, 4, 4]))
        last = mask[:, length - 1, :length].reshape(3, -1, 8).any(axis=2).sum(axis=1)
        assert (last == [2 + 1, length // 16 + 1, 2 + length // 16 + 1]).all()


@every_rung
def test_number_of_visible_blocks(rung):
    """Of n blocks a head with a span of m sees n m - m (m - 1) / 2 in its band, and the first block from n - m rows on."""
    n = N // 8
    mask = seen(rung, "prefill", q_heads=4, **table([8, 24, 80, -64], [0, 0, 0, 4]))
    blocks = mask.reshape(4, n, 8, n, 8).any(axis=(2, 4)).sum(axis=(1, 2))
    assert list(blocks) == [n * m - m * (m - 1) // 2 + n - m for m in (1, 3, 10, 2)]


# The published plan of Vicuna-7B as counts of (alpha, eighths of the length) over 32 layers of 32 heads.
VICUNA = {(0, 1): 279, (0, 5): 183, (0, 6): 171, (0, 2): 122, (0, 7): 102, (-1024, 8): 75, (0, 4): 64, (0, 3): 17, (1024, 1): 11}


@every_rung
def test_a_plan_of_a_whole_model(rung):
    """One artifact serves all layers of a table like the published one. Lengths and spans are in 64ths."""
    heads = [rule for rule, count in VICUNA.items() for _ in range(count)]
    plan = np.random.default_rng(0).permutation(heads).reshape(32, 32, 2)
    tables = {"alpha": (plan[..., 0] // 64).astype(np.int32), "beta": plan[..., 1].astype(np.int32)}
    for layer in (0, 17, 31):
        mask = seen(rung, "prefill", q_heads=32, layer=layer, block=1, **tables)
        for head in range(32):
            alpha, eighths = tables["alpha"][layer, head], tables["beta"][layer, head]
            keep = prefill_blocks(alpha, eighths, N, 1)[:N, :N]
            assert (mask[head] == keep).all()


@every_rung
def test_ring_is_a_sink_and_a_window(rung):
    tables = table([0, 40, 8], [2, 0, 8])
    for length in (16, 17, 40, 41, 48, 49, N):
        mask = seen(rung, "decode", q_len=1, q_heads=3, kv_lens=[length], max_length=N, **tables)[:, 0]
        for head, (alpha, eighths) in enumerate([(0, 2), (40, 0), (8, 8)]):
            size = cache_size(alpha, eighths, N, 8)
            expected = [k < length and (k < 8 or length - 1 - k < size - 8) for k in range(N)]
            assert set(np.flatnonzero(expected)) == cached(alpha, eighths, N, 8, length)
            assert (mask[head] == expected).all()
