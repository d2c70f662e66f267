#!/usr/bin/env bash
# Makes the Debian packages of a build folder, looks into them, and builds the consumer against the library's.
# Usage: deb.sh <build folder> <work folder> <compiler> [--clean-root <folder>]
# --clean-root also makes a Debian there with debootstrap, unless there is one: apt installs the packages with what they depend on,
# the consumer is built by CMake and by pkg-config, and nothing is left after their removal. It needs root and the network.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$1 work=$2 compiler=$3

fail() {
  echo "deb.sh: $*" >&2
  exit 1
}

rm -rf "$work"
mkdir -p "$work"
# With the name of another generator, cpack does not build everything again.
(cd "$build" && cpack -G DEB -B "$work" -D CPACK_CMAKE_GENERATOR=Ninja > "$work/cpack.log" 2>&1) || fail "$(cat "$work/cpack.log")"
library=$(ls "$work"/libspat-dev_*_all.deb)
tool=$(ls "$work"/spat_*.deb 2> /dev/null || true)  # if it was built, for any processor
for package in $library $tool; do
  [ -z "$(command -v lintian)" ] || lintian --allow-root --fail-on error "$package"
done

# The library's package: one architecture is as good as another, and its dependencies are those of the headers.
[ "$(dpkg-deb -f "$library" Depends)" = "libxsimd-dev (>= 8.1)" ] || fail "Depends: $(dpkg-deb -f "$library" Depends)"
[ "$(dpkg-deb -f "$library" Recommends)" = libeigen3-dev ] || fail "Recommends: $(dpkg-deb -f "$library" Recommends)"
dpkg-deb -x "$library" "$work/installed"
for file in copyright changelog.gz changelog.Debian.gz README.md docs/README.md examples/quickstart.cpp; do
  [ -f "$work/installed/usr/share/doc/libspat-dev/$file" ] || fail "libspat-dev has no $file"
done
other=$(find "$work/installed/usr" -type f -printf "%P\n" | grep -v -E "^(include/spat|share/(cmake/spat|doc/libspat-dev|pkgconfig))/" || true)
[ -z "$other" ] || fail "libspat-dev has more than it should: $other"
cmake -S "$here/find_package" -B "$work/consumer" -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_PREFIX_PATH="$work/installed/usr" > "$work/cmake.log"
cmake --build "$work/consumer" >> "$work/cmake.log"
"$work/consumer/consumer"

# The tool's: its manual page has the commands of its help.
if [ -n "$tool" ]; then
  dpkg-deb -f "$tool" Depends | grep -q libstdc++6 || fail "spat does not depend on libstdc++6"
  dpkg-deb -x "$tool" "$work/tool"
  in_help=$("$work/tool/usr/bin/spat" --help | sed -n '/^Subcommands:/,$s/^  \([a-z]*\) .*/\1/p')
  in_page=$(zcat "$work/tool/usr/share/man/man1/spat.1.gz" | sed -n '/^\.SH COMMANDS/,/^\.SH OPTIONS/s/^\.B //p')
  [ "$in_help" = "$in_page" ] || fail "the manual page has other commands than the help: $in_page"
fi
[ "${4-}" = --clean-root ] || exit 0

root=$5
[ -e "$root/usr/bin/g++" ] || debootstrap --variant=minbase --include=g++,cmake,make,pkg-config bookworm "$root" > "$work/debootstrap.log"
rm -rf "$root/packages" "$root/consumer" "$root/build" "$root/run"
mkdir "$root/packages" "$root/consumer"
cp "$library" ${tool:+"$tool"} "$root/packages"
cp -r "$here"/* "$root/consumer"
cat > "$root/check.sh" <<'EOF'
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
apt-get install -q -y --no-install-recommends /packages/*.deb
cmake -S /consumer/find_package -B /build -DTAKES_ALL=ON
cmake --build /build
/build/consumer
g++ -std=c++20 /consumer/main.cpp $(pkg-config --cflags --libs spat) -o /by_pkg_config
/by_pkg_config
if [ -e /usr/bin/spat ]; then
  spat --version
  spat run --synthetic --lookback 24 --horizon 8 --layers 2 --width 16 --ffn 16 --heads 2 --epochs 1 --drop 1 --quiet --out /run
fi
apt-get purge -q -y libspat-dev $([ ! -e /usr/bin/spat ] || echo spat)
! ls -d /usr/bin/spat /usr/include/spat /usr/share/cmake/spat /usr/share/pkgconfig/spat.pc /usr/share/doc/{libspat-dev,spat} 2> /dev/null
EOF
chroot "$root" bash /check.sh
