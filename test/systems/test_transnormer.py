"""Diagonal attention of TransNormer (arXiv 2210.10340): softmax inside blocks that do not overlap."""

import numpy as np
import pytest

import masks
from cases import Case, draw, integer
from ladder import every_rung, standard_tests

pytestmark = pytest.mark.system("transnormer", partial="the linear half with its output norm; ReLU attention in the blocks")
N = 150


def block_diagonal(c, v):
    """Blocks are written one by one on the diagonal."""
    mask, start = np.zeros((c.kv_len, c.kv_len), dtype=bool), 0
    while start < c.kv_len:
        mask[start : start + v["block"], start : start + v["block"]] = True
        start += v["block"]
    q = c.q[:, 0]
    rows = mask[np.clip(q, 0, None)] if c.kv_len else np.zeros((c.q_len, 0), dtype=bool)
    return rows & (q >= 0)[:, None]


def causal_blocks(c, v):
    return block_diagonal(c, v) & (c.k <= c.q)


CASES = [Case("encoder", "transnormer", block_diagonal, entry="encoder", params=draw(block=integer(1, 80))),
         Case("decoder", "transnormer", causal_blocks, entry="decoder", params=draw(block=integer(1, 80)))]
test_random_calls, test_unseen_keys = standard_tests(CASES, 4, 2)


def seen(rung, entry, q_len=N, **values):
    return masks.seen("transnormer", rung, q_len, N, entry=entry, **values)[0]


@every_rung
def test_one_block_is_full_attention(rung):
    assert seen(rung, "encoder", block=N).all()
    assert (seen(rung, "decoder", block=N) == masks.causal(N)).all()


@every_rung
def test_decode_sees_the_row_of_prefill(rung):
    whole = seen(rung, "decoder", block=64)
    for length in (1, 64, 65, 130, N):
        assert (seen(rung, "decoder", q_len=1, kv_lens=[length], block=64)[0] == whole[length - 1]).all()
