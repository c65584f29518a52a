"""docs/artifact.md against the artifacts of the shipped patterns: a reader written from it finds what it says."""

import hashlib
import json
import re
import struct
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/artifact.md").read_text()


@pytest.fixture(scope="module", params=sorted(p.stem for p in (ROOT / "patterns").glob("*.json")))
def artifact(request, build_dir):
    """The manifest and the blobs."""
    command = [build_dir / "bin/attn-compile", ROOT / f"patterns/{request.param}.json", "--target=generic"]
    data = subprocess.run(command, capture_output=True, check=True).stdout
    assert data[:8] == b"ATTNART1"
    [length] = struct.unpack("<Q", data[8:16])
    text = data[48 : 48 + length]
    assert hashlib.sha256(text).digest() == data[16:48]
    manifest = json.loads(text)
    base = -(-(48 + length) // 64) * 64
    covered, blobs = 48 + length, []
    for code in manifest["code"]:
        start = base + code["offset"]
        assert start % 64 == 0 and not any(data[covered:start])
        covered = start + code["size"]
        blobs.append(data[start:covered])
        assert hashlib.sha256(blobs[-1]).hexdigest() == code["sha256"]
    assert covered == len(data)
    return manifest, blobs


def keys(value):
    """The keys of all objects in a manifest but the spec."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            if key != "spec":
                yield from keys(item)
    elif isinstance(value, list):
        for item in value:
            yield from keys(item)


def test_every_key_is_described(artifact):
    found = set(keys(artifact[0]))
    assert len(found) > 30 and not [key for key in found if f"`{key}`" not in TEXT]


def test_symbols_are_in_the_code(artifact, tmp_path):
    manifest, blobs = artifact
    symbols = []
    for i, blob in enumerate(blobs):
        path = tmp_path / f"{i}.o"
        path.write_bytes(blob)
        listing = subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout
        assert not re.search(r"^ +U |^[0-9a-f]+ [dDbB] ", listing, re.M)
        symbols.append(set(re.findall(r" T (\S+)$", listing, re.M)))
    forms = [f for e in manifest["entries"] for v in e["variants"] for s in v["steps"] for f in s["forms"]]
    assert forms and all(form["symbol"] in set().union(*symbols) for form in forms)
    assert all(form["symbol"] in symbols[form["code"]] for form in forms if "code" in form)
