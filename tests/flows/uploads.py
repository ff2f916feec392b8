"""Bringing models and data sets: whole and in pieces of any size; what is refused, before the body
where that is possible; what the disk says; what deleting leaves. See broken.py for what breaks off."""

import os
import random
import secrets
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

sys.dont_write_bytecode = True

from disk import fill, small_disk
from house import House, job_ends, until
from sending import STEP, Sender, digest_of, new_asset, new_model
from tap import run
from wire import Wire

CHUNK = 128 << 10
MB = 1 << 20
ABSENT = "01900000-0000-7000-8000-000000000000"
FREE = {"token_rate": 0, "address_rate": 0, "failure_rate": 0}


def sealed_size(n):
    return 64 + n + 16 * max(1, -(-n // CHUNK))


def whole(t):
    with House(**FREE) as house, closing(house.open().client()) as client:
        sizes = [1, CHUNK - 1, CHUNK, CHUNK + 1, MB - 1, MB, MB + 1, 2 * MB, 3 * MB + 17]
        wrong = []
        for n in sizes:
            sender = new_model(house, client, os.urandom(n))
            answer = sender.send()
            part = answer.json()["parts"][0] if answer.status == 200 else {}
            if answer.status != 200 or not part["whole"] or part["received"] != n or answer.json()["state"] != "checking":
                wrong.append((n, answer))
        t.same(wrong, [], f"uploads of {sizes} bytes are taken, and looked at")
        files = sorted(p.stat().st_size for p in (house.state / "blobs").iterdir())
        t.same(files, sorted(map(sealed_size, sizes)), "each is one sealed file")
        modes = {p.stat().st_mode & 0o777 for p in (house.state / "blobs").iterdir()}
        t.same(modes, {0o600}, "of the daemon's user alone")
        job = house.ask("SELECT id FROM job WHERE kind = 'describe' ORDER BY id LIMIT 1")[0][0]
        t.ok(job_ends(client, job), "a job has looked at it")
        rows = house.audit_rows(action="model.upload", outcome="OK")
        t.same(len(rows), len(sizes), "one row of the audit for each")
        t.ok('"received":1,"size":1,"job":"job_' in rows[0]["detail"], "that says what came", rows[0])
        t.ok(house.ctl("db", "check").code == 0, "the check finds nothing")


def pieces(t):
    with House(**FREE) as house, closing(house.open().client()) as client:
        data = os.urandom(3 * MB + 12345)
        sender = new_model(house, client, data)
        at, wrong = 0, []
        while at < len(data):
            stop = min(len(data), at + random.choice([1, 100, CHUNK, 300_000, MB, MB + 1]))
            answer = sender.send(at, stop)
            if stop < len(data) and (answer.status, answer.problem("received")) != (202, stop):
                wrong.append((at, stop, answer))
            at = stop
        t.same((wrong, answer.status), ([], 200), "pieces of any size, on connections of their own")
        # On one connection, without Expect and without a pause.
        sender = new_model(house, client, data)
        got = []
        for at in range(0, len(data), 700_000):
            piece = data[at : at + 700_000]
            last = at + len(piece) - 1
            got.append(client.request("PUT", sender.path, piece, {
                "Content-Type": "application/octet-stream", "Repr-Digest": sender.digest,
                "Content-Range": f"bytes {at}-{last}/{len(data)}"}).status)  # fmt: skip
        t.same(got, [202, 202, 202, 202, 200], "pieces on one kept connection")
        data = os.urandom(50_000)
        kept = new_asset(client, "datasets", labels="file")
        samples = Sender(house, client.secret, f"/v1/datasets/{kept}/samples", data)
        labels = Sender(house, client.secret, f"/v1/datasets/{kept}/labels", data[:100])
        t.same(labels.send(0, 50).status, 202, "labels begin")
        t.same(samples.send().json()["state"], "empty", "samples are there; labels are missing")
        answer = labels.send(50, 100)
        t.same((answer.status, answer.json()["state"]), (200, "checking"), "with both the data set is complete")
        inside = new_asset(client, "datasets", labels="inside")
        answer = Sender(house, client.secret, f"/v1/datasets/{inside}/labels", data).send()
        t.same((answer.status, "without labels" in answer.problem("detail")), (409, True), "labels that nobody announced")


def refusals(t):
    """Each with its head alone: the server does not ask for the body."""
    with House(**FREE, upload_max_mb=2) as house, closing(house.open().client()) as client:
        data = os.urandom(MB)
        sender = new_model(house, client, data)
        counts = house.counts()
        for name, wanted, headers in [
            ("no length", (411, "LENGTH_REQUIRED"), {"Content_Length": None}),
            ("chunks", (411, "LENGTH_REQUIRED"), {"Content_Length": None, "Transfer_Encoding": "chunked"}),
            ("another type", (415, "UNSUPPORTED_MEDIA_TYPE"), {"Content_Type": "application/json"}),
            ("no type", (415, "UNSUPPORTED_MEDIA_TYPE"), {"Content_Type": None}),
            ("an encoding", (415, "UNSUPPORTED_MEDIA_TYPE"), {"Content_Encoding": "gzip"}),
            ("no digest", (400, "BAD_REQUEST"), {"Repr_Digest": None}),
            ("another digest", (400, "BAD_REQUEST"), {"Repr_Digest": "sha-512=:AAAA:"}),
            ("nothing", (422, "INVALID_VALUE"), {"Content_Length": "0"}),
            ("too much", (413, "TOO_LARGE"), {"Content_Length": str(2 * MB + 1)}),
            ("too much in all", (413, "TOO_LARGE"), {"Content_Range": f"bytes 0-{MB - 1}/{2 * MB + 1}"}),
            ("an odd range", (400, "BAD_REQUEST"), {"Content_Range": f"bytes 0-{MB - 1}/*"}),
            ("another length", (400, "BAD_REQUEST"), {"Content_Range": f"bytes 0-99/{MB}"}),
            ("a wrong beginning", (409, "CONFLICT"), {"Content_Range": f"bytes 1-{MB}/{MB + 1}"}),
            ("no token", (401, "UNAUTHENTICATED"), {"Authorization": None}),
            ("a range twice", (400, "BAD_REQUEST"), {"Content_Range": "bytes 0-0/1\r\nContent-Range: bytes 0-0/1"}),
        ]:
            began = time.monotonic()
            wire, answer = sender.begin(**headers)
            if wire is not None:
                wire.close()
            took = time.monotonic() - began
            got = answer and (answer.status, answer.problem("code"))
            t.ok(got == wanted and took < 5, f"{name}: {wanted[0]} before the body", (got, answer, took))
        t.same(house.counts(), counts, "none of these has left anything")
        auditor = Sender(house, house.token("acme", "auditor", name="a"), sender.path, data)
        t.same(auditor.send().status, 403, "an auditor brings nothing")
        verifier = Sender(house, house.token("acme", "verifier", name="v"), sender.path, data)
        t.same(verifier.send().status, 403, "nor does a verifier")
        issuer = Sender(house, house.token("acme", "issuer", name="i"), sender.path, data)
        t.same(issuer.send().status, 200, "an issuer does")
        t.same(sender.send().status, 409, "a second time is refused")


def wrong_digest(t):
    with House(**FREE) as house, closing(house.open().client()) as client:
        data = os.urandom(2 * MB + 5)
        sender = new_model(house, client, data, digest=digest_of(b"something else"))
        answer = sender.send()
        t.same((answer.status, answer.problem("code")), (422, "DIGEST_MISMATCH"), "a wrong digest is told")
        t.same(sender.received(client), 0, "nothing is kept")
        t.same([*(house.state / "blobs").iterdir()], [], "no file")
        left = (house.ask("SELECT count(*) FROM blob"), house.ask("SELECT count(*) FROM data_key"))
        t.same(left, ([(0,)], [(0,)]), "no row and no key")
        t.same(Sender(house, client.secret, sender.path, data).send().status, 200, "the right one is taken afterwards")
        sender = new_model(house, client, data)
        t.same(sender.send(0, MB).status, 202, "a piece")
        other = Sender(house, client.secret, sender.path, data, digest=digest_of(b"x"))
        t.same(other.send(MB, 2 * MB).status, 409, "the next piece of another file is refused")
        t.same(sender.send(MB - 1, 2 * MB).problem("received"), MB, "an overlap is refused, and where to go on is told")
        t.same(sender.send(MB + 1, 2 * MB).problem("received"), MB, "so is a gap")
        t.same(other.send().status, 422, "another file as a whole takes its place, and is wrong")
        t.same(sender.received(client), 0, "so that nothing is here")
        t.same(sender.send(0, MB).status, 202, "a piece again")
        t.same(sender.send().status, 200, "and then the whole file anew")


def two_senders(t):
    with House(**FREE, uploads=4) as house, closing(house.open().client()) as client:
        data = os.urandom(4 * MB)
        first = new_model(house, client, data)
        wire, _ = first.begin()
        wire.send(data[:MB])
        second = first.send()
        t.same((second.status, "another request" in second.problem("detail")), (409, True), "one sends, the other waits")
        t.ok("retry-after" in second.headers, "and hears when to come again", second.headers)
        wire.send(data[MB:])
        t.same(wire.answer().status, 200, "the first is not disturbed")
        wire.close()
        senders = [new_model(house, client, data) for _ in range(4)]
        wires = [s.begin()[0] for s in senders[:3]]
        t.ok(None not in wires, "three at once")
        t.same(senders[3].send().status, 429, "a vendor leaves room for others")
        house.vendor("other")
        with closing(house.client("other")) as other:
            fourth, _ = new_model(house, other, data).begin()
            t.ok(fourth is not None, "who get it")
            t.same(new_model(house, other, data).send().status, 503, "more are not taken")
            fourth.close()
        for wire, sender in zip(wires, senders):
            wire.send(data)
            t.same(wire.answer().status, 200, "each comes to its end")
            wire.close()


def other_vendors(t):
    with House(**FREE) as house, closing(house.open().client()) as client:
        sender = new_model(house, client, os.urandom(1000))
        sender.send()
        kept = new_asset(client, "datasets", labels="none")
        with closing(house.vendor("other")) as other:
            for path in (sender.path.removesuffix("/content"), f"/v1/datasets/{kept}"):
                nobody = path[:-36] + ABSENT
                for method, more in (("GET", {}), ("DELETE", {"If-Match": "*"})):
                    a, b = (other.request(method, p, headers=more) for p in (path, nobody))
                    a, b = ({**x.json(), "instance": ""} for x in (a, b))
                    t.same((a, a["status"]), (b, 404), f"{method} of another vendor's {path[4:7]}… is that of a random id")
            a, b = (Sender(house, other.secret, p, b"x").send().json()
                    for p in (sender.path, f"/v1/models/mod_{ABSENT}/content"))  # fmt: skip
            t.same({**a, "instance": ""}, {**b, "instance": ""}, "so is PUT")
            t.same((len(other.get("/v1/models").json()["items"]), len(client.get("/v1/models").json()["items"])), (0, 1),
                   "lists show one's own")  # fmt: skip
            name = client.get("/v1/models").json()["items"][0]["name"]
            t.same(other.post("/v1/models", {"name": name}).status, 201, "another vendor may use the name")
        answer = client.post("/v1/models", {"name": name.upper()})
        t.same((answer.status, answer.problem("code")), (409, "CONFLICT"), "one's own name again, in capitals, is refused")
        t.ok(len(answer.problem("detail")) > 15, "with a sentence", answer)
        t.same(client.post("/v1/datasets", {"name": name, "labels": "none"}).status, 201, "a data set may have it")


def as_slow_as_allowed(house, client):
    """64 kB in less than ten seconds, again and again: how that ends."""
    sender = new_model(house, client, os.urandom(5 * STEP))
    wire, _ = sender.begin()
    for at in range(0, 3 * STEP, STEP):
        wire.send(sender.data[at : at + STEP])
        time.sleep(5)
    wire.send(sender.data[3 * STEP :])
    with closing(wire):
        return wire.answer().status


def slow_senders(t):
    with House(**FREE) as house, closing(house.open().client()) as client, closing(house.client()) as another, \
            ThreadPoolExecutor(1) as pool:  # fmt: skip
        allowed = pool.submit(as_slow_as_allowed, house, another)
        data = os.urandom(MB)
        began = time.monotonic()
        slow = []
        for _ in range(6):
            sender = new_model(house, client, data)
            wire, _ = sender.begin()
            wire.tls.settimeout(0.01)
            slow.append([sender, wire, 0, None])
        slowest = 0
        while time.monotonic() - began < 20 and not all(gone for *_, gone in slow):
            for one in slow:
                sender, wire, sent, gone = one
                if gone:
                    continue
                try:
                    wire.send(data[sent : sent + 100])
                    one[2] += 100
                    if wire.tls.recv(100) == b"":
                        one[3] = time.monotonic() - began
                except TimeoutError:
                    pass
                except OSError:
                    one[3] = time.monotonic() - began
            asked = time.monotonic()
            client.get("/healthz")
            slowest = max(slowest, time.monotonic() - asked)
            time.sleep(0.1)
        gone = [g and round(g, 1) for *_, g in slow]
        t.ok(all(g and 8 < g <= 15 for g in gone), f"who brings a kilobyte a second is cut after {gone} s", gone)
        t.ok(slowest < 2, f"healthz took {slowest * 1000:.0f} ms at most meanwhile")
        sender, _, sent, _ = slow[0]
        until(lambda: sender.received(client) > 0, 5, "what came is kept")
        here = sender.received(client)
        t.ok(0 < here <= sent, f"{here} of {sent} bytes were kept")
        t.same(sender.resume(client).status, 200, "and the upload goes on from there")
        t.same(allowed.result(), 200, "who brings 64 kB in five seconds stays")


def no_room(t):
    with small_disk("24m") as disk:
        if disk is None:
            t.skip("a full disk", "a tmpfs may not be mounted here")
            return
        with House(state=disk / "state", **FREE).open() as house, closing(house.client()) as client:
            big = new_model(house, client, bytes(40 * MB))
            answer = big.send()
            t.same((answer.status, answer.problem("code")), (507, "STORAGE_FULL"), "too large for the disk: 507 at once")
            t.same(house.ask("SELECT count(*) FROM blob"), [(0,)], "nothing of it is kept")
            sender = new_model(house, client, os.urandom(6 * MB))
            wire, _ = sender.begin()
            wire.send(sender.data[: 2 * MB])
            until(lambda: sender.received(client) >= MB, 5, "some of it has come")
            fill(disk, 1500 << 10)
            wire.send(sender.data[2 * MB :])
            answer = wire.answer()
            t.same((answer.status, answer.problem("code")), (507, "STORAGE_FULL"), "the disk is full on the way: 507")
            wire.close()
            os.remove(disk / "ballast")
            until(lambda: client.get("/readyz").status == 200, 5, "there is room again")
            until(lambda: not any(p.stat().st_size for p in (house.state / "blobs").iterdir()), 5, "nothing of it is left")
            t.same(sender.received(client), 0, "it begins anew")
            t.same(sender.send().status, 200, "and is taken, now that there is room")


def erased(t):
    with House(**FREE) as house, closing(house.open().client()) as client:
        data = os.urandom(MB + 5)
        sender = new_model(house, client, data)
        sender.send()
        path = sender.path.removesuffix("/content")
        shown = client.get(path)
        job_ends(client, shown.json()["job"])
        [(blob, key)] = house.ask("SELECT id, data_key FROM blob")
        t.ok((house.state / "blobs" / blob).exists(), "there is a file")
        t.same(client.delete(path, '"77"').status, 412, "a stale ETag erases nothing")
        answer = client.delete(path, client.get(path).headers["etag"])
        t.same((answer.status, answer.json()),
               (200, {"erased": True, "files": 1, "bytes": len(data), "keys_destroyed": 1}), "erased")  # fmt: skip
        t.same(house.ask("SELECT count(*) FROM data_key WHERE id = ?", key), [(0,)], "the key is gone")
        t.ok(not (house.state / "blobs" / blob).exists(), "so is the file")
        t.same(client.get(path).status, 404, "so is the model")
        [row] = house.audit_rows(action="model.delete", outcome="OK")
        t.ok('"keys_destroyed":1' in row["detail"], "the audit says so", row)
        # In the middle of an upload.
        sender = new_model(house, client, data)
        wire, _ = sender.begin()
        wire.send(data[: MB // 2])
        path = sender.path.removesuffix("/content")
        t.same(client.delete(path, "*").status, 200, "a model is erased while it arrives")
        wire.send(data[MB // 2 :])
        t.same(wire.answer().status, 404, "whoever sends it hears that it is gone")
        wire.close()
        t.same([*(house.state / "blobs").iterdir()], [], "no file is left")
        t.same(house.ask("SELECT count(*) FROM blob"), [(0,)], "nor a row")
        t.ok(house.ctl("db", "check").code == 0, "the check finds nothing")


def nothing_plain(t):
    """32 bytes of an upload in a row are nowhere: while it arrives, when it is there, after a kill."""
    with House(**FREE) as house, closing(house.open().client()) as client:
        data = os.urandom(3 * MB)
        canary = b"canary " + secrets.token_bytes(25)
        data = data[:MB] + canary + data[MB + len(canary) :]
        sender = new_model(house, client, data)
        wire, _ = sender.begin()
        wire.send(data[: 2 * MB])
        until(lambda: sender.received(client) >= MB, 5, "some of it has come")
        windows = [canary] + [data[at : at + 32] for at in random.sample(range(len(data) - 32), 200)]

        def places():
            there = [p for p in house.state.rglob("*") if p.is_file()] + [house.log]
            return {p.name: p.read_bytes() for p in there}

        found = places()
        wire.send(data[2 * MB :])
        t.same(wire.answer().status, 200, "an upload with a canary")
        wire.close()
        found |= {f"{name}, whole": text for name, text in places().items()}
        backup = house.folder / "backup.db"
        house.ctl("db", "backup", str(backup), check=True)
        found["backup"] = backup.read_bytes()
        house.kill()
        found |= {f"{name}, killed": text for name, text in places().items()}
        size = sum(len(text) for text in found.values())
        t.ok(size > 6 * MB, f"{len(found)} places with {size} bytes")
        hits = [name for name, text in found.items() for w in windows if w in text]
        t.same(hits, [], f"none of {len(windows)} windows of 32 bytes is in any of them")


if __name__ == "__main__":
    run(
        whole, pieces, refusals, wrong_digest, two_senders, other_vendors, slow_senders, no_room, erased,
        nothing_plain,
    )  # fmt: skip
