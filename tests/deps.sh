#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Installs what nsnet needs on Debian 12: sh tests/deps.sh [build] [test] [lint] [bench]
# This is the only list of dependencies. Nothing is asked of the network when all is there.
set -eu

build='make gcc libc6-dev pkg-config libnl-3-dev libnl-route-3-dev libmnl-dev libnftnl-dev
libsqlite3-dev libyaml-dev libmd-dev libsmartcols-dev libjansson-dev libseccomp-dev libbdd-dev'
# ip and nft are for the tests and the demo to look with; nsnet itself never runs them.
test='libcmocka-dev libcap-dev iproute2 nftables iptables iputils-ping procps util-linux mount bash python3
python3-jsonschema python3-yaml man-db bsdextrautils strace
busybox-static bubblewrap keyutils curl netavark containernetworking-plugins'
lint='clang libclang-rt-14-dev clang-format clang-tidy cppcheck shellcheck valgrind git'
bench='iperf3 bubblewrap'

[ $# -gt 0 ] || set -- build test
wanted=
for group; do
	case $group in
	build) wanted="$wanted $build" ;;
	test) wanted="$wanted $test" ;;
	lint) wanted="$wanted $lint" ;;
	bench) wanted="$wanted $bench" ;;
	*)
		echo "deps: '$group' is none of: build test lint bench" >&2
		exit 2
		;;
	esac
done

if ! command -v dpkg-query >/dev/null; then
	echo "deps: this is not Debian; install by hand the counterparts of:$wanted" >&2
	exit 1
fi

missing=
for package in $wanted; do
	status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || status=absent
	[ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
	echo "deps: only root can install; as root: apt-get install$missing" >&2
	exit 1
fi
echo "deps: installing$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086 # one word a package
apt-get install -y -qq --no-install-recommends $missing >/dev/null
