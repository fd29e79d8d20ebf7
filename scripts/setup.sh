#!/usr/bin/env bash
# Brings this checkout to the point where it runs: scripts/setup.sh runtime|test
# Everything but Debian's packages lands in .venv and .tools; what is already there is left alone.
set -euo pipefail
cd "$(dirname "$0")/.."
kind=${1:-runtime}

mkdir -p .tools
if command -v flock > /dev/null; then # two at once would install over each other
    exec 9> .tools/.lock
    flock 9
fi

case $kind in
    runtime) packages=(runtime) locks=(requirements-build.txt requirements.txt) ;;
    test) packages=(runtime test) locks=(requirements-build.txt requirements.txt requirements-dev.txt) ;;
    *) echo "usage: $0 runtime|test" >&2 && exit 2 ;;
esac
scripts/system-packages.sh "${packages[@]}"
for lock in "${locks[@]}"; do
    scripts/python-packages.sh "$lock"
done
if [[ $kind == test ]]; then
    for folder in tests/tinify_clients tests/web clients/typescript; do scripts/node-packages.sh "$folder"; done
fi
for build in mozjpeg jpegli; do
    PYTHON=.venv/bin/python scripts/build-$build.sh .tools
done
