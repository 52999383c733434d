#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Plants a leak of each kind, in a world of its own, and sees tests/lib/leaks.sh name it.
# shellcheck disable=SC2317 # plant() calls them by name
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if [[ ${1:-} != inside ]]; then
	if [[ $EUID -ne 0 ]]; then
		echo "test-leaks: skipped, needs root" >&2
		[[ ${NSNET_TESTS_MUST_RUN:-} != 1 ]]
		exit
	fi
	# And process numbers of its own: what others do on the machine meanwhile is not seen, and
	# what this leaves behind by mistake ends with it.
	exec tests/lib/world.sh unshare --pid --fork --mount-proc bash "${BASH_SOURCE[0]}" inside
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/tmp" "$work/hidden" "$work/shared"
export LEAKS_ID=selftest.$$ LEAKS_TMPDIR=$work/tmp LEAKS_SHARED=$work/shared
bad=0
pids=()

leaks() { bash tests/lib/leaks.sh "$@"; }
# Children that hold something: they wait until the fifo is opened, and are ended by their number.
mkfifo "$work/never"
hold() { # in the background, once it stands
	"$@" >"$work/held" &
	pids+=($!)
	until [[ -s $work/held ]]; do read -rt 0.01 <> <(:) || true; done
}
waiter="echo ready; read -r _ <$work/never"

plant() { # WHAT, PATTERN: the function plant_WHAT is there, with undo_WHAT
	local out

	leaks snapshot "$work/before"
	"plant_$1"
	if out=$(leaks compare "$work/before" 0); then
		echo "test-leaks: $1: not found"
		bad=1
	elif ! grep -qE "$2" <<<"$out"; then
		echo "test-leaks: $1: found something else than /$2/:"
		echo "$out"
		bad=1
	fi
	"undo_$1"
	for pid in "${pids[@]}"; do
		kill -KILL "$pid"
		wait "$pid" 2>/dev/null || true
	done
	pids=()
	if ! out=$(leaks compare "$work/before" 10); then
		echo "test-leaks: $1: still there after it was removed:"
		echo "$out"
		bad=1
	fi
}

plant_netns_pinned() { ip netns add leak; }
undo_netns_pinned() {
	ip netns del leak
	umount /run/netns
	rmdir /run/netns
}
plant_netns_of_process() { hold unshare -n sh -c "$waiter"; }
undo_netns_of_process() { :; }
plant_netns_descriptor() {
	ip netns add leak
	hold bash -c "exec 7</run/netns/leak; ip netns del leak; umount /run/netns; rmdir /run/netns; $waiter"
}
undo_netns_descriptor() { :; }
plant_netns_mounted_elsewhere() {
	# In a mount namespace that this one does not see.
	hold unshare -m sh -c "mount -t tmpfs x $work/hidden; : >$work/hidden/f
		unshare -n mount --bind /proc/self/ns/net $work/hidden/f; $waiter"
}
undo_netns_mounted_elsewhere() { :; }
plant_link() { ip link add nsn1 type dummy 2>/dev/null || ip link add nsn1 type bridge; }
undo_link() { ip link del nsn1; }
plant_mount() { mount -t tmpfs x "$work/hidden"; }
undo_mount() { umount "$work/hidden"; }
plant_run_file() { mkdir /run/nsnet && : >/run/nsnet/gone; }
undo_run_file() { rm -r /run/nsnet; }
plant_state_file() { mkdir /var/lib/nsnet; }
undo_state_file() { rmdir /var/lib/nsnet; }
plant_etc_file() { mkdir -p /etc/netns/x; }
undo_etc_file() { rm -r /etc/netns; }
# In a folder that was there already, and then only another text for what was there.
plant_netns_file() { echo "# made by nsnet, store 0" >/etc/netns/kept/resolv.conf; }
undo_netns_file() { rm /etc/netns/kept/resolv.conf && touch -d @1 /etc/netns/kept; }
plant_netns_file_text() { echo x >/etc/netns/kept/hosts; }
undo_netns_file_text() { echo y >/etc/netns/kept/hosts && touch -d @1 /etc/netns/kept/hosts; }
plant_temporary() { mktemp -p "$work/tmp" >/dev/null; }
undo_temporary() { rm "$work"/tmp/*; }
plant_temporary_shared() { mktemp -d "$work/shared/nsnet-XXXXXX" >/dev/null; }
undo_temporary_shared() { rmdir "$work"/shared/*; }
plant_process() { hold env NSNET_TEST_RUN="$LEAKS_ID" sh -c "$waiter"; }
undo_process() { :; }
plant_process_by_name() {
	cp "$(command -v bash)" "$work/nsnetd"
	hold "$work/nsnetd" -c "$waiter"
}
undo_process_by_name() { :; }
plant_nft() { nft add table inet nsnetleak; }
undo_nft() { nft delete table inet nsnetleak; }
plant_sysctl() { echo 1 >/proc/sys/net/ipv4/ip_forward; }
undo_sysctl() { echo 0 >/proc/sys/net/ipv4/ip_forward; }

# What `missing` means: something of the machine was taken away.
plant_removed() { ip link set lo down && rm /etc/netns/mine; }
undo_removed() { ip link set lo up && echo >/etc/netns/mine && touch -d @1 /etc/netns/mine /etc/netns; }

plant netns_pinned 'leaked: +netns net:'
plant netns_of_process 'held by /proc/[0-9]+/task'
plant netns_descriptor 'held by /proc/[0-9]+/fd/7'
plant netns_mounted_elsewhere "mounted on $work/hidden/f"
plant link 'leaked: +link nsn1'
plant mount "leaked: +mount $work/hidden"
plant run_file 'leaked: +file /run/nsnet/gone'
plant state_file 'leaked: +file /var/lib/nsnet'
plant etc_file 'leaked: +file /etc/netns/x'
plant temporary "leaked: +temporary $work/tmp/"
plant temporary_shared "leaked: +temporary $work/shared/nsnet-"
plant process 'leaked: +process [0-9]+ sh -c'
plant process_by_name "leaked: +process [0-9]+ $work/nsnetd"
plant nft 'leaked: +nft table inet nsnetleak'
plant sysctl 'leaked: +sysctl .*/ip_forward:1'
mkdir /etc/netns
echo >/etc/netns/mine
touch -d @1 /etc/netns/mine /etc/netns
mkdir /etc/netns/kept
echo y >/etc/netns/kept/hosts
touch -d @1 /etc/netns/kept/hosts /etc/netns/kept /etc/netns
plant netns_file 'leaked: +file /etc/netns/kept/resolv.conf f644'
plant netns_file_text 'leaked: +file /etc/netns/kept/hosts f644'
plant removed 'missing: +file /etc/netns/mine'
exit $bad
