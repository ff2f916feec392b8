#!/usr/bin/env python3
"""A vendor protects a trained model, a customer unlocks it: upload and check, both locks, artifact,
report, signature, unlock keys, the model whole again in a file and in another program's memory. And
what has to fail: wrong keys, altered files, deleted releases."""

import base64
import hashlib
import json

import subprocess
import tempfile
from contextlib import closing
from pathlib import Path

from cli import Vendor
from house import House, programs
from tap import run

MODELS = Path(__file__).resolve().parent.parent / "data" / "models"
DATA = Path("/usr/share/datasets/fashion-mnist")
IMAGES, LABELS = DATA / "t10k-images-idx3-ubyte.gz", DATA / "t10k-labels-idx1-ubyte.gz"
LENET, ACCURACY = MODELS / "fashion-lenet.onnx", 0.9167


def accuracy(model):
    """Of a file, over the test images, by the worker alone."""
    with tempfile.TemporaryDirectory() as folder:
        params = Path(folder) / "params.json"
        params.write_text("{}")
        command = [programs() / "hallmark-worker", "--local", "evaluate", params, model, IMAGES, LABELS]
        ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=True)
    return json.loads(ran.stdout)["accuracy"]


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


class Customer:
    """Somebody with a key pair."""

    def __init__(self, house, name):
        self.house, self.file = house, house.folder / f"{name}.key"
        self.hallmark = Vendor(house, "nowhere")
        made = self.hallmark("key", "new", str(self.file), "--no-passphrase")
        assert made.code == 0, made
        self.jwk = house.folder / f"{name}.jwk"
        shown = self.hallmark("key", "show", str(self.file), "--format", "json")
        assert shown.code == 0, shown
        self.jwk.write_text(shown.out)

    def receives(self, release, number, *more):
        """The unlock key that an administrator makes: its file."""
        at = self.house.folder / f"{release}-{number}-{self.file.stem}.jwe"
        ran = self.house.ctl("release", "unlock-key", release, str(number), f"@{self.jwk}", str(at), *more)
        assert ran.code == 0, ran
        return at

    def unlocks(self, key, artifact, to, *more):
        return self.hallmark("artifact", "unlock", str(key), str(artifact), str(to), "--key", str(self.file), *more)


def uploads(t, house, hallmark):
    ran = hallmark("model", "add", "lenet", str(LENET), "--format", "json")
    model = ran.json() if ran.code == 0 else {}
    t.ok(ran.code == 0 and model.get("state") == "ready", "model add", ran)
    facts = model.get("facts") or {}
    t.same((facts.get("parameters"), facts.get("classes")), (61708, 10), "what the worker saw in it")
    t.same(facts.get("sha256"), sha256(LENET), "the digest is the file's")
    ran = hallmark("dataset", "add", "fashion", str(IMAGES), str(LABELS), "--format", "json")
    data = ran.json() if ran.code == 0 else {}
    t.ok(ran.code == 0 and data.get("state") == "ready", "dataset add", ran)
    t.same((data.get("facts") or {}).get("samples"), 10000, "its samples are counted")
    t.same(hallmark("model", "show", "lenet", "--format", "json").json(), model, "model show, by its name")
    t.same(hallmark("dataset", "show", data["id"], "--format", "json").json(), data, "dataset show, by its id")
    t.same([r["id"] for r in hallmark("model", "list", "--format", "json").json()], [model["id"]], "model list")
    t.same([r["id"] for r in hallmark("dataset", "list", "--format", "json").json()], [data["id"]], "dataset list")
    for words in (("model", "upload", "lenet", LENET), ("dataset", "upload", "fashion", "labels", LABELS)):
        ran = hallmark(*map(str, words))
        t.ok(ran.code == 0, f"{words[0]} upload of what is there changes nothing", ran)
    ran = hallmark("model", "add", "LENET", str(LENET))
    t.ok(ran.code == 2 and "CONFLICT" in ran.err, "a name is taken once, however it is spelt", ran)
    ran = hallmark("job", "submit", "evaluate", "--params", json.dumps({"model": model["id"], "dataset": data["id"]}),
                   "--watch", "--format", "json")  # fmt: skip
    got = ran.json()["result"]["accuracy"] if ran.code == 0 else ran
    t.same(got, ACCURACY, "a job evaluates the model on the data set")
    return model["id"], data["id"]


def released(t, house, hallmark, model, data, lock, **params):
    ran = hallmark(
        "release", "create", model, "--name", f"with {lock}", "--dataset", data, "--lock", lock,
        "--params", json.dumps(params), "--watch", "--format", "json", timeout=300,
    )  # fmt: skip
    release = ran.json() if ran.code == 0 else {"id": "", "facts": {}}
    t.ok(ran.code == 0 and release.get("state") == "ready", f"{lock}: release create", ran)
    return release


def fetched(t, house, hallmark, model, release):
    files = {part: house.folder / f"{release['id']}.{part}" for part in ("artifact", "report", "page", "bundle")}
    for part, ran in {
        "artifact": hallmark("release", "fetch", model, release["id"], str(files["artifact"])),
        "report": hallmark("release", "report", "lenet", str(release["number"]), str(files["report"])),
        "page": hallmark("release", "page", model, release["id"], str(files["page"])),
        "bundle": hallmark("release", "bundle", model, release["id"], str(files["bundle"])),
    }.items():
        t.ok(ran.code == 0 and files[part].exists(), f"release {part} is fetched", ran)
    t.same(release["artifact"]["sha256"], sha256(files["artifact"]), "the release names the artifact's digest")
    report = json.loads(files["report"].read_text())
    t.ok(report, "the report is JSON")
    page = files["page"].read_text()
    t.ok("<svg" in page and "<script" not in page and "http" not in page.split("</title>")[1].replace("http://www.w3.org", ""),
         "the page has pictures, no scripts and no links")  # fmt: skip
    return files


def signature(t, house, release, files):
    """The bundle as any verifier of the format would read it: payload, digest, signature."""
    bundle = json.loads(files["bundle"].read_text())
    envelope = bundle["dsseEnvelope"]
    statement = json.loads(base64.b64decode(envelope["payload"]))
    said = json.dumps(statement)
    t.ok(sha256(files["artifact"]) in said, "the signed statement names the artifact's digest", said)
    with closing(house.client()) as client:
        manifest = client.get(f"/v1/models/{release['model']}/releases/{release['id']}/manifest")
    head, body, _ = manifest.body.split(b".")
    claims = json.loads(base64.urlsafe_b64decode(body + b"=="))
    t.ok(sha256(files["artifact"]) in json.dumps(claims), "so does the manifest", claims)


def opened(t, house, customer, release, files, exact):
    key = customer.receives(release["id"], 7)
    to = house.folder / f"{release['id']}.onnx"
    ran = customer.unlocks(key, files["artifact"], to)
    t.ok(ran.code == 0 and to.exists(), "the customer unlocks the artifact", ran)
    plain, original = to.read_bytes(), LENET.read_bytes()
    if exact:
        t.ok(plain.startswith(original), "every byte of the original model is back")
    else:
        t.ok(not plain.startswith(original), "the customer's copy is marked")
    got = accuracy(to)
    t.ok(abs(got - ACCURACY) <= (0 if exact else 0.006), f"accuracy when unlocked: {got}")
    ran = customer.hallmark(
        "artifact", "exec", str(key), str(files["artifact"]), "--key", str(customer.file), "--", "sha256sum", "{model}"
    )
    t.same(ran.out.split()[:1], [sha256(to)], "another program gets the same model, from memory")
    ran = customer.hallmark("artifact", "exec", str(key), str(files["artifact"]), "--key", str(customer.file), "--", "false")
    t.same(ran.code, 1, "its exit status is passed on")
    return key, to


def refused(t, house, customer, other, key, files, foreign):
    """What must not open, and must leave nothing behind."""
    good = files["artifact"].read_bytes()
    spoilt = {
        "cut short": good[:-1],
        "longer": good + b"\0",
        "with one bit changed": good[: len(good) // 2] + bytes([good[len(good) // 2] ^ 1]) + good[len(good) // 2 + 1 :],
        "empty": b"",
        "another release's": foreign.read_bytes(),
        "of no kind": LENET.read_bytes(),
    }
    to = house.folder / "must-not-be"
    for what, content in spoilt.items():
        at = house.folder / "spoilt.onnx"
        at.write_bytes(content)
        ran = customer.unlocks(key, at, to)
        t.ok(ran.code == 5 and not to.exists() and ran.err.strip(), f"an artifact {what}: exit 5", ran)
    ran = other.unlocks(key, files["artifact"], to)
    t.ok(ran.code == 5 and not to.exists(), "another customer's private key: exit 5", ran)
    bent = house.folder / "bent.jwe"
    text = key.read_text()
    bent.write_text(text[:-9] + ("A" if text[-9] != "A" else "B") + text[-8:])
    ran = customer.unlocks(bent, files["artifact"], to)
    t.ok(ran.code == 5 and not to.exists(), "a key with one letter changed: exit 5", ran)
    left = [p.name for p in house.folder.iterdir() if p.name.startswith("must-not-be")]
    t.same(left, [], "nothing half-written is left")


def canaries(t, house):
    """No block of 32 bytes of the model's weights lies anywhere in the state folder."""
    model = LENET.read_bytes()
    blocks = {model[i : i + 32] for i in range(0, len(model) - 32, 32)}
    blocks = {b for b in blocks if len(set(b)) > 16}
    house.ctl("db", "backup", str(house.folder / "copy.db"), check=True)
    places = [p for p in house.state.rglob("*") if p.is_file()] + [house.log, house.folder / "copy.db"]
    found = [str(p) for p in places for data in [p.read_bytes()] if any(b in data for b in blocks)]
    t.ok(len(blocks) > 5000, "there are blocks to look for", len(blocks))
    t.same(found, [], "plain weights are nowhere in state folder, log or backup")
    whole = b"".join(p.read_bytes() for p in places)
    t.ok(all(model[i : i + 32] not in whole for i in range(40000, 40032)), "at no offset either")


def erased(t, house, hallmark, model, data, release, customer):
    ran = hallmark("model", "delete", model, "--yes")
    t.ok(ran.code == 2, "a model with releases is not deleted", ran)
    before = len(list((house.state / "blobs").iterdir()))
    ran = hallmark("release", "delete", model, release["id"], "--yes", "--format", "json")
    t.ok(ran.code == 0 and ran.json()["keys_destroyed"] >= 4, "release delete says how many keys it destroyed", ran)
    t.ok(len(list((house.state / "blobs").iterdir())) < before, "its files are gone")
    ran = house.ctl("release", "unlock-key", release["id"], "8", f"@{customer.jwk}", str(house.folder / "late.jwe"))
    t.ok(ran.code == 2 and not (house.folder / "late.jwe").exists(), "no key to it is made any more", ran)
    ran = hallmark("dataset", "delete", data, "--yes")
    t.same(ran.code, 0, "dataset delete")
    row = house.audit_rows(action="release.delete", object=release["id"])[-1]
    t.ok("keys_destroyed" in row["detail"], "the audit says so", row)


def together(t):
    with House() as house:
        house.open()
        hallmark = Vendor(house)
        hallmark.login(house.vendors["acme"])
        model, data = uploads(t, house, hallmark)
        one, two = Customer(house, "one"), Customer(house, "two")

        quick = {"effort": "none", "lock_set": 512, "validation": 2000}
        exact = released(t, house, hallmark, model, data, "advparams", mode="greedy", **quick)
        first = fetched(t, house, hallmark, model, exact)
        t.ok(exact["facts"]["locked_parameters"] <= 120, f"{exact['facts']['locked_parameters']} parameters locked")
        got = accuracy(first["artifact"])
        t.ok(got <= 0.13, f"the artifact is of no use: {got}")
        key, _ = opened(t, house, one, exact, first, True)

        sealed = released(t, house, hallmark, model, data, "sealed", **quick)
        second = fetched(t, house, hallmark, model, sealed)
        signature(t, house, sealed, second)
        got = accuracy(second["artifact"])
        t.ok(got <= 0.25, f"the sealed artifact runs at chance: {got}")
        other, to = opened(t, house, one, sealed, second, False)
        copy = house.folder / "another.onnx"
        t.same(two.unlocks(two.receives(sealed["id"], 8), second["artifact"], copy).code, 0, "another customer unlocks it, too")
        t.ok(copy.read_bytes() != to.read_bytes(), "and gets other weights")
        refused(t, house, one, two, key, first, second["artifact"])
        refused(t, house, one, two, other, second, first["artifact"])

        both = released(t, house, hallmark, model, data, "both", mode="greedy", **quick)
        third = fetched(t, house, hallmark, model, both)
        opened(t, house, two, both, third, False)

        canaries(t, house)
        t.same(house.ctl("db", "check").code, 0, "db check finds nothing")
        t.same(house.ctl("audit", "verify").code, 0, "the audit verifies")
        rows = house.ctl("release", "list", "--format", "json").json()
        t.same([r["locks"] for r in rows], ["advparams", "sealed", "advparams+sealed"], "hallmarkctl release list")
        listed = hallmark("release", "list", model, "--format", "json").json()
        t.same([r["number"] for r in listed], [1, 2, 3], "release list")
        shown = hallmark("release", "show", model, sealed["id"], "--format", "json").json()
        t.same(shown["artifact"], sealed["artifact"], "release show")
        erased(t, house, hallmark, model, data, exact, one)


if __name__ == "__main__":
    run(together)
