# shellcheck shell=bash
# Sourced by the other scripts: goes to the root of the checkout and fills in what a bare machine's environment lacks.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

say() { printf 'gatehouse: %s\n' "$*" >&2; }
die() { say "$@"; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

# Go and npm want a home to keep their caches in; a service user may have none.
if [ -z "${HOME:-}" ] || [ ! -w "$HOME" ]; then
	export HOME=$root/.home GOFLAGS="${GOFLAGS:-} -modcacherw" # or rm -rf would stop at Go's modules
	mkdir -p "$HOME"
fi

# The checkout may belong to somebody else (sudo, a mounted volume); git then answers neither us nor `go build`.
n=${GIT_CONFIG_COUNT:-0}
export "GIT_CONFIG_KEY_$n=safe.directory" "GIT_CONFIG_VALUE_$n=$root" GIT_CONFIG_COUNT=$((n + 1))

has go || PATH=$PATH:/usr/local/go/bin
has go || die "Go 1.26 or later is needed: https://go.dev/dl"

# need.sh fetches a Node here if Debian's is too old. It has to be told of the certificates that Debian's trusts.
for node in "$root"/scripts/node/node_modules/node-linux-*/bin; do
	[ -d "$node" ] || continue
	PATH=$node:$PATH
	export NODE_EXTRA_CA_CERTS=${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}
done
export PATH
