"""A POST repeated with its Idempotency-Key has the effect of one, and the answer of the first."""

import threading
from contextlib import closing

from house import House
from tap import run

BODY = {"name": "again", "roles": ["issuer"]}


def bytes_of(answer):
    return answer.status, answer.body


def repeated(t):
    with House(root="shares") as house:
        house.start()
        shares = house.shares(2, 3)
        for share in shares[:2]:
            house.unseal(share)
        client = house.vendor("acme")
        first = client.post("/v1/tokens", BODY, key="one")
        t.same(first.status, 201, "a token is created")
        before = house.counts()
        t.same(bytes_of(client.post("/v1/tokens", BODY, key="one")), bytes_of(first),
               "the same key and body: the same status and body, byte for byte")  # fmt: skip
        t.same(house.counts(), before, "and nothing was created by it")

        other = client.post("/v1/tokens", {**BODY, "name": "other"}, key="one")
        t.same((other.status, other.problem("code")), (422, "IDEMPOTENCY_KEY_REUSED"), "the same key, another body")
        job = {"kind": "selftest", "params": {"text": "again", "steps": 1, "step_ms": 1}}
        elsewhere = client.post("/v1/jobs", job, key="one")
        t.same((elsewhere.status, elsewhere.problem("code")), (422, "IDEMPOTENCY_KEY_REUSED"), "the same key, another path")
        none = client.request("POST", "/v1/tokens", BODY)
        t.same((none.status, none.problem("code")), (400, "IDEMPOTENCY_KEY_REQUIRED"), "no key")
        t.same(house.counts(), before, "none of these created anything")

        refused = client.post("/v1/tokens", {"name": "x", "roles": ["king"]}, key="two")
        t.same(refused.status, 422, "a refused request")
        t.same(client.post("/v1/tokens", BODY, key="two").status, 201, "leaves its key free for a right one")

        begun = client.post("/v1/jobs", job, key="three")
        t.same(begun.status, 202, "a job is accepted")
        t.same(bytes_of(client.post("/v1/jobs", job, key="three")), bytes_of(begun),
               "its repetition gets the answer of then, not of now")  # fmt: skip
        t.same(len(client.get("/v1/jobs").json()["items"]), 1, "and there is one job")

        house.restart()
        for share in shares[1:]:
            house.unseal(share)
        t.same(bytes_of(client.post("/v1/tokens", BODY, key="one")), bytes_of(first), "the same after a restart")
        t.same(bytes_of(client.post("/v1/jobs", job, key="three")), bytes_of(begun), "for the job as well")

        with closing(house.client()) as colleague:
            colleague.secret = house.token("acme", "admin", name="colleague")
            own = colleague.post("/v1/tokens", BODY, key="one")
            t.same(own.status, 201, "another token's key of the same text is another key")
            t.ok(own.body != first.body, "and does not show the first one's answer")


def at_once(t):
    with House(token_rate=0, address_rate=0).open() as house:
        answers, gate = [], threading.Barrier(16)

        def ask():
            with closing(house.client(timeout=60)) as client:
                client.get("/healthz")
                gate.wait()
                answers.append(client.post("/v1/tokens", BODY, key="at-once"))

        threads = [threading.Thread(target=ask) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        made = {a.body for a in answers if a.status == 201}
        t.same(len(made), 1, "16 at once with one key: one answer")
        t.same({a.status for a in answers} - {201, 409}, set(), "given to all of them, or `still running`")
        t.same(house.ask("SELECT count(*) FROM token WHERE name = 'again'"), [(1,)], "and one token")


run(repeated, at_once)
