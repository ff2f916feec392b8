#!/usr/bin/env python3
"""Hostile proofs: repeated, bent, borrowed, oversized, from before a restart. Whatever is wrong with
one, the answer is the same, except where the nonce alone is to blame."""

import json
import secrets
import threading
from contextlib import closing

from customers import Customer, enrolled, new_customer
from house import House, until
from proof import Key, base64url, compact
from tap import run

FREE = {"token_rate": 0, "address_rate": 0, "failure_rate": 0}
SAME = ("status", "code", "title", "detail", "type")


def said(answer):
    """What an answer says but for whom; the same for every bad proof."""
    body = answer.json()
    return tuple(body.get(name) for name in SAME), answer.headers.get("www-authenticate"), "errors" in body


def with_header(customer, path, header):
    answer = customer.plain("GET", path, headers={"Authorization": header})
    customer.nonce = answer.headers.get("hallmark-nonce")
    return answer


def repeated(t, house, vendor, ada):
    path = "/v1/customers/" + ada.id
    header = ada.authorization("GET", path, None)
    t.same(with_header(ada, path, header).status, 200, "a proof is good")
    for _ in range(3):
        answer = with_header(ada, path, header)
        t.same((answer.status, answer.problem("code")), (401, "NONCE_REUSED"), "once")

    def alarms():
        rows = house.audit_rows(outcome="NONCE_REUSED", actor=ada.id)
        return [json.loads(row["detail"]) for row in rows] == [{"alarm": True}] * 3

    t.ok(until(alarms, 5, "rows of the alarms"), "each repetition is an alarm in the audit")
    t.ok(ada.nonce and ada.once("GET", path).status == 200, "the nonce that came with the refusal is good")
    old = ada.fresh()
    ada.nonce = old
    t.same(ada.once("GET", path).status, 200, "a nonce")
    ada.nonce = old
    answer = ada.once("GET", path, claims={"path": path}, header={})
    t.same(answer.problem("code"), "NONCE_REUSED", "is used for any other proof as well")
    other = enrolled(house, vendor, "Borrower")
    other.nonce = old
    t.same(other.once("GET", "/v1/customers/" + other.id).problem("code"), "NONCE_REUSED", "by anybody")


def bent(t, house, vendor, ada):
    path, other, stranger = "/v1/customers/" + ada.id, enrolled(house, vendor, "Other"), Key()
    plain = said(ada.once("GET", path, claims={"path": path + "x"}))
    t.same(plain[0][:2], (401, "UNAUTHENTICATED"), "another path")
    unknown = f"cus_{secrets.token_hex(4)}-0000-7000-8000-000000000000"
    behind = f"{ada.id[:-12]}{(int(ada.id[-12:], 16) + 1) % 16**12:012x}"
    unenrolled = new_customer(vendor, "Not yet")["id"]

    def forged(kid, key=ada.key, **wrong):
        return with_header(ada, path, "Hallmark " + key.proof(kid, "GET", path, ada.fresh(), None, **wrong))

    def edited(part, text):
        parts = ada.authorization("GET", path, None).removeprefix("Hallmark ").split(".")
        parts[part] = text(parts[part])
        return with_header(ada, path, "Hallmark " + ".".join(parts))

    odd = compact({"digest": base64url(bytes(32)), "method": "GET", "nonce": "x", "path": path}).replace(b",", b", ")
    cases = {
        "another method": lambda: ada.once("GET", path, claims={"method": "POST"}),
        "no method": lambda: ada.once("GET", path, claims={"method": ""}),
        "another query": lambda: ada.once("GET", path + "?a=1", claims={"path": path + "?a=2"}),
        "a query that was not signed": lambda: ada.once("GET", path + "?a=1", claims={"path": path}),
        "a body that was not signed": lambda: ada.once("GET", path, claims={"digest": base64url(bytes(32))}),
        "a member too many": lambda: ada.once("GET", path, claims={"colour": "red"}),
        "another customer's kid": lambda: forged(other.id),
        "a kid that nobody has": lambda: forged(unknown),
        "a kid just behind one's own": lambda: forged(behind),
        "one who has not enrolled": lambda: forged(unenrolled),
        "a key that nobody has": lambda: forged(ada.id, key=stranger),
        "a stranger's key and kid": lambda: forged(unknown, key=stranger),
        "a kid that is none": lambda: forged("x"),
        "an empty kid": lambda: forged(""),
        "a kid of another kind": lambda: forged("tok_" + ada.id[4:]),
        "alg none": lambda: forged(ada.id, header={"alg": "none"}),
        "alg HS256": lambda: forged(ada.id, header={"alg": "HS256"}),
        "alg ES384": lambda: forged(ada.id, header={"alg": "ES384"}),
        "another typ": lambda: forged(ada.id, header={"typ": "hallmark-license+jwt"}),
        "a key of the sender's": lambda: forged(ada.id, key=stranger, header={"jwk": stranger.jwk}),
        "crit": lambda: forged(ada.id, header={"crit": ["b64"], "b64": False}),
        "no signature": lambda: edited(2, lambda s: ""),
        "a signature of zeros": lambda: edited(2, lambda s: base64url(bytes(64))),
        "a bit of the signature": lambda: edited(2, lambda s: ("B" if s[0] == "A" else "A") + s[1:]),
        "a longer signature": lambda: edited(2, lambda s: s + "AAAA"),
        "padding": lambda: edited(2, lambda s: s + "=="),
        "another payload": lambda: edited(1, lambda s: base64url(odd)),
        "a payload spelt otherwise": lambda: with_header(ada, path, "Hallmark " + ada.key.jws(
            {"alg": "ES256", "kid": ada.id, "typ": "hallmark-proof+jwt"}, odd)),
        "nothing": lambda: with_header(ada, path, "Hallmark "),
        "dots": lambda: with_header(ada, path, "Hallmark .."),
        "no token at all": lambda: with_header(ada, path, "Hallmark x"),
        "two thousand bytes more": lambda: with_header(ada, path, "Hallmark " + "A" * 4100),
        "twenty thousand bytes in the kid": lambda: forged("c" * 15000),
    }  # fmt: skip
    for name, case in cases.items():
        answer = case()
        t.same(said(answer) if answer.status == 401 else answer, plain, f"{name}: 401 as ever")
    t.same(plain[1], "Bearer, Hallmark", "it says what would do")
    t.same(ada.get(path).status, 200, "and a good one is still good")
    counted = house.audit_rows(actor="anonymous", outcome="UNAUTHENTICATED", action="customer.read")
    t.ok(all(row["vendor"] == "" for row in counted), "a bad proof is nobody's in the audit")


def bodies(t, house, vendor, ada):
    path, new = f"/v1/customers/{ada.id}/key", Key()
    nonce = ada.fresh()
    body = json.dumps({"jwk": new.jwk, "proof": new.proof("x", "PUT", path, nonce)}).encode()

    def send(signed, sent):
        ada.nonce = nonce
        header = {"Authorization": ada.authorization("PUT", path, signed)}
        return ada.plain("PUT", path, sent, header)

    answer = send(body, body.replace(b" ", b"  ", 1))
    t.same((answer.status, answer.problem("code")), (401, "UNAUTHENTICATED"), "another body than was signed")
    t.same(vendor.get("/v1/customers/" + ada.id).json()["key"], ada.key.thumbprint, "nothing was done")
    t.same(send(body, body).problem("code"), "NONCE_REUSED", "its nonce is spent by that")


def nonces(t, house, vendor, ada):
    path = "/v1/customers/" + ada.id
    for name, nonce in {"none": "x", "zeros": base64url(bytes(40)), "random": base64url(secrets.token_bytes(40))}.items():
        ada.nonce = nonce
        answer = ada.once("GET", path)
        t.same((answer.status, answer.problem("code")), (401, "NONCE_WANTED"), f"a nonce that is {name}")
    t.same(ada.get(path).status, 200, "the one that came with the refusal is good")
    first = ada.plain("GET", "/v1/nonce")
    t.same(first.headers["hallmark-nonce"], first.json()["nonce"], "anybody may have one")
    ada.nonce = first.json()["nonce"]
    kept = ada.authorization("GET", path, None)
    house.restart()
    answer = with_header(ada, path, kept)
    t.same(answer.problem("code"), "NONCE_WANTED", "one from before a restart is not good any more")
    t.same(ada.get(path).status, 200, "a fresh one is")
    bearer = vendor.get(path).headers
    t.ok("hallmark-nonce" not in bearer, "no nonce for those who have a token")
    t.ok("hallmark-nonce" not in Customer(house, None, "").plain("GET", path).headers, "nor for those who show nothing")


def at_once(t, house, vendor, ada):
    """One proof sent by 64 at the same time is good once, a hundred times over."""
    path = "/v1/customers/" + ada.id
    crowd = [Customer(house, ada.key, ada.id) for _ in range(64)]
    for one in crowd:
        one.connect()
    rounds, barrier, answers = 20, threading.Barrier(len(crowd)), []
    proofs = []
    for _ in range(rounds):
        ada.nonce = None
        proofs.append(ada.authorization("GET", path, None))

    def use(one):
        for header in proofs:
            barrier.wait()
            answers.append((header, one.plain("GET", path, headers={"Authorization": header})))

    threads = [threading.Thread(target=use, args=(one,)) for one in crowd]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won = [sum(a.status == 200 for h, a in answers if h == header) for header in proofs]
    t.same(won, [1] * rounds, f"of 64 at once one wins, in {rounds} rounds")
    lost = {(a.status, a.problem("code")) for _, a in answers if a.status != 200}
    t.same(lost, {(401, "NONCE_REUSED")}, "the others are told that it was used")
    for one in crowd:
        one.close()


def replays_of_acts(t, house, vendor, ada):
    """A customer's retry with the same Idempotency-Key has a proof of its own each time."""
    made = new_customer(vendor, "Twice")
    key = Key()
    asking = Customer(house, key, key.thumbprint)
    answers = [asking.request("POST", "/v1/enrolments", {"code": made["code"], "jwk": key.jwk}) for _ in range(2)]
    t.same([a.status for a in answers], [200, 200], "enrolling again with a fresh proof")
    old = asking.authorization("POST", "/v1/enrolments", json.dumps({"code": made["code"], "jwk": key.jwk}).encode())
    body = {"code": made["code"], "jwk": key.jwk}
    codes = [asking.plain("POST", "/v1/enrolments", body, {"Authorization": old}).status for _ in range(2)]
    t.same(codes, [200, 401], "but not with the same one")


def together(t):
    with House(**FREE).open() as house, closing(house.client()) as vendor:
        ada = enrolled(house, vendor, "Ada")
        for part in (repeated, bent, bodies, nonces, at_once, replays_of_acts):
            part(t, house, vendor, ada)
        ada.close()


def limited(t):
    """Who guesses is slowed down; who only needs a fresh nonce is not; a customer has a rate of its own."""
    with House(address_rate=0, failure_rate=1, failure_burst=5, token_rate=1, token_burst=30).open() as house:
        with closing(house.client()) as vendor:
            ada = enrolled(house, vendor, "Ada")
            path = "/v1/customers/" + ada.id
            codes = []
            for _ in range(12):
                ada.nonce = "x"
                codes.append(ada.once("GET", path).problem("code"))
            t.same(set(codes), {"NONCE_WANTED"}, "a want of nonces is no guessing")
            statuses = [ada.get(path).status for _ in range(40)]
            t.ok(statuses[0] == 200 and statuses[-1] == 429, "a customer has the rate of a token", statuses)
            guesser = Customer(house, Key(), ada.id, source=house.ip[:-1] + "7")
            statuses = [guesser.get(path).status for _ in range(12)]
            t.ok(statuses[0] == 401 and statuses[-1] == 429, "whoever guesses is slowed down", statuses)


run(together, limited)
