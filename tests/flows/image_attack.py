#!/usr/bin/env python3
"""What those try who want an unlock key without the license's key image, or the image of another:
keys and secrets of before, odd ways to a link, bodies that are not what they say, races, a store that
has lost a day, a kill in between, a sealed daemon."""

import secrets
import sqlite3
import threading
import time
from contextlib import closing

from customers import enrol
from house import House
from image_things import Gallery, fetched, show, unlock
from license_things import FREE, Crowd, new_policy
from tap import run
from wire import Wire, head_of

AT = "/v1/key-images"
MAX = 1 << 20


def codes(*answers):
    return [(a.status, a.problem("code")) if a.status >= 400 else a.status for a in answers]


def secret_of(customer, lic, data):
    return show(customer, lic, data).json()["authentication"]


def link_to(g, lic):
    return g.vendor.post(f"{AT}/{g.image(lic)['id']}/links", {})


# ---- What was good before ------------------------------------------------------------------------


def retries(t, house, g):
    """A kept key is given again, but not by an image that was taken away meanwhile."""
    ada = g.customer("Ada")
    for what in ("reissue", "revoke"):
        lic, key = g.license(ada), secrets.token_hex(8)
        one = secret_of(ada, lic, fetched(ada, lic))
        first = codes(*(unlock(ada, lic, one, key=key) for _ in range(2)))
        g.vendor.post(f"{AT}/{g.image(lic)['id']}/{what}", {})
        t.same((first, codes(unlock(ada, lic, one, key=key))), ([200, 200], [(403, "IMAGE_REVOKED")]), f"no retry after a {what}")


def wrong_hands(t, house, g):
    ada, eve = g.customers[0], g.customer("Eve")
    lic, hers = g.license(ada), g.license(eve)
    one = secret_of(ada, lic, fetched(ada, lic))
    t.same(codes(unlock(eve, hers, one), unlock(eve, lic, one)), [(403, "IMAGE_UNKNOWN"), (404, "NOT_FOUND")],
           "what one has shown is nothing to another")  # fmt: skip
    mark = f"/v1/watermarks/{g.image(lic)['watermark']}"
    house.vendor("other")
    with closing(house.client("other")) as other:
        t.same(codes(other.post(AT, {"license": lic}), *(other.get(mark + p) for p in ("", "/report", "/page"))),
               [(404, "NOT_FOUND")] * 4, "nor to another vendor")  # fmt: skip
    version = g.vendor.get(f"/v1/models/{g.model}").headers["etag"]
    t.same(codes(g.vendor.delete(f"/v1/models/{g.model}", version)), [(409, "CONFLICT")], "a network that licenses stand on stays")


def other_lives(t, house, g):
    """A new key, a suspension, an erasure."""
    bob = g.customer("Bob")
    lic = g.license(bob)
    data, path = fetched(bob, lic), f"/v1/customers/{bob.id}"
    one = secret_of(bob, lic, data)
    answer, again = enrol(house, g.vendor.post(path + "/code", {}).json()["code"])
    g.customers.append(again)
    t.same((answer.status, codes(unlock(bob, lic, one), show(bob, lic, data)), g.code(again, lic, data)),
           (200, [(401, "UNAUTHENTICATED")] * 2, "VALID"), "the old key shows nothing any more, the new one the same picture")  # fmt: skip
    one, url = secret_of(again, lic, data), link_to(g, lic).json()["url"]
    image = f"{AT}/{g.image(lic)['id']}"
    g.vendor.post(path + "/suspend", {})
    t.same((codes(unlock(again, lic, one), g.vendor.get(url)), g.code(again, lic, data)),
           ([(403, "CUSTOMER_SUSPENDED"), (404, "NOT_FOUND")], "CUSTOMER_SUSPENDED"), "suspended, he gets nothing")  # fmt: skip
    g.vendor.delete(path, g.vendor.get(path).headers["etag"])
    t.same(codes(unlock(again, lic, one), g.vendor.get(url), g.vendor.post(image + "/reissue", {}), g.vendor.post(image + "/links", {})),
           [(401, "UNAUTHENTICATED"), (404, "NOT_FOUND"), (403, "LICENSE_REVOKED"), (403, "LICENSE_REVOKED")],
           "erased, nothing leads to his picture, and no new link does")  # fmt: skip


def terms_change(t, house, g):
    ada = g.customers[0]
    policy = new_policy(g.vendor)
    lic = g.license(ada, policy)
    before = unlock(ada, lic).status
    version = g.vendor.get(f"/v1/policies/{policy}").headers["etag"]
    g.vendor.request("PATCH", f"/v1/policies/{policy}", b'{"image":"unlock"}', {"If-Match": version, "Content-Type": "application/json"})
    t.same((before, codes(unlock(ada, lic))), (200, [(403, "IMAGE_MISSING")]), "terms that ask for an image since ask at once")
    g.vendor.post(AT, {"license": lic})
    t.same(codes(unlock(ada, lic, secret_of(ada, lic, fetched(ada, lic)))), [200], "and are met by the one that the vendor makes")


# ---- Odd requests --------------------------------------------------------------------------------


def ways_to_a_link(t, house, g):
    lic = g.license(g.customers[0])
    url = link_to(g, lic).json()["url"]
    odd = [("POST", url), ("DELETE", url), ("OPTIONS", url), ("GET", url + "/"), ("GET", url.replace("-image-links", "-images")), ("GET", url.upper())]
    with closing(house.client(None)) as anyone:
        t.same([anyone.request(m, p).status for m, p in odd], [405, 405, 405, 400, 401, 404], "odd ways lead nowhere")
        part = anyone.get(url, Range="bytes=0-0,5-9")
        t.same((part.status, part.body[:4]), (200, b"\x89PNG"), "who asks for a part gets the whole")
        t.same(anyone.get(url, Range="bytes=10-").status, 404, "once")
    said = house.said().encode() + b"".join(p.read_bytes() for p in house.state.iterdir() if p.is_file())
    t.same(said.count(url[-40:].encode()), 0, "and none of it leaves the secret anywhere")


def bodies(t, house, g):
    ada = g.customers[0]
    lic = g.license(ada)
    data, path = fetched(ada, lic), f"/v1/licenses/{lic}/authenticate"

    def sent(body, bytes_, proven=None, **headers):
        ada.nonce = None
        head = {"Authorization": ada.authorization("POST", path, proven or body), "Content-Type": "image/png",
                **{k.replace("_", "-"): v for k, v in headers.items()}}  # fmt: skip
        with closing(Wire(house.address, house.context, timeout=15)) as wire:
            wire.send(head_of("POST", path, house.ip, head) + bytes_)
            answer = wire.answer("POST")
        return answer.json()["code"] if answer.status == 200 else answer.status

    def pieces(b):
        return b"".join(b"%x\r\n" % len(p) + p + b"\r\n" for p in (b[i : i + 60000] for i in range(0, len(b), 60000))) + b"0\r\n\r\n"

    n, chunked, long = str(len(data)), {"Transfer_Encoding": "chunked"}, bytes(MAX + 1)
    form = "multipart/form-data"
    odd = {
        "in pieces": (sent(data, pieces(data), **chunked), "VALID"),
        "a byte too much, in pieces": (sent(long, pieces(long), **chunked), 413),
        "in pieces of a length": (sent(data, pieces(data), Content_Length=n, **chunked), 400),
        "of less than nothing": (sent(data, data, Content_Length="-1"), 400),
        "of no length": (sent(data, data), 401),
        "followed by more": (sent(data, data + b"x" * 50, Content_Length=n), "VALID"),
        "of another proof": (sent(data, data, proven=b"x", Content_Length=n), 401),
        "a form without a boundary": (sent(data, data, Content_Type=form, Content_Length=n), 400),
        "a form of two boundaries": (sent(data, data, Content_Type=form + "; boundary=a; boundary=b", Content_Length=n), 400),
        "a form of a long boundary": (sent(data, data, Content_Type=form + "; boundary=" + "a" * 6000, Content_Length=n), 400),
        "another multipart": (sent(data, data, Content_Type="multipart/mixed; boundary=a", Content_Length=n), 415),
    }
    for what, (got, wanted) in odd.items():
        t.same(got, wanted, f"a body {what}: {wanted}")


# ---- Races ---------------------------------------------------------------------------------------


def replaced_meanwhile(t, house, g):
    """Showing, while the image is replaced again and again: what comes is good now, or says why not."""
    ada, stop, seen = g.customers[0], threading.Event(), []
    lic = g.license(ada)

    def replace():
        with closing(house.client()) as vendor:
            while not stop.wait(0.01):
                items = vendor.get(f"{AT}?license={lic}&limit=200").json()["items"]
                for image in (i for i in items if i["state"] == "active"):
                    vendor.post(f"{AT}/{image['id']}/reissue", {})

    other = threading.Thread(target=replace)
    other.start()
    try:
        for _ in range(40):
            fresh = ada.request("POST", f"/v1/licenses/{lic}/key-image")
            said = show(ada, lic, fresh.body).json() if fresh.status == 200 else {"code": fresh.problem("code")}
            seen.append(said["code"])
            if said["code"] == "VALID":
                answer = unlock(ada, lic, said["authentication"])
                seen.append(answer.status if answer.status == 200 else answer.problem("code"))
    finally:
        stop.set()
        other.join()
    t.ok(set(seen) <= {"VALID", 200, "IMAGE_REPLACED", "IMAGE_REVOKED", "CONFLICT"} and 200 in seen,
         f"an image that is replaced all the time: { {s: seen.count(s) for s in set(seen)} }")  # fmt: skip
    rows = house.ask("SELECT count(*) FROM authentication AS a JOIN key_image AS k ON k.id = a.key_image WHERE a.license <> k.license")
    t.same(rows, [(0,)], "nothing was shown for another license")


def many_at_once(t, house, g):
    ada, bearer = g.customers[0], "Bearer " + g.vendor.secret
    lic, path = g.license(ada), "/v1/licenses/{}/key-image"
    with closing(Crowd(house, 32)) as crowd:
        proofs = []
        for _ in crowd.wire:
            ada.nonce = None
            proofs.append(ada.authorization("POST", path.format(lic), None))
        for i, proof in enumerate(proofs):
            crowd.send(i, "POST", path.format(lic), None, proof)
        got = [a for _, a in crowd.answers()]
        t.same(({a.status for a in got}, len({a.body for a in got})), ({200}, 1), "made for 32 at once the first time, it looks the same")

        def all_ask(where, body):
            for i in range(len(crowd.wire)):
                crowd.send(i, "POST", where, body, bearer, Idempotency_Key=secrets.token_hex(8))
            got = [a.status for _, a in crowd.answers()]
            return got.count(201), got.count(409)

        t.same(all_ask(f"{AT}/{g.image(lic)['id']}/reissue", {}), (1, 31), "of 32 reissues at once one is done")
        g.vendor.post(f"{AT}/{g.image(lic)['id']}/revoke", {})
        t.same(all_ask(AT, {"license": lic}), (1, 31), "and so of 32 issues")


# ---- Accidents -----------------------------------------------------------------------------------


def lost_day(t, house, g):
    """The store is set back: numbers are given again, but no picture of before becomes somebody's."""
    ada = g.customers[0]
    lic = g.license(ada)
    old, serial = fetched(ada, lic), g.image(lic)["serial"]
    house.stop()
    with closing(sqlite3.connect(house.database)) as db:
        db.execute("DELETE FROM key_image WHERE license = ?", (lic,))
        db.execute("UPDATE vendor SET key_images = ?", (serial - 1,))
        db.commit()
    house.start()
    time.sleep(1.1)
    new = g.license(ada)
    mine = fetched(ada, new)
    got = g.image(new)["serial"] == serial, g.code(ada, new, old), g.code(ada, lic, mine), g.code(ada, new, mine)
    t.same(got, (True, "IMAGE_FORGED", "IMAGE_OF_OTHER_LICENSE", "VALID"), "a number that is given twice makes no picture good twice")


def killed(t, house, g):
    """Between the first making of a picture and the row that says how it looks, or about then."""
    ada, same = g.customers[0], 0
    waits = (0.0, 0.003, 0.006, 0.015)
    for wait in waits:
        lic = g.license(ada)
        path = f"/v1/licenses/{lic}/key-image"
        ada.nonce = None
        with closing(Wire(house.address, house.context)) as wire:
            wire.send(head_of("POST", path, house.ip, {"Authorization": ada.authorization("POST", path, None), "Content-Length": "0"}))
            time.sleep(wait)
            house.kill()
        house.start()
        g.vendor.close()
        ada.close()
        ada.nonce = None
        data = fetched(ada, lic)
        same += g.code(ada, lic, data) == "VALID" and fetched(ada, lic) == data
    t.same(same, len(waits), "killed while it makes a picture, the daemon makes the same one later")


def sealed(t, house, g):
    """Who cannot know says that, and never that something is not valid."""
    ada = g.customers[0]
    lic = g.license(ada)
    data, image = fetched(ada, lic), f"{AT}/{g.image(lic)['id']}"
    url, path = link_to(g, lic).json()["url"], f"/v1/licenses/{lic}/"
    proof = [ada.nonced().json()["nonce"] for _ in range(3)]
    house.ctl("seal", check=True)
    asked = [("key-image", None, {}), ("authenticate", data, {"Content-Type": "image/png"}), ("unlock", {"machine": "m"}, {"Idempotency-Key": "k"})]
    got = []
    for nonce, (what, body, headers) in zip(proof, asked):
        ada.nonce = nonce
        got.append(ada.once("POST", path + what, body, {"Content-Type": "application/json"} | headers))
    got += [g.vendor.get(image + "/image"), g.vendor.get(url), g.vendor.post(image + "/reissue", {}), g.vendor.post(image + "/links", {})]
    t.same(codes(*got), [(503, "SEALED")] * 7, "while sealed, every route says so")


def all_of_it(t):
    with House(**FREE).open() as house, closing(Gallery(house)) as g:
        for part in (retries, wrong_hands, other_lives, terms_change, ways_to_a_link, bodies, replaced_meanwhile, many_at_once, lost_day, killed):
            part(t, house, g)
        t.same(house.ctl("audit", "verify").code, 0, "the audit's chain holds")
        t.same(house.ctl("db", "check").code, 0, "the check of the database finds nothing")
        sealed(t, house, g)


run(all_of_it)
