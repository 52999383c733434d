#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# init.sh CMD [ARG...]: the first process of a PID namespace. It waits for orphans; when CMD has
# ended those that are still at work get ten seconds, and who stays longer is a failure: else the
# kernel would end it with us, and nobody would know. Only what the kernel itself ends is left.
"$@"
rc=$?
for ((i = 0; i < 200; i++)); do
	left=(/proc/[0-9]*)
	((${#left[@]} == 1)) && exit "$rc"
	sleep 0.05
done
for p in "${left[@]}"; do
	[[ $p == /proc/1 ]] || echo "left running: ${p#/proc/} $(tr '\0' ' ' <"$p/cmdline" 2>/dev/null)"
done
exit 1
