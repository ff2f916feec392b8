"""What flows about licenses need: a release that the daemon made, policies, licenses, and many
connections that ask at the same time."""

import json
import secrets

from customers import enrolled
from vault_things import bring_model, matrix_model, release, separable, templates
from wire import Wire, head_of

FREE = {"token_rate": 0, "address_rate": 0, "failure_rate": 0}
CLASSES, INPUTS = 10, 32


def made_release(client, house, seed=5):
    """A small model, protected by the lock `sealed`: the release as the API shows it."""
    _, raw = separable(CLASSES, INPUTS, templates(CLASSES, INPUTS, seed))
    job, made = release(client, bring_model(house, client, matrix_model(raw, INPUTS, CLASSES)), lock="sealed")
    assert job["state"] == "done" and made["state"] == "ready", (job, made)
    return made


def new_policy(client, **terms):
    """Terms as the API has them; the policy's id."""
    answer = client.post("/v1/policies", {"name": secrets.token_hex(6), **terms})
    assert answer.status == 201, answer
    return answer.json()["id"]


def new_license(client, customer, release_id, policy, **more):
    """The license as it was issued."""
    answer = client.post("/v1/licenses", {"customer": customer, "release": release_id, "policy": policy, **more})
    assert answer.status == 201, answer
    return answer.json()


class Scene:
    """A vendor with one release, one customer who has enrolled, and a license for him."""

    def __init__(self, house, terms=None, **more):
        self.house, self.vendor = house, house.client()
        self.release = made_release(self.vendor, house)
        self.customer = enrolled(house, self.vendor)
        self.license = self.issue(terms or {}, **more)["id"]

    def issue(self, terms, customer=None, **more):
        return new_license(self.vendor, (customer or self.customer).id, self.release["id"], new_policy(self.vendor, **terms), **more)

    def act(self, what, license_id=None, body=None):
        """Suspends, reinstates, revokes …"""
        return self.vendor.post(f"/v1/licenses/{license_id or self.license}/{what}", body or {})

    def close(self):
        self.vendor.close()
        self.customer.close()


class Crowd:
    """Connections that stay open and ask at the same time: first all requests leave, then the
    answers are read."""

    def __init__(self, house, n):
        self.house = house
        self.wire = [Wire(house.address, house.context) for _ in range(n)]
        self.asked = [[] for _ in self.wire]

    def close(self):
        for wire in self.wire:
            wire.close()

    def send(self, i, method, path, body=None, authorization=None, **headers):
        """A request on connection i; others may be under way there."""
        data = b"" if body is None else json.dumps(body).encode()
        sent = {"Authorization": authorization, **{k.replace("_", "-"): v for k, v in headers.items()}}
        if body is not None:
            sent |= {"Content-Type": "application/json", "Content-Length": str(len(data))}
        sent = {k: v for k, v in sent.items() if v is not None}
        self.wire[i].send(head_of(method, path, self.house.address[0], sent) + data)
        self.asked[i].append(method)

    def read(self, i):
        """The answer to the oldest request that is under way on connection i."""
        return self.wire[i].answer(self.asked[i].pop(0))

    def answers(self):
        """What is still to come: (connection, answer)."""
        return [(i, self.read(i)) for i in range(len(self.wire)) for _ in list(self.asked[i])]
