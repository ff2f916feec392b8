#!/usr/bin/env python3
"""Key images on the server: they come with their licenses and end with a reason, look the same each
time and unlike all others, and are given out to those who may have them: the vendor, the customer,
and whoever holds a link that is good once."""

import hashlib
import secrets
import sqlite3
import time
from contextlib import closing

from house import House, full, until
from image_things import SIDE, Gallery, fetched, png_read, png_write, show
from license_things import FREE, Crowd, new_policy
from customers import new_customer
from proof import base64url
from receiver import Receiver, new_webhook
from suspect_things import new_suspect, verified
from tap import run

MANY = 1000 if full() else 250
AT = "/v1/key-images"
ABSENT = "00000000-0000-7000-8000-000000000000"
SECRET = b"hmi_"


def codes(*answers):
    return [(a.status, a.problem("code")) if a.status >= 400 else a.status for a in answers]


# ---- Rows ----------------------------------------------------------------------------------------


def with_the_license(t, house, g):
    ada = g.customer("Ada")
    lic = g.license(ada, expires="2031-02-03T04:05:06.000Z", policy=new_policy(g.vendor, image="unlock", duration=0))
    row = g.image(lic)
    t.same((row["license"], row["customer"], row["release"], row["state"], row["serial"], row["carrier"], row["pixels"]),
           (lic, ada.id, g.release, "active", 1, "lsb", None), "a license comes with its key image")  # fmt: skip
    t.same(row["expires"], "2031-02-03T04:05:06.000Z", "which ends with it")
    answer = g.vendor.get(f"{AT}/{row['id']}")
    t.same((answer.status, answer.json(), answer.headers["etag"]), (200, row, '"1"'), "and is shown, with an ETag")
    body = {"customer": ada.id, "release": g.release, "policy": g.policy, "dry_run": True}
    before = house.ask("SELECT count(*) FROM key_image")
    t.same(g.vendor.post("/v1/licenses", body).status, 200, "a dry run")
    t.same(house.ask("SELECT count(*) FROM key_image"), before, "makes none")
    plain = g.license(ada, new_policy(g.vendor))
    t.same(g.vendor.get(f"{AT}?license={plain}").json()["items"], [], "nor do terms that ask for none")
    key = secrets.token_hex(8)
    answers = [g.vendor.post(AT, {"license": plain}, key) for _ in range(2)]
    t.ok(answers[0].status == 201 and answers[0].body == answers[1].body, "the vendor makes one; a retry is the same", answers)
    t.same(answers[1].headers["location"], f"{AT}/{answers[0].json()['id']}", "and says where it is")
    t.same(codes(g.vendor.post(AT, {"license": plain})), [(409, "CONFLICT")], "a second one is a conflict")
    t.same(house.ask("SELECT count(*) FROM key_image"), [(before[0][0] + 1,)], "one row")


def ends(t, house, g):
    ada, at = g.customers[0], AT + "/"
    lic = g.license(ada)
    first = g.image(lic)
    stale = g.vendor.post(f"{at}{first['id']}/revoke", {}, **{"If-Match": '"7"'})
    t.same(codes(stale), [(412, "PRECONDITION_FAILED")], "who has read another version does not revoke it")
    key = secrets.token_hex(8)
    again = [g.vendor.post(f"{at}{first['id']}/reissue", {"reason": "lost"}, key) for _ in range(2)]
    t.ok(again[0].status == 201 and again[0].body == again[1].body, "reissued; a retry is the same", again)
    second = again[0].json()
    t.same((second["state"], second["serial"] > first["serial"], g.image(lic)["id"]), ("active", True, second["id"]),
           "another one, with another number")  # fmt: skip
    old = g.vendor.get(at + first["id"])
    t.same((old.json()["state"], old.json()["reason"], old.headers["etag"]), ("replaced", "lost", '"2"'), "in the old one's place")
    gone = g.vendor.post(f"{at}{second['id']}/revoke", {"reason": "sold"})
    t.same((gone.status, gone.json()["state"], gone.json()["reason"]), (200, "revoked", "sold"), "revoked")
    t.same(codes(*(g.vendor.post(f"{at}{i['id']}/{what}", {}) for i in (first, second) for what in ("revoke", "reissue"))),
           [(409, "CONFLICT")] * 4, "what is over is over")  # fmt: skip
    t.same(codes(ada.request("POST", f"/v1/licenses/{lic}/key-image")), [(404, "NOT_FOUND")], "then the customer has none")
    t.same(codes(g.vendor.get(f"{at}{second['id']}/image"), g.vendor.post(f"{at}{second['id']}/links", {})),
           [(409, "CONFLICT")] * 2, "and nobody is given it any more")  # fmt: skip
    t.same(g.vendor.post(AT, {"license": lic}).status, 201, "until there is a new one")
    t.same([i["state"] for i in g.vendor.get(f"{AT}?license={lic}").json()["items"]], ["replaced", "revoked", "active"],
           "the list keeps them all")  # fmt: skip


def with_its_license(t, house, g):
    """What becomes of an image when something becomes of its license."""
    ada = g.customers[0]
    heir = new_customer(g.vendor, "heir")["id"]
    moving = g.license(ada, new_policy(g.vendor, image="unlock", transferable=True))
    was = g.image(moving)
    new = g.vendor.post(f"/v1/licenses/{moving}/transfer", {"customer": heir}).json()["id"]
    t.same(g.vendor.get(f"{AT}/{was['id']}").json()["state"], "revoked", "a transfer ends the old license's image")
    now = g.image(new)
    t.same((now["customer"], now["watermark"]), (heir, was["watermark"]), "and the new license has its own")
    plain = g.license(ada, new_policy(g.vendor, transferable=True))
    t.same(g.vendor.post(AT, {"license": plain}).status, 201, "one that the vendor has made")
    new = g.vendor.post(f"/v1/licenses/{plain}/transfer", {"customer": heir}).json()["id"]
    t.same(g.image(new)["customer"], heir, "is followed by one as well")
    lic = g.license(ada)
    was = g.image(lic)
    renewed = g.vendor.post(f"/v1/licenses/{lic}/renew", {})
    now = g.image(lic)
    t.same((renewed.status, now["expires"], now["id"] != was["id"]), (200, renewed.json()["expires"], True),
           "a renewal replaces an image that says another term")  # fmt: skip
    t.same(g.vendor.get(f"{AT}/{was['id']}").json()["reason"], "the license was renewed", "and says why")
    g.vendor.post(f"/v1/licenses/{lic}/suspend", {})
    t.same(codes(ada.request("POST", f"/v1/licenses/{lic}/key-image")), [(403, "LICENSE_SUSPENDED")], "a suspended license gives none")
    g.vendor.post(f"/v1/licenses/{lic}/revoke", {})
    t.same(g.image(lic)["state"], "active", "a revocation leaves the image as it is")
    t.same(codes(ada.request("POST", f"/v1/licenses/{lic}/key-image"), g.vendor.post(AT, {"license": lic}),
                 g.vendor.post(f"{AT}/{now['id']}/reissue", {})), [(403, "LICENSE_REVOKED")] * 3, "but good for nothing")  # fmt: skip


def refusals(t, house, g):
    ada = g.customers[0]
    image = g.image(g.license(ada))["id"]
    made = g.vendor.post("/v1/policies", {"name": "asks", "image": "unlock"}).json()["id"]
    body = {"customer": ada.id, "release": g.plain, "policy": made}
    t.same(codes(g.vendor.post("/v1/licenses", body)), [(403, "RELEASE_WITHOUT_WATERMARK")],
           "no license under such terms to a release that nobody would recognise")  # fmt: skip
    bare = g.license(ada, new_policy(g.vendor), g.plain)
    t.same(codes(g.vendor.post(AT, {"license": bare})), [(403, "RELEASE_WITHOUT_WATERMARK")], "nor an image")
    wide = g.license(ada, new_policy(g.vendor))
    wide = g.vendor.post(AT, {"license": wide, "carrier": "dct"}).json()
    t.same((wide["carrier"], codes(g.vendor.get(f"{AT}/{wide['id']}/image"))), ("dct", [(422, "INVALID_VALUE")]),
           "a picture that is too small for what survives JPEG is not made")  # fmt: skip
    t.same(codes(g.vendor.post(AT, {}), g.vendor.post(AT, {"license": "x", "colour": 1}), g.vendor.post(AT, {"license": f"lic_{ABSENT}"}),
                 g.vendor.get(f"{AT}?license=x"), g.vendor.get(f"{AT}/kim_{ABSENT}")),
           [(422, "INVALID_VALUE"), (422, "UNKNOWN_FIELD"), (404, "NOT_FOUND"), (422, "INVALID_VALUE"), (404, "NOT_FOUND")], "odd requests")  # fmt: skip
    house.vendor("other")
    with closing(house.client("other")) as other, closing(house.client(None)) as nobody:
        lists = other.get(AT).json()["items"], other.get(f"{AT}?license={g.license(ada)}").json()["items"]
        t.same(lists, ([], []), "another vendor sees none")
        paths = [("GET", ""), ("GET", "/image"), ("POST", "/revoke"), ("POST", "/reissue"), ("POST", "/links")]
        ask = lambda client, thing: [client.get(f"{AT}/{thing}{p}") if m == "GET" else client.post(f"{AT}/{thing}{p}", {})
                                     for m, p in paths]  # noqa: E731  # fmt: skip
        theirs, random = codes(*ask(other, image)), codes(*ask(other, f"kim_{ABSENT}"))
        t.same((theirs, random), ([(404, "NOT_FOUND")] * 5,) * 2, "to whom its id is one like any other")
        t.same(codes(*ask(nobody, image)), [(401, "UNAUTHENTICATED")] * 5, "nobody is told anything")
        t.same(codes(*(ada.request(m, f"{AT}/{image}{p}", {} if m == "POST" else None, {"Idempotency-Key": "x"}) for m, p in paths)),
               [(403, "FORBIDDEN")] * 5, "nor is a customer, on these routes")  # fmt: skip
    eve = g.customer("Eve")
    t.same(codes(eve.request("POST", f"/v1/licenses/{g.license(ada)}/key-image")), [(404, "NOT_FOUND")],
           "another customer's license is none of hers")  # fmt: skip


# ---- Pictures ------------------------------------------------------------------------------------


def looks(t, house, g):
    ada = g.customers[0]
    lic = g.license(ada)
    one = fetched(ada, lic)
    row = g.image(lic)
    p = png_read(one)
    digest = base64url(hashlib.sha256(bytes(p.v)).digest())
    t.same((p.width, p.height, p.channels, row["pixels"] is not None, row["pixels"] != digest), (SIDE, SIDE, 1, True, True),
           "a PNG; the row says what it looks like, its size included")  # fmt: skip
    theirs = g.vendor.get(f"{AT}/{row['id']}/image")
    t.same((theirs.status, theirs.headers["content-type"], theirs.headers["cache-control"], theirs.body == one),
           (200, "image/png", "no-store", True), "the vendor gets the same bytes")  # fmt: skip
    house.stop()
    house.start()
    t.ok(fetched(ada, lic) == one, "the same after a restart, from another viewer")
    rows = house.audit_rows(object=row["id"])
    t.same([(r["action"], r["outcome"]) for r in rows],
           [("key_image.fetch", "OK"), ("key_image.download", "OK"), ("key_image.fetch", "OK")], "each is a row of the audit")  # fmt: skip


def unlike_all_others(t, house, g):
    ada = g.customers[0]
    began, seen, rows, like = time.monotonic(), set(), set(), {}
    for i in range(MANY):
        who = ada if i % 25 else g.customer(f"one of {i}")
        lic = g.license(who)
        data = fetched(who, lic)
        seen.add(data)
        p = png_read(data)
        rows.add(bytes(p.v))
        like.setdefault(bytes(v | 1 for v in p.v), []).append(bytes(p.v))
    t.same((len(seen), len(rows)), (MANY, MANY), f"{MANY} images, no two alike")
    facts = g.vendor.get(f"/v1/watermarks/{g.image(lic)['watermark']}").json()["facts"]
    t.same(len(like), len(facts.get("usable", range(12))), "made of the pictures that the network knows, which they look like to the eye")
    near = min(sum(a != b for a, b in zip(of[0], x)) for of in like.values() for x in of[1:])
    t.ok(near > SIDE * SIDE // 5, f"two with the same picture below differ in at least {near} of {SIDE * SIDE} samples")
    t.same(house.ask("SELECT count(*) - count(DISTINCT serial) FROM key_image"), [(0,)], "no number twice")
    t.note(f"{MANY} licenses issued and images made in {time.monotonic() - began:.1f} s")


def altered(t, house, g):
    """Somebody has changed what the store says of a picture."""
    ada = g.customers[0]
    lic = g.license(ada)
    fetched(ada, lic)
    image = g.image(lic)["id"]
    house.stop()
    with closing(sqlite3.connect(house.database)) as db:
        db.execute("UPDATE key_image SET pixels = randomblob(32) WHERE id = ?", (image,))
        db.commit()
    house.start()
    t.same(codes(ada.request("POST", f"/v1/licenses/{lic}/key-image"), g.vendor.get(f"{AT}/{image}/image")),
           [(500, "INTEGRITY")] * 2, "a picture that does not look as it did is not given out")  # fmt: skip
    last = house.audit_rows(object=image)[-1]
    t.same((last["outcome"], last["detail"]), ("INTEGRITY", '{"alarm":true}'), "and is an alarm")


def found(t, house, g):
    """Somebody else has one; others of the release only confirm what is claimed of them."""
    ada = g.customers[0]
    lic = g.license(ada)
    data, serial = fetched(ada, lic), g.image(lic)["serial"]
    t.ok(house.ask("SELECT count(*) FROM key_image WHERE carrier = 1")[0][0] > 0, "some are made for what survives JPEG")
    made = verified(g.vendor, new_suspect(house, g.vendor, data), g.release)
    t.same((made["state"], made["verdict"], [a["customer"] for a in made["facts"]["accused"]]), ("done", "proven", [ada.id]),
           "a key image that was found names its customer")  # fmt: skip
    page = g.vendor.get(f"/v1/verifications/{made['id']}/page").body
    t.ok(f"number {serial} of customer".encode() in page, "and the page says which one it is")
    p = png_read(data)
    p.v = bytearray(v ^ 1 for v in p.v)
    made = verified(g.vendor, new_suspect(house, g.vendor, png_write(p)), g.release)
    t.same((made["verdict"], made["facts"]["accused"]), ("no-evidence", []), "one whose lowest bits are others' names nobody")


# ---- Links ---------------------------------------------------------------------------------------


def link_to(g, lic, **body):
    answer = g.vendor.post(f"{AT}/{g.image(lic)['id']}/links", body)
    assert answer.status == 201, answer
    return answer.json()["url"]


def links(t, house, g):
    ada = g.customers[0]
    lic = g.license(ada)
    image, key = g.image(lic)["id"], secrets.token_hex(8)
    answers = [g.vendor.post(f"{AT}/{image}/links", {"hours": 1}, key) for _ in range(2)]
    url = answers[0].json()["url"]
    t.ok(answers[0].status == 201 and answers[0].body == answers[1].body and url.startswith("/v1/key-image-links/hmi_"),
         "a link; a retry is the same one", answers)  # fmt: skip
    with closing(house.client(None)) as anyone:
        heads = [anyone.request("HEAD", url) for _ in range(2)]
        t.same([(h.status, h.body) for h in heads], [(200, b"")] * 2, "a look at its head does not use it up")
        early = [anyone.get(url, **{name: value}) for name, value in
                 (("Sec-Purpose", "prefetch;prerender"), ("Purpose", "prefetch"), ("X-Moz", "Prefetch"))]  # fmt: skip
        t.same(codes(*early), [(403, "FORBIDDEN")] * 3, "nor does a browser that fetches it beforehand")
        got = anyone.get(url)
        t.same((got.status, got.headers["content-type"], got.headers["referrer-policy"], got.body == fetched(ada, lic)),
               (200, "image/png", "no-referrer", True), "it gives out the picture")  # fmt: skip
        after = [anyone.get(url), anyone.request("HEAD", url), anyone.get(url[:-1] + "x"), anyone.get("/v1/key-image-links/x")]
        t.same([a.status for a in after], [404] * 4, "once")
        strip = lambda a: {k: v for k, v in a.json().items() if k != "instance"}  # noqa: E731
        t.same(strip(after[0]), strip(after[2]), "a spent one is to whoever follows it as one that never was")
        over = [link_to(g, lic) for _ in range(3)]
        g.vendor.post(f"/v1/licenses/{lic}/suspend", {})
        t.same(anyone.get(over[0]).status, 404, "while the license is suspended it leads nowhere")
        g.vendor.post(f"/v1/licenses/{lic}/reinstate", {})
        t.same(anyone.get(over[0]).status, 200, "and is good again afterwards")
        g.vendor.post(f"{AT}/{image}/reissue", {})
        t.same(anyone.get(over[1]).status, 404, "a link to an image that is over leads nowhere")
    rows = house.audit_rows(action="key_image.follow")
    t.same(len(rows), 13, "each request is a row")
    named = [r for r in rows if r["object"] == image]
    t.same([(r["outcome"], r["detail"]) for r in named],
           [("OK", ""), ("NOT_FOUND", '{"alarm":true}'), ("NOT_FOUND", '{"alarm":true}'), ("NOT_FOUND", ""), ("OK", ""), ("NOT_FOUND", "")],
           "that names the image where there is one; a spent link that comes again is an alarm")  # fmt: skip
    said = house.said().encode() + b"".join(p.read_bytes() for p in house.state.iterdir() if p.is_file())
    t.same(said.count(SECRET), 0, "no link stands in the log or in the database")


def one_winner(t, house, g):
    ada, crowd = g.customers[0], Crowd(house, 32)
    won, lost = 0, 0
    with closing(crowd):
        for _ in range(8 if full() else 3):
            lic = g.license(ada)
            url, image = link_to(g, lic), g.image(lic)["id"]
            for i in range(32):
                crowd.send(i, "GET", url)
            got = [answer.status for _, answer in crowd.answers()]
            won += got.count(200)
            lost += got.count(404)
            t.same((got.count(200), got.count(404)), (1, 31), "of 32 who follow a link at once one gets the picture")
            rows = house.audit_rows(object=image)
            alarms = [r for r in rows if r["detail"] == '{"alarm":true}']
            t.same((len([r for r in rows if r["outcome"] == "OK" and r["action"] == "key_image.follow"]), len(alarms)), (1, 31),
                   "the others are alarms")  # fmt: skip


def events(t, house, g):
    with closing(Receiver(house.ip[:-1] + "2", house.folder)) as receiver:
        house.stop()
        house.write_conf(webhook_ca=receiver.certificate)
        house.start()
        hook = new_webhook(g.vendor, receiver.base + "/images", "key_image.issued", "key_image.replaced", "key_image.revoked")
        lic = g.license(g.customers[0])
        first = g.image(lic)
        second = g.vendor.post(f"{AT}/{first['id']}/reissue", {}).json()
        g.vendor.post(f"{AT}/{second['id']}/revoke", {})
        wanted = [("key_image.issued", first), ("key_image.replaced", first), ("key_image.issued", second), ("key_image.revoked", second)]
        posts = receiver.wait("/images", 4, 20)
        said = sorted((p.json()["type"], p.json()["object"], p.json()["data"]["license"]) for p in posts)
        t.same(said, sorted((kind, i["id"], lic) for kind, i in wanted), "webhooks hear of each")
        t.ok(all(p.signed_by(hook["secret"]) for p in posts), "signed")


def all_of_it(t):
    with House(**FREE, webhook_networks="127.0.0.0/8").open() as house, closing(Gallery(house)) as g:
        for part in (with_the_license, ends, with_its_license, refusals, looks, found, links, one_winner, unlike_all_others, altered, events):
            part(t, house, g)
        t.same(house.ctl("audit", "verify").code, 0, "the audit's chain holds")
        t.same(house.ctl("db", "check").code, 0, "the check of the database finds nothing")


run(all_of_it)
