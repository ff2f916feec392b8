"""Rotation under load: server or custodian are killed at random moments of it, and after the
restart it finishes; nothing that was acknowledged is lost, and nothing is sealed under an old key."""

import json
import os
import random
import secrets
import signal
import subprocess
import threading
import time
from contextlib import closing, suppress
from itertools import islice

from house import House, programs, until
from tap import run
from wire import Closed

KILLS = 20
KEYS = 1500  # enough for a rotation to last a while
PASSING = (409, 501, 503)


def selftest(steps=1):
    return {"kind": "selftest", "params": {"text": secrets.token_hex(8), "steps": steps}}


class Load(threading.Thread):
    """Makes jobs, hence data keys, and reads them, for as long as it is let."""

    def __init__(self, house, ends, most=10**9):
        super().__init__()
        self.house, self.ends, self.most = house, ends, most
        self.made, self.wrong = [], []

    def run(self):
        with closing(self.house.client(timeout=10)) as client:
            for _ in islice(iter(self.ends.is_set, True), self.most):
                self.one(client)

    def one(self, client):
        try:
            answer = client.post("/v1/jobs", selftest())
            if answer.status < 300:
                self.made.append(answer.json()["id"])
                answer = client.get(f"/v1/jobs/{self.made[-1]}")
        except (OSError, Closed):
            time.sleep(0.02)
            return
        if answer.status in PASSING:
            time.sleep(0.02)
        elif answer.status >= 300:
            self.wrong.append(repr(answer))


def run_load(house, threads, ends, most):
    load = [Load(house, ends, most) for _ in range(threads)]
    for thread in load:
        thread.start()
    return load


def is_rotating(house):
    return house.ask("SELECT count(*) FROM keyring")[0][0] > 1


def begin(house):
    """The command, not waited for: it may lose its daemon."""
    return subprocess.Popen(
        [programs() / "hallmarkctl", "--socket", house.socket, "rotate"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def strike(house, server):
    if server:
        house.kill()
        return
    for pid in house.pids("hallmark-custodian"):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def one_kill(house, server):
    """A rotation with a kill in it; whether it hit while the rows were still in two minds."""
    before = house.ask("SELECT max(version) FROM keyring")[0][0]
    command = begin(house)
    try:
        until(lambda: is_rotating(house) or command.poll() is not None, 20, "a rotation begins", 0.001)
        time.sleep(random.random() * 1.3)
        strike(house, server)
        hit = is_rotating(house)
    finally:
        command.wait(20)
    if server:
        house.start()
    until(lambda: not is_rotating(house), 30, "the rotation finishes by itself")
    now = house.ask("SELECT version FROM keyring")
    if now not in ([(before + 1,)], [(before,)]):
        raise AssertionError(f"keyring {now} after {before}")
    return hit


def judge(t, house):
    newest = house.ask("SELECT max(version) FROM keyring")[0][0]
    t.same(house.ask("SELECT count(*) FROM keyring"), [(1,)], f"one keyring version is left, {newest}")
    t.same(house.ask("SELECT count(*) FROM signing_key WHERE keyring <> ?", newest), [(0,)],
           "no signing key is sealed under another")  # fmt: skip
    t.same(house.ask("SELECT count(*) FROM vendor_key WHERE keyring <> ?", newest), [(0,)],
           "nor a vendor key")  # fmt: skip
    t.same(
        house.ask("SELECT count(*) FROM data_key d WHERE version <> "
                  "(SELECT max(version) FROM vendor_key v WHERE v.vendor = d.vendor)"),
        [(0,)], "every data key hangs from its vendor's newest",
    )  # fmt: skip
    verified = house.ctl("audit", "verify")
    t.ok(verified.code == 0, "the audit verifies, with checkpoints of before and after", verified)
    finished = house.audit_rows(action="keys.rotated")
    t.ok(all(r["actor"] == "system" and json.loads(r["detail"])["keys"] > 0 for r in finished),
         "each end of a rotation is in the audit, with its count", finished)  # fmt: skip
    t.same(len(finished), newest - 1, "each exactly once")


def rotating(t):
    seed = secrets.randbelow(1 << 32)
    random.seed(seed)
    t.note(f"seed {seed}")
    with House(token_rate=0, address_rate=0, failure_rate=0, jobs_queued=1000000).open() as house:
        house.vendor("idle")  # keys of a vendor that does nothing are rotated too
        house.ctl("vendor", "suspend", "idle", check=True)
        for thread in run_load(house, 4, threading.Event(), KEYS // 4):
            thread.join()
        t.ok(house.ask("SELECT count(*) FROM data_key")[0][0] > KEYS // 2, "there are many data keys")
        ends = threading.Event()
        load = run_load(house, 2, ends, 10**9)
        try:
            hits = [one_kill(house, n % 2 == 0) for n in range(KILLS)]
            while sum(hits) < KILLS // 4 and len(hits) < 3 * KILLS:  # a machine whose moments fell badly
                hits.append(one_kill(house, len(hits) % 2 == 0))
        finally:
            ends.set()
            for thread in load:
                thread.join()
        t.ok(sum(hits) >= KILLS // 4, f"{sum(hits)} of {len(hits)} kills hit in the middle of a rotation")
        t.same([w for thread in load for w in thread.wrong], [], "requests met passing refusals at most")
        made = {job for thread in load for job in thread.made}
        there = {job for (job,) in house.ask("SELECT id FROM job")}
        t.same(made - there, set(), f"{len(made)} jobs were acknowledged meanwhile; all are there")
        with closing(house.client()) as client:
            until(lambda: client.get("/readyz").status == 200, 30, "ready")
        judge(t, house)
        opens(t, house)


def opens(t, house):
    """Jobs of before and after all rotations run, so their data keys open."""
    last = {job for (job,) in house.ask("SELECT id FROM job WHERE state < 2 ORDER BY id DESC LIMIT 5")}
    first = {job for (job,) in house.ask("SELECT id FROM job WHERE state < 2 ORDER BY id LIMIT 5")}

    def done():
        marks = ",".join("?" * len(first))
        left = house.ask(f"SELECT state FROM job WHERE id IN ({marks}) AND state < 2", *first)
        return not left

    until(done, 60, "the jobs that waited longest end")
    failed = house.ask("SELECT id, error_text FROM job WHERE state = 3")
    t.same(failed, [], f"no job has failed ({len(first | last)} still waited)")


run(rotating)
