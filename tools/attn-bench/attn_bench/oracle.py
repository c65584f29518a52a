"""Checks a result on sampled query rows against fp64, with a mask that is not the compiler's."""

import numpy as np

EPSILON = {"f32": 2.0**-23, "bf16": 2.0**-7, "f16": 2.0**-10}


def to_bits(x: np.ndarray, dtype: str) -> np.ndarray:
    """float32 values as the array that attn takes; bf16 as uint16."""
    if dtype == "f32":
        return np.ascontiguousarray(x, np.float32)
    if dtype == "f16":
        return x.astype(np.float16)
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def to_float(x: np.ndarray) -> np.ndarray:
    return (x.astype(np.uint32) << 16).view(np.float32) if x.dtype == np.uint16 else x.astype(np.float32)


def row(q, k, v, visible, real, rounded):
    """Softmax attention of one query row in arithmetic `real`, scores and weights passed through `rounded`."""
    k, v = k[visible].astype(real), v[visible].astype(real)
    if not len(k):
        return np.zeros(v.shape[1], real)
    s = rounded(k @ q.astype(real)) * real(q.shape[0] ** -0.5)
    p = np.exp(s - s.max())
    return rounded(p) @ v / p.sum()


def check(out, q, k, v, visible, dtype: str, samples: int = 24, seed: int = 0) -> float:
    """Largest error on `samples` rows over what is allowed: twice the error of the naive algorithm in the same precision
    plus 4 eps * max|v|. Tensors are float32 [batch, heads, rows, d]; visible(b, h, q positions, k positions) -> bool."""
    rng = np.random.default_rng(seed)
    batch, heads, q_len, _ = q.shape
    kv_len, group = k.shape[2], heads // k.shape[1]
    positions = np.arange(kv_len)
    naive = error = 0.0
    round16 = (lambda x: to_float(to_bits(x, dtype))) if dtype != "f32" else (lambda x: x)
    for _ in range(samples):
        b, h, r = (int(rng.integers(n)) for n in (batch, heads, q_len))
        mask = np.broadcast_to(visible(b, h, np.int64(kv_len - q_len + r), positions), positions.shape)
        tensors = q[b, h, r], k[b, h // group], v[b, h // group], mask
        exact = row(*tensors, np.float64, lambda x: x)
        naive = max(naive, np.abs(round16(row(*tensors, np.float32, round16)) - exact).max())
        error = np.maximum(error, np.abs(out[b, h, r] - exact).max())  # keeps NaN
    return error / (2 * naive + 4 * EPSILON[dtype] * np.abs(v).max())
