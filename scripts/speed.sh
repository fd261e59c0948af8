#!/usr/bin/env bash
# speed.sh [FILE]: how fast the inbox is in a browser whose processor is four times slower (UI.md §10.6): starts an instance of
# its own on 127.0.0.1:${SPEED_PORT:-18470}, fills a desk, plays internal/e2e/browser/speed.mjs and prints a table; FILE gets the
# same as JSON. TIMES is how often each is done. Run it where nothing else runs: what it finds is the machine's, too.
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
scripts/need.sh test
scripts/npm.sh internal/e2e/browser
json=${1:+$(realpath -m "$1")}
port=${SPEED_PORT:-18470}

here=$(mktemp -d)
chmod 755 "$here" # as root, Postgres runs as its own user
server=
end() {
	[ -z "$server" ] || { kill "$server" && wait "$server"; } 2>/dev/null || true
	rm -rf "$here"
}
trap end EXIT

go build -o "$here/gatehouse" ./cmd/gatehouse
unset DATABASE_URL REDIS_URL
export GATEHOUSE_DATA=$here/data GATEHOUSE_LISTEN=127.0.0.1:$port GATEHOUSE_OPS_LISTEN=127.0.0.1:$((port + 1))
"$here/gatehouse" serve >"$here/said" 2>"$here/log" &
server=$!
until grep -q Ops "$here/said"; do
	kill -0 "$server" 2>/dev/null || { cat "$here/log" >&2; die "the instance ended before it was ready"; }
	sleep 0.2
done
"$here/gatehouse" bench desk --json >"$here/desk.json"
cd internal/e2e/browser
DESK=http://127.0.0.1:$port SEEDED=$here/desk.json REVISION=$(git describe --always --dirty) JSON_TO=$json node speed.mjs
