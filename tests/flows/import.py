#!/usr/bin/env python3
"""Customers and licenses by the thousand: what a file says is there afterwards, once, whoever killed
the command in between or gave it twice; what is refused is told line by line; odd files are read as
they were meant. `--full`: 100,000 lines."""

import csv
import hashlib
import json
import os
import random
import resource
import signal
import stat
import subprocess
import time
from contextlib import closing

from cli import Vendor
from house import House, full, instrumented, programs, until
from license_things import FREE, made_release
from tap import run

COLUMNS = ["name", "email", "release", "policy", "reference", "seats"]


class Shop:
    """A house with a release and a policy, and files to import."""

    def __init__(self, house):
        self.house, self.hallmark = house, Vendor(house)
        self.hallmark.login(house.vendors["acme"])
        with closing(house.client()) as client:
            self.id = made_release(client, house)["id"]
        model = self.hallmark("model", "list", "--format", "json").json()[0]["name"]
        self.release = f"{model}/1"
        made = self.hallmark("policy", "add", "std", "--seats", "9", "--entitlement", "run", "--entitlement", "train", "--format", "json")
        assert made.code == 0, made
        self.policy = made.json()["id"]
        self.codes = house.folder / "codes"

    def row(self, i, **more):
        row = {"name": f"Customer {i}", "email": f"c{i}@example.com", "release": self.release, "policy": "std", "reference": f"R-{i}", "seats": i % 9 + 1}
        return {**row, **more}

    def csv(self, name, rows):
        file = self.house.folder / name
        with open(file, "w", newline="") as out:
            writer = csv.DictWriter(out, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)
        return file

    def text(self, name, data):
        file = self.house.folder / name
        file.write_bytes(data if isinstance(data, bytes) else data.encode())
        return file

    def take(self, file, *more, timeout=600, **popen):
        return self.hallmark("import", str(file), "--format", "json", *more, timeout=timeout, **popen)

    def start(self, file, *more):
        """Not waited for."""
        command = [programs() / "hallmark", "--config", self.hallmark.folder, "import", file, "--codes", self.codes, *more]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def customers(self):
        return self.house.ask("SELECT name, email FROM customer ORDER BY name")

    def licenses(self):
        return self.house.ask(
            "SELECT l.reference, c.name, l.seats, l.release, l.policy FROM license l JOIN customer c ON c.id = l.customer ORDER BY l.reference"
        )

    def wanted(self, rows):
        return sorted((r["reference"], r["name"], int(r["seats"]), self.id, self.policy) for r in rows)


def refusals(file):
    there = file.with_name(file.name + ".refused.jsonl")
    return [json.loads(line) for line in there.read_text().splitlines()] if there.exists() else []


def codes_are_right(t, shop):
    """Every customer's code, once, and it is the one that opens."""
    lines = [json.loads(line) for line in shop.codes.read_text().splitlines()]
    kept = {row["customer"]: hashlib.sha256(row["code"].encode()).digest() for row in lines}
    t.same(len(lines), len(kept), "no code is there twice")
    t.same(kept, dict(shop.house.ask("SELECT id, code FROM customer")), "every customer's code, and the one that is good")
    t.same(stat.S_IMODE(shop.codes.stat().st_mode), 0o600, "in a file that is its user's alone")


def whole(t):
    """Some thousand lines, at a good pace; the same again changes nothing, nor does another token."""
    n = 100_000 if full() else 3_000
    with House(**FREE) as house:
        house.open()
        shop = Shop(house)
        rows = [shop.row(i) for i in range(n)]
        file = shop.csv("all.csv", rows)
        began = time.monotonic()
        ran = shop.take(file, "--codes", str(shop.codes))
        spent = time.monotonic() - began
        t.ok(ran.code == 0, f"{n} lines are imported", ran)
        t.same(ran.json(), {"lines": n, "customers": n, "licenses": n, "refused": 0}, "and counted")
        t.note(f"{n / spent:.0f} lines a second, {2 * n / spent:.0f} requests")
        t.ok(spent < 90 or instrumented(), f"{n} customers and licenses in {spent:.1f} s", "slow")
        t.ok(f"{n} of {n} (100 %)" in ran.err and "left" in ran.err, "with progress, rate and time left", ran.err)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        t.ok(peak < 128 << 10 or instrumented(), f"in bounded memory: {peak >> 10} MB", peak)
        t.ok(not refusals(file) and not file.with_name("all.csv.refused.jsonl").exists(), "nothing was refused")
        t.same(shop.licenses(), shop.wanted(rows), "the licenses are what the file says")
        t.same(shop.customers(), sorted((r["name"], r["email"]) for r in rows), "so are the customers")
        codes_are_right(t, shop)
        before = house.ask("SELECT count(*), max(id) FROM license")
        again = shop.take(file, "--codes", str(shop.codes))
        t.ok(again.code == 0 and again.json() == ran.json(), "the same command again", again)
        other = house.token("acme", "issuer")
        again = shop.take(file, "--token-file", "-", given=other)
        t.ok(again.code == 0 and again.json()["refused"] == 0, "and with another token, whose keys nobody remembers", again)
        t.same(house.ask("SELECT count(*), max(id) FROM license"), before, "nothing was made by these")
        codes_are_right(t, shop)
        t.ok("hmc_" not in house.said(), "no code is in the log")


def killed(t):
    """Killed at random points, again and again; the end is the same, and one license is one row."""
    rng = random.Random(7)
    with House(**FREE) as house:
        house.open()
        shop = Shop(house)
        n = 5_000 if full() else 1_500
        rows = [shop.row(i, name=f"Customer {i // 3}", email=f"c{i // 3}@example.com") for i in range(n)]
        bare = [shop.row(i, name=f"Customer {i}", email=f"c{i}@example.com", reference="", seats=4) for i in range(50)] * 3
        file = shop.csv("killed.csv", rows + bare)
        kills = 0
        for _ in range(25 if full() else 8):
            process = shop.start(file)
            time.sleep(rng.uniform(0.02, 0.5))
            process.send_signal(signal.SIGKILL)
            process.communicate()
            kills += process.returncode == -signal.SIGKILL
        t.ok(kills > 2, f"killed {kills} times in the middle")
        ran = shop.take(file, "--codes", str(shop.codes))
        t.ok(ran.code == 0 and ran.json()["refused"] == 0, "the same command again", ran)
        got = shop.licenses()
        t.same([row for row in got if row[0].startswith("R-")], shop.wanted(rows), "what the file says is there, once")
        made = sorted(row[1:] for row in got if not row[0].startswith("R-"))
        t.same(made, sorted((r["name"], 4, shop.id, shop.policy) for r in bare), "lines without a reference, as often as they are there")
        t.same(len(shop.customers()), len({r["name"] for r in rows + bare}), "each customer once")
        codes_are_right(t, shop)
        issued = house.audit_rows(action="license.issue", outcome="OK")
        new = [row for row in issued if not (row["detail"] and "replayed" in row["detail"])]
        t.same(len(new), len(got), "and one audit row made each license")


def outages(t):
    """The server goes away and comes back; a file of requests that are too many for a token."""
    with House(**{**FREE, "token_rate": 500, "token_burst": 100}) as house:
        house.open()
        shop = Shop(house)
        rows = [shop.row(i) for i in range(600)]
        began = time.monotonic()
        ran = shop.take(shop.csv("slowly.csv", rows))
        t.ok(ran.code == 0 and ran.json()["licenses"] == 600, "as slowly as the server allows", ran)
        t.ok(time.monotonic() - began > 2, "which takes its time")
        rows = [shop.row(i) for i in range(600, 1500)]
        file = shop.csv("away.csv", rows)
        process = shop.start(file)
        until(lambda: house.ask("SELECT count(*) FROM license WHERE reference LIKE 'R-7__'")[0][0] > 5, 60, "it is under way")
        house.kill()
        time.sleep(1)
        house.start()
        _, said = process.communicate(timeout=90)
        t.ok(process.returncode == 0, "the server was away for a second", said)
        t.same(len(shop.licenses()), 1500, "and everything is in")
        house.kill()
        ran = shop.take(shop.csv("gone.csv", [shop.row(9000)]), timeout=120)
        t.ok(ran.code == 2 and "same command" in ran.err, "a server that stays away: exit 2, and what to do", ran)
        house.start()


def broken(t):
    """Lines that are wrong cost themselves, and each is told with its number, a code and a reason."""
    with House(**FREE) as house:
        house.open()
        shop = Shop(house)
        head = "name,email,release,policy,reference,seats,from,expires,entitlements\n"
        good = f"Ada,ada@example.com,{shop.release},std,A-1,3,,,\n"
        lines = {
            "no name": (f",x@y.z,{shop.release},std,,,,,\n", "INVALID_VALUE"),
            "an address that is none": (f"Bad1,nobody,{shop.release},std,,,,,\n", "INVALID_VALUE"),
            "no such release": ("Bad2,,nothing/1,std,,,,,\n", "NOT_FOUND"),
            "no release's name": ("Bad3,,nothing,std,,,,,\n", "NOT_FOUND"),
            "no policy": (f"Bad4,,{shop.release},,,,,,\n", "INVALID_VALUE"),
            "no such policy": (f"Bad5,,{shop.release},nothing,,,,,\n", "NOT_FOUND"),
            "seats that are no number": (f"Bad6,,{shop.release},std,,three,,,\n", "INVALID_VALUE"),
            "more seats than the policy's": (f"Bad7,,{shop.release},std,,10,,,\n", "SEATS_OVER_POLICY"),
            "a date that counts from today": (f"Bad8,,{shop.release},std,,,,90d,\n", "INVALID_VALUE"),
            "a term too long": (f"Bad9,,{shop.release},std,,,,2199-01-01,\n", "TERM_OVER_POLICY"),
            "an entitlement too many": (f"Bad10,,{shop.release},std,,,,,fly\n", "INVALID_VALUE"),
            "too few cells": ("Bad11,x\n", "INVALID_VALUE"),
            "too many cells": ("Bad12,,,,,,,,,,,\n", "INVALID_VALUE"),
            "a quote in the middle": ('Bad"13,,,,,,,,\n', "INVALID_VALUE"),
            "no text": (b"Bad\xff,,,,,,,,\n".decode("latin-1"), "INVALID_VALUE"),
            "a line feed in a name": ('"Bad\n14",,,,,,,,\n', "INVALID_VALUE"),
            "a reference that has another license": (f"Ada,,{shop.release},std,A-1,4,,,\n", "CONFLICT"),
            "a reference that has another customer": (f"Bob,,{shop.release},std,A-1,3,,,\n", "CONFLICT"),
            "a customer that is not there": (f"cus_01a1f7b4-613b-78db-864f-cf642ca115e9,,{shop.release},std,,,,,\n", "NOT_FOUND"),
        }
        text, wanted, at = head + good, [], 3
        for line, code in lines.values():
            wanted.append((at, code))
            text += line
            at += line.count("\n")
        text += f"Ada,,{shop.release},std,A-1,3,,,\n" + f"ADA,other@example.com,{shop.release},std,A-2,,2030-01-01,2030-02-01,run train\n"
        text += "Only a customer,,,,,,,,\n"
        file = shop.text("broken.csv", text.encode("latin-1"))
        ran = shop.take(file)
        t.ok(ran.code == 3 and ran.json()["refused"] == len(lines), "exit 3 when lines were refused", ran)
        got = sorted((r["line"], r["code"]) for r in refusals(file))
        for (line, code), (what, _) in zip(wanted, lines.items()):
            found = [c for at, c in got if at == line]
            t.same(found, [code], f"line {line}: {what}")
        t.ok(all(len(r["detail"]) > 10 for r in refusals(file)), "each with a sentence", refusals(file))
        t.same([row[:3] for row in shop.licenses()], [("A-1", "Ada", 3), ("A-2", "Ada", 9)], "the good lines are in, once")
        term = house.ask("SELECT not_before, expires, entitlements FROM license WHERE reference = 'A-2'")[0]
        t.same(term, (1893456000000, 1896134400000, '["run","train"]'), "with term and entitlements")
        names = dict(shop.customers())
        t.same(names.get("Ada"), "ada@example.com", "the first line of a customer counts")
        t.ok("Only a customer" in names, "a line may be about a customer alone")
        before = house.counts()
        ran = shop.take(file)
        t.ok(ran.code == 3 and house.counts() | {"idempotency": 0} == before | {"idempotency": 0}, "the same again changes nothing", ran)


def in_order(t):
    """Lines that stand in each other's way: the first one counts, however many are under way."""
    with House(**FREE) as house:
        house.open()
        shop = Shop(house)
        n = 150
        rows = [shop.row(i, email=f"{k}@example.com", reference=f"S-{i}", seats=k) for i in range(n) for k in (1, 2, 3)]
        file = shop.csv("order.csv", rows)
        ran = shop.take(file, "--connections", "64")
        t.ok(ran.code == 3 and ran.json()["refused"] == 2 * n, "the second and third of each are refused", ran)
        t.same({email for _, email in shop.customers()}, {"1@example.com"}, "each customer is the first line's")
        t.same({row[2] for row in shop.licenses()}, {1}, "so is each license")
        lines = sorted(r["line"] for r in refusals(file))
        t.same(lines, [2 + 3 * i + k for i in range(n) for k in (1, 2)], "and the others are told by their lines")


def repeats(t):
    """Many lines about few customers: what is known is not asked for again."""
    with House(**FREE) as house:
        house.open()
        shop = Shop(house)
        file = shop.text("many.csv", "name\n" + "".join(f"Customer {i % 50}\n" for i in range(100_000)))
        began = time.monotonic()
        ran = shop.take(file)
        t.ok(ran.code == 0 and ran.json() == {"lines": 100_000, "customers": 50, "licenses": 0, "refused": 0}, "100,000 lines", ran)
        t.ok(time.monotonic() - began < 30, "in seconds", "slow")
        t.same(len(house.audit_rows(action="customer.create")), 50, "and fifty requests")


def odd_files(t):
    """BOM, CRLF, quotes, JSON lines; and files of which nothing is read."""
    with House(**FREE) as house:
        house.open()
        shop = Shop(house)
        release = shop.release
        files = {
            "a mark, CRLF, other columns in another order": (
                b"\xef\xbb\xbfpolicy,reference,name,release\r\nstd,X-1,\"Zo\xc3\xab, \"\"the\"\" first\"," + release.encode() + b"\r\n",
                [("X-1", 'Zoë, "the" first', 9)],
            ),
            "no end of the last line, blanks, empty lines": (
                f"name,release,policy,reference,seats\n\n  Ada  , {release} ,std,X-2,2\n\n\nBob,{release},std,X-3,1", [("X-2", "Ada", 2), ("X-3", "Bob", 1)]
            ),
            "JSON lines": (
                "\n".join(json.dumps(o) for o in [
                    {"name": "Carol", "release": release, "policy": "std", "reference": "X-4", "seats": 3, "entitlements": ["run"]},
                    {"name": "Dave", "email": None, "release": release, "policy": shop.policy, "reference": "X-5", "seats": "2"},
                    {"name": "Eve"},
                ]),
                [("X-4", "Carol", 3), ("X-5", "Dave", 2)],
            ),
        }  # fmt: skip
        for i, (what, (data, wanted)) in enumerate(files.items()):
            ran = shop.take(shop.text(f"odd-{i}", data))
            t.ok(ran.code == 0, what, ran)
            keys = [w[0] for w in wanted]
            t.same([row[:3] for row in shop.licenses() if row[0] in keys], wanted, f"{what}: as it was meant")
        before = house.counts()
        for what, data, said in (
            ("an unknown column", "name,colour\nx,y\n", "colour"),
            ("a column twice", "name,name\nx,y\n", "twice"),
            ("no name", "email\nx\n", "name"),
            ("a release without a policy", "name,release\nx,y\n", "policy"),
            ("semicolons", "name;email\nx;y\n", "name;email"),
            ("nothing", "", "empty"),
            ("UTF-16", "name\nx\n".encode("utf-16"), "first line"),
            ("a quote that is not closed", 'name\nx\n"y\nz\n', "line 3"),
        ):
            ran = shop.take(shop.text("refused", data))
            t.ok(ran.code == 1 and said in ran.err and not ran.out, f"{what}: exit 1, and nothing is read", ran)
        for what, file in (("a folder", house.folder), ("no file", house.folder / "nothing"), ("a pipe", "/dev/stdin")):
            t.same(shop.take(file).code, 1, f"{what}: exit 1")
        t.same(house.counts(), before, "none of these has changed anything")
        ran = shop.take(shop.text("json", '{"name": "Fay", "color": 1}\n{"name": ["x"]}\n{"name": \n'))
        t.same(sorted(r["code"] for r in refusals(house.folder / "json")), ["INVALID_VALUE", "MALFORMED_JSON", "UNKNOWN_FIELD"], "JSON that is wrong")


def dry(t):
    with House(**FREE) as house:
        house.open()
        shop = Shop(house)
        assert shop.hallmark("customer", "add", "Customer 1").code == 0
        rows = [shop.row(1), shop.row(2), shop.row(1, reference="R-x", seats=10), shop.row(3, policy="nothing")]
        file = shop.csv("dry.csv", rows)
        tables = ("customer", "license", "event", "message")
        before = {k: v for k, v in house.counts().items() if k in tables}
        ran = shop.take(file, "--dry-run")
        t.ok(ran.code == 3 and "nothing was changed" in ran.err, "a dry run says what would be refused", ran)
        t.same([(r["line"], r["code"]) for r in refusals(file)][:1], [(4, "SEATS_OVER_POLICY")], "as far as it can know")
        t.same({k: v for k, v in house.counts().items() if k in tables}, before, "and changes nothing")


def kept_files(t):
    """The codes' file: never one that others read, a torn line goes, what was there stays."""
    with House(**FREE) as house:
        house.open()
        shop = Shop(house)
        file = shop.csv("a.csv", [shop.row(i) for i in range(20)])
        open_file = house.folder / "open"
        open_file.touch(mode=0o644)
        os.chmod(open_file, 0o644)
        ran = shop.take(file, "--codes", str(open_file))
        t.ok(ran.code == 1 and "only its user" in ran.err, "a file that others may read is not taken", ran)
        t.same(shop.customers(), [], "before anything is done")
        assert shop.take(file, "--codes", str(shop.codes)).code == 0
        whole_text = shop.codes.read_text()
        shop.codes.write_text(whole_text[:-30])
        assert shop.take(file, "--codes", str(shop.codes)).code == 0
        t.same(sorted(shop.codes.read_text().splitlines()), sorted(whole_text.splitlines()), "a torn line is made whole")
        codes_are_right(t, shop)
        link = house.folder / "link"
        link.symlink_to(shop.codes)
        t.same(shop.take(file, "--codes", str(link)).code, 1, "no link is followed")
        ran = shop.take(shop.csv("b.csv", [shop.row(i) for i in range(20, 25)]))
        t.ok(ran.code == 0 and "--codes" in ran.err, "without --codes it says how to get them", ran)
        ran = shop.take(house.folder / "b.csv", "--codes", str(shop.codes))
        codes_are_right(t, shop)


run(whole, killed, outages, broken, in_order, repeats, odd_files, dry, kept_files)
