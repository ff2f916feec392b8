"""Customers at their machines, as flows have them: a home folder each, `hallmark` in it, and a vendor who
sells them licenses to a real model."""

import contextlib
import itertools
import json
import os
import secrets
import subprocess
import threading
from glob import glob
from pathlib import Path

from cli import Vendor
from customers import new_customer
from house import Ran, programs, until
from license_things import new_license, new_policy
from protect import IMAGES, LABELS, LENET

FAKETIME = next(iter(glob("/usr/lib/*/faketime/libfaketime.so.1")), None)


class Machine:
    """A customer's user account: a home folder, and `hallmark` in it."""

    def __init__(self, house, name):
        self.house, self.home = house, house.folder / f"home-{name}"
        self.home.mkdir()
        self.config = self.home / ".config" / "hallmark"

    def environment(self, **more):
        kept = {k: v for k, v in os.environ.items() if not k.startswith("XDG_")}
        return {**kept, "HOME": str(self.home), **more}

    def command(self, *words):
        return [str(programs() / "hallmark"), *map(str, words)]

    def __call__(self, *words, given="", timeout=90, **env):
        return Ran(subprocess.run(
            self.command(*words), input=given, capture_output=True, text=True, timeout=timeout, check=False,
            env=self.environment(**env),
        ))  # fmt: skip

    def starts(self, *words, stderr=subprocess.PIPE, **env):
        return subprocess.Popen(
            self.command(*words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, text=True,
            env=self.environment(**env),
        )  # fmt: skip

    def then(self, seconds, *words, **more):
        """At another time."""
        return self(*words, LD_PRELOAD=FAKETIME, FAKETIME=f"{seconds:+d}s", FAKETIME_DONT_FAKE_MONOTONIC="1",
                    ASAN_OPTIONS="verify_asan_link_order=0", **more)  # fmt: skip

    def enroll(self, code, *more, **env):
        at = self.home / "code"
        at.write_text(code + "\n")
        return self("enroll", f"@{at}", "--server", f"https://{self.house.ip}:8443", "--ca", self.house.certificate,
                    "--format", "json", *(more or ("--no-passphrase",)), **env)  # fmt: skip

    def license(self, lic):
        return self.config / "licenses" / lic

    def witness(self, lic):
        return self.home / ".local" / "state" / "hallmark" / lic

    def files(self):
        return {p: p.stat().st_mode & 0o7777 for p in self.home.rglob("*") if p.is_file()}


class Shop:
    """A vendor with one real release, and customers of his."""

    def __init__(self, house):
        self.house, self.clients = house, threading.local()
        hallmark = Vendor(house)
        hallmark.login(house.vendors["acme"])
        for words in (
            ("model", "add", "lenet", LENET),
            ("dataset", "add", "fashion", IMAGES, LABELS),
            ("release", "create", "lenet", "--dataset", "fashion", "--lock", "sealed", "--params",
             json.dumps({"effort": "none", "lock_set": 512, "validation": 2000}), "--watch"),
        ):  # fmt: skip
            ran = hallmark(*map(str, words), "--format", "json", timeout=300)
            assert ran.code == 0, ran
        self.release = ran.json()
        self.hallmark = hallmark
        self.machines = itertools.count(1)

    @property
    def vendor(self):
        """This thread's own connection."""
        if not hasattr(self.clients, "own"):
            self.clients.own = self.house.client()
        return self.clients.own

    def customer(self):
        return new_customer(self.vendor, secrets.token_hex(6)), Machine(self.house, next(self.machines))

    def sell(self, customer, terms=None, **more):
        return new_license(self.vendor, customer["id"], self.release["id"], new_policy(self.vendor, **(terms or {})), **more)

    def enrolled(self, terms=None, **more):
        """(customer, machine, license) ready for use."""
        customer, machine = self.customer()
        ran = machine.enroll(customer["code"])
        assert ran.code == 0, ran
        return customer, machine, self.sell(customer, terms, **more)["id"]

    def act(self, lic, what):
        answer = self.vendor.post(f"/v1/licenses/{lic}/{what}", {})
        assert answer.status == 200, answer


EVALUATE = ("--", str(programs() / "hallmark-worker"), "--local", "evaluate")


def evaluated(machine, lic, *more, **env):
    """The worker evaluates the model out of memory."""
    params = machine.home / "params.json"
    params.write_text("{}")
    return machine("exec", lic, *more, *EVALUATE, params, "{model}", IMAGES, LABELS, timeout=120, **env)


class Running:
    """A program under `hallmark exec`."""

    def __init__(self, machine, lic, script, *more, env=None):
        self.err = machine.home / f"said-{secrets.token_hex(4)}"
        with open(self.err, "w") as err:
            command = ("exec", lic, *more, "--", "sh", "-c", script, "sh", "{model}")
            self.process = machine.starts(*command, stderr=err, **(env or {}))
        self.lines = [self.process.stdout.readline()]
        if not self.lines[0]:
            raise AssertionError(f"it did not begin: {self.process.communicate()} {self.err.read_text()}")

    def hears(self, words, seconds=60):
        """Waits until `hallmark` has said this."""
        until(lambda: words in self.err.read_text() or self.process.poll() is not None, seconds, words)

    def ends(self, seconds=60):
        late = ""
        try:
            out, _ = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()  # and with it the program
            out, _ = self.process.communicate()
            late = "it did not end"
        return self.process.returncode, "".join(self.lines) + out, self.err.read_text() + late

    def child(self):
        at = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        found = [int(p) for p in at.read_text().split()]
        return next(p for p in found if name_of(p) in ("sh", "sleep"))


def name_of(pid):
    """What a process is called; nothing if it has ended meanwhile."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()


@contextlib.contextmanager
def away(house):
    house.stop()
    try:
        yield
    finally:
        house.start()
