#!/usr/bin/env python3
"""The vendor's side of licensing in the program `hallmark`: customers, policies, licenses, webhooks.
Every command, as a table and as JSON, with names in the place of ids; secrets that go into files;
what asks first; and what is refused, with which status."""

import json
import os
import stat
from contextlib import closing

from cli import Vendor
from house import House
from license_things import FREE, made_release
from tap import run


class Desk:
    """A vendor's desk: commands that have to succeed, and what they say."""

    def __init__(self, t, house):
        self.t, self.house, self.hallmark = t, house, Vendor(house)
        self.hallmark.login(house.vendors["acme"])

    def one(self, *words):
        """The object that a command shows."""
        ran = self.hallmark(*words, "--format", "json")
        self.t.ok(ran.code == 0, " ".join(words), ran)
        return ran.json() if ran.code == 0 else {}

    def rows(self, *words):
        ran = self.hallmark(*words, "--format", "jsonl")
        self.t.ok(ran.code == 0, " ".join(words), ran)
        rows = [json.loads(line) for line in ran.out.splitlines()]
        whole = self.hallmark(*words, "--format", "json")
        self.t.same(whole.json() if whole.code == 0 else whole, rows, f"{words[0]} {words[1]}: JSON is the same list")
        return rows

    def refused(self, code, said, *words):
        ran = self.hallmark(*words)
        self.t.ok(ran.code == code and said in ran.err and not ran.out, f"exit {code}, {said}: {' '.join(words)}", ran)


def customers(t, desk):
    house, hallmark = desk.house, desk.hallmark
    made = desk.one("customer", "add", "Ada", "--email", "ada@example.com")
    t.ok(made["code"].startswith("hmc_") and made["state"] == "active", "the code is in the row", made)
    file = house.folder / "bob.code"
    other = desk.one("customer", "add", "Bob", "--hours", "1", "--code-file", str(file))
    t.ok("code" not in other and other["file"] == str(file), "or in a file", other)
    t.same(stat.S_IMODE(file.stat().st_mode), 0o600, "that is its user's alone")
    t.ok(file.read_text().startswith("hmc_"), "with the code and nothing else", file.read_text())
    desk.refused(1, "bob.code", "customer", "add", "Carol", "--code-file", str(file))
    desk.refused(2, "CONFLICT", "customer", "add", "ada")
    nowhere = house.folder / "dan.code"
    desk.refused(1, "INVALID", "customer", "add", "Dan", "--email", "x y", "--code-file", str(nowhere))
    t.ok(not nowhere.exists(), "no file without a code")
    t.same([c["name"] for c in desk.rows("customer", "list")], ["Ada", "Bob"], "neither of these was made")
    t.same(desk.one("customer", "show", "ADA")["id"], made["id"], "by a name, whatever its case")
    t.same(desk.one("customer", "show", made["id"])["email"], "ada@example.com", "or by the id")
    renamed = desk.one("customer", "rename", "Ada", "--name", "Ada L.", "--email", "l@example.com")
    t.same((renamed["name"], renamed["email"], renamed["id"]), ("Ada L.", "l@example.com", made["id"]), "renamed")
    desk.refused(1, "--name", "customer", "rename", "Bob")
    t.same(desk.one("customer", "suspend", "Bob", "--reason", "unpaid")["state"], "suspended", "suspended")
    desk.refused(2, "CONFLICT", "customer", "suspend", "Bob")
    t.same(desk.one("customer", "reinstate", "Bob")["state"], "active", "reinstated")
    again = desk.one("customer", "code", "Bob")
    t.ok(again["code"] != file.read_text().strip(), "another code")
    hidden = house.folder / "again.code"
    desk.one("customer", "code", "Bob", "--code-file", str(hidden))
    t.ok(hidden.read_text().startswith("hmc_"), "and one into a file")
    desk.refused(2, "NOT_FOUND", "customer", "show", "Nobody")
    desk.refused(1, "--yes", "customer", "erase", "Bob")
    t.same(hallmark("customer", "erase", "Bob", "--yes").code, 0, "customer erase")
    t.same(desk.one("customer", "show", other["id"])["state"], "erased", "erased")
    ran = hallmark("customer", "list")
    t.ok(ran.code == 0 and ran.out.splitlines()[0].split()[:3] == ["id", "number", "name"], "a table", ran)
    return made["id"]


def policies(t, desk):
    words = (
        "--seats 3 --days 30 --offline 7d --stale undecided --lease 10m --unlocks 5 --approvals 1 --approvers 2 "
        "--binding two --components product,disk --entitlement run --entitlement train --tolerance 90s "
        "--grace-expired 1d --grace-revoked 0 --renewable yes --transferable yes --image none"
    )
    made = desk.one("policy", "add", "standard", *words.split())
    wanted = {
        "seats": 3, "duration": 30 * 86400, "offline": 7 * 86400, "stale": "undecided", "lease": 600, "unlocks": 5,
        "approvals": 1, "approvers": 2, "binding": "two", "components": ["product", "disk"],
        "entitlements": ["run", "train"], "tolerance": 90, "grace_expired": 86400, "grace_revoked": 0,
        "renewable": True, "transferable": True, "image": "none", "retired": False,
    }  # fmt: skip
    t.same({k: made.get(k) for k in wanted}, wanted, "every term has an option")
    file = desk.house.folder / "terms.json"
    file.write_text(json.dumps({"seats": 2, "binding": "any", "days": 1}))
    desk.refused(1, "days", "policy", "add", "x", "--terms", f"@{file}")
    file.write_text(json.dumps({"seats": 2, "binding": "any", "duration": 0}))
    lax = desk.one("policy", "add", "lax", "--terms", f"@{file}", "--seats", "9")
    t.same((lax["seats"], lax["binding"], lax["duration"]), (9, "any", 0), "--terms, and an option that overrules it")
    desk.refused(1, "span of time", "policy", "add", "x", "--offline", "soon")
    desk.refused(1, "--binding is one of", "policy", "add", "x", "--binding", "some")
    desk.refused(1, "approvals", "policy", "add", "x", "--approvals", "2", "--approvers", "1")
    t.same({p["name"] for p in desk.rows("policy", "list")}, {"standard", "lax"}, "policy list")
    t.same(desk.one("policy", "show", "lax"), lax, "policy show")
    changed = desk.one("policy", "change", "lax", "--name", "loose", "--seats", "4", "--image", "unlock")
    got = (changed["name"], changed["seats"], changed["binding"], changed["image"])
    t.same(got, ("loose", 4, "any", "unlock"), "policy change merges")
    desk.refused(1, "--image is one of", "policy", "add", "x", "--image", "exec")
    desk.refused(1, "say what", "policy", "change", "loose")
    t.same(desk.one("policy", "retire", "loose")["retired"], True, "policy retire")
    desk.refused(1, "--yes", "policy", "delete", "loose")
    t.same(desk.hallmark("policy", "delete", "loose", "--yes").code, 0, "policy delete")
    desk.refused(2, "NOT_FOUND", "policy", "show", "loose")
    t.ok("duration" in desk.hallmark("policy", "list").out, "a table")


def issuing(t, desk, release):
    issue = ("license", "issue", "Ada L.", "lenet/1", "standard")
    dry = desk.one(*issue, "--dry-run", "--reference", "A-1", "--seats", "2")
    t.ok(dry["seats"] == 2 and "token" not in dry, "a dry run shows what it would be", dry)
    t.same(desk.rows("license", "list"), [], "and makes nothing")
    made = desk.one(*issue, "--reference", "A-1", "--seats", "2", "--expires", "20d", "--entitlement", "run")
    t.same((made["release"], made["seats"], made["entitlements"]), (release["id"], 2, ["run"]), "a license")
    t.ok(made["token"].count(".") == 2, "with its file")
    ran = desk.hallmark("license", "show", "A-1")
    t.ok(ran.code == 0 and made["id"] in ran.out and "token" not in ran.out, "people are not shown the file", ran)
    t.same(desk.one("license", "show", "A-1"), made, "license show, by the reference")
    desk.refused(2, "CONFLICT", *issue, "--reference", "A-1")
    desk.refused(3, "SEATS_OVER_POLICY", *issue, "--seats", "4")
    desk.refused(3, "TERM_OVER_POLICY", *issue, "--expires", "31d")
    desk.refused(1, "without end", *issue, "--expires", "never")
    desk.refused(1, "entitlement", *issue, "--entitlement", "fly")
    desk.refused(2, "NOT_FOUND", "license", "issue", "Nobody", "lenet/1", "standard")
    desk.refused(2, "NOT_FOUND", "license", "issue", "Ada L.", "lenet/7", "standard")
    desk.refused(2, "NOT_FOUND", "license", "issue", "Ada L.", "resnet/1", "standard")
    desk.refused(1, "MODEL/NUMBER", "license", "issue", "Ada L.", "lenet", "standard")
    desk.refused(2, "NOT_FOUND", "license", "issue", "Ada L.", release["id"], "loose")
    other = desk.one("license", "issue", "Ada L.", release["id"], "standard", "--from", "2030-01-01", "--expires", "2030-01-20")
    t.ok(other["not_before"].startswith("2030-01-01") and other["expires"].startswith("2030-01-20"), "in the future", other)
    names = {"--customer": "Ada L.", "--release": "lenet/1", "--state": "active"}
    for option, value in names.items():
        t.same(len(desk.rows("license", "list", option, value)), 2, f"license list {option}")
    t.same(desk.rows("license", "list", "--state", "revoked", "--customer", "Ada L."), [], "both conditions count")
    ran = desk.hallmark("license", "list")
    t.ok(ran.code == 0 and "A-1" in ran.out and ran.out.startswith("id"), "a table", ran)
    return made, other


def acts(t, desk, made, other):
    hallmark = desk.hallmark
    t.ok(desk.one("license", "renew", "A-1", "--expires", "29d", "--seats", "3")["seats"] == 3, "license renew")
    desk.refused(3, "SEATS_OVER_POLICY", "license", "renew", "A-1", "--seats", "4")
    suspended = desk.one("license", "suspend", "A-1", "--reason", "a question")
    t.same((suspended["state"], suspended["reason"]), ("suspended", "a question"), "license suspend")
    ran = hallmark("license", "explain", "A-1", "--format", "json")
    rules = {r["rule"]: r["code"] for r in ran.json()}
    t.ok(ran.code == 3 and "LICENSE_SUSPENDED" in ran.err and "LICENSE_SUSPENDED" in rules.values(), "license explain", ran)
    ran = hallmark("license", "explain", "A-1")
    t.ok(ran.code == 3 and ran.out.split()[:4] == ["rule", "decided", "code", "saw"], "as a table", ran)
    t.same(desk.one("license", "reinstate", "A-1")["state"], "active", "license reinstate")
    t.same(hallmark("license", "explain", "A-1", "--action", "renew").code, 0, "which now may be renewed")
    ran = hallmark("license", "explain", other["id"], "--action", "unlock", "--machine", "m1")
    t.ok(ran.code == 3, "but the other one may not be unlocked yet", ran)
    given = desk.one("license", "approve", "A-1")
    t.same((given["given"], given["needed"]), (1, 1), "license approve")
    t.same(desk.one("license", "approve", "A-1", "--withdraw")["given"], 0, "and withdrawn")
    secret = desk.one("license", "deliver", "A-1", "--hours", "2")["secret"]
    t.ok(secret.startswith("hmd_"), "license deliver")
    file = desk.house.folder / "delivery"
    desk.one("license", "deliver", "A-1", "--secret-file", str(file))
    t.ok(file.read_text().startswith("hmd_") and stat.S_IMODE(file.stat().st_mode) == 0o600, "into a file")
    listed = desk.rows("license", "deliveries", "A-1")
    t.ok(len(listed) == 2 and all("secret" not in d for d in listed), "license deliveries", listed)
    t.same(desk.rows("license", "machines", "A-1"), [], "license machines")
    t.same(desk.rows("license", "seats", "A-1"), [], "license seats")
    desk.refused(1, "--yes", "license", "unbind", "A-1")
    t.same(desk.one("license", "unbind", "A-1", "--yes"), {"released": 0}, "license unbind")
    desk.one("customer", "add", "Eve")
    desk.refused(1, "--yes", "license", "transfer", "A-1", "Eve")
    t.same(hallmark("license", "explain", "A-1", "--action", "transfer", "--customer", "Eve").code, 0, "it may be handed on")
    moved = desk.one("license", "transfer", "A-1", "Eve", "--yes")
    t.same((moved["predecessor"], moved["seats"]), (made["id"], 3), "license transfer")
    t.same(desk.one("license", "show", made["id"])["state"], "transferred", "the old one has ended")
    ran = hallmark("license", "revoke", moved["id"], "--dry-run")
    t.ok(ran.code == 0 and "would be revoked" in ran.err, "revoking, dry: no question", ran)
    t.same(desk.one("license", "show", moved["id"])["state"], "active", "and nothing happened")
    desk.refused(1, "--yes", "license", "revoke", moved["id"])
    revoked = desk.one("license", "revoke", moved["id"], "--reason", "leaked", "--yes")
    t.same((revoked["state"], revoked["reason"]), ("revoked", "leaked"), "license revoke")
    desk.refused(3, "LICENSE_REVOKED", "license", "suspend", moved["id"])
    desk.refused(2, "NOT_FOUND", "license", "show", "A-2")


def webhooks(t, desk):
    url = "https://hooks.example.com/hallmark"
    made = desk.one("webhook", "add", url)
    t.ok(made["secret"].startswith("whsec_") and made["events"] == ["*"], "webhook add", made)
    file = desk.house.folder / "hook.secret"
    other = desk.one("webhook", "add", url + "/2", "--event", "license.issued", "--event", "license.revoked", "--secret-file", str(file))
    t.same(other["events"], ["license.issued", "license.revoked"], "for some events")
    t.ok(file.read_text().startswith("whsec_") and "secret" not in other, "its secret in a file")
    desk.refused(1, "event", "webhook", "add", url, "--event", "license.sung")
    desk.refused(1, "https://", "webhook", "add", "http://hooks.example.com/")
    t.same([w["id"] for w in desk.rows("webhook", "list")], [made["id"], other["id"]], "webhook list")
    t.ok("secret" not in desk.one("webhook", "show", made["id"]), "the secret is shown once")
    changed = desk.one("webhook", "change", other["id"], "--paused", "yes", "--event", "*", "--url", url + "/3")
    t.same((changed["paused"], changed["events"], changed["url"]), (True, ["*"], url + "/3"), "webhook change")
    desk.refused(1, "say what", "webhook", "change", other["id"])
    desk.one("webhook", "ping", other["id"])
    messages = desk.rows("webhook", "messages", other["id"])
    t.ok(len(messages) == 1 and messages[0]["state"] == "waiting", "webhook messages", messages)
    desk.refused(1, "--since", "webhook", "replay", other["id"])
    t.ok(desk.hallmark("webhook", "replay", other["id"], "--since", "1h").code == 0, "webhook replay, of the last hour")
    event = messages[0]["event"] if messages else ""
    t.ok(desk.hallmark("webhook", "replay", other["id"], "--event-id", event).code == 0, "or of one event")
    desk.refused(1, "--yes", "webhook", "delete", other["id"])
    t.same(desk.hallmark("webhook", "delete", other["id"], "--yes").code, 0, "webhook delete")
    desk.refused(2, "NOT_FOUND", "webhook", "show", other["id"])


def together(t):
    with House(**FREE) as house:
        house.open()
        desk = Desk(t, house)
        with closing(house.client()) as client:
            release = made_release(client, house)
        model = desk.rows("model", "list")[0]["name"]
        t.ok(desk.hallmark("release", "list", model).code == 0, "there is a release")
        lenet(desk, model)
        customers(t, desk)
        policies(t, desk)
        acts(t, desk, *issuing(t, desk, release))
        webhooks(t, desk)
        issuer = house.token("acme", "verifier")
        ran = desk.hallmark("customer", "add", "Zed", "--token-file", "-", given=issuer)
        t.ok(ran.code == 2 and "FORBIDDEN" in ran.err, "who is no issuer makes no customer", ran)
        said = house.said()
        t.ok("hmc_" not in said and "whsec_" not in said and "hmd_" not in said, "no secret is in the log")


def lenet(desk, model):
    """The flow speaks of lenet/1, whatever the model that the release was made of is called."""
    real = desk.hallmark

    def named(*words, **more):
        return real(*(w.replace("lenet", model) for w in words), **more)

    desk.hallmark = named


def pages(t):
    """Lists longer than a page, and names behind the first page."""
    with House(**FREE) as house:
        house.open()
        desk = Desk(t, house)
        with closing(house.client()) as client:
            for i in range(205):
                assert client.post("/v1/policies", {"name": f"p{i}"}).status == 201
                assert client.post("/v1/customers", {"name": f"c{i}"}).status == 201
        t.same(len(desk.rows("customer", "list")), 205, "all customers")
        t.same(desk.one("policy", "show", "p204")["name"], "p204", "a name on the second page")
        t.same(desk.one("customer", "show", "c204")["number"], 205, "of customers, too")


os.environ.pop("HALLMARK_TOKEN_FILE", None)
if __name__ == "__main__":
    run(together, pages)
