"""Test Anything Protocol: one line for each thing that was shown, and why it was not."""

import sys
import threading
import time
import traceback


class Tap:
    """Counts and prints, for several threads if need be. What a check found goes into its diagnosis, so say it there."""

    def __init__(self):
        self.count = 0
        self.failed = 0
        self.lock = threading.RLock()

    def ok(self, shown, name, why=""):
        name = name.replace("#", "no.").replace("\n", " ")
        with self.lock:
            self.count += 1
            print(f"{'ok' if shown else 'not ok'} {self.count} - {name}", flush=True)
            if not shown:
                self.failed += 1
                self.note(why)
        return bool(shown)

    def same(self, got, wanted, name):
        return self.ok(got == wanted, name, f"got    {got!r}\nwanted {wanted!r}")

    def skip(self, name, why):
        with self.lock:
            self.count += 1
            print(f"ok {self.count} - {name} # SKIP {why}", flush=True)

    def note(self, text):
        for line in str(text).splitlines():
            print(f"# {line[:1000]}", flush=True)


def run(*flows):
    """Each flow is a function of a Tap. One that raises is a failure, and the next one goes on."""
    tap = Tap()
    for flow in flows:
        began = time.monotonic()
        try:
            flow(tap)
        except Exception:  # whatever went wrong, it is a finding
            tap.ok(False, f"{flow.__name__} runs to its end", traceback.format_exc())
        tap.note(f"{flow.__name__}: {time.monotonic() - began:.1f} s")
    print(f"1..{tap.count}", flush=True)
    sys.exit(1 if tap.failed else 0)
