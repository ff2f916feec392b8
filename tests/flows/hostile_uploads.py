#!/usr/bin/env python3
"""Uploads that nobody should trust: each is refused with a sentence by the job that looks at it, or
is in order; the daemon neither grows nor gets slow meanwhile, and nothing that was hostile stays."""

import sys
import threading
import time
from contextlib import closing
from pathlib import Path

sys.dont_write_bytecode = True

from hostile_files import datasets, models
from house import House, instrumented, job_ends
from sending import Sender, new_asset
from tap import run

FREE = {"token_rate": 0, "address_rate": 0, "failure_rate": 0, "jobs_at_once": 2}
# What a job may say of a file. A crash would be UNREACHABLE, a mistake of ours INTERNAL_ERROR.
REFUSALS = {"INVALID_VALUE", "TOO_LARGE", "INTEGRITY_FAILURE"}


def memory(house):
    """The most that the server ever had, in kB."""
    for line in Path(f"/proc/{house.server.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1])
    raise ValueError("no VmHWM")


class Visitor:
    """Asks for the daemon's health all the time and notes how long each answer took."""

    def __init__(self, house):
        self.house, self.took, self.over = house, [], False
        self.thread = threading.Thread(target=self.ask)

    def ask(self):
        with closing(self.house.client(None)) as client:
            while not self.over:
                began = time.monotonic()
                if client.get("/healthz").status != 200:
                    self.took.append(3600)
                self.took.append(time.monotonic() - began)
                time.sleep(0.01)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over = True
        self.thread.join()


def bring(house, client, kind, parts, labels="none"):
    """Uploads these parts; the asset as it is once its job has ended."""
    asset = new_asset(client, kind, labels=labels) if kind == "datasets" else new_asset(client, kind)
    for part, data in parts.items():
        answer = Sender(house, client.secret, f"/v1/{kind}/{asset}/{part}", data).send()
        if answer.status != 200:
            raise AssertionError(f"{part}: {answer}")
    job = job_ends(client, answer.json()["job"], 120)
    return client.get(f"/v1/{kind}/{asset}").json(), job


def judge(t, name, asset, job, wanted):
    if wanted is None:
        t.ok(asset["state"] == "ready" and job["state"] == "done", f"{name}: in order", (asset, job))
        return
    error = asset.get("error") or {"code": "", "detail": "", "text": ""}
    text = error.get("detail") or error.get("text") or ""
    good = asset["state"] == "refused" and job["state"] == "failed" and error["code"] in REFUSALS
    good = good and len(text) > 10 and wanted in text and job["attempts"] == 1
    t.ok(good, f"{name}: refused: {text}", (asset, job))


def hostile(t):
    with House(**FREE) as house, closing(house.open().client()) as client:
        for name, data, wanted in models()[:3]:
            judge(t, name, *bring(house, client, "models", {"content": data}), wanted)
        before = memory(house)
        with Visitor(house) as visitor:
            for name, data, wanted in models()[3:]:
                judge(t, name, *bring(house, client, "models", {"content": data}), wanted)
            for name, samples, labels, wanted in datasets():
                parts = {"samples": samples, "labels": labels} if labels else {"samples": samples}
                judge(t, name, *bring(house, client, "datasets", parts, "file" if labels else "inside"), wanted)
        took = sorted(visitor.took)
        worst, usual = took[-1], took[len(took) // 2]
        grown = memory(house) - before
        t.note(f"health: {len(took)} answers, half within {usual * 1000:.1f} ms, the last {worst * 1000:.0f} ms")
        t.note(f"the server's memory grew by {grown} kB")
        if instrumented():
            t.skip("memory and latency", "a sanitizer's own would be measured")
        else:
            t.ok(grown < 32 << 10, "the server does not grow", grown)
            t.ok(usual < 0.02 and worst < 1, "nor does it get slow", (usual, worst))
        erased(t, house, client)


def erased(t, house, client):
    """Refused or not, all of it can be deleted, and then nothing is left."""
    wrong = []
    for kind in ("models", "datasets"):
        while items := client.get(f"/v1/{kind}?limit=100").json()["items"]:
            for item in items:
                path = f"/v1/{kind}/{item['id']}"
                answer = client.request("DELETE", path, headers={"If-Match": client.get(path).headers["etag"]})
                if answer.status != 200:
                    wrong.append((item, answer))
            if wrong:
                break
    t.same(wrong, [], "all of it can be deleted")
    t.same(list((house.state / "blobs").iterdir()), [], "no file is left")
    t.same(house.ask("SELECT count(*) FROM blob"), [(0,)], "no row either")
    t.same(house.ctl("db", "check").code, 0, "the check finds nothing")


if __name__ == "__main__":
    run(hostile)
