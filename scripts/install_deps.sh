#!/usr/bin/env bash
# Installs missing Debian packages. Prints nothing and needs no network if none is missing.
# Usage: install_deps.sh [build|all]      build: for the library and its programs; all (default): also for the tests and CI
set -euo pipefail

packages=(g++ make cmake libxsimd-dev nlohmann-json3-dev libcli11-dev)
if [ "${1:-all}" = all ]; then
  packages+=(git clang libclang-rt-dev clang-format binutils python3 catch2 libbenchmark-dev libeigen3-dev)
  packages+=(pkg-config dpkg-dev lintian)  # packages of the library and of the tool
  packages+=(python3-torch python3-onnx gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm)  # imports and exports
fi

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "install_deps.sh: this is not Debian; what is needed is: ${packages[*]}" >&2
  exit 0
fi

missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
  as_root=()
elif command -v sudo >/dev/null; then
  as_root=(sudo)
else
  echo "install_deps.sh: missing: ${missing[*]}" >&2
  echo "install_deps.sh: to install them I need root or sudo and have neither; as root: apt-get install ${missing[*]}" >&2
  exit 1
fi
echo "Installing ${missing[*]}"
"${as_root[@]}" apt-get update -q
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
