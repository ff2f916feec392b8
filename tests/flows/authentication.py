#!/usr/bin/env python3
"""Whoever shows a license's key image gets what one unlock asks for, and nobody else does: not with a
picture of nothing, a forged, moved, damaged or old one, nor with another's; each is told why, and each
leaves its row in the audit. What was shown is looked at again when it is used, and is good once."""

import base64
import json
import random
import secrets
import sqlite3
import time
from contextlib import closing

from house import House, full, until
from image_things import (PICTURES, SIDE, Gallery, Picture, chunk, fetched, form, marked_model, marked_release, png_read, png_write,
                          show, unlock, waves)  # fmt: skip
from license_things import FREE, Crowd, new_policy
from tap import run
from wire import Wire, head_of

MANY = 1000 if full() else 40
# A grey one of 28 by 28, with nothing in it.
JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAYEBQYFBAYGBQYHBwYIChAKCgkJChQODwwQFxQYGBcUFhYaHSUfGhsjHBYWICwgIyYnKSopGR8tMC0oMCUoKSj/wAALCAA"
    "cABwBAREA/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2"
    "JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJ"
    "ytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/9oACAEBAAA/APn7wt/BXsHhb+CvYPC38Feo6f8A8eq1+d3hb+CvYPC38FeweFv4K9R0/wD49Vr87vC38FeweFv4"
    "K9g8LfwV6jp//Hqtfnd4W/gr2Dwt/BXsHhb+CvUdP/49Vr//2Q=="
)


# ---- What a forger can do without the secret ---------------------------------------------------------


def chance(p, rng):
    """Other lowest bits altogether: as good a guess as any."""
    p.v = bytearray((v & 254) | rng.getrandbits(1) for v in p.v)


def emptied(p, rng):
    p.v = bytearray(v & 254 for v in p.v)


def shuffled(p, rng):
    rng.shuffle(p.v)


def repainted(p, rng):
    """One sample looks otherwise: the payload was made for the picture as it was."""
    p.v[rng.randrange(len(p.v))] ^= 1 << rng.randrange(1, 8)


def touched(p, rng):
    """A few lowest bits: mended by the code, but not the picture that was given out."""
    for at in rng.sample(range(len(p.v)), rng.randrange(1, 9)):
        p.v[at] ^= 1


def worn(p, rng):
    """A sixth of the lowest bits."""
    for at in rng.sample(range(len(p.v)), len(p.v) // 6):
        p.v[at] ^= 1


def turned(p, rng):
    p.v.reverse()


def onto_noise(p, rng):
    """The payload's bits on another picture."""
    p.v = bytearray((rng.getrandbits(7) << 1) | (v & 1) for v in p.v)


# One picture in ten thousand seems to have had something in it.
NOTHING = {"IMAGE_EMPTY", "IMAGE_DAMAGED"}
FORGERIES = {  # what it is called: how it is made, what is said of it
    "of chance": (chance, NOTHING),
    "emptied": (emptied, NOTHING),
    "shuffled": (shuffled, NOTHING),
    "upside down": (turned, NOTHING),
    "repainted": (repainted, {"IMAGE_FORGED"}),
    "moved onto another picture": (onto_noise, {"IMAGE_FORGED"}),
    "with a few bits changed": (touched, {"IMAGE_FORGED"}),
    "with many bits changed": (worn, {"IMAGE_DAMAGED", "IMAGE_EMPTY", "IMAGE_FORGED"}),
}


def forged(data, kind, rng):
    p = png_read(data)
    FORGERIES[kind][0](p, rng)
    return png_write(p, 1)


# ---- One by one --------------------------------------------------------------------------------------


def good_ones(t, house, g):
    ada = g.customer("Ada")
    lic = g.license(ada)
    data = fetched(ada, lic)
    answer = show(ada, lic, data)
    said = answer.json()
    t.same((answer.status, said["valid"], said["code"], said["key_image"]), (200, True, "VALID", g.image(lic)["id"]), "shown as fetched")
    t.ok(said["authentication"].startswith("hma_") and answer.headers["cache-control"] == "no-store", "brings what one unlock asks for")
    packed = png_write(png_read(data), 1, chunk(b"tEXt", b"me\0ok"))
    more = [show(ada, lic, packed), show(ada, lic, *form(data)), show(ada, lic, *form(packed, boundary="'x'-y(z)"))]
    t.ok(packed != data and [a.json().get("code") for a in more] == ["VALID"] * 3, "packed otherwise, or in a form: as good", more)
    t.same(unlock(ada, lic, said["authentication"]).status, 200, "it unlocks")
    t.same(house.ask("SELECT count(*) FROM authentication WHERE spent > 0"), [(1,)], "and is spent")
    claims = ada.post(f"/v1/licenses/{lic}/file", {}).json()["license"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(claims + "=="))
    t.same((claims["image"], claims["key_image"]), ("unlock", g.image(lic)["pixels"]), "the license file says how the image looks")


def bad_ones(t, house, g):
    """Each with its code, on one license; nothing of it is good for anything."""
    ada, eve, rng = g.customers[0], g.customer("Eve"), random.Random(7)
    lic, before = g.license(ada), house.ask("SELECT count(*) FROM authentication")
    mine = fetched(ada, lic)
    said = lambda data, kind="image/png": g.code(ada, lic, data, kind)  # noqa: E731
    for kind, (_, wanted) in FORGERIES.items():
        got = {said(forged(mine, kind, rng)) for _ in range(5)}
        t.ok(got <= wanted, f"a picture {kind}: {' or '.join(sorted(got))}", wanted)
    raw = waves(PICTURES, 12)[-SIDE * SIDE :]
    t.ok(said(png_write(Picture(SIDE, SIDE, 1, raw))) in NOTHING, "a picture like the others, with nothing in it")
    t.ok(said(JPEG, "image/jpeg") in NOTHING, "a photograph of one")
    p = png_read(mine)
    t.same(said(png_write(Picture(SIDE, SIDE - 1, 1, p.v[:-SIDE]))), "IMAGE_WRONG_SIZE", "cut")
    t.same([said(x) for x in (b"x", mine[:-30], mine[:40], b"\x89PNG\r\n\x1a\n" + bytes(500), JPEG[:200])], ["IMAGE_UNREADABLE"] * 5,
           "no pictures")  # fmt: skip
    t.same(said(fetched(eve, g.license(eve))), "IMAGE_OF_OTHER_CUSTOMER", "another customer's")
    t.same(said(fetched(ada, g.license(ada))), "IMAGE_OF_OTHER_LICENSE", "her own of another license")
    twin = marked_release(g.vendor, g.model)["id"]
    t.same(said(fetched(ada, g.license(ada, release_id=twin))), "IMAGE_OF_OTHER_RELEASE", "of another release of the same model")
    far = marked_release(g.vendor, marked_model(house, g.vendor, "other", 12))["id"]
    foreign = g.license(ada, release_id=far)
    t.same(said(fetched(ada, foreign)), "IMAGE_OF_OTHER_RELEASE", "of another model")
    t.same(g.code(ada, foreign, mine), "IMAGE_OF_OTHER_RELEASE", "and the other way round")
    blunt = marked_model(house, g.vendor, "blunt", epochs=1, boost=1, rate=1e-9)
    dull = g.license(ada, release_id=marked_release(g.vendor, blunt)["id"])
    t.same(g.code(ada, dull, fetched(ada, dull)), "IMAGE_NOT_ANSWERED", "one that the network does not answer, being taught nothing")
    image = g.image(lic)["id"]
    g.vendor.post(f"/v1/key-images/{image}/reissue", {})
    t.same(said(mine), "IMAGE_REPLACED", "replaced")
    mine = fetched(ada, lic)
    g.vendor.post(f"/v1/key-images/{g.image(lic)['id']}/revoke", {})
    t.same(said(mine), "IMAGE_REVOKED", "revoked")
    t.same(house.ask("SELECT count(*) FROM authentication"), before, "none of them is good for anything")


def by_the_clock(t, house, g):
    """While a grace runs a license is still good, but its image is not."""
    ada, end = g.customers[0], int(time.time()) + 8
    when = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(end))
    lic = g.license(ada, new_policy(g.vendor, image="unlock", grace_expired=3600), expires=when)
    ended = g.license(ada, expires=when)
    data, other = fetched(ada, lic), fetched(ada, ended)
    t.same(g.code(ada, lic, data), "VALID", "before its end")
    time.sleep(max(0, end + 0.1 - time.time()))
    t.same(g.code(ada, lic, data), "IMAGE_EXPIRED", "and after it")
    t.same(g.code(ada, ended, other), "LICENSE_EXPIRED", "of a license without a grace its own end is told")


def license_first(t, house, g):
    """A license that is not good is told of before anybody looks at a picture."""
    ada = g.customers[0]
    lic = g.license(ada)
    data = fetched(ada, lic)
    g.vendor.post(f"/v1/licenses/{lic}/suspend", {})
    t.same(g.code(ada, lic, data), "LICENSE_SUSPENDED", "suspended")
    g.vendor.post(f"/v1/licenses/{lic}/revoke", {})
    t.same(g.code(ada, lic, data), "LICENSE_REVOKED", "revoked")
    plain = g.license(ada, new_policy(g.vendor), g.plain)
    t.same(g.code(ada, plain, data), "RELEASE_WITHOUT_WATERMARK", "of a release that nobody would recognise")
    bare = g.license(ada, new_policy(g.vendor))
    t.same(g.code(ada, bare, data), "IMAGE_OF_OTHER_LICENSE", "of a license that has no image")


def last_row(house):
    """The audit's last, when rows of before do not come any more."""
    house.settle()
    return house.ask("SELECT max(seq) FROM audit")[0][0]


def shown(house, since, n):
    """The rows of what was shown since then, which come a moment later than their answers."""
    of = lambda: [r for r in house.audit_rows(action="license.authenticate") if r["seq"] > since]  # noqa: E731
    until(lambda: len(of()) >= n, 10, f"{n} rows")
    return of()


def announced(house, customer, lic, n):
    """The answer to a head that says that so many bytes are to come."""
    path = f"/v1/licenses/{lic}/authenticate"
    proof = {"Authorization": customer.authorization("POST", path, b"")} if customer else {}
    with closing(Wire(house.address, house.context)) as wire:
        wire.send(head_of("POST", path, house.ip, {**proof, "Content-Type": "image/png", "Content-Length": str(n), "Expect": "100-continue"}))
        return wire.answer()


def odd_requests(t, house, g):
    ada, eve = g.customers[:2]
    lic = g.license(ada)
    rows, data = last_row(house), fetched(ada, lic)
    odd = [("a text", data, "text/plain", "415 UNSUPPORTED_MEDIA_TYPE"), ("JSON", b"{}", "application/json", "415 UNSUPPORTED_MEDIA_TYPE"),
           ("nothing", b"", "image/png", "400 BAD_REQUEST"),
           ("a form without an end", form(data)[0][:-5], form(data)[1], "400 BAD_REQUEST"),
           ("a form of another field", *form(data, "picture"), "422 UNKNOWN_FIELD"),
           ("a form of two fields", form(data)[0][:-4] + b"\r\n" + form(data)[0], form(data)[1], "422 UNKNOWN_FIELD"),
           ("a form with a text in it", *form(data, kind="text/plain"), "415 UNSUPPORTED_MEDIA_TYPE")]  # fmt: skip
    for what, body, kind, wanted in odd:
        t.same(g.code(ada, lic, body, kind), wanted, f"{what}: {wanted}")
    t.same(g.code(ada, lic, bytes(1 << 20)), "IMAGE_UNREADABLE", "a whole MiB of nothing is looked at")
    t.same(announced(house, ada, lic, (1 << 20) + 1).status, 413, "more is refused before it comes")
    t.same(announced(house, None, lic, 1 << 20).status, 401, "and of somebody who proves nothing, any")
    t.same(g.code(eve, lic, data), "404 NOT_FOUND", "another customer's license is none of hers")
    t.same(ada.plain("POST", f"/v1/licenses/{lic}/authenticate", data, {"Content-Type": "image/png"}).status, 401, "nobody's picture")
    swapped = ada.once("POST", f"/v1/licenses/{lic}/authenticate", data, {"Content-Type": "image/png"}, claims={"digest": "A" * 43})
    t.same(swapped.status, 401, "a proof of another body")
    with closing(house.client()) as vendor:
        asked = vendor.request("POST", f"/v1/licenses/{lic}/authenticate", data, {"Content-Type": "image/png"})
        t.same(asked.status, 403, "a vendor shows no pictures")
    t.same(len(shown(house, rows, len(odd) + 7)), len(odd) + 7, "each is a row of the audit")


# ---- Unlocking ---------------------------------------------------------------------------------------


def refused(t, answer, code, name):
    t.same((answer.status, answer.problem("code")), (403, code), name)


def unlocking(t, house, g):
    ada, eve = g.customers[:2]
    lic, other = g.license(ada), g.license(ada)
    data, at = fetched(ada, lic), "/v1/key-images/"
    token = lambda: show(ada, lic, data).json()["authentication"]  # noqa: E731
    refused(t, unlock(ada, lic), "IMAGE_MISSING", "without an image")
    refused(t, unlock(ada, lic, "hma_" + "A" * 43), "IMAGE_UNKNOWN", "with an authentication that never was")
    refused(t, unlock(ada, other, token()), "IMAGE_UNKNOWN", "with one of another license")
    one, key = token(), secrets.token_hex(8)
    answers = [unlock(ada, lic, one, key=key) for _ in range(2)]
    t.ok(answers[0].status == 200 and answers[0].body == answers[1].body, "with one; a retry is the same key", answers)
    refused(t, unlock(ada, lic, one), "IMAGE_SPENT", "with the same again")
    alarms = [r for r in house.audit_rows(action="license.unlock", outcome="IMAGE_SPENT") if r["detail"] == '{"alarm":true}']
    t.same(len(alarms), 1, "which is an alarm")
    t.same(unlock(ada, g.license(ada, new_policy(g.vendor))).status, 200, "terms that ask for none get along without")
    before = token()
    g.vendor.post(f"{at}{g.image(lic)['id']}/reissue", {})
    refused(t, unlock(ada, lic, before), "IMAGE_REVOKED", "with an image that was replaced since it was shown")
    data = fetched(ada, lic)
    before = token()
    g.vendor.post(f"{at}{g.image(lic)['id']}/revoke", {})
    refused(t, unlock(ada, lic, before), "IMAGE_REVOKED", "or revoked")
    g.vendor.post("/v1/key-images", {"license": lic})
    data = fetched(ada, lic)
    late = token()
    house.stop()
    with closing(sqlite3.connect(house.database)) as db:
        db.execute("UPDATE authentication SET expires = ? WHERE spent = 0", (int(time.time() * 1000) - 1,))
        db.execute("DELETE FROM authentication WHERE key_image IN (SELECT id FROM key_image WHERE license = ?)", (other,))
        db.execute("DELETE FROM key_image WHERE license = ?", (other,))
        db.commit()
    house.start()
    refused(t, unlock(ada, lic, late), "IMAGE_EXPIRED", "with one that was shown too long ago")
    t.same(unlock(ada, lic, token()).status, 200, "shown again, it unlocks")
    t.same(house.ask("SELECT count(*) FROM authentication WHERE spent > 0 AND license = ?", lic), [(2,)], "each was spent by one unlock")


def forgotten(t, house, g):
    """An image that the store knows nothing of, as after a restored backup."""
    ada = g.customers[0]
    lic = g.license(ada)
    data = fetched(ada, lic)
    house.stop()
    with closing(sqlite3.connect(house.database)) as db:
        db.execute("DELETE FROM key_image WHERE license = ?", (lic,))
        old = int(time.time() * 1000) - 31 * 24 * 3600 * 1000
        db.execute("UPDATE authentication SET expires = ? WHERE spent > 0", (old,))
        db.commit()
    house.start()
    t.same(g.code(ada, lic, data), "IMAGE_UNKNOWN", "an image that is not known here")
    until(lambda: house.ask("SELECT count(*) FROM authentication WHERE expires = ?", old) == [(0,)], 20, "old ones go")
    t.ok(True, "what expired a month ago goes")


def one_winner(t, house, g):
    """64 unlocks by one authentication, each for a machine of its own, at the same time."""
    ada = g.customers[0]
    lic = g.license(ada, new_policy(g.vendor, image="unlock", seats=64 * 5))
    data, path = fetched(ada, lic), f"/v1/licenses/{lic}/unlock"
    rounds = 5 if full() else 2
    with closing(Crowd(house, 64)) as crowd:
        for n in range(rounds):
            one, sends = show(ada, lic, data).json()["authentication"], []
            for i in range(64):
                body = {"machine": f"m{n}-{i}", "authentication": one}
                ada.nonce = None
                sends.append((i, body, ada.authorization("POST", path, json.dumps(body).encode())))
            for i, body, proof in sends:
                crowd.send(i, "POST", path, body, proof, Idempotency_Key=secrets.token_hex(8))
            got = [(a.status, a.problem("code")) if a.status != 200 else 200 for _, a in crowd.answers()]
            t.same((got.count(200), got.count((403, "IMAGE_SPENT"))), (1, 63), "of 64 unlocks at once one wins")
    rows = house.audit_rows(action="license.unlock", object=lic)
    t.same(sum(r["detail"] == '{"alarm":true}' for r in rows), 63 * rounds, "the others are alarms")
    t.same(house.ask("SELECT unlocks, seats_used FROM license WHERE id = ?", lic), [(rounds,) * 2], "nothing else has happened")


# ---- Many --------------------------------------------------------------------------------------------


def everybody(t, house, g):
    """Each customer's own image is accepted by his license; ten that are not his are refused."""
    rng, people = random.Random(3), []
    for i in range(MANY):
        who = g.customer(f"customer {i}")
        lic = g.license(who)
        people.append((who, lic, fetched(who, lic)))
        who.close()
    before = last_row(house)
    began, codes = time.monotonic(), []
    for who, lic, data in people:
        codes.append(g.code(who, lic, data))
        who.close()
    t.same(codes.count("VALID"), MANY, f"{MANY} customers' images are accepted, each by its license")
    t.note(f"{MANY / (time.monotonic() - began):.0f} a second, one after the other, connections included")
    accepted, refusals = 0, {}
    for i, (who, lic, data) in enumerate(people):
        others = [people[(i + k) % MANY][2] for k in (1, MANY // 2)]
        for bad in [forged(data, kind, rng) for kind in FORGERIES] + others:
            code = g.code(who, lic, bad)
            accepted += code == "VALID"
            refusals[code] = refusals.get(code, 0) + 1
        who.close()
    t.same(accepted, 0, f"of {10 * MANY} others none is accepted")
    t.same(set(refusals) - {"IMAGE_EMPTY", "IMAGE_FORGED", "IMAGE_DAMAGED", "IMAGE_OF_OTHER_CUSTOMER"}, set(), f"{refusals}")
    t.same(refusals.get("IMAGE_OF_OTHER_CUSTOMER"), 2 * MANY, "another's is known for what it is")
    said = {}
    for r in shown(house, before, 11 * MANY):
        code = json.loads(r["detail"])["code"]
        said[code] = said.get(code, 0) + 1
    t.same(said, {**refusals, "VALID": MANY}, "each of them is a row of the audit, with its code")


def all_of_it(t):
    with House(**FREE).open() as house, closing(Gallery(house)) as g:
        for part in (good_ones, bad_ones, by_the_clock, license_first, odd_requests, unlocking, forgotten, one_winner, everybody):
            part(t, house, g)
        t.same(house.ctl("audit", "verify").code, 0, "the audit's chain holds")
        said = house.said().encode() + b"".join(p.read_bytes() for p in house.state.iterdir() if p.is_file())
        t.same(said.count(b"hma_"), 0, "no authentication stands in the log or in the database")


run(all_of_it)
