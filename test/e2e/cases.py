"""What every shipped pattern means, said again in NumPy: its mask, score and run-time values."""

from dataclasses import dataclass
from typing import Callable, Optional

import numpy as np


@dataclass
class Sizes:
    """The sizes of one call. Tensors hold `q_rows` and `kv_rows` rows, of which each request uses its lengths."""

    q_lens: np.ndarray
    kv_lens: np.ndarray
    q_heads: int
    kv_heads: int
    d: int = 64
    dv: int = 64
    slack: int = 3  # rows past the longest request
    layers: int = 1
    layer: int = 0  # of the call

    @property
    def batch(self):
        return len(self.q_lens)

    @property
    def q_rows(self):
        return int(self.q_lens.max()) + self.slack

    @property
    def kv_rows(self):
        return int(self.kv_lens.max()) + self.slack


@dataclass
class Case:
    """`spec` is the name of a shipped pattern or a spec. The functions take the coordinates and `v`, the run-time values
    by name (parameters and operands)."""

    name: str
    spec: object
    visible: Callable
    score: Optional[Callable] = None
    decay: Optional[Callable] = None  # makes it linear attention
    seed: Optional[str] = None
    valued: Optional[Callable] = None  # where the values are not zero
    rope: Optional[bool] = None  # interleaved or not
    positions: str = "bottom_right"
    params: Callable = lambda rng, z: {}
    operands: Callable = lambda rng, z: {}
    decode_only: bool = False
    equal_lengths: bool = False
    entry: Optional[str] = None
    cache: Optional[str] = None  # of a pattern with several


def integer(low, high):
    return lambda rng: int(rng.integers(low, high))


def documents(rng, z):
    """Sorted document ids per request, some twenty keys each."""
    steps = rng.random((z.batch, int(z.kv_lens.max()))) < 0.05
    return {"doc": np.cumsum(steps, axis=1).astype(np.int32)}


def clamped(row, index):
    """Tensors are indexed by position, and an index is clamped to the dimension."""
    return row[np.clip(index, 0, len(row) - 1)] if len(row) else np.zeros(index.shape)


def same_document(c, v):
    doc = v["doc"][c.b]
    return (c.k <= c.q) & (clamped(doc, c.q) == clamped(doc, c.k))


def slopes(rng, z):
    return {"slope": (2.0 ** -(8 * (np.arange(z.q_heads) + 1) / z.q_heads)).astype(np.float32)}


def prefixes(rng, z):
    return {"prefix_len": rng.integers(0, 70, z.batch).astype(np.int32)}


def logits(rng, z):
    return {"sink_logit": rng.normal(size=z.q_heads).astype(np.float32)}


def decays(rng, z):
    return {"slope": rng.uniform(0.005, 0.3, z.q_heads).astype(np.float32)}


def retrieval_heads(rng, z):
    return {"is_retrieval": rng.random(z.kv_heads) < 0.5}


def rope_tables(rng, z):
    rows = int(z.kv_lens.max())
    angles = np.arange(rows)[:, None] * 10000.0 ** (-np.arange(z.d // 2)[None, :] / (z.d // 2))
    return {"cos": np.cos(angles).astype(np.float32), "sin": np.sin(angles).astype(np.float32)}


def causal(c, v):
    return c.k <= c.q


def everything(c, v):
    return np.ones((c.q_len, c.kv_len), dtype=bool)


def draw(**ranges):
    return lambda rng, z: {name: f(rng) for name, f in ranges.items()}


def inline(name, **fields):
    return {"attn": 1, "name": name, **fields}


def window(c, v):
    return causal(c, v) & (c.q - c.k < v["window"])


def duo_prefill(c, v):
    near = (c.k < v["sink"]) | (c.k >= v["chunk"] - v["recent"])
    return causal(c, v) & (near | v["is_retrieval"][c.g])


def decay(c, v):
    return np.exp(-np.float64(v["slope"][c.h]))


SHIPPED = [
    Case("dense", "dense", everything),
    Case("causal", "causal", causal),
    Case("sliding_window", "sliding_window", window, params=draw(window=integer(1, 80))),
    Case("sink_window", "sink_window", lambda c, v: window(c, v) | causal(c, v) & (c.k < v["sink"]),
         params=draw(window=integer(1, 60), sink=integer(0, 9))),
    Case("prefix_lm", "prefix_lm", lambda c, v: causal(c, v) | (c.k < v["prefix_len"][c.b]), positions="top_left",
         operands=prefixes),
    Case("document", "document", same_document, positions="top_left", operands=documents),
    Case("alibi", "alibi", causal, score=lambda c, s, v: s - np.float64(v["slope"][c.h]) * (c.q - c.k), operands=slopes),
    Case("softcap", "softcap", causal, score=lambda c, s, v: v["cap"] * np.tanh(s / v["cap"]),
         params=lambda rng, z: {"cap": float(np.float32(rng.uniform(1, 50)))}),
    Case("gqa_decode", "gqa_decode", causal, entry="decode", decode_only=True),
    Case("duoattention_prefill", "duoattention", duo_prefill, entry="prefill", cache="whole", operands=retrieval_heads,
         params=draw(sink=integer(1, 9), recent=integer(1, 60), chunk=integer(0, 150))),
    Case("key_merge", "key_merge", lambda c, v: np.where(c.k < v["shared"], causal(c, v), window(c, v)),
         params=draw(shared=integer(1, 90), window=integer(1, 60))),
    Case("learned_sink", "learned_sink", window, seed="sink_logit", operands=logits, params=draw(window=integer(1, 80))),
    Case("rope_causal", "rope_causal", causal, rope=False, operands=rope_tables),
    Case("linear_quadratic", "linear_attention", causal, entry="quadratic", decay=decay, operands=decays),
    Case("linear_chunked", "linear_attention", causal, entry="chunked", decay=decay, operands=decays,
         equal_lengths=True),  # a scan starts where the queries start
]

TABLE = {"shape": ["kv_len", "d/2"], "dtype": "f32"}
INLINE = [
    Case("top_left", inline("top_left", positions="top_left", mask="k <= q"), causal, positions="top_left"),
    Case("positions_tensor", inline("positions_tensor", positions="tensor", mask="k <= q and q - k < 20"),
         lambda c, v: causal(c, v) & (c.q - c.k < 20), positions="tensor"),
    Case("residues", inline("residues", positions="bottom_right", mask="k <= q and (q - k) % 3 == 1 or is_pow2(q - k)"),
         lambda c, v: causal(c, v) & ((c.q - c.k) % 3 == 1) | ((c.q - c.k > 0) & ((c.q - c.k) & (c.q - c.k - 1) == 0))),
    Case("nothing", inline("nothing", positions="bottom_right", mask="k > q + 1000000"), lambda c, v: c.k > c.q + 1000000),
    Case("rope_interleaved",
         inline("rope_interleaved", positions="bottom_right", mask="k <= q", operands={"cos": TABLE, "sin": TABLE},
                rope={"cos": "cos", "sin": "sin", "interleaved": True}),
         causal, rope=True, operands=rope_tables),
    Case("key_partition",
         inline("key_partition", positions="bottom_right", params={"near": 17},
                partitions={"keys": {"axis": "key", "classes": {"old": "k < near", "new": "otherwise"}}},
                kernel_maps={"keys.old": {"mask": "k % 2 == 0"}, "keys.new": {"mask": "k <= q"}}),
         lambda c, v: np.where(c.k < v["near"], c.k % 2 == 0, causal(c, v)), params=draw(near=integer(1, 60))),
]

ZERO_PARTITIONS = {
    "heads": {"axis": "q_head", "classes": {"pruned": "pruned[h]", "kept": "otherwise"}},
    "keys": {"axis": "key", "classes": {"picture": "low <= k < low + 40", "text": "otherwise"}},
}


def zero_spec(name, **fields):
    return inline(name, positions="bottom_right", params={"low": 3},
                  operands={"pruned": {"shape": ["q_heads"], "dtype": "bool"},
                            "sink_logit": {"shape": ["q_heads"], "dtype": "f32"}}, partitions=ZERO_PARTITIONS, **fields)


def pruned_heads(rng, z):
    return {"pruned": rng.random(z.q_heads) < 0.5, **logits(rng, z)}


def picture(c, v):
    return (v["low"] <= c.k) & (c.k < v["low"] + 40)


SEEDED = {"mask": "causal", "weight": {"softmax": {"seed": "sink_logit"}}}
INLINE += [
    Case("zero_value_of_all", inline("zero_value_of_all", positions="bottom_right", mask="causal", value="zero"), causal,
         valued=lambda c, v: c.k < 0),
    Case("zero_value_of_keys",
         zero_spec("zero_value_of_keys", kernel_maps={"keys.picture": {"mask": "causal", "value": "zero"},
                                                      "all": {"mask": "causal"}}),
         causal, valued=lambda c, v: ~picture(c, v), operands=pruned_heads, params=draw(low=integer(0, 60))),
    Case("zero_value_of_heads",
         zero_spec("zero_value_of_heads", kernel_maps={"heads.pruned": {**SEEDED, "value": "zero"}, "all": SEEDED}),
         causal, valued=lambda c, v: (c.k >= 0) & ~v["pruned"][c.h], operands=pruned_heads, seed="sink_logit"),
    Case("zero_value_of_keys_in_heads",
         zero_spec("zero_value_of_keys_in_heads",
                   kernel_maps={"heads.pruned & keys.picture": {**SEEDED, "value": "zero"}, "all": SEEDED}),
         causal, valued=lambda c, v: ~(picture(c, v) & v["pruned"][c.h]), operands=pruned_heads, seed="sink_logit",
         params=draw(low=integer(0, 60))),
]

ALL = SHIPPED + INLINE


def by_name(name):
    return next(case for case in ALL if case.name == name)
