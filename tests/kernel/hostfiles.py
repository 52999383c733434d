# SPDX-License-Identifier: GPL-2.0-or-later
"""Which of the kernel's files somebody can open for writing. See test_hostfiles.c.

  hostfiles.py [uncover] [mount] [proc] [at=FOLDER]
    uncover   take away first whatever is mounted below /proc
    mount     try to mount what shows the host, too, and to make devices
    at=...    look for what can be written to there, and do nothing else
    proc      below /proc alone: for who is on the host, where to open a device can do something

Nothing is written: to open a file says whether it may be written, and does nothing if it may
- whoever breaks what is tested here would otherwise write to the machine's own. Devices are not
even opened (a watchdog would start), but told by their numbers.

Lines: "tried NUMBER", "writable PATH", "device PATH NUMBERS", "TYPE at PATH",
"read PATH empty|text|zeros|ERRNO", "mount TYPE ok|ERRNO", "node PATH ok|ERRNO",
"inside PATH ok|ERRNO", "self FILE ok|ERRNO".
"""
import ctypes
import errno
import os
import stat
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
# To open and close it is to do something.
NEVER = ("free_buffer", "watchdog")
DEVICES = ("1:3", "1:5", "1:7", "1:8", "1:9", "5:0", "5:2")
# Each user's own, or covered. What is read of them is not told.
SECRETS = ("kcore", "keys", "key-users", "kmsg", "kallsyms", "interrupts", "timer_list",
           "sched_debug", "latency_stats", "sysrq-trigger", "config.gz", "kpagecount",
           "kpageflags", "kpagecgroup", "vmallocinfo", "slabinfo", "pagetypeinfo", "iomem",
           "ioports", "mtrr", "acpi", "asound", "bus", "driver", "fs", "irq",
           "pressure", "scsi")
TYPES = ("sysfs", "debugfs", "tracefs", "securityfs", "devtmpfs", "configfs", "pstore", "efivarfs",
         "cgroup", "cgroup2", "hugetlbfs", "bpf", "ext4", "fusectl", "binfmt_misc", "nsfs")
NODES = (("mem", stat.S_IFCHR, 1, 1), ("port", stat.S_IFCHR, 1, 4), ("kmsg", stat.S_IFCHR, 1, 11),
         ("null", stat.S_IFCHR, 1, 3), ("tun", stat.S_IFCHR, 10, 200), ("fuse", stat.S_IFCHR, 10, 229),
         ("disk", stat.S_IFBLK, 254, 0))
# Of namespaces that are the workload's own: there is one for each, with its own value.
INSIDE = ("kernel/msgmnb", "kernel/pid_max", "fs/mqueue/msg_default", "user/max_mnt_namespaces")


def word(error):
    return errno.errorcode.get(error.errno, str(error.errno))


def said(do, *args):
    try:
        return do(*args) or "ok"
    except OSError as e:
        return word(e)


def check(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "")


def files(top):
    """Regular files and devices, and what leads nowhere else. Processes but 1 are left out."""
    for folder, folders, names in os.walk(top):
        if folder == "/proc":
            folders[:] = [f for f in folders if not f.isdigit() or f == "1"]
        elif folder == "/proc/1":
            folders[:] = [f for f in folders if f in ("attr", "ns", "net")]
        for name in names:
            path = os.path.join(folder, name)
            try:
                yield path, os.lstat(path)
            except OSError:
                pass


def walk(tops):
    tried = 0
    for top in tops:
        for path, st in files(top):
            tried += 1
            if stat.S_ISCHR(st.st_mode) or stat.S_ISBLK(st.st_mode):
                number = "%d:%d" % (os.major(st.st_rdev), os.minor(st.st_rdev))
                if number not in DEVICES and os.major(st.st_rdev) != 136 or stat.S_ISBLK(st.st_mode):
                    print("device", path, number)
            elif stat.S_ISREG(st.st_mode) and os.path.basename(path) not in NEVER:
                try:
                    os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW))
                    print("writable", path)
                except OSError:
                    pass
    print("tried", tried)


def mounts():
    """[(type, where)], the last one first."""
    with open("/proc/self/mounts") as f:
        return [(x[2], x[1]) for x in (line.split() for line in f)][::-1]


def read(path):
    if os.path.isdir(path):
        return "text" if os.listdir(path) else "empty"
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        data = os.read(fd, 65536)
    finally:
        os.close(fd)
    if not data:
        return "empty"
    # Addresses of memory: who may not know them gets zeros.
    lines = [x.split()[0] for x in data.decode(errors="replace").splitlines() if x.split()]
    return "zeros" if all(not x.strip("0-") for x in lines[:-1] or lines) else "text"


def mount(kind):
    source = {"ext4": "/dev/vda"}.get(kind, kind)
    options = {"cgroup": b"memory"}.get(kind)
    os.makedirs("/run/at", exist_ok=True)
    check(LIBC.mount(source.encode(), b"/run/at", kind.encode(), 0, options))
    try:
        walk(["/run/at"])
    finally:
        LIBC.umount2(b"/run/at", 2)


def change(name):
    """To the number before: of our own, and nobody else sees it."""
    with open("/proc/sys/" + name) as f:
        value = int(f.read())
    with open("/proc/sys/" + name, "w") as f:
        f.write(str(value - 1))
    with open("/proc/sys/" + name) as f:
        return "ok" if int(f.read()) == value - 1 else "other"


def put(path, text):
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, text)
    finally:
        os.close(fd)


def main():
    for arg in sys.argv:
        if arg.startswith("at="):
            return walk([arg[3:]])
    on_host = "proc" in sys.argv
    if "uncover" in sys.argv:
        for _, where in mounts():
            if where.startswith("/proc/"):
                check(LIBC.umount2(where.encode(), 2))
    for kind, where in mounts():
        print(kind, "at", where)
    walk(["/proc"] if on_host else ["/proc", "/sys", "/dev"])
    for name in SECRETS:
        if on_host and name == "kmsg":
            continue  # what is read of it, nobody else reads
        print("read", "/proc/" + name, said(read, "/proc/" + name))
    if "mount" in sys.argv:
        for name in TYPES:
            print("mount", name, said(mount, name))
        for name, kind, major, minor in NODES:
            print("node", name, said(os.mknod, "/tmp/" + name, kind | 0o666,
                                     os.makedev(major, minor)))
        for name in INSIDE:
            print("inside", name, said(change, name))
        for name, text in (("oom_score_adj", b"-1"), ("uid_map", b"0 0 1"), ("gid_map", b"0 0 1")):
            print("self", name, said(put, "/proc/self/" + name, text))


main()
