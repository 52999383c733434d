# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the time of one `tenant add` goes, by name, as strace tells.

strace makes each call longer by some 20 to 60 µs: what calls take that do nothing (getpid, geteuid) is
taken off each. What the program computes between its calls is no row of this; its user time is.
"""
import collections
import os
import re
import resource
import statistics
import subprocess
import sys

LINE = re.compile(r"^(?:\d+ +)?([a-z0-9_]+)\((.*)\) += (-?\d+|\?).*<([\d.]+)>$")
# Message types of rtnetlink; strace knows none of them on sockets of another namespace.
RTM = {0x10: "link", 0x14: "address", 0x18: "route", 0x1c: "neighbour or fdb", 0x20: "rule"}
NAMES = {"NEWLINK": 0x10, "NEWADDR": 0x14, "NEWROUTE": 0x18, "NEWNEIGH": 0x1c, "NEWRULE": 0x20,
         "SETLINK": 0x13}
CALLS = {"unshare": "unshare (a network namespace)", "setns": "setns", "mount": "mount (pins)",
         "umount2": "umount", "fsync": "fsync of the store", "fdatasync": "fsync of the store",
         "flock": "lock of the state folder", "execve": "execve"}
IDLE = ("getpid", "geteuid", "getuid")


def _netlink(args, family):
    """What a message on a netlink socket is for."""
    kind = re.search(r"nlmsg_type=(?:RTM_(\w+)|0x([0-9a-f]+)|(\w+))", args)
    dump = "NLM_F_DUMP" in args or re.search(r"nlmsg_flags=[^,]*0x3[0-9a-f]{2}", args)
    if family == "NETLINK_NETFILTER":
        return "nft: read back" if dump else "nft: commit of the batch"
    number = NAMES.get(kind[1], 0) if kind and kind[1] else int(kind[2], 16) if kind and kind[2] else 0
    if dump or number not in RTM:
        return "links, addresses, ...: read back"
    return f"rtnetlink: {RTM[number]}"


class Trace:
    """Sorts calls by what they are for; remembers what a descriptor is."""

    def __init__(self):
        self.fds, self.last, self.sums, self.idle = {}, {}, collections.Counter(), []

    def _file(self, path, base):
        whole = path if path.startswith("/") else self.fds.get(base, "") + "/" + path
        return whole

    def _of_path(self, path):
        if ".so" in path or "locale" in path or "gconv" in path:
            return "start of the process (libraries)"
        if path.startswith("/proc/sys/net"):
            return "sysctls"
        if "nsnet.db" in path or path.endswith("/lock"):
            return "store: reads, writes, locks"
        if path.startswith(("/etc/netns", "/run/")):
            return "files and folders of pins, /etc/netns"
        return "other files"

    def kind(self, call, args, result):
        if call in CALLS:
            return CALLS[call]
        fd = args.split(",", 1)[0]
        if call == "close":
            return self._of_fd(call, self.fds.pop(fd, ""), fd)
        if call == "fsmount":
            self.fds[result] = "/proc"
        if call.startswith("fs") or call == "fchdir":
            return "a procfs of its own"
        if call == "socket":
            family = re.search(r"NETLINK_(?:ROUTE|NETFILTER)", args)
            self.fds[result] = family[0] if family else "socket"
            return "sockets"
        if call in ("openat", "newfstatat", "unlinkat", "mkdirat"):
            path = re.search(r'"([^"]*)"', args)
            whole = self._file(path[1], fd) if path and path[1] else self.fds.get(fd, "")
            if call == "openat" and result != "-1":
                self.fds[result] = whole
            return self._of_path(whole)
        if call in ("mmap", "mprotect", "munmap", "brk", "arch_prctl"):
            return "start of the process (libraries)"
        return self._of_fd(call, self.fds.get(fd, ""), fd, args)

    def _of_fd(self, call, what, fd, args=""):
        if what.startswith("NETLINK"):
            if call in ("sendto", "sendmsg"):
                self.last[fd] = _netlink(args, what)
            return self.last.get(fd, "sockets") if call in ("sendto", "sendmsg", "recvmsg", "recvfrom") else "sockets"
        if what.startswith("/"):
            return self._of_path(what)
        return "other calls"

    def add(self, line):
        found = LINE.match(line)
        if not found:
            return
        call, args, result, seconds = found.groups()
        if call in IDLE:
            self.idle.append(float(seconds))
        self.sums[self.kind(call, args, result)] += float(seconds)
        self.sums["calls " + self.kind(call, args, result)] += 1

    def rest(self):
        """Milliseconds by kind, less what strace itself takes."""
        own = statistics.median(self.idle) if self.idle else 0
        return {k: max(0.0, v - own * self.sums["calls " + k]) * 1000
                for k, v in self.sums.items() if not k.startswith("calls ")}


def once(nsnet, folder, args, settle):
    out = os.path.join(folder, "strace")
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    subprocess.run([nsnet, "-q", *args], check=True)
    user = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    subprocess.run([nsnet, "-q", "tenant", "del", "-y", args[2]], check=True)
    settle()
    subprocess.run(["strace", "-f", "-T", "-s", "64", "-o", out, nsnet, "-q", *args], check=True)
    trace = Trace()
    with open(out, encoding="utf-8", errors="replace") as f:
        for line in f:
            trace.add(line.rstrip())
    subprocess.run([nsnet, "-q", "tenant", "del", "-y", args[2]], check=True)
    settle()
    return trace, user * 1000


def show(nsnet, folder, settle, top, runs=5):
    """The steps that take most, medians of some runs."""
    all_sums, calls, users = collections.defaultdict(list), {}, []
    for _ in range(runs):
        trace, user = once(nsnet, folder, ("tenant", "add", "bench", "10.80.1.0/24"), settle)
        users.append(user)
        for kind, ms in trace.rest().items():
            all_sums[kind].append(ms)
            calls[kind] = trace.sums["calls " + kind]
    medians = sorted(((statistics.median(v), k) for k, v in all_sums.items()), reverse=True)
    total = sum(m for m, _ in medians)
    print(f"\none `tenant add` by step (strace, medians of {runs}): {total:.1f} ms in calls, "
          f"{statistics.median(users):.1f} ms user time of a run without strace")
    print("| step | ms | share | calls |\n|---|---|---|---|")
    for ms, kind in medians[:top]:
        print(f"| {kind} | {ms:.2f} | {ms / total:.0%} | {calls[kind]} |")
    print(f"the slowest step: {medians[0][1]}")
    sys.stdout.flush()
