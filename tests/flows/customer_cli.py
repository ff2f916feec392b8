#!/usr/bin/env python3
"""A customer at his machine: enrolls, fetches a license, checks it with nobody's help, unlocks, runs a
program on the model, with the server and without it; and all that must end in a refusal."""

import base64
import json
import os
import secrets
import subprocess
import time
import traceback

from house import House, Ran
from license_things import FREE
from machines import FAKETIME, Machine, Shop, away, evaluated
from protect import ACCURACY, sha256
from tap import run

DAY = 86400


# ---- From nothing to a running model ---------------------------------------------------------------


def enrolling(t, shop):
    customer, machine = shop.customer()
    ran = machine("enroll", customer["code"], "--server", f"https://{shop.house.ip}:8443", "--no-passphrase")
    t.ok(ran.code == 1 and "never an argument" in ran.err, "a code on the command line is refused", ran)
    ran = machine.enroll("hmc_" + "x" * 43)
    t.ok(ran.code == 2 and "CODE_UNKNOWN" in ran.err, "a code that nobody gave is refused", ran)
    ran = machine.enroll(customer["code"])
    t.ok(ran.code == 0 and ran.json()["customer"] == customer["id"], "enroll", ran)
    again = machine.enroll(customer["code"])
    t.ok(again.code == 2 and "CODE_SPENT" in again.err, "the code is spent: another key is refused", again)
    listed = machine("identity", "list", "--format", "json")
    t.ok(listed.code == 0 and [r["customer"] for r in listed.json()] == [customer["id"]], "identity list", listed)
    modes = machine.files()
    mine = {p.name: m for p, m in modes.items() if ".config" in p.parts and not p.parent.name.startswith("new-")}
    t.same(set(mine.values()), {0o600}, "what enroll has made is its user's alone")
    t.same(sorted(mine), ["ca.pem", "identity.json", "key"], "and it is the key, the vendor's keys, the authority")
    return customer, machine


def killed(t, shop):
    """Enrolling is cut off again and again, and comes to the same end: one key, which works."""
    seen = set()
    for delay in (0.0, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2):
        customer, machine = shop.customer()
        code = machine.home / "code"
        code.write_text(customer["code"])
        words = ("enroll", f"@{code}", "--server", f"https://{shop.house.ip}:8443", "--ca", shop.house.certificate, "--no-passphrase")
        process = machine.starts(*words)
        time.sleep(delay)
        process.kill()
        process.communicate()
        done = (machine.config / "customers" / customer["id"]).exists()
        seen.add(done)
        if not done:
            ran = machine.enroll(customer["code"])
            if not t.ok(ran.code == 0, f"killed after {delay} s, enroll is repeated", ran):
                continue
        lic = shop.sell(customer)["id"]
        ran = machine("license", "fetch", lic, "--format", "json")
        if ran.code != 0:
            t.ok(False, f"killed after {delay} s: the identity works", ran)
        left = [p.name for p in (machine.config / "customers").iterdir() if p.name.startswith("new-")]
        if left:
            t.ok(False, "nothing half done is left", left)
    t.ok(False in seen, "some were killed before they were done", seen)


def online(t, shop):
    customer, machine = enrolling(t, shop)
    lic = shop.sell(customer)["id"]
    shop.sell(shop.customer()[0])
    ran = machine("identity", "licenses", "--format", "json")
    t.ok(ran.code == 0 and [r["id"] for r in ran.json()] == [lic], "identity licenses shows his own", ran)
    ran = machine("license", "check", lic)
    t.ok(ran.code == 2 and "license fetch" in ran.err, "a license that is not here is not checked", ran)
    ran = machine("license", "fetch", lic, "--format", "json")
    t.ok(ran.code == 0 and ran.json()["code"] == "VALID", "license fetch", ran)
    ran = machine("license", "check", lic, "--format", "json")
    t.ok(ran.code == 0 and ran.json()["valid"] is True, "license check", ran)
    ran = machine("license", "explain", lic, "--format", "json")
    rules = ran.json() if ran.code == 0 else []
    t.ok(len(rules) > 10 and "last seen" in str(rules), "license explain says what each rule saw", ran)
    to = machine.home / "model.onnx"
    ran = machine("unlock", lic, to, "--format", "json")
    t.ok(ran.code == 0 and to.exists() and to.stat().st_mode & 0o7777 == 0o600, "unlock", ran)
    ran = machine("unlock", lic, to)
    t.ok(ran.code == 1 and "exists" in ran.err, "a file that is there stays", ran)
    counted = shop.house.ask("SELECT unlocks FROM license WHERE id = ?", lic)
    ran = evaluated(machine, lic)
    found = json.loads(ran.out)["accuracy"] if ran.code == 0 else None
    t.ok(found is not None and abs(found - ACCURACY) <= 0.006, f"exec: a program evaluates the model: {found}", ran)
    t.same(shop.house.ask("SELECT unlocks FROM license WHERE id = ?", lic), counted, "the unlock key that was there is used again")
    ran = machine("exec", lic, "--", "sha256sum", "{model}")
    t.same(ran.out.split()[:1], [sha256(to)], "exec gives the same model as unlock")
    t.same(shop.house.ask("SELECT count(*) FROM lease WHERE license = ?", lic)[0][0], 0, "the seat is given back at the end")
    ran = machine("exec", lic, "--", "sh", "-c", "exit 42", "{model}")
    t.same(ran.code, 42, "its exit status is passed on")
    to.unlink()
    return customer, machine, lic


def killed_unlocking(t, shop):
    """However often an unlocking is cut off, it counts once: its Idempotency-Key outlives the process."""
    _, machine, lic = shop.enrolled()
    machine("license", "fetch", lic)
    to, cut = machine.home / "model.onnx", 0
    for i in range(40):
        process = machine.starts("unlock", lic, to)
        time.sleep(0.004 * i)
        process.kill()
        process.communicate()
        cut += process.returncode != 0
        if to.exists() or (machine.license(lic) / "unlock.jwe").exists():
            break
    ran = machine("unlock", lic, to, "--force")
    count = shop.house.ask("SELECT unlocks FROM license WHERE id = ?", lic)[0][0]
    t.ok(ran.code == 0 and count == 1 and cut > 3, f"killed {cut} times while unlocking, it was counted {count} time", ran)
    left = [p.name for p in machine.home.iterdir() if p.name.startswith(".model")]
    t.same(left, [], "and no part of a model is left")


def files_only(t, shop):
    """`license check FILE`: by the vendor's public key, and nothing else."""
    _, machine, lic = shop.enrolled()
    machine("license", "fetch", lic)
    at, keys = machine.home / "some.jws", machine.home / "keys.json"
    token = (machine.license(lic) / "license.jws").read_text()
    at.write_text(token + "\n")
    keys.write_text(json.dumps(shop.vendor.get("/v1/keys").json()))
    other = Machine(shop.house, "stranger")
    ran = other("license", "check", at)
    t.ok(ran.code == 1 and "--keys" in ran.err, "without a key nothing is checked", ran)
    ran = other("license", "check", at, "--keys", keys, "--format", "json")
    t.ok(ran.code == 0 and ran.json()["code"] == "VALID_OFFLINE", "with the vendor's public key anybody can check a file", ran)
    ran = other("license", "check", at, "--keys", keys, "--revocations", machine.license(lic) / "revocations.jws", "--format", "json")
    t.ok(ran.code == 0 and ran.json()["code"] == "VALID", "and with a list of revocations more is known", ran)
    head, body, mac = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    claims["seats"] = 999
    forged = base64.urlsafe_b64encode(json.dumps(claims, separators=(",", ":"), sort_keys=True).encode()).rstrip(b"=").decode()
    for what, text in {"altered": f"{head}.{forged}.{mac}", "cut short": token[:-7], "not one": "x"}.items():
        at.write_text(text)
        ran = other("license", "check", at, "--keys", keys, "--format", "json")
        t.ok(ran.code == 5 and not ran.json()["valid"], f"a file that is {what}: exit 5", ran)
    at.write_text(token)
    keys.write_text(json.dumps({"keys": [json.loads((machine.config / "customers").glob("*/key").__next__().read_text())]}).replace('"d"', '"kid"'))
    ran = other("license", "check", at, "--keys", keys, "--format", "json")
    t.ok(ran.code == 2 and ran.json()["code"] == "SIGNER_UNKNOWN", "by another key it cannot be decided: exit 2", ran)


# ---- Without the server ------------------------------------------------------------------------------


def days(t, machine, lic, other, loose):
    """Time passes without the server; `lic` is refused after its days, `loose` undecided."""
    ran = machine.then(DAY, "exec", lic, "--", "true", "{model}")
    t.ok(ran.code == 0, "a day later, too", ran)
    ran = machine.then(3 * DAY, "exec", lic, "--", "echo", "ran", "{model}")
    t.ok(ran.code == 3 and "OFFLINE_TOO_LONG" in ran.err and "ran /" not in ran.out, "past its days it is refused", ran)
    ran = other.then(3 * DAY, "exec", loose, "--", "echo", "ran", "{model}")
    t.ok(ran.code == 2 and "REVOCATIONS_UNKNOWN" in ran.err and "ran /" not in ran.out, "or undecided, if the terms say so", ran)
    ran = machine("exec", lic, "--", "echo", "ran", "{model}")
    t.ok(ran.code == 2 and "CLOCK_STEPPED_BACK" in ran.err and "ran /" not in ran.out, "setting the clock back does not help", ran)
    ran = machine("license", "check", lic, "--format", "json")
    t.ok(ran.code == 2 and ran.json()["code"] == "CLOCK_STEPPED_BACK" and ran.json()["clock_back"], "the check says so", ran)


def offline(t, shop):
    house = shop.house
    house.conf["revocation-hours"] = 1
    house.restart()
    _, machine, lic = shop.enrolled({"offline": 2 * DAY, "stale": "refused"})
    _, other, loose = shop.enrolled({"offline": 2 * DAY, "stale": "undecided"})
    _, unused, fetched = shop.enrolled()
    for m, one in ((machine, lic), (other, loose)):
        ran = m("exec", one, "--", "true", "{model}")
        t.ok(ran.code == 0, "first with the server", ran)
    unused("license", "fetch", fetched)
    with away(house):
        ran = evaluated(machine, lic)
        t.ok(ran.code == 0 and "going on without the server" in ran.err, "without the server it runs", ran)
        if FAKETIME is None:
            t.skip("days pass", "libfaketime is not here: install the package faketime")
        else:
            days(t, machine, lic, other, loose)
        ran = unused("exec", fetched, "--", "echo", "ran", "{model}")
        t.ok(ran.code == 2 and "no unlock key" in ran.err, "without an unlock key there is no beginning", ran)
        ran = unused("unlock", "lic_01890a5d-ac96-774b-bcce-b302099a8057", unused.home / "x")
        t.ok(ran.code == 2 and "reach" in ran.err and not (unused.home / "x").exists(), "nor without a license", ran)
    ran = machine("exec", lic, "--", "true", "{model}")
    t.ok(ran.code == 0, "a contact with the server forgives a clock that was wrong", ran)
    house.conf.pop("revocation-hours")
    house.restart()


def sealed(t, shop):
    """A server that has no keys cannot decide: an outage, not a refusal."""
    _, machine, lic = shop.enrolled()
    _, other, new = shop.enrolled()
    machine("exec", lic, "--", "true", "{model}")
    other("license", "fetch", new)
    shop.house.ctl("seal", check=True)
    ran = machine("exec", lic, "--", "echo", "ran", "{model}")
    t.ok(ran.code == 0 and "ran /" in ran.out and "going on without" in ran.err, "a sealed server refuses nothing", ran)
    ran = other("exec", new, "--", "echo", "ran", "{model}")
    t.ok(ran.code == 2 and "ran /" not in ran.out, "and gives nothing", ran)
    shop.house.ctl("unseal", check=True)
    ran = other("exec", new, "--", "echo", "ran", "{model}")
    t.ok(ran.code == 0, "until it is opened again", ran)


def tampered(t, shop):
    """Record, witness, license, list and key of one license, each spoilt, without the server."""
    _, machine, lic = shop.enrolled()
    ran = machine("exec", lic, "--", "true", "{model}")
    assert ran.code == 0, ran
    with away(shop.house):
        held = machine.license(lic)
        record, witness = held / "record", machine.witness(lic)
        good = {p: p.read_bytes() for p in (record, witness, held / "license.jws", held / "revocations.jws", held / "unlock.jwe")}

        def refused(code, name, status=5):
            ran = machine("license", "check", lic, "--format", "json")
            t.ok(ran.code == status and ran.json()["code"] == code, f"{name}: the check says {code}", ran)
            ran = machine("exec", lic, "--", "echo", "ran", "{model}")
            t.ok(ran.code != 0 and "ran /" not in ran.out and code in ran.err, f"{name}: exec refuses", ran)
            for p, data in good.items():
                p.write_bytes(data)

        def flipped(path, at):
            data = bytearray(path.read_bytes())
            data[at] ^= 1
            path.write_bytes(data)

        def another_letter(path, at):
            """As `flipped`, for text: what comes out is base64url still, so that only its meaning is wrong."""
            text = bytearray(path.read_bytes())
            text[at] = ord("A") if text[at] != ord("A") else ord("B")
            path.write_bytes(text)

        for path in (record, witness):
            flipped(path, -40)
            refused("LAST_SEEN_TAMPERED", f"one bit of {path.parent.name}/{path.name[:7]} altered")
            path.write_bytes(b"")
            if path == record:
                refused("LAST_SEEN_REPLAYED", "the record emptied")
        witness.write_bytes(good[witness])
        early = record.read_bytes()
        for _ in range(2):
            machine("license", "check", lic)
        late = {p: p.read_bytes() for p in (record, witness)}
        good.update(late)
        record.write_bytes(early)
        refused("LAST_SEEN_REPLAYED", "an earlier record put back")
        record.unlink()
        refused("LAST_SEEN_REPLAYED", "the record deleted")
        another_letter(held / "license.jws", -9)
        refused("SIGNATURE_INVALID", "the license altered")
        another_letter(held / "revocations.jws", -9)
        refused("REVOCATIONS_INVALID", "the list altered")
        another_letter(held / "unlock.jwe", -9)
        ran = machine("exec", lic, "--", "echo", "ran", "{model}")
        t.ok(ran.code == 2 and "ran /" not in ran.out and "no unlock key" in ran.err, "the unlock key altered: exec refuses", ran)
        (held / "unlock.jwe").write_bytes(good[held / "unlock.jwe"])
        cache = next((machine.home / ".cache" / "hallmark").glob("*.onnx"))
        whole = cache.read_bytes()
        flipped(cache, 1000)
        ran = machine("exec", lic, "--", "echo", "ran", "{model}")
        t.ok(ran.code == 5 and "ran /" not in ran.out, "the artifact altered: exec refuses", ran)
        cache.write_bytes(whole)
        ran = machine("exec", lic, "--", "true", "{model}")
        t.ok(ran.code == 0, "and with all as it was it runs", ran)
        flipped(record, -40)
    ran = machine("exec", lic, "--", "true", "{model}")
    t.ok(ran.code == 0 and "begins anew" in ran.err, "with the server, a record that was altered begins anew, and that is said", ran)


# ---- Other machines ------------------------------------------------------------------------------------


def moved(t, shop):
    """The whole home folder on another machine: another /etc/machine-id, in a mount namespace."""
    if os.geteuid() != 0:
        t.skip("another machine", "only root can make one")
        return
    terms = {"binding": "any", "components": ["machine-id"], "offline": 5 * DAY}
    _, machine, lic = shop.enrolled(terms)

    def on(name, *words):
        at = machine.home / f"machine-id-{name}"
        if not at.exists():
            at.write_text(secrets.token_hex(16) + "\n")
        script = f'mount --bind {at} /etc/machine-id && exec "$0" "$@"'
        command = ["unshare", "-m", "sh", "-c", script, *machine.command(*words)]
        return Ran(subprocess.run(
            command, capture_output=True, text=True, timeout=60, check=False, env=machine.environment(),
            stdin=subprocess.DEVNULL,
        ))  # fmt: skip

    ran = on("one", "exec", lic, "--", "true", "{model}")
    t.ok(ran.code == 0, "a license that binds to a machine runs on it", ran)
    ran = on("one", "license", "check", lic, "--format", "json")
    t.ok(ran.code == 0, "there the check says yes", ran)
    ran = on("two", "license", "check", lic, "--format", "json")
    t.ok(ran.code == 3 and ran.json()["code"] == "MACHINE_MISMATCH", "on another it says no", ran)
    ran = on("two", "exec", lic, "--", "echo", "ran", "{model}")
    t.ok(ran.code == 3 and "MACHINE" in ran.err and "ran /" not in ran.out, "the server refuses it there", ran)
    with away(shop.house):
        ran = on("two", "exec", lic, "--", "echo", "ran", "{model}")
        t.ok(ran.code == 3 and "MACHINE_MISMATCH" in ran.err and "ran /" not in ran.out, "nor does it run there without the server", ran)
        ran = on("one", "exec", lic, "--", "true", "{model}")
        t.ok(ran.code == 0, "on its own machine it does", ran)


# ---- Keys ------------------------------------------------------------------------------------------------


def rotated(t, shop):
    customer, machine, lic = shop.enrolled()
    ran = machine("exec", lic, "--", "true", "{model}")
    assert ran.code == 0, ran
    at = machine.config / "customers" / customer["id"] / "key"
    before = at.read_text()
    ran = machine("identity", "rotate")
    t.ok(ran.code == 0 and at.read_text() != before, "identity rotate", ran)
    t.same(at.stat().st_mode & 0o7777, 0o600, "the new key is its user's alone")
    with away(shop.house):
        ran = machine("license", "check", lic, "--format", "json")
        t.ok(ran.code == 0, "the record of the time last seen goes with it", ran)
    ran = machine("exec", lic, "--", "true", "{model}")
    t.ok(ran.code == 0, "a new unlock key is made for the new key", ran)
    good = at.read_text()
    at.write_text(before)
    ran = machine("exec", lic, "--", "echo", "ran", "{model}")
    t.ok(ran.code != 0 and "ran /" not in ran.out, "the old one opens nothing any more", ran)
    at.write_text(before)
    (at.parent / "key.next").write_text(good)  # as after a kill between the server's answer and the last step
    os.chmod(at.parent / "key.next", 0o600)
    ran = machine("identity", "rotate")
    t.ok(ran.code == 0 and at.read_text() == good, "a rotation that broke off is finished by the next", ran)
    ran = machine("exec", lic, "--", "true", "{model}")
    t.ok(ran.code == 0, "and it works", ran)


def approved(t, shop):
    """What a vendor may ask for besides: approvals, and a code for one unlocking."""
    _, machine, lic = shop.enrolled({"unlocks": 1})
    ran = machine("unlock", lic, machine.home / "a.onnx")
    t.ok(ran.code == 0, "one unlock key, as the terms allow", ran)
    ran = machine("unlock", lic, machine.home / "b.onnx")
    t.ok(ran.code == 0, "which may be used again", ran)
    (machine.license(lic) / "unlock.jwe").unlink()
    ran = machine("unlock", lic, machine.home / "c.onnx")
    t.ok(ran.code == 3 and "UNLOCKS_EXHAUSTED" in ran.err, "but no second one", ran)
    secret = shop.vendor.post(f"/v1/licenses/{lic}/deliveries", {})
    t.ok(secret.status == 201, "a delivery code", secret)


PARTS = (online, killed, killed_unlocking, files_only, offline, sealed, tampered, moved, rotated, approved)


def together(t):
    with House(**FREE) as house:
        house.open()
        shop = Shop(house)
        for part in PARTS:
            try:
                part(t, shop)
            except Exception:  # the others go on
                t.ok(False, f"{part.__name__} runs to its end", traceback.format_exc())
        t.same(house.ctl("audit", "verify").code, 0, "the audit verifies")


if __name__ == "__main__":
    run(together)
