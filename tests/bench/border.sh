#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What a connection beyond the host loses to what stands around it: TCP, and UDP of 64 bytes, by iperf3, in turns, RUNS times
# (15) of SECS seconds (2), all in one world. The median counts, as a ratio: numbers of two machines cannot be compared.
#
#   base     one bridge in the host's namespace, which forwards and masquerades, or translates the port that is published
#   egress   a tenant and a rule to the internet: pins, a gateway, an uplink, the host's maps
#   many     as egress, with TENANTS (500) tenants of one network that have an uplink each
#   publish  the other way round: a port of the host that leads to the tenant, against one that leads to the bridge
#
# And what it takes to publish one more port when PORTS (1,000) are published already, against the first: medians of TIMES (15).
#
# STRICT=1: the status is 1 when one is not as it has to be.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export LC_ALL=C
runs=${RUNS:-15} secs=${SECS:-2} tenants=${TENANTS:-500} ports=${PORTS:-1000} times=${TIMES:-15}

if ! command -v iperf3 >/dev/null; then
	echo "border.sh: iperf3 is not here, so this is not measured (make deps installs it)"
	exit 0
fi
if [[ ${1:-} != inside ]]; then
	NSNET_BIN=${NSNET_BIN:-$PWD/build/nsnet}
	export NSNET_BIN
	exec tests/lib/world.sh bash tests/bench/border.sh inside
fi

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
port=5201
out=9.9.9.9 base_in=203.0.113.20 nsnet_in=203.0.113.10

json() { python3 -c "import json, sys; d = json.load(sys.stdin); print($1)"; }
nsnet() { "$NSNET_BIN" -q "$@"; }

# ---- two hosts, and one internet ------------------------------------------------------

# What leads from a host to the internet: the same for both.
way_out() { # NUMBER, and what makes it `ip` of that host...
	local n=$1

	shift
	ip "$@" link add eth0 type veth peer name "host$n" netns internet
	ip "$@" addr add "192.0.$n.10/24" dev eth0
	ip "$@" link set eth0 up
	ip "$@" route add default via "192.0.$n.1"
	ip -n internet addr add "192.0.$n.1/24" dev "host$n"
	ip -n internet link set "host$n" up
}
make_internet() {
	ip netns add internet
	ip -n internet link set lo up
	ip -n internet addr add $out/32 dev lo
	way_out 2
	ip netns add base-h
	ip -n base-h link set lo up
	way_out 3 -n base-h
	ip addr add $nsnet_in/32 dev lo
	ip -n base-h addr add $base_in/32 dev lo
	# Who calls is somebody of the internet.
	ip -n internet route add $nsnet_in via 192.0.2.10 src $out
	ip -n internet route add $base_in via 192.0.3.10 src $out
}

make_base() {
	ip netns add base
	ip netns exec base-h sysctl -qw net.ipv4.ip_forward=1
	ip -n base-h -batch - <<-'END'
		link add br1 address 06:00:00:00:00:01 type bridge mcast_snooping 0
		link add p1 type veth peer name eth0 address 02:00:00:00:00:01 netns base
		link set p1 master br1
		addr add 10.81.1.1/24 dev br1
		link set br1 up
		link set p1 up
	END
	ip -n base -batch - <<-'END'
		link set lo up
		addr add 10.81.1.2/24 dev eth0
		link set eth0 up
		route add default via 10.81.1.1
	END
	ip netns exec base-h nft -f - <<-END
		table inet fw {
			chain prerouting { type nat hook prerouting priority -100; policy accept
				ip daddr $base_in meta l4proto { tcp, udp } th dport $port dnat ip to 10.81.1.2
			}
			chain forward { type filter hook forward priority 0; policy drop
				ct state established,related accept
				iifname "br1" oifname "eth0" accept
				iifname "eth0" oifname "br1" ct status dnat accept
			}
			chain postrouting { type nat hook postrouting priority 100; policy accept
				iifname "br1" oifname "eth0" masquerade
			}
		}
	END
}

# ---- tenants ---------------------------------------------------------------------------

make_tenant() {
	nsnet tenant add egress 10.82.1.0/24
	nsnet allow egress internet tcp/$port,udp/$port --because bench
	nsnet publish egress/default "$nsnet_in:$port:$port" --because bench
	nsnet publish egress/default "$nsnet_in:$port:$port/udp" --because bench
}
make_many() {
	python3 - "$tenants" <<-'END' >"$tmp/many.yaml"
		import sys
		n = int(sys.argv[1])
		print("nsnet: 1\ntenants:")
		for i in range(n):
		    print("  many%d: { subnet: 10.83.1.0/24, endpoints: { app: 10.83.1.2 }, labels: { many: all } }" % i)
		print("rules:\n- { name: many, allow: [tcp/5201, udp/5201], from: 'label:many=all', to: internet, because: bench }")
	END
	nsnet apply -y -f "$tmp/many.yaml"
}

# ---- one run ---------------------------------------------------------------------------

# WHICH: the namespaces of who calls and who is called, and the address that is called.
who() {
	case $1 in
	base | base-2) echo base internet $out ;;
	egress) echo egress internet $out ;;
	many) echo many0.app internet $out ;;
	base-in) echo internet base $base_in ;;
	publish) echo internet egress $nsnet_in ;;
	esac
}
listens() { ip netns exec "$1" ss -Htln "sport = :$port" | grep -q .; }
iperf() { # WHICH ARGS...: its report
	local from server to pid i own=()

	read -r from server to < <(who "$1")
	# With UDP it answers from the address that was asked only if it has no other.
	[[ $server != internet ]] || own=(-B "$to")
	ip netns exec "$server" iperf3 -s -1 -p $port "${own[@]}" >/dev/null 2>&1 &
	pid=$!
	for ((i = 0; i < 100; i++)); do
		listens "$server" && break
		read -rt 0.05 <> <(:) || true
	done
	if ! timeout $((secs + 20)) ip netns exec "$from" iperf3 -c "$to" -p $port -t "$secs" -J "${@:2}"; then
		kill $pid 2>/dev/null || true
		echo "border.sh: $1: $to is not reached" >&2
		return 1
	fi
	wait $pid
}
run_tcp() { iperf "$1" | json 'd["end"]["sum_received"]["bits_per_second"] / 1e9'; }
run_udp() {
	iperf "$1" -u -l 64 -b 0 |
		json '(lambda s: (s["packets"] - s["lost_packets"]) / s["seconds"] / 1e3)(d["end"]["sum"])'
}

# ---- the table --------------------------------------------------------------------------

median() { sort -g | awk '{ a[NR] = $1 } END { print NR % 2 ? a[(NR + 1) / 2] : (a[NR / 2] + a[NR / 2 + 1]) / 2 }'; }
spread() { sort -g "$tmp/$1" | awk '{ a[NR] = $1 } END { printf "%.4g-%.4g", a[1], a[NR] }'; }
low=0
row() { # PROTOCOL WHICH AGAINST LEAST: at least so much of it; with a < before it, at most
	local mine other ratio turns verdict="" bound=${4#<}

	mine=$(median <"$tmp/$1.$2") other=$(median <"$tmp/$1.$3")
	ratio=$(awk -v a="$mine" -v b="$other" 'BEGIN { printf "%.3f", a / b }')
	turns=$(paste "$tmp/$1.$2" "$tmp/$1.$3" | awk '{ print $1 / $2 }' | median)
	if [[ $4 == '<'* ]]; then
		awk -v a="$ratio" -v b="$bound" 'BEGIN { exit !(a > b) }' && verdict=HIGH low=1
	elif awk -v a="$ratio" -v b="$bound" 'BEGIN { exit !(a < b) }'; then
		verdict=LOW low=1
	fi
	printf '%-5s %-8s %9.4g %15s  %-8s %9.4g %15s %7s %9.3f %7s %s\n' "$1" "$2" "$mine" "$(spread "$1.$2")" \
		"$3" "$other" "$(spread "$1.$3")" "$ratio" "$turns" "$4" "$verdict"
}
in_turns() { # WHICH...
	local w i k which=("$@") keep=$secs

	# What is made and learned only once.
	secs=1
	for w in "${which[@]}"; do
		run_tcp "$w" >/dev/null
	done
	secs=$keep
	for ((i = 0; i < runs; i++)); do
		# Who comes first has it neither better nor worse.
		for ((k = 0; k < ${#which[@]}; k++)); do
			w=${which[(i + k) % ${#which[@]}]}
			run_tcp "$w" >>"$tmp/tcp.$w"
			run_udp "$w" >>"$tmp/udp.$w"
		done
	done
}

# ---- one more -----------------------------------------------------------------------------

timed() { # FILE CMD...: its milliseconds
	local begin=$EPOCHREALTIME

	"${@:2}"
	awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { print (b - a) * 1000 }' >>"$tmp/$1"
}
# The first of a tenant, with its uplink, and then one more of it.
publish_some() { # WHICH
	local i

	for ((i = 0; i < times; i++)); do
		timed "ms.first$1" nsnet publish bench-p/default "$nsnet_in:20001:80" --because bench --name bench-first
		timed "ms.next$1" nsnet publish bench-p/default "$nsnet_in:20002:80" --because bench --name bench-next
		nsnet revoke bench-first bench-next
	done
}
one_more() {
	nsnet tenant add bench-p 10.84.1.0/24
	publish_some 0
	python3 - "$ports" "$nsnet_in" <<-'END' >"$tmp/ports.yaml"
		import sys
		n, per = int(sys.argv[1]), 20
		print("nsnet: 1\ntenants:")
		for i in range((n + per - 1) // per):
		    print("  ports%d: { subnet: 10.%d.%d.0/24, endpoints: { app: 10.%d.%d.2 } }"
		          % (i, 90 + i // 250, i % 250, 90 + i // 250, i % 250))
		print("rules:")
		for i in range(n):
		    print("- { name: port%d, allow: tcp/%d, from: internet, to: ports%d/app, publish: '%s:%d', because: bench }"
		          % (i, 80 + i % per, i // per, sys.argv[2], 10000 + i))
	END
	nsnet apply -y -f "$tmp/ports.yaml"
	publish_some "$ports"
}

make_internet
make_base
make_tenant
in_turns base egress base-in publish
make_many
in_turns base-2 many
nsnet tenant del -y --with-rules --all
one_more

echo "$(uname -sr), $(nproc) x $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1), load $(cut -d' ' -f1 /proc/loadavg), $runs runs of $secs s in turns, many: $tenants tenants"
echo "tcp in Gbit/s, udp (64 bytes) in 1,000 packets a second, ms of one command; ratio of medians, and the median of the turns' ratios"
printf '%-5s %-8s %9s %15s  %-8s %9s %15s %7s %9s %7s\n' '' what median min-max against median min-max ratio 'in turns' bound
row tcp egress base 0.92
row udp egress base 0.80
row tcp publish base-in 0.92
row udp publish base-in 0.80
row tcp many base-2 0.92
row udp many base-2 0.80
row ms "first$ports" first0 '<1.3'
row ms "next$ports" next0 '<1.3'
exit $((${STRICT:-0} && low))
