#!/usr/bin/env python3
"""Once a revocation was acknowledged, nothing that begins on any connection succeeds: 64 connections
validate, claim seats and unlock while licenses are revoked under them. And a delivery that 64
connections redeem at once has one winner; the rest are alarms."""

import base64
import json
import random
import secrets
import time
from collections import Counter
from contextlib import closing

from house import House, full
from license_things import FREE, Crowd, Scene
from tap import run

CONNECTIONS = 64
INTERLEAVINGS = 100_000 if full() else 5_000
REVOKED = {(403, "LICENSE_REVOKED")}


class Asking:
    """What the connections ask, with nonces that were fetched before."""

    def __init__(self, scene, crowd):
        self.scene, self.crowd = scene, crowd
        self.customers = [i for i in range(CONNECTIONS) if i % 4 == 0]
        self.nonces = []

    def stock_up(self, n):
        for wave in range(0, n, CONNECTIONS):
            for i in range(min(CONNECTIONS, n - wave)):
                self.crowd.send(i, "GET", "/v1/nonce")
            self.nonces += [a.json()["nonce"] for _, a in self.crowd.answers()]

    def prepare(self, i, license_id):
        """A request of connection i: what `Crowd.send` wants. Customers sign theirs now."""
        at, token = f"/v1/licenses/{license_id}", f"Bearer {self.scene.vendor.secret}"
        if i not in self.customers:
            if i % 4 == 1:
                return i, "PUT", f"{at}/leases/m{random.randrange(100)}", {}, token, {}
            return i, "POST", f"{at}/validate", {}, token, {}
        kind = random.choice(("validate", "unlock"))
        body = {} if kind == "validate" else {"machine": f"c{random.randrange(100)}"}
        signed = self.scene.customer.key.proof(
            self.scene.customer.id, "POST", f"{at}/{kind}", self.nonces.pop(), json.dumps(body).encode()
        )
        headers = {} if kind == "validate" else {"Idempotency_Key": secrets.token_hex(8)}
        return i, "POST", f"{at}/{kind}", body, "Hallmark " + signed, headers

    def send(self, request):
        i, method, path, body, authorization, headers = request
        self.crowd.send(i, method, path, body, authorization, **headers)


def verdict(answer):
    """What was said: (status, code); a no of a validation reads as a refusal."""
    if answer.status == 200 and answer.headers["content-type"] == "application/json" and "valid" in answer.json():
        said = answer.json()
        return (200, "") if said["valid"] else (403, said["code"])
    return answer.status, "" if answer.status < 400 else answer.problem("code")


def one_round(asking, revoker, license_id):
    """How the requests before and behind the revocation ended."""
    crowd, scene = asking.crowd, asking.scene
    asking.stock_up(2 * len(asking.customers))
    before, behind = ([asking.prepare(i, license_id) for i in range(CONNECTIONS)] for _ in range(2))
    random.shuffle(before)
    random.shuffle(behind)
    at = random.randrange(CONNECTIONS)
    for n, request in enumerate(before):
        if n == at:
            revoker.send(0, "POST", f"/v1/licenses/{license_id}/revoke", {}, f"Bearer {scene.vendor.secret}",
                         Idempotency_Key=secrets.token_hex(8))  # fmt: skip
        asking.send(request)
    done = revoker.read(0)
    for request in behind:  # the answers of before may still be on their way
        asking.send(request)
    assert done.status == 200, done
    heard = Counter(), Counter()
    for i in range(CONNECTIONS):
        for wave in heard:
            wave[verdict(crowd.read(i))] += 1
    return heard


def race(t):
    with House(**FREE) as house:
        scene = Scene(house.open())
        policy = {"seats": 1000, "unlocks": 1_000_000}
        before, behind, rounds = Counter(), Counter(), 0
        with closing(Crowd(house, CONNECTIONS)) as crowd, closing(Crowd(house, 1)) as revoker:
            asking = Asking(scene, crowd)
            while rounds * 2 * CONNECTIONS < INTERLEAVINGS:
                one, two = one_round(asking, revoker, scene.issue(policy, seats=1000)["id"])
                before, behind, rounds = before + one, behind + two, rounds + 1
        t.note(f"{rounds} revocations; before: {dict(before)}; behind: {dict(behind)}")
        t.same(set(behind), REVOKED, f"{sum(behind.values())} requests that began behind the 2xx: none succeeds")
        yes = sum(n for (status, _), n in before.items() if status < 300)
        t.ok(yes > 0 and before[403, "LICENSE_REVOKED"] > 0, "those before it went both ways", before)
        t.same({s for s, _ in before} - {200, 201, 403}, set(), "and nothing else")
        t.same(house.ask("SELECT count(*) FROM lease")[0][0], 0, "no revoked license has a seat")
        alive = scene.vendor.post(f"/v1/licenses/{scene.license}/validate", {}).json()
        t.same(alive["valid"], True, "another license is untouched")
        listed(t, house, scene)
        scene.close()


def listed(t, house, scene):
    """The public list: signed, complete, its number never falls."""
    path = house.ask("SELECT id FROM vendor")[0][0]
    with closing(house.client(None)) as anyone:
        path = f"/v1/vendors/{path}/revocations"
        first = anyone.get(path)
        t.ok(first.status == 200 and first.headers["content-type"] == "application/jose", "the list of revocations", first.status)
        payload = json.loads(decoded(first.body.split(b".")[1]))
        revoked = house.ask("SELECT count(*) FROM license WHERE state = 2")[0][0]
        t.same(len(decoded(payload["revoked"])) // 16, revoked, "has every revoked license")
        t.ok("max-age" in first.headers["cache-control"], "caches may keep it for a while")
        same = anyone.get(path, **{"If-None-Match": first.headers["etag"]})
        t.same(same.status, 304, "who has it already is told so")
        scene.act("suspend")
        time.sleep(1.1)
        second = json.loads(decoded(anyone.get(path).body.split(b".")[1]))
        t.ok(second["number"] > payload["number"] and len(decoded(second["suspended"])) == 16, "the next one has what was suspended")
        house.restart()
        third = json.loads(decoded(house.client(None).get(path).body.split(b".")[1]))
        t.ok(third["number"] >= second["number"], "behind a restart the number has not fallen")
        house.ctl("seal", check=True)
        with closing(house.client(None)) as anybody:
            t.same(anybody.get(path).status, 503, "while the keys are sealed it is not told, which is no refusal")


def decoded(text):
    text = text if isinstance(text, bytes) else text.encode()
    return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))


def redeemed(t):
    """One delivery, 64 redemptions at once."""
    with House(**FREE) as house:
        scene = Scene(house.open(), {"seats": 100, "unlocks": 1000}, seats=100)
        wins = Counter()
        rounds = 10 if full() else 3
        with closing(Crowd(house, CONNECTIONS)) as crowd:
            for _ in range(rounds):
                asking = Asking(scene, crowd)
                asking.stock_up(CONNECTIONS)
                secret = scene.vendor.post(f"/v1/licenses/{scene.license}/deliveries", {"hours": 1}).json()["secret"]
                path = f"/v1/licenses/{scene.license}/unlock"
                for i in range(CONNECTIONS):
                    body = {"machine": f"m{i}", "delivery": secret}
                    proof = scene.customer.key.proof(
                        scene.customer.id, "POST", path, asking.nonces.pop(), json.dumps(body).encode()
                    )
                    crowd.send(i, "POST", path, body, "Hallmark " + proof, Idempotency_Key=secrets.token_hex(8))
                wins += Counter(verdict(a) for _, a in crowd.answers())
        wanted = Counter({(200, ""): rounds, (403, "DELIVERY_SPENT"): rounds * (CONNECTIONS - 1)})
        t.same(wins, wanted, f"{rounds} deliveries, {CONNECTIONS} redemptions of each: one winner")
        alarms = house.audit_rows(action="license.unlock", outcome="DELIVERY_SPENT")
        t.same({r["detail"] for r in alarms}, {'{"alarm":true}'}, "the others are alarms in the audit")
        t.same(len(alarms), rounds * (CONNECTIONS - 1), "one each")
        t.same(house.ask("SELECT unlocks FROM license")[0][0], rounds, "one unlock was counted for each delivery")
        scene.close()


run(race, redeemed)
