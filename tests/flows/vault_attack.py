#!/usr/bin/env python3
"""The vault under attack: things of other vendors, requests that cross each other, keys that change
or go while they are used. Nothing is told, nothing is lost, and nothing is left behind."""

import hashlib
import os
import random
import re
import secrets
import sys
import threading
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

sys.dont_write_bytecode = True

from hostile_files import dense, npy, npz
from house import House, instrumented, job_ends, until
from protect import LENET, Customer
from sending import new_model
from tap import run
from vault_things import FREE, asked, at_once, bring_model, bring_set, consistent, later, quiet, release
from wire import Client, Closed

ABSENT = "01900000-0000-7000-8000-000000000000"


# ---- Other vendors --------------------------------------------------------------------------------


def likeness(answer):
    """An answer without what is its own."""
    text = re.sub(rb"[0-9a-f]{8}-[0-9a-f-]{27}", b"ID", answer.body)
    return answer.status, text, sorted(answer.headers)


def tenancy(t):
    with House(**FREE) as house, closing(house.open().client()) as client:
        plain = dense()
        one, two = bring_model(house, client, plain), bring_model(house, client, plain)
        data = bring_set(house, client, npz(x=npy("<f4", "(20, 784)", bytes(20 * 784 * 4)), y=npy("<i8", "(20,)", bytes(160))))
        job, made = release(client, one, lock="sealed")
        t.same((job["state"], made["state"]), ("done", "ready"), "a release")
        with closing(house.vendor("other")) as other:
            own = bring_model(house, other, plain)

            def alike(name, request, thing):
                got, wanted = likeness(request(thing)), likeness(request(thing[:4] + ABSENT))
                return [] if got == wanted and got[0] in (404, 422) else [(name, got, wanted)]

            odd = []
            for part in ("", "/artifact", "/report", "/page", "/manifest", "/bundle"):
                for name, who, under in (("a stranger's", other, one), ("under one's own model", other, own),
                                         ("under another model", client, two)):  # fmt: skip
                    for method in ("GET", "HEAD"):
                        odd += alike(f"{method} {name}{part}", lambda r: who.request(
                            method, f"/v1/models/{under}/releases/{r}{part}"), made["id"])  # fmt: skip
            for name, who, under in (("a stranger", other, one), ("under another model", client, two)):
                odd += alike(f"DELETE, {name}", lambda r: asked(
                    house, who.secret, "DELETE", f"/v1/models/{under}/releases/{r}"), made["id"])  # fmt: skip
            for field in ("dataset", "test"):
                odd += alike(f"a release with a stranger's {field}", lambda d: other.post(
                    f"/v1/models/{own}/releases", {"lock": "sealed", field: d}), data)  # fmt: skip
            odd += alike("a release of a stranger's model", lambda m: other.post(f"/v1/models/{m}/releases", {}), one)
            odd += alike("a list of a stranger's releases", lambda m: other.get(f"/v1/models/{m}/releases"), one)
            odd += alike("a job on a stranger's model", lambda m: other.post(
                "/v1/jobs", {"kind": "evaluate", "params": {"model": m, "dataset": data}}), one)  # fmt: skip
            odd += alike("a job on a stranger's data", lambda d: other.post(
                "/v1/jobs", {"kind": "evaluate", "params": {"model": own, "dataset": d}}), data)  # fmt: skip
            odd += alike("a stranger's job", lambda j: other.get(f"/v1/jobs/{j}"), job["id"])
            t.same(odd, [], "what belongs to others answers like what does not exist")
        for name, body in {"another release": {"release": made["id"]}, "another model": {"model": two}}.items():
            t.same(client.post(f"/v1/models/{one}/releases", body).status, 422, f"a body that names {name}")
        t.same(client.get(f"/v1/models/{one}/releases/{made['id']}").json(), made, "nothing has changed")


# ---- Requests that cross each other ---------------------------------------------------------------


def crossing(t):
    with House(**FREE) as house, closing(house.open().client()) as client:
        secret, content = client.secret, LENET.read_bytes()
        ends = Counter()
        for _ in range(12):
            sender = new_model(house, client, content)
            path = sender.path.removesuffix("/content")
            sent, gone = at_once(sender.send, later(0.1, lambda: asked(house, secret, "DELETE", path)))
            ends[sent.status, gone.status] += 1
        wrong = [pair for pair in ends if pair[0] not in (200, 404) or pair[1] not in (200, 409)]
        t.same(wrong, [], f"a model is deleted while it arrives: {dict(ends)}")

        wrong = []
        for _ in range(12):
            sender = new_model(house, client, content)
            path, job = sender.path.removesuffix("/content"), sender.send().json()["job"]
            at_once(
                later(0.1, lambda: asked(house, secret, "POST", f"/v1/jobs/{job}/cancel", {})),
                later(0.1, lambda: asked(house, secret, "DELETE", path)),
            )
            state = job_ends(client, job)["state"]
            left = client.get(path)
            if left.status == 200 and (state, left.json()["state"]) not in (("done", "ready"), ("cancelled", "refused")):
                wrong.append((state, left.json()))
        t.same(wrong, [], "its check is cancelled while it is deleted: one of them wins")

        path = f"/v1/models/{bring_model(house, client, content)}"
        posts = [lambda: asked(house, secret, "POST", path + "/releases", {"lock": "sealed"})] * 6
        numbers = sorted(answer.json().get("number") for answer in at_once(*posts))
        t.same(numbers, [1, 2, 3, 4, 5, 6], "six releases at once have six numbers")
        quiet(house)
        last = max(client.get(path + "/releases?limit=100").json()["items"], key=lambda item: item["number"])
        t.same(asked(house, secret, "DELETE", f"{path}/releases/{last['id']}").status, 200, "the last one is erased")
        t.same(release(client, path[11:], lock="sealed")[1]["number"], 7, "its number is not given again")

        ends = Counter()
        for _ in range(8):
            thing = f"/v1/models/{bring_model(house, client, content)}"
            made, gone = at_once(
                lambda: asked(house, secret, "POST", thing + "/releases", {"lock": "sealed"}),
                later(0.01, lambda: asked(house, secret, "DELETE", thing)),
            )
            ends[made.status, gone.status] += 1
        t.same(set(ends) - {(201, 409), (404, 200)}, set(), f"a model is deleted while it is released: {dict(ends)}")

        wrong = []
        for _ in range(8):
            made = client.post(path + "/releases", {"lock": "sealed"}).json()
            at_once(
                later(0.3, lambda: asked(house, secret, "POST", f"/v1/jobs/{made['job']}/cancel", {})),
                later(0.4, lambda: asked(house, secret, "DELETE", f"{path}/releases/{made['id']}")),
            )
            state = job_ends(client, made["job"])["state"]
            left = client.get(f"{path}/releases/{made['id']}")
            if left.status == 200 and (state, left.json()["state"]) not in (("done", "ready"), ("cancelled", "failed")):
                wrong.append((state, left.json()))
        t.same(wrong, [], "a release is cancelled and deleted while it is made")
        consistent(t, house, "after all that")


# ---- Keys that change or go while they are used ----------------------------------------------------


class Busy:
    """Does something over and over until it is told to stop; counts how it went."""

    def __init__(self, name, act, allowed, pause=0.02):
        self.name, self.act, self.allowed, self.pause = name, act, allowed, pause
        self.over, self.ends, self.odd = False, Counter(), []
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def work(self):
        while not self.over:
            try:
                end = self.act()
            except (Closed, OSError, KeyError) as e:
                end = type(e).__name__
            self.ends[end] += 1
            if end not in self.allowed:
                self.odd.append(end)
            time.sleep(self.pause)

    def stop(self):
        self.over = True
        self.thread.join(60)


def keys_change(t):
    with House(**FREE) as house, closing(house.open().client()) as client:
        secret, content = client.secret, LENET.read_bytes()
        customer = Customer(house, "customer")
        path = f"/v1/models/{bring_model(house, client, content)}"
        made = release(client, path[11:], lock="sealed")[1]
        digest, brought = made["artifact"]["sha256"], []

        def upload():
            with closing(Client(house, secret)) as own:
                sender = new_model(house, own, content)
            status = sender.send().status
            if status == 200:
                brought.append(sender.path.removesuffix("/content"))
            return status

        def fetch():
            answer = asked(house, secret, "GET", f"{path}/releases/{made['id']}/artifact")
            whole = answer.status != 200 or hashlib.sha256(answer.body).hexdigest() == digest
            return answer.status if whole else "another artifact"

        def publish():
            return asked(house, secret, "POST", path + "/releases", {"lock": "sealed"}).status

        def unlock():
            to = house.folder / (secrets.token_hex(8) + ".jwe")
            return house.ctl("release", "unlock-key", made["id"], "5", f"@{customer.jwk}", str(to)).code

        for name, turn, allowed in (
            ("rotations", lambda: house.ctl("rotate").code == 0, {200, 201, 429, 0}),
            ("sealings", lambda: house.ctl("seal").code + house.ctl("unseal").code == 0, {200, 201, 429, 503, 0, 4, "KeyError"}),
        ):
            busy = [
                Busy("uploads", upload, allowed, 0.1),
                Busy("downloads", fetch, allowed),
                Busy("unlock keys", unlock, allowed),
                Busy("releases", publish, allowed, 0.3),
            ]
            turns, end = 0, time.monotonic() + 6
            while time.monotonic() < end:
                time.sleep(random.uniform(0.1, 0.6))
                turns += turn()
            for one in busy:
                one.stop()
            t.same({one.name: one.odd[:5] for one in busy if one.odd}, {}, f"{turns} {name} under way: all goes on")
            t.ok(turns > 2 and all(one.ends for one in busy), f"{[dict(one.ends) for one in busy]}")
            house.ctl("unseal")
            quiet(house)
        states = Counter(client.get(thing).json()["state"] for thing in brought)
        t.same(set(states), {"ready"}, f"{states['ready']} models that came meanwhile were opened and read")
        lost = []
        for item in client.get(path + "/releases?limit=100").json()["items"]:
            body = client.get(f"{path}/releases/{item['id']}/artifact").body
            if item["state"] != "ready" or hashlib.sha256(body).hexdigest() != item["artifact"]["sha256"]:
                lost.append(item)
        t.same(lost, [], "every release opens")
        key = customer.receives(made["id"], 9)
        artifact = house.folder / "artifact.onnx"
        artifact.write_bytes(client.get(f"{path}/releases/{made['id']}/artifact").body)
        ran = customer.unlocks(key, artifact, house.folder / "plain.onnx")
        t.same(ran.code, 0, "and an unlock key made now opens what was made before")
        for item in client.get("/v1/models?limit=100").json()["items"]:
            if item["state"] == "empty":  # what a sealing refused
                asked(house, secret, "DELETE", f"/v1/models/{item['id']}")


# ---- Growth ----------------------------------------------------------------------------------------


def measure(house):
    status = Path(f"/proc/{house.server.pid}/status").read_text()
    number = {k: int(v) for k, v in re.findall(r"^(VmRSS|Threads):\s+(\d+)", status, re.MULTILINE)}
    return number["VmRSS"], number["Threads"], len(os.listdir(f"/proc/{house.server.pid}/fd"))


def flat(t):
    with House(**FREE) as house, closing(house.open().client()) as client:
        content = os.urandom(1 << 20)

        def whole():
            sender = new_model(house, client, content)
            job_ends(client, sender.send().json()["job"])
            return asked(house, client.secret, "DELETE", sender.path.removesuffix("/content")).status

        def broken():
            sender = new_model(house, client, content)
            sender.send_to(random.randrange(1, len(content)))
            return asked(house, client.secret, "DELETE", sender.path.removesuffix("/content")).status

        acts = [whole, broken, whole]
        for i in range(12):
            acts[i % 3]()
        before = measure(house)
        ends = Counter(acts[i % 3]() for i in range(60))
        t.same(set(ends), {200}, f"{ends.total()} uploads, a third of them broken off, and their deletions")
        # A reader opens its connection when it is first asked: two descriptors. What leaks does so each time.
        until(lambda: measure(house)[1] <= before[1] and measure(house)[2] <= before[2] + 8, 10,
              f"no threads or descriptors more than {before}", 0.2)  # fmt: skip
        grown = measure(house)[0] - before[0]
        if instrumented():
            t.skip("memory", "a sanitizer's own would be measured")
        else:
            t.ok(grown < 8192, f"the server's memory grew by {grown} kB")
        consistent(t, house, "afterwards")


if __name__ == "__main__":
    run(tenancy, crossing, keys_change, flat)
