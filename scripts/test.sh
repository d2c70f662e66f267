#!/usr/bin/env bash
# Builds and runs all tests: under the sanitizers, then in the dev build with the checks of the repository.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install_deps.sh
for preset in asan-ubsan dev; do
  cmake --preset "$preset"
  cmake --build --preset "$preset" -j2
done

# Both always run; the dev build's summary is the last thing printed.
status=0
for preset in asan-ubsan dev; do
  ctest --preset "$preset" -j2 --output-log "build/$preset/ctest.log" || status=1
done
exit $status
