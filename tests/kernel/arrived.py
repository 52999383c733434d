# SPDX-License-Identifier: GPL-2.0-or-later
"""What a process got from whoever started it, as lines "KEY VALUE". See test_pollution.c.

  arrived.py KEYCTL SECRET    the number of that system call; what a planted key is called
"""
import ctypes
import os
import resource
import subprocess
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
KEYCTL, SECRET = int(sys.argv[1]), sys.argv[2].encode()
SEARCH, RINGS = 10, (-3, -4, -5)  # session, user, user's session
PATH = {"PATH": "/usr/bin:/bin"}  # whatever ours is
GET_DUMPABLE, GET_SECUREBITS, GET_PDEATHSIG = 3, 27, 2
STATUS = ("SigP", "SigB", "SigI", "ShdP", "Cap", "Gro", "NoN", "Sec", "Uid", "Gid")


def text(path):
    with open(path, errors="replace") as f:
        return f.read()


def stat(pid):
    """The fields behind the name, so that [0] is the state."""
    return text("/proc/%s/stat" % pid).rsplit(")")[1].split()


def is_open(fd):
    try:
        os.fstat(fd)
        return True
    except OSError:
        return False


def death():
    sig = ctypes.c_int()
    LIBC.prctl(GET_PDEATHSIG, ctypes.byref(sig))
    return sig.value


def key(ring):
    found = LIBC.syscall(KEYCTL, SEARCH, ring, b"user", SECRET, 0)
    return "there" if found > 0 else os.strerror(ctypes.get_errno()).replace(" ", "-")


print("fds", *[f for f in range(1024) if is_open(f)])
print("cwd", os.getcwd())
print("umask", "%04o" % os.umask(0))
for line in text("/proc/self/status").splitlines():
    if line.startswith(STATUS):
        print(*line.replace(":", " ").split())
print("dumpable", LIBC.prctl(GET_DUMPABLE))
print("securebits", LIBC.prctl(GET_SECUREBITS))
print("death", death())
print("nice", os.nice(0))
print("policy", os.sched_getscheduler(0))
print("oom", text("/proc/self/oom_score_adj").strip())
print("personality", text("/proc/self/personality").strip())
for name in ("CORE", "RTPRIO", "NICE"):
    print("limit", name, *resource.getrlimit(getattr(resource, "RLIMIT_" + name)))
print("tty", stat("self")[4])
print("tty1", stat(1)[4], "session1", stat(1)[3], "nice1", stat(1)[16])
print("cmdline1", repr(text("/proc/1/cmdline").rstrip("\0")))
print("comm1", text("/proc/1/comm").strip())
print("keys", *[key(ring) for ring in RINGS])
print("env", *sorted(os.environ))
print("secrets", sum(SECRET.decode() in v for v in os.environ.values()))
sys.stdout.flush()
subprocess.run(["sh", "-c", "ionice | sed 's/^/ionice /'"], env=PATH)
# A child's end is not lost, and one that writes to nobody ends.
subprocess.run(["bash", "-c", "sh -c 'exit 3'; echo wait $?;"
                "yes | head -1 >/dev/null; echo pipe ${PIPESTATUS[0]}"], env=PATH)
