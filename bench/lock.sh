#!/bin/sh
# Rewrites the lock files from pyproject.toml: every version with the hashes of all its files, no index lines.
set -eu
cd "$(dirname "$0")/.."
compile() {
    uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-header --quiet "$@"
}
compile --group build -o requirements.lock
compile --group build --group dev -o requirements-dev.lock
compile --group build --group dev --group bench -o requirements-bench.lock
