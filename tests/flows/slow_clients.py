"""Clients that never get to the end: stalled handshakes, dripped headers, dripped bodies. One
thread keeps a number of them connected, begins anew whenever one is cut, and says at the end, as
one JSON object, how long each kind could stay. Told what to do by a JSON object on its input.

    address, port, ca, secret   whom to bother; a token for the bodies
    sources                     addresses to come from, in turn
    clients, seconds            how many, for how long
"""

import heapq
import json
import os
import selectors
import socket
import ssl
import sys
import time
from collections import Counter, defaultdict

KINDS = ("handshake", "half a handshake", "headers", "body")
DRIP = 1.0  # seconds between two bytes
# The beginning of a ClientHello: a record that announces 512 bytes.
HELLO = bytes.fromhex("1603010200010001fc0303")


class Slow:
    """One of them. `due` is when it next has something to do."""

    def __init__(self, plan, kind, source):
        self.kind, self.sent, self.answer = kind, 0, b""
        self.tcp = socket.socket()
        self.tcp.setblocking(False)
        self.tcp.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
        self.tcp.bind((source, 0))
        self.began = time.monotonic()
        self.tcp.connect_ex((plan["address"], plan["port"]))
        self.fd = self.tcp.fileno()  # the same under TLS
        self.tls = None
        self.shaken = False
        self.bytes = self.text(plan)

    def text(self, plan):
        if self.kind == "headers":
            return b"GET /v1/jobs HTTP/1.1\r\nHost: x\r\nX-Slow: " + b"x" * 4000
        head = (
            f"POST /v1/tokens HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {plan['secret']}\r\n"
            "Content-Type: application/json\r\nIdempotency-Key: slow\r\nContent-Length: 4000\r\n\r\n"
        )
        return head.encode() + b'{"name": "' + b"x" * 4000

    def go_on(self, context):
        """One step; False when the server has cut it."""
        try:
            if self.kind == "handshake":
                return self.tcp.recv(4096) != b""
            if self.kind == "half a handshake":
                if not self.sent:
                    self.sent = self.tcp.send(HELLO)
                return self.tcp.recv(4096) != b""
            return self.drip(context)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return True
        except OSError as e:
            return getattr(e, "errno", None) == 107  # not connected yet

    def drip(self, context):
        if self.tls is None:
            self.tls = context.wrap_socket(self.tcp, do_handshake_on_connect=False)
        if not self.shaken:
            self.tls.do_handshake()
            self.shaken = True
            if self.kind == "body":
                self.sent = self.tls.send(self.bytes[: self.bytes.index(b"\r\n\r\n") + 4])
            self.due_byte = time.monotonic()
        now = time.monotonic()
        if now >= self.due_byte and self.sent < len(self.bytes) and not self.answer:
            self.sent += self.tls.send(self.bytes[self.sent : self.sent + 1])
            self.due_byte = now + DRIP
        data = self.tls.recv(4096)
        self.answer += data
        return data != b""

    def close(self):
        (self.tls or self.tcp).close()


class Crowd:
    def __init__(self, plan):
        self.plan = plan
        self.context = ssl.create_default_context(cafile=plan["ca"])
        self.context.check_hostname = False
        self.wait = selectors.DefaultSelector()
        self.timers = []  # (when, number, client)
        self.number = 0
        self.living = set()
        self.cut = Counter()
        self.longest = defaultdict(float)
        self.answers = Counter()

    def begin(self):
        kind = KINDS[self.number % len(KINDS)]
        source = self.plan["sources"][self.number // len(KINDS) % len(self.plan["sources"])]
        client = Slow(self.plan, kind, source)
        self.number += 1
        self.living.add(client)
        self.wait.register(client.fd, selectors.EVENT_READ, client)
        self.later(client, 0.01)

    def later(self, client, seconds):
        heapq.heappush(self.timers, (time.monotonic() + seconds, id(client), client))

    def step(self, client):
        if client not in self.living:
            return
        alive = client.go_on(self.context)
        age = time.monotonic() - client.began
        self.longest[client.kind] = max(self.longest[client.kind], age)
        if not alive:
            self.end(client)

    def end(self, client):
        self.cut[client.kind] += 1
        if client.answer:
            self.answers[client.answer.split(b" ")[1].decode("latin-1")] += 1
        self.wait.unregister(client.fd)
        client.close()
        self.living.discard(client)

    def run(self):
        finish = time.monotonic() + self.plan["seconds"]
        # Not all at once: they are slow, not a flood.
        pace, allowed = self.plan["clients"] / self.plan.get("rise", 2.0), 0.0
        last = time.monotonic()
        while (now := time.monotonic()) < finish:
            allowed = min(allowed + (now - last) * pace, 50)
            last = now
            while allowed >= 1 and len(self.living) < self.plan["clients"]:
                self.begin()
                allowed -= 1
            if len(self.living) == self.plan["clients"]:
                self.say("full")
            for key, _ in self.wait.select(0.02):
                self.step(key.data)
            while self.timers and self.timers[0][0] <= time.monotonic():
                _, _, client = heapq.heappop(self.timers)
                self.step(client)
                if client in self.living:
                    self.later(client, DRIP / 2)
        print(json.dumps({
            "cut": self.cut, "longest": self.longest, "answers": self.answers, "living": len(self.living),
        }))  # fmt: skip

    def say(self, word):
        """Once, for whoever waits until all are there."""
        if self.plan.pop("announce", False):
            print(word, flush=True)


os.nice(10)
Crowd(json.load(sys.stdin)).run()
