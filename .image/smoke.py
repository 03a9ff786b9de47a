"""Proves in the composed root that nothing is missing: a forgotten module fails the build, not the station.

usage: CERTIFICATE="$(certificate and key, PEM)" chroot ROOT python3 - <smoke.py
"""

import http.client
import importlib
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import zipfile
from datetime import datetime, timedelta
from pathlib import Path

with socket.create_server(("127.0.0.1", 0)) as trial:
    PORT = trial.getsockname()[1]
LONGEST_CHUNK_S = 10
"""How long there may be nothing to hear; a chunk lasts half of it."""


def every_module() -> int:
    """Import whatever is inside, one after the other."""
    archive = next(path for path in sys.path if path.endswith(".zip"))
    files = [Path(name) for name in zipfile.ZipFile(archive).namelist()]
    files += [path.relative_to("/app") for path in Path("/app/radiostream").rglob("*.pyc")]
    names = {".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in files}
    names.update(sys.builtin_module_names)
    for name in sorted(names - {"radiostream.__main__"}):
        importlib.import_module(name)
    return len(names)


def names() -> None:
    """A look-up goes through the codec for international names and through the C library's own parts."""
    assert socket.getaddrinfo("localhost", PORT)
    assert "bücher.example".encode("idna") == b"xn--bcher-kva.example"


def zones() -> int:
    """Local times, as Python and as the C library know them: half a year apart, Berlin's clock shows another offset."""
    from zoneinfo import ZoneInfo

    os.environ["TZ"] = "Europe/Berlin"
    time.tzset()
    for unix_s, hours in ((1_767_225_600, 1), (1_782_864_000, 2)):
        assert datetime.fromtimestamp(unix_s, ZoneInfo("Europe/Berlin")).utcoffset() == timedelta(hours=hours)
        assert time.localtime(unix_s).tm_gmtoff == hours * 3600
    del os.environ["TZ"]
    return sum(path.is_file() for path in Path("/usr/share/zoneinfo").rglob("*"))


def tls() -> int:
    """The authorities are read, and two ends agree on a connection."""
    authorities = len(ssl.create_default_context().get_ca_certs())
    assert authorities > 50
    with tempfile.NamedTemporaryFile("w") as certificate:
        certificate.write(os.environ["CERTIFICATE"])
        certificate.flush()
        serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        serving.load_cert_chain(certificate.name)
        asking = ssl.create_default_context(cafile=certificate.name)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [asking.wrap_bio(back, there, server_hostname="localhost"), serving.wrap_bio(there, back, server_side=True)]
    while ends:
        try:
            ends[0].do_handshake()
            ends.pop(0)
        except ssl.SSLWantReadError:
            ends.reverse()
    return authorities


def demo() -> int:
    """The station that plays when nobody brought audio: two seconds of it, then a clean end."""
    server = subprocess.Popen([sys.executable, "-m", "radiostream", "--port", str(PORT)], cwd="/app")
    try:
        heard = listen()
        server.send_signal(signal.SIGTERM)
        assert server.wait(3) == 0
    finally:
        server.kill()
    return heard


def listen() -> int:
    """Bytes that arrive on the default station in a burst and two seconds more."""
    for _ in range(100):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=0.1)
            connection.connect()
            break
        except OSError:
            time.sleep(0.1)
    connection.sock.settimeout(LONGEST_CHUNK_S)
    connection.request("GET", "/")
    answer = connection.getresponse()
    assert answer.status == 200
    assert answer.getheader("Content-Type") == "audio/mpeg"
    assert answer.read(1) == b"\xff"
    heard, end = 1, time.monotonic() + 2
    while time.monotonic() < end:
        heard += len(answer.read1(4096))
    assert heard > 100_000
    return heard


if __name__ == "__main__":
    print(f"{every_module()} modules imported")
    names()
    print(f"{zones()} time zones")
    print(f"{tls()} certificate authorities, TLS agreed on")
    print(f"{demo()} bytes heard from the demo station")
