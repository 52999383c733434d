#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# faults.sh BUILD: plants one fault after the other in a copy of the prover; the fuzz has to notice
# each of them within so many rulesets, else it could not be trusted to notice a real one.
# BUILD has the objects of the tree that this is started in.
set -euo pipefail
build=$1
sets=${FAULT_SETS:-60}
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
git ls-files -z | xargs -0 cp -p --parents -t "$tree"
cp -a "$build" "$tree/build"
cd "$tree"

# name | file | sed script
faults='
ports that are isolated from each other|walk_bridge.c|s/port.isolated == 1 && p->isolated == 1/port.isolated == 7/
a frame back out of its own port|walk_bridge.c|s/t->from == port && p->hairpin == 0/false/
the policy of a chain|hook.c|s/if (!c->chain->policy_drop)/if (false)/
a second chain at the same hook|hook.c|s/in = run_base_as(&r, c, in, l3_of(family));/{ in = run_base_as(\&r, c, in, l3_of(family)); break; }/
what a comparison does not match|hook_cmp.c|s/^\tnsn_left(r, no);/\t(void)no;/
comparisons that are negated|hook_cmp.c|s/x->op == NSN_OP_NEQ ? go_on(r, p, no, yes) :/false ? go_on(r, p, no, yes) :/
what a set has not|hook_set.c|s/^\t\tnsn_left(r, l.miss);/\t\t(void)l.miss;/
lookups that are inverted|hook_set.c|s/invert ? l.hit : l.miss/l.miss/;s/invert ? l.miss : l.hit/l.hit/
the end of a range in a set|hook_elems.c|s/at->last = e->key_end ?/at->last = false ?/
the states new and established|hook_index.c|s/{1, 2, 4, 8, 64,/{1, 8, 4, 2, 64,/
the hook forward|walk_local.c|s/^\tset = nsn_w_hook(at, nf, NF_INET_FORWARD, NULL, INT32_MIN, INT32_MAX, set);//
the hook postrouting|walk_local.c|s/here.set = nsn_w_hook(at, nf, NF_INET_POST_ROUTING, NULL, INT32_MIN, 99, set);/here.set = set;/
a return from a chain|hook_rule.c|/case NSN_V_RETURN:/{n;s/.*/\t\tnsn_left(r, o->set);/}
rules of routing that ask for a mark|walk_route.c|s/^\tif (f->mask)/\tif (false)/
'

noticed=0 missed=0
while IFS='|' read -r name file script; do
	[[ -n $name && $name == *"${FAULT:-}"* ]] || continue
	path=lib/verify/$file
	cp -p "$path" "$tree/kept"
	sed -i "$script" "$path"
	if cmp -s "$path" "$tree/kept"; then
		echo "faults: '$name' is nowhere to be planted any more: $file has changed" >&2
		exit 2
	fi
	touch "$path"
	make -s BUILD=build WERROR= build/tests/prover/fuzz >"$tree/log" 2>&1 || {
		tail -5 "$tree/log" >&2
		exit 2
	}
	rc=0
	NSNET_BIN=$tree/build/nsnet timeout 120 build/tests/prover/fuzz --stop --seed 1 --sets "$sets" \
		>"$tree/log" 2>&1 || rc=$?
	if ((rc == 1)) && grep -q '^MISMATCH' "$tree/log"; then
		printf 'noticed  %-42s %s\n' "$name" "$(grep -m1 -o '^MISMATCH [A-Z]*: seed [0-9]* ruleset [0-9]*' "$tree/log")"
		noticed=$((noticed + 1))
	else
		printf 'MISSED   %-42s (status %d)\n' "$name" "$rc"
		tail -3 "$tree/log"
		missed=$((missed + 1))
	fi
	cp -p "$tree/kept" "$path"
	touch "$path"
done <<<"$faults"
echo "$noticed faults noticed, $missed missed"
((missed == 0))
