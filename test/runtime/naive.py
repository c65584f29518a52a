"""The attention of TestKernel.c in NumPy, float64: bottom_right positions, causal, a window, documents."""

import numpy as np


def documents(q, k, v, doc, window=1000000, scale=None, q_len=None, kv_len=None):
    """One request. q [q_heads, rows, d], k and v [kv_heads, keys, d], doc [keys]; returns out and lse."""
    q_len = q.shape[1] if q_len is None else q_len
    kv_len = k.shape[1] if kv_len is None else kv_len
    q, k, v = (x.astype(np.float64) for x in (q[:, :q_len], k[:, :kv_len], v[:, :kv_len]))
    group = q.shape[0] // k.shape[0]
    k, v = np.repeat(k, group, 0), np.repeat(v, group, 0)
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    position = np.arange(q_len)[:, None] + kv_len - q_len
    key = np.arange(kv_len)[None, :]
    visible = (key <= position) & (position - key < window) & (doc[key] == doc[np.clip(position, 0, len(doc) - 1)])
    scores = np.where(visible, q @ k.swapaxes(1, 2) * scale, -np.inf)
    largest = np.maximum(scores.max(-1, keepdims=True, initial=-np.inf), -1e300)
    weights = np.exp(scores - largest)
    total = weights.sum(-1, keepdims=True)
    out = np.divide(weights @ v, total, out=np.zeros((*q.shape[:2], v.shape[-1])), where=total > 0)
    with np.errstate(divide="ignore"):
        return out, (largest + np.log(total))[..., 0]
