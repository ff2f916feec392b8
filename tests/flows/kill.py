"""Server, custodian and worker are killed at random moments under load. Afterwards everything that
was acknowledged is there, the audit verifies, no job is lost, and a repeated request gets the very
bytes that the first one got."""

import json
import os
import random
import secrets
import signal
import threading
import time
from collections import Counter
from contextlib import closing

from house import House, full, job_ends, until
from tap import run
from wire import Closed

KILLS = 100 if full() else 12
TARGETS = ("server", "hallmark-custodian", "hallmark-worker")


class Load(threading.Thread):
    """Creates tokens or jobs, each until it is acknowledged, with one Idempotency-Key each."""

    def __init__(self, house, kind, ends):
        super().__init__()
        self.house, self.kind, self.ends = house, kind, ends
        self.acknowledged = []  # (path, body, key, status, bytes)
        self.wrong = []
        self.retries = 0

    def run(self):
        with closing(self.house.client(timeout=10)) as client:
            while not self.ends.is_set():
                self.one(client)
                time.sleep(0.005 if self.kind == "token" else 0.2)

    def one(self, client):
        name = secrets.token_hex(6)
        if self.kind == "token":
            path, body = "/v1/tokens", {"name": name, "roles": ["issuer"]}
        else:
            path = "/v1/jobs"
            body = {"kind": "selftest", "params": {"text": name, "steps": 4, "step_ms": 20}}
        key = secrets.token_hex(16)
        answer = self.insist(client, path, body, key)
        if answer is not None:
            self.acknowledged.append((path, body, key, answer.status, answer.body))

    def insist(self, client, path, body, key):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                answer = client.post(path, body, key=key)
            except (OSError, Closed):
                answer = None
            if answer is not None and answer.status < 300:
                return answer
            # Away, sealed until its custodian is back, or this very request still running.
            if answer is not None and answer.status not in (409, 501, 503):
                self.wrong.append(repr(answer))
                return None
            self.retries += 1
            time.sleep(0.02)
        self.wrong.append(f"{path}: not acknowledged within a minute")
        return None


def strike(house, target):
    """Kills one process of that kind; False if there is none."""
    if target == "server":
        house.kill()
        house.start()
        return True
    pids = house.pids(target)
    if not pids:
        return False
    try:
        os.kill(random.choice(pids), signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def killing(t):
    seed = secrets.randbelow(1 << 32)
    random.seed(seed)
    t.note(f"seed {seed}")
    with House(token_rate=0, address_rate=0, jobs_at_once=2, jobs_queued=100000).open() as house:
        ends = threading.Event()
        load = [Load(house, kind, ends) for kind in ("token", "token", "token", "job", "job")]
        for thread in load:
            thread.start()
        struck = Counter()
        try:
            for n in range(KILLS):
                time.sleep(random.random() * 0.4)
                target = TARGETS[n % len(TARGETS)]
                until(lambda of=target: strike(house, of), 60, f"a {target} to kill")
                struck[target] += 1
        finally:
            ends.set()
            for thread in load:
                thread.join()
        t.same(sum(struck.values()), KILLS, f"killed at random moments: {dict(struck)}")
        judge(t, house, load)


def judge(t, house, load):
    done = [row for thread in load for row in thread.acknowledged]
    wrong = [text for thread in load for text in thread.wrong]
    t.note(f"{len(done)} acknowledged, {sum(thread.retries for thread in load)} attempts in vain")
    t.same(wrong, [], "each request was acknowledged in the end, or refused for a passing reason")
    t.ok(len(done) > KILLS, "there was a load")
    with closing(house.client(timeout=30)) as client:
        until(lambda: client.get("/readyz").status == 200, 30, "ready again")
        other = []
        for path, body, key, status, answer in done:
            repeated = client.post(path, body, key=key)
            if (repeated.status, repeated.body) != (status, answer):
                other.append((key, answer, repeated))
        t.same(other, [], "repeating every one of them gives the same bytes")
        wanted = {loads(row)["id"] for row in done if row[0] == "/v1/tokens"}
        there = {i for (i,) in house.ask("SELECT id FROM token WHERE name <> 'flow'")}
        t.same(there ^ wanted, set(), "the tokens are those that were acknowledged, no more and no fewer")
        jobs = {loads(row)["id"] for row in done if row[0] == "/v1/jobs"}
        t.same({i for (i,) in house.ask("SELECT id FROM job")} ^ jobs, set(), "so are the jobs")
        ended = [job_ends(client, job, 120) for job in sorted(jobs)]
        lost = [job for job in ended if job["state"] != "done" and not twice(job)]
        t.same(lost, [], "every job ends done, unless its worker was killed twice")
        t.note(f"{len(ended)} jobs, {sum(map(twice, ended))} of them killed twice")
    audited = Counter(r["object"] for r in house.audit_rows(outcome="OK")
                      if r["action"] in ("token.create", "job.create") and "replayed" not in r["detail"])  # fmt: skip
    t.same([i for i in wanted | jobs if audited[i] != 1], [], "each of them is in the audit once")
    verified = house.ctl("audit", "verify")
    t.ok(verified.code == 0, "the audit verifies", verified)
    checked = house.ctl("db", "check")
    t.ok(checked.code == 0, "the database is whole", checked)


def twice(job):
    """Failed because two workers that were at it were killed, and says so."""
    return job["state"] == "failed" and "killed" in job["error"]["detail"] and job["attempts"] == 2


def loads(row):
    return json.loads(row[4])


run(killing)
