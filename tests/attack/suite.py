# SPDX-License-Identifier: GPL-2.0-or-later
"""Attacks on tenant networks: sent, and looked for on the victim's side.

python3 suite.py --nsnet BINARY [--only S1,S2] [--json] [--table]

Runs in a machine of its own (tests/lib/world.sh), as root. A leak is a frame that the victim's
side received, or a table there that changed. Each attack is first sent in networks where nothing
isolates: one that is not received there proves nothing, and the suite fails.
Exits 0 when nothing leaked and all attacks were proven, else 1.
"""

import argparse
import json
import os
import sys
import time

# The sources may be read-only, and nobody wants the difference.
sys.dont_write_bytecode = True

import net  # noqa: E402 - see above
import scenarios  # noqa: E402
from common import KNOWN  # noqa: E402
from engine import Run  # noqa: E402
from kinds import TABLE  # noqa: E402
from net import STATE_KINDS, Missing, Nsnet  # noqa: E402


def controls(magic):
    """Which control network received what, and which tables changed in the flat one."""
    results = {}
    for name, make in (("flat", net.control_flat), ("routed", net.control_routed),
                       ("direct", net.control_direct)):
        arena = make()
        try:
            results[name] = Run(arena, TABLE, magic)()
        finally:
            arena.close()
    unproven = []
    for f in TABLE:
        for name in f.needs:
            if results[name].leaked(f) == 0:
                unproven.append("%s: not received in the %s network" % (f.label, name))
    changed = {c.split()[0] for c in results["flat"].changes}
    # A redirect, and a path MTU, are routes; both versions of them.
    for kind in STATE_KINDS:
        if kind not in changed:
            unproven.append("tables: no %s changed in the flat network" % kind)
    return results, unproven


def tables(scenario, changes):
    """One leak for each kind of entry: a flood changes many."""
    found = []
    for kind in STATE_KINDS:
        some = sorted(c for c in changes if c.split()[0] == kind)
        if some:
            found.append((scenario, "table changed: " + some[0], len(some)))
    return found


class Report:
    def __init__(self):
        self.rows, self.control, self.unproven, self.skipped = {}, {}, [], []
        self.times = {}

    def found(self):
        """[(scenario, what, how many)]"""
        found = []
        for name, row in self.rows.items():
            found += [(name, f.label, row.result.leaked(f)) for f in TABLE
                      if row.result.leaked(f) and row.forbidden(f)]
            found += [(name, "missing: " + m, 1) for m in row.missing]
            found += [(name, w, 1) for w in row.wrong]
            found += tables(name, row.result.changes)
            if row.count_other and row.result.other:
                found.append((name, "frame of nobody's: " + row.result.other[0],
                              len(row.result.other)))
            if row.result.dropped:
                found.append((name, "frames the sniffers lost", row.result.dropped))
        return found

    def sort(self):
        """What was found, as (leaks, known ones)."""
        leaks, known, met = [], [], set()
        for leak in self.found():
            key = next((k for k in KNOWN if k[0] == leak[0] and
                        leak[1].startswith(k[1])), None)
            (known if key else leaks).append(leak)
            met.add(key)
        for key in KNOWN:
            if key[0] in self.rows and key not in met:
                leaks.append((key[0], "is on the list of known leaks, and is none: " + key[1], 1))
        return leaks, known

    def leaks(self):
        return self.sort()[0]

    def summary(self):
        kinds = {f.name for f in TABLE}
        bad = {u.rsplit(":", 1)[0] for u in self.unproven}
        proven = "%d/%d" % (sum(1 for f in TABLE if f.label not in bad), len(TABLE))
        rows = [row.result for row in self.rows.values()]
        return "attacks: %d kinds in %d forms, %d scenarios, %d runs, %d frames, controls %s, " \
            "leaks %d (and %d known)" % (
                len(kinds), len(TABLE), len(rows), sum(r.runs for r in rows),
                sum(sum(r.sent.values()) for r in rows),
                proven if self.control else "not run", *(len(x) for x in self.sort()))

    def table(self):
        columns = list(self.control) + list(self.rows)
        print("%-62s %-11s" % ("attack", "group") + "".join(" %7s" % c for c in columns))
        for f in TABLE:
            cells = []
            for name in self.control:
                n = self.control[name].leaked(f)
                cells.append("%d%s" % (n, "!" if n == 0 and name in f.needs else ""))
            for row in self.rows.values():
                n = row.result.leaked(f)
                cells.append("-" if not row.result.sent.get(f.index) else
                             "%d%s" % (n, "!" if n and row.forbidden(f) else ""))
            print("%-62s %-11s" % (f.label, f.group) + "".join(" %7s" % c for c in cells))
        print("\nNot received in a plain flat or routed network, and why:")
        for f in TABLE:
            if f.why:
                print("  %-60s proven in: %s; %s" % (f.label, ", ".join(f.needs), f.why))

    def as_json(self):
        return {
            "summary": self.summary(), "kinds": len({f.name for f in TABLE}),
            "forms": len(TABLE), "unproven": self.unproven, "skipped": self.skipped,
            "leaks": [{"scenario": s, "what": w, "count": n} for s, w, n in self.leaks()],
            "known": [{"scenario": s, "what": w, "count": n} for s, w, n in self.sort()[1]],
            "seconds": self.times,
            "workloads": {n: r.by_workload for n, r in self.rows.items() if r.by_workload},
            "attacks": [{
                "name": f.name, "family": f.fam, "group": f.group, "needs": f.needs, "why": f.why,
                "controls": {n: r.leaked(f) for n, r in self.control.items()},
                "scenarios": {n: {"sent": r.result.sent.get(f.index, 0),
                                  "received": r.result.leaked(f),
                                  "forbidden": r.forbidden(f)}
                              for n, r in self.rows.items()},
            } for f in TABLE],
        }


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nsnet", required=True, help="the command under test")
    parser.add_argument("--only", help="of: controls, " + ", ".join(scenarios.ALL))
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--table", action="store_true")
    return parser.parse_args()


def main():
    args = parse()
    wanted = args.only.split(",") if args.only else ["controls", *scenarios.NORMAL]
    report, nsnet, magic = Report(), Nsnet(os.path.abspath(args.nsnet)), os.urandom(3)
    for number, name in enumerate(wanted):
        begin = time.monotonic()
        try:
            if name == "controls":
                report.control, report.unproven = controls(magic)
            else:
                report.rows.update(scenarios.ALL[name](nsnet, magic, number))
        except Missing as e:
            report.skipped.append("%s: %s" % (name, e))
        finally:
            nsnet.clear()
        report.times[name] = round(time.monotonic() - begin, 2)
    if args.json:
        json.dump(report.as_json(), sys.stdout, indent=1)
        print()
    else:
        if args.table:
            report.table()
        for name, what, n in report.leaks():
            print("LEAK %s: %s (%d)" % (name, what, n))
        for name, what, n in report.sort()[1]:
            print("KNOWN %s: %s (%d)" % (name, what, n))
        for what in report.unproven:
            print("NOT PROVEN %s" % what)
        for what in report.skipped:
            print("SKIPPED %s" % what)
        for name, row in report.rows.items():
            if row.by_workload:
                print("by a workload, %s: %s" % (name, ", ".join(
                    "%s %s" % w for w in row.by_workload.items())))
        print("seconds: " + ", ".join("%s %.1f" % t for t in report.times.items()))
        print(report.summary())
    return 1 if report.leaks() or report.unproven or report.skipped else 0


if __name__ == "__main__":
    sys.exit(main())
