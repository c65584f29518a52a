"""Attention from its definition, in NumPy, sharing no code with the product.

Tensors are [batch, head, row, dim] and padded to the longest request; lengths say what is real. A mask is a Python
function of the coordinates, evaluated on whole (query, key) planes. Everything is fp64 unless a rounding is given.
"""

from dataclasses import dataclass
from typing import Callable, Optional

import numpy as np


@dataclass
class Coordinates:
    """The coordinates of the expression language for one head: scalars b, h, g, l, a column q and a row k of positions."""

    b: int
    h: int
    g: int
    l: int
    q: np.ndarray  # [q_len, 1]
    k: np.ndarray  # [1, kv_len]
    kv_len: int
    q_len: int
    kv_heads: int


def first_position(positions: str, q_len: int, kv_len: int, q_pos: Optional[int] = None) -> int:
    return {"bottom_right": kv_len - q_len, "top_left": 0, "tensor": q_pos}[positions]


def heads(q, k, q_lens, kv_lens, positions, q_pos=None, layer=0):
    """Yields (coordinates, b, h, g, q_len, kv_len) for every request and query head."""
    batch, q_heads, kv_heads = q.shape[0], q.shape[1], k.shape[1]
    for b in range(batch):
        m, n = int(q_lens[b]), int(kv_lens[b])
        q0 = first_position(positions, m, n, None if q_pos is None else int(q_pos[b]))
        rows, columns = q0 + np.arange(m)[:, None], np.arange(n)[None, :]
        for h in range(q_heads):
            g = h // (q_heads // kv_heads)
            yield Coordinates(b, h, g, layer, rows, columns, n, m, kv_heads), b, h, g, m, n


def softmax_attention(
    q, k, v, visible: Callable, *, q_lens, kv_lens, positions="bottom_right", q_pos=None, layer=0,
    scale: Optional[float] = None, score: Optional[Callable] = None, seed=None, valued: Optional[Callable] = None,
    rounding: Optional[Callable] = None,
):
    """(out, lse). `visible(c)`, `score(c, s)` and `valued(c)` (false: the value counts as zero) give planes; `seed[h]` is a
    learned sink logit.

    With `rounding`, scores, probabilities and outputs are rounded after every step: the same-precision yardstick.
    """
    r = rounding or (lambda x: x)
    work = np.float64 if rounding is None else np.float32
    out = np.zeros((*q.shape[:3], v.shape[3]))
    lse = np.full(q.shape[:3], -np.inf)
    scale = q.shape[3] ** -0.5 if scale is None else scale
    for c, b, h, g, m, n in heads(q, k, q_lens, kv_lens, positions, q_pos, layer):
        if m == 0:
            continue
        seen = np.broadcast_to(visible(c), (m, n))
        used = seen.any(axis=0)  # a row that nobody sees is not read at all
        summed = seen if valued is None else seen & valued(c)
        keys = np.where(used[:, None], k[b, g, :n], 0).astype(work)
        values = np.where(summed.any(axis=0)[:, None], v[b, g, :n], 0).astype(work)
        s = r(r(q[b, h, :m].astype(work) @ keys.T) * work(scale))
        if score is not None:
            s = r(np.broadcast_to(score(c, s), (m, n)).astype(work))
        s = np.where(seen, s, -np.inf)
        top = np.max(s, axis=1, initial=-np.inf)
        if seed is not None:
            top = np.maximum(top, seed[h])
        safe = np.where(np.isneginf(top), 0, top)[:, None]
        p = r(np.exp(s - safe))
        total = p.sum(axis=1)
        if seed is not None:
            total = total + np.exp(seed[h] - safe[:, 0])
        with np.errstate(divide="ignore"):
            lse[b, h, :m] = np.where(total > 0, safe[:, 0] + np.log(total), -np.inf)
        weights = r(p / np.where(total > 0, total, 1)[:, None])
        out[b, h, :m] = r(np.where(summed, weights, 0) @ values)
    return out, lse


def linear_attention(
    q, k, v, visible: Callable, decay: Callable, *, q_lens, kv_lens, positions="bottom_right", layer=0, scale=None,
    rounding: Optional[Callable] = None,
):
    """out[q] = sum over visible k of decay(h)^(q - k) * (q . k) * scale * v[k], in quadratic form."""
    r = rounding or (lambda x: x)
    work = np.float64 if rounding is None else np.float32
    out = np.zeros((*q.shape[:3], v.shape[3]))
    scale = q.shape[3] ** -0.5 if scale is None else scale
    for c, b, h, g, m, n in heads(q, k, q_lens, kv_lens, positions, None, layer):
        seen = np.broadcast_to(visible(c), (m, n))
        s = r(q[b, h, :m].astype(work) @ k[b, g, :n].astype(work).T) * work(scale)
        weight = np.where(seen, work(decay(c)) ** np.where(seen, c.q - c.k, 0), 0)
        out[b, h, :m] = r(r(s * weight) @ v[b, g, :n].astype(work))
    return out


def rope(x, cos, sin, first, interleaved):
    """Rotates pairs of channels of x [..., rows, dim] by the angles of positions first, first + 1, ..."""
    rows, dim = x.shape[-2:]
    c, s = cos[first : first + rows], sin[first : first + rows]
    a, b = (x[..., 0::2], x[..., 1::2]) if interleaved else (x[..., : dim // 2], x[..., dim // 2 :])
    ra, rb = a * c - b * s, a * s + b * c
    if interleaved:
        return np.stack([ra, rb], axis=-1).reshape(x.shape)
    return np.concatenate([ra, rb], axis=-1)


def merge(outs, lses):
    """Joins partial results over disjoint key sets."""
    lses = np.stack(lses)
    with np.errstate(divide="ignore", invalid="ignore"):
        top = lses.max(axis=0)
        safe = np.where(np.isneginf(top), 0, top)
        weights = np.exp(lses - safe)
        total = weights.sum(axis=0)
        lse = np.where(total > 0, safe + np.log(total), -np.inf)
        share = weights / np.where(total > 0, total, 1)
    return (np.stack(outs) * share[..., None]).sum(axis=0), lse


def unseen_keys(q, k, visible, *, q_lens, kv_lens, positions="bottom_right", q_pos=None, layer=0):
    """Boolean [batch, kv_head, row] over the padded rows: true where no query of the call sees the key."""
    unseen = np.ones(k.shape[:3], dtype=bool)
    for c, b, h, g, m, n in heads(q, k, q_lens, kv_lens, positions, q_pos, layer):
        unseen[b, g, :n] &= ~np.broadcast_to(visible(c), (m, n)).any(axis=0)
    return unseen
