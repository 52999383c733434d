# SPDX-License-Identifier: GPL-2.0-or-later
"""What a namespace has, as ip, bridge, nft and /proc tell, and nft's part also as the kernel tells.

None of it is timed. Nothing here is nsnet's: it is to say whether two programs made the same.
"""
import contextlib
import ctypes
import json
import os
import socket
import struct
import subprocess
import time

libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
HOME = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def _setns(fd):
    if libc.setns(fd, CLONE_NEWNET) != 0:
        err = ctypes.get_errno()
        raise OSError(err, os.strerror(err))


@contextlib.contextmanager
def inside(pin):
    """In the namespace of a pin; programs that are started then are, too."""
    fd = os.open(pin, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _setns(fd)
        yield
    finally:
        _setns(HOME)
        os.close(fd)


# ---- netlink ---------------------------------------------------------------------------

NLM_F_REQUEST, NLM_F_DUMP, NLM_F_CREATE, NLM_F_APPEND = 1, 0x300, 0x400, 0x800
NLMSG_ERROR, NLMSG_DONE = 2, 3


def _align(n):
    return (n + 3) & ~3


def attrs(data):
    """(type, payload) of each attribute; the type with its flags."""
    at = 0
    while at + 4 <= len(data):
        size, kind = struct.unpack_from("=HH", data, at)
        yield kind, data[at + 4:at + size]
        at += _align(size)


def attr(kind, payload):
    return struct.pack("=HH", len(payload) + 4, kind) + payload + bytes(-len(payload) % 4)


def message(kind, flags, payload, seq=0):
    return struct.pack("=IHHII", 16 + len(payload), kind, flags, seq, 0) + payload


def dump(sock, kind, payload):
    """The payloads of all that the kernel answers."""
    sock.send(message(kind, NLM_F_REQUEST | NLM_F_DUMP, payload))
    while True:
        data = sock.recv(1 << 18)
        at = 0
        while at < len(data):
            size, answer = struct.unpack_from("=IH", data, at)
            if answer == NLMSG_DONE:
                return
            if answer == NLMSG_ERROR:
                raise OSError(-struct.unpack_from("=i", data, at + 16)[0], "dump")
            yield data[at + 16:at + size]
            at += _align(size)


def address_protocols():
    """IFA_PROTO of each IPv4 address; the ip of Debian 12 does not print it."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as sock:
        ret = []
        for payload in dump(sock, 22, struct.pack("=BBBBI", socket.AF_INET, 0, 0, 0, 0)):
            have = {k & 0x3fff: v for k, v in attrs(payload[8:])}
            ret.append([socket.inet_ntoa(have[2]), list(have.get(11, b""))])
        return sorted(ret)


# ---- nft, to be made again ----------------------------------------------------------------

# What is read only (handles, uses, numbers of elements), or runs (expiry), is left out.
TABLE, CHAIN, RULE, SET, ELEM, OBJ = 0, 3, 6, 9, 12, 18
KEEP = {TABLE: (1, 2, 6), CHAIN: (1, 3, 4, 5, 7, 12), RULE: (1, 2, 4, 7),
        SET: (1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 15, 17, 18), ELEM: (1, 2, 3), OBJ: (1, 2, 3, 4, 8)}
GET = {TABLE: 1, CHAIN: 4, RULE: 7, SET: 10, ELEM: 13, OBJ: 19}
SET_ID, ELEM_EXPIRATION, DYNSET_TIMEOUT = 10, 5, 6
SUBSYS = 10 << 8


def _without_expiry(elements):
    ret = b""
    for kind, elem in attrs(elements):
        kept = b"".join(attr(k, v) for k, v in attrs(elem) if k & 0x3fff != ELEM_EXPIRATION)
        ret += attr(kind, kept)
    return ret


def _without_zero(exprs):
    """A dynset tells a timeout of 0 of a set that has none, and takes none for such a set."""
    ret = b""
    for kind, expr in attrs(exprs):
        have = list(attrs(expr))
        if have and have[0][1] == b"dynset\0":
            data = b"".join(attr(k, v) for k, v in attrs(have[1][1])
                            if k & 0x3fff != DYNSET_TIMEOUT or any(v))
            expr = attr(*have[0]) + attr(have[1][0], data)
        ret += attr(kind, expr)
    return ret


def _kept(kind, payload):
    ret = payload[:4]
    for k, value in attrs(payload[4:]):
        if k & 0x3fff not in KEEP[kind]:
            continue
        if kind == ELEM and k & 0x3fff == 3:
            value = _without_expiry(value)
        if kind == RULE and k & 0x3fff == 4:
            value = _without_zero(value)
        ret += attr(k, value)
    return ret


def _elements(sock, one_set):
    names = b"".join(attr(k, v) for k, v in attrs(one_set[4:]) if k & 0x3fff in (1, 2))
    return dump(sock, SUBSYS | GET[ELEM], one_set[:4] + names)


def nft_batch():
    """All tables of this namespace as one batch that makes them. b"" if there are none."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) as sock:
        have = {kind: list(dump(sock, SUBSYS | GET[kind], bytes(4)))
                for kind in (TABLE, OBJ, SET, CHAIN, RULE)}
        have[ELEM] = [e for s in have[SET] for e in _elements(sock, s)]
    if not have[TABLE]:
        return b""
    # Whoever is named comes before who names it.
    begin = struct.pack("=BBH", 0, 0, socket.htons(10))
    ret = message(0x10, NLM_F_REQUEST, begin)
    seq = 1
    for kind in (TABLE, OBJ, SET, CHAIN, ELEM, RULE):
        flags = NLM_F_REQUEST | NLM_F_CREATE | (NLM_F_APPEND if kind == RULE else 0)
        for payload in have[kind]:
            kept = _kept(kind, payload)
            if kind == SET:
                kept += attr(SET_ID, struct.pack(">I", seq))
            ret += message(SUBSYS | kind, flags, kept, seq)
            seq += 1
    return ret + message(0x11, NLM_F_REQUEST, begin)


# ---- what ip, bridge, nft and /proc tell -----------------------------------------------------


def _documents(text):
    """JSON documents, one after the other."""
    decoder, at = json.JSONDecoder(), 0
    while at < len(text):
        value, at = decoder.raw_decode(text, at)
        yield value
        while at < len(text) and text[at].isspace():
            at += 1


def _run(cmd, text=""):
    done = subprocess.run(cmd, input=text, capture_output=True, text=True, check=True)
    return done.stdout


def _settled(link):
    """The kernel tells links of each other's carrier later, in the background."""
    port = link.get("linkinfo", {}).get("info_slave_data", {}).get("state", "forwarding")
    flags = link["flags"]
    return "UP" not in flags or "LOWER_UP" in flags and "NO-CARRIER" not in flags and port == "forwarding"


def told():
    """Links, neighbours, routes, rules and forwarding entries of this namespace, as told."""
    ret = told_first()
    six = "route show table all\nrule show\n"
    ret.update(zip(("routes6", "rules6"), _documents(_run(["ip", "-6", "-j", "-d", "-batch", "-"], six))))
    ret["fdb"] = list(_documents(_run(["bridge", "-j", "fdb", "show"])))[0]
    ret["protocols"] = address_protocols()
    return ret


def told_first():
    """What of it one process tells."""
    names = ("links", "neighbours", "routes", "rules")
    asked = "addr show\nneigh show\nroute show table all\nrule show\n"
    for _ in range(500):
        ret = dict(zip(names, _documents(_run(["ip", "-j", "-d", "-batch", "-"], asked))))
        if all(_settled(link) for link in ret["links"]):
            break
        time.sleep(0.01)
    return ret


def ruleset():
    return json.loads(_run(["nft", "-j", "list", "ruleset"]))["nftables"]


VOLATILE = ("nf_conntrack_count", "flush")


proc = ["/proc"]


@contextlib.contextmanager
def own_proc(folder):
    """Whoever reads settings of many namespaces in /proc makes it slow for all others."""
    os.makedirs(folder, exist_ok=True)
    _run(["mount", "-t", "proc", "proc", folder])
    proc.append(folder)
    try:
        yield
    finally:
        proc.pop()
        _run(["umount", folder])


def sysctls():
    """All below /proc/sys/net that can be read."""
    ret = {}
    for folder, _, files in os.walk(proc[-1] + "/sys/net"):
        for name in files:
            if name in VOLATILE:
                continue
            try:
                with open(os.path.join(folder, name), encoding="ascii") as f:
                    ret[os.path.join(folder, name)[len(proc[-1]) + 5:]] = f.read().strip()
            except OSError:
                pass
    return ret
