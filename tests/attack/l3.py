# SPDX-License-Identifier: GPL-2.0-or-later
"""The rows of the table that are IP packets: for a router, or for a host on the same link."""

import struct

from form import DIRECT, FLAT, ROUTED, THIRD4, THIRD6
from packets import *  # noqa: F403 - the vocabulary of this table


class Ip:
    """One IP version, as the attacker uses it towards the victim."""

    def __init__(self, c, fam):
        self.c, self.fam = c, fam
        pick = (lambda h: h.ip4) if fam == "4" else (lambda h: h.ip6)
        self.src, self.dst, self.gw, self.vgw = pick(c.a), pick(c.v), pick(c.g), pick(c.w)
        self.type = ETH_IP if fam == "4" else ETH_IP6
        self.icmp_proto = ICMP if fam == "4" else ICMP6

    def ip(self, proto, payload, src=None, dst=None, ttl=64):
        make = ipv4 if self.fam == "4" else ipv6
        return make(src or self.src, dst or self.dst, proto, payload, ttl)

    def udp(self, sport, dport, data, src=None, dst=None, ttl=64):
        src, dst = src or self.src, dst or self.dst
        return self.ip(UDP, udp(src, dst, sport, dport, data), src, dst, ttl)

    def tcp(self, sport, dport, flags, data, src=None, dst=None):
        src, dst = src or self.src, dst or self.dst
        return self.ip(TCP, tcp(src, dst, sport, dport, flags, data), src, dst)

    def icmp(self, kind, code, rest, data, src=None, dst=None, ttl=64):
        src, dst = src or self.src, dst or self.dst
        if self.fam == "4":
            return self.ip(ICMP, icmp(kind, code, rest, data), src, dst, ttl)
        return self.ip(ICMP6, icmp6(src, dst, kind, code, rest, data), src, dst, ttl)

    def echo(self, data, **kw):
        return self.icmp(8 if self.fam == "4" else 128, 0, 0x4E530001, data, **kw)


ROWS = []


def l3(name, group, make, fams="46", inside="may", needs=(FLAT, ROUTED), seen=None, **kw):
    """Packets, each framed to the attacker's gateway and to the victim.

    @inside may be different for "4" and "6".
    """

    def build(fam):
        def frames(c, t):
            ip = Ip(c, fam)
            packets = make(ip, t)
            packets = packets if isinstance(packets, list) else [packets]
            return [eth(to.mac, c.a.mac, ip.type, p) for to in (c.g, c.v) for p in packets]

        return frames

    def also(fam):
        return (lambda c, t: seen(Ip(c, fam), t)) if seen else None

    for fam in fams:
        ROWS.append(((name, group, fam, build(fam)), dict(
            needs=needs, seen=also(fam),
            inside=inside if isinstance(inside, str) else inside[fam], **kw)))


# ---- ICMP ----

def quoted(i, t, proto=UDP):
    """The packet that an error is about: the victim's own."""
    third = THIRD4 if i.fam == "4" else THIRD6
    return i.ip(proto, udp(i.dst, third, 4242, 53, t), src=i.dst, dst=third)


def icmps():
    l3("icmp echo request", "icmp", lambda i, t: i.echo(t), inside="must")
    l3("icmp echo reply, unasked", "icmp",
       lambda i, t: i.icmp(0 if i.fam == "4" else 129, 0, 1, t))
    l3("icmp unreachable about the victim's flow", "icmp",
       lambda i, t: i.icmp(3 if i.fam == "4" else 1, 3 if i.fam == "4" else 4, 0, quoted(i, t)))
    l3("icmp packet too big about the victim's flow", "icmp",
       lambda i, t: i.icmp(3, 4, 576, quoted(i, t)) if i.fam == "4"
       else i.icmp(2, 0, 1280, quoted(i, t)))
    l3("icmp time exceeded about the victim's flow", "icmp",
       lambda i, t: i.icmp(11 if i.fam == "4" else 3, 0, 0, quoted(i, t)))
    l3("icmp parameter problem about the victim's flow", "icmp",
       lambda i, t: i.icmp(12 if i.fam == "4" else 4, 0, 0, quoted(i, t)))
    for name, kind in (("source quench", 4), ("router advertisement", 9),
                       ("router solicitation", 10), ("timestamp request", 13),
                       ("timestamp reply", 14), ("information request", 15),
                       ("address mask request", 17), ("address mask reply", 18),
                       ("extended echo request", 42)):
        l3("icmp " + name, "icmp", lambda i, t, k=kind: i.icmp(k, 0, 1, b"\0" * 12 + t), "4")
    l3("icmpv6 node information query", "icmp", lambda i, t: i.icmp(139, 0, 0, b"\0" * 8 + t), "6",
       inside="no")
    l3("icmpv6 extended echo request", "icmp", lambda i, t: i.icmp(160, 0, 1, t), "6", inside="no")
    l3("icmpv6 experimental type 100", "icmp", lambda i, t: i.icmp(100, 0, 1, t), "6", inside="no")
    l3("icmp unknown type", "icmp", lambda i, t: i.icmp(200, 7, 0, t),
       inside={"4": "may", "6": "no"})
    l3("icmp of the other version", "icmp",
       lambda i, t: i.ip(ICMP6 if i.fam == "4" else ICMP, icmp(8, 0, 1, t)))
    l3("icmp redirect from the victim's gateway", "icmp",
       lambda i, t: i.icmp(5, 1, struct.unpack("!I", a4(i.src))[0],
                           quoted(i, t), src=i.vgw), "4", inside="no",
       needs=(FLAT,), why="the router drops packets with its own address as their source")


# ---- transport ----


def transports():
    l3("udp", "udp", lambda i, t: i.udp(40000, 4242, t), inside="must")
    l3("udp without checksum", "udp",
       lambda i, t: i.ip(UDP, udp(i.src, i.dst, 40000, 4242, t, check=False)))
    l3("udp with a wrong checksum", "udp",
       lambda i, t: i.ip(UDP, udp(i.src, i.dst, 40000, 4242, t)[:6] + b"\x12\x34" + t))
    l3("udp from port 53", "udp", lambda i, t: i.udp(53, 4242, t))
    l3("udp from port 20", "udp", lambda i, t: i.udp(20, 4242, t))
    l3("udp from port 123 to 123", "udp", lambda i, t: i.udp(123, 123, b"\x1b" + b"\0" * 47 + t))
    l3("udp from port 67", "udp", lambda i, t: i.udp(67, 4242, t), inside={"4": "no", "6": "may"})
    l3("udp from port 547", "udp", lambda i, t: i.udp(547, 4242, t), inside={"4": "may", "6": "no"})
    l3("udp port 0", "udp", lambda i, t: i.udp(0, 0, t))
    l3("dhcp server behind ip options", "dhcp", lambda i, t: ipv4(
        i.src, i.dst, UDP, udp(i.src, i.dst, 67, 68, dhcp(
            2, 5, i.c.v.mac, i.c.spare4, i.src, t)), options=b"\1\1\1\1"), "4", inside="no")
    l3("dhcpv6 server from its own address", "dhcp", lambda i, t: i.udp(
        547, 546, dhcp6(7, i.c.v.mac, t)), "6", inside="no")
    l3("udp sip to 5060", "udp", lambda i, t: i.udp(
        5060, 5060, b"INVITE sip:a@b SIP/2.0\r\nContent-Length: 0\r\n\r\n" + t))
    l3("tcp syn", "tcp", lambda i, t: i.tcp(40001, 4243, SYN, t), inside="must")
    for name, flags in (("syn+ack", SYN | ACK), ("ack", ACK), ("fin", FIN), ("null", 0),
                        ("xmas", FIN | PSH | URG), ("rst", RST), ("push+ack with data", PSH | ACK),
                        ("urgent", URG | ACK), ("syn+fin", SYN | FIN), ("all flags", 0xFF)):
        l3("tcp " + name, "tcp", lambda i, t, f=flags: i.tcp(40001, 4243, f, t))
    l3("tcp syn from port 53", "tcp", lambda i, t: i.tcp(53, 4243, SYN, t))
    l3("tcp syn from port 20", "tcp", lambda i, t: i.tcp(20, 4243, SYN, t))
    l3("sctp init", "transport", lambda i, t: i.ip(132, sctp_init(40000, 4244, t)))
    l3("udp-lite", "transport",
       lambda i, t: i.ip(136, udp(i.src, i.dst, 40000, 4245, t, proto=136)))
    l3("dccp request", "transport",
       lambda i, t: i.ip(33, dccp_request(i.src, i.dst, 40000, 4246, t)))


# ---- other protocols ----

PROTOCOLS = (
    ("gre", 47, struct.pack("!HH", 0, ETH_IP)), ("esp", 50, b"\0\0\1\1\0\0\0\1"),
    ("ah", 51, b"\x3b\x04\0\0\0\0\1\1\0\0\0\1" + b"\0" * 12), ("ospf hello", 89, b"\2\1\0\x2c"),
    ("pim hello", 103, b"\x20\0\xdf\xff\0\1\0\2\0\x69"), ("vrrp", 112, b"\x21\1\x64\1\0\1\0\0"),
    ("l2tp over ip", 115, b"\0\0\0\1"), ("eigrp", 88, b"\2\5" + b"\0" * 18),
    ("rsvp", 46, b"\x10\1\0\0\x40\0\0\x10"), ("etherip", 97, b"\x30\0"),
    ("ipcomp", 108, b"\4\0\0\2"), ("mpls in ip", 137, b"\0\1\x01\x40"),
    ("hip", 139, b"\x3b\4\1\x11" + b"\0" * 36), ("carp or vrrp v3", 112, b"\x31\1\x64\1\0\x64\0\0"),
    ("isis over ip", 124, b"\x83"), ("no next header", 59, b""), ("protocol 253", 253, b""),
    ("protocol 255", 255, b""), ("egp", 8, b"\2\0\0\0"),
    ("mobility header", 135, b"\x3b\1\0\0\0\0"),
)


def protocols():
    for name, number, head in PROTOCOLS:
        l3(name, "protocol", lambda i, t, n=number, h=head: i.ip(n, h + t + b"\0" * 8))
    l3("protocol 0", "protocol", lambda i, t: i.ip(0, b"\0" * 8 + t), "4")
    l3("igmp to one host", "protocol", lambda i, t: i.ip(IGMP, icmp(0x16, 0, 0, t)))
    l3("ipv4 inside (ipip, 4in6)", "protocol",
       lambda i, t: i.ip(4, Ip(i.c, "4").udp(40000, 4242, t)))
    l3("ipv6 inside (6in4, 6in6)", "protocol",
       lambda i, t: i.ip(41, ipv6("2001:db8::1", "2001:db8::2", UDP, udp(
           "2001:db8::1", "2001:db8::2", 40000, 4242, t))))
    l3("gre with a key and an ethernet frame", "protocol",
       lambda i, t: i.ip(47, struct.pack("!HHI", 0x2000, 0x6558, 42) +
                         eth(i.c.v.mac, i.c.a.mac, 0x1234, t)))


def inner(i, t):
    return eth(i.c.v.mac, i.c.a.mac, 0x88B5, t)


def tunnels():
    """What a gateway might take out of its wrapping, addressed to it and to the victim."""
    for port in (4789, 8472):
        name = "vxlan to port %d of the " % port
        packets = lambda i, t, p, to: [i.udp(40000, p, vxlan(vni, inner(i, t)), dst=to)
                                       for vni in (1, 42, 100, 4096)]
        l3(name + "victim", "tunnel", lambda i, t, p=port: packets(i, t, p, i.dst))
        l3(name + "gateway", "tunnel", lambda i, t, p=port: packets(i, t, p, i.gw))
    l3("geneve", "tunnel", lambda i, t: i.udp(40000, 6081, geneve(42, inner(i, t))))
    l3("gtp-u", "tunnel", lambda i, t: i.udp(2152, 2152, struct.pack("!BBHI", 0x30, 255, 28, 1) +
                                            quoted(i, t)))
    l3("l2tp over udp", "tunnel", lambda i, t: i.udp(1701, 1701, b"\0\2\0\1\0\1\xff\3" + t))
    l3("mpls over udp", "tunnel", lambda i, t: i.udp(40000, 6635, b"\0\1\x01\x40" + quoted(i, t)))
    l3("teredo", "tunnel", lambda i, t: i.udp(3544, 3544, ipv6(
        "2001:0:1::1", "2001:0:1::2", UDP, udp("2001:0:1::1", "2001:0:1::2", 1, 2, t))), "4")
    l3("wireguard handshake", "tunnel", lambda i, t: i.udp(51820, 51820, b"\1\0\0\0" + t * 18))


# ---- fragments ----


def cut(i, t, pieces, proto=UDP):
    """@pieces: (offset, data, more); offsets in bytes."""
    ident = struct.unpack("!H", t[5:7])[0]
    if i.fam == "4":
        return [ipv4(i.src, i.dst, proto, data, ident=ident,
                     frag=offset // 8 | (0x2000 if more else 0)) for offset, data, more in pieces]
    return [i.ip(FRAGMENT, fragment6(proto, offset, more, ident, data))
            for offset, data, more in pieces]


def fragments():
    def whole(i, t):
        return udp(i.src, i.dst, 40000, 4242, t * 5)  # 48 bytes

    l3("fragments in order", "fragment", lambda i, t: cut(i, t, [
        (0, whole(i, t)[:24], True), (24, whole(i, t)[24:], False)]), inside="must")
    l3("fragments in reverse order", "fragment", lambda i, t: cut(i, t, [
        (24, whole(i, t)[24:], False), (0, whole(i, t)[:24], True)]))
    l3("fragments that overlap", "fragment", lambda i, t: cut(i, t, [
        (0, whole(i, t)[:32], True), (16, t * 2, True), (24, whole(i, t)[24:], False)]))
    l3("fragments twice, the second time different", "fragment", lambda i, t: cut(i, t, [
        (0, whole(i, t)[:24], True), (0, whole(i, t)[:16] + b"\xff" * 8, True),
        (24, whole(i, t)[24:], False)]))
    l3("tiny fragments: 8 bytes each", "fragment", lambda i, t: cut(i, t, [
        (k, whole(i, t)[k:k + 8], k < 40) for k in range(0, 48, 8)]),
       seen=lambda i, t: [whole(i, t)[:8]])

    def syn(i, t):
        return tcp(i.src, i.dst, 40003, 4243, SYN, t * 2, seq=struct.unpack("!I", t[4:])[0])

    l3("tcp header over two fragments", "fragment", lambda i, t: cut(i, t, [
        (0, syn(i, t)[:16], True), (16, syn(i, t)[16:], False)], TCP),
       seen=lambda i, t: [syn(i, t)[:16]])
    l3("a lone first fragment", "fragment", lambda i, t: cut(i, t, [(0, whole(i, t)[:24], True)]))
    l3("a lone later fragment", "fragment", lambda i, t: cut(i, t, [(24, t * 2, False)]))
    l3("a lone middle fragment", "fragment", lambda i, t: cut(i, t, [(1024, t * 2, True)]))
    l3("a fragment that ends beyond 64 KiB", "fragment",
       lambda i, t: cut(i, t, [(65528, t * 3, False)]))
    l3("a fragment with don't-fragment set", "fragment", lambda i, t: ipv4(
        i.src, i.dst, UDP, whole(i, t)[:24], frag=0x6000, ident=7), "4")
    l3("evil bit", "fragment", lambda i, t: ipv4(
        i.src, i.dst, UDP, whole(i, t), frag=0x8000, ident=7), "4")
    l3("an atomic fragment", "fragment", lambda i, t: cut(i, t, [(0, whole(i, t), False)]), "6")
    l3("a fragment header in a fragment", "fragment", lambda i, t: cut(i, t, [
        (0, fragment6(UDP, 0, False, 9, whole(i, t)), False)], FRAGMENT), "6",
       inside="no")
    l3("the transport header in the second fragment", "fragment", lambda i, t: cut(i, t, [
        (0, options6(UDP, b"\x1e\x0c\0\0\0\0" + t), True), (16, whole(i, t), False)], DSTOPTS), "6",
       inside="no")


# ---- IPv4 options, IPv6 extension headers ----


def options():
    def opt(name, make, **kw):
        l3(name, "header", lambda i, t: ipv4(i.src, i.dst, UDP, udp(
            i.src, i.dst, 40000, 4242, t), options=make(i)), "4", **kw)

    opt("loose source route", lambda i: b"\x83\x07\x08" + a4(i.dst))
    opt("strict source route", lambda i: b"\x89\x07\x08" + a4(i.dst))
    opt("record route", lambda i: b"\x07\x07\x04\0\0\0\0")
    opt("timestamp option", lambda i: b"\x44\x08\x05\0\0\0\0\0")
    opt("router alert option", lambda i: b"\x94\x04\0\0")
    opt("cipso option", lambda i: b"\x86\x0a\0\0\0\1\1\4\0\1", needs=(FLAT,),
        why="the router checks the option against labels of its own")
    opt("unknown option", lambda i: b"\x5e\x04\0\0")
    opt("40 bytes of options", lambda i: b"\x01" * 40)
    l3("loose source route by the gateway", "header", lambda i, t: ipv4(
        i.src, i.gw, UDP, udp(i.src, i.dst, 40000, 4242, t),
        options=b"\x83\x07\x04" + a4(i.dst)), "4", inside="may")

    # Extension headers are a way around filters and of no use between two hosts of one link.
    def ext(name, first, make, **kw):
        l3(name, "header", lambda i, t: i.ip(first, make(i) + udp(
            i.src, i.dst, 40000, 4242, t)), "6", inside="no", **kw)

    ext("hop-by-hop header", HBH, lambda i: options6(UDP))
    ext("hop-by-hop with router alert", HBH, lambda i: options6(UDP, b"\5\2\0\0\1\0"))
    ext("hop-by-hop with an unknown option", HBH, lambda i: options6(UDP, b"\x1e\4\0\0\0\0"))
    ext("destination options header", DSTOPTS, lambda i: options6(UDP))
    ext("chain of 8 extension headers", DSTOPTS,
        lambda i: options6(DSTOPTS) * 7 + options6(UDP))
    ext("routing header type 0", ROUTING, lambda i: routing6(UDP, 0, 1, [i.dst]))
    ext("routing header type 2", ROUTING, lambda i: routing6(UDP, 2, 1, [i.dst]))
    ext("routing header of an unknown type", ROUTING, lambda i: routing6(UDP, 253, 1, [i.dst]))
    ext("segment routing header", ROUTING, lambda i: srh(UDP, 1, [i.dst, i.dst]))
    ext("hop-by-hop in the wrong place", DSTOPTS, lambda i: options6(HBH) + options6(UDP))
    ext("unknown extension header", 254, lambda i: options6(UDP))
    l3("segment routing by the gateway", "header", lambda i, t: i.ip(
        ROUTING, srh(UDP, 1, [i.dst, i.gw]) + udp(i.src, i.dst, 40000, 4242, t), dst=i.gw), "6",
       inside="no")


# ---- addresses ----


def pick(fam, four, six):
    return four if fam == "4" else six


def sources():
    martian = "a router drops it: no host can have this source"

    def src(name, get, fams="46", **kw):
        kw.setdefault("inside", "no")
        l3("source: " + name, "spoof", lambda i, t: i.udp(40000, 4242, t, src=get(i)), fams, **kw)

    own = "the router drops packets with its own address as their source"
    src("the victim's address", lambda i: i.dst)
    src("the victim's gateway", lambda i: i.vgw, "4", needs=(FLAT,), why=own)
    src("the victim's gateway", lambda i: i.vgw, "6")
    src("the attacker's own gateway", lambda i: i.gw, "4", needs=(FLAT,), why=own)
    src("the attacker's own gateway", lambda i: i.gw, "6")
    src("a neighbour of the victim", lambda i: pick(i.fam, i.c.near4, i.c.near6))
    src("nobody's, of the attacker's subnet", lambda i: pick(i.fam, i.c.spare4, i.c.spare6))
    src("somebody outside", lambda i: pick(i.fam, "198.51.100.9", "2001:db8::9"))
    src("loopback", lambda i: pick(i.fam, "127.0.0.1", "::1"), needs=(FLAT,), why=martian)
    src("multicast", lambda i: pick(i.fam, "224.0.0.1", "ff02::1"), needs=(FLAT,), why=martian)
    src("unspecified", lambda i: pick(i.fam, "0.0.0.0", "::"), needs=(FLAT,), why=martian)
    src("broadcast", lambda i: "255.255.255.255", "4", needs=(FLAT,), why=martian)
    src("the victim's directed broadcast", lambda i: i.c.all4, "4", needs=(FLAT,), why=martian)
    src("reserved 240/4", lambda i: "240.0.0.1", "4", needs=(FLAT,), why=martian)
    src("link-local of another host", lambda i: pick(i.fam, "169.254.7.7", "fe80::7"), "4")
    src("link-local of another host", lambda i: "fe80::7", "6", needs=(FLAT,),
        why="a router does not forward link-local addresses")
    src("the attacker's link-local address", lambda i: i.c.a.ll, "6", needs=(FLAT,), inside="may",
        why="a router does not forward link-local addresses")
    src("v4-mapped", lambda i: "::ffff:" + i.c.v.ip4, "6", needs=(FLAT,), why=martian)
    src("6to4 of the victim", lambda i: "2002:a00::1", "6")
    l3("land: tcp syn from and to the victim", "spoof",
       lambda i, t: i.tcp(4243, 4243, SYN, t, src=i.dst), inside="no")
    l3("reflection: echo to the gateway, source the victim", "spoof",
       lambda i, t: i.echo(t, src=i.dst, dst=i.gw), inside="no", needs=(ROUTED,),
       why="what the victim gets is the gateway's answer, not the frame")
    l3("reflection: ttl 1, source the victim", "spoof",
       lambda i, t: i.udp(40000, 4242, t, src=i.dst, dst=pick(
           i.fam, "203.0.113.1", "2001:db8:1::1"), ttl=1), inside="no")
    l3("reflection: closed port of the gateway, source the victim", "spoof",
       lambda i, t: i.udp(40000, 9, t, src=i.dst, dst=i.gw), inside="no", needs=(ROUTED,),
       why="what the victim gets is the gateway's answer, not the frame")


def destinations():
    group = "destination"
    scope = "a router keeps it on its link"

    def dst(name, get, fams="46", **kw):
        kw.setdefault("inside", "no")
        l3("destination: " + name, group,
           lambda i, t: i.udp(40000, 4242, t, dst=get(i)), fams, **kw)

    dst("directed broadcast", lambda i: i.c.all4, "4")
    dst("limited broadcast", lambda i: "255.255.255.255", "4", needs=(FLAT,), why=scope)
    dst("loopback", lambda i: pick(i.fam, "127.0.0.1", "::1"), needs=(FLAT,), why=scope)
    dst("multicast that is routed", lambda i: pick(i.fam, "239.1.1.1", "ff0e::1:1"),
        needs=(FLAT,), why="no multicast router runs")
    dst("the victim's gateway", lambda i: i.vgw, inside="may", needs=(FLAT,),
        why="it ends in the router")
    dst("the victim's link-local address", lambda i: i.c.v.ll, "6", inside="may", needs=(FLAT,),
        why="a router does not forward link-local addresses")
    dst("v4-mapped address of the victim", lambda i: "::ffff:" + i.c.v.ip4, "6", inside="no",
        needs=(FLAT,), why="there is no route to mapped addresses")
    for ttl in (1, 0):
        l3("ttl %d" % ttl, group, lambda i, t, n=ttl: i.udp(40000, 4242, t, ttl=n), needs=(FLAT,),
           why="the router's task is to drop it")


def malformed():
    drop = "a router drops what is malformed"
    l3("header length below 20", "malformed", lambda i, t: ipv4(
        i.src, i.dst, UDP, udp(i.src, i.dst, 1, 4242, t), ihl=4), "4", needs=(FLAT,), why=drop)
    l3("header length beyond the packet", "malformed", lambda i, t: ipv4(
        i.src, i.dst, UDP, udp(i.src, i.dst, 1, 4242, t), ihl=15), "4", needs=(FLAT,), why=drop)
    l3("total length beyond the packet", "malformed", lambda i, t: ipv4(
        i.src, i.dst, UDP, udp(i.src, i.dst, 1, 4242, t), length=1400), "4", needs=(FLAT,),
       why=drop)
    l3("total length shorter than the packet", "malformed", lambda i, t: ipv4(
        i.src, i.dst, UDP, udp(i.src, i.dst, 1, 4242, b"") + t, length=28), "4", needs=(FLAT,),
       why="a router cuts off what is behind the packet")
    l3("version 5", "malformed", lambda i, t: ipv4(
        i.src, i.dst, UDP, udp(i.src, i.dst, 1, 4242, t), version=5), "4", needs=(FLAT,), why=drop)
    l3("ipv6 in an ipv4 frame", "malformed", lambda i, t: ipv6(
        "2001:db8::1", "2001:db8::2", UDP, t), "4", needs=(FLAT,), why=drop)
    l3("ipv4 in an ipv6 frame", "malformed", lambda i, t: ipv4(
        i.c.a.ip4, i.c.v.ip4, UDP, udp(i.c.a.ip4, i.c.v.ip4, 1, 4242, t)), "6", needs=(FLAT,),
       why=drop)
    l3("payload length beyond the packet", "malformed", lambda i, t: ipv6(
        i.src, i.dst, UDP, udp(i.src, i.dst, 1, 4242, t), length=1400), "6", needs=(FLAT,),
       why=drop)
    l3("payload length 0 without jumbo option", "malformed", lambda i, t: ipv6(
        i.src, i.dst, UDP, udp(i.src, i.dst, 1, 4242, t), length=0), "6", needs=(FLAT,),
       why="a router cuts off what is behind the packet")
    l3("jumbo payload option", "malformed", lambda i, t: ipv6(
        i.src, i.dst, HBH, options6(UDP, b"\xc2\4\0\1\0\1") + t, length=0), "6", needs=(FLAT,),
       why=drop)


def sockets():
    for fam in "46":
        for kind, name in (("tcp", "tcp connection by the kernel"), ("udp", "udp by the kernel")):
            ROWS.append(((name, kind, fam, None), dict(
                inside="must", by_socket=kind, needs=(FLAT, ROUTED, DIRECT))))


# ---- beside the one port that a rule opens ----

OPEN = 5432


def quoted_open(i, t, sport=OPEN):
    """Of a connection to that port: what the victim would have answered to somebody."""
    return i.tcp(sport, 40009, ACK, t, src=i.dst, dst=i.src)


def beside():
    group = "beside"
    l3("tcp syn to the open port", group, lambda i, t: i.tcp(40009, OPEN, SYN, t))
    l3("udp to the open port", group, lambda i, t: i.udp(40009, OPEN, t))
    l3("udp-lite to the open port", group,
       lambda i, t: i.ip(136, udp(i.src, i.dst, 40009, OPEN, t, proto=136)))
    l3("sctp to the open port", group, lambda i, t: i.ip(132, sctp_init(40009, OPEN, t)))
    l3("dccp to the open port", group,
       lambda i, t: i.ip(33, dccp_request(i.src, i.dst, 40009, OPEN, t)))
    for name, port in (("next to", OPEN + 1), ("before", OPEN - 1)):
        l3("tcp to the port %s the open one" % name, group,
           lambda i, t, p=port: i.tcp(40009, p, SYN, t))
    # What looks like an answer of somebody who listens on such a port.
    for name, flags in (("syn", SYN), ("syn+ack", SYN | ACK), ("ack", ACK), ("rst", RST),
                        ("rst+ack", RST | ACK), ("data", PSH | ACK), ("fin+ack", FIN | ACK)):
        l3("tcp %s from the open port" % name, group,
           lambda i, t, f=flags: i.tcp(OPEN, 40010, f, t))
    l3("udp from the open port", group, lambda i, t: i.udp(OPEN, 40010, t))

    def src(name, get, fams="46", **kw):
        l3("to the open port, source " + name, group,
           lambda i, t: i.tcp(40011, OPEN, SYN, t, src=get(i)), fams, inside="no", **kw)

    src("of nobody", lambda i: pick(i.fam, i.c.spare4, i.c.spare6))
    src("of the victim", lambda i: i.dst)
    src("of a neighbour of the victim", lambda i: pick(i.fam, i.c.near4, i.c.near6))
    src("of somebody outside", lambda i: pick(i.fam, "198.51.100.9", "2001:db8::9"))
    src("of a cable's end", lambda i: pick(i.fam, "100.127.0.0", "fd6e:736e:6574:78::"))
    ends = "it ends in the router"
    l3("to the open port of the victim's gateway", group,
       lambda i, t: i.tcp(40012, OPEN, SYN, t, dst=i.vgw), needs=(FLAT,), why=ends)
    l3("to the open port of the attacker's gateway", group,
       lambda i, t: i.tcp(40012, OPEN, SYN, t, dst=i.gw), needs=(FLAT,), why=ends)
    for end in (0, 1):
        l3("to the open port of a cable's end, %d" % end, group,
           lambda i, t, n=end: i.tcp(40012, OPEN, SYN, t, dst=pick(
               i.fam, "100.127.0.%d" % n, "fd6e:736e:6574:78::%x" % n)), inside="no",
           needs=(FLAT,), why="the router has no way there")
    l3("to the open port of the victim's neighbour", group,
       lambda i, t: i.tcp(40012, OPEN, SYN, t, dst=pick(i.fam, i.c.near4, i.c.near6)),
       inside="no", needs=(FLAT,), why="there is no neighbour behind the router")
    for name, code in (("unreachable", 1), ("packet too big", 2), ("time exceeded", 3)):
        kind = {1: 3, 2: 3, 3: 11}[code]
        l3("icmp %s about a connection to the open port that is none" % name, group,
           lambda i, t, k4=kind, k6=code: i.icmp(3, 4, 576, quoted_open(i, t))
           if i.fam == "4" and k6 == 2
           else i.icmp(k4 if i.fam == "4" else k6, 0, 1280, quoted_open(i, t)))
    l3("icmp error that quotes itself from the open port", group,
       lambda i, t: i.icmp(3 if i.fam == "4" else 1, 1, 0, i.tcp(40009, OPEN, SYN, t)))
    l3("ports of the open one in a later fragment that overlaps", group, lambda i, t: cut(i, t, [
        (0, tcp(i.src, i.dst, 40013, OPEN, SYN, t)[:8], True),
        (0, tcp(i.src, i.dst, 40013, 4243, SYN, t)[:16], True),
        (16, tcp(i.src, i.dst, 40013, 4243, SYN, t)[16:], False)], TCP))
    l3("another protocol in the second fragment", group, lambda i, t: cut(i, t, [
        (0, tcp(i.src, i.dst, 40014, OPEN, SYN, t)[:24], True)], TCP) + cut(i, t, [
            (24, t * 2, False)], UDP))


def register(add):
    for make in (icmps, transports, protocols, tunnels, fragments, options, sources, destinations,
                 malformed, beside, sockets):
        make()
    for args, kw in ROWS:
        add(*args, **kw)
    ROWS.clear()
