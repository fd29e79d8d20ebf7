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

scripts/system-packages.sh runtime
[[ $kind != test ]] || scripts/system-packages.sh test
scripts/python-packages.sh requirements.txt
[[ $kind != test ]] || scripts/python-packages.sh requirements-dev.txt
PYTHON=.venv/bin/python scripts/build-mozjpeg.sh .tools
