#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# One `nsnet tenant add` and `tenant del`, as whole processes, against the same objects made by a
# script of `ip -batch` and `nft -f`. Both in a world of their own, in turns, RUNS times (15).
# The median counts: this is for ratios on one machine, not for numbers to compare across machines.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export LC_ALL=C
runs=${RUNS:-15}

if [[ ${1:-} != inside ]]; then
	NSNET_BIN=${NSNET_BIN:-$PWD/build/nsnet}
	# The state lies on a real disk: in the world's /var/lib, which is memory, fsync() costs nothing.
	state=$(mktemp -d)
	trap 'rm -rf "$state"' EXIT
	export NSNET_BIN NSNET_STATE_DIR=$state/nsnet
	tests/lib/world.sh bash tests/bench/bench.sh inside
	exit
fi

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# What `nsnet tenant add` makes, less all marks of ownership: both namespaces, bridge and port, both
# addresses, neighbours, route, sysctls, a table that drops. One process for each tool and namespace.
script_add() {
	ip netns add s-gw
	ip netns add s
	ip netns exec s-gw sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.disable_ipv6=1
	ip netns exec s-gw nft -f - <<-'END'
		table inet nsnet {
			chain input { type filter hook input priority 0; policy drop
				iifname "lo" accept
				iifname "br0" icmp type echo-request accept
			}
			chain forward { type filter hook forward priority 0; policy drop; }
			chain output { type filter hook output priority 0; policy drop
				oifname "lo" accept
				oifname "br0" icmp type { echo-reply, destination-unreachable, time-exceeded } accept
			}
		}
	END
	ip -n s-gw -batch - <<-'END'
		link set lo up
		link add br0 address 06:00:00:00:00:01 type bridge mcast_snooping 0
		link add p0 type veth peer name eth0 address 06:00:00:00:00:02 netns s
		link set p0 master br0
		link set p0 type bridge_slave isolated on learning off flood off mcast_flood off
		addr add 10.80.1.1/24 dev br0
		link set br0 up
		link set p0 up
		neigh replace 10.80.1.2 lladdr 06:00:00:00:00:02 dev br0 nud permanent
	END
	ip -n s-gw link show p0 >/dev/null
	bridge -n s-gw fdb replace 06:00:00:00:00:02 dev p0 master static
	ip netns exec s sysctl -qw net.ipv6.conf.all.disable_ipv6=1
	ip -n s -batch - <<-'END'
		link set lo up
		addr add 10.80.1.2/24 dev eth0
		link set eth0 up
		route add default via 10.80.1.1
		neigh replace 10.80.1.1 lladdr 06:00:00:00:00:01 dev eth0 nud permanent
	END
}
# As scripts do it: the links one by one, then the names.
script_del() {
	ip -n s-gw link del p0
	ip -n s-gw link del br0
	ip netns del s
	ip netns del s-gw
}
nsnet_add() { "$NSNET_BIN" tenant add bench 10.80.1.0/24; }
nsnet_del() { "$NSNET_BIN" tenant del bench; }

measure() { # NAME: microseconds of the function NAME, one more line in $tmp/NAME
	local begin=${EPOCHREALTIME/./}

	"$1" >/dev/null
	echo $((${EPOCHREALTIME/./} - begin)) >>"$tmp/$1"
}
# The kernel frees namespaces in the background, for some 70 ms, with locks that the next run would
# wait for. Nothing tells when it is done, and nothing depends on it but how even the numbers are.
settle() { read -rt 0.25 <> <(:) || true; }
median() { sort -n "$tmp/$1" | awk '{ a[NR] = $1 } END { m = NR % 2 ? a[(NR + 1) / 2] : (a[NR / 2] + a[NR / 2 + 1]) / 2; printf "%.2f", m / 1000 }'; }
spread() { sort -n "$tmp/$1" | awk '{ a[NR] = $1 } END { printf "%.2f-%.2f", a[1] / 1000, a[NR] / 1000 }'; }

# Once each, so that neither pays for what is loaded and made only once.
nsnet_add >/dev/null && nsnet_del >/dev/null
script_add && script_del
for ((i = 0; i < runs; i++)); do
	for which in nsnet script; do
		measure ${which}_add
		measure ${which}_del
		settle
	done
done

echo "$(uname -sr), $(nproc) x $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1), $runs runs in turns, state on $(stat -fc %T "${NSNET_STATE_DIR%/*}")"
printf '%-6s %16s %16s %16s %16s %8s\n' ms 'nsnet median' 'min-max' 'script median' 'min-max' ratio
for what in add del; do
	n=$(median nsnet_$what) s=$(median script_$what)
	printf '%-6s %16s %16s %16s %16s %8s\n' $what "$n" "$(spread nsnet_$what)" "$s" "$(spread script_$what)" \
		"$(awk -v n="$n" -v s="$s" 'BEGIN { printf "%.2f", n / s }')"
done
