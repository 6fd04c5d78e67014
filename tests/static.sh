#!/bin/bash
# Everything that can be said about the sources without running them: formatting, lints, dependencies, generated files.
# Called by `make test`. Needs cargo, go and shellcheck, and the programs that were just built.
set -euo pipefail
cd "$(dirname "$0")/.."
cache=${COMPANION_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/companion}
CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$cache/target}
export CARGO_TARGET_DIR
deny_version=0.20.2

step() { echo "== $*"; }

install_cargo_deny() {
	deny=$cache/cargo-deny/$deny_version/bin/cargo-deny
	[ -x "$deny" ] && return
	# A debug build checks this workspace in seconds, and is made in half the time of a release.
	CARGO_TARGET_DIR=$cache/cargo-deny/build cargo install cargo-deny --version "$deny_version" --locked --debug --quiet \
		--no-default-features --root "$cache/cargo-deny/$deny_version"
	rm -rf "$cache/cargo-deny/build"
}

step formatting
cargo fmt --all --check
unformatted=$(gofmt -l tests/cluster)
[ -z "$unformatted" ] || { echo "run gofmt -w on: $unformatted" >&2; exit 1; }

step shell scripts
git ls-files '*.sh' .ci/run | xargs shellcheck

step lints
# The release profile shares proc macros and build scripts with the build that follows.
cargo clippy --workspace --all-targets --release --locked --quiet -- -D warnings

step dependencies
install_cargo_deny
"$deny" --log-level warn check bans licenses sources

step generated files
programs=$CARGO_TARGET_DIR/release
generated() { # file, the command that prints it
	local file=$1
	shift
	"$@" | diff "$file" - || {
		echo "$file is not what the sources say: run make generate" >&2
		exit 1
	}
}
generated crds/companiondeployments.yaml "$programs/companion-operator" crd
generated docs/openapi.json "$programs/companion-worker" openapi
