# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs in a workload, and sends what it is told to as well as it can.

Reads lines "TOKEN FRAME", both in hexadecimal, the frame as it would be on the wire. With a packet
socket it would send just that. Without, the nearest that an ordinary program's sockets can do: the
same addresses, ports, options, hop limit and payload, and a source that is not its own where the
kernel lets it (IPV6_FREEBIND does). Answers each with one line:

  raw               by a packet socket
  sent PATTERN      by an ordinary one; PATTERN, or -, is by what else it can be told from others
  ERRNO             the kernel did not let an ordinary one
  none              no ordinary socket sends the like

"flush" sends the payload on those TCP connections that have come about; "ok". First of all it says
"raw" and what it got for each kind of raw socket that it asked for.
"""
import contextlib
import errno
import select
import socket
import struct
import sys
import time

ETH_IP, ETH_IP6, TAGS = 0x0800, 0x86DD, (0x8100, 0x88A8)
ICMP, TCP, UDP, ICMP6, SCTP, UDPLITE = 1, 6, 17, 58, 132, 136
KINDS = {TCP: (socket.SOCK_STREAM, 0), UDP: (socket.SOCK_DGRAM, 0),
         UDPLITE: (socket.SOCK_DGRAM, UDPLITE), SCTP: (socket.SOCK_STREAM, SCTP),
         ICMP: (socket.SOCK_DGRAM, ICMP), ICMP6: (socket.SOCK_DGRAM, ICMP6)}
EXTENSIONS = (0, 43, 60)
IP_FREEBIND, IPV6_FREEBIND, IPV6_UNICAST_HOPS, IPV6_MULTICAST_HOPS = 15, 78, 16, 18
ASKED = ((socket.AF_PACKET, socket.SOCK_RAW, 0), (socket.AF_PACKET, socket.SOCK_DGRAM, 0),
         (socket.AF_INET, socket.SOCK_RAW, 255), (socket.AF_INET, socket.SOCK_RAW, ICMP),
         (socket.AF_INET6, socket.SOCK_RAW, 255), (socket.AF_INET6, socket.SOCK_RAW, ICMP6))

waiting = []  # (socket, payload) of connections that are being made


def word(error):
    return errno.errorcode.get(error.errno, "EIO")


def ask():
    """What each kind of raw socket is answered with, and a packet socket if there is one."""
    said, packet = [], None
    for kind in ASKED:
        try:
            s = socket.socket(*kind)
            said.append("ok")
            if packet is None and kind == ASKED[0]:
                packet = s
                packet.bind(("eth0", 0))
        except OSError as e:
            said.append(word(e))
    return said, packet


class Packet:
    """What of a frame an ordinary socket can say."""

    def __init__(self, frame):
        at, self.proto, self.options, self.tos = 12, None, b"", 0
        kind = struct.unpack("!H", frame[at:at + 2])[0]
        while kind in TAGS:
            at += 4
            kind = struct.unpack("!H", frame[at:at + 2])[0]
        body = frame[at + 2:]
        with contextlib.suppress(struct.error, IndexError, ValueError):
            if kind == ETH_IP and body[0] >> 4 == 4:
                self.four(body)
            elif kind == ETH_IP6 and body[0] >> 4 == 6:
                self.six(body)

    def four(self, body):
        head = (body[0] & 15) * 4
        self.family, self.tos, self.hops, self.options = socket.AF_INET, body[1], body[8], body[20:head]
        self.src, self.dst = (socket.inet_ntop(socket.AF_INET, body[n:n + 4]) for n in (12, 16))
        self.above(body[9], body[head:])

    def six(self, body):
        self.family, self.hops, proto, rest = socket.AF_INET6, body[7], body[6], body[40:]
        self.src, self.dst = (socket.inet_ntop(socket.AF_INET6, body[n:n + 16]) for n in (8, 24))
        while proto in EXTENSIONS:
            proto, rest = rest[0], rest[rest[1] * 8 + 8:]
        if proto == 44:
            proto, rest = rest[0], rest[8:]
        self.above(proto, rest)

    def above(self, proto, rest):
        self.sport = self.dport = 0
        if proto in (TCP, UDP, UDPLITE, SCTP):
            self.sport, self.dport = struct.unpack("!HH", rest[:4])
        skip = {UDP: 8, UDPLITE: 8, SCTP: 12, ICMP: 8, ICMP6: 8}.get(proto, 0)
        if proto == TCP:
            skip = (rest[12] >> 4) * 4
        # Errors, redirects and the like are the kernel's to send.
        if proto in (ICMP, ICMP6) and rest[0] != (8 if proto == ICMP else 128):
            return
        self.payload, self.proto = rest[skip:], proto


def open_for(p):
    s = socket.socket(p.family, *KINDS[p.proto])
    s.setblocking(False)
    settings = [(socket.SOL_SOCKET, socket.SO_BROADCAST, 1), (socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)]
    if p.family == socket.AF_INET:
        settings += [(socket.IPPROTO_IP, n, max(p.hops, 1))
                     for n in (socket.IP_TTL, socket.IP_MULTICAST_TTL)]
        settings += [(socket.IPPROTO_IP, socket.IP_TOS, p.tos), (socket.IPPROTO_IP, IP_FREEBIND, 1)]
        if p.options:
            settings.append((socket.IPPROTO_IP, socket.IP_OPTIONS, p.options))
    else:
        settings += [(socket.IPPROTO_IPV6, n, p.hops) for n in (IPV6_UNICAST_HOPS, IPV6_MULTICAST_HOPS)]
        settings.append((socket.IPPROTO_IPV6, IPV6_FREEBIND, 1))
    for setting in settings:
        with contextlib.suppress(OSError):
            s.setsockopt(*setting)
    return s


def address(p, host, port):
    if p.family == socket.AF_INET:
        return host, port
    local = host.startswith(("fe8", "fe9", "fea", "feb", "ff02", "ff01"))
    return host, port, 0, socket.if_nametoindex("eth0") if local else 0


def connect(p, s, payload):
    err = s.connect_ex(address(p, p.dst, p.dport))
    if err not in (0, errno.EINPROGRESS):
        raise OSError(err, "")
    waiting.append((s, payload))
    mine = s.getsockname()
    return (socket.inet_pton(p.family, mine[0].split("%")[0]) + socket.inet_pton(p.family, p.dst) +
            struct.pack("!HH", mine[1], p.dport)).hex()


def attempt(p, payload, src, sport):
    """Sends, from there if they are not None."""
    s = open_for(p)
    if src is not None or sport:
        anybody = "0.0.0.0" if p.family == socket.AF_INET else "::"
        s.bind(address(p, anybody if src is None else src, sport or 0))
    if p.proto in (TCP, SCTP):
        return connect(p, s, payload)
    if p.proto in (ICMP, ICMP6):
        payload = bytes((8 if p.proto == ICMP else 128, 0, 0, 0, 0, 0, 0, 1)) + payload
    with s:
        s.sendto(payload, address(p, p.dst, p.dport))
    return "-"


def by_socket(p, token):
    payload = p.payload if token in p.payload else p.payload + token
    error = None
    for src, sport in ((p.src, p.sport), (None, p.sport), (None, None)):
        try:
            return "sent " + attempt(p, payload, src, sport)
        except (OSError, OverflowError) as e:
            error = e
    return word(error) if isinstance(error, OSError) else "EINVAL"


def flush():
    deadline = time.monotonic() + 0.5
    while waiting and time.monotonic() < deadline:
        _, ready, _ = select.select([], [s for s, _ in waiting], [], 0.05)
        for one in [w for w in waiting if w[0] in ready]:
            with contextlib.suppress(OSError):
                one[0].send(one[1])
            waiting.remove(one)
            kept.append(one[0])


def answer(line, packet):
    if line == "flush":
        flush()
        return "ok"
    token, frame = (bytes.fromhex(x) for x in line.split())
    if packet is not None:
        try:
            packet.send(frame)
            return "raw"
        except OSError:
            return "none"
    p = Packet(frame)
    return "none" if p.proto not in KINDS else by_socket(p, token)


kept = []
said, packet = ask()
print("raw", *said, flush=True)
for line in sys.stdin:
    print(answer(line.strip(), packet), flush=True)
