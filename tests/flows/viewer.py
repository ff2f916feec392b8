#!/usr/bin/env python3
"""The workers that stay with a release's network: whatever pictures customers show, and whatever
becomes of such a worker while they wait, each gets one answer, nobody else is disturbed, and the
daemon does not grow. A burst of pictures does not delay those who ask for something else."""

import base64
import json
import os
import shutil
import signal
import statistics
import struct
import subprocess
import tempfile
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from house import House, instrumented, programs, until
from image_things import Gallery, Picture, chunk, fetched, form, marked_model, png_read, png_write, show
from tap import run

FREE = {"token_rate": 0, "address_rate": 0, "failure_rate": 0, "customer_rate": 10000000, "customer_burst": 10000000,
        "token_burst": 10000000, "viewers": 2}  # fmt: skip
BURST, HEALTHY_MS, ROUNDS = 500, 250, 40
SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABALDA4MChAODQ4SERATGCgaGBYWGDEjJR0oOjM9PDkzODdASFxOQERXRTc4UG1RV19i"
    "Z2hnPk1xeXBkeFxlZ2P/wAALCAAcABwBAREA/8QAFQABAQAAAAAAAAAAAAAAAAAAAAP/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/9oA"
    "CAEBAAA/AJgAAAAP/9k="
)
CMYK = base64.b64decode(
    "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwAQCwwODAoQDg0OEhEQExgoGhgWFhgxIyUdKDozPTw5Mzg3QEhcTkBEV0U3OFBtUVdfYmdo"
    "Zz5NcXlwZHhcZWdj/8AAFAgAHAAcBEMRAE0RAFkRAEsRAP/EABUAAQEAAAAAAAAAAAAAAAAAAAAG/8QAFBABAAAAAAAAAAAAAAAA"
    "AAAAAP/aAA4EQwBNAFkASwAAPwC7WyxVgAAAAAAAAAAAAAAAAAAAD//Z"
)


# ---- Pictures that are none ------------------------------------------------------------------------


def png(width, height, depth, kind, rows, interlace=0, more=b"", after=b""):
    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, interlace)
    return SIGNATURE + chunk(b"IHDR", head) + more + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"") + after


def interlaced(p):
    """The same grey picture in Adam7's seven passes."""
    raw = b""
    for x0, y0, dx, dy in ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)):
        for y in range(y0, p.height, dy):
            raw += b"\0" + bytes(p.v[y * p.width + x] for x in range(x0, p.width, dx))
    return png(p.width, p.height, 8, 0, raw, 1)


def palette(p):
    """The same picture by a palette of greys."""
    colours = bytes(v for i in range(256) for v in (i, i, i))
    raw = b"".join(b"\0" + bytes(p.v[y * p.width : (y + 1) * p.width]) for y in range(p.height))
    return png(p.width, p.height, 8, 3, raw, more=chunk(b"PLTE", colours))


def sixteen(p, low):
    raw = b"".join(b"\0" + bytes(b for v in p.v[y * p.width : (y + 1) * p.width] for b in (v, low(v))) for y in range(p.height))
    return png(p.width, p.height, 16, 0, raw)


def colour(p):
    return png_write(Picture(p.width, p.height, 3, bytes(v for s in p.v for v in (s, s, s))))


def turned(jpeg, how):
    """With an orientation in its EXIF."""
    tiff = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, how, 0, 0)
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", 8 + len(tiff)) + b"Exif\0\0" + tiff + jpeg[2:]


def hostile(good):
    """name: (bytes, the codes that may answer it)."""
    p = png_read(good)
    flat = png_write(Picture(4000, 4000, 1, bytes(16000000)))
    bomb = png(30000, 30000, 8, 0, b"\0" * 100)
    unread, size = {"IMAGE_UNREADABLE"}, {"IMAGE_WRONG_SIZE"}
    none, good_ones = {"IMAGE_EMPTY", "IMAGE_DAMAGED", "IMAGE_FORGED"}, {"VALID"}
    return {
        "nothing but zeros": (bytes(1000), unread),
        "text": (b"GIF89a <html>", unread),
        "a PNG of 900 million pixels that is not there": (bomb, unread | size),
        "a PNG that unfolds to 16 MB": (flat, size),
        "a PNG whose data unfolds to more than it says": (png(p.width, p.height, 8, 0, bytes(50000000)), unread | none),
        "half of the file": (good[: len(good) // 2], unread),
        "all but its last byte": (good[:-1], unread),
        "one byte flipped": (good[:60] + bytes([good[60] ^ 1]) + good[61:], unread | none),
        "16 bits, the lower ones empty": (sixteen(p, lambda v: 0), good_ones | none | unread),
        "16 bits, the lower ones the same": (sixteen(p, lambda v: v), good_ones | none | unread),
        "interlaced": (interlaced(p), good_ones),
        "by a palette": (palette(p), good_ones),
        "grey as colour": (colour(p), good_ones),
        "transparent": (png(p.width, p.height, 8, 4, b"".join(b"\0" + bytes(b for v in p.v[y * p.width : (y + 1) * p.width] for b in (v, 7)) for y in range(p.height))), unread),
        "animated": (png(p.width, p.height, 8, 0, b"\0" * (p.height * (p.width + 1)), more=chunk(b"acTL", struct.pack(">II", 2, 0))), unread),
        "a text that unfolds to a gigabyte": (png_write(p, more=chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(20000000), 9))), good_ones | unread),
        "a zip file behind its end": (good + b"PK\3\4" + bytes(100), unread),
        "a page before its beginning": (b"<html>" + good, unread),
        "a JPEG of the right size": (GREY, none),
        "a JPEG turned by its EXIF": (turned(GREY, 6), none),
        "a JPEG with an EXIF that lies": (turned(GREY, 99), none | unread),
        "a JPEG in CMYK": (CMYK, unread),
        "half a JPEG": (GREY[: len(GREY) // 2], unread),
        "a JPEG with a page behind its end": (GREY + b"<html>", unread),
        "a megabyte of noise": (SIGNATURE + os.urandom(1 << 19), unread),
    }  # fmt: skip


# ---- What is seen of the processes -----------------------------------------------------------------


def viewers(house):
    """The pids of those that run, by the watermark that the log names."""
    alive = {pid for pid, name in house.family() if name.startswith("hallmark-work")}
    found = {}
    for line in house.said().splitlines():
        if "event=viewer-started" in line:
            words = dict(w.split("=", 1) for w in line.split() if "=" in w)
            if int(words["pid"]) in alive:
                found[words["tag"]] = int(words["pid"])
    return found


def memory(pid):
    """Resident, in MB."""
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) / 1024 for line in f if line.startswith("VmRSS:"))


def metric(house, name):
    return float(next(line.split()[-1] for line in house.ctl("metrics").out.splitlines() if line.startswith(name + " ")))


# ---- What is shown -----------------------------------------------------------------------------------


class Stage:
    """A gallery with customers who have fetched their pictures."""

    def __init__(self, house, n):
        self.house, self.gallery = house, Gallery(house)
        self.customers = [self.gallery.customer(f"customer {i}") for i in range(n)]
        self.licenses = [self.gallery.license(c) for c in self.customers]
        self.pictures = [fetched(c, lic) for c, lic in zip(self.customers, self.licenses)]

    def show(self, i, data=None):
        return show(self.customers[i], self.licenses[i], self.pictures[i] if data is None else data)

    def viewer(self):
        return viewers(self.house)[self.gallery.image(self.licenses[0])["watermark"]]


def pictures_of_all_kinds(t, stage):
    cases = hostile(stage.pictures[0])
    before = viewers(stage.house)
    for name, (data, codes) in cases.items():
        answer = stage.show(0, data)
        said = answer.json() if answer.status == 200 else {"code": f"{answer.status}", "detail": ""}
        t.ok(said["code"] in codes and len(said["detail"]) > 20, f"{name}: {said['code']}", answer)
    answer = show(stage.customers[0], stage.licenses[0], *form(stage.pictures[0]))
    t.ok(answer.status == 200 and answer.json()["valid"], "a form with the file in it", answer)
    t.same(viewers(stage.house), before, "no picture has ended a worker")
    for _ in range(3):  # what the first rounds need stays
        for data, _ in cases.values():
            stage.show(0, data)
    server, worker = stage.house.server.pid, stage.viewer()
    was = memory(server), memory(worker)
    for _ in range(2 if instrumented() else ROUNDS):
        for data, _ in cases.values():
            stage.show(0, data)
    grown = memory(server) - was[0], memory(worker) - was[1]
    t.ok(instrumented() or max(grown) < 8, f"and rounds of them leave daemon and worker at their size",
         f"grown by {grown} MB from {was}")  # fmt: skip
    t.ok(stage.show(0).json()["valid"], "the right picture is right")


def killed(t, stage):
    """A worker is killed while pictures wait for it: nobody notices."""
    pid = stage.viewer()
    os.kill(pid, signal.SIGSTOP)
    with ThreadPoolExecutor(len(stage.customers)) as pool:
        waiting = [pool.submit(stage.show, i) for i in range(len(stage.customers))]
        until(lambda: metric(stage.house, "hallmark_viewer_questions_waiting") == len(waiting), 8, "all of them wait")
        os.kill(pid, signal.SIGKILL)
        answers = [w.result() for w in waiting]
    t.ok(all(a.status == 200 and a.json()["valid"] for a in answers), "killed with pictures in flight: each is answered", answers)
    t.same(metric(stage.house, "hallmark_viewers_died_total"), 1, "it is counted")


def stopped(t, stage, other):
    """A worker that answers nothing costs those who asked it, and no longer than a while."""
    pid = stage.viewer()
    os.kill(pid, signal.SIGSTOP)
    began = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(stage.show, i) for i in range(2)]
        beside = show(other.customers[0], other.licenses[0], other.pictures[0])
        t.ok(beside.status == 200 and time.monotonic() - began < 8, "another release's pictures do not wait", beside)
        answers = [w.result() for w in waiting]
    took = time.monotonic() - began
    t.ok(all(a.status == 503 and a.problem("code") == "BUSY" and "retry-after" in a.headers for a in answers) and took < 25,
         "a worker that stands still: 503 with Retry-After", (took, answers))  # fmt: skip
    answer = stage.show(0)
    t.ok(answer.status == 200 and answer.json()["valid"], "and the next picture finds another worker", answer)
    t.ok(not os.path.exists(f"/proc/{pid}"), "the one that stood still is gone")


def sealed(t, stage):
    house = stage.house
    t.ok(len(viewers(house)) >= 1, "a worker stays")
    t.same(house.ctl("seal").code, 0, "sealed")
    began = time.monotonic()
    until(lambda: not viewers(house), 3, "the workers end")
    t.ok(time.monotonic() - began < 15, "what holds secrets ends with the seal")
    t.same(house.ctl("unseal").code, 0, "unsealed")
    t.ok(stage.show(0).json()["valid"], "and is started again when it is needed")


def rotated(t, stage):
    pid = stage.viewer()
    t.same(stage.house.ctl("rotate", "--wait").code, 0, "the keys are rotated")
    t.ok(stage.show(0).json()["valid"] and stage.viewer() == pid, "pictures are looked at meanwhile by the same worker")
    os.kill(pid, signal.SIGKILL)
    t.ok(stage.show(0).json()["valid"], "and by one that was started under the new keys")


def ended(t, stage):
    """SIGTERM while pictures wait for a worker that stands still: they are told, and the daemon ends in time."""
    os.kill(stage.viewer(), signal.SIGSTOP)
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(stage.show, i) for i in range(3)]
        until(lambda: metric(stage.house, "hallmark_viewer_questions_waiting") == 3, 8, "all of them wait")
        began = time.monotonic()
        t.same(stage.house.stop(), 0, "the daemon ends in peace")
        took = time.monotonic() - began
        answers = [w.result() for w in waiting]
    t.ok(all(a.status == 503 and a.problem("code") in ("DRAINING", "BUSY") for a in answers) and took < 18,
         "who waited was told so", (took, answers))  # fmt: skip


# ---- A burst -------------------------------------------------------------------------------------------


def health(house, stop, took):
    with closing(house.client(vendor=None)) as client:
        while not stop.is_set():
            began = time.monotonic()
            assert client.get("/healthz").status == 200
            took.append(1000 * (time.monotonic() - began))
            time.sleep(0.002)


def burst_files(stage):
    """What the load generator sends: customers, each with a license, a key and a picture."""
    lines = []
    for i, (customer, lic) in enumerate(zip(stage.customers, stage.licenses)):
        picture = stage.house.folder / f"picture-{i}.png"
        picture.write_bytes(stage.pictures[i])
        lines.append(f"{customer.id} {customer.key.private.private_numbers().private_value:064x} {lic} {picture}\n")
    who = stage.house.folder / "customers"
    who.touch(mode=0o600)
    who.write_text("".join(lines))
    request = stage.house.folder / "authenticate"
    request.write_bytes(
        f"POST /v1/licenses/{{license}}/authenticate HTTP/1.1\r\nHost: {stage.house.ip}\r\nContent-Type: image/png\r\n"
        "Authorization: Hallmark {proof}\r\nContent-Length: {length}\r\n\r\n{file}".encode())  # fmt: skip
    return ["--request", request, "--customers", who]


def beside_a_burst(stage):
    """(the 99th percentile of /healthz alone and beside a burst of pictures, what the pictures got)."""
    load = programs().parent / "bench" / "load"
    command = [load, "--to", f"{stage.house.ip}:8443", "--ca", stage.house.certificate, *burst_files(stage),
               "--connections", str(BURST), "--requests", str(2 * BURST), "--warmup", "0"]  # fmt: skip
    said, p99 = None, []
    for busy in (False, True):
        stop, took = threading.Event(), []
        thread = threading.Thread(target=health, args=(stage.house, stop, took))
        thread.start()
        if busy:
            said = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        else:
            time.sleep(1)
        stop.set()
        thread.join()
        p99.append(statistics.quantiles(took, n=100)[98])
    assert said.returncode == 0, said.stderr
    return p99, json.loads(said.stdout)


def burst(t, stage):
    p99, said = beside_a_burst(stage)
    # The first request of a connection has no nonce, and is refused with one.
    t.ok(said["status"] == {"200": BURST, "401": BURST} and not said["broken"],
         f"{BURST} connections show their pictures at once: each is answered", said)  # fmt: skip
    t.note(f"/healthz: p99 {p99[0]:.1f} ms alone, {p99[1]:.1f} ms beside them, who took {said}")
    t.ok(instrumented() or p99[1] < HEALTHY_MS, f"meanwhile the 99th percentile of /healthz is below {HEALTHY_MS} ms", p99)


# ---- All of it --------------------------------------------------------------------------------------------


class Beside:
    """Another release of the same vendor, with a watermark of its own, which was not taught long enough."""

    def __init__(self, stage):
        model = marked_model(stage.house, stage.gallery.vendor, "beside", epochs=1, pairs=8, spares=2)
        self.gallery = Gallery(stage.house, model)
        self.customers = [self.gallery.customer("beside")]
        self.licenses = [self.gallery.license(self.customers[0])]
        self.pictures = [fetched(self.customers[0], self.licenses[0])]


def flow(t):
    with House(**FREE) as house:
        house.open()
        stage = Stage(house, 12)
        other = Beside(stage)
        pictures_of_all_kinds(t, stage)
        killed(t, stage)
        stopped(t, stage, other)
        sealed(t, stage)
        rotated(t, stage)
        burst(t, stage)
        t.ok(metric(house, "hallmark_viewer_questions_waiting") == 0, "nobody waits for ever")
        ended(t, stage)


def activated(t):
    """The same with workers that systemd starts, one for each connection to their socket."""
    if shutil.which("systemd-socket-activate") is None:
        t.skip("a worker of systemd's", "systemd-socket-activate is not here")
        return
    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder) / "socket"
        words = ["systemd-socket-activate", "--accept", "--seqpacket", "-l", at, programs() / "hallmark-worker", "--activated"]
        unit = subprocess.Popen(words, stderr=subprocess.DEVNULL)
        try:
            until(at.exists, 10, "the socket of workers")
            with House(**FREE, worker_socket=at) as house:
                house.open()
                activated_life(t, unit, Stage(house, 2))
        finally:
            unit.terminate()
            unit.wait()


def activated_life(t, unit, stage):
    def alive():
        """Those that have not ended; nobody waits for their end."""
        ran = subprocess.run(["ps", "--ppid", str(unit.pid), "-o", "pid=,stat="], capture_output=True, text=True, check=False)
        return [int(line.split()[0]) for line in ran.stdout.splitlines() if "Z" not in line.split()[1]]

    t.ok(stage.show(0).json()["valid"] and len(alive()) == 1, "a worker of systemd's stays, and looks at pictures", alive())
    os.kill(alive()[0], signal.SIGKILL)
    t.ok(stage.show(1).json()["valid"], "its death costs nobody an answer")
    stage.house.ctl("seal", check=True)
    until(lambda: not alive(), 5, "it ends")
    t.ok(True, "it ends with the seal as well")
    stage.house.ctl("unseal", check=True)
    t.ok(stage.show(0).json()["valid"], "and comes again")
    t.same(stage.house.stop(), 0, "the daemon ends in peace")
    until(lambda: not alive(), 5, "it ends")
    t.ok(True, "and its worker with it")


if __name__ == "__main__":
    run(flow, activated)
