#!/usr/bin/env bash
# npm.sh FOLDER: installs what the folder's lock file says, if that has changed since.
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$1"
[ node_modules/.package-lock.json -nt package-lock.json ] && [ node_modules/.package-lock.json -nt package.json ] && exit
npm ci --no-audit --no-fund --loglevel=error
touch node_modules/.package-lock.json
