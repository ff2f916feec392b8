"""Jobs as a vendor sees them: progress over server-sent events, every way to end, cancels that end
the worker now, and a custodian that is silent while requests go on being answered."""

import json
import os
import signal
import time
from contextlib import closing

from hostile_files import datasets, models
from house import House, job_ends, until
from sending import Sender, new_asset
from tap import run
from wire import head_of


def start(client, **params):
    answer = client.post("/v1/jobs", {"kind": "selftest", "params": {"text": "abc", **params}})
    if answer.status != 202:
        raise AssertionError(f"no job: {answer}")
    return answer.json()["id"]


def runs(client, job):
    return until(
        lambda: (now := client.get(f"/v1/jobs/{job}").json())["state"] == "running"
        and now["progress"]["done"] > 0 and now,
        20, f"{job} runs", 0.01,
    )  # fmt: skip


def events_of(house, client, job):
    """The events of one job until the stream ends: (name, data)."""
    with closing(client.connect()) as wire:
        client.wire = None
        token = {"Authorization": f"Bearer {client.secret}"}
        wire.send(head_of("GET", f"/v1/jobs/{job}/events", house.ip, token))
        status, headers = wire.head()
        if status != 200 or headers["content-type"] != "text/event-stream":
            raise AssertionError(f"{status} {headers}")
        text = b"".join(iter(wire.chunk, b"")).decode()
    found = []
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.split("\n") if line[:1] not in ("", ":"))
        if lines:
            found.append((lines["event"], json.loads(lines["data"])))
    return found


def watching(t, house, client):
    job = start(client, steps=50, step_ms=50)
    events = events_of(house, client, job)
    names = [name for name, _ in events]
    done = [data["progress"]["done"] for name, data in events if name == "progress"]
    t.ok(len(done) >= 4, f"{len(done)} events of progress", events)
    t.same(done, sorted(done), "progress does not go back")
    t.same((names[-1], names.count("state")), ("state", 1), "one event of state, the last")
    t.same(events[-1][1]["state"], "done", "which says done")
    t.same([n for n, _ in events_of(house, client, job)], ["state"], "a job that has ended has one event")


def ending(t, house, client):
    now = job_ends(client, start(client, steps=3))
    t.same((now["state"], now["attempts"], now["result"]["steps"]), ("done", 1, 3), "a job is done")
    t.same(
        now["result"]["sha256"],
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "with the right digest",
    )  # fmt: skip
    now = job_ends(client, start(client, steps=4, fail="crash"))
    t.same((now["state"], now["attempts"]), ("failed", 2), "one whose worker crashes fails, after two attempts")
    t.ok(now["error"]["detail"].startswith("the worker "), "a sentence says how", now)
    job = start(client, steps=50, step_ms=50)
    runs(client, job)
    until(lambda: house.pids("hallmark-worker"), 10, "a worker")
    for pid in house.pids("hallmark-worker"):
        os.kill(pid, signal.SIGKILL)
    now = job_ends(client, job)
    t.same((now["state"], now["attempts"]), ("done", 2), "one whose worker was killed is done all the same")


def cancelling(t, house, client):
    job = start(client, steps=9, fail="hang")
    pid = until(lambda: house.pids("hallmark-worker"), 20, "a worker that hangs")[0]
    waits = start(client)
    began = time.monotonic()
    answer = client.post(f"/v1/jobs/{job}/cancel", {})
    t.same(answer.status, 202, "a running job is cancelled")
    until(lambda: not os.path.exists(f"/proc/{pid}"), 5, "the worker is gone")
    t.ok(time.monotonic() - began < 5, "its worker is ended at once")
    t.same(job_ends(client, job)["state"], "cancelled", "its state says so")
    t.same(client.post(f"/v1/jobs/{job}/cancel", {}).status, 409, "a second time is a conflict")
    t.same(job_ends(client, waits)["state"], "done", "the one behind it has its turn")


def losing_the_server(t, house):
    with closing(house.client()) as client:
        job = start(client, steps=40, step_ms=50)
        runs(client, job)
        workers = house.pids("hallmark-worker")
    house.kill()
    until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in workers), 5, "its workers die with it")
    house.start()
    with closing(house.client()) as client:
        now = job_ends(client, job)
    t.same((now["state"], now["attempts"]), ("done", 1), "a job of a killed daemon runs again, as its first attempt")
    t.same(len(house.audit_rows(action="job.requeue")), 1, "the audit tells of it")


def silent_custodian(t, house):
    [pid] = house.pids("hallmark-custodian")
    slowest, statuses = 0, set()
    with closing(house.client()) as client:
        os.kill(pid, signal.SIGSTOP)
        for _ in range(5):
            began = time.monotonic()
            answer = client.post("/v1/jobs", {"kind": "selftest", "params": {"text": "x"}})
            slowest = max(slowest, time.monotonic() - began)
            statuses.add(answer.status)
        t.same(statuses, {503}, "requests that need it are refused as passing")
        t.ok(slowest < 5, f"a silent custodian delays a request by {slowest:.2f} s at most")
        until(lambda: client.get("/readyz").status == 200, 20, "ready again")
        t.ok(house.pids("hallmark-custodian") != [pid], "it was replaced by another")
        t.same(job_ends(client, start(client))["state"], "done", "which has the keys")


def asked(client, kind, **params):
    return client.post("/v1/jobs", {"kind": kind, "params": params})


def on_the_vault(t, house, client):
    """What vendors may ask for by themselves is an evaluation of what they have brought."""
    for kind, word in [("describe", "facts"), ("protect", "/releases"), ("train", "id of a model")]:
        answer = asked(client, kind)
        t.ok(answer.status == 422 and word in answer.problem("detail"), f"{kind} is made in another way", answer)
    answer = asked(client, "evaluate")
    t.same((answer.status, answer.json()["errors"][0]["pointer"]), (422, "/params/model"), "of which model?")
    model, data = new_asset(client), new_asset(client, "datasets", labels="file")
    t.same(asked(client, "evaluate", model=model, dataset=data).status, 409, "nothing has come yet")
    name, samples, labels, _ = datasets()[0]
    for path, content in [
        (f"models/{model}/content", models()[0][1]),
        (f"datasets/{data}/samples", samples),
        (f"datasets/{data}/labels", labels),
    ]:
        answer = Sender(house, client.secret, f"/v1/{path}", content).send()
        if answer.status == 200 and answer.json()["job"]:
            job_ends(client, answer.json()["job"])
    other = house.vendor("other")
    with closing(other):
        t.same(asked(other, "evaluate", model=model, dataset=data).status, 404, "another vendor has no such model")
    absent = model[:-8] + "00000000"
    t.same(asked(client, "evaluate", model=absent, dataset=data).status, 404, "nor has anybody this one")
    job = job_ends(client, asked(client, "evaluate", model=model, dataset=data).json()["id"])
    t.ok(job["state"] == "done" and job["result"]["samples"] == 20, "a model is evaluated on a data set", job)


def jobs(t):
    with House().open() as house:
        with closing(house.client()) as client:
            watching(t, house, client)
            ending(t, house, client)
            cancelling(t, house, client)
            on_the_vault(t, house, client)
        losing_the_server(t, house)
        silent_custodian(t, house)


run(jobs)
