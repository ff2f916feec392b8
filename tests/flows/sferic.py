#!/usr/bin/env python3
"""A model that listens instead of looks: the recogniser of sferics goes the way of an image model,
by the same commands. A mask for each window instead of a class, F1 instead of a share; it is locked,
licensed, unlocked, leaked, and its leak is proven and named. All of its data are synthetic."""

import json
import subprocess
from contextlib import closing
from pathlib import Path

from cli import Vendor
from customers import enrolled
from house import House, programs
from license_things import FREE, new_license, new_policy
from suspect_things import unlocked
from tap import run

MODEL = Path(__file__).resolve().parent.parent / "data" / "models" / "sferic.onnx"
WINDOWS, SEED = 96, 7
PARAMETERS = 162961 + 3  # and the factors by which it widens


def windows(house):
    """A data set of them: x float32 [N,4,1024], y uint8 [N,1024]."""
    at = house.folder / "sferics.npz"
    tool = programs().parent / "bench" / "sferic"
    subprocess.run([tool, "data", at, str(SEED), str(WINDOWS)], check=True, timeout=60)
    return at


def local(kind, params, *files, folder):
    command = [programs() / "hallmark-worker", "--local", kind, json.dumps(params), *map(str, files)]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran
    return json.loads(ran.stdout)


def kept(t, hallmark, data):
    """The vault takes both, and knows what they are."""
    ran = hallmark("model", "add", "sferic", str(MODEL), "--format", "json")
    facts = (ran.json() if ran.code == 0 else {}).get("facts") or {}
    t.same((facts.get("parameters"), facts.get("trainable")), (PARAMETERS, True), "model add")
    ran = hallmark("dataset", "add", "sferics", str(data), "--format", "json")
    facts = (ran.json() if ran.code == 0 else {}).get("facts") or {}
    t.same([facts.get(k) for k in ("samples", "shape", "classes")], [WINDOWS, [4, 1024], 2], "dataset add")
    t.same(sum(facts.get("of_class") or []), WINDOWS * 1024, "every point has a label")
    ran = hallmark("job", "submit", "evaluate", "--params", '{"model": "sferic", "dataset": "sferics"}', "--watch", "--format", "json")
    t.ok(ran.code != 0, "jobs take ids, not names", ran)


def judged(t, hallmark):
    """F1 of the marks, by default; what the model says of classes is nothing."""
    ids = {kind: hallmark(kind, "show", name, "--format", "json").json()["id"] for kind, name in (("model", "sferic"), ("dataset", "sferics"))}
    for more in ({}, {"loss": "mask"}):
        ran = hallmark("job", "submit", "evaluate", "--params", json.dumps(ids | more), "--watch", "--format", "json", timeout=120)
        got = ran.json()["result"] if ran.code == 0 else {}
        t.ok(got.get("accuracy", 0) > 0.6, f"{more}: the model is good", ran)
        quiet, marked = got.get("classes", [{}, {}])
        t.same(quiet.get("samples", 0) + marked.get("samples", 0), WINDOWS * 1024, "judged at every point")
        both = marked.get("precision", 0) + marked.get("recall", 0)
        f1 = 2 * marked.get("precision", 0) * marked.get("recall", 0) / both if both else 0
        t.ok(abs(f1 - got.get("accuracy", 1)) < 1e-6, "its accuracy is the F1 of what it marks")
    ran = hallmark("job", "submit", "evaluate", "--params", json.dumps(ids | {"loss": "binary-cross-entropy"}), "--watch", timeout=60)
    t.ok(ran.code != 0 and "mask" in ran.out + ran.err, "labels that do not fit the loss are refused with advice", ran)
    return 2 * marked["samples"] / (marked["samples"] + WINDOWS * 1024), got["accuracy"]


def locked(t, house, hallmark, blind, good):
    ran = hallmark("release", "create", "sferic", "--dataset", "sferics", "--lock", "sealed",
                   "--effort", "none", "--watch", "--format", "json", timeout=240)  # fmt: skip
    made = ran.json() if ran.code == 0 else {"id": "", "facts": {}}
    t.ok(ran.code == 0 and made.get("state") == "ready", "release create", ran)
    accuracy = made["facts"].get("accuracy") or {}
    t.ok(abs(accuracy.get("before", 0) - good) < 0.15, f"before the lock it is as good: {accuracy}")
    t.ok(accuracy.get("locked", 1) <= blind + 0.02 + 0.05, f"locked it is no better than who marks everything: {accuracy}, {blind}")
    t.ok(abs(accuracy.get("unlocked", 0) - accuracy.get("before", 1)) < 0.01, f"unlocked it is as before: {accuracy}")
    print_ = made["facts"].get("fingerprint") or {}
    t.ok(print_.get("sha256") is None and print_.get("why"), "it has no fingerprint, and says why", print_)
    page = house.folder / "page.html"
    t.same(hallmark("release", "page", "sferic", "1", str(page)).code, 0, "its page")
    return made


def leaked(t, house, hallmark, vendor, made, data):
    customers = [enrolled(house, vendor, name) for name in ("Ada", "Bob")]
    policy = new_policy(vendor)
    copies = [unlocked(house, c, new_license(vendor, c.id, made["id"], policy)["id"]) for c in customers]
    t.ok(copies[0] != copies[1], "each customer has a copy of his own")
    at = house.folder / "copy.onnx"
    at.write_bytes(copies[1])
    (house.folder / "evaluate").mkdir()
    got = local("evaluate", {}, at, data, "-", folder=house.folder / "evaluate")["accuracy"]
    t.ok(abs(got - made["facts"]["accuracy"]["before"]) < 0.15, f"which works: {got}")
    t.same(hallmark("suspect", "add", str(at), "--name", "found").code, 0, "one is found")
    for more in ((), ("--dataset", "sferics")):
        ran = hallmark("verification", "start", "found", made["id"], *more, "--wait", timeout=240)
        t.ok(ran.code == 0 and ran.out.startswith("proven: "), f"{more}: proven", ran)
        t.ok("Bob" in ran.out and "Ada" not in ran.out, "and named: Bob alone", ran)
    for client in customers:
        client.close()


def proved(t, house, hallmark):
    """Its evidence, checked with nobody's help."""
    ran = hallmark("verification", "list", "--format", "json")
    found = ran.json()[0]["id"] if ran.code == 0 else ""
    keys = house.folder / "keys.json"
    with closing(house.client(None)) as anybody:
        keys.write_bytes(anybody.get("/v1/keys").body)
    for part in ("evidence", "page"):
        at = house.folder / f"proof.{part}"
        t.same(hallmark("verification", part, found, "--out", str(at)).code, 0, f"the {part}")
        ran = hallmark("verification", "check", str(at), "--keys", str(keys))
        t.ok(ran.code == 0 and "proven: " in ran.out, "is checked without the server", ran)


def strange(t, house, hallmark, made, data):
    """The same network, trained from other numbers by the worker alone, is nobody's."""
    folder = house.folder / "train"
    folder.mkdir()
    params = {"name": "other", "initial": "he", "epochs": 2, "batch": 16, "seed": 3, "optimiser": "adam", "rate": 0.002, "threads": 1}
    got = local("train", params, MODEL, data, "-", "-", "-", folder=folder)
    losses = [e["loss"] for e in got["epochs"]]
    t.ok(losses[-1] < losses[0], "the worker trains masks", losses)
    other = folder / "hallmark-worker.out"
    t.same(hallmark("suspect", "add", str(other), "--name", "other").code, 0, "another model")
    ran = hallmark("verification", "start", "other", made["id"], "--wait", timeout=240)
    t.ok(ran.code == 3 and "nobody is accused" in ran.out, "is not the vendor's", ran)


def together(t):
    with House(**FREE).open() as house, closing(house.client()) as vendor:
        hallmark = Vendor(house)
        t.same(hallmark.login(vendor.secret).code, 0, "login")
        data = windows(house)
        kept(t, hallmark, data)
        blind, good = judged(t, hallmark)
        made = locked(t, house, hallmark, blind, good)
        leaked(t, house, hallmark, vendor, made, data)
        proved(t, house, hallmark)
        strange(t, house, hallmark, made, data)
        t.same(house.ctl("audit", "verify").code, 0, "the audit verifies")
        t.same(house.ctl("db", "check").code, 0, "db check finds nothing")


if __name__ == "__main__":
    run(together)
