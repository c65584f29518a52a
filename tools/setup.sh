#!/usr/bin/env bash
# Installs what attn needs on Debian 12 and makes the Python environment .venv. Running it again does only what is missing.
#   --browser  also a headless Chromium (100 MB), for the tests of attn-viz's page
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(
  libmlir-19-dev mlir-19-tools llvm-19-dev llvm-19-tools clang-19 libclang-rt-19-dev lld-19 clang-format-19 clang-tidy-19
  git cmake ninja-build ccache nlohmann-json3-dev libgtest-dev libbenchmark-dev python3 python3-venv zlib1g-dev libzstd-dev libstb-dev
)

[ "${1:-}" != --browser ] || packages+=(chromium-headless-shell)

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  echo "setup: installing ${missing[*]}"
  sudo=()
  [ "$(id -u)" -eq 0 ] || sudo=(sudo)
  "${sudo[@]}" apt-get update -q
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
else
  echo "setup: all Debian packages are installed"
fi

[ -x .venv/bin/python ] || { echo "setup: making .venv"; python3 -m venv .venv; }
echo "setup: Python packages of tools/requirements.txt in .venv"
.venv/bin/pip install -q --disable-pip-version-check -r tools/requirements.txt

if command -v ptxas >/dev/null || [ -x /usr/local/cuda/bin/ptxas ]; then
  echo "setup: CUDA Toolkit found"
else
  echo "setup: no CUDA Toolkit (optional): everything but assembling PTX works without it"
fi
