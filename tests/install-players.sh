#!/bin/sh
# Installs the real players and servers that the functional tests use, where the system has apt and we are root.
# Elsewhere it says what is missing; the tests that need it then fail by name.
set -eu

# program:package
WANTED="ffmpeg:ffmpeg ffprobe:ffmpeg mpg123:mpg123 curl:curl lame:lame sox:sox espeak-ng:espeak-ng oggenc:vorbis-tools
opusenc:opus-tools flac:flac nginx:nginx-light icecast2:icecast2 chromium:chromium shellcheck:shellcheck node:nodejs npm:npm
promtool:prometheus systemd-analyze:systemd setpriv:util-linux caddy:caddy bindfs:bindfs
haproxy:haproxy cmus:cmus mpd:mpd mpc:mpc
ezstream:ezstream liquidsoap:liquidsoap darkice:darkice ices2:ices2 oggfwd:oggfwd faketime:faketime docker-compose:docker-compose busybox:busybox-static
firefox-esr:firefox-esr chromedriver:chromium-driver WebKitWebDriver:webkit2gtk-driver Xvfb:xvfb pulseaudio:pulseaudio
parec:pulseaudio-utils dbus-send:dbus-bin dbus-daemon:dbus-daemon"
# What WebKitGTK plays with is no program: it comes with its driver.
GSTREAMER="gstreamer1.0-pulseaudio gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly
gstreamer1.0-libav"

missing=
for pair in $WANTED; do
    PATH="$PATH:/usr/sbin" command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair##*:}"
done
case "$missing" in *webkit2gtk-driver*) missing="$missing libwebkit2gtk-4.1-0 $(echo "$GSTREAMER" | tr '\n' ' ')" ;; esac
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086 # a list of package names
    apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
    echo "these packages are missing, and the tests that use them will fail:$missing" >&2
fi
