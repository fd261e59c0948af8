#!/usr/bin/env bash
# gen.sh: writes the generated Go code anew: internal/postgres/gen from the SQL, and whatever has a go:generate line.
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
if [ -e internal/postgres/sqlc.yaml ]; then
	TOOL_DIR=internal/postgres scripts/tool.sh sqlc compile # fails before anything is removed
	rm -rf internal/postgres/gen
	TOOL_DIR=internal/postgres scripts/tool.sh sqlc generate
fi
go generate ./...
