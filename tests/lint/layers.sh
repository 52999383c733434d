#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Fails when an #include goes against the layering. Looks at lib/, netd/ and tools/ of the folder it
# is started in.
set -euo pipefail
shopt -s globstar nullglob
headers=()

# folder | folders it may include | outside libraries
# Every folder may include its own files and lib/nsnet.h, which depends on nothing.
# `lib` is the top of the library: the implementation of nsnet.h.
# Whatever the table says, no header outside lib/nl shows libnl, libmnl or libnftnl.
rules='
lib/base    |                                                               |
lib/object  | lib/base                                                      |
lib/nl      | lib/base                                                      | netlink libmnl libnftnl
lib/kernel  | lib/base lib/object lib/nl                                    | netlink libnftnl
lib/model   | lib/base                                                      |
lib/policy  | lib/base lib/model                                            | yaml md
lib/compile | lib/base lib/object lib/model                                 |
lib/plan    | lib/base lib/object lib/model lib/compile                     |
lib/store   | lib/base lib/model                                            | sqlite3
lib/sync    | lib/base lib/object lib/kernel lib/model lib/compile lib/plan |
lib/verify  | lib/base lib/object lib/nl lib/kernel lib/model               | netlink libmnl libnftnl bdd jansson md
lib/spawn   | lib/base lib/kernel lib/model lib/spawn/filter                | seccomp cap jansson
lib/wire    | lib/base lib/kernel                                           |
lib/spawn/filter |                                                          | seccomp
lib         | lib/base lib/object lib/nl lib/kernel lib/model lib/policy lib/compile lib/plan lib/store lib/sync lib/verify lib/spawn lib/wire |
netd        | lib/base                                                      | microhttpd jansson
tools       | lib/base                                                      | libsmartcols jansson yaml
tools/spawn | lib/base tools                                                |
'
netlink=' netlink libmnl libnftnl '
# These compute and nothing else: headers whose only use is to ask the kernel for something.
pure=' lib/object lib/model lib/policy lib/compile lib/plan '
impure=' unistd.h fcntl.h sched.h sys/ioctl.h sys/mount.h sys/stat.h sys/syscall.h sys/wait.h '

# The C library and the kernel. Anything else is an outside library and needs a name in `outside`.
libc=' alloca.h assert.h byteswap.h ctype.h dirent.h endian.h errno.h error.h fcntl.h fnmatch.h getopt.h
glob.h grp.h ifaddrs.h inttypes.h langinfo.h libgen.h limits.h locale.h mntent.h poll.h pthread.h pwd.h
regex.h sched.h search.h setjmp.h signal.h spawn.h stdalign.h stdarg.h stdatomic.h stdbool.h stddef.h stdint.h
stdio.h stdlib.h stdnoreturn.h string.h strings.h syslog.h termios.h threads.h time.h unistd.h wchar.h wctype.h '
# Functions answer in REPLY: a fork for each of them would make this take a minute.
outside() {
	case $1 in
	netlink/*) REPLY=netlink ;;
	libmnl/*) REPLY=libmnl ;;
	libnftnl/*) REPLY=libnftnl ;;
	libsmartcols/* | libsmartcols.h) REPLY=libsmartcols ;;
	sqlite3.h) REPLY=sqlite3 ;;
	yaml.h) REPLY=yaml ;;
	sha256.h) REPLY=md ;;
	jansson.h) REPLY=jansson ;;
	seccomp.h) REPLY=seccomp ;;
	sys/capability.h) REPLY=cap ;;
	microhttpd.h) REPLY=microhttpd ;;
	bdd.h) REPLY=bdd ;;
	linux/* | net/* | netinet/* | arpa/* | sys/*) REPLY='' ;;
	*) [[ ${libc//$'\n'/ } == *" $1 "* ]] && REPLY='' || REPLY=unknown ;;
	esac
}

words() {
	local w
	read -ra w <<<"$1" || true
	REPLY=" ${w[*]} "
}
declare -A may ext
while IFS='|' read -r folder own libs; do
	folder=${folder// /}
	[[ -n $folder ]] || continue
	words "$own"
	may[$folder]=$REPLY
	words "$libs"
	ext[$folder]=$REPLY
done <<<"$rules"

bad=0
complain() {
	echo "layers: $1"
	bad=1
}

# "lib/base/../nsnet.h" to "lib/nsnet.h", without asking the disk.
normal() {
	local part parts out=()

	IFS=/ read -ra parts <<<"$1"
	for part in "${parts[@]}"; do
		case $part in
		.) ;;
		..)
			if [[ ${#out[@]} -gt 0 && ${out[-1]} != .. ]]; then
				unset 'out[-1]'
			else
				out+=(..)
			fi
			;;
		*) out+=("$part") ;;
		esac
	done
	printf -v REPLY '/%s' "${out[@]}"
	REPLY=${REPLY#/}
}

check_own() {
	local file=$1 dir=$2 target to

	normal "$dir/$3"
	target=$REPLY
	to=${target%/*}
	[[ $target == lib/nsnet.h ]] && return
	if [[ ! -e $target ]]; then
		complain "$file: \"$3\" is not a file of ours (write paths from the including file)"
	elif [[ $file == lib/nsnet.h ]]; then
		complain "$file: the public header depends on nothing, not on '$target'"
	elif [[ $to != "$dir" && ${may[$dir]} != *" $to "* ]]; then
		complain "$file: '$dir' may not include '$to' ($target)"
	fi
}

check_outside() {
	local file=$1 dir=$2 header=$3

	outside "$header"
	if [[ $REPLY == unknown ]]; then
		complain "$file: <$header> is neither libc's nor a library that tests/lint/layers.sh knows"
	elif [[ -n $REPLY && ${ext[$dir]} != *" $REPLY "* ]]; then
		complain "$file: '$dir' may not use <$header>"
	elif [[ -n $REPLY && $netlink == *" $REPLY "* && $file == *.h && $dir != lib/nl ]]; then
		complain "$file: <$header> in a header outside lib/nl"
	elif [[ $pure == *" $dir "* && $impure == *" $header "* ]]; then
		complain "$file: '$dir' makes no system call, so it has no use for <$header>"
	fi
}

files=(lib/**/*.[ch] netd/**/*.[ch] tools/**/*.[ch])
[[ ${#files[@]} -gt 0 ]] || exit 0
for file in "${files[@]}"; do
	[[ -n ${may[${file%/*}]:-} ]] ||
		complain "$file: folder '${file%/*}' has no rule in tests/lint/layers.sh"
done

include='^[[:space:]]*#[[:space:]]*include(_next)?[[:space:]]*'
while IFS= read -r line; do
	file=${line%%:*}
	dir=${file%/*}
	text=${line#*:}
	[[ -n ${may[$dir]:-} ]] || continue
	if [[ $text =~ $include\"([^\"]*)\" ]]; then
		check_own "$file" "$dir" "${BASH_REMATCH[2]}"
	elif [[ $text =~ $include\<([^\>]*)\> ]]; then
		check_outside "$file" "$dir" "${BASH_REMATCH[2]}"
	else
		# A macro hides from us what it includes.
		complain "$file: #include of neither \"a file\" nor <a header>: $text"
	fi
done < <(grep -HE "$include" "${files[@]}" || true)

# A forward declaration shows the library just as well as its header does.
shown='\b(struct|enum|union)[[:space:]]+(nl|rtnl|nftnl|mnl)_[a-z]|\b(nl|rtnl|nftnl|mnl)_[a-z0-9_]+[[:space:]]*\('
for file in "${files[@]}"; do
	[[ $file == *.h && $file != lib/nl/* ]] && headers+=("$file")
done
while IFS= read -r line; do
	complain "$line: shows libnl, libmnl or libnftnl in a header outside lib/nl"
done < <([[ -z ${headers[*]:-} ]] || grep -HnE "$shown" "${headers[@]}" || true)
exit $bad
