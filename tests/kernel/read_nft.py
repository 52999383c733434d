# SPDX-License-Identifier: GPL-2.0-or-later
"""What nft says of the rules of this namespace, against a snapshot of them.

  read_nft.py SNAPSHOT   exit status 1, and a line for each difference

nft reads the kernel by libnftnl, which the reader of lib/verify does not use. From `nft -j`
come tables, chains, handles, comments and what is in a set; from `--debug=netlink` the
expressions in order, in libnftnl's words. See test_read_nft.c.
"""
import ipaddress
import json
import re
import socket
import struct
import subprocess
import sys

FAMILY = {1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6"}
KINDS = """IMMEDIATE CMP RANGE BITWISE SHIFT BYTEORDER PAYLOAD PAYLOAD_SET EXTHDR META META_SET CT
CT_SET LOOKUP DYNSET FIB RT NUMGEN HASH SOCKET OSF XFRM TUNNEL LIMIT QUOTA CONNLIMIT LAST COUNTER LOG
OBJREF NAT MASQ REDIR REJECT NOTRACK QUEUE TPROXY SYNPROXY DUP FWD FLOW_OFFLOAD OTHER""".split()
CODES = [None, "accept", "drop", "continue", "break", "jump", "goto", "return", "queue"]
OPS = ["eq", "neq", "lt", "lte", "gt", "gte"]
BASES = ["link", "network", "transport", "inner"]
META = """len protocol priority mark iif oif iifname oifname iiftype oiftype skuid skgid nftrace
rtclassid secmark nfproto l4proto bri_iifname bri_oifname pkttype cpu iifgroup oifgroup cgroup prandom
secpath iifkind oifkind bri_iifpvid bri_iifvproto time day hour sdif sdifname""".split()
CT = """state direction status mark secmark expiration helper l3protocol src dst protocol proto_src
proto_dst label pkts bytes avgpkt zone eventmask src_ip dst_ip src_ip6 dst_ip6 unknown""".split()
EXTHDR = ["ipv6", "tcpopt", "ipv4"]
# NF_INET_*, NF_BR_*, NF_ARP_*, NF_NETDEV_*
HOOKS = {"arp": ["input", "output"], "netdev": ["ingress", "egress"]}
INET = ["prerouting", "input", "forward", "output", "postrouting", "ingress"]
SIZES = {"ipv4_addr": 4, "ipv6_addr": 16, "inet_service": 2, "inet_proto": 1, "ether_addr": 6,
         "iface_index": 4}
FOUND = []


def differs(what, ours, theirs):
    if ours != theirs:
        FOUND.append(f"{what}:\n  ours   {ours}\n  theirs {theirs}")


# ---- expressions, in libnftnl's words ----------------------------------------------------------

def reg(word):
    return word // 4 if word % 4 == 0 else word + 4


def data(x, key="data"):
    raw = bytes.fromhex(x.get(key, "")).ljust((x["len"] + 3) // 4 * 4, b"\0")
    return " ".join("0x%08x" % w for w in struct.unpack("<%dI" % (len(raw) // 4), raw))


def verdict(v):
    return CODES[v["code"]] + (f" -> {v['chain']}" if "chain" in v else "")


def address(x, names):
    return "".join(f" {name} reg {reg(x[r])}" for name, r in names if r in x)


def flags(x):
    return f" flags 0x{x['flags']:x}" if "flags" in x else ""


def exthdr(x):
    how = EXTHDR[x.get("result", 0)]
    at = f"{x.get('len', 0)}b @ {x.get('key', 0)} + {x.get('offset', 0)}"
    if x.get("sreg_set"):
        return f"exthdr write {how} reg {reg(x['sreg'])} => {at}"
    if not x.get("dreg_set"):
        return f"exthdr reset {how} {x.get('key', 0)}"
    return f"exthdr load {how} {at}{' present' if x.get('flags', 0) & 1 else ''} => reg {reg(x['dreg'])}"


def payload(x):
    at = f"{x['len']}b @ {BASES[x.get('base', 0)]} header + {x.get('offset', 0)}"
    if x.get("sreg_set"):
        return f"payload write reg {reg(x['sreg'])} => {at}"
    return f"payload load {at} => reg {reg(x['dreg'])}"


def ct(x):
    name = CT[min(x.get("key", 0), 23)]
    if x.get("sreg_set"):
        return f"ct set {name} with reg {reg(x['sreg'])}"
    where = {0: " , dir original", 1: " , dir reply", 2: ""}[x.get("dir", 0)]
    return f"ct load {name} => reg {reg(x['dreg'])}{where}"


def meta(x):
    name = META[x.get("key", 0)]
    if x.get("sreg_set"):
        return f"meta set {name} with reg {reg(x['sreg'])}"
    return f"meta load {name} => reg {reg(x['dreg'])}"


def objref(x):
    if x.get("sreg_set"):
        return f"objref sreg {reg(x['sreg'])} set {x['set']}"
    return f"objref type {x['number']} name {x['object']}"


RENDER = {
    "IMMEDIATE": lambda x: f"immediate reg {reg(x.get('dreg', 0))} "
                           + (data(x) if x.get("dreg") else verdict(x["verdict"])),
    "CMP": lambda x: f"cmp {OPS[x.get('op', 0)]} reg {reg(x['sreg'])} {data(x)}",
    "RANGE": lambda x: f"range {OPS[x.get('op', 0)]} reg {reg(x['sreg'])} {data(x)} {data(x, 'data2')}",
    "BITWISE": lambda x: f"bitwise reg {reg(x['dreg'])} = ( reg {reg(x['sreg'])} & {data(x)} )"
                         f" ^ {data(x, 'data2')}",
    "SHIFT": lambda x: f"bitwise reg {reg(x['dreg'])} = ( reg {reg(x['sreg'])} "
                       f"{'<<' if x.get('left') else '>>'} 0x{x['shift']:08x} )",
    "BYTEORDER": lambda x: f"byteorder reg {reg(x['dreg'])} = {'hton' if x.get('flags') else 'ntoh'}"
                           f"(reg {reg(x['sreg'])}, {x['shift']}, {x['len']})",
    "PAYLOAD": payload, "PAYLOAD_SET": payload, "EXTHDR": exthdr, "META": meta, "META_SET": meta,
    "CT": ct, "CT_SET": ct, "OBJREF": objref,
    "LOOKUP": lambda x: f"lookup reg {reg(x['sreg'])} set {x['set']}"
                        + (f" dreg {reg(x.get('dreg', 0))}" if x.get("dreg_set") else "")
                        + f" 0x{x.get('flags', 0):x}",
    "DYNSET": lambda x: f"dynset {['add', 'update', 'delete'][x.get('number', 0)]} "
                        f"reg_key {reg(x['sreg'])} set {x['set']}",
    "FIB": lambda x: f"=> reg {reg(x['dreg'])}", "RT": lambda x: f"=> reg {reg(x['dreg'])}",
    "SOCKET": lambda x: f"=> reg {reg(x['dreg'])}", "XFRM": lambda x: f"=> reg {reg(x['dreg'])}",
    "OSF": lambda x: f"osf dreg {reg(x['dreg'])}",
    "NUMGEN": lambda x: f"numgen reg {reg(x['dreg'])} = ",
    "HASH": lambda x: f"hash reg {reg(x['dreg'])} = "
                      + (f"jhash(reg {reg(x['sreg'])}, {x['len']}" if "sreg" in x else "symhash()"),
    "NAT": lambda x: f"nat {['snat', 'dnat'][x.get('number', 0)]} {FAMILY[x['family']]}"
                     + address(x, [("addr_min", "sreg"), ("addr_max", "sreg2"), ("proto_min", "sreg3"),
                                   ("proto_max", "sreg4")]) + flags(x),
    "MASQ": lambda x: "masq" + address(x, [("proto_min", "sreg"), ("proto_max", "sreg2")]) + flags(x),
    "REDIR": lambda x: "redir" + address(x, [("proto_min", "sreg"), ("proto_max", "sreg2")]) + flags(x),
    "REJECT": lambda x: f"reject type {x.get('number', 0)} code {x.get('code', 0)}",
    "QUEUE": lambda x: f"queue num {x.get('number', 0)}",
    "TPROXY": lambda x: "tproxy" + (f" {FAMILY[x['family']]}" if "sreg" in x else "")
                        + address(x, [("addr", "sreg"), ("port", "sreg2")]),
    "DUP": lambda x: "dup" + "".join(f" {n} {reg(x[r])}" for n, r in
                                     [("sreg_addr", "sreg"), ("sreg_dev", "sreg2")] if r in x),
    "FWD": lambda x: f"fwd sreg_dev {reg(x['sreg'])}",
    "LIMIT": lambda x: f"flags 0x{x.get('flags', 0):x}",
    "CONNLIMIT": lambda x: f"flags {x.get('flags', 0)}",
    "LOG": lambda x: "log " + (f"prefix {x['object']} group {x['number']}" if "object" in x else ""),
}


def expression(where, x, said):
    kind = KINDS[x.get("kind", 0)]
    ours = RENDER.get(kind, lambda x: "")(x).strip()
    name = said.split()[0]
    # Of some, only a part of what libnftnl says is kept.
    fine = ours in said and x["name"] == name
    if kind in ("CMP", "RANGE", "BITWISE", "SHIFT", "IMMEDIATE", "LOOKUP", "NAT", "MASQ", "REDIR"):
        fine = fine and ours == said
    if not fine:
        FOUND.append(f"{where}: {kind} {x['name']}\n  ours   {ours}\n  theirs {said}")


# ---- elements ----------------------------------------------------------------------------------

def number(v):
    if isinstance(v, int):
        return v
    if re.fullmatch(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", v):
        return int(v.replace(":", ""), 16)
    if re.fullmatch(r"[0-9a-f.:]+", v):
        return int(ipaddress.ip_address(v))
    return socket.getprotobyname(v)


def ranges(v):
    """The ranges of an element, one for each field."""
    if isinstance(v, dict) and "elem" in v:
        return ranges(v["elem"]["val"])
    if isinstance(v, dict) and "concat" in v:
        return [r for part in v["concat"] for r in ranges(part)]
    if isinstance(v, dict) and "range" in v:
        return [tuple(number(n) for n in v["range"])]
    if isinstance(v, dict) and "prefix" in v:
        net = ipaddress.ip_network(f"{v['prefix']['addr']}/{v['prefix']['len']}")
        return [(int(net[0]), int(net[-1]))]
    return ["all"] if v == "*" else [(number(v), number(v))]


def our_ranges(e, types):
    if e.get("catch_all"):
        return ["all"]
    begin, end = bytes.fromhex(e["key"]), bytes.fromhex(e.get("key_end", e["key"]))
    ret, at = [], 0
    for t in types:
        size = SIZES[t]
        ret.append((int.from_bytes(begin[at:at + size], "big"), int.from_bytes(end[at:at + size], "big")))
        at += (size + 3) // 4 * 4
    return ret


def mapped(v):
    return {k: w["target"] if w else None for k, w in v.items()} if isinstance(v, dict) else v


def our_mapped(e, s):
    if "object" in e:
        return e["object"]
    if "verdict" in e:
        return {CODES[e["verdict"]["code"]]: e["verdict"].get("chain")}
    raw = bytes.fromhex(e["data"])
    return str(ipaddress.ip_address(raw)) if len(raw) == 4 else int.from_bytes(raw, "big")


def named_set(where, ours, theirs):
    types = theirs["type"] if isinstance(theirs["type"], list) else [theirs["type"]]
    elems = theirs.get("elem", [])
    is_map = "map" in theirs
    key = [ranges(e[0] if is_map else e) for e in elems]
    differs(where, sorted(map(str, (our_ranges(e, types) for e in ours.get("elems", [])))),
            sorted(map(str, key)))
    if is_map:
        differs(where + " maps", {str(our_ranges(e, types)): our_mapped(e, ours)
                                  for e in ours.get("elems", [])},
                {str(k): mapped(e[1]) for k, e in zip(key, elems)})
    else:
        said = {str(k): e["elem"] for k, e in zip(key, elems) if isinstance(e, dict) and "elem" in e}
        for e in ours.get("elems", []):
            more = said.get(str(our_ranges(e, types)), {})
            differs(where + " comment", e.get("comment", ""), more.get("comment", ""))
            differs(where + " expires", e.get("expires", False), "timeout" in more)
            differs(where + " counter", [x["name"] for x in e.get("exprs", [])],
                    ["counter"] if "counter" in more else [])


def bytes_of(words, size):
    return struct.pack("<%dI" % len(words), *(int(w, 16) for w in words))[:size].hex()


def raw_set(where, s, lines):
    """What the kernel lists of a set, named or not: keys where something begins, and verdicts."""
    ours, theirs = [], []
    for e in s.get("elems", []):
        v = verdict(e["verdict"]) if "verdict" in e else ""
        ours.append((e.get("key", ""), v))
    for line in lines:
        m = re.match(r"element ([0-9a-f ]*?) *(?:- [0-9a-f ]+?)? *: (.*?) ?(\d+) \[end\]", line)
        if int(m[3]) & 1:
            continue
        v = m[2].strip() if re.match(r"[a-z]+( ->.*)?$", m[2].strip()) and not \
            re.fullmatch(r"[0-9a-f]{8}", m[2].strip()) else ""
        theirs.append((bytes_of(m[1].split(), s["key_len"]) if m[1].strip() else "", v))
    differs(where + " as the kernel lists it", sorted(ours), sorted(theirs))


# ---- all of it ---------------------------------------------------------------------------------

def nft(*options):
    done = subprocess.run(["nft", *options, "list", "ruleset"], capture_output=True, text=True,
                          check=True)
    return done.stdout


def debugged():
    sets, rules, into = {}, {}, None
    for line in nft("--debug=netlink").splitlines():
        head = line.split()
        if line.startswith("table"):
            break
        if line and line[0] not in " \t" and len(head) >= 3 and head[0] in FAMILY.values():
            if head[2][0] == "@":
                into = sets.setdefault((head[0], head[1], head[2][1:]), [])
            else:
                into = rules.setdefault((head[0], head[1], head[2]), [])
                into.append((int(head[3]), []))
                into = into[-1][1]
        elif line.startswith("  [ "):
            into.append(line.strip()[2:-2])
        elif line.startswith("\telement"):
            into.append(line.strip())
    return sets, rules


def listed():
    ret = {}
    for one in json.loads(nft("-j"))["nftables"]:
        (kind, o), = one.items()
        if kind == "metainfo":
            continue
        table = ret.setdefault((o["family"], o["name"] if kind == "table" else o["table"]), {})
        table.setdefault(kind, []).append(o)
    return ret


def chain(where, family, c, said):
    base = "hook" in c and c["hook"] != 0xffffffff or "type" in c
    differs(where, {"hook": HOOKS.get(family, INET)[c.get("hook", 0)], "prio": c.get("priority", 0),
                    "type": c["type"], "policy": "drop" if c.get("policy_drop") else "accept"}
            if base else {}, {k: said[k] for k in ("hook", "prio", "type", "policy") if k in said})


def table(ours, said, sets, rules):
    family, name = FAMILY[ours["family"]], ours["name"]
    where = f"{family} {name}"
    chains = {c["name"]: c for c in ours.get("chains", [])}
    differs(where + " chains", sorted(n for n in chains if not n.startswith("__")),
            sorted(c["name"] for c in said.get("chain", [])))
    for c in said.get("chain", []):
        chain(f"{where} {c['name']}", family, chains[c["name"]], c)
    for n, c in chains.items():
        theirs = rules.pop((family, name, n), [])
        differs(f"{where} {n} handles", [r["handle"] for r in c.get("rules", [])], [h for h, _ in theirs])
        for r, (h, said_exprs) in zip(c.get("rules", []), theirs):
            at = f"{where} {n} rule {h}"
            differs(at, [x["name"] for x in r.get("exprs", [])], [s.split()[0] for s in said_exprs])
            for x, s in zip(r.get("exprs", []), said_exprs):
                expression(at, x, s)
    differs(where + " comments",
            sorted(r["comment"] for c in chains.values() for r in c.get("rules", []) if "comment" in r),
            sorted(r["comment"] for r in said.get("rule", []) if "comment" in r))
    kept = {s["name"]: s for s in ours.get("sets", [])}
    named = said.get("set", []) + said.get("map", [])
    differs(where + " sets", sorted(n for n in kept if not n.startswith("__")),
            sorted(s["name"] for s in named))
    for s in named:
        named_set(f"{where} @{s['name']}", kept[s["name"]], s)
    for n, s in kept.items():
        raw_set(f"{where} @{n}", s, sets.pop((family, name, n)))
    objects = [o["name"] for kind in said for o in said[kind]
               if kind not in ("table", "chain", "rule", "set", "map", "flowtable")]
    differs(where + " objects", sorted(o["name"] for o in ours.get("objects", [])), sorted(objects))
    differs(where + " flowtables", ours.get("flowtables", []),
            [o["name"] for o in said.get("flowtable", [])])


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        ours = json.load(f)["namespaces"][0].get("tables", [])
    sets, rules = debugged()
    said = listed()
    differs("tables", sorted((FAMILY[t["family"]], t["name"]) for t in ours), sorted(said))
    for t in ours:
        table(t, said[FAMILY[t["family"]], t["name"]], sets, rules)
    differs("other sets", {}, sets)
    differs("other rules", {}, rules)
    seen = sorted({KINDS[x.get("kind", 0)] for t in ours for c in t.get("chains", [])
                   for r in c.get("rules", []) for x in r.get("exprs", [])})
    print("\n".join(FOUND))
    print(len(ours), "tables;", len(seen), "kinds:", *seen)
    sys.exit(1 if FOUND else 0)


main()
