#!/bin/bash
# Trains the layer of safety that weighs what a text means: the training lines, and those of the labelled set that the
# lexicon was written by (odd numbers); the others (even numbers) measure and are never seen. In a minute: worker/lexicon/
# safety/semantic.txt.
set -euo pipefail

here=$(dirname "$(realpath "$0")")
root=$(dirname "$(dirname "$here")")
export COMPANION_CACHE=${COMPANION_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/companion}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$COMPANION_CACHE/target}

lines=$(mktemp)
weights=$(mktemp)
trap 'rm -f "$lines" "$weights"' EXIT
cat "$here"/training/*.jsonl >"$lines"
grep -hE '"id": *"[^"]*[13579]"' "$here"/labelled/*.jsonl >>"$lines"
cd "$root"
cargo build --release --locked --workspace --example train-safety
"$CARGO_TARGET_DIR/release/examples/train-safety" "$("$root/config/images/model.sh")" "$lines" >"$weights"
cp "$weights" "$root/worker/lexicon/safety/semantic.txt"
