#!/usr/bin/env bash
# Builds bench_times in release mode and times it beside the peers that are installed. Passes its arguments to
# compare/compare.py (see --help):
#   benchmarks/compare.sh --quick        benchmarks/compare.sh --out comparison.md
#   benchmarks/compare.sh --masks        benchmarks/compare.sh --memory
# PYTHON selects another Python than the system's.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

(cd "$root" && cmake --preset release && cmake --build --preset release --target bench_times) >/dev/null
exec "${PYTHON:-/usr/bin/python3}" -B "$root/benchmarks/compare/compare.py" "$@"
