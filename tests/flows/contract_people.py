"""The part of the contract that speaks of customers: each answer of theirs that can be provoked."""

from contextlib import closing

from customers import Customer, enrol, enrolled, new_customer
from proof import Key

ABSENT = "cus_00000000-0000-7000-8000-000000000000"
ONE = "/v1/customers/{id}"


def by_token(client, customer):
    """Method, route and answer of what a token may ask, or may not."""
    for body in ({"name": "contract"}, {"name": "contract"}, {"name": ""}, {"colour": 1}, b"{", {"name": "y", "email": "x"}):
        yield "POST", "/v1/customers", client.post("/v1/customers", body)
    yield "POST", "/v1/customers", client.post("/v1/customers", {"name": "z"}, key=" ")
    for query in ("", "?limit=1", "?limit=0", "?cursor=x", "?name=contract", "?name=%zz"):
        yield "GET", "/v1/customers", client.get("/v1/customers" + query)
    for who in (customer, ABSENT, "x"):
        at = f"/v1/customers/{who}"
        yield "GET", ONE, client.get(at)
        for headers in ({}, {"If-Match": "*"}, {"If-Match": "x"}, {"If-Match": '"99"'}):
            yield "PATCH", ONE, client.request("PATCH", at, {"email": "c@example.org"}, headers)
        for act in ("suspend", "suspend", "reinstate", "reinstate", "code"):
            yield "POST", f"{ONE}/{act}", client.post(f"{at}/{act}", {})
            yield "POST", f"{ONE}/{act}", client.post(f"{at}/{act}", {"x": 1})
        yield "PUT", f"{ONE}/key", client.request("PUT", f"{at}/key", {})
        yield "DELETE", ONE, client.request("DELETE", at)


def by_proof(house, vendor):
    """What a customer asks himself."""
    code, key = new_customer(vendor, "who enrolls")["code"], Key()
    for some, with_key in ((code, key), (code, key), (code, Key()), ("hmc_x", Key())):
        answer, _ = enrol(house, some, with_key)
        yield "POST", "/v1/enrolments", answer
    customer = enrolled(house, vendor, "who asks")
    yield "POST", "/v1/enrolments", customer.request("POST", "/v1/enrolments", {"x": 1})
    yield "POST", "/v1/enrolments", customer.plain("POST", "/v1/enrolments", {"code": "x", "jwk": key.jwk})
    at = f"/v1/customers/{customer.id}"
    yield "GET", ONE, customer.get(at)
    yield "GET", ONE, customer.get(f"/v1/customers/{ABSENT}")
    yield "GET", "/v1/customers", customer.get("/v1/customers")
    customer.nonce = "x"
    yield "GET", ONE, customer.once("GET", at)
    yield "PUT", f"{ONE}/key", customer.request("PUT", f"{at}/key", {"jwk": Key().jwk, "proof": "x"})
    new, nonce = Key(), customer.fresh()
    customer.nonce = nonce
    proof = new.proof("x", "PUT", f"{at}/key", nonce)
    yield "PUT", f"{ONE}/key", customer.request("PUT", f"{at}/key", {"jwk": new.jwk, "proof": proof})
    yield "GET", ONE, customer.get(at)
    for headers in ({"If-Match": '"1"'}, {"If-Match": "*"}, {"If-Match": "*"}):
        yield "DELETE", ONE, vendor.request("DELETE", at, headers=headers)


def answers(house):
    with closing(house.client()) as vendor, closing(house.client()) as auditor, closing(house.client(None)) as anybody:
        auditor.secret = house.token("acme", "auditor", name="auditor of people")
        customer = new_customer(vendor, "who is asked about")["id"]
        for client in (vendor, auditor, anybody):
            yield from by_token(client, customer)
        yield from by_proof(house, vendor)
        for path in ("/v1/nonce", "/v1/keys"):
            yield "GET", path, anybody.get(path)
        yield "POST", "/v1/enrolments", Customer(house, Key(), "x").request("POST", "/v1/enrolments", b"{")
