#!/usr/bin/env bash
# Starts the service from this checkout. One worker process, unless the environment or .env says otherwise:
# the event loop only orchestrates, the work is done by tools.
set -euo pipefail
cd "$(dirname "$0")/.."
grep -qisE '^[[:space:]]*(export[[:space:]]+)?WORKERS=' .env || export WORKERS="${WORKERS:-1}"
exec .venv/bin/python main.py
