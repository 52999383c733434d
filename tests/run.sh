#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs cmocka programs, some side by side: tests/run.sh PROGRAM...
# The last line is `N passed, N failed, N skipped`. Exits 0 when nothing failed and something ran.
#   NSNET_TESTS_MUST_RUN=1  a skipped test is a failure, unless the kernel is known to lack what it
#                           needs: see `features`
#   TEST_TIMEOUT            seconds for one program (900)
#   TEST_WRAPPER            what to run the programs under (valgrind)
#   TEST_JOBS               how many run side by side (as many as there are processors)
# Before the first and after the last one the machine is looked at: tests/lib/leaks.sh.
set -euo pipefail

# With process numbers and mounts of their own nothing of the tests outlives them, and what others do
# on the machine at the same time is not taken for theirs.
if [[ $EUID -eq 0 && ${NSNET_RUN_INNER:-} != 1 ]]; then
	# The number that a descriptor gets is the same whoever runs us: what runs out, runs out there.
	for fd in "/proc/$BASHPID/fd/"*; do
		fd=${fd##*/}
		((fd > 2 && fd < 255)) && eval "exec $fd>&-"
	done
	NSNET_RUN_INNER=1 exec unshare --mount --pid --fork --kill-child --mount-proc -- \
		bash "${BASH_SOURCE[0]}" "$@"
fi
# The first process of a PID namespace is not ended by a signal that it does not catch.
trap 'exit 130' INT TERM
unset NSNET_RUN_INNER

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# What a test may skip for with `SKIP-KERNEL: NAME`, and the options one of which is then missing.
declare -A features=(
	["nft flowtable"]="NF_FLOW_TABLE NFT_FLOW_OFFLOAD"
	["bridge meta"]="NFT_BRIDGE_META"
	["bridge conntrack"]="NF_CONNTRACK_BRIDGE"
	["802.1Q"]="VLAN_8021Q"
	["netem"]="NET_SCH_NETEM"
	["ESP/AH"]="INET_ESP INET_AH"
	["VRF"]="NET_VRF"
	["wireguard"]="WIREGUARD"
	["ipvlan"]="IPVLAN"
	["police"]="NET_ACT_POLICE"
	["matchall"]="NET_CLS_MATCHALL"
	["flower"]="NET_CLS_FLOWER"
	["fq_codel"]="NET_SCH_FQ_CODEL"
)

kernel_config() {
	if [[ -r /proc/config.gz ]]; then
		zcat /proc/config.gz
	elif [[ -r /boot/config-$(uname -r) ]]; then
		cat "/boot/config-$(uname -r)"
	fi
}
config=$(kernel_config)

# May a test skip for this reason? An unknown configuration proves nothing.
kernel_lacks() {
	local option

	[[ -n $config ]] || return 1
	for option in ${features[$1]:-}; do
		grep -qE "^CONFIG_$option=[ym]" <<<"$config" || return 0
	done
	return 1
}

passed=0 failed=0 skipped=0
failures=()
fail() {
	failed=$((failed + 1))
	failures+=("$1")
}

# cmocka: `[ RUN      ] test`, then its own output, then `[  SKIPPED ] test`.
# Prints `test<TAB>reason` for each skipped test.
skips_of() {
	awk '/^\[ RUN      \]/ { reason = "" }
		/SKIP(-KERNEL)?: / { reason = substr($0, match($0, /SKIP/)) }
		/^\[  SKIPPED \] / && !/test\(s\)/ && !seen[$4]++ { print $4 "\t" reason }' "$1"
}
# What a program that failed has printed, without the tests that passed: a log may be cut short.
told_by() {
	awk 'function out() { for (i = 0; i < n; i++) print held[i]; n = 0 }
		/^\[ RUN      \]/ { out() }
		{ held[n++] = $0 }
		/^\[       OK \]/ { n = 0 }
		END { out() }' "$1"
}
# Sum of a summary line: `[  PASSED  ] 12 test(s).`
count() { awk -v what="$2" '$2 == what && $4 ~ /^[0-9]+$/ && $5 ~ /^test\(s\)/ { n += $4 } END { print n + 0 }' "$1"; }

check_skips() {
	local name=$1 log=$2 test reason

	while IFS=$'\t' read -r test reason; do
		[[ -n $test ]] || continue
		skipped=$((skipped + 1))
		echo "      skipped $test: ${reason:-no reason given}"
		[[ ${NSNET_TESTS_MUST_RUN:-} == 1 ]] || continue
		[[ $reason == SKIP-KERNEL:* ]] && kernel_lacks "${reason#SKIP-KERNEL: }" && continue
		skipped=$((skipped - 1))
		fail "$name: $test was skipped, and NSNET_TESTS_MUST_RUN=1 (${reason:-no reason given})"
	done < <(skips_of "$log")
}

# Runs the program with number $1: its log is $logs/$1, status and time are in $logs/$1.end.
start() {
	local nr=$1 program=$2 rc=0 begin=${EPOCHREALTIME/./}

	# shellcheck disable=SC2086 # the wrapper is a command with its options
	NSNET_TEST_RUN=$id timeout -k 5 "${TEST_TIMEOUT:-900}" "${apart[@]}" ${TEST_WRAPPER:-} \
		"$program" >"$logs/$nr" 2>&1 </dev/null || rc=$?
	echo "$rc $(((${EPOCHREALTIME/./} - begin) / 1000))" >"$logs/$nr.end"
}

finish() {
	local nr=$1 name=${2#*tests/} log=$logs/$1 rc t p f

	read -r rc t <"$logs/$nr.end"
	p=$(count "$log" PASSED)
	f=$(count "$log" FAILED)
	passed=$((passed + p))
	if [[ $rc -eq 0 && $f -eq 0 && $p -eq 0 ]] && ! grep -q '^\[  SKIPPED \]' "$log"; then
		fail "$name: ran no test"
		rc=1
	elif [[ $rc -ne 0 || $f -ne 0 ]]; then
		((f > 0)) || f=1
		failed=$((failed + f - 1))
		case $rc in
		124 | 137) fail "$name: not ready after ${TEST_TIMEOUT:-900} s" ;;
		*) fail "$name: $f failed, status $rc" ;;
		esac
		rc=1
	fi
	printf '%-4s %-32s %4d passed  %6d ms\n' "$( ((rc)) && echo FAIL || echo ok)" "$name" "$p" "$t"
	((rc)) && told_by "$log" | sed 's/^/      | /'
	check_skips "$name" "$log"
	rm "$log" "$log.end"
	return 0
}

# Those that look at what the machine has one of: nothing else runs beside them.
alone() {
	case $1 in
	*/kernel/test_limits) return 0 ;; # counts what the kernel gives back
	*) return 1 ;;
	esac
}

# Each has a network, mounts and process numbers of its own, so they do not see each other.
run_all() {
	local programs=("$@") running=0 next=0 i most alone_now=0

	for ((i = 0; i < $#; i++)); do
		most=${TEST_JOBS:-$(nproc)}
		((alone_now)) && most=1
		alone_now=0
		alone "${programs[i]}" && most=1 alone_now=1
		while ((running >= most)); do
			wait -n
			running=$((running - 1))
		done
		while ((next < i)) && [[ -s $logs/$next.end ]]; do
			finish "$next" "${programs[next]}"
			next=$((next + 1))
		done
		start "$i" "${programs[i]}" &
		running=$((running + 1))
	done
	wait
	for (( ; next < $#; next++)); do
		finish "$next" "${programs[next]}"
	done
}

if [[ $# -eq 0 ]]; then
	echo "run.sh: no test programs" >&2
	echo "0 passed, 1 failed, 0 skipped"
	exit 1
fi

# Ours, and the tests' temporary files: two folders, so that the second must be empty at the end.
logs=$(mktemp -d)
mkdir "$logs/tmp"
export TMPDIR=$logs/tmp
# Scripts of the tests behave as on a machine where nobody has set anything.
unset PYTHONUNBUFFERED
export PYTHONDONTWRITEBYTECODE=1
trap 'rm -rf "$logs"' EXIT
id=$$.$(date +%s)
apart=()
[[ $EUID -eq 0 ]] && apart=(unshare --mount --pid --fork --kill-child --mount-proc -- bash "$here/lib/init.sh")
leaks() { LEAKS_ID=$id LEAKS_TMPDIR=$logs/tmp bash "$here/lib/leaks.sh" "$@"; }

leaks snapshot "$logs/before" || {
	echo "run.sh: the machine cannot be looked at (tests/lib/leaks.sh)" >&2
	exit 1
}
run_all "$@"
if leaks compare "$logs/before" 10; then
	echo "ok   no leaks"
	passed=$((passed + 1))
else
	fail "leaks: see above"
fi

for line in "${failures[@]}"; do
	echo "FAILED: $line"
done
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0))
