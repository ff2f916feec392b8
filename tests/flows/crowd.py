"""64 clients create 100 tokens each, all at once: each gets what it asked for, and it is written."""

import threading
from collections import Counter
from contextlib import closing

from house import House
from tap import run

CLIENTS, EACH = 64, 100


def one_client(house, number, gate, answers):
    with closing(house.client(timeout=120)) as client:
        client.get("/healthz")
        gate.wait()
        for n in range(EACH):
            body = {"name": f"crowd {number}-{n}", "roles": ["issuer"]}
            answers.append(client.post("/v1/tokens", body))


def crowd(t):
    with House(token_rate=0, address_rate=0).open() as house:
        gate = threading.Barrier(CLIENTS)
        answers = []
        threads = [
            threading.Thread(target=one_client, args=(house, n, gate, answers))
            for n in range(CLIENTS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wanted = CLIENTS * EACH
        t.same(Counter(a.status for a in answers), Counter({201: wanted}), "every creation is answered with 201")
        made = [a.json() for a in answers if a.status == 201]
        ids = {token["id"] for token in made}
        t.same(len(ids), wanted, f"{wanted} distinct tokens")
        t.same(len({token["secret"] for token in made}), wanted, "and as many distinct secrets")
        t.same({i for (i,) in house.ask("SELECT id FROM token WHERE name LIKE 'crowd %'")}, ids,
               "exactly these are in the database")  # fmt: skip
        rows = [r for r in house.audit_rows(action="token.create", outcome="OK") if r["object"] in ids]
        t.same(len(rows), wanted, "each has one audit row")
        t.same({r["object"] for r in rows}, ids, "and no two the same one")
        said = house.said().lower()
        t.ok("locked" not in said and "busy" not in said, "nobody was told that anything is locked", said[-2000:])
        t.same(house.ctl("audit", "verify").code, 0, "the audit verifies")


run(crowd)
