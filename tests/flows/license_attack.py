#!/usr/bin/env python3
"""Attacks on licensing: by a hostile customer, by another customer and another vendor, by a thief of
one token, and by nobody at all. Each check is a thing that was, or could have been, wrong."""

import base64
import hashlib
import json
import os
import secrets
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from glob import glob

from customers import Customer, enrol, enrolled, new_customer
from house import House, instrumented, until
from license_things import FREE, Crowd, Scene, new_license, new_policy
from proof import Key, base64url
from tap import run
from vault_things import asked, at_once
from wire import Client, Closed, head_of

CLIENTS = 64
CANARY = "Zaphod-canary"
LIBRARY = next(iter(glob("/usr/lib/*/faketime/libfaketimeMT.so.1")), None)


def fingerprint(*parts):
    found = sorted((c, hashlib.sha256(text.encode()).digest()) for c, text in parts)
    return base64url(bytes([1, len(found)]) + b"".join(bytes([c]) + d for c, d in found))


def unlock(customer, license_id, key=None, machine="desk", **more):
    return customer.post(f"/v1/licenses/{license_id}/unlock", {"machine": machine, **more}, key=key or secrets.token_hex(8))


def said(answer):
    return answer.status, answer.problem("code")


def claims(answer):
    part = answer.json()["license"].split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


# ---- Floods ---------------------------------------------------------------------------------------


def floods(t):
    """What may be done without limit by a vendor may not by others."""
    with House(token_rate=1, token_burst=40, customer_burst=20, address_rate=0, failure_rate=1, failure_burst=40) as house:
        house.open()
        vendor, verifier = house.client(), Client(house, house.token("acme", "verifier"))
        ada = enrolled(house, vendor)
        path = "/v1/licenses/lic_" + ada.id[4:] + "/revoke"
        began = time.monotonic()
        got = [ada.post(path, {}).status for _ in range(80)]
        t.ok(set(got) == {403, 429} and got.count(403) <= 22 + time.monotonic() - began, "a customer's attempts to revoke are limited", got)
        got = [verifier.post(path, {}).status for _ in range(80)]
        t.ok(set(got) == {403, 429} and got.count(403) <= 45, "and those of a token without the role", got)
        got = [vendor.post(path, {}).status for _ in range(80)]
        t.same(set(got), {404}, "but not a vendor's")
        stranger = Customer(house, Key(), ada.id)
        got = [stranger.post(path, {}).status for _ in range(80)]
        t.ok(set(got) == {401, 429} and got.count(401) <= 45, "a stranger's proofs cost little there, too", got)
        got = vendor.post(path, {}).status
        t.same(got, 404, "and keep nobody from revoking")
        rows = len(house.audit_rows(action="license.revoke"))
        t.ok(rows < 300, "what the limits refuse leaves no rows", rows)
        for one in (vendor, verifier, ada, stranger):
            one.close()


# ---- What a proof is a proof of -------------------------------------------------------------------


def proofs(t):
    with House(**FREE) as house:
        scene = Scene(house.open(), {"seats": 4})
        ada, lic = scene.customer, scene.license
        long = "/v1/licenses?limit=1&x=" + "a" * 300
        cut = [said(ada.once("GET", long, claims={"path": long[: len("/v1/licenses") + n]})) for n in (255, 256, 290)]
        t.same(cut, [(401, "UNAUTHENTICATED")] * 3, "a proof for the beginning of an address is none for all of it")
        very = "/v1/licenses?x=" + "a" * 2000
        t.same({ada.once("GET", very, claims={"path": very[:n]}).status for n in (1023, 1024, len("/v1/licenses") + 1023)},
               {401}, "however long it is")  # fmt: skip
        t.same(ada.get("/v1/licenses?reference=" + "%C3%A9" * 64).status, 200, "a long address can be proven")
        path = f"/v1/licenses/{lic}"
        for name, sent in {
            "another path": path + "/artifact",
            "a slash behind": path + "/",
            "an empty query": path + "?",
            "another spelling": path.replace("lic_", "%6cic_"),
            "a fragment": path + "#x",
        }.items():
            got = ada.once("GET", sent, claims={"path": path}).status
            t.ok(got in (400, 401, 404), f"{name}: not this request's proof", got)
        t.same(ada.once("HEAD", path, claims={"method": "GET"}).status, 401, "a proof of GET is none of HEAD")
        body = b'{"machine":"m"}'
        t.same(ada.once("POST", path + "/validate", body, claims={"digest": base64url(hashlib.sha256(b"{}").digest())}).status,
               401, "another body")  # fmt: skip
        signed = ada.authorization("POST", path + "/validate", body)
        wire = ada.connect()
        head = {"Authorization": signed, "Content-Type": "application/json", "Transfer-Encoding": "chunked"}
        wire.send(head_of("POST", path + "/validate", house.ip, head) + b"4\r\n{\"ma\r\nb\r\nchine\":\"n\"}\r\n0\r\n\r\n")
        t.same(wire.answer().status, 401, "another body in chunks")
        ada.close()
        ada.nonce = None
        signed = ada.authorization("POST", path + "/validate", b"{}")
        twice = (f"POST {path}/validate HTTP/1.1\r\nHost: {house.ip}\r\nAuthorization: {signed}\r\n"
                 f"authorization: Bearer {scene.vendor.secret}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}")  # fmt: skip
        wire = ada.connect()
        wire.send(twice.encode())
        t.same(wire.answer().status, 400, "two Authorization headers")
        ada.close()
        key = secrets.token_hex(8)
        bob = enrolled(house, scene.vendor, "Bob")
        ours = unlock(ada, lic, key)
        t.same(said(unlock(bob, lic, key))[0], 404, "another customer's Idempotency-Key brings him nothing")
        t.same(unlock(ada, lic, key).body == ours.body, True, "its owner gets his answer")
        for name, client in (("another customer", bob), ("another vendor", house.vendor("globex"))):
            got = []
            for method, what in (("GET", ""), ("POST", "/validate"), ("POST", "/file"), ("GET", "/artifact"),
                                 ("PUT", "/leases/m"), ("DELETE", "/leases/m")):  # fmt: skip
                got.append(said(client.request(method, path + what, None if method in ("GET", "DELETE") else {})))
            t.same(set(got), {(404, "NOT_FOUND")}, f"{name} finds no such license by any route")
        t.same(said(bob.request("PUT", f"/v1/customers/{ada.id}/key", {"jwk": Key().jwk, "proof": "x"}))[0], 404,
               "nobody replaces another's key")  # fmt: skip
        t.same(bob.get("/v1/customers/" + ada.id).status, 404, "nor sees him")
        bob.close()


# ---- Who holds no code ----------------------------------------------------------------------------


def nobody(t):
    """A used nonce takes a place for five minutes: only who is somebody may take one."""
    with House(**FREE) as house, closing(house.open().client()) as vendor:
        stranger = Customer(house, Key(), None)
        stranger.kid = stranger.key.thumbprint
        body = json.dumps({"code": "hmc_" + "A" * 43, "jwk": stranger.key.jwk}).encode()
        signed = stranger.authorization("POST", "/v1/enrolments", body)
        got = [said(stranger.plain("POST", "/v1/enrolments", body, {"Authorization": signed})) for _ in range(3)]
        t.same(got, [(403, "CODE_UNKNOWN")] * 3, "without a code no nonce is used up")
        code = new_customer(vendor, "Ada")["code"]
        body = json.dumps({"code": code, "jwk": stranger.key.jwk}).encode()
        signed = stranger.authorization("POST", "/v1/enrolments", body)
        got = [said(stranger.plain("POST", "/v1/enrolments", body, {"Authorization": signed}))[0] for _ in range(2)]
        t.same(got, [200, 401], "with one it is")
        stranger.close()


# ---- Machines -------------------------------------------------------------------------------------


def machines(t):
    """A license file says for which machine it is; a machine that has one is one of the license's."""
    with House(**FREE) as house:
        scene = Scene(house.open(), {"binding": "any", "seats": 2}, seats=2)
        ada, at = scene.customer, f"/v1/licenses/{scene.license}"
        prints = [fingerprint((1, f"id {n}")) for n in range(5)]
        got = [said(ada.post(at + "/file", {"fingerprint": p}))[0] for p in prints]
        t.same(got, [200, 200, 403, 403, 403], "two seats are two machines for license files, too")
        t.same(len(scene.vendor.get(at + "/machines").json()["items"]), 2, "both are bound")
        t.same(unlock(ada, scene.license, machine="a", fingerprint=prints[1]).status, 200, "they are those that unlock")
        t.same(said(unlock(ada, scene.license, machine="b", fingerprint=prints[4])), (403, "MACHINE_MISMATCH"), "no third one")
        got = ada.post(at + "/file", {})
        t.ok(got.status == 403 or "bound" not in claims(got) or not claims(got)["bound"], "a file for no machine names none", got)
        other = scene.issue({"binding": "any"})["id"]
        got = at_once(*[lambda p=p: asked(house, scene.vendor.secret, "POST", f"/v1/licenses/{other}/file", {"fingerprint": p})
                        for p in prints])  # fmt: skip
        t.same(sorted(a.status for a in got), [200] + [403] * 4, "of five who ask at once one has the one seat")


def files(t):
    """What was signed before the terms changed does not leave behind it."""
    with House(**FREE, threads=8) as house:
        scene = Scene(house.open(), {"offline": 0})
        policy = house.ask("SELECT policy FROM license")[0][0]
        for offline in range(3600, 3620):  # until the change has come while a file was under way
            custodian = house.pids("hallmark-custodian")[0]
            with ThreadPoolExecutor(1) as pool:
                os.kill(custodian, signal.SIGSTOP)
                try:
                    asking = pool.submit(asked, house, scene.vendor.secret, "POST", f"/v1/licenses/{scene.license}/file", {})
                    time.sleep(0.3)
                    changed = scene.vendor.request("PATCH", "/v1/policies/" + policy, {"offline": offline}, {"If-Match": "*"})
                finally:
                    os.kill(custodian, signal.SIGCONT)
            if asking.result().status != 200:
                break
            t.same(claims(asking.result())["offline"], offline, "a file that was asked for too late has the new terms")
        t.same((changed.status, said(asking.result())), (200, (503, "BUSY")), "terms change while a file is being signed: it is signed again")


def clocks(t):
    """A seat that lapsed by a clock that was ahead is not taken before its time is over."""
    if LIBRARY is None or instrumented():
        return t.skip("a clock that is set back", "there is no libfaketime here, or a sanitizer that bears none")
    with House(**FREE) as house:
        clock = house.folder / "clock"
        clock.write_text("+0\n")
        house.open(env={"LD_PRELOAD": LIBRARY, "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1",
                        "FAKETIME_DONT_FAKE_MONOTONIC": "1"})  # fmt: skip
        scene = Scene(house, {"lease": 60})
        at = f"/v1/licenses/{scene.license}"
        t.same(scene.vendor.request("PUT", at + "/leases/a", {}).status, 201, "the one seat is taken")
        for ahead in ("+90s", "+0s"):
            clock.with_suffix(".new").write_text(ahead + "\n")
            os.replace(clock.with_suffix(".new"), clock)
            t.same(scene.vendor.post(at + "/validate", {}).status, 200, f"the clock is at {ahead}")
        got = {said(scene.vendor.request("PUT", f"{at}/leases/b{n}", {})) for n in range(5)}
        t.same(got, {(403, "SEATS_EXHAUSTED")}, "nobody else gets it")
        t.same(scene.vendor.request("PUT", at + "/leases/a", {}).status, 200, "who has it keeps it")


# ---- Approvals ------------------------------------------------------------------------------------


def approvals(t):
    with House(**FREE) as house:
        scene = Scene(house.open(), {"approvals": 2, "approvers": 3})
        thief, other = (Client(house, house.token("acme", "issuer", name=n)) for n in ("thief", "other"))
        for client in (thief, other):
            client.request("POST", f"/v1/licenses/{scene.license}/approvals", {})
        t.same(unlock(scene.customer, scene.license, "k1").status, 200, "two approve")
        token = house.ask("SELECT id FROM token WHERE name = 'thief'")[0][0]
        t.ok(scene.vendor.delete(f"/v1/tokens/{token}", "*").status < 300, "one of them is found to be a thief's")
        t.same(said(unlock(scene.customer, scene.license)), (403, "APPROVALS_MISSING"), "what he approved is not approved")
        shown = scene.vendor.get(f"/v1/licenses/{scene.license}/approvals").json()
        t.same((shown["given"], shown["needed"]), (1, 2), "and is not counted")
        t.same(said(thief.request("POST", f"/v1/licenses/{scene.license}/approvals", {}))[0], 401, "nor does he approve again")
        policy = "/v1/policies/" + house.ask("SELECT policy FROM license")[0][0]
        got = [c.request("PATCH", policy, {"approvals": n}, {"If-Match": "*"}).status for c, n in ((other, 1), (other, 3), (scene.vendor, 1))]
        t.same(got, [403, 200, 200], "an issuer asks for more of them, not for fewer")
        thief.close()
        other.close()


# ---- Values ---------------------------------------------------------------------------------------


def values(t):
    with House(**FREE) as house:
        scene = Scene(house.open(), {"duration": 0, "entitlements": ["a", "b"]})
        vendor = scene.vendor
        grows = "\ufdfa" * 42
        for path in ("/v1/customers", "/v1/policies"):
            t.same(said(vendor.post(path, {"name": grows})), (422, "INVALID_VALUE"), f"{path}: a name that grows when it is folded")
        made = vendor.get("/v1/customers/" + scene.customer.id)
        answer = vendor.request("PATCH", "/v1/customers/" + scene.customer.id, {"name": grows}, {"If-Match": made.headers["etag"]})
        t.same(said(answer), (422, "INVALID_VALUE"), "nor by renaming")
        asks = {"customer": scene.customer.id, "release": scene.release["id"],
                "policy": house.ask("SELECT policy FROM license")[0][0]}  # fmt: skip
        for when in ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00.500Z", "1969-12-31T23:59:59Z", "2024-12-31T23:59:59Z"):
            got = [vendor.post("/v1/licenses", {**asks, "expires": when}), vendor.post("/v1/licenses", {**asks, "not_before": when}),
                   vendor.post(f"/v1/licenses/{scene.license}/renew", {"expires": when})]  # fmt: skip
            t.ok({a.status for a in got} <= {403, 422}, f"{when} is a time that is over, not one that was not said", got)
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        t.same(said(vendor.post("/v1/licenses", {**asks, "expires": now})), (403, "TERM_EMPTY"), "nor one that ends now")
        for field, wrong in (("seats", 2**63), ("seats", 1.5), ("seats", "1"), ("seats", -1), ("expires", 0), ("entitlements", [1]),
                             ("entitlements", ["a", "a"]), ("entitlements", ["z"]), ("reference", "x" * 129),
                             ("reference", "a\0b"), ("customer", ["x"])):  # fmt: skip
            got = vendor.post("/v1/licenses", {**asks, field: wrong})
            t.ok(got.status in (400, 404, 422), f"{field} = {str(wrong)[:12]!r}", got)
        none = vendor.post("/v1/licenses", {**asks, "entitlements": []}).json()
        t.same(none["entitlements"], [], "no entitlements are none, not all")
        for cursor in ("x", base64url(b"cus_x"), base64url(scene.customer.id.encode()), "A" * 4000):
            got = vendor.get("/v1/licenses?cursor=" + cursor)
            t.ok(got.status in (400, 414, 422, 431), "a cursor of another list", got)


def long_lists(t):
    """The longest rows there are, as many as a page has."""
    with House(**FREE) as house:
        scene = Scene(house.open(), {"entitlements": [f"{n:03}" + "x" * 61 for n in range(64)]})
        asks = {"customer": scene.customer.id, "release": scene.release["id"],
                "policy": house.ask("SELECT policy FROM license")[0][0]}  # fmt: skip
        for n in range(200):
            assert scene.vendor.post("/v1/licenses", {**asks, "reference": f'"{n}' + '\\"' * 60}).status == 201
            new_policy(scene.vendor, entitlements=[f"{n:03}" + "y" * 61 for n in range(64)])
        for client in (scene.vendor, scene.customer):
            got = client.get("/v1/licenses?limit=200")
            t.same((got.status, len(got.json().get("items", []))), (200, 200), "200 of the longest licenses")
        got = scene.vendor.get("/v1/policies?limit=200")
        t.same((got.status, len(got.json().get("items", []))), (200, 200), "200 of the longest policies")


def many_machines(t):
    """Those that a license is bound to are looked at in each decision: there is an end to them."""
    with House(**FREE) as house:
        scene = Scene(house.open(), {"binding": "any", "seats": 256}, seats=256)
        got = scene.vendor.post("/v1/policies", {"name": "too many", "binding": "any", "seats": 257})
        t.same(said(got), (422, "INVALID_VALUE"), "a policy that binds has 256 seats at most")
        at = f"/v1/licenses/{scene.license}"
        prints = [fingerprint(*[(1, f"{n} {k}") for k in range(8)]) for n in range(257)]
        got = [scene.customer.request("PUT", f"{at}/leases/m{n}", {"fingerprint": p}).status for n, p in enumerate(prints)]
        t.same(got, [201] * 256 + [403], "as many machines are bound")
        began = time.monotonic()
        got = {scene.customer.post(at + "/validate", {"fingerprint": prints[255]}).json()["code"] for _ in range(20)}
        t.same(got, {"VALID"}, "the last one of them is found")
        t.ok(time.monotonic() - began < 2 or instrumented(), "soon enough", time.monotonic() - began)


# ---- Canaries -------------------------------------------------------------------------------------


def canaries(t):
    """Codes, secrets, names and addresses are in no log, no audit row, no event; the erased are nowhere."""
    with House(**FREE) as house:
        scene = Scene(house.open(), {"seats": 4})
        vendor, hidden = scene.vendor, []
        hook = vendor.post("/v1/webhooks", {"url": "https://hooks.example.com/x", "events": ["*"]}).json()
        hidden += [hook["secret"], hook["secret"].removeprefix("whsec_")]
        made = new_customer(vendor, CANARY, email=CANARY + "@example.com")
        hidden += [made["code"], made["code"].removeprefix("hmc_"), CANARY]
        answer, ben = enrol(house, made["code"])
        lic = scene.issue({}, customer=ben)["id"]
        secret = vendor.post(f"/v1/licenses/{lic}/deliveries", {}).json()["secret"]
        hidden += [secret, secret.removeprefix("hmd_")]
        unlock(ben, lic, delivery=secret)
        for wrong in (secret, "hmd_" + CANARY):
            unlock(ben, lic, delivery=wrong)
        enrol(house, made["code"])
        enrol(house, "hmc_" + CANARY)
        vendor.post("/v1/customers", {"name": CANARY})
        vendor.get(f"/v1/customers?name={CANARY}")
        vendor.get(f"/v1/customers/{secret}")
        vendor.get(f"/v1/licenses/{lic}/explain?machine={CANARY}&action={CANARY}")
        ben.request("PUT", f"/v1/licenses/{lic}/leases/{secret}", {})
        vendor.post(f"/v1/customers/{ben.id}/suspend", {})
        vendor.post(f"/v1/customers/{ben.id}/reinstate", {})
        vendor.post(f"/v1/licenses/{lic}/transfer", {"customer": scene.customer.id})
        etag = vendor.get("/v1/customers/" + ben.id).headers["etag"]
        t.same(vendor.delete("/v1/customers/" + ben.id, etag).status, 200, "the customer is erased")
        tables = {table: house.ask(f"SELECT * FROM {table}") for table in ("audit", "event", "message", "answer", "customer", "delivery")}
        for name, rows in {"log": house.said(), **tables}.items():
            found = [text for text in hidden if text in str(rows) or any(isinstance(v, bytes) and text.encode() in v for row in rows for v in row)]
            t.same(found, [], f"no secret and no name in {name}")
        t.same((unlock(ben, lic).status, ben.get("/v1/licenses").status), (401, 401), "the erased customer is nobody")
        new = enrolled(house, vendor, CANARY)
        t.same(new.get("/v1/licenses").json()["items"], [], "the next one of his name has nothing of his")
        for one in (new, ben, scene):
            one.close()


# ---- Once each ------------------------------------------------------------------------------------


def one_row(t):
    """Each request has one row, whatever came of it."""
    with House(**FREE) as house:
        scene = Scene(house.open(), {"seats": 1, "unlocks": 2})
        ada, at, key = scene.customer, f"/v1/licenses/{scene.license}", secrets.token_hex(8)
        ada.get(at)
        time.sleep(0.3)
        done = {
            "a claim": lambda: ada.request("PUT", at + "/leases/a", {}),
            "one too many": lambda: ada.request("PUT", at + "/leases/b", {}),
            "a seat back": lambda: ada.request("DELETE", at + "/leases/a"),
            "no seat back": lambda: ada.request("DELETE", at + "/leases/a"),
            "an unlock": lambda: unlock(ada, scene.license, key),
            "its retry": lambda: unlock(ada, scene.license, key),
            "its key for another": lambda: unlock(ada, scene.license, key, machine="b"),
            "a file": lambda: ada.post(at + "/file", {}),
            "an artifact": lambda: ada.get(at + "/artifact"),
            "a validation": lambda: ada.post(at + "/validate", {}),
            "a wrong body": lambda: ada.request("POST", at + "/validate", b"{"),
            "a machine that is none": lambda: ada.request("PUT", at + "/leases/%20", {}),
            "an explanation": lambda: scene.vendor.get(at + "/explain"),
            "a bad proof": lambda: ada.once("GET", at, claims={"method": "PUT"}),
            "an approval that nobody wants": lambda: scene.vendor.request("POST", at + "/approvals", {}),
            "a delivery": lambda: scene.vendor.post(at + "/deliveries", {}),
            "a dry run": lambda: scene.vendor.post("/v1/licenses", {"dry_run": True, "customer": ada.id, "release": scene.release["id"],
                                                   "policy": house.ask("SELECT policy FROM license")[0][0]}),  # fmt: skip
            "a suspension": lambda: scene.act("suspend"),
            "a retry meanwhile": lambda: unlock(ada, scene.license, key),
            "a reinstatement": lambda: scene.act("reinstate"),
            "a renewal": lambda: scene.act("renew"),
            "a transfer that may not be": lambda: scene.act("transfer", body={"customer": ada.id}),
            "a revocation": lambda: scene.act("revoke"),
            "another one": lambda: scene.act("revoke"),
        }
        wrong, rows = [], lambda: house.ask("SELECT count(*) FROM audit")[0][0]
        for name, act in done.items():
            before, answer = rows(), act()
            until(lambda b=before: rows() > b, 5, f"a row of {name}", 0.005)
            time.sleep(0.02)
            if rows() != before + 1:
                wrong.append((name, answer, rows() - before))
        t.same(wrong, [], f"{len(done)} kinds of requests leave one row each")


# ---- Races ----------------------------------------------------------------------------------------


def races(t):
    """Whatever is done to a license at once, seats and successors stay what they are."""
    with House(**FREE) as house:
        scene = Scene(house.open(), {"seats": 3, "transferable": True}, seats=3)
        heirs = [enrolled(house, scene.vendor, f"heir {n}") for n in range(2)]
        bad, crowded = [], 0
        for _ in range(15):
            lic = new_license(scene.vendor, scene.customer.id, scene.release["id"], house.ask("SELECT policy FROM license")[0][0])["id"]
            at, token = f"/v1/licenses/{lic}", scene.vendor.secret
            acts = [lambda m=m: asked(house, token, "PUT", f"{at}/leases/m{m}", {}) for m in range(6)]
            acts += [lambda h=h: asked(house, token, "POST", at + "/transfer", {"customer": h.id}) for h in heirs]
            acts += [lambda s=s: asked(house, token, "POST", at + "/renew", {"seats": s}) for s in (1, 2)]
            acts += [lambda: asked(house, token, "POST", at + "/revoke", {})]
            got = at_once(*acts)
            if any(a.status >= 500 and a.status != 503 for a in got):
                bad.append([a for a in got if a.status >= 500])
            crowded += sum(said(a) == (403, "SEATS_EXHAUSTED") for a in got[:6])
            row = house.ask("SELECT state, seats, seats_used, (SELECT count(*) FROM lease WHERE license = license.id),"
                            " (SELECT count(*) FROM license s WHERE s.predecessor = license.id) FROM license WHERE id = ?", lic)[0]  # fmt: skip
            state, seats, used, leases, successors = row
            if used != leases or used > seats or successors != (state == 3) or state not in (2, 3) or leases:
                bad.append(row)
        t.same(bad, [], "claims, transfers, renewals and a revocation at once, 15 times")
        for one in [*heirs, scene]:
            one.close()


def deaths(t):
    """64 clients unlock while the custodian is killed: each retry comes to its one unlock."""
    with House(**FREE) as house:
        scene = Scene(house.open(), {"seats": CLIENTS, "unlocks": 10000}, seats=CLIENTS)
        people = [Customer(house, scene.customer.key, scene.customer.id) for _ in range(CLIENTS)]
        wanted, wrong = 3, []

        def work(n):
            for k in range(wanted):
                for _ in range(1000):
                    try:
                        answer = unlock(people[n], scene.license, f"{n}-{k}", machine=f"m{n}")
                    except (Closed, OSError) as e:
                        wrong.append(repr(e))
                        continue
                    if answer.status == 200:
                        break
                    if answer.status != 503:
                        wrong.append(answer)
                    time.sleep(0.05)
                else:
                    wrong.append(f"client {n} never got its key")

        threads = [threading.Thread(target=work, args=(n,)) for n in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for _ in range(4):
            time.sleep(0.15)
            for pid in house.pids("hallmark-custodian"):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        for thread in threads:
            thread.join(100)
        t.same(wrong[:5], [], "each of 64 clients gets its keys although the custodian dies")
        t.same(house.ask("SELECT unlocks, seats_used FROM license"), [(CLIENTS * wanted, CLIENTS)], "each was counted once")
        for one in [*people, scene]:
            one.close()


def hang_ups(t):
    """Clients that go in the middle of an unlock leave nothing behind."""
    with House(**FREE) as house:
        scene = Scene(house.open(), {"seats": 1, "unlocks": 1000000})
        path = f"/v1/licenses/{scene.license}/unlock"
        body = b'{"machine":"desk"}'

        def used():
            pid = house.server.pid
            pages = int(open(f"/proc/{pid}/statm").read().split()[1])
            return len(os.listdir(f"/proc/{pid}/fd")), pages * 4 // 1024

        def round_of(n, ends):
            crowd = Crowd(house, 8)
            for k in range(n):
                for i in range(8):
                    signed = scene.customer.authorization("POST", path, body)
                    head = {"Authorization": signed, "Content-Type": "application/json", "Content-Length": str(len(body)),
                            "Idempotency-Key": secrets.token_hex(8)}  # fmt: skip
                    crowd.wire[i].send(head_of("POST", path, house.ip, head) + body)
                    if not ends or k < n - 1:
                        scene.customer.nonce = crowd.wire[i].answer("POST").headers.get("hallmark-nonce")
            crowd.close()

        round_of(20, True)
        before = used()
        for _ in range(40):
            round_of(3, True)
        until(lambda: used()[0] <= before[0] + 8, 10, "the connections are gone")
        after = used()
        t.ok(after[0] <= before[0] + 8, "no descriptor is left", (before, after))
        t.ok(after[1] <= before[1] + 60 or instrumented(), "and no memory", (before, after))


if __name__ == "__main__":
    run(floods, proofs, nobody, machines, files, clocks, approvals, values, long_lists, many_machines, canaries, one_row, races, deaths, hang_ups)
