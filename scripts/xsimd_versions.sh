#!/usr/bin/env bash
# Runs the kernel tests with other versions of xsimd, for each instruction set: one line per version and set. The exit status
# is 1 if one of them does not compile or fails. A set that this processor lacks is compiled and not run.
# Usage: xsimd_versions.sh [--sets "avx2 neon ..."] [folder of xsimd's sources ...]
#   without folders: those in $SPAT_XSIMD_DIR      CXX: the compiler, g++      neon: by g++'s cross compiler and qemu
#   sets: scalar sse2 sse4 avx avx_fma avx2 avx512 neon; without --sets, scalar sse2 avx2 avx512, and neon if both are there
set -euo pipefail
cd "$(dirname "$0")/.."

declare -A options=([scalar]="-march=x86-64 -DSPAT_SCALAR" [sse2]=-march=x86-64 [sse4]=-march=x86-64-v2 [avx]=-mavx
  [avx_fma]="-mavx -mfma" [avx2]=-march=x86-64-v3 [avx512]=-march=x86-64-v4 [neon]="")
declare -A needs=([scalar]="" [sse2]="" [sse4]="sse4_2" [avx]=avx [avx_fma]="avx fma" [avx2]="avx2 fma bmi2 f16c movbe"
  [avx512]="avx512f avx512bw avx512cd avx512dq avx512vl" [neon]="")
host=${CXX:-g++} cross=aarch64-linux-gnu-g++ emulator="qemu-aarch64 -L /usr/aarch64-linux-gnu"

sets="scalar sse2 avx2 avx512"
if command -v "$cross" > /dev/null && command -v "${emulator%% *}" > /dev/null; then sets+=" neon"; fi
if [ "${1:-}" = --sets ]; then sets=$2 && shift 2; fi
folders=("$@")
if [ ${#folders[@]} = 0 ]; then
  : "${SPAT_XSIMD_DIR:?must name the folder of the folders, if no argument names them}"
  mapfile -t folders < <(ls -dv "$SPAT_XSIMD_DIR"/*/)
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for file in tests/kernels/*.cpp; do echo "#include <$file>"; done > "$work/tests.cpp"
# A cross compiler does not search the folder in which the system has Catch2.
catch=$(echo '#include <tests/support/catch.hpp>' | "$host" -std=c++20 -I. -M -x c++ - | grep -oP '\S*(?=/catch2/\S*\.hpp)' | head -1)
mkdir "$work/catch" && ln -s "$catch/catch2" "$work/catch/catch2"

build() {  # <compiler> <output> <flags...>
  "$1" -std=c++20 -O1 -Iinclude -I. -Itests/kernels -isystem "$work/catch" "${@:3}" -o "$2" 2> "$work/errors"
}

status=0
line() { printf '%-12s %-8s %s\n' "$@"; }
fail() {  # <version> <set> <what happened> <file that shows it>
  line "$1" "$2" "$3"
  grep -m 5 -E "error:|FAILED:" "$4" | sed 's/^/    /' || true
  status=1
}

check() {  # <version> <set> <flags...>
  local version=$1 set=$2 compiler=$host run="" flag
  if [ "$set" = neon ]; then compiler=$cross run=$emulator; fi
  if [ ! -e "$work/main.$compiler.o" ]; then build "$compiler" "$work/main.$compiler.o" -c tests/main.cpp; fi
  # shellcheck disable=SC2086
  if ! build "$compiler" "$work/tests" ${options[$set]} "${@:3}" "$work/tests.cpp" "$work/main.$compiler.o" -pthread; then
    fail "$version" "$set" "does not compile" "$work/errors"
    return
  fi
  for flag in ${needs[$set]}; do
    if ! grep -qw "$flag" /proc/cpuinfo; then
      line "$version" "$set" "compiles; this processor has no $flag"
      return
    fi
  done
  if $run "$work/tests" > "$work/output"; then
    line "$version" "$set" "passed $(grep -oP '\d+ assertions' "$work/output")"
  else
    fail "$version" "$set" "fails" "$work/output"
  fi
}

for set in $sets; do
  if [ "$set" = scalar ]; then check none scalar; fi  # without xsimd
done
for folder in "${folders[@]}"; do
  include=$folder
  if [ -d "$folder/include" ]; then include=$folder/include; fi
  for set in $sets; do
    if [ "$set" != scalar ]; then check "$(basename "$folder")" "$set" -isystem "$include"; fi
  done
done
exit $status
