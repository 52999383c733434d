#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Plants one forbidden include of each kind in a copy of the tree and sees layers.sh refuse it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
check=$PWD/tests/lint/layers.sh
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
bad=0

# The copy has one empty header in every layer, so that it is about the rules and not the sources.
for layer in base object nl kernel model policy compile plan store sync verify spawn; do
	mkdir -p "$copy/lib/$layer"
	: >"$copy/lib/$layer/x.h"
done
mkdir "$copy/netd" "$copy/tools"
: >"$copy/lib/nsnet.h"
: >"$copy/lib/top.h"
cd "$copy"

expect() { # yes|no FILE LINE
	local wanted=$1 file=$2 line=$3 had=no

	printf '%s\n' "$line" >"$file"
	bash "$check" >out || had=yes
	if [[ $had != "$wanted" ]]; then
		echo "test-layers: '$line' in $file: refused: $had, should be: $wanted"
		cat out
		bad=1
	elif [[ $wanted == yes ]] && ! grep -qF "$file" out; then
		echo "test-layers: '$line' in $file: refused without naming the file"
		bad=1
	fi
	rm -f "$file"
}
refused() { expect yes "$@"; }
allowed() { expect no "$@"; }

bash "$check"

# Each layer and all that it may not include: the table turned round.
declare -A may=(
	[base]="" [object]="base" [nl]="base" [kernel]="base object nl" [model]="base" [policy]="base model"
	[compile]="base object model" [plan]="base object model compile" [store]="base model"
	[sync]="base object kernel model compile plan" [verify]="base object nl kernel model"
	[spawn]="base kernel model"
)
for from in "${!may[@]}"; do
	for to in "${!may[@]}"; do
		if [[ $from == "$to" || " ${may[$from]} " == *" $to "* ]]; then
			allowed "lib/$from/y.c" "#include \"../$to/x.h\""
		else
			refused "lib/$from/y.c" "#include \"../$to/x.h\""
		fi
	done
	allowed "lib/$from/y.c" '#include "../nsnet.h"'
	refused "lib/$from/y.c" '#include "../top.h"'
done
allowed lib/y.c '#include "sync/x.h"'
for dir in tools netd; do
	allowed $dir/y.c '#include "../lib/nsnet.h"'
	allowed $dir/y.c '#include "../lib/base/x.h"'
	refused $dir/y.c '#include "../lib/model/x.h"'
	refused $dir/y.c '#include "../lib/top.h"'
done

# Each outside library: where it belongs, and that it is refused elsewhere and in headers.
libraries='
netlink/route/link.h     lib/kernel lib/store
libmnl/libmnl.h          lib/nl     lib/kernel
libnftnl/rule.h          lib/kernel lib/sync
sqlite3.h                lib/store  lib/sync
yaml.h                   lib/policy lib/model
jansson.h                tools      lib/store
libsmartcols/libsmartcols.h tools   lib
seccomp.h                lib/spawn  lib/kernel
sys/capability.h         lib/spawn  tools
microhttpd.h             netd       tools
bdd.h                    lib/verify lib/plan
'
while read -r header home elsewhere; do
	[[ -n $header ]] || continue
	allowed "$home/y.c" "#include <$header>"
	refused "$elsewhere/y.c" "#include <$header>"
	[[ $header != netlink/* && $header != libnftnl/* ]] || refused "$home/y.h" "#include <$header>"
done <<<"$libraries"

refused lib/kernel/y.h 'struct nl_sock *f(void);'
refused lib/kernel/y.h 'struct rtnl_link;'
refused lib/sync/y.h 'void g(struct nftnl_rule *r);'
refused lib/sync/y.h 'int mnl_cb(void);'
allowed lib/nl/y.h 'struct nl_sock;'
allowed lib/kernel/y.c 'struct nl_sock;'
refused lib/plan/y.c '#include <openssl/ssl.h>'
refused lib/plan/y.c '#include <unistd.h>'
refused lib/plan/y.c '  #  include   "../store/x.h"'
refused lib/plan/y.c '#include "x/missing.h"'
refused lib/plan/y.c '#include HEADER'
mkdir lib/newlayer
refused lib/newlayer/y.c ''
rmdir lib/newlayer
rm lib/nsnet.h
refused lib/nsnet.h '#include "base/x.h"'

exit $bad
