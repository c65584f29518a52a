"""What is measured: patterns with their masks written a second time, for the oracle, the peers and the tile counts.

A mask is `visible(operands, length)` -> f(b, h, q, k) of integer arrays (NumPy or torch) with broadcasting; `operands` maps
names to arrays of the same library."""

from dataclasses import dataclass, field, replace
from typing import Any, Callable, Dict, Union

import numpy as np


def _none(batch: int, heads: int, length: int) -> Dict[str, np.ndarray]:
    return {}


@dataclass
class Case:
    pattern: Union[str, Dict[str, Any]]  # the name of a shipped pattern, or a spec
    visible: Callable[[Dict[str, Any], int], Callable]
    params: Dict[str, Any] = field(default_factory=dict)
    operands: Callable[[int, int, int], Dict[str, np.ndarray]] = _none
    entry: str = ""  # where the pattern has several
    slug: str = ""  # row of the table of systems
    by_head: bool = False  # the mask depends on the head
    sizes: Callable[[int], Dict[str, int]] = lambda length: {}  # params that depend on the length
    fits: Callable[[int], bool] = lambda length: True  # whether there is such a problem of this length


def _documents(batch: int, heads: int, length: int) -> Dict[str, np.ndarray]:
    """Documents of 700 tokens."""
    return {"doc": np.broadcast_to(np.arange(length, dtype=np.int32) // 700, (batch, length)).copy()}


def _prefix(batch: int, heads: int, length: int) -> Dict[str, np.ndarray]:
    return {"prefix_len": np.full(batch, length // 8, np.int32)}


def _spans(batch: int, heads: int, length: int) -> Dict[str, np.ndarray]:
    """Spans of 1/8, 2/8, ... of the length, one a head, in turn."""
    beta = 1 + np.arange(heads, dtype=np.int32)[None] % 4
    return {"alpha": np.zeros((1, heads), np.int32), "beta": beta}


def _s2(operands, length):
    """8 local blocks of 64 and every 16th block, shifted by 16 / heads from head to head (8 heads or fewer)."""

    def visible(b, h, q, k):
        heads = max(2, min(8, 16384 // length))
        return (k <= q) & ((q // 64 - k // 64 < 8) | ((k // 64 + h * (16 // heads)) % 16 == 0))

    return visible


def _power(operands, length):
    def visible(b, h, q, k):
        distance = q // 256 - k // 256
        return (k <= q) & ((distance < 5) | (k < 256) | (distance & (distance - 1) == 0))

    return visible


def _moa(operands, length):
    def visible(b, h, q, k):
        blocks = operands["beta"][0, h] * length // 512
        return (k <= q) & ((k < 64) | (q // 64 - k // 64 < blocks) | (q // 64 == k // 64))

    return visible


def _neighborhood(window: int, *inner: int):
    """The grid [length / product of `inner`, *inner], `window` tokens along every axis: shifted inwards at the edges."""
    plane = int(np.prod(inner))

    def mask(operands, length):
        sizes = (length // plane, *inner)

        def visible(b, h, q, k):
            seen, stride = True, 1
            for size in reversed(sizes):
                x, y = q // stride % size, k // stride % size
                start = (x - window // 2).clip(0, size - window)
                seen = seen & (start <= y) & (y < start + window)
                stride *= size
            return seen

        return visible

    axes = ["t", "y", "x"][2 - len(inner) :]
    spec = {
        "attn": 1,
        "name": "neighborhood",
        "positions": "bottom_right",
        "params": {"slowest": 4096 // plane},
        "grid": {"axes": axes, "sizes": ["slowest", *inner]},
        "mask": {"neighborhood": {"window": window}},
    }
    return Case(
        spec,
        mask,
        sizes=lambda length: {"slowest": length // plane},
        fits=lambda length: length % plane == 0 and length >= window * plane,
    )


def causal(operands, length):
    return lambda b, h, q, k: k <= q


def window(size):
    return lambda operands, length: lambda b, h, q, k: (k <= q) & (q - k < size)


DENSE = Case("dense", lambda operands, length: lambda b, h, q, k: (k >= 0) & (q >= 0))
CAUSAL = Case("causal", causal)
SPARSE = {
    "window 256": Case("sliding_window", window(256), {"window": 256}),
    "window 1024": Case("sliding_window", window(1024), {"window": 1024}),
    "sink 4, window 1020": Case(
        "sink_window",
        lambda operands, length: lambda b, h, q, k: (k <= q) & ((k < 4) | (q - k < 1020)),
        {"sink": 4, "window": 1020},
    ),
    "documents of 700": Case(
        "document",
        lambda operands, length: lambda b, h, q, k: (k <= q) & (operands["doc"][b, q] == operands["doc"][b, k]),
        operands=_documents,
    ),
    "prefix of 1/8": Case(
        "prefix_lm",
        lambda operands, length: lambda b, h, q, k: (k <= q) | (k < operands["prefix_len"][b]),
        operands=_prefix,
    ),
    "global 64, local 256": Case(
        "global_tokens",
        lambda operands, length: lambda b, h, q, k: (q < 64) | (k < 64) | ((q - k <= 256) & (k - q <= 256)),
        {"radius": 256, "tokens": 64},
    ),
    "blocks of 1024": Case(
        "transnormer",
        lambda operands, length: lambda b, h, q, k: (k <= q) & (q // 1024 == k // 1024),
        {"block": 1024},
        entry="decoder",
        slug="transnormer",
    ),
    "tri-shape 128, 1024, 100": Case(
        "scbench",
        lambda operands, length: lambda b, h, q, k: (k <= q) & ((k < 128) | (q - k < 1024) | (q >= length - 100)),
        {"init": 128, "local": 1024, "last": 100},
        entry="tri_shape",
        slug="scbench",
    ),
    "S2 stripes": Case("s2_attention", _s2, slug="s2_attention", by_head=True),
    "PowerAttention": Case("powerattention", _power, slug="powerattention"),
    "MoA spans": Case("moa", _moa, operands=_spans, entry="prefill", slug="moa", by_head=True),
    "FNA 13 x 13 in rows of 64": replace(_neighborhood(13, 64), slug="fna"),
    "GNA 8 x 8 x 8 in frames of 16 x 16": replace(_neighborhood(8, 16, 16), slug="gna"),
}


def tile_counts(visible: Callable, q_len: int, kv_len: int, rows: int, keys: int):
    """(visible pairs, visited tiles, all tiles) of one head, pair by pair: no range analysis."""
    pairs = visited = 0
    k = np.arange(kv_len)[None, :]
    starts = np.arange(0, kv_len, keys)
    for first in range(0, q_len, rows):
        q = np.arange(first, min(first + rows, q_len))[:, None] + (kv_len - q_len)
        mask = np.broadcast_to(visible(q, k), (len(q), kv_len))
        pairs += int(mask.sum())
        visited += int(np.logical_or.reduceat(mask.any(axis=0), starts).sum())
    return pairs, visited, -(-q_len // rows) * len(starts)
