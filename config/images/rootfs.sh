#!/bin/bash
# Makes a Debian root file system out of packages, unless it was made before, and prints the tar file it is in.
# `rootfs.sh base` holds certificates only; the others add PostgreSQL with pgvector, Redis or PgBouncer (for the tests), for
# uid 999.
set -euo pipefail

case ${1:-} in
base) packages=ca-certificates ;;
postgres) packages=postgresql-17,postgresql-17-pgvector ;;
redis) packages=redis-server ;;
pgbouncer) packages=pgbouncer ;;
*) echo "usage: rootfs.sh base|postgres|redis|pgbouncer" >&2; exit 2 ;;
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
	if [ "$1" = postgres ] || [ "$1" = redis ]; then
		chroot "$part/root" usermod --uid 999 "$1"
		chroot "$part/root" groupmod --gid 999 "$1"
		# What the package made for its old uid; the data is on a volume.
		rm -rf "$part"/root/var/lib/{postgresql/17,redis}
	fi
	# Compiling queries pays off in long ones only, and its libraries are half of PostgreSQL's image.
	rm -rf "$part"/root/usr/lib/postgresql/17/lib/{bitcode,llvmjit*} "$part"/root/usr/lib/*/{libLLVM,libz3}*
	tar --create --file "$part/tar" --directory "$part/root" --sort=name --numeric-owner --one-file-system \
		--exclude='./dev/*' --exclude='./var/cache/*' --exclude='./var/lib/apt/lists/*' --exclude='./var/log/*' \
		--exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' --exclude='./usr/share/locale/*' .
	mv "$part/tar" "$tar"
	# Another clone may still use an older one.
	find "$cache/images" -maxdepth 1 -name "rootfs-$1-*.tar" -mtime +7 -delete
fi
echo "$tar"
