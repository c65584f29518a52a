#!/usr/bin/env bash
# Runs every test: sets up and builds if needed, then C++ unit tests, lit, and Python tests. Ends with one line of totals.
# The results stay in build/<preset>/test-results (tools/systems-report.py reads them).
#   --all    also the tests marked slow
#   --peers  also comparisons with PyTorch (SDPA, FlexAttention), which is installed into .venv (gigabytes)
# Any other argument goes to pytest (e.g. -k softcap). Exit code 0 only if nothing failed.
set -uo pipefail
cd "$(dirname "$0")/.."
preset="${ATTN_PRESET:-dev}"
build="$PWD/build/$preset"
slow="not slow"
peers="not peers"
pytest_args=()
for argument in "$@"; do
  case "$argument" in
    --all) slow="slow or not slow"; export ATTN_TEST_ALL=1 ;;
    --peers) peers="peers or not peers" ;;
    --help) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) pytest_args+=("$argument") ;;
  esac
done
bash tools/setup.sh --browser && bash tools/build.sh "$preset" || { echo "test: set-up or build failed"; exit 1; }
if [ "$peers" != "not peers" ]; then
  echo "test: PyTorch for the comparisons"
  .venv/bin/pip install -q --disable-pip-version-check torch || { echo "test: no PyTorch"; exit 1; }
fi

# LLVM's headers poison freed arena memory for AddressSanitizer; Debian's libMLIR is not built to expect it.
export ASAN_OPTIONS="allow_user_poisoning=0:${ASAN_OPTIONS:-}"
results="$build/test-results"
rm -rf "$results"
mkdir -p "$results/gtest"
failed=0
echo "test: C++ unit tests"
GTEST_OUTPUT="xml:$results/gtest/" ctest --test-dir "$build" -j2 --output-on-failure --output-junit "$results/ctest.xml" || failed=1
echo "test: lit"
/usr/lib/llvm-19/build/utils/lit/lit.py -sv --xunit-xml-output "$results/lit.xml" "$build/test" || failed=1
echo "test: Python"
ATTN_BUILD="$build" .venv/bin/python -m pytest -q test -m "($slow) and ($peers)" --junitxml "$results/pytest.xml" \
  "${pytest_args[@]}" || failed=1

.venv/bin/python tools/totals.py "$results" && exit "$failed"
