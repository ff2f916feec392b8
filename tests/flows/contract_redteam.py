"""The part of the contract that speaks of red teams: what provokes its answers. Each is (method, route,
answer). It needs the release of a watermarked network that contract_images has made."""

from contract_licensing import ABSENT, Stage
from contract_verification import RANGES
from house import job_ends
from image_things import fashion

RED_TEAMS = "/v1/red-teams"


class Walls(Stage):
    """Callers, among them one who may verify; a release whose network has a watermark, and data."""

    def __init__(self, house, clients):
        self.house, self.admin = house, clients["admin"]
        verifier = house.client()
        verifier.secret = house.token("acme", "verifier", name="attacker")
        self.clients = {**clients, "verifier": verifier}
        marked = next(w for w in self.admin.get("/v1/watermarks?limit=200").json()["items"] if w["name"] == "marked")
        made = self.admin.get(f"/v1/models/{marked['model']}/releases").json()["items"]
        self.release = next(r["id"] for r in made if r["state"] == "ready")
        self.dataset = fashion(house, self.admin, "attacked with", "t10k", 80)

    def close(self):
        self.clients["verifier"].close()


def orders(b, good):
    for who in ("verifier", "auditor", None):
        for body in ({**good, "release": "rel_" + ABSENT}, {**good, "dataset": "dat_" + ABSENT}, {"release": b.release},
                     {**good, "profile": "slow"}, {**good, "rows": ["much too long"]}, {**good, "colour": 1}, b"{"):  # fmt: skip
            yield b.ask(who, "POST", RED_TEAMS, body=body)
    yield b.ask("verifier", "POST", RED_TEAMS, body=good, Idempotency_Key="")


def reads(b, things):
    for who in ("verifier", "auditor", None):
        for query in ("", "?limit=1", "?limit=0"):
            yield b.ask(who, "GET", RED_TEAMS, query=query)
        for thing in (*things, "rdt_" + ABSENT, "x"):
            yield b.ask(who, "GET", RED_TEAMS + "/{id}", thing)
            for part in ("report", "page"):
                for headers in RANGES:
                    yield b.ask(who, "GET", f"{RED_TEAMS}/{{id}}/{part}", thing, **headers)


def answers(house, clients):
    b = Walls(house, clients)
    try:
        good = {"release": b.release, "dataset": b.dataset, "rows": ["W2f"], "threads": 1}
        yield from orders(b, good)
        things = []
        for body in (good, {**good, "rows": ["Z9"]}):
            method, route, answer = b.ask("verifier", "POST", RED_TEAMS, body=body)
            yield method, route, answer
            things.append(answer.json()["id"])
            job_ends(b.admin, answer.json()["job"], 240)
        yield from reads(b, things)
    finally:
        b.close()
