# SPDX-License-Identifier: GPL-2.0-or-later
"""The bench's table. Started by bench.sh, in a world of its own.

BENCH_N (1000) tenants, BENCH_RULES (5 for each) rules between them; BENCH_RUNS (15) runs of what is
short (less when it is not), BENCH_BULK (3) of what is long (one of the delete with rules);
BENCH_FULL=1: also 5 times as many tenants; BENCH_COMPARE (50) tenants of each bulk are compared with
the floor's; BENCH_ONLY=single,bulk,rules,spawn,steps; BENCH_STEPS (5) of an add; BENCH_JSON: a file for all
numbers. STRICT=1: the status is 1 when a bound is missed. It is 1 in any case when the floor's objects
are not nsnet's.
"""
import glob
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import kernel
import objects
import script
import spawns
import steps

NSNET, BIN, STATE = (os.environ[k] for k in ("NSNET_BIN", "BENCH_BIN", "BENCH_STATE"))
N = int(os.environ.get("BENCH_N", "1000"))
RULES = int(os.environ.get("BENCH_RULES", str(5 * N)))
RUNS = int(os.environ.get("BENCH_RUNS", "15"))
BULK = int(os.environ.get("BENCH_BULK", "3"))
COMPARE = int(os.environ.get("BENCH_COMPARE", "50"))
ONLY = os.environ.get("BENCH_ONLY", "single,bulk,rules,spawn,steps").split(",")
JOBS = os.cpu_count() or 1
FLOOR, RUN, START = (os.path.join(BIN, name) for name in ("floor", "run", "start"))
# A machine that others use, too: what is above its bound by less is not said to be missed.
TOLERANCE = 0.10


def say(text):
    print(time.strftime("%H:%M:%S"), text, file=sys.stderr, flush=True)


# ---- running ---------------------------------------------------------------------------


class Samples:
    """Times in ms, those of processors, and peak memory in MiB, by name."""

    def __init__(self):
        self.times, self.cpu, self.memory = {}, {}, {}

    def timed(self, name, *cmd, per=1):
        out = os.path.join(STATE, "time")
        done = subprocess.run([RUN, out, *cmd], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                              check=False)
        if done.returncode != 0:
            raise SystemExit(f"bench: {' '.join(cmd)[:200]}: {done.stderr[-2000:]}")
        with open(out, encoding="ascii") as f:
            micro, cpu, kib = f.read().split()
        self.add(name, float(micro) / 1000 / per)
        self.cpu.setdefault(name, []).append(float(cpu) / 1000 / per)
        self.memory.setdefault(name, []).append(int(kib) / 1024)
        return float(micro) / 1000

    def nsnet(self, name, *args, per=1):
        return self.timed(name, NSNET, "-q", *args, per=per)

    def repeated(self, name, *args, limit=20):
        """BENCH_RUNS times, or for some seconds: what has to be short may be long."""
        end = time.monotonic() + limit
        for _ in range(RUNS):
            self.nsnet(name, *args)
            if time.monotonic() > end:
                break

    def add(self, name, ms):
        self.times.setdefault(name, []).append(ms)

    def median(self, name):
        return statistics.median(self.times[name])

    def has(self, *names):
        return all(name in self.times for name in names)


def nsnet(*args, quiet=True):
    """What it prints."""
    cmd = [NSNET] + (["-q"] if quiet else []) + list(args)
    done = subprocess.run(cmd, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"bench: {' '.join(cmd)[:200]}: {done.stderr[-2000:]}")
    return done.stdout


def fresh():
    """A state folder of its own for each series: no numbers, no marks of the one before."""
    os.environ["NSNET_STATE_DIR"] = tempfile.mkdtemp(dir=STATE) + "/nsnet"


def settle(limit=300):
    """Waits until the kernel has let go of the namespaces that were deleted.

    It does so in the background, in the order in which they were left, with locks that the next run
    would wait for. So one more is made and left: when our end of its link is gone, it is its turn.
    """
    def run(*cmd):
        subprocess.run(cmd, check=True)

    run("ip", "netns", "add", "bench-probe")
    run("ip", "link", "add", "bench-probe", "type", "veth", "peer", "name", "p", "netns", "bench-probe")
    run("ip", "netns", "del", "bench-probe")
    end = time.monotonic() + limit
    while os.path.exists("/sys/class/net/bench-probe"):
        if time.monotonic() > end:
            raise SystemExit(f"bench: the kernel has not let go of namespaces in {limit} s")
        time.sleep(0.01)


def wipe():
    """All tenants at once and roughly: for series whose delete is not measured. The state is not used again."""
    for pin in objects.pins_there():
        subprocess.run(["umount", "-l", pin], check=True)
        os.unlink(pin)
    for folder in glob.glob("/etc/netns/*"):
        shutil.rmtree(folder)
    settle()


def empty():
    """Nothing is left of a series."""
    left = objects.pins_there()
    if left:
        raise SystemExit(f"bench: left behind: {left[:5]}")


# ---- comparing -----------------------------------------------------------------------------

compared = []  # (what, tenants, differences)


def look_at(tenants):
    with kernel.own_proc(os.path.join(STATE, "proc")):
        return {t.name: objects.seen(t.name, t.gateway) for t in tenants}


def compare(what, tenants, before):
    after = look_at(tenants)
    # On a busy machine the kernel may still be at it. What differs for good differs then, too.
    for _ in range(3):
        late = [t for t in tenants if objects.differences(before[t.name], after[t.name])]
        if not late:
            break
        time.sleep(2)
        after.update(look_at(late))
    lines = [f"{t.name}: {line}" for t in tenants for line in objects.differences(before[t.name], after[t.name])]
    compared.append((what, len(tenants), lines))
    for line in lines[:20]:
        say(f"{what}: DIFFERS: {line}")


def some(items, most):
    """The first, the last and those between, evenly."""
    if len(items) <= most:
        return items
    return [items[i * (len(items) - 1) // (most - 1)] for i in range(most)]


def record(path, names, numbers=None):
    """The list for the floor of all tenants there are, or of those that are named."""
    tenants = [objects.Tenant(n, i) for n, i in objects.tenants_of(nsnet) if numbers is None or n in numbers]
    with kernel.own_proc(os.path.join(STATE, "proc")):
        objects.make_list(names, tenants).save(path)
    return tenants


# What is altered in a list, to see whether the comparison sees it.
PLANTED = (("fdb 3", None), ("route w", None), ("file", None), ("up w 1", None), ("port 3", ("5=1", "5=0")),
           ("neigh w", (":0", ":1")), ("addr g", (" 78", " 79")), ("bridge", ("06:", "0e:")),
           ("veth", (" 0 ", " 1400 ")), ("sysctl g net/ipv4/conf/all/arp_ignore", (" 2", " 0")))


def planted(path, tenants, before):
    """A comparison that sees nothing would pass, too: each of some small differences has to be found."""
    with open(path, encoding="ascii") as f:
        whole = f.read()
    with open(path + ".blobs", "rb") as f:
        blobs = f.read()
    changed = [(start, "".join(_altered(line, start, how) for line in whole.splitlines(True)), blobs)
               for start, how in PLANTED]
    changed.append(("a rule's comment", whole, blobs.replace(b"ping the gateway", b"ping the gateWay")))
    changed.append(("a counter's name", whole, blobs.replace(b"nsnet_drop_arp\0", b"nsnet_drop_arq\0")))
    for what, lines, data in changed:
        if (lines, data) == (whole, blobs):
            raise SystemExit(f"bench: nothing to plant: {what}")
        with open(path + "-planted", "w", encoding="ascii") as f:
            f.write(lines)
        with open(path + "-planted.blobs", "wb") as f:
            f.write(data)
        objects.run_floor(FLOOR, "make", path + "-planted", path + "-planted.blobs")
        t = tenants[0]
        if not objects.differences(before[t.name], objects.seen(t.name, t.gateway)):
            raise SystemExit(f"bench: the comparison does not see a planted difference: {what}")
        objects.run_floor(FLOOR, "del", path + "-planted")
    return len(changed)


def _altered(line, start, how):
    if not line.startswith(start):
        return line
    return line.replace(*how) if how else ""


# ---- one tenant ------------------------------------------------------------------------------


def write_script(tenant, names):
    """The script that makes the tenant and an endpoint; it and what nsnet has then."""
    folder = tempfile.mkdtemp(dir=STATE)
    script.prepare(tenant, names)
    nsnet("endpoint", "add", "bench/db")
    end = json.loads(nsnet("-j", "endpoint", "show", "bench/db"))["items"][0]
    hosts = []
    for name in ("bench", "bench.db"):
        with open(f"/etc/netns/{name}/hosts", encoding="utf-8") as f:
            hosts.append(f.read())
    cmds = script.write(folder, tenant, end, hosts)
    return cmds, objects.seen("bench", tenant.gateway, ["db"])


def same_objects(path, names):
    """Floor and script make what nsnet makes. Returns the script's commands."""
    nsnet("tenant", "add", "bench", "10.80.1.0/24")
    tenants = record(path, names)
    before = look_at(tenants)
    cmds, both = write_script(tenants[0], names)
    nsnet("tenant", "del", "-y", "bench")
    settle()
    objects.run_floor(FLOOR, "make", path, path + ".blobs")
    compare("one tenant, floor", tenants, before)
    objects.run_floor(FLOOR, "del", path)
    found = planted(path, tenants, before)
    compared.append((f"{found} planted differences, all seen", found, []))
    for cmd in cmds[:2]:
        subprocess.run(cmd, check=True)
    lines = objects.differences(both, objects.seen("bench", "/run/netns/bench-gw", ["db"]))
    lines = [line for line in lines if " protocols: " not in line]
    for line in lines[:20]:
        say("script: DIFFERS: " + line)
    compared.append(("one tenant with two endpoints, script, but for IFA_PROTO", 1, lines))
    subprocess.run(cmds[2], check=True)
    settle()
    return cmds


def single(s):
    fresh()
    path = os.path.join(STATE, "single")
    cmds = same_objects(path, objects.planned_sysctls(nsnet))
    database = os.path.join(os.environ["NSNET_STATE_DIR"], "nsnet.db")
    mine = ("tenant add bench 10.80.1.0/24", "endpoint add bench/db", "tenant del -y bench")
    ways = {"": [(NSNET, "-q", *words.split()) for words in mine], "script ": cmds,
            "floor ": ((FLOOR, "make", path, path + ".blobs"), None, (FLOOR, "del", path))}
    for i in range(RUNS):
        # Who comes first has it neither better nor worse.
        for k in range(len(ways)):
            name = list(ways)[(i + k) % len(ways)]
            for what, cmd in zip(("add", "endpoint", "del"), ways[name]):
                if cmd:
                    s.timed(name + what, *cmd)
            settle()
        s.timed("start", START, database)
    empty()


# ---- many tenants ----------------------------------------------------------------------------


def subnet(k):
    return f"10.{k >> 8}.{k & 255}.0/24"


def write_tenants(path, count):
    with open(path, "w", encoding="ascii") as f:
        f.write("nsnet: 1\ntenants:\n")
        f.write("".join(f"  t{k}:\n    subnet: {subnet(k)}\n" for k in range(count)))


def singles_at(s, name, first):
    for k in range(RUNS):
        s.nsnet(name, "tenant", "add", f"one-{first + k}", subnet(first + k))


def delete_while_adding(s, names, first):
    """The bulk delete, while another process adds one tenant after the other."""
    begin = time.monotonic()
    with subprocess.Popen([NSNET, "-q", "tenant", "del", "-y", *names]) as bulk:
        waits, k = [], 0
        while bulk.poll() is None:
            at = time.monotonic()
            nsnet("tenant", "add", f"adder-{k}", subnet(first + k))
            waits.append((time.monotonic() - at) * 1000)
            k += 1
    s.add("bulk del, another adds", (time.monotonic() - begin) * 1000)
    if bulk.returncode != 0:
        raise SystemExit("bench: the bulk delete failed")
    s.add("longest add", max(waits))
    s.add("adds", len(waits))


def delete_all(s, name):
    s.nsnet(name, "tenant", "del", "--all", "-y", "--with-rules")
    settle()
    empty()


def bulk(s, count, reps):
    folder = tempfile.mkdtemp(dir=STATE)
    tenants_file, path = os.path.join(folder, "tenants.yaml"), os.path.join(folder, "list")
    write_tenants(tenants_file, count)
    at = "" if count == N else f" of {count}"
    for rep in range(reps):
        say(f"bulk of {count}: {rep + 1} of {reps}")
        fresh()
        names = objects.planned_sysctls(nsnet) if rep == 0 else None
        for k in range(9):
            nsnet("tenant", "add", f"few-{k}", subnet(count + k))
        singles_at(s, "10th add" + at.replace(" ", "-"), count + 10)
        s.nsnet("add -f" + at, "tenant", "add", "-f", tenants_file, per=count)
        singles_at(s, "last add" + at.replace(" ", "-"), count + 10 + RUNS)
        s.repeated("list" + at, "tenant", "list")
        s.repeated("repair" + at, "repair")
        mine = [f"t{k}" for k in range(count)]
        if rep == 0:
            say("recording")
            sample = some(record(path, names, set(mine)), COMPARE)
            before = look_at(sample)
        say("deleting while another adds")
        delete_while_adding(s, mine, count + 1000)
        say("deleting the rest")
        delete_all(s, "bulk del of the rest")
        say("floor")
        for jobs in (1, JOBS):
            s.timed(f"floor {jobs}{at}", FLOOR, "make", path, path + ".blobs", str(jobs), per=count)
            if rep == 0:
                compare(f"{count} tenants, floor with {jobs} jobs", sample, before)
            s.timed("floor bulk del" + at, FLOOR, "del", path)
            settle()
        fresh()
        s.nsnet("apply" + at, "apply", "-f", tenants_file, per=count)
        delete_all(s, "bulk del" + at)


# ---- rules -------------------------------------------------------------------------------------


def write_rules(folder, count, rules):
    """Each tenant may open connections to the next: as many cables as tenants."""
    os.mkdir(folder)
    write_tenants(os.path.join(folder, "tenants.yaml"), count)
    with open(os.path.join(folder, "rules.yaml"), "w", encoding="ascii") as f:
        f.write("nsnet: 1\nrules:\n")
        for k in range(rules):
            one, port = k % count, 8000 + k // count
            f.write(f"  - name: r{k}\n    allow: tcp/{port}\n    from: t{one}\n    to: t{(one + 1) % count}\n"
                    "    because: bench\n")


def allow_and_revoke(s, name, pairs):
    for k, (one, other) in enumerate(pairs):
        s.nsnet(name + "allow", "allow", one, other, "tcp/80", "--because", "bench", "--name", f"bench-{k}")
    for k in range(len(pairs)):
        s.nsnet(name + "revoke", "revoke", f"bench-{k}")


def rules(s, count, number):
    base = tempfile.mkdtemp(dir=STATE)
    folder, path = os.path.join(base, "files"), os.path.join(base, "list")
    write_rules(folder, count, number)
    alone = [(f"pair-{2 * k}", f"pair-{2 * k + 1}") for k in range(RUNS)]
    busy = [(f"t{k}", f"t{(k + count // 2) % count}") for k in range(RUNS)]
    for rep in range(BULK):
        say(f"rules: {rep + 1} of {BULK}")
        fresh()
        names = objects.planned_sysctls(nsnet) if rep == 0 else None
        for k, name in enumerate(n for pair in alone for n in pair):
            nsnet("tenant", "add", name, subnet(count + k))
        allow_and_revoke(s, "first ", alone)
        s.nsnet("apply rules", "apply", "-f", folder, per=count)
        if rep == 0:
            say("recording")
            sample = some(record(path, names, {f"t{k}" for k in range(count)}), COMPARE)
            before = look_at(sample)
        allow_and_revoke(s, "late ", alone)
        allow_and_revoke(s, "busy ", busy)
        s.nsnet("apply rules again", "apply", "-f", folder)
        s.repeated("repair with rules", "repair")
        s.repeated("list with rules", "tenant", "list")
        if rep == 0:
            say("deleting")
            delete_all(s, "bulk del with rules")
        else:
            wipe()
        say("floor")
        for jobs in (1, JOBS):
            s.timed(f"floor rules {jobs}", FLOOR, "make", path, path + ".blobs", str(jobs), per=count)
            if rep == 0:
                compare(f"{count} tenants with {number} rules, floor with {jobs} jobs", sample, before)
            s.timed("floor del rules", FLOOR, "del", path)
            settle()


# ---- workloads ---------------------------------------------------------------------------------


def spawn(s, count):
    """Starts of workloads; and once more when @count tenants are pinned: each is a mount to copy."""
    fresh()
    if not shutil.which("bwrap"):
        say("no bubblewrap: nothing is compared with it")
    spawns.prepare(BIN)
    cmds = spawns.ways(BIN, NSNET, shutil.which("bwrap"))
    nsnet("tenant", "add", spawns.TENANT, "10.80.1.0/24")
    say("workloads")
    spawns.rounds(s, BIN, cmds, 3 * RUNS)
    for jobs in (1, 50):
        spawns.many(s, BIN, 1000, jobs)
    say(f"workloads with {count} tenants")
    path = os.path.join(tempfile.mkdtemp(dir=STATE), "tenants.yaml")
    write_tenants(path, count)
    nsnet("tenant", "add", "-f", path)
    spawns.rounds(s, BIN, cmds, RUNS, " full")
    wipe()


# ---- the table -----------------------------------------------------------------------------------

missed = []


def num(x):
    return f"{x:,.0f}" if x >= 1000 else f"{x:.3g}"


def row(s, what, mine, other=None, bound=None, absolute=None, unit="ms"):
    """bound: of the ratio to @other; absolute: of the time itself."""
    if not s.has(mine) or (other and not s.has(other)):
        return
    m = s.median(mine)
    o = s.median(other) if other else None
    ratio = m / o if o else None
    spread = f"{num(min(s.times[mine]))}-{num(max(s.times[mine]))}; {len(s.times[mine])}"
    value, limit = (m, absolute) if absolute else (ratio, bound)
    verdict = ""
    if limit:
        verdict = "yes" if value <= limit else "within tolerance" if value <= limit * (1 + TOLERANCE) else "MISSED"
        if verdict == "MISSED":
            missed.append(what)
    cpu = num(statistics.median(s.cpu[mine])) if mine in s.cpu else ""
    if cpu and other in s.cpu:
        cpu += f" ({statistics.median(s.cpu[mine]) / statistics.median(s.cpu[other]):.2f})"
    memory = f"{statistics.median(s.memory[mine]):.0f}" if mine in s.memory else ""
    limit_text = f"{absolute} {unit}" if absolute else str(bound or "")
    cells = [what, f"{num(m)} {unit} ({spread})", num(o) if o else "", f"{ratio:.2f}" if ratio else "",
             limit_text, verdict, cpu, memory]
    print("| " + " | ".join(cells) + " |")


def best_floor(s, name, at=""):
    """The faster of one process and one for each processor."""
    have = [n for n in (f"{name}1{at}", f"{name}{JOBS}{at}") if s.has(n)]
    return min(have, key=s.median) if have else None


def table(s, sizes):
    model = next((line.split(": ", 1)[1].strip() for line in open("/proc/cpuinfo", encoding="ascii")
                  if line.startswith("model name")), "?")
    disk = subprocess.run(["stat", "-fc", "%T", STATE], capture_output=True, text=True, check=True).stdout.strip()
    print(f"\n{os.uname().sysname} {os.uname().release}, {JOBS} x {model}, load {os.getloadavg()[0]:.1f}, "
          f"state on {disk}; {time.strftime('%Y-%m-%d')}")
    print(f"medians (least-most; runs), {RUNS} runs of what is short, {BULK} of what is long, in turns; "
          "what is early and late in a series cannot take turns; "
          f"tolerance {TOLERANCE:.0%}; cpu: "
          "ms of processor (ratio to the other's); memory: peak, MiB\n")
    print("| what | nsnet | other | ratio | bound | held | cpu | memory |\n|---|---|---|---|---|---|---|---|")
    row(s, "one `tenant add`, process, against the script", "add", "script add", 0.5)
    row(s, "the same against the floor", "add", "floor add")
    row(s, "start of a process that opens the store", "start")
    row(s, "one `endpoint add`, process, against the script", "endpoint", "script endpoint")
    row(s, "one `tenant del` of two endpoints, process, against the script", "del", "script del", 0.3)
    for count in sizes:
        at = "" if count == N else f" of {count}"
        dash = at.replace(" ", "-")
        if not s.has("add -f" + at):
            continue
        floor = best_floor(s, "floor ", at)
        row(s, f"{count} tenants by `tenant add -f`, each, against the floor", "add -f" + at, floor, 2.0)
        row(s, f"{count} tenants by `apply -f`, each, against the floor", "apply" + at, floor, 2.0)
        row(s, "the floor, one process, each", f"floor 1{at}")
        row(s, f"the floor, {JOBS} processes, each", f"floor {JOBS}{at}")
        row(s, f"add number {count} against number 10", "last add" + dash, "10th add" + dash, 1.2)
        row(s, f"`tenant list` of {count}", "list" + at, None, None, 50 if count <= 1000 else None)
        row(s, f"`repair` of {count}, all healthy", "repair" + at, None, None, 1000 if count <= 1000 else None)
        row(s, f"`tenant del` of {count}", "bulk del" + at)
    row(s, f"`tenant del` of {N} while another adds", "bulk del, another adds")
    row(s, "longest single add meanwhile", "longest add", None, None, 300)
    row(s, "single adds meanwhile", "adds", unit="")
    row(s, f"`allow` at {N} tenants, {RULES} rules, against the first", "late allow", "first allow", 1.3)
    row(s, f"`revoke` at {N} tenants, {RULES} rules, against the first", "late revoke", "first revoke", 1.3)
    row(s, "`allow` between two that have rules, against the first", "busy allow", "first allow")
    row(s, "`revoke` between two that have rules, against the first", "busy revoke", "first revoke")
    row(s, f"{N} tenants, {RULES} rules by `apply -f`, each tenant, against the floor", "apply rules",
        best_floor(s, "floor rules "), 2.5)
    row(s, "`apply -f` of the same again", "apply rules again")
    row(s, "`repair` with the rules", "repair with rules")
    row(s, "`tenant list` with the rules", "list with rules")
    row(s, "`tenant del --all` with the rules", "bulk del with rules")
    spawns.rows(row, s, N)


def verdict():
    print()
    for what, count, lines in compared:
        print(f"same objects: {what}: {count} compared, {len(lines)} differences")
    if missed:
        print("missed: " + "; ".join(missed))
    return any(lines for _, _, lines in compared) or bool(missed and os.environ.get("STRICT") == "1")


def main():
    s = Samples()
    sizes = [N] + ([5 * N] if os.environ.get("BENCH_FULL") == "1" else [])
    begin = time.monotonic()
    if "single" in ONLY:
        say("one tenant")
        single(s)
    if "bulk" in ONLY:
        for count in sizes:
            bulk(s, count, BULK if count == N else 1)
    if "rules" in ONLY:
        rules(s, N, RULES)
    if "spawn" in ONLY:
        spawn(s, N)
    table(s, sizes)
    if "steps" in ONLY and not shutil.which("strace"):
        print("\nno strace: where the time of an add goes is not told")
    elif "steps" in ONLY:
        fresh()
        steps.show(NSNET, STATE, settle, int(os.environ.get("BENCH_STEPS", "5")))
        settle()
    if os.environ.get("BENCH_JSON"):
        with open(os.environ["BENCH_JSON"], "w", encoding="ascii") as f:
            json.dump({"times": s.times, "cpu": s.cpu, "memory": s.memory}, f)
    print(f"it took {time.monotonic() - begin:.0f} s")
    return verdict()


if __name__ == "__main__":
    sys.exit(main())
