#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The main job, shown: two tenants, and no way from one to the other.
# Installs what it needs on Debian 12 (root), builds, and does everything in a throw-away host of
# its own: this machine's network is not touched. Exits 0 only when all that it says held.
# shellcheck disable=SC2317 # nsnet() is called by run()
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ ${1:-} != inside ]]; then
	sh tests/deps.sh build test
	make -s -j"$(nproc)"
	NSNET_BIN=${NSNET_BIN:-$PWD/build/nsnet}
	export NSNET_BIN
	exec tests/lib/world.sh bash tests/demo.sh inside
fi
nsnet() { "$NSNET_BIN" "$@"; }
wrong=0

# Runs a command as it is shown; its output stays in $out.
run() {
	local rc=0

	printf '\n$ %s\n' "$*"
	out=$("$@" 2>&1) || rc=$?
	[[ -z $out ]] || printf '%s\n' "$out"
	return $rc
}
wrong() {
	echo "!!! $1"
	wrong=1
}
does() { run "$@" || wrong "this should have worked"; }
# A ping that was sent and not answered: a command that could not even start proves nothing.
unanswered() {
	! run "$@" || wrong "this should have failed"
	says '100% packet loss'
}
says() { [[ $out == *"$1"* ]] || wrong "it should have said: $1"; }
is_silent() { [[ -z $out ]] || wrong "there should be nothing"; }
# The interfaces of the last `ip -br link`, in order, without @peer.
links_are() {
	local found

	found=$(awk '{ sub(/@.*/, "", $1); print $1 }' <<<"$out" | sort | xargs)
	[[ $found =~ ^$1$ ]] || wrong "these should be the links: $1"
}

echo "--- two tenants"
does nsnet tenant add customer1 10.10.1.0/24
does nsnet tenant add customer2 10.10.2.0/24
does nsnet tenant list
says customer1
says customer2

echo
echo "--- inside one"
does ip netns exec customer1 ip -br addr
says 10.10.1.2/24
does ip netns exec customer1 ping -c1 -W2 10.10.1.1

echo
echo "--- one more endpoint: the two reach each other, unless the tenant says no"
does nsnet endpoint add customer1/db
does ip netns exec customer1 ping -c1 -W2 db
does nsnet tenant set customer1 inside=deny
unanswered ip netns exec customer1 ping -c1 -W1 10.10.1.3
does nsnet tenant set customer1 inside=allow
does nsnet endpoint del customer1/db

echo
echo "--- no way leads across: neither to the other tenant nor to its gateway"
unanswered ip netns exec customer1 ping -c1 -W1 10.10.2.2
unanswered ip netns exec customer1 ping -c1 -W1 10.10.2.1
unanswered ip netns exec customer2 ping -c1 -W1 10.10.1.2

echo
echo "--- because there is none: one cable to the gateway, one port there, nothing in the host"
does ip netns exec customer1 ip -br link
links_are 'eth0 lo'
does nsnet enter --gateway customer1 -- ip -br link
links_are 'br0 lo nsn[0-9a-z]+'
does ip -br link
links_are 'lo'

echo
echo "--- a workload: sees itself, is root over nothing, and gets no further"
does nsnet run customer1 -- ps -e -o pid,user,comm
says nsnet-init
[[ $(wc -l <<<"$out") == 3 ]] || wrong "it should see itself and the first process"
! run nsnet run customer1 -- ip link set eth0 down || wrong "this should have failed"
says 'Operation not permitted'
unanswered nsnet run customer1 -- ping -c1 -W1 10.10.2.2
! run nsnet run customer1 --share ipc=host -- true || wrong "this should have failed"
says 'needs a reason'

echo
echo "--- delete, and nothing is left"
does nsnet tenant del customer1
does nsnet tenant del customer2
does nsnet tenant list
[[ $out != *customer* ]] || wrong "no tenant should be listed"
does ip netns list
is_silent
# A pin is a file: of a workload in the first folder, of a gateway in the second. What starts are
# copied from, a mount namespace with nothing in it, is no tenant's and stays until the next boot.
does find /run/netns /run/nsnet -type f -not -path /run/nsnet/mnt/ns
is_silent
echo
if ((wrong)); then
	echo "demo: something above is not as it should be"
else
	echo "demo: all of it held"
fi
exit $wrong
