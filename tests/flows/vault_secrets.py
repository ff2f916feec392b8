#!/usr/bin/env python3
"""What the vault must keep to itself, what it must not believe, and models and data of all kinds
behind the worker's walls: no secret is in any place, files that were exchanged open nothing, and
every job ends with a sentence."""

import base64
import os
import re
import struct
import sys
import time
from contextlib import closing
from pathlib import Path

sys.dont_write_bytecode = True

from hostile_files import idx, model, node, npy, npz, value
from house import House, job_ends, until
from protect import Customer
from tap import run
from vault_things import FREE, bring_model, bring_set, matrix_model, release, separable, templates

# What no job may end with: these are mistakes of ours.
OURS = {"UNREACHABLE", "INTERNAL_ERROR"}


# ---- Secrets, and files that were exchanged ------------------------------------------------------------


def unsealed(aead, key, sealed, kind, ident, vendor, version, under):
    """A key out of its row, as the custodian opens it: nothing else on this machine may have it."""

    def text(s):
        return struct.pack("<I", len(s)) + s.encode()

    bound = text("hallmark sealed row 1") + bytes([kind]) + text(ident) + text(vendor)
    bound += struct.pack("<qq", version, under)
    return aead(key).decrypt(sealed[1:13], sealed[13:], bound)


def release_secret(house, made, aead):
    root = bytes.fromhex((house.folder / "root.key").read_text().strip())
    [(key, vendor)] = house.ask("SELECT key, vendor FROM model_release WHERE id = ?", made["id"])
    [(version, sealed)] = house.ask("SELECT version, sealed FROM data_key WHERE id = ?", key)
    [(ring, vendor_sealed)] = house.ask(
        "SELECT keyring, sealed FROM vendor_key WHERE vendor = ? AND version = ?", vendor, version
    )
    [(ring_sealed,)] = house.ask("SELECT sealed FROM keyring WHERE version = ?", ring)
    ring_key = unsealed(aead, root, ring_sealed, 1, "", "", ring, 0)
    vendor_key = unsealed(aead, ring_key, vendor_sealed, 3, "", vendor, version, ring)
    return unsealed(aead, vendor_key, sealed, 4, key, vendor, 0, version)


def spellings(secret):
    plain = base64.b64encode(secret)
    return {secret, secret.hex().encode(), plain.rstrip(b"="), base64.urlsafe_b64encode(secret).rstrip(b"=")}


def processes(house):
    """What anybody could read of the daemon and its children."""
    for pid in [house.server.pid, *(pid for pid, _ in house.family())]:
        for name in ("environ", "cmdline"):
            yield f"{name} of {pid}", Path(f"/proc/{pid}/{name}").read_bytes()


def secrets_stay(t):
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError:
        t.skip("secrets", "without a library that opens sealed rows there is nothing to look for")
        return
    matrix = templates(10, 64)
    data, weights = separable(10, 64, matrix)
    with House(log_level=7, **FREE) as house, closing(house.open().client()) as client:
        customer = Customer(house, "customer")
        thing = bring_model(house, client, matrix_model(weights, 64, 10))
        options = {"lock": "both", "mode": "greedy", "effort": "none", "dataset": bring_set(house, client, data)}
        (job, made), (_, next_made) = release(client, thing, **options), release(client, thing, **options)
        t.same((job["state"], made["state"]), ("done", "ready"), "a release with both locks")
        key = customer.receives(made["id"], 7)
        bad = house.folder / "bad.jwk"
        bad.write_bytes(customer.file.read_bytes())
        said = [house.ctl("release", "unlock-key", made["id"], "7", f"@{bad}", str(house.folder / "x.jwe"))]
        t.same(said[0].code, 1, "a private key in the place of a public one is refused")
        hidden = {"the release's secret": release_secret(house, made, AESGCM)}
        private = re.search(rb'"d":\s*"([A-Za-z0-9_-]{43})"', customer.file.read_bytes())
        entries = [b for (b,) in house.ask("SELECT id FROM blob WHERE part = 'entries' ORDER BY created")]
        t.ok(private and len(entries) == 2, "there are a private key and lists of entries", entries)

        backup = house.folder / "backup.db"
        house.ctl("db", "backup", str(backup), check=True)
        places = dict(processes(house)) | {"backup": backup.read_bytes(), "the key that was sent": key.read_bytes()}
        places["audit"] = house.ctl("audit", "export", "--format", "jsonl", check=True).out.encode()
        places["answers"] = "".join(ran.out + ran.err for ran in said).encode()
        answers = [client.get(f"/v1/models/{thing}/releases/{made['id']}{part}") for part in
                   ("", "/artifact", "/report", "/page", "/manifest", "/bundle")]  # fmt: skip
        answers += [client.get(f"/v1/jobs/{made['job']}"), client.get(f"/v1/models/{thing}")]
        places["what the vendor may fetch"] = b"".join(answer.body for answer in answers)
        places |= {str(p.relative_to(house.folder)): p.read_bytes() for p in house.state.rglob("*") if p.is_file()}
        places["log"] = house.log.read_bytes()
        hits = [f"{name} in {place}" for name, secret in hidden.items() for spelt in spellings(secret)
                for place, content in places.items() if spelt in content]  # fmt: skip
        hits += [f"private key in {place}" for place, content in places.items() if private and private[1] in content]
        t.same(hits, [], f"none of them is in any of {len(places)} places")
        cores = {}
        for pid in house.pids("hallmark-custodian"):
            limits = Path(f"/proc/{pid}/limits").read_text()
            cores[pid] = re.search(r"Max core file size +(\d+|unlimited)", limits)[1]
        t.same(set(cores.values()), {"0"}, "the custodian leaves no core file")
        rows = house.audit_rows(action="release.unlock-key")
        vendors = [row["vendor"] for row in rows]
        t.ok(len(rows) == 2 and len(set(vendors)) == 1, "refused or not, the audit says whose release it was", rows)
        exchanged(t, house, customer, made, next_made, [house.state / "blobs" / b for b in entries])


def exchanged(t, house, customer, made, next_made, entries):
    """Sealed lists of locked parameters that are not what they were."""
    good = [p.read_bytes() for p in entries]
    [custodian] = house.pids("hallmark-custodian")

    def descriptors():
        return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in (custodian, house.server.pid))

    before = descriptors()
    for what, data in {
        "another release's": good[1],
        "cut by one byte": good[0][:-1],
        "its beginning alone": good[0][:40],
        "nothing": b"",
        "with one bit changed": good[0][:60] + bytes([good[0][60] ^ 1]) + good[0][61:],
        "longer": good[0] + b"\0",
        "zeros": bytes(1 << 20),
    }.items():
        entries[0].write_bytes(data)
        to = house.folder / "never.jwe"
        ran = house.ctl("release", "unlock-key", made["id"], "7", f"@{customer.jwk}", str(to))
        t.ok(ran.code == 5 and not to.exists(), f"entries that are {what}: no key", ran)
    entries[0].unlink()
    os.mkfifo(entries[0])
    began = time.monotonic()
    ran = house.ctl("release", "unlock-key", made["id"], "7", f"@{customer.jwk}", str(house.folder / "never.jwe"))
    t.ok(ran.code != 0 and time.monotonic() - began < 5, "entries that are a pipe: refused at once", ran)
    entries[0].unlink()
    entries[0].write_bytes(good[0])
    customer.receives(made["id"], 8)
    customer.receives(next_made["id"], 8)
    t.same(house.pids("hallmark-custodian"), [custodian], "the custodian has lived through all of it")
    t.ok(until(lambda: descriptors() <= before + 4, 5, "descriptors are closed"), "and has no descriptor more")


# ---- The worker's walls --------------------------------------------------------------------------------


def judged(job):
    """What a job says if it went as it should, else the job."""
    if job["state"] == "done":
        return "done"
    error = job.get("error") or {"code": "UNREACHABLE", "detail": ""}
    good = job["state"] == "failed" and error["code"] not in OURS and len(error["detail"]) > 20 and job["attempts"] == 1
    return error["detail"] if good else job


def walls(t):
    """Models without a convolution run other kernels, and these ask the machine other things."""
    n, classes = 64, 10
    matrix = templates(classes, n)
    data, weights = separable(classes, n, matrix)
    numbers = npy("<f4", f"(40, {n})", bytes(40 * n * 4))
    sets = {
        "data": (data, "inside"),
        "without labels": (npz(x=numbers), "none"),
        "of one class": (npz(x=numbers, y=npy("<i8", "(40,)", bytes(320))), "inside"),
        "beyond the classes": (npz(x=numbers, y=npy("<i8", "(40,)", struct.pack("<40q", *range(200, 240)))), "inside"),
        "of another shape": (idx((20, 28, 28), bytes(20 * 784)), "none"),
    }
    models = {
        "dense": matrix_model(weights, n, classes),
        "with softmax": matrix_model(weights, n, classes, "Softmax"),
        "for three at once": matrix_model(weights, n, classes, batch=3),
        "zeros": matrix_model(bytes(len(weights)), n, classes),
        "no weights": model([node("Softmax", ["x"], ["y"])], [], [value("x", "N", n)], [value("y", "N", n)]),
    }
    with House(**FREE) as house, closing(house.open().client()) as client:
        ids = {name: bring_set(house, client, *what) for name, what in sets.items()}
        things = {name: bring_model(house, client, data) for name, data in models.items()}
        body = {"kind": "evaluate", "params": {"model": things["dense"], "dataset": ids["data"]}}
        job = job_ends(client, client.post("/v1/jobs", body).json()["id"])
        t.ok(judged(job) == "done" and job["result"]["accuracy"] > 0.9, "a dense model is evaluated", job)
        body["params"]["model"] = things["for three at once"]
        got = job_ends(client, client.post("/v1/jobs", body).json()["id"])
        t.same(got.get("result", {}).get("accuracy"), job["result"]["accuracy"], "so is one for a fixed number of samples")
        for name, lock, effort in (
            ("for three at once", "both", "none"),
            ("dense", "sealed", "none"), ("dense", "both", "quick"), ("dense", "advparams", "quick"),
            ("with softmax", "sealed", "quick"),
        ):  # fmt: skip
            job, made = release(client, things[name], lock=lock, effort=effort, dataset=ids["data"], validation=200)
            t.same((judged(job), made["state"]), ("done", "ready"), f"{name}: {lock}, effort {effort}")
        wrong = []
        for name in ("zeros", "no weights"):
            for lock in ("sealed", "advparams"):
                told = judged(release(client, things[name], lock=lock, effort="quick", dataset=ids["data"])[0])
                wrong += [] if isinstance(told, str) else [(name, lock, told)]
        for name in sets:
            for lock in ("sealed", "advparams") if name != "data" else ():
                told = judged(release(client, things["dense"], lock=lock, effort="quick", dataset=ids[name])[0])
                wrong += [] if isinstance(told, str) and told != "done" else [(name, lock, told)]
        t.same(wrong, [], "what cannot be locked, or not with this data, is told in a sentence")
        told = judged(release(client, things["dense"], lock="sealed", dataset=ids["without labels"])[0])
        t.ok(str(told).startswith("the data set has no labels"), f"also what is missing: {told}")
        t.ok("worker-died" not in house.said(), "no worker has died")


if __name__ == "__main__":
    run(secrets_stay, walls)
