"""A thousand slow clients: each is cut within ten seconds, and the good ones hardly notice."""

import json
import statistics
import subprocess
import sys
from pathlib import Path

from house import House, full, instrumented, programs
from tap import run

SLOW, ROUNDS = 1000, 5 if full() else 1
KINDS = ("handshake", "half a handshake", "headers", "body")
STAY = 10.0
HERE = Path(__file__).parent


def good(house, seconds):
    """The good clients' latencies, by the load generator, from an address of their own."""
    request = house.folder / "request"
    request.touch(mode=0o600)
    request.write_text(
        f"GET /v1/jobs HTTP/1.1\r\nHost: {house.ip}\r\n"
        f"Authorization: Bearer {house.vendors['acme']}\r\n\r\n"
    )
    ran = subprocess.run(
        [programs().parent / "bench" / "load", "--to", f"{house.ip}:8443", "--ca", house.certificate,
         "--request", request, "--connections", "32", "--rate", "1000", "--seconds", str(seconds),
         "--warmup", "0.5", "--source", house.ip[:-1] + "50"],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    return json.loads(ran.stdout)


def slow(house, seconds):
    """Starts the slow ones; returns when all of them are connected."""
    plan = {
        "address": house.ip, "port": 8443, "ca": str(house.certificate), "secret": house.vendors["acme"],
        "sources": [house.ip[:-1] + str(n) for n in range(2, 10)],
        "clients": SLOW, "seconds": seconds, "announce": True,
    }  # fmt: skip
    crowd = subprocess.Popen(
        [sys.executable, HERE / "slow_clients.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    crowd.stdin.write(json.dumps(plan))
    crowd.stdin.close()
    if crowd.stdout.readline() != "full\n":
        raise AssertionError(f"{SLOW} slow clients could not connect: {crowd.stdout.read()}")
    return crowd


class Siege:
    """What the rounds have shown: the good clients' p99 with and without slow ones beside them, in
    turns, and how many of each kind of slow ones were cut, and how late at most."""

    def __init__(self):
        self.quiet, self.besieged, self.cut, self.longest, self.unanswered = [], [], {}, {}, 0

    def round(self, house):
        before = good(house, 2)
        crowd = slow(house, 13)
        during = good(house, 4)
        found = json.loads(crowd.stdout.read())
        crowd.wait(60)
        after = good(house, 2)
        self.quiet += [before["p99_us"], after["p99_us"]]
        self.besieged.append(during["p99_us"])
        self.unanswered += during["broken"] + during["requests"] - during["status"].get("200", 0)
        for kind, n in found["cut"].items():
            self.cut[kind] = self.cut.get(kind, 0) + n
            self.longest[kind] = max(self.longest.get(kind, 0), found["longest"][kind])
        return f"p99 before {before['p99_us']}, during {during['p99_us']}, after {after['p99_us']} us; {found}"

    def medians(self):
        """Of the p99 alone and beside slow ones, and of the rounds' own ratios: what else the
        machine does hits both sides of one round alike."""
        pairs = zip(self.quiet[::2], self.quiet[1::2], self.besieged)
        ratios = [during / ((before + after) / 2) for before, after, during in pairs]
        return statistics.median(self.quiet), statistics.median(self.besieged), statistics.median(ratios)


def thousand(t):
    with House(token_rate=0, address_rate=0).open() as house:
        good(house, 0.5)
        siege = Siege()
        for _ in range(ROUNDS):
            t.note(siege.round(house))
        t.same(siege.unanswered, 0, "every good request is answered")
        for kind in KINDS:
            cut, longest = siege.cut.get(kind, 0), siege.longest.get(kind, 99)
            t.ok(cut >= ROUNDS * SLOW / len(KINDS), f"{kind}: {cut} were cut")
            t.ok(longest <= STAY, f"{kind}: the longest stayed {longest:.1f} s")
        a, b, ratio = siege.medians()
        name = f"good clients' p99: {ratio:.2f} x ({a:.0f} us alone, {b:.0f} us beside {SLOW} slow ones)"
        if ROUNDS < 3 or instrumented():
            t.skip(name, "to be measured over several rounds of a build without a sanitizer: bench/slow")
        else:
            t.ok(ratio < 2, name)
        t.same(house.ctl("audit", "verify").code, 0, "the audit verifies")


if __name__ == "__main__":
    run(thousand)
