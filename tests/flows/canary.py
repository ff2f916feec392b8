"""No secret lies in plain sight: the texts of tokens, shares and job inputs are sought, in every
spelling, in the database, its log, backups, the audit, the daemon's log and every answer."""

import base64
import secrets
from contextlib import closing

from house import SECRET, House, job_ends
from tap import run

WORD = "canary-" + secrets.token_hex(12)


def spellings(secret):
    """The text, the bits behind it, and how else they may be written."""
    found = {secret.encode()}
    if secret.startswith("hmt_"):
        bits = base64.urlsafe_b64decode(secret[4:] + "=")
        found |= {secret[4:].encode(), bits, bits.hex().encode(), bits.hex().upper().encode(), base64.b64encode(bits)}
    elif secret.startswith("hms1"):
        # Its own part: 32 secret bytes and a commitment to the whole.
        body = secret.split("-")[4]
        bits = base64.b32decode(body.upper())[:32]
        found |= {body.encode(), body[:40].encode(), bits, bits.hex().encode()}
    else:
        found |= {base64.b64encode(secret.encode())[:-4], secret.encode().hex().encode(), secret.encode("utf-16-le")}
    return found


def files(house):
    """Everything that the daemon has written, by name."""
    there = {str(p.relative_to(house.folder)): p.read_bytes() for p in house.state.rglob("*") if p.is_file()}
    there["log"] = house.log.read_bytes()
    return there


def errors(house, secret):
    """Answers to requests that carry secrets in the wrong places. An unknown field is answered by
    its name, to the one who sent it: these answers are not among them."""
    said = []
    with closing(house.client()) as client:
        for method, path, body, headers in [
            ("GET", f"/v1/tokens/{secret}", None, {}),
            ("GET", f"/v1/tokens?cursor={secret}", None, {}),
            ("GET", f"/{secret}", None, {}),
            ("POST", "/v1/tokens", {"name": "x", "roles": [secret]}, {"Idempotency-Key": "a"}),
            ("POST", "/v1/tokens", {secret: 1}, {"Idempotency-Key": "b"}),
            ("POST", "/v1/tokens", f'{{"name": {secret}}}'.encode(), {"Idempotency-Key": "c"}),
            ("POST", "/v1/jobs", {"kind": secret, "params": {}}, {"Idempotency-Key": "d"}),
            ("POST", "/v1/jobs", {"kind": "selftest", "params": {secret: 1}}, {"Idempotency-Key": "e"}),
            ("POST", "/v1/tokens", {"name": "x", "roles": ["issuer"]}, {"Idempotency-Key": secret}),
            ("DELETE", "/v1/tokens/x", None, {"If-Match": secret}),
            ("GET", "/v1/tokens", None, {"Authorization": f"Basic {secret}"}),
            ("GET", "/v1/tokens", None, {"Authorization": f"Bearer {secret[:-2]}"}),
        ]:
            answer = client.request(method, path, body, headers)
            if answer.problem("code") != "UNKNOWN_FIELD":
                said.append((f"{method} {path.split(secret)[0]} ({len(said)})", answer))
    return said


def canaries(t):
    with House(root="shares", log_level=7) as house:
        house.start()
        shares = house.shares(2, 3)
        for share in shares[:2]:
            house.unseal(share)
        client = house.vendor("acme")
        key = secrets.token_hex(16)
        body = {"name": "kept", "roles": ["issuer"]}
        token = client.post("/v1/tokens", body, key=key).json()["secret"]
        t.same(client.post("/v1/tokens", body, key=key).json()["secret"], token, "a repetition shows the secret again")
        job = {"kind": "selftest", "params": {"text": WORD, "steps": 2, "step_ms": 1}}
        t.same(job_ends(client, client.post("/v1/jobs", job).json()["id"])["state"], "done", "a job with a secret input")
        waiting = {"kind": "selftest", "params": {"text": WORD, "steps": 500, "step_ms": 100}}
        for _ in range(2):
            client.post("/v1/jobs", waiting)
        house.unseal(shares[2])
        hidden = {"the vendor's token": house.vendors["acme"], "a created token": token, "a job's input": WORD}
        hidden |= {f"share {n}": share for n, share in enumerate(shares, start=1)}

        said = errors(house, token)
        backup = house.folder / "backup.db"
        house.ctl("db", "backup", str(backup), check=True)
        export = house.ctl("audit", "export", "--format", "jsonl", check=True).out
        auditor = house.token("acme", "auditor", name="auditor")
        with closing(house.client()) as reader:
            reader.secret = auditor
            audit = reader.get("/v1/audit?limit=200").body
        places = files(house)
        house.kill()  # with its WAL as it is
        places |= {f"{name} after a kill": data for name, data in files(house).items()}
        places |= {"the backup": backup.read_bytes(), "audit export": export.encode(), "/v1/audit": audit}
        places |= {f"answer to {name}": str(a.headers).encode() + a.body for name, a in said}
        t.ok(any("-wal" in name for name in places), "the write-ahead log is among the places", sorted(places))
        for name, secret in hidden.items():
            hits = [f"{place}: {spelt!r}" for spelt in spellings(secret) for place, data in places.items() if spelt in data]
            t.same(hits, [], f"{name}: not in any of {len(places)} places")
        t.ok(places["state/hallmark.db"].find(b"kept") >= 0 or places["state/hallmark.db-wal"].find(b"kept") >= 0,
             "while what is no secret is found by the same search")  # fmt: skip


def arguments(t):
    """Secrets are not taken as arguments, where every process could read them."""
    with House(root="shares") as house:
        house.start()
        shares = house.shares(2, 3)
        ran = house.ctl("unseal", shares[0])
        t.ok(ran.code == 1 and shares[0] not in ran.err + ran.out, "a share as an argument is refused, and not repeated", ran)
        t.same(SECRET.findall(house.said()), [], "no token in the log")


run(canaries, arguments)
