"""Who may come, how often, and how many at once: client certificates are verified, limits answer
429 with the time to wait, connections beyond their number are turned away, health always answers."""

import os
import socket
import subprocess
import time
from contextlib import closing

from house import House, until
from tap import run
from wire import Client, Closed, Wire, trusting

TOKEN = {"name": "guest", "roles": ["issuer"]}


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, capture_output=True)


def authority(folder, name):
    """A certificate authority, and a client's certificate that it has signed: paths."""
    at = folder / name
    at.mkdir()
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *key, "-days", "30", "-subj", f"/CN={name}", "-keyout", at / "ca.key", "-out", at / "ca.pem")
    openssl("req", *key, "-subj", "/CN=client", "-keyout", at / "key.pem", "-out", at / "request.pem")
    openssl("x509", "-req", "-in", at / "request.pem", "-CA", at / "ca.pem", "-CAkey", at / "ca.key",
            "-CAcreateserial", "-days", "30", "-out", at / "cert.pem")  # fmt: skip
    return at / "ca.pem", at / "cert.pem", at / "key.pem"


def shown(house, cert=None, key=None):
    """Status of a request that shows this certificate; 0 when the handshake already fails."""
    context = trusting(house.certificate)
    if cert:
        context.load_cert_chain(cert, key)
    guest = house.client()
    guest.house = type("At", (), {"address": house.address, "context": context})
    try:
        with closing(guest):
            return guest.get("/v1/tokens").status
    except (OSError, Closed):
        return 0


def certificates(t):
    with House() as house:
        ca, cert, key = authority(house.folder, "ours")
        _, strange_cert, strange_key = authority(house.folder, "theirs")
        house.open()
        t.same(shown(house), 200, "without client-ca nobody is asked for a certificate")
        house.stop()
        house.write_conf(client_ca=ca)
        house.spawn()
        house.context.load_cert_chain(cert, key)
        house.wait()
        t.same(shown(house, cert, key), 200, "one that the authority has signed is let in")
        t.ok(shown(house) in (0, 401), "none is refused")
        t.ok(shown(house, strange_cert, strange_key) in (0, 401), "one of another authority is refused")
        t.ok(shown(house, house.certificate, house.key) in (0, 401), "the server's own, signed by itself, is refused")


def too_often(t):
    with House(token_rate=1, token_burst=5, address_rate=0).open() as house, closing(house.client()) as client:
        made = client.post("/v1/tokens", TOKEN).json()["id"]
        answers = [client.get("/v1/tokens") for _ in range(8)]
        last = answers[-1]
        t.same((answers[0].status, last.status, last.problem("code")), (200, 429, "RATE_LIMITED"), "too many of one token: 429")
        t.ok(1 <= int(last.headers.get("retry-after", 0)) <= 10, "with the seconds to wait", last.headers)
        t.same(client.get("/healthz").status, 200, "health always answers")
        other = house.client()
        other.secret = house.token("acme", "admin", name="other")
        t.same(other.get("/v1/tokens").status, 200, "another token has its own measure")
        t.same(client.delete(f"/v1/tokens/{made}", '"1"').status, 204, "a token can be revoked all the same")
        until(lambda: client.get("/v1/tokens").status == 200, 5, "a second later", 0.3)
        t.ok(True, "after a while it goes on")
        other.close()


def guessing(t):
    with House(failure_rate=1, failure_burst=10, token_rate=0, address_rate=0).open() as house:
        with closing(Client(house, "hmt_" + "x" * 43, source=house.ip[:-1] + "7")) as thief:
            statuses = [thief.get("/v1/tokens").status for _ in range(20)]
        t.same((statuses[0], statuses[-1]), (401, 429), "who guesses tokens is told to wait")
        with closing(Client(house, None, source=house.ip[:-1] + "9")) as thief:
            statuses = [thief.get("/v1/key-image-links/hmi_" + f"{i:043}").status for i in range(20)]
        t.same((statuses[0], statuses[-1]), (404, 429), "nor is who guesses links told more")
        rows = until(lambda: house.audit_rows(action="key_image.follow"), 10, "rows of the guesses")
        t.same({(r["object"], r["detail"]) for r in rows}, {("", "")}, "whose guesses the audit does not repeat")
        with closing(house.client(source=house.ip[:-1] + "8")) as honest:
            t.same(honest.get("/v1/tokens").status, 200, "others are not")


def hold(house, n, source=None):
    """How many of n connections get an answer, all of them kept open."""
    kept = []
    for _ in range(n):
        try:
            wire = Wire(house.address, house.context, source, timeout=5)
            wire.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            if wire.answer().status == 200:
                kept.append(wire)
        except (OSError, Closed):
            continue
    return kept


def too_many(t):
    with House(connections_per_address=16, connections=64).open() as house:
        mine = hold(house, 40, house.ip[:-1] + "2")
        t.ok(8 <= len(mine) <= 16, f"of 40 connections of one address {len(mine)} are served")
        others = hold(house, 4, house.ip[:-1] + "3")
        t.same(len(others), 4, "another address is served beside them")
        for wire in mine:
            wire.close()
        again = until(lambda: hold(house, 4, house.ip[:-1] + "2"), 5, "room again")
        t.ok(again, "and so is the first one when it has left")
        for wire in others + again:
            wire.close()


def descriptors(house):
    return len(os.listdir(f"/proc/{house.server.pid}/fd"))


def many_sockets(t):
    """Connections that say nothing cost a descriptor for some seconds, and nothing after that."""
    with House(connections_per_address=600).open() as house:
        before = descriptors(house)
        idle = [socket.create_connection(house.address, timeout=5) for _ in range(400)]
        with closing(house.client(source=house.ip[:-1] + "9")) as client:
            t.same(client.get("/v1/tokens").status, 200, "400 silent connections: others are served")

        began = time.monotonic()
        until(lambda: descriptors(house) <= before + 8, 12, "their descriptors are free", 0.2)
        t.ok(time.monotonic() - began < 20, f"all their descriptors are free after {time.monotonic() - began:.1f} s")
        for s in idle:
            s.close()


run(certificates, too_often, guessing, too_many, many_sockets)
