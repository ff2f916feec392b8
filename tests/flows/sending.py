"""Uploads as a client makes them: whole, in pieces, broken off, and resumed."""

import base64
import hashlib
import secrets
import socket
import sqlite3
import struct
from contextlib import closing

from house import until
from wire import Wire, head_of

STEP = 64 << 10


def digest_of(data):
    return f"sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"


def reset(wire):
    """Ends a connection with a reset, as a killed client's does."""
    wire.tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wire.tls.close()


class Sender:
    """Brings one file to one address."""

    def __init__(self, house, secret, path, data, digest=None):
        self.house, self.secret, self.path, self.data = house, secret, path, data
        self.digest = digest or digest_of(data)

    def head(self, first=None, last=None, **more):
        """From byte `first` to before byte `last`; all of it without."""
        n = len(self.data) if first is None else last - first
        headers = {
            "Authorization": f"Bearer {self.secret}",
            "Content-Type": "application/octet-stream",
            "Content-Length": str(n),
            "Repr-Digest": self.digest,
            "Expect": "100-continue",
        }
        if first is not None:
            headers["Content-Range"] = f"bytes {first}-{last - 1}/{len(self.data)}"
        headers.update({name.replace("_", "-"): value for name, value in more.items()})
        headers = {name: value for name, value in headers.items() if value is not None}
        return head_of("PUT", self.path, self.house.ip, headers)

    def begin(self, first=None, last=None, **more):
        """The connection once the server wants the body, or its refusal."""
        wire = Wire(self.house.address, self.house.context, timeout=60)
        wire.send(self.head(first, last, **more))
        status, headers = wire.head()
        if status == 100:
            return wire, None
        answer = wire.body_of(status, headers)
        wire.close()
        return None, answer

    def send(self, first=None, last=None, **more):
        """One request to its answer."""
        wire, refusal = self.begin(first, last, **more)
        if wire is None:
            return refusal
        with closing(wire):
            wire.send(self.data[first or 0 : last])
            return wire.answer()

    def send_to(self, stop, first=0, end=reset):
        """One request that breaks off before byte `stop`; what a reset overtakes is lost."""
        wire, refusal = self.begin(first, len(self.data))
        if wire is None:
            return refusal
        for at in range(first, stop, STEP):
            wire.send(self.data[at : min(at + STEP, stop)])
        end(wire)
        return None

    def finish(self):
        """Brings an upload to its end that may be there already."""
        wire = Wire(self.house.address, self.house.context, timeout=60)
        with closing(wire):
            wire.send(self.head(Content_Length="0", Expect=None, Content_Range=f"bytes */{len(self.data)}"))
            return wire.answer()

    def received(self, client):
        """Where to go on, once nobody sends any more."""
        at = self.path.rsplit("/", 1)
        part = next(p for p in client.get(at[0]).json()["parts"] if p["part"] == at[1])
        return part["received"]

    def whole(self, client):
        at = self.path.rsplit("/", 1)
        return next(p for p in client.get(at[0]).json()["parts"] if p["part"] == at[1])["whole"]

    def resume(self, client):
        """From where it stopped to the end; waits until the broken connection was noticed."""

        def answer():
            first = self.received(client)
            if self.whole(client):  # it was committed, and only its answer was lost
                return client.get(self.path.rsplit("/", 1)[0])
            got = self.finish() if first == len(self.data) else self.send(first, len(self.data))
            return None if got.status == 409 else got

        return until(answer, 15, "the upload goes on", 0.1)


def new_asset(client, kind="models", **more):
    body = {"name": "thing " + secrets.token_hex(6), **more}
    return client.post(f"/v1/{kind}", body).json()["id"]


def new_model(house, client, data, digest=None):
    """A model that waits for these bytes, and who brings them."""
    return Sender(house, client.secret, f"/v1/models/{new_asset(client)}/content", data, digest)


def as_release(house, **part):
    """A release whose files are uploads: `artifact`, `report`, `page`, by the id of their model.
    Nobody may ask for that, so the rows are changed while the server is away."""
    model = part["artifact"]
    release = "rel_" + model[4:]
    house.stop()
    with closing(sqlite3.connect(house.database)) as db:
        for name, owner in part.items():
            vendor, blob, key = db.execute(
                "SELECT b.vendor, b.id, j.data_key FROM blob b, job j WHERE b.owner = ? AND j.object = b.owner", [owner]
            ).fetchone()
            db.execute("UPDATE blob SET owner = ?, part = ? WHERE id = ?", [release, name, blob])
        db.execute(
            "INSERT INTO model_release (id, vendor, model, number, name, state, locks, job, key, bytes, manifest,"
            " bundle, created) VALUES (?, ?, ?, 1, '', 1, 2, 'job', ?, 1, 'a.b.c', '{}', 1)",
            [release, vendor, model, key],
        )
        db.execute("UPDATE asset SET state = 2, releases = 1 WHERE id = ?", [model])
        db.commit()
    house.start()
    return f"/v1/models/{model}/releases/{release}"


def as_watermark(house, report, page):
    """A watermark whose files are uploads, by the ids of their models; the first of them has it."""
    watermark = "wmk_" + report[4:]
    house.stop()
    with closing(sqlite3.connect(house.database)) as db:
        for name, owner in (("report", report), ("page", page)):
            vendor, blob, key = db.execute(
                "SELECT b.vendor, b.id, j.data_key FROM blob b, job j WHERE b.owner = ? AND j.object = b.owner", [owner]
            ).fetchone()
            db.execute("UPDATE blob SET owner = ?, part = ? WHERE id = ?", [report, name, blob])
        db.execute(
            "INSERT INTO watermark (id, vendor, source, model, state, job, key, keys, classes, facts, created)"
            " VALUES (?, ?, ?, ?, 1, 'job', ?, 4, 10, '{}', 1)",
            [watermark, vendor, page, report, key],
        )
        db.execute("UPDATE asset SET state = 2 WHERE id = ?", [report])
        db.commit()
    house.start()
    return f"/v1/watermarks/{watermark}"


def read_back(house, sender):
    """Where what the server has kept of a whole upload can be had: see as_release."""
    return as_release(house, artifact=sender.path.split("/")[3]) + "/artifact"
