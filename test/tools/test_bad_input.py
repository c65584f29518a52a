"""Wrong specs and wrong calls: the exact text on standard error, the exit code, and the table of them in the docs."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import bad_input  # noqa: E402

PATTERNS = ["causal", "dense", "document", "sliding_window", "duoattention"]
BLOCKS = {"attn": 1, "name": "blocks", "positions": "top_left", "params": {"block": 16}, "mask": "k // block <= q // block"}


@pytest.fixture(scope="module")
def tool(build_dir):
    """Runs `attn-compile ...` or `attn-run ...` in a folder."""

    def run(command, folder, **options):
        words = shlex.split(command)
        program = build_dir / "bin" / words[0]
        return subprocess.run(words, executable=program, cwd=folder, capture_output=True, text=True, timeout=60, **options)

    return run


def write_arrays(folder: Path):
    rng = np.random.default_rng(0)
    shapes = {"q": (1, 4, 6, 64), "k": (1, 2, 11, 64), "v": (1, 2, 11, 64), "q3": (1, 3, 6, 64), "k4": (1, 4, 11, 64),
              "q32": (1, 4, 6, 32), "k32": (1, 2, 11, 32), "rank2": (6, 64), "rank3": (6, 4, 64)}  # fmt: skip
    arrays = {name: rng.standard_normal(shape, np.float32) for name, shape in shapes.items()}
    doc = np.arange(11, dtype=np.int32)[None] // 4
    arrays |= {"doc": doc, "doc64": doc.astype(np.int64), "flat": doc[0], "short": doc[:, :9], "unsorted": doc[:, ::-1]}
    arrays |= {"k16": arrays["k"].astype(np.float16), "complex": arrays["q"].astype(np.complex64)}
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", np.ascontiguousarray(array))
    np.save(folder / "fortran.npy", np.asfortranarray(arrays["q"]))
    whole = (folder / "q.npy").read_bytes()
    (folder / "truncated.npy").write_bytes(whole[:-1])
    (folder / "header.npy").write_bytes(whole[:40])
    header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1048576, 1048576, 1048576, 64), }\n".encode()
    (folder / "huge.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)


@pytest.fixture(scope="module")
def folder(tool, tmp_path_factory):
    """The files that bad_calls.json names."""
    folder = tmp_path_factory.mktemp("bad")
    write_arrays(folder)
    patterns = {name: (ROOT / f"patterns/{name}.json").read_text() for name in PATTERNS} | {"blocks": json.dumps(BLOCKS)}
    for name, text in patterns.items():
        (folder / f"{name}.json").write_text(text)
        result = tool(f"attn-compile {name}.json --no-cache --target=generic -o {name}.attn", folder)
        assert (result.returncode, result.stderr) == (0, "")
    artifact = (folder / "document.attn").read_bytes()
    (folder / "truncated.attn").write_bytes(artifact[:-1])
    for name, at in (("manifest", 100), ("kernel", -100)):
        damaged = bytearray(artifact)
        damaged[at] ^= 1
        (folder / f"{name}.attn").write_bytes(damaged)
    return folder


def test_there_are_many_cases():
    assert len(bad_input.SPECS) >= 40 and len(bad_input.CALLS) >= 40


@pytest.mark.parametrize("case", bad_input.SPECS, ids=lambda case: case["case"])
def test_spec(tool, tmp_path, case):
    result = tool("attn-compile - -o x.attn", tmp_path, input=bad_input.document(case))
    assert (result.stderr, result.stdout, result.returncode) == (bad_input.stderr(case), "", 1)
    assert not (tmp_path / "x.attn").exists()


@pytest.mark.parametrize("case", bad_input.CALLS, ids=lambda case: case["command"])
def test_call(tool, folder, case):
    result = tool(case["command"], folder)
    stderr = re.sub(r"on this machine \([^)]*\)", "on this machine (x86-64-v4)", result.stderr)
    assert (stderr, result.stdout, result.returncode) == (case["stderr"], "", case["exit"])
    assert not (folder / "x.attn").exists()


def test_table_is_current():
    text = subprocess.run([sys.executable, ROOT / "tools/bad_input.py"], capture_output=True, text=True, check=True).stdout
    assert (ROOT / "docs/bad-input.md").read_text() == text, "run tools/docs.sh"
