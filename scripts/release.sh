#!/usr/bin/env bash
# Makes what a release consists of, in dist/, from the commit that is checked out; the same commit gives the same bytes.
# Publishes nothing. Usage: release.sh VERSION [--url URL] [--xsimd FOLDER]
#   --url     where the project is published, in place of https://example.com/spat; archives are in URL/releases/download/vVERSION
#   --xsimd   the folder with xsimd/xsimd.hpp for spat_with_xsimd.hpp (default: /usr/include)
set -euo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C

refuse() { echo "release.sh: $*" >&2; exit 1; }
[ $# -ge 1 ] || refuse "expected a version, as in: scripts/release.sh 1.2.3"
version=$1 placeholder=https://example.com/spat xsimd=/usr/include
url=$placeholder
shift
while [ $# -gt 0 ]; do
  case "$1" in
    --url) url=${2%/} ;;
    --xsimd) xsimd=$2 ;;
    *) refuse "$1: expected --url URL or --xsimd FOLDER" ;;
  esac
  shift 2
done

changes=$(git status --porcelain)
[ -z "$changes" ] || refuse "a release is made of a commit: expected a tree without changes, found
$changes"

# says <file> <sed expression that prints the version in it>
says() {
  local found
  found=$(sed -nE "$2" "$1" | head -n 1)
  [ "$found" = "$version" ] || refuse "$1: expected version $version, found ${found:-none}"
}
says include/spat/version.hpp 's/^#define SPAT_VERSION "(.*)"/\1/p'
says CHANGELOG.md 's/^## ([^ ]+).*/\1/p'
says packaging/vcpkg/vcpkg.json 's/^  "version": "(.*)",/\1/p'
says packaging/conan/conandata.yml 's/^  "(.*)":$/\1/p'
says packaging/spack/package.py 's/^    version\("([^"]+)".*/\1/p'
heading=$(grep -m 1 '^## ' CHANGELOG.md)
[[ $heading =~ ^"## $version ("[0-9]{4}-[0-9]{2}-[0-9]{2}")"$ ]] ||
  refuse "CHANGELOG.md: expected '## $version (YYYY-MM-DD)', the day of the release, found '$heading'"

rm -rf dist
mkdir dist
archive=dist/spat-$version.tar.gz
git -c tar.umask=0022 archive --format=tar --prefix="spat-$version/" HEAD | gzip -9n > "$archive"
scripts/amalgamate.py --out dist/spat.hpp
scripts/amalgamate.py --with-xsimd "$xsimd" --out dist/spat_with_xsimd.hpp
scripts/amalgamate.py --runtime --out dist/spat_runtime.hpp
scripts/amalgamate.py --runtime --with-xsimd "$xsimd" --out dist/spat_runtime_with_xsimd.hpp

# The recipes with the checksum of the archive and the address.
mkdir dist/packaging
git archive HEAD packaging/vcpkg packaging/conan packaging/spack | tar x -C dist
sha256=$(sha256sum "$archive" | cut -d ' ' -f 1)
sha512=$(sha512sum "$archive" | cut -d ' ' -f 1)
find dist/packaging -type f -exec sed -i -E -e "s|$placeholder|$url|g" -e "s/\b0{64}\b/$sha256/" -e "s/SHA512 0$/SHA512 $sha512/" {} +
sums=$(cd dist && find . -type f -printf '%P\n' | sort | xargs sha256sum)
echo "$sums" > dist/SHA256SUMS

cat <<END
dist/ holds spat $version of commit $(git rev-parse HEAD):
$(cd dist && find . -type f -not -path './packaging/*' -printf '%10s  %P\n' | sort -k 2)

Next, by hand:
  .ci/run and the checks of docs/portability.md, if they have not passed for this commit
  git tag -a v$version -m "spat $version" && git push origin v$version
  upload the files of dist/ to $url/releases/download/v$version
  dist/packaging: vcpkg becomes ports/spat, conan becomes recipes/spat/all, spack becomes packages/spat, each in a pull request
END
[ "$url" != "$placeholder" ] || echo "  $placeholder is no real address: before the recipes are used, make them again with --url"
