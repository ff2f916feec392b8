#!/usr/bin/env python3
"""How long an answer takes says nothing about who exists: latencies of requests about what is there
and what is not, in random order on one connection, are one distribution (two-sample Kolmogorov-
Smirnov). A measure that fails by chance, as one in a hundred must, is made again."""

import gc
import math
import random
import secrets
import time
from contextlib import closing

from customers import enrolled, new_customer
from house import House, full, instrumented
from license_things import Scene
from proof import base64url, compact
from tap import run
from wire import Wire, head_of

FREE = {"token_rate": 0, "address_rate": 0, "failure_rate": 0, "threads": 1}
TRIES = 3


def differ(one, other):
    """The two-sample Kolmogorov-Smirnov statistic, and how often chance alone makes one as large."""
    events = sorted([(x, 1) for x in one] + [(x, -1) for x in other])
    at = most = 0
    for i, (x, side) in enumerate(events):
        at += side
        if i + 1 == len(events) or events[i + 1][0] != x:
            most = max(most, abs(at))
    n = len(one)
    d = most / n
    root = math.sqrt(n / 2)
    x = (root + 0.12 + 0.11 / root) * d
    p = 2 * sum((-1) ** (k - 1) * math.exp(-2 * (k * x) ** 2) for k in range(1, 101)) if x > 0.2 else 1.0
    return d, min(max(p, 0.0), 1.0)


def timed(wire, request):
    began = time.perf_counter_ns()
    wire.send(request)
    answer = wire.answer()
    return time.perf_counter_ns() - began, answer


def measure(house, n, sides, wanted, between=None):
    """Latencies of n requests of each side. `sides`: two functions that make a request's bytes."""
    with Wire(house.address, house.context) as wire:
        order = [0] * n + [1] * n
        random.shuffle(order)
        took = ([], [])
        for _ in range(200):
            for side in sides:
                timed(wire, side())
        gc.disable()
        for count, side in enumerate(order):
            if between and count % 50 == 0:
                between()
            ns, answer = timed(wire, sides[side]())
            assert answer.status == wanted, answer
            took[side].append(ns)
        gc.enable()
    return took


def same_time(t, house, name, sides, wanted, between=None):
    n = 10000 if full() else 1000
    for attempt in range(TRIES):
        one, other = measure(house, n, sides, wanted, between)
        d, p = differ(one, other)
        middle = [sorted(x)[n // 2] / 1000 for x in (one, other)]
        t.note(f"{name}: D {d:.4f}, p {p:.4f}, medians {middle[0]:.1f} and {middle[1]:.1f} us, n {n}, attempt {attempt + 1}")
        if p > 0.01:
            break
    t.ok(p > 0.01, f"{name}: p > 0.01 with {n} each", f"p {p} after {attempt + 1} attempts")


def near(id):
    """An id that nobody has, of the same moment."""
    tail = secrets.token_hex(8)
    return f"{id[:-17]}9{tail[:3]}-{tail[3:15]}"


def proofs(t, house, vendor):
    people = [enrolled(house, vendor, f"person {i}") for i in range(8)]
    for i in range(40):
        new_customer(vendor, f"not yet {i}")

    def asking(known):
        who = random.choice(people).id
        kid = who if known else near(who)
        path = "/v1/customers/" + kid
        header = base64url(compact({"alg": "ES256", "kid": kid, "typ": "hallmark-proof+jwt"}))
        claims = {"digest": base64url(secrets.token_bytes(32)), "method": "GET", "nonce": base64url(secrets.token_bytes(40)), "path": path}
        token = f"{header}.{base64url(compact(claims))}.{base64url(b'0' + secrets.token_bytes(31) + b'0' + secrets.token_bytes(31))}"
        return head_of("GET", path, house.ip, {"Authorization": "Hallmark " + token})

    def good():
        who = random.choice(people)
        assert who.get("/v1/customers/" + who.id).status == 200

    sides = (lambda: asking(True), lambda: asking(False))
    same_time(t, house, "a bad signature of a customer, of nobody", sides, 401)
    same_time(t, house, "the same while customers come and go", sides, 401, good)
    for who in people:
        who.close()


def tokens(t, house, vendor):
    made = [vendor.post("/v1/tokens", {"name": f"t{i}", "roles": ["issuer"]}).json() for i in range(40)]
    for one in made[:20]:
        assert vendor.delete("/v1/tokens/" + one["id"], "*").status == 204

    def asking(secret):
        return head_of("GET", "/v1/jobs", house.ip, {"Authorization": "Bearer " + secret})

    sides = (lambda: asking(random.choice(made[:20])["secret"]), lambda: asking("hmt_" + secrets.token_urlsafe(32)))
    same_time(t, house, "a revoked token, a random one", sides, 401)
    short = {"name": "short", "roles": ["issuer"]}
    soon = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() + 2))
    ended = [vendor.post("/v1/tokens", {**short, "expires": soon}).json()["secret"] for _ in range(20)]
    for secret in ended:
        assert vendor.request("GET", "/v1/jobs", headers={"Authorization": "Bearer " + secret}).status == 200
    time.sleep(2.5)
    sides = (lambda: asking(random.choice(ended)), lambda: asking("hmt_" + secrets.token_urlsafe(32)))
    same_time(t, house, "an expired token, a random one", sides, 401)


def ids(t, house, vendor):
    """Another vendor's ids, and random ones, as 404."""
    theirs = house.vendor("globex")
    customers = [new_customer(theirs, f"customer {i}")["id"] for i in range(20)]
    for i in range(20):
        new_customer(vendor, f"ours {i}")

    def asking(route, id):
        return head_of("GET", f"{route}/{id}", house.ip, {"Authorization": "Bearer " + vendor.secret})

    def sides(route, known):
        return (lambda: asking(route, random.choice(known))), (lambda: asking(route, near(random.choice(known))))

    same_time(t, house, "another vendor's customer, none", sides("/v1/customers", customers), 404)
    scene = Scene(house)
    licenses = [scene.license, *(scene.issue({})["id"] for _ in range(20))]
    scene.close()
    vendor.secret = house.vendors["globex"]
    same_time(t, house, "another vendor's license, none", sides("/v1/licenses", licenses), 404)
    theirs.close()


def steady(t):
    if instrumented():
        t.skip("latencies", "built with a sanitizer: its times are its own")
        return
    with House(**FREE).open() as house, closing(house.client()) as vendor:
        for part in (proofs, tokens, ids):
            part(t, house, vendor)


run(steady)
