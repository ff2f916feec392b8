#!/usr/bin/env python3
"""Why not: each refusal by the license's terms has a name of its own, the same in the answer, in the
explanation and in the audit; and an outage is never one of them."""

import base64
import hashlib
import json
import sqlite3
import subprocess
import time
from contextlib import closing
from datetime import datetime, timedelta, timezone

from customers import enrolled, new_customer
from house import House, programs
from license_things import FREE, Scene, new_license, new_policy
from tap import run

LICENSES = "/v1/licenses"
# Said by a customer's machine alone, or by a server that cannot look something up.
ELSEWHERE = {
    "VALID_OFFLINE", "SIGNER_UNKNOWN", "REVOCATIONS_UNKNOWN", "REVOCATIONS_INVALID", "REVOCATIONS_OLD", "OFFLINE_TOO_LONG",
    "LICENSE_MALFORMED", "SIGNATURE_INVALID", "ISSUER_MISMATCH", "ARTIFACT_MISMATCH", "LAST_SEEN_TAMPERED", "LAST_SEEN_FOREIGN",
    "LAST_SEEN_REPLAYED", "DIRECTORY_UNAVAILABLE", "COUNTERS_UNAVAILABLE",
}  # fmt: skip
# Here an answer of its own comes first: 404 for what is not there or is another's, 503 SEALED, 401.
BEFORE = {
    "VENDOR_NOT_FOUND", "VENDOR_SUSPENDED", "CUSTOMER_NOT_FOUND", "RELEASE_NOT_FOUND", "LICENSE_NOT_FOUND",
    "LICENSE_OF_OTHER_CUSTOMER", "LICENSE_OF_OTHER_RELEASE", "KEYS_SEALED",
}  # fmt: skip
# Shown where customers have copies of their own.
COPIES = {"COPY_OF_OTHER_CUSTOMER"}
# Shown where there are key images.
IMAGES = {"IMAGE_UNKNOWN", "IMAGE_SPENT", "IMAGE_EXPIRED", "IMAGE_REVOKED", "IMAGE_MISMATCH"}
# Until the upkeep has swept it, a second later.
BRIEFLY = {"SEAT_LAPSED"}
# The clock's: shown where clocks are set.
CLOCKS = {"CLOCK_IMPLAUSIBLE", "CLOCK_STEPPED_BACK", "CLOCK_BEFORE_ISSUE"}


def ahead(seconds):
    return (datetime.now(timezone.utc) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def fingerprint(**parts):
    """A machine by what it shows: product="x", disk="y" …"""
    names = ("product", "machine_id", "disk", "tpm", "container")
    found = sorted((names.index(name), hashlib.sha256(value.encode()).digest()) for name, value in parts.items())
    data = bytes([1, len(found)]) + b"".join(bytes([kind]) + digest for kind, digest in found)
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Asked:
    """Who asks, and which names were heard."""

    def __init__(self, t, scene):
        self.t, self.scene, self.heard = t, scene, set()
        self.table = {}
        ran = subprocess.run([programs() / "hallmarkd", "--verdicts"], capture_output=True, text=True, check=True)
        for line in ran.stdout.splitlines():
            code, answer, sentence = line.split(" ", 2)
            self.table[code] = (answer, sentence)

    def refusal(self, answer, code, what):
        """Of an act: 403, its name, its sentence; and a row in the audit."""
        self.heard.add(code)
        said = (answer.status, answer.problem("code"), answer.problem("detail")) if answer.status >= 400 else answer
        self.t.same(said, (403, code, self.table[code][1]), f"{what}: {code}")
        if answer.status >= 400:
            rows = self.scene.house.audit_rows(request=answer.headers["x-request-id"])
            self.t.same([r["outcome"] for r in rows], [code], f"{what}: one row of the audit says so")

    def verdict(self, license_id, code, what, by=None, **body):
        """Of a question: 200, and the same from every side."""
        self.heard.add(code)
        answer = (by or self.scene.vendor).post(f"{LICENSES}/{license_id}/validate", body)
        said = answer.json()
        wanted = (200, code, self.table[code][0] == "yes", self.table[code][1])
        self.t.same((answer.status, said["code"], said["valid"], said["detail"]), wanted, f"{what}: {code}")
        return said

    def explained(self, license_id, action, code, what, query=""):
        """The explanation says what the act would, and which rule it was."""
        self.heard.add(code)
        answer = self.scene.vendor.get(f"{LICENSES}/{license_id}/explain?action={action}{query}")
        said = answer.json()
        self.t.same((answer.status, said.get("code")), (200, code), f"{what}, explained: {code}")
        decided = [r["code"] for r in said["rules"] if r["decided"]]
        self.t.same(decided, [] if code == "VALID" else [code], f"{what}, explained: by one rule")
        return said

    def issue(self, policy, customer=None, release=None, **more):
        scene = self.scene
        body = {"customer": customer or scene.customer.id, "release": release or scene.release["id"], "policy": policy, **more}
        return scene.vendor.post(LICENSES, body)

    def seat(self, license_id, machine, by=None, **body):
        return (by or self.scene.customer).request("PUT", f"{LICENSES}/{license_id}/leases/{machine}", body)

    def unlock(self, license_id, machine, **body):
        return self.scene.customer.post(f"{LICENSES}/{license_id}/unlock", {"machine": machine, **body})


def issuing(asked):
    scene, client = asked.scene, asked.scene.vendor
    policy = new_policy(client, seats=2, duration=3600)
    asked.refusal(asked.issue(policy, seats=3), "SEATS_OVER_POLICY", "more seats than the policy has")
    asked.refusal(asked.issue(policy, expires=ahead(3700)), "TERM_OVER_POLICY", "a longer term")
    asked.refusal(asked.issue(policy, expires=ahead(-10)), "TERM_EMPTY", "a term that is over")
    asked.refusal(asked.issue(policy, not_before=ahead(100), expires=ahead(50)), "TERM_EMPTY", "one that ends before it begins")
    asked.refusal(asked.issue(policy, dry_run=True, seats=3), "SEATS_OVER_POLICY", "a dry run")
    job = client.post("/v1/jobs", {"kind": "selftest", "params": {"text": "x", "steps": 900, "step_ms": 200}}).json()["id"]
    made = client.post(f"/v1/models/{scene.release['model']}/releases", {"lock": "sealed"}).json()
    asked.refusal(asked.issue(policy, release=made["id"]), "RELEASE_NOT_READY", "a release that is being made")
    assert client.post(f"/v1/jobs/{made['job']}/cancel", {}).status in (200, 202)
    asked.refusal(asked.issue(policy, release=made["id"]), "RELEASE_WITHDRAWN", "one that will never be ready")
    client.post(f"/v1/jobs/{job}/cancel", {})
    patch = {"retired": True}
    assert client.request("PATCH", f"/v1/policies/{policy}", patch, {"If-Match": "*"}).status == 200
    asked.refusal(asked.issue(policy), "POLICY_RETIRED", "a retired policy")


def parties(asked):
    scene, client = asked.scene, asked.scene.vendor
    made = new_customer(client, "Suspended")
    policy = new_policy(client)
    held = new_license(client, made["id"], scene.release["id"], policy)["id"]
    asked.refusal(asked.seat(held, "m", by=client), "CUSTOMER_NOT_ENROLLED", "a seat for one without a key")
    assert client.post(f"/v1/customers/{made['id']}/suspend", {}).status == 200
    asked.refusal(asked.issue(policy, customer=made["id"]), "CUSTOMER_SUSPENDED", "a suspended customer")
    asked.verdict(held, "CUSTOMER_SUSPENDED", "his license")
    assert client.delete(f"/v1/customers/{made['id']}", "*").status in (200, 204)
    asked.refusal(asked.issue(policy, customer=made["id"]), "CUSTOMER_ERASED", "an erased customer")
    asked.verdict(held, "CUSTOMER_ERASED", "his license")


def states(asked):
    scene = asked.scene
    held = scene.issue({"transferable": True})["id"]
    asked.verdict(held, "VALID", "a license")
    asked.refusal(scene.act("reinstate", held), "LICENSE_NOT_SUSPENDED", "reinstating an active one")
    asked.refusal(scene.act("transfer", held, {"customer": scene.customer.id}), "RECIPIENT_SAME", "transferring it to its owner")
    scene.act("suspend", held)
    asked.verdict(held, "LICENSE_SUSPENDED", "a suspended one")
    asked.refusal(scene.act("suspend", held), "LICENSE_SUSPENDED", "suspending it again")
    asked.refusal(asked.seat(held, "m"), "LICENSE_SUSPENDED", "a seat of it")
    asked.refusal(asked.unlock(held, "m"), "LICENSE_SUSPENDED", "unlocking it")
    asked.refusal(scene.act("renew", held), "LICENSE_SUSPENDED", "renewing it")
    scene.act("reinstate", held)
    scene.act("revoke", held)
    for what, answer in {"a seat": asked.seat(held, "m"), "unlocking": asked.unlock(held, "m"), "renewing": scene.act("renew", held),
                         "revoking again": scene.act("revoke", held)}.items():  # fmt: skip
        asked.refusal(answer, "LICENSE_REVOKED", f"revoked: {what}")
    asked.verdict(held, "LICENSE_REVOKED", "a revoked one", by=scene.customer)


def transfers(asked):
    scene, client = asked.scene, asked.scene.vendor
    heir = new_customer(client, "Heir")["id"]
    held = scene.issue({"transferable": True, "seats": 2, "renewable": False})["id"]
    fixed = scene.issue({})["id"]
    asked.refusal(scene.act("transfer", fixed, {"customer": heir}), "NOT_TRANSFERABLE", "a policy without transfers")
    asked.refusal(scene.act("renew", held), "NOT_RENEWABLE", "a policy without renewals")
    asked.explained(held, "renew", "NOT_RENEWABLE", "renewing")
    assert asked.seat(held, "m1").status == 201
    asked.refusal(scene.act("transfer", held, {"customer": heir}), "SEATS_IN_USE", "a seat is in use")
    asked.explained(held, "transfer", "SEATS_IN_USE", "transferring", f"&customer={heir}")
    assert scene.customer.request("DELETE", f"{LICENSES}/{held}/leases/m1").status == 204
    client.post(f"/v1/customers/{heir}/suspend", {})
    asked.refusal(scene.act("transfer", held, {"customer": heir}), "RECIPIENT_SUSPENDED", "to a suspended customer")
    client.delete(f"/v1/customers/{heir}", "*")
    asked.refusal(scene.act("transfer", held, {"customer": heir}), "RECIPIENT_NOT_FOUND", "to an erased one")
    other = new_customer(client, "Other heir")["id"]
    assert scene.act("transfer", held, {"customer": other}).status == 201
    asked.verdict(held, "LICENSE_TRANSFERRED", "the old license")
    asked.refusal(asked.unlock(held, "m1"), "LICENSE_TRANSFERRED", "unlocking the old one")
    asked.refusal(scene.act("transfer", held, {"customer": other}), "LICENSE_TRANSFERRED", "transferring it again")


def terms(asked):
    scene = asked.scene
    later = scene.issue({}, not_before=ahead(1000))["id"]
    asked.verdict(later, "LICENSE_NOT_YET_VALID", "before it begins")
    asked.refusal(asked.seat(later, "m"), "LICENSE_NOT_YET_VALID", "a seat before it begins")
    graced = scene.issue({"grace_expired": 3600}, expires=ahead(6))["id"]
    over = scene.issue({"entitlements": ["a"], "transferable": True}, expires=ahead(6))["id"]
    began = time.time()
    asked.verdict(over, "ENTITLEMENT_MISSING", "an entitlement that it has not", entitlement="b")
    asked.verdict(over, "VALID", "one that it has", entitlement="a")
    time.sleep(max(0, began + 6.2 - time.time()))
    asked.verdict(over, "LICENSE_EXPIRED", "after its end")
    asked.refusal(asked.seat(over, "m"), "LICENSE_EXPIRED", "a seat after its end")
    asked.refusal(scene.act("transfer", over, {"customer": scene.customer.id}), "LICENSE_EXPIRED", "transferring it")
    asked.verdict(graced, "VALID_IN_GRACE", "what runs, in its grace")
    asked.refusal(asked.seat(graced, "m"), "LICENSE_EXPIRED", "what begins, in its grace")
    asked.t.same(scene.act("renew", over).status, 200, "renewed after its end")
    asked.verdict(over, "VALID", "it is valid again")


def machines(asked):
    scene = asked.scene
    here, other = fingerprint(product="p", machine_id="i", disk="d"), fingerprint(product="q", machine_id="j", disk="e")
    held = scene.issue({"binding": "two", "seats": 2}, seats=1)["id"]
    asked.refusal(asked.seat(held, "m"), "MACHINE_MISSING", "no fingerprint")
    asked.refusal(asked.seat(held, "m", fingerprint=fingerprint(disk="d")), "MACHINE_TOO_WEAK", "one of one part")
    asked.explained(held, "heartbeat", "MACHINE_MISSING", "a heartbeat without one")
    assert asked.seat(held, "m", fingerprint=here).status == 201
    asked.refusal(asked.seat(held, "m2", fingerprint=other), "MACHINE_MISMATCH", "another machine")
    asked.verdict(held, "MACHINE_MISMATCH", "another machine", fingerprint=other)
    asked.verdict(held, "VALID", "the machine with another disk", fingerprint=fingerprint(product="p", machine_id="i", disk="new"))
    shown = scene.vendor.get(f"{LICENSES}/{held}/machines").json()["items"]
    wanted = [{"components": ["product", "machine-id", "disk"], "fingerprint": here}]
    asked.t.same(shown, wanted, "the vendor sees the machine that it is bound to")
    asked.t.same(scene.vendor.delete(f"{LICENSES}/{held}/machines", "*").json(), {"released": 1}, "and unbinds it")
    scene.customer.request("DELETE", f"{LICENSES}/{held}/leases/m")
    asked.t.same(asked.seat(held, "m2", fingerprint=other).status, 201, "then the other machine may")
    parts = {"product": "p", "machine_id": "i"}
    boxed = scene.issue({"binding": "all", "components": ["product", "container"]})["id"]
    assert asked.seat(boxed, "m", fingerprint=fingerprint(**parts, container="one")).status == 201
    asked.refusal(asked.seat(boxed, "m", fingerprint=fingerprint(**parts, container="two")), "MACHINE_OTHER_CONTAINER", "another container")
    free = scene.issue({"binding": "any"})["id"]
    scene.vendor.delete(f"{LICENSES}/{free}/machines", "*")
    asked.t.same(asked.seat(free, "m", fingerprint=here).status, 201, "bound by its first seat")
    scene.vendor.delete(f"{LICENSES}/{free}/machines", "*")
    asked.refusal(asked.seat(free, "m", fingerprint=here), "MACHINE_NOT_BOUND", "a heartbeat of a machine that was unbound")


def counted(asked):
    scene, client = asked.scene, asked.scene.vendor
    held = scene.issue({"seats": 1, "unlocks": 1})["id"]
    asked.explained(held, "heartbeat", "SEAT_NOT_HELD", "a heartbeat without a seat", "&machine=m1")
    assert asked.unlock(held, "m1").status == 200
    asked.refusal(asked.unlock(held, "m1"), "UNLOCKS_EXHAUSTED", "one unlock more than there are")
    asked.refusal(asked.seat(held, "m2"), "SEATS_EXHAUSTED", "one seat more than there are")
    asked.explained(held, "claim", "SEATS_EXHAUSTED", "claiming", "&machine=m2")
    asked.explained(held, "claim", "VALID", "the machine that has it", "&machine=m1")
    gated = scene.issue({"approvals": 2, "approvers": 2, "seats": 9})["id"]
    asked.refusal(asked.unlock(gated, "m"), "APPROVALS_MISSING", "no approval")
    one = scene.act("approvals", gated).json()
    asked.t.same(one, {"license": gated, "given": 1, "needed": 2, "approvers": 2}, "one approval")
    asked.t.same(scene.act("approvals", gated).json()["given"], 1, "the same token again is one approval")
    asked.refusal(asked.unlock(gated, "m"), "APPROVALS_MISSING", "one approval of two")
    with closing(scene.house.client()) as colleague:
        colleague.secret = scene.house.token("acme", "issuer", name="second")
        asked.t.same(colleague.post(f"{LICENSES}/{gated}/approvals", {}).json()["given"], 2, "another token's is the second")
        asked.t.same(asked.unlock(gated, "m").status, 200, "then it unlocks")
        asked.t.same(colleague.delete(f"{LICENSES}/{gated}/approvals", "*").json()["given"], 1, "an approval is taken back")
        colleague.secret = scene.house.token("acme", "issuer", name="third")
        asked.t.same(colleague.post(f"{LICENSES}/{gated}/approvals", {}).status, 200, "a third token in its place")
        colleague.secret = scene.house.token("acme", "issuer", name="fourth")
        asked.t.same(colleague.post(f"{LICENSES}/{gated}/approvals", {}).status, 409, "but there are two approvers, not three")
    asked.t.same(client.get(f"{LICENSES}/{gated}/approvals").json()["given"], 2, "two it stays")
    asked.t.same(scene.act("approvals", held).status, 409, "a policy without approvals takes none")


def deliveries(asked):
    scene, client, house = asked.scene, asked.scene.vendor, asked.scene.house
    held, other = scene.issue({"seats": 9})["id"], scene.issue({})["id"]
    made = client.post(f"{LICENSES}/{held}/deliveries", {"hours": 1}).json()
    late = client.post(f"{LICENSES}/{held}/deliveries", {}).json()
    asked.refusal(asked.unlock(held, "m", delivery="hmd_" + "A" * 43), "DELIVERY_NOT_FOUND", "a code that nobody made")
    asked.refusal(asked.unlock(other, "m", delivery=made["secret"]), "DELIVERY_NOT_FOUND", "another license's")
    asked.t.same(asked.unlock(held, "m", delivery=made["secret"]).status, 200, "the right one")
    asked.refusal(asked.unlock(held, "m", delivery=made["secret"]), "DELIVERY_SPENT", "a second time")
    items = client.get(f"{LICENSES}/{held}/deliveries").json()["items"]
    asked.t.same({d["id"]: d["spent"] is not None for d in items}, {made["id"]: True, late["id"]: False}, "the list says which")
    asked.t.ok("secret" not in json.dumps(items) and made["secret"] not in house.said(), "and no list or log says a code")
    for hours in (0, 8761, "1"):
        asked.t.same(client.post(f"{LICENSES}/{held}/deliveries", {"hours": hours}).status, 422, f"not for {hours} hours")
    lapsed = scene.issue({"seats": 1})["id"]
    assert asked.seat(lapsed, "m").status == 201
    house.stop()
    with closing(sqlite3.connect(house.database)) as db:
        db.execute("UPDATE delivery SET expires = created WHERE id = ?", [late["id"]])
        db.execute("UPDATE lease SET expires = claimed WHERE license = ?", [lapsed])
        db.commit()
    house.start()
    asked.explained(lapsed, "claim", "VALID", "a lapsed seat is free", "&machine=other")
    asked.refusal(asked.unlock(held, "m", delivery=late["secret"]), "DELIVERY_EXPIRED", "a code that is too old")


def images(asked):
    """The release here has no watermark, so that nobody can show anything."""
    scene, client = asked.scene, asked.scene.vendor
    policy = new_policy(client, image="unlock")
    asked.refusal(asked.issue(policy), "RELEASE_WITHOUT_WATERMARK", "key images of a network that knows none")
    held = scene.issue({})
    patch = {"image": "unlock"}
    assert client.request("PATCH", f"/v1/policies/{held['policy']}", patch, {"If-Match": "*"}).status == 200
    held = held["id"]
    asked.refusal(asked.unlock(held, "m"), "IMAGE_MISSING", "unlocking without the image that the terms ask for now")
    asked.explained(held, "unlock", "IMAGE_MISSING", "unlocking", "&machine=m")
    asked.refusal(scene.act("renew", held), "RELEASE_WITHOUT_WATERMARK", "renewing it under such terms")
    asked.t.same(asked.seat(held, "m").status, 201, "a seat needs no image")


def together(t):
    with House(**FREE).open() as house:
        scene = Scene(house)
        asked = Asked(t, scene)
        for part in (issuing, parties, states, transfers, terms, machines, counted, deliveries, images):
            part(asked)
        contract = scene.vendor.get("/v1/openapi.json").json()["components"]["schemas"]["VerdictCode"]["enum"]
        t.same(sorted(contract), sorted(asked.table), "the contract has each verdict, and nothing else")
        t.same(sorted(set(asked.table) - asked.heard), sorted(ELSEWHERE | BEFORE | BRIEFLY | CLOCKS | COPIES | IMAGES), "every verdict but these was heard here")
        t.note(f"{len(asked.heard)} of {len(asked.table)} verdicts")
        scene.close()
        t.same(house.ctl("db", "check").code, 0, "the database's own check finds nothing")


run(together)
