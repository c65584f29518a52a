"""attn-bench: its oracle finds wrong results, its counts are right, and it runs from end to end on small sizes."""

import json
import subprocess
import sys

import numpy as np
import pytest

from conftest import ROOT

sys.path[:0] = [str(ROOT / "tools" / "attn-bench"), str(ROOT / "python")]

from attn_bench import cases  # noqa: E402
from attn_bench import oracle  # noqa: E402
from attn_bench import report  # noqa: E402
from attn_bench.measure import Rounds, interleave  # noqa: E402


def run(build_dir, *arguments):
    return subprocess.run([build_dir / "bin" / "attn-bench", *map(str, arguments)], capture_output=True, text=True)


@pytest.mark.parametrize("dtype", ["f32", "f16", "bf16"])
def test_the_oracle_accepts_right_and_refuses_wrong_results(dtype):
    rng = np.random.default_rng(1)
    bits = [oracle.to_bits(rng.standard_normal((1, h, 40, 16), np.float32), dtype) for h in (4, 2, 2)]
    q, k, v = map(oracle.to_float, bits)
    visible = cases.causal({}, 40)
    scores = np.einsum("bhqd,bhkd->bhqk", q, k.repeat(2, 1)) / 4
    scores = np.where(np.tril(np.ones((40, 40), bool)), scores, -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    out = np.einsum("bhqk,bhkd->bhqd", weights / weights.sum(-1, keepdims=True), v.repeat(2, 1))
    out = oracle.to_float(oracle.to_bits(out, dtype))
    assert oracle.check(out, q, k, v, visible, dtype, samples=100) <= 1
    assert oracle.check(out, q, k, v, lambda b, h, q, k: k <= q + 1, dtype, samples=100) > 1
    assert oracle.check(out * 1.2, q, k, v, visible, dtype, samples=100) > 1
    assert not oracle.check(out * np.nan, q, k, v, visible, dtype) <= 1


def test_tile_counts():
    pairs, visited, tiles = cases.tile_counts(lambda q, k: (k <= q) & (q - k < 5), 20, 30, 8, 4)
    mask = np.array([[k <= q and q - k < 5 for k in range(30)] for q in range(10, 30)])
    count = sum(mask[r : r + 8, k : k + 4].any() for r in range(0, 20, 8) for k in range(0, 30, 4))
    assert (pairs, visited, tiles) == (mask.sum(), count, 3 * 8)


def test_ratios_are_formed_inside_a_round():
    rounds = Rounds()
    rounds.times = {"a": [1.0, 10.0, 1.0], "b": [2.0, 20.0, 2.0]}
    assert rounds.ratio("b", "a") == 2 and rounds.median("a") == 1
    calls = []
    interleave({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 4, least=0)
    assert calls[-8:] == ["a", "b"] * 4


def test_a_run_from_end_to_end(build_dir, tmp_path):
    sizes = ["--no-peers", "--dims=32", "--lengths=96", "--sparse-lengths=200", "--cache-lengths=300", "--batches=2"]
    done = run(build_dir, *sizes, "--rounds=3", "-o", tmp_path / "r", "--ratios", tmp_path / "ratios.json")
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "r.json").read_text())
    assert {t: len(rows) > 0 for t, rows in result["tables"].items()} == dict.fromkeys(report.COLUMNS, True)
    for row in (row for rows in result["tables"].values() for row in rows if "ms" in row):
        assert row["ms"] > 0 and row["error"] <= 1
    text = (tmp_path / "r.md").read_text()
    assert "## decode" in text and "nan" not in text
    assert isinstance(json.loads((tmp_path / "ratios.json").read_text()), list)


def test_tuning_writes_a_pattern_that_compiles(build_dir, tmp_path, monkeypatch):
    from attn_bench import tune

    monkeypatch.setattr(tune, "PREFILL", {"rows": (48,), "keys": (32, 64)})
    monkeypatch.setattr(tune, "DECODE", {"rows": (8,), "keys": (32,)})
    monkeypatch.setattr(tune, "SHAPES", {"prefill": (64, 64, 2, 2), "decode": (1, 256, 4, 2)})
    options = type("Options", (), {"tune": ROOT / "patterns" / "alibi.json", "variant": "d=16", "write": tmp_path / "t.json"})
    assert tune.run(options) == 0
    check = subprocess.run([build_dir / "bin" / "attn-compile", "--check", tmp_path / "t.json"], capture_output=True, text=True)
    assert check.returncode == 0, check.stderr


def test_usage(build_dir):
    done = run(build_dir, "--help")
    assert done.returncode == 0 and "--tune" in done.stdout
    for wrong, text in (("--tables=prefil", "'prefil' is none of"), ("--dtypes=f64", "'f64' is none of"), ("--dims=x", "--dims")):
        done = run(build_dir, wrong)
        assert done.returncode == 2 and text in done.stderr
