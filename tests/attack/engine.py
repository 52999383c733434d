# SPDX-License-Identifier: GPL-2.0-or-later
"""Sends a list of attacks in an arena and says what came through."""

import contextlib
import os
import select
import socket
import struct

from net import STATE_KINDS, state_of
from packets import ETH_IP, ETH_IP6, SYN, TCP, UDP, eth, ipv4, ipv6, tcp, udp
from sniff import Listener, Sender, Sniffer, Tokens, settle


class Result:
    """What one run of the list gave, by the form's index."""

    def __init__(self):
        self.sent, self.received, self.listened = {}, {}, {}
        self.other = []  # frames at the victim that nobody can account for
        self.changes = set()  # lines of hosts' tables that came or went
        self.dropped = 0  # frames that the sniffers had no room for
        self.marked = False  # the end mark was answered
        self.blind = True  # the victim's sniffer did not even see its own gateway's answer
        self.runs = 0  # forms of which something was sent, each time the list was

    def merge(self, more):
        for name in ("sent", "received", "listened"):
            for index, n in getattr(more, name).items():
                getattr(self, name)[index] = getattr(self, name).get(index, 0) + n
        self.other += more.other
        self.changes |= more.changes
        self.dropped += more.dropped
        self.runs += more.runs

    def count(self, table, form, n=1):
        table[form] = table.get(form, 0) + n

    def leaked(self, form):
        return self.received.get(form.index, 0) + self.listened.get(form.index, 0)


class SocketAttack:
    """What the attacker's kernel sends for an ordinary program."""

    def __init__(self, ns, parties, form, token, tokens):
        self.form, self.token, self.sent = form, token, 0
        fam = socket.AF_INET if form.fam == "4" else socket.AF_INET6
        pick = (lambda h: h.ip4) if form.fam == "4" else (lambda h: h.ip6)
        kind = socket.SOCK_STREAM if form.by_socket == "tcp" else socket.SOCK_DGRAM
        with ns.inside():
            self.sock = socket.socket(fam, kind)
        self.sock.setblocking(False)
        with contextlib.suppress(OSError):
            port = Listener.TCP_PORT if form.by_socket == "tcp" else Listener.UDP_PORT
            if form.by_socket == "tcp":
                self.sock.bind((pick(parties.a), 0))
                # The handshake has no payload: addresses and ports tell it.
                raw = b"".join(socket.inet_pton(fam, pick(h)) for h in (parties.a, parties.v))
                tokens.also(raw + struct.pack("!HH", self.sock.getsockname()[1], port),
                            form.index)
            err = self.sock.connect_ex((pick(parties.v), port))
            self.sent = int(err in (0, 115))  # EINPROGRESS
        self.talk()

    def talk(self):
        with contextlib.suppress(OSError):
            if select.select([], [self.sock], [], 0)[1]:
                self.sock.send(self.token)
                self.sent = 1


def as_frames(form, parties, token):
    """What its socket would send, for a sender that makes sockets of frames."""
    six, a, v = form.fam == "6", parties.a, parties.v
    src, dst = (a.ip6, v.ip6) if six else (a.ip4, v.ip4)
    if form.by_socket == "tcp":
        body = tcp(src, dst, 0, Listener.TCP_PORT, SYN, token)
    else:
        body = udp(src, dst, 0, Listener.UDP_PORT, token)
    packet = (ipv6 if six else ipv4)(src, dst, TCP if form.by_socket == "tcp" else UDP, body)
    return [eth(parties.g.mac, a.mac, ETH_IP6 if six else ETH_IP, packet)]


class Run:
    """One pass of a list of forms. The sockets are opened once for all of them."""

    def __init__(self, arena, forms, magic, tag=0):
        self.arena, self.tokens = arena, Tokens(magic)
        # What makes a host answer comes before its limit for errors is used up.
        self.forms = sorted(forms, key=lambda f: (f.late, not f.name.startswith("reflection")))
        self.token = {f.index: self.tokens.make(f.index, tag) for f in self.forms}
        self.result, self.sockets = Result(), []

    def __call__(self):
        before = [state_of(ns) for ns in self.arena.tables]
        with contextlib.ExitStack() as stack:
            opened = lambda s: (stack.callback(s.close), s)[1]
            self.at_victim = [opened(Sniffer(ns)) for ns in self.arena.watch]
            self.at_attacker = opened(Sniffer(self.arena.attacker))
            self.listener = opened(Listener(self.arena.victim))
            self.out = []
            for link in self.arena.links:
                with contextlib.suppress(OSError):
                    self.out.append(opened(self.arena.sender(self.arena.attacker, link)
                                           if self.arena.sender else
                                           Sender(self.arena.attacker, link)))
            self.back = opened(Sender(self.arena.victim, "eth0"))
            with one_processor():
                self.send_all()
            self.collect()
        for old, ns in zip(before, self.arena.tables):
            self.result.changes |= {c for c in old ^ state_of(ns)
                                    if c.split()[0] in STATE_KINDS and not self.expected(c)}
        return self.result

    def send_all(self):
        parties = self.arena.parties
        for late in (False, True):
            some = [f for f in self.forms if f.late == late]
            for f in some:
                if not f.victim_sends:
                    self.send(f, self.out)
            self.settle()
            for f in some:
                if f.victim_sends:
                    self.send(f, [self.back])
            settle(self.arena, parties.v, parties.w)
            for s in (*self.sockets, *self.out):
                s.talk()
        self.listener.accept()
        self.settle()

    def settle(self):
        parties, link = self.arena.parties, (self.arena.links or ["eth0"])[-1]
        self.result.marked = settle(self.arena, parties.a, parties.g, link)

    def send(self, form, senders):
        parties, token = self.arena.parties, self.token[form.index]
        for s in (*senders, *self.out):
            s.about(form, token)
        if form.by_socket and not self.arena.sender:
            attack = SocketAttack(self.arena.attacker, parties, form, token, self.tokens)
            self.sockets.append(attack)
            return
        for pattern in form.seen(parties, token) if form.seen else ():
            self.tokens.also(pattern, form.index)
        for frame in form.before(parties, b"\0" * 8) if form.before else ():
            for s in self.out:
                s.send(frame)
        frames = as_frames(form, parties, token) if form.by_socket else form.build(parties, token)
        self.result.count(self.result.sent, form.index,
                          sum(s.send(f) for s in senders for f in frames))
        for s in senders:
            for pattern in s.seen:
                self.tokens.also(pattern, form.index)

    def collect(self):
        result, parties = self.result, self.arena.parties
        listens = {f.index for f in self.forms if f.victim_sends}
        for attack in self.sockets:
            result.count(result.sent, attack.form.index, attack.sent)
        result.runs += sum(1 for n in result.sent.values() if n)
        for data in self.listener.data():
            index = self.tokens.find(data)
            if index is not None:
                result.count(result.listened, index)
        for n, sniffer in enumerate(self.at_victim):
            for _, data, _ in sniffer.frames():
                result.blind = result.blind and n > 0
                index = self.tokens.find(data)
                if index is not None and index not in listens:
                    result.count(result.received, index)
                elif index is None and n == 0 and data[6:12] not in (
                        bytes.fromhex(parties.w.mac.replace(":", "")),):
                    result.other.append(data[:64].hex())
        for _, data, _ in self.at_attacker.frames():
            index = self.tokens.find(data)
            if index in listens:
                result.count(result.received, index)
        result.dropped += sum(s.dropped() for s in (*self.at_victim, self.at_attacker))
        for attack in self.sockets:
            attack.sock.close()

    def expected(self, change):
        """What two hosts that may talk know of each other."""
        p = self.arena.parties
        words = change.split()
        pairs = {(h.mac, ip) for h in (p.a, p.v, p.g, p.w) for ip in (h.ip4, h.ip6, h.ll)}
        return words[0] in ("neigh4", "neigh6") and (words[3], words[2]) in pairs


@contextlib.contextmanager
def one_processor(number=0):
    """This thread on one processor: what it sends is then received in order."""
    all_of_them = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(all_of_them)[number % len(all_of_them)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, all_of_them)
