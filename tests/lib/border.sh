#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What there is around a host that leads tenants out: links of this network namespace, which is the
# host, to others with a name. Inside a world only (world.sh, world.h).
#
#	far ---- MTU 1400 ---- internet ------ eth0  host  eth1 ------ lan
#	8.8.8.8                9.9.9.9 ...            |  \  eth2 ------ storage
#	                       169.254.169.254        |   docker0 ---- container
#
#   border.sh make [FORWARDING]  none: the host forwards nothing (so it is without an argument)
#                                docker: what comes from docker0 and eth0, as a container host does
#                                all: everything
#   border.sh later              another network behind eth0, and another link, eth3, with one
#   border.sh drop               away with all of it
#   border.sh dump               what of the host may not have changed when the last uplink is gone
#
# All others have routes to each other and to the tenants by the host, so what it does forward
# arrives, and is answered. Who calls the host from the internet is 9.9.9.9, or 8.8.8.8 behind it.
# IPv6 is the same as IPv4.
set -euo pipefail
export LC_ALL=C

# NAME LINK ADDRESSES-OF-THE-HOST... - ADDRESSES-THERE...
beside() {
	local name=$1 link=$2 a to=host

	shift 2
	ip netns add "$name"
	ip link add "$link" type veth peer name eth0 netns "$name"
	ip -n "$name" link set lo up
	ip netns exec "$name" sysctl -qw net.ipv6.conf.eth0.accept_dad=0 net.ipv6.conf.eth0.accept_ra=0
	sysctl -qw "net.ipv6.conf.$link.accept_dad=0"
	for a in "$@"; do
		case $to:$a in
		*:-) to=there ;;
		host:*:*) ip addr add "$a" dev "$link" nodad ;;
		host:*) ip addr add "$a" dev "$link" ;;
		*:*:*) ip -n "$name" addr add "$a" dev eth0 nodad ;;
		*) ip -n "$name" addr add "$a" dev eth0 ;;
		esac
	done
	ip link set "$link" up
	ip -n "$name" link set eth0 up
}

# NAME ADDRESS...: of itself, not of a link.
own() {
	local name=$1 a

	for a in "${@:2}"; do
		case $a in
		*:*) ip -n "$name" addr add "$a" dev lo nodad ;;
		*) ip -n "$name" addr add "$a" dev lo ;;
		esac
	done
}

make_internet() {
	beside internet eth0 192.0.2.10/24 2001:db8:2::10/64 - 192.0.2.1/24 2001:db8:2::1/64 fe80::1/64
	ip addr add 203.0.113.10/32 dev lo
	ip addr add 2001:db8:113::10/128 dev lo nodad
	own internet 9.9.9.9/32 9.9.9.10/32 1.0.0.1/32 1.1.1.1/32 5.5.5.5/32 6.6.6.6/32 169.254.169.254/32 10.99.0.1/32 \
		2620:fe::fe/128 2606:4700:4700::1111/128 2a00:5:5::5/128 fd00:ec2::254/128
	ip netns exec internet sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	ip -n internet -batch - <<-'END'
		route add 203.0.113.0/24 via 192.0.2.10 src 9.9.9.9
		route add 192.0.2.10 dev eth0 src 9.9.9.9
		route add 192.168.50.0/24 via 192.0.2.10
		route add 172.17.0.0/16 via 192.0.2.10
		route add 10.10.0.0/16 via 192.0.2.10
		route add 100.64.0.0/10 via 192.0.2.10
		route add 2001:db8:113::/64 via 2001:db8:2::10 src 2620:fe::fe
		route add 2001:db8:2::10 dev eth0 src 2620:fe::fe
		route add fd00:50::/64 via 2001:db8:2::10
		route add fd00:17::/64 via 2001:db8:2::10
		route add fd00:10::/32 via 2001:db8:2::10
		route add fd6e:736e:6574:78::/64 via 2001:db8:2::10
	END
	ip route add default via 192.0.2.1
	ip -6 route add default via 2001:db8:2::1

	ip netns add far
	ip netns exec internet sysctl -qw net.ipv6.conf.default.accept_dad=0
	ip netns exec far sysctl -qw net.ipv6.conf.default.accept_dad=0
	ip -n internet link add eth1 mtu 1400 type veth peer name eth0 mtu 1400 netns far
	ip -n internet -batch - <<-'END'
		addr add 198.51.100.1/24 dev eth1
		addr add 2001:db8:51::1/64 dev eth1 nodad
		link set eth1 up
		route add 8.8.8.8 via 198.51.100.2
		route add 2001:4860:4860::8888 via 2001:db8:51::2
	END
	ip -n far -batch - <<-'END'
		link set lo up
		addr add 8.8.8.8/32 dev lo
		addr add 2001:4860:4860::8888/128 dev lo nodad
		addr add 198.51.100.2/24 dev eth0
		addr add 2001:db8:51::2/64 dev eth0 nodad
		link set eth0 up
		route add default via 198.51.100.1 src 8.8.8.8
		route add ::/0 via 2001:db8:51::1 src 2001:4860:4860::8888
	END
}

by_the_host() { # NAME GATEWAY GATEWAY6
	ip -n "$1" route add default via "$2"
	ip -n "$1" -6 route add default via "$3"
}

make_others() {
	beside lan eth1 192.168.50.10/24 fd00:50::10/64 - 192.168.50.20/24 fd00:50::20/64
	by_the_host lan 192.168.50.10 fd00:50::10
	# Addresses that are globally reachable, and still no internet.
	beside storage eth2 203.0.114.10/24 2a02:114::10/64 - 203.0.114.20/24 2a02:114::20/64
	by_the_host storage 203.0.114.10 2a02:114::10

	ip link add docker0 type bridge mcast_snooping 0
	sysctl -qw net.ipv6.conf.docker0.accept_dad=0
	beside container vethc - 172.17.0.2/16 fd00:17::2/64
	ip link set vethc master docker0
	ip -batch - <<-'END'
		addr add 172.17.0.1/16 dev docker0
		addr add fd00:17::1/64 dev docker0 nodad
		link set docker0 up
	END
	by_the_host container 172.17.0.1 fd00:17::1
}

forwarding() {
	local link

	case $1 in
	none) ;;
	all) sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 ;;
	docker)
		for link in docker0 eth0; do
			sysctl -qw "net.ipv4.conf.$link.forwarding=1"
		done
		;;
	*) return 2 ;;
	esac
}

# A link that came up gets its own address a moment later, and a bridge learns who is there.
settled() {
	local link i

	for link in eth0 eth1 eth2 docker0; do
		for ((i = 0; i < 200; i++)); do
			ip -6 -o addr show dev "$link" scope link -tentative | grep -q . && continue 2
			read -rt 0.05 <> <(:) || true
		done
		echo "border.sh: $link does not come up" >&2
		return 1
	done
	for link in 192.0.2.1 192.168.50.20 203.0.114.20 172.17.0.2; do
		ping -q -c1 -W5 "$link" >/dev/null
	done
}

# What is there of others, and is none of nsnet's business.
make_foreign() {
	nft -f - <<-'END'
		table ip docker {
			chain postrouting {
				type nat hook postrouting priority 100; policy accept;
				ip saddr 172.17.0.0/16 oifname != "docker0" masquerade
			}
		}
		table inet site {
			set admins { type ipv4_addr; elements = { 192.168.50.20 }; }
			chain input {
				type filter hook input priority 0; policy accept;
				ip saddr @admins counter accept
			}
		}
	END
}

later() {
	ip addr add 5.5.5.1/24 dev eth0
	ip -6 addr add 2a00:5:5::1/64 dev eth0 nodad
	# The one behind it was there before, and answered by the router.
	ip -n internet route add 5.5.5.0/24 dev eth0
	# Who is asked for an address of another link does not answer, with IPv6.
	ip -n internet addr add 2a00:5:5::5/64 dev eth0 nodad
	beside later eth3 6.6.6.1/24 2a00:6:6::1/64 - 6.6.6.6/24 2a00:6:6::6/64
	by_the_host later 6.6.6.1 2a00:6:6::1
}

drop() {
	local name

	for name in internet far lan storage container later; do
		ip netns del "$name" 2>/dev/null || true
	done
	# What is at the other end goes as its namespace does, which is later.
	for name in eth0 eth1 eth2 eth3 vethc docker0; do
		ip link del "$name" 2>/dev/null || true
	done
	ip addr del 203.0.113.10/32 dev lo
	ip addr del 2001:db8:113::10/128 dev lo
	nft delete table ip docker 2>/dev/null || true
	nft delete table inet site 2>/dev/null || true
}

# Counters and state of the kernel itself, and switches that only write.
volatile='nf_conntrack_count|nf_conntrack_buckets|/route/flush|tcp_fastopen_key|/neigh/.*gc_'

dump() {
	local i

	grep -rsE . /proc/sys/net | grep -vE "$volatile" | sort || true
	nft -s list ruleset
	for i in 4 6; do
		ip -"$i" rule
		ip -"$i" route show table all | sed 's/ expires [0-9]*sec//'
	done
	ip -o addr | sed 's/valid_lft.*//'
	ip -o link | sed 's/^[0-9]*: //'
	ip neigh show nud permanent
}

case ${1:-} in
make)
	sysctl -qw net.ipv6.conf.default.accept_dad=0
	make_internet
	make_others
	forwarding "${2:-none}"
	make_foreign
	settled
	;;
later) later ;;
drop) drop ;;
dump) dump ;;
*)
	sed -n 's/^#   border/usage: border/p' "$0" >&2
	exit 2
	;;
esac
