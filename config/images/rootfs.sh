#!/bin/bash
# Makes a Debian root file system out of packages, unless it was made before, and prints the tar file it is in.
# `rootfs.sh base` holds certificates only; `rootfs.sh data` adds PostgreSQL with pgvector and Redis, both as uid 999.
set -euo pipefail

case ${1:-} in
base) packages=ca-certificates ;;
data) packages=ca-certificates,postgresql-17,postgresql-17-pgvector,redis-server ;;
*) echo "usage: rootfs.sh base|data" >&2; exit 2 ;;
esac
cache=${COMPANION_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/companion}
content=$(sha256sum "$0" | cut -c1-12)
tar=$cache/images/rootfs-$1-$content.tar

if [ ! -f "$tar" ]; then
	[ "$(id -u)" = 0 ] || { echo "rootfs.sh: run as root: debootstrap changes root into what it makes" >&2; exit 1; }
	mkdir -p "$cache/images"
	part=$(mktemp -d -p "$cache/images")
	trap 'rm -rf "$part"' EXIT
	debootstrap --variant=minbase --include="$packages" trixie "$part/root" >"$part/log" 2>&1 ||
		{ tail -20 "$part/log" >&2; exit 1; }
	if [ "$1" = data ]; then
		# One name for uid 999, which PostgreSQL looks up; Redis needs none.
		chroot "$part/root" sh -euc 'userdel redis
			usermod --uid 999 postgres && groupmod --gid 999 postgres
			chown -R 999:999 /var/lib/postgresql /var/lib/redis'
	fi
	tar --create --file "$part/tar" --directory "$part/root" --sort=name --numeric-owner --one-file-system \
		--exclude='./dev/*' --exclude='./var/cache/*' --exclude='./var/lib/apt/lists/*' --exclude='./var/log/*' \
		--exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' --exclude='./usr/share/locale/*' \
		--exclude='./var/lib/postgresql/17' .
	rm -f "$cache/images/rootfs-$1"-*.tar
	mv "$part/tar" "$tar"
fi
echo "$tar"
