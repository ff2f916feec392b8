"""The first steps, as a new operator takes them: a vendor, a token, curl over verified TLS, the
token's end; each in the audit. Then one byte of an audit row is changed, in every column in turn,
and `audit verify` says which row it was."""

import json
import os
import sqlite3
import subprocess
from contextlib import closing

from house import SECRET, House
from tap import run


def curl(house, secret, path, *more):
    """Status and body, by the stock client, with the certificate verified."""
    bearer = house.folder / "bearer"
    bearer.touch(mode=0o600)
    bearer.write_text(f"Authorization: Bearer {secret}\n")
    ran = subprocess.run(
        ["curl", "-sS", "--max-time", "20", "--cacert", house.certificate, "-H", f"@{bearer}",
         "--resolve", f"localhost:8443:{house.ip}", "-w", "\n%{http_code}", *more,
         f"https://localhost:8443{path}"],
        capture_output=True, text=True, check=True, env={k: v for k, v in os.environ.items() if "proxy" not in k.lower()},
    )  # fmt: skip
    body, _, status = ran.stdout.rpartition("\n")
    return int(status), body


def tail(house, lines=50):
    ran = house.ctl("audit", "tail", "--lines", str(lines), "--format", "jsonl", check=True)
    return [json.loads(line) for line in ran.out.splitlines()]


def steps(t, house):
    house.start()
    t.same(curl(house, "", "/readyz")[0], 501, "before init: not initialised")
    t.same(house.ctl("init").code, 0, "init")
    t.same(curl(house, "", "/readyz")[0], 200, "ready")
    t.same(house.ctl("vendor", "create", "acme").code, 0, "vendor create")
    made = house.ctl("token", "create", "acme", "--role", "admin", "--name", "first", "--format", "json")
    t.same(made.code, 0, "token create")
    secret = SECRET.search(made.out).group()
    token = made.json()["id"]
    status, body = curl(house, secret, f"/v1/tokens/{token}")
    t.same((status, json.loads(body)["id"]), (200, token), "curl reads its own token over verified TLS")
    t.ok(secret not in body, "without the secret")
    status, body = curl(house, secret, "/v1/tokens", "-H", "Idempotency-Key: 1", "--json",
                        '{"name": "till", "roles": ["issuer"]}')  # fmt: skip
    t.same(status, 201, "curl creates another one")
    till = json.loads(body)
    t.same(curl(house, till["secret"], "/v1/jobs")[0], 200, "which works")
    t.same(curl(house, till["secret"], "/v1/tokens")[0], 403, "for what its role allows alone")
    _, head = curl(house, secret, f"/v1/tokens/{till['id']}", "-D", "-", "-o", os.devnull)
    etag = next(h for h in head.splitlines() if h.lower().startswith("etag:")).split(": ")[1]
    status, _ = curl(house, secret, f"/v1/tokens/{till['id']}", "-X", "DELETE", "-H", f"If-Match: {etag}")
    t.same(status, 204, "curl revokes it")
    t.same(curl(house, till["secret"], "/v1/jobs")[0], 401, "and it is refused at once")
    t.same(house.ctl("token", "revoke", "acme", token).code, 0, "token revoke")
    status, body = curl(house, secret, f"/v1/tokens/{token}")
    t.same((status, json.loads(body)["code"]), (401, "UNAUTHENTICATED"), "the first one is refused as well")
    wrong = secret[:-1] + ("A" if secret[-1] != "A" else "B")
    t.same(curl(house, wrong, f"/v1/tokens/{token}")[0], 401, "so is a secret with a typing error")
    # Refusals and reads are written within a tenth of a second.
    house.ctl("status", check=True)
    rows = tail(house)
    for action, outcome, thing in [
        ("init", "OK", None), ("vendor.create", "OK", None), ("token.create", "OK", token),
        ("token.read", "OK", token), ("token.create", "OK", till["id"]), ("job.list", "OK", None),
        ("token.list", "FORBIDDEN", None), ("token.revoke", "OK", till["id"]),
        ("job.list", "UNAUTHENTICATED", None), ("token.revoke", "OK", token),
        ("token.read", "UNAUTHENTICATED", token),
    ]:  # fmt: skip
        there = [r for r in rows if r["action"] == action and r["outcome"] == outcome
                 and thing in (None, r["object"])]  # fmt: skip
        t.ok(there, f"audit tail shows {action} {outcome}", "\n".join(map(str, rows)))
    verified = house.ctl("audit", "verify")
    t.ok(verified.code == 0, "audit verify finds nothing", verified)


def flip(value):
    """The same, one bit or letter aside."""
    if isinstance(value, int):
        return value ^ 1
    if isinstance(value, bytes):
        return bytes([value[0] ^ 1]) + value[1:]
    return value[:-1] + chr(ord(value[-1]) ^ 1) if value else "x"


def edit(house, sql, *values):
    with closing(sqlite3.connect(house.database, isolation_level=None)) as db:
        db.execute("PRAGMA ignore_check_constraints = 1")
        db.execute(sql, values)


def verdict(house, name, t, seqs):
    house.start()
    found = house.ctl("audit", "verify")
    house.stop()
    judge(found, name, t, seqs)


def judge(found, name, t, seqs):
    named = any(str(s) in (found.out + found.err).replace(",", " ").replace(":", " ").replace(".", " ").split()
                for s in seqs)  # fmt: skip
    t.ok(found.code == 5 and named, f"{name}: exit 5 and the row's number", found)


def tampering(t, house):
    row = house.audit_rows(action="token.revoke")[0]
    seq = row["seq"]
    house.stop()
    for column, value in row.items():
        if column == "seq":
            continue
        edit(house, f"UPDATE audit SET {column} = ? WHERE seq = ?", flip(value), seq)
        verdict(house, f"one byte of {column}", t, (seq,))
        edit(house, f"UPDATE audit SET {column} = ? WHERE seq = ?", value, seq)
    low = seq & ~1
    exchange = "UPDATE audit SET seq = CASE seq WHEN ? THEN -1 ELSE ? END WHERE seq IN (?, ?)"
    for _ in range(2):
        edit(house, exchange, low, low, low, low + 1)
        edit(house, "UPDATE audit SET seq = ? WHERE seq = -1", low + 1)
        if _ == 0:
            verdict(house, "two rows in each other's place", t, (low, low + 1))
    house.start()
    edit(house, "UPDATE audit SET seq = seq + 100000 WHERE seq = ?", seq)
    judge(house.ctl("audit", "verify"), "another seq, while serving", t, (seq, seq + 1, seq + 100000))
    edit(house, "UPDATE audit SET seq = seq - 100000 WHERE seq > 100000")
    edit(house, "DELETE FROM audit WHERE seq = ?", seq)
    judge(house.ctl("audit", "verify"), "one row gone", t, (seq, seq + 1))
    house.stop()
    edit(house, "DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)")
    house.spawn()
    t.same(house.server.wait(30), 5, "the last row gone: the daemon does not even start, exit 5")
    house.server = None


def everything(t):
    with House() as house:
        steps(t, house)
        tampering(t, house)


run(everything)
