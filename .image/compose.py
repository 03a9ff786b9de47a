"""Composes the image's root file system out of the Python that runs this file: read it to know what is inside, and why.

usage: compose.py ROOT SITE SOURCE      an empty folder, the packages that pip installed, the project's checkout

Nothing is copied because it might be needed. A module of the standard library or of a package gets in when the
server's import statements lead to it; `CUT` names where the way ends. It goes in compiled, without docstrings.
The C modules are inside the interpreter (`python-modules`). `smoke.py` then proves that nothing is missing.
"""

import _imp
import ast
import importlib.metadata
import importlib.util
import json
import marshal
import os
import re
import shutil
import subprocess
import sys
import urllib.parse
import zipfile
from collections.abc import Iterator
from pathlib import Path

PREFIX = Path(sys.prefix)
STDLIB = Path(os.__file__).parent
ZONES = Path("/usr/share/zoneinfo")
USER = 10001

# Reached by no import statement: codecs are loaded by name.
BY_NAME = """
encodings.aliases encodings.utf_8 encodings.utf_8_sig encodings.utf_16 encodings.utf_16_le encodings.utf_16_be
encodings.ascii encodings.latin_1 encodings.iso8859_1 encodings.cp1252 encodings.cp437 encodings.idna encodings.punycode
""".split()

# Named by some import statement, but only on ways that the server never goes.
CUT = {
    "asyncio": "one blocking thread for each listener; the packages only ask whether a function is a coroutine",
    "multiprocessing": "one process",
    "concurrent.futures.process": "one process",
    "ctypes": "a bridge to C libraries that are not in the image",
    "doctest": "development",
    "unittest": "development",
    "pdb": "development",
    "pydoc": "help at a prompt",
    "statistics": "a self-test of random",
    "bz2": "archives that shutil and zipfile could open",
    "lzma": "archives that shutil and zipfile could open",
    "tarfile": "archives that shutil could open",
    "ftplib": "ftp addresses for urllib.request",
    "http.cookiejar": "a browser's cookies for urllib.request",
    "getpass": "passwords at a terminal for urllib.request",
    "smtplib": "log lines by e-mail",
    "email.policy": "writing e-mail; http.client only reads header lines",
    "email.generator": "writing e-mail",
    "email.contentmanager": "writing e-mail",
    "plistlib": "macOS",
    "_osx_support": "macOS",
    "_aix_support": "AIX",
    "encodings.mbcs": "Windows",
    "urllib3.contrib": "proxies by SOCKS, Python in a browser",
    "urllib3.http2.connection": "HTTP/2",
    "sentry_sdk.integrations.wsgi": "a web server of another kind",
}

# Compiled programs. busybox is the shell of entrypoint.sh and the health check; its other names stay out.
BUSYBOX_NAMES = "sh cat chmod chown env find id ls mkdir sleep tr wc xargs".split()
# glibc loads libgcc_s by name when a thread is ended at exit; no header tells. Without it the process dies instead.
LOADED_BY_NAME = ["libgcc_s.so.1"]

DEBIAN = {  # package whose files are inside: licence
    "libssl3": "Apache-2.0",
    "zlib1g": "Zlib",
    "libc6": "LGPL-2.1-or-later",
    "libgcc-s1": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "busybox": "GPL-2.0-only",
    "tzdata": "LicenseRef-public-domain",
}
PYTHON_LICENCES = {
    "mutagen": "GPL-2.0-or-later",
    "prometheus_client": "Apache-2.0 AND BSD-2-Clause",
    "sentry-sdk": "MIT",
    "certifi": "MPL-2.0",
    "urllib3": "MIT",
}


def main(root: Path, site: Path, source: Path) -> None:
    """Fill `root` and print what it holds, largest first."""
    library(root, site, source)
    server(root, source)
    programs(root)
    settings(root, site)
    zones(root)
    inventory(root, site, source)
    report(root)


def library(root: Path, site: Path, source: Path) -> None:
    """All modules in one archive where the interpreter looks first: loose files would take 4 MB more."""
    archive = root / PREFIX.relative_to("/") / "lib" / f"python{sys.version_info[0]}{sys.version_info[1]}.zip"
    # with this folder beside it the interpreter finds the archive without being told
    (archive.parent / STDLIB.name / "lib-dynload").mkdir(parents=True)
    inside_interpreter = set(_imp._frozen_module_names())  # type: ignore[attr-defined] # CPython 3.11 has it, typeshed has not
    found = closure(["radiostream", *modules_below(source / "radiostream", source), *BY_NAME], [source, site, STDLIB])
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as out:
        for name, (folder, path) in sorted(found.items()):
            if folder != source and name not in inside_interpreter:
                inside = str(path.relative_to(folder))
                out.writestr(zipfile.ZipInfo(inside + "c"), compiled(path, inside, optimize=2), zipfile.ZIP_DEFLATED)


def server(root: Path, source: Path) -> None:
    """The server as loose files below /app: it opens its pages and its demo by path."""
    package = root / "app/radiostream"
    shutil.copytree(source / "radiostream", package, ignore=shutil.ignore_patterns("__pycache__", "*.py", "*.typed"))
    shutil.copytree(source / "web", package / "web")
    for path in (source / "radiostream").rglob("*.py"):
        inside = path.relative_to(source)
        target = root / "app" / f"{inside}c"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(compiled(path, f"/app/{inside}", optimize=0))
    shutil.copy(source / "entrypoint.sh", root / "entrypoint.sh")
    (root / "entrypoint.sh").chmod(0o755)


def programs(root: Path) -> None:
    """The interpreter, busybox, and the shared libraries that they name."""
    python = take(root, Path(sys.executable).resolve())
    for name in ("python", "python3"):
        (python.parent / name).symlink_to(python.name)
    busybox = take(root, Path(shutil.which("busybox") or ""), "bin/busybox")
    for name in BUSYBOX_NAMES:
        (busybox.parent / name).symlink_to("busybox")
    named = subprocess.run(["ldd", sys.executable, "/bin/busybox"], capture_output=True, text=True, check=True).stdout
    libraries = {Path(found) for found in re.findall(r"(/\S+) \(0x", named)}
    beside = next(path for path in libraries if path.name == "libc.so.6").parent
    for path in libraries.union(beside / name for name in LOADED_BY_NAME):
        take(root, path)


def take(root: Path, path: Path, name: str = "") -> Path:
    """Copy one compiled file under its own name, without what only a debugger reads."""
    target = root / (name or str(path).lstrip("/"))
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path.resolve(), target)
    subprocess.run(["strip", "--strip-unneeded", target], check=True)
    target.chmod(0o755)
    return target


def settings(root: Path, site: Path) -> None:
    """The folders and the few files under /etc that a program expects."""
    for folder in ("app/audio", "tmp", "proc", "dev", "sys", "etc/ssl", "var/lib/radiostream"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "tmp").chmod(0o1777)
    os.chown(root / "var/lib/radiostream", USER, USER)
    shutil.copy(site / "certifi/cacert.pem", root / "etc/ssl/cert.pem")
    (root / "etc/passwd").write_text(
        f"root:x:0:0:root:/:/bin/sh\nradio:x:{USER}:{USER}::/var/lib/radiostream:/bin/sh\n"
    )
    (root / "etc/group").write_text(f"root:x:0:\nradio:x:{USER}:\n")
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
    shutil.copy("/usr/lib/os-release", root / "etc/os-release")


def zones(root: Path) -> None:
    """The time zones, where the C library and Python look for them: each rule once, its other names as links."""
    seen: dict[bytes, Path] = {}
    for path in sorted(ZONES.rglob("*")):
        name = path.relative_to(ZONES)
        if name.parts[0] in ("posix", "right") or not path.is_file():
            continue  # the same zones again, and those that count leap seconds
        content = path.read_bytes()
        if not content.startswith(b"TZif"):
            continue
        target = root / ZONES.relative_to("/") / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if content in seen:
            target.symlink_to(os.path.relpath(seen[content], target.parent))
        else:
            target.write_bytes(content)
            seen[content] = target


def inventory(root: Path, site: Path, source: Path) -> None:
    """What is inside, for people and scanners: a CycloneDX list, and records as dpkg and pip leave them."""
    components = [component("generic", "radiostream", version_of(source), "MIT")]
    components.append(component("deb/debian", "python3.11", (STDLIB / "debian-version").read_text().strip(), "PSF-2.0"))
    for name, licence in DEBIAN.items():
        record = subprocess.run(["dpkg-query", "-s", name], capture_output=True, text=True, check=True).stdout
        target = root / "var/lib/dpkg/status.d" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        kept = re.findall(r"^(?:Package|Status|Version|Architecture|Source|Maintainer): .*", record, re.M)
        target.write_text("\n".join(kept) + "\n")
        components.append(component("deb/debian", name, re.findall(r"^Version: (.*)", record, re.M)[0], licence))
    for package in sorted(importlib.metadata.distributions(path=[str(site)]), key=lambda found: found.name):
        target = (
            root / STDLIB.relative_to("/") / "site-packages" / f"{package.name}-{package.version}.dist-info/METADATA"
        )
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(f"Metadata-Version: 2.1\nName: {package.name}\nVersion: {package.version}\n")
        components.append(component("pypi", package.name, package.version, PYTHON_LICENCES[package.name]))
    target = root / "usr/share/sbom/radiostream.cdx.json"
    target.parent.mkdir(parents=True)
    target.write_text(
        json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "components": components}, indent=1)
    )


def component(kind: str, name: str, version: str, licence: str) -> dict[str, object]:
    """One entry of the list."""
    identity = f"pkg:{kind}/{name.lower()}@{urllib.parse.quote(version)}"
    key = "expression" if " " in licence or licence.startswith("LicenseRef-") else "license"
    licences = [{key: licence if key == "expression" else {"id": licence}}]
    return {
        "type": "library",
        "name": name,
        "version": version,
        "purl": identity,
        "bom-ref": identity,
        "licenses": licences,
    }


def version_of(source: Path) -> str:
    """The server's own version."""
    found = re.search(r'__version__ = "([^"]+)"', (source / "radiostream/__init__.py").read_text())
    return found[1] if found else "0"


def report(root: Path) -> None:
    """One line a file, largest first, and the total that the image is judged by."""
    sizes = {path: path.stat().st_size for path in root.rglob("*") if path.is_file() and not path.is_symlink()}
    for path, size in sorted(sizes.items(), key=lambda found: -found[1]):
        print(f"{size:9} /{path.relative_to(root)}")
    print(f"{sum(sizes.values()):9} in all")


def closure(names: list[str], folders: list[Path]) -> dict[str, tuple[Path, Path]]:
    """Every module that the imports of `names` lead to, as (folder, file)."""
    found: dict[str, tuple[Path, Path]] = {}
    ahead = list(names)
    while ahead:
        name = ahead.pop()
        place = None if name in found else find(name, folders)
        if place:
            found[name] = place
            ahead += [name.rpartition(".")[0], *imports(name, place[1])]
    return found


def modules_below(package: Path, folder: Path) -> Iterator[str]:
    """The names of all modules of a package."""
    for path in package.rglob("*.py"):
        yield str(path.relative_to(folder).with_suffix("")).replace("/", ".").removesuffix(".__init__")


def find(name: str, folders: list[Path]) -> tuple[Path, Path] | None:
    """Where a module's source is; None for a name that is cut, no module, or inside the interpreter."""
    if not name or any(name == cut or name.startswith(f"{cut}.") for cut in CUT):
        return None
    stem = name.replace(".", "/")
    places = ((folder, folder / form) for folder in folders for form in (f"{stem}/__init__.py", f"{stem}.py"))
    return next((place for place in places if place[1].is_file()), None)


def imports(name: str, path: Path) -> Iterator[str]:
    """What the file's import statements name, at its top or in a function; "from a import b" may mean a module a.b."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in statements(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes below, but for what only a type checker or a run as a script would come to."""
    for child in ast.iter_child_nodes(node):
        skipped = isinstance(child, ast.If) and re.search("TYPE_CHECKING|__name__ ==", ast.unparse(child.test))
        if not skipped:
            yield child
            yield from statements(child)


def compiled(path: Path, name: str, optimize: int) -> bytes:
    """A .pyc that never looks for its source (flags 1: checked by hash, unchecked)."""
    code = compile(path.read_bytes(), name, "exec", dont_inherit=True, optimize=optimize)
    return importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + bytes(8) + marshal.dumps(code)


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:]))
