"""Generalized neighbourhood attention along one axis and on grids, from the definition in NATTEN's reference mask
(arXiv 2504.16922; with stride 1 that of arXiv 2403.04690)."""

from dataclasses import dataclass

import numpy as np


@dataclass
class Axis:
    size: int
    window: int
    stride: int = 1
    dilation: int = 1
    causal: bool = False

    def sees(self, query, key):
        """Whether the query at coordinate `query` sees the key at `key`."""
        group, x, y = query % self.dilation, query // self.dilation, key // self.dilation
        if key % self.dilation != group:
            return False
        length = -(-(self.size - group) // self.dilation)
        left, right = self.window // 2, self.window // 2 - 1 + self.window % 2
        if self.causal:
            leader = min(x // self.stride * self.stride + self.stride - 1, length - 1)
            return max(leader - left - right, 0) <= y < min(x + 1, length)
        leader = min(x // self.stride * self.stride + self.stride // 2, length - 1)
        start = max(leader - left, 0) + (length - 1 - right - leader if leader + right >= length else 0)
        return start <= y < start + self.window

    def plane(self):
        return np.array([[self.sees(x, y) for y in range(self.size)] for x in range(self.size)])


def visible(axes, q, k):
    """Boolean [query, key] of positions on the grid, row-major. Positions may lie past it along the slowest axis."""
    result = np.ones(np.broadcast(q, k).shape, dtype=bool)
    for i, axis in reversed(list(enumerate(axes))):
        x, y = (q, k) if i == 0 else (q % axis.size, k % axis.size)
        q, k = q // axis.size, k // axis.size
        result &= axis.plane()[x, y]
    return result


def random_axis(rng, most, dilated=True):
    """An axis whose every residue has a whole window, and windows at least as wide as the stride."""
    dilation = int(rng.integers(1, 4)) if dilated and rng.random() < 0.5 else 1
    window = int(rng.integers(1, max(2, most // dilation + 1)))
    size = int(rng.integers(window * dilation, max(most, window * dilation) + 1))
    return Axis(size, window, int(rng.integers(1, window + 1)), dilation, bool(rng.random() < 0.3))
