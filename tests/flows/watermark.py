#!/usr/bin/env python3
"""Watermarking as a job: it makes a model of the vault with a class more, and its watermark, with a
report; the key set and the secret stay inside. Killed workers, cancels, refusals and deletions leave
nothing half done."""

import base64
import io
import json
import os
import re
import signal
import struct
import xml.dom.minidom
import zlib

from big_model import field, node, tensor_head, value
from cli import Vendor
from house import House, job_ends, until
from protect_kill import DATA, LENET, cut
from tap import run

SAMPLES, TEST = 1200, 600
PARAMS = {"pairs": 6, "spares": 2, "epochs": 6, "threads": 1, "batch": 64, "seed": 5, "coders": 0}
ABSENT = "wmk_00000000-0000-7000-8000-000000000000"


def flat_model(to, *ops):
    """A model of 784 numbers that answers ten classes by one MatMul, and then by these."""
    nodes, at = [field(1, node("MatMul", ("input", "w"), "m"))], "m"
    for i, op in enumerate(ops):
        nodes.append(field(1, node(op, (at,), f"o{i}")))
        at = f"o{i}"
    start, count = tensor_head("w", (784, 10))
    tensor = field(5, start + struct.pack(f"<{count // 4}f", *((i * 7 % 13 - 6) / 100 for i in range(count // 4))))
    graph = b"".join(nodes) + tensor + field(2, "flat") + field(11, value("input", "N", 784)) + field(12, value(at, "N", 10))
    to.write_bytes(field(1, 8) + field(2, "flow") + field(8, field(1, "") + field(2, 13)) + field(7, graph))
    return to


def pictures(to, n, side):
    """An array of n images in bytes, all different: NPY."""
    head = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({n}, {side}, {side}), }}"
    head += " " * (63 - (len(head) + 10) % 64) + "\n"
    data = bytes((x * (i % 7 + 1) + y * (i % 5 + 2) + 29 * i) % 256 for i in range(n) for y in range(side) for x in range(side))
    to.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + data)
    return to


def made(hallmark, *words):
    ran = hallmark(*map(str, words), "--format", "json")
    assert ran.code == 0, ran
    return ran.json()


def add_things(hallmark, house):
    things = {"lenet": made(hallmark, "model", "add", "lenet", LENET)["id"]}
    for name, ops in (("flat", ()), ("rectified", ("Relu",))):
        file = flat_model(house.folder / f"{name}.onnx", *ops)
        things[name] = made(hallmark, "model", "add", name, file)["id"]
    for name, file, n in (("some", "train", SAMPLES), ("test", "t10k", TEST)):
        images = cut(DATA / f"{file}-images-idx3-ubyte.gz", house.folder / f"{name}-x", n)
        labels = cut(DATA / f"{file}-labels-idx1-ubyte.gz", house.folder / f"{name}-y", n)
        things[name] = made(hallmark, "dataset", "add", name, images, labels)["id"]
    for name, n, side in (("own", 16, 28), ("few", 9, 28), ("large", 16, 32)):
        file = pictures(house.folder / f"{name}.npy", n, side)
        things[name] = made(hallmark, "dataset", "add", name, file, "--no-labels")["id"]
    return things


class Watermarking:
    """One job, the model that it makes and its watermark."""

    def __init__(self, client, things, name, **more):
        params = {**PARAMS, "model": things["lenet"], "dataset": things["some"], "name": name, **more}
        answer = client.post("/v1/jobs", {"kind": "watermark", "params": params})
        assert answer.status == 202, answer
        self.client, self.name, self.id = client, name, answer.json()["id"]

    def job(self):
        return self.client.get(f"/v1/jobs/{self.id}").json()

    def watermark(self):
        items = self.client.get("/v1/watermarks?limit=200").json()["items"]
        return next(w for w in items if w["job"] == self.id)

    def model(self):
        return self.client.get(f"/v1/models/{self.watermark()['model']}").json()

    def works(self):
        """Waits until its worker has begun to teach."""
        until(lambda: self.job()["progress"]["note"].startswith(("learning", "embedding")), 60, "the teaching", 0.01)


# ---- What is made -----------------------------------------------------------------------------------


def unfiltered(png):
    """Width, height and bytes of a picture; whatever is wrong with the file raises."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n", png[:8]
    at, parts, head = 8, b"", None
    while at < len(png):
        n, kind = struct.unpack(">I4s", png[at : at + 8])
        body = png[at + 8 : at + 8 + n]
        assert zlib.crc32(kind + body) == struct.unpack(">I", png[at + 8 + n : at + 12 + n])[0]
        head = struct.unpack(">IIBBBBB", body) if kind == b"IHDR" else head
        parts += body if kind == b"IDAT" else b""
        at += 12 + n
    return head[0], head[1], zlib.decompress(parts)


def report(t, house, hallmark, watermark):
    to = {part: house.folder / f"marked.{part}" for part in ("report", "page")}
    made(hallmark, "watermark", "report", "marked", to["report"])
    made(hallmark, "watermark", "page", "marked", to["page"])
    json_report, page = json.loads(to["report"].read_text()), to["page"].read_text()
    t.same(json_report["kind"], "hallmark-watermark-report", "the report says what it is")
    t.same(json_report["sha256"]["commitment"], watermark["commitment"], "it names the commitment")
    t.same(len(json_report["curve"]), PARAMS["epochs"], "a point of the curve for each epoch")
    names = [row["name"] for row in json_report["compression"]]
    t.same(sorted(set(names)), ["JPEG", "JPEG 2000", "WebP"], "three codecs were tried")
    t.ok(len(json_report["views"]) > 5, "and several views", json_report["views"])
    t.ok(json_report["identities"]["psnr"] > 50, "identities are not to be seen", json_report["identities"])
    tree = xml.dom.minidom.parse(io.StringIO(page.split("\n", 1)[1]))
    shown = [i.getAttribute("src") for i in tree.getElementsByTagName("img")]
    t.same(len(shown), 3 * PARAMS["pairs"], "the page shows keys, copies and what is between them")
    sizes = {unfiltered(base64.b64decode(s.removeprefix("data:image/png;base64,"), validate=True))[:2] for s in shown}
    t.same(sizes, {(28, 28)}, "as pictures that can be read")
    # Letters of styles and pictures say nothing.
    text = re.sub(r'<style>.*?</style>|base64,[^"]*"', "", page, flags=re.DOTALL)
    for word in ("http:", "https:", "<script", "url(", "href=", "nan"):
        t.ok(word not in text, f"no {word} in the page")
    t.ok(json_report["missed"] in page or "Every bar holds" in page, "the page says which bar did not hold")


def whole(t, house, hallmark, client):
    ran = hallmark("model", "watermark", "lenet", "--name", "marked", "--dataset", "some", "--test", "test",
                   "--pairs", str(PARAMS["pairs"]), "--epochs", str(PARAMS["epochs"]),
                   "--params", json.dumps({k: PARAMS[k] for k in ("spares", "threads", "batch", "seed", "coders")}),
                   "--watch", "--format", "json", timeout=180)  # fmt: skip
    watermark = ran.json() if ran.code == 0 else {}
    t.ok(ran.code == 0 and watermark.get("state") == "ready", "model watermark", ran)
    facts = watermark["facts"]
    t.same((watermark["keys"], watermark["classes"], facts["width"], facts["pictures"], facts["raw_bytes"]),
           (PARAMS["pairs"], 10, 28, "drawn", False), "what the key set is")  # fmt: skip
    t.ok(facts["scores"]["keys"] > 0.5 and facts["accuracy"]["before"] > 0.85, "it has learnt", facts)
    usable = facts["usable"]
    t.ok(0 < len(usable) <= facts["scores"]["keys"] * PARAMS["pairs"] and usable == sorted(set(usable)) and usable[-1] < PARAMS["pairs"],
         "and which of its pictures may carry an identity", facts)  # fmt: skip
    model = client.get(f"/v1/models/{watermark['model']}").json()
    t.same((model["state"], model["name"], model["facts"]["classes"]), ("ready", "marked", 11), "a model of 11 classes")
    t.same(model["facts"]["sha256"], facts["sha256"], "it is the one that the worker wrote")
    t.same([p["part"] for p in model["parts"]], ["content"], "its other files are not for download")
    asked = "SELECT detail FROM audit WHERE action = 'job.end' AND object = ?"
    rows = [json.loads(detail) for (detail,) in house.ask(asked, watermark["job"])]
    t.same([r.get("commitment") for r in rows], [watermark["commitment"]], "the commitment stands in the audit")
    t.same(made(hallmark, "watermark", "show", "marked"), watermark, "watermark show, by its model's name")
    t.same([w["id"] for w in made(hallmark, "watermark", "list")], [watermark["id"]], "watermark list")
    report(t, house, hallmark, watermark)
    return watermark


def own_pictures(t, client, things):
    refused = (
        ("pictures", "few", "9 pictures"),
        ("pictures", "large", "another size"),
        ("model", "rectified", "Relu"),
        ("model", "flat", "images"),
    )
    jobs = [Watermarking(client, things, f"for {thing}", **{word: things[thing]}) for word, thing, _ in refused]
    for job, (_, thing, why) in zip(jobs, refused):
        end = job_ends(client, job.id, 120)
        said = end.get("error", {"detail": ""})
        t.ok(end["state"] == "failed" and why in said["detail"], f"refused: {thing}", end)
        t.same((job.watermark()["state"], job.model()["state"]), ("failed", "refused"), "and so are what it was to make")
        t.same(client.get(f"/v1/watermarks/{job.watermark()['id']}/report").status, 409, "which has no report")
    own = Watermarking(client, things, "own", pictures=things["own"], compression=True, physical=True,
                       channels="n-to-one", epochs=1)  # fmt: skip
    end = job_ends(client, own.id, 120)
    t.ok(end["state"] == "done" and end["result"]["pictures"] == "own", "with the vendor's own pictures", end)
    made = client.get(f"/v1/watermarks/{own.watermark()['id']}/report").json()
    t.same([made["options"][word] for word in ("compression", "physical")], [True, True], "against codecs and cameras")
    t.same((made["triggers"]["kind"], len(made["triggers"]["success"])), ("N-to-One", 1), "and with triggers")
    for params, at in (({}, "/params/model"), ({"model": things["lenet"]}, "/params/dataset"),
                       ({"model": things["lenet"], "dataset": things["some"]}, "/params/name"),
                       ({"pairs": 3}, "/pairs"), ({"channels": True}, "/channels"), ({"mu": 11}, "/mu"), ({"drop_max": 0.6}, "/drop_max")):  # fmt: skip
        answer = client.post("/v1/jobs", {"kind": "watermark", "params": params})
        t.same((answer.status, answer.json()["errors"][0]["pointer"]), (422, at), f"without what {at} says: refused")


def released(t, client, things, watermark):
    """The release knows whose watermark its network has; both stand in the way of a deletion."""
    shelf = f"/v1/models/{watermark['model']}"
    release = client.post(f"{shelf}/releases", {"lock": "sealed"}).json()
    t.same(release["watermark"], watermark["id"], "a release of the model has the watermark")
    plain = client.post(f"/v1/models/{things['lenet']}/releases", {"lock": "sealed"}).json()
    t.same(plain["watermark"], None, "one of another model has none")
    for one in (release, plain):
        t.same(job_ends(client, one["job"], 120)["state"], "done", "it is made")
    at = f"{shelf}/releases/{release['id']}"
    t.same(client.get(at).json()["watermark"], watermark["id"], "and still says so")
    t.same(client.delete(shelf, "*").status, 409, "a released model stays")
    t.same(client.delete(at, "*").status, 200, "the release goes")
    gone = client.delete(shelf, "*").json()
    t.same((gone["files"], gone["keys_destroyed"]), (4, 5), "then the model goes, with four files, their keys and the secret")
    t.same(client.get(f"/v1/watermarks/{watermark['id']}").status, 404, "and the watermark with it")


def others(t, house, client, watermark):
    other = house.vendor("rival")
    auditor = house.client()
    auditor.secret = house.token("acme", "auditor")
    for part in ("", "/report", "/page"):
        at = f"/v1/watermarks/{watermark['id']}{part}"
        t.same(auditor.get(at).status, 200, f"an auditor reads {part or 'it'}")
        mine, none = other.get(at), other.get(f"/v1/watermarks/{ABSENT}{part}")
        t.same((mine.status, none.status), (404, 404), "another vendor's id is like none")
        t.same({**mine.json(), "instance": ""}, {**none.json(), "instance": ""}, "to the letter")
    t.same(other.get("/v1/watermarks").json()["items"], [], "nor is it in his list")
    lenet = client.get("/v1/models?limit=200").json()["items"][0]["id"]
    params = {"model": lenet, "dataset": watermark["id"], "name": "stolen"}
    t.same(other.post("/v1/jobs", {"kind": "watermark", "params": params}).status, 404, "nor is the model his to mark")
    t.same(auditor.post("/v1/jobs", {"kind": "watermark", "params": params}).status, 403, "an auditor marks nothing")


# ---- What goes wrong ----------------------------------------------------------------------------------


def disturbed(t, house, client, things):
    job = Watermarking(client, things, "killed", epochs=1)
    job.works()
    for pid in house.pids("hallmark-worker"):
        os.kill(pid, signal.SIGKILL)
    end = job_ends(client, job.id, 120)
    t.same((end["state"], end["attempts"]), ("done", 2), "a worker killed on its way: once more")
    t.same(job.watermark()["state"], "ready", "and the watermark is ready")


def cancelled(t, house, client, things):
    job = Watermarking(client, things, "cancelled", epochs=200)
    job.works()
    t.same(client.delete(f"/v1/models/{job.watermark()['model']}", "*").status, 409,
           "a model that is being made cannot be deleted")  # fmt: skip
    t.same(client.post(f"/v1/jobs/{job.id}/cancel", {}).status, 202, "a cancel")
    t.same(job_ends(client, job.id, 30)["state"], "cancelled", "ends it")
    watermark, model = job.watermark(), job.model()
    t.same((watermark["state"], model["state"]), ("failed", "refused"), "there is neither watermark nor model")
    t.same(house.ask("SELECT count(*) FROM blob WHERE owner = ?", model["id"])[0][0], 0, "nor any file of theirs")
    gone = client.delete(f"/v1/models/{model['id']}", "*").json()
    t.same((gone["files"], gone["keys_destroyed"]), (0, 1), "what is deleted of it is the secret")


def clean(t, house, watermark):
    t.same(house.ctl("db", "check").code, 0, "db check finds nothing")
    rows = {row for (row,) in house.ask("SELECT id FROM blob")}
    t.same({p.name for p in (house.state / "blobs").iterdir()}, rows, "no file is left that belongs to nobody")
    stray = house.ask("SELECT count(*) FROM data_key WHERE id NOT IN (SELECT data_key FROM blob) AND id NOT IN"
                      " (SELECT key FROM watermark) AND id NOT IN (SELECT key FROM model_release) AND id NOT IN"
                      " (SELECT data_key FROM job)")  # fmt: skip
    t.same(stray[0][0], 0, "nor a key")
    t.same(house.ask("SELECT count(*) FROM watermark WHERE id = ?", watermark["id"])[0][0], 0, "the deleted one is gone")
    t.same(house.ctl("audit", "verify").code, 0, "the audit verifies")


def watermark(t):
    with House(jobs_at_once=1) as house:
        house.open()
        hallmark = Vendor(house)
        hallmark.login(house.vendors["acme"])
        client = house.client()
        things = add_things(hallmark, house)
        mark = whole(t, house, hallmark, client)
        others(t, house, client, mark)
        own_pictures(t, client, things)
        disturbed(t, house, client, things)
        cancelled(t, house, client, things)
        released(t, client, things, mark)
        clean(t, house, mark)


if __name__ == "__main__":
    run(watermark)
