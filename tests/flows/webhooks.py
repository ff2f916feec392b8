"""Webhooks: every event arrives, signed, at least once, under one id, however often the target
fails, the courier dies or the daemon is killed; replayed, paused and deleted as one is told."""

import os
import signal
import sqlite3
import time
from contextlib import closing

from customers import new_customer
from house import House, until
from license_things import FREE, Scene, new_license, new_policy
from proof import Key
from receiver import Receiver, closes, hangs, messages, new_webhook, settled
from schemas import wrong
from tap import run


class Hooked:
    """A house whose webhooks may go to a receiver on loopback."""

    def __init__(self, **conf):
        self.house = House(webhook_networks="127.0.0.0/8", **conf)
        self.receiver = Receiver(self.house.ip[:-1] + "2", self.house.folder)
        self.house.write_conf(webhook_ca=self.receiver.certificate)

    def __enter__(self):
        self.house.open()
        self.client = self.house.client()
        return self.house, self.receiver, self.client

    def __exit__(self, *what):
        self.client.close()
        self.receiver.close()
        return self.house.__exit__(*what)


def ping(client, webhook):
    answer = client.post(f"/v1/webhooks/{webhook['id']}/ping", {})
    if answer.status != 202:
        raise AssertionError(answer)
    return answer.json()["event"]


def arrives(t):
    with Hooked() as (house, receiver, client):
        hook = new_webhook(client, receiver.base + "/all?x=1")
        other = new_webhook(client, receiver.base + "/other", "customer.suspended", "customer.erased")
        t.ok(hook["secret"].startswith("whsec_"), "the secret is in the answer that creates it")
        t.ok("secret" not in client.get(f"/v1/webhooks/{hook['id']}").json(), "and in no other")
        event = ping(client, hook)
        post = receiver.wait("/all?x=1")[0]
        t.same(post.id, event, "webhook-id is the event's id")
        t.ok(post.signed_by(hook["secret"]), "the signature holds", post.headers)
        t.ok(not post.signed_by(other["secret"]), "and not under another webhook's secret")
        body = post.json()
        t.same((body["type"], body["object"], body["id"]), ("webhook.ping", hook["id"], event), "the body says what it is")
        t.same(post.headers["content-type"], "application/json", "it is JSON")
        who = client.post("/v1/customers", {"name": "Ada", "email": "ada@example.com"}).json()["id"]
        for verb in ("suspend", "reinstate", "suspend"):
            client.post(f"/v1/customers/{who}/{verb}", {})
        client.delete(f"/v1/customers/{who}", "*")
        wanted = ["customer.suspended", "customer.reinstated", "customer.suspended", "customer.erased"]
        got = receiver.wait("/all?x=1", 1 + len(wanted))[1:]
        t.same(sorted(p.json()["type"] for p in got), sorted(wanted), "events of customers arrive")
        t.ok(all(p.signed_by(hook["secret"]) for p in got), "all of them signed")
        t.ok(not any(b"Ada" in p.body or b"ada@" in p.body for p in got), "no name, no address in them")
        got = receiver.wait("/other", 3)
        t.same(sorted(p.json()["type"] for p in got), sorted(w for w in wanted if w != "customer.reinstated"),
               "a webhook hears of the types it asked for")  # fmt: skip
        until(lambda: [m["state"] for m in messages(client, hook)] == ["delivered"] * 5, 10, "delivered")
        t.same(len({p.id for p in receiver.posts if p.path != "/other"}), 1 + len(wanted), "each event has its own id")
        log = messages(client, hook)
        t.same([m["state"] for m in log], ["delivered"] * 5, "the log says so")
        t.same((log[0]["status"], log[0]["attempts"], log[0]["note"]), (204, 1, ""), "with status and attempts")
        t.same(house.ask("SELECT count(*) FROM audit WHERE action = 'webhook.create'"), [(2,)], "creation is audited")


EVERY = {"customer.enrolled", "customer.key_replaced", "customer.suspended", "customer.reinstated", "customer.erased",
         "license.issued", "license.renewed", "license.suspended", "license.reinstated", "license.revoked",
         "license.transferred", "license.unlocked", "license.approved", "lease.claimed", "webhook.ping"}  # fmt: skip
# key_images.py hears of these.
OF_IMAGES = {"key_image.issued", "key_image.replaced", "key_image.revoked"}
# And redteam.py of this.
OF_RED_TEAMS = {"red_team.done"}


def every_type(t):
    """Whatever can happen to a customer and his licenses, done once each."""
    with Hooked(**FREE) as (house, receiver, client):
        hook = new_webhook(client, receiver.base + "/every")
        ping(client, hook)
        with closing(Scene(house)) as scene:
            ada, at = scene.customer, f"/v1/customers/{scene.customer.id}"
            done = [ada.request("PUT", f"/v1/licenses/{scene.license}/leases/m", {}),
                    ada.request("PUT", f"/v1/licenses/{scene.license}/leases/m", {}),
                    ada.post(f"/v1/licenses/{scene.license}/unlock", {"machine": "m"})]  # fmt: skip
            done += [scene.act(what) for what in ("suspend", "reinstate", "renew")]
            gated = new_license(client, ada.id, scene.release["id"], new_policy(client, approvals=1, approvers=1))["id"]
            done.append(scene.act("approvals", gated))
            spare = scene.issue({"transferable": True})["id"]
            done.append(scene.act("transfer", spare, {"customer": new_customer(client, "heir")["id"]}))
            done.append(scene.act("revoke", gated))
            key, nonce = Key(), ada.fresh()
            ada.nonce = nonce
            proof = key.proof(ada.id, "PUT", at + "/key", nonce)
            done.append(ada.request("PUT", at + "/key", {"jwk": key.jwk, "proof": proof}))
            done += [client.post(f"{at}/{verb}", {}) for verb in ("suspend", "reinstate")]
            done.append(client.delete(at, "*"))
            t.same([a for a in done if a.status not in (200, 201, 202, 204)], [], "all of it is done")
            contract = client.get("/v1/openapi.json").json()
        deadline = time.monotonic() + 10
        while {p.json()["type"] for p in receiver.at("/every")} < EVERY and time.monotonic() < deadline:
            time.sleep(0.1)
        posts = receiver.at("/every")
        t.same({p.json()["type"] for p in posts}, EVERY, "an event of every type arrives")
        schemas = contract["components"]["schemas"]
        t.same({*schemas["EventTypes"]["items"]["enum"]} - {"*"}, EVERY | OF_IMAGES | OF_RED_TEAMS, "these are the contract's types")
        t.same([w for p in posts for w in wrong(p.json(), schemas["Event"], contract)], [], "each is what the contract says")
        t.ok(all(p.signed_by(hook["secret"]) for p in posts), "each is signed")
        said = b"".join(p.body for p in posts)
        t.same([w for w in (b"Ada", b"heir", b"hmc_", b"eyJ", hook["secret"].encode()) if w in said], [], "no names, no secrets in them")


def tried_again(t):
    """Each way to fail, once: after five seconds it comes again, as what it was."""
    with Hooked(webhook_seconds=4) as (house, receiver, client):
        # The one that closes comes first: on a connection that was good for another message before, the courier
        # may begin anew at once.
        ways = {"/closes": [closes, 200], "/500": [500, 200], "/429": [429, 200], "/hangs": [hangs, 200],
                "/redirect": [301, 200], "/gone": [410, 200]}  # fmt: skip
        receiver.plans.update(ways)
        hooks = {path: new_webhook(client, receiver.base + path) for path in ways}
        events = {path: ping(client, hook) for path, hook in hooks.items()}
        first = {path: settled(client, hook)[0] for path, hook in hooks.items()}
        for path, m in first.items():
            if m["attempts"] == 1:
                t.ok(m["state"] == "waiting" and m["note"] and m["due"], f"{path}: waits and says why: {m['note']}", m)
        t.same([first[p]["status"] for p in ("/500", "/closes", "/hangs")], [500, None, None], "with the status, if there was one")
        for path, hook in hooks.items():
            posts = receiver.wait(path, 2, 20)
            t.same([p.id for p in posts], [events[path]] * 2, f"{path}: the same id at every attempt")
            t.ok(posts[1].at - posts[0].at > 3.5, f"{path}: after a while", posts[1].at - posts[0].at)
            t.ok(all(p.signed_by(hook["secret"]) for p in posts), f"{path}: each signed at its own time")
            until(lambda h=hook: messages(client, h)[0]["state"] == "delivered", 10, "delivered")
            t.same(messages(client, hook)[0]["attempts"], 2, f"{path}: delivered at the second")


def nobody_waits(t):
    """A target that hangs, with many events, keeps no other waiting."""
    with Hooked(webhook_seconds=30) as (house, receiver, client):
        receiver.plans["/hangs"] = [hangs]
        slow = [new_webhook(client, receiver.base + "/hangs", "webhook.ping") for _ in range(4)]
        quick = new_webhook(client, receiver.base + "/quick", "webhook.ping")
        for hook in slow:
            for _ in range(12):
                ping(client, hook)
        receiver.wait("/hangs", 4)
        began = time.monotonic()
        for _ in range(10):
            ping(client, quick)
        receiver.wait("/quick", 10, 4)
        t.ok(time.monotonic() - began < 15, "ten events arrive while others hang", time.monotonic() - began)
        t.ok(len(receiver.at("/hangs")) <= 16, "a few of each that hangs are under way", len(receiver.at("/hangs")))


def rests(t):
    """Where nothing arrives, little is tried; and after some days nothing."""
    with Hooked() as (house, receiver, client):
        receiver.plans["/down"] = [500]
        hook = new_webhook(client, receiver.base + "/down")
        at = f"/v1/webhooks/{hook['id']}"
        with closing(Scene(house)) as scene:
            receiver.wait("/down", 2)
            until(lambda: client.get(at).json()["failures"] >= 2, 5, "failures are counted")
            for _ in range(5):
                scene.act("suspend")
                scene.act("reinstate")
            until(lambda: client.get(at).json()["rests_until"], 5, "it rests")
            time.sleep(1)  # what was under way then
            now, tried = client.get(at).json(), len(receiver.at("/down"))
            t.ok(now["failures"] >= 4, "after four failures in a row a webhook rests", now)
            time.sleep(2)
            t.ok(len(receiver.at("/down")) == tried < 10, f"then nothing is sent, of {tried}", len(receiver.at("/down")))
            receiver.plans["/down"] = [204]
            etag = client.get(at).headers["etag"]
            answer = client.request("PATCH", at, {"events": ["*"]}, {"If-Match": etag})
            t.same((answer.json()["failures"], answer.json()["rests_until"]), (0, None), "a change ends the rest")
            t.ok(len(receiver.wait("/down", tried + 6)) > tried, "and what was not tried yet goes at once")
            until(lambda: {m["state"] for m in messages(client, hook)} == {"delivered"}, 12, "all are delivered")
        t.same(client.get(at).json()["failures"], 0, "a success ends the count")
        receiver.plans["/never"] = [503]
        hook = new_webhook(client, receiver.base + "/never", "webhook.ping")
        event = ping(client, hook)
        settled(client, hook)
        with closing(sqlite3.connect(house.database, timeout=20)) as db:
            db.execute("UPDATE message SET attempts = 12, due = 1 WHERE webhook = ?", (hook["id"],))
            db.commit()
        ping(client, hook)
        until(lambda: messages(client, hook)[0]["state"] == "given up", 10, "given up")
        m = messages(client, hook)[0]
        t.same((m["attempts"], m["due"], m["status"], bool(m["ended"])), (13, None, 503, True), "the thirteenth attempt is the last")
        receiver.plans["/never"] = [200]
        client.post(f"/v1/webhooks/{hook['id']}/replay", {"event": event})
        until(lambda: messages(client, hook)[0]["state"] == "delivered", 10, "delivered after all")
        t.same(messages(client, hook)[0]["attempts"], 1, "a replay counts from the beginning")


def killed(t):
    with Hooked(webhook_seconds=5) as (house, receiver, client):
        receiver.plans["/hangs"] = [hangs, 200]
        hook = new_webhook(client, receiver.base + "/hangs")
        event = ping(client, hook)
        receiver.wait("/hangs")
        (courier,) = house.pids("hallmark-courier")
        os.kill(courier, signal.SIGKILL)
        posts = receiver.wait("/hangs", 2, 20)
        t.same([p.id for p in posts], [event] * 2, "a courier that is killed: the event is sent again, as what it was")
        until(lambda: house.pids("hallmark-courier") not in ([], [courier]), 10, "another courier")
        receiver.plans["/hangs2"] = [hangs, 200]
        hook = new_webhook(client, receiver.base + "/hangs2")
        event = ping(client, hook)
        receiver.wait("/hangs2")
        client.close()
        house.kill()
        house.start()
        posts = receiver.wait("/hangs2", 2, 20)
        t.same([p.id for p in posts], [event] * 2, "a daemon that is killed: likewise")
        log = settled(client, hook)
        t.same((log[0]["state"], log[0]["event"]), ("delivered", event), "and it is recorded")
        many = new_webhook(client, receiver.base + "/many")
        events = [ping(client, many) for _ in range(60)]
        client.close()
        house.kill()
        house.start()
        until(lambda: set(events) <= {p.id for p in receiver.at("/many")}, 20, "all of 60")
        t.ok(True, "of 60 events that were acknowledged before a kill none is lost")
        t.ok(all(p.signed_by(many["secret"]) for p in receiver.at("/many")), "all are signed")


def as_told(t):
    with Hooked() as (house, receiver, client):
        hook = new_webhook(client, receiver.base + "/told")
        at = f"/v1/webhooks/{hook['id']}"
        events = [ping(client, hook)]
        time.sleep(0.01)  # times are of whole milliseconds
        events += [ping(client, hook) for _ in range(2)]
        receiver.wait("/told", 3)
        until(lambda: all(m["state"] == "delivered" for m in messages(client, hook)), 5, "delivered")
        answer = client.post(at + "/replay", {"event": events[1]})
        t.same((answer.status, answer.json()), (202, {"messages": 1}), "one event can be sent again")
        t.same(receiver.wait("/told", 4)[3].id, events[1], "under its id")
        until(lambda: all(m["state"] == "delivered" for m in messages(client, hook)), 5, "delivered")
        since = messages(client, hook)[1]["at"]
        t.same(client.post(at + "/replay", {"since": since}).json(), {"messages": 2}, "or all since a time")
        t.same({p.id for p in receiver.wait("/told", 6)[4:]}, set(events[1:]), "under theirs")
        for body, status in [({}, 422), ({"event": events[0], "since": since}, 422), ({"event": "evt_x"}, 404),
                             ({"event": "evt_" + events[0][4:12] + "-0000-7000-8000-000000000000"}, 404)]:  # fmt: skip
            t.same(client.post(at + "/replay", body).status, status, f"replay of {list(body)}: {status}")
        etag = client.get(at).headers["etag"]
        answer = client.request("PATCH", at, {"paused": True}, {"If-Match": etag})
        t.same((answer.status, answer.json()["paused"]), (200, True), "it can be paused")
        event = ping(client, hook)
        time.sleep(1.5)
        t.same(len(receiver.at("/told")), 6, "then nothing is sent")
        t.same(client.request("PATCH", at, {"paused": False}, {"If-Match": etag}).status, 412, "an old ETag changes nothing")
        answer = client.request("PATCH", at, {"paused": False, "url": receiver.base + "/moved"}, {"If-Match": answer.headers["etag"]})
        t.same([p.id for p in receiver.wait("/moved")], [event], "what has waited goes where it is to go now")
        by_hand(t, house, receiver, client, hook, event)
        with closing(house.vendor("other")) as stranger:
            for method, path, body in [("GET", at, None), ("GET", at + "/messages", None), ("PATCH", at, {"paused": True}),
                                       ("POST", at + "/ping", {}), ("POST", at + "/replay", {"since": since}),
                                       ("DELETE", at, None)]:  # fmt: skip
                answer = stranger.request(method, path, body, {"If-Match": "*", "Idempotency-Key": method + path[-5:]})
                t.same(answer.status, 404, f"{method} {path[-9:]} by another vendor: 404")
        keys = house.ask("SELECT count(*) FROM data_key")[0][0]
        t.same(client.delete(at, "*").status, 204, "it can be deleted")
        t.same((client.get(at).status, house.ask("SELECT count(*) FROM message"), house.ask("SELECT count(*) FROM data_key")),
               (404, [(0,)], [(keys - 1,)]), "with its messages and its key")  # fmt: skip


def by_hand(t, house, receiver, client, hook, event):
    """The administrators' commands."""
    listed = house.ctl("webhook", "list", "--format", "json", check=True).json()
    t.same([(w["id"], w["url"]) for w in listed], [(hook["id"], receiver.base + "/moved")], "hallmarkctl webhook list")
    until(lambda: all(m["state"] == "delivered" for m in messages(client, hook)), 5, "delivered")
    log = house.ctl("webhook", "log", hook["id"], "--format", "json", check=True).json()
    t.same([m["event"] for m in log][-1], event, "webhook log")
    ran = house.ctl("webhook", "replay", hook["id"], "--event-id", event, "--format", "json", check=True)
    t.same(ran.json()["messages"], 1, "webhook replay")
    t.same(receiver.wait("/moved", 2)[1].id, event, "sends it again")
    t.ok(house.ctl("webhook", "replay", hook["id"]).code != 0, "a replay of nothing is refused")
    t.ok("whsec" not in house.ctl("webhook", "list", "--format", "jsonl").out, "no secret is shown")


run(arrives, every_type, tried_again, nobody_waits, rests, killed, as_told)
