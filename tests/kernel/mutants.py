#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The bench of mutants for test_mutants.c: single faults, planted one by one into a live site.

For each row: its packet does not arrive; the fault is planted; its packet arrives, as seen by this
process, which is none of nsnet; `nsnet verify` has to say so and to name the cause; the fault is
taken away; after some of them, verify has to say PROVED again. The faults are
in mutants_rows.py.

  mutants.py [--border] [--probe] [NAME...]     prints the table; exits 1 when a row is not as said

Runs inside a world, on the site that test_mutants.c has built, with NSNET_BIN in the environment.
Sockets of all namespaces are in this one process, which is in the host's; it stays on one
processor, on which what is sent into a veth is handled in the order in which it was sent.
"""
import argparse
import contextlib
import ctypes
import fcntl
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../attack"))
import packets as pk  # noqa: E402

CLONE_NEWNET = 0x40000000
ETH_P_ALL = 3
NOWHERE = 0.03  # what must not arrive is waited for so long; it is there when sendto() returns
PATIENCE = 3.0
LOOK = 4  # after each so many rows it is looked whether all is PROVED again

libc = ctypes.CDLL(None, use_errno=True)
HOME = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
NSNET = os.environ["NSNET_BIN"]


def setns(fd):
    if libc.setns(fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


@contextlib.contextmanager
def inside(path):
    fd = HOME if path == "host" else os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    setns(fd)
    try:
        yield
    finally:
        setns(HOME)
        if fd != HOME:
            os.close(fd)


def sh(text):
    done = subprocess.run(["bash", "-c", "set -e\n" + text], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise RuntimeError("%s\n%s%s" % (text, done.stdout, done.stderr))
    return done.stdout


def tap(path, link):
    """A packet socket: sends frames, sees what comes in."""
    with inside(path):
        sk = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        sk.bind((link, ETH_P_ALL))
    sk.setblocking(False)
    return sk


def raw(path, family, proto):
    """Sees what was delivered there, behind all filters."""
    with inside(path):
        sk = socket.socket(family, socket.SOCK_RAW, proto)
    sk.setblocking(False)
    return sk


class Place:
    """A namespace with what sees packets there."""

    def __init__(self, name, path, link=None):
        self.name, self.path, self.link, self.sockets = name, path, link, []
        if link:
            self.tap = tap(path, link)
            self.mac = self.tap.getsockname()[4].hex(":")
            self.sockets.append(self.tap)
        else:
            for family, protos in ((socket.AF_INET, (1, 6, 17, 132)), (socket.AF_INET6, (6, 17,
            58))):
                self.sockets += [raw(path, family, p) for p in protos]

    def ears(self):
        return self.sockets


class Ears:
    """A link of a row's own, as a place."""

    def __init__(self, *sockets):
        self.sockets = list(sockets)

    def ears(self):
        return self.sockets


def receive(sk):
    if isinstance(sk, int):
        return os.read(sk, 65536), None
    return sk.recvfrom(65536)


def has(sk, nonces):
    """Reads what is there, for a packet with all of these. What the socket itself has sent does
    not count."""
    found = False
    while True:
        try:
            data, peer = receive(sk)
        except (BlockingIOError, OSError):
            return found
        outgoing = not isinstance(sk, int) and sk.family == socket.AF_PACKET and peer[2] == 4
        found = found or (not outgoing and all(n in data for n in nonces))


def arrives(ears, nonces, patience):
    end = time.monotonic() + patience
    while True:
        if any([has(sk, nonces) for sk in ears]):
            return True
        left = end - time.monotonic()
        if left <= 0:
            return False
        select.select(ears, [], [], left)


class Site:
    """Who is there: c1, c1db ... endpoints, g1 ... gateways, host."""

    def __init__(self, endpoints, gateways):
        self.places, self.serial = {}, int(time.monotonic() * 1000) & 0xFFFF
        for name, path in gateways.items():
            self.places[name] = Place(name, path)
            os.environ[name.upper()] = path
            # As long as the place: a mutant may take the name away.
            self.places[name].br = tap(path, "br0").getsockname()[4].hex(":")
        self.places["host"] = Place("host", "host")
        for name, path in endpoints.items():
            self.places[name] = Place(name, path, "eth0")
            os.environ["N" + name.upper()] = path
            os.environ["M" + name.upper()] = self.places[name].mac
            self.find_port(name)

    def find_port(self, name):
        """The gateway's end of an endpoint's link, as P<NAME>."""
        mac = self.places[name].mac
        fdb = sh("nsenter --net=$%s bridge fdb show" % gateway_of(name).upper())
        for line in fdb.splitlines():
            words = line.split()
            if words[0] == mac and words[1] == "dev":
                os.environ["P" + name.upper()] = words[2]

    def fresh(self):
        """A nonce and a port that no packet had before."""
        self.serial = (self.serial + 1) & 0xFFFFFF
        return b"mutant" + struct.pack("!I", self.serial) + b".", 20000 + self.serial % 20000


def gateway_of(name):
    return "g" + name[1]


# ---- conntrack --------------------------------------------------------------------------------


def forget(path):
    """All connections of a namespace."""
    with inside(path):
        sk = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
    with contextlib.closing(sk):
        sk.bind((0, 0))
        body = struct.pack("=BBH", 0, 0, 0)
        sk.send(struct.pack("=IHHII", 16 + len(body), 1 << 8 | 2, 5, 1, 0) + body)
        sk.recv(4096)


# ---- processes --------------------------------------------------------------------------------


def bare():
    """No right is left, and none can be had."""
    libc.prctl(38, 1, 0, 0, 0)
    for cap in range(64):
        libc.prctl(24, cap, 0, 0, 0)
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)


class Helper:
    """A process in a namespace of a tenant, that holds something and sends when it is told to."""

    def __init__(self, path, hold, send, confined=True):
        there, self.go = os.pipe2(os.O_CLOEXEC)
        done, told = os.pipe2(os.O_CLOEXEC)
        self.pid = os.fork()
        if self.pid == 0:
            try:
                self.child(path, hold, send, confined, there, told)
            finally:
                os._exit(1)
        os.close(there)
        os.close(told)
        self.done = done
        if os.read(done, 1) != b"r":
            raise RuntimeError("a helper did not start")

    @staticmethod
    def child(path, hold, send, confined, there, told):
        held = hold()
        keep = {0, 1, 2, there, told} | {h if isinstance(h, int) else h.fileno() for h in held}
        with inside(path):
            for fd in map(int, os.listdir("/proc/self/fd")):
                if fd not in keep:
                    with contextlib.suppress(OSError):
                        os.close(fd)
            if confined:
                bare()
            os.write(told, b"r")
            while True:
                what = os.read(there, 4096)
                if not what:
                    os._exit(0)
                send(held, what)
                os.write(told, b"d")

    def send(self, data):
        os.write(self.go, data)
        os.read(self.done, 1)

    def end(self):
        os.close(self.go)
        os.close(self.done)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


# ---- a tap that somebody holds -----------------------------------------------------------------


def held_tap(path, name, flags):
    """Made in a namespace; the descriptor is ours. @flags: 2 tap, 1 tun"""
    with inside(path):
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
        request = struct.pack("16sH22x", name.encode(), flags | 0x1000)
        fcntl.ioctl(fd, 0x400454CA, request)
    return fd


# ---- rows --------------------------------------------------------------------------------------


class Row:
    """A fault.

    plant   a shell text, or a function of the site that returns one for undoing or None
    packet  a function (site, nonce, port) that sends it; None: lets nothing through alone
    to      the name of a place, or a function of the site: who sees it arrive
    kind    what verify calls it; words: what the finding has to have in it
    undo    a shell text, or a function; `nsnet repair` is run after it, unless `mend` is False
    dport   it arrives at this port; source: from an address that begins so
    pairs   only these are asked about: all that may come in from outside takes seconds
    half    "proof", "wire" or "both": which half has to catch it
    """

    def __init__(self, name, plant, packet, to, kind, words=(), undo=None, half="proof",
                 mend=True, before=True, dport=0, source="",
                 pairs=()):
        self.name, self.plant, self.packet, self.to = name, plant, packet, to
        self.kind, self.words, self.undo, self.half = kind, words, undo, half
        self.mend, self.before, self.dport, self.source = mend, before, dport, source
        self.pairs = list(pairs)
        self.witness = self.proof = self.wire = ""


def run(what, site):
    return sh(what) if isinstance(what, str) else what(site) if what else None


def verify(probe, pairs=()):
    done = subprocess.run([NSNET, "verify", "-j"] + (["--probe"] if probe else []) + list(pairs),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    if not done.stdout:
        raise RuntimeError("verify: " + done.stderr)
    return json.loads(done.stdout)


def finding_text(f):
    ends = "%s>%s" % (f["from"] or "", f["to"] or "")
    return "\n  ".join([f["kind"], ends, f["where"] or "", f["what"], f["hint"] or ""] +
        f["evidence"])


def judged(row, proof, probe):
    """What each half says; an error text, or None."""
    if probe and proof["wire"]["verdict"] == "PROVER-UNSOUND":
        return "the wire delivered what was proved impossible: " + proof["wire"]["bundle"]
    for f in proof["findings"]:
        text = finding_text(f)
        if f["kind"] == row.kind and all(w in text for w in row.words):
            row.proof = row.kind
            row.wire = f.get("wire") or ""
        if f["kind"] == "WIRE_DELIVERED":
            row.wire = "confirmed"
    if proof["verdict"] == "proved" and row.kind and row.packet and row.half != "wire":
        return "verify says PROVED"
    if row.half != "wire" and row.kind and not row.proof:
        return "no %s with %s in\n%s" % (row.kind, list(row.words),
                                         "\n".join(map(finding_text, proof["findings"])))
    if probe and row.half != "proof" and row.wire != "confirmed":
        return "the wire says '%s'" % row.wire
    return None


def sent(row, site, patience):
    nonce, port = site.fresh()
    to = row.to(site) if callable(row.to) else site.places[row.to]
    for sk in to.ears():
        has(sk, [])
    row.packet(site, nonce, port)
    nonces = [nonce] + ([struct.pack("!HH", port, row.dport)] if row.dport else [])
    if row.source:
        nonces.append(bytes(map(int, row.source.rstrip(".").split("."))))
    return arrives(to.ears(), nonces, patience)


def planted(row, site, probe):
    undo = None
    if row.packet and row.before and sent(row, site, NOWHERE):
        return "its packet arrives already, without the fault"
    try:
        undo = run(row.plant, site)
        if row.packet:
            if not sent(row, site, PATIENCE):
                return "its packet does not arrive"
            row.witness = "arrived"
        return judged(row, verify(probe, row.pairs), probe)
    finally:
        if callable(undo):
            undo()
        run(row.undo, site)
        for gateway in ("g1", "g2", "g3"):
            forget(site.places[gateway].path)
        forget("host")
        if row.mend:
            sh("$NSNET_BIN repair -q")


def healthy(pairs):
    proof = verify(False, pairs)
    if proof["verdict"] == "proved":
        return None
    return "afterwards:\n" + "\n".join(finding_text(f) for f in proof["findings"])


def one(row, site, probe, look):
    begin = time.monotonic()
    try:
        wrong = planted(row, site, probe)
    except (RuntimeError, OSError, subprocess.TimeoutExpired) as e:
        wrong = "%s: %s" % (type(e).__name__, e)
    try:
        wrong = wrong or (healthy(row.pairs) if look else None)
    except RuntimeError as e:
        wrong = str(e)
    print("%-52s %-8s %-18s %-13s %4d ms%s" % (row.name, row.witness or "-", row.proof or "-",
                                               row.wire or "-", (time.monotonic() - begin) * 1000,
                                               "\n    WRONG: " + wrong if wrong else ""),
                                               flush=True)
    return not wrong


def main():
    import mutants_rows

    p = argparse.ArgumentParser()
    p.add_argument("--border", action="store_true", help="the rows across the border")
    p.add_argument("--probe", action="store_true", help="both halves")
    p.add_argument("names", nargs="*")
    args = p.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    ok, counts = True, {}
    site = mutants_rows.build(args.border)
    for title, rows, look in mutants_rows.lists(site, args.border):
        rows = [r for r in rows if not args.names or any(n in r.name for n in args.names)]
        print("\n%-52s %-8s %-18s %s" % (title, "witness", "proof says", "wire says"))
        for i, row in enumerate(rows):
            ok = one(row, site, args.probe, look and i % LOOK == 0 or i == len(rows) - 1) and ok
        counts[title] = sum(1 for r in rows if r.witness), len(rows), sum(
            1 for r in rows if r.wire == "confirmed")
    for title, (arrived, n, both) in counts.items():
        print("%s: %d rows, %d packets arrived, %d seen by both halves" % (title, n, arrived, both))
        # Faults that open a port between tenants are what the wire is for.
        if args.probe and not args.border and not args.names and n > 50 and both < 20:
            print("the wire has seen only %d" % both)
            ok = False
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
