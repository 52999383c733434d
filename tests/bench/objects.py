# SPDX-License-Identifier: GPL-2.0-or-later
"""What nsnet made for tenants: looked at, compared, and written as a list that floor.c makes again."""
import glob
import json
import os
import re
import subprocess

import kernel

ONLINK, SCOPE, TABLES = 4, {"global": 0, "link": 253, "host": 254}, {"main": 254, "local": 255}
# IFLA_BRPORT_* of what `ip -d link` prints of a port.
PORT = {"hairpin": 4, "guard": 5, "root_block": 6, "fastleave": 7, "learning": 8, "flood": 9,
        "proxy_arp": 10, "proxy_arp_wifi": 12, "mcast_flood": 27, "mcast_to_unicast": 28,
        "bcast_flood": 30, "neigh_suppress": 32, "isolated": 33, "locked": 39}
# What nsnet gives IFA_PROTO; told() compares it.
PROTOCOL = 78


def planned_sysctls(nsnet):
    """Names of settings that nsnet writes: of a gateway, of one with a border, of a workload.

    They are asked of nsnet itself; `nsn#` stands for each cable. Nothing is made.
    """
    ret = {"gateway": [], "border": [], "endpoint": []}
    nsnet("tenant", "add", "sys-1", "10.255.1.0/24")
    nsnet("tenant", "add", "sys-2", "10.255.2.0/24")
    line = re.compile(r"^\s+[+~] sysctl\s+(gateway|endpoint).*?(net/\S+) = ")
    for what, args in (("", ("tenant", "add", "sys-3", "10.255.3.0/24")),
                       ("border", ("allow", "sys-1", "sys-2", "tcp/1", "--because", "bench"))):
        for text in nsnet("-n", "-v", *args, quiet=False).splitlines():
            found = line.match(text)
            if text.startswith("gateway sys-2"):
                break
            if found:
                name = re.sub(r"\bnsn\d+\b", "nsn#", found[2])
                ret[what or found[1]].append(name)
    nsnet("tenant", "del", "-y", "sys-1", "sys-2")
    return ret


class Tenant:
    """One tenant's namespaces and files."""

    def __init__(self, name, number, run="/run/nsnet"):
        self.name = name
        self.gateway = glob.glob(f"{run}/gw/*-{number}")[0]
        self.workload = f"/run/netns/{name}"
        self.look()

    def look(self):
        self.told, self.nft, self.values = {}, {}, {}
        for key, pin in (("g", self.gateway), ("w", self.workload)):
            with kernel.inside(pin):
                self.told[key] = kernel.told_first()
                self.nft[key] = kernel.nft_batch()
        self.files = {}
        for path in sorted(glob.glob(f"/etc/netns/{self.name}/*")):
            with open(path, "rb") as f:
                self.files[path] = f.read()

    def links(self, key):
        return {link["ifname"]: link for link in self.told[key]["links"]}

    def cables(self):
        """Names of links that lead to another gateway."""
        return [n for n, link in sorted(self.links("g").items())
                if link.get("linkinfo", {}).get("info_kind") == "veth" and "master" not in link]


# ---- the same? ---------------------------------------------------------------------------

# Numbers that depend on the order in which things are made, clocks, and who was listening.
PASSING = {"ifindex", "link_index", "link_netnsid", "link", "handle", "packets", "bytes", "operstate"}


def _plain(value, key=""):
    if isinstance(value, dict):
        return {k: _plain(v, k) for k, v in value.items()
                if k not in PASSING and not k.endswith("_timer")}
    if isinstance(value, list):
        ret = [_plain(v) for v in value]
        # Expressions of a rule have an order, and so have the parts of a key.
        return ret if key in ("expr", "concat", "range", "map") else sorted(ret, key=json.dumps)
    return value


def _rules(ruleset):
    """nft's list: all but rules sorted; rules in their order, below their chain."""
    ret, chains = [], {}
    for item in ruleset:
        (kind, value), = item.items()
        if kind == "metainfo":
            continue
        if kind == "rule":
            at = chains.setdefault(" ".join((value["family"], value["table"], value["chain"])), [])
            at.append(json.dumps(_plain(value), sort_keys=True))
        else:
            ret.append(json.dumps(_plain({kind: value}), sort_keys=True))
    return sorted(ret), chains


def seen(name, gateway, endpoints=()):
    """All that is compared of one tenant, as flat as it goes: {where: text}."""
    ret = {}
    pins = {"gateway": gateway, "workload": f"/run/netns/{name}"}
    pins.update({f"endpoint {e}": f"/run/netns/{name}.{e}" for e in endpoints})
    for key, pin in pins.items():
        with kernel.inside(pin):
            told = kernel.told()
            others, chains = _rules(kernel.ruleset())
            values = kernel.sysctls()
        for what, items in told.items():
            ret[f"{key} {what}"] = sorted(json.dumps(_plain(i), sort_keys=True) for i in items)
        ret[f"{key} nft"] = others
        for chain, rules in chains.items():
            ret[f"{key} chain {chain}"] = rules
        ret[f"{key} sysctl"] = sorted(f"{k} = {v}" for k, v in values.items())
    for path in sorted(glob.glob(f"/etc/netns/{name}/*") + glob.glob(f"/etc/netns/{name}.*/*")):
        with open(path, encoding="utf-8") as f:
            ret[f"file {path}"] = f.read().splitlines()
    return ret


def differences(one, other):
    """Lines that say what only one of two has; at most a few for each place."""
    ret = []
    for where in sorted(set(one) | set(other)):
        a, b = one.get(where, []), other.get(where, [])
        if a == b:
            continue
        mine, theirs = [x for x in a if x not in b], [x for x in b if x not in a]
        ret += [f"{where}: nsnet only: {x[:400]}" for x in mine[:3]]
        ret += [f"{where}: not nsnet's: {x[:400]}" for x in theirs[:3]]
        if not mine and not theirs:
            ret.append(f"{where}: another order or number of the same")
    return ret


# ---- the list -----------------------------------------------------------------------------


class List:
    """What floor.c makes: lines, and the bytes that they point into."""

    def __init__(self, names):
        self.names, self.lines, self.blobs, self.at = names, [], [], 0
        self.values = {}

    def add(self, *words):
        self.lines.append(" ".join(str(w) for w in words))

    def blob(self, data):
        self.blobs.append(data)
        self.at += len(data)
        return self.at - len(data), len(data)

    def save(self, path):
        with open(path, "w", encoding="ascii") as f:
            f.write("\n".join(self.lines) + "\n\0")
        with open(path + ".blobs", "wb") as f:
            f.write(b"".join(self.blobs) + b"\0")

    def sysctls(self, key, names, pin, like=""):
        """@like: settings that have the same value for all tenants of a kind are read once."""
        for name in names:
            known = (key, like, re.sub(r"\bnsn\d+\b", "nsn#", name))
            if known not in self.values:
                with kernel.inside(pin), open(kernel.proc[-1] + "/sys/" + name, encoding="ascii") as f:
                    self.values[known] = f.read().strip()
            self.add("sysctl", key, name, self.values[known])


def _group(link):
    return link["group"] if link["group"] != "default" else 0


def _add_addresses(lst, key, tenant, index):
    for name, link in tenant.links(key).items():
        for a in link["addr_info"]:
            if name != "lo" and a["family"] == "inet":
                lst.add("addr", key, index[name], a["local"], a["prefixlen"], PROTOCOL)


def _add_neighbours(lst, key, tenant, index):
    for n in tenant.told[key]["neighbours"]:
        if "PERMANENT" in n["state"] and n["dev"] in index:
            lst.add("neigh", key, index[n["dev"]], n["dst"], n["lladdr"], n["protocol"])


def _add_routes(lst, key, tenant, index):
    for r in tenant.told[key]["routes"]:
        if r["protocol"] == "kernel" or r["dev"] not in index:
            continue
        dst, _, length = r["dst"].partition("/")
        if dst == "default":
            dst, length = "0.0.0.0", "0"
        table = r.get("table", "main")
        lst.add("route", key, dst, length or "32", r.get("gateway", "-"), index[r["dev"]],
                TABLES.get(table, table), r["protocol"], SCOPE[r["scope"]],
                ONLINK if "onlink" in r["flags"] else 0)


def _add_rules(lst, tenant):
    for r in tenant.told["g"]["rules"]:
        if "protocol" not in r or r["protocol"] == "kernel":
            continue
        table = r.get("table", "0")
        mark = r.get("fwmark", "0")
        lst.add("rule", r["priority"], mark, r.get("fwmask", "0xffffffff") if mark != "0" else 0,
                r.get("iif", "-"), {"blackhole": 6}.get(r.get("action"), 1),
                TABLES.get(table, table), r["protocol"])


def _add_inside(lst, t):
    """A tenant as if nothing led out of it; its gateway's rules are the last ones at once."""
    links, own = t.links("g"), t.links("w")
    lst.add("tenant", t.gateway, t.workload)
    # The thread is in the workload's namespace first.
    lst.sysctls("w", lst.names["endpoint"], t.workload)
    border = [n for n in lst.names["border"] if "nsn#" not in n and "br0" not in n]
    # What a border sets once more is its value then.
    names = dict.fromkeys(lst.names["gateway"] + (border if t.cables() else []))
    lst.sysctls("g", names, t.gateway, "border" if t.cables() else "")
    lst.add("nft", *lst.blob(t.nft["g"]))
    br0, eth0 = links["br0"], own["eth0"]
    lst.add("bridge", "br0", 2, br0["address"], 0, _group(br0))
    port = next(n for n, link in links.items() if link.get("master") == "br0")
    lst.add("veth", port, 3, links[port]["address"], 0, _group(links[port]), 2, "eth0", 2, eth0["address"])
    flags = links[port]["linkinfo"]["info_slave_data"]
    lst.add("port", 3, ",".join(f"{PORT[k]}={int(v)}" for k, v in flags.items() if k in PORT))
    lst.add("fdb", 3, eth0["address"])
    for key, index in (("g", {"br0": 2}), ("w", {"eth0": 2})):
        _add_addresses(lst, key, t, index)
        _add_neighbours(lst, key, t, index)
        if key == "w":
            lst.add("up", "w", 1)
            lst.add("up", "w", 2)
            _add_routes(lst, key, t, index)
    for path, data in t.files.items():
        lst.add("file", path, *lst.blob(data))


def _add_cables(lst, tenants):
    """Each cable once, in the block of the first gateway that has it."""
    ends, index = {}, {t: {"br0": 2} for t in tenants}
    for t in tenants:
        for name in t.cables():
            index[t][name] = len(index[t]) + 3
            ends.setdefault(name, []).append(t)
    for t in tenants:
        mine = [n for n in t.cables() if ends[n][0] is t]
        if mine:
            lst.add("gateway", t.gateway)
        for name in mine:
            other = ends[name][1]
            one, two = t.links("g")[name], other.links("g")[name]
            lst.add("cable", other.gateway, name, index[t][name], one["address"],
                    index[other][name], two["address"], one["mtu"], _group(one))
    return index


def _add_border(lst, t, index):
    lst.add("gateway", t.gateway)
    names = [n for n in lst.names["border"] if "br0" in n]
    names += [n.replace("nsn#", c) for c in t.cables() for n in lst.names["border"] if "nsn#" in n]
    lst.sysctls("g", names, t.gateway, "border")
    for cable in t.cables():
        lst.add("up", "g", index[cable])
    _add_neighbours(lst, "g", t, {k: v for k, v in index.items() if k != "br0"})
    _add_routes(lst, "g", t, index)
    _add_rules(lst, t)


def make_list(names, tenants):
    lst = List(names)
    for t in tenants:
        _add_inside(lst, t)
    if any(t.cables() for t in tenants):
        lst.add("barrier")
        index = _add_cables(lst, tenants)
        lst.add("barrier")
        for t in tenants:
            if t.cables():
                _add_border(lst, t, index[t])
    return lst


def tenants_of(nsnet):
    """All tenants that nsnet has now: [(name, number)]."""
    items = json.loads(nsnet("-j", "tenant", "list"))["items"]
    return [(i["name"], i["id"]) for i in items]


def run_floor(floor, *args):
    subprocess.run([floor, *args], check=True)


def pins_there():
    return glob.glob("/run/nsnet/gw/*") + glob.glob("/run/netns/*")
