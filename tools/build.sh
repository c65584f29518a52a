#!/usr/bin/env bash
# Configures (the first time) and builds one preset, by default dev.
set -euo pipefail
cd "$(dirname "$0")/.."
preset="${1:-dev}"
export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime # as in CMakePresets.json
if [ ! -f "build/$preset/build.ninja" ]; then
  echo "build: configuring build/$preset"
  cmake --preset "$preset" --log-level=WARNING
fi
ninja -C "build/$preset"
