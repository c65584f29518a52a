"""What is measured: patterns with their masks written a second time, for the oracle, the peers and the tile counts.

A mask is `visible(operands, length)` -> f(b, h, q, k) of integer arrays (NumPy or torch) with broadcasting; `operands` maps
names to arrays of the same library."""

from dataclasses import dataclass, field
from typing import Any, Callable, Dict

import numpy as np


def _none(batch: int, heads: int, length: int) -> Dict[str, np.ndarray]:
    return {}


@dataclass
class Case:
    pattern: str
    visible: Callable[[Dict[str, Any], int], Callable]
    params: Dict[str, Any] = field(default_factory=dict)
    operands: Callable[[int, int, int], Dict[str, np.ndarray]] = _none
    slug: str = ""  # row of the table of systems
    by_head: bool = False  # the mask depends on the head


def _documents(batch: int, heads: int, length: int) -> Dict[str, np.ndarray]:
    """Documents of 700 tokens."""
    return {"doc": np.broadcast_to(np.arange(length, dtype=np.int32) // 700, (batch, length)).copy()}


def _prefix(batch: int, heads: int, length: int) -> Dict[str, np.ndarray]:
    return {"prefix_len": np.full(batch, length // 8, np.int32)}


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
