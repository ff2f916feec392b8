#!/usr/bin/env python3
"""Suspects and verifications in the program `hallmark`: every command, as a table and as JSON; a leaked
copy names its customer; evidence is checked with nobody's help; and the status is 0 for a proof alone."""

import csv
import io
import json
import tarfile
from contextlib import closing

from customer_image import Gallery
from house import House, until
from license_things import FREE
from protect import LENET
from tap import run
from vendor_cli import Desk

ABSENT = "ver_00000000-0000-7000-8000-000000000000"


class Office(Desk):
    """The vendor's desk of a gallery: two customers have unlocked their copies."""

    def __init__(self, t, house):
        super().__init__(t, house)
        self.shop = Gallery(house)
        ran = self.hallmark("model", "add", "dense", str(LENET.with_name("fashion-densenet.onnx")))
        assert ran.code == 0, ran
        self.ada, self.bob = self.buyer("ada"), self.buyer("bob")

    def buyer(self, word):
        """(name, the file of the copy) of somebody who has bought and unlocked."""
        customer, machine, lic = self.shop.enrolled()
        copy = self.house.folder / f"{word}.onnx"
        ran = machine("unlock", lic, copy)
        assert ran.code == 0, ran
        return customer["name"], copy

    def held(self, suspect, *more):
        return self.hallmark("verification", "start", suspect, "marked/1", *more, "--wait", timeout=240)


# ---- Suspects ----------------------------------------------------------------------------------------


def suspects(t, desk):
    _, copy = desk.bob
    made = desk.one("suspect", "add", str(copy), "--name", "found", "--appeared", "2h", "--note", "on a public page")
    t.ok(made["state"] == "ready" and made["bytes"] == copy.stat().st_size, "suspect add", made)
    t.same((made["name"], made["note"]), ("found", "on a public page"), "with name and note")
    t.ok(made["appeared"] < made["created"], "known since before", made)
    other = desk.one("suspect", "add", str(copy))
    t.same(other["name"], "bob.onnx", "the name is the file's")
    t.same([s["id"] for s in desk.rows("suspect", "list")], [made["id"], other["id"]], "suspect list")
    t.same(desk.one("suspect", "show", "found"), made, "suspect show, by its name")
    t.same(desk.one("suspect", "show", made["id"]), made, "or by its id")
    twin = desk.one("suspect", "add", str(desk.ada[1]), "--name", "found")
    desk.refused(1, "2 suspects have that name", "suspect", "show", "found")
    desk.refused(1, "2 suspects have that name", "verification", "start", "found", "marked/1")
    desk.refused(1, "--yes", "suspect", "delete", twin["id"])
    t.same(desk.hallmark("suspect", "delete", twin["id"], "--yes").code, 0, "suspect delete")
    desk.refused(2, "NOT_FOUND", "suspect", "show", twin["id"])
    desk.refused(2, "NOT_FOUND", "suspect", "show", "nothing")
    desk.refused(1, "nowhere", "suspect", "add", "/nowhere/x.onnx")
    desk.refused(1, "time", "suspect", "add", str(copy), "--appeared", "once")
    t.same(len(desk.rows("suspect", "list")), 2, "what was refused was not made")
    ran = desk.hallmark("suspect", "list")
    t.ok(ran.code == 0 and ran.out.split()[:3] == ["id", "name", "state"], "a table", ran)
    t.same(desk.hallmark("suspect", "delete", made["id"], "--yes").code, 0, "one that appeared too early goes")


# ---- Verdicts ----------------------------------------------------------------------------------------


def leaked(t, desk):
    """Bob's copy: proven, and Bob. Gives back the verification and its evidence."""
    ran = desk.held("bob.onnx", "--dataset", "fashion")
    t.ok(ran.code == 0 and ran.out.startswith("proven: "), "a leaked copy: proven, status 0", ran)
    t.ok(f"{desk.bob[0]}, customer 2 (cus_" in ran.out, "the customer is named", ran)
    t.ok(desk.ada[0] not in ran.out, "and nobody else", ran)
    t.ok("Marks in the weights" in ran.out and "as chance has it" in ran.out, "tests and controls", ran)
    t.ok("%" in ran.err, "progress goes to standard error", ran)
    rows = desk.rows("verification", "list")
    t.same([(r["verdict"], r["state"]) for r in rows], [("proven", "done")], "verification list")
    made = rows[0]["id"]
    shown = desk.one("verification", "show", made)
    t.same((shown["id"], shown["verdict"]), (made, "proven"), "verification show")
    ran = desk.hallmark("verification", "show", made)
    t.ok(ran.code == 0 and desk.bob[0] in ran.out, "as words, too", ran)
    files = {}
    outputs = (["verification", "report"], "report.json"), (["verification", "page"], "page.html"), \
        (["verification", "evidence"], "evidence.json")  # fmt: skip
    for command, name in outputs:
        part = command[1]
        files[part] = desk.house.folder / name
        ran = desk.hallmark(*command, made, "--out", files[part])
        t.ok(ran.code == 0 and files[part].stat().st_size > 1000, f"verification {part} --out", ran)
        ran = desk.hallmark(*command, made)
        t.ok(ran.code == 0 and ran.out.strip() == files[part].read_text().strip(), "or to standard output", ran.code)
        t.same(desk.hallmark(*command, made, "--out", files[part]).code, 1, "no file is replaced")
    whole = json.loads(files["evidence"].read_text())
    t.same(whole["report"], json.loads(files["report"].read_text()), "the evidence has the report in it")
    ran = desk.hallmark("verification", "report", made, "--format", "json")
    t.same(ran.json() if ran.code == 0 else ran, whole["report"], "as JSON it is JSON")
    return made, files


def others(t, desk):
    """What is not proven ends with 3, and accuses nobody."""
    innocent = desk.one("suspect", "add", str(LENET), "--name", "innocent")
    ran = desk.held(innocent["id"])
    t.ok(ran.code == 3 and "proven" not in ran.out.split(":")[0], "the vendor's model without marks: status 3", ran)
    t.ok("nobody is accused" in ran.out, "and nobody", ran)
    cut = desk.house.folder / "cut.onnx"
    cut.write_bytes(desk.bob[1].read_bytes()[:9000])
    desk.one("suspect", "add", str(cut))
    ran = desk.held("cut.onnx", "--format", "json")
    t.ok(ran.code == 3 and ran.json()["verdict"] == "cannot-decide", "a copy cut short: cannot-decide", ran)
    t.same(desk.hallmark("verification", "show", ran.json()["id"]).code, 3, "so it is when it is shown later")


def undone(t, desk):
    """A verification whose job never ran says nothing about anybody."""
    drill = desk.one("job", "submit", "selftest", "--params", '{"text": "x", "steps": 900, "step_ms": 200}')
    desk.refused(1, "is what was released", "verification", "start", "bob.onnx", "marked/1", "--null", "marked")
    begun = desk.one("verification", "start", "bob.onnx", "marked/1", "--eps1", "1e-9", "--null", "dense")
    t.same(begun["state"], "running", "verification start")
    ran = desk.hallmark("verification", "show", begun["id"])
    t.ok(ran.code == 3 and "running" in ran.out, "without a verdict: status 3", ran)
    t.same(desk.hallmark("job", "cancel", begun["job"], "--yes").code, 0, "its job is cancelled")
    until(lambda: desk.hallmark("verification", "show", begun["id"], "--format", "json").json()["state"] == "failed", 30, "the end")
    ran = desk.hallmark("verification", "show", begun["id"])
    t.ok(ran.code == 3 and ran.out.startswith("cannot-decide: "), "cannot-decide", ran)
    desk.hallmark("job", "cancel", drill["id"], "--yes")


def refused(t, desk):
    desk.refused(2, "NOT_FOUND", "verification", "start", "bob.onnx", "marked/9")
    desk.refused(2, "NOT_FOUND", "verification", "start", "nothing", "marked/1")
    desk.refused(2, "NOT_FOUND", "verification", "show", ABSENT)
    desk.refused(2, "NOT_FOUND", "verification", "page", ABSENT, "--out", str(desk.house.folder / "none"))
    for wrong in ("0", "1", "-1e-3", "nan", "small"):
        desk.refused(1, "--eps1", "verification", "start", "bob.onnx", "marked/1", "--eps1", wrong)
    auditor = desk.house.token("acme", "auditor")
    for words in (("suspect", "add", str(desk.bob[1])), ("verification", "start", "bob.onnx", "marked/1")):
        ran = desk.hallmark(*words, "--token-file", "-", given=auditor)
        t.ok(ran.code == 2 and "FORBIDDEN" in ran.err, f"an auditor may not: {words[0]} {words[1]}", ran)


# ---- Challenges --------------------------------------------------------------------------------------


def challenges(t, desk):
    tar = desk.house.folder / "questions.tar"
    desk.refused(1, "--release or --watermark", "suspect", "challenge", "--dataset", "fashion", "--out", str(tar))
    made = desk.one("suspect", "challenge", "--release", "marked/1", "--dataset", "fashion", "--pairs", "8",
                    "--decoys", "10", "--out", str(tar))  # fmt: skip
    with tarfile.open(tar) as pictures:
        names = [n for n in pictures.getnames() if n.endswith(".png")]
        sheets = [n for n in pictures.getnames() if n.endswith(".csv")]
    t.same((len(names), len(sheets)), (2 * 8 + 10, 1), "keys, twins and decoys, and a sheet for the answers")
    desk.refused(1, "exists already", "suspect", "challenge", "--watermark", "marked", "--dataset", "fashion", "--out", str(tar))
    sheet = io.StringIO()
    csv.writer(sheet).writerows((name, 0) for name in sorted(names))
    answers = desk.house.folder / "answers.csv"
    answers.write_text(sheet.getvalue())
    added = desk.one("suspect", "add", str(answers), "--challenge", made["id"])
    t.same(added["challenge"], made["id"], "answers to it")
    ran = desk.held("answers.csv")
    t.ok(ran.code == 3 and "nobody is accused" in ran.out, "of a service that always says the same: status 3", ran)
    other = desk.one("suspect", "challenge", "--watermark", "marked", "--dataset", "fashion", "--pairs", "4",
                     "--out", str(desk.house.folder / "more.tar"))  # fmt: skip
    t.ok(other["id"] != made["id"], "more questions, of the watermark")


# ---- With nobody's help ------------------------------------------------------------------------------


def offline(t, desk, made, files):
    house, hallmark = desk.house, desk.hallmark
    keys = house.folder / "keys.json"
    with closing(house.client()) as client:
        keys.write_bytes(client.get("/v1/keys").body)
    customer, machine = desk.shop.customer()
    assert machine.enroll(customer["code"]).code == 0
    house.stop()
    for part in ("evidence", "page"):
        ran = hallmark("verification", "check", files[part], "--keys", keys)
        t.ok(ran.code == 0 and "proven: " in ran.out and "customer 2 (cus_" in ran.out, f"the {part}, with the keys", ran)
        ran = machine("verification", "check", files[part], "--format", "json")
        t.ok(ran.code == 0 and ran.json()["verification"] == made, "or with those that a customer knows", ran)
        text, forged = files[part].read_text(), house.folder / f"forged.{part}"
        for old, new in (('"number":2,', '"number":1,'), ("proven", "indicative"), ('"trials":', '"trials":1')):
            forged.write_text(text.replace(old, new, 1))
            ran = hallmark("verification", "check", forged, "--keys", keys)
            t.ok(forged.read_text() != text and ran.code == 5 and not ran.out, f"{part} with {new}: status 5", ran)
    ran = hallmark("verification", "check", files["report"], "--keys", keys)
    t.ok(ran.code == 5, "the report without a signature is no evidence", ran)
    ran = hallmark("verification", "check", files["evidence"])
    t.ok(ran.code == 1 and "--keys" in ran.err, "without keys nothing is believed", ran)
    ran = hallmark("verification", "show", made)
    t.ok(ran.code == 2 and not ran.out, "without the server nothing is shown", ran)
    house.start()
    house.ctl("seal", check=True)
    ran = hallmark("verification", "show", made)
    t.ok(ran.code == 4 and not ran.out, "of a sealed one neither: status 4", ran)
    house.ctl("unseal", check=True)


def together(t):
    with House(jobs_at_once=1, **FREE) as house:
        house.open()
        desk = Office(t, house)
        suspects(t, desk)
        made, files = leaked(t, desk)
        others(t, desk)
        undone(t, desk)
        refused(t, desk)
        challenges(t, desk)
        offline(t, desk, made, files)
        t.same(house.ctl("audit", "verify").code, 0, "the audit verifies")
        t.same(house.ctl("db", "check").code, 0, "db check finds nothing")


if __name__ == "__main__":
    run(together)
