"""A Hallmark of one's own: state folder, certificate, configuration, processes, clients.

Each house listens on a loopback address that no other house has (127.a.b.1; 127.a.b.2 and on are
free for its clients), so that flows run side by side. It ends the processes that it has started,
and no others.
"""

import json
import os
import random
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from wire import Client, Closed, trusting

PORT = 8443
PATIENCE = 30  # seconds
SECRET = re.compile(r"hmt_[A-Za-z0-9_-]{20,}")
SHARE = re.compile(r"hms1-[a-z2-7]{8}-\d+-\d+-[a-z2-7]{64}-[a-z2-7]{8}")
# What no log may ever hold: a program that went wrong instead of saying no.
SICK = re.compile(r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:|Assertion .* failed")


def programs():
    """The folder of the six programs: the first argument, or the environment's."""
    at = next((a for a in sys.argv[1:] if not a.startswith("-")), None)
    return Path(at or os.environ["HALLMARK_PROGRAMS"]).resolve()


def full():
    """Whether this run may take long: `--full`."""
    return "--full" in sys.argv


def instrumented():
    """Built with a sanitizer: several times slower, which no measure may be taken of."""
    program = (programs() / "hallmarkd").read_bytes()
    return b"__asan_" in program or b"__tsan_" in program


def until(condition, seconds, what, pause=0.02):
    """Waits for something to be true and gives it back. Who waits is patient: other tests may have the
    processors meanwhile. What has to be quick is measured by whoever says so."""
    end = time.monotonic() + max(seconds, PATIENCE)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(pause)


def own_address():
    """127.a.b.1, and the socket that keeps other houses of this machine away from it while it is open."""
    while True:
        ip = f"127.{random.randint(1, 254)}.{random.randint(1, 254)}.1"
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0hallmark-house-{ip}")
            return ip, claim
        except OSError:
            claim.close()


def make_certificate(folder, *names):
    """A self-signed one and its key: paths."""
    at = Path(folder)
    alternatives = ",".join(
        ("IP:" if n.replace(".", "").isdigit() else "DNS:") + n for n in names
    )
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "30", "-subj", "/CN=localhost", "-addext",
         f"subjectAltName={alternatives}", "-keyout", at / "key.pem", "-out", at / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    os.chmod(at / "key.pem", 0o600)
    return at / "cert.pem", at / "key.pem"


class Ran:
    """What a command has said."""

    def __init__(self, done):
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr

    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"exit {self.code}\nout: {self.out[:2000]}\nerr: {self.err[:2000]}"


class House:
    def __init__(self, root="file", state=None, **conf):
        self.folder = Path(tempfile.mkdtemp(prefix="hallmark-"))
        self.state = Path(state) if state else self.folder / "state"
        self.state.mkdir(mode=0o700, exist_ok=True)
        self.ip, self.claim = own_address()
        self.address = (self.ip, PORT)
        self.certificate, self.key = make_certificate(self.folder, "localhost", self.ip)
        self.context = trusting(self.certificate)
        self.log = self.folder / "log"
        self.socket = self.folder / "admin.sock"
        self.conf_path = self.folder / "hallmark.conf"
        self.conf = {
            "state": self.state,
            "listen": f"{self.ip}:{PORT}",
            "certificate": self.certificate,
            "certificate-key": self.key,
            "root-key": f"file:{self.folder}/root.key" if root == "file" else root,
            "programs": programs(),
            "admin-socket": self.socket,
            "disk-reserve-mb": 1,
        }
        self.conf.update({name.replace("_", "-"): value for name, value in conf.items()})
        self.server = None
        self.vendors = {}

    # ---- Life -----------------------------------------------------------------------------------

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            if self.server is not None:
                self.stop()
            said = self.said()
        finally:
            self.kill()
            self.claim.close()
            if "HALLMARK_KEEP" not in os.environ:
                shutil.rmtree(self.folder, ignore_errors=True)
        if kind is not None:
            for line in said.splitlines()[-25:]:
                print(f"# log: {line[:300]}")
        elif SICK.search(said):
            raise AssertionError("a program of ours went wrong:\n" + said[SICK.search(said).start() :][:4000])

    def write_conf(self, **changes):
        self.conf.update({name.replace("_", "-"): value for name, value in changes.items()})
        text = "".join(f"{name} = {value}\n" for name, value in self.conf.items())
        self.conf_path.write_text(text)

    def spawn(self, *before, env=None, **popen):
        """The server, not waited for. `before`: a program that runs it."""
        self.write_conf()
        with open(self.log, "ab") as log:
            self.server = subprocess.Popen(
                [*before, programs() / "hallmarkd", "-c", self.conf_path],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **(env or {})}, **popen,
            )  # fmt: skip
        return self.server

    def start(self, *before, **more):
        self.spawn(*before, **more)
        self.wait()
        return self

    def wait(self, seconds=60):
        """Until it answers."""

        def answers():
            if self.server.poll() is not None:
                raise AssertionError(f"hallmarkd ended with {self.server.returncode}:\n{self.said()[-3000:]}")
            try:
                with closing(Client(self, timeout=5)) as client:
                    return client.get("/healthz").status == 200
            except (OSError, Closed):
                return False

        until(answers, seconds, "hallmarkd answers")

    def open(self, **more):
        """Started, initialised, with a vendor `acme` and its administrator's token."""
        self.start(**more)
        self.ctl("init", check=True)
        self.vendor("acme")
        return self

    def stop(self, seconds=20):
        """As an operator would; its exit status."""
        self.server.send_signal(signal.SIGTERM)
        try:
            code = self.server.wait(seconds)
        finally:
            self.kill()
        return code

    def kill(self):
        """At once, if it still runs."""
        if self.server is not None:
            if self.server.poll() is None:
                self.server.kill()
            self.server.wait()
            self.server = None

    def restart(self):
        self.stop()
        return self.start()

    def said(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    # ---- Its processes --------------------------------------------------------------------------

    def family(self):
        """(pid, name) of the server's descendants."""
        found, todo = [], [self.server.pid]
        while todo:
            pid = todo.pop()
            try:
                tasks = [(task / "children").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
            except OSError:
                continue  # it has ended meanwhile
            for child in " ".join(tasks).split():
                try:
                    name = Path(f"/proc/{child}/comm").read_text().strip()
                except OSError:
                    continue
                found.append((int(child), name))
                todo.append(int(child))
        return found

    def pids(self, name):
        """Descendants whose name begins so; the kernel cuts names after 15 characters."""
        return [pid for pid, of in self.family() if of.startswith(name[:15])]

    # ---- Its commands -----------------------------------------------------------------------------

    def ctl(self, *words, given="", check=False, timeout=60):
        command = [programs() / "hallmarkctl", "--socket", self.socket, "--yes", *words]
        ran = Ran(subprocess.run(
            command, input=given, capture_output=True, text=True, timeout=timeout, check=False
        ))  # fmt: skip
        if check and ran.code != 0:
            raise AssertionError(f"hallmarkctl {' '.join(map(str, words))}: {ran}")
        return ran

    def vendor(self, name, *roles):
        """A vendor and its first token; a client that has it."""
        self.ctl("vendor", "create", name, check=True)
        self.vendors[name] = self.token(name, *(roles or ("admin",)))
        return self.client(name)

    def token(self, vendor, *roles, name="flow"):
        role = [word for r in roles for word in ("--role", r)]
        ran = self.ctl("token", "create", vendor, *role, "--name", name, "--format", "json", check=True)
        return SECRET.search(ran.out).group()

    def client(self, vendor="acme", **more):
        return Client(self, self.vendors[vendor] if vendor else None, **more)

    def shares(self, k=2, n=3):
        """`init` with shares: their texts."""
        ran = self.ctl("init", "--shares", str(n), "--threshold", str(k), check=True)
        return SHARE.findall(ran.out)

    def unseal(self, share):
        return self.ctl("unseal", given=share + "\n")

    def settle(self):
        """Rows of the audit that were queued are written: this command's own comes behind them."""
        self.ctl("status", check=True)

    # ---- Its database, from outside -----------------------------------------------------------------

    @property
    def database(self):
        return self.state / "hallmark.db"

    def reader(self):
        return sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=20)

    def ask(self, sql, *values):
        """Rows of the live database, read-only."""
        with closing(self.reader()) as db:
            return db.execute(sql, values).fetchall()

    def counts(self):
        """Rows of every table that a refused request must leave alone."""
        passing = ("audit", "audit_head", "checkpoint")
        with closing(self.reader()) as db:
            tables = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
            return {t: db.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in tables if t not in passing}

    def audit_rows(self, **columns):
        """Audit rows with these values, as dictionaries, oldest first."""
        where = " AND ".join(f"{name} = ?" for name in columns) or "1"
        with closing(self.reader()) as db:
            db.row_factory = sqlite3.Row
            rows = db.execute(f"SELECT * FROM audit WHERE {where} ORDER BY seq", [*columns.values()])
            return [dict(row) for row in rows]


def settled(job):
    return job["state"] in ("done", "failed", "cancelled")


def job_ends(client, job, seconds=60):
    """Waits until a job has ended; what it is then."""

    def ended():
        now = client.get(f"/v1/jobs/{job}").json()
        return now if settled(now) else None

    return until(ended, seconds, f"{job} ends", 0.05)


def refused_to_connect(address):
    """True when nobody listens there."""
    try:
        socket.create_connection(address, timeout=5).close()
        return False
    except ConnectionError:
        return True
