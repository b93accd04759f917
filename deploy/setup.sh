#!/bin/sh
# Makes .venv with what is pinned in the lock files.   deploy/setup.sh run|test|bundle
# Debian packages are installed where that is allowed (root, or sudo without a password); otherwise it says what is missing.
set -eu
cd "$(dirname "$0")/.."
want=${1:-run}
python=${PYTHON:-/usr/bin/python3}   # a distribution's Python is built with optimisation; one built by hand often is not, and takes half as long again
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || python=${PYTHON:-python3}

apt_install() {
    if [ "$(id -u)" = 0 ]; then sudo=""; elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then sudo="sudo"; else
        echo "setup: please install: $*  (needs root)" >&2
        return 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    $sudo apt-get update -qq && $sudo apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

command -v "$python" >/dev/null || apt_install python3 python3-venv
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "setup: Python 3.11 or later is needed" >&2; exit 1; }
"$python" -c 'import venv, ensurepip' 2>/dev/null || apt_install python3-venv

[ -x .venv/bin/python ] || "$python" -m venv .venv
lock=requirements.lock
[ "$want" = test ] && lock=requirements-test.lock
stamp=.venv/.${want}-$(cat "$lock" pyproject.toml | sha256sum | cut -c1-16)
if [ ! -e "$stamp" ]; then
    echo "setup: installing what $lock pins (a few minutes the first time)" >&2
    .venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r "$lock"
    .venv/bin/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
    touch "$stamp"
fi

missing=""
fc-list 2>/dev/null | grep -q "Noto Serif CJK SC" || missing="$missing fontconfig fonts-noto-cjk"
fc-list 2>/dev/null | grep -q HanaMinB || missing="$missing fonts-hanazono"   # 生僻字: characters that Noto lacks
if [ "$want" = run ] && [ -n "$missing" ]; then
    # shellcheck disable=SC2086
    apt_install $missing || echo "setup: without these fonts no PDF can be made; everything else works" >&2
    missing=""
fi
if [ "$want" = bundle ]; then
    command -v patchelf >/dev/null || missing="$missing patchelf"
fi
if [ "$want" = test ]; then
    command -v chromium >/dev/null || missing="$missing chromium"
    ls /usr/lib/*/libatomic.so.1 /usr/lib*/libatomic.so.1 2>/dev/null | grep -q . || missing="$missing libatomic1"   # what drives the browser links it
    command -v ip >/dev/null || missing="$missing iproute2"   # the bundle is installed where there is no network
    command -v strace >/dev/null || missing="$missing strace"   # the order of acknowledgement and sync is read from it
    command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || missing="$missing nginx-light"
    command -v soffice >/dev/null || missing="$missing libreoffice-calc-nogui"
    command -v pdftotext >/dev/null || missing="$missing poppler-utils"   # what a PDF says is read by another program than wrote it
fi
# shellcheck disable=SC2086
[ -z "$missing" ] || apt_install $missing
