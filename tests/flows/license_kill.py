#!/usr/bin/env python3
"""Issue, unlock and revoke under kill -9. Server and custodian are killed at chosen system calls:
the n-th write to the database, the n-th sync, the n-th message between the two, the n-th packet to a
client. Whatever had been asked then is asked again with its Idempotency-Key, and has happened once:
one license, one success in the audit, the same bytes however often it is repeated."""

import os
import random
import secrets
import shutil
import signal
import threading
from collections import Counter
from pathlib import Path

from house import House, full, until
from license_things import FREE, Scene
from tap import run
from wire import Closed

POINTS = 200 if full() else 20
# What is counted in each thread, and how far at most: beyond that a round ends without a kill.
CALLS = {"pwrite64": 60, "fdatasync": 30, "sendmsg": 12, "recvmsg": 12, "sendto": 40, "read": 60}
ACTIONS = {"issue": "license.issue", "unlock": "license.unlock", "revoke": "license.revoke"}
TURNS = 30


class Asked:
    """One request that is to be done once."""

    def __init__(self, kind, scene, path, body):
        self.kind, self.path, self.body, self.key = kind, path, body, secrets.token_hex(16)
        self.client = scene.customer if kind == "unlock" else scene.vendor
        self.first = None

    def ask(self):
        return self.client.post(self.path, self.body, key=self.key)


def requests(scene, policy):
    """A license from its issue to its end."""
    reference = secrets.token_hex(6)
    body = {"customer": scene.customer.id, "release": scene.release["id"], "policy": policy, "reference": reference}
    issue = Asked("issue", scene, "/v1/licenses", body)
    yield issue
    at = f"/v1/licenses/{issue.first.json()['id']}"
    for kind, more in (("unlock", {"machine": "m"}), ("revoke", {})):
        yield Asked(kind, scene, f"{at}/{kind}", more)


def start_armed(house, call, n):
    """The server, whose n-th `call` in any of its threads, or of its custodian's, is its last."""
    house.start(
        "strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}",
        "-e", f"inject={call}:signal=SIGKILL:when={n}", env={"ASAN_OPTIONS": "detect_leaks=0"}, start_new_session=True,
    )  # fmt: skip


def gone(pid):
    """With all its threads: the first may be a zombie while another still holds the files."""
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
        return len(threads) <= 1 and Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX"
    except OSError:
        return True


def end(house):
    """The server and whoever watches it."""
    left = set()

    def killed():
        """What has just been started is seen the next time."""
        now = {pid for pid, _ in house.family()}
        for pid in now:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        left.update(now)
        return all(map(gone, now))

    until(killed, 20, "all that was started is gone", 0.005)
    house.kill()
    until(lambda: all(map(gone, left)), 20, "all of it is gone", 0.005)


def until_struck(scene, policy):
    """Asks until something dies: what was being asked, and what had been answered."""
    done = []
    for _ in range(TURNS):
        for asked in requests(scene, policy):
            try:
                asked.first = asked.ask()
            except (Closed, OSError):
                return asked, done
            if asked.first.status >= 500:
                asked.first = None
                return asked, done
            assert asked.first.status < 300, asked.first
            done.append(asked)
    return None, done


def strike(house, scene, policy, call, n):
    """One kill: the request that was under way, and those before it in this life."""
    house.stop()
    try:
        start_armed(house, call, n)
        struck, done = until_struck(scene, policy)
    except (AssertionError, TimeoutError):
        struck, done = None, []  # it was killed before it served
    end(house)
    scene.vendor.close()
    scene.customer.close()
    house.start()
    return struck, done


def insisted(asked):
    """The answer, once it does not say to try again."""

    def answered():
        answer = asked.ask()
        return None if answer.status == 503 else answer

    return until(answered, 30, "an answer", 0.01)


def judged(house, asked):
    """What is wrong with a request that was struck."""
    again = [insisted(asked) for _ in range(3)]
    wrong = [f"{asked.kind}: {a}" for a in again if a.status >= 300 or a.body != again[0].body]
    if asked.first is not None and asked.first.body != again[0].body:
        wrong.append(f"{asked.kind}: other bytes than the first answer's")
    if wrong:
        return wrong
    if asked.kind == "issue":
        rows = house.ask("SELECT id FROM license WHERE reference = ?", asked.body["reference"])
        if len(rows) != 1:
            return [f"issue: {len(rows)} licenses"]
        thing = rows[0][0]
    else:
        thing = asked.path.split("/")[3]
    state, unlocks, seats = house.ask("SELECT state, unlocks, seats_used FROM license WHERE id = ?", thing)[0]
    wanted = {"issue": (0, 0, 0), "unlock": (0, 1, 1), "revoke": (2, 1, 0)}[asked.kind]
    if (state, unlocks, seats) != wanted:
        wrong.append(f"{asked.kind}: state, unlocks, seats are {state, unlocks, seats}, not {wanted}")
    rows = house.audit_rows(action=ACTIONS[asked.kind], object=thing, outcome="OK")
    once = [r for r in rows if "replayed" not in r["detail"]]
    if len(once) != 1:
        wrong.append(f"{asked.kind}: {len(once)} successes in the audit")
    return wrong


def kills(t):
    if shutil.which("strace") is None:
        t.skip("kills at chosen system calls", "there is no strace here")
        return
    seed = secrets.randbelow(1 << 32)
    random.seed(seed)
    t.note(f"seed {seed}")
    with House(**FREE) as house:
        scene = Scene(house.open())
        policy = scene.vendor.get(f"/v1/licenses/{scene.license}").json()["policy"]
        struck, wrong, lives = Counter(), [], 0
        while sum(struck.values()) < POINTS and lives < 4 * POINTS:
            call = list(CALLS)[lives % len(CALLS)]
            asked, done = strike(house, scene, policy, call, random.randint(1, CALLS[call]))
            lives += 1
            if asked is not None:
                struck[f"{asked.kind} at {call}"] += 1
                wrong += judged(house, asked)
            for one in done[-3:]:  # what was acknowledged stands; of a license only its last step is as it was
                again = insisted(one)
                revoked = one.kind == "unlock" and again.problem("code") == "LICENSE_REVOKED"
                if again.body != one.first.body and not revoked:
                    wrong.append(f"{one.kind}, acknowledged: {again}")
        t.note(f"{lives} lives: {dict(sorted(struck.items()))}")
        t.ok(sum(struck.values()) >= POINTS, f"{POINTS} requests were struck", struck)
        if full():
            t.same({k.split()[0] for k in struck}, set(ACTIONS), "of each kind some")
        t.ok(not wrong, "each was done once, whoever asked again got the same bytes", "\n".join(wrong[:10]))
        t.same(house.ctl("audit", "verify").code, 0, "the audit verifies")
        t.same(house.ctl("db", "check").code, 0, "the database is whole")
        scene.close()


def custodians(t):
    """The custodian alone is killed, while somebody waits for it. The server then starts another one,
    more patiently each time, so each round has a server of its own."""
    with House(**FREE) as house:
        scene = Scene(house.open())
        policy = scene.vendor.get(f"/v1/licenses/{scene.license}").json()["policy"]
        wrong, killed = [], []
        for _ in range(40 if full() else 6):
            house.restart()
            for asked in requests(scene, policy):
                killer = threading.Timer(random.uniform(0, 0.006), kill_custodian, (house, killed))
                killer.start()
                asked.first = insisted(asked)
                killer.join()
                wrong += judged(house, asked)
        t.ok(killed and not wrong, f"{len(killed)} custodians were killed under requests: each is done once", "\n".join(wrong[:10]))
        scene.close()


def kill_custodian(house, killed):
    for pid in house.pids("hallmark-custodian"):
        try:
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)
        except ProcessLookupError:
            pass


run(kills, custodians)
