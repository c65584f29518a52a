"""What ptxas makes of the generated PTX: no spills, no stack, and the matrix instructions that the tiles need."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PTXAS = shutil.which("ptxas", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/cuda/bin"]))
PATTERNS = ["dense", "causal", "sliding_window", "sink_window", "alibi", "softcap", "document", "rope_causal", "prefix_lm"]
DIMS = [64, 128, 256]
KNOWN = {("sink_window", 256): ("8", "8", "32")}  # a row of 256 outputs takes 128 registers of a thread


def ptx_of(build_dir, pattern, dtype, d, arch="sm_80"):
    command = [build_dir / "bin/attn-compile", ROOT / f"patterns/{pattern}.json", f"--target={arch}", "--emit=ptx",
               f"--variant=dtype={dtype},d={d},dv={d}", "-o", "-"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def kernels(ptx):
    """Name -> text of every entry."""
    parts = re.split(r"^\.visible \.entry ", ptx, flags=re.M)[1:]
    return {re.match(r"[\w$]+", part)[0]: part for part in parts}


def assemble(tmp_path, ptx, arch):
    """(stack, spill stores, spill loads) of every kernel, and what ptxas says."""
    file = tmp_path / "kernels.ptx"
    file.write_text(ptx)
    result = subprocess.run([PTXAS, f"-arch={arch}", "-v", file, "-o", tmp_path / "kernels.cubin"], capture_output=True,
                            text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    usage = re.findall(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", result.stderr)
    return usage, result.stderr


@pytest.mark.skipif(not PTXAS, reason="ptxas is not installed")
@pytest.mark.parametrize("d", DIMS)
@pytest.mark.parametrize("pattern", PATTERNS)
def test_nothing_spills(build_dir, tmp_path, pattern, d):
    usage, text = assemble(tmp_path, ptx_of(build_dir, pattern, "bf16", d), "sm_80")
    assert len(usage) == 2 and set(usage) <= {("0", "0", "0"), KNOWN.get((pattern, d))}, text


@pytest.mark.skipif(not PTXAS, reason="ptxas is not installed")
@pytest.mark.parametrize("d", DIMS)
@pytest.mark.parametrize("pattern", ["causal", "sliding_window"])
def test_hopper_is_not_serialised(build_dir, tmp_path, pattern, d):
    """ptxas says so (C7510 and its like) where it waits for every wgmma; and nothing spills."""
    ptx = ptx_of(build_dir, pattern, "bf16", d, "sm_90a")
    usage, text = assemble(tmp_path, ptx, "sm_90a")
    assert usage == [("0", "0", "0")] * 2 and not re.search(r"C75|warning", text), text
    counts = {name: text.count("wgmma.mma_async") for name, text in kernels(ptx).items()}
    keys = 112 if d <= 128 else 80  # one instruction a step of 16: of d for scores, of keys for the output
    assert counts == {"attend$0$prefill": d // 16 + keys // 16, "attend$0$decode": 0}


@pytest.mark.parametrize("dtype, form", [("bf16", "bf16.bf16"), ("f16", "f16.f16")])
def test_matrix_instructions(build_dir, dtype, form):
    """Their type is that of the tensors (MLIR 19's nvvm.mma.sync makes f16 instructions of bf16), and their number that of
    the tiles: 16 x 8 x 16 each, once in the loop over keys."""
    d, warps = 64, 4
    for name, text in kernels(ptx_of(build_dir, "causal", dtype, d)).items():
        rows, keys = (16, 64) if "decode" in name else (128, 48)
        found = re.findall(r"mma\.sync\.aligned\.m16n8k16\.row\.col\.f32\.(\w+\.\w+)\.f32", text)
        assert set(found) == {form}, name
        assert len(found) == 2 * (rows // 16) * (keys // 8) * (d // 16) // warps, name


def test_no_broken_operation_of_nvvm():
    for path in (ROOT / "codegen").rglob("*.cpp"):
        assert "NVVM::MmaOp" not in path.read_text(), path
