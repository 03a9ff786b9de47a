"""Whether a directory lies on a network mount, by the kernel's table of mounts (proc(5), /proc/self/mountinfo).

May be called by any thread; does not touch the mount itself.
"""

from __future__ import annotations

import re
from typing import Final

_TABLE: Final = "/proc/self/mountinfo"
_NETWORK: Final = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "afs", "davfs", "lustre"})
_LOCAL_FUSE: Final = frozenset({"fuse.mergerfs", "fuse.shfs", "fuse.ntfs-3g", "fuse.bindfs", "fuse.fuse-overlayfs"})
_OCTAL: Final = re.compile(r"\\([0-7]{3})")


def is_network_mount(path: str, table: str | None = None) -> bool:
    """Whether the mount that holds `path` (absolute, without links) is served over a network; False where nobody knows.
    `table`: the text of the mount table, for tests."""
    if table is None:
        try:
            with open(_TABLE, encoding="utf-8", errors="surrogateescape") as file:
                table = file.read()
        except OSError:
            return False
    best, kind = -1, ""
    for line in table.splitlines():
        before, _, behind = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) < 5 or not behind:
            continue
        point = _OCTAL.sub(lambda octal: chr(int(octal[1], 8)), fields[4])
        inside = point == "/" or path == point or path.startswith(point + "/")
        if inside and len(point) >= best:
            best, kind = len(point), behind.split(" ")[0]
    return kind in _NETWORK or (kind.startswith("fuse") and kind != "fuseblk" and kind not in _LOCAL_FUSE)
