#!/bin/sh
# Builds Debian's own CPython source into one executable: the interpreter, the C modules that `python-modules` names, OpenSSL and
# zlib. libc and libm stay shared: name look-ups need it so.
#
# Built twice: the first is trained by `train.py`, the second is optimised for what was seen to run; what never ran is made small.
# Against Debian's Python: the same speed. Against -Os: 0.4 MB more, and twice the speed.
#
# usage: build-python.sh SOURCE      result: /usr/local/bin/python3 and /usr/local/lib/python3.X
set -eu
here=$(cd "$(dirname "$0")" && pwd)
source=$1
build=$(mktemp -d)
mkdir "$build/Modules"
cp "$here/python-modules" "$build/Modules/Setup.local"
cd "$build"

# Makes the interpreter with the given compiler's and linker's flags on top of the common ones; shows the log only if that fails.
compile() {
  make -j"$(nproc)" python CFLAGS_NODIST="$1" LDFLAGS_NODIST="$2" >make.log 2>&1 || {
    grep -iE 'error|undefined' make.log | head
    tail -5 make.log
    exit 1
  }
}

# No unwind tables: nothing is thrown through C, and where a thread is ended at exit libc stops at the first frame without one.
export CFLAGS="-O2 -g0 -fno-pie -ffunction-sections -fdata-sections -fno-unwind-tables -fno-asynchronous-unwind-tables"
export LDFLAGS="-no-pie -Wl,--gc-sections -Wl,-s -Wl,--as-needed" LINKFORSHARED=" "
"$source/configure" --disable-test-modules --without-ensurepip --without-doc-strings >configure.log 2>&1 || {
  tail -20 configure.log
  exit 1
}
compile "-fprofile-generate -fprofile-update=prefer-atomic" -fprofile-generate
# Debian's Python of the same version compiles the library beforehand: the compiler, which the server never runs, stays untrained.
/usr/bin/python3 -m compileall -q -x '/(test|tests|lib2to3|idlelib)/' "$source/Lib"
./python "$here/train.py"
find . \( -name '*.o' -o -name '*.a' -o -name python \) -delete
compile "-fprofile-use -fprofile-correction -Wno-missing-profile" ""

version=$(./python -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
library=/usr/local/lib/$version
install -D python "/usr/local/bin/$version"
ln -sf "$version" /usr/local/bin/python3
mkdir -p "$library/lib-dynload"
cp -R "$source/Lib/." "$library"
dpkg-parsechangelog -l "$source/debian/changelog" -S Version >"$library/debian-version"
rm -rf "$build"
"/usr/local/bin/$version" -c 'import ssl, sys, unicodedata, zlib; print(sys.version, ssl.OPENSSL_VERSION)'
