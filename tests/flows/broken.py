"""Uploads that break off: connections that are reset at any byte, servers that are killed or stopped
in the middle, and what is there afterwards. What was kept is read back and compared."""

import os
import random
import sqlite3
import sys
import time
from contextlib import closing

sys.dont_write_bytecode = True

from house import House, full, until
from sending import Sender, new_asset, new_model, read_back, reset
from tap import run
from wire import Client, Closed, Wire

CHUNK = 128 << 10
MB = 1 << 20
FREE = {"token_rate": 0, "address_rate": 0, "failure_rate": 0}


def same_bytes(house, client, sender):
    """What is kept is what was sent."""
    return client.get(read_back(house, sender)).body == sender.data


def connections(t):
    """Reset at random bytes; the next connection goes on at the exact byte that was received."""
    with House(**FREE) as house, closing(house.open().client()) as client:
        data = os.urandom(6 * MB + 77)
        sender = new_model(house, client, data)
        borders = [1, CHUNK - 1, CHUNK, CHUNK + 1, MB, MB + 1, 2 * MB + CHUNK]
        stops = sorted(borders + [random.randrange(len(data)) for _ in range(20 if full() else 8)])
        lost = []
        for n, stop in enumerate(stops):
            first = sender.received(client)
            if stop <= first:
                continue
            end = (reset, Wire.close)[n % 2]
            until(lambda: sender.send_to(stop, sender.received(client), end) is None, 15, "somebody else sends")
            if end is reset:
                time.sleep(0.05)
            else:
                until(lambda: sender.received(client) == stop, 10, f"all of {stop} bytes are here")
            here = sender.received(client)
            if not first <= here <= stop:
                lost.append((first, stop, here))
        t.same(lost, [], f"{len(stops)} connections broke: what came before an end is here to the byte, before a reset in part")
        answer = sender.resume(client)
        t.same((answer.status, answer.json()["state"]), (200, "checking"), "the rest comes, and the digest is right")
        t.ok(same_bytes(house, client, sender), "what is kept is what was sent")


def whole_answer_lost(t):
    """The last byte came, the answer did not arrive: the same end again."""
    with House(**FREE) as house, closing(house.open().client()) as client:
        data = os.urandom(MB + 3)
        sender = new_model(house, client, data)
        t.same(sender.finish().problem("received"), 0, "an end without a beginning is refused")
        sender.send(0, MB)
        answer = sender.finish()
        t.same((answer.status, answer.json()), (202, {"received": MB, "size": len(data)}), "too early: what is missing")
        wire, _ = sender.begin(MB, len(data))
        wire.send(data[MB:])
        wire.close()
        until(lambda: sender.received(client) == len(data), 10, "the last byte is here")
        part = client.get(sender.path.removesuffix("/content")).json()["parts"][0]
        if not part["whole"]:
            until(lambda: sender.finish().status == 200, 10, "the end is told again")
        t.ok(client.get(sender.path.removesuffix("/content")).json()["parts"][0]["whole"], "it is whole")
        t.same(sender.finish().status, 409, "once")


def send_and_kill(house, sender, first):
    """Kills the server while it takes bytes; how many had been sent."""
    wire, refusal = sender.begin(first, len(sender.data))
    if wire is None:
        raise AssertionError(refusal)
    stop = random.randrange(first, len(sender.data))
    sent = first
    try:
        while sent < stop:
            wire.send(sender.data[sent : sent + 50_000])
            sent += 50_000
        time.sleep(random.choice([0, 0.01, 0.1]))
        house.kill()
    except (OSError, Closed):
        house.kill()
    wire.close()
    return min(sent, len(sender.data))


def kills(t):
    """What whole chunks were written is verified, sealed anew, and gone on from."""
    with House(**FREE) as house:
        house.open()
        data = os.urandom(20 * MB + 4321)
        with closing(house.client()) as client:
            sender = new_model(house, client, data)
        gained, lost = [], []
        for _ in range(20 if full() else 6):
            with closing(Client(house, house.vendors["acme"])) as client:
                first = sender.received(client)
                answer = sender.send(first, first + 1)
                if answer.status != 202:
                    lost.append((first, answer))
                    first = answer.problem("received")
                else:
                    first += 1
                sent = send_and_kill(house, sender, first)
            house.start()
            with closing(Client(house, house.vendors["acme"])) as client:
                here = sender.received(client)
                gained.append(here - first)
                if here > sent:
                    lost.append((first, sent, here))
                if first - here > CHUNK + 1:
                    lost.append((first, sent, here))
        t.same(lost, [], f"{len(gained)} kills: no more than a chunk of what had been here is sent again ({gained})")
        t.ok(max(gained) > CHUNK, "and something came in between")
        with closing(Client(house, house.vendors["acme"])) as client:
            answer = sender.resume(client)
            t.same(answer.status, 200, "the rest comes, and the digest is right")
            t.ok(same_bytes(house, client, sender), "what is kept is what was sent")
            t.same(len([*(house.state / "blobs").iterdir()]), 1, "no other file is left")
        ran = house.ctl("db", "check")
        t.same(ran.code, 0, "the check finds nothing")


def torn(t):
    """A chunk that was not written as it should be ends what is salvaged; nobody sees a wrong byte."""
    with House(**FREE) as house:
        with closing(house.open().client()) as client:
            data = os.urandom(4 * MB)
            sender = new_model(house, client, data)
            t.same(sender.send(0, 3 * MB).status, 202, "most of it")
        house.stop()
        [(blob,)] = house.ask("SELECT id FROM blob")
        at = house.state / "blobs" / blob
        text = bytearray(at.read_bytes())
        text[64 + 10 * (CHUNK + 16) + 5] ^= 1
        at.write_bytes(text)
        house.start()
        with closing(house.client()) as client:
            first = sender.received(client)
            answer = sender.send(first, len(data))
            t.same((answer.status, answer.problem("received")), (409, 10 * CHUNK), "up to the torn chunk it is kept")
            t.same(sender.send(10 * CHUNK, len(data)).status, 200, "and gone on from")
            t.ok(same_bytes(house, client, sender), "what is kept is what was sent")
            nothing = new_model(house, client, data)
            t.same(nothing.send(0, MB).status, 202, "another")
        house.stop()
        [(blob,)] = house.ask("SELECT id FROM blob WHERE state = 0")
        (house.state / "blobs" / blob).write_bytes(b"")
        house.start()
        with closing(house.client()) as client:
            t.same(nothing.received(client), 0, "an empty file holds nothing")
            t.same(nothing.send(0, MB).status, 202, "it begins anew")
        house.stop()
        (house.state / "blobs" / blob).unlink()
        house.start()
        with closing(house.client()) as client:
            t.same(nothing.send().status, 200, "so does one without a file")
            t.ok(same_bytes(house, client, nothing), "what is kept is what was sent")


def stops(t):
    """SIGTERM in the middle: the daemon ends in time, and keeps what came."""
    with House(**FREE) as house:
        with closing(house.open().client()) as client:
            data = os.urandom(8 * MB)
            sender = new_model(house, client, data)
            wire, _ = sender.begin()
            wire.send(data[: 5 * MB + 7])
            until(lambda: sender.received(client) >= 4 * MB, 5, "five megabytes are on their way")
        began = time.monotonic()
        t.same(house.stop(), 0, "the daemon ends")
        took = time.monotonic() - began
        t.ok(took < 12, f"within {took:.1f} s, though a client is sending")
        wire.close()
        house.start()
        with closing(house.client()) as client:
            here = sender.received(client)
            t.ok(here >= 4 * MB, f"{here} bytes of {5 * MB + 7} were kept")
            t.same(sender.resume(client).status, 200, "the upload goes on")
            t.ok(same_bytes(house, client, sender), "what is kept is what was sent")


def given_up(t):
    """What nobody brings to its end is deleted after its time."""
    with House(**FREE, upload_hours=1) as house:
        with closing(house.open().client()) as client:
            old, new = (new_model(house, client, os.urandom(MB)) for _ in range(2))
            old.send(0, 1000)
            new.send(0, 1000)
            rubbish = house.state / "blobs" / "blb_00000000-0000-7000-8000-000000000000"
        house.stop()
        rubbish.write_bytes(b"nobody knows me")
        with closing(sqlite3.connect(house.database)) as db:
            db.execute("UPDATE blob SET created = created - 3600001 WHERE owner = ?", [old.path.split("/")[3]])
            db.commit()
        house.start()
        t.ok(not rubbish.exists(), "a file without a row is removed at the start")
        until(lambda: house.ask("SELECT count(*) FROM blob") == [(1,)], 20, "the old one goes")
        until(lambda: len([*(house.state / "blobs").iterdir()]) == 1, 20, "its file goes after it")
        t.same(house.ask("SELECT count(*) FROM data_key"), [(1,)], "and its key")
        with closing(house.client()) as client:
            t.same((old.received(client), old.send().status), (0, 200), "it may begin anew")
            t.same(new.resume(client).status, 200, "the other one goes on")


def put_aside(t):
    """Those whose senders are away make room for those who send, and go on later all the same."""
    with House(**FREE, uploads=2) as house, closing(house.open().client()) as client:
        senders = [new_model(house, client, os.urandom(2 * MB)) for _ in range(5)]
        t.same({s.send(0, MB).status for s in senders}, {202}, "five begin where two may be open")
        shown = [s.received(client) for s in senders]
        t.ok(all(MB - CHUNK <= n <= MB for n in shown), f"what they brought is kept ({shown})")
        t.same({s.resume(client).status for s in senders}, {200}, "each goes on to its end")
        t.ok(same_bytes(house, client, senders[0]), "what is kept is what was sent")


def data_sets(t):
    """The parts of a data set break off on their own."""
    with House(**FREE) as house:
        with closing(house.open().client()) as client:
            kept = new_asset(client, "datasets", labels="file")
            samples = Sender(house, client.secret, f"/v1/datasets/{kept}/samples", os.urandom(2 * MB))
            labels = Sender(house, client.secret, f"/v1/datasets/{kept}/labels", os.urandom(MB))
            samples.send_to(MB)
            labels.send_to(MB // 2)
        house.kill()
        house.start()
        with closing(house.client()) as client:
            t.same(labels.resume(client).json()["state"], "empty", "one part is whole")
            t.same(samples.resume(client).json()["state"], "checking", "then the other")


if __name__ == "__main__":
    run(connections, whole_answer_lost, kills, torn, stops, given_up, put_aside, data_sets)
