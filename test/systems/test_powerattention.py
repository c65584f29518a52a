"""PowerAttention (arXiv 2503.03588): block q sees block k at distance 0 or a power of two, in the window, or in the sink."""

import numpy as np
import pytest

import masks
from cases import Case
from ladder import every_rung, standard_tests

pytestmark = pytest.mark.system("powerattention")
N = 256


def block_mask(blocks, window_blocks, sink_blocks):
    keep = np.zeros((blocks, blocks), dtype=bool)
    for i in range(blocks):
        for j in range(i + 1):
            keep[i, j] = bin(i - j).count("1") <= 1 or i - j < window_blocks or j < sink_blocks
    return keep


def visible(c, v):
    block = v["block"]
    keep = block_mask(c.kv_len // block + 1, v["window_blocks"], v["sink_blocks"])
    full = c.l % v["layer_period"] < v["full_layers"]
    return (c.k <= c.q) & (full | keep[np.clip(c.q, 0, None) // block, c.k // block])


def params(rng, z):
    return {"block": int(rng.choice([1, 4, 8, 64])), "window_blocks": int(rng.integers(1, 6)),
            "sink_blocks": int(rng.integers(0, 3)), "layer_period": 7, "full_layers": int(rng.integers(0, 3))}


CASE = Case("powerattention", "powerattention", visible, params=params)


test_random_calls, test_unseen_keys = standard_tests([CASE], 5, 3, layers=9, layer=8)


def seen(rung, q_len=N, kv_len=N, layer=0, **params):
    return masks.seen("powerattention", rung, q_len, kv_len, layer=layer, **{"block": 2, **params})[0]


@every_rung
def test_blocks_of_a_row(rung):
    """The window, a block per further power of two, and the sink: 10 at most in 128 blocks."""
    mask = seen(rung)
    for i in range(N // 2):
        powers = [1 << j for j in range(3, 20) if 1 << j <= i]
        expected = min(i + 1, 5) + len(powers) + (i >= 5 and i not in powers)
        assert mask[2 * i + 1].sum() == 2 * expected
    assert mask.sum(axis=1).max() == 2 * 10


@every_rung
def test_every_distance_is_reached_in_as_many_layers_as_it_has_bits(rung):
    step = seen(rung, q_len=64, kv_lens=[64], block=1, window_blocks=1, sink_blocks=0)[:, :64].astype(int)
    reached, distance = np.eye(64, dtype=int), np.subtract.outer(np.arange(64), np.arange(64))
    for layers in range(1, 7):
        reached = np.minimum(reached @ step, 1)
        assert (reached > 0)[(0 <= distance) & (distance < 1 << layers)].all()
        assert not (reached > 0)[distance == (1 << layers + 1) - 1].any()  # so many bits need so many layers


@every_rung
def test_limits_that_are_causal_attention(rung):
    assert (seen(rung, window_blocks=N) == masks.causal(N)).all()
    assert (seen(rung, full_layers=2, layer=8) == masks.causal(N)).all()
    assert (seen(rung, full_layers=2, layer=9) == seen(rung)).all()


@every_rung
def test_decode_sees_the_row_of_prefill(rung):
    whole = seen(rung)
    for length in (1, 2, 33, 130, N):
        assert (seen(rung, q_len=1, kv_lens=[length])[0] == whole[length - 1]).all()


@every_rung
def test_tokens_are_blocks_of_one(rung):
    tokens = seen(rung, q_len=N // 2, kv_lens=[N // 2], block=1)[:, : N // 2]
    blocks = seen(rung)
    assert (np.kron(tokens, np.ones((2, 2), bool)) & masks.causal(N) == blocks).all()


@every_rung
def test_keys_may_not_be_evicted(rung):
    """Some key is seen, then not seen, then seen again."""
    row = seen(rung, block=1)[:, 20]
    assert row[20 + 8] and not row[20 + 9] and row[20 + 16]
