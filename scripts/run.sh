#!/usr/bin/env bash
# run.sh [FLAG...]: builds Gatehouse and runs it with the demo, on a Postgres and a Redis of its own below ./data.
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
scripts/need.sh run
scripts/build.sh
exec bin/gatehouse serve --demo "$@" # in our place, so that Ctrl-C and SIGTERM reach it
