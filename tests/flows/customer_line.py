#!/usr/bin/env python3
"""A customer on a bad line: answers get lost behind their act, connections break in the middle of a file,
nonces grow stale, and somebody in between has a certificate of his own. What was asked is done once, and
comes to a good end; an outage is never taken for a refusal, nor the reverse."""

import http.client
import json
import re
import socket
import ssl
import subprocess
import threading
import traceback
from contextlib import closing, suppress

from house import House, PORT
from license_things import FREE
from machines import Machine, Shop
from tap import run

LINE = 8444


class Line:
    """Between a customer and the server: TLS on both sides, one request a connection. `bend` is given
    method, path and answer (bytes), and returns what goes on: other bytes, or None for nothing."""

    def __init__(self, house, certificate=None):
        self.house, self.bend, self.seen = house, lambda method, path, answer: answer, []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*(certificate or (house.certificate, house.key)))
        self.listener = socket.create_server((house.ip, LINE))
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def close(self):
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(10)

    def serve(self):
        while True:
            try:
                one, _ = self.listener.accept()
            except OSError:
                return
            one.settimeout(30)
            with suppress(OSError), one, self.context.wrap_socket(one, server_side=True) as tls:
                self.relay(tls)

    def relay(self, tls):
        head = b""
        while b"\r\n\r\n" not in head:
            piece = tls.recv(65536)
            if not piece:
                return
            head += piece
        head, _, body = head.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        while length and len(body) < int(length[1]):
            body += tls.recv(65536)
        method, path, _ = head.split(b"\r\n")[0].decode().split(" ")
        self.seen.append((method, path))
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        with closing(http.client.HTTPSConnection(self.house.ip, PORT, context=self.house.context, timeout=30)) as up:
            up.request(method, path, body or None, headers)
            got = up.getresponse()
            data = got.read()
        lines = [f"HTTP/1.1 {got.status} {got.reason}", *(f"{k}: {v}" for k, v in got.getheaders() if k.lower() != "connection")]
        answer = "\r\n".join([*lines, "Connection: close", "", ""]).encode() + data
        bent = self.bend(method, path, answer)
        if bent is not None:
            tls.sendall(bent)

    def times(self, method, end):
        return sum(m == method and p.endswith(end) for m, p in self.seen)


class Once:
    """Bends the first answer to such a request alone."""

    def __init__(self, method, end, how=lambda answer: None):
        self.method, self.end, self.how, self.left = method, end, how, 1

    def __call__(self, method, path, answer):
        if self.left and method == self.method and path.endswith(self.end):
            self.left -= 1
            return self.how(answer)
        return answer


def enroll(machine, house, code, port=LINE):
    at = machine.home / "code"
    at.write_text(code)
    return machine("enroll", f"@{at}", "--server", f"https://{house.ip}:{port}", "--ca", house.certificate, "--no-passphrase")


def lost_answers(t, shop, line):
    house = shop.house
    customer, machine = shop.customer()
    line.bend = Once("POST", "/v1/enrolments")
    ran = enroll(machine, house, customer["code"])
    t.ok(ran.code == 0 and line.times("POST", "/v1/enrolments") == 2, "enroll: its answer is lost, and it asks again", ran)
    lic = shop.sell(customer, {"unlocks": 2})["id"]
    line.bend = lambda method, path, answer: None if path.endswith("/unlock") else answer
    ran = machine("unlock", lic, machine.home / "m.onnx")
    t.ok(ran.code == 2 and not (machine.home / "m.onnx").exists(), "unlock: every answer is lost", ran)
    made = house.ask("SELECT unlocks FROM license WHERE id = ?", lic)[0][0]
    t.same(made, 1, "the server has counted it once")
    line.bend = lambda method, path, answer: answer
    ran = machine("unlock", lic, machine.home / "m.onnx")
    t.ok(ran.code == 0, "the next attempt, of another process, gets it", ran)
    t.same(house.ask("SELECT unlocks FROM license WHERE id = ?", lic)[0][0], 1, "and it is not counted again")
    return customer, machine, lic


def stale_nonces(t, shop, line):
    """The nonce that came is of no use any more: as after five minutes, or the server's new start."""
    customer, machine = shop.customer()

    def stale(answer):
        return re.sub(rb'"nonce":"(.)', lambda m: b'"nonce":"' + (b"A" if m[1] != b"A" else b"B"), answer)

    line.bend, line.seen = Once("GET", "/v1/nonce", stale), []
    ran = enroll(machine, shop.house, customer["code"])
    t.ok(ran.code == 0 and line.times("POST", "/v1/enrolments") == 2, "a nonce that is of no use: the same again, with the fresh one", ran)
    lic = shop.sell(customer)["id"]
    bad = b"A" * 40

    def spoil(method, path, answer):
        return re.sub(rb"(?i)(hallmark-nonce: )\S+", rb"\g<1>" + bad, answer) if path.endswith("/unlock") else answer

    line.bend, line.seen = spoil, []
    ran = machine("unlock", lic, machine.home / "m.onnx")
    t.ok(ran.code == 0 and line.times("GET", "/artifact") == 2, "the same for a file that is fetched", ran)


    def never(method, path, answer):
        return re.sub(rb"(?i)(hallmark-nonce: )\S+", rb"\g<1>" + bad, stale(answer))

    line.bend, line.seen = never, []
    ran = machine("license", "fetch", lic)
    t.ok(ran.code == 2 and line.times("POST", "/file") == 2, "but once: who never gets a good one ends", ran)


def broken_files(t, shop, line):
    customer, machine, lic = *shop.customer(), None
    enroll(machine, shop.house, customer["code"])
    lic = shop.sell(customer)["id"]
    cut = []

    def half(method, path, answer):
        if path.endswith("/artifact") and len(cut) < 3:
            cut.append(answer)
            return answer[: len(answer) // 2]
        return answer

    line.bend, line.seen = half, []
    ran = machine("unlock", lic, machine.home / "m.onnx")
    t.ok(ran.code == 0 and line.times("GET", "/artifact") == 4, "a download that breaks goes on where it stopped", ran)
    t.ok(len(cut[1]) < len(cut[0]) * 2 // 3 and cut[1].startswith(b"HTTP/1.1 206"), "what came is not asked for again", [len(c) for c in cut])
    cache = machine.home / ".cache" / "hallmark"
    whole = next(cache.iterdir())
    part = whole.with_name(whole.name + ".part")
    data = whole.read_bytes()
    whole.unlink()
    for what, left in (("a part", data[:100000]), ("all of it, unnamed", data), ("a wrong part", b"x" * 100000)):
        part.write_bytes(left)
        line.bend, line.seen = lambda method, path, answer: answer, []
        ran = machine("unlock", lic, machine.home / "again.onnx", "--force")
        if what == "a wrong part":
            t.ok(ran.code == 5 and not part.exists(), f"left from a killed download: {what} is found out", ran)
            ran = machine("unlock", lic, machine.home / "again.onnx", "--force")
        t.ok(ran.code == 0 and whole.read_bytes() == data, f"left from a killed download: {what}", ran)
        whole.unlink()


def foreign(t, shop, line):
    """Somebody in between, who says that all is revoked: he has no certificate, so he is nobody."""
    customer, machine = shop.customer()
    enroll(machine, shop.house, customer["code"])
    lic = shop.sell(customer)["id"]
    ran = machine("exec", lic, "--", "true", "{model}")
    t.ok(ran.code == 0, "a license in use", ran)
    line.close()
    other = shop.house.folder / "other"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
                    "-subj", "/CN=nobody", "-addext", f"subjectAltName=IP:{shop.house.ip}",
                    "-keyout", f"{other}.key", "-out", f"{other}.pem"], check=True, capture_output=True)  # fmt: skip
    problem = json.dumps({"code": "LICENSE_REVOKED", "title": "x", "detail": "x", "status": 403}).encode()
    no = b"HTTP/1.1 403 Forbidden\r\nContent-Type: application/problem+json\r\nContent-Length: %d\r\n\r\n" % len(problem) + problem
    with closing(Line(shop.house, (f"{other}.pem", f"{other}.key"))) as liar:
        liar.bend = lambda method, path, answer: no
        ran = machine("exec", lic, "--", "echo", "ran", "{model}")
        t.ok(ran.code == 0 and "ran /" in ran.out and "REVOKED" not in ran.err, "a stranger's word is no refusal: it goes on without the server", ran)
        t.ok("not to be trusted" in ran.err and not liar.seen, "and is told, and is asked nothing", (ran.err, liar.seen))
    for what, answer in {
        "a broken gateway": b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nbad",
        "a page of another program": b"HTTP/1.1 403 Forbidden\r\nContent-Length: 13\r\n\r\n<html></html>",
        "half a line": b"HTTP/1.",
    }.items():
        with closing(Line(shop.house)) as line:
            line.bend = lambda method, path, _, answer=answer: answer
            ran = machine("exec", lic, "--", "echo", "ran", "{model}")
            t.ok(ran.code == 0 and "ran /" in ran.out, f"{what} refuses nothing", ran)
    with closing(Line(shop.house)) as line:
        line.bend = lambda method, path, _: no
        ran = machine("exec", lic, "--", "echo", "ran", "{model}")
        t.ok(ran.code == 3 and "ran /" not in ran.out and "LICENSE_REVOKED" in ran.err, "the server's own word is one, whatever lies here", ran)


def together(t):
    with House(**FREE) as house:
        house.open()
        shop = Shop(house)
        for part in (lost_answers, stale_nonces, broken_files, foreign):
            line = Line(house)
            try:
                part(t, shop, line)
            except Exception:  # the others go on
                t.ok(False, f"{part.__name__} runs to its end", traceback.format_exc())
            finally:
                line.close()


if __name__ == "__main__":
    run(together)
