#!/usr/bin/env bash
# check.sh: all that must hold before a change goes in. It stops at the first thing that does not.
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
scripts/need.sh check

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
in_copy() { (cd "$copy" && "$@"); }
git_in_copy() { GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null git -C "$copy" -c core.excludesFile=/dev/null "$@"; }

say "modules are as published, and go.mod is tidy"
go mod verify
go mod tidy -diff
go -C internal/tools mod verify

# From here on there is a clean copy of the working tree, to be changed at will.
git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' f; do [ ! -e "$f" ] || printf '%s\0' "$f"; done |
	tar -c --null -T - | tar -x -C "$copy"
git_in_copy init -q
git_in_copy add -f .
committed=$(git_in_copy write-tree)

say "format"
unformatted=$(in_copy gofmt -l .)
[ -z "$unformatted" ] || die "run gofmt on $unformatted"

say "vet"
in_copy go vet ./... # in the copy, because there nothing lies about that git ignores

say "lint"
scripts/tool.sh golangci-lint run ./...

say "what is generated is fresh"
in_copy scripts/gen.sh
in_copy scripts/ui.sh
git_in_copy add -A .
git_in_copy --no-pager diff --stat --exit-code "$committed" "$(git_in_copy write-tree)" || die "stale: run 'make gen ui' and commit what that changes"

say "web apps: types, rules, tests"
for app in "$copy"/gateway/*/app/package.json; do
	[ -e "$app" ] || continue
	for script in check lint test; do
		npm --prefix "${app%/package.json}" run --silent --if-present "$script"
	done
done

say "tests"
scripts/test.sh
