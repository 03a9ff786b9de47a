#!/bin/sh
# Installs what building and running the image takes where no engine answers: Debian's buildah, debootstrap, podman, crun and openssl (root).
set -eu
missing=
for tool in buildah debootstrap podman crun openssl; do
  command -v "$tool" >/dev/null || missing="$missing $tool"
done
[ -z "$missing" ] || {
  apt-get update -qq
  # shellcheck disable=SC2086 # one word for each package
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
}
