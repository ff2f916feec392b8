"""The root key in shares: sealed, every route but health refuses; two of three open it, one does
not, nor do mistyped ones or those of another set."""

import secrets
from contextlib import closing

from house import House, until
from tap import run

OPEN_ROUTES = {("GET", "/healthz"), ("GET", "/readyz")}
ABSENT = "00000000-0000-7000-8000-000000000000"


def all_routes(client):
    contract = client.get("/v1/openapi.json").json()
    return [
        (method.upper(), path)
        for path, item in contract["paths"].items()
        for method in item
        if method in ("get", "post", "put", "patch", "delete")
    ]


def answers_of(client, routes):
    """Status and code of each route, asked in a way that would be right."""
    found = {}
    for method, path in routes:
        kind = "job" if "/jobs" in path else "tok"
        body = None
        headers = {"Idempotency-Key": secrets.token_hex(8), "If-Match": '"1"'}
        if method == "POST":
            body = {} if "{" in path else {"name": "x", "roles": ["issuer"]}
        answer = client.request(method, path.replace("{id}", f"{kind}_{ABSENT}"), body, headers)
        found[method, path] = (answer.status, answer.problem("code"))
    return found


def sealed_everywhere(t, house, routes, when):
    with closing(house.client(timeout=20)) as client:
        for route, (status, code) in answers_of(client, routes).items():
            if route == ("GET", "/healthz"):
                t.same(status, 200, f"{when}: healthz is 200")
            elif route == ("GET", "/readyz"):
                t.same(status, 503, f"{when}: readyz is 503")
            else:
                t.same((status, code), (503, "SEALED"), f"{when}: {' '.join(route)} is refused")
    t.same(house.ctl("vendor", "list").code, 4, f"{when}: hallmarkctl vendor list exits 4")
    t.same(house.ctl("audit", "tail").code, 4, f"{when}: so does audit tail")
    t.same(house.ctl("status").code, 0, f"{when}: status answers")


def opened(house):
    with closing(house.client(None, timeout=20)) as client:
        return client.get("/readyz").status == 200


def mistyped(share):
    return share[:20] + ("a" if share[20] != "a" else "b") + share[21:]


def sealing(t):
    with House(root="shares") as other:
        other.start()
        foreign = other.shares(2, 3)
        t.same(len(set(foreign)), 3, "init prints three shares")
    with House(root="shares") as house:
        house.start()
        first_set = house.shares(2, 3)
        shares = house.shares(2, 3)
        t.ok(not set(first_set) & set(shares), "init may be repeated before the first unseal")
        t.ok(not opened(house), "one has to give them back first")
        house.unseal(shares[0])
        house.unseal(shares[2])
        t.ok(opened(house), "two of three open it")
        house.vendor("acme")
        t.ok(house.ctl("init").code != 0, "init is refused from now on")
        with closing(house.client()) as client:
            routes = all_routes(client)
            working = answers_of(client, routes)
        t.ok(len(routes) >= 13, "the contract names all routes", routes)
        t.same([r for r, (status, _) in working.items() if status >= 500], [], "none answers 5xx while open")

        t.same(house.ctl("seal").code, 0, "seal")
        sealed_everywhere(t, house, routes, "sealed")
        refused = {
            "one share": house.unseal(shares[1]),
            "the same one again": house.unseal(shares[1]),
            "a mistyped one": house.unseal(mistyped(shares[0])),
            "one of another house": house.unseal(foreign[0]),
            "one of the first init": house.unseal(first_set[0]),
            "nonsense": house.unseal("hms1nonsense"),
            "nothing": house.unseal(""),
        }
        t.same(refused.pop("one share").code, 0, "a first share is taken")
        for what, ran in refused.items():
            t.ok(ran.code not in (0, 4), f"{what} is refused", ran)
            t.ok(not any(s in ran.out + ran.err for s in shares + foreign + first_set), f"{what}: not repeated in the answer")
            t.ok(not opened(house), f"{what} does not open it")
        t.same(house.unseal(shares[0]).code, 0, "the second right one is taken")
        t.ok(opened(house), "and opens it")
        with closing(house.client()) as client:
            t.same(answers_of(client, routes), working, "every route answers as before")

        house.restart()
        sealed_everywhere(t, house, routes, "after a restart")
        house.unseal(shares[1])
        house.unseal(shares[2])
        t.ok(until(lambda: opened(house), 5, "open"), "another two open it after the restart")
        verified = house.ctl("audit", "verify")
        t.ok(verified.code == 0, "the audit verifies", verified)


run(sealing)
