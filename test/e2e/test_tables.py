"""Values per head, layer and request: built into the pattern, or given with the call."""

import rungs
import dtypes
import numpy as np
import oracle
import pytest

attn = rungs.product.attn
D = 32
Z = {"q_lens": [5, 1, 40, 97], "kv_lens": [70, 130, 40, 97]}
HEADS, KV_HEADS, LAYERS = 4, 2, 3


def tensors(rng):
    return {"q": rungs.normal(rng, 4, HEADS, 97, D), "k": rungs.normal(rng, 4, KV_HEADS, 130, D),
            "v": rungs.normal(rng, 4, KV_HEADS, 130, D)}


def solve(x, visible, **more):
    return oracle.softmax_attention(*(x[n].astype(np.float64) for n in "qkv"), visible, **Z, **more)


TABLES = {
    "slope": ("f32", ["q_heads"], [0.5, 0.25, 0.125, 0.0625]),
    "window": ("i32", ["layers", "q_heads"], [[8, 16, 32, 64], [1, 2, 3, 4], [100, 1, 100, 1]]),
    "is_full": ("bool", ["layers", "kv_heads"], [[True, False], [False, False], [0, 1]]),
}


def spec(built_in):
    operands = {n: {"shape": shape, "dtype": dtype, **({"values": values} if built_in else {})}
                for n, (dtype, shape, values) in TABLES.items()}
    return {"name": "layer_tables", "positions": "bottom_right", "operands": operands,
            "partitions": {"heads": {"axis": "kv_head", "classes": {"full": "is_full[l, g]", "near": "otherwise"}}},
            "kernel_maps": {"heads.full": {"mask": "causal"}, "heads.near": {"mask": "causal and q - k < window[l, h]"}},
            }


ARRAYS = {"slope": np.array(TABLES["slope"][2], np.float32), "window": np.array(TABLES["window"][2], np.int32),
          "is_full": np.array(TABLES["is_full"][2], bool)}


@pytest.mark.parametrize("built_in", [True, False])
def test_one_artifact_serves_all_layers(built_in):
    """Head classes, windows and slopes per layer."""
    pattern = spec(built_in)
    for kernel_map in pattern["kernel_maps"].values():
        kernel_map["score"] = "s + alibi(slope[h])"
    x = tensors(np.random.default_rng(1))
    for layer in range(LAYERS):
        near = lambda c: (c.k <= c.q) & (ARRAYS["is_full"][layer, c.g] | (c.q - c.k < ARRAYS["window"][layer, c.h]))
        expected = solve(x, near, score=lambda c, s: s - float(ARRAYS["slope"][c.h]) * (c.q - c.k))
        given = {} if built_in else ARRAYS
        rungs.check(pattern, {**x, **Z, **given, "layer": layer}, *expected, q_lens=Z["q_lens"])


def test_a_tensor_of_the_call_replaces_built_in_values():
    x = tensors(np.random.default_rng(2))
    windows = np.full((1, HEADS), 7, np.int32)
    call = {**x, **Z, "window": windows, "is_full": np.zeros((1, KV_HEADS), bool)}
    rungs.check(spec(True), call, *solve(x, lambda c: (c.k <= c.q) & (c.q - c.k < 7)), q_lens=Z["q_lens"])


def test_built_in_values_fit_the_call_or_are_refused():
    x = tensors(np.random.default_rng(3))
    compiled = rungs.artifact({**spec(True)})
    tables = [a for a in compiled.arguments() if a.name in TABLES]  # those that the kernels read
    assert tables and not any(a.required for a in tables)
    with pytest.raises(attn.AttnError, match=r"operand 'window': dimension 1 \(q_heads\) must be 2, got 4"):
        attn.attend(compiled, **{**x, "q": x["q"][:, :2]}, **Z)
    with pytest.raises(attn.AttnError, match="layer must be below 3"):
        attn.attend(compiled, **x, **Z, layer=3)


@pytest.mark.parametrize("dtype", ["f32", "f16", "bf16"])
def test_built_in_floats_are_rounded_to_their_type(dtype):
    values = [0.1, -3.14159, 6.1e-5, 0.0]
    bias = {"shape": ["q_heads"], "dtype": dtype, "values": values}
    pattern = {"name": "rounded_bias", "positions": "bottom_right", "operands": {"bias": bias}, "mask": "causal",
               "score": "s * bias[h]"}
    x = tensors(np.random.default_rng(4))
    rounded = dtypes.rounding(dtype)(np.array(values, np.float32)).astype(np.float64)
    rungs.check(pattern, {**x, **Z}, *solve(x, lambda c: c.k <= c.q, score=lambda c, s: s * rounded[c.h]), q_lens=Z["q_lens"])


@pytest.mark.parametrize("seed", range(3))
def test_window_softcap_and_scale_of_each_request(seed):
    pattern = {"name": "per_request", "positions": "bottom_right", "params": {"window": 64, "cap": 50.0, "factor": 0.1},
               "mask": {"window": "window"}, "score": "softcap(cap)", "scale": "factor"}
    rng = np.random.default_rng(seed)
    x = tensors(rng)
    window, cap = rng.integers(0, 100, 4), rng.uniform(0.5, 20, 4).astype(np.float32)
    factor = rng.uniform(0.05, 1, 4).astype(np.float32)
    w, c64, f = window, cap.astype(np.float64), factor.astype(np.float64)
    expected = solve(x, lambda c: (c.k <= c.q) & (c.q - c.k < w[c.b]), scale=1.0,
                     score=lambda c, s: c64[c.b] * np.tanh(s * f[c.b] / c64[c.b]))
    rungs.check(pattern, {**x, **Z, "window": window, "cap": cap, "factor": factor}, *expected, q_lens=Z["q_lens"])


SPANS = {
    "name": "spans",
    "positions": "bottom_right",
    "operands": {"alpha": {"shape": ["q_heads"], "dtype": "f32"}, "beta": {"shape": ["q_heads"], "dtype": "f32"}},
    "let": {"span": "floor(alpha[h] + beta[h] * float(kv_len))"},
    "mask": "causal and (k < 4 or q - k < span)",
}


def test_spans_that_grow_with_the_length():
    """MoA (arXiv 2406.14909): every head sees the sink and the last alpha + beta * n keys."""
    x = tensors(np.random.default_rng(6))
    alpha, beta = np.array([4, 0, 16, -1000], np.float32), np.array([0.25, 1, 0, 0], np.float32)
    def visible(c):
        span = np.floor(alpha[c.h] + beta[c.h] * np.float32(c.kv_len))
        return (c.k <= c.q) & ((c.k < 4) | (c.q - c.k < span))
    rungs.check(SPANS, {**x, **Z, "alpha": alpha, "beta": beta}, *solve(x, visible), q_lens=Z["q_lens"])
    summary = attn.Plan(rungs.artifact(SPANS), **x, **Z, alpha=alpha, beta=beta).summary
    assert summary.count("tasks") == 1, summary  # one launch for all heads
