#!/usr/bin/env python3
"""Suspects, verifications and their evidence under attack: thieves whose files are meant to hurt the
worker, customers who mix their copies so that somebody else be accused, a defendant who exchanges
signatures and edits reports, another vendor, and an operator whose machine kills what is at work."""

import os
import secrets
import signal
import struct
import subprocess
import threading
import time
import zlib
from array import array
from contextlib import closing
from pathlib import Path

from customers import enrolled
from hostile_files import dense, model, node, number, part, tensor, whole
from house import House, job_ends, programs, until
from license_things import FREE, new_license, new_policy
from protect_kill import LENET
from suspect_things import new_suspect, sha256, unlocked, verified
from tap import run
from vault_things import bring_model, release

HAPPENED = ("done", "failed")


class Affair:
    """A release of LeNet and three customers, each with an unlocked copy."""

    def __init__(self, house):
        self.house, self.vendor = house, house.client()
        self.model = bring_model(house, self.vendor, Path(LENET).read_bytes())
        job, self.release = release(self.vendor, self.model, lock="sealed")
        assert job["state"] == "done", job
        policy = new_policy(self.vendor)
        self.copies, self.numbers = [], []
        for name in ("Ada", "Bob", "Cyd"):
            with closing(enrolled(house, self.vendor, name)) as customer:
                made = new_license(self.vendor, customer.id, self.release["id"], policy)
                self.copies.append(unlocked(house, customer, made["id"]))
                self.numbers.append(self.vendor.get(f"/v1/customers/{customer.id}").json()["number"])

    def bring(self, data, **more):
        return new_suspect(self.house, self.vendor, data, **more)

    def verify(self, data, **more):
        return verified(self.vendor, self.bring(data), self.release["id"], **more)

    def evidence(self, found, part="evidence"):
        return self.vendor.get(f"/v1/verifications/{found['id']}/{part}").body

    def close(self):
        self.vendor.close()


# ---- Customers who mix their copies ---------------------------------------------------------------------


def fields(data, at, end):
    """(number, begin, end) of each field of a message that has bytes in it."""
    while at < end:
        tag, at = read(data, at)
        size, start = read(data, at)
        if tag & 7 == 0:
            at = start
            continue
        size, start = (size, start) if tag & 7 == 2 else ({1: 8, 5: 4}[tag & 7], at)
        yield tag >> 3, start, start + size
        at = start + size


def read(data, at):
    n = shift = 0
    while True:
        n |= (data[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 0x80:
            return n, at


def weights(data):
    """Where the numbers of initializers lie."""
    graph = next(f for f in fields(data, 0, len(data)) if f[0] == 7)
    for what, begin, end in fields(data, *graph[1:]):
        if what == 5:
            yield from (f[1:] for f in fields(data, begin, end) if f[0] == 9 and (f[2] - f[1]) % 4 == 0)


def mixed(copies, by):
    """The first copy with each weight the sum of all copies' by these factors."""
    out = bytearray(copies[0])
    for begin, end in weights(copies[0]):
        values = [array("f", c[begin:end]) for c in copies]
        out[begin:end] = array("f", (sum(k * x for k, x in zip(by, v)) for v in zip(*values))).tobytes()
    return bytes(out)


def mixtures(t, a):
    for what, by in (("2A - B", (2, -1, 0)), ("A + B - C", (1, 1, -1)), ("40 (A - B) + C", (40, -40, 1))):
        found = a.verify(mixed(a.copies, by))
        accused = {w["number"] for w in found.get("facts", {}).get("accused", [])}
        guilty = {n for n, k in zip(a.numbers, by) if k > 0}
        t.ok(found.get("verdict") == "proven" and accused and accused <= guilty, f"{what}: only who has given more", found)


# ---- Files that are meant to hurt ------------------------------------------------------------------------


def png(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes(1 << 20), 9) * 40
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def chain(n, op, both=False):
    """So many nodes one behind the other, and a layer in the end."""
    names = ["x", *(f"v{i}" for i in range(n - 1)), "z"]
    nodes = [node(op, [names[i]] * (1 + both), [names[i + 1]]) for i in range(n)]
    raw = bytes(4 * 7840)
    return model([*nodes, node("Flatten", ["z"], ["f"]), node("MatMul", ["f", "w"], ["y"])], [tensor("w", (784, 10), raw)])


def doubled(n):
    """Each node puts what it gets beside itself."""
    axis = whole("axis", 1)
    nodes = [node("Concat", [f"v{i}" if i else "x"] * 2, [f"v{i + 1}"], axis) for i in range(n)]
    return model([*nodes, node("Relu", [f"v{n}"], ["y"])], [])


def constants(n):
    """A node that holds an array, so many times, and sums of them."""
    held = part(1, "value") + part(5, tensor("c", (784,), bytes(4 * 784))) + number(20, 4)
    nodes = [node("Constant", [], [f"c{i}"], held) for i in range(n)]
    sums = [node("Add", [f"s{i}" if i else "f", f"c{i}"], [f"s{i + 1}"]) for i in range(n)]
    return model([*nodes, node("Flatten", ["x"], ["f"]), *sums, node("MatMul", [f"s{n}", "w"], ["y"])],
                 [tensor("w", (784, 10), bytes(4 * 7840))])  # fmt: skip


def poisoned(copy, value):
    """A copy, of whose weights one in each array is this."""
    out = bytearray(copy)
    for begin, _ in weights(copy):
        out[begin : begin + 4] = struct.pack("<f", value)
    return bytes(out)


def hostile(a):
    circle = [node("Add", ["x", "b"], ["a"]), node("Relu", ["a"], ["b"]), node("Relu", ["b"], ["y"])]
    copy = a.copies[0]
    return (
        ("a copy with NaN in it", poisoned(copy, float("nan"))),
        ("a copy with infinity in it", poisoned(copy, float("inf"))),
        ("5,000 operators", chain(5000, "Relu")),
        ("numbers that double until there is none", chain(400, "Add", both=True)),
        ("2^40 channels", doubled(40)),
        ("3,000 arrays in nodes", constants(3000)),
        ("a circle", model(circle, [])),
        ("65,537 classes", dense(65_537, raw=bytes(4 * 784 * 65_537))),
        ("a picture of 60,000 by 60,000", png(60_000, 60_000)),
        ("half a key", b"HMKKEY" + bytes(200)),
        ("a key of numbers by chance", b"HMKKEY" + secrets.token_bytes(100_000)),
        ("answers to nothing", b"name,label\n" + b"00001.png,1\n" * 100_000),
        ("a line of a megabyte", b'{"image":"' + b"0" * (1 << 20) + b'"}\n'),
        ("brackets", b"{" * 100_000),
    )


def hurting(t, a):
    began = time.monotonic()
    for what, data in hostile(a):
        found = a.verify(data)
        t.same((found["state"], found.get("verdict"), found.get("accused"), found.get("facts", {}).get("accused")),
               ("done", "cannot-decide", 0, []), f"{what}: cannot-decide, nobody accused")  # fmt: skip
    t.ok(time.monotonic() - began < 240, "all within minutes", time.monotonic() - began)
    denormal = a.verify(poisoned(a.copies[1], 1e-42))
    t.same([w["number"] for w in denormal.get("facts", {}).get("accused", [])], [a.numbers[1]], "a few tiny weights hide nobody")


# ---- A defendant --------------------------------------------------------------------------------------------


def check(a, keys, data, name="evidence.json"):
    at = a.house.folder / name
    at.write_bytes(data)
    command = [programs() / "hallmark", "verification", "check", at, "--keys", keys]
    ran = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    return ran.returncode


def exchanged(t, a):
    """Whatever is not what was signed is broken, with status 5, and never a verdict."""
    keys = a.house.folder / "keys.json"
    keys.write_bytes(a.vendor.get("/v1/keys").body)
    suspect = a.bring(a.copies[0])
    one, two = (verified(a.vendor, suspect, a.release["id"]) for _ in range(2))
    files, pages = [a.evidence(v) for v in (one, two)], [a.evidence(v, "page") for v in (one, two)]
    t.same([check(a, keys, f) for f in files] + [check(a, keys, p, "p.html") for p in pages], [0] * 4, "evidence as it is: status 0")
    signs = [f.split(b'"')[3] for f in files]
    reports = [a.evidence(v, "report") for v in (one, two)]
    tables = (
        ("another verification's statement", files[0].replace(signs[0], signs[1])),
        ("on the page, too", pages[0].replace(signs[0], signs[1])),
        ("another verification's report", files[0].replace(reports[0], reports[1])),
        ("a space more", files[0].replace(b'"report":{', b'"report":{ ', 1)),
        ("a report before the report", files[0].replace(b',"report":', b',"report":{},"report":', 1)),
        ("a second signature", b'{"signature":"%s",%s' % (signs[1], files[0][1:])),
        ("no signature", files[0].replace(signs[0], b"")),
        ("half a signature", files[0].replace(signs[0], signs[0][:-10])),
        ("a member more", files[0].replace(b'"report":{', b'"report":{"a":1,', 1)),
        ("a number beyond all", files[0].replace(b'"customers":3', b'"customers":' + b"9" * 400, 1)),
        ("a style on the page", pages[0].replace(b"<main", b"<style>.good{display:none}</style><main", 1)),
        ("a word on the page", pages[0].replace(b"Proven.", b"Refuted.", 1)),
        ("a second page behind it", pages[0] + pages[1]),
        ("the page cut", pages[0][:-20]),
        ("nothing", b""),
    )  # fmt: skip
    for what, data in tables:
        t.ok(data not in (*files, *pages) and check(a, keys, data, "edited") == 5, f"{what}: status 5", check(a, keys, data, "edited"))
    return suspect


# ---- Another vendor -------------------------------------------------------------------------------------------


def rivals(t, a, suspect):
    with closing(a.house.vendor("rival")) as rival:
        model_of_his = bring_model(a.house, rival, Path(LENET).read_bytes())
        job, made = release(rival, model_of_his, lock="sealed")
        assert job["state"] == "done", job
        his = new_suspect(a.house, rival, a.copies[0])
        ask = {"suspect": his, "release": made["id"]}
        t.same(rival.post("/v1/verifications", {**ask, "nulls": [a.model]}).status, 422, "another's model is no null model of his")
        t.same(rival.post("/v1/verifications", {**ask, "release": a.release["id"]}).status, 404, "nor is another's release his")
        found = verified(rival, his, made["id"])
        t.same((found.get("accused"), found.get("facts", {}).get("accused")), (0, []), "with a release of the same model he accuses nobody")
        t.ok(found.get("verdict") != "proven", "and proves nothing", found)
        job = a.vendor.post("/v1/verifications", {"suspect": suspect, "release": a.release["id"]}).json()["job"]
        t.same([rival.get(f"/v1/jobs/{job}").status, rival.post(f"/v1/jobs/{job}/cancel", {}).status], [404, 404],
               "another's job is not there")  # fmt: skip
        job_ends(a.vendor, job, 120)
        t.same([rival.get(f"/v1/jobs/{job}{x}").status for x in ("", "/result")][0], 404, "nor is its result")
        words = {"name": "x", "challenge": "cha_" + suspect[4:]}
        t.same(rival.post("/v1/suspects", words).status, 422, "nor a challenge under another's id")


# ---- Races and kills ----------------------------------------------------------------------------------------------


def raced(t, a):
    """A suspect is deleted while its verification is asked for: one of the two is refused."""
    for n in range(6):
        suspect, got = a.bring(secrets.token_bytes(2000)), {}

        def act(name, say, *args, got=got):
            with closing(a.house.client()) as client:
                got[name] = getattr(client, say)(*args)

        ask = {"suspect": suspect, "release": a.release["id"]}
        acts = [("verify", "post", "/v1/verifications", ask), ("delete", "delete", f"/v1/suspects/{suspect}", "*")]
        threads = [threading.Thread(target=act, args=x) for x in (acts if n % 2 else reversed(acts))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        pair = got["verify"].status, got["delete"].status
        t.ok(pair in ((202, 409), (404, 200), (422, 200), (202, 200)), "verify and delete at once: one of them", pair)
        if pair[0] == 202:
            shown = job_ends(a.vendor, got["verify"].json()["job"], 120)
            found = a.vendor.get(got["verify"].headers["location"]).json()
            t.ok(shown["state"] in HAPPENED and found["state"] in HAPPENED, "and what was begun has an end", found)
            t.ok(pair[1] == 409 or found["state"] == "failed", "without its suspect none is done", (pair, found))


def begun(a, suspect):
    answer = a.vendor.post("/v1/verifications", {"suspect": suspect, "release": a.release["id"]})
    assert answer.status == 202, answer
    return answer.headers["location"], answer.json()["job"]


def worker_dies(a, times):
    """Kills so many workers as soon as they are there."""
    for _ in range(times):
        for pid in until(lambda: a.house.pids("hallmark-worker"), 30, "a worker", 0.005)[:1]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            until(lambda pid=pid: pid not in a.house.pids("hallmark-worker"), 10, "it is gone", 0.005)


def killed(t, a):
    suspect = a.bring(a.copies[2])
    at, job = begun(a, suspect)
    worker_dies(a, 1)
    job_ends(a.vendor, job, 120)
    found = a.vendor.get(at).json()
    t.same((found["state"], found.get("verdict")), ("done", "proven"), "the worker killed once: proven in the end")
    at, job = begun(a, suspect)
    worker_dies(a, 2)
    job_ends(a.vendor, job, 120)
    found = a.vendor.get(at).json()
    t.ok(found["state"] in HAPPENED, "killed again: it has an end", found)
    if found["state"] == "failed":
        t.ok("verdict" not in found and found["error"]["detail"], "without a verdict, and with a reason", found)
        t.same(a.vendor.get(f"{at}/evidence").status, 409, "and no evidence")
    for pause in (0.05, 0.3, 0.8, 1.2):
        at, job = begun(a, suspect)
        time.sleep(pause)
        a.house.kill()
        a.house.start()
        job_ends(a.vendor, job, 120)
        found = a.vendor.get(at).json()
        if found["state"] == "done":
            report, file = (a.vendor.get(f"{at}/{x}").body for x in ("report", "evidence"))
            t.ok(sha256(report) == found["report"] and report in file, "the server killed: report and statement are one", found)
        else:
            t.ok(found["state"] == "failed" and found["error"]["code"], "the server killed: it says so", found)
    t.same(a.vendor.delete(f"/v1/suspects/{suspect}", "*").status, 200, "nothing holds the suspect")


def all_of_it(t):
    with House(**FREE, jobs_at_once=1).open() as house, closing(Affair(house)) as a:
        mixtures(t, a)
        suspect = exchanged(t, a)
        hurting(t, a)
        rivals(t, a, suspect)
        raced(t, a)
        killed(t, a)
        t.same(house.ctl("audit", "verify").code, 0, "the audit verifies")
        t.same(house.ctl("db", "check").code, 0, "db check finds nothing")


run(all_of_it)
