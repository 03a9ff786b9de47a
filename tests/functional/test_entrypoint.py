"""entrypoint.sh with real files, as root and as nobody in particular; a small program stands in for the server."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from radiostream.audio.formats import FAMILY_BY_SUFFIX

ENTRYPOINT = Path(__file__).parents[2] / "entrypoint.sh"
USER = 10001
SERVER = """
import json, os, signal, sys
def readable(path):
    try:
        with open(path, "rb"): return True
    except OSError: return False
tops = [argument for argument in sys.argv[1:] if os.path.isabs(argument)]
files = [os.path.join(folder, name) for top in tops for folder, _, names in os.walk(top) for name in names]
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
groups = os.getgroups()
print(json.dumps({
    "pid": os.getpid(), "uid": os.getresuid(), "gid": os.getresgid(), "groups": groups, "arguments": sys.argv[1:],
    "arenas": os.environ["MALLOC_ARENA_MAX"], "readable": {name: readable(name) for name in files},
}), flush=True)
if "--wait" in sys.argv: signal.pause()
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that another user may enter, which pytest's own is not; holds the stand-in for the server."""
    folder = Path(tempfile.mkdtemp(prefix="entrypoint-"))
    folder.chmod(0o755)
    (folder / "radiostream").mkdir()
    (folder / "radiostream/__main__.py").write_text(SERVER)
    yield folder
    shutil.rmtree(folder)


def start(place: Path, *arguments: str, user: int = 0, **environ: str) -> subprocess.Popen[str]:
    """The script as the image starts it, as `user`."""
    assert os.getuid() == 0, "these tests change owners: run them as root"
    environ = {"PATH": "/usr/local/bin:/usr/bin:/bin", "PYTHONPATH": str(place), **environ}
    command = ["sh", str(ENTRYPOINT), *arguments]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=place, env=environ, user=user or None, **streams)  # type: ignore[call-overload,no-any-return] # the keywords are one fixed set


def run(place: Path, *arguments: str, user: int = 0, **environ: str) -> tuple[dict[str, Any], str]:
    """What the stand-in found, and what the script said."""
    with start(place, *arguments, user=user, **environ) as process:
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    return json.loads(out), err


def closed(path: Path, mode: int = 0o600, owner: int = 0) -> Path:
    """A file that the server may not read; its folders are made as needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"audio")
    path.chmod(mode)
    os.chown(path, owner, owner)
    return path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_becomes_user_10001_for_good(place: Path) -> None:
    """Every identity is the unprivileged one, no group of root's is left, and the arguments arrive as they were."""
    found, _ = run(place, "--shuffle", "a b", "")
    assert found["uid"] == found["gid"] == [USER] * 3
    assert found["groups"] == []
    assert found["arguments"] == ["--shuffle", "a b", ""]
    assert found["arenas"] == "1"


def test_server_is_the_process_that_was_started(place: Path) -> None:
    """No shell is left in between: a signal to the first process is the server's, and so is the exit status."""
    with start(place, "--wait", str(place)) as process:
        assert process.stdout
        assert json.loads(process.stdout.readline())["pid"] == process.pid
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 7


def test_another_user_changes_nothing(place: Path) -> None:
    """Started unprivileged, as Kubernetes does, it only starts the server."""
    track = closed(place / "audio/a.mp3")
    found, said = run(place, "--loud", user=12345)
    assert found["uid"] == [12345] * 3
    assert found["arguments"] == ["--loud"]
    assert said == ""
    assert mode(track) == 0o600


@pytest.mark.parametrize(
    "name", ["plain", "with space", "it's", 'a "quote"', "line\nbreak", "-rf", "$(id)", "tab\there", "größe", "end\n"]
)
def test_any_name(place: Path, name: str) -> None:
    """A directory and a file may be called anything; what is said of them stays one line."""
    track = closed(place / name / f"{name}.mp3")
    found, said = run(place, str(place / name), DIRECTORY_ROUTES=json.dumps({"one": str(place / name)}))
    assert found["readable"] == {str(track): True}
    assert said.count("\n") == 1
    assert "made 1 files" in said


def test_all_directories_are_found(place: Path) -> None:
    """AUDIO_DIR, routes as text and routes as objects; one that is missing is the server's to report."""
    tracks = [closed(place / name / "a.mp3") for name in ("default", "text", "object")]
    routes = {
        "a": str(place / "text"),
        "b": {"dir": str(place / "object")},
        "c": str(place / "missing"),
        "d": {"name": "none"},
    }
    _, said = run(place, AUDIO_DIR=str(place / "default"), DIRECTORY_ROUTES=json.dumps(routes))
    assert [mode(track) for track in tracks] == [0o604] * 3
    assert said.count("made 1 files") == 3


def test_default_directory(place: Path) -> None:
    """Without AUDIO_DIR it is ./audio, as for the server."""
    track = closed(place / "audio/deep/er/a.mp3")
    for folder in (place / "audio", place / "audio/deep", place / "audio/deep/er"):
        folder.chmod(0o700)
    found, said = run(place, str(place / "audio"))
    assert found["readable"] == {str(track): True}
    assert "made 4 files and directories readable" in said


@pytest.mark.parametrize(
    ("before", "owner", "after"),
    [
        pytest.param(0o600, 0, 0o604, id="root's"),
        pytest.param(0o000, 1000, 0o004, id="nobody may"),
        pytest.param(0o640, 1000, 0o644, id="another user's"),
        pytest.param(0o755, 1000, 0o755, id="readable as it is"),
        pytest.param(0o400, USER, 0o400, id="the server's own"),
    ],
)
def test_only_reading_is_added(place: Path, before: int, owner: int, after: int) -> None:
    """No right is taken away, none to write or run is given, and the owner stays."""
    track = closed(place / "audio/a.mp3", before, owner)
    run(place)
    assert mode(track) == after
    assert track.stat().st_uid == owner


def test_links_are_not_followed(place: Path) -> None:
    """What a link inside points at stays as it is; a directory that is itself a link is the operator's wish."""
    secret = closed(place / "elsewhere/secret")
    (place / "elsewhere").chmod(0o700)
    track = closed(place / "real/a.mp3")
    (place / "real/secret.mp3").symlink_to(secret)
    (place / "real/folder").symlink_to(place / "elsewhere")
    (place / "audio").symlink_to(place / "real")
    run(place)
    assert mode(track) == 0o604
    assert mode(secret) == 0o600
    assert mode(place / "elsewhere") == 0o700


@pytest.mark.parametrize("name", [".ssh/id_ed25519", ".music/a.mp3", "notes.txt", "letters/tax.pdf", ".hidden.mp3"])
def test_what_is_not_played_stays_closed(place: Path, name: str) -> None:
    """A home directory may be mounted: nothing hidden is opened, nor what is neither played nor shown."""
    secret = closed(place / "audio" / name)
    folder = closed(place / "audio/.ssh/known_hosts").parent
    folder.chmod(0o700)
    run(place)
    assert mode(secret) == 0o600
    assert mode(folder) == 0o700


@pytest.mark.parametrize("suffix", sorted(FAMILY_BY_SUFFIX))
def test_every_format_is_opened(place: Path, suffix: str) -> None:
    """What the server takes for audio, in capitals too; and what it shows beside."""
    tracks = [closed(place / "audio" / name) for name in (f"a{suffix}", f"B{suffix.upper()}", "x/cover.jpg")]
    run(place)
    assert [mode(track) for track in tracks] == [0o604] * 3


def test_stations_directory(place: Path) -> None:
    """Each sub-directory of STATIONS is a station; its settings are read too."""
    files = [closed(place / "stations/jazz" / name) for name in ("a.mp3", "station.toml", "_22-06/order.m3u")]
    run(place, STATIONS=str(place / "stations"))
    assert [mode(file) for file in files] == [0o604] * 3


def test_stopped_while_it_looks_through_the_mount(place: Path) -> None:
    """A stop is obeyed at once, however large the mount is."""
    for name in ("begun", "never"):
        os.mkfifo(place / name)
    (place / "bin").mkdir()
    (place / "bin/find").write_text(f"#!/bin/sh\necho begun >{place}/begun\nread x <{place}/never\n")
    (place / "bin/find").chmod(0o755)
    (place / "audio").mkdir()
    with start(place, PATH=f"{place}/bin:/usr/local/bin:/usr/bin:/bin") as process:
        assert (place / "begun").read_text() == "begun\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 143
        (place / "never").write_text("")


def test_nothing_to_mend_is_not_mentioned(place: Path) -> None:
    """A directory that is readable already costs no line."""
    closed(place / "audio/a.mp3", 0o644)
    assert run(place)[1] == ""


def test_read_only_mount(place: Path) -> None:
    """It is tolerated, with one line for the directory however many files."""
    for number in range(3):
        closed(place / f"audio/{number}.mp3")
    audio = place / "audio"
    commands = f"mount --bind {audio} {audio} && mount -o remount,ro,bind {audio} && exec sh {ENTRYPOINT}"
    environ = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONPATH": str(place)}
    inside = ["unshare", "--mount", "sh", "-c", commands]
    done = subprocess.run(inside, cwd=place, env=environ, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0
    assert done.stderr.count("\n") == 1
    assert "3 files and directories stay unreadable" in done.stderr


@pytest.mark.parametrize("routes", ["{", "[]", "7", '{"a": 7, "b": null, "c": {}, "d": ""}'])
def test_wrong_routes_are_left_to_the_server(place: Path, routes: str) -> None:
    """It says what is wrong with DIRECTORY_ROUTES; the script goes on with what it could read."""
    track = closed(place / "audio/a.mp3")
    _, said = run(place, DIRECTORY_ROUTES=routes)
    assert mode(track) == 0o604
    assert "Traceback" not in said


def test_state_directory_becomes_the_servers(place: Path) -> None:
    """It is made where it is missing, and what an earlier start as root left there is handed over."""
    run(place, STATE_DIR=str(place / "new/state"))
    assert (place / "new/state").stat().st_uid == USER
    old = closed(place / "old/humor.json")
    run(place, STATE_DIR=str(place / "old"))
    assert old.stat().st_uid == USER


def test_without_the_power_to_change_user(place: Path) -> None:
    """One line says what to do, and the server does not run as root instead."""
    dropped = ["setpriv", "--bounding-set=-setuid", "--inh-caps=-setuid", "sh", str(ENTRYPOINT)]
    done = subprocess.run(
        dropped, cwd=place, env=os.environ | {"PYTHONPATH": str(place)}, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 1
    assert "cannot become user 10001" in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_shellcheck() -> None:
    """Every script of the image is POSIX sh without a finding."""
    scripts = [ENTRYPOINT, *sorted((ENTRYPOINT.parent / ".image").glob("*.sh"))]
    done = subprocess.run(["shellcheck", "--shell=sh", *scripts], capture_output=True, text=True)
    assert done.stdout == ""
