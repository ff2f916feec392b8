#!/usr/bin/env python3
"""A program that runs on a licensed model: its seat is kept, what it is sent and how it ends is passed on,
a revocation ends it, an outage does not, and nothing secret is left beside it."""

import base64
import contextlib
import json
import os
import pty
import select
import signal
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from house import House, full, until
from license_things import FREE
from machines import FAKETIME, Running, Shop, away
from tap import run

LASTING = "trap 'echo told; exit 7' TERM; echo begun; while :; do sleep 0.1; done"
STUBBORN = "trap '' TERM; echo begun; while :; do sleep 0.1; done"
SHORT = {"lease": 30, "grace_revoked": 3}


def beaten(shop, lic):
    """Waits for a heartbeat: by how many milliseconds it makes the seat last longer."""
    ask = "SELECT expires FROM lease WHERE license = ?"
    first = shop.house.ask(ask, lic)[0][0]
    return until(lambda: shop.house.ask(ask, lic)[0][0] - first, 30, "a heartbeat")


def revoked(t, shop):
    _, machine, lic = shop.enrolled(SHORT)
    program = Running(machine, lic, LASTING)
    t.same(shop.house.ask("SELECT count(*) FROM lease WHERE license = ?", lic)[0][0], 1, "while it runs it has a seat")
    apart = beaten(shop, lic)
    t.ok(8000 < apart < 15000, "heartbeats come at a third of the lease", apart)
    shop.act(lic, "revoke")
    code, out, err = program.ends()
    t.ok(code == 3 and "LICENSE_REVOKED" in err and "in 3 s" in err, "a revocation ends it: exit 3, and a message", (code, err))
    t.ok("told" in out, "the program was told by SIGTERM", out)
    for act, words in (("exec", ("exec", lic, "--", "echo", "ran", "{model}")), ("unlock", ("unlock", lic, machine.home / "x"))):
        ran = machine(*words)
        t.ok(ran.code == 3 and "LICENSE_REVOKED" in ran.err and "ran /" not in ran.out, f"then {act} is refused", ran)


def suspended(t, shop):
    """Two programs on one license; a suspension that is taken back in its grace ends neither."""
    _, machine, lic = shop.enrolled({**SHORT, "grace_revoked": 40})
    program, other = Running(machine, lic, LASTING), Running(machine, lic, "echo begun; sleep 1")
    t.same(shop.house.ask("SELECT count(*) FROM lease WHERE license = ?", lic)[0][0], 1, "two programs of a machine have one seat")
    other.ends()
    t.same(shop.house.ask("SELECT count(*) FROM lease WHERE license = ?", lic)[0][0], 1, "the first to end does not give it back")
    shop.act(lic, "suspend")
    program.hears("LICENSE_SUSPENDED")
    shop.act(lic, "reinstate")
    program.hears("holds again")
    program.process.send_signal(signal.SIGTERM)
    code, out, err = program.ends()
    t.ok(code == 7 and "LICENSE_SUSPENDED" in err and "holds again" in err, "a suspension that is taken back ends nothing", (code, out, err))


def outlasting(t, shop):
    """The server goes away while a program runs; one that does not listen is killed."""
    _, machine, lic = shop.enrolled(SHORT)
    program = Running(machine, lic, STUBBORN)
    with away(shop.house):
        program.hears("goes on")
        t.ok(program.process.poll() is None, "without the server the program goes on")
    program.hears("answers again")
    shop.act(lic, "revoke")
    program.hears("LICENSE_REVOKED")
    began = time.monotonic()
    code, _, err = program.ends(60)
    took = time.monotonic() - began
    t.ok(code == 3 and "goes on" in err and "LICENSE_REVOKED" in err, "back again, it revokes", (code, err))
    t.ok("killed" in err and 12 < took < 40, f"what does not end by SIGTERM is killed 10 s later: {took:.1f} s", err)
    with away(shop.house):
        ran = machine("license", "fetch", lic)
        t.ok(ran.code == 2 and "REVOKED" not in ran.err, "an outage is not taken for a revocation", ran)


def signals(t, shop):
    _, machine, lic = shop.enrolled(SHORT)
    for name, number, code in (("SIGTERM", signal.SIGTERM, 7), ("SIGUSR1", signal.SIGUSR1, -signal.SIGUSR1)):
        program = Running(machine, lic, LASTING)
        program.process.send_signal(number)
        got = program.ends()
        t.same(got[0], code, f"{name} reaches the program, and so ends hallmark")
    program = Running(machine, lic, "echo begun; kill -9 $$")
    t.same(program.ends()[0], -signal.SIGKILL, "killed, as its program was")
    program = Running(machine, lic, LASTING)
    child = program.child()
    program.process.kill()
    program.process.wait()
    until(lambda: over(child), 10, "it ends")
    t.ok(True, "a program does not outlive its supervisor")
    program.process.communicate()


def over(pid):
    """Whether a process is no more, or nobody has asked yet how it ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def memory_of(pid):
    """All that a process can write to."""
    found = []
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb") as mem:
        for line in maps:
            place, access, *_ = line.split()
            start, end = (int(x, 16) for x in place.split("-"))
            if "w" not in access or end - start > 1 << 30:
                continue
            with contextlib.suppress(OSError, ValueError):
                mem.seek(start)
                found.append(mem.read(end - start))
    return b"".join(found)


def nothing_left(t, shop):
    """Neither the plain model on a disk nor a key in the supervisor's memory, arguments or files."""
    customer, machine, lic = shop.enrolled(SHORT)
    copy = machine.home / "copy.onnx"
    assert machine("unlock", lic, copy).code == 0
    plain = copy.read_bytes()
    copy.unlink()
    blocks = [b for b in (plain[i : i + 32] for i in range(4096, len(plain) - 4096, 4096)) if len(set(b)) > 16]
    key = json.loads((machine.config / "customers" / customer["id"] / "key").read_text())
    secret = [key["d"].encode(), base64.urlsafe_b64decode(key["d"] + "=")]
    program = Running(machine, lic, LASTING)
    beaten(shop, lic)
    memory = memory_of(program.process.pid)
    t.ok(len(memory) > 100000 and lic.encode() in memory, "the supervisor's memory is read", len(memory))
    t.ok(not any(s in memory for s in secret), "there is no private key in it")
    t.ok(not any(b in memory for b in blocks), "nor a weight of the model")
    seen = b"".join(Path(f"/proc/{p}/{f}").read_bytes() for p in (program.process.pid, program.child()) for f in ("cmdline", "environ"))
    t.ok(not any(s in seen for s in secret) and customer["code"].encode() not in seen, "nor in arguments and environment")
    files = [p.read_bytes() for p in machine.home.rglob("*") if p.is_file()]
    t.ok(not any(b in f for f in files for b in blocks), "the model lies on no disk")
    t.ok(sum(secret[0] in f for f in files) == 1, "the private key lies in one file")
    t.ok(not any(s in shop.house.log.read_bytes() for s in [*secret, customer["code"].encode()]), "nor is any of it in the server's log")
    modes = {m for p, m in machine.files().items() if ".cache" not in p.parts and p.parent != machine.home}
    t.same(modes, {0o600}, "every file is its user's alone")
    program.process.terminate()
    program.ends()


def passphrase(t, shop):
    customer, machine = shop.customer()
    word = machine.home / "word"
    word.write_text("correct horse battery\n")
    ran = machine.enroll(customer["code"], "--passphrase", f"@{word}")
    t.ok(ran.code == 0, "enroll with a passphrase", ran)
    lic = shop.sell(customer, SHORT)["id"]
    ran = machine("exec", lic, "--", "true", "{model}")
    t.ok(ran.code == 1 and "passphrase" in ran.err, "without it nothing is done", ran)
    ran = machine("exec", lic, "--passphrase", f"@{word}", "--", "sh", "-c", "sleep 12; echo ran", "{model}")
    t.ok(ran.code == 0 and "ran" in ran.out and "hallmark:" not in ran.err, "with it the seat is kept, too", ran)
    return machine, lic


class Terminal:
    """`hallmark` with a terminal of its own, as a shell would start it."""

    def __init__(self, machine, *words):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            command = machine.command(*words)
            os.execve(command[0], command, machine.environment())
        self.said = ""

    def until(self, text, seconds=30):
        ends = time.monotonic() + seconds
        while text not in self.said and time.monotonic() < ends:
            if select.select([self.fd], [], [], 0.2)[0]:
                with contextlib.suppress(OSError):
                    self.said += os.read(self.fd, 65536).decode(errors="replace")
        return text in self.said

    def types(self, text):
        os.write(self.fd, text.encode())

    def ends(self):
        self.until("never said", 1)
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self.fd)
        return code


COUNTING = """
import select, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
print("be" + "gun", flush=True)
got = []
while not select.select([sys.stdin], [], [], 0)[0]:
    info = signal.sigtimedwait({signal.SIGINT}, 0.1)
    got += [info.si_code] if info else []
    if info:
        print("number", len(got), flush=True)
print("read", sys.stdin.readline().strip(), "interrupted", len(got), "by others", sum(c <= 0 for c in got), flush=True)
sys.exit(9)
"""


def terminal(t, shop):
    """The terminal is the program's: what is typed, and Ctrl-C, which comes once."""
    _, machine, lic = shop.enrolled(SHORT)
    screen = Terminal(machine, "exec", lic, "--", sys.executable, "-c", COUNTING, "{model}")
    t.ok(screen.until("begun"), "a program begins at a terminal", screen.said)
    for n in range(1, 6):
        screen.types("\x03")
        screen.until(f"number {n}")
    time.sleep(0.3)  # what would come twice
    screen.types("a line\n")
    t.ok(screen.until("read a line interrupted 5 by others 0"), "Ctrl-C reaches it once, and what is typed, too", screen.said)
    t.same(screen.ends(), 9, "and ends as it does")
    machine, lic = passphrase(t, shop)
    screen = Terminal(machine, "exec", lic, "--", sys.executable, "-c", COUNTING, "{model}")
    t.ok(screen.until("assphrase"), "a passphrase is asked for at the terminal", screen.said)
    screen.types("correct horse battery\n")
    t.ok(screen.until("begun"), "once it is typed the program begins", screen.said)
    until(lambda: shop.house.ask("SELECT expires - claimed FROM lease WHERE license = ?", lic)[0][0] > 35000, 25, "a heartbeat")
    t.ok("assphrase" not in screen.said.split("begun")[1], "heartbeats need not ask again", screen.said)
    t.ok("horse" not in screen.said, "it is not echoed")
    screen.types("x\n")
    t.same(screen.ends(), 9, "nor does the program see it")


def erased(t, shop):
    """A customer who was erased is not known any more; the public list says what became of the license."""
    customer, machine, lic = shop.enrolled(SHORT)
    program = Running(machine, lic, LASTING)
    answer = shop.vendor.request("DELETE", f"/v1/customers/{customer['id']}", None, {"If-Match": "*"})
    t.ok(answer.status in (200, 204), "a customer is erased", answer)
    code, _, err = program.ends()
    t.ok(code == 3 and "LICENSE_REVOKED" in err, "what runs ends by the list of revocations", (code, err))
    ran = machine("exec", lic, "--", "echo", "ran", "{model}")
    t.ok(ran.code in (2, 3) and "ran /" not in ran.out, "nothing begins any more", ran)


def days_over(t, shop):
    """The server stays away longer than the terms allow: hours pass like seconds."""
    if FAKETIME is None:
        t.skip("the days without the server end while it runs", "there is no libfaketime here")
        return
    _, machine, lic = shop.enrolled({**SHORT, "offline": 3 * 86400, "stale": "refused"})
    ran = machine("exec", lic, "--", "true", "{model}")
    assert ran.code == 0, ran
    with away(shop.house):
        fast = {"LD_PRELOAD": FAKETIME, "FAKETIME": "+0 x40000", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                "ASAN_OPTIONS": "verify_asan_link_order=0"}  # fmt: skip
        program = Running(machine, lic, "unset LD_PRELOAD; " + LASTING, env=fast)
        code, out, err = program.ends()
    t.ok(code == 3 and "OFFLINE_TOO_LONG" in err and "told" in out, "past the days without the server the program is ended", (code, out, err))


def keyless(t, shop):
    """Heartbeats that fail on this machine, for want of the key: the last news hold, and no longer."""
    if FAKETIME is None:
        t.skip("the last news hold as long as they say", "there is no libfaketime here")
        return
    house = shop.house
    house.conf["revocation-hours"] = 1
    house.restart()
    customer, machine, lic = shop.enrolled({"lease": 1200, "offline": 0, "stale": "refused"})
    fast = {"LD_PRELOAD": FAKETIME, "FAKETIME": "+0 x200", "ASAN_OPTIONS": "verify_asan_link_order=0"}
    program = Running(machine, lic, "unset LD_PRELOAD; " + LASTING, env=fast)
    began = time.monotonic()
    (machine.config / "customers" / customer["id"] / "key").rename(machine.home / "elsewhere")
    code, out, err = program.ends()
    took = time.monotonic() - began
    t.ok(code == 1 and "is ended" in err, "heartbeats without the key do not keep a program alive", (code, out, err))
    t.ok(took > 5 and err.count("elsewhere") == 0, f"but it had the time that the last one gave: {took:.1f} s", err)
    house.conf.pop("revocation-hours")
    house.restart()


def several(t, shop):
    """Four at once on one machine: one seat, one unlock key, one record that stays sound."""
    _, machine, lic = shop.enrolled({"seats": 1})
    programs = [machine.starts("exec", lic, "--", "sh", "-c", "sleep 2; echo ran", "{model}") for _ in range(4)]
    done = [p.communicate(timeout=90) for p in programs]
    t.ok(all(p.returncode == 0 for p in programs) and all("ran" in out for out, _ in done), "four begin at once", done)
    t.same(shop.house.ask("SELECT unlocks, seats_used FROM license WHERE id = ?", lic)[0], (1, 0), "one unlocking, and the seat is given back")
    ran = machine("license", "check", lic)
    t.ok(ran.code == 0, "the record is sound", ran)


# What waits most of its time, and leaves the server alone; what stops the server, so that it has one of its
# own; and that only at length.
BESIDE = (revoked, suspended, signals, nothing_left, terminal, erased, several)
ALONE = (outlasting, days_over, keyless) if full() else (outlasting,)


def all_of(t, parts, threads):
    with House(**FREE) as house:
        house.open()
        shop = Shop(house)

        def shown(part):
            try:
                part(t, shop)
            except Exception:  # the others go on
                t.ok(False, f"{part.__name__} runs to its end", traceback.format_exc())

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(shown, parts))
        t.same(house.ctl("audit", "verify").code, 0, "the audit verifies")


def together(t):
    with ThreadPoolExecutor(2) as pool:
        for one in [pool.submit(all_of, t, BESIDE, len(BESIDE)), pool.submit(all_of, t, ALONE, 1)]:
            one.result()


if __name__ == "__main__":
    run(together)
