#!/bin/bash
# Everything that can be said about the sources without running them: formatting, lints, dependencies, generated files.
# Called by `make test`. Needs cargo, go and shellcheck, and the operator that was just built.
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
"$CARGO_TARGET_DIR/release/companion-operator" crd | diff crds/companiondeployments.yaml - || {
	echo "crds/companiondeployments.yaml is not what the types say: run make generate" >&2
	exit 1
}
