"""A thousand slow clients: each is cut within ten seconds, and the good ones hardly notice."""

import json
import statistics
import subprocess
import sys
from pathlib import Path

from house import House, full, instrumented, programs
from tap import run

SLOW, ROUNDS = 1000, 5 if full() else 3
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


def thousand(t):
    with House(token_rate=0, address_rate=0).open() as house:
        good(house, 0.5)
        quiet, besieged, cut, longest = [], [], {}, {}
        for _ in range(ROUNDS):
            before = good(house, 2)
            crowd = slow(house, 16)
            during = good(house, 4)
            found = json.loads(crowd.stdout.read())
            crowd.wait(60)
            after = good(house, 2)
            quiet += [before["p99_us"], after["p99_us"]]
            besieged.append(during["p99_us"])
            t.note(f"p99 before {before['p99_us']}, during {during['p99_us']}, after {after['p99_us']} us; {found}")
            for kind, n in found["cut"].items():
                cut[kind] = cut.get(kind, 0) + n
                longest[kind] = max(longest.get(kind, 0), found["longest"][kind])
            t.same((during["broken"], set(during["status"])), (0, {"200"}), "every good request is answered")
        for kind in ("handshake", "half a handshake", "headers", "body"):
            t.ok(cut.get(kind, 0) >= SLOW / 4, f"{kind}: {cut.get(kind, 0)} were cut")
            t.ok(longest.get(kind, 99) <= STAY, f"{kind}: the longest stayed {longest.get(kind, 0):.1f} s")
        a, b = statistics.median(quiet), statistics.median(besieged)
        name = f"good clients' p99: {b / a:.2f} x ({a:.0f} us alone, {b:.0f} us beside {SLOW} slow ones)"
        if instrumented():
            t.skip(name, "built with a sanitizer: too slow to measure")
        else:
            t.ok(b < 2 * a, name)
        t.same(house.ctl("audit", "verify").code, 0, "the audit verifies")


run(thousand)
