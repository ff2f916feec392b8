#!/usr/bin/env python3
"""A service that is asked while somebody waits: a stolen network behind HTTPS is proven to be the
vendor's, in as many questions as that takes; an honest one is not; and nothing that a service does
(stalling, garbage, redirects, ten gigabytes) is held against anybody or harms the daemon. Services
that the configuration does not list are not spoken to at all."""

import base64
import hashlib
import io
import json
import os
import signal
import tarfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from customers import enrolled
from house import House, instrumented, job_ends, until
from image_things import fashion, marked_model, marked_release, waves
from license_things import FREE, new_license, new_policy
from receiver import Receiver
from suspect_things import asked, new_suspect, stranger, unlocked, verified
from tap import run
from vault_things import bring_set

PAIRS, DECOYS = 150, 20
MARK = {"pairs": PAIRS, "spares": 4, "epochs": 12, "boost": 6}


class Service(Receiver):
    """Answers pictures as it is told: `tells` maps the digest of a PNG to a label."""

    def __init__(self, ip, folder):
        super().__init__(ip, folder)
        self.tells, self.way, self.times, self.others = {}, None, [], []

    def answer(self, wire, post):
        with self.lock:
            self.posts.append(post)
            self.times.append(time.monotonic())
        if post.path != "/v1/classify":
            self.others.append(post.path)
        if self.way is not None:
            self.way(wire)
            return False
        png = base64.b64decode(json.loads(post.body)["image"], validate=True)
        label = self.tells.get(hashlib.sha256(png).hexdigest())
        body = json.dumps({"result": {"label": label}}).encode()
        wire.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        return True

    def forget(self):
        with self.lock:
            self.posts, self.times, self.others = [], [], []


def described(url, **more):
    return json.dumps({"endpoint": url, "answer": "/result/label", "content_type": "application/json", "rate": 50, "budget": 1000,
                       "body": '{"image":"{{png_base64}}"}', "headers": {"Authorization": "Bearer t0ken"}, **more}).encode()  # fmt: skip


class Affair:
    """A vendor, a release whose network has a watermark, a customer's copy of it, and questions."""

    def __init__(self, house):
        self.house, self.vendor = house, house.client()
        pictures = bring_set(house, self.vendor, waves(2 * PAIRS + 30, 11), labels="none")
        self.release = marked_release(self.vendor, marked_model(house, self.vendor, pictures=pictures, **MARK))
        self.dataset = fashion(house, self.vendor, "ordinary", "t10k", 60)
        self.customer = enrolled(house, self.vendor, "Eve")
        license_id = new_license(self.vendor, self.customer.id, self.release["id"], new_policy(self.vendor))["id"]
        self.copy = unlocked(house, self.customer, license_id)
        answer = self.vendor.post("/v1/challenges", {"release": self.release["id"], "dataset": self.dataset, "pairs": PAIRS, "decoys": DECOYS})
        assert answer.status == 202, answer
        job_ends(self.vendor, answer.json()["job"], 120)
        self.challenge = answer.json()["id"]
        tar = self.vendor.get(f"/v1/challenges/{self.challenge}/content").body
        with tarfile.open(fileobj=io.BytesIO(tar)) as files:
            found = {m.name: files.extractfile(m).read() for m in files.getmembers()}
        self.pictures = {n: d for n, d in found.items() if n.endswith(".png")}

    def taught(self, model, classes=11):
        """What this network answers to the challenge's pictures, by their digests."""
        answers = asked(self.house, model, self.pictures, classes)
        return {hashlib.sha256(self.pictures[name]).hexdigest(): label for name, label in answers.items()}

    def verify(self, url, seconds=240, challenge=True, client=None, **more):
        named, client = {"challenge": self.challenge} if challenge else {}, client or self.vendor
        suspect = new_suspect(self.house, client, described(url, **more), **named)
        return verified(client, suspect, self.release["id"], seconds)

    def asked(self, found, action="verification.asked"):
        rows = self.house.audit_rows(action=action, object=found["id"])
        return [json.loads(row["detail"]) for row in rows]

    def close(self):
        self.vendor.close()
        self.customer.close()


# ---- What is found ----------------------------------------------------------------------------------


def reason(found):
    return found.get("facts", {}).get("reason", found)


def stolen(t, a, service):
    service.tells = a.stolen = a.taught(a.copy)
    began = time.monotonic()
    found = a.verify(service.base + "/v1/classify")
    took = time.monotonic() - began
    n, said = len(service.posts), until(lambda: a.asked(found), 10, "the audit row")
    t.same((found["state"], found.get("verdict")), ("done", "proven"), f"a stolen network is proven to be the vendor's: {reason(found)}")
    t.same(found.get("facts", {}).get("kind"), "endpoint", "it is told to be a service")
    t.ok(100 < n <= 2 * PAIRS + DECOYS, f"after {n} questions of {2 * PAIRS + DECOYS}, in {took:.1f} s")
    t.same(said, [{"questions": n, "answers": n}], "the audit has as many")
    begun = a.asked(found, "verification.ask")
    t.same(begun, [{"host": service.base.split("/")[2].split(":")[0], "port": service.port, "questions_at_most": 2 * PAIRS + DECOYS}],
           "and where they went, from before the first")  # fmt: skip
    p = service.posts[0]
    t.same((p.headers["content-type"], p.headers["authorization"]), ("application/json", "Bearer t0ken"), "they were as described")
    t.same(len({hashlib.sha256(p.body).digest() for p in service.posts}), n, "no picture was shown twice")
    pace = (n - 1) / (service.times[-1] - service.times[0])
    t.ok(pace < 60, f"{pace:.1f} a second, no more than 50 but for the jitter")
    report = a.vendor.get(f"/v1/verifications/{found['id']}/report").json()
    ran = {x["id"]: x for x in report["tests"] if x["planned"]}
    t.same({k: x["law"] for k, x in ran.items()}, {"labels-in-turn": "sequence", "pairs-in-turn": "sequence"}, "by the tests of answers in turn")
    t.ok("t0ken" not in json.dumps(report), "the report has nothing of the headers", report)
    again = a.house.said() + json.dumps(a.house.audit_rows(), default=repr)
    t.ok("t0ken" not in again and "/v1/classify" not in again, "nor has the log, nor the audit")


def honest(t, a, service):
    service.forget()
    service.tells = a.taught(stranger(a.house, 5), 10)
    found = a.verify(service.base + "/v1/classify")
    t.same((found["state"], found.get("verdict"), found.get("accused")), ("done", "no-evidence", 0), f"an independent one is not: {reason(found)}")
    t.same(len(service.posts), 2 * PAIRS + DECOYS, "though it was asked everything")
    service.forget()
    found = a.verify(service.base + "/v1/classify", budget=30, rate=10)
    t.same((found.get("verdict"), len(service.posts)), ("no-evidence", 30), "a budget of 30 questions is one")
    pace = 29 / (service.times[-1] - service.times[0])
    t.ok(pace < 15, f"{pace:.1f} a second, no more than the 10 that were asked for, but for the jitter")


def proofs(t):
    house = House(**FREE, jobs_at_once=2)
    service, slow = (Service(house.ip[:-1] + n, house.folder) for n in "26")
    known = house.folder / "services.pem"
    known.write_text(service.certificate.read_text() + slow.certificate.read_text())
    allow = f"{house.ip[:-1]}2, {house.ip[:-1]}5, {house.ip[:-1]}6, localhost, nowhere.invalid"
    house.write_conf(suspects_allow=allow, suspects_ca=known)
    with house.open(), closing(Affair(house)) as a, ThreadPoolExecutor(1) as pool:
        beside = pool.submit(stalling, t, a, slow)
        stolen(t, a, service)
        honest(t, a, service)
        hostile(t, a, service)
        elsewhere(t, a, service)
        beside.result()
        crossed(t, a, service)
        t.same(house.ctl("audit", "verify").code, 0, "the audit verifies")
        t.same(house.pids("hallmark-courier")[1:], [], "the courier that asked has gone")
        off(t, a, service)
    service.close()
    slow.close()


def crossed(t, a, service):
    """The courier is killed halfway; and a verification is stopped halfway."""
    service.forget()
    service.tells = a.stolen
    found = []
    asking = threading.Thread(target=lambda: found.append(a.verify(service.base + "/v1/classify", rate=25)))
    asking.start()
    until(lambda: len(service.posts) > 20, 60, "questions")
    os.kill(max(a.house.pids("hallmark-courier")), signal.SIGKILL)
    asking.join()
    t.same(found[0].get("verdict"), "proven", f"the courier is killed, and the next one goes on: {reason(found[0])}")
    service.forget()
    suspect = new_suspect(a.house, a.vendor, described(service.base + "/v1/classify", rate=10), challenge=a.challenge)
    answer = a.vendor.post("/v1/verifications", {"suspect": suspect, "release": a.release["id"]})
    until(lambda: len(service.posts) > 5, 60, "questions")
    t.same(a.vendor.post(f"/v1/jobs/{answer.json()['job']}/cancel", {}).status, 202, "a verification is stopped")
    job_ends(a.vendor, answer.json()["job"])
    (said,) = until(lambda: a.asked(answer.json()), 10, "the audit row")
    n = len(service.posts)
    t.ok(n <= said["questions"] <= n + 1, f"the audit has the {n} questions, and one that may have been under way", said)
    time.sleep(1)
    t.same(len(service.posts), n, "and no more come")


# ---- What services may do --------------------------------------------------------------------------


poured = []


def stalls(_wire):
    time.sleep(30)


def garbage(wire):
    wire.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n<html>\xff\0\x01")


def lies_json(wire):
    body = b'{"result":{"label":' + b"[" * 5000
    wire.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def no_http(wire):
    wire.sendall(bytes(range(256)) * 20)


def huge(wire):
    wire.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
    for _ in range(5000):
        wire.sendall(bytes(100000))
        poured.append(100000)


def breaks(wire):
    wire.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"result":{"label":3}}')


def refuses(wire):
    wire.sendall(b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n")


def hostile(t, a, service):
    beside = Service(a.house.ip[:-1] + "3", a.house.folder)

    def redirects(wire):
        wire.sendall(f"HTTP/1.1 307 Go\r\nLocation: {beside.base}/stolen\r\nContent-Length: 0\r\n\r\n".encode())

    def redirects_here(wire):
        wire.sendall(f"HTTP/1.1 302 Go\r\nLocation: {service.base}/there\r\nContent-Length: 0\r\n\r\n".encode())

    ways = ((garbage, "no JSON"), (lies_json, ""), (no_http, ""), (huge, "64 kB"), (breaks, ""), (refuses, "429"),
            (redirects, "307"), (redirects_here, "302"))  # fmt: skip
    for way, words in ways:
        service.forget()
        service.way = way
        found = a.verify(service.base + "/v1/classify")
        t.same((found["state"], found.get("verdict"), found.get("accused")), ("done", "cannot-decide", 0), f"{way.__name__}: {reason(found)}")
        t.ok(words in reason(found), f"which says {words!r}", found)
        t.same((len(service.posts), service.others, beside.connections), (8, [], 0), "eight such answers are enough, and none leads elsewhere")
    t.ok(sum(poured) < 40_000_000, f"of ten gigabytes little is taken: {sum(poured)} bytes")
    beside.close()
    service.way = None


def stalling(t, a, service):
    """It costs its own verification time, and neither the daemon nor other verifications anything."""
    service.way, found = stalls, []

    def ask():
        with closing(a.house.client()) as own:
            found.append(a.verify(service.base + "/v1/classify", client=own))

    asking = threading.Thread(target=ask)
    asking.start()
    began, n = time.monotonic(), 0
    with closing(a.house.client()) as other:
        while asking.is_alive():
            t0 = time.monotonic()
            assert other.get("/v1/models").status == 200
            n += 1
            assert time.monotonic() - t0 < (10 if instrumented() else 3), "the daemon waits for a service"
            time.sleep(0.5)
    took = time.monotonic() - began
    asking.join()
    t.same(found[0].get("verdict"), "cannot-decide", f"stalls: {reason(found[0])}")
    t.ok(60 < took < 150, f"ten seconds for each of eight questions: {took:.0f} s; {n} requests of others were answered meanwhile")


# ---- Where nobody goes ------------------------------------------------------------------------------


def elsewhere(t, a, service):
    beside = Service(a.house.ip[:-1] + "4", a.house.folder)
    for what, url, words in (
        ("a host beside the listed one", beside.base + "/v1/classify", "suspects-allow"),
        ("a name that is not listed", "https://example.invalid/", "suspects-allow"),
        ("one of the public internet", "https://8.8.8.8/", "suspects-allow"),
        ("plain http", service.base.replace("https", "http"), "https"),
        ("no host", "https:///x", "host"),
        ("an odd one", f"https://{service.base.split('/')[2].split(':')[0]}@evil.example/", "user"),
    ):
        service.forget()
        found = a.verify(url)
        t.same((found["state"], found.get("verdict")), ("done", "cannot-decide"), f"{what}: {reason(found)}")
        t.ok(words in reason(found), f"it says {words}", found)
        t.same((len(service.posts), beside.connections, a.asked(found)), (0, 0, []), "and nobody is asked")
    strange = Service(a.house.ip[:-1] + "5", a.house.folder)
    local = Receiver("127.0.0.1", a.house.folder)
    for what, url, words in (
        ("a certificate that nobody knows", strange.base + "/v1/classify", "certificate"),
        ("a listed name that leads to a private address", f"https://localhost:{local.port}/", "private"),
        ("a listed name that leads nowhere", "https://nowhere.invalid/", "resolved"),
        ("a listed host where nobody listens", service.base.rsplit(":", 1)[0] + ":1/", "nobody listens"),
    ):
        found = a.verify(url)
        t.same((found["state"], found.get("verdict")), ("done", "cannot-decide"), f"{what}: {reason(found)}")
        t.ok(words in reason(found), f"it says {words}", found)
    t.same((strange.posts, local.connections), ([], 0), "they have heard nothing")
    strange.close()
    local.close()
    found = a.verify(service.base + "/v1/classify", challenge=False)
    t.ok("challenge" in reason(found) and found.get("verdict") == "cannot-decide", f"without a challenge: {reason(found)}", found)
    for wrong in ({"rate": 1000}, {"method": "DELETE"}, {"headers": {"Host": "x"}}, {"headers": {"A": "b\r\nC: d"}}, {"body": "x"}, {"more": 1}):
        found = a.verify(service.base + "/v1/classify", **wrong)
        t.same((found.get("verdict"), len(service.posts)), ("cannot-decide", 0), f"{wrong}: {reason(found)}")
    beside.close()


def off(t, a, service):
    """Unless the configuration lists somebody, nobody is asked."""
    service.forget()
    suspect = new_suspect(a.house, a.vendor, described(service.base + "/v1/classify"), challenge=a.challenge)
    a.vendor.close()
    a.house.stop()
    a.house.conf.pop("suspects-allow")
    a.house.start()
    found = verified(a.vendor, suspect, a.release["id"])
    t.same((found.get("verdict"), len(service.posts)), ("cannot-decide", 0), f"by default: {reason(found)}")
    t.ok("suspects-allow" in reason(found), "it says what to set", found)
    a.house.stop()
    for wrong in ("https://x", "10.0.0.1/8", "a..b"):
        a.house.conf["suspects-allow"] = wrong
        a.house.spawn()
        t.same(a.house.server.wait(20), 1, f"suspects-allow = {wrong}: no start")
        a.house.server = None


run(proofs)
