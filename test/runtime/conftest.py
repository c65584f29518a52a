"""An artifact made of TestKernel.c, put together here from the description of the format in runtime/artifact/Format.h."""

import hashlib
import json
import struct
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "python"))

DIM = 8


def argument(name, kind, dtype, **rest):
    return {"name": name, "kind": kind, "dtype": dtype, **rest}


def form(symbol, rows, pack):
    views = [argument(n, "view", "f32", dim=DIM) for n in ("q", "k", "v", "out")]
    others = [
        argument("lse", "view", "f32", dim=0),
        argument("window", "scalar", "i64"),
        argument("scale", "scalar", "f32"),
        argument("doc", "buffer", "i32", rank=2),
    ]
    common = {"keys": 1, "splits": False, "scan": False, "code": 0, "scratch": 64, "arguments": views + others}
    return {"symbol": symbol, "rows": rows, "pack": pack, **common}


def manifest(code: bytes) -> dict:
    return {
        "attn_artifact": 1,
        "kernel_abi": 3,
        "name": "documents",
        "spec": {"attn": 1, "name": "documents"},
        "positions": "bottom_right",
        "params": [
            {"name": "window", "type": "i64", "default": 1000000, "positive": True},
            {"name": "scale", "type": "f32", "default": DIM**-0.5},
        ],
        "operands": [{"name": "doc", "shape": ["batch", "kv_len"], "dtype": "i32", "domain": "sorted"}],
        "caches": [],
        "entries": [
            {
                "name": "attend",
                "inputs": [{"name": n, "role": r} for n, r in (("q", "query"), ("k", "key"), ("v", "value"))],
                "outputs": [{"name": "out", "role": "out"}, {"name": "lse", "role": "lse"}],
                "variants": [
                    {
                        "dtype": "f32",
                        "d": DIM,
                        "dv": DIM,
                        "isa": "generic",
                        "steps": [{"forms": [form("attend_prefill", 96, False), form("attend_decode", 8, True)]}],
                    }
                ],
            }
        ],
        "code": [{"offset": 0, "size": len(code), "sha256": hashlib.sha256(code).hexdigest()}],
    }


@pytest.fixture(scope="session", autouse=True)
def library_dir(build_dir):
    patch = pytest.MonkeyPatch()
    patch.setenv("ATTN_LIBRARY_DIR", str(build_dir / "lib"))
    yield
    patch.undo()


@pytest.fixture(scope="session")
def artifact_bytes(build_dir) -> bytes:
    code = (build_dir / "test/runtime/TestKernel.o").read_bytes()
    text = json.dumps(manifest(code)).encode()
    head = b"ATTNART1" + struct.pack("<Q", len(text)) + hashlib.sha256(text).digest() + text
    return head + bytes(-len(head) % 64) + code


@pytest.fixture(scope="session")
def artifact_file(artifact_bytes, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("artifact") / "documents.attn"
    path.write_bytes(artifact_bytes)
    return path
