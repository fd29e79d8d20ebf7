#!/usr/bin/env bash
# Builds MozJPEG 5.0 and puts cjpeg, djpeg and jpegtran into <prefix>/bin: scripts/build-mozjpeg.sh <prefix>
set -euo pipefail
source "$(dirname "$0")/build-from-package.sh"

package=mozjpeg-lossless-optimization==1.3.2
sha256=4d150f63b19831b22918118de0f85bcf17e167858700cbd6517da888ca6c59a6
stamp=.mozjpeg
programs=(cjpeg djpeg jpegtran)

compile() {
    cmake -S mozjpeg -B build -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=0 -DENABLE_SHARED=0 \
        -DPNG_SUPPORTED=0 -DWITH_TURBOJPEG=0 -DREQUIRE_SIMD=1 &&
        cmake --build build --parallel "$(nproc)" --target "${programs[@]/%/-static}"
}
built() { echo "build/$1-static"; }

build_into "$1"
