# SPDX-License-Identifier: GPL-2.0-or-later
"""Packets made by hand, from the outside in: addresses are text, the rest is bytes."""

import socket
import struct

BROADCAST = "ff:ff:ff:ff:ff:ff"
ALL_NODES = "33:33:00:00:00:01"

ETH_IP, ETH_ARP, ETH_RARP, ETH_IP6 = 0x0800, 0x0806, 0x8035, 0x86DD
ICMP, IGMP, TCP, UDP, ICMP6 = 1, 2, 6, 17, 58
HBH, ROUTING, FRAGMENT, DSTOPTS = 0, 43, 44, 60


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def a4(text):
    return socket.inet_pton(socket.AF_INET, text)


def a6(text):
    return socket.inet_pton(socket.AF_INET6, text)


def csum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def crc32c(data):
    """SCTP's checksum."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


# ---- link layer ----


def eth(dst, src, kind, payload):
    """@kind below 1536 is a length, as in 802.3."""
    frame = mac(dst) + mac(src) + struct.pack("!H", kind) + payload
    return frame.ljust(60, b"\0")


def vlan(tci, kind, payload):
    """What follows a tag's EtherType: the tag and the next EtherType."""
    return struct.pack("!HH", tci, kind) + payload


def llc(dst, src, payload):
    return eth(dst, src, len(payload), payload)


def snap(oui, kind, payload):
    return b"\xaa\xaa\x03" + oui + struct.pack("!H", kind) + payload


def arp(op, smac, sip, tmac, tip, tail=b""):
    """@tail is padding: a bridge keeps it."""
    head = struct.pack("!HHBBH", 1, ETH_IP, 6, 4, op)
    return head + mac(smac) + a4(sip) + mac(tmac) + a4(tip) + tail


def mc4_mac(group):
    low = a4(group)
    return "01:00:5e:%02x:%02x:%02x" % (low[1] & 0x7F, low[2], low[3])


def mc6_mac(group):
    return "33:33:%02x:%02x:%02x:%02x" % tuple(a6(group)[12:])


def solicited(address):
    """The group in which a neighbour is asked for."""
    return socket.inet_ntop(socket.AF_INET6, a6("ff02::1:ff00:0")[:13] + a6(address)[13:])


# ---- network layer ----


def ipv4(src, dst, proto, payload, ttl=64, options=b"", ident=0, frag=0, version=4, ihl=None,
         length=None):
    """@frag: flags and offset as on the wire. @version, @ihl, @length: to be wrong on purpose."""
    options = options.ljust((len(options) + 3) // 4 * 4, b"\0")
    words = 5 + len(options) // 4
    head = struct.pack("!BBHHHBBH", version << 4 | (words if ihl is None else ihl), 0,
                       20 + len(options) + len(payload) if length is None else length,
                       ident, frag, ttl, proto, 0) + a4(src) + a4(dst) + options
    return head[:10] + struct.pack("!H", csum(head)) + head[12:] + payload


def ipv6(src, dst, nexthdr, payload, hlim=64, version=6, length=None):
    return struct.pack("!IHBB", version << 28, len(payload) if length is None else length,
                       nexthdr, hlim) + a6(src) + a6(dst) + payload


def pseudo(src, dst, proto, length):
    if ":" in src:
        return a6(src) + a6(dst) + struct.pack("!II", length, proto)
    return a4(src) + a4(dst) + struct.pack("!HH", proto, length)


def udp(src, dst, sport, dport, data, check=True, proto=UDP):
    """@proto 136, UDP-Lite, has the covered length where UDP has its own."""
    length = 8 + len(data)
    head = struct.pack("!HHHH", sport, dport, length, 0)
    value = csum(pseudo(src, dst, proto, length) + head + data) or 0xFFFF if check else 0
    return head[:6] + struct.pack("!H", value) + data


FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32


def tcp(src, dst, sport, dport, flags, data, seq=1, ack=0):
    head = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, 5 << 4, flags, 1024, 0,
                       1 if flags & URG else 0)
    value = csum(pseudo(src, dst, TCP, len(head) + len(data)) + head + data)
    return head[:16] + struct.pack("!H", value) + head[18:] + data


def icmp(kind, code, rest, data):
    """ICMP and IGMP."""
    head = struct.pack("!BBHI", kind, code, 0, rest)
    return head[:2] + struct.pack("!H", csum(head + data)) + head[4:] + data


def icmp6(src, dst, kind, code, rest, data):
    head = struct.pack("!BBHI", kind, code, 0, rest)
    value = csum(pseudo(src, dst, ICMP6, len(head) + len(data)) + head + data)
    return head[:2] + struct.pack("!H", value) + head[4:] + data


def sctp_init(sport, dport, tail):
    chunk = struct.pack("!BBHIIHHI", 1, 0, 20 + len(tail) + 4, 1, 65535, 1, 1, 1)
    chunk += struct.pack("!HH", 0x8000, 4 + len(tail)) + tail
    head = struct.pack("!HHI", sport, dport, 0)
    return head + struct.pack("<I", crc32c(head + b"\0\0\0\0" + chunk)) + chunk


def dccp_request(src, dst, sport, dport, tail):
    body = struct.pack("!HHBBHBBHII", sport, dport, 5 + len(tail) // 4, 0, 0, 1, 0, 0, 1, 0) + tail
    value = csum(pseudo(src, dst, 33, len(body)) + body)
    return body[:6] + struct.pack("!H", value) + body[8:]


# ---- extension headers and fragments ----


def options6(nexthdr, body=b"\x01\x04\0\0\0\0"):
    """Hop-by-hop or destination options; @body fills them to 8 bytes."""
    return struct.pack("!BB", nexthdr, (len(body) + 2) // 8 - 1) + body


def routing6(nexthdr, kind, left, addresses, extra=b"\0\0\0\0"):
    body = extra + b"".join(a6(a) for a in addresses)
    return struct.pack("!BBBB", nexthdr, (len(body) + 4) // 8 - 1, kind, left) + body


def srh(nexthdr, left, addresses):
    return routing6(nexthdr, 4, left, addresses, struct.pack("!BBH", len(addresses) - 1, 0, 0))


def fragment6(nexthdr, offset, more, ident, data):
    """@offset in bytes."""
    return struct.pack("!BBHI", nexthdr, 0, offset | int(more), ident) + data


# ---- neighbour discovery, and other payloads ----


def option_ll(kind, address):
    return struct.pack("!BB", kind, 1) + mac(address)


def token_option(token):
    """An option that no host knows and all skip; it carries the token of 8 bytes."""
    return struct.pack("!BB", 253, 2) + b"\0" * 6 + token


def prefix_option(prefix):
    return struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 3600, 3600, 0) + a6(prefix)


def rdnss_option(server):
    return struct.pack("!BBHI", 25, 3, 0, 3600) + a6(server)


def ra(src, dst, options):
    body = struct.pack("!II", 0, 0) + options
    return icmp6(src, dst, 134, 0, 64 << 24 | 1800, body)


def neighbour(src, dst, kind, target, options, flags=0):
    return icmp6(src, dst, kind, 0, flags << 24, a6(target) + options)


def redirect6(src, dst, target, about, options):
    return icmp6(src, dst, 137, 0, 0, a6(target) + a6(about) + options)


def mld2_query(src, dst, tail):
    return icmp6(src, dst, 130, 0, 1000 << 16, a6("::") + b"\x02\x7d\0\0" + tail)


def vxlan(vni, inner):
    return struct.pack("!II", 0x08000000, vni << 8) + inner


def geneve(vni, inner):
    return struct.pack("!HHI", 0, 0x6558, vni << 8) + inner


def dhcp(op, kind, client, yours, server, tail):
    head = struct.pack("!BBBBIHH", op, 1, 6, 0, 0x4E534E45, 0, 0x8000)
    head += a4("0.0.0.0") + a4(yours) + a4(server) + a4("0.0.0.0") + mac(client).ljust(16, b"\0")
    options = b"\x35\x01" + bytes([kind]) + b"\x36\x04" + a4(server) + b"\x03\x04" + a4(server)
    return head + b"\0" * 192 + b"\x63\x82\x53\x63" + options + b"\xe0\x08" + tail + b"\xff"


def dhcp6(kind, client, tail):
    duid = b"\0\x03\0\x01" + mac(client)
    return (struct.pack("!BBH", kind, 0, 1) + struct.pack("!HH", 1, len(duid)) + duid +
            struct.pack("!HH", 2, len(duid)) + duid + struct.pack("!HH", 16, 4 + len(tail)) +
            b"\0\0\0\0" + tail)


def dns_query(name, tail):
    labels = b"".join(bytes([len(p)]) + p.encode() for p in name.split("."))
    return struct.pack("!HHHHHH", 1, 0, 1, 0, 0, 0) + labels + b"\0\0\x0c\0\x01" + tail
