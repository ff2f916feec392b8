#!/usr/bin/env python3
"""Policies: terms are checked when they are said, kept in full, changed by merging, and stay as long
as a license stands on them."""

import json
import secrets
from contextlib import closing

from house import House
from license_things import FREE, Scene
from tap import run

POLICIES = "/v1/policies"
STANDARD = {
    "approvals": 0, "approvers": 0, "binding": "none", "components": ["product", "machine-id", "disk", "tpm"],
    "duration": 365 * 86400, "entitlements": [], "grace_expired": 0, "grace_revoked": 0, "image": "none", "lease": 600,
    "offline": 7 * 86400, "renewable": True, "seats": 1, "stale": "refused", "tolerance": 300,
    "transferable": False, "unlocks": 10**9, "retired": False,
}  # fmt: skip
# Each is refused, at this member.
WRONG = [
    ({"seats": 0}, "/seats"), ({"seats": 10**6 + 1}, "/seats"), ({"seats": "3"}, "/seats"), ({"seats": 1.5}, "/seats"),
    ({"lease": 29}, "/lease"), ({"lease": 30 * 86400 + 1}, "/lease"), ({"offline": -1}, "/offline"),
    ({"duration": 59}, "/duration"), ({"duration": -1}, "/duration"), ({"tolerance": 86401}, "/tolerance"),
    ({"grace_expired": 90 * 86400 + 1}, "/grace_expired"), ({"grace_revoked": 86401}, "/grace_revoked"),
    ({"approvals": 2, "approvers": 1}, "/approvals"), ({"approvals": 17}, "/approvals"), ({"approvers": 17}, "/approvers"),
    ({"binding": "some"}, "/binding"), ({"binding": "any", "components": []}, "/components"),
    ({"binding": "all", "components": ["container"]}, "/components"), ({"components": ["mac"]}, "/components"),
    ({"components": ["tpm", "tpm"]}, "/components"), ({"entitlements": ["a", "a"]}, "/entitlements"),
    ({"entitlements": ["two words"]}, "/entitlements"), ({"entitlements": [f"e{i}" for i in range(65)]}, "/entitlements"),
    ({"image": "always"}, "/image"), ({"image": True}, "/image"), ({"stale": "perhaps"}, "/stale"), ({"renewable": 1}, "/renewable"), ({"unlocks": 10**9 + 1}, "/unlocks"),
    ({"name": ""}, "/name"), ({"name": "x" * 129}, "/name"), ({"name": 7}, "/name"), ({"name": "a\u0007"}, "/name"),
    ({"retired": "no"}, "/retired"), ({"colour": "red"}, "/colour"), ({"": 1}, "/"), ({"created": 1}, "/created"),
]  # fmt: skip


def named():
    return "policy " + secrets.token_hex(4)


def at(answer):
    """Where a refusal points."""
    return answer.json()["errors"][0]["pointer"] if answer.status == 422 else answer


def patched(client, policy, body, etag="*"):
    return client.request("PATCH", f"{POLICIES}/{policy}", body, {"If-Match": etag})


def created(t, house, client):
    answer = client.post(POLICIES, {"name": "Plain"})
    made = answer.json()
    t.same(answer.status, 201, "a policy by its name alone")
    t.same({k: made[k] for k in STANDARD}, STANDARD, "is the standard one, with every term said")
    t.same(answer.headers["location"], f"{POLICIES}/{made['id']}", "it has an address")
    t.same(client.get(answer.headers["location"]).json(), made, "where it is")
    terms = {
        "approvals": 2, "approvers": 3, "binding": "two", "components": ["product", "disk"], "duration": 3600,
        "entitlements": ["train", "infer:gpu"], "grace_expired": 5, "grace_revoked": 6, "image": "unlock", "lease": 30, "offline": 0,
        "renewable": False, "seats": 256, "stale": "undecided", "tolerance": 0, "transferable": True, "unlocks": 0,
        "retired": True,
    }  # fmt: skip
    full = client.post(POLICIES, {"name": "Full", **terms}).json()
    t.same({k: full[k] for k in terms}, terms, "every term is kept as it was said")
    for name in ("plain", "PLAIN", "ＰＬＡＩＮ"):
        answer = client.post(POLICIES, {"name": name})
        t.same((answer.status, answer.problem("code")), (409, "CONFLICT"), f"another one called {name}")
    before = house.counts()
    for body, where in WRONG:
        answer = client.post(POLICIES, {"name": named(), **body})
        t.same(at(answer), where, f"{json.dumps(body)[:60]} is refused where it is wrong")
    for body in (b"", b"[]", b"{", b'"x"', b"[1]", b'{"seats": 1, "seats": 2}', b"[" * 3000):
        answer = client.post(POLICIES, body)
        t.same((answer.status, answer.problem("code")), (400, "MALFORMED_JSON"), f"{body[:20]} is no policy")
    t.same(house.counts(), before, "nothing was made of these")
    return made


def changed(t, client, made):
    one = f"{POLICIES}/{made['id']}"
    answer = patched(client, made["id"], {"seats": 5, "entitlements": ["a"]}, client.get(one).headers["etag"])
    now = answer.json()
    t.same(answer.status, 200, "some terms are changed")
    t.same(now, {**made, "seats": 5, "entitlements": ["a"]}, "and no others")
    t.same(answer.headers["etag"], client.get(one).headers["etag"], "the answer has the new ETag")
    t.same(patched(client, made["id"], {"seats": 6}, '"1"').status, 412, "by an old ETag: 412")
    t.same(client.request("PATCH", one, {"seats": 6}).status, 428, "without one: 428")
    now = patched(client, made["id"], {"seats": None, "name": "Plainer", "retired": True}).json()
    t.same(now, {**made, "entitlements": ["a"], "name": "Plainer", "retired": True}, "null is the standard value")
    t.same(patched(client, made["id"], {}).json(), now, "a patch that says nothing changes nothing")
    t.same(patched(client, made["id"], {"name": "full"}).status, 409, "not to another one's name")
    t.same(patched(client, made["id"], {"name": "PLAINER"}).status, 200, "to its own in other letters")
    for body, where in WRONG:
        t.same(at(patched(client, made["id"], body)), where, f"not to {json.dumps(body)[:60]}")
    t.same(client.get(one).json(), {**now, "name": "PLAINER"}, "these have changed nothing")


def listed(t, client):
    ids = [client.post(POLICIES, {"name": f"listed {i}"}).json()["id"] for i in range(5)]
    seen, path = [], POLICIES + "?limit=2"
    while path:
        answer = client.get(path)
        page = answer.json()
        seen += [p["id"] for p in page["items"]]
        t.same(page["next"] is not None, "link" in answer.headers, "a page that is not the last has a link")
        path = page["next"] and f"{POLICIES}?limit=2&cursor={page['next']}"
    t.same(seen[-5:], sorted(ids), "page by page, in the order of their ids")
    t.same(len(set(seen)), len(seen), "none twice")
    large = {"entitlements": [f"{i:02}".rjust(64, "e") for i in range(64)]}
    for i in range(3):
        t.same(client.post(POLICIES, {"name": f"large {i} " + "n" * 100, **large}).status, 201, "64 entitlements of 64 letters")
    t.same(len(client.get(POLICIES + "?limit=200").json()["items"]), len(seen) + 3, "large ones are listed, too")


def ended(t, house):
    scene = Scene(house, {"seats": 3})
    client, policy = scene.vendor, scene.vendor.get(f"/v1/licenses/{scene.license}").json()["policy"]
    answer = client.delete(f"{POLICIES}/{policy}", "*")
    t.same((answer.status, answer.problem("code")), (409, "CONFLICT"), "a policy that licenses stand on stays")
    t.same(patched(client, policy, {"seats": 2}).status, 200, "but may be changed")
    free = client.post(POLICIES, {"name": "free"})
    one = free.headers["location"]
    t.same(client.delete(one, '"7"').status, 412, "another ETag: not deleted")
    t.same(client.delete(one, free.headers["etag"]).status, 204, "one without licenses is deleted")
    t.same(client.get(one).status, 404, "and gone")
    t.same(client.post(POLICIES, {"name": "free"}).status, 201, "its name is free again")
    scene.close()


def roles(t, house, made):
    with closing(house.client()) as client:
        for role, write in (("issuer", 201), ("verifier", 403), ("auditor", 403)):
            client.secret = house.token("acme", role)
            t.same(client.get(f"{POLICIES}/{made['id']}").status, 200, f"{role}: may read")
            t.same(client.post(POLICIES, {"name": f"of {role}"}).status, write, f"{role}: creating")
            if write == 403:
                t.same(patched(client, made["id"], {"seats": 1}).status, 403, f"{role}: changing")
                t.same(client.delete(f"{POLICIES}/{made['id']}", "*").status, 403, f"{role}: deleting")


def strangers(t, house, made):
    """Another vendor's policy answers as one that there never was."""
    other = house.vendor("other")
    absent = "pol_00000000-0000-7000-8000-000000000000"

    def heard(policy):
        answers = [
            other.get(f"{POLICIES}/{policy}"), patched(other, policy, {"seats": 2}),
            other.delete(f"{POLICIES}/{policy}", "*"), other.get(f"{POLICIES}?cursor=x"),
        ]  # fmt: skip
        return [(a.status, a.problem("code"), a.problem("detail")) for a in answers]

    t.same(heard(made["id"]), heard(absent), "another vendor's policy and none at all: the same answers")
    t.same(other.get(POLICIES).json(), {"items": [], "next": None}, "he sees none of them in his list")
    t.same(other.post(POLICIES, {"name": "Full"}).status, 201, "and may use the same name")
    other.close()


def together(t):
    with House(**FREE).open() as house, closing(house.client()) as client:
        made = created(t, house, client)
        changed(t, client, made)
        listed(t, client)
        roles(t, house, made)
        strangers(t, house, made)
        ended(t, house)
        rows = house.audit_rows(object=made["id"])
        t.same({r["action"] for r in rows}, {"policy.create", "policy.read", "policy.change", "policy.delete"},
               "all that was tried with it is in the audit")  # fmt: skip
        t.same(house.ctl("db", "check").code, 0, "the database's own check finds nothing")


run(together)
