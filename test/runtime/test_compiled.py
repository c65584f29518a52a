"""Compiled patterns through the Python package and attn-run. Needs libattn."""

import hashlib
import json
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest

attn = pytest.importorskip("attn")
PATTERNS = Path(__file__).resolve().parents[2] / "patterns"


@pytest.fixture(scope="module", autouse=True)
def compiler(build_dir):
    if not (build_dir / "lib/libattn.so.0").exists():
        pytest.skip("libattn is not built")


def random(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def agree(result, reference):
    np.testing.assert_allclose(result[0], reference[0], atol=4e-6)
    np.testing.assert_allclose(result[1], reference[1], atol=1e-5, rtol=1e-5)


def test_compile_from_path_text_and_dictionary():
    path = PATTERNS / "sliding_window.json"
    spec = json.loads(path.read_text())
    q, k, v = random(2, 4, 50, 64), random(2, 2, 60, 64, seed=1), random(2, 2, 60, 64, seed=2)
    for source in (path, path.read_text(), spec):
        artifact = attn.compile(source)
        agree(attn.attend(artifact, q=q, k=k, v=v, window=9), attn.reference(artifact, q=q, k=k, v=v, window=9))


def test_wrong_spec():
    with pytest.raises(attn.AttnError) as error:
        attn.compile({"attn": 1, "name": "wrong", "mask": "k <= "})
    assert error.value.code == "SPEC" and "/mask" in error.value.message


def test_duoattention_decodes_from_whole_and_ring_caches():
    """One retrieval and one streaming head, each held only where it needs to be; overwritten slots hold NaN."""
    artifact = attn.compile(PATTERNS / "duoattention.json")
    keys, sink, slots = 1000, 64, 257
    q, k, v = random(2, 4, 1, 64), random(2, 2, keys, 64, seed=1), random(2, 2, keys, 64, seed=2)

    def ring(x):
        kept = np.full((2, 1, sink + slots, 64), np.nan, np.float32)
        for p in range(keys):
            kept[:, 0, p if p < sink else sink + (p - sink) % slots] = x[:, 1, p]
        return kept

    is_retrieval = np.array([True, False])
    held = {"k.whole": k[:, :1], "v.whole": v[:, :1], "k.ring": ring(k), "v.ring": ring(v)}
    maps = {name: [0, -1] if name.endswith("whole") else [-1, 0] for name in held}
    result = attn.attend(artifact, entry="decode", q=q, is_retrieval=is_retrieval, head_maps=maps, **held)
    whole = {"q": q, "k.whole": k, "v.whole": v, "is_retrieval": is_retrieval, "chunk": keys - 1}
    agree(result, attn.reference(artifact, entry="prefill", **whole))


def compare(build_dir, path):
    command = [build_dir / "bin/attn-run", path, "--random", "q_len=40,kv_len=50", "--compare", "reference"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_compare_with_the_reference(build_dir, tmp_path):
    path = tmp_path / "causal.attn"
    attn.compile(PATTERNS / "causal.json").save(path)
    result = compare(build_dir, path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.startswith("out: agrees: max error ") and "\nlse: agrees: " in result.stdout


def test_compare_finds_a_wrong_kernel(build_dir, tmp_path):
    """The code of the causal pattern under the spec of the dense one."""
    path = tmp_path / "wrong.attn"
    attn.compile(PATTERNS / "causal.json").save(path)
    data = path.read_bytes()
    size = struct.unpack("<Q", data[8:16])[0]
    manifest = json.loads(data[48 : 48 + size])
    manifest["spec"] = json.loads(attn.compile(PATTERNS / "dense.json").spec)
    code = data[48 + size + -(48 + size) % 64 :]
    text = json.dumps(manifest).encode()
    head = data[:8] + struct.pack("<Q", len(text)) + hashlib.sha256(text).digest() + text
    path.write_bytes(head + bytes(-len(head) % 64) + code)
    result = compare(build_dir, path)
    assert result.returncode == 1 and "out: DIFFERS: " in result.stdout and "lse: DIFFERS: " in result.stdout


@pytest.fixture(scope="module")
def gpu_artifact():
    return attn.compile(PATTERNS / "causal.json", targets="sm_80,cpu", variants=["d=64,dtype=f16"])


def test_arrays_with_strides_on_a_device(gpu_artifact):
    """What lies between the rows of an output stays; a plan reads its inputs again in every run."""
    packed = random(1, 5, 2, 3, 64).astype(np.float16)
    q, k, v = (packed[:, :, :, i].transpose(0, 2, 1, 3) for i in range(3))
    buffer = np.full((1, 2, 5, 2, 64), 7, np.float16)
    plan = attn.Plan(gpu_artifact, q=q, k=k, v=v, out=buffer[:, :, :, 0], device="emulator")
    for _ in range(2):
        packed *= np.float16(0.5)
        out, lse = plan.run()
        exact, exact_lse = attn.reference(gpu_artifact, q=q, k=k, v=v)
        np.testing.assert_allclose(out, exact, atol=2e-3)  # values below 4, weights and results in f16
        np.testing.assert_allclose(lse, exact_lse, atol=1e-5, rtol=1e-5)
        assert (buffer[:, :, :, 1] == 7).all()
    assert plan.summary.endswith("; emulator")


def test_devices_that_cannot_be(gpu_artifact):
    q = random(1, 1, 4, 64).astype(np.float16)
    for device in ("tpu", "cuda:x", "emulator:1"):
        with pytest.raises(attn.AttnError, match="INVALID_ARGUMENT: device must be"):
            attn.attend(gpu_artifact, q=q, k=q, v=q, device=device)
    with pytest.raises(attn.AttnError, match="NO_VARIANT"):
        attn.attend(gpu_artifact, q=q, k=q, v=q, device="emulator", isa="sm_99")


def test_compare_on_the_emulator(build_dir, tmp_path):
    path = tmp_path / "x.attn"
    attn.compile(PATTERNS / "causal.json", targets="sm_80", variants=["dtype=bf16"]).save(path)
    command = [build_dir / "bin/attn-run", path, "--random=q_len=40,q_heads=2", "--device=emulator", "--compare=reference"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0 and "out: agrees" in result.stdout, result.stderr
