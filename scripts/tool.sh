#!/usr/bin/env bash
# tool.sh NAME ARGUMENT...: runs a development tool in the version that internal/tools/go.mod pins. Go builds it once.
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
# Without cgo: no C compiler is needed, and sqlc's parser is then the same WebAssembly everywhere.
tool=$(CGO_ENABLED=0 go -C internal/tools tool -n "$1")
cd "${TOOL_DIR:-$root}"
exec "$tool" "${@:2}"
