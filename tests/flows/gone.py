"""Clients that are gone before their answer, and what stays done all the same; streams that end with
their token; heads that mean two things; callers without a token, who must not fill the audit."""

import secrets
import socket
import struct
import sys
import time
from contextlib import closing

sys.dont_write_bytecode = True

from house import House, until
from tap import run
from wire import Client, Wire, head_of

FREE = {"token_rate": 0, "address_rate": 0, "failure_rate": 0}


def reset(wire):
    """Ends a connection with a reset, as a killed client's does."""
    wire.tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wire.tls.close()


def new_token(client):
    return client.post("/v1/tokens", {"name": "gone", "roles": ["admin"]}).json()


def revoked_and_gone(t):
    with House(**FREE) as house:
        client = house.open().client()
        token = {"Authorization": f"Bearer {house.vendors['acme']}"}
        done = living = tries = 0
        while tries < 60 or (done <= 10 and tries < 600):  # a busy server is seldom faster than the reset
            tries += 1
            made = new_token(client)
            with closing(Client(house, made["secret"])) as kept:
                kept.get("/v1/tokens?limit=1")
                wire = Wire(house.address, house.context)
                wire.send(head_of("DELETE", f"/v1/tokens/{made['id']}", house.ip, {**token, "If-Match": "*"}))
                reset(wire)
                time.sleep(0.02)
                if client.get(f"/v1/tokens/{made['id']}").json()["revoked"]:
                    done += 1
                    living += kept.get("/v1/tokens?limit=1").status == 200
        t.ok(done > 10, f"{done} of {tries} revocations were done though nobody waited for the answer")
        t.same(living, 0, "and none of those tokens is accepted any more")
        began = time.monotonic()
        t.same(house.stop(), 0, "the daemon ends all the same")
        t.ok(time.monotonic() - began < 15, f"within {time.monotonic() - began:.1f} s")


def stream_of_a_revoked_token(t):
    with House(**FREE) as house:
        client = house.open().client()
        made = new_token(client)
        job = client.post("/v1/jobs", {"kind": "selftest", "params": {"text": "x", "steps": 400, "step_ms": 100}})
        with closing(Wire(house.address, house.context)) as wire:
            token = {"Authorization": f"Bearer {made['secret']}"}
            wire.send(head_of("GET", f"/v1/jobs/{job.json()['id']}/events", house.ip, token))
            t.same(wire.head()[0], 200, "a stream of events begins")
            wire.chunk()
            client.delete(f"/v1/tokens/{made['id']}", "*")
            began = time.monotonic()
            while wire.chunk() and time.monotonic() - began < 15:
                pass
            t.ok(time.monotonic() - began < 12, "and ends when its token is revoked")


def streams_of_one_vendor(t):
    with House(**FREE) as house:
        client = house.open().client()
        job = client.post("/v1/jobs", {"kind": "selftest", "params": {"text": "x", "steps": 100, "step_ms": 1000}})
        path = f"/v1/jobs/{job.json()['id']}/events"
        token = {"Authorization": f"Bearer {client.secret}"}
        wires = [Wire(house.address, house.context) for _ in range(136)]
        for wire in wires:
            wire.send(head_of("GET", path, house.ip, token))
        got = [wire.head() for wire in wires]
        t.same(sum(status == 200 for status, _ in got), 128, "a vendor may have 128 streams open")
        t.same({s for s, _ in got}, {200, 429}, "whoever comes beyond them is told so")
        t.ok(all("retry-after" in h for s, h in got if s == 429), "and when to come again", got[-1])
        for wire in wires:
            wire.close()
        until(lambda: client.get("/healthz") and house.client().get(path.removesuffix("/events")), 5, "still there")
        began = time.monotonic()
        t.same((house.stop(), time.monotonic() - began < 12), (0, True), "streams do not hold up the end")


def the_same_answer(t):
    with House(**FREE) as house:
        client = house.open().client()
        for path, body in (
            ("/v1/tokens", {"name": "same", "roles": ["issuer"]}),
            ("/v1/jobs", {"kind": "selftest", "params": {"text": "x"}}),
        ):
            key = secrets.token_hex(8)
            first, second = client.post(path, body, key=key), client.post(path, body, key=key)
            for name in ("location", "etag"):
                t.ok(first.headers.get(name), f"{path}: the answer has {name}", first.headers)
                t.same(second.headers.get(name), first.headers.get(name), f"{path}: so has its repetition")


BODY = b'{"name":"e","roles":["issuer"]}'
HEADS = {
    "a blank before the colon": (b"Content-Length : 31\r\n", None),
    "a blank in a name": (b"Bad Name: x\r\n", None),
    "a carriage return in a value": (b"X-Any: a\rb\r\n", None),
}


def unclear_heads(t):
    with House(**FREE) as house:
        house.open()
        token = f"Authorization: Bearer {house.vendors['acme']}\r\nContent-Type: application/json\r\n".encode()
        for what, (line, _) in HEADS.items():
            with closing(Wire(house.address, house.context, timeout=10)) as wire:
                wire.send(b"POST /v1/tokens HTTP/1.1\r\nHost: x\r\nIdempotency-Key: k\r\n" + token + line + b"\r\n" + BODY)
                answer = wire.answer()
                t.same((answer.status, answer.problem("code")), (400, "BAD_REQUEST"), what)
                t.same(answer.headers.get("connection", "").lower(), "close", f"{what}: nothing after it is read")
        with closing(Wire(house.address, house.context, timeout=10)) as wire:
            wire.send(b"GET /healthz HTTP/1.1\r\n\r\n")
            answer = wire.answer()
            t.same((answer.status, answer.problem("code")), (400, "BAD_REQUEST"), "HTTP/1.1 without a Host")


def rows(house):
    house.settle()
    return house.ask("SELECT count(*) FROM audit")[0][0]


def nobody_fills_the_audit(t):
    with House(address_rate=1, address_burst=60, failure_rate=1, failure_burst=20) as house:
        house.open()
        made = new_token(house.client())
        wrong = {"Authorization": "Bearer hmt_" + "A" * 43, "If-Match": "*"}

        def flood(method, path, headers, source):
            before = rows(house)
            with closing(Client(house, source=house.ip[:-1] + source)) as client:
                got = {client.request(method, path, headers=headers).status for _ in range(200)}
            return got, rows(house) - before

        got, more = flood("GET", "/v1/nowhere", {}, "2")
        t.same((got, more <= 70), ({404, 429}, True), f"200 unknown paths: {more} rows")
        got, more = flood("DELETE", f"/v1/tokens/{made['id']}", wrong, "3")
        t.same((got, more <= 30), ({401, 429}, True), f"200 revocations with a wrong token: {more} rows")
        with closing(Client(house, house.vendors["acme"], source=house.ip[:-1] + "3")) as client:
            t.same(client.get("/v1/tokens").status, 429, "whose address must wait with anything else")
            t.same(client.delete(f"/v1/tokens/{made['id']}", "*").status, 204, "but not with a revocation")


run(
    revoked_and_gone, stream_of_a_revoked_token, streams_of_one_vendor, the_same_answer, unclear_heads,
    nobody_fills_the_audit,
)  # fmt: skip
