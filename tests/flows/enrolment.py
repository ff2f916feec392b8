#!/usr/bin/env python3
"""Customers from their creation to their erasure: codes that are good for one key, keys that are
replaced, suspension, other vendors' eyes, and what is left of one who was erased."""

import json
import sqlite3
import threading
import time
from contextlib import closing

from customers import Customer, enrol, enrolled, new_customer
from house import House, until
from license_things import Scene
from proof import Key
from tap import run

ABSENT = "cus_00000000-0000-7000-8000-000000000000"
NAME, MAIL = "Erasmus Vergessen", "erasmus@example.org"


def creating(t, house, vendor):
    made = new_customer(vendor, "Ada", email="ada@example.org")
    t.same((made["number"], made["state"], made["enrolled"], made["key"]), (1, "active", None, None), "a new customer")
    t.ok(made["code"].startswith("hmc_") and len(made["code"]) == 47, "has an enrolment code")
    again = vendor.post("/v1/customers", {"name": "ADA"})
    t.same((again.status, again.json()["errors"][0]["pointer"]), (409, "/name"), "no two of one name, whatever its case")
    body = {"name": "Twice"}
    first, second = (vendor.post("/v1/customers", body, key="same") for _ in range(2))
    t.same((first.body, first.headers["etag"]), (second.body, second.headers["etag"]), "a retry answers the same, code included")
    at = first.headers["location"]
    shown = vendor.get(at)
    t.ok("code" not in shown.json() and made["code"] not in vendor.get("/v1/customers").body.decode(), "nobody sees the code again")
    changed = vendor.request("PATCH", at, {"email": "t@example.org"}, {"If-Match": shown.headers["etag"]})
    t.same((changed.status, changed.json()["email"], changed.json()["name"]), (200, "t@example.org", "Twice"), "changed")
    t.same(vendor.request("PATCH", at, {"name": "x"}, {"If-Match": shown.headers["etag"]}).status, 412, "not behind one's back")
    t.same(vendor.request("PATCH", at, {"name": "Ada"}, {"If-Match": "*"}).status, 409, "nor into another's name")
    for bad in ({}, {"name": ""}, {"name": "x" * 129}, {"name": "x", "email": "nowhere"}, {"name": "x", "email": "a@b@c"},
                {"name": "x", "code_hours": 0}, {"name": "x", "colour": 1}):  # fmt: skip
        t.same(vendor.post("/v1/customers", bad).status, 422, f"{str(bad)[:40]} is refused")
    found = vendor.get("/v1/customers?name=aD%61").json()["items"]
    t.same([row["id"] for row in found], [made["id"]], "found by name")
    t.same(vendor.get("/v1/customers?name=nobody").json()["items"], [], "or not")
    pages, cursor = [], ""
    while cursor is not None:
        page = vendor.get(f"/v1/customers?limit=1{cursor and '&cursor=' + cursor}").json()
        pages += [row["number"] for row in page["items"]]
        cursor = page["next"]
    t.same(pages, sorted(pages), "listed page by page, in the order of their numbers")


def enrolling(t, house, vendor):
    made, key = new_customer(vendor, "Grace"), Key()
    answer, grace = enrol(house, made["code"], key)
    told = answer.json()
    t.same((answer.status, told["customer"], told["vendor"]["name"]), (200, made["id"], "acme"), "enrolled")
    t.same(told["keys"], vendor.get("/v1/keys").json(), "the vendor's keys come with it")
    seen = vendor.get("/v1/customers/" + grace.id).json()
    t.same((seen["key"], seen["code_expires"]), (key.thumbprint, None), "the vendor sees the key's thumbprint")
    t.same(grace.get("/v1/customers/" + grace.id).json(), seen, "the customer sees himself")
    other = enrolled(house, vendor, "Hopper")
    same = {"code": None, "instance": None}
    bodies = [{**grace.get(f"/v1/customers/{who}").json(), **same} for who in (other.id, ABSENT)]
    t.ok(bodies[0] == bodies[1] and bodies[0]["status"] == 404, "and nobody else", bodies)
    t.same(grace.get("/v1/tokens").status, 403, "what is not for customers is refused")
    again, _ = enrol(house, made["code"], key)
    t.same((again.status, again.json()["customer"]), (200, made["id"]), "the same code with the same key: the same answer")
    thief, _ = enrol(house, made["code"])
    t.same((thief.status, thief.problem("code")), (403, "CODE_SPENT"), "with another key: spent")
    row = house.audit_rows(outcome="CODE_SPENT")[-1]
    t.same((json.loads(row["detail"]), row["object"]), ({"alarm": True}, made["id"]), "and an alarm in the vendor's audit")
    unknown, _ = enrol(house, "hmc_" + "A" * 43)
    t.same((unknown.status, unknown.problem("code")), (403, "CODE_UNKNOWN"), "a code that never was")
    renewed = vendor.post(f"/v1/customers/{grace.id}/code", {})
    twice = vendor.post(f"/v1/customers/{grace.id}/code", {})
    t.same((renewed.status, twice.status), (200, 200), "another code, and one more")
    stale, _ = enrol(house, renewed.json()["code"])
    t.same(stale.problem("code"), "CODE_UNKNOWN", "the one that was replaced is no longer good")
    answer, anew = enrol(house, twice.json()["code"])
    t.same((answer.status, anew.id), (200, grace.id), "a lost key is replaced by enrolling again")
    t.same((grace.get("/v1/customers/" + grace.id).status, anew.get("/v1/customers/" + grace.id).status), (401, 200), "the old one is void")


def wrong_enrolments(t, house, vendor):
    code, key = new_customer(vendor, "Wrong")["code"], Key()
    body = {"code": code, "jwk": key.jwk}
    asking = Customer(house, key, key.thumbprint)
    t.same(asking.plain("POST", "/v1/enrolments", body).status, 401, "no proof")
    other = Customer(house, Key(), key.thumbprint)
    t.same(other.request("POST", "/v1/enrolments", body).status, 401, "a proof by another key")
    t.same(Customer(house, key, "cus_x").request("POST", "/v1/enrolments", body).status, 401, "a kid that is not the thumbprint")
    t.same(asking.request("POST", "/v1/enrolments", {**body, "jwk": {**key.jwk, "d": "AAAA"}}).status, 422, "a private key")
    t.same(asking.request("POST", "/v1/enrolments", {**body, "jwk": {**key.jwk, "x": "A" * 43}}).status, 422, "a point that is none")
    t.same(asking.request("POST", "/v1/enrolments", {**body, "x": 1}).status, 422, "a field too many")
    t.same(asking.request("POST", "/v1/enrolments", body).status, 200, "the code was not spent by that")


def at_once(t, house, vendor):
    """Of 64 who redeem one code at the same time one wins; for the rest there is an alarm."""
    made = new_customer(vendor, "Crowded")
    crowd = [Customer(house, key, key.thumbprint) for key in (Key() for _ in range(64))]
    for one in crowd:
        one.connect()
        one.nonce = one.plain("GET", "/v1/nonce").json()["nonce"]
    barrier, answers = threading.Barrier(len(crowd)), []

    def redeem(one):
        barrier.wait()
        answers.append((one, one.request("POST", "/v1/enrolments", {"code": made["code"], "jwk": one.key.jwk})))

    threads = [threading.Thread(target=redeem, args=(one,)) for one in crowd]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won = [one for one, answer in answers if answer.status == 200]
    lost = [answer for _, answer in answers if answer.status != 200]
    t.same(len(won), 1, "64 at once: one wins")
    t.same({(a.status, a.problem("code")) for a in lost}, {(403, "CODE_SPENT")}, "63 are told that it is spent")
    rows = house.audit_rows(outcome="CODE_SPENT", object=made["id"])
    t.same([json.loads(r["detail"]) for r in rows], [{"alarm": True}] * 63, "and left an alarm each")
    seen = vendor.get("/v1/customers/" + made["id"]).json()["key"]
    t.same(seen, won[0].key.thumbprint if won else None, "the key is the winner's")
    for one in crowd:
        one.close()


def rekeying(t, house, vendor):
    ada, new = enrolled(house, vendor, "Rekeyed"), Key()
    path = f"/v1/customers/{ada.id}/key"

    def ask(customer, key, signer=None, inner=None, at=path, **wrong):
        nonce = customer.fresh()
        proof = (signer or key).proof("whoever", "PUT", at, inner or nonce, **wrong)
        customer.nonce = nonce
        return customer.request("PUT", at, {"jwk": key.jwk, "proof": proof})

    t.same(ask(ada, new, signer=Key()).status, 422, "another key's proof of the new key")
    t.same(ask(ada, new, inner="AAAA").status, 422, "with another nonce")
    t.same(ask(ada, new, claims={"method": "POST"}).status, 422, "for another method")
    t.same(ask(ada, new, body=b"x").status, 422, "over another body")
    other = enrolled(house, vendor, "Other")
    t.same(ask(other, new).status, 404, "another customer's key")
    t.same(vendor.request("PUT", path, {"jwk": new.jwk, "proof": "x"}).status, 403, "the vendor does not replace it")
    done = ask(ada, new)
    t.same((done.status, done.json().get("key")), (200, new.thumbprint), "replaced")
    t.same(ada.get("/v1/customers/" + ada.id).status, 401, "the old key is void at once")
    ada.key = new
    t.same(ada.get("/v1/customers/" + ada.id).status, 200, "the new one is good")


def suspending(t, house, vendor):
    ada = enrolled(house, vendor, "Suspended")
    at = "/v1/customers/" + ada.id
    t.same(vendor.post(at + "/suspend", {"reason": "did not pay"}).json()["state"], "suspended", "suspended")
    t.same(vendor.post(at + "/suspend", {}).status, 409, "once")
    t.same(ada.get(at).json()["state"], "suspended", "he may still ask how he stands")
    t.same(vendor.post(at + "/reinstate", {}).json()["state"], "active", "reinstated")
    t.same(vendor.post(at + "/reinstate", {}).status, 409, "once")
    row = house.audit_rows(action="customer.suspend", object=ada.id)[0]
    t.same(json.loads(row["detail"]), {"reason": "did not pay"}, "the reason is in the audit")
    code = new_customer(vendor, "Too late")["code"]
    house.ctl("vendor", "suspend", "acme", check=True)
    t.same(enrol(house, code)[0].problem("code"), "VENDOR_SUSPENDED", "nobody enrolls with a suspended vendor")
    house.ctl("vendor", "resume", "acme", check=True)
    t.same(enrol(house, code)[0].status, 200, "and with one that is none any more")


def elsewhere(t, house, vendor):
    """Another vendor's customers are like ones that never were."""
    made = new_customer(vendor, "Mine")["id"]
    other = house.vendor("globex")
    for method, part, body in (("GET", "", None), ("PATCH", "", {"name": "x"}), ("DELETE", "", None), ("POST", "/suspend", {}),
                               ("POST", "/reinstate", {}), ("POST", "/code", {})):  # fmt: skip
        told = []
        for who in (made, ABSENT):
            headers = {"If-Match": "*", "Idempotency-Key": who}
            answer = other.request(method, f"/v1/customers/{who}{part}", body, headers)
            told.append({**answer.json(), "instance": None})
        t.ok(told[0] == told[1] and told[0]["status"] == 404, f"{method} {part}: 404 as for no one", told)
    t.same(other.get("/v1/customers").json()["items"], [], "its list is empty")
    t.same(new_customer(other, "Mine")["number"], 1, "names and numbers are each vendor's own")
    other.close()


def forgotten(house, *texts):
    """Files of the state folder in which one of these texts still stands."""
    found = set()
    for path in house.state.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            found |= {path.name for text in texts if text.encode() in data}
    return found


def erasing(t, house, vendor):
    made = new_customer(vendor, NAME, email=MAIL)
    _, gone = enrol(house, made["code"])
    at = "/v1/customers/" + gone.id
    t.ok("hallmark.db-wal" in forgotten(house, NAME) or "hallmark.db" in forgotten(house, NAME), "it is there to be forgotten")
    t.same(gone.get(at).status, 200, "the key is good, and remembered")
    t.same(vendor.delete(at, '"99"').status, 412, "not behind one's back")
    erased = vendor.delete(at, vendor.get(at).headers["etag"])
    t.same((erased.status, erased.json()["number"]), (200, made["number"]), "erased")
    until(lambda: not forgotten(house, NAME, MAIL), 5, "the erased are gone from the files")
    t.ok(True, "no file of the state folder has the name or the address any more, the log included")
    seen = vendor.get(at).json()
    t.same([seen[k] for k in ("number", "name", "email", "state", "key", "enrolled", "code_expires")],
           [made["number"], "", None, "erased", None, None, None], "number and id stay, nothing else")  # fmt: skip
    t.same(gone.get(at).status, 401, "the key opens nothing")
    t.same(enrol(house, made["code"])[0].problem("code"), "CODE_UNKNOWN", "nor does the code")
    for answer in (vendor.delete(at, "*"), vendor.post(at + "/code", {}), vendor.post(at + "/suspend", {}),
                   vendor.request("PATCH", at, {"name": "x"}, {"If-Match": "*"})):  # fmt: skip
        t.same(answer.status, 409, "nothing more is done to it")
    t.ok(new_customer(vendor, NAME)["number"] > made["number"], "the name is free, the number is not")
    second = vendor.get("/v1/customers?name=Erasmus%20Vergessen").json()["items"][0]["id"]
    t.same(vendor.delete("/v1/customers/" + second, "*").status, 200, "and erased again")
    t.same(house.ctl("audit", "verify").code, 0, "the audit's chain is whole")


def ending(t):
    """With the customer its licenses end, and its seats; with too many of them nothing happens at all."""
    with House(token_rate=0, address_rate=0).open() as house:
        scene = Scene(house, {"seats": 3})
        at, ada = "/v1/customers/" + scene.customer.id, scene.customer
        more = scene.issue({})["id"]
        over = scene.issue({})["id"]
        scene.act("revoke", over)
        for machine in ("one", "two"):
            t.same(ada.request("PUT", f"/v1/licenses/{scene.license}/leases/{machine}", {}).status, 201, "a seat")
        grow(house, ada.id, 1000)
        refused = scene.vendor.delete(at, "*")
        t.ok(refused.status == 409 and "more than 1000" in refused.problem("detail"), "too many licenses at once", refused)
        t.same(ada.get(at).json()["state"], "active", "nothing was done")
        shrink(house)
        began = time.monotonic()
        done = scene.vendor.delete(at, "*").json()
        t.note(f"erased with 1000 licenses in {(time.monotonic() - began) * 1000:.0f} ms")
        t.same((done["licenses"], done["leases"]), (1000, 2), "its licenses end, and its seats")
        for license in (scene.license, more):
            seen = scene.vendor.get(f"/v1/licenses/{license}").json()
            t.same((seen["state"], seen["seats_used"], seen["reason"]), ("revoked", 0, "the customer was erased"), "revoked")
        told = scene.vendor.post(f"/v1/licenses/{scene.license}/validate", {}).json()
        t.ok(not told["valid"], f"what is left says no: {told['code']}", told)
        scene.close()


def grow(house, customer, n):
    """As many licenses more."""
    with closing(sqlite3.connect(house.database, timeout=20)) as db:
        columns = [row[1] for row in db.execute("PRAGMA table_info(license)") if row[1] not in ("seq", "id", "seats_used")]
        row = db.execute(f"SELECT {', '.join(columns)} FROM license WHERE customer = ? AND state = 0", (customer,)).fetchone()
        marks = ", ".join("?" * (len(columns) + 1))
        ids = [f"lic_00000000-0000-7000-8000-{i:012x}" for i in range(n)]
        db.executemany(f"INSERT INTO license (id, {', '.join(columns)}) VALUES ({marks})", [(id, *row) for id in ids])
        db.commit()


def shrink(house):
    with closing(sqlite3.connect(house.database, timeout=20)) as db:
        db.execute("DELETE FROM license WHERE id IN ('lic_00000000-0000-7000-8000-000000000000', 'lic_00000000-0000-7000-8000-000000000001')")
        db.commit()


def together(t):
    with House(token_rate=0, address_rate=0, failure_rate=0).open() as house, closing(house.client()) as vendor:
        for part in (creating, enrolling, wrong_enrolments, at_once, rekeying, suspending, elsewhere, erasing):
            part(t, house, vendor)
        house.stop()
        t.same(forgotten(house, NAME, MAIL), set(), "nor has one after a stop")
        house.start()
        t.same(vendor.get("/v1/customers?name=Ada").status, 200, "and it goes on")


run(together, ending)
