#!/usr/bin/env python3
"""Server and worker are killed at random moments while models come in and releases are made. Uploads
go on where they stopped, jobs are run again, and what comes out is what an undisturbed run gives; no
file is left that belongs to nobody."""

import gzip
import hashlib
import json
import os
import random
import signal
import struct
import threading
import time
from pathlib import Path

import big_model
from cli import Vendor
from house import House, full, until
from tap import run

KILLS = 20 if full() else 6
DATA = Path("/usr/share/datasets/fashion-mnist")
LENET = Path(__file__).resolve().parent.parent / "data" / "models" / "fashion-lenet.onnx"
LOCKED = 600  # samples: all of the data set locks, so that its division is no matter of chance


def cut(source, to, n):
    """The first n items of an IDX file."""
    data = gzip.decompress(source.read_bytes())
    rank = data[3]
    dims = struct.unpack(f">{rank}I", data[4 : 4 + 4 * rank])
    size = 1
    for dim in dims[1:]:
        size *= dim
    at = 4 + 4 * rank
    to.write_bytes(data[:4] + struct.pack(f">{rank}I", n, *dims[1:]) + data[at : at + n * size])
    return to


class Doing(threading.Thread):
    """One command of the vendor's program, while others happen."""

    def __init__(self, hallmark, *words):
        super().__init__()
        self.hallmark, self.words, self.ran = hallmark, words, None
        self.start()

    def run(self):
        self.ran = self.hallmark(*self.words, "--format", "json", timeout=180)

    def end(self):
        self.join(200)
        return self.ran


def strike(house, target):
    """Kills the server, which is started again, or a worker; False if there was none."""
    if target == "server":
        house.kill()
        house.start()
        return True
    workers = house.pids("hallmark-worker")
    for pid in workers[:1]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
    return bool(workers)


def facts(house, hallmark, release):
    """What of a report does not depend on the release's secret, nor on the clock."""
    at = house.folder / f"{release['id']}.json"
    ran = hallmark("release", "report", "lenet", str(release["number"]), str(at))
    assert ran.code == 0, ran
    own = {"release", "artifact", "made", "seconds", "unlock_seconds"}

    def strip(value):
        if isinstance(value, dict):
            return {k: strip(v) for k, v in value.items() if k not in own and "seconds" not in k}
        return [strip(v) for v in value] if isinstance(value, list) else value

    return strip(json.loads(at.read_text()))


def release(hallmark):
    params = json.dumps({"mode": "greedy", "effort": "none", "lock_set": LOCKED})
    return Doing(
        hallmark, "release", "create", "lenet", "--dataset", "some", "--test", "test", "--lock", "advparams",
        "--params", params, "--watch",
    )  # fmt: skip


def kills(t):
    with House() as house:
        house.open()
        hallmark = Vendor(house)
        hallmark.login(house.vendors["acme"])
        big = house.folder / "big.onnx"
        with open(big, "wb") as out:
            big_model.write(out, 2048, 5)
        digest = hashlib.sha256(big.read_bytes()).hexdigest()
        for words in (
            ("model", "add", "lenet", LENET),
            ("dataset", "add", "some", cut(DATA / "train-images-idx3-ubyte.gz", house.folder / "x", LOCKED),
             cut(DATA / "train-labels-idx1-ubyte.gz", house.folder / "y", LOCKED)),
            ("dataset", "add", "test", cut(DATA / "t10k-images-idx3-ubyte.gz", house.folder / "tx", 2000),
             cut(DATA / "t10k-labels-idx1-ubyte.gz", house.folder / "ty", 2000)),
        ):  # fmt: skip
            ran = hallmark(*map(str, words))
            assert ran.code == 0, ran
        ran = release(hallmark).end()
        t.ok(ran.code == 0, "an undisturbed release", ran)
        wanted = facts(house, hallmark, ran.json())

        struck = {"upload": 0, "server": 0, "worker": 0}
        for n in range(KILLS * 4):
            if sum(struck.values()) >= KILLS:
                break
            if n % 2 == 0:
                doing = Doing(hallmark, "model", "add", f"big {n}", str(big))
                time.sleep(random.uniform(0.02, 0.6))
                struck["upload"] += strike(house, "server")
                ran = doing.end()
                ok = ran.code == 0 and ran.json()["facts"]["sha256"] == digest
                t.ok(ok, f"upload {n}: whole, after the server was killed", ran)
                hallmark("model", "delete", f"big {n}", "--yes")
            else:
                target = "server" if n % 4 == 1 else "hallmark-worker"
                doing = release(hallmark)
                time.sleep(random.uniform(0.1, 1.5))
                struck["server" if target == "server" else "worker"] += strike(house, target)
                ran = doing.end()
                if t.ok(ran.code == 0, f"release {n}: made, after a kill of {target}", ran):
                    t.same(facts(house, hallmark, ran.json()), wanted, f"release {n}: the undisturbed run's report")
        t.note(f"kills: {struck}")
        t.ok(sum(struck.values()) >= KILLS, "enough kills have hit", struck)
        t.same(house.ctl("db", "check").code, 0, "db check finds nothing: no file without a row, no row without a file")
        rows = {row for (row,) in house.ask("SELECT id FROM blob")}
        until(lambda: {p.name for p in (house.state / "blobs").iterdir()} == rows, 10, "files go after their rows")
        t.ok(True, "the folder holds what the database knows, and nothing else")
        t.same(house.ask("SELECT count(*) FROM blob WHERE state = 0")[0][0], 0, "nothing is half there")
        t.same(house.ctl("audit", "verify").code, 0, "the audit verifies")


if __name__ == "__main__":
    run(kills)
