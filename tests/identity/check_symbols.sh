#!/usr/bin/env bash
# Fails unless a word (in any case) is absent from, or present in, the symbols of an object file.
# Usage: check_symbols.sh <nm> <object> absent|present <word>
set -euo pipefail
symbols=$("$1" -C "$2")
found=$(grep -i -- "$4" <<<"$symbols" || true)
case "$3:$found" in
  absent: | present:?*) exit 0 ;;
  absent:*) printf '%s contains "%s":\n%s\n' "$2" "$4" "$found" ;;
  present:) printf '%s does not contain "%s"\n' "$2" "$4" ;;
  *) printf 'usage: %s <nm> <object> absent|present <word>\n' "$0" ;;
esac
exit 1
