"""Where webhooks lead: an HTTPS server with a certificate of its own, which keeps what it is sent
and answers as it is told; and a judge of signatures that shares no code with the daemon."""

import base64
import hashlib
import hmac
import json
import socket
import ssl
import threading
import time
from pathlib import Path

from house import make_certificate, until


class Post:
    def __init__(self, path, headers, body):
        self.path, self.headers, self.body, self.at = path, headers, body, time.time()
        self.id = headers.get("webhook-id", "")

    def json(self):
        return json.loads(self.body)

    def signed_by(self, secret):
        """As https://www.standardwebhooks.com has it."""
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        at = self.headers.get("webhook-timestamp", "")
        text = f"{self.id}.{at}.".encode() + self.body
        wanted = "v1," + base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
        given = self.headers.get("webhook-signature", "").split(" ")
        return any(hmac.compare_digest(wanted, g) for g in given) and abs(int(at) - self.at) < 30


class Receiver:
    """Listens at once. `plans`: for a path, what to do with the first post, the second, …, and the
    last one for all that follow; a status, or a function of (connection)."""

    def __init__(self, ip, folder, tls=True):
        at = Path(folder) / f"receiver-{ip}"
        at.mkdir()
        self.certificate, key = make_certificate(at, "localhost", ip)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.certificate, key)
        self.tls = tls
        self.listener = socket.create_server((ip, 0))
        self.port = self.listener.getsockname()[1]
        self.base = f"{'https' if tls else 'http'}://{ip}:{self.port}"
        self.posts, self.plans, self.connections = [], {}, 0
        self.lock = threading.Lock()
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def accept(self):
        while True:
            try:
                raw, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(raw,), daemon=True).start()

    def serve(self, raw):
        try:
            raw.settimeout(60)
            self.speak(self.context.wrap_socket(raw, server_side=True) if self.tls else raw)
        except (OSError, ValueError):
            pass
        finally:
            raw.close()

    def speak(self, wire):
        rest = b""
        with wire:
            while True:
                while b"\r\n\r\n" not in rest:
                    more = wire.recv(65536)
                    if not more:
                        return
                    rest += more
                head, rest = rest.split(b"\r\n\r\n", 1)
                first, *lines = head.decode().split("\r\n")
                headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines)}
                length = int(headers.get("content-length", 0))
                while len(rest) < length:
                    rest += wire.recv(65536)
                body, rest = rest[:length], rest[length:]
                if not self.answer(wire, Post(first.split(" ")[1], headers, body)):
                    return

    def answer(self, wire, post):
        with self.lock:
            before = sum(p.path == post.path for p in self.posts)
            self.posts.append(post)
        plan = self.plans.get(post.path, [204])
        todo = plan[min(before, len(plan) - 1)]
        if callable(todo):
            todo(wire)
            return False
        wire.sendall(f"HTTP/1.1 {todo} X\r\nContent-Length: 0\r\n\r\n".encode())
        return True

    def at(self, path):
        with self.lock:
            return [p for p in self.posts if p.path == path]

    def wait(self, path, n=1, seconds=10):
        """Until n posts have come there."""
        until(lambda: len(self.at(path)) >= n, seconds, f"{n} posts at {path}")
        return self.at(path)


def hangs(_wire):
    time.sleep(40)


def closes(_wire):
    return


def new_webhook(client, url, *events):
    answer = client.post("/v1/webhooks", {"url": url, "events": list(events or ("*",))})
    if answer.status != 201:
        raise AssertionError(f"no webhook for {url}: {answer}")
    return answer.json()


def messages(client, webhook):
    return client.get(f"/v1/webhooks/{webhook['id']}/messages?limit=200").json()["items"]


def settled(client, webhook, n=1, seconds=15):
    """The delivery log, once n messages have ended or failed once."""

    def enough():
        found = [m for m in messages(client, webhook) if m["attempts"] > 0]
        return found if len(found) >= n else None

    return until(enough, seconds, f"{n} attempts of {webhook['id']}")
