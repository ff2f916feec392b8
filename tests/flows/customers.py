"""Customers as flows have them: made by a vendor, enrolled with their code, asking with proofs.

    vendor = house.client()                  # an administrator's or issuer's token
    made = new_customer(vendor, "Ada")       # {"id", "code", …}
    ada = enrolled(house, vendor, "Grace")   # a client that signs each request: ada.id, ada.key
    ada.get("/v1/customers/" + ada.id)
    ada.post(f"/v1/licenses/{license}/validate", {})
"""

import json

from house import until
from proof import Key
from wire import Client, Closed


class Customer(Client):
    """A caller with a key. It keeps the nonce that each answer brings, and asks for one if it has none."""

    def __init__(self, house, key, kid, **more):
        super().__init__(house, None, **more)
        self.key, self.kid, self.nonce = key, kid, None

    @property
    def id(self):
        return self.kid

    def fresh(self):
        """A nonce that nobody has used; a server without its keys is waited for."""
        if self.nonce is None:
            answer = until(self.nonced, 30, "a nonce", 0.05)
            self.nonce = answer.json()["nonce"]
        nonce, self.nonce = self.nonce, None
        return nonce

    def nonced(self):
        answer = self.plain("GET", "/v1/nonce")
        return None if answer.status == 503 else answer

    def plain(self, method, path, body=None, headers=None):
        """A request without a proof."""
        return super().request(method, path, body, headers)

    def authorization(self, method, path, body, **wrong):
        return "Hallmark " + self.key.proof(self.kid, method, path, self.fresh(), body, **wrong)

    def once(self, method, path, body=None, headers=None, **wrong):
        """One signed request; whatever it is answered with. Headers that are None are left out."""
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        sent = {"Authorization": self.authorization(method, path, body, **wrong), **(headers or {})}
        answer = self.plain(method, path, body, {name: value for name, value in sent.items() if value is not None})
        self.nonce = answer.headers.get("hallmark-nonce")
        return answer

    def request(self, method, path, body=None, headers=None):
        """As a decent client: again, with the fresh nonce, if the server wants one."""
        try:
            answer = self.once(method, path, body, headers)
        except (Closed, OSError):
            self.nonce = None
            raise
        if answer.status == 401 and answer.problem("code") == "NONCE_WANTED":
            answer = self.once(method, path, body, headers)
        return answer


def new_customer(vendor, name, **more):
    """Of the vendor whose client this is; the answer, with its code."""
    answer = vendor.post("/v1/customers", {"name": name, **more})
    assert answer.status == 201, answer
    return answer.json()


def enrol(house, code, key=None, **more):
    """Redeems an enrolment code; the answer, and the customer if it was a yes."""
    key = key or Key()
    asking = Customer(house, key, key.thumbprint, **more)
    answer = asking.request("POST", "/v1/enrolments", {"code": code, "jwk": key.jwk})
    if answer.status == 200:
        asking.kid = answer.json()["customer"]
    return answer, asking


def enrolled(house, vendor, name="Ada", **more):
    """A new customer of this vendor, who has enrolled."""
    answer, customer = enrol(house, new_customer(vendor, name)["code"], **more)
    assert answer.status == 200, answer
    return customer
