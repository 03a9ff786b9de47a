"""The metadata items of MP4 files, walked atom by atom; a short or broken atom costs itself alone.

Sources: ISO 14496-12 §4.2 (boxes), Apple's QuickTime File Format, "Metadata" (`ilst`, `data`, `----`). Pure but for
the file's descriptor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from radiostream.playlist.tagfile import Part, Region

if TYPE_CHECKING:
    from collections.abc import Iterator

    from radiostream.playlist.tagfile import TagFile

_MAX_ATOMS: Final = 100_000
_MAX_ITEMS: Final = 2000
_MAX_VALUES: Final = 20
_NAME_BYTES: Final = 64
_DATA_HEAD: Final = 8
"""Type and locale before a value."""


class _Atom(NamedTuple):
    kind: bytes
    start: int
    """Where its content begins."""
    end: int


def _atoms(file: TagFile, start: int, end: int, most: int = _MAX_ATOMS) -> Iterator[_Atom]:
    for _ in range(most):
        head = file.at(start, 16)
        if len(head) < 8 or start + 8 > end:
            return
        size, content = int.from_bytes(head[:4]), start + 8
        if size == 1 and len(head) == 16:
            size, content = int.from_bytes(head[8:]), start + 16
        stop = start + size if size else end
        if stop < content:
            return
        yield _Atom(head[4:8], content, min(stop, end))
        start = stop


def _inside(file: TagFile, path: tuple[bytes, ...], start: int, end: int) -> _Atom | None:
    """The atom at the end of `path`; of several by one name the first that leads there."""
    for atom in _atoms(file, start, end):
        if atom.kind == path[0]:
            begin = atom.start + _version_bytes(file, atom)
            if len(path) == 1:
                return atom._replace(start=begin)
            if found := _inside(file, path[1:], begin, atom.end):
                return found
    return None


def _version_bytes(file: TagFile, atom: _Atom) -> int:
    """`meta` is a full box with four bytes before its content; QuickTime's own has none."""
    return 4 if atom.kind == b"meta" and file.at(atom.start + 4, 4) != b"hdlr" else 0


def mp4_fields(file: TagFile) -> Iterator[Part]:
    """Every value of the item list by its item's name (`©nam`); free-form items by their own, in lower case."""
    moov = _inside(file, (b"moov",), 0, file.size)
    if moov is None:
        return
    for path in ((b"udta", b"meta", b"ilst"), (b"meta", b"ilst")):
        found = _inside(file, path, moov.start, moov.end)
        if found is not None:
            for item in _atoms(file, found.start, found.end, _MAX_ITEMS):
                yield from _values(file, item)
            return


def _values(file: TagFile, item: _Atom) -> Iterator[Part]:
    name = item.kind.decode("latin-1")
    for atom in _atoms(file, item.start, item.end, _MAX_VALUES):
        if atom.kind == b"name" and name == "----":
            name += file.at(atom.start + 4, min(_NAME_BYTES, atom.end - atom.start - 4)).decode("latin-1").lower()
        elif atom.kind == b"data" and atom.end - atom.start > _DATA_HEAD:
            start = atom.start + _DATA_HEAD
            yield Part(name, Region(file, start, atom.end), atom.end - start)
