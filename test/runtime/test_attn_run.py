"""attn-run as a user calls it: files in, files out, exit codes; and the library it stands on."""

import subprocess

import numpy as np
import pytest
from naive import documents


@pytest.fixture
def run(build_dir, artifact_file):
    def call(*options, artifact=artifact_file):
        command = [build_dir / "bin/attn-run", artifact, *options]
        return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60)

    return call


@pytest.fixture
def files(tmp_path):
    """q, k, v and doc as arrays and as the options that give their files."""
    rng = np.random.default_rng(3)
    arrays = {
        "q": rng.standard_normal((1, 4, 6, 8), np.float32),
        "k": rng.standard_normal((1, 2, 11, 8), np.float32),
        "v": rng.standard_normal((1, 2, 11, 8), np.float32),
        "doc": np.arange(11, dtype=np.int32)[None] // 4,
    }
    options = []
    for name, array in arrays.items():
        np.save(tmp_path / f"{name}.npy", array)
        options += ["--arg", f"{name}={tmp_path}/{name}.npy"]
    return arrays, options


def test_files_in_and_out(run, files, tmp_path):
    arrays, options = files
    result = run(*options, "-o", tmp_path / "out.npy", "--out", f"lse={tmp_path}/lse.npy", "--param", "window=3")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    want, want_lse = documents(*(arrays[n][0] for n in ("q", "k", "v", "doc")), window=3)
    np.testing.assert_allclose(np.load(tmp_path / "out.npy")[0], want, atol=2e-5)
    np.testing.assert_allclose(np.load(tmp_path / "lse.npy")[0], want_lse, atol=2e-5)


def test_lengths(run, files, tmp_path):
    arrays, options = files
    assert run(*options, "-o", tmp_path / "out.npy", "--q-lens", 2, "--kv-lens", 7).returncode == 0
    want, _ = documents(*(arrays[n][0] for n in ("q", "k", "v", "doc")), q_len=2, kv_len=7)
    out = np.load(tmp_path / "out.npy")
    np.testing.assert_allclose(out[0, :, :2], want, atol=2e-5)
    assert not out[0, :, 2:].any()


def test_ragged(run, files, tmp_path):
    arrays, _ = files
    options = []
    for name in ("q", "k", "v"):
        np.save(tmp_path / f"{name}.npy", np.ascontiguousarray(arrays[name][0].swapaxes(0, 1)))
        options += ["--arg", f"{name}={tmp_path}/{name}.npy"]
    doc = np.zeros((2, 7), np.int32)
    np.save(tmp_path / "doc.npy", doc)
    options += ["--arg", f"doc={tmp_path}/doc.npy", "--q-lens", "4,2", "--kv-lens", "4,7"]
    result = run(*options, "-o", tmp_path / "out.npy")
    assert result.returncode == 0, result.stderr
    out = np.load(tmp_path / "out.npy").swapaxes(0, 1)
    q, k, v = (arrays[n][0] for n in ("q", "k", "v"))
    np.testing.assert_allclose(out[:, :4], documents(q[:, :4], k[:, :4], v[:, :4], doc[0])[0], atol=2e-5)
    np.testing.assert_allclose(out[:, 4:], documents(q[:, 4:], k[:, 4:], v[:, 4:], doc[1])[0], atol=2e-5)


def test_random_is_reproducible(run, tmp_path):
    outs = []
    for seed in (1, 1, 2):
        options = f"--random q_heads=4,kv_heads=2,q_len=20,kv_len=33,batch=3,seed={seed} --time 2 -o {tmp_path}/o.npy"
        result = run(*options.split())
        assert result.returncode == 0, result.stderr
        assert "time: median" in result.stdout and "f32 d=8 dv=8 generic; attend_decode" in result.stdout
        outs.append(np.load(tmp_path / "o.npy"))
    assert outs[0].shape == (3, 4, 20, 8) and np.isfinite(outs[0]).all()
    assert (outs[0] == outs[1]).all() and not (outs[0] == outs[2]).all()


def test_info(run):
    result = run("--info")
    assert result.returncode == 0
    assert "  operand doc: i32 [batch, kv_len]\n" in result.stdout
    assert "  variant f32 d=8 dv=8 generic\n" in result.stdout


@pytest.mark.parametrize(
    "options, code, message",
    [
        (["--frobnicate"], 2, "unknown option '--frobnicate'"),
        (["--threads", "many"], 2, "--threads: expected an integer from 1 to 1024, got 'many'"),
        ([], 1, "argument 'q' is missing: give --arg q=FILE.npy, or --random"),
        (["--arg", "q=/nonexistent.npy"], 1, "/nonexistent.npy: No such file or directory"),
        (["--random", "colour=3"], 1, "--random: unknown key 'colour'"),
        (["--random", "d=24"], 1, "--random: the artifact has no variant of that dtype, d and dv"),
        (["--random", "q_len=5,kv_len=3000000000"], 1, "lengths must be from 0 to 2147483647"),
        (["--random", "kv_len=2000000000,q_heads=64"], 1, "--random: the arrays would be larger than a terabyte"),
        (["--random", "batch=1", "--out", "votes=v.npy"], 1, "there is no output 'votes'"),
        (["--random", "batch=1", "--entry", "decode"], 1, "NO_ENTRY: there is no entry point 'decode'; there is: 'attend'"),
        (["--random", "batch=1", "--param", "windows=3"], 1, "UNKNOWN_NAME: there is no scalar 'windows'"),
        (["--random", "batch=1", "--param", "window=abc"], 1, "--param window: expected integers, got 'abc'"),
        (["--random", "batch=1", "--isa", "vax"], 1, "NO_VARIANT: 'attend' has no variant for f32 d=8 dv=8 vax"),
        (["--random", "q_heads=5,kv_heads=2"], 1, "RANGE: q_heads must be a multiple of kv_heads, got 5 and 2"),
        (["--random", "batch=2", "--q-lens", "1,2,3"], 1, "--q-lens and --kv-lens: expected one value or one for each of 2"),
        (["--random", "batch=1", "-o", "/nonexistent/out.npy"], 1, "/nonexistent/out.npy: No such file or directory"),
    ],
)
def test_mistakes(run, options, code, message):
    result = run(*options)
    assert result.returncode == code
    assert message in result.stderr and result.stdout == ""


def test_not_an_artifact(run, tmp_path):
    (tmp_path / "x.attn").write_bytes(b"hello")
    result = run(artifact=tmp_path / "x.attn")
    assert result.returncode == 1
    assert result.stderr == f"attn-run: ARTIFACT: '{tmp_path}/x.attn': not an attn artifact: it does not begin with ATTNART1\n"


def test_help(run):
    result = run("--help")
    assert result.returncode == 0 and len(result.stdout.splitlines()) < 40


def test_runtime_exports_its_abi_and_needs_no_llvm(build_dir):
    library = build_dir / "lib/libattn_rt.so.0"
    dynamic = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True).stdout
    names = [line.split()[-1].split("@")[0] for line in dynamic.splitlines() if " A " not in line]
    header = (build_dir.parents[1] / "runtime/include/attn/attn.h").read_text()
    declared = sorted(w.split("(")[0].split("*")[-1] for line in header.splitlines() if line.startswith("ATTN_API") for w in line.split() if "(" in w)
    assert sorted(names) == declared and len(declared) > 15
    needed = subprocess.run(["readelf", "-d", library], capture_output=True, text=True, check=True).stdout
    assert "libattn_rt.so.0" in needed and "LLVM" not in needed and "MLIR" not in needed
