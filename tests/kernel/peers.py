#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Connections between namespaces for test_rules.c: one process that has sockets in all of them.

A request is a line, so is its answer; the process ends with its input. A namespace is a path or
the name of one in /run/netns, or `host`: the one in which this was started. Several probes in a request are tried at the same time. Instead of
an ADDRESS there may be the namespace that serves there: all its addresses, or with :4 or :6 that
of a family; for PORT a list with commas.

  serve NS ADDRESS...          echo on all PORTS there
  serve-any NS ADDRESS...      the same for all addresses there are, and will be, by wildcards, but
                               for the last port: there nobody listens
  heard NS NETWORK...          who has reached a server there since, but from these; and begin anew
  probe + NS ADDRESS PORT; - NS ADDRESS PORT...   who has to get an answer, and who must not;
                               with ~ nobody need listen there, so it is not asked whether they do
  open ID NS ADDRESS PORT      a connection that stays
  talk + ID; - ID...           whether it still gets answers
  from NS ADDRESS PORT         under which address it is seen there
  mtu NS ADDRESS SIZE SECONDS  the path's MTU, and what it is after packets of SIZE
  bulk NS ADDRESS PORT BYTES   so much there, and back
  ra ID NS LINK                router advertisements from fe80::1, until stopped
  site NS ADDRESS NAME PAGE    a name server there, on port 53, for NAME, and a page on port 80 of PAGE
  watch NS ADDRESS...          begin to look at what comes in from others than ADDRESS
  seen NS PORT...; NS...       what came since, but to a PORT, or from:PORT; and begin anew
  frame NS LINK TO-NS TO-LINK SOURCE DESTINATION PORT [SOURCE-MAC]; ...
                               by hand, to the MAC of that link
  flood ID ... as frame        the same, 4,000 a second, until stopped
  stream ID NS ADDRESS PORT    1,000 requests a second until stopped
  stop ID                      how many were sent and not answered
"""
import contextlib
import ctypes
import errno
import fcntl
import functools
import ipaddress
import os
import selectors
import socket
import struct
import sys
import threading
import time
import traceback

CLONE_NEWNET = 0x40000000
IP_MTU_DISCOVER, IP_PMTUDISC_DO, IP_MTU = 10, 2, 14
IPV6_MTU_DISCOVER, IPV6_MTU = 23, 24
SO_RCVBUFFORCE, PACKET_OUTGOING, SIOCGIFHWADDR = 33, 4, 0x8927
IP_PKTINFO = 8
PORTS = (53, 80, 443, 5432, 7000, 7001, 7002)
TOKEN = b"nsnet was here"
# How long those that must not get an answer are waited for, and how long those that have to.
QUIET, PATIENCE = 0.25, 10.0

libc = ctypes.CDLL(None, use_errno=True)
owner = {}  # address: the namespace that serves there
HOME = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def enter(path):
    if path == "host":
        if libc.setns(HOME, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns host")
        return
    with open(path if "/" in path else "/run/netns/" + path) as f:
        if libc.setns(f.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns " + path)


@contextlib.contextmanager
def inside(ns):
    with open("/proc/thread-self/ns/net") as home:
        enter(ns)
        try:
            yield
        finally:
            if libc.setns(home.fileno(), CLONE_NEWNET) != 0:
                os._exit(1)  # stranded: all later answers would be about another namespace


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


# ---- the side that answers ----------------------------------------------------------

def answer_from(control):
    """To which address it came, as what says from which the answer goes; by any link."""
    level, kind, data = control
    if level == socket.IPPROTO_IP:
        return level, kind, struct.pack("=i4s4s", 0, data[4:8], b"")
    return level, kind, data[:16] + struct.pack("=I", 0)


class Server(threading.Thread):
    def __init__(self):
        super().__init__(daemon=True)
        self.selector = selectors.DefaultSelector()
        self.heard = {}  # namespace: who has reached it

    def add(self, ns, addresses):
        for address in addresses:
            owner[address] = ns
        self.listen(ns, addresses)

    def add_any(self, ns, addresses):
        for address in addresses:
            owner[address] = ns
        self.listen(ns, ["0.0.0.0", "::"], PORTS[:-1])

    def listen(self, ns, addresses, ports=PORTS):
        for address in addresses:
            for port in ports:
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    with inside(ns):
                        sk = socket.socket(family(address), kind)
                    if kind == socket.SOCK_DGRAM:
                        sk.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22)
                        # A wildcard answers from the address that was asked.
                        sk.setsockopt(*((socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
                                        if ":" in address else (socket.IPPROTO_IP, IP_PKTINFO, 1)))
                    else:
                        sk.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    if ":" in address:
                        sk.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                    sk.bind((address, port))
                    sk.setblocking(False)
                    if kind == socket.SOCK_STREAM:
                        sk.listen(64)
                    self.selector.register(sk, selectors.EVENT_READ,
                                           ("tcp" if kind == socket.SOCK_STREAM else "udp", ns))

    def told(self, ns, kind, sk, peer):
        text = "%s>%s/%d" % (peer[0], kind, sk.getsockname()[1])
        self.heard.setdefault(ns, set()).add(text)

    def answer(self, sk, what, ns):
        if what == "tcp":
            new, peer = sk.accept()
            self.told(ns, what, sk, peer)
            new.send(peer[0].encode() + b" ")
            new.setblocking(False)
            self.selector.register(new, selectors.EVENT_READ, ("data", ns))
        elif what == "udp":
            data, control, _, peer = sk.recvmsg(65536, 64)
            self.told(ns, what, sk, peer)
            sk.sendmsg([peer[0].encode() + b" " + data], [answer_from(c) for c in control], 0, peer)
        else:
            data = sk.recv(65536)
            if data:
                sk.send(data)
            else:
                self.selector.unregister(sk)
                sk.close()

    def run(self):
        while True:
            for key, _ in self.selector.select(0.2):
                try:
                    self.answer(key.fileobj, *key.data)
                except OSError:
                    if key.data[0] == "data":
                        self.selector.unregister(key.fileobj)
                        key.fileobj.close()


# ---- the side that asks -------------------------------------------------------------

def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


class Asker:
    """One connection: a socket that asks again and again until it has an answer."""
    count = 0

    def __init__(self, ns, address, port):
        Asker.count += 1
        self.text = " ".join((ns, address, port))
        self.address, self.id = address, (os.getpid() + Asker.count) & 0xffff
        self.kind, _, number = port.partition("/")
        self.six, self.port, self.ns = ":" in address, int(number or 0), ns
        self.open()
        self.begin()

    def open(self):
        address = self.address
        self.dead, self.connected, self.unresolved, self.refusal = False, False, False, ""
        with inside(self.ns):
            # A link-local address is one of a link of who asks.
            host, _, link = address.partition("%")
            self.target = (host, self.port, 0, socket.if_nametoindex(link)) if link else \
                (address, self.port)
            if self.kind == "icmp":
                self.sk = socket.socket(family(address), socket.SOCK_RAW,
                                        socket.IPPROTO_ICMPV6 if self.six else socket.IPPROTO_ICMP)
            else:
                self.sk = socket.socket(family(address), socket.SOCK_STREAM if self.kind == "tcp"
                                        else socket.SOCK_DGRAM)
        self.sk.setblocking(False)

    def again(self):
        """
        Who waits for a neighbour's address since before that neighbour was let in has asked for it
        the last time by then, and is told that there is none. (Others ask again by themselves.)
        """
        if not self.unresolved:
            return False
        self.sk.close()
        self.open()
        return True

    def fail(self, error):
        if not isinstance(error, (BlockingIOError, InterruptedError)):
            self.refusal = error.strerror or str(error)
            self.dead = self.kind == "tcp"
            self.unresolved = error.errno == errno.EHOSTUNREACH and not self.connected

    def begin(self):
        """Another question; tells it from the earlier ones."""
        Asker.count += 1
        self.token = TOKEN + b"%08d." % Asker.count
        self.got, self.asked = b"", 0.0
        self.told = False

    def request(self):
        if self.kind != "icmp":
            return self.token
        head = struct.pack("!BBHHH", 128 if self.six else 8, 0, 0, self.id, 1)
        # The kernel does it for ICMPv6 only.
        total = 0 if self.six else checksum(head + self.token)
        return head[:2] + struct.pack("!H", total) + head[4:] + self.token

    def ask(self, now):
        if self.dead or now - self.asked < 0.1 or (self.kind == "tcp" and self.told):
            return
        self.asked = now
        try:
            if not self.connected:
                self.sk.connect(self.target)
                self.connected = True
            self.sk.send(self.request())
            self.told = True
        except OSError as error:
            self.fail(error)

    def answered(self):
        """An ICMP error is none; a reset neither, it is told what it was."""
        try:
            while not self.dead:
                data = self.sk.recv(65536)
                if self.kind == "icmp":
                    at = 0 if self.six else (data[0] & 15) * 4
                    if data[at] != (129 if self.six else 0):
                        continue
                elif not data:
                    self.dead = True
                self.got = self.got + data if self.kind == "tcp" else data
                if self.token in self.got:
                    return True
        except OSError as error:
            self.fail(error)
        return False


def judge(wanted):
    """Pairs of what is expected and who is asked; what is not as expected, in words."""
    begin = time.monotonic()
    quiet = begin + QUIET
    open_ = list(wanted)
    wrong = []
    while open_:
        now = time.monotonic()
        for pair in list(open_):
            expected, asker = pair
            asker.ask(now)
            if asker.answered():
                open_.remove(pair)
                if not expected:
                    wrong.append("%s: answered" % asker.text)
            elif expected and asker.dead and not asker.again():
                open_.remove(pair)
                wrong.append("%s: %s" % (asker.text, asker.refusal or "closed"))
        hopes = any(expected for expected, _ in open_)
        if hopes:
            # As long after the last one that got through as after the first question.
            quiet = max(quiet, now + QUIET / 2)
        if now > (begin + PATIENCE if hopes else quiet):
            break
        time.sleep(0.002)
    wrong += ["%s: no answer%s" % (a.text, a.refusal and ", " + a.refusal)
              for expected, a in open_ if expected]
    return "; ".join(sorted(wrong))


def split(words):
    return [part.split() for part in " ".join(words).split(";") if part.strip()]


def addresses_of(name):
    ns, _, only = name.partition(":")
    if ns not in owner.values():
        return [name]
    return [a for a in owner if owner[a] == ns and (not only or (":" in a) == (only == "6"))]


def each(words):
    for sign, ns, to, ports in split(words):
        for address in addresses_of(to):
            for port in ports.split(","):
                yield sign, ns, address, port


def probe(*words):
    wanted, controls = [], {}
    for sign, ns, address, port in each(words):
        wanted.append((sign == "+", Asker(ns, address, port)))
        # That nobody answers is no proof when nobody listens.
        if sign == "-" and address in owner and port != "icmp":
            controls[address, port] = owner[address]
    wanted += [(True, Asker(ns, address, port)) for (address, port), ns in controls.items()]
    wrong = judge(wanted)
    for _, asker in wanted:
        asker.sk.close()
    return wrong or "ok"


flows = {}


def open_flow(name, *where):
    flows[name] = Asker(*where)
    return judge([(True, flows[name])]) or "ok"


def talk(*words):
    wanted = []
    for sign, name in split(words):
        flows[name].begin()
        wanted.append((sign == "+", flows[name]))
    return judge(wanted) or "ok"


def seen_from(*where):
    asker = Asker(*where)
    wrong = judge([(True, asker)])
    asker.sk.close()
    return wrong or asker.got.split(b" ")[0].decode()


def path_mtu(ns, address, size, seconds):
    six = ":" in address
    with inside(ns):
        sk = socket.socket(family(address), socket.SOCK_DGRAM)
    level = socket.IPPROTO_IPV6 if six else socket.IPPROTO_IP
    sk.setsockopt(level, IPV6_MTU_DISCOVER if six else IP_MTU_DISCOVER, IP_PMTUDISC_DO)
    sk.connect((address, 7000))
    before = mtu = sk.getsockopt(level, IPV6_MTU if six else IP_MTU)
    until = time.monotonic() + float(seconds)
    while time.monotonic() < until and mtu == before:
        with contextlib.suppress(OSError):
            sk.send(b"x" * (int(size) - (48 if six else 28)))
        time.sleep(0.02)
        mtu = sk.getsockopt(level, IPV6_MTU if six else IP_MTU)
    sk.close()
    return "%d %d" % (before, mtu)


def bulk(ns, address, port, size):
    """Full segments in both directions; what is on its way is never more than the buffers hold."""
    with inside(ns):
        sk = socket.socket(family(address), socket.SOCK_STREAM)
    sk.settimeout(PATIENCE)
    chunk, left = b"x" * 16384, int(size)
    with sk:
        try:
            sk.connect((address, int(port.rpartition("/")[2])))
            while not sk.recv(1) == b" ":
                pass
            while left > 0:
                sk.sendall(chunk)
                got = 0
                while got < len(chunk):
                    data = sk.recv(len(chunk) - got)
                    if not data:
                        return "closed, %d bytes left" % left
                    got += len(data)
                left -= got
        except OSError as error:
            return "%s, %d bytes left" % (error, left)
    return "ok"


# ---- what comes in, whether anybody listens or not --------------------------------------

watches = {}


def watch(ns, *own):
    with inside(ns):
        sk = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        sk.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24)
        sk.bind(("eth0", 3))
    sk.setblocking(False)
    watches[ns] = (sk, [ipaddress.ip_network(a, strict=False) for a in own])
    return "ok"


def describe(frame):
    """Source, destination and ports of an IP packet; None for anything else."""
    kind = struct.unpack("!H", frame[12:14])[0]
    if kind == 0x0800:
        proto, at = frame[23], 14 + (frame[14] & 15) * 4
        source, target = frame[26:30], frame[30:34]
    elif kind == 0x86dd:
        proto, at = frame[20], 54
        source, target = frame[22:38], frame[38:54]
    else:
        return None
    name = {6: "tcp", 17: "udp", 1: "icmp", 58: "icmp"}.get(proto, str(proto))
    near = far = name
    if name == "icmp" and frame[at] not in (0, 8, 128, 129):
        near = far = "error"
    if name in ("tcp", "udp") and len(frame) >= at + 4:
        far, near = ("%s/%d" % (name, n) for n in struct.unpack("!HH", frame[at:at + 4]))
    return ipaddress.ip_address(source), ipaddress.ip_address(target), near, far


def arrived(ns, *ports):
    """How many of each kind, but for the ports that are named."""
    sk, own = watches[ns]
    found = {}
    while True:
        try:
            frame, where = sk.recvfrom(65536)
        except BlockingIOError:
            break
        packet = describe(frame) if where[2] != PACKET_OUTGOING else None
        if not packet or packet[0].is_link_local or int(packet[0]) == 0:
            continue
        if packet[2] in ports or "from:" + packet[3] in ports:
            continue
        if not any(packet[0] in net for net in own if net.version == packet[0].version):
            text = "%s: %s>%s %s" % ((ns,) + packet[:3])
            found[text] = found.get(text, 0) + 1
    return ["%s x%d" % item for item in sorted(found.items())]


def seen(*words):
    # What is on its way goes through queues that are worked off at once, but not before.
    time.sleep(0.05)
    found = [text for part in split(words) for text in arrived(*part)]
    return "; ".join(found) or "nothing"


def mac_of(link):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sk:
        answer = fcntl.ioctl(sk, SIOCGIFHWADDR, struct.pack("256s", link.encode()))
    return answer[18:24]


def packet(source, target, port):
    kind, _, number = port.partition("/")
    six = ":" in source
    a, b = (ipaddress.ip_address(x).packed for x in (source, target))
    if kind == "udp":
        l4, proto, at = struct.pack("!HHHH", 40000, int(number), 8 + len(TOKEN), 0) + TOKEN, 17, 6
    elif kind == "tcp":
        l4, proto, at = struct.pack("!HHIIBBHHH", 40000, int(number), 1, 0, 0x50, 2, 1000, 0, 0), \
            6, 16
    else:
        l4, proto, at = struct.pack("!BBHHH", 128 if six else 8, 0, 0, 77, 1) + TOKEN, \
            58 if six else 1, 2
    pseudo = a + b + struct.pack("!II" if six else "!HH", *((len(l4), proto) if six
                                                           else (proto, len(l4))))
    total = checksum((b"" if proto == 1 else pseudo) + l4)
    l4 = l4[:at] + struct.pack("!H", total) + l4[at + 2:]
    if six:
        return b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, len(l4), proto, 64) + a + b + l4
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(l4), 1, 0, 64, proto, 0) + a + b
    return b"\x08\x00" + head[:10] + struct.pack("!H", checksum(head)) + head[12:] + l4


@functools.cache
def port_of(ns, link):
    """To close such a socket takes the kernel longer than all else here."""
    with inside(ns):
        sk = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        sk.bind((link, 0))
        return sk, mac_of(link)


@functools.cache
def to_mac(ns, link):
    with inside(ns):
        return mac_of(link)


def prepare(ns, link, to_ns, to_link, source, target, port, mac=None):
    sk, own = port_of(ns, link)
    if mac:
        own = bytes.fromhex(mac.replace(":", ""))
    return sk, to_mac(to_ns, to_link) + own + packet(source, target, port)


def frame(*words):
    for one in split(words):
        sk, data = prepare(*one)
        for _ in range(3):
            sk.send(data)
    return "ok"


# ---- what goes on in the background -------------------------------------------------------

class Job(threading.Thread):
    def __init__(self):
        super().__init__(daemon=True)
        self.over = False
        self.report = ""
        self.start()

    def end(self):
        self.over = True
        self.join()
        return self.report


class Flood(Job):
    def __init__(self, *words):
        self.frames = [prepare(*one) for one in split(words)]
        super().__init__()

    def run(self):
        sent, begin = 0, time.monotonic()
        while not self.over:
            while sent < (time.monotonic() - begin) * 4000:
                for sk, data in self.frames:
                    with contextlib.suppress(OSError):
                        sent += sk.send(data) > 0
            time.sleep(0.001)
        self.report = "sent %d" % sent


class Stream(Job):
    """Numbered requests; those that were not answered in the end are lost."""

    def __init__(self, ns, address, port):
        kind, _, number = port.partition("/")
        self.tcp = kind == "tcp"
        with inside(ns):
            self.sk = socket.socket(family(address), socket.SOCK_STREAM if self.tcp
                                    else socket.SOCK_DGRAM)
        if not self.tcp:
            self.sk.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22)
        self.sk.settimeout(PATIENCE)
        self.sk.connect((address, int(number)))
        if self.tcp:
            # The address under which the other side sees it comes first, unasked.
            while not self.sk.recv(1) == b" ":
                pass
        self.sk.setblocking(False)
        super().__init__()

    def drain(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                data = self.sk.recv(65536)
                if self.tcp:
                    if not data:
                        raise OSError("closed")
                    self.rest += data
                    whole = len(self.rest) // 8 * 8
                    self.got.update(struct.unpack("!%dQ" % (whole // 8), self.rest[:whole]))
                    self.rest = self.rest[whole:]
                else:
                    self.got.add(struct.unpack("!Q", data[-8:])[0])

    def run(self):
        self.got, self.rest, sent, broken = set(), b"", 0, ""
        begin = last = time.monotonic()
        gap = 0.0
        try:
            while not self.over:
                while sent < (time.monotonic() - begin) * 1000:
                    self.sk.send(struct.pack("!Q", sent))
                    sent += 1
                before = len(self.got)
                self.drain()
                now = time.monotonic()
                if len(self.got) > before:
                    gap, last = max(gap, now - last), now
                time.sleep(0.0005)
            until = time.monotonic() + 2
            while len(self.got) < sent and time.monotonic() < until:
                self.drain()
                time.sleep(0.001)
        except OSError as error:
            broken = " broken: %s" % error
        self.report = "sent %d lost %d%s, %.0f ms without an answer" % (
            sent, sent - len(self.got), broken, gap * 1000)


class Advertiser(Job):
    def __init__(self, ns, link):
        with inside(ns):
            self.sk = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
            self.to = ("ff02::1", 0, 0, socket.if_nametoindex(link))
            self.sk.bind(("fe80::1", 0, 0, self.to[3]))
        self.sk.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        super().__init__()

    def run(self):
        sent = 0
        while not self.over:
            # Hop limit 64, no flags, a default router for half an hour.
            self.sk.sendto(struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0), self.to)
            sent += 1
            time.sleep(0.1)
        self.sk.close()
        self.report = "sent %d" % sent


# ---- a name, and the page it leads to ------------------------------------------------------

PAGE = b"HTTP/1.0 200 OK\r\nContent-Length: 8\r\n\r\nit works"


def resolve(query, name, address):
    """An A record for the name, and nothing for any other, or other type."""
    end = query.index(b"\0", 12) + 5
    labels = b"".join(bytes([len(x)]) + x.encode() for x in name.split(".")) + b"\0"
    hit = query[12:end] == labels + b"\0\x01\0\x01"
    known = query[12:end].startswith(labels)
    head = query[:2] + struct.pack("!HHHHH", 0x8580 | (0 if known else 3), 1, int(hit), 0, 0)
    record = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + socket.inet_aton(address)
    return head + query[12:end] + (record if hit else b"")


def datagrams(sk, name, address):
    while True:
        query, peer = sk.recvfrom(4096)
        with contextlib.suppress(ValueError, OSError):
            sk.sendto(resolve(query, name, address), peer)


def streams(sk, answer):
    while True:
        with sk.accept()[0] as new, contextlib.suppress(ValueError, OSError):
            new.settimeout(PATIENCE)
            new.sendall(answer(new.recv(4096)))


def site(ns, address, name, page):
    def framed(query):
        data = resolve(query[2:], name, page)
        return struct.pack("!H", len(data)) + data

    with inside(ns):
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        tcp, web = (socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(2))
    for sk, where in ((udp, (address, 53)), (tcp, (address, 53)), (web, (page, 80))):
        sk.bind(where)
    tcp.listen(16)
    web.listen(16)
    for work in ((datagrams, udp, name, page), (streams, tcp, framed),
                 (streams, web, lambda _: PAGE)):
        threading.Thread(target=work[0], args=work[1:], daemon=True).start()
    return "ok"


jobs = {}


def start(kind):
    def begin(name, *words):
        jobs[name] = kind(*words)
        return "ok"
    return begin


def main():
    server = Server()
    server.start()

    def serve(ns, *addresses):
        server.add(ns, addresses)
        return "ok"

    def serve_any(ns, *addresses):
        server.add_any(ns, addresses)
        return "ok"

    def heard(ns, *nets):
        time.sleep(0.05)  # as in seen()
        own = [ipaddress.ip_network(a, strict=False) for a in nets]
        found = server.heard.pop(ns, set())
        return "; ".join(sorted(t for t in found if not any(
            ipaddress.ip_address(t.split(">")[0].split("%")[0]) in net for net in own))) or "nothing"

    commands = {"serve": serve, "serve-any": serve_any, "heard": heard, "site": site,
                "probe": probe, "open": open_flow, "talk": talk, "bulk": bulk,
                "ra": start(Advertiser), "from": seen_from, "mtu": path_mtu, "watch": watch, "seen": seen, "frame": frame,
                "flood": start(Flood), "stream": start(Stream),
                "stop": lambda name: jobs.pop(name).end()}
    for line in sys.stdin:
        words = line.split()
        try:
            answer = commands[words[0]](*words[1:])
        except Exception:  # the test shall see what it was
            answer = "broken: " + " | ".join(traceback.format_exc().split("\n")[-4:])
        print(answer, flush=True)
    os._exit(0)


main()
