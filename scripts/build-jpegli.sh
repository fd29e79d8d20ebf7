#!/usr/bin/env bash
# Builds Google's jpegli and puts its encoder, its decoder and the reference SSIMULACRA2, or those of them that are
# named, into <prefix>/bin: scripts/build-jpegli.sh <prefix> [cjpegli|djpegli|ssimulacra2]...
set -euo pipefail
source "$(dirname "$0")/build-from-package.sh"

package=pyjpegli==0.3.2
sha256=31ae6ace6b57646ad5868ce1ac629676bffe6f185a11d2fa32b922160807e4cd
stamp=.jpegli
programs=("${@:2}")
[[ ${#programs[@]} -gt 0 ]] || programs=(cjpegli djpegli ssimulacra2)

compile() { # static: they run where there is no libpng
    local part off=()
    for part in FUZZERS BENCHMARK DOXYGEN MANPAGES JNI SJPEG OPENEXR TCMALLOC JPEGLI_LIBJPEG; do
        off+=("-DJPEGLI_ENABLE_$part=OFF")
    done
    cmake -S third_party/jpegli -B build -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF -DJPEGLI_STATIC=ON \
        -DJPEGLI_ENABLE_TOOLS=ON -DJPEGLI_ENABLE_DEVTOOLS=ON -DJPEGLI_ENABLE_SKCMS=ON "${off[@]}" \
        -DCMAKE_REQUIRE_FIND_PACKAGE_{PNG,JPEG}=ON -DCMAKE_DISABLE_FIND_PACKAGE_GIF=ON &&
        cmake --build build --parallel "$(nproc)" --target "${programs[@]}"
}
built() { echo "build/tools/$1"; }

build_into "$1"
