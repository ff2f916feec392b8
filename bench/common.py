"""What every measurement shares: its options, its peers, its build, its rows, its verdict.

A bench makes a Bench, adds rows and ends with finish(), which prints a table for people, or with
--json one object, and exits 1 when a bar does not hold."""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def machine():
    """Processor, cores and kernel, in one line."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(": ")[1] for line in lines if line.startswith("model name")), "unknown")
    return f"{model}, {len(os.sched_getaffinity(0))} cores, Linux {os.uname().release}"


def priorities():
    """The TLS priorities of hallmarkd, for the bare server as well."""
    text = (ROOT / "daemon/server/tls.h").read_text()
    define = text.split("#define TLS_PRIORITIES")[1].split("\n\n")[0]
    return "".join(re.findall(r'"([^"]*)"', define))


def cpu(pids):
    """Seconds of processor time of these processes, all their threads, to the nanosecond."""
    return sum(time.clock_gettime((~pid << 3) | 2) for pid in pids)


class Bench:
    def __init__(self, name, about, numbers=None, **paths):
        """Options of this bench alone: `paths` name a file or folder, each with its help; `numbers`
        are whole, each with what it usually is and its help."""
        asked = argparse.ArgumentParser(prog=f"bench/{name}", description=about)
        asked.add_argument("--quick", action="store_true", help="under a minute")
        asked.add_argument("--json", action="store_true", help="one JSON object instead of a table")
        asked.add_argument("--build", type=Path, help="a build folder to measure; else build-bench, a release")
        for option, text in paths.items():
            asked.add_argument(f"--{option}", type=Path, help=text)
        for option, (usual, text) in (numbers or {}).items():
            asked.add_argument(f"--{option}", type=int, default=usual, help=f"{text} ({usual})")
        self.given = asked.parse_args()
        self.name, self.quick, self.rows = name, self.given.quick, []

    def say(self, text):
        """Progress, for people."""
        print(text, file=sys.stderr, flush=True)

    def packages(self, *names):
        """Installs what is missing, by Debian's names, besides what a build needs."""
        script = '. .ci/packages.sh && install_missing "${build_packages[@]}" check "$@"'
        subprocess.run(["bash", "-c", script, "bash", *names], cwd=ROOT, check=True, stdout=sys.stderr)

    def build(self, *targets):
        """The folder of an optimised build without sanitizers."""
        if self.given.build:
            return self.given.build.resolve()
        folder = ROOT / "build-bench"
        if not (folder / "build.ninja").exists():
            self.quietly("Setting up a release build", ["meson", "setup", "--buildtype=release", folder])
        self.quietly("Building", ["ninja", "-C", folder, *targets])
        return folder

    def quietly(self, text, command):
        """Runs a step of the build; what it printed is shown only if it fails."""
        self.say(text)
        ran = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if ran.returncode != 0:
            raise SystemExit(f"{ran.stdout[-4000:]}\n{text}: failed")

    def row(self, name, value, unit, peer=None, bar=None, holds=None):
        """One measured value. `peer`: what the peer measured in the same run, in the same unit;
        `bar`: what is asked for, in words; `holds`: whether it does, None if nothing is asked."""
        self.rows.append({"name": name, "value": value, "unit": unit, "peer": peer, "bar": bar, "holds": holds})

    def finish(self):
        if self.given.json:
            print(json.dumps({"bench": self.name, "machine": machine(), "rows": self.rows}))
        else:
            self.table()
        sys.exit(1 if any(row["holds"] is False for row in self.rows) else 0)

    def table(self):
        def text(value):
            if not isinstance(value, float):
                return "" if value is None else str(value)
            return f"{value:,.2f}" if abs(value) >= 1 else f"{value:.3g}"

        verdicts = {True: "holds", False: "DOES NOT HOLD", None: ""}
        cells = [("", "value", "unit", "peer", "bar", "")]
        for r in self.rows:
            cells.append((r["name"], text(r["value"]), r["unit"], text(r["peer"]), text(r["bar"]), verdicts[r["holds"]]))
        widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
        print(f"{self.name}, on {machine()}")
        for row in cells:
            right = (1, 3)
            print("  ".join(c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths))).rstrip())
