#!/usr/bin/env bash
# Builds the image with buildah, starts it, has it optimize a picture of every format, reports its compressed size:
#   scripts/test-image.sh [base image]
# Where user namespaces or overlays are not to be had: BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs.
set -euo pipefail
cd "$(dirname "$0")/.."
image=localhost/pare-test
work=$(mktemp -d)
container=
cleanup() {
    [[ -z $container ]] || buildah rm "$container" > /dev/null
    rm -rf "$work"
}
trap cleanup EXIT

buildah bud --format docker --layers ${1:+--build-arg "PYTHON_IMAGE=$1"} -t "$image" . < /dev/null
container=$(buildah from "$image")
buildah run --cap-drop all --env PORT="${PORT:-18080}" --env RATE_LIMIT_PUBLIC_BURST=0 "$container" -- python - < scripts/smoke.py

buildah push --quiet --format oci "$image" "oci-archive:$work/pare.tar"
echo "compressed size: $(($(stat -c %s "$work/pare.tar") / 1000000)) MB"
