#!/usr/bin/env python3
"""The life of a license: issued, listed, renewed, suspended, reinstated, revoked, transferred; each
act once however often it is asked for; what stands in its file; and that nobody sees another's."""

import base64
import json
import secrets
import threading
import time
import uuid
from collections import Counter
from contextlib import closing

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from customers import enrolled, new_customer
from house import House
from license_things import FREE, Scene, new_license, new_policy
from tap import run

LICENSES = "/v1/licenses"
ABSENT = "lic_00000000-0000-7000-8000-000000000000"
STARTS, ENDS = "2026-01-01T00:00:00.000Z", "2099-12-31T23:59:59.000Z"


def heard(answer):
    return answer.status, answer.problem("code") if answer.status >= 400 else ""


def decoded(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def claims(client, token):
    """What a license file says, once its signature was verified by a library that is not ours."""
    header, payload, signature = token.split(".")
    kid = json.loads(decoded(header))["kid"]
    jwk = next(k for k in client.get("/v1/keys").json()["keys"] if k["kid"] == kid)
    x, y = (int.from_bytes(decoded(jwk[c]), "big") for c in "xy")
    key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    raw = decoded(signature)
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    key.verify(der, f"{header}.{payload}".encode(), ec.ECDSA(hashes.SHA256()))
    return json.loads(decoded(payload))


def issued(t, scene):
    client, release = scene.vendor, scene.release
    terms = {"seats": 5, "entitlements": ["a", "b"], "lease": 60, "offline": 0, "tolerance": 7, "duration": 0}
    policy = client.post("/v1/policies", {"name": "Terms", **terms}).json()["id"]
    body = {"customer": scene.customer.id, "release": release["id"], "policy": policy}
    answer = client.post(LICENSES, {**body, "reference": "A-1", "seats": 2, "not_before": STARTS, "expires": ENDS,
                                    "entitlements": ["b"]})  # fmt: skip
    made = answer.json()
    t.same(answer.status, 201, "a license on terms of its own")
    t.same(client.get(answer.headers["location"]).json(), made, "is where its address says")
    t.same(client.get(answer.headers["location"]).headers["etag"], answer.headers["etag"], "with the same ETag")
    wanted = {**body, "reference": "A-1", "state": "active", "seats": 2, "seats_used": 0, "entitlements": ["b"], "unlocks": 0,
              "not_before": STARTS, "expires": ENDS, "reason": None, "predecessor": None}  # fmt: skip
    t.same({k: made[k] for k in wanted}, wanted, "it shows what was asked for")
    said = claims(client, made["token"])
    wanted = {"iss": scene.house.ask("SELECT vendor FROM license WHERE id = ?", made["id"])[0][0], "sub": scene.customer.id,
              "aud": release["id"], "jti": made["id"], "artifact": release["artifact"]["sha256"], "nbf": 1767225600,
              "exp": 4102444799, "seats": 2, "entitlements": ["b"], "lease": 60, "offline": 0, "tolerance": 7,
              "binding": "none", "epoch": 0}  # fmt: skip
    t.same({k: said[k] for k in wanted}, wanted, "its file says the same, signed")
    plain = client.post(LICENSES, body).json()
    t.same((plain["seats"], plain["entitlements"], plain["expires"], plain["reference"]), (5, ["a", "b"], None, None),
           "what is not said is the policy's")  # fmt: skip
    t.same("exp" in claims(client, plain["token"]), False, "a license without end has no exp")
    t.same(plain["not_before"], plain["issued"], "it begins at once")
    for names in (("ada", "terms"), ("ADA", "TERMS")):
        answer = client.post(LICENSES, {"customer": names[0], "release": release["id"], "policy": names[1]})
        t.same((answer.status, answer.json().get("policy")), (201, policy), f"{' and '.join(names)}: names do as well")
    return made


def refused(t, scene, made):
    """What is wrong with the request itself, before any terms are looked at."""
    client = scene.vendor
    body = {k: made[k] for k in ("customer", "release", "policy")}
    before = scene.house.counts()
    for change, status, where in [
        ({"customer": "nobody"}, 404, "/customer"), ({"policy": "none"}, 404, "/policy"), ({"release": "none"}, 404, "/release"),
        ({"customer": "cus_" + ABSENT[4:]}, 404, "/customer"), ({"policy": "pol_" + ABSENT[4:]}, 404, "/policy"),
        ({"release": "rel_" + ABSENT[4:]}, 404, "/release"), ({"seats": 0}, 422, "/seats"), ({"seats": "1"}, 422, "/seats"),
        ({"expires": "soon"}, 422, "/expires"), ({"expires": 7}, 422, "/expires"), ({"not_before": STARTS[:10]}, 422, "/not_before"),
        ({"not_before": "2024-12-31T23:59:59Z"}, 422, "/not_before"), ({"entitlements": ["c"]}, 422, "/entitlements"),
        ({"entitlements": "a"}, 422, "/entitlements"), ({"entitlements": ["a", "a"]}, 422, "/entitlements"),
        ({"reference": "x" * 129}, 422, "/reference"), ({"reference": "A-1"}, 409, "/reference"), ({"colour": 1}, 422, "/colour"),
        ({"dry_run": 1}, 422, "/dry_run"), ({"reference": "A-1", "dry_run": True}, 409, "/reference"),
        ({"customer": None}, 422, "/customer"),
    ]:  # fmt: skip
        answer = client.post(LICENSES, {**body, **change})
        errors = answer.json().get("errors", [{}])
        t.same((answer.status, errors[0].get("pointer")), (status, where), f"{str(change)[:60]}: {status} at {where}")
    for bad in (b"", b"{", b"[]", b"null"):
        t.same(heard(client.post(LICENSES, bad)), (400, "MALFORMED_JSON"), f"{bad} is no license")
    t.same(scene.house.counts(), before, "nothing was made of these")


def rehearsed(t, scene, made):
    client = scene.vendor
    body = {k: made[k] for k in ("customer", "release", "policy")}
    before = {k: v for k, v in scene.house.counts().items() if k != "answer"}
    answer = client.post(LICENSES, {**body, "seats": 4, "dry_run": True})
    said = answer.json()
    t.same((answer.status, said["code"], said["seats"]), (200, "VALID", 4), "a dry run says what would be")
    t.ok("token" not in said and "id" not in said and "location" not in answer.headers, "and there is no license", said)
    t.same(heard(client.post(LICENSES, {**body, "seats": 6, "dry_run": True})), (403, "SEATS_OVER_POLICY"), "or what would not")
    t.same({k: v for k, v in scene.house.counts().items() if k != "answer"}, before, "it writes nothing")


def lived(t, scene):
    client, house = scene.vendor, scene.house
    made = scene.issue({"seats": 3, "duration": 3600, "entitlements": ["a", "b"]}, seats=1, entitlements=["a"])
    one = f"{LICENSES}/{made['id']}"
    answer = scene.act("renew", made["id"], {"seats": 3, "entitlements": ["b", "a"]})
    now = answer.json()
    t.same((answer.status, now["seats"], now["entitlements"]), (200, 3, ["b", "a"]), "renewed: other seats and entitlements")
    said = claims(client, now["token"])
    t.same((said["seats"], said["entitlements"]), (3, ["b", "a"]), "in its new file, too")
    t.same(said["exp"], claims(client, made["token"])["exp"] + 3600, "it ends by the policy's duration later")
    t.same(said["nbf"], claims(client, made["token"])["nbf"], "and begins when it did")
    t.same(client.get(one).json(), now, "the answer is what it is now")
    t.same(scene.act("suspend", made["id"], {"reason": "bill unpaid"}).json()["reason"], "bill unpaid", "suspended, with a reason")
    t.same(scene.act("validate", made["id"]).json()["code"], "LICENSE_SUSPENDED", "it is not valid")
    t.same(scene.act("reinstate", made["id"]).json()["state"], "active", "reinstated")
    t.same(scene.act("validate", made["id"]).json()["code"], "VALID", "it is valid again")
    claim = client.request("PUT", f"{one}/leases/m1", {})
    t.same(claim.status, 201, "a machine takes a seat")
    t.same(heard(scene.act("renew", made["id"], {"seats": 1})), (200, ""), "one seat is in use: one is enough")
    answer = scene.act("revoke", made["id"], {"reason": "resold"})
    t.same((answer.json()["state"], answer.json()["seats_used"]), ("revoked", 0), "revoked: its seats are gone")
    for what in ("renew", "suspend", "reinstate", "revoke", "approvals", "deliveries"):
        t.same(heard(scene.act(what, made["id"])), (403, "LICENSE_REVOKED"), f"{what}: it is over")
    for what in ("suspend", "reinstate", "revoke", "renew"):
        t.same(scene.act(what, made["id"], b"{").status, 400, f"{what} with something that is no JSON")
        t.same(heard(scene.act(what, made["id"], {"colour": 1})), (422, "UNKNOWN_FIELD"), f"{what} with a field of no use")
    rows = [(r["action"], r["outcome"]) for r in house.audit_rows(object=made["id"]) if r["outcome"] != "OK"]
    t.ok(("license.renew", "LICENSE_REVOKED") in rows, "the audit has the refusals by their names", rows)


def listed_as_revoked(client, house):
    """Ids of the vendor's public list."""
    vendor = house.ask("SELECT id FROM vendor WHERE name = 'acme'")[0][0]
    time.sleep(1.1)  # at most one list a second
    payload = client.get(f"/v1/vendors/{vendor}/revocations").body.decode().split(".")[1]
    text = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["revoked"]
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return {f"lic_{uuid.UUID(bytes=raw[i:i + 16])}" for i in range(0, len(raw), 16)}


def transferred(t, scene):
    client, house = scene.vendor, scene.house
    heir = enrolled(house, client, "Grace")
    terms = {"transferable": True, "seats": 2, "entitlements": ["a"]}
    made = scene.issue(terms, reference="B-7", not_before=STARTS, expires="2026-12-31T00:00:00Z")
    answer = scene.act("transfer", made["id"], {"customer": "grace"})
    new = answer.json()
    t.same((answer.status, new["customer"], new["predecessor"]), (201, heir.id, made["id"]), "transferred: a new license")
    kept = ("release", "policy", "seats", "entitlements", "not_before", "expires")
    t.same({k: new[k] for k in kept}, {k: made[k] for k in kept}, "for what is left of the old one")
    t.same(claims(client, new["token"])["sub"], heir.id, "whose file names the new customer")
    old = client.get(f"{LICENSES}/{made['id']}").json()
    t.same((old["state"], old["reference"]), ("transferred", "B-7"), "the old one is over, and keeps its number")
    for what in ("renew", "suspend", "reinstate", "revoke"):
        t.same(heard(scene.act(what, made["id"])), (403, "LICENSE_TRANSFERRED"), f"{what}: the old one is over")
    gone = listed_as_revoked(client, house)
    t.same([made["id"] in gone, new["id"] in gone], [True, False], "the old one's file dies with the next list, the new one's does not")
    t.same(heard(scene.customer.get(f"{LICENSES}/{new['id']}")), (404, "NOT_FOUND"), "the old customer does not see it")
    t.same(heir.get(f"{LICENSES}/{new['id']}").json()["id"], new["id"], "the new one does")
    heir.close()


def listed(t, scene):
    client = scene.vendor
    policy = new_policy(client)
    other = new_customer(client, "Many")["id"]
    ids = [new_license(client, other, scene.release["id"], policy, reference=f"L-{i}")["id"] for i in range(7)]
    seen, path = [], f"{LICENSES}?customer={other}&limit=3"
    while path:
        answer = client.get(path)
        seen += [one["id"] for one in answer.json()["items"]]
        t.ok(not any("token" in one for one in answer.json()["items"]), "lists have no license files")
        link = answer.headers.get("link", "")
        path = link and link.split(">")[0][1:] + "&limit=3"
    t.same(seen, ids, "a customer's licenses, page by page, by the links alone")
    for n in (0, 3):
        scene.act("revoke", ids[n])
    scene.act("suspend", ids[5])

    def found(query):
        return [one["id"] for one in client.get(f"{LICENSES}?limit=200&{query}").json()["items"]]

    t.same(found(f"customer={other}&state=revoked"), [ids[0], ids[3]], "the revoked ones")
    t.same(found(f"customer={other}&state=suspended"), [ids[5]], "the suspended ones")
    t.same(len(found(f"customer={other}&state=active")), 4, "the active ones")
    t.same(found(f"customer={other}&state=transferred"), [], "none was transferred")
    t.ok(set(ids) <= set(found(f"release={scene.release['id']}")), "by release")
    t.ok({ids[0], ids[3]} <= set(found("state=revoked")), "by state alone")
    one = client.get(f"{LICENSES}?reference=L-4").json()["items"]
    t.same([x["reference"] for x in one], ["L-4"], "by the vendor's own number")
    t.same([found("reference=L-4&state=transferred"), found("reference=nothing")], [[], []], "and none if none fits")
    t.same(found("customer=cus_" + ABSENT[4:]), [], "of nobody: none")
    for query, where in [("state=gone", "state"), (f"customer={other}&release={scene.release['id']}", "release"), ("limit=0", "limit"),
                         ("cursor=x", "cursor")]:  # fmt: skip
        answer = client.get(f"{LICENSES}?{query}")
        t.same((answer.status, answer.json()["errors"][0]["parameter"]), (422, where), f"?{query[:40]} is refused")
    own = [x["id"] for x in scene.customer.get(LICENSES + "?limit=200").json()["items"]]
    rows = scene.house.ask("SELECT id FROM license WHERE customer = ? ORDER BY seq", scene.customer.id)
    t.same(own, [i for (i,) in rows], "a customer lists his own, all of them")
    t.same(scene.customer.get(f"{LICENSES}?customer={other}").status, 422, "and may not ask for another's")


def once(t, scene):
    """However often an act is asked for with its Idempotency-Key, and whatever has changed since."""
    client, house = scene.vendor, scene.house
    policy = new_policy(client, transferable=True)
    body = {"customer": scene.customer.id, "release": scene.release["id"], "policy": policy}
    key = secrets.token_hex(8)
    first = client.post(LICENSES, body, key=key)
    before = house.ask("SELECT count(*) FROM license")
    client.request("PATCH", f"/v1/policies/{policy}", {"retired": True}, {"If-Match": "*"})
    t.same(heard(client.post(LICENSES, body)), (403, "POLICY_RETIRED"), "under a retired policy nothing is issued")
    again = client.post(LICENSES, body, key=key)
    t.same((again.status, again.body, again.headers["etag"]), (201, first.body, first.headers["etag"]),
           "what was issued before is answered with the same bytes")  # fmt: skip
    t.same(house.ask("SELECT count(*) FROM license"), before, "and issued once")
    t.same(heard(client.post(LICENSES, {**body, "seats": 2}, key=key)), (422, "IDEMPOTENCY_KEY_REUSED"), "the key with another body")
    named = new_customer(client, "Renamed")["id"]
    asked = {**body, "customer": "Renamed", "policy": new_policy(client)}
    key = secrets.token_hex(8)
    issued_by_name = client.post(LICENSES, asked, key=key)
    client.request("PATCH", f"/v1/customers/{named}", {"name": "Otherwise"}, {"If-Match": "*"})
    t.same(heard(client.post(LICENSES, asked)), (404, "NOT_FOUND"), "a customer of that name is no more")
    t.same(client.post(LICENSES, asked, key=key).body, issued_by_name.body, "what was issued under it is answered all the same")
    one = first.json()["id"]
    for what in ("suspend", "reinstate", "revoke"):
        key = secrets.token_hex(8)
        answers = [client.post(f"{LICENSES}/{one}/{what}", {}, key=key) for _ in range(3)]
        t.same({(a.status, a.body) for a in answers}, {(200, answers[0].body)}, f"{what}: once, and the same answer thrice")
    rows = house.audit_rows(object=one, outcome="OK", action="license.revoke")
    t.same([r["detail"] for r in rows], ["", '{"replayed":true}', '{"replayed":true}'], "the audit tells the act from its repetition")
    t.same(client.request("POST", LICENSES, body).status, 400, "without a key: 400")
    body["policy"] = new_policy(client)
    for rounds in range(3):
        key, answers = secrets.token_hex(8), []

        def one_more(key=key, answers=answers):
            with closing(house.client()) as colleague:
                answers.append(colleague.post(LICENSES, body, key=key))

        threads = [threading.Thread(target=one_more) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        t.same({(a.status, a.body) for a in answers}, {(201, answers[0].body)}, f"eight at once with one key, round {rounds}")
    t.same(house.ask("SELECT count(*) FROM license WHERE policy = ?", body["policy"]), [(3,)], "one license for each round")


def strangers(t, scene):
    """Another vendor's ids, and another customer's, answer as ids that there never were."""
    house, own = scene.house, scene.license
    vendor = house.vendor("other")
    policy = new_policy(vendor)
    customer = enrolled(house, vendor, "Mallory")
    ABSENT_BODY = {"customer": "cus_" + ABSENT[4:], "release": "rel_" + ABSENT[4:], "policy": "pol_" + ABSENT[4:]}
    theirs = scene.vendor.get(f"{LICENSES}/{own}").json()
    paths = ["", "/explain", "/approvals", "/deliveries", "/machines", "/leases"]
    acts = ["/renew", "/suspend", "/reinstate", "/revoke", "/validate", "/file", "/approvals", "/deliveries"]

    def said(answer):
        return answer.status, answer.problem("code"), answer.problem("detail"), answer.json().get("errors")

    def everything(client, license_id):
        answers = [client.get(f"{LICENSES}/{license_id}{path}") for path in paths]
        answers += [client.post(f"{LICENSES}/{license_id}{path}", {}) for path in acts]
        answers += [client.post(f"{LICENSES}/{license_id}/transfer", {"customer": "Mallory"})]
        answers += [client.delete(f"{LICENSES}/{license_id}/{path}", "*") for path in ("machines", "approvals", "leases/m")]
        answers += [client.request("PUT", f"{LICENSES}/{license_id}/leases/m", {}), client.get(f"{LICENSES}/{license_id}/artifact"),
                    client.post(f"{LICENSES}/{license_id}/unlock", {"machine": "m"})]  # fmt: skip
        return [said(a) for a in answers]

    t.same(everything(vendor, own), everything(vendor, ABSENT), "another vendor's license and none at all: the same answers")
    t.same(everything(customer, own), everything(customer, ABSENT), "for another vendor's customer, too")
    for name in ("customer", "policy", "release"):
        mine = {"customer": customer.id, "policy": policy, "release": theirs["release"]}
        one, none = ({**mine, name: value} for value in (theirs[name], ABSENT_BODY[name]))
        t.same(said(vendor.post(LICENSES, one)), said(vendor.post(LICENSES, none)), f"issuing with another vendor's {name}")
    t.same(vendor.get(f"{LICENSES}?release={theirs['release']}").json()["items"], [], "nothing of it is in his lists")
    t.same(vendor.get(LICENSES).json()["items"], [], "not in any")
    t.same(scene.vendor.get(f"{LICENSES}/{own}").json(), theirs, "and nothing has happened to it")
    colleague = enrolled(house, scene.vendor, "Colleague")
    seen = everything(colleague, own)
    t.same(seen, everything(colleague, ABSENT), "to another customer of the vendor it is none, too")
    t.same(Counter(status for status, *_ in seen)[404], 7, "whatever customers may ask, he is told that there is no such license")
    for client in (vendor, customer, colleague):
        client.close()


def raced(t, scene):
    """A policy changes while licenses are issued under it: each file says what held at its own commit."""
    house = scene.house
    policy, answers, stop = new_policy(scene.vendor, lease=60), [], threading.Event()
    body = {"customer": scene.customer.id, "release": scene.release["id"], "policy": policy}

    def changing():
        with closing(house.client()) as client:
            for n in range(120):
                client.request("PATCH", f"/v1/policies/{policy}", {"lease": 60 + n}, {"If-Match": "*", "X-Request-Id": f"lease-{60 + n}"})
                time.sleep(0.003)  # or hardly a license is issued in between
        stop.set()

    def issuing():
        with closing(house.client()) as client:
            while not stop.is_set():
                answers.append(client.post(LICENSES, body))

    threads = [threading.Thread(target=act) for act in (changing, issuing, issuing)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    said = Counter(heard(a) for a in answers)
    t.ok(said[201, ""] > 10 and set(said) <= {(201, ""), (503, "BUSY")}, "each was issued, or is to be tried again", dict(said))
    lease, at_commit = 60, {}
    for row in house.audit_rows(outcome="OK"):
        if row["action"] == "policy.change" and row["object"] == policy:
            lease = int(row["request"].removeprefix("lease-"))
        elif row["action"] == "license.issue":
            at_commit[row["object"]] = lease
    made = [a.json() for a in answers if a.status == 201]
    wrong = [one["id"] for one in made if json.loads(decoded(one["token"].split(".")[1]))["lease"] != at_commit[one["id"]]]
    t.same(wrong, [], f"{len(made)} files, {said[503, 'BUSY']} that would have said something else were not issued")


def events(t, scene):
    """Each act leaves one event, for whoever asked for it."""
    client, house = scene.vendor, scene.house
    hook = client.post("/v1/webhooks", {"url": "https://hooks.example.com/in", "events": ["*"]}).json()["id"]
    client.request("PATCH", f"/v1/webhooks/{hook}", {"paused": True}, {"If-Match": "*"})
    heir = new_customer(client, "Listener")["id"]
    made = scene.issue({"transferable": True, "approvals": 1, "approvers": 1})["id"]
    for what in ("suspend", "reinstate", "renew", "approvals", "approvals"):
        t.same(scene.act(what, made).status, 200, f"{what} is done")
    new = scene.act("transfer", made, {"customer": heir}).json()["id"]
    scene.act("revoke", new)
    scene.act("revoke", new)
    told = house.ask("SELECT type, object, body FROM event ORDER BY at, id")
    wanted = [(f"license.{what}", made) for what in ("issued", "suspended", "reinstated", "renewed", "approved")]
    wanted += [("license.issued", new), ("license.transferred", made), ("license.revoked", new)]
    t.same(sorted((kind, thing) for kind, thing, _ in told), sorted(wanted), "one event for each, none for a repetition or a refusal")
    bodies = [json.loads(body)["data"] for _, _, body in told]
    t.ok(all(b["release"] == scene.release["id"] and b["customer"] in (heir, scene.customer.id) for b in bodies), "with ids", bodies)
    t.ok("Listener" not in str(told) and "eyJ" not in str(told), "and neither names nor license files")
    client.delete(f"/v1/webhooks/{hook}", "*")


def roles(t, scene):
    with closing(scene.house.client()) as client:
        for role in ("verifier", "auditor"):
            client.secret = scene.house.token("acme", role)
            t.same(client.get(f"{LICENSES}/{scene.license}").status, 200, f"{role}: may read")
            t.same(client.get(f"{LICENSES}/{scene.license}/explain").status, 200, f"{role}: may ask why")
            for path in ("", *(f"/{scene.license}/{what}" for what in ("renew", "suspend", "reinstate", "revoke", "transfer",
                                                                       "approvals", "deliveries"))):  # fmt: skip
                t.same(client.post(LICENSES + path, {}).status, 403, f"{role}: POST {path[42:] or 'licenses'}")
        client.secret = scene.house.token("acme", "issuer")
        t.same(client.post(f"{LICENSES}/{scene.license}/suspend", {}).status, 200, "an issuer suspends")
        t.same(client.post(f"{LICENSES}/{scene.license}/reinstate", {}).status, 200, "and reinstates")
    for what in ("renew", "suspend", "revoke", "transfer", "approvals", "deliveries"):
        t.same(scene.customer.post(f"{LICENSES}/{scene.license}/{what}", {}).status, 403, f"a customer: {what}")


def together(t):
    with House(**FREE).open() as house:
        scene = Scene(house, {"seats": 3})
        made = issued(t, scene)
        for part in (refused, rehearsed):
            part(t, scene, made)
        for part in (lived, transferred, listed, once, raced, roles, events, strangers):
            part(t, scene)
        scene.close()
        t.same(house.ctl("db", "check").code, 0, "the database's own check finds nothing")


run(together)
