#!/usr/bin/env bash
# Lists the C++ files that clang-format 14 would change, and fails if there are any. --fix changes them.
set -euo pipefail
cd "$(dirname "$0")/.."

format=$(command -v clang-format-14 || command -v clang-format)
case "$("$format" --version)" in
  *"version 14."*) ;;
  *) echo "format.sh: $("$format" --version): another version formats differently; 14 is ours" >&2 ;;
esac
arguments=(--dry-run -Werror)
[ "${1:-}" != --fix ] || arguments=(-i)
find include tests tool examples benchmarks -name '*.hpp' -print0 -o -name '*.cpp' -print0 |
  xargs -0 "$format" "${arguments[@]}"
