"""What a release gives away: whole and in ranges, to those who have it already, by HEAD; and what
releases refuse. The artifact here is an upload whose rows were changed: see read_back."""

import hashlib
import os
import random
import sys
import time
from contextlib import closing

sys.dont_write_bytecode = True

from house import House, until
from sending import digest_of, new_asset, new_model, read_back
from tap import run
from wire import Wire, head_of

MB = 1 << 20
ABSENT = "01900000-0000-7000-8000-000000000000"
FREE = {"token_rate": 0, "address_rate": 0, "failure_rate": 0}


def ranges(t, client, at, data):
    answer = client.get(at)
    t.same((answer.status, answer.body == data), (200, True), "the whole file")
    etag = f'"{hashlib.sha256(data).hexdigest()}"'
    t.same(answer.headers["etag"], etag, "its tag is its digest")
    for name, wanted in {
        "content-type": "application/octet-stream", "accept-ranges": "bytes", "repr-digest": digest_of(data),
        "content-length": str(len(data)), "x-content-type-options": "nosniff",
    }.items():  # fmt: skip
        t.same(answer.headers.get(name), wanted, name)
    t.ok(answer.headers["content-disposition"].startswith('attachment; filename="rel_'), "a name to save it by")
    wrong = []
    size = len(data)
    cases = [(0, 0), (0, size - 1), (size - 1, size - 1), (131071, 131072), (131072, 131072), (5, size + 9)]
    cases += [sorted(random.sample(range(size), 2)) for _ in range(20)]
    for first, last in cases:
        answer = client.get(at, Range=f"bytes={first}-{last}")
        last = min(last, size - 1)
        if (answer.status, answer.body, answer.headers.get("content-range")) != (
            206, data[first : last + 1], f"bytes {first}-{last}/{size}"):  # fmt: skip
            wrong.append((first, last, answer))
    t.same(wrong, [], f"{len(cases)} ranges")
    t.same(client.get(at, Range="bytes=-7").body, data[-7:], "the last seven bytes")
    t.same(client.get(at, Range=f"bytes={size - 3}-").body, data[-3:], "from a place on")
    answer = client.get(at, Range=f"bytes={size}-")
    t.same((answer.status, answer.problem("code"), answer.headers["content-range"]),
           (416, "RANGE_NOT_SATISFIABLE", f"bytes */{size}"), "behind its end: 416")  # fmt: skip
    for odd in ("bytes=5-4", "lines=1-2", "bytes=0-1,4-5", "bytes=x"):
        t.same(client.get(at, Range=odd).status, 200, f"{odd}: all of it")
    t.same(client.get(at, Range="bytes=0-4", **{"If-Range": etag}).status, 206, "If-Range with its tag")
    for other in ('"x"', "W/" + etag, "Fri, 20 Nov 2026 08:00:00 GMT"):
        t.same(client.get(at, Range="bytes=0-4", **{"If-Range": other}).status, 200, f"If-Range with {other[:5]}…")
    for known, wanted in ((etag, 304), (f'"x", {etag}', 304), ("*", 304), ('"x"', 200)):
        answer = client.get(at, **{"If-None-Match": known})
        t.same((answer.status, len(answer.body)), (wanted, 0 if wanted == 304 else size), f"If-None-Match {known[:5]}…")
    answer = client.request("HEAD", at)
    t.same((answer.status, answer.headers["content-length"], answer.headers["etag"]), (200, str(size), etag), "HEAD")
    answer = client.request("HEAD", at, headers={"Range": "bytes=0-9"})
    t.same((answer.status, answer.headers["content-length"]), (206, "10"), "HEAD of a range")
    t.same(client.get("/healthz").status, 200, "the connection is still good")


def broken_off(t, house, client, at, size):
    """Clients that stop reading, or go, cost nobody anything."""
    head = head_of("GET", at, house.ip, {"Authorization": f"Bearer {client.secret}"})

    def descriptors():
        return len(os.listdir(f"/proc/{house.server.pid}/fd"))

    def some():
        for _ in range(30):
            wire = Wire(house.address, house.context)
            wire.send(head)
            wire.head()
            wire.exactly(random.randrange(size // 2))
            wire.close()
        time.sleep(0.5)
        return descriptors()

    some()  # each thread has opened what it keeps
    before = some()
    some()
    t.ok(until(lambda: descriptors() <= before + 8, 15, f"no more than {before} descriptors"), "30 downloads that break off leave no descriptor")


def downloads(t):
    with House(**FREE) as house:
        with closing(house.open().client()) as client:
            data = os.urandom(5 * MB + 321)
            sender = new_model(house, client, data)
            sender.send()
        release = read_back(house, sender).removesuffix("/artifact")
        with closing(house.client()) as client:
            ranges(t, client, release + "/artifact", data)
            broken_off(t, house, client, release + "/artifact", len(data))
            shown = client.get(release)
            t.same((shown.json()["state"], shown.json()["locks"]), ("ready", ["sealed"]), "the release itself")
            for part, kind, text in (("manifest", "application/jose", b"a.b.c"), ("bundle", "application/json", b"{}")):
                answer = client.get(f"{release}/{part}")
                t.same((answer.status, answer.headers["content-type"], answer.body), (200, kind, text), part)
                again = client.get(f"{release}/{part}", **{"If-None-Match": answer.headers["etag"]})
                t.same((again.status, again.body), (304, b""), f"{part}: known already")
            t.same(client.get(release + "/report").status, 404, "there is no report")
            t.ok(house.audit_rows(action="release.download", outcome="OK"), "downloads are in the audit")
            with closing(house.vendor("other")) as other:
                for part in ("", "/artifact", "/manifest"):
                    a, b = (other.get(p + part).json() for p in (release, release[:-36] + ABSENT))
                    t.same({**a, "instance": ""}, {**b, "instance": ""}, f"another vendor's release{part}: like a random id")
            text = house.ctl("metrics", check=True).out
            t.ok("hallmark_download_bytes_total 0" not in text and "hallmark_upload_bytes_total" in text, "bytes are counted")
            t.same(client.delete(release, '"99"').status, 412, "a stale ETag erases nothing")
            answer = client.delete(release, shown.headers["etag"])
            t.same((answer.status, answer.json()["files"], answer.json()["keys_destroyed"]), (200, 1, 2),
                   "erased, with the key of its file and its secret")  # fmt: skip
            t.same(client.get(release + "/artifact").status, 404, "nothing is given away any more")
            t.same([*(house.state / "blobs").iterdir()], [], "no file is left")


def damaged(t):
    """A flipped bit ends a download; a wrong byte is never sent as if it were right."""
    with House(**FREE) as house:
        with closing(house.open().client()) as client:
            data = os.urandom(2 * MB)
            sender = new_model(house, client, data)
            sender.send()
        at = read_back(house, sender)
        [file] = (house.state / "blobs").iterdir()
        text = bytearray(file.read_bytes())
        text[64 + 5 * (131072 + 16) + 9] ^= 1
        file.write_bytes(text)
        with closing(Wire(house.address, house.context)) as wire:
            wire.send(head_of("GET", at, house.ip, {"Authorization": f"Bearer {house.vendors['acme']}"}))
            status, headers = wire.head()
            body = wire.to_the_end()
        t.ok(len(body) < int(headers["content-length"]), f"{len(body)} bytes of {headers['content-length']} came")
        t.ok(data.startswith(body) and len(body) >= 5 * 131072, "all of them right")
        t.ok("download-broken-off" in house.said(), "and the log says why")
        with closing(house.client()) as client:
            t.same(client.get(at, Range="bytes=0-99").body, data[:100], "what is whole is still given")
            file.write_bytes(text[:-1])
            t.same(client.get(at).status, 500, "a file that was cut is refused at once")
            file.unlink()
            t.ok(client.get(at).status in (404, 500), "so is one that is gone")


def releases(t):
    """What making one refuses."""
    with House(**FREE) as house, closing(house.open().client()) as client:
        model = new_asset(client)
        at = f"/v1/models/{model}/releases"
        t.same(client.post(at, {}).status, 409, "of a model that is not there yet")
        t.same(client.post(f"/v1/models/mod_{ABSENT}/releases", {}).status, 404, "of none")
        for body, wanted in (({"release": "x"}, 422), ({"model": model}, 422), ({"name": "x" * 129}, 422), ({"name": 5}, 422), ({"colour": 1}, 422),
                             ([], 400), (b"{", 400), ({"kappa": 3}, 422), ({"lock": "iron"}, 422)):  # fmt: skip
            t.same(client.post(at, body).status, wanted, f"{body}")
        t.same(client.get(at).json(), {"items": [], "next": None}, "an empty list")
        t.same(client.get(f"{at}/rel_{ABSENT}").status, 404, "no such release")
        auditor = house.client()
        auditor.secret = house.token("acme", "auditor", name="a")
        with closing(auditor):
            t.same((auditor.post(at, {}).status, auditor.get(at).status), (403, 200), "an auditor reads only")


if __name__ == "__main__":
    run(downloads, damaged, releases)
