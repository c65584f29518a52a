#!/usr/bin/env bash
# Generates the references of docs/ from the TableGen files, the table of bad input from its tests and the pictures of the
# patterns (with attn-viz of build/dev, or ATTN_BUILD) into the folder given (default docs). Tests compare.
set -euo pipefail
cd "$(dirname "$0")/.."
out="${1:-docs}"
tblgen="${MLIR_TBLGEN:-/usr/lib/llvm-19/bin/mlir-tblgen}"
include=(-I . -I "$("${tblgen%mlir-tblgen}llvm-config" --includedir)")
mkdir -p "$out/dialects"
for dialect in attn tile; do
  "$tblgen" -gen-dialect-doc -dialect="$dialect" "${include[@]}" "dialect/$dialect/${dialect^}Ops.td" \
    -o "$out/dialects/$dialect.md"
done
"$tblgen" -gen-pass-doc "${include[@]}" passes/Passes.td -o "$out/passes.md"
python3 tools/bad_input.py > "$out/bad-input.md"
python3 tools/pictures.py "$out/patterns"
