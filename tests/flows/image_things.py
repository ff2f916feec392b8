"""What flows about key images need: a release whose network has a watermark, by the daemon's own job;
PNG files as bytes of their samples and back, by nobody's library; showing a picture; unlocking by it."""

import math
import random
import struct
import zlib
from pathlib import Path

from customers import enrolled
from hostile_files import npy
from house import job_ends, until
from license_things import made_release, new_license, new_policy
from protect_kill import DATA, LENET, cut
from sending import Sender, new_asset
from vault_things import bring_model, bring_set, release

SAMPLES, TEST, PICTURES = 1200, 300, 40
QUICK = {"plain": True, "pairs": 12, "spares": 4, "epochs": 4, "boost": 10, "batch": 64, "threads": 1, "seed": 3, "drop_max": 0.5}
SIDE = 28


# ---- Pictures ------------------------------------------------------------------------------------


class Picture:
    """Eight bits a sample, row by row, without any filter between them."""

    def __init__(self, width, height, channels, samples):
        self.width, self.height, self.channels, self.v = width, height, channels, bytearray(samples)

    def copy(self):
        return Picture(self.width, self.height, self.channels, self.v)


def unfiltered(kind, row, above, n):
    """One row of PNG as it was (section 9 of the specification)."""
    out = bytearray(row)
    for i in range(len(out)):
        a = out[i - n] if i >= n else 0
        b = above[i]
        c = above[i - n] if i >= n else 0
        nearest = min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
        out[i] = (out[i] + (0, a, b, (a + b) // 2, nearest)[kind]) & 255
    return out


def png_read(data):
    assert data[:8] == b"\x89PNG\r\n\x1a\n", data[:16]
    at, packed, head = 8, b"", None
    while at < len(data):
        size, name = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + size]
        head = body if name == b"IHDR" else head
        packed += body if name == b"IDAT" else b""
        at += 12 + size
    width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", head)
    assert depth == 8 and interlace == 0 and colour in (0, 2), head
    channels = 3 if colour == 2 else 1
    raw, samples = zlib.decompress(packed), bytearray()
    above, step = bytes(width * channels), width * channels + 1
    for y in range(height):
        above = unfiltered(raw[y * step], raw[y * step + 1 : (y + 1) * step], above, channels)
        samples += above
    return Picture(width, height, channels, samples)


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_write(p, level=9, more=b""):
    """`more`: chunks between head and data."""
    step = p.width * p.channels
    raw = b"".join(b"\0" + bytes(p.v[y * step : (y + 1) * step]) for y in range(p.height))
    head = struct.pack(">IIBBBBB", p.width, p.height, 8, 2 if p.channels == 3 else 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + more + chunk(b"IDAT", zlib.compress(raw, level)) + chunk(b"IEND", b"")


# ---- Things --------------------------------------------------------------------------------------


def fashion(house, client, name, file, n):
    """The first of Fashion-MNIST as a data set: its id."""
    thing = new_asset(client, "datasets", name=name, labels="file")
    for part, kind in (("samples", "images-idx3"), ("labels", "labels-idx1")):
        data = cut(DATA / f"{file}-{kind}-ubyte.gz", house.folder / "part", n).read_bytes()
        answer = Sender(house, client.secret, f"/v1/datasets/{thing}/{part}", data).send()
        assert answer.status == 200, answer
    job = job_ends(client, answer.json()["job"])
    assert job["state"] == "done", job
    return thing


def waves(n, seed):
    """Pictures of nothing, no two alike: an array as NPY."""
    rng, out = random.Random(seed), bytearray()
    for _ in range(n):
        of = [(rng.uniform(0.05, 0.6), rng.uniform(0.05, 0.6), rng.uniform(0, 6), rng.uniform(10, 50)) for _ in range(5)]
        for at in range(SIDE * SIDE):
            v = 128 + sum(a * math.sin(x * (at % SIDE) + y * (at // SIDE) + p) for x, y, p, a in of)
            out.append(max(0, min(255, int(v))))
    return npy("|u1", f"({n}, {SIDE}, {SIDE})", bytes(out))


def marked_model(house, client, name="marked", seed=11, **more):
    """LeNet, and what the job has taught it, which nothing but pictures needs to find: the new model's id."""
    sets = {"dataset": fashion(house, client, f"some for {name}", "train", SAMPLES),
            "test": fashion(house, client, f"test for {name}", "t10k", TEST),
            "pictures": bring_set(house, client, waves(PICTURES, seed), labels="none")}  # fmt: skip
    params = {**QUICK, **sets, "model": bring_model(house, client, Path(LENET).read_bytes()), "name": name, **more}
    answer = client.post("/v1/jobs", {"kind": "watermark", "params": params})
    assert answer.status == 202, answer
    job = job_ends(client, answer.json()["id"], 280)
    assert job["state"] == "done", job

    def ready():
        items = client.get("/v1/models?limit=200").json()["items"]
        return next((m["id"] for m in items if m["name"] == name and m["state"] == "ready"), None)

    return until(ready, 30, "the new model's description")


def marked_release(client, model):
    job, made = release(client, model, lock="sealed")
    assert job["state"] == "done" and made["state"] == "ready", (job, made)
    return made


# ---- What customers do ---------------------------------------------------------------------------


def fetched(customer, license_id):
    """The key image's file."""
    answer = customer.request("POST", f"/v1/licenses/{license_id}/key-image")
    assert answer.status == 200 and answer.headers["content-type"] == "image/png", answer
    return answer.body


def show(customer, license_id, data, kind="image/png", path="authenticate"):
    return customer.request("POST", f"/v1/licenses/{license_id}/{path}", data, {"Content-Type": kind})


def form(data, name="image", kind="image/png", boundary="8f3a"):
    """The body of a form with one file, and its type."""
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="me.png"\r\nContent-Type: {kind}\r\n\r\n'
    return head.encode() + data + f"\r\n--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def unlock(customer, license_id, authentication=None, machine="m", key=None):
    body = {"machine": machine} | ({} if authentication is None else {"authentication": authentication})
    return customer.post(f"/v1/licenses/{license_id}/unlock", body, key)


class Gallery:
    """A vendor with a watermarked release, and a policy that asks for images."""

    def __init__(self, house, model=None):
        self.house, self.vendor = house, house.client()
        self.model = model or marked_model(house, self.vendor)
        self.release = marked_release(self.vendor, self.model)["id"]
        self.plain = made_release(self.vendor, house)["id"]
        self.policy = new_policy(self.vendor, image="unlock", seats=5)
        self.customers = []

    def close(self):
        for client in (self.vendor, *self.customers):
            client.close()

    def customer(self, name):
        self.customers.append(enrolled(self.house, self.vendor, name))
        return self.customers[-1]

    def license(self, customer, policy=None, release_id=None, **more):
        return new_license(self.vendor, customer.id, release_id or self.release, policy or self.policy, **more)["id"]

    def image(self, license_id):
        """The row of its active key image, as the API shows it."""
        items = self.vendor.get(f"/v1/key-images?license={license_id}").json()["items"]
        active = [i for i in items if i["state"] == "active"]
        assert len(active) == 1, items
        return active[0]

    def code(self, customer, license_id, data, kind="image/png"):
        """What showing it leads to, in one word."""
        answer = show(customer, license_id, data, kind)
        return answer.json()["code"] if answer.status == 200 else f"{answer.status} {answer.problem('code')}"

