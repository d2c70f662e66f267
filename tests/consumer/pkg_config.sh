#!/usr/bin/env bash
# Takes an installed spat by pkg-config and a command line, after its tree has moved.
# Usage: pkg_config.sh <prefix> <work folder> <pkg-config> <compiler>
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
prefix=$1 work=$2 pkg_config=$3 compiler=$4

rm -rf "$work"
mkdir -p "$work"
cp -r "$prefix" "$work/moved"
export PKG_CONFIG_PATH=$work/moved/share/pkgconfig
version=$("$pkg_config" --modversion spat)
"$pkg_config" --exists 'xsimd >= 8.1'  # spat.pc asks for it
flags=$("$pkg_config" --cflags --libs spat)
case $flags in
  *"-I$work/moved/"*) ;;
  *) echo "pkg_config.sh: the flags do not follow the moved tree: $flags" >&2; exit 1 ;;
esac
case $flags in
  *-std=* | *-march=* | *-O* | *-D*) echo "pkg_config.sh: spat must put no flag on its users: $flags" >&2; exit 1 ;;
esac
# shellcheck disable=SC2086  # the flags are words
"$compiler" -std=c++20 "$here/main.cpp" $flags -o "$work/consumer"
"$work/consumer" | grep -F "spat $version for"
