#!/usr/bin/env python3
"""What those who want a key without the image try: keys of before, odd ways to a link, a store that
has lost a day, a daemon that is sealed; and one customer who shows nothing but rubbish."""

import json
import secrets
import sqlite3
import threading
import time
from contextlib import closing

from customers import enrol
from house import House
from image_things import SIDE, Gallery, Picture, chunk, fetched, png_read, png_write, show, unlock
from license_things import FREE, Crowd
from proof import Key
from tap import run
from wire import Closed, Wire, head_of

AT = "/v1/key-images"


def codes(*answers):
    return [(a.status, a.problem("code")) if a.status >= 400 else a.status for a in answers]


def token(customer, lic, data):
    return show(customer, lic, data).json()["authentication"]


def again(t, house, g):
    """A key that was given is given again, but not by an image that was taken away meanwhile."""
    ada = g.customer("Ada")
    for what, wanted in (("reissue", "IMAGE_REVOKED"), ("revoke", "IMAGE_REVOKED")):
        lic, key = g.license(ada), secrets.token_hex(8)
        one = token(ada, lic, fetched(ada, lic))
        first = [unlock(ada, lic, one, key=key).status for _ in range(2)]
        g.vendor.post(f"{AT}/{g.image(lic)['id']}/{what}", {})
        t.same((first, codes(unlock(ada, lic, one, key=key))), ([200, 200], [(403, wanted)]), f"a retry after a {what}: {wanted}")


def ways_to_a_link(t, house, g):
    ada = g.customers[0]
    lic = g.license(ada)
    url = g.vendor.post(f"{AT}/{g.image(lic)['id']}/links", {}).json()["url"]
    with closing(house.client(None)) as anyone:
        odd = [anyone.request(m, p) for m, p in (("POST", url), ("DELETE", url), ("OPTIONS", url), ("GET", url + "/"), ("GET", url + "?x"),
                                                 ("GET", url.replace("hmi_", "hmi%5F")), ("GET", "/v1/key-images/" + url[-47:]))]  # fmt: skip
        t.note(f"{[a.status for a in odd]}")
        t.ok(all(a.body[:4] != b"\x89PNG" or i in (4, 5) for i, a in enumerate(odd)), "other ways lead nowhere", odd)
    url = g.vendor.post(f"{AT}/{g.image(lic)['id']}/links", {}).json()["url"]
    with closing(house.client(None)) as anyone:
        part = anyone.get(url, Range="bytes=0-0,5-9")
        t.same((part.status, part.body[:4]), (200, b"\x89PNG"), "a part of a picture is not to be had: it comes as a whole")
        t.same(anyone.get(url, Range="bytes=10-").status, 404, "and once")
    said = house.said().encode() + b"".join(p.read_bytes() for p in house.state.iterdir() if p.is_file())
    t.same(said.count(url[-40:].encode()), 0, "the secret stands nowhere")


def wrong_hands(t, house, g):
    ada, eve = g.customers[0], g.customer("Eve")
    lic, hers = g.license(ada), g.license(eve)
    one = token(ada, lic, fetched(ada, lic))
    t.same(codes(unlock(eve, hers, one), unlock(eve, lic, one)), [(403, "IMAGE_UNKNOWN"), (404, "NOT_FOUND")], "in another's hands it is nothing")
    house.vendor("other")
    with closing(house.client("other")) as other:
        t.same(codes(other.post(AT, {"license": lic}), other.get(f"{AT}?license={lic}"), other.get(f"/v1/watermarks/{g.image(lic)['watermark']}"),
                     other.get(f"/v1/watermarks/{g.image(lic)['watermark']}/report")),
               [(404, "NOT_FOUND"), 200, (404, "NOT_FOUND"), (404, "NOT_FOUND")], "another vendor's are none")  # fmt: skip
    t.same(codes(g.vendor.delete(f"/v1/models/{g.model}", '"1"'))[0][0] in (409, 412), True, "a model that licenses stand on stays")


def races(t, house, g):
    """Showing, while the image is replaced again and again: what comes is good now or says why."""
    ada, stop, seen = g.customers[0], threading.Event(), []
    lic = g.license(ada)
    data = fetched(ada, lic)

    def replace():
        with closing(house.client()) as vendor:
            while not stop.is_set():
                now = [i for i in vendor.get(f"{AT}?license={lic}").json()["items"] if i["state"] == "active"][0]
                vendor.post(f"{AT}/{now['id']}/reissue", {})
                time.sleep(0.01)

    other = threading.Thread(target=replace)
    other.start()
    for _ in range(60):
        fresh = ada.request("POST", f"/v1/licenses/{lic}/key-image")
        if fresh.status != 200:
            seen.append(f"{fresh.status} {fresh.problem('code')}")
            continue
        said = show(ada, lic, fresh.body).json()
        if said["code"] == "VALID":
            answer = unlock(ada, lic, said["authentication"])
            seen.append("VALID " + str(answer.problem("code") if answer.status != 200 else 200))
        else:
            seen.append(said["code"])
    stop.set()
    other.join()
    t.ok(set(seen) <= {"IMAGE_REPLACED", "VALID 200", "VALID IMAGE_REVOKED", "409 CONFLICT"}, f"{ {s: seen.count(s) for s in set(seen)} }")
    rows = house.ask("SELECT count(*) FROM authentication AS a JOIN key_image AS k ON k.id = a.key_image WHERE a.license <> k.license")
    t.same(rows, [(0,)], "no authentication is of another license's image")


def lost_day(t, house, g):
    """The store is set back: numbers are given again, but no picture of before becomes somebody's."""
    ada = g.customers[0]
    lic = g.license(ada)
    old = fetched(ada, lic)
    serial = g.image(lic)["serial"]
    house.stop()
    with closing(sqlite3.connect(house.database)) as db:
        db.execute("DELETE FROM key_image WHERE license = ?", (lic,))
        db.execute("UPDATE vendor SET key_images = ?", (serial - 1,))
        db.commit()
    house.start()
    time.sleep(1.1)
    new = g.license(ada)
    same = g.image(new)["serial"] == serial
    before = g.code(ada, new, old)
    mine = fetched(ada, new)
    t.same((same, before, g.code(ada, new, old), g.code(ada, lic, mine), g.code(ada, new, mine)),
           (True, "IMAGE_FORGED", "IMAGE_FORGED", "IMAGE_OF_OTHER_LICENSE", "VALID"), "a number that is given twice makes no picture good twice")  # fmt: skip


def rubbish(t, house, g):
    """Pictures as large as may be, by one customer; another one waits for none of them long."""
    ada, eve = g.customers[:2]
    lic, hers = g.license(ada), g.license(eve)
    good, path = fetched(ada, lic), f"/v1/licenses/{hers}/authenticate"
    p = png_read(fetched(eve, hers))
    bomb = png_write(p, 1, b"".join(chunk(b"tEXt", b"k\0" + secrets.token_bytes(30000)) for _ in range(30)))
    deep = png_write(Picture(SIDE, SIDE, 1, bytes(SIDE * SIDE)), 9)
    import struct, zlib
    raw = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 0, 0, 0, 0)
    deep = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", raw) + chunk(b"IDAT", zlib.compress(bytes(900 << 20 if False else 200 << 20), 9)) + chunk(b"IEND", b"")
    t.note(f"deep {len(deep)}: {g.code(eve, hers, deep)}, wide {len(bomb)}: {g.code(eve, hers, bomb)}")
    slow = []
    with closing(Crowd(house, 48)) as crowd:
        for body in (bomb, deep):
            proofs = []
            for i in range(48):
                eve.nonce = None
                proofs.append(eve.authorization("POST", path, body))
            for i, proof in enumerate(proofs):
                head = {"Authorization": proof, "Content-Type": "image/png", "Content-Length": str(len(body))}
                from wire import head_of
                crowd.wire[i].send(head_of("POST", path, house.ip, head) + body)
                crowd.asked[i].append("POST")
            for _ in range(5):
                began = time.monotonic()
                code = g.code(ada, lic, good)
                slow.append((round(time.monotonic() - began, 2), code))
            got = [a.status for _, a in crowd.answers()]
            t.note(f"{ {s: got.count(s) for s in set(got)} }")
    t.note(f"{slow}")
    t.ok(all(c == "VALID" for _, c in slow) and max(s for s, _ in slow) < 8, "others are answered meanwhile", slow)


def sealed(t, house, g):
    ada = g.customers[0]
    lic = g.license(ada)
    data, image = fetched(ada, lic), g.image(lic)["id"]
    url = g.vendor.post(f"{AT}/{image}/links", {}).json()["url"]
    t.note(repr(house.ctl("seal")))
    t.note(repr(codes(ada.once("POST", f"/v1/licenses/{lic}/key-image"))))
    with closing(house.client(None)) as anyone:
        got = {"image": g.vendor.get(f"{AT}/{image}/image"), "link": anyone.get(url), "list": g.vendor.get(AT), "reissue": g.vendor.post(f"{AT}/{image}/reissue", {})}
        t.note({k: codes(v) for k, v in got.items()})


def wire_tricks(t, house, g):
    ada = g.customers[0]
    lic = g.license(ada)
    data = fetched(ada, lic)
    path = f"/v1/licenses/{lic}/authenticate"

    def raw(body, sent, kind="image/png", digest=None, **more):
        ada.nonce = None
        head = {"Authorization": ada.authorization("POST", path, body if digest is None else digest), "Content-Type": kind, **more}
        with closing(Wire(house.address, house.context, timeout=15)) as wire:
            began = time.monotonic()
            wire.send(head_of("POST", path, house.ip, head) + sent)
            try:
                a = wire.answer("POST")
                return a.status, a.body[:4] if a.body[:1] != b"{" else a.json().get("code"), round(time.monotonic() - began, 1)
            except (Closed, OSError) as e:
                return repr(e), round(time.monotonic() - began, 1)

    def chunked(b, n=1000):
        return b"".join(b"%x\r\n" % len(b[i : i + n]) + b[i : i + n] + b"\r\n" for i in range(0, len(b), n)) + b"0\r\n\r\n"

    te = {"Transfer-Encoding": "chunked"}
    big = bytes((1 << 20) + 1)
    out = {
        "chunked": raw(data, chunked(data), **te),
        "chunked too large": raw(big, chunked(big, 60000), **te),
        "both": raw(data, chunked(data), **te, **{"Content-Length": str(len(data))}),
        "short": raw(data, data[:50], **{"Content-Length": str(len(data))}),
        "long": raw(data, data + b"x" * 50, **{"Content-Length": str(len(data))}),
        "negative": raw(data, data, **{"Content-Length": "-1"}),
        "plus": raw(data, data, **{"Content-Length": "+%d" % len(data)}),
        "no length": raw(data, data),
        "other digest": raw(data, data, digest=b"x", **{"Content-Length": str(len(data))}),
        "boundaryless": raw(data, data, kind="multipart/form-data", **{"Content-Length": str(len(data))}),
        "nested": raw(data, data, kind="multipart/form-data; boundary=a; boundary=b", **{"Content-Length": str(len(data))}),
        "mixed": raw(data, data, kind="multipart/mixed; boundary=a", **{"Content-Length": str(len(data))}),
        "gzip": raw(data, data, **{"Content-Length": str(len(data)), "Content-Encoding": "gzip"}),
        "expect": raw(data, data, **{"Content-Length": str(len(data)), "Expect": "100-continue"}),
        "types": raw(data, data, kind="image/png; charset=x, text/html", **{"Content-Length": str(len(data))}),
        "long boundary": raw(data, data, kind="multipart/form-data; boundary=" + "a" * 6000, **{"Content-Length": str(len(data))}),
    }
    for k, v in out.items():
        t.note(f"{k}: {v}")


def lives(t, house, g):
    """rekey, erasure, policy change, suspend"""
    ada, bob = g.customers[0], g.customer("Bob")
    lic = g.license(bob)
    data = fetched(bob, lic)
    one = token(bob, lic, data)
    new = g.vendor.post(f"/v1/customers/{bob.id}/code", {})
    t.note(f"code {new.status} {new.body[:200]}")
    if new.status in (200, 201):
        answer, bob2 = enrol(house, new.json()["code"])
        t.note(f"old key after rekey: {codes(unlock(bob, lic, one))}; new key: {codes(unlock(bob2, lic, one))}; picture: {g.code(bob2, lic, data)} {fetched(bob2, lic) == data}")
        one = token(bob2, lic, data)
        url = g.vendor.post(f"{AT}/{g.image(lic)['id']}/links", {}).json()["url"]
        g.vendor.post(f"/v1/customers/{bob.id}/suspend", {})
        t.note(f"suspended: {codes(unlock(bob2, lic, one), show(bob2, lic, data), g.vendor.get(url))}")
        g.vendor.post(f"/v1/customers/{bob.id}/reinstate", {})
        row = g.image(lic)
        gone = g.vendor.delete(f"/v1/customers/{bob.id}", g.vendor.get(f"/v1/customers/{bob.id}").headers["etag"])
        t.note(f"erase {gone.status}: {codes(unlock(bob2, lic, one), show(bob2, lic, data), g.vendor.get(url), g.vendor.get(AT + '/' + row['id'] + '/image'), g.vendor.post(AT + '/' + row['id'] + '/reissue', {}), g.vendor.post(AT + '/' + row['id'] + '/links', {}))}")
        with closing(sqlite3.connect(house.database)) as db:
            t.note(repr(db.execute("SELECT * FROM key_image WHERE license = ?", (lic,)).fetchall())[:600])
    # policy change
    pol = g.vendor.post("/v1/policies", {"name": "later"})
    t.note(f"policy {pol.status} {pol.body[:300]}")
    pol = pol.json()["id"]
    lic = g.license(ada, pol)
    key = secrets.token_hex(8)
    t.note(f"before {codes(unlock(ada, lic, key=key))}")
    etag = g.vendor.get(f"/v1/policies/{pol}").headers["etag"]
    ch = g.vendor.request("PATCH", f"/v1/policies/{pol}", json.dumps({"image": "unlock"}).encode(), {"If-Match": etag, "Content-Type": "application/json"})
    t.note(f"change {ch.status} {ch.body[:300]}")
    t.note(f"after {codes(unlock(ada, lic), unlock(ada, lic, key=key))} {g.vendor.get(AT + '?license=' + lic).body} plain release: ")


def many_at_once(t, house, g):
    ada = g.customers[0]
    lic = g.license(ada)
    with closing(Crowd(house, 32)) as crowd:
        proofs = []
        for i in range(32):
            ada.nonce = None
            proofs.append(ada.authorization("POST", f"/v1/licenses/{lic}/key-image", None))
        for i in range(32):
            crowd.send(i, "POST", f"/v1/licenses/{lic}/key-image", None, proofs[i])
        got = [a for _, a in crowd.answers()]
        t.same((len({a.body for a in got}), {a.status for a in got}), (1, {200}), "first made by 32 at once, it looks the same")
        image = g.image(lic)
        for i in range(32):
            crowd.send(i, "POST", f"{AT}/{image['id']}/reissue", {}, "Bearer " + g.vendor.secret, Idempotency_Key=secrets.token_hex(8))
        got = [a.status for _, a in crowd.answers()]
        t.same((got.count(201), got.count(409), len(g.vendor.get(f"{AT}?license={lic}").json()["items"])), (1, 31, 2), "32 reissues: one")
        image = g.image(lic)
        g.vendor.post(f"{AT}/{image['id']}/revoke", {})
        for i in range(32):
            crowd.send(i, "POST", AT, {"license": lic}, "Bearer " + g.vendor.secret, Idempotency_Key=secrets.token_hex(8))
        got = [a.status for _, a in crowd.answers()]
        t.same((got.count(201), got.count(409)), (1, 31), "32 issues: one")


def killed(t, house, g):
    ada = g.customers[0]
    for wait in (0.0, 0.002, 0.004, 0.008, 0.015):
        lic = g.license(ada)
        ada.nonce = None
        with closing(Wire(house.address, house.context)) as wire:
            wire.send(head_of("POST", f"/v1/licenses/{lic}/key-image", house.ip, {"Authorization": ada.authorization("POST", f"/v1/licenses/{lic}/key-image", None), "Content-Length": "0"}))
            time.sleep(wait)
            house.kill()
        house.start()
        ada.nonce = None
        ada.close()
        g.vendor.close()
        data = fetched(ada, lic)
        t.same((g.code(ada, lic, data), fetched(ada, lic) == data), ("VALID", True), f"killed {wait} s after asking: the picture is the same later")


def all_of_it(t):
    with House(**FREE).open() as house, closing(Gallery(house)) as g:
        for part in (again, ways_to_a_link, wrong_hands, races, lost_day, rubbish, wire_tricks, lives, many_at_once, killed):
            try:
                part(t, house, g)
            except Exception as e:
                t.ok(False, f"{part.__name__} {e!r}")
        t.same(house.ctl("audit", "verify").code, 0, "the audit's chain holds")
        t.same(house.ctl("db", "check").code, 0, "the check of the database finds nothing")
        sealed(t, house, g)


run(all_of_it)
