#!/usr/bin/env python3
"""The red team as a service: a release is attacked by a job, from the API and from the program; the
worker is killed in the midst of it, and the table is the one of a run that nobody disturbed. And what
must not be: another vendor's things, attacks that there are not, a report before there is one."""

import json
import os
import signal
from contextlib import closing

from house import House, job_ends, until
from license_things import FREE
from protect_kill import DATA, LENET, cut
from tap import run
from vendor_cli import Desk

ABSENT = "00000000-0000-7000-8000-000000000000"
SAMPLES, ROWS = 1000, ["W1", "I1"]
RED_TEAMS = "/v1/red-teams"


class Siege(Desk):
    """A vendor with a release of the LeNet, and data."""

    def __init__(self, t, house):
        super().__init__(t, house)
        self.client = house.client()
        self.one("model", "add", "lenet", str(LENET))
        files = [str(cut(DATA / f"t10k-{kind}-ubyte.gz", house.folder / kind, SAMPLES)) for kind in ("images-idx3", "labels-idx1")]
        self.dataset = self.one("dataset", "add", "test", *files)["id"]
        made = self.one("release", "create", "lenet", "--lock", "sealed", "--watch")
        self.release = made["id"]

    def begin(self, client=None, **more):
        body = {"release": self.release, "dataset": self.dataset, "threads": 1, **more}
        return (client or self.client).post(RED_TEAMS, body)

    def end(self, answer, seconds=240):
        assert answer.status == 202, answer
        job_ends(self.client, answer.json()["job"], seconds)
        return self.client.get(answer.headers["location"]).json()

    def close(self):
        self.client.close()


def table(shown):
    """What of the facts does not depend on the clock."""
    return {k: v for k, v in shown["facts"].items() if k not in ("seconds", "report")}


# ---- A run ------------------------------------------------------------------------------------------


def undisturbed(t, s):
    answer = s.begin(rows=ROWS)
    t.same((answer.status, answer.json()["state"]), (202, "running"), "a red team is ordered")
    early = s.client.get(answer.headers["location"] + "/report")
    t.same(early.status, 409, "there is no report before there is one")
    done = s.end(answer)
    t.same((done["state"], done.get("profile"), done.get("attacks")), ("done", "quick", 2), "and is done")
    rows = {row["id"]: row for row in done["facts"]["rows"]}
    t.same(sorted(rows), sorted(ROWS), "with a line for each attack")
    t.same(done["false_accusations"], 0, "no innocent customer is accused")
    t.same(done["facts"]["verdict"], "proven", "an untouched copy is proven to be the vendor's")
    t.ok(done["facts"]["accuracy"] > 0.8, "and is good", done["facts"]["accuracy"])
    t.same((rows["W1"]["won"], rows["W1"]["named"]), (False, True), "pruning does not win: the customer is named")
    t.same(done["wins"], sum(row["won"] for row in rows.values()), "the wins are counted")
    return done


def killed_once(s):
    """A run whose worker is killed once some points are done: its answer, and how far the next worker
    was when it was first heard; None if it was done before."""
    answer = s.begin(rows=ROWS)
    job = f"/v1/jobs/{answer.json()['job']}"

    def state():
        return s.client.get(job).json()

    def far():
        now = state()
        return now if now["state"] == "done" or now["progress"]["done"] >= 400 else None

    before = far() or until(far, 120, "some points", 0.01)
    workers = set(s.house.pids("hallmark-worker"))
    if before["state"] == "done" or not workers:
        return None
    for pid in workers:
        os.kill(pid, signal.SIGKILL)

    def again():
        now = state()
        return now if now["state"] == "done" or (now["attempts"] == 2 and now["progress"]["done"] > 0) else None

    seen = until(again, 120, "the next worker", 0.01)
    return (answer, seen["progress"]["done"]) if seen["attempts"] == 2 else None


def killed(t, s, wanted):
    found = next((x for x in (killed_once(s) for _ in range(8)) if x), None)
    if not t.ok(found, "a worker is killed in the midst of its run"):
        return
    answer, seen = found
    t.ok(seen >= 300, "the next worker goes on behind what is done", seen)
    done = s.end(answer)
    t.same(done["state"], "done", "a run whose worker was killed is done")
    t.same(table(done), table(wanted), "and gives the same table")
    left = s.house.ask("SELECT part FROM blob WHERE owner = ? ORDER BY part", done["id"])
    t.same([part for (part,) in left], ["page", "report"], "of what it kept for itself nothing is left")


def read(t, s, done):
    at = f"{RED_TEAMS}/{done['id']}"
    report, page = (s.client.get(f"{at}/{part}") for part in ("report", "page"))
    t.same((report.status, page.status), (200, 200), "report and page are there")
    t.ok(json.loads(report.body), "the report is JSON", report.body[:200])
    t.ok(b"<html" in page.body and "default-src 'none'" in page.headers["content-security-policy"], "the page may run nothing")
    part = s.client.request("GET", f"{at}/report", None, {"Range": "bytes=0-9"})
    t.same((part.status, part.body), (206, report.body[:10]), "a part of it")
    t.same([r["id"] for r in s.client.get(RED_TEAMS).json()["items"]][0], done["id"], "it is in the list")
    rows = s.house.audit_rows(action="job.end", object=done["job"])
    said = json.loads(rows[-1]["detail"])
    t.same({k: said[k] for k in ("red_team", "attacks", "wins", "report")},
           {"red_team": done["id"], "attacks": 2, "wins": done["wins"], "report": done["report"]}, "the audit has its end")  # fmt: skip


def told(t, s, done):
    """The event is written for whoever asked for it."""
    rows = s.house.ask("SELECT body FROM event WHERE type = 'red_team.done' AND object = ?", done["id"])
    data = json.loads(rows[0][0])["data"]
    t.same((data["red_team"], data["release"], data["attacks"]), (done["id"], s.release, 2), "webhooks are told")


# ---- The program ------------------------------------------------------------------------------------


def program(t, s, wanted):
    ran = s.hallmark("release", "redteam", "lenet/1", "--dataset", "test", "--rows", "W1,I1", "--wait", timeout=240)
    t.ok(ran.code == 0 and "innocents accused: 0" in ran.out, "release redteam --wait", ran)
    t.ok(all(f"  {row} " in ran.out for row in ROWS) and "an untouched copy" in ran.out, "a table, a line each", ran)
    t.ok("%" in ran.err, "progress goes to standard error", ran)
    rows = s.rows("redteam", "list")
    t.same([r["state"] for r in rows], ["done"] * len(rows), "redteam list")
    shown = s.one("redteam", "show", rows[-1]["id"])
    t.same(table(shown), table(wanted), "redteam show: the same table again")
    for command, word in ((("redteam", "report"), "{"), (("redteam", "page"), "<html")):
        to = s.house.folder / f"redteam.{command[1]}"
        ran = s.hallmark(*command, rows[-1]["id"], "--out", str(to))
        t.ok(ran.code == 0 and word in to.read_text(), f"redteam {command[1]} --out", ran)
    s.refused(1, "quick", "release", "redteam", "lenet/1", "--dataset", "test", "--profile", "slow")
    ran = s.hallmark("release", "redteam", "lenet/1", "--dataset", "test", "--rows", "Z9", "--wait")
    t.ok(ran.code == 3 and "no attack Z9:" in ran.out, "an attack that there is not: status 3", ran)


# ---- What is refused --------------------------------------------------------------------------------


def refused(t, s, done):
    for more, at in (({"rows": ["x" * 9]}, "/rows"), ({"profile": "slow"}, "/profile"), ({"seed": -1}, "/seed"), ({"kappa": 1}, "/kappa"),
                     ({"rows": ["W1"] * 65}, "/rows")):  # fmt: skip
        answer = s.begin(**more)
        t.same((answer.status, answer.json()["errors"][0]["pointer"].split("/")[1]), (422, at[1:]), f"{list(more)[0]}: refused")
    t.same(s.begin(release="rel_" + ABSENT).status, 404, "a release that there is not")
    t.same(s.begin(dataset="dat_" + ABSENT).status, 404, "data that there are not")
    bare = s.client.post("/v1/jobs", {"kind": "redteam", "params": {}})
    t.ok(bare.status == 422 and "red-teams" in bare.json()["detail"], "a bare job makes none", bare)
    with closing(s.house.client()) as auditor:
        auditor.secret = s.house.token("acme", "auditor")
        t.same(s.begin(auditor).status, 403, "an auditor orders none")
        t.same(auditor.get(f"{RED_TEAMS}/{done['id']}").status, 200, "but reads them")
    with closing(s.house.vendor("rival")) as other:
        t.same(s.begin(other).status, 404, "nobody attacks another's release")
        for part in ("", "/report", "/page"):
            mine, none = (other.get(f"{RED_TEAMS}/{of}{part}") for of in (done["id"], "rdt_" + ABSENT))
            t.same((mine.status, none.status), (404, 404), f"another vendor's is like none {part}")
            t.same({**mine.json(), "instance": ""}, {**none.json(), "instance": ""}, "to the letter")
        t.same(other.get(RED_TEAMS).json()["items"], [], "nor is it in his list")


def redteam(t):
    with House(**FREE, jobs_at_once=1, webhook_networks="127.0.0.0/8") as house:
        house.open()
        with closing(Siege(t, house)) as s:
            s.client.post("/v1/webhooks", {"url": "https://127.0.0.1:9/none", "events": ["red_team.done"]})
            done = undisturbed(t, s)
            read(t, s, done)
            told(t, s, done)
            killed(t, s, done)
            program(t, s, done)
            refused(t, s, done)
        t.same(house.ctl("db", "check").code, 0, "db check finds nothing")
        t.same(house.ctl("audit", "verify").code, 0, "the audit verifies")


if __name__ == "__main__":
    run(redteam)
