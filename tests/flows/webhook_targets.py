"""Where webhooks may not lead: no spelling of a private address, no name that resolves to one, no
redirect to one; and what a hostile target can do with its answers, which is nothing."""

import base64
import json
import os
import time
from contextlib import closing
from pathlib import Path

from house import House, instrumented, until
from receiver import Receiver, messages, new_webhook, settled
from tap import run

PRIVATE = """
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1 127.255.255.254
168.63.129.16 169.254.0.1 169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.192 192.0.2.7
192.88.99.1 192.168.0.1 192.168.255.255 198.18.0.1 198.19.255.255 198.51.100.9 203.0.113.1 224.0.0.1 239.255.255.255
240.0.0.1 255.255.255.255
[::] [::1] [::2] [::127.0.0.1] [::ffff:127.0.0.1] [::ffff:7f00:1] [::FFFF:169.254.169.254] [::ffff:0:10.0.0.1]
[64:ff9b::10.0.0.1] [64:ff9b::7f00:1] [64:ff9b:1::1] [100::1] [2001::1] [2001:0:0a00:1::1] [2001:10::1] [2001:20::1]
[2001:db8::1] [2002:7f00:1::1] [2002:0a00:1::] [3fff::1] [5f00::1] [fc00::1] [fd00:ec2::254] [fdff::1] [fe80::1]
[fec0::1] [ff02::1] [0:0:0:0:0:0:0:1] [0:0:0:0:0:ffff:c0a8:0101] [4000::1] [e000::1]
""".split()  # fmt: skip
# What others read as an address, or as another host than we would.
ODD = """
https://2130706433/ https://017700000001/ https://0x7f000001/ https://0x7f.0.0.1/ https://0x7f.1/ https://127.1/
https://127.0.1/ https://0177.0.0.1/ https://00000177.1/ https://127.0.0.01/ https://127.000.000.001/ https://0/
https://1.2.3.4.5/ https://999.1.1.1/ https://127.0.0.1./ https://example.0x7f/ https://example.1/
https://[::1 https://[::1]x/ https://[::1]443/ https://[127.0.0.1]/ https://[fe80::1%25eth0]/ https://[::ffff:127.0.0.1/
https://[1:2:3]/ https://::1/ https://user@127.0.0.1/ https://8.8.8.8@127.0.0.1/ https://127.0.0.1\\@8.8.8.8/
https://8.8.8.8#@127.0.0.1/ https://8.8.8.8\\.127.0.0.1/ https:/127.0.0.1/ https:127.0.0.1/ https:///127.0.0.1/
https://\u2460\u2461\u2466.0.0.1/ https://127\u30020\u30020\u30021/ https://%31%32%37.0.0.1/ https://loc\u00adalhost/
https://a..b/ https://.a/ https://-a/ https://a:0/ https://a:65536/ https://a:-1/ https://a:08443/ https://a:+443/
https://a:443:443/ http://8.8.8.8/ ftp://8.8.8.8/ file:///etc/passwd gopher://8.8.8.8/ HTTPS://8.8.8.8/ //8.8.8.8/
8.8.8.8 unix:///run/x dict://8.8.8.8:11211/ ldap://8.8.8.8 https:// https://?x https:///
""".split()  # fmt: skip


def by_literal(t):
    with House().open() as house, closing(house.client()) as client:

        def refused(url):
            answer = client.post("/v1/webhooks", {"url": url, "events": ["*"]})
            at = [e.get("pointer") for e in answer.json().get("errors", [])]
            return answer.status == 422 and at == ["/url"] and "127" not in answer.problem("detail")

        t.same([a for a in PRIVATE if not refused(f"https://{a}/x")], [], f"{len(PRIVATE)} private addresses are refused")
        t.same([a for a in PRIVATE if not refused(f"https://{a}:8443")], [], "with a port, too")
        t.same([u for u in [*ODD, "https://a b/", "https://a\t/", "https://a\u0000/", "https://" + "a" * 1100]
                if client.post("/v1/webhooks", {"url": u, "events": ["*"]}).status not in (400, 413, 422)], [],
               f"{len(ODD)} odd spellings are refused")  # fmt: skip
        t.same(house.ask("SELECT count(*) FROM webhook"), [(0,)], "none is there")
        good = ["https://1.1.1.1/", "https://172.32.0.1/", "https://100.128.0.1/", "https://192.0.1.1", "https://223.255.255.255/",
                "https://[2606:4700::1111]:8443/a?b=c", "https://[64:ff9b::808:808]/", "https://example.com./x", "https://xn--e1afmkfd.com"]  # fmt: skip
        made = [client.post("/v1/webhooks", {"url": u, "events": ["license.revoked"]}) for u in good]
        t.same([a.status for a in made], [201] * len(good), "public ones are not")
        at = f"/v1/webhooks/{made[0].json()['id']}"
        t.same(client.request("PATCH", at, {"url": "https://127.0.0.1/"}, {"If-Match": "*"}).status, 422, "a change is looked at, too")
        for events in ([], ["license.*"], ["nothing.happened"], ["*", "x"]):
            answer = client.post("/v1/webhooks", {"url": good[0], "events": events})
            t.same(answer.status, 422, f"events {events} are refused")
        many = [client.post("/v1/webhooks", {"url": good[0], "events": ["*"]}).status for _ in range(20 - len(good) + 1)]
        t.same((many[-2:]), [201, 409], "twenty webhooks are enough")


def by_name(t):
    """The name is looked up when the message is sent: what it resolves to then is what counts."""
    with House().open() as house, closing(house.client()) as client:
        receiver = Receiver(house.ip[:-1] + "2", house.folder)
        local = Receiver("127.0.0.1", house.folder)
        hook = new_webhook(client, f"https://localhost:{local.port}/x", "*")
        client.post(f"/v1/webhooks/{hook['id']}/ping", {})
        m = settled(client, hook)[0]
        t.ok("private" in m["note"] and m["status"] is None, f"localhost: {m['note']}", m)
        t.same((local.connections, receiver.connections), (0, 0), "nobody was spoken to")
        with house_reader(house) as db:
            # As if an older version, or a hand, had let it in: the courier looks for itself.
            db.execute("UPDATE webhook SET url = ?, failures = 0, rest = 0", (receiver.base + "/x",))
            db.commit()
        client.post(f"/v1/webhooks/{hook['id']}/ping", {})
        m = settled(client, hook, 2)[1]
        t.ok("private" in m["note"], "a literal in the row: likewise", m)
        t.same(receiver.connections, 0, "nobody was spoken to")
        receiver.close()
        local.close()


def house_reader(house):
    import sqlite3

    return closing(sqlite3.connect(house.database, timeout=20))


def some_allowed(t):
    """What the configuration allows, and not the address beside it; no plain http; no redirect."""
    house = House()
    ours = Receiver(house.ip[:-1] + "2", house.folder)
    beside = Receiver(house.ip[:-1] + "3", house.folder)
    plain = Receiver(house.ip[:-1] + "4", house.folder, tls=False)
    strange = Receiver(house.ip[:-1] + "5", house.folder)
    everything = house.ip[:-1]
    house.write_conf(webhook_networks=f"{everything}2, {everything}4/31", webhook_ca=ours.certificate)
    with house.open(), closing(house.client()) as client:
        ours.plans["/redirect"] = [redirect_to(beside.base + "/stolen"), 200]
        hook = new_webhook(client, ours.base + "/redirect")
        client.post(f"/v1/webhooks/{hook['id']}/ping", {})
        m = settled(client, hook)[0]
        t.same((m["status"], m["state"]), (302, "waiting"), f"a redirect: {m['note']}")
        t.same(beside.connections, 0, "is not followed")
        ours.plans["/here"] = [redirect_to(ours.base + "/there"), 200]
        hook = new_webhook(client, ours.base + "/here")
        client.post(f"/v1/webhooks/{hook['id']}/ping", {})
        settled(client, hook)
        t.same(ours.at("/there"), [], "nor one to where it might have gone")
        answer = client.post("/v1/webhooks", {"url": beside.base, "events": ["*"]})
        t.same(answer.status, 422, "the address beside the allowed one is refused")
        answer = client.post("/v1/webhooks", {"url": plain.base, "events": ["*"]})
        t.same(answer.status, 422, "plain http is refused")
        t.ok("webhook-plain" in answer.problem("detail"), "and said how to allow it", answer)
        hook = new_webhook(client, strange.base + "/x")
        client.post(f"/v1/webhooks/{hook['id']}/ping", {})
        m = settled(client, hook)[0]
        t.ok("certificate" in m["note"], f"a certificate that nobody knows: {m['note']}", m)
        t.same(strange.posts, [], "gets nothing")
        client.close()
        house.stop()
        house.write_conf(webhook_plain=1)
        house.start()
        hook = new_webhook(client, plain.base + "/x")
        client.post(f"/v1/webhooks/{hook['id']}/ping", {})
        t.ok(plain.wait("/x")[0].signed_by(hook["secret"]), "with webhook-plain it goes there, signed")
    for wrong in ("10.0.0.1/8", "10/8", "x", "10.0.0.0/33", "::/129", "10.0.0.0/8/8"):
        with House(webhook_networks=wrong) as house:
            house.spawn()
            code = house.server.wait(20)
            t.ok(code == 1 and "10.0.0.0/8 or" in house.said() or "network" in house.said(), f"webhook-networks = {wrong}: no start", house.said()[-300:])
            house.server = None


def redirect_to(url):
    def answer(wire):
        wire.sendall(f"HTTP/1.1 302 Found\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n".encode())

    return answer


poured = []


def huge_head(wire):
    wire.sendall(b"HTTP/1.1 200 OK\r\n")
    for n in range(20000):
        wire.sendall(f"X-{n}: {'x' * 200}\r\n".encode())


def huge_body(wire):
    wire.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
    try:
        for _ in range(5000):
            wire.sendall(bytes(100000))
            poured.append(100000)
    except OSError:
        pass


def endless_chunks(wire):
    wire.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(100000):
        wire.sendall(b"1000\r\n" + bytes(4096) + b"\r\n")


def drips_head(wire):
    for c in b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100:
        wire.sendall(bytes([c]))
        time.sleep(0.3)


def drips_body(wire):
    wire.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(100):
        wire.sendall(b"x")
        time.sleep(0.3)


def continues(wire):
    for _ in range(200):
        wire.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.1)


def says(text):
    return lambda wire: wire.sendall(text)


def hostile_answers(t):
    house = House(webhook_networks="127.0.0.0/8", webhook_seconds=3)
    receiver = Receiver(house.ip[:-1] + "2", house.folder)
    house.write_conf(webhook_ca=receiver.certificate)
    ways = {
        "/huge-head": (huge_head, None), "/huge-body": (huge_body, 200), "/endless-chunks": (endless_chunks, 200),
        "/drips-head": (drips_head, None), "/drips-body": (drips_body, 200), "/continues": (continues, None),
        "/garbage": (says(os.urandom(5000)), None), "/http09": (says(b"hello\r\n\r\n"), None),
        "/nothing": (says(b""), None), "/half": (says(b"HTTP/1.1 200 O"), None),
        "/switches": (says(b"HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\n\r\n" + bytes(1000)), None),
        "/negative": (says(b"HTTP/1.1 -1 x\r\n\r\n"), None), "/999": (says(b"HTTP/1.1 999 x\r\n\r\n"), 999),
        "/gzip": (says(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nxxxxx"), 200),
        "/nul": (says(b"HTTP/1.1 500 a\0b\r\nX: \0\r\nContent-Length: 0\r\n\r\n"), None),
    }  # fmt: skip
    with house.open(), closing(house.client()) as client:
        (courier,) = house.pids("hallmark-courier")
        receiver.plans.update({path: [todo] for path, (todo, _) in ways.items()})
        hooks = {path: new_webhook(client, receiver.base + path, "webhook.ping") for path in ways}
        began = time.monotonic()
        for hook in hooks.values():
            client.post(f"/v1/webhooks/{hook['id']}/ping", {})
        for path, hook in hooks.items():
            m = settled(client, hook)[0]
            wanted = "delivered" if ways[path][1] == 200 else "waiting"
            t.ok(m["state"] == wanted and (ways[path][1] is None or m["status"] == ways[path][1]), f"{path}: {wanted}, {m['status']}, {m['note']}", m)
        t.ok(sum(poured) < 20_000_000, f"of a huge body little is taken: {sum(poured)} bytes")
        t.ok(time.monotonic() - began < 25, "in time", time.monotonic() - began)
        t.same(house.pids("hallmark-courier"), [courier], "the courier has borne it")
        status = Path(f"/proc/{courier}/status").read_text()
        memory = int(status.split("VmRSS:")[1].split()[0])
        t.ok(memory < 60000 or instrumented(), f"its memory is bounded: {memory} kB")
        t.ok("NoNewPrivs:\t1" in status and "Seccomp:\t2" in status, "it is behind walls", status)
        fds = [os.readlink(f"/proc/{courier}/fd/{fd}") for fd in os.listdir(f"/proc/{courier}/fd")]
        t.ok(not any("hallmark.db" in f or "state" in f for f in fds), "it has nothing of the daemon's open", fds)
    receiver.close()


def secrets_stay(t):
    house = House(webhook_networks="127.0.0.0/8", log_level=7)
    receiver = Receiver(house.ip[:-1] + "2", house.folder)
    house.write_conf(webhook_ca=receiver.certificate)
    with house.open(), closing(house.client()) as client:
        hook = new_webhook(client, receiver.base + "/T0KEN-in-the-path")
        client.post(f"/v1/webhooks/{hook['id']}/ping", {})
        post = receiver.wait("/T0KEN-in-the-path")[0]
        t.ok(post.signed_by(hook["secret"]), "a message was sent")
        until(lambda: messages(client, hook)[0]["state"] == "delivered", 5, "delivered")
        key = base64.b64decode(hook["secret"][6:])
        sought = [hook["secret"].encode(), hook["secret"][6:].encode(), key, key.hex().encode(), base64.urlsafe_b64encode(key)[:-1],
                  post.headers["webhook-signature"].encode()]  # fmt: skip
        house.stop()
        there = {p.name: p.read_bytes() for p in house.state.rglob("*") if p.is_file()}
        there["log"] = house.log.read_bytes()
        t.same([n for n, b in there.items() for s in sought if s in b], [], "the secret and signatures are nowhere, database and log")
        t.ok(b"T0KEN" not in there["log"], "the log has no URL of a webhook")
        house.start()
        audit = json.dumps(house.audit_rows(), default=repr)
        t.ok("T0KEN" not in audit and hook["id"] in audit, "nor has the audit, which has its id")
    receiver.close()


run(by_literal, by_name, some_allowed, hostile_answers, secrets_stay)
