"""The contract against the server: the same routes both ways; every answer that can be provoked
has a declared status, media type, headers and form; every declared member is what it says."""

import json
import secrets
import subprocess
from collections import defaultdict
from contextlib import closing

import contract_images as images
import contract_people as people
import contract_licensing as licensing
import contract_slots as slots
import contract_vault as vault
import contract_redteam as redteam
import contract_verification as verification
import contract_webhooks as webhooks
from house import House, job_ends, programs
from schemas import resolved, wrong
from tap import run

METHODS = ("get", "post", "put", "patch", "delete")
ABSENT = "00000000-0000-7000-8000-000000000000"
TOKEN = {"name": "contract", "roles": ["issuer"]}
JOB = {"kind": "selftest", "params": {"text": "contract", "steps": 2, "step_ms": 1}}
FAIL = {"kind": "selftest", "params": {"text": "x", "steps": 2, "step_ms": 1, "fail": "crash"}}
LONG = {"kind": "selftest", "params": {"text": "x", "steps": 280, "step_ms": 1000}}


class Contract:
    def __init__(self, document):
        self.document = document
        self.rows = {
            (method.upper(), path): row
            for path, item in document["paths"].items()
            for method, row in item.items()
            if method in METHODS
        }
        self.seen = defaultdict(set)

    def judge(self, method, path, answer):
        """What is wrong with an answer to this route; empty if nothing is."""
        row = self.rows[method, path]
        self.seen[method, path].add(str(answer.status))
        declared = row["responses"].get(str(answer.status)) or row["responses"].get("default")
        if declared is None:
            return [f"{answer.status} is not declared"]
        declared = resolved(declared, self.document)
        found = []
        for name, header in declared.get("headers", {}).items():
            header = resolved(header, self.document)
            if name.lower() not in answer.headers and header.get("required"):
                found.append(f"header {name} is missing")
        content = declared.get("content")
        media = answer.headers.get("content-type", "").split(";")[0]
        if not content:
            return found + ([f"a body of {media}, and none is declared"] if answer.body else [])
        if media not in content:
            return [*found, f"{media} is not declared, only {list(content)}"]
        if media.endswith("json") and answer.status != 206:
            found += wrong(answer.json(), content[media].get("schema", {}), self.document)
        return found


def requests(have):
    """Method, route, path, body, headers, whose token: what provokes as many answers as may be."""
    token, job, failed = have["token"], have["job"], have["failed"]
    key = {"Idempotency-Key": "fixed"}
    yield "GET", "/healthz", "/healthz", None, {}, None
    yield "GET", "/readyz", "/readyz", None, {}, None
    yield "GET", "/v1/openapi.json", "/v1/openapi.json", None, {}, None
    yield "GET", "/v1/nonce", "/v1/nonce", None, {}, None
    yield "GET", "/v1/keys", "/v1/keys", None, {}, None
    for who in ("admin", "issuer", None):
        for body, headers in [(TOKEN, {}), (TOKEN, key), ({**TOKEN, "name": "y"}, key), (TOKEN, {"Idempotency-Key": ""}),
                              (b"{", {}), ({**TOKEN, "roles": []}, {}), (b" " * 70000, {}),
                              (TOKEN, {"Content-Type": "text/plain"})]:  # fmt: skip
            yield "POST", "/v1/tokens", "/v1/tokens", body, headers, who
        for query in ("", "?limit=1", "?limit=0", "?cursor=x"):
            yield "GET", "/v1/tokens", "/v1/tokens" + query, None, {}, who
            yield "GET", "/v1/jobs", "/v1/jobs" + query, None, {}, who
        for thing in (token, f"tok_{ABSENT}", "x"):
            yield "GET", "/v1/tokens/{id}", f"/v1/tokens/{thing}", None, {}, who
            for etag in (None, '"99"', "x", '"1"', '"2"'):
                headers = {} if etag is None else {"If-Match": etag}
                yield "DELETE", "/v1/tokens/{id}", f"/v1/tokens/{thing}", None, headers, who
        for body, headers in [(JOB, {}), ({"kind": "x", "params": {}}, {}), (b"{", {}), (JOB, key), (FAIL, key),
                              (JOB, {"Content-Type": "text/plain"}), (b" " * 70000, {})]:  # fmt: skip
            yield "POST", "/v1/jobs", "/v1/jobs", body, headers, who
        for thing in (job, failed, f"job_{ABSENT}"):
            yield "GET", "/v1/jobs/{id}", f"/v1/jobs/{thing}", None, {}, who
            yield "POST", "/v1/jobs/{id}/cancel", f"/v1/jobs/{thing}/cancel", None, {}, who
        yield "GET", "/v1/jobs/{id}/events", f"/v1/jobs/job_{ABSENT}/events", None, {}, who
        yield "GET", "/v1/jobs/{id}/events", f"/v1/jobs/{job}/events", None, {}, who
    for who in ("auditor", "admin", None):
        for query in ("", "?limit=2", "?after=1&limit=3", "?limit=0", "?after=x"):
            yield "GET", "/v1/audit", "/v1/audit" + query, None, {}, who
    yield "POST", "/v1/jobs", "/v1/jobs", LONG, {"Idempotency-Key": "long"}, "admin"


def exchange(clients, who, method, path, body, headers):
    if method == "POST":
        headers = {"Idempotency-Key": secrets.token_hex(8), **headers}
    return clients[who].request(method, path, body, headers)


def filled(route, have, model):
    """The route with ids that exist."""
    thing = {"tokens": have["token"], "jobs": have["job"], "models": model}.get((route + "//").split("/")[2], f"dat_{ABSENT}")
    return route.replace("{id}", thing).replace("{release}", f"rel_{ABSENT}")


def body_for(method, route):
    return TOKEN if method == "POST" and "{" not in route else None


def living(t, house, contract):
    model, release, watermark = vault.prepared(house)
    clients = {"admin": house.client(), None: house.client(None), "issuer": house.client(), "auditor": house.client()}
    clients["issuer"].secret = house.token("acme", "issuer", name="issuer")
    clients["auditor"].secret = house.token("acme", "auditor", name="auditor")
    admin = clients["admin"]
    have = {"token": admin.post("/v1/tokens", TOKEN).json()["id"]}
    have["job"] = admin.post("/v1/jobs", JOB).json()["id"]
    have["failed"] = admin.post("/v1/jobs", FAIL).json()["id"]
    t.same(job_ends(admin, have["job"])["state"], "done", "a job is done")
    t.same(job_ends(admin, have["failed"])["state"], "failed", "one has failed")
    found = defaultdict(list)
    for route, answer in vault.uploads(house, clients["issuer"].secret):
        method = "GET" if route.endswith("}") else "PUT"
        found[method, route] += [f"{answer.status}: {what}" for what in contract.judge(method, route, answer)]
    for method, route, answer in people.answers(house):
        found[method, route] += [f"{answer.status}: {what}" for what in contract.judge(method, route, answer)]
    for method, route, answer in licensing.answers(house, clients):
        found[method, route] += [f"{answer.status}: {what}" for what in contract.judge(method, route, answer)]
    for part in (images, verification, redteam, slots):
        for method, route, answer in part.answers(house, clients):
            found[method, route] += [f"{answer.status}: {what}" for what in contract.judge(method, route, answer)]
    asked = [*vault.things(model), *vault.releases(model, release), *vault.watermarks(watermark),
             *vault.erasures(house, admin), *webhooks.hooks(admin), *requests(have)]
    for method, route, path, body, headers, who in asked:
        answer = exchange(clients, who, method, path, body, headers)
        for what in contract.judge(method, route, answer):
            found[method, route].append(f"{path} as {who}: {answer.status}: {what}")
    running = admin.get("/v1/jobs?limit=200").json()["items"][-1]["id"]
    answer = exchange(clients, "admin", "POST", f"/v1/jobs/{running}/cancel", None, {})
    found["POST", "/v1/jobs/{id}/cancel"] += contract.judge("POST", "/v1/jobs/{id}/cancel", answer)
    house.ctl("seal", check=True)
    for method, route in contract.rows:
        answer = exchange(clients, "admin", method, filled(route, have, model), body_for(method, route), {"If-Match": "*"})
        found[method, route] += [f"sealed: {what}" for what in contract.judge(method, route, answer)]
    for route in contract.rows:
        statuses = sorted(contract.seen[route])
        t.ok(not found[route], f"{' '.join(route)}: {', '.join(statuses)} as declared", "\n".join(found[route]))
        good = [s for s in contract.rows[route]["responses"] if s.startswith("2")]
        t.ok(set(good) <= set(statuses), f"{' '.join(route)}: every declared success was seen", f"{good} {statuses}")
    for client in clients.values():
        client.close()


def documented(t, contract):
    ran = subprocess.run([programs() / "hallmarkd", "--routes"], capture_output=True, text=True, check=True)
    table = {tuple(line.split()) for line in ran.stdout.splitlines()}
    t.same(table - set(contract.rows), set(), "every route of the table is in the contract")
    t.same(set(contract.rows) - table, set(), "every path of the contract is in the table")
    t.ok(contract.document["openapi"].startswith("3.1"), "it is OpenAPI 3.1")
    names = [row.get("operationId") for row in contract.rows.values()]
    t.ok(None not in names and len(set(names)) == len(names), "each operation has a name of its own", names)
    broken = []

    def walk(at, where):
        if isinstance(at, dict):
            if "$ref" in at:
                try:
                    resolved(at, contract.document)
                except KeyError:
                    broken.append(f"{where}: {at['$ref']}")
            for name, value in at.items():
                walk(value, f"{where}/{name}")
        elif isinstance(at, list):
            for n, value in enumerate(at):
                walk(value, f"{where}/{n}")

    walk(contract.document, "#")
    t.same(broken, [], "every reference leads somewhere")
    for route, row in contract.rows.items():
        named = {p["name"] for p in map(lambda p: resolved(p, contract.document), row.get("parameters", []))
                 if p["in"] == "path"}  # fmt: skip
        shared = contract.document["paths"][route[1]].get("parameters", [])
        named |= {resolved(p, contract.document)["name"] for p in shared if resolved(p, contract.document)["in"] == "path"}
        wanted = {part[1:-1] for part in route[1].split("/") if part.startswith("{")}
        t.same(named, wanted, f"{' '.join(route)}: its path's parameters are declared")
    t.same(wrong({"a": "x"}, {"type": "object", "properties": {"a": {"type": "integer"}}}, {}) != [], True,
           "a wrong answer would be noticed")  # fmt: skip


def kept(t):
    with House(token_rate=0, address_rate=0, failure_rate=0).open() as house:
        with closing(house.client(None)) as client:
            contract = Contract(json.loads(client.get("/v1/openapi.json").body))
        documented(t, contract)
        living(t, house, contract)


def hurried(t):
    """What a caller in too much of a hurry gets is declared as well."""
    with House(token_rate=1, token_burst=1, address_rate=0).open() as house, closing(house.client()) as client:
        contract = Contract(client.get("/v1/openapi.json").json())
        client.get("/v1/tokens")
        have = {"token": f"tok_{ABSENT}", "job": f"job_{ABSENT}"}
        for method, route in contract.rows:
            path = filled(route, have, f"mod_{ABSENT}")
            answer = exchange({"admin": client}, "admin", method, path, body_for(method, route), {"If-Match": "*"})
            found = contract.judge(method, route, answer)
            t.ok(not found, f"{method} {route} in a hurry: {answer.status} as declared", "\n".join(found))


run(kept, hurried)
