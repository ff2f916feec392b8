#!/usr/bin/env python3
"""Training as a job: it makes a model of the vault, goes on where it was when its worker or the
server is killed, and gives the same bytes as a training that nobody disturbed."""

import os
import signal
import time

from cli import Vendor
from house import House, instrumented, job_ends, until
from protect_kill import DATA, LENET, cut
from tap import run

SAMPLES, TEST = 6000, 2000
PARAMS = {"epochs": 10 if instrumented() else 24, "batch": 64, "threads": 1, "seed": 3, "initial": "he", "save_seconds": 1}


class Training:
    """One job and the model that it makes."""

    def __init__(self, client, things, name, **more):
        params = {**PARAMS, **things, "name": name, **more}
        answer = client.post("/v1/jobs", {"kind": "train", "params": params})
        assert answer.status == 202, answer
        self.client, self.name, self.id = client, name, answer.json()["id"]

    def job(self):
        return self.client.get(f"/v1/jobs/{self.id}").json()

    def far(self):
        """Waits until it has been saved at least once, and says how far it is."""
        began = until(lambda: self.job()["progress"]["done"] > 0 and time.monotonic(), 30, "the first step")
        time.sleep(max(0, began + 2.5 - time.monotonic()))
        job = self.job()
        assert job["state"] == "running", job
        return job["progress"]["done"]

    def model(self):
        items = self.client.get("/v1/models?limit=200").json()["items"]
        return next(m for m in items if m["name"] == self.name)


def model_ready(training):
    def ready():
        model = training.model()
        over = model["state"] in ("ready", "refused")
        return training.client.get(f"/v1/models/{model['id']}").json() if over else None

    return until(ready, 30, "the new model's description")


def add_things(hallmark, house):
    """What is trained, and on what: ids by the names of the job's parameters."""
    sets = {
        "dataset": ("some", "train", SAMPLES),
        "test": ("test", "t10k", TEST),
    }
    ran = hallmark("model", "add", "lenet", str(LENET), "--format", "json")
    assert ran.code == 0, ran
    things = {"model": ran.json()["id"]}
    for word, (name, file, n) in sets.items():
        images = cut(DATA / f"{file}-images-idx3-ubyte.gz", house.folder / f"{name}-x", n)
        labels = cut(DATA / f"{file}-labels-idx1-ubyte.gz", house.folder / f"{name}-y", n)
        ran = hallmark("dataset", "add", name, str(images), str(labels), "--format", "json")
        assert ran.code == 0, ran
        things[word] = ran.json()["id"]
    return things


def undisturbed(t, client, things):
    training = Training(client, things, "plain")
    made = training.model()
    t.same(made["state"], "checking", "the model is there from the beginning, and not ready")
    answer = client.post("/v1/jobs", {"kind": "train", "params": {**PARAMS, **things, "name": "Plain"}})
    t.same(answer.status, 409, "another training may not make a model of that name")
    job = job_ends(client, training.id, 120)
    t.ok(job["state"] == "done", "an undisturbed training", job)
    model = model_ready(training)
    t.same(model["state"], "ready", "the model has been described")
    t.same(model["facts"]["sha256"], job["result"]["sha256"], "it is the one that the worker wrote")
    right = job["result"]["test"]["correct"] / TEST
    t.ok(right > 0.75, "it has learnt", right)
    t.same(len(job["result"]["epochs"]), PARAMS["epochs"], "a point of the curve for each epoch")
    evaluate = {"model": model["id"], "dataset": things["test"]}
    job2 = job_ends(client, client.post("/v1/jobs", {"kind": "evaluate", "params": evaluate}).json()["id"], 60)
    t.same(job2["result"]["correct"], job["result"]["test"]["correct"], "evaluate finds what training found")
    return job


def first_step(training, house, before):
    """The lowest step that is told of in the first second of the attempt after a kill."""
    until(lambda: set(house.pids("hallmark-worker")) - before, 30, "another worker", 0.005)
    told, end = [], time.monotonic() + 1
    while time.monotonic() < end or (not any(told) and time.monotonic() < end + 30):
        told.append(training.job()["progress"]["done"])
        time.sleep(0.005)
    return min(n for n in told if n > 0)


def disturbed(t, house, client, things, wanted):
    for target in ("worker", "server"):
        training = Training(client, things, f"killed {target}")
        reached = training.far()
        before = set(house.pids("hallmark-worker"))
        if target == "worker":
            for pid in before:
                os.kill(pid, signal.SIGKILL)
        else:
            house.kill()
            house.start()
            client.close()
        again = first_step(training, house, before)
        t.note(f"{target} killed after step {reached}, went on before step {again}")
        t.ok(again > reached / 4, f"after a kill of the {target} it goes on, and does not begin anew", again)
        job = job_ends(client, training.id, 120)
        t.ok(job["state"] == "done", f"{target} killed: done all the same", job)
        t.same(job["result"]["sha256"], wanted["result"]["sha256"], "the same bytes as undisturbed")
        t.same(job["result"]["epochs"], wanted["result"]["epochs"], "and the same curve")
        t.same(model_ready(training)["state"], "ready", "the model is ready")


def ended(t, house, client, things):
    training = Training(client, things, "cancelled", epochs=2000)
    training.far()
    t.same(client.post(f"/v1/jobs/{training.id}/cancel", {}).status, 202, "a cancel")
    t.same(job_ends(client, training.id, 30)["state"], "cancelled", "ends it")
    t.same(training.model()["state"], "refused", "and there is no model")
    lost = Training(client, things, "diverged", rate=1000, optimiser="sgd", momentum=0)
    job = job_ends(client, lost.id, 60)
    t.ok(job["state"] == "failed", "a training that diverges fails", job)
    t.same(model_ready(lost)["error"]["code"], job["error"]["code"], "and says so where the model would be")
    for params, at in (({}, "/params/model"), ({"model": things["model"]}, "/params/dataset"),
                       (things, "/params/name")):  # fmt: skip
        answer = client.post("/v1/jobs", {"kind": "train", "params": params})
        t.same((answer.status, answer.json()["errors"][0]["pointer"]), (422, at), f"without what {at} says: refused")


def train(t):
    with House(jobs_at_once=1) as house:
        house.open()
        hallmark = Vendor(house)
        hallmark.login(house.vendors["acme"])
        client = house.client()
        things = add_things(hallmark, house)
        wanted = undisturbed(t, client, things)
        disturbed(t, house, client, things, wanted)
        ended(t, house, client, things)
        t.same(house.ctl("db", "check").code, 0, "db check finds nothing")
        rows = {row for (row,) in house.ask("SELECT id FROM blob")}
        until(lambda: {p.name for p in (house.state / "blobs").iterdir()} == rows, 10, "files go after their rows")
        t.ok(True, "no save and no half model is left")
        t.same(house.ask("SELECT count(*) FROM blob WHERE part LIKE 'save%'")[0][0], 0, "no row of one either")
        t.same(house.ctl("audit", "verify").code, 0, "the audit verifies")


if __name__ == "__main__":
    run(train)
