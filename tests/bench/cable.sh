#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What a connection between two tenants loses to what stands around it: TCP, and UDP of 64 bytes, by iperf3, in turns, RUNS times
# (15) of SECS seconds (2), all in one world. The median counts, as a ratio: numbers of two machines cannot be compared.
#
#   base    two bridges in one namespace, which routes between them under a firewall of two rules; no pins
#   cable   two tenants and a rule: pins on both ports, two gateways, a cable, maps, routes that need a mark
#   plain   the same made by hand (both gateways with the rules that `nft list ruleset` told), but for routes that need no mark:
#           what the way costs that lets nothing through after a flush
#   full    as cable, with ELEMENTS (10,000) elements of rules in each gateway
#
# STRICT=1: the status is 1 when one is below what it has to be.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export LC_ALL=C
runs=${RUNS:-15} secs=${SECS:-2} elements=${ELEMENTS:-10000}

if ! command -v iperf3 >/dev/null; then
	echo "cable.sh: iperf3 is not here, so this is not measured (make deps installs it)"
	exit 0
fi
if [[ ${1:-} != inside ]]; then
	NSNET_BIN=${NSNET_BIN:-$PWD/build/nsnet}
	export NSNET_BIN
	exec tests/lib/world.sh bash tests/bench/cable.sh inside
fi

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
port=5201

# What a document says: an expression of Python, in which d is the document.
json() { python3 -c "import json, sys; d = json.load(sys.stdin); print($1)"; }
nsnet() { "$NSNET_BIN" -q "$@"; }
# Each tenant's gateway: its number is that of the pin.
gateway() { echo /run/nsnet/gw/*-"$("$NSNET_BIN" -j tenant show "$1" | json 'd["items"][0]["id"]')"; }
in_gateway() { # TENANT CMD...
	local pin

	pin=$(gateway "$1")
	nsenter --net="$pin" -- "${@:2}"
}

# ---- base ---------------------------------------------------------------------------

make_base() {
	local n

	ip netns add base-g
	ip netns exec base-g sysctl -qw net.ipv4.ip_forward=1
	for n in 1 2; do
		ip netns add base-$n
		ip -n base-g -batch - <<-END
			link add br$n address 06:00:00:00:00:0$n type bridge mcast_snooping 0
			link add p$n type veth peer name eth0 address 02:00:00:00:00:0$n netns base-$n
			link set p$n master br$n
			addr add 10.81.$n.1/24 dev br$n
			link set br$n up
			link set p$n up
		END
		ip -n base-$n -batch - <<-END
			addr add 10.81.$n.2/24 dev eth0
			link set eth0 up
			route add default via 10.81.$n.1
		END
	done
	ip netns exec base-g nft -f - <<-'END'
		table inet fw {
			chain forward { type filter hook forward priority 0; policy drop
				ct state established,related accept
				iifname "br1" oifname "br2" ip daddr 10.81.2.2 accept
			}
		}
	END
}

# ---- cable, full --------------------------------------------------------------------

make_cable() {
	nsnet tenant add cable-1 10.82.1.0/24
	nsnet tenant add cable-2 10.82.2.0/24
	nsnet allow cable-1 cable-2 tcp/$port,udp/$port --because bench
}
# Endpoints far apart and every other port: no two are one range.
make_full() {
	local from=full-1/e1 ports i n=10 first=20000

	nsnet tenant add full-1 10.83.1.0/24
	nsnet tenant add full-2 10.83.2.0/24
	for ((i = 1; i <= n; i++)); do
		nsnet endpoint add full-1/e$i --ip 10.83.1.$((10 * i))
		((i == 1)) || from+=,full-1/e$i
	done
	for (( ; elements > 0; elements -= 64 * n, first += 128)); do
		ports=$(seq -s, -f 'tcp/%g' $first 2 $((first + 126)))
		nsnet allow "$from" full-2 "$ports" --because bench --name bench-$first
	done
	nsnet allow full-1 full-2 tcp/$port,udp/$port --because bench
}
elements_of() { in_gateway "$1" nft list map inet nsnet nsnet_flow4 | grep -c comment; }

# ---- plain: the gateways of cable, by hand --------------------------------------------

link_of() { in_gateway "$1" ip -j link show | json "next(l['ifname'] for l in d if l.get('$2') == $3)"; }
mac_of() { in_gateway "$1" ip -j link show dev "$2" | json 'd[0]["address"]'; }
plain_links() { # NUMBER: bridge, port and workload
	local t=cable-$1 g=plain-g$1 e=plain-$1 p mac gw

	p=$(link_of "$t" master "'br0'")
	mac=$(ip -n "$t" -j link show dev eth0 | json 'd[0]["address"]')
	gw=$(mac_of "$t" br0)
	ip netns add "$g"
	ip netns add "$e"
	ip -n "$g" -batch - <<-END
		link add br0 address $gw type bridge mcast_snooping 0
		link add $p address $(mac_of "$t" "$p") type veth peer name eth0 address $mac netns $e
		link set $p master br0
		link set $p type bridge_slave learning off flood off mcast_flood off bcast_flood off guard on locked on proxy_arp_wifi on
		addr add 10.82.$1.1/24 dev br0
		link set br0 up
		link set $p up
		neigh replace 10.82.$1.2 lladdr $mac dev br0 nud permanent
	END
	bridge -n "$g" fdb replace "$mac" dev "$p" master static
	ip -n "$e" -batch - <<-END
		addr add 10.82.$1.2/24 dev eth0
		link set eth0 up
		route add default via 10.82.$1.1
		neigh replace 10.82.$1.1 lladdr $gw dev eth0 nud permanent
	END
}
plain_cable() {
	local c one two

	c=$(link_of cable-1 mtu 65535)
	one=$(mac_of cable-1 "$c") two=$(mac_of cable-2 "$c")
	ip -n plain-g1 link add "$c" address "$one" mtu 65535 type veth peer name "$c" address "$two" mtu 65535 netns plain-g2
	plain_route plain-g1 "$c" 10.82.2.0/24 100.127.0.1 "$two"
	plain_route plain-g2 "$c" 10.82.1.0/24 100.127.0.0 "$one"
}
plain_route() { # GATEWAY CABLE TO VIA MAC
	ip -n "$1" link set "$2" up
	ip -n "$1" neigh replace "$4" lladdr "$5" dev "$2" nud permanent
	ip -n "$1" route add "$3" via "$4" dev "$2" onlink
}
# All that the other one has otherwise; some can only be read.
plain_sysctls() { # TENANT GATEWAY
	comm -23 <(in_gateway "$1" sysctl -a 2>/dev/null | grep '^net' | sort) \
		<(ip netns exec "$2" sysctl -a 2>/dev/null | grep '^net' | sort) >"$tmp/sysctls"
	ip netns exec "$2" sysctl -q -e -p "$tmp/sysctls" 2>/dev/null || true
}
make_plain() {
	local n

	for n in 1 2; do plain_links $n; done
	plain_cable
	for n in 1 2; do
		in_gateway cable-$n nft list ruleset >"$tmp/rules"
		ip netns exec plain-g$n nft -f "$tmp/rules"
		plain_sysctls cable-$n plain-g$n
	done
}

# ---- one run -------------------------------------------------------------------------

address() { # WHICH: of who is called
	case $1 in
	base) echo 10.81.2.2 ;;
	full) echo 10.83.2.2 ;;
	*) echo 10.82.2.2 ;;
	esac
}
listens() { ip netns exec "$1" ss -Htln "sport = :$port" | grep -q .; }
iperf() { # WHICH ARGS...: its report
	local to server=$1-2 pid i

	to=$(address "$1")
	ip netns exec "$server" iperf3 -s -1 -p $port >/dev/null 2>&1 &
	pid=$!
	for ((i = 0; i < 100; i++)); do
		listens "$server" && break
		read -rt 0.05 <> <(:) || true
	done
	timeout $((secs + 20)) ip netns exec "$1-1" iperf3 -c "$to" -p $port -t "$secs" -J "${@:2}"
	wait $pid
}
# Gbit/s that arrived, and thousands of packets a second that did.
run_tcp() { iperf "$1" | json 'd["end"]["sum_received"]["bits_per_second"] / 1e9'; }
run_udp() {
	iperf "$1" -u -l 64 -b 0 |
		json '(lambda s: (s["packets"] - s["lost_packets"]) / s["seconds"] / 1e3)(d["end"]["sum"])'
}

# ---- the table --------------------------------------------------------------------------

median() { sort -g | awk '{ a[NR] = $1 } END { print NR % 2 ? a[(NR + 1) / 2] : (a[NR / 2] + a[NR / 2 + 1]) / 2 }'; }
spread() { sort -g "$tmp/$1" | awk '{ a[NR] = $1 } END { printf "%.4g-%.4g", a[1], a[NR] }'; }
low=0
row() { # PROTOCOL WHICH AGAINST LEAST WHAT
	local mine other ratio turns verdict=

	mine=$(median <"$tmp/$1.$2") other=$(median <"$tmp/$1.$3")
	ratio=$(awk -v a="$mine" -v b="$other" 'BEGIN { printf "%.3f", a / b }')
	turns=$(paste "$tmp/$1.$2" "$tmp/$1.$3" | awk '{ print $1 / $2 }' | median)
	if [[ $4 != - ]] && awk -v a="$ratio" -v b="$4" 'BEGIN { exit !(a < b) }'; then
		verdict=LOW low=1
	fi
	printf '%-4s %-6s %9.4g %15s  %-6s %9.4g %15s %7s %9.3f %9s %s\n' "$1" "$2" "$mine" "$(spread "$1.$2")" \
		"$3" "$other" "$(spread "$1.$3")" "$ratio" "$turns" "$4" "$verdict"
}

make_base
make_cable
make_plain
make_full
have=$(elements_of full-1)
which=(base cable plain full)
# What is made and learned only once.
for w in "${which[@]}"; do
	secs=1 run_tcp "$w" >/dev/null
done
for ((i = 0; i < runs; i++)); do
	# Who comes first has it neither better nor worse.
	for ((k = 0; k < ${#which[@]}; k++)); do
		w=${which[(i + k) % ${#which[@]}]}
		run_tcp "$w" >>"$tmp/tcp.$w"
		run_udp "$w" >>"$tmp/udp.$w"
	done
done

echo "$(uname -sr), $(nproc) x $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1), load $(cut -d' ' -f1 /proc/loadavg), $runs runs of $secs s in turns, full: $have elements"
echo "tcp in Gbit/s, udp (64 bytes) in 1,000 packets a second; ratio of medians, and the median of the turns' ratios"
printf '%-4s %-6s %9s %15s  %-6s %9s %15s %7s %9s %9s\n' '' what median min-max against median min-max ratio 'in turns' 'at least'
row tcp cable base 0.90
row udp cable base 0.76
row tcp full cable 0.97
row udp full cable 0.97
row tcp plain base 0.90
row udp plain base 0.88
row tcp cable plain -
row udp cable plain -
exit $((${STRICT:-0} && low))
