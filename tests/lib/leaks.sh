#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What tests could leave behind on the machine, as a list of lines, and the difference of two.
#   leaks.sh snapshot FILE             writes what there is now
#   leaks.sh compare FILE [SECONDS]    0 when it is so again within SECONDS (10: the kernel frees
#                                      namespaces in the background); else 1, and names what is not
# LEAKS_ID:     processes with NSNET_TEST_RUN=$LEAKS_ID in their environment are ours
# LEAKS_TMPDIR: everything in this folder counts
# LEAKS_SHARED: folders in which all files called nsnet* count
# It sees all processes that /proc shows: in a PID namespace of its own, as tests/run.sh has, the
# namespaces that others make at the same time do not show up.
# shellcheck disable=SC2016 # those are awk's dollars
set -euo pipefail
export LC_ALL=C
shopt -s nullglob

# Processes end while we look: what cannot be read any more is not there.
quiet() { "$@" 2>/dev/null || true; }

# Descriptors by what they are, not by their link: one opened by the name of a pin shows that name,
# and nothing when the pin is gone. The kind of a namespace cannot be seen here; any will do.
nsfs=$(stat -Lc %d /proc/self/ns/net)
fds() { quiet find -L /proc/[0-9]*/fd -mindepth 1 -maxdepth 1 -printf '%D %i %p\n' | awk -v d="$nsfs" '$1 == d'; }

# One process for each mount namespace: their tables are all that has to be read.
mountinfos() {
	local p ns
	local -A seen=()

	for p in /proc/[0-9]*; do
		ns=$(readlink "$p/ns/mnt" 2>/dev/null) || continue
		[[ -n ${seen[$ns]:-} ]] && continue
		seen[$ns]=1
		echo "$p/mountinfo"
	done
}

nsfs_mounts() {
	local files

	mapfile -t files < <(mountinfos)
	quiet awk '$4 ~ /^net:/ { print $4 }' "${files[@]}"
}

# Where a namespace is held, for the one who has to find the leak.
holders() {
	local hit inode=${1//[!0-9]/}

	{
		quiet find /proc/[0-9]*/task/[0-9]*/ns/net -lname "net:*$inode*"
		fds | awk -v i="$inode" '$2 == i { print $3 }'
	} | while read -r hit; do
		echo "        held by $hit ($(quiet cat "/proc/$(cut -d/ -f3 <<<"$hit")/comm"))"
	done
	for hit in $(mountinfos); do
		quiet awk -v ns="$1" -v f="$hit" '$4 == ns { print "        mounted on " $5 " in " f }' "$hit"
	done
}

processes() {
	local p exe pid

	for p in $(quiet grep -lsazF "NSNET_TEST_RUN=${LEAKS_ID:-none}" /proc/[0-9]*/environ); do
		pid=${p#/proc/}
		pid=${pid%/environ}
		echo "$pid $(quiet tr '\0' ' ' <"/proc/$pid/cmdline")"
	done
	for p in /proc/[0-9]*/exe; do
		exe=$(readlink "$p" 2>/dev/null) || continue
		pid=${p#/proc/}
		[[ ${exe##*/} == nsnet* ]] && echo "${pid%/exe} $(quiet tr '\0' ' ' <"/proc/${pid%/exe}/cmdline")"
	done
	return 0
}

# Control groups are the machine's, with no namespace to hide in: one that has processes may be another
# run's. Ours are over.
cgroups() {
	local d

	for d in /sys/fs/cgroup/nsnet/*/ /sys/fs/cgroup/*/nsnet/*/; do
		[[ -n $(quiet cat "$d/cgroup.procs") ]] || echo "$d"
	done
}

# Counters and state of the kernel itself, and switches that only write.
volatile='nf_conntrack_count|nf_conntrack_buckets|/route/flush|tcp_fastopen_key|/neigh/.*gc_'

shared=${LEAKS_SHARED-/tmp /var/tmp /dev/shm}

snapshot() {
	# shellcheck disable=SC2086 # a list of folders
	{
		quiet find /proc/[0-9]*/task/[0-9]*/ns/net -lname 'net:*' -printf 'netns %l\n'
		fds | awk '{ print "netns net:[" $2 "]" }'
		nsfs_mounts | sed 's/^/netns /'
		quiet ls /sys/class/net | sed 's/^/link /'
		quiet awk '{ print "mount " $5 }' /proc/1/mountinfo /proc/self/mountinfo
		quiet find /run/netns /run/nsnet /var/lib/nsnet /etc/netns -printf 'file %p %y%m %s %T@\n'
		[[ -z ${LEAKS_TMPDIR:-} ]] || quiet find "$LEAKS_TMPDIR" -mindepth 1 -printf 'temporary %p %y\n'
		# What did not ask TMPDIR. Other runs of the same tests put theirs there, too.
		quiet find $shared -mindepth 1 -maxdepth 1 \( -name 'nsnet*' -o -name 'nsc-*' \) \
			-printf 'temporary %p %y\n'
		cgroups | sed 's/^/cgroup /'
		# Made by a process that has a number here.
		quiet awk 'NR > 1 && $5 > 0 { print "shm " $1 }' /proc/sysvipc/shm
		processes | sed 's/^/process /'
		quiet nft -s list ruleset | sed 's/^/nft /'
		quiet grep -rsE . /proc/sys/net | awk -v v="$volatile" '$0 !~ v' | sed 's/^/sysctl /'
	} | sort -u >"$1"
}

# A sysctl that appears comes with a module or a link; a link is listed by itself.
new_sysctls() { awk -F: 'NR == FNR { if (/^sysctl/) had[$1] = 1; next } !/^sysctl/ || $1 in had' "$1" -; }

differences() {
	comm -13 "$1" "$2" | new_sysctls "$1" | sed 's/^/  leaked:  /'
	comm -23 "$1" "$2" | grep -v '^process \|^netns \|^temporary \|^cgroup \|^shm ' | new_sysctls "$2" | sed 's/^/  missing: /'
}

compare() {
	local now diff deadline ns

	now=$(mktemp -p "$(dirname "$1")")
	# shellcheck disable=SC2064 # the name is known now
	trap "rm -f '$now'" EXIT
	deadline=$((SECONDS + ${2:-10}))
	while :; do
		snapshot "$now"
		diff=$(differences "$1" "$now") || true
		[[ -n $diff ]] || return 0
		((SECONDS < deadline)) || break
		# Not a guess at how long it takes: the next look is due.
		read -rt 0.1 <> <(:) || true
	done
	echo "leaks: what was not there before the tests (leaked), or is no longer as it was (missing):"
	echo "$diff"
	while read -r ns; do
		echo "      $ns"
		holders "$ns"
	done < <(sed -n 's/^  leaked:  netns //p' <<<"$diff")
	return 1
}

case ${1:-} in
snapshot) snapshot "$2" ;;
compare) compare "$2" "${3:-10}" ;;
*)
	echo "usage: leaks.sh snapshot|compare FILE [SECONDS]" >&2
	exit 2
	;;
esac
