#!/bin/sh
# Runs the tests on Debian 13 (Python 3.13, ffmpeg 7), in a root file system of its own: all but those that need a browser,
# another server or an init system. Needs Debian, root, debootstrap and a few minutes. What follows goes to pytest.
#
# usage: debian13.sh [ARGUMENT…]
set -eu
cd "$(dirname "$0")/../.."

mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
  sed -nE 's/^(URIs:|deb) (https?:[^ ]*\/debian)\/?( .*|$)/\2/p' | head -1)
packages=ca-certificates,python3,python3-venv,make,git,procps,shellcheck
players=curl,ffmpeg,mpg123,lame,sox,espeak-ng,vorbis-tools,opus-tools,flac,faketime

root=$(mktemp -d)
chmod 755 "$root"
trap 'umount "$root/proc" "$root/dev" "$root" 2>/dev/null; rm -rf --one-file-system "$root"' EXIT
# what the host lends: its own settings for apt and pip, and its certificate authorities
mkdir -p "$root/etc/apt/apt.conf.d"
for file in /etc/apt/apt.conf.d/99* /etc/pip.conf; do
  [ ! -f "$file" ] || cp "$file" "$root$file"
done
debootstrap --variant=minbase --include="$packages,$players" trixie "$root" ${mirror:+"$mirror"} >"$root.log" 2>&1 || {
  tail "$root.log"
  exit 1
}
rm -f "$root.log"
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
cp /etc/resolv.conf "$root/etc/" 2>/dev/null || :
mount --bind "$root" "$root" # a mount of its own: else no test could make a mount name space in it
mount --bind /proc "$root/proc"
mount --bind /dev "$root/dev"
git archive --prefix=src/ HEAD | tar x -C "$root"

chroot "$root" sh -eu -c '
cd /src
python3 --version
ffmpeg -version | head -1
git init -q . # the tests ask it which files there are
make .venv/.installed
tests() {
  .venv/bin/python -m pytest -k "not chromium" "$@"
}
# what fails once is run again by itself: a machine that stood still for a moment is no finding
tests -n 3 --dist worksteal "$@" || tests -n 1 --last-failed --last-failed-no-failures none "$@"
' sh "$@" --ignore=tests/engines/test_engines.py --ignore=tests/engines/test_embed.py --ignore=tests/image --ignore=tests/test_deploy.py \
  --ignore=tests/functional/test_proxy.py --ignore=tests/functional/test_other_proxies.py \
  --ignore=tests/functional/test_daemons.py --ignore=tests/functional/test_fanout.py \
  --ignore=tests/functional/test_hung_disk.py --ignore=tests/functional/test_memory.py \
  --ignore=tests/functional/test_hls.py --ignore=tests/functional/test_seams.py --ignore=tests/functional/test_live.py \
  --ignore=tests/functional/test_live_clients.py --ignore=tests/functional/test_relay.py \
  --ignore=tests/functional/test_level.py --ignore=tests/functional/test_operations.py \
  --ignore-glob='tests/functional/test_web_*'
