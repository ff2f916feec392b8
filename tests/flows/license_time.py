#!/usr/bin/env python3
"""What a server decides about licenses does not depend on where it stands or on summer time, and a
clock that is set back is noticed, told once, and lengthens nothing."""

import os
import shutil
import time
from collections import Counter
from contextlib import closing
from datetime import datetime, timezone
from glob import glob
from pathlib import Path

from customers import enrolled
from house import House, until
from license_things import FREE, made_release, new_license, new_policy
from tap import run

LICENSES = "/v1/licenses"
LIBRARY = next(iter(glob("/usr/lib/*/faketime/libfaketimeMT.so.1")), None)
# With their rules, so that no database of zones is needed: none, New York, Berlin, Lord Howe (which
# goes by half an hour), Kathmandu.
ZONES = ["UTC0", "EST5EDT,M3.2.0,M11.1.0", "CET-1CEST,M3.5.0,M10.5.0/3", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "<+0545>-5:45"]
# Where clocks change in 2027, in these: New York, Berlin, Lord Howe, and back in Berlin and New York.
CHANGES = ["2027-03-14T07:00:00Z", "2027-03-28T01:00:00Z", "2027-04-03T15:00:00Z", "2027-10-31T01:00:00Z", "2027-11-07T06:00:00Z"]


def seconds(text):
    return int(datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).timestamp())


def text_of(moment):
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Clock:
    """The daemon's, which can be set; its monotonic one is left alone."""

    def __init__(self, house):
        self.file = house.folder / "clock"
        self.file.write_text("+0\n")

    def environment(self, zone="UTC0"):
        return {"LD_PRELOAD": LIBRARY, "FAKETIME_TIMESTAMP_FILE": str(self.file), "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_FMT": "%s", "ASAN_OPTIONS": "verify_asan_link_order=0", "TZ": zone}  # fmt: skip

    def ahead(self, seconds_ahead):
        """Of the real one; it goes on from there."""
        self.set(f"{seconds_ahead:+.3f}s")

    def at(self, moment):
        """It stands still there, however long anybody takes to ask."""
        self.set(f"{moment}")

    def set(self, text):
        """Never half written."""
        new = Path(f"{self.file}.new")
        new.write_text(text + "\n")
        os.replace(new, self.file)


def validated(client, license_id):
    answer = client.post(f"{LICENSES}/{license_id}/validate", {})
    return answer.problem("code") if answer.status >= 400 else answer.json()["code"]


def seen_by_rules(client, license_id):
    """The clock's own rule, and the term's, with the moments that they looked at."""
    rules = client.get(f"{LICENSES}/{license_id}/explain").json()["rules"]
    return [r["saw"] for r in rules if r["rule"] in ("clock", "starts", "expires")]


# ---- Zones ----------------------------------------------------------------------------------------


def terms_around_changes(client, release, customer):
    """Licenses that begin at one change and end at the next; one of them with an hour of grace."""
    made = []
    for i, (begins, ends) in enumerate(zip(CHANGES, CHANGES[1:])):
        policy = new_policy(client, duration=0, lease=3600, grace_expired=3600 if i == 1 else 0)
        made.append(new_license(client, customer, release, policy, not_before=begins, expires=ends)["id"])
    return made


def wanted_at(moment):
    """What each of them must be said to be."""
    found = []
    for i, (begins, ends) in enumerate(zip(map(seconds, CHANGES), map(seconds, CHANGES[1:]))):
        grace = 3600 if i == 1 else 0
        found.append("LICENSE_NOT_YET_VALID" if moment < begins else "VALID" if moment < ends
                     else "VALID_IN_GRACE" if moment < ends + grace else "LICENSE_EXPIRED")  # fmt: skip
    return found


def through_the_year(house, clock, licenses):
    """(codes, what the rules saw) at each moment around each change."""
    found = []
    with closing(house.client()) as client:
        for change in map(seconds, CHANGES):
            for moment in (change - 3600, change - 1, change, change + 1, change + 3599, change + 3600, change + 7200):
                clock.at(moment)
                found.append((moment, [validated(client, one) for one in licenses], seen_by_rules(client, licenses[1])))
    return found


def zones(t):
    with House(**FREE) as house:
        clock = Clock(house)
        house.open(env=clock.environment())
        with closing(house.client()) as client:
            customer = enrolled(house, client)
            licenses = terms_around_changes(client, made_release(client, house)["id"], customer.id)
            customer.close()
        house.stop()
        kept = house.folder / "kept"
        shutil.copytree(house.state, kept)
        first = None
        for zone in ZONES:
            shutil.rmtree(house.state)
            shutil.copytree(kept, house.state)
            clock.at(seconds(CHANGES[0]) - 86400)
            house.start(env=clock.environment(zone))
            found = through_the_year(house, clock, licenses)
            house.stop()
            wrong = [(text_of(m), codes, wanted_at(m)) for m, codes, _ in found if codes != wanted_at(m)]
            t.ok(not wrong, f"{zone}: {len(found) * len(licenses)} decisions around {len(CHANGES)} changes are right", wrong[:5])
            first = first or found
            t.same(found, first, f"{zone}: and to the second the same as elsewhere")
        t.same({code for _, codes, _ in first for code in codes},
               {"LICENSE_NOT_YET_VALID", "VALID", "VALID_IN_GRACE", "LICENSE_EXPIRED"}, "all four answers were among them")  # fmt: skip


# ---- Steps back -----------------------------------------------------------------------------------


def told(house):
    return [row["detail"] for row in house.audit_rows(action="clock.back")]


def told_times(t, house, n, name):
    t.ok(until(lambda: len(told(house)) >= n, 5, "the row is written"), name)
    time.sleep(0.5)
    t.same(len(told(house)), n, f"{name}: {n} in all")


def stepped_back(t, scene):
    """Ten minutes: no answer can be trusted, but what ends a license works."""
    house, clock, client, customer, held = scene["house"], scene["clock"], scene["client"], scene["customer"], scene["held"]
    body = {"customer": customer.id, "release": scene["release"], "policy": scene["policy"]}
    before = house.ask("SELECT count(*) FROM license")
    clock.ahead(-600)
    acts = {
        "validating": client.post(f"{LICENSES}/{held}/validate", {}),
        "issuing": client.post(LICENSES, body),
        "renewing": client.post(f"{LICENSES}/{held}/renew", {}),
        "a seat": client.request("PUT", f"{LICENSES}/{held}/leases/m", {}),
    }
    for what, answer in acts.items():
        t.same((answer.status, answer.problem("code")), (503, "CLOCK_STEPPED_BACK"), f"ten minutes back: {what} is undecided")
        t.ok("retry-after" in answer.headers, f"{what}: it says when to try again")
    for _ in range(50):
        validated(client, held)
    told_times(t, house, 1, "it is told in the audit, once for all these requests")
    t.same(house.ask("SELECT count(*) FROM license"), before, "nothing was issued")
    revoked = client.post(f"{LICENSES}/{scene['spare']}/revoke", {})
    t.same(revoked.status, 200, "a license is revoked all the same")
    clock.ahead(0)
    until(lambda: validated(client, held) == "VALID", 5, "the clock is right again")
    t.same(validated(client, held), "VALID", "with the clock set right, it decides")
    t.same(validated(client, scene["spare"]), "LICENSE_REVOKED", "what was revoked stays so")
    time.sleep(1.2)
    clock.ahead(-700)
    t.same(validated(client, held), "CLOCK_STEPPED_BACK", "a second step")
    told_times(t, house, 2, "is told as well")
    clock.ahead(0)


def within_tolerance(t, scene):
    """A minute: it decides, by the latest moment that it has seen."""
    house, clock, client = scene["house"], scene["clock"], scene["client"]
    body = {"customer": scene["customer"].id, "release": scene["release"], "policy": scene["policy"]}
    ends = int(time.time()) + 6
    short = client.post(LICENSES, {**body, "expires": text_of(ends)}).json()["id"]
    t.same(validated(client, short), "VALID", "a license that ends in a moment")
    until(lambda: validated(client, short) == "LICENSE_EXPIRED", 5, "it ends")
    clock.ahead(-60)
    t.same(validated(client, short), "LICENSE_EXPIRED", "the clock goes back before its end: it has ended all the same")
    t.same(validated(client, scene["held"]), "VALID", "what has not ended is decided")
    claim = client.request("PUT", f"{LICENSES}/{scene['held']}/leases/m", {})
    seat = datetime.strptime(claim.json()["expires"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc).timestamp()
    t.ok(claim.status == 201 and seat <= time.time() - 60 + 600, "a seat ends by the clock as it is, not later", claim)
    rows = house.audit_rows(request=claim.headers["x-request-id"])
    t.same([r["detail"] for r in rows], ['{"clock_back":true}'], "its row in the audit says so")
    t.same(len(told(house)), 2, "a minute is no alarm")
    clock.ahead(0)


def lapsing(t, scene):
    """A seat that was not kept is free at once, whether or not anybody has swept it up."""
    clock, client = scene["clock"], scene["client"]
    body = {"customer": scene["customer"].id, "release": scene["release"], "policy": new_policy(client, lease=60, seats=1)}
    one = f"{LICENSES}/{client.post(LICENSES, body).json()['id']}"
    t.same(client.request("PUT", one + "/leases/first", {}).status, 201, "the one seat is taken")

    def explained(action, machine):
        return client.get(f"{one}/explain?action={action}&machine={machine}").json()["code"]

    t.same([explained("claim", "second"), explained("heartbeat", "first")], ["SEATS_EXHAUSTED", "VALID"], "by this machine, for a minute")
    clock.ahead(61)
    lapsed = explained("heartbeat", "first")
    t.ok(lapsed in ("SEAT_LAPSED", "SEAT_NOT_HELD"), "a minute later it is not: " + lapsed)
    t.same(explained("claim", "second"), "VALID", "another machine may have it")
    t.same(client.request("PUT", one + "/leases/second", {}).status, 201, "and takes it")
    t.same(explained("claim", "first"), "SEATS_EXHAUSTED", "the first one may wait now")
    clock.ahead(0)
    until(lambda: explained("validate", "first") == "VALID", 5, "within the tolerance it decides on")
    t.same(explained("claim", "first"), "SEATS_EXHAUSTED", "a clock set back gives no seat back")


def over_a_restart(t, scene):
    """What the audit has seen counts for the next process; implausible clocks decide nothing."""
    house, clock, held = scene["house"], scene["clock"], scene["held"]
    scene["client"].close()

    def again(seconds_ahead):
        house.stop()
        clock.ahead(seconds_ahead)
        house.start(env=clock.environment())

    again(-3600)
    told_times(t, house, 3, "an hour back while it was away: told at the start")
    with closing(house.client()) as client:
        t.same(validated(client, held), "CLOCK_STEPPED_BACK", "and nothing is decided")
    again(-3600)
    with closing(house.client()) as client:
        t.same(validated(client, held), "CLOCK_BEFORE_ISSUE", "nor is a license from the future, whoever says it is now")
    again(seconds("2020-01-01T00:00:00Z") - time.time())
    with closing(house.client()) as client:
        t.same(validated(client, held), "CLOCK_IMPLAUSIBLE", "nor by a clock that cannot be right")
    again(0)
    with closing(house.client()) as client:
        t.same(validated(client, held), "VALID", "with the right time it is as it was")


def steps(t):
    with House(**FREE) as house:
        clock = Clock(house)
        house.open(env=clock.environment())
        client = house.client()
        scene = {"house": house, "clock": clock, "client": client, "customer": enrolled(house, client),
                 "release": made_release(client, house)["id"], "policy": new_policy(client, seats=3)}  # fmt: skip
        for name in ("held", "spare"):
            scene[name] = new_license(client, scene["customer"].id, scene["release"], scene["policy"])["id"]
        for part in (stepped_back, within_tolerance, lapsing, over_a_restart):
            part(t, scene)
        scene["customer"].close()
        t.same(house.ctl("audit", "verify").code, 0, "the audit's chain holds through all of this")
        outcomes = Counter(r["outcome"] for r in house.audit_rows(action="license.validate"))
        t.note(f"validations by outcome: {dict(outcomes)}")


def without(t):
    t.skip("clocks", "libfaketime is not here: install the package faketime")


if LIBRARY:
    run(zones, steps)
else:
    run(without)
