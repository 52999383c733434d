#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# One `nsnet tenant add`, `endpoint add` and `tenant del` (of both endpoints), as whole processes, against the same objects made by a
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
# addresses, neighbours, route, sysctls, two tables, two files. One process for each tool and namespace.
script_add() {
	ip netns add s-gw
	ip netns add s
	ip netns exec s-gw sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.disable_ipv6=1
	ip netns exec s-gw nft -f - <<-'END'
		table inet nsnet {
			chain prerouting { type filter hook prerouting priority -300; policy drop
				iifname "br0" ip saddr 10.80.1.0/24 accept
			}
			chain input { type filter hook input priority 0; policy drop
				iifname "br0" ip daddr 10.80.1.1 icmp type echo-request accept
			}
			chain forward { type filter hook forward priority 0; policy drop; }
			chain output { type filter hook output priority 0; policy drop
				oifname "br0" ip saddr 10.80.1.1 icmp type echo-reply accept
			}
		}
		table bridge nsnet {
			set pin4 { type ifname . ether_addr . ipv4_addr
				elements = { "p0" . 06:00:00:00:00:02 . 10.80.1.2 }
			}
			chain prerouting { type filter hook prerouting priority -300; policy drop
				arp htype 1 arp ptype ip arp hlen 6 arp plen 4 arp operation 1-2 iifname . ether saddr . arp saddr ip @pin4 iifname . arp saddr ether . arp saddr ip @pin4 accept
				ether type ip udp sport 67 drop
				ether daddr & 01:00:00:00:00:00 == 01:00:00:00:00:00 drop
				iifname . ether saddr . ip saddr @pin4 accept
			}
			chain forward { type filter hook forward priority -300; policy drop
				accept
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
	mkdir -p /etc/netns/s
	printf '127.0.0.1 localhost\n10.80.1.1 gateway\n10.80.1.2 s\n' >/etc/netns/s/hosts
	echo '# none' >/etc/netns/s/resolv.conf
}
script_endpoint() {
	ip netns add s.db
	ip netns exec s-gw nft -f - <<-'END'
		add element bridge nsnet pin4 { "p1" . 06:00:00:00:00:03 . 10.80.1.3 }
	END
	ip -n s-gw -batch - <<-'END'
		link add p1 type veth peer name eth0 address 06:00:00:00:00:03 netns s.db
		link set p1 master br0
		link set p1 type bridge_slave learning off flood off mcast_flood off
		link set p1 up
		neigh replace 10.80.1.3 lladdr 06:00:00:00:00:03 dev br0 nud permanent
	END
	bridge -n s-gw fdb replace 06:00:00:00:00:03 dev p1 master static
	ip netns exec s.db sysctl -qw net.ipv6.conf.all.disable_ipv6=1
	ip -n s.db -batch - <<-'END'
		link set lo up
		addr add 10.80.1.3/24 dev eth0
		link set eth0 up
		route add default via 10.80.1.1
		neigh replace 10.80.1.1 lladdr 06:00:00:00:00:01 dev eth0 nud permanent
	END
	mkdir -p /etc/netns/s.db
	echo '10.80.1.3 db' >>/etc/netns/s/hosts
	cp /etc/netns/s/* /etc/netns/s.db
}
# As scripts do it: the links one by one, then the names.
script_del() {
	ip -n s-gw link del p0
	ip -n s-gw link del p1
	ip -n s-gw link del br0
	ip netns del s
	ip netns del s.db
	ip netns del s-gw
	rm -r /etc/netns/s /etc/netns/s.db
}
nsnet_add() { "$NSNET_BIN" tenant add bench 10.80.1.0/24; }
nsnet_endpoint() { "$NSNET_BIN" endpoint add bench/db; }
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
nsnet_add >/dev/null && nsnet_endpoint >/dev/null && nsnet_del >/dev/null
script_add && script_endpoint && script_del
for ((i = 0; i < runs; i++)); do
	for which in nsnet script; do
		measure ${which}_add
		measure ${which}_endpoint
		measure ${which}_del
		settle
	done
done

echo "$(uname -sr), $(nproc) x $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1), $runs runs in turns, state on $(stat -fc %T "${NSNET_STATE_DIR%/*}")"
printf '%-8s %16s %16s %16s %16s %8s\n' ms 'nsnet median' 'min-max' 'script median' 'min-max' ratio
for what in add endpoint del; do
	n=$(median nsnet_$what) s=$(median script_$what)
	printf '%-8s %16s %16s %16s %16s %8s\n' $what "$n" "$(spread nsnet_$what)" "$s" "$(spread script_$what)" \
		"$(awk -v n="$n" -v s="$s" 'BEGIN { printf "%.2f", n / s }')"
done
