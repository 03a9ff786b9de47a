#!/bin/sh
# The container's way in, as process 1. Started as root it lets the server read the mounted audio, then becomes uid 10001;
# started as anyone else it only starts the server. Either way the server takes this process's place, so that signals reach it.
# What follows the image's name goes to the server: docker run … radiostream --shuffle
set -eu
trap 'exit 143' TERM INT # process 1 has no default action: without a handler a stop that comes early is lost

user=10001
export MALLOC_ARENA_MAX=1 # one heap for all threads: a listener costs kilobytes, not an arena of its own

say() { printf 'entrypoint: %s\n' "$*" >&2; }

# Prints the stations' directories, absolute and ended by NUL: a name may hold anything else. Wrong JSON is the server's to report.
directories() {
  python3 -I -c '
import json, os, sys
try:
    routes = json.loads(os.environ.get("DIRECTORY_ROUTES") or "{}").values()
except (ValueError, AttributeError):
    routes = ()
named = [route.get("dir") if isinstance(route, dict) else route for route in routes]
found = [os.environ.get("AUDIO_DIR") or "audio", os.environ.get("STATIONS"), *named]
found = [name for name in found if isinstance(name, str) and name]
for name in dict.fromkeys(map(os.path.abspath, found)):
    sys.stdout.buffer.write(os.fsencode(name) + b"\0")
'
}

# unreadable DIR [ACTION…]: what the server plays or shows and could not read, and directories that it could not enter. Nothing
# hidden: a home directory may be mounted. find follows no link, so nothing outside the directory is touched.
unreadable() (
  within=$1
  shift
  cd "$within/" && find . ! -name . -name '.*' -prune -o ! -user "$user" \
    \( -type d ! -perm -005 -o -type f ! -perm -004 \( -iname '*.mp3' -o -iname '*.aac' \
    -o -iname '*.m4a' -o -iname '*.mp4' -o -iname '*.m4b' -o -iname '*.ogg' -o -iname '*.oga' -o -iname '*.opus' \
    -o -iname '*.jpg' -o -iname '*.jpeg' -o -iname '*.png' -o -iname '*.webp' -o -iname '*.gif' \
    -o -iname 'order.m3u' -o -iname 'order.m3u8' -o -name station.toml \) \) "$@"
)

count() { unreadable "$1" -print0 2>/dev/null | tr -dc '\0' | wc -c; }

# Adds the right to read (and, for directories, to enter) for others; takes no right away and changes no owner.
make_readable() {
  name=$(printf '%s' "$1" | tr '\001-\037\177' '?')
  before=$(count "$1")
  [ "$before" -gt 0 ] || return 0
  unreadable "$1" -type d -exec chmod o+rx {} + 2>/dev/null || :
  unreadable "$1" -type f -exec chmod o+r {} + 2>/dev/null || :
  after=$(count "$1")
  [ "$after" = "$before" ] || say "$name: made $((before - after)) files and directories readable for the server"
  [ "$after" = 0 ] || say "$name: $after files and directories stay unreadable for the server (a read-only mount?): run chmod -R o+rX on the host"
}

# Where the server keeps its position over a restart: its own, with the files that an earlier start as root left there.
own_state() {
  if ! { mkdir -p "$1" && find "$1/" -maxdepth 1 ! -user "$user" -exec chown -h "$user:$user" {} +; } 2>/dev/null; then
    say "$1: the state directory cannot be made the server's"
  fi
}

# Each directory comes back to this script as its one argument.
if [ "${1-}" = --make-readable ]; then
  [ ! -d "$2" ] || make_readable "$2"
  exit 0
fi

if [ "$(id -u)" = 0 ]; then
  # In the background: a shell obeys no signal while it waits for a program, and a large mount takes its time.
  { directories | xargs -0 -n 1 sh "$0" --make-readable || say 'not every directory could be looked through'; } &
  wait $!
  [ -z "${STATE_DIR-}" ] || own_state "$STATE_DIR"
fi

# No su, no gosu: nothing stays behind between process 1 and the server. Signals stay blocked until it can take them.
exec python3 -I -c '
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT, signal.SIGHUP))
user = int(sys.argv[1])
if os.getuid() == 0:
    try:
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
    except OSError as error:
        sys.exit(f"entrypoint: cannot become user {user} ({error.strerror}): allow SETUID and SETGID, or start the container with --user {user}")
os.execvp(sys.argv[2], sys.argv[2:])
' "$user" python3 -m radiostream "$@"
