"""The part of the contract that speaks of suspects, challenges and verifications: what provokes its
answers. Each is (method, route, answer). It needs the watermark that contract_images has made."""

from contract_licensing import ABSENT, Stage
from house import job_ends
from image_things import fashion
from sending import Sender
from suspect_things import new_suspect

SUSPECTS, CHALLENGES, VERIFICATIONS = ("/v1/suspects", "/v1/challenges", "/v1/verifications")
PARTS = {SUSPECTS: (), CHALLENGES: ("content",), VERIFICATIONS: ("report", "evidence", "page")}
RANGES = ({}, {"Range": "bytes=0-9"}, {"Range": "bytes=99999999-"}, {"If_None_Match": "*"})


class Bench(Stage):
    """Callers, among them one who may verify; a network with a watermark, and pictures."""

    def __init__(self, house, clients):
        self.house, self.admin = house, clients["admin"]
        verifier = house.client()
        verifier.secret = house.token("acme", "verifier", name="verifier")
        self.clients = {**clients, "verifier": verifier}
        self.watermark = next(w for w in self.admin.get("/v1/watermarks?limit=200").json()["items"] if w["name"] == "marked")
        made = self.admin.get(f"/v1/models/{self.watermark['model']}/releases").json()["items"]
        self.release = next(r["id"] for r in made if r["state"] == "ready")
        self.dataset = fashion(house, self.admin, "decoys", "t10k", 40)

    def close(self):
        self.clients["verifier"].close()

    def ended(self, answer):
        """The id of what a job has made."""
        job_ends(self.admin, answer.json()["job"], 120)
        return answer.json()["id"]


def suspects(b):
    good = {"name": "found", "note": "in a forum", "appeared": "2024-05-01T10:00:00Z"}
    for who in ("verifier", "auditor", None):
        for body in (good, {}, {"name": "x", "colour": 1}, {"name": "x", "challenge": "cha_" + ABSENT}, b"{"):
            yield b.ask(who, "POST", SUSPECTS, body=body)
        yield b.ask(who, "POST", SUSPECTS, body=good, Idempotency_Key="")
    sender = Sender(b.house, b.clients["verifier"].secret, f"{SUSPECTS}/{b.admin.post(SUSPECTS, good).json()['id']}/content", bytes(1000))
    route = SUSPECTS + "/{id}/content"
    for first, last, more in ((0, 500, {}), (7, 500, {}), (0, 500, {"Repr_Digest": "x"}), (500, 1000, {}), (None, None, {})):
        yield "PUT", route, sender.send(first, last, **more)
    yield "PUT", route, Sender(b.house, sender.secret, f"{SUSPECTS}/sus_{ABSENT}/content", b"x").send()


def challenges(b):
    good = {"watermark": b.watermark["id"], "dataset": b.dataset, "pairs": 2, "decoys": 6}
    for who in ("verifier", "auditor", None):
        for body in (good, {**good, "pairs": 1000}, {**good, "release": b.release}, {"dataset": b.dataset}, {**good, "colour": 1},
                     {**good, "dataset": "dat_" + ABSENT}, b"{"):  # fmt: skip
            yield b.ask(who, "POST", CHALLENGES, body=body)


def verifications(b, suspect):
    good = {"suspect": suspect, "release": b.release}
    for who in ("verifier", "auditor", None):
        for body in (good, {**good, "suspect": "sus_" + ABSENT}, {**good, "nulls": ["x"]}, {**good, "eps1": 2}, {**good, "colour": 1}, b"{"):
            yield b.ask(who, "POST", VERIFICATIONS, body=body)


def reads(b, found):
    for who in ("verifier", "auditor", None):
        for route, one in found.items():
            for query in ("", "?limit=1", "?limit=0"):
                yield b.ask(who, "GET", route, query=query)
            for thing in (one, one[:4] + ABSENT, "x"):
                yield b.ask(who, "GET", route + "/{id}", thing)
                for part in PARTS[route]:
                    for headers in RANGES:
                        yield b.ask(who, "GET", f"{route}/{{id}}/{part}", thing, **headers)
        for thing, etag in ((found[SUSPECTS], '"9"'), (found[SUSPECTS], ""), ("sus_" + ABSENT, "*"), ("x", "*")):
            yield b.ask(who, "DELETE", SUSPECTS + "/{id}", thing, If_Match=etag)
    yield b.ask("verifier", "DELETE", SUSPECTS + "/{id}", found[SUSPECTS])


def answers(house, clients):
    b = Bench(house, clients)
    try:
        found = {SUSPECTS: new_suspect(house, b.admin, b"what is this")}
        yield from suspects(b)
        asked = b.admin.post(CHALLENGES, {"release": b.release, "dataset": b.dataset, "pairs": 2, "decoys": 6})
        found[CHALLENGES] = b.ended(asked)
        yield from challenges(b)
        yield from verifications(b, found[SUSPECTS])
        found[VERIFICATIONS] = b.ended(b.admin.post(VERIFICATIONS, {"suspect": found[SUSPECTS], "release": b.release}))
        for job in b.admin.get("/v1/jobs?limit=200").json()["items"]:
            if job["kind"] in ("verify", "challenge"):
                job_ends(b.admin, job["id"], 120)
        yield from reads(b, found)
    finally:
        b.close()
