#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# world.sh CMD [ARG...]: runs a command in a machine of its own, as tests/lib/world.h describes:
# a network namespace with lo up and nothing else; /run and /var/lib empty, /sys of that network,
# /etc a layer that is thrown away. The real machine is never touched; when CMD and its children
# have ended, nothing is left.
set -euo pipefail

if [[ ${NSNET_WORLD_INNER:-} != "$PPID" ]]; then
	if [[ $EUID -ne 0 ]]; then
		echo "world.sh: needs root" >&2
		exit 77
	fi
	# No --fork: unshare becomes the command, so the parent stays the same.
	NSNET_WORLD_INNER=$PPID exec unshare --net --mount --propagation private -- \
		bash "${BASH_SOURCE[0]}" "$@"
fi
unset NSNET_WORLD_INNER

opts=nosuid,nodev,mode=0755
mount -n -t tmpfs -o "$opts" tmpfs /run
mount -n -t tmpfs -o "$opts" tmpfs /var/lib
mkdir /run/sys
mount -n -t sysfs sysfs /run/sys
mount -n --rbind /sys/fs/cgroup /run/sys/fs/cgroup 2>/dev/null || true
mount -n --move /run/sys /sys
mkdir /run/etc
mount -n -t tmpfs -o "$opts" tmpfs /run/etc
mkdir /run/etc/up /run/etc/work
mount -n -t overlay -o lowerdir=/etc,upperdir=/run/etc/up,workdir=/run/etc/work overlay /etc
umount -n -l /run/etc
rmdir /run/sys /run/etc
ip link set lo up
cd "$PWD" 2>/dev/null || {
	echo "world.sh: $PWD is hidden in the new world; put the sources outside /run and /var/lib" >&2
	exit 1
}
exec "$@"
