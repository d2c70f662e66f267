#!/usr/bin/env bash
# Builds the spat tool and demonstrates it: trains on a synthetic series, prunes, fine-tunes and writes a report to runs/demo.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install_deps.sh build
cmake --preset release -DSPAT_BENCHMARKS=OFF
cmake --build --preset release --target spat -j2
build/release/spat run --synthetic --lookback 96 --horizon 24 --layers 3 --width 64 --ffn 64 --heads 8 --epochs 10 \
  --seed 1 --threads 2 --drop 1 --out runs/demo "$@"
