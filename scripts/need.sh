#!/usr/bin/env bash
# need.sh run|test|check: installs from Debian what is missing to do that. Says nothing if nothing is.
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
purpose=${1:?run, test or check}

packages=()
need() { "${@:2}" || packages+=("$1"); }
postgres() { compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || has initdb; }
fonts() { compgen -G '/usr/share/fonts/truetype/*' >/dev/null; }

missing() {
	packages=()
	need postgresql postgres
	need redis-server has redis-server
	[ "$purpose" = run ] && return
	need chromium has chromium
	need fonts-liberation fonts
	need nodejs has node
	need npm has npm
	need prometheus has promtool # checks the alerting rules
}

missing
if [ ${#packages[@]} -gt 0 ]; then
	by_hand="apt-get install --no-install-recommends ${packages[*]}"
	as_root=()
	if ! has apt-get; then
		say "missing, and not installed from here because this is not Debian: ${packages[*]}"
	elif [ "$(id -u)" != 0 ] && ! has sudo; then
		say "missing, and not installed from here without root or sudo. As root: $by_hand"
	else
		[ "$(id -u)" = 0 ] || as_root=(sudo)
		say "installing ${packages[*]}"
		"${as_root[@]}" scripts/apt.sh "${packages[@]}" || say "could not install them. As root: $by_hand"
	fi
	missing
fi
for package in "${packages[@]}"; do
	case $purpose/$package in
	run/redis-server) say "without redis-server, an in-memory stand-in is used" ;;
	*) die "cannot go on without $package" ;;
	esac
done

# What the browser tests and the web apps ask of Node; Debian 12 has 18.
if [ "$purpose" != run ] && ! node -e '
	const [major, minor] = process.versions.node.split(".").map(Number)
	process.exit(major > 22 || major === 22 && minor >= 12 || major === 20 && minor >= 19 ? 0 : 1)'; then
	say "Node $(node --version) is too old, fetching the one that scripts/node pins"
	npm ci --prefix scripts/node --no-audit --no-fund --loglevel=error
fi
