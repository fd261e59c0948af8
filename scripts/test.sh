#!/usr/bin/env bash
# test.sh [ARGUMENT...]: runs all tests, or `go test ARGUMENT...`, with what they need.
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
scripts/need.sh test
if [ -e internal/e2e/browser/package.json ]; then
	scripts/npm.sh internal/e2e/browser
fi
[ $# -gt 0 ] || set -- ./...
exec go test -timeout 30m "$@" # a busy machine is no failure
