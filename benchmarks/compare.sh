#!/usr/bin/env bash
# Builds bench_times as a release is built, and times it beside PyTorch. Arguments go to compare/compare.py (see --help):
#   benchmarks/compare.sh --quick        benchmarks/compare.sh --out comparison.md
# PYTHON names another python than the system's.
set -euo pipefail
cd "$(dirname "$0")/.."

cmake --preset release >/dev/null
cmake --build --preset release --target bench_times >/dev/null
exec "${PYTHON:-/usr/bin/python3}" benchmarks/compare/compare.py "$@"
