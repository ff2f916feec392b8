"""The part of the contract that speaks of slots and copies: what provokes its answers. Each is (method,
route, answer). It needs the watermark that contract_images has made, and sees to it that a copy of that
network, and its release, have it too."""

from contract_licensing import ABSENT, Stage
from customers import enrolled
from house import job_ends, until
from image_things import fashion, fetched
from license_things import new_license, new_policy
from vault_things import release

MAKE, ALL = "/v1/models/{id}/slots", "/v1/slots"
ONE, COPIES = ALL + "/{id}", ALL + "/{id}/copies"
QUICK = {"threads": 1, "epochs": 1, "boost": 1}


class Bench(Stage):
    """Callers, a network with a watermark and one without, pictures, and a customer."""

    def __init__(self, house, clients):
        self.house, self.admin, self.clients = house, clients["admin"], clients
        self.watermark = next(w for w in self.admin.get("/v1/watermarks?limit=200").json()["items"] if w["name"] == "marked")
        self.model, self.plain = self.watermark["model"], self.watermark["source"]
        self.dataset = fashion(house, self.admin, "for slots", "train", 400)
        self.customer = enrolled(house, self.admin, "Copied")

    def close(self):
        self.customer.close()

    def ended(self, answer):
        """What a job has made."""
        assert answer.status == 202, answer
        job_ends(self.admin, answer.json()["job"], 120)
        return answer.json()["id"]


def sets(b):
    good = {"dataset": b.dataset, "customers": 3, "colluders": 1, "eps1": 1e-3, "eps2": 0.4, "flips": 0}
    for who in ("issuer", "auditor", None):
        for body in ({**good, "customers": 1000000}, {}, {**good, "customers": 0}, {**good, "colour": 1},
                     {**good, "dataset": "dat_" + ABSENT}, b"{"):  # fmt: skip
            yield b.ask(who, "POST", MAKE, b.plain, body)
        for thing in ("mod_" + ABSENT, "x"):
            yield b.ask(who, "POST", MAKE, thing, good)
        yield b.ask(who, "POST", MAKE, b.plain, good, Idempotency_Key="")
    yield b.ask("issuer", "POST", MAKE, b.model, good)
    yield b.ask("issuer", "POST", MAKE, b.model, good)


def copies(b, found):
    good = {"customer": "Copied", "dataset": b.dataset, **QUICK}
    for who in ("issuer", "auditor", None):
        for body in ({"customer": "Copied"}, {**good, "customer": "Nobody"}, {**good, "number": 3}, {**good, "epochs": 0}, b"{"):
            yield b.ask(who, "POST", COPIES, found, body)
        for thing in ("slo_" + ABSENT, "x"):
            yield b.ask(who, "POST", COPIES, thing, good)
    yield b.ask("issuer", "POST", COPIES, found, good)
    yield b.ask("issuer", "POST", COPIES, found, good)


def reads(b, found):
    for who in ("issuer", "auditor", None):
        for query in ("", "?limit=1", "?limit=0", "?cursor=x"):
            yield b.ask(who, "GET", ALL, query=query)
        for thing in (found, "slo_" + ABSENT, "x"):
            yield b.ask(who, "GET", ONE, thing)


def released(b):
    """A copy of a marked network is marked: its customer gets a key image, and nobody else a license."""
    copy = next(m for m in b.admin.get("/v1/models?limit=200").json()["items"] if m.get("customer") == b.customer.id)
    job_ends(b.admin, copy["job"], 120)
    at = "/v1/models/{id}"
    until(lambda: b.admin.get(f"/v1/models/{copy['id']}").json()["state"] == "ready", 60, "the copy")
    yield b.ask("issuer", "GET", at, copy["id"])
    job, made = release(b.admin, copy["id"], lock="sealed", effort="none")
    assert (job["state"], made["watermark"], made["customer"]) == ("done", b.watermark["id"], b.customer.id), made
    yield b.ask("issuer", "GET", at + "/releases/{release}", f"{copy['id']} {made['id']}")
    policy = new_policy(b.admin, image="unlock")
    lic = new_license(b.admin, b.customer.id, made["id"], policy)["id"]
    assert fetched(b.customer, lic)[:4] == b"\x89PNG"
    other = enrolled(b.house, b.admin, "Not copied")
    yield b.ask("issuer", "POST", "/v1/licenses", body={"customer": other.id, "release": made["id"], "policy": policy})
    other.close()
    asked = b.ask("issuer", "POST", "/v1/challenges", body={"release": made["id"], "dataset": b.dataset, "pairs": 0, "decoys": 4})
    assert asked[2].json().get("slots") == copy["slots"], asked[2]
    b.ended(asked[2])
    yield asked


def answers(house, clients):
    b = Bench(house, clients)
    try:
        for row in sets(b):
            yield row
            if row[2].status == 202:
                b.ended(row[2])
        found = next(s["id"] for s in b.admin.get(ALL).json()["items"] if s["state"] == "ready" and s["model"] == b.model)
        yield from copies(b, found)
        yield from reads(b, found)
        yield from released(b)
    finally:
        b.close()
