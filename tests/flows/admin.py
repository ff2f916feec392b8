#!/usr/bin/env python3
"""The local administration: what hallmarkctl says and with which status it ends, one audit row for
each command, who may use the socket, what a hostile client gets, the doctor, backup and restore."""

import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from house import SECRET, House, make_certificate, programs, until
from tap import run

NOBODY = 65534
GROUP = 60123


def rows(house):
    return house.ask("SELECT seq, actor, action, outcome, object FROM audit ORDER BY seq")


def admin_rows(house, after):
    return [r for r in rows(house) if r[0] > after and r[1].startswith("admin:uid:")]


def one_row(t, house, name, action, outcome, *words, code=0, given=""):
    """Runs a command: its status, and exactly one row of the audit, which says how it ended."""
    last = rows(house)[-1][0] if rows(house) else 0
    ran = house.ctl(*words, given=given)
    t.ok(ran.code == code, f"{name}: exit {code}", ran)
    found = [(r[2], r[3]) for r in admin_rows(house, last)]
    t.same(found, [(action, outcome)], f"{name}: one row, {action} {outcome}")
    return ran


def commands(t):
    """Every command once as it should be, and each way of being refused."""
    with House() as house:
        house.start()
        one_row(t, house, "before init", "vendor.list", "UNINITIALISED", "vendor", "list", code=4)
        one_row(t, house, "doctor before init", "doctor", "OK", "doctor", code=3)
        one_row(t, house, "init", "init", "OK", "init")
        one_row(t, house, "a second init", "init", "CONFLICT", "init", code=2)
        one_row(t, house, "vendor create", "vendor.create", "OK", "vendor", "create", "acme")
        one_row(t, house, "same name", "vendor.create", "CONFLICT", "vendor", "create", "ACME", code=2)
        made = one_row(
            t, house, "token create", "token.create", "OK",
            "token", "create", "acme", "--role", "admin,issuer", "--expires", "90d", "--format", "json",
        ).json()  # fmt: skip
        t.ok(SECRET.fullmatch(made["secret"]), "its secret is in the answer")
        t.same(made["roles"], ["admin", "issuer"], "its roles are those")
        one_row(t, house, "no such vendor", "token.create", "NOT_FOUND", "token", "create", "x", code=2)
        listed = one_row(t, house, "token list", "token.list", "OK", "token", "list", "acme", "--format", "json")
        t.same([k["id"] for k in listed.json()], [made["id"]], "it lists that token")
        t.ok(made["secret"] not in listed.out, "without its secret")
        one_row(t, house, "dry run", "token.revoke", "OK", "token", "revoke", "acme", made["id"], "--dry-run")
        one_row(t, house, "token revoke", "token.revoke", "OK", "token", "revoke", "acme", made["id"])
        one_row(t, house, "revoked twice", "token.revoke", "CONFLICT", "token", "revoke", "acme", made["id"], code=2)
        one_row(t, house, "suspend", "vendor.suspend", "OK", "vendor", "suspend", "acme")
        one_row(t, house, "resume", "vendor.resume", "OK", "vendor", "resume", "acme")
        listed = one_row(t, house, "vendor list", "vendor.list", "OK", "vendor", "list", "--format", "jsonl")
        t.same([json.loads(line)["name"] for line in listed.out.splitlines()], ["acme"], "a line each")
        one_row(t, house, "job list", "job.list", "OK", "job", "list")
        absent = "job_01a1f7b4-613b-78db-864f-cf642ca115e9"
        one_row(t, house, "no such job", "job.show", "NOT_FOUND", "job", "show", absent, code=2)
        one_row(t, house, "no such job to cancel", "job.cancel", "NOT_FOUND", "job", "cancel", absent, code=2)
        t.same(rows(house)[-1][4], absent, "the row names it")
        one_row(t, house, "rotate, dry", "rotate", "OK", "rotate", "--dry-run")
        one_row(t, house, "rotate", "rotate", "OK", "rotate", "--wait")
        tail = one_row(t, house, "audit tail", "audit.tail", "OK", "audit", "tail", "-n", "2", "--format", "json")
        t.same(len(tail.json()), 2, "two rows were asked for")
        export = one_row(t, house, "audit export", "audit.export", "OK", "audit", "export", "--format", "jsonl")
        seqs = [json.loads(line)["seq"] for line in export.out.splitlines()]
        t.same(seqs, list(range(1, len(seqs) + 1)), "the export is all of it, in order")
        one_row(t, house, "audit verify", "audit.verify", "OK", "audit", "verify")
        one_row(t, house, "db check", "db.check", "OK", "db", "check")
        metrics = one_row(t, house, "metrics", "metrics", "OK", "metrics")
        t.ok("# TYPE hallmark_" in metrics.out, "metrics are Prometheus text", metrics)
        status = one_row(t, house, "status", "status", "OK", "status", "--format", "json").json()
        t.same((status["state"], status["keyring"]), ("open", 2), "status says open, keyring 2")
        one_row(t, house, "doctor", "doctor", "OK", "doctor")
        one_row(t, house, "seal", "seal", "OK", "seal")
        one_row(t, house, "sealed", "audit.tail", "SEALED", "audit", "tail", code=4)
        t.same(house.ctl("status", "--format", "json").json()["state"], "sealed", "status answers")
        one_row(t, house, "unseal", "unseal", "OK", "unseal")
        t.ok(made["secret"] not in house.said(), "the secret is not in the log")
        usage(t, house)


def usage(t, house):
    last = rows(house)[-1][0]
    for words, says in [
        (("toke", "list"), "possible"), (("token", "create"), "<vendor> is missing"),
        (("unseal", "hms1-abc"), "never an argument"), (("status", "--colour"), "no option"),
        (("audit", "tail", "-n", "x"), "a number"),
    ]:  # fmt: skip
        ran = house.ctl(*words)
        t.ok(ran.code == 1 and says in ran.err and not ran.out, f"{' '.join(words)}: exit 1, says why", ran)
    command = [programs() / "hallmarkctl", "--socket", house.socket, "seal"]
    ran = subprocess.run(command, input="", capture_output=True, text=True, timeout=30, check=False)
    t.ok(ran.returncode == 1 and "--yes" in ran.stderr, "seal without --yes or a terminal does nothing", ran)
    t.same(rows(house)[-1][0], last, "none of these reached the daemon")
    with open("/dev/full", "w") as full:
        ran = subprocess.run([programs() / "hallmarkctl", "--socket", house.socket, "status"], stdout=full,
                             stderr=subprocess.PIPE, timeout=30, check=False)  # fmt: skip
    t.ok(ran.returncode == 1, "output that cannot be written is a failure", ran)


# ---- The wire -----------------------------------------------------------------------------------


def connect(house):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(30)
    s.connect(str(house.socket))
    return s


def answer(s):
    said = b""
    try:
        while chunk := s.recv(65536):
            said += chunk
    except ConnectionResetError:
        pass
    return [json.loads(line) for line in said.splitlines()]


def ask(house, line):
    with connect(house) as s:
        try:
            s.sendall(line)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return answer(s)


def hostile(t):
    with House() as house:
        house.open()
        last = rows(house)[-1][0]
        cases = [
            (b"\n", "MALFORMED_JSON"), (b"status\n", "MALFORMED_JSON"), (b"[]\n", "MALFORMED_JSON"),
            (b"\xff\xfe\n", "MALFORMED_JSON"), (b'{"args":["status"]', "UNREACHABLE"),
            (b"{}\n", "INVALID_VALUE"), (b'{"args":[]}\n', "BAD_REQUEST"),
            (b'{"args":["status"],"x":1}\n', "UNKNOWN_FIELD"), (b'{"args":["nonsense"]}\n', "BAD_REQUEST"),
            (b'{"args":["status"],"options":{"role":true}}\n', "BAD_REQUEST"),
            (b'{"args":["status"],"options":{"\\u001b":true}}\n', "BAD_REQUEST"),
            (b'{"args":["db","restore","/etc/passwd"]}\n', "CONFLICT"),
            (b'{"args":' + b"[" * 5000 + b"]" * 5000 + b"}\n", "MALFORMED_JSON"),
            (b'{"args":["' + b"x" * 70000 + b'"]}\n', "TOO_LARGE"), (b"x" * 200000, "TOO_LARGE"),
        ]  # fmt: skip
        for line, code in cases:
            with connect(house) as s:
                try:
                    s.sendall(line)
                    s.shutdown(socket.SHUT_WR)
                except (BrokenPipeError, ConnectionResetError, OSError):
                    pass
                said = answer(s)
            got = said[-1].get("error", {}).get("code") if said else None
            t.ok(got == code and said[-1]["error"]["detail"], f"{line[:40]!r} is {code}", said)
        t.same(len(admin_rows(house, last)), len(cases), "each of them has one row")
        t.same(ask(house, b'{"args":["vendor","list"]}\n')[-1], {"ok": True}, "it still answers")
        with connect(house):
            pass
        t.ok(not [r for r in rows(house) if r[2] == "admin.connect"], "who asks nothing leaves no row")
        silent(t, house)
        crowd(t, house)
        follow(t, house)


def silent(t, house):
    began = time.monotonic()
    with connect(house) as slow:
        slow.sendall(b'{"args":')
        said = answer(slow)
    took = time.monotonic() - began
    t.ok(said and said[-1]["error"]["code"] == "REQUEST_TIMEOUT" and 9 < took < 20,
         "half a request is refused after ten seconds", (said, took))  # fmt: skip


def crowd(t, house):
    many = [connect(house) for _ in range(16)]
    said = ask(house, b'{"args":["status"]}\n')
    t.ok(said and said[-1]["error"]["code"] == "BUSY", "the seventeenth connection is told so", said)
    for s in many:
        s.close()
    t.ok(until(lambda: house.ctl("status").code == 0, 15, "room"), "and there is room again")


def follow(t, house):
    command = [programs() / "hallmarkctl", "--socket", house.socket, "audit", "tail", "-n", "1", "-f",
               "--format", "jsonl"]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as p:
        first = json.loads(p.stdout.readline())
        t.ok(first["seq"] > 0, "tail --follow begins with the last row")
        house.ctl("vendor", "create", "followed", check=True)
        seen = [json.loads(p.stdout.readline())["action"] for _ in range(2)]
        t.ok("vendor.create" in seen, "and shows new ones as they come", seen)
        gone = [programs() / "hallmarkctl", "--socket", house.socket, "audit", "tail", "-f"]
        with subprocess.Popen(gone, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as other:
            time.sleep(0.5)
            other.kill()
        began = time.monotonic()
        house.server.send_signal(signal.SIGTERM)
        t.ok(p.wait(20) == 2, "it ends with 2 when the daemon ends", p.stderr.read())
        house.server.wait(20)
        t.ok(time.monotonic() - began < 15, "which nobody who follows holds back")


def slow_reader(t):
    """Who reads in a pager may take their time; the end of the daemon does not wait for them."""
    with House() as full:
        full.open()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: ask(full, b"{}\n"), range(1500)))
        with connect(full) as s:
            s.sendall(b'{"args":["audit","export"]}\n')
            time.sleep(1)
            t.same(answer(s)[-1], {"ok": True}, "an answer waits for its reader")
        with connect(full) as s:
            s.sendall(b'{"args":["audit","export"]}\n')
            time.sleep(0.5)
            began = time.monotonic()
            full.stop()
            t.ok(time.monotonic() - began < 15, "who takes nothing does not hold the daemon's end back")


# ---- Who may ------------------------------------------------------------------------------------


def as_user(house, uid, gid, groups):
    def become():
        os.setgroups(groups)
        os.setgid(gid)
        os.setuid(uid)

    script = ("import socket, sys\ns = socket.socket(socket.AF_UNIX)\ns.settimeout(10)\n"
              "s.connect(sys.argv[1])\ns.sendall(b'{\"args\":[\"status\"]}\\n')\n"
              "while chunk := s.recv(65536): sys.stdout.write(chunk.decode())\n")  # fmt: skip
    ran = subprocess.run(["python3", "-c", script, house.socket], preexec_fn=become, capture_output=True,
                         text=True, timeout=30, check=False)  # fmt: skip
    return [json.loads(line) for line in ran.stdout.splitlines()], ran


def peers(t):
    with House(admin_group=GROUP) as house:
        if os.getuid() != 0:
            t.skip("who may use the socket", "needs root")
            return
        house.open()
        os.chmod(house.folder, 0o711)
        mode = os.stat(house.socket)
        t.same((stat.S_IMODE(mode.st_mode), mode.st_gid), (0o660, GROUP), "the socket is 0660 and the group's")
        said, ran = as_user(house, NOBODY, NOBODY, [])
        t.ok(not said and "PermissionError" in ran.stderr, "its mode keeps others out", ran)
        os.chmod(house.socket, 0o666)
        said, ran = as_user(house, NOBODY, NOBODY, [])
        t.ok(said and said[-1]["error"]["code"] == "FORBIDDEN", "so does the daemon", (said, ran))
        t.same(rows(house)[-1][1:4], (f"admin:uid:{NOBODY}", "admin.connect", "FORBIDDEN"), "and it is audited")
        for gid, groups in [(GROUP, []), (NOBODY, [7, GROUP])]:
            said, ran = as_user(house, NOBODY, gid, groups)
            t.ok(said and said[-1].get("ok"), f"a member of the group may (gid {gid})", (said, ran))
        t.same(rows(house)[-1][1:4], (f"admin:uid:{NOBODY}", "status", "OK"), "under the member's own number")
    with House() as house:
        house.open()
        t.same(stat.S_IMODE(os.stat(house.socket).st_mode), 0o600, "without a group the socket is 0600")


def sockets(t):
    with House() as house, House() as other:
        house.open()
        other.conf["admin-socket"] = house.socket
        other.spawn()
        code = other.server.wait(20)
        t.ok(code != 0 and "another daemon listens" in other.said(), "a live daemon's socket is not taken", other.said())
        other.server = None
        t.same(house.ctl("status").code, 0, "which still answers")
        house.kill()
        t.ok(house.socket.is_socket(), "a daemon that was killed leaves its socket")
        ran = house.ctl("status")
        t.ok(ran.code == 2 and "left its socket behind" in ran.err, "hallmarkctl says so", ran)
        house.start()
        t.same(house.ctl("status").code, 0, "the next one takes its place")
        house.stop()
        t.ok(not house.socket.exists(), "a daemon that ends removes its socket")
        house.socket.write_text("mine")
        house.spawn()
        t.ok(house.server.wait(20) != 0 and house.socket.read_text() == "mine", "a file in the way is left alone")
        house.server = None


# ---- The doctor ---------------------------------------------------------------------------------


def findings(ran):
    return {(f["check"], f["state"]) for f in ran.json()}


def examine(t, house, name, wanted, code=3):
    ran = house.ctl("doctor", "--conf", str(house.conf_path), "--format", "json")
    t.ok(ran.code == code and wanted in findings(ran), f"doctor: {name}", ran)
    t.ok(all(f["next"] for f in ran.json() if f["state"] != "ok"), f"doctor: {name}: says what to do", ran)
    return ran


def doctor(t):
    with House() as house:
        house.open()
        examine(t, house, "all is well", ("custodian", "ok"), 0)
        os.chmod(house.state, 0o755)
        examine(t, house, "an open state folder", ("permissions", "error"))
        os.chmod(house.state, 0o700)
        key = house.folder / "root.key"
        os.chmod(key, 0o644)
        examine(t, house, "a root key that others may read", ("permissions", "error"))
        key.rename(house.folder / "away")
        examine(t, house, "no root key", ("root key", "error"))
        (house.folder / "away").rename(key)
        os.chmod(key, 0o600)
        shutil.copytree(house.folder, house.folder / "old", ignore=lambda *_: ["state", "admin.sock", "old"])
        house.certificate.write_text("no certificate")
        examine(t, house, "a broken certificate", ("certificate", "error"))
        make_certificate(house.folder, "localhost")
        subprocess.run(["openssl", "req", "-x509", "-key", house.key, "-days", "3", "-subj", "/CN=x",
                        "-out", house.certificate], check=True, capture_output=True)  # fmt: skip
        examine(t, house, "a certificate that ends in three days", ("certificate", "warning"), 0)
        make_certificate(house.folder / "old", "localhost")
        shutil.copy(house.folder / "old" / "key.pem", house.key)
        examine(t, house, "a key of another certificate", ("certificate key", "error"))
        make_certificate(house.folder, "localhost", house.ip)
        house.ctl("seal", check=True)
        examine(t, house, "sealed", ("keys", "error"))
        house.ctl("unseal", check=True)
        house.kill()
        ran = examine(t, house, "killed", ("daemon", "error"))
        t.ok(("disk", "ok") in findings(ran), "doctor: looks from outside as well", ran)
        os.chmod(house.state / "hallmark.db", 0o640)
        examine(t, house, "an open database, the daemon down", ("permissions", "error"))
        ran = house.ctl("doctor", "--conf", str(house.folder / "none"), "--format", "json")
        t.ok(ran.code == 3 and ("offline", "error") in findings(ran), "doctor: no configuration either", ran)


def clock(t):
    """A row of the audit is from tomorrow: the clock was ahead, and is not any more."""
    with House() as house:
        house.open()
        house.stop()
        with closing(sqlite3.connect(house.database)) as db:
            db.execute("UPDATE audit SET at = at + 86400000 WHERE seq = 2")
            db.commit()
        house.start()
        examine(t, house, "a clock that went back", ("clock", "error"))


# ---- Backup and restore -------------------------------------------------------------------------


def backups(t):
    with House() as house:
        house.open()
        copy = house.folder / "copy.db"
        ran = house.ctl("db", "backup", str(copy), "--format", "json")
        t.ok(ran.code == 0 and ran.json()["bytes"] == copy.stat().st_size, "db backup", ran)
        t.same(stat.S_IMODE(copy.stat().st_mode), 0o600, "the copy is its user's alone")
        t.same(house.ctl("db", "backup", str(copy)).code, 1, "a file that is there is not replaced")
        t.same(house.ctl("db", "backup", "/nonexistent/x").code, 1, "a folder that is not there is a local error")
        t.same([p.name for p in house.state.iterdir() if "backup-" in p.name], [], "nothing is left in the state folder")
        house.ctl("vendor", "create", "later", check=True)
        conf = ("--conf", str(house.conf_path))
        t.same(house.ctl("db", "restore", str(copy), *conf).code, 2, "a running daemon's database stays")
        house.stop()
        broken = house.folder / "broken.db"
        broken.write_bytes(copy.read_bytes()[:-5000])
        t.ok(house.ctl("db", "restore", str(broken), *conf).code in (2, 5), "a cut backup is refused")
        t.same(house.ctl("db", "restore", "/nonexistent", *conf).code, 1, "so is one that is not there")
        ran = house.ctl("db", "restore", str(copy), *conf)
        t.ok(ran.code == 0, "db restore", ran)
        house.start()
        names = [v["name"] for v in house.ctl("vendor", "list", "--format", "json").json()]
        t.same(names, ["acme"], "the database is as it was")
        t.same(house.ctl("audit", "verify").code, 0, "and its audit verifies")
        t.same(house.ctl("db", "check").code, 0, "and it is sound")


def every_command_is_here(t):
    """What --help lists, one of the flows runs."""
    said = subprocess.run([programs() / "hallmarkctl", "--help"], capture_output=True, text=True, check=True).stdout
    flows = Path(__file__).resolve().parent.glob("*.py")
    source = "".join(flow.read_text() for flow in flows).replace('", "', " ")
    for words in re.findall(r"^  hallmarkctl ([a-z -]*[a-z])", said, re.MULTILINE):
        t.ok(re.search(rf'[" ]{words}[" )]', source), f"{words} is among these tests")


run(commands, hostile, slow_reader, peers, sockets, doctor, clock, backups, every_command_is_here)
