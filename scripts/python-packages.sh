#!/usr/bin/env bash
# Installs one lock file into .venv, which is made first where it is missing: scripts/python-packages.sh requirements.txt
# PYTHON chooses the interpreter. A stamp with the locks' checksums makes the second time free; it is written last,
# and without it .venv is made anew: pip would take a package that was copied in half for an installed one.
set -euo pipefail
cd "$(dirname "$0")/.."
lock=$1
stamp=.venv/.installed

suits() { # old systems have a python3 that is not new enough, pyenv has names with nothing behind them
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null
}

find_python() {
    local name
    for name in ${PYTHON:-python3.13 python3.12 python3.11 python3}; do
        suits "$name" && echo "$name" && return
    done
    echo "Pare needs Python 3.11 or newer: none is there as ${PYTHON:-python3.13, python3.12, python3.11 or python3}." >&2
    return 1
}

make_venv() {
    local python
    python=$(find_python)
    "$python" -c 'import ensurepip, venv' 2> /dev/null || scripts/system-packages.sh venv
    echo "Making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
}

install() { # an archive without a wheel (scour) is built with the locked setuptools: nothing unchecked is ever run
    .venv/bin/python -m pip install --quiet --no-input --disable-pip-version-check --require-hashes \
        --use-pep517 --no-build-isolation -r "$1" < /dev/null
}

sum=$(sha256sum "$lock")
if [[ -x .venv/bin/python ]] && grep -qsxF "$sum" "$stamp"; then exit 0; fi

[[ -e $stamp ]] && suits .venv/bin/python || make_venv
others=$(grep -svF "  $lock" "$stamp" || true)
rm -f "$stamp"
echo "Installing Python packages: $lock"
install "$lock"
printf '%s\n' ${others:+"$others"} "$sum" > "$stamp.new"
mv "$stamp.new" "$stamp"
