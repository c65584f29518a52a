"""Who may include whom: the table of docs/architecture.md, enforced. A new edge is a decision, made here and there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

STD = r"[a-z_]+"  # <vector>, <cstdint>
C = r"(sys/|arpa/|netinet/)?[a-z_0-9]+\.h"  # <stdint.h>, <sys/mman.h>
MLIR = r"(mlir|llvm)/.*"
JSON = r"nlohmann/.*"
PUBLIC = r"(runtime/include/)?attn/[A-Za-z]+\.h(pp)?"
ABI = r"(runtime/include/)?attn/KernelABI\.h"
DIALECTS = r"dialect/(mask|attn|tile)/.*"

# Folder (longest match wins) -> patterns of what its files may include, besides the folder itself.
ALLOWED = {
    "dialect/mask": [STD],
    "dialect/attn": [STD, MLIR, r"dialect/mask/.*"],
    "dialect/tile": [STD, MLIR, r"dialect/mask/.*"],
    "dialect/spec": [STD, JSON, r"dialect/mask/.*"],
    "dialect/spec/SpecToIR": [STD, MLIR, r"dialect/(mask|attn)/.*", r"dialect/spec/.*"],
    "passes": [STD, MLIR, DIALECTS],
    "codegen": [STD],
    "codegen/reference": [STD, MLIR, DIALECTS, r"passes/analysis/.*", ABI],
    "codegen/emit": [STD, MLIR, DIALECTS, r"passes/analysis/.*", ABI],
    "codegen/cpu": [STD, C, MLIR, DIALECTS, r"passes/analysis/.*", ABI, r"codegen/emit/.*"],
    "codegen/ptx": [STD, C, MLIR, DIALECTS, r"passes/analysis/.*", ABI, r"codegen/emit/.*"],
    "codegen/jit": [STD, C, MLIR, JSON, r"dialect/.*", r"passes/.*", r"codegen/.*", PUBLIC, r"runtime/artifact/.*",
                    r"runtime/plan/Call\.h"],
    "runtime": [STD, C, JSON, PUBLIC],
    "tools": [STD, C, JSON, PUBLIC],
    "tools/attn-opt": [STD, MLIR, DIALECTS, r"passes/.*", r"codegen/.*"],
    "tools/attn-lsp-server": [STD, MLIR, DIALECTS],
    "tools/command": [STD, C, r"llvm/.*"],
    "tools/attn-compile": [STD, C, JSON, MLIR, PUBLIC, r"codegen/jit/.*", r"tools/command/.*"],
    "tools/attn-viz": [STD, C, MLIR, PUBLIC, r"dialect/.*", r"passes/.*", r"tools/command/.*", r"stb/.*",
                       r"tools/attn-run/(Npy|Random)\.h"],
}

FOLDERS = ["dialect", "passes", "codegen", "runtime", "tools", "python"]


def sources():
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".h", ".cpp", ".c", ".td"):
                yield path.relative_to(ROOT).as_posix()


def rule_of(path: str) -> str:
    matches = [k for k in ALLOWED if path.startswith(k)]
    return max(matches, key=len) if matches else ""


def illegal(path: str, text: str):
    """The includes of a file that its folder's rule does not allow."""
    rule = rule_of(path)
    folder = rule if "." not in rule else rule.rsplit("/", 1)[0]
    for kind, target in re.findall(r'^\s*#\s*include\s+(["<])([^">]+)[">]', text, re.M):
        own = target.startswith(folder + "/") or "/" not in target and kind == '"'
        if not own and not any(re.fullmatch(p, target) for p in ALLOWED[rule]):
            yield target


@pytest.mark.parametrize("path", list(sources()))
def test_includes(path):
    assert rule_of(path), f"{path} is in no folder of the table"
    assert not list(illegal(path, (ROOT / path).read_text()))


@pytest.mark.parametrize(
    "path, include",
    [
        ("dialect/mask/Expr.h", '"mlir/IR/Builders.h"'),
        ("dialect/tile/TileVerify.cpp", '"dialect/attn/AttnDialect.h"'),
        ("dialect/spec/Json.cpp", '"mlir/IR/Builders.h"'),
        ("passes/Pipelines.cpp", '"codegen/cpu/CPU.h"'),
        ("passes/Pipelines.cpp", '"dialect/spec/Read.h"'),
        ("codegen/cpu/CPU.cpp", '"codegen/reference/Interpreter.h"'),
        ("runtime/plan/Plan.cpp", '"llvm/ADT/STLExtras.h"'),
        ("runtime/plan/Plan.cpp", '"dialect/mask/Expr.h"'),
        ("tools/attn-run/attn-run.cpp", '"runtime/plan/Plan.h"'),
        ("tools/attn-viz/Scene.cpp", '"codegen/cpu/CPU.h"'),
    ],
)
def test_the_test_sees_a_wrong_edge(path, include):
    assert list(illegal(path, f"#include {include}\n"))
