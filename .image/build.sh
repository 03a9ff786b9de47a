#!/bin/sh
# Builds the image: with docker where an engine answers, else with buildah, rootless of any daemon.
# The latter needs no registry either: where the base image is not at hand, debootstrap makes a stand-in of it from the host's
# mirror. Certificate authorities, pip's and apt's settings of the host are only lent to the build, read-only.
#
# usage: build.sh [TAG]      (root, where there is no engine)
set -eu
cd "$(dirname "$0")/.."
tag=${1:-radiostream:latest}
base=docker.io/library/debian:bookworm-slim

source=$(git config --get remote.origin.url | sed 's#//[^/@]*@#//#') # without a name and password
revision=$(git rev-parse HEAD) || revision= # no checkout

if docker info >/dev/null 2>&1; then
  exec docker build --build-arg SOURCE="$source" --build-arg REVISION="$revision" --tag "$tag" .
fi

sh .image/install-tools.sh

stand_in() {
  mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
    sed -nE 's/^(URIs:|deb) (https?:[^ ]*\/debian)\/?( .*|$)/\2/p' | head -1)
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  debootstrap --variant=minbase --include=ca-certificates bookworm "$folder" ${mirror:+"$mirror"} >"$folder.log" 2>&1 || {
    tail "$folder.log"
    exit 1
  }
  rm -rf "$folder"/var/cache/apt/* "$folder"/var/lib/apt/lists/* "$folder.log"
  container=$(buildah from scratch)
  buildah add --quiet "$container" "$folder" / >/dev/null
  buildah config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --cmd bash "$container"
  buildah commit --quiet --rm "$container" "$base"
}

buildah inspect --type image "$base" >/dev/null 2>&1 || timeout 60 buildah pull --quiet "$base" >/dev/null 2>&1 || stand_in

set -- --build-arg SOURCE="$source" --build-arg REVISION="$revision"
# what the host lends
for file in /etc/ssl/certs/ca-certificates.crt /etc/pip.conf /etc/apt/apt.conf.d/99*; do
  [ ! -f "$file" ] || set -- "$@" --volume "$file:$file:ro"
done
# the OCI format has no place for a health check
buildah build --isolation chroot --format docker --layers --timestamp 0 "$@" --tag "$tag" .
