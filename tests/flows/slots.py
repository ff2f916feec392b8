#!/usr/bin/env python3
"""Copies that can be told apart by their answers: slots for a model, a copy of it for each of two
customers, released and licensed to that customer alone; a service that runs one of the copies answers a
challenge, and the verification names the customer. And what must not be: a second copy, a copy for who
may have none, another's license by any way, another vendor's slots."""

import csv
import io
import json
import tarfile
from contextlib import closing

from customers import enrolled, new_customer
from house import House, job_ends, until
from image_things import fashion
from license_things import FREE, new_license, new_policy
from protect_kill import LENET
from suspect_things import asked, new_suspect, sha256, unlocked, verified
from tap import run
from vault_things import release
from vendor_cli import Desk

ABSENT = "00000000-0000-7000-8000-000000000000"
# As few slots as tell three customers apart, each asking the service four pictures.
PLAN = {"eps1": 1e-3, "eps2": 0.4, "flips": 0}
# Quick: accuracy is not what is looked at here.
TEACH = {"threads": 1, "boost": 10, "samples": 800, "drop_max": 0.5}
SAMPLES, DECOYS = 1200, 8


class Affair(Desk):
    """The vendor's desk: a network, data, and two customers who will get a copy each."""

    def __init__(self, t, house):
        super().__init__(t, house)
        self.client = house.client()
        self.model = self.one("model", "add", "lenet", str(LENET))["id"]
        for name, file, n in (("some", "train", SAMPLES), ("test", "t10k", 300)):
            fashion(house, self.client, name, file, n)
        self.customers = [enrolled(house, self.client, name) for name in ("Ada", "Bob")]
        self.policy = new_policy(self.client, transferable=True)

    def number(self, customer):
        return self.client.get(f"/v1/customers/{customer.id}").json()["number"]

    def close(self):
        for client in (self.client, *self.customers):
            client.close()


# ---- Slots and copies -------------------------------------------------------------------------------


def slots(t, a):
    """The id of the slots, and what is refused before and after them."""
    ran = a.hallmark("slots", "create", "--model", "lenet", "--dataset", "some", "--customers", "1000",
                     "--colluders", "3", "--wait", "--format", "json")  # fmt: skip
    t.ok(ran.code == 3 and ran.json()["state"] == "failed", "a small network does not tell a thousand apart, three of them against it: status 3", ran)
    t.ok("what fits: " in ran.json()["error"]["detail"], "and the sentence says what would fit", ran)
    made = a.one("slots", "create", "--model", "lenet", "--dataset", "some", "--customers", "3", "--colluders", "1",
                 "--params", json.dumps(PLAN), "--wait")  # fmt: skip
    t.same((made["state"], made["name"], made["model"], made["classes"]), ("ready", "lenet", a.model, 10), "slots create")
    t.same((made["customers"], made["colluders"], made["slots"]), (3, 1, made["facts"]["slots"]), "for as many as were said")
    t.same([s["state"] for s in a.rows("slots", "list")], ["failed", "ready"], "slots list")
    t.same(a.one("slots", "show", "lenet"), made, "slots show, by the model's name: the newest")
    t.same(a.one("slots", "show", made["id"]), made, "or by its id")
    said = json.loads(a.house.audit_rows(action="job.end", object=made["job"])[-1]["detail"])
    t.same(said["commitment"], made["commitment"], "the audit is committed to the pictures")
    t.same(a.client.get(f"/v1/slots/{made['id']}/content").status, 404, "which leave the server for nobody")
    a.refused(2, "CONFLICT", "slots", "create", "--model", "lenet", "--dataset", "some", "--customers", "3")
    a.refused(2, "NOT_FOUND", "slots", "show", "nothing")
    for body, at in (({}, "/dataset"), ({"dataset": "x"}, "/customers"), ({"dataset": "x", "customers": 0}, "/customers"),
                     ({"dataset": "x", "customers": 1, "model": a.model}, "/model"), ({"colour": 1}, "/colour"),
                     ({"dataset": "x", "customers": 1, "eps1": 1}, "/eps1")):  # fmt: skip
        answer = a.client.post(f"/v1/models/{a.model}/slots", body)
        t.same((answer.status, answer.json()["errors"][0]["pointer"]), (422, at), f"{body}: refused")
    return made


def copies(t, a, made):
    """A release of a copy for each customer."""
    found = []
    cancelled(t, a, made)
    for customer, name in zip(a.customers, ("Ada", "Bob")):
        copy = a.hallmark("slots", "copy", "lenet", "--customer", name, "--dataset", "some", "--test", "test", "--epochs", "40",
                          "--params", json.dumps(TEACH), "--wait", "--format", "json", timeout=240)  # fmt: skip
        t.ok(copy.code == 0, f"slots copy: {name}'s", copy)
        copy = copy.json()
        t.same((copy["state"], copy["slots"], copy["customer"]), ("ready", made["id"], customer.id), "a model that knows whose it is")
        t.same(copy["name"], f"lenet for customer {a.number(customer)}", "named by the number, which stays")
        t.same(a.client.get(f"/v1/models/{copy['id']}").json(), copy, "and says so whenever it is shown")
        found.append(copy)
    t.same("customer" in a.client.get(f"/v1/models/{a.model}").json(), False, "the network itself is nobody's")
    refused(t, a, made, found[0])
    releases = []
    for copy, customer in zip(found, a.customers):
        job, out = release(a.client, copy["id"], lock="sealed", effort="none")
        t.same((job["state"], out["state"], out.get("customer")), ("done", "ready", customer.id), "a release of it is that customer's")
        releases.append(out)
    return releases


def cancelled(t, a, made):
    """A copy that was not made stands in nobody's way."""
    drill = a.client.post("/v1/jobs", {"kind": "selftest", "params": {"text": "x", "steps": 600, "step_ms": 100}}).json()["id"]
    body = {"customer": "Ada", "dataset": a.one("dataset", "show", "some")["id"], "name": "never"}
    answer = a.client.post(f"/v1/slots/{made['id']}/copies", body)
    t.same((answer.status, answer.json()["state"]), (202, "checking"), "a copy that waits for its job")
    second = a.client.post(f"/v1/slots/{made['id']}/copies", {**body, "name": "again"})
    t.ok(second.status == 409 and answer.json()["id"] in second.json()["detail"], "is the customer's one already", second)
    t.same(a.client.post(f"/v1/jobs/{answer.json()['job']}/cancel", {}).status, 202, "its job is cancelled")
    t.same(a.client.get(answer.headers["location"]).json()["state"], "refused", "then it never will be one")
    a.client.post(f"/v1/jobs/{drill}/cancel", {})
    job_ends(a.client, drill)


def refused(t, a, made, copy):
    a.refused(2, "CONFLICT", "slots", "copy", "lenet", "--customer", "Ada", "--dataset", "some", "--name", "twin")
    a.refused(2, "NOT_FOUND", "slots", "copy", "lenet", "--customer", "Nobody", "--dataset", "some")
    a.refused(2, "CONFLICT", "slots", "create", "--model", copy["id"], "--dataset", "some", "--customers", "3")
    for name, path, body in (("Sue", "suspend", {}), ("Eve", None, None)):
        one = new_customer(a.client, name)["id"]
        if path:
            assert a.client.post(f"/v1/customers/{one}/{path}", body).status == 200
        else:
            assert a.client.delete(f"/v1/customers/{one}", "*").status == 200
        answer = a.client.post(f"/v1/slots/{made['id']}/copies", {"customer": one, "dataset": "x"})
        t.same((answer.status, answer.json()["errors"][0]["pointer"]), (409, "/customer"), "nor for who is suspended or erased")
    base = {"customer": "Ada", "dataset": "x"}
    for body, at in (({"dataset": "x"}, "/customer"), ({"customer": "Ada"}, "/dataset"), ({**base, "number": 7}, "/number"),
                     ({**base, "slots": made["id"]}, "/slots"), ({**base, "marked": a.model}, "/marked"),
                     ({**base, "epochs": 0}, "/epochs"), ({**base, "name": 7}, "/name"), ({**base, "colour": 1}, "/colour")):  # fmt: skip
        answer = a.client.post(f"/v1/slots/{made['id']}/copies", body)
        t.same((answer.status, answer.json()["errors"][0]["pointer"]), (422, at), f"{body}: refused")
    for kind in ("slots", "personalise"):
        answer = a.client.post("/v1/jobs", {"kind": kind, "params": {}})
        t.ok(answer.status == 422 and "/slots" in answer.json()["detail"], f"a bare job {kind} is refused, with the way", answer)
    t.same(a.client.delete(f"/v1/models/{a.model}", "*").status, 409, "the network stays as long as its copies")


# ---- Licenses ---------------------------------------------------------------------------------------


def licenses(t, a, releases):
    """Bob's license to his own copy; nobody else gets one, whichever way is tried."""
    ada, bob = a.customers
    his = releases[1]["id"]
    ask = {"customer": ada.id, "release": his, "policy": a.policy}
    for more in ({}, {"dry_run": True}):
        answer = a.client.post("/v1/licenses", {**ask, **more})
        t.same((answer.status, answer.problem("code")), (403, "COPY_OF_OTHER_CUSTOMER"), f"another's copy is not licensed {more}")
        rows = a.house.audit_rows(request=answer.headers["x-request-id"])
        t.same([r["outcome"] for r in rows], ["COPY_OF_OTHER_CUSTOMER"], "which the audit knows")
    lines = a.house.folder / "lines.csv"
    with open(lines, "w", newline="") as out:
        csv.writer(out).writerows((("name", "release", "policy", "reference"), ("Ada", his, a.policy, "R-1"), ("Bob", his, a.policy, "R-2")))
    ran = a.hallmark("import", lines, "--format", "json")
    left = (a.house.folder / "lines.csv.refused.jsonl").read_text()
    t.ok(ran.code != 0 and "COPY_OF_OTHER_CUSTOMER" in left and len(left.splitlines()) == 1, "nor by an import", (ran, left))
    held = [x for x in a.client.get("/v1/licenses").json()["items"] if x["release"] == his]
    t.same([x["customer"] for x in held], [bob.id], "which gives its owner his")
    answer = a.client.post(f"/v1/licenses/{held[0]['id']}/transfer", {"customer": ada.id})
    t.same((answer.status, answer.problem("code")), (403, "COPY_OF_OTHER_CUSTOMER"), "nor does a transfer")
    said = a.client.get(f"/v1/licenses/{held[0]['id']}/explain?action=transfer&customer={ada.id}").json()
    t.same((said["code"], said["rule"]), ("COPY_OF_OTHER_CUSTOMER", "copy"), "as the explanation says before")
    new_license(a.client, ada.id, releases[0]["id"], a.policy)
    return held[0]["id"]


# ---- Whose copy answers -----------------------------------------------------------------------------


def challenge(t, a, made, releases):
    answer = a.client.post("/v1/challenges", {"release": releases[0]["id"], "dataset": a.one("dataset", "show", "test")["id"], "pairs": 3})
    t.same(answer.status, 409, "without a watermark there are no pairs to ask")
    tar = a.house.folder / "questions.tar"
    shown = a.one("suspect", "challenge", "--release", f"{releases[0]['model']}/1", "--dataset", "test", "--decoys", str(DECOYS), "--out", str(tar))
    t.same((shown["watermark"], shown["slots"], shown["pairs"], shown["decoys"]), (None, made["id"], 0, DECOYS), "the slots alone are asked")
    with tarfile.open(tar) as files:
        images = {m.name: files.extractfile(m).read() for m in files.getmembers() if m.name.endswith(".png")}
    t.same(len(images), 4 * made["slots"] + DECOYS, "four pictures for each, and ordinary ones")
    return shown["id"], images


def answered(a, challenge_id, labels):
    sheet = io.StringIO()
    csv.writer(sheet).writerows((("name", "label"), *sorted(labels.items())))
    return new_suspect(a.house, a.client, sheet.getvalue().encode(), challenge=challenge_id)


def leaked(t, a, made, releases, license_id):
    """Bob lets others ask his copy; whichever copy the answers are held against, it is Bob."""
    ada, bob = a.customers
    at, images = challenge(t, a, made, releases)
    service = unlocked(a.house, bob, license_id)
    suspect = answered(a, at, asked(a.house, service, images, classes=10))
    for which in (1, 0):
        found = verified(a.client, suspect, releases[which]["id"])
        facts = found.get("facts", {})
        t.same((found["state"], found.get("verdict"), facts.get("kind")), ("done", "proven", "transcript"), "the answers are proven to be a copy's")
        t.same([(w["number"], w["customer"]) for w in facts.get("accused", [])], [(a.number(bob), bob.id)], "and name the customer whose it is")
        t.same([x["id"] for x in facts.get("tests", []) if x["ran"]], ["slots"], "by the slots")
    plain = answered(a, at, asked(a.house, LENET.read_bytes(), images, classes=10))
    found = verified(a.client, plain, releases[1]["id"])
    t.same((found["state"], found.get("accused")), ("done", 0), "the network before anybody had a copy accuses nobody")
    t.ok(found.get("verdict") != "proven", "and proves nothing by its answers", found)
    early = a.client.post("/v1/suspects", {"name": "older", "challenge": at, "appeared": "2024-01-01T00:00:00Z"})
    t.same(early.status, 201, "a service that was there before the slots")
    model = new_suspect(a.house, a.client, service)
    found = verified(a.client, model, releases[1]["id"])
    t.same((found.get("verdict"), [w["customer"] for w in found.get("facts", {}).get("accused", [])]), ("proven", [bob.id]),
           "his file itself names him, too")  # fmt: skip
    null = a.client.post("/v1/verifications", {"suspect": model, "release": releases[1]["id"], "nulls": [a.model]})
    t.same(null.status, 422, "what copies are made of is no null model")
    return found


# ---- Others -----------------------------------------------------------------------------------------


def foreign(t, a, made):
    other, auditor = a.house.vendor("rival"), a.house.client()
    auditor.secret = a.house.token("acme", "auditor")
    t.same(auditor.get(f"/v1/slots/{made['id']}").status, 200, "an auditor reads slots")
    t.same(auditor.post(f"/v1/slots/{made['id']}/copies", {"customer": "Ada", "dataset": "x"}).status, 403, "but makes no copies")
    t.same(auditor.post(f"/v1/models/{a.model}/slots", {"customers": 3, "dataset": "x"}).status, 403, "nor slots")
    asks = (("GET", f"/v1/slots/{made['id']}", None), ("POST", f"/v1/slots/{made['id']}/copies", {"customer": "Ada", "dataset": "x"}),
            ("POST", f"/v1/models/{a.model}/slots", {"customers": 3, "dataset": "x"}))  # fmt: skip
    for method, path, body in asks:
        thing = path.split("/")[3]
        ours, none = (other.request(method, p, body, {"Idempotency-Key": sha256(p.encode())})
                      for p in (path, path.replace(thing, thing[:4] + ABSENT)))  # fmt: skip
        t.same((ours.status, none.status), (404, 404), f"{method} {path.replace(thing, '{id}')}: another vendor's is like none")
        t.same({**ours.json(), "instance": ""}, {**none.json(), "instance": ""}, "to the letter")
    t.same(other.get("/v1/slots").json()["items"], [], "nor is it in his list")
    other.close()
    auditor.close()


def clean(t, a):
    t.same(a.house.ctl("db", "check").code, 0, "db check finds nothing")
    rows = {row for (row,) in a.house.ask("SELECT id FROM blob")}
    until(lambda: {p.name for p in (a.house.state / "blobs").iterdir()} == rows, 10, "files that belong to somebody")
    keys = ("slot_set", "key"), ("watermark", "key"), ("challenge", "key"), ("model_release", "key"), ("blob", "data_key"), ("job", "data_key")
    used = " AND ".join(f"id NOT IN (SELECT {column} FROM {table})" for table, column in keys)
    t.same(a.house.ask(f"SELECT count(*) FROM data_key WHERE {used}")[0][0], 0, "no key is left that nothing uses")
    secret = a.house.ask("SELECT count(*) FROM audit WHERE detail LIKE '%secret%' AND action LIKE 'slots%'")[0][0]
    t.same(secret, 0, "no secret in the audit")
    t.same(a.house.ctl("audit", "verify").code, 0, "the audit verifies")


def gone(t, house):
    """Slots go with their model, their secret and their pictures."""
    with closing(house.client()) as client:
        desk = Desk(t, house)
        model = desk.one("model", "add", "other", str(LENET))["id"]
        desk.one("slots", "create", "--model", "other", "--dataset", "some", "--customers", "3", "--params", json.dumps(PLAN), "--wait")
        erased = client.delete(f"/v1/models/{model}", "*").json()
        t.same((erased["files"], erased["keys_destroyed"]), (2, 3), "a model goes with its slots: two files, their keys and a secret")
        t.same(house.ask("SELECT count(*) FROM slot_set WHERE model = ?", model)[0][0], 0, "and their row")


def together(t):
    with House(jobs_at_once=1, **FREE) as house:
        house.open()
        with closing(Affair(t, house)) as a:
            made = slots(t, a)
            releases = copies(t, a, made)
            license_id = licenses(t, a, releases)
            leaked(t, a, made, releases, license_id)
            foreign(t, a, made)
            gone(t, house)
            clean(t, a)


if __name__ == "__main__":
    run(together)
