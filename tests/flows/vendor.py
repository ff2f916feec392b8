#!/usr/bin/env python3
"""The vendor's own program against a real server: login over verified TLS, tokens, jobs with their
progress, the audit; what it does when the server is away, sealed, or somebody else's."""

import json
import os
import re
import stat
import subprocess
import threading
import time
from pathlib import Path

from cli import Vendor
from house import SECRET, House, programs
from tap import run


def entering(t, house, hallmark, secret):
    url = f"https://{house.ip}:8443"
    ran = hallmark("status")
    t.ok(ran.code == 1 and "hallmark login" in ran.err, "before login it says what to do", ran)
    for name, ran in {
        "an unknown authority": hallmark("login", url, given=secret),
        "another name": hallmark("login", "https://127.0.0.1:1", "--cacert", str(house.certificate), given=secret),
        "a wrong token": hallmark.login(secret[:-1] + ("A" if secret[-1] != "A" else "B")),
        "no token": hallmark.login(""),
        "plain HTTP": hallmark("login", f"http://{house.ip}:8443", given=secret),
        "a path": hallmark("login", url + "/v1", given=secret),
        "no certificate": hallmark("login", url, "--cacert", str(house.key), given=secret),
    }.items():
        t.ok(ran.code in (1, 2) and not ran.out, f"login with {name} is refused", ran)
        t.ok(secret not in ran.err, f"login with {name}: the token is not repeated")
    t.ok(not hallmark.folder.exists(), "nothing was stored by these")
    ran = hallmark.login(secret)
    t.ok(ran.code == 0 and secret not in ran.out + ran.err, "login", ran)
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in hallmark.folder.iterdir()}
    t.same(modes, {"config": 0o600, "token": 0o600, "ca.pem": 0o600}, "what it stored is its user's alone")
    t.same(stat.S_IMODE(hallmark.folder.stat().st_mode), 0o700, "so is the folder")
    ran = hallmark("status", "--format", "json")
    t.ok(ran.code == 0 and ran.json()["state"] == "ready", "status", ran)


def tokens(t, house, hallmark, secret):
    ran = hallmark("token", "create", "night shift", "--role", "issuer", "--expires", "30d", "--format", "json")
    made = ran.json()
    t.ok(ran.code == 0 and SECRET.fullmatch(made["secret"]), "token create", ran)
    many = [hallmark("token", "create", f"n{i}", "--role", "auditor").code for i in range(3)]
    t.same(many, [0, 0, 0], "some more")
    listed = hallmark("token", "list", "--format", "jsonl")
    names = [json.loads(line)["name"] for line in listed.out.splitlines()]
    t.same(sorted(names), sorted(["flow", "night shift", "n0", "n1", "n2"]), "token list shows them")
    t.ok("secret" not in listed.out, "without secrets")
    file = house.folder / "other"
    file.write_text(made["secret"] + "\n")
    file.chmod(0o600)
    other = {"HALLMARK_TOKEN_FILE": str(file)}
    t.same(hallmark("status", env=other).code, 0, "$HALLMARK_TOKEN_FILE names another token's file")
    t.same(hallmark("status", "--token-file", "-", given=made["secret"]).code, 0, "or standard input has it")
    ran = hallmark("token", "create", "x", "--role", "admin", env=other)
    t.ok(ran.code == 2 and "FORBIDDEN" in ran.err, "an issuer makes no tokens", ran)
    ran = hallmark("token", "revoke", made["id"])
    t.ok(ran.code == 1 and "--yes" in ran.err, "revoke asks first", ran)
    t.same(hallmark("token", "revoke", made["id"], "--yes").code, 0, "token revoke")
    t.same(hallmark("status", env=other).code, 2, "it is refused from then on")
    t.same(hallmark("token", "revoke", made["id"], "-y").code, 2, "a second time is a conflict")
    os.chmod(hallmark.folder / "token", 0o644)
    ran = hallmark("status")
    t.ok(ran.code == 1 and "others may read" in ran.err, "a token that others may read is not used", ran)
    os.chmod(hallmark.folder / "token", 0o600)


def jobs(t, house, hallmark, secret):
    params = json.dumps({"text": "x", "steps": 60, "step_ms": 30})
    ran = hallmark("job", "submit", "selftest", "--params", params, "--watch", "--format", "json")
    done = ran.json()
    t.ok(ran.code == 0 and done["state"] == "done" and done["result"]["steps"] == 60, "a job is watched to its end", ran)
    percents = [int(n) for n in re.findall(r"\((\d+) %\)", ran.err)]
    t.ok(len(percents) > 2 and percents == sorted(percents), "progress only grows", ran.err)
    t.same(hallmark("job", "watch", done["id"]).code, 0, "watching it afterwards says the same")
    ran = hallmark("job", "submit", "selftest", "--params", '{"text": "x", "fail": "exit"}', "--watch")
    t.ok(ran.code == 3, "a job that failed: exit 3", ran)
    file = house.folder / "params.json"
    file.write_text('{"text": "x", "steps": 600, "step_ms": 100}')
    ran = hallmark("job", "submit", "selftest", "--params", f"@{file}", "--format", "json")
    job = ran.json()["id"]
    watched = []
    thread = threading.Thread(target=lambda: watched.append(hallmark("job", "watch", job)))
    thread.start()
    time.sleep(0.5)
    t.same(hallmark("job", "cancel", job, "--yes").code, 0, "job cancel")
    thread.join(30)
    t.ok(watched and watched[0].code == 3, "who watches it hears: exit 3", watched)
    t.ok("cancelled" in hallmark("job", "show", job).out, "job show")
    t.same(len(hallmark("job", "list", "--format", "json").json()), 3, "job list")
    for params in ("{", "[]", '{"colour": 1}', "@/nonexistent"):
        t.same(hallmark("job", "submit", "selftest", "--params", params).code, 1, f"--params {params}: exit 1")


def audit(t, house, hallmark, secret):
    auditor = house.token("acme", "auditor")
    ran = hallmark("audit", "list", "--limit", "5", "--format", "json", "--token-file", "-", given=auditor)
    seen = ran.json()
    t.ok(ran.code == 0 and len(seen) == 5, "audit list", ran)
    ran = hallmark("audit", "list", "--after", str(seen[-1]["seq"]), "--token-file", "-", "--format", "jsonl", given=auditor)
    more = [json.loads(line)["seq"] for line in ran.out.splitlines()]
    t.ok(more and more[0] > seen[-1]["seq"] and more == sorted(more), "and what comes after a row", ran)
    t.same(hallmark("audit", "list").code, 2, "an administrator's token alone does not read it")


def together(t):
    with House() as house:
        house.open()
        hallmark = Vendor(house)
        secret = house.vendors["acme"]
        entering(t, house, hallmark, secret)
        for part in (tokens, jobs, audit):
            part(t, house, hallmark, secret)
        house.ctl("seal", check=True)
        t.same(hallmark("status").code, 4, "sealed: status exits 4")
        t.same(hallmark("job", "list").code, 4, "so does everything else")
        house.ctl("unseal", check=True)
        t.ok(secret not in house.said(), "the token is not in the log")


def again(t):
    """The server is away and comes back: the one creation is done once."""
    with House() as house:
        house.open()
        hallmark = Vendor(house)
        hallmark.login(house.vendors["acme"])
        house.kill()
        t.same(hallmark("token", "list", timeout=30).code, 2, "nobody there: exit 2 after some tries")
        ran = []
        thread = threading.Thread(target=lambda: ran.append(hallmark("token", "create", "once", "--role", "issuer")))
        thread.start()
        time.sleep(0.5)
        house.start()
        thread.join(40)
        t.ok(ran and ran[0].code == 0, "one that waits for it succeeds", ran)
        names = [k["name"] for k in hallmark("token", "list", "--format", "json").json()]
        t.same(names.count("once"), 1, "and has made one token")


def every_command_is_here(t):
    said = subprocess.run([programs() / "hallmark", "--help"], capture_output=True, text=True, check=True).stdout
    flows = Path(__file__).resolve().parent.glob("*.py")
    source = "".join(flow.read_text() for flow in flows).replace('", "', " ")
    for words in re.findall(r"^  hallmark ([a-z]+(?: [a-z]+)?)", said, re.MULTILINE):
        t.ok(re.search(rf'"{words}[" ]', source), f"{words} is among these tests")


run(together, again, every_command_is_here)
