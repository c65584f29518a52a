"""The Python package over the C ABI."""

import gc

import numpy as np
import pytest
from naive import documents

attn = pytest.importorskip("attn")


@pytest.fixture(scope="module")
def artifact(artifact_file):
    return attn.Artifact.load(artifact_file)


def case(batch=2, q_heads=4, kv_heads=2, q_len=5, kv_len=9, seed=0):
    rng = np.random.default_rng(seed)
    q = rng.standard_normal((batch, q_heads, q_len, 8), np.float32)
    k = rng.standard_normal((batch, kv_heads, kv_len, 8), np.float32)
    v = rng.standard_normal((batch, kv_heads, kv_len, 8), np.float32)
    doc = np.sort(rng.integers(0, 3, (batch, kv_len)).astype(np.int32), -1)
    return dict(q=q, k=k, v=v, doc=doc)


def expect(result, c, **rest):
    out, lse = result
    for b in range(len(c["q"])):
        want, want_lse = documents(c["q"][b], c["k"][b], c["v"][b], c["doc"][b], **rest)
        np.testing.assert_allclose(out[b], want, atol=2e-5)
        np.testing.assert_allclose(lse[b], want_lse, atol=2e-5)


def test_attend(artifact):
    c = case()
    result = attn.attend(artifact, **c)
    assert result[0].dtype == np.float32 and result[0].shape == (2, 4, 5, 8) and result[1].shape == (2, 4, 5)
    expect(result, c)
    expect(attn.attend(artifact, window=3, scale=0.25, threads=1, **c), c, window=3, scale=0.25)


def test_scalars_per_request(artifact):
    c = case()
    out, _ = attn.attend(artifact, window=np.array([2, 6]), **c)
    for b, window in enumerate((2, 6)):
        want, _ = documents(c["q"][b], c["k"][b], c["v"][b], c["doc"][b], window=window)
        np.testing.assert_allclose(out[b], want, atol=2e-5)


def test_strided_views_are_not_copied(artifact):
    c = case()
    c["k"] = np.ascontiguousarray(c["k"].swapaxes(1, 2)).swapaxes(1, 2)
    c["q"] = np.concatenate([c["q"], c["q"]], -1)[..., :8]
    out = np.zeros((2, 5, 4, 8), np.float32).swapaxes(1, 2)
    got, lse = attn.attend(artifact, out=out, **c)
    assert got is out
    expect((out, lse), c)


def test_lengths(artifact):
    c = case()
    out, lse = attn.attend(artifact, q_lens=[3, 0], kv_lens=[7, 2], **c)
    want, want_lse = documents(c["q"][0], c["k"][0], c["v"][0], c["doc"][0], q_len=3, kv_len=7)
    np.testing.assert_allclose(out[0, :, :3], want, atol=2e-5)
    np.testing.assert_allclose(lse[0, :, :3], want_lse, atol=2e-5)
    assert not out[0, :, 3:].any() and not out[1].any()


def test_ragged(artifact):
    c = case()
    rows = lambda x, lens: np.concatenate([x[b, :, :n].swapaxes(0, 1) for b, n in enumerate(lens)])
    q_lens, kv_lens = [5, 2], [9, 4]
    out, lse = attn.attend(
        artifact,
        q=rows(c["q"], q_lens),
        k=rows(c["k"], kv_lens),
        v=rows(c["v"], kv_lens),
        doc=c["doc"],
        q_lens=q_lens,
        kv_lens=kv_lens,
    )
    assert out.shape == (7, 4, 8) and lse.shape == (7, 4)
    want, _ = documents(c["q"][1], c["k"][1], c["v"][1], c["doc"][1], q_len=2, kv_len=4)
    np.testing.assert_allclose(out[5:].swapaxes(0, 1), want, atol=2e-5)


def test_head_maps(artifact):
    c = case()
    out, lse = attn.attend(artifact, **{**c, "k": c["k"][:, ::-1]}, head_maps={"k": [1, 0]})
    expect((out, lse), c)


def test_plan_runs_again_and_updates(artifact):
    c = case()
    plan = attn.Plan(artifact, **c)
    assert plan.summary.startswith("f32 d=8 dv=8 generic; attend_")
    expect(plan.run(), c)
    c["q"][:] = -c["q"]
    expect(plan.run(), c)
    other = case(batch=1, q_len=120, kv_len=130, seed=1)
    plan.update(window=7, **other)
    gc.collect()
    expect(plan.run(), other, window=7)


@pytest.mark.parametrize(
    "change, code, message",
    [
        (dict(q=None), "MISSING", "argument 'q' is missing"),
        (dict(doc=None), "MISSING", "operand 'doc' is missing"),
        (dict(k=np.zeros((2, 2, 9, 4), np.float32)), "SHAPE", "argument 'k': dimension 3 (head dimension) must be 8, got 4"),
        (dict(v=np.zeros((2, 2, 9, 8), np.float64)), "DTYPE", "argument 'v': dtype must be f32, got f64"),
        (dict(v=np.zeros((2, 2, 9, 8), np.complex64)), "DTYPE", "argument 'v': dtype complex64 is not supported"),
        (dict(q=np.zeros((2, 8), np.float32)), "SHAPE", "argument 'q': rank must be 3 or 4, got 2"),
        (dict(q=np.zeros((2, 4, 8), np.float32)), "MISSING", "q_lens is needed: the tensors do not say the lengths"),
        (dict(q_lens=[1, 2, 3]), "SHAPE", "q_lens must have 2 values (batch), got 3"),
        (dict(q_lens=[1, 6]), "SHAPE", "argument 'q': dimension 2 (rows) must be at least 6 for request 1, got 5"),
        (dict(windows=3), "UNKNOWN_NAME", "'attend' has no argument 'windows'"),
        (dict(window=0), "RANGE", "scalar 'window' must be at least 1, got 0"),
        (dict(window=1.5), "DTYPE", "scalar 'window' must be an integer"),
        (dict(head_maps={"k": [0, 5]}), "RANGE", "argument 'k': head_map[1] must be from -1 to 1, got 5"),
        (dict(entry="decode"), "NO_ENTRY", "there is no entry point 'decode'; there is: 'attend'"),
    ],
)
def test_errors(artifact, change, code, message):
    arguments = {name: value for name, value in {**case(), **change}.items() if value is not None}
    with pytest.raises(attn.AttnError) as error:
        attn.attend(artifact, **arguments)
    assert error.value.code == code and error.value.message.startswith(message)


def test_damaged_artifact(artifact_bytes):
    with pytest.raises(attn.AttnError, match="^ARTIFACT: damaged artifact: wrong checksum of code 0"):
        attn.Artifact(artifact_bytes[:-1] + b"?")


def test_save_and_show(artifact, artifact_bytes, tmp_path):
    artifact.save(tmp_path / "copy.attn")
    assert (tmp_path / "copy.attn").read_bytes() == artifact_bytes
    assert repr(artifact) == "<attn.Artifact documents: attend>"
    assert artifact.manifest["kernel_abi"] == 3 and artifact.params() == ["window", "scale"]
