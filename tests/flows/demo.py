#!/usr/bin/env python3
"""The story that `./up demo` tells, in a copy of the tree with the programs that are built already: it
ends well within three minutes, names the customer who leaked and nobody else, and leaves a page that
holds and no process."""

import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from house import instrumented, programs
from tap import run

SOURCE = Path(__file__).resolve().parents[2]
SECONDS = 180
LAST = re.compile(r"The evidence, as a page: (\S+/evidence\.html)$")


def tree(folder):
    """What the story needs of a source tree; `ninja` has nothing to build in it."""
    to = folder / "tree"
    for part in ("up", ".ci", "tests/data"):
        at = to / part
        at.parent.mkdir(parents=True, exist_ok=True)
        at.symlink_to(SOURCE / part)
    (to / "up").unlink()
    shutil.copy2(SOURCE / "up", to / "up")
    (to / "build").mkdir()
    (to / "build" / "build.ninja").write_text("rule none\n  command = true\nbuild all: phony\n")
    (to / "build" / "daemon").symlink_to(programs())
    return to


def told(folder):
    """The story: how it ended, what it said, and how long it took."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "HALLMARK_"))}
    began = time.monotonic()
    done = subprocess.run(
        ["./up", "demo"], cwd=tree(folder), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600,
        check=False, env={**kept, "TMPDIR": str(folder), "HOME": str(folder)},
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr, time.monotonic() - began


def servers(folder):
    """Processes that have anything to do with the folder."""
    found = []
    for at in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = at.read_bytes()
        except OSError:
            continue
        if str(folder).encode() in words:
            found.append(words)
    return found


def story(t, folder):
    code, out, err, seconds = told(folder)
    lines = out.splitlines()
    if not t.ok(code == 0, "the demo ends well", f"{out[-3000:]}\n{err[-3000:]}"):
        return
    t.ok(seconds < SECONDS or instrumented(), f"within {SECONDS} s", f"{seconds:.0f} s")
    t.note(f"{seconds:.1f} s")
    last = LAST.search(lines[-1])
    t.ok(last, "the last line says where the evidence lies", lines[-1])
    page = Path(last.group(1)) if last else folder / "none"
    t.ok(page.is_file() and page.read_text().startswith("<!DOCTYPE html>"), "and there it is")
    verdict = out[out.index("$ hallmark verification start") :]
    t.ok("proven: " in verdict, "the verdict", verdict[:600])
    t.ok("grace, customer 2 (cus_" in verdict, "Grace is accused", verdict[:2000])
    t.ok("ada, customer 1" not in out, "and Ada is not")
    commands = [line[4:] for line in lines if line.startswith("  $ ")]
    wanted = ("model add", "model watermark", "release create", "customer add", "license issue", "enroll", "license image",
              "unlock", "suspect add", "verification start", "verification page", "verification check")  # fmt: skip
    for words in wanted:
        t.ok(any(c.startswith("hallmark") and f" {words} " in c + " " for c in commands), f"it shows: {words}")
    where = page.parent
    for file, status in (("evidence.html", 0), ("forged.html", 5)):
        ran = subprocess.run(
            [programs() / "hallmark", "--config", folder / "none", "verification", "check", where / file, "--keys", where / "keys.json"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        t.ok(ran.returncode == status, f"{file}: status {status}", ran)
    t.ok(not (where / "server").exists(), "the server's state is gone")
    t.same(servers(folder), [], "and no process is left")


def demo(t):
    folder = Path(tempfile.mkdtemp(prefix="hallmark-"))
    try:
        story(t, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


run(demo)
