#!/usr/bin/env bash
# apt.sh PACKAGE...: as root, installs Debian packages without what some of them would set running: no database cluster,
# no service, neither now nor after a reboot.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
cluster=/etc/postgresql-common/createcluster.d/gatehouse.conf
log=$(mktemp)

made=("$log" "$cluster")
trap 'rm -f "${made[@]}"; rmdir "$(dirname "$cluster")" 2>/dev/null || true' EXIT
mkdir -p "$(dirname "$cluster")"
echo 'create_main_cluster = false' >"$cluster"
if [ ! -e "$policy" ]; then
	made+=("$policy")
	printf '#!/bin/sh\nexit 101\n' >"$policy" # "forbidden", to whoever would start a service
	chmod 755 "$policy"
fi

apt() { apt-get -qq -o DPkg::Lock::Timeout=300 "$@" </dev/null >>"$log" 2>&1 || { tail -n 20 "$log" >&2 && exit 1; }; }
apt update
apt install -y --no-install-recommends "$@"

for service in redis-server prometheus; do
	case " $* " in
	*" $service "*) systemctl -q disable "$service" 2>>"$log" || update-rc.d "$service" disable >>"$log" 2>&1 || true ;;
	esac
done
