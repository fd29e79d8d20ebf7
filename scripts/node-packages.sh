#!/usr/bin/env bash
# Installs the locked Node packages of the tests beside them: scripts/node-packages.sh tests/tinify_clients
# A copy of the lock in the folder, written last, makes the second time free.
set -euo pipefail
cd "$(dirname "$0")/../$1"
stamp=node_modules/.installed

if cmp -s package-lock.json "$stamp"; then exit 0; fi
echo "Installing Node packages: $1"
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error < /dev/null > /dev/null
cp package-lock.json "$stamp"
