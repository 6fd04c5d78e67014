#!/bin/bash
# Installs the Debian packages that the test cluster and the images need, those named as arguments too, if they are
# missing. Where that cannot be, says what is missing.
set -euo pipefail

packages=(containerd runc containernetworking-plugins nftables conntrack iproute2 buildah debootstrap debian-archive-keyring
	ca-certificates curl gcc libc6-dev python3 python3-pip python3-venv "$@")

missing=()
for package in "${packages[@]}"; do
	[ "$(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || missing+=("$package")
done
[ "${#missing[@]}" -gt 0 ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
	echo "missing Debian packages: ${missing[*]}" >&2
	exit 1
fi
echo "installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -qq --no-install-recommends -y "${missing[@]}" >/dev/null
