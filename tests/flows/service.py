"""The daemon as a service: it refuses to start where it should, reloads without dropping anyone,
finishes what is in flight, speaks to its supervisor, and takes sockets from it."""

import fcntl
import json
import os
import secrets
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import time
from contextlib import closing

from house import PORT, House, make_certificate, programs, refused_to_connect, until
from tap import run
from wire import Wire, head_of, trusting

TOKEN = json.dumps({"name": "in flight", "roles": ["issuer"]}).encode()


def ends(house, seconds=30):
    """Exit status and the end of the log, of a server that should not have started."""
    code = house.server.wait(seconds)
    house.server = None
    return code, house.said()[-2000:]


def refusals(t):
    with House().open() as house:
        with House(state=house.state) as second:
            second.spawn()
            code, said = ends(second)
            t.same(code, 2, "a second daemon on the same state folder exits 2")
            t.ok("uses this state folder" in said, "and says why", said)
        with House() as other, closing(socket.socket()) as taken:
            taken.bind((other.ip, PORT))
            taken.listen()
            other.spawn()
            code, said = ends(other)
            t.ok(code not in (0, -11) and other.ip in said, "a listener that cannot bind: not 0, and the address", (code, said))
        with House(listen="192.0.2.1:8443") as elsewhere:
            elsewhere.spawn()
            code, said = ends(elsewhere)
            t.ok(code > 0 and "192.0.2.1" in said, "an address of another machine", (code, said))
        with closing(house.client()) as client:
            t.same(client.get("/v1/tokens").status, 200, "the first one serves on")


def patience(t):
    """A child of a daemon that was killed holds the lock until it has become another program."""
    with House().open() as house:
        house.kill()
        with open(house.state / "lock", "r+b") as lock:
            hold = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
            fcntl.fcntl(lock, fcntl.F_OFD_SETLK, hold)
            house.spawn()
            time.sleep(0.4)
            t.ok(house.server.poll() is None, "a lock that is held is waited for")
        house.wait()
        t.ok(True, "and when it is let go, the daemon starts")


def typos(t):
    for line, what in [
        ("listne = 127.0.0.1:1", "an unknown key"), ("threads = many", "a number that is none"),
        ("threads = 0", "a number out of range"), ("listen", "no equals sign"),
        ("threads = 2\nthreads = 2", "a key twice"), ("[server]", "a section"), ("state = \x07", "a control character"),
    ]:  # fmt: skip
        with House() as house:
            house.write_conf()
            text = f"# a comment\n\n{line}\n"
            house.conf_path.write_text(text)
            wanted = f"{house.conf_path}:{3 + line.count(chr(10))}"
            for words in (["-n"], []):
                ran = subprocess.run(
                    [programs() / "hallmarkd", *words, "-c", house.conf_path],
                    capture_output=True, text=True, timeout=20, check=False,
                )  # fmt: skip
                t.ok(ran.returncode == 1 and wanted in ran.stderr, f"{what}{' (-n)' * bool(words)}: exit 1, file:line",
                     (ran.returncode, ran.stderr))  # fmt: skip
    with House() as house:
        house.write_conf()
        ran = subprocess.run([programs() / "hallmarkd", "-n", "-c", house.conf_path], capture_output=True, check=False)
        t.same(ran.returncode, 0, "a right one is found right by -n")


def shown(house, context):
    """The certificate that a new connection sees."""
    with Wire(house.address, context) as wire:
        return wire.tls.getpeercert(True)


def reloading(t):
    with House().open() as house:
        seen = ssl.create_default_context()
        seen.check_hostname, seen.verify_mode = False, ssl.CERT_NONE
        old = shown(house, seen)
        with closing(house.client()) as kept:
            kept.get("/v1/tokens")
            wire = kept.wire
            fresh = house.folder / "fresh"
            fresh.mkdir()
            for made, place in zip(make_certificate(fresh, "localhost", house.ip), (house.certificate, house.key)):
                shutil.move(made, place)
            house.server.send_signal(signal.SIGHUP)
            t.ok(until(lambda: shown(house, seen) != old, 5, "the new certificate"), "SIGHUP: new connections see the new certificate")
            t.ok(shown(house, trusting(house.certificate)), "which is the one in the file")
            t.ok(kept.get("/v1/tokens").status == 200 and kept.wire is wire, "the old connection goes on")
            new = shown(house, seen)
            for what, damage in [
                ("a certificate that is none", lambda: house.certificate.write_text("nonsense")),
                ("a key of another certificate", lambda: shutil.copy(make_certificate(fresh, "x")[0], house.certificate)),
                ("a typo in the configuration", lambda: house.conf_path.write_text("threads = x\n")),
            ]:
                before = house.said().count("reload-refused")
                damage()
                house.server.send_signal(signal.SIGHUP)
                until(lambda n=before: house.said().count("reload-refused") > n, 5, "a line in the log")
                t.same(shown(house, seen), new, f"{what}: the old one stays, and the log says so")
            t.ok(kept.get("/v1/tokens").status == 200 and kept.wire is wire, "nobody was dropped")


def prompt(t):
    """Small writes must not wait for the receipt of others: 40 ms each, on Linux."""
    with House().open() as house:
        for _ in range(5):  # a machine that others keep busy is slow, but not each time
            medians = [sorted(times)[len(times) // 2] * 1000 for times in waited(house)]
            if max(medians) < 30:
                break
        for what, median in zip(("a handshake", "an answer"), medians):
            t.ok(median < 30, f"{what} is not kept waiting ({median:.1f} ms)")


def waited(house):
    """For handshakes, and for answers."""
    opened, answered = [], []
    for _ in range(10):
        began = time.monotonic()
        with Wire(house.address, house.context) as wire:
            opened.append(time.monotonic() - began)
            for _ in range(3):
                began = time.monotonic()
                wire.send(head_of("GET", "/v1/tokens", house.ip, {"Authorization": f"Bearer {house.vendors['acme']}"}))
                wire.answer()
                answered.append(time.monotonic() - began)
    return opened, answered


def half_a_post(house):
    """A creation whose body has not come yet, but is wanted."""
    wire = Wire(house.address, house.context)
    wire.send(head_of("POST", "/v1/tokens", house.ip, {
        "Authorization": f"Bearer {house.vendors['acme']}", "Content-Type": "application/json",
        "Content-Length": str(len(TOKEN)), "Idempotency-Key": secrets.token_hex(8), "Expect": "100-continue",
    }))  # fmt: skip
    status, _ = wire.head()
    assert status == 100, status
    wire.send(TOKEN[:10])
    return wire


def draining(t):
    with House().open() as house, closing(house.client()) as watcher, closing(house.client()) as idle:
        job = {"kind": "selftest", "params": {"text": "x", "steps": 100, "step_ms": 1000}}
        made = watcher.post("/v1/jobs", job).json()["id"]
        events = watcher.connect()
        events.send(head_of("GET", f"/v1/jobs/{made}/events", house.ip, {"Authorization": f"Bearer {watcher.secret}"}))
        t.same(events.head()[0], 200, "events are watched")
        idle.get("/v1/tokens")
        flying, stalled = half_a_post(house), half_a_post(house)
        server, began = house.server, time.monotonic()
        server.send_signal(signal.SIGTERM)
        until(lambda: refused_to_connect(house.address), 3, "no new connections")
        t.ok(True, "SIGTERM: new connections are refused")
        t.ok(server.poll() is None, "what is in flight is waited for")
        flying.send(TOKEN[10:])
        answer = flying.answer()
        t.same(answer.status, 201, "a creation under way is finished")
        code = server.wait(30)
        took = time.monotonic() - began
        house.server = None
        t.ok(code == 0 and took < 20, f"ends with 0 in time, whoever stalls ({took:.1f} s)", (code, house.said()[-2000:]))
        stalled.close()
        flying.close()
        house.start()
        rows = house.ask("SELECT id FROM token WHERE name = 'in flight'")
        t.same(rows, [(answer.json()["id"],)], "the acknowledged token is there after the restart, and that one alone")
        with closing(house.client()) as client:
            state = until(lambda: client.get(f"/v1/jobs/{made}").json()["state"] == "running", 20, "the job runs again")
            t.ok(state, "the interrupted job runs again")
            began = time.monotonic()
        t.same(house.stop(), 0, "SIGTERM with nothing in flight")
        t.ok(time.monotonic() - began < 7, "is quick")


def supervised(t):
    with House() as house, closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as ear:
        path = str(house.folder / "notify")
        ear.bind(path)
        ear.settimeout(15)
        heard = []

        def hear(word, times=1):
            while sum(word in text.split("\n") for text in heard) < times:
                heard.append(ear.recv(4096).decode())

        house.spawn(env={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "10000000"})
        hear("READY=1")
        with closing(house.client(None)) as client:
            t.same(client.get("/healthz").status, 200, "READY=1 comes when it answers")
        hear("WATCHDOG=1", 2)
        t.ok(True, "WATCHDOG=1 comes again and again")
        house.server.send_signal(signal.SIGHUP)
        hear("RELOADING=1")
        t.ok("MONOTONIC_USEC=" in heard[-1], "RELOADING=1 with its time")
        hear("READY=1", 2)
        t.ok(True, "and READY=1 after it")
        house.server.send_signal(signal.SIGTERM)
        hear("STOPPING=1")
        t.same(house.server.wait(10), 0, "STOPPING=1, then the end")
        house.server = None


ADOPT = """import os, sys
for to, fd in enumerate(sys.argv[1].split(","), start=3):
    os.dup2(int(fd), to)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.argv[2], sys.argv[2:])
"""


def activated(t):
    with House(listen="192.0.2.1:1") as house, closing(socket.socket()) as https, \
            closing(socket.socket(socket.AF_UNIX)) as admin:  # fmt: skip
        https.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        https.bind(house.address)
        admin.bind(str(house.folder / "given.sock"))
        house.socket = house.folder / "given.sock"
        for s in (https, admin):
            s.listen(128)
        fds = [os.dup(s.fileno()) for s in (https, admin)]
        high = [fd_above(fd, 50) for fd in fds]
        house.start(
            sys.executable, "-c", ADOPT, ",".join(map(str, high)),
            env={"LISTEN_FDS": "2", "LISTEN_FDNAMES": "https:admin"}, pass_fds=high,
        )  # fmt: skip
        t.ok(True, "HTTPS answers on the socket that was given")
        t.same(house.ctl("status").code, 0, "so does the admin socket")
        t.ok(not (house.folder / "admin.sock").exists(), "none of its own is made beside it")
        house.stop()
        t.ok(not refused_to_connect(house.address), "the sockets outlive the daemon")
        for fd in fds + high:
            os.close(fd)


def fd_above(fd, least):
    return fcntl.fcntl(fd, fcntl.F_DUPFD, least)


def keeps_its_socket(t):
    """A crash leaves the admin socket behind; the next start takes its place."""
    with House().open() as house:
        house.kill()
        t.ok(house.socket.exists(), "a killed daemon leaves its admin socket")
        house.start()
        t.same(house.ctl("status").code, 0, "the next one serves at the same place")
        mode = os.stat(house.state).st_mode & 0o777, os.stat(house.database).st_mode & 0o777
        t.same(mode, (0o700, 0o600), "the state folder and the database are the daemon's alone")
        house.stop()
        gone = house.ctl("status")
        t.same(gone.code, 2, "hallmarkctl without a daemon exits 2")


run(refusals, patience, typos, prompt, reloading, draining, supervised, activated, keeps_its_socket)
