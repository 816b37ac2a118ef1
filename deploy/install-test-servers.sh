#!/bin/sh
# Install mosquitto and redis-server for the tests that need them, on Debian and where that is
# allowed without a question. Elsewhere say what will be skipped. Never fails.
set -u
PATH="$PATH:/usr/sbin:/sbin"

missing=""
command -v mosquitto >/dev/null 2>&1 || missing="$missing mosquitto"
command -v redis-server >/dev/null 2>&1 || missing="$missing redis-server"
[ -z "$missing" ] && exit 0

if command -v apt-get >/dev/null 2>&1; then
    as_root=""
    if [ "$(id -u)" -ne 0 ]; then
        as_root="sudo -n"
        $as_root true 2>/dev/null || as_root="no"
    fi
    if [ "$as_root" != "no" ]; then
        echo "Installing$missing for the tests ..."
        # The packages' own services are not wanted: the tests start private servers.
        export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
        # shellcheck disable=SC2086
        $as_root apt-get update -qq &&
            $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null && exit 0
    fi
fi
echo "Not found and not installed:$missing. Tests that need them are skipped (in CI: fail)."
exit 0
