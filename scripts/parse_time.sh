#!/usr/bin/env bash
# Measures what each door of the library costs a user: the median of five parses of <spat/spat.hpp> and of
# <spat/runtime.hpp>, for a compiler and some flags.
# Usage: parse_time.sh [compiler] [flag...]
set -euo pipefail
cd "$(dirname "$0")/.."

compiler=${1:-c++}
shift || true
eigen=$(pkg-config --variable=prefix eigen3 2>/dev/null || echo /usr)/include/eigen3
for header in spat runtime; do
  times=()
  for _ in 1 2 3 4 5; do
    start=$(date +%s%N)
    echo "#include <spat/$header.hpp>" |
      "$compiler" -std=c++20 -fsyntax-only -Iinclude -isystem "$eigen" "$@" -x c++ -
    times+=($(( ($(date +%s%N) - start) / 1000000 )))
  done
  median=$(printf '%s\n' "${times[@]}" | sort -n | sed -n 3p)
  printf 'parse of <spat/%s.hpp>, %s: median %d ms of %s\n' "$header" "$(basename "$compiler") $*" "$median" "${times[*]}"
done
