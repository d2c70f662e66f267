#!/usr/bin/env bash
# Prints the SHA-256 of all files that small trainings of every model write: the dense, pruned and training files and
# report.json without its times, in float on one and two threads with the tool, and in double with tests/oracle/oracle.cpp.
# Run it before and after a change that must not change a result: the two outputs must be equal.
# The sums hold for one machine and compiler. Usage: oracle.sh [--float] [tool]
#   --float   without the programs in double, which take minutes to compile      tool   build/release/spat
set -euo pipefail
cd "$(dirname "$0")/.."

source=$PWD
double=yes
if [ "${1:-}" = --float ]; then double=no && shift; fi
tool=$(realpath "${1:-build/release/spat}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

sizes=(--synthetic --rows 500 --lookback 24 --horizon 8 --epochs 2 --batch 16 --window-stride 3
  --seed 1 --latency-seconds 0.001 --quiet)
attention=(--width 16 --ffn 24 --heads 2)
declare -A options=(
  [itransformer]="${attention[*]} --layers 3 --drop 1"
  [patchtst]="${attention[*]} --layers 2 --set patch=6 --set stride=3 --drop 1"
  [patchtst_official]="${attention[*]} --layers 3 --set patch=6 --set stride=3 --drop 1 --averaging ema --distill 0.5"
  [crossformer]="${attention[*]} --layers 2 --set segment=4 --criterion fisher --drop 3 --layer-drop 0.2"
  [timexer]="${attention[*]} --layers 2 --set patch=6 --features MS --drop 2"
  [transformer]="${attention[*]} --layers 2 --set label=12 --criterion gate --drop 2 --search"
  [dlinear]=""
  [rlinear]=""
  [tsmixer]="--layers 2 --width 16"
  [smamba]="--width 16 --ffn 24 --layers 2 --set state=4 --keep 01"
)
# The other schedules, criteria of every kind, and a resume.
declare -A more=(
  [itransformer_iterative]="itransformer ${attention[*]} --layers 3 --drop 2 --when iterative --send-dynamics epoch"
  [itransformer_in_training]="itransformer ${attention[*]} --layers 3 --drop 1 --when in-training --latest-epoch 1"
  [itransformer_losses]="itransformer ${attention[*]} --layers 3 --loss-increase 0.05 --criterion leave_one_out"
  [transformer_entropy]="transformer ${attention[*]} --layers 2 --set label=12 --reduce-macs 0.2 --criterion entropy"
  [patchtst_taylor2]="patchtst ${attention[*]} --layers 3 --set patch=6 --set stride=3 --drop-ratio 0.3 --criterion taylor2"
)

# one <name> <threads> <model> <option>...
one() {
  local name=$1 threads=$2 model=$3 out
  shift 3
  out=$name.$threads
  mkdir -p "in.$out" && cd "in.$out"  # the report holds the command: the same one in every folder
  "$tool" run --model "$model" "${sizes[@]}" "$@" --out out > /dev/null 2> log || { cat log >&2; exit 1; }
  python3 - <<'PY'
import json
with open("out/report.json") as file:
    report = json.load(file)
def without_times(node):
    if isinstance(node, dict):
        return {k: without_times(v) for k, v in node.items() if k not in ("latency_ms", "processor_seconds", "command",
                                                                          "on_front")}
    return [without_times(one) for one in node] if isinstance(node, list) else node
with open("out/report.json", "w") as file:
    json.dump(without_times(report), file)
PY
  for file in out/dense.safetensors out/pruned.safetensors out/training.safetensors out/report.json; do
    [ -e "$file" ] && printf '%s %s %s\n' "$out" "${file#out/}" "$(sha256sum "$file" | cut -d ' ' -f 1)"
  done
  cd ..
}

for name in "${!options[@]}"; do
  for threads in 1 2; do
    # shellcheck disable=SC2086  # words are meant to be split
    one "$name" "$threads" "$name" ${options[$name]} --threads "$threads"
  done
done | sort
for name in "${!more[@]}"; do
  # shellcheck disable=SC2086
  one "$name" 1 ${more[$name]}
done | sort

[ "$double" = yes ] || exit 0
# In double: each model's program, two at a time.
compile() {
  g++ -std=c++20 -O2 -march=native -pthread "-DMODEL=$1" -I"$source/include" -I"$source" -isystem /usr/include/eigen3 \
    -o "double.$1" "$source/tests/oracle/oracle.cpp"
}
export -f compile
export source
printf '%s\n' "${!options[@]}" | xargs -n 1 -P 2 bash -c 'compile "$0"'
for name in "${!options[@]}"; do
  for threads in 1 2; do
    "./double.$name" "$threads" "double.$name.$threads"
    for part in dense pruned training; do
      file=double.$name.$threads.$part
      if [ -e "$file" ]; then printf '%s %s\n' "$file" "$(sha256sum "$file" | cut -d ' ' -f 1)"; fi
    done
  done
done | sort
