"""What the attacks on the vault need: models and data sets that fit each other, releases, requests
that begin at the same time, and a look for what was left behind."""

import random
import secrets
import struct
import threading
import time
from contextlib import closing

from hostile_files import model, node, npy, npz, tensor, value
from house import job_ends, until
from sending import Sender, new_asset
from wire import Client

FREE = {"token_rate": 0, "address_rate": 0, "failure_rate": 0, "jobs_at_once": 2}
SAMPLES = 600


def templates(classes, n, seed=5):
    rng = random.Random(seed)
    return [[rng.gauss(0, 1) for _ in range(n)] for _ in range(classes)]


def separable(classes, n, matrix):
    """Samples that the matrix tells apart, and its weights."""
    rng = random.Random(6)
    rows, labels = [], []
    for i in range(SAMPLES):
        rows += [t + rng.gauss(0, 1) for t in matrix[i % classes]]
        labels.append(i % classes)
    x = npy("<f4", f"({SAMPLES}, {n})", struct.pack(f"<{len(rows)}f", *rows))
    y = npy("<i8", f"({SAMPLES},)", struct.pack(f"<{SAMPLES}q", *labels))
    weights = [matrix[c][i] / n for i in range(n) for c in range(classes)]
    return npz(x=x, y=y), struct.pack(f"<{len(weights)}f", *weights)


def matrix_model(raw, n, classes, tail=None, batch="N"):
    """One dense layer, and what may follow it."""
    nodes = [node("MatMul", ["x", "weight"], ["z" if tail else "y"])]
    nodes += [node(tail, ["z"], ["y"])] if tail else []
    return model(
        nodes, [tensor("weight", (n, classes), raw)], inputs=[value("x", batch, n)], outputs=[value("y", batch, classes)]
    )


def bring(house, client, kind, part, data, **more):
    """Uploads a thing of one part and waits for the job that looks at it: its id."""
    thing = new_asset(client, kind, **more)
    answer = Sender(house, client.secret, f"/v1/{kind}/{thing}/{part}", data).send()
    assert answer.status == 200, answer
    job = job_ends(client, answer.json()["job"])
    assert job["state"] == "done", job
    return thing


def bring_model(house, client, data):
    return bring(house, client, "models", "content", data)


def bring_set(house, client, data, labels="inside"):
    return bring(house, client, "datasets", "samples", data, labels=labels)


def release(client, model_id, **options):
    """Asks for one and waits for its end: (job, release)."""
    answer = client.post(f"/v1/models/{model_id}/releases", options)
    assert answer.status == 201, answer
    job = job_ends(client, answer.json()["job"], 120)
    return job, client.get(answer.headers["location"]).json()


def asked(house, secret, method, path, body=None):
    """One request on a connection of its own."""
    headers = {"DELETE": {"If-Match": "*"}, "POST": {"Idempotency-Key": secrets.token_hex(8)}}.get(method, {})
    with closing(Client(house, secret)) as client:
        return client.request(method, path, body, headers)


def at_once(*acts):
    """What each returns; all begin at the same time."""
    got, gate = [None] * len(acts), threading.Barrier(len(acts))

    def one(i):
        gate.wait()
        got[i] = acts[i]()

    threads = [threading.Thread(target=one, args=(i,)) for i in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return got


def later(seconds, act):
    def wait():
        time.sleep(random.uniform(0, seconds))
        return act()

    return wait


def quiet(house):
    """No job waits or runs any more."""
    until(lambda: not house.ask("SELECT 1 FROM job WHERE state < 2"), 120, "all jobs end", 0.1)


def consistent(t, house, when):
    """Rows, files and keys belong to each other, and nothing is left half done."""
    quiet(house)
    rows = {row for (row,) in house.ask("SELECT id FROM blob")}

    def files():
        return {p.name for p in (house.state / "blobs").iterdir()}

    until(lambda: not files() - rows, 10, "files go after their rows")
    found = {
        "rows without file, files without row": rows ^ files(),
        "arriving": house.ask("SELECT owner FROM blob WHERE state = 0"),
        "making": house.ask("SELECT id FROM model_release WHERE state = 0"),
        "checking": house.ask("SELECT id FROM asset WHERE state = 1"),
        "files of nobody": house.ask(
            "SELECT id FROM blob WHERE owner NOT IN (SELECT id FROM asset UNION SELECT id FROM model_release)"
        ),
        "keys of nobody": house.ask(
            "SELECT id FROM data_key WHERE id NOT IN (SELECT data_key FROM blob UNION SELECT key FROM model_release"
            " UNION SELECT data_key FROM job)"
        ),
    }
    t.same({k: v for k, v in found.items() if v}, {}, f"{when}: nothing is left behind")
    t.same(house.ctl("db", "check").code, 0, f"{when}: the check finds nothing")
