#!/usr/bin/env bash
# chaos.sh [FAULT,...]: hurts the whole product in every way that internal/e2e/faults_test.go knows, or in those named, and has it
# die twenty times at every point of internal/crash; prints a line for each, and runs every benchmark for a moment. -seed in GOTESTFLAGS brings a failed run back.
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
scripts/need.sh test
exec go test -tags chaos -count=1 -timeout 90m -v -run 'TestChaos|TestScale|TestWorkersShare|TestCrashPoints|TestAKilledMigration|TestAllBenchmarks' ./internal/e2e -faults "${1:-all}" ${GOTESTFLAGS:-}
