#!/usr/bin/env bash
# Pins every dependency of pyproject.toml, with hashes, for CPython 3.11 and newer on every platform.
# Pins that still fit are kept; "make lock ARGS=--upgrade" takes the newest.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v uv > /dev/null || { echo "make lock needs uv (pip install uv)." >&2 && exit 1; }

compile() {
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
        --no-emit-find-links --no-annotate --custom-compile-command "make lock" "$@"
}
compile pyproject.toml -o requirements.txt "$@"
compile pyproject.toml --extra telemetry --constraint requirements.txt -o requirements-telemetry.txt "$@"
compile --group dev --constraint requirements.txt -o requirements-dev.txt "$@"
compile --group build -o requirements-build.txt "$@"
