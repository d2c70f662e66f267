#!/usr/bin/env bash
# Builds and runs all tests: under the sanitizers, in the dev build with the checks of the repository, and in release mode the
# examples and the tool. Benchmarks are no tests: .ci/run has a compiler read them.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install_deps.sh
presets=(asan-ubsan dev release)
for preset in "${presets[@]}"; do
  folders=()
  # The largest tests run once, under the sanitizers; g++ compiles those headers for the tool, examples and identity programs.
  [ "$preset" != dev ] || folders=("-DSPAT_UNIT_TESTS=core;io;data;kernels;autograd;nn;criteria;train")
  cmake --preset "$preset" -DSPAT_WERROR=ON -DSPAT_BENCHMARKS=OFF "${folders[@]}"
  cmake --build --preset "$preset" -j2
  printf '== %s is built (%d s)\n' "$preset" "$SECONDS"
done

# All presets are tested even if one fails.
status=0
for preset in "${presets[@]}"; do
  ctest --preset "$preset" -j2 --output-log "build/$preset/ctest.log" || status=1
  printf '== %s has run (%d s)\n' "$preset" "$SECONDS"
done
exit $status
