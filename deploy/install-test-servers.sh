#!/bin/sh
# Installs mosquitto and redis-server for the tests, and a browser with Korean letters for those of
# the pages, where that needs no questions asked.
# Never fails: without them the tests that need them are skipped, and say so.

PATH="$PATH:/usr/sbin:/usr/local/sbin"

missing=""
for server in mosquitto redis-server; do
  command -v "$server" >/dev/null || missing="$missing $server"
done
command -v chromium >/dev/null || missing="$missing chromium fonts-nanum"
[ -z "$missing" ] && exit 0

if [ "$(id -u)" = 0 ]; then
  as_root=""
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
  as_root="sudo -n"
else
  as_root="unable"
fi

if [ "$as_root" = unable ] || ! command -v apt-get >/dev/null; then
  echo "Not installed and not installable from here:$missing; the tests that need them are skipped."
  exit 0
fi

echo "Installing$missing with apt-get, for the tests that need a real server."
log=$(mktemp)
# shellcheck disable=SC2086 # both are lists of words
if $as_root apt-get update -qq >"$log" 2>&1 &&
  $as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends $missing >>"$log" 2>&1; then
  :
else
  tail -n 5 "$log"
  echo "That did not work; the tests that need$missing are skipped."
fi
rm -f "$log"
