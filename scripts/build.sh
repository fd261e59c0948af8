#!/usr/bin/env bash
# build.sh: builds bin/gatehouse, the web apps inside.
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
go build -trimpath -o bin/gatehouse ./cmd/gatehouse
