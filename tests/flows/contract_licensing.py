"""The part of the contract that speaks of policies, licenses and their use: what provokes its answers.
Each is (method, route, answer)."""

import secrets
from contextlib import closing

from customers import enrolled, new_customer
from license_things import made_release

ABSENT = "00000000-0000-7000-8000-000000000000"
ONE = "/v1/licenses/{id}"
ACTS = ("deliveries", "approvals", "suspend", "reinstate", "renew", "revoke")


class Stage:
    """Callers, and a thing of each kind. `ask` makes one request and says what it was."""

    def __init__(self, house, clients, name="Licensed"):
        self.house, self.admin = house, clients["admin"]
        self.customer = enrolled(house, self.admin, name)
        self.clients = {**clients, "customer": self.customer}
        self.release = made_release(self.admin, house)["id"]
        self.policy = self.policy_of(transferable=True, approvals=0, approvers=0, seats=5)

    def close(self):
        self.customer.close()

    def policy_of(self, **terms):
        return self.admin.post("/v1/policies", {"name": secrets.token_hex(6), **terms}).json()["id"]

    def license_of(self, policy=None):
        body = {"customer": self.customer.id, "release": self.release, "policy": policy or self.policy}
        return self.admin.post("/v1/licenses", body).json()["id"]

    def ask(self, who, method, route, ids="", body=None, query="", **headers):
        """`ids`: what stands in the route's braces, in their order."""
        path = route
        for one in ids.split():
            head, _, tail = path.partition("{")
            path = head + one + tail.partition("}")[2]
        headers = {k.replace("_", "-"): v for k, v in headers.items()}
        if method == "POST":
            headers.setdefault("Idempotency-Key", secrets.token_hex(8))
        if method in ("PATCH", "DELETE"):
            headers.setdefault("If-Match", "*")
        return method, route, self.clients[who].request(method, path + query, body, headers)


def policies(stage):
    route = "/v1/policies/{id}"
    for who in ("issuer", "auditor", "customer", None):
        for body in ({"name": f"of {who}"}, {"name": f"of {who}"}, {"seats": 0}, {"name": "x", "colour": 1}, b"{"):
            yield stage.ask(who, "POST", "/v1/policies", body=body)
        for query in ("", "?limit=1", "?limit=0"):
            yield stage.ask(who, "GET", "/v1/policies", query=query)
        for one in (stage.policy_of(), "pol_" + ABSENT, "x"):
            yield stage.ask(who, "GET", route, one)
            for body, etag in (({"seats": 2, "lease": None}, "*"), ({"seats": -1}, "*"), ({}, '"9"'), (b"[]", "*"), ({}, "")):
                yield stage.ask(who, "PATCH", route, one, body, If_Match=etag)
            yield stage.ask(who, "DELETE", route, one, If_Match='"9"')
            yield stage.ask(who, "DELETE", route, one)
    stage.license_of()
    yield stage.ask("admin", "DELETE", route, stage.policy)


def licenses(stage):
    good = {"customer": stage.customer.id, "release": stage.release, "policy": stage.policy}
    for who in ("issuer", "auditor", "customer", None):
        for more in ({}, {"dry_run": True}, {"seats": 99}, {"seats": 0}, {"colour": 1}, {"customer": "nobody"}, {"reference": "same"}):
            yield stage.ask(who, "POST", "/v1/licenses", body={**good, **more})
        yield stage.ask(who, "POST", "/v1/licenses", body={**good, "reference": "same"})
        yield stage.ask(who, "POST", "/v1/licenses", body=b"{")
        for query in ("", "?limit=1", "?state=active", "?state=x", "?reference=same", "?limit=0", "?customer=x&release=y"):
            yield stage.ask(who, "GET", "/v1/licenses", query=query)
        for one in (stage.license_of(), "lic_" + ABSENT, "x"):
            yield stage.ask(who, "GET", ONE, one)
            for query in ("", "?action=unlock&machine=m", "?action=x", "?action=transfer", "?action=transfer&customer=Licensed"):
                yield stage.ask(who, "GET", ONE + "/explain", one, query=query)
            yield stage.ask(who, "POST", ONE + "/transfer", one, {"customer": stage.customer.id})
            for what in ACTS:
                for body in ({}, {"colour": 1}, b"{"):
                    yield stage.ask(who, "POST", f"{ONE}/{what}", one, body)
            for what in ("approvals", "deliveries", "machines"):
                yield stage.ask(who, "GET", f"{ONE}/{what}", one)
            for what in ("approvals", "machines"):
                yield stage.ask(who, "DELETE", f"{ONE}/{what}", one)
    gated = stage.license_of(stage.policy_of(approvals=1, approvers=1))
    yield stage.ask("admin", "POST", ONE + "/approvals", gated, {})
    heir = new_customer(stage.admin, "heir")["id"]
    yield stage.ask("admin", "POST", ONE + "/transfer", stage.license_of(), {"customer": heir})


def uses(stage):
    bound = stage.license_of(stage.policy_of(binding="any", seats=2))
    for who in ("customer", "issuer", "auditor", None):
        for one in (stage.license_of(), bound, "lic_" + ABSENT, "x"):
            for body in ({}, {"machine": "m", "entitlement": "x"}, {"fingerprint": "AQA"}, {"fingerprint": "!"}, b"{"):
                yield stage.ask(who, "POST", ONE + "/validate", one, body)
                yield stage.ask(who, "POST", ONE + "/file", one, body)
            for machine, body in (("m", {}), ("m", {}), ("m", {"colour": 1}), ("m%20m", {}), ("." * 3, {}), ("n" * 65, {})):
                yield stage.ask(who, "PUT", ONE + "/leases/{machine}", f"{one} {machine}", body)
            for query in ("", "?limit=1", "?limit=0"):
                yield stage.ask(who, "GET", ONE + "/leases", one, query=query)
            for _ in range(2):
                yield stage.ask(who, "DELETE", ONE + "/leases/{machine}", f"{one} m")
            for body in ({"machine": "m"}, {}, {"machine": "m", "delivery": "hmd_x"}, b"{"):
                yield stage.ask(who, "POST", ONE + "/unlock", one, body)
            for headers in ({}, {"Range": "bytes=0-9"}, {"Range": "bytes=999999-"}, {"If_None_Match": "*"}):
                yield stage.ask(who, "GET", ONE + "/artifact", one, **headers)
        vendor = stage.house.ask("SELECT vendor FROM license LIMIT 1")[0][0]
        for one in (vendor, "ven_" + ABSENT, "x"):
            yield stage.ask(who, "GET", "/v1/vendors/{vendor}/revocations", one)


def answers(house, clients):
    with closing(Stage(house, clients)) as stage:
        for part in (policies, licenses, uses):
            yield from part(stage)
