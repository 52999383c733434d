# SPDX-License-Identifier: GPL-2.0-or-later
"""What scenarios have in common: the networks they make, and their outcome."""

# Leaks that are known and are no failure. One that is gone is: the list has to stay true.
OPTION = "it says where the attacker itself is; the option that says so is not looked at"
TAIL = "a later fragment whose first was dropped: nobody puts them together"
KNOWN = {
    ("S4", "neighbour advertisement in tiny fragments (IPv6)"): TAIL,
    ("S4", "neighbour advertisement with another address inside (IPv6)"): OPTION,
    ("S4", "neighbour solicitation with another address inside (IPv6)"): OPTION,
    ("S4", "table changed: neigh6"): OPTION,
}

SUBNETS = {"a1": ("10.1.0.0/24", "fd00:1::/64"), "b1": ("10.2.0.0/24", "fd00:2::/64")}


class Row:
    """One scenario's outcome."""

    def __init__(self, result, forbidden=None, count_other=True):
        self.result, self.count_other = result, count_other
        self.forbidden = forbidden or (lambda form: True)
        self.by_workload = None  # counts, when a workload sent
        self.missing, self.wrong = [], []  # what had to arrive; what else is not as it must be

    def all_sent(self, some):
        """What was not sent cannot arrive, and says nothing."""
        self.wrong += ["not sent: " + f.label for f in some
                       if not self.result.sent.get(f.index)]
        if self.result.blind:
            self.wrong.append("the victim's sniffer saw nothing, not even its gateway's answer")
        if not self.result.marked:
            self.wrong.append("the gateway did not answer the end mark")
        return self


def add_tenants(nsnet, six=True):
    for name, (four, v6) in SUBNETS.items():
        nsnet.run("tenant", "add", name, four, *(["--subnet6", v6] if six else []))


def add_inside(nsnet, inside):
    four, six = SUBNETS["a1"]
    nsnet.run("tenant", "add", "a1", four, "--subnet6", six, "--inside", inside)
    for name in ("ep-x", "ep-y"):
        nsnet.run("endpoint", "add", "a1/" + name)
