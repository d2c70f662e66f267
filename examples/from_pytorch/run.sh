#!/usr/bin/env bash
# From a checkpoint of PyTorch to a pruned model in ONNX Runtime, and back to PyTorch.
# Usage: run.sh [spat program] [series.csv] [folder for the results]
# Needs Python with torch, which PYTHON names; ONNX Runtime is used if it is there.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
spat=${1:-$here/../../build/release/spat}
series=${2:-}
out=${3:-runs/from_pytorch}
python=${PYTHON:-python3}

mkdir -p "$out"
series=${series:-$out/series.csv}
if ! "$python" -c 'import torch' 2>/dev/null; then
  echo "from_pytorch: skipped, $python has no torch (PYTHON names another one)"
  exit 77
fi
say() { printf '\n== %s\n' "$*"; }

say "a model trained in PyTorch"
"$python" "$here/train.py" "$series" "$out/checkpoint.pth"

say "its checkpoint becomes a model of spat"
"$spat" import "$out/checkpoint.pth" --model itransformer --heads 8 --marks none --data "$series" \
  --out "$out/dense.safetensors"
"$spat" evaluate --model "$out/dense.safetensors" --data "$series"

say "attention that does not matter goes, the rest is fine-tuned"
"$spat" prune --model "$out/dense.safetensors" --data "$series" --drop 1 --finetune-epochs 2 --quiet --out "$out/pruned"

say "dense and pruned model forecast as PyTorch does"
for model in "$out/dense.safetensors" "$out/pruned/pruned.safetensors"; do
  "$spat" forecast --model "$model" --data "$series" --out "$out/forecast.csv"
  "$python" "$here/compare.py" "$model" "$series" "$out/forecast.csv"
done

say "the pruned model leaves as ONNX"
"$spat" export "$out/pruned/pruned.safetensors" --onnx "$out/pruned.onnx" --verify ||
  echo "from_pytorch: not compared with ONNX Runtime"
