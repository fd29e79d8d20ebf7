#!/usr/bin/env bash
# Installs the Debian packages of programs that are missing: scripts/system-packages.sh runtime|build|test|venv...
set -euo pipefail

packages=()
needs() { # program:package... or a header's path
    local pair
    for pair in "$@"; do
        command -v "${pair%%:*}" > /dev/null || [[ -r ${pair%%:*} ]] || packages+=("${pair##*:}")
    done
}

for kind in "$@"; do
    case $kind in
        runtime) needs pngquant:pngquant gifsicle:gifsicle cwebp:webp ;;
        build)
            needs cc:build-essential make:build-essential cmake:cmake nasm:nasm \
                /usr/include/png.h:libpng-dev /usr/include/jpeglib.h:libjpeg-dev
            ;;
        test)
            needs ip:iproute2 unshare:util-linux setpriv:util-linux exiftool:libimage-exiftool-perl \
                rsvg-convert:librsvg2-bin redis-server:redis-server node:nodejs npm:npm \
                chromium:chromium /usr/lib/postgresql:postgresql /usr/sbin/nginx:nginx-light
            ;;
        venv) packages+=(python3-venv) ;; # a module: who calls has looked for it
        *) echo "usage: $0 runtime|build|test|venv..." >&2 && exit 2 ;;
    esac
done
[[ ${#packages[@]} -gt 0 ]] || exit 0

refuse() {
    echo "Pare needs these packages (Debian's names): ${packages[*]}. $1" >&2
    exit 1
}
command -v apt-get > /dev/null || refuse "There is no apt-get here: install them by hand, then try again."

as_root=()
if [[ $(id -u) -ne 0 ]]; then
    command -v sudo > /dev/null || refuse "Install them as root (there is no sudo here), then try again."
    as_root=(sudo)
fi
echo "Installing Debian packages: ${packages[*]}"
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0)
"${apt[@]}" update < /dev/null || true # one broken source need not matter: the next line tells
"${apt[@]}" install -y --no-install-recommends "${packages[@]}" < /dev/null > /dev/null ||
    refuse "apt-get could not install them; its message is above."
