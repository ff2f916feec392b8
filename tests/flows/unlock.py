#!/usr/bin/env python3
"""From a license to a key that opens: a stock JOSE library verifies the license and opens the unlock
key; no license, key and artifact that do not belong together give a model; a retry brings the same
bytes until the license is revoked; and what the terms may ask for besides."""

import base64
import hashlib
import json
import os
import secrets
import shutil
import subprocess
from contextlib import closing
from pathlib import Path

from customers import enrol, enrolled, new_customer
from house import House, Ran, programs
from license_things import FREE, Scene, made_release, new_license, new_policy
from proof import Key, base64url, compact
from tap import run

OF_EACH = 5


class Jose:
    """npm's `jose`, in a process of its own."""

    def __init__(self):
        at = Path(__file__).resolve().parent / "jose_peer.mjs"
        cache = programs().parent / "tests" / "flows" / "peers"
        self.process = subprocess.Popen(["node", at, cache], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **question):
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)


def private(key):
    """A key pair as a JSON Web Key, the form of `hallmark key new`."""
    return {**key.jwk, "d": base64url(key.private.private_numbers().private_value.to_bytes(32, "big"))}


def unlock(customer, license_id, key=None, machine="desk", **more):
    return customer.post(f"/v1/licenses/{license_id}/unlock", {"machine": machine, **more}, key=key or secrets.token_hex(8))


def refused(t, answer, code, name):
    t.same((answer.status, answer.problem("code")), (403, code), name)


def fingerprint(*parts):
    """As the customer's machine makes it: (component, text) of each."""
    found = sorted((c, hashlib.sha256(text.encode()).digest()) for c, text in parts)
    return base64url(bytes([1, len(found)]) + b"".join(bytes([c]) + d for c, d in found))


# ---- What belongs together ------------------------------------------------------------------------


class Set:
    """A customer with a license to a release of its own."""

    def __init__(self, house, vendor, policy, n):
        self.release = made_release(vendor, house, seed=20 + n)
        self.customer = enrolled(house, vendor, f"customer {n}")
        made = new_license(vendor, self.customer.id, self.release["id"], policy)
        self.license, self.token = made["id"], made["token"]
        answer = unlock(self.customer, self.license)
        assert answer.status == 200, answer
        self.jwe, self.headers = answer.body.decode(), answer.headers
        self.artifact = self.customer.get(f"/v1/licenses/{self.license}/artifact").body
        self.files = {}
        for name, data in (("jwe", answer.body), ("onnx", self.artifact), ("key", json.dumps(private(self.customer.key)).encode())):
            self.files[name] = house.folder / f"{n}.{name}"
            self.files[name].write_bytes(data)
            os.chmod(self.files[name], 0o600)


def applied(house, jwe, key, artifact):
    """What `hallmark` makes of them: exit status, and the model if there is one."""
    out = house.folder / "model.onnx"
    out.unlink(missing_ok=True)
    command = [programs() / "hallmark", "artifact", "unlock", jwe, artifact, out, "--key", key]
    ran = Ran(subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False))
    return ran, out.read_bytes() if out.exists() else None


def triples(t):
    with House(**FREE) as house, closing(house.open().client()) as vendor:
        policy = new_policy(vendor)
        sets = [Set(house, vendor, policy, n) for n in range(OF_EACH)]
        keys = vendor.get("/v1/keys").json()["keys"]
        if shutil.which("node") is None:
            t.skip("npm jose", "there is no node here")
        else:
            with closing(Jose()) as jose:
                stock(t, jose, sets, keys)
        models, wrong = [], []
        for i, of_license in enumerate(sets):
            for k, of_key in enumerate(sets):
                for n, of_artifact in enumerate(sets):
                    ran, model = applied(house, of_license.files["jwe"], of_key.files["key"], of_artifact.files["onnx"])
                    if i == k == n:
                        models.append((ran.code, model is not None))
                    elif ran.code != 5 or model is not None:
                        wrong.append(f"license {i}, key {k}, artifact {n}: {ran}")
        t.same(models, [(0, True)] * OF_EACH, "what belongs together gives a model")
        t.ok(not wrong, f"all {OF_EACH**3 - OF_EACH} other triples of license, key and artifact give none", "\n".join(wrong[:5]))


def stock(t, jose, sets, keys):
    opened, wrong = [], []
    for i, of_license in enumerate(sets):
        for k, of_key in enumerate(sets):
            found = jose.ask(open=of_license.jwe, key=private(of_key.customer.key))
            if i == k:
                opened.append(found)
            elif "error" not in found:
                wrong.append((i, k, found))
    t.ok(all("error" not in found for found in opened), "npm jose opens each unlock key with its customer's key", opened)
    t.same(wrong, [], "and with nobody else's")
    for one, found in zip(sets, opened):
        header = found.get("header", {})
        digest = hashlib.sha256(one.artifact).hexdigest()
        t.same((header.get("license"), header.get("release"), header.get("artifact")), (one.license, one.release["id"], digest),
               "its head names license, release and artifact")  # fmt: skip
        named = jose.ask(verify=one.token, key=keys[0])
        payload = named.get("payload", {})
        t.same((named.get("header", {}).get("typ"), payload.get("jti"), payload.get("sub"), payload.get("aud")),
               ("hallmark-license+jwt", one.license, one.customer.id, one.release["id"]),
               "npm jose verifies the license")  # fmt: skip
        fetched = one.customer.post(f"/v1/licenses/{one.license}/file", {}).json()["license"]
        t.same(jose.ask(verify=fetched, key=keys[0]).get("payload", {}).get("jti"), one.license, "and the file that is fetched")
        forged = one.token[:-8] + ("A" if one.token[-8] != "A" else "B") + one.token[-7:]
        t.ok("error" in jose.ask(verify=forged, key=keys[0]), "but not an altered one")


# ---- Once and again -------------------------------------------------------------------------------


def again(t):
    with House(**FREE) as house:
        scene = Scene(house.open(), {"unlocks": 3, "seats": 2})
        ada, key = scene.customer, secrets.token_hex(8)
        first = unlock(ada, scene.license, key)
        t.ok(first.status == 200 and first.headers["content-type"] == "application/jose", "an unlock key", first)
        t.ok("hallmark-lease-expires" in first.headers, "with its seat's end")
        second = unlock(ada, scene.license, key)
        t.same((second.status, second.body), (200, first.body), "a retry brings the same bytes")
        t.same(second.headers["hallmark-lease-expires"], first.headers["hallmark-lease-expires"], "and the same end")
        house.restart()
        third = unlock(ada, scene.license, key)
        t.same((third.status, third.body), (200, first.body), "also behind a restart")
        other = ada.post(f"/v1/licenses/{scene.license}/unlock", {"machine": "other"}, key=key)
        t.same((other.status, other.problem("code")), (422, "IDEMPOTENCY_KEY_REUSED"), "the same Idempotency-Key for another machine is refused")
        shown = scene.vendor.get(f"/v1/licenses/{scene.license}").json()
        t.same((shown["unlocks"], shown["seats_used"]), (1, 1), "one unlock was counted, and one seat")
        fresh = unlock(ada, scene.license)
        t.same(fresh.status, 200, "another request is another unlock")
        t.same(unlock(ada, scene.license).status, 200, "a third one")
        refused(t, unlock(ada, scene.license), "UNLOCKS_EXHAUSTED", "there are three")
        t.same(unlock(ada, scene.license, key).body, first.body, "the retry still brings its bytes")
        vendors = scene.vendor.post(f"/v1/licenses/{scene.license}/unlock", {"machine": "m"})
        t.same(vendors.status, 403, "a vendor's token unlocks nothing")
        scene.act("suspend")
        refused(t, unlock(ada, scene.license, key), "LICENSE_SUSPENDED", "while it is suspended the retry brings nothing")
        scene.act("reinstate")
        t.same(unlock(ada, scene.license, key).body, first.body, "reinstated: the same bytes again")
        scene.act("revoke")
        refused(t, unlock(ada, scene.license, key), "LICENSE_REVOKED", "revoked: the retry brings nothing")
        refused(t, unlock(ada, scene.license), "LICENSE_REVOKED", "nor does another request")
        rows = house.audit_rows(action="license.unlock", outcome="OK")
        t.same(len([r for r in rows if "replayed" not in r["detail"]]), 3, "three unlocks are in the audit")
        scene.close()


def replaced(t):
    """A customer with a new key gets keys for it, and none for the old one."""
    with House(**FREE) as house:
        scene = Scene(house.open())
        ada, retry = scene.customer, secrets.token_hex(8)
        before = unlock(ada, scene.license, retry)
        old, new = ada.key, Key()
        nonce = ada.fresh()
        path, empty = f"/v1/customers/{ada.id}/key", base64url(hashlib.sha256(b"").digest())
        claims = {"digest": empty, "method": "PUT", "nonce": nonce, "path": path}
        proof = new.jws({"alg": "ES256", "typ": "hallmark-proof+jwt", "kid": ada.id}, compact(claims))
        ada.nonce = nonce
        answer = ada.once("PUT", path, {"jwk": new.jwk, "proof": proof})
        t.ok(answer.status in (200, 204), "the key is replaced", answer)
        ada.key = new
        after = unlock(ada, scene.license, retry)
        t.ok(after.status == 200 and after.body != before.body, "a retry with the new key is a request of its own", after)
        if shutil.which("node") is not None:
            with closing(Jose()) as jose:
                t.ok("error" not in jose.ask(open=after.body.decode(), key=private(new)), "the new key opens what it brings")
                t.ok("error" in jose.ask(open=after.body.decode(), key=private(old)), "the old one does not")
        ada.key = old
        t.same(unlock(ada, scene.license, retry).status, 401, "with the old key there is nothing to be had")
        scene.close()


# ---- What the terms ask for -----------------------------------------------------------------------


def approvals(t):
    with House(**FREE) as house:
        scene = Scene(house.open(), {"approvals": 2, "approvers": 3})
        at = f"/v1/licenses/{scene.license}/approvals"
        tokens = [house.token("acme", "issuer", name=f"approver {n}") for n in range(3)]
        refused(t, unlock(scene.customer, scene.license), "APPROVALS_MISSING", "nobody has agreed")
        clients = [house.client() for _ in tokens]
        for client, secret in zip(clients, tokens):
            client.secret = secret
        t.ok(clients[0].post(at, {}).status < 300 and clients[0].post(at, {}).status < 500, "one agrees, twice")
        refused(t, unlock(scene.customer, scene.license), "APPROVALS_MISSING", "one is not two")
        t.ok(clients[1].post(at, {}).status < 300, "another one agrees")
        t.same(unlock(scene.customer, scene.license).status, 200, "two are enough")
        t.ok(clients[0].request("DELETE", at).status < 300, "one thinks again")
        refused(t, unlock(scene.customer, scene.license), "APPROVALS_MISSING", "then it is one again")
        for client in clients:
            client.close()
        scene.close()


def deliveries(t):
    with House(**FREE) as house:
        scene = Scene(house.open(), {"unlocks": 1000, "seats": 100})
        at = f"/v1/licenses/{scene.license}/deliveries"
        made = scene.vendor.post(at, {"hours": 1})
        t.ok(made.status == 201 and made.json()["secret"].startswith("hmd_"), "a delivery", made)
        secret, key = made.json()["secret"], secrets.token_hex(8)
        first = unlock(scene.customer, scene.license, key, delivery=secret)
        t.same(first.status, 200, "it is good for one key")
        refused(t, unlock(scene.customer, scene.license, delivery=secret), "DELIVERY_SPENT", "and for no other")
        t.same(unlock(scene.customer, scene.license, key, delivery=secret).body, first.body, "the retry is still the first")
        refused(t, unlock(scene.customer, scene.license, delivery="hmd_" + "A" * 43), "DELIVERY_NOT_FOUND", "an unknown one")
        elsewhere = scene.issue({})["id"]
        spare = scene.vendor.post(at, {"hours": 1}).json()["secret"]
        refused(t, unlock(scene.customer, elsewhere, delivery=spare), "DELIVERY_NOT_FOUND", "it is for one license")
        rows = house.audit_rows(action="license.unlock", outcome="DELIVERY_SPENT")
        t.same([json.loads(r["detail"]) for r in rows], [{"alarm": True}], "the second redemption is an alarm in the audit")
        stored = house.ask("SELECT count(*) FROM delivery WHERE spent > 0")
        t.same(stored, [(1,)], "one is spent")
        scene.close()


def machines(t):
    """Bound to machines: two seats are two machines; the vendor may free them."""
    with House(**FREE) as house:
        scene = Scene(house.open(), {"binding": "any", "seats": 2, "unlocks": 100}, seats=2)
        ada, at = scene.customer, f"/v1/licenses/{scene.license}"
        one, two, three = (fingerprint((0, f"board {n}"), (1, f"id {n}")) for n in range(3))
        mended = fingerprint((0, "board 0"), (1, "another id"))
        refused(t, unlock(ada, scene.license), "MACHINE_MISSING", "a machine has to show itself")
        t.same(unlock(ada, scene.license, machine="a", fingerprint=one).status, 200, "the first one")
        t.same(unlock(ada, scene.license, machine="a", fingerprint=mended).status, 200, "with another part in it")
        t.same(ada.request("PUT", f"{at}/leases/b", {"fingerprint": two}).status, 201, "the second one")
        refused(t, unlock(ada, scene.license, machine="a", fingerprint=three), "MACHINE_MISMATCH", "a third one is one too many")
        t.same(len(house.ask("SELECT 1 FROM license_machine")), 2, "two are bound")
        file = ada.post(f"{at}/file", {"fingerprint": one})
        t.same(file.status, 200, "the license file for the first one")
        validated = ada.post(f"{at}/validate", {"fingerprint": three}).json()
        t.same((validated["valid"], validated["code"]), (False, "MACHINE_MISMATCH"), "validation says no to the third one")
        t.ok(scene.vendor.request("DELETE", f"{at}/machines").status < 300, "the vendor frees the license from its machines")
        t.same(unlock(ada, scene.license, machine="a", fingerprint=three).status, 200, "then the third one is the first")
        for wrong in ("AAAA", "!", base64url(bytes(400))):
            answer = unlock(ada, scene.license, fingerprint=wrong)
            t.ok(answer.status in (400, 413, 422), "a malformed fingerprint is refused", answer)
        scene.close()


def payload(jws):
    part = jws.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def files(t):
    """What a fetched license file says, and of whom it speaks."""
    with House(**FREE, public_url="https://licenses.example.com/") as house:
        scene = Scene(house.open(), {"binding": "any", "seats": 2}, entitlements=[])
        at, here = f"/v1/licenses/{scene.license}", fingerprint((0, "board"), (1, "id"))
        vendor = house.ask("SELECT id FROM vendor")[0][0]
        t.same(unlock(scene.customer, scene.license, fingerprint=here).status, 200, "a machine is bound")
        said = payload(scene.customer.post(f"{at}/file", {"fingerprint": here}).json()["license"])
        t.same(said["revocations"], f"https://licenses.example.com/v1/vendors/{vendor}/revocations", "where the list is")
        t.same(said["epoch"], 0, "there was none yet")
        with closing(house.client(None)) as anyone:
            anyone.get(f"/v1/vendors/{vendor}/revocations")
        again = payload(scene.vendor.post(f"{at}/file", {"fingerprint": here}).json()["license"])
        t.same(again["epoch"], 1, "now there is one")
        t.ok(again["iat"] >= said["iat"] and again["jti"] == scene.license, "each file is signed anew")
        rows = house.audit_rows(action="license.file", outcome="OK")
        t.same([r["object"] for r in rows], [scene.license] * 2, "each is in the audit before it leaves")
        scene.close()


def before_enrolment(t):
    """A license may be there before its customer's key."""
    with House(**FREE) as house:
        scene = Scene(house.open())
        made = new_customer(scene.vendor, "Late")
        license_id = new_license(scene.vendor, made["id"], scene.release["id"], new_policy(scene.vendor))["id"]
        claimed = scene.vendor.request("PUT", f"/v1/licenses/{license_id}/leases/m", {})
        refused(t, claimed, "CUSTOMER_NOT_ENROLLED", "without a key there is no seat")
        answer, late = enrol(house, made["code"])
        t.same(answer.status, 200, "he enrols")
        key = secrets.token_hex(8)
        first = unlock(late, license_id, key)
        t.same((first.status, unlock(late, license_id, key).body), (200, first.body), "the first unlock makes what all keys begin with")
        late.close()
        scene.close()


def in_time(t):
    """Not before it begins; and the customer's own state."""
    with House(**FREE) as house:
        scene = Scene(house.open())
        later = scene.issue({}, not_before="2099-01-01T00:00:00Z", expires="2099-02-01T00:00:00Z")["id"]
        refused(t, unlock(scene.customer, later), "LICENSE_NOT_YET_VALID", "before its time")
        scene.vendor.post(f"/v1/customers/{scene.customer.id}/suspend", {})
        refused(t, unlock(scene.customer, scene.license), "CUSTOMER_SUSPENDED", "a suspended customer")
        validated = scene.vendor.post(f"/v1/licenses/{scene.license}/validate", {}).json()
        t.same((validated["valid"], validated["code"]), (False, "CUSTOMER_SUSPENDED"), "validation says so")
        scene.vendor.post(f"/v1/customers/{scene.customer.id}/reinstate", {})
        t.same(unlock(scene.customer, scene.license).status, 200, "reinstated")
        refused(t, unlock(scene.customer, scene.license, machine="other"), "SEATS_EXHAUSTED", "the one seat is taken")
        house.ctl("seal", check=True)
        sealed = scene.vendor.post(f"/v1/licenses/{scene.license}/validate", {})
        t.same((sealed.status, sealed.problem("valid")), (503, None), "sealed: no answer, which is no refusal")
        scene.close()


run(triples, again, replaced, approvals, deliveries, machines, files, before_enrolment, in_time)
