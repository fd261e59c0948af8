#!/usr/bin/env bash
# chaos.sh [FAULT,...]: hurts the whole product in every way that internal/e2e/chaos_test.go knows, or in those named, and
# prints a line for each. It takes some 40 minutes; -seed in GOTESTFLAGS brings a failed run back.
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
scripts/need.sh test
exec go test -tags chaos -count=1 -timeout 60m -v -run TestChaos ./internal/e2e -faults "${1:-}" ${GOTESTFLAGS:-}
