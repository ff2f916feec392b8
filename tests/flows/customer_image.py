#!/usr/bin/env python3
"""A license that asks for its key image: the customer fetches the picture, shows it before each unlock
key, and again where the machine is without the server; the vendor hands it on, ends it, and replaces
it. Whoever has no picture, another's, or one that was tampered with, gets nothing."""

import json
import sqlite3
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from house import House, until
from image_things import Picture, png_read, png_write
from license_things import FREE, new_policy
from machines import Running, Shop, away, evaluated
from protect import ACCURACY, sha256
from tap import run
from wire import Client

ASKED = {"image": "unlock"}
PNG = b"\x89PNG\r\n\x1a\n"
WATERMARK = ("--pairs", "20", "--epochs", "4", "--params", json.dumps({"spares": 4, "plain": True}))


class Gallery(Shop):
    """The same vendor, with a model that was taught to answer pictures."""

    def __init__(self, house):
        super().__init__(house)
        self.plain = self.release
        for words in (
            ("model", "watermark", "lenet", "--name", "marked", "--dataset", "fashion", *WATERMARK, "--watch"),
            ("release", "create", "marked", "--lock", "sealed", "--watch"),
        ):  # fmt: skip
            ran = self.hallmark(*words, "--format", "json", timeout=400)
            assert ran.code == 0, ran
        self.release = ran.json()

    def visitor(self, terms=None):
        """(machine, license, its picture) of somebody who has fetched it."""
        _, machine, lic = self.enrolled({**ASKED, **(terms or {})})
        picture = machine.home / "me.png"
        ran = machine("license", "image", lic, "-o", picture)
        assert ran.code == 0, ran
        return machine, lic, picture

    def unlocks(self, lic):
        return self.house.ask("SELECT unlocks FROM license WHERE id = ?", lic)[0][0]

    def images(self, lic):
        ran = self.hallmark("key-image", "list", "--license", lic, "--format", "json")
        assert ran.code == 0, ran
        return ran.json()


def refused(t, ran, code, what):
    t.ok(ran.code == 3 and f"({code})" in ran.err, f"{what}: {code}", ran)


# ---- With the server -------------------------------------------------------------------------------


def fetching(t, shop):
    customer, machine, lic = shop.enrolled(ASKED)
    picture, again = machine.home / "me.png", machine.home / "again.png"
    ran = machine("license", "image", lic, "-o", picture, "--format", "json")
    t.ok(ran.code == 0 and ran.json() == {"license": lic, "file": str(picture), "bytes": picture.stat().st_size},
         "license image", ran)  # fmt: skip
    t.ok(picture.read_bytes().startswith(PNG) and picture.stat().st_mode & 0o777 == 0o600, "a PNG, for its user alone")
    ran = machine("license", "image", lic, "--out", again)
    t.ok(ran.code == 0 and again.read_bytes() == picture.read_bytes(), "the same bytes each time", ran)
    ran = machine("license", "image", lic, "-o", again)
    t.ok(ran.code == 1 and "exists already" in ran.err, "no file is replaced", ran)
    link = machine.home / "link.png"
    link.symlink_to(machine.home / "nothing")
    ran = machine("license", "image", lic, "-o", link)
    t.ok(ran.code == 1 and not (machine.home / "nothing").exists(), "nor a link followed", ran)
    plain = shop.sell(customer)["id"]
    ran = machine("license", "image", plain, "-o", machine.home / "none.png")
    t.ok(ran.code == 2 and not (machine.home / "none.png").exists(), "a license without an image has none", ran)
    body = {"customer": customer["id"], "release": shop.plain["id"], "policy": new_policy(shop.vendor, **ASKED)}
    answer = shop.vendor.post("/v1/licenses", body)
    t.same((answer.status, answer.problem("code")), (403, "RELEASE_WITHOUT_WATERMARK"), "a model that answers no picture")


def unlocking(t, shop):
    machine, lic, picture = shop.visitor()
    model = machine.home / "model.onnx"
    ran = machine("unlock", lic, model)
    refused(t, ran, "IMAGE_MISSING", "unlock without the image")
    t.ok("--image" in ran.err and "hallmark license image" in ran.err, "it says how to show it", ran)
    t.ok(not model.exists() and shop.unlocks(lic) == 0, "nothing was unlocked")
    ran = machine("unlock", lic, model, "--image", picture)
    t.ok(ran.code == 0 and shop.unlocks(lic) == 1, "unlock --image", ran)
    files = {p.name for p in machine.license(lic).iterdir()}
    t.ok("unlock.sealed" in files and "unlock.jwe" not in files, "the unlock key is kept under the picture", files)
    sealed = machine.license(lic) / "unlock.sealed"
    key = next((machine.config / "customers").glob("cus_*/key"))
    artifact = next((machine.home / ".cache" / "hallmark").glob("*.onnx"))
    ran = machine("artifact", "unlock", sealed, artifact, machine.home / "x.onnx", "--key", key)
    t.ok(ran.code == 5 and not (machine.home / "x.onnx").exists(), "without the picture it opens for nobody", ran)
    again = machine.home / "again.onnx"
    ran = machine("unlock", lic, again, "--image", picture)
    t.ok(ran.code == 0 and sha256(again) == sha256(model) and shop.unlocks(lic) == 1, "with it, as often as one likes", ran)
    other = machine.home / "resaved.png"
    other.write_bytes(png_write(png_read(picture.read_bytes()), 1))
    ran = machine("unlock", lic, machine.home / "resaved.onnx", "--image", other)
    t.ok(ran.code == 0 and other.read_bytes() != picture.read_bytes() and shop.unlocks(lic) == 1, "the pixels count, not the file", ran)
    ran = evaluated(machine, lic, "--image", picture)
    t.ok(ran.code == 0 and ran.json()["accuracy"] > ACCURACY - 0.02, "exec --image", ran)
    t.same({m for p, m in machine.files().items() if "licenses" in p.parts}, {0o600}, "every file is its user's alone")
    counts = shop.house.ask("SELECT count(*), sum(spent > 0) FROM authentication WHERE license = ?", lic)[0]
    t.same(tuple(counts), (1, 1), "shown once, and that is spent")


def strangers(t, shop):
    """Other pictures, and pictures of others."""
    machine, lic, picture = shop.visitor()
    _, _, theirs = shop.visitor()
    out = machine.home / "model.onnx"
    ran = machine("unlock", lic, out, "--image", theirs)
    t.ok(ran.code == 3 and "IMAGE_" in ran.err, "another customer's picture", ran)
    bare = machine.home / "bare.png"
    bare.write_bytes(png_write(Picture(28, 28, 1, bytes(x * y % 256 for x in range(28) for y in range(28)))))
    ran = machine("unlock", lic, out, "--image", bare)
    t.ok(ran.code == 3 and "IMAGE_" in ran.err, "a picture without anything in it", ran)
    scratched = png_read(picture.read_bytes())
    for i in range(0, len(scratched.v), 3):
        scratched.v[i] ^= 2
    bare.write_bytes(png_write(scratched))
    ran = machine("unlock", lic, out, "--image", bare)
    t.ok(ran.code == 3 and "IMAGE_" in ran.err, "his own, retouched", ran)
    junk = machine.home / "junk.png"
    junk.write_bytes(b"GIF89a")
    ran = machine("unlock", lic, out, "--image", junk)
    t.ok(ran.code == 1 and "PNG" in ran.err, "what is no picture is told on this machine", ran)
    ran = machine("unlock", lic, out, "--image", machine.home / "nowhere.png")
    t.ok(ran.code == 1 and "nowhere.png" in ran.err, "a file that is not there", ran)
    t.ok(not out.exists() and shop.unlocks(lic) == 0, "nothing was unlocked")


def cut_off(shop):
    """A visitor whose unlocking was killed when the image had just been shown, before it was over."""
    for _ in range(20):
        machine, lic, picture = shop.visitor()
        if cut_one(machine, lic, picture):
            return machine, lic, picture, shop.unlocks(lic) == 0
    raise AssertionError("none of 20 unlockings was killed in time")


def cut_one(machine, lic, picture):
    asking = machine.license(lic) / "asking"
    process = machine.starts("unlock", lic, machine.home / "cut.onnx", "--image", picture)

    def under_way():
        return process.poll() is not None or (asking.exists() and asking.read_text().count(" ") == 2)

    until(under_way, 30, "the image is shown", 0.001)
    process.kill()
    process.communicate()
    return asking.exists()


def broken_off(t, shop):
    """Killed after the image was shown, before the key had come: it is no second unlocking."""
    for late in (False, True):
        machine, lic, picture, cut = cut_off(shop)
        if late:
            shop.house.stop()
            with closing(sqlite3.connect(shop.house.database)) as db:
                db.execute("UPDATE authentication SET expires = expires - 121000 WHERE license = ?", [lic])
                db.commit()
            shop.house.start()
        ran = machine("unlock", lic, machine.home / "then.onnx", "--image", picture)
        what = "shown again, for that was too long ago" if late else "gone on with"
        t.ok(ran.code == 0 and shop.unlocks(lic) == 1, f"killed on the way ({'before' if cut else 'after'} the unlocking), it is {what}", ran)
        shown = shop.house.ask("SELECT count(*) FROM authentication WHERE license = ?", lic)[0][0]
        t.ok(shown <= 1 + (late and cut), "the image is shown as often as need be", shown)


# ---- The vendor's side -----------------------------------------------------------------------------


def vendors(t, shop):
    machine, lic, picture = shop.visitor()
    listed = shop.images(lic)
    t.same([(i["license"], i["state"]) for i in listed], [(lic, "active")], "key-image list --license")
    image = listed[0]["id"]
    copy = shop.house.folder / f"{image}.png"
    ran = shop.hallmark("key-image", "show", image, "--out", str(copy), "--format", "json")
    t.ok(ran.code == 0 and ran.json()["id"] == image and copy.read_bytes() == picture.read_bytes(), "key-image show --out", ran)
    t.ok(len(shop.hallmark("key-image", "list", "--format", "json").json()) >= 1, "key-image list")
    note = shop.house.folder / f"{image}.url"
    ran = shop.hallmark("key-image", "link", image, "--hours", "1", "--secret-file", str(note), "--format", "json")
    url = note.read_text().strip()
    t.ok(ran.code == 0 and url.startswith("https://") and url not in ran.out and note.stat().st_mode & 0o777 == 0o600, "key-image link", ran)
    path = url[url.index("/v1/") :]
    with closing(Client(shop.house, None)) as anybody:
        first, second = anybody.get(path), anybody.get(path)
    t.ok(first.status == 200 and first.body == picture.read_bytes(), "the address gives the picture", first)
    t.same(second.status, 404, "once")
    t.ok(path.rsplit("/", 1)[1] not in shop.house.said(), "no log says the address")
    ran = shop.hallmark("key-image", "create", lic)
    t.ok(ran.code == 2, "a license has one image at a time", ran)
    ran = shop.hallmark("key-image", "reissue", image, "--reason", "lost")
    t.ok(ran.code == 1 and "--yes" in ran.err, "reissue asks first", ran)
    ran = shop.hallmark("key-image", "reissue", image, "--reason", "lost", "--yes", "--format", "json")
    t.ok(ran.code == 0 and ran.json()["license"] == lic and ran.json()["id"] != image, "key-image reissue", ran)
    then = ran.json()["id"]
    ran = machine("unlock", lic, machine.home / "old.onnx", "--image", picture)
    refused(t, ran, "IMAGE_REPLACED", "the old picture")
    fresh = machine.home / "new.png"
    t.same(machine("license", "image", lic, "-o", fresh).code, 0, "the new one is fetched")
    ran = machine("unlock", lic, machine.home / "new.onnx", "--image", fresh)
    t.ok(ran.code == 0 and fresh.read_bytes() != picture.read_bytes(), "and unlocks", ran)
    ran = shop.hallmark("key-image", "revoke", then, "--reason", "on the web", "--yes", "--format", "json")
    t.ok(ran.code == 0 and ran.json()["state"] == "revoked", "key-image revoke", ran)
    ran = machine("license", "image", lic, "-o", machine.home / "third.png")
    t.ok(ran.code in (2, 3), "a license whose image was revoked has none", ran)
    t.same(machine("license", "fetch", lic).code, 0, "its license is as good as before")
    ran = machine("exec", lic, "--image", fresh, "--", "true", "{model}")
    refused(t, ran, "IMAGE_REVOKED", "but nothing begins")
    ran = shop.hallmark("key-image", "create", lic, "--format", "json")
    t.ok(ran.code == 0 and ran.json()["state"] == "active", "until it has another one: key-image create", ran)
    t.ok(not (machine.home / "old.onnx").exists(), "nothing came of the old one")
    t.same([i["state"] for i in shop.images(lic)], ["replaced", "revoked", "active"], "the list says what became of each")


def changed(t, shop):
    """Terms that ask for an image since: what is here without one is of no use any more."""
    _, machine, lic = shop.enrolled()
    t.same(machine("exec", lic, "--", "true", "{model}").code, 0, "a license that asks for nothing")
    t.ok((machine.license(lic) / "unlock.jwe").exists(), "its unlock key is here")
    policy = shop.house.ask("SELECT policy FROM license WHERE id = ?", lic)[0][0]
    answer = shop.vendor.request("PATCH", f"/v1/policies/{policy}", ASKED, {"If-Match": "*"})
    t.same(answer.status, 200, "the policy asks for an image")
    t.same(shop.hallmark("key-image", "create", lic).code, 0, "which the vendor makes")
    picture = machine.home / "me.png"
    t.same(machine("license", "image", lic, "-o", picture).code, 0, "and the customer fetches")
    ran = machine("exec", lic, "--", "true", "{model}")
    refused(t, ran, "IMAGE_MISSING", "then the key that is here is not enough")
    ran = machine("exec", lic, "--image", picture, "--", "true", "{model}")
    t.ok(ran.code == 0 and shop.unlocks(lic) == 2, "with the picture another one comes", ran)
    t.ok(not (machine.license(lic) / "unlock.jwe").exists(), "and the bare one is gone")


# ---- Without the server ----------------------------------------------------------------------------


def alone(t, shop):
    machine, lic, picture = shop.visitor({"lease": 30})
    other = shop.visitor()[2]
    t.same(machine("exec", lic, "--image", picture, "--", "true", "{model}").code, 0, "once with the server")
    early, early_lic = shop.enrolled(ASKED)[1:]
    t.same(early("license", "fetch", early_lic).code, 0, "a license file from before its picture was made")
    early_picture = early.home / "me.png"
    image = shop.images(early_lic)[0]["id"]
    assert shop.hallmark("key-image", "show", image, "--out", str(early_picture)).code == 0
    ran = early("license", "check", early_lic, "--image", early_picture)
    t.ok(ran.code == 3 and "IMAGE_UNKNOWN" in ran.out, "it does not name it", ran)
    ran = early("exec", early_lic, "--image", early_picture, "--", "true", "{model}")
    t.ok(ran.code == 0, "with the server it is fetched anew by itself", ran)
    ran = early("license", "check", early_lic, "--image", early_picture)
    t.ok(ran.code == 0, "and then names it", ran)
    stop = machine.home / "stop"
    program = Running(machine, lic, f"echo begun; while [ ! -e '{stop}' ]; do sleep 0.1; done; echo ended", "--image", picture)
    with away(shop.house):
        ran = machine("exec", lic, "--image", picture, "--", "sh", "-c", "echo ran", "sh", "{model}")
        t.ok(ran.code == 0 and "ran" in ran.out and "without the server" in ran.err, "exec --image without the server", ran)
        ran = machine("exec", lic, "--", "echo", "ran", "{model}")
        t.ok(ran.code == 3 and "IMAGE_MISSING" in ran.err and "ran /" not in ran.out, "not without the picture", ran)
        ran = machine("exec", lic, "--image", other, "--", "echo", "ran", "{model}")
        t.ok(ran.code in (2, 3) and "ran /" not in ran.out, "nor with another", ran)
        for image, code, word in ((picture, 0, "VALID"), (other, 3, "IMAGE_MISMATCH"), (None, 3, "IMAGE_MISSING")):
            ran = machine("license", "check", lic, *(("--image", image) if image else ()), "--format", "json")
            t.ok(ran.code == code and ran.json()["code"].startswith(word), f"license check: {word}", ran)
        program.hears("the program goes on")
        stop.touch()
        code, out, err = program.ends()
        t.ok(code == 0 and "ended" in out and "goes on" in err and "IMAGE" not in err, "what runs keeps its lease without showing it again", (code, out, err))


BESIDE = (fetching, unlocking, strangers, vendors, changed)
AFTER = (broken_off, alone)


def together(t):
    with House(**FREE) as house:
        house.open()
        shop = Gallery(house)

        def shown(part):
            try:
                part(t, shop)
            except Exception:  # the others go on
                t.ok(False, f"{part.__name__} runs to its end", traceback.format_exc())

        began = time.monotonic()
        with ThreadPoolExecutor(len(BESIDE)) as pool:
            list(pool.map(shown, BESIDE))
        for part in AFTER:
            shown(part)
        t.note(f"{time.monotonic() - began:.1f} s")
        ran = house.ctl("audit", "verify")
        t.ok(ran.code == 0, "the audit verifies", ran)
        t.same(house.ctl("db", "check").code, 0, "the database's own check finds nothing")


if __name__ == "__main__":
    run(together)
