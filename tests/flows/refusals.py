"""Every bad request is told what is wrong with it, precisely, in the one form for that; it changes
nothing, and its answer gives nothing away."""

import json
import secrets
import socket
import ssl
import subprocess
import time
import warnings
from contextlib import closing

from bad_requests import ABSENT, CASES, FOREIGN, STRANGE_IDS, WIRE
from house import House
from tap import run
from wire import Closed, Wire

MEMBERS = {"type", "title", "status", "detail", "instance", "code"}
LEAKS = ["SELECT", "INSERT", "sqlite", "constraint failed", "/tmp/", "hallmark.db", ".c:", "core/", "daemon/"]


def things(house):
    """What the rows speak of: tokens good and bad, things of one's own and of others."""
    admin = house.client()
    other = house.vendor("other")
    gone = house.vendor("gone")
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
    expired = admin.post("/v1/tokens", {"name": "soon", "roles": ["admin"], "expires": soon}).json()
    revoked = admin.post("/v1/tokens", {"name": "gone", "roles": ["admin"]}).json()
    admin.delete(f"/v1/tokens/{revoked['id']}", '"1"')
    house.ctl("vendor", "suspend", "gone", check=True)
    own = admin.post("/v1/tokens", {"name": "own", "roles": ["issuer"]}).json()
    # Longer than everything here takes, so that it stays as it is.
    job = {"kind": "selftest", "params": {"text": "x", "steps": 280, "step_ms": 1000}}
    secret = house.vendors["acme"]
    made = {
        "admin": secret,
        "issuer": own["secret"],
        "auditor": house.token("acme", "auditor", name="auditor"),
        "mistyped": secret[:-1] + ("A" if secret[-1] != "A" else "E"),
        "lower": secret.lower() if secret.lower() != secret else secret.upper(),
        "expired": expired["secret"],
        "revoked": revoked["secret"],
        "suspended": gone.secret,
        "own": own["id"],
        "job": admin.post("/v1/jobs", job).json()["id"],
        "token_cursor": admin.get("/v1/tokens?limit=1").json()["next"],
        "foreign token": other.post("/v1/tokens", {"name": "theirs", "roles": ["issuer"]}).json()["id"],
        "foreign job": other.post("/v1/jobs", job).json()["id"],
    }
    time.sleep(2.1)
    return made


def filled(text, have):
    for name, value in have.items():
        text = text.replace("{" + name + "}", value)
    return text


def ask(house, case, have):
    body = case.body
    if body is not None and not isinstance(body, bytes):
        body = (body if isinstance(body, str) else json.dumps(body)).encode()
    headers = {"Host": house.ip, "X-Request-Id": f"case-{secrets.token_hex(4)}"}
    if case.who:
        headers["Authorization"] = f"Bearer {have[case.who]}"
    if case.method == "POST":
        headers["Idempotency-Key"] = secrets.token_hex(8)
    if body is not None:
        headers |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    headers |= case.headers
    lines = [f"{case.method} {filled(case.path, have)} HTTP/1.1"]
    lines += [f"{name}: {filled(value, have)}" for name, value in headers.items() if value is not None]
    with Wire(house.address, house.context) as wire:
        try:
            wire.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b""))
        except (OSError, ssl.SSLError):
            pass  # refused before its end; the answer is there
        return headers["X-Request-Id"], wire.answer()


def form_of(answer, name):
    """What is wrong with the form of a refusal; empty if nothing is."""
    if answer.headers.get("content-type") != "application/problem+json":
        return f"Content-Type: {answer.headers.get('content-type')}"
    problem = answer.json()
    missing = MEMBERS - set(problem)
    if missing:
        return f"without {missing}"
    if problem["status"] != answer.status or problem["instance"] != name != "":
        return "status or instance is another one"
    if answer.headers.get("x-request-id") != name:
        return f"X-Request-Id: {answer.headers.get('x-request-id')}"
    if answer.headers.get("cache-control") != "no-store":
        return "may be cached"
    return ""


def leak_in(house, have, answer):
    text = answer.body.decode("utf-8", "replace") + str(answer.headers)
    hidden = [v for k, v in have.items() if v.startswith("hmt_")] + LEAKS + [str(house.folder)]
    return [word for word in hidden if word in text]


def table(t, house, have):
    before = house.counts()
    for case in CASES:
        try:
            name, answer = ask(house, case, have)
        except (Closed, OSError) as e:
            t.ok(False, case.name, f"no answer: {e!r}")
            continue
        form = form_of(answer, name)
        leaks = leak_in(house, have, answer)
        headers = {k: answer.headers.get(k) for k in case.checks}
        after = house.counts()
        right = (answer.status, answer.problem("code")) == case.wanted and headers == case.checks
        t.ok(right and not form and not leaks and after == before, f"{case.name}: {case.wanted[0]} {case.wanted[1]}",
             f"{answer}\n{form} {leaks} {headers}\n{before}\n{after}")  # fmt: skip
        before = after
    house.settle()
    recorded = {r["request"] for r in house.audit_rows() if r["request"].startswith("case-")}
    t.same(len(recorded), len(CASES), "each of these has left its row in the audit")


def strangers(t, house, have):
    """Another vendor's id and one that never was: the same bytes, the request id aside."""
    with closing(house.client()) as client:
        for method, path, kind in FOREIGN:
            def told(thing, method=method, path=path):
                headers = {"Idempotency-Key": secrets.token_hex(8), "If-Match": "*", "X-Request-Id": "same"}
                answer = client.request(method, path.replace("{id}", thing), headers=headers)
                kept = {k: v for k, v in answer.headers.items() if k != "date"}
                return answer.status, kept, answer.body

            foreign, absent = told(have[f"foreign {kind}"]), told(f"{kind[:3]}_{ABSENT}")
            t.ok(foreign == absent and foreign[0] == 404, f"{method} {path}: another vendor's is a random one",
                 f"{foreign}\n{absent}")  # fmt: skip
        for strange in STRANGE_IDS:
            answer = client.get("/v1/tokens/" + strange.replace(" ", "%20"))
            t.same((answer.status, answer.problem("code")), (404, "NOT_FOUND"), f"token id {strange[:20]}")
    rows = house.ask("SELECT state, cancel FROM job WHERE id = ?", have["foreign job"])
    t.ok(rows[0][0] in (0, 1) and rows[0][1] == 0, "the other vendor's job goes on", rows)
    rows = house.ask("SELECT revoked FROM token WHERE id = ?", have["foreign token"])
    t.same(rows, [(0,)], "and its token lives")


def on_the_wire(t, house, have):
    before = house.counts()
    for name, statuses, text in WIRE:
        text = text.replace("{bearer}", f"Authorization: Bearer {have['admin']}\r\n").replace("{{}}", "{}")
        answer, status = None, 0
        with Wire(house.address, house.context, timeout=12) as wire:
            try:
                wire.send(text.encode("latin-1"))
            except OSError:
                pass
            try:
                answer = wire.answer()
                status = answer.status
            except (Closed, OSError, IndexError, ValueError) as e:
                status = f"hangs: {e}" if isinstance(e, TimeoutError) else 0
        leaks = leak_in(house, have, answer) if answer else []
        t.ok(status in statuses and not leaks, f"{name}: {' or '.join(map(str, sorted(statuses)))}",
             f"{status} {answer} {leaks}")  # fmt: skip
    t.same(house.counts(), before, "none of these has changed anything")
    with closing(house.client()) as client:
        t.same(client.get("/v1/tokens").status, 200, "and the server goes on serving")


def handshakes(t, house):
    with closing(socket.create_connection(house.address, timeout=12)) as plain:
        plain.sendall(b"GET /v1/tokens HTTP/1.1\r\nHost: x\r\n\r\n")
        try:
            said = plain.recv(4096)
        except ConnectionError:
            said = b""
        t.ok(b"HTTP" not in said, "plain HTTP on the TLS port gets no answer", said)
    for version in ("-tls1", "-tls1_1"):
        ran = subprocess.run(
            ["openssl", "s_client", "-connect", f"{house.ip}:8443", version, "-cipher", "ALL:@SECLEVEL=0"],
            input=b"", capture_output=True, timeout=20, check=False,
        )  # fmt: skip
        t.ok(b"Cipher is (NONE)" in ran.stdout or ran.returncode != 0, f"openssl s_client {version} is refused", ran.stdout[-500:])
    for name, version in (("1.2", ssl.TLSVersion.TLSv1_2), ("1.3", ssl.TLSVersion.TLSv1_3)):
        context = ssl.create_default_context(cafile=house.certificate)
        context.minimum_version = context.maximum_version = version
        with Wire(house.address, context) as wire:
            cipher = wire.tls.cipher()[0]
            t.ok("GCM" in cipher or "CHACHA20" in cipher or "CCM" in cipher, f"TLS {name} is spoken, with an AEAD", cipher)
    weak = ssl.create_default_context(cafile=house.certificate)
    weak.maximum_version = ssl.TLSVersion.TLSv1_2
    weak.set_ciphers("ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0")
    try:
        with Wire(house.address, weak) as wire:
            t.ok(False, "TLS 1.2 without an AEAD is refused", wire.tls.cipher())
    except (ssl.SSLError, ConnectionError):
        t.ok(True, "TLS 1.2 without an AEAD is refused")


def refused(t):
    warnings.simplefilter("ignore", DeprecationWarning)
    with House(token_rate=0, address_rate=0, failure_rate=0, jobs_at_once=1).open() as house:
        have = things(house)
        table(t, house, have)
        strangers(t, house, have)
        on_the_wire(t, house, have)
        handshakes(t, house)
        t.same(house.ctl("audit", "verify").code, 0, "the audit verifies")


run(refused)
