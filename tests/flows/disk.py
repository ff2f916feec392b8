"""A full disk and a damaged one. Full: what cannot be written is refused with 507, nothing is
damaged, and service returns by itself. Damaged: a sentence and exit status 5, never a guess."""

import os
import shutil
import subprocess
import tempfile
import time
from contextlib import closing, contextmanager
from pathlib import Path

from house import House, until
from tap import run

MB = 1 << 20


@contextmanager
def small_disk(size):
    """A file system of its own, if this machine lets us; else None."""
    at = Path(tempfile.mkdtemp(prefix="hallmark-disk-"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "none", at], capture_output=True, check=False
    )
    try:
        yield at if mounted.returncode == 0 else None
    finally:
        if mounted.returncode == 0:
            subprocess.run(["umount", at], check=True)
        at.rmdir()


def fill(disk, leave):
    """A file that leaves so many bytes free."""
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    with open(disk / "ballast", "ab") as f:
        os.posix_fallocate(f.fileno(), os.fstat(f.fileno()).st_size, max(free - leave, 1))


def create(client, n, made):
    began = time.monotonic()
    answer = client.post("/v1/tokens", {"name": f"disk {n}", "roles": ["issuer"]})
    if answer.status == 201:
        made.add(answer.json()["id"])
    return answer, time.monotonic() - began


def fills(t, reserve, leave):
    with small_disk("48m") as disk:
        what = f"{reserve} MB in reserve, {leave // 1024} kB left"
        if disk is None:
            t.skip(what, "a tmpfs may not be mounted here")
            return
        state = disk / "state"
        with House(state=state, disk_reserve_mb=reserve, token_rate=0).open() as house, closing(house.client()) as client:
            made, slowest, statuses = set(), 0, set()
            create(client, 0, made)
            fill(disk, leave)
            for n in range(3000):
                answer, took = create(client, n, made)
                slowest = max(slowest, took)
                statuses.add(answer.status)
                if answer.status == 507:
                    break
            t.ok(507 in statuses and statuses <= {201, 507}, f"{what}: creations get 507 in the end", (statuses, answer))
            t.same(answer.problem("code"), "STORAGE_FULL", f"{what}: with its code")
            for _ in range(20):
                answer, took = create(client, n, made)
                slowest = max(slowest, took)
                statuses.add(answer.status)
            t.ok(statuses <= {201, 507}, f"{what}: and nothing else", statuses)
            t.ok(slowest < 5, f"{what}: each within 5 s ({slowest:.2f} s)")
            t.same(client.get("/healthz").status, 200, f"{what}: healthz is 200")
            t.same(client.get("/readyz").status, 507, f"{what}: readyz is 507")
            read = client.get("/v1/tokens").status
            t.ok(read in (200, 507), f"{what}: a read is answered or refused ({read})")
            os.remove(disk / "ballast")
            began = time.monotonic()
            until(lambda: create(client, 9, made)[0].status == 201, 5, "service returns")
            t.ok(True, f"{what}: service returns by itself ({time.monotonic() - began:.1f} s)")
            t.same(client.get("/readyz").status, 200, f"{what}: readyz is 200")
            there = {i for (i,) in house.ask("SELECT id FROM token WHERE name LIKE 'disk %'")}
            t.same(there ^ made, set(), f"{what}: what was acknowledged is there, and no more")
            for words in (("audit", "verify"), ("db", "check")):
                ran = house.ctl(*words)
                t.ok(ran.code == 0, f"{what}: {' '.join(words)} finds nothing", ran)
            t.same(house.stop(), 0, f"{what}: it stops as ever")


def full_disk(t):
    fills(t, 1, 512 * 1024)
    fills(t, 0, 0)
    fills(t, 0, 300 * 1024)


def starts_or_checks(house):
    """What is found in a damaged database: exit status and words of the first that complains."""
    house.spawn()
    try:
        code = house.server.wait(0.01)
    except subprocess.TimeoutExpired:
        try:
            house.wait()
        except AssertionError:
            pass
        code = house.server.poll()
    if code is not None:
        house.server = None
        return code, house.said()[-600:]
    found = house.ctl("db", "check")
    if found.code == 0:
        found = house.ctl("audit", "verify")
    house.kill()
    return found.code, found.out + found.err


def damage(t):
    with House(check_ms=0).open() as house:
        with closing(house.client()) as client:
            for n in range(60):
                create(client, n, set())
        house.stop()
        whole = house.database.read_bytes()
        size = int.from_bytes(whole[16:18], "big")
        pages = len(whole) // size
        keep = house.folder / "whole"
        shutil.copy(house.database, keep)
        for page in sorted({1, 2, 3, 5, 8, pages // 2, pages - 1, pages}):
            with open(house.database, "r+b") as f:
                f.seek((page - 1) * size)
                f.write(bytes([0xA5]) * size)
            house.log.write_bytes(b"")
            code, said = starts_or_checks(house)
            t.ok(code == 5 and len(said.split()) > 3, f"page {page} of {pages} overwritten: a sentence and exit 5", (code, said))
            shutil.copy(keep, house.database)
        with open(house.database, "r+b") as f:
            f.truncate(len(whole) // 2)
        house.log.write_bytes(b"")
        code, said = starts_or_checks(house)
        t.ok(code == 5, "cut in half: exit 5", (code, said))
        house.database.write_bytes(b"this is not a database, whatever its name says\n" * 200)
        house.log.write_bytes(b"")
        code, said = starts_or_checks(house)
        t.ok(code == 5, "another file in its place: exit 5", (code, said))
        shutil.copy(keep, house.database)
        house.start()
        t.same(house.ctl("audit", "verify").code, 0, "the whole one is whole")


if __name__ == "__main__":
    run(full_disk, damage)
