"""Which pairs the product sees, read from its results.

With q = 0 every visible key has the same weight, and with the identity as values the output row of a query is its row of
the mask divided by the number of its keys.
"""

from types import SimpleNamespace

import numpy as np

import product

D = 8


def seen(pattern, rung, q_len, kv_len, *, q_heads=1, kv_heads=1, entry=None, cache=None, layer=0, **values):
    """Boolean [q_head, q_len, kv_len] of one request. `values` are parameters and operands (with a batch of 1)."""
    suffix = f".{cache}" if cache else ""
    call = {"entry": entry, "layer": layer, "q": np.zeros((1, q_heads, q_len, D), np.float32),
            f"k{suffix}": np.ones((1, kv_heads, kv_len, D), np.float32),
            f"v{suffix}": np.broadcast_to(np.eye(kv_len, dtype=np.float32), (1, kv_heads, kv_len, kv_len)).copy(), **values}
    case = SimpleNamespace(spec=pattern)
    compiled = product.artifact(case, "f32", D, kv_len)
    out, _ = product.attn.reference(compiled, **call) if rung == "reference" else product.attn.attend(compiled, **call)
    return out[0] > 0


def causal(q_len, kv_len=None):
    """The plane of causal attention, queries at the end."""
    kv_len = kv_len or q_len
    return np.tri(q_len, kv_len, kv_len - q_len, dtype=bool)
