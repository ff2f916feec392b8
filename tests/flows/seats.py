#!/usr/bin/env python3
"""Seats are exact: however many machines claim at the same time, a license with S seats has S
winners, and everybody else hears SEATS_EXHAUSTED. And what a seat is besides: kept by asking again,
given back, lapsed, free again."""

import random
import secrets
import sqlite3
from collections import Counter
from contextlib import closing

from customers import enrolled
from house import House, full, until
from license_things import FREE, Crowd, Scene
from tap import run

ROUNDS = 1000 if full() else 45
CLAIMERS = 64


def claim(crowd, i, scene, license_id, machine):
    crowd.send(i, "PUT", f"/v1/licenses/{license_id}/leases/{machine}", {}, f"Bearer {scene.vendor.secret}")


def code(answer):
    return answer.problem("code") if answer.status >= 400 else ""


def one_round(crowd, scene, seats, license_id):
    """Machines claim at once; afterwards all give back. What each heard."""
    n = random.randint(min(seats + 1, CLAIMERS), CLAIMERS)
    wanted = [(i, f"m{i}-{k}") for k in range(2 if seats >= CLAIMERS else 1) for i in range(n)]
    random.shuffle(wanted)
    for i, machine in wanted:
        claim(crowd, i, scene, license_id, machine)
    heard = Counter((a.status, code(a)) for _, a in crowd.answers())
    used, held = scene.house.ask(
        "SELECT seats_used, (SELECT count(*) FROM lease WHERE license = l.id) FROM license l WHERE id = ?", license_id
    )[0]
    for i, machine in wanted:
        crowd.send(i, "DELETE", f"/v1/licenses/{license_id}/leases/{machine}", None, f"Bearer {scene.vendor.secret}")
    back = Counter(a.status for _, a in crowd.answers())
    winners = min(seats, len(wanted))
    wrong = []
    if heard != +Counter({(201, ""): winners, (403, "SEATS_EXHAUSTED"): len(wanted) - winners}):
        wrong.append(f"S={seats}, {len(wanted)} claims: {dict(heard)}")
    if (used, held) != (winners, winners):
        wrong.append(f"S={seats}: {used} counted, {held} held")
    if back != Counter({204: len(wanted)}):
        wrong.append(f"S={seats}: given back: {dict(back)}")
    return len(wanted), wrong


def crowds(t):
    with House(**FREE) as house:
        scene = Scene(house.open())
        licenses = {s: scene.issue({"seats": 100}, seats=s)["id"] for s in (1, 10, 100)}
        found, claims = [], 0
        with closing(Crowd(house, CLAIMERS)) as crowd:
            for n in range(ROUNDS):
                seats = (1, 10, 100)[n % 3]
                asked, wrong = one_round(crowd, scene, seats, licenses[seats])
                claims += asked
                found += wrong
        t.ok(not found, f"{ROUNDS} rounds, {claims} claims: exactly S winners in each", "\n".join(found[:20]))
        t.same(house.ask("SELECT count(*) FROM lease")[0][0], 0, "all seats were given back")
        scene.close()
        t.same(house.ctl("db", "check").code, 0, "the database's own check finds nothing")


def one_machine(t):
    """The same machine asks on all connections: it is one machine."""
    with House(**FREE) as house:
        scene = Scene(house.open(), {"seats": 2})
        with closing(Crowd(house, CLAIMERS)) as crowd:
            for i in range(CLAIMERS):
                claim(crowd, i, scene, scene.license, "same")
            heard = Counter(a.status for _, a in crowd.answers())
        t.same(heard, Counter({200: CLAIMERS - 1, 201: 1}), "64 claims of one machine take one seat and keep it")
        shown = scene.vendor.get(f"/v1/licenses/{scene.license}").json()
        t.same((shown["seats"], shown["seats_used"]), (2, 1), "it is counted once")
        scene.close()


def a_life(t):
    """One seat from claim to lapse."""
    with House(**FREE) as house:
        scene = Scene(house.open(), {"seats": 2, "lease": 60}, seats=2)
        ada, at = scene.customer, f"/v1/licenses/{scene.license}/leases"
        first = ada.request("PUT", f"{at}/one", {})
        t.ok(first.status == 201 and first.json()["machine"] == "one", "the customer takes a seat", first)
        second = ada.request("PUT", f"{at}/one")
        t.ok(second.status == 200 and second.json()["expires"] >= first.json()["expires"], "and keeps it", second)
        t.same(second.json()["claimed"], first.json()["claimed"], "since when stays")
        for name in ("two", "three"):
            ada.request("PUT", f"{at}/{name}", {})
        refused = ada.request("PUT", f"{at}/three", {})
        t.same((refused.status, code(refused)), (403, "SEATS_EXHAUSTED"), "there are two")
        listed = [scene.vendor.get(at + "?limit=1")]
        listed.append(scene.vendor.get(at + "?limit=1&cursor=" + listed[0].json()["next"]))
        names = [a.json()["items"][0]["machine"] for a in listed]
        t.same((names, listed[1].json()["next"]), (["one", "two"], None), "the vendor sees which, page by page")
        t.same(ada.get(at).status, 403, "that list is the vendor's")
        for name, status in (("one", 204), ("one", 204), ("never", 204)):
            answer = ada.request("DELETE", f"{at}/{name}")
            t.same(answer.status, status, f"{name} is given back")
        t.same(ada.request("PUT", f"{at}/three", {}).status, 201, "that seat is free again")
        for name in ("a" * 65, "a%20b", ".a", "a%c3%a4"):
            answer = ada.request("PUT", f"{at}/{name}", {})
            t.same((answer.status, code(answer)), (422, "INVALID_VALUE"), f"{name[:8]} is no machine's name")
        lapse(t, house, scene, at)
        scene.act("revoke")
        left = house.ask("SELECT count(*) FROM lease")[0][0]
        t.same(left, 0, "a revocation ends all seats")
        refused = scene.customer.request("PUT", f"{at}/three", {})
        t.same((refused.status, code(refused)), (403, "LICENSE_REVOKED"), "and there are no others")
        scene.close()


def lapse(t, house, scene, at):
    house.stop()
    with closing(sqlite3.connect(house.database)) as db:
        db.execute("UPDATE lease SET expires = 1")
        db.commit()
    house.start()
    validated = scene.vendor.post(f"/v1/licenses/{scene.license}/validate", {"machine": "two"})
    t.same(validated.json()["valid"], True, "what has lapsed is no reason for a no")
    answers = [scene.customer.request("PUT", f"{at}/{name}", {}) for name in ("four", "five", "two")]
    t.same([a.status for a in answers], [201, 201, 403], "lapsed seats are free, whoever had them")


def strangers(t):
    """Another customer's and another vendor's license."""
    with House(**FREE) as house:
        scene = Scene(house.open(), {"seats": 2})
        eve, absent = enrolled(house, scene.vendor, "Eve"), f"lic_{scene.license[4:12]}-0000-7000-8000-000000000000"
        with closing(house.vendor("other")) as other:
            for who, asking in (("another customer", eve), ("another vendor", other)):
                for method, of in (("PUT", "leases/m"), ("DELETE", "leases/m"), ("POST", "validate"), ("POST", "file"), ("GET", "artifact")):
                    body = None if method in ("GET", "DELETE") else {}
                    got, wanted = (asking.request(method, f"/v1/licenses/{i}/{of}", body) for i in (scene.license, absent))
                    t.same((got.status, got.problem("detail")), (404, wanted.problem("detail")),
                           f"{who}: {method} {of} answers as for an id that never was")  # fmt: skip
        made = eve.post(f"/v1/licenses/{scene.license}/unlock", {"machine": "m"}, key=secrets.token_hex(8))
        t.same(made.status, 404, "nor does another customer unlock it")
        tried = until(lambda: len(house.audit_rows(action="lease.claim", outcome="NOT_FOUND")) == 4, 10, "four rows")
        t.ok(tried, "each attempt is in the audit")
        eve.close()
        scene.close()


run(crowds, one_machine, a_life, strangers)
