# SPDX-License-Identifier: GPL-2.0-or-later
"""What it takes to start a workload that does nothing, against the floor (born.c) and bubblewrap.

All execute the same statically linked program. The kernel lets go of a network namespace in the
background, so there is a pause before each start: nobody pays for the one before.
"""
import os
import subprocess
import time

TENANT, IDS = "bench", "2000000"
# A file of /usr that is not called `true`: views and bwrap show /usr and what is mounted in it.
COMMAND, LINKED = "/usr/bin/false", "/usr/bin/true"
BWRAP = ("bwrap", "--unshare-all", "--ro-bind", "/usr", "/usr", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64",
         "/lib64", "--symlink", "usr/bin", "/bin", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp")
PAUSE = 0.02


def prepare(here):
    """Our command in /usr, in this world only."""
    subprocess.run(["mount", "--bind", os.path.join(here, "true"), COMMAND], check=True)


def ways(here, nsnet, bwrap):
    """By name, what starts the command."""
    folder = os.path.dirname(nsnet)
    ret = {"spawn floor": (os.path.join(here, "born"), COMMAND),
           "spawn run": (nsnet, "run", TENANT, "--", COMMAND),
           "spawn nsnet-spawn": (os.path.join(folder, "nsnet-spawn"), "--netns", "/run/netns/" + TENANT, "--ids", IDS,
                                 "--", COMMAND),
           "spawn plain": (COMMAND,),
           "spawn version": (nsnet, "--version"),
           "spawn linked floor": (os.path.join(here, "born"), LINKED),
           "spawn linked run": (nsnet, "run", TENANT, "--", LINKED)}
    if bwrap:
        ret["spawn bwrap"] = (*BWRAP, COMMAND)
    return ret


def rounds(s, here, cmds, runs, at=""):
    """Processes, one after the other, in turns; then those of a caller that is there already."""
    names = list(cmds)
    for i in range(runs):
        for k in range(len(names)):
            name = names[(i + k) % len(names)]
            time.sleep(PAUSE)
            s.timed(name + at, *cmds[name])
    done = subprocess.run([os.path.join(here, "spawn"), "each", str(runs), TENANT, COMMAND], stdout=subprocess.PIPE,
                          text=True, check=True)
    for line in done.stdout.splitlines():
        kind, micro = line.split()
        s.add(f"spawn resident {kind}{at}", float(micro) / 1000)


def many(s, here, total, jobs, at=""):
    """Milliseconds for each of many, by callers that are there already."""
    done = subprocess.run([os.path.join(here, "spawn"), "many", str(total), str(jobs), TENANT, COMMAND],
                          stdout=subprocess.PIPE, text=True, check=True)
    s.add(f"spawn many {jobs}{at}", float(done.stdout.split()[1]) / 1000 / total)


def rows(row, s, count):
    """The table's part. @row: what makes one; @count: tenants that were there in the second series."""
    for at, there in (("", ""), (" full", f", with {count} tenants there")):
        row(s, "`nsnet run T -- true`, against a process that clones with 7 namespaces" + there, "spawn run" + at,
            "spawn floor" + at, 1.8)
        row(s, "libnsnet from a caller that runs already, against the same" + there, "spawn resident nsnet" + at,
            "spawn floor" + at, 1.0)
        row(s, "the same, against its clone with 7 namespaces" + there, "spawn resident nsnet" + at,
            "spawn resident floor" + at)
        row(s, "`nsnet-spawn`, against the floor" + there, "spawn nsnet-spawn" + at, "spawn floor" + at)
        row(s, "bubblewrap --unshare-all, against the floor" + there, "spawn bwrap" + at, "spawn floor" + at)
        row(s, "`nsnet run`, against bubblewrap" + there, "spawn run" + at, "spawn bwrap" + at, 1.0)
        row(s, "libnsnet from a caller that runs already, against bubblewrap" + there, "spawn resident nsnet" + at,
            "spawn bwrap" + at, 1.0)
    # A process that copies the mounts pays for each tenant; nsnet's are copied from elsewhere.
    row(s, f"`nsnet run` with {count} tenants there, against without", "spawn run full", "spawn run", 1.2)
    row(s, f"libnsnet with {count} tenants there, against without", "spawn resident nsnet full",
        "spawn resident nsnet", 1.2)
    row(s, f"bubblewrap with {count} tenants there, against without", "spawn bwrap full", "spawn bwrap")
    row(s, "`nsnet run T -- /usr/bin/true`, linked to libc, against the floor of it", "spawn linked run",
        "spawn linked floor")
    row(s, "`nsnet --version`: a process and its libraries", "spawn version")
    row(s, "posix_spawn of the command, nothing isolated", "spawn plain")
    row(s, "1,000 by one caller, each", "spawn many 1")
    row(s, "1,000 by 50 callers at a time, each", "spawn many 50")
