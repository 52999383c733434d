#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How many system calls in a log of `strace -f` had an effect. The second opinion to
tests/lib/crash.c, which counts by numbers and in memory what is text here.

Only what is known to have none is left out: reading, and what ends with the process.

  effects.py trace     what strace has to look at, for its option -e
  effects.py LOG       two numbers: all, and those of them that SQLite writes its pages with. These
                       differ from run to run, by what is still in its log of the commands before
  effects.py -v LOG    each call with its number before that
"""
import collections
import re
import sys

# Reading, and the process's own memory, descriptors, signals, timers, locks and identity.
QUIET = set("""
read readv pread64 lseek newfstatat fstat stat lstat statx fstatfs statfs access faccessat
faccessat2 readlink readlinkat getdents64 name_to_handle_at getcwd sysinfo uname getrandom
getrusage getcpu time gettimeofday clock_gettime clock_getres getpid getppid gettid getuid geteuid
getgid getegid sched_getaffinity
close close_range dup dup2 dup3 pipe pipe2 eventfd2 epoll_create1 epoll_ctl epoll_wait epoll_pwait
poll ppoll select pselect6 fcntl flock
socket bind connect setsockopt getsockopt getsockname recvfrom recvmsg recvmmsg
mmap munmap mremap mprotect madvise brk mlock arch_prctl
futex set_robust_list set_tid_address rseq membarrier sched_yield
rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack setitimer getitimer timer_create timer_settime
nanosleep clock_nanosleep restart_syscall prlimit64 umask
wait4 waitid exit exit_group execve
""".split())

PAGES = ("pwrite64", "fdatasync", "fsync", "ftruncate")
FIRST = re.compile(r"nlmsg_type=(\w+)[^,]*, nlmsg_flags=([^,]+)")
ROUTING = range(16, 128)


def only_asks(arguments):
    """A netlink request that dumps or gets. The names are not always known to strace."""
    message = FIRST.search(arguments)
    if not message:
        return False
    kind, flags = message.groups()
    bits = sum(int(f, 0) for f in flags.split("|") if f.startswith("0x"))
    if "NLM_F_DUMP" in flags.split("|") or bits & 0x300 == 0x300:
        return True
    if kind.startswith("0x") or kind.isdigit():
        number = int(kind, 0)
        return number == 0xa10 or (number in ROUTING and number & 3 == 2)
    return kind.startswith("RTM_GET") or kind == "NFT_MSG_GETGEN"


def has_effect(name, arguments):
    if name in QUIET:
        return False
    if name in ("open", "openat"):
        return "O_CREAT" in arguments or "O_TRUNC" in arguments
    if name in ("sendto", "sendmsg"):
        return not only_asks(arguments)
    if name == "ioctl":
        return not re.search(r"TCGETS|TIOCGWINSZ|FIONREAD|NS_GET_|0xb7", arguments)
    return True


def main():
    if sys.argv[1] == "trace":
        print("trace=!" + ",".join("?" + name for name in sorted(QUIET)))
        return
    found = collections.Counter()
    with open(sys.argv[-1], errors="replace") as log:
        for line in log:
            call = re.match(r"(?:\d+ +)?(\w+)\((.*)", line)
            # Not made, but begun once more at once: a lock was held elsewhere.
            if "ERESTARTNOINTR" in line:
                continue
            if call and has_effect(*call.groups()):
                found[call.group(1)] += 1
    if sys.argv[1] == "-v":
        print(", ".join("%s %d" % item for item in found.most_common()))
    print(sum(found.values()), sum(found[name] for name in PAGES))


main()
