# SPDX-License-Identifier: GPL-2.0-or-later
"""What arrives: packet sockets that see every frame of a namespace, and listeners."""

import re
import select
import socket
import struct
import time

from packets import ICMP, eth, icmp, ipv4

ETH_P_ALL = 3
PACKET_STATISTICS, SOL_PACKET = 6, 263
SO_RCVBUFFORCE, SO_TIMESTAMPNS = 33, 35
OUTGOING = 4


class Sniffer:
    """All frames on all links of a namespace but those that it sends itself."""

    def __init__(self, ns):
        with ns.inside():
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.sock.setblocking(False)
        self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        self.sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)

    def frames(self):
        """What is there: (link, bytes, time of arrival)."""
        while True:
            try:
                data, control, _, who = self.sock.recvmsg(65536, 64)
            except BlockingIOError:
                return
            except OSError:
                continue  # its link is gone: said once
            if who[2] == OUTGOING or who[0] == "lo":
                continue
            stamp = 0.0
            for _, _, value in control:
                seconds, nanos = struct.unpack("qq", value[:16])
                stamp = seconds + nanos / 1e9
            yield who[0], data, stamp

    def dropped(self):
        """How many frames found no room: what was not seen."""
        return struct.unpack("II", self.sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]

    def close(self):
        self.sock.close()


class Sender:
    """Frames out of one link."""

    seen = ()  # by what else than its token the last one is known

    def __init__(self, ns, link):
        with ns.inside():
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self.sock.bind((link, 0))
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)

    def about(self, form, token):
        """What is sent from now on. For who keeps count of that."""

    def talk(self):
        """What there is to say later on."""

    def send(self, frame):
        """1 when the kernel took it, 0 when not: too long, link down or gone."""
        try:
            self.sock.send(frame)
            return 1
        except OSError:
            return 0

    def close(self):
        self.sock.close()


class Listener:
    """What the victim's own kernel hands to programs: UDP and TCP, both IP versions."""

    UDP_PORT, TCP_PORT = 4242, 4247

    def __init__(self, ns):
        with ns.inside():
            self.udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            self.tcp = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        for sock, port in ((self.udp, self.UDP_PORT), (self.tcp, self.TCP_PORT)):
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setblocking(False)
            sock.bind(("::", port))
        self.tcp.listen(64)
        self.udp.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22)
        self.accepted = []

    def accept(self):
        """How many connections there are now."""
        while True:
            try:
                self.accepted.append(self.tcp.accept()[0])
            except BlockingIOError:
                return len(self.accepted)

    def data(self):
        """Everything that programs could read."""
        while True:
            try:
                yield self.udp.recv(65536)
            except BlockingIOError:
                break
        self.accept()
        for conn in self.accepted:
            conn.setblocking(False)
            try:
                yield conn.recv(65536)
            except OSError:
                pass

    def close(self):
        for sock in (self.udp, self.tcp, *self.accepted):
            sock.close()


class Tokens:
    """Which attack a frame belongs to: 8 bytes each, three of them common to this run."""

    def __init__(self, magic):
        self.magic, self.owner, self.extra = magic, {}, []
        self.pattern = re.compile(re.escape(magic))

    def make(self, index, tag=0):
        token = self.magic + struct.pack("!BHH", tag, index, (index * 40503 + 77) & 0xFFFF)
        self.owner[token] = index
        return token

    def also(self, data, index):
        self.extra.append((data, index))

    def find(self, data):
        """The index of an attack, or None."""
        for hit in self.pattern.finditer(data):
            index = self.owner.get(data[hit.start():hit.start() + 8])
            if index is not None:
                return index
        for pattern, index in self.extra:
            if pattern in data:
                return index
        return None


def settle(arena, who, to, link="eth0"):
    """Waits until an echo that is sent now has been answered by the gateway.

    All frames of this process go through the queue of one processor, in order: when the answer is
    there, so is what was sent before. Without an answer the time is over.
    """
    ns = arena.victim if who is arena.parties.v else arena.attacker
    try:
        sender, sniffer = Sender(ns, link), Sniffer(ns)
    except OSError:
        time.sleep(arena.patience)
        return False
    mark = struct.pack("!d", time.monotonic())
    sender.send(eth(to.mac, who.mac, 0x0800, ipv4(who.ip4, to.ip4, ICMP,
                                                  icmp(8, 0, 0x4D41524B, b"end mark" + mark))))
    deadline, found = time.monotonic() + arena.patience, False
    while not found and time.monotonic() < deadline:
        select.select([sniffer.sock], [], [], max(0, deadline - time.monotonic()))
        found = any(mark in data and who.ip4 for _, data, _ in sniffer.frames())
    sender.close()
    sniffer.close()
    return found
