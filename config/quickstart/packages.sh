#!/bin/bash
# Installs the Debian packages that the test cluster and the images need and that are missing; with --check, or where
# there is no apt-get, says what is missing instead.
set -euo pipefail

packages=(containerd runc containernetworking-plugins nftables conntrack iproute2 debootstrap debian-archive-keyring
	ca-certificates curl gcc libc6-dev python3 python3-pip)

missing=()
for package in "${packages[@]}"; do
	[ "$(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || missing+=("$package")
done
[ "${#missing[@]}" -gt 0 ] || exit 0
if [ "${1:-}" = --check ] || [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
	echo "missing Debian packages: ${missing[*]}" >&2
	exit 1
fi
echo "installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -qq --no-install-recommends -y "${missing[@]}" >/dev/null
