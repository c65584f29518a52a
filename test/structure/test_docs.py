"""The dialects and passes are documented, their examples run, and the checked-in references are current."""

import json
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LLVM = Path("/usr/lib/llvm-19")
DIALECTS = ["attn", "tile"]
REFERENCES = ["dialects/attn.md", "dialects/tile.md", "passes.md"]
KINDS = ["Op", "AttrDef", "TypeDef", "EnumAttr", "PassBase"]


def records(td: str):
    """The operations, attributes, types and passes that a TableGen file defines, as (kind, record)."""
    include = ["-I", str(ROOT), "-I", str(LLVM / "include")]
    out = subprocess.run([LLVM / "bin/llvm-tblgen", "--dump-json", *include, ROOT / td], capture_output=True, check=True)
    everything = json.loads(out.stdout)
    for kind in KINDS:
        for name in everything["!instanceof"].get(kind, []):
            if name.startswith(("Attn_", "Tile_")) or kind == "PassBase":
                yield kind, everything[name]


TD_FILES = ["dialect/attn/AttnOps.td", "dialect/tile/TileOps.td", "passes/Passes.td"]


@pytest.mark.parametrize("td", TD_FILES)
def test_everything_has_summary_and_description(td):
    found = list(records(td))
    assert len(found) >= 5
    missing = [r["!name"] for _, r in found if not (r.get("summary") or "").strip() or not (r.get("description") or "").strip()]
    assert not missing


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_constraint_has_a_negative_test(dialect):
    """A constraint Cn of an operation is a case `// <operation> Cn` of the dialect's -invalid.mlir."""
    tests = (ROOT / f"test/dialect/{dialect}-invalid.mlir").read_text()
    labels = [
        f"{record['opName']} {label}"
        for kind, record in records(f"dialect/{dialect}/{dialect.capitalize()}Ops.td")
        if kind == "Op"
        for label in re.findall(r"\* (C\d+):", record["description"])
    ]
    assert len(labels) >= 20
    assert not [label for label in labels if not re.search(rf"^// {label}\b", tests, re.M)]


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    out = tmp_path_factory.mktemp("docs")
    subprocess.run(["bash", ROOT / "tools/docs.sh", out], check=True)
    return out


@pytest.mark.parametrize("reference", REFERENCES)
def test_reference_is_current(generated, reference):
    assert (ROOT / "docs" / reference).read_text() == (generated / reference).read_text(), "run tools/docs.sh"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_examples_run(generated, build_dir, dialect):
    """Every example that is a whole program parses and verifies."""
    text = (generated / f"dialects/{dialect}.md").read_text()
    programs = [e for e in re.findall(r"```mlir\n(.*?)```", text, re.S) if re.match(r"\s*(attn\.pattern|tile\.(kernel|entry))", e)]
    assert len(programs) >= 4
    for program in programs:
        run = subprocess.run([build_dir / "bin/attn-opt", "-"], input=program, text=True, capture_output=True)
        assert run.returncode == 0, program + run.stderr
