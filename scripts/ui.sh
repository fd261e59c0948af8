#!/usr/bin/env bash
# ui.sh: builds the web apps, gateway/*/app, each into the dist beside it, which is committed.
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
for app in gateway/*/app/package.json; do
	[ -e "$app" ] || continue
	app=${app%/package.json}
	scripts/npm.sh "$app"
	npm --prefix "$app" run --silent build
done
