#!/usr/bin/env python3
"""Whose model is it, and who leaked it: a customer's unlocked copy is proven to be the vendor's and
names him; another's work is not; what is no model at all decides nothing. The evidence is verified
with the public key alone. And what must not be: another vendor's things, a verdict while sealed."""

import io
import json
import secrets
import tarfile
from contextlib import closing
from pathlib import Path

from customers import enrolled, new_customer
from house import House, job_ends, until
from image_things import fashion, marked_model, marked_release
from license_things import FREE, new_license, new_policy
from protect_kill import LENET
from sending import Sender
from suspect_things import asked, new_suspect, sha256, statement, stranger, unlocked, verified
from tap import run
from vault_things import bring_model, release

ABSENT = "00000000-0000-7000-8000-000000000000"


class Affair:
    """A vendor, a release of LeNet, two customers with a license each, and one who has none."""

    def __init__(self, house):
        self.house, self.vendor = house, house.client()
        self.model = bring_model(house, self.vendor, Path(LENET).read_bytes())
        job, self.release = release(self.vendor, self.model, lock="sealed")
        assert job["state"] == "done", job
        self.others = [new_customer(self.vendor, f"other {n}")["id"] for n in range(2)]
        self.customers = [enrolled(house, self.vendor, name) for name in ("Ada", "Bob")]
        policy = new_policy(self.vendor)
        self.licenses = [new_license(self.vendor, c.id, self.release["id"], policy)["id"] for c in self.customers]

    def verify(self, suspect, **more):
        return verified(self.vendor, suspect, self.release["id"], **more)

    def number(self, customer):
        return self.vendor.get(f"/v1/customers/{customer.id}").json()["number"]

    def close(self):
        for client in (self.vendor, *self.customers):
            client.close()


# ---- Verdicts ---------------------------------------------------------------------------------------


def leaked(t, a):
    """The second customer's copy."""
    copy = unlocked(a.house, a.customers[1], a.licenses[1])
    suspect = new_suspect(a.house, a.vendor, copy, name="from a forum", note="seen by chance")
    shown = a.vendor.get(f"/v1/suspects/{suspect}").json()
    t.same((shown["state"], shown["bytes"], shown["sha256"]), ("ready", len(copy), sha256(copy)), "the suspect is ready, unread")
    found = a.verify(suspect)
    t.same((found["state"], found.get("verdict")), ("done", "proven"), "an unlocked copy is proven to be the vendor's")
    t.same(found.get("facts", {}).get("kind"), "model", "it is told to be a model")
    accused = found.get("facts", {}).get("accused", [])
    t.same([(w["number"], w["customer"]) for w in accused], [(a.number(a.customers[1]), a.customers[1].id)],
           "and names the customer who had it, alone")  # fmt: skip
    t.same(found.get("accused"), 1, "one is accused")
    again = a.verify(suspect)
    t.same(again["report"] == found["report"], False, "a verification's report names the verification")
    return suspect, found


def innocent(t, a):
    for what, data, want in (
        ("an independent model", stranger(a.house, 5), "no-evidence"),
        ("garbage", secrets.token_bytes(5000), "cannot-decide"),
        ("half a model", Path(LENET).read_bytes()[:90000], "cannot-decide"),
        ("a text", b"name,label\n00001.png,3\n", "cannot-decide"),
    ):
        found = a.verify(new_suspect(a.house, a.vendor, data))
        t.same((found["state"], found.get("verdict"), found.get("accused")), ("done", want, 0), f"{what}: {want}, nobody accused")
        t.ok(found.get("facts", {}).get("reason"), "with a reason", found)


def evidence(t, a, suspect, found):
    at = f"/v1/verifications/{found['id']}"
    report, file, page = (a.vendor.get(f"{at}/{part}") for part in ("report", "evidence", "page"))
    t.same([x.status for x in (report, file, page)], [200] * 3, "report, evidence and page are there")
    t.same(sha256(report.body), found["report"], "the report has the digest that the verification names")
    signed = file.json()
    t.same(file.body, b'{"signature":"%s","report":%s}' % (signed["signature"].encode(), report.body),
           "the evidence is the statement and the report, byte for byte")  # fmt: skip
    t.ok(page.body.endswith(b'<pre id="signature">%s</pre></body></html>' % signed["signature"].encode()), "the page ends with it")
    t.ok("script" not in page.headers["content-security-policy"] and "default-src 'none'" in page.headers["content-security-policy"],
         "and may run nothing")  # fmt: skip
    with closing(a.house.client(None)) as anybody:
        head, claims = statement(signed["signature"], anybody.get("/v1/keys").json()["keys"])
    t.same((head["alg"], head["typ"]), ("ES256", "hallmark-evidence+jwt"), "what was signed is evidence")
    vendor = a.house.ask("SELECT id FROM vendor WHERE name = 'acme'")[0][0]
    want = {"accused": [a.number(a.customers[1])], "iss": vendor, "jti": found["id"], "report": found["report"],
            "sub": a.release["id"], "suspect": a.vendor.get(f"/v1/suspects/{suspect}").json()["sha256"], "verdict": "proven"}  # fmt: skip
    t.ok(claims.pop("iat") > 1_700_000_000, "of now")
    t.same(claims, want, "the claims say whose, what and who")
    for part, whole in (("evidence", file), ("page", page)):
        n = len(whole.body)
        for first, last in ((0, 9), (100, 2000), (n - 30, n - 1)):
            got = a.vendor.request("GET", f"{at}/{part}", None, {"Range": f"bytes={first}-{last}"})
            t.same((got.status, got.body), (206, whole.body[first : last + 1]), f"{part}: bytes {first} to {last}")
        got = a.vendor.request("GET", f"{at}/{part}", None, {"If-None-Match": whole.headers["etag"]})
        t.same(got.status, 304, f"{part}: who has it gets nothing more")
        t.same(a.vendor.request("GET", f"{at}/{part}", None, {"Range": f"bytes={n}-"}).status, 416, "and there is no more")


def audited(t, a, found):
    rows = a.house.audit_rows(action="job.end", object=found["job"])
    said = json.loads(rows[-1]["detail"])
    t.same({k: said[k] for k in ("verification", "verdict", "accused", "report")},
           {"verification": found["id"], "verdict": "proven", "accused": 1, "report": found["report"]},
           "the audit has the verdict and the report's digest")  # fmt: skip
    committed = json.loads(a.house.audit_rows(action="job.end", object=a.release["job"])[-1]["detail"])
    t.same(committed["commitment"], a.release["artifact"]["sha256"], "and that the release was fixed before")
    for action, n in (("suspect.create", 1), ("verification.create", 1), ("verification.evidence", 1), ("verification.report", 2)):
        until(lambda a=a, action=action, n=n: len(a.house.audit_rows(action=action, outcome="OK")) >= n, 10, action)
    t.ok(True, "what was asked for and read is in the audit")
    t.same(a.house.ctl("audit", "verify").code, 0, "the audit verifies")


def proofs(t):
    with House(**FREE).open() as house, closing(Affair(house)) as a:
        suspect, found = leaked(t, a)
        evidence(t, a, suspect, found)
        audited(t, a, found)
        innocent(t, a)
        foreign(t, a, suspect, found)
        gone(t, a, suspect, found)
        t.same(house.ctl("db", "check").code, 0, "db check finds nothing")


# ---- What a release keeps -----------------------------------------------------------------------------


def kept(t):
    """A release that was made with data is known without them: by the fingerprint that lies with it."""
    with House(**FREE).open() as house, closing(house.client()) as vendor:
        model = bring_model(house, vendor, Path(LENET).read_bytes())
        data = fashion(house, vendor, "ordinary", "t10k", 300)
        job, made = release(vendor, model, lock="sealed", dataset=data, effort="none")
        t.same(job["state"], "done", "a release is made with data")
        shown = made["facts"]["fingerprint"]
        t.same((shown["probes"], shown["why"], shown["questions"] > 100), (32, None, True), "its facts say what it is known by")
        said = json.loads(house.audit_rows(action="job.end", object=job["id"])[-1]["detail"])
        t.same(said["fingerprint"], shown["sha256"], "the audit is committed to it")
        parts = dict(house.ask("SELECT part, size FROM blob WHERE owner = ?", made["id"]))
        t.same(parts.get("fingerprint"), shown["bytes"], "it lies with the release")
        null = bring_model(house, vendor, stranger(house, 5))
        t.same(vendor.delete(f"/v1/datasets/{data}", "*").status, 200, "the data are gone")
        suspect = new_suspect(house, vendor, Path(LENET).read_bytes())
        found = verified(vendor, suspect, made["id"], nulls=[null])
        report = vendor.get(f"/v1/verifications/{found['id']}/report").json()
        tests = {x["id"]: x for x in report["tests"]}
        for test in ("fingerprint", "boundary"):
            t.same((tests[test]["ran"], tests[test]["trials"], tests[test]["hits"]), (True, 1, 0), f"{test}: runs, without any data")
            t.same(tests[test]["score"], 1, "and knows its own")
        t.same([(x["what"], x["sha256"]) for x in report["commitments"] if x["what"] == "fingerprint"], [("fingerprint", shown["sha256"])],
               "the report names what the vendor is committed to")  # fmt: skip
        bare = release(vendor, model, lock="sealed")[1]
        t.same(bare["facts"]["fingerprint"], None, "a release without data has none")
        found = verified(vendor, suspect, bare["id"], nulls=[null])
        tests = {x["id"]: x for x in found["facts"]["tests"]}
        t.same("fingerprint" in tests, False, "and none is looked for")
        t.same(house.ctl("db", "check").code, 0, "db check finds nothing")


# ---- Whose they are -----------------------------------------------------------------------------------


def foreign(t, a, suspect, found):
    """To another vendor none of it is there."""
    other = a.house.vendor("rival")
    for path in (f"/v1/suspects/{suspect}", *(f"/v1/verifications/{found['id']}{p}" for p in ("", "/report", "/evidence", "/page"))):
        mine, none = other.get(path), other.get(path.replace(path.split("/")[3], path.split("/")[3][:4] + ABSENT))
        t.same((mine.status, none.status), (404, 404), f"{path.replace(found['id'], '{id}')}: another vendor's is like none")
        t.same({**mine.json(), "instance": ""}, {**none.json(), "instance": ""}, "to the letter")
    t.same([other.get(f"/v1/{kind}").json()["items"] for kind in ("suspects", "verifications", "challenges")], [[]] * 3, "nor in lists")
    t.same(other.delete(f"/v1/suspects/{suspect}", "*").status, 404, "nor his to delete")
    sent = Sender(a.house, other.secret, f"/v1/suspects/{suspect}/content", b"x").send()
    t.same(sent.status, 404, "nor to fill")
    his = new_suspect(a.house, other, b"his own")
    for body in ({"suspect": suspect, "release": a.release["id"]}, {"suspect": his, "release": a.release["id"]}):
        t.same(other.post("/v1/verifications", body).status, 404, "nor to verify")
    crossed = {"suspect": his, "release": a.release["id"]}
    t.same(a.vendor.post("/v1/verifications", crossed).status, 404, "nor is his suspect the vendor's")
    other.close()


def gone(t, a, suspect, found):
    erased = a.vendor.delete(f"/v1/suspects/{suspect}", "*")
    t.same((erased.status, erased.json()["keys_destroyed"]), (200, 1), "a suspect is erased")
    t.same(a.house.ask("SELECT count(*) FROM blob WHERE owner = ?", suspect)[0][0], 0, "with its bytes")
    t.same(a.vendor.get(f"/v1/verifications/{found['id']}/evidence").status, 200, "what was found about it stays")
    t.same(a.vendor.delete(f"/v1/models/{a.model}/releases/{a.release['id']}", "*").status, 409, "and so does the release")


# ---- What is refused ------------------------------------------------------------------------------------


def refused(t):
    with House(**FREE, jobs_at_once=1).open() as house, closing(house.client()) as vendor:
        model = bring_model(house, vendor, Path(LENET).read_bytes())
        job, made = release(vendor, model, lock="sealed")
        plain = vendor.post("/v1/suspects", {"name": "empty"}).json()["id"]
        ask = {"suspect": plain, "release": made["id"]}
        t.same(vendor.post("/v1/verifications", ask).status, 409, "a suspect without bytes is not verified")
        full = new_suspect(house, vendor, b"something")
        t.same(Sender(house, vendor.secret, f"/v1/suspects/{full}/content", b"other").send().status, 409, "it has its bytes once")
        for more, at in (({"nulls": [model]}, "/nulls"), ({"eps1": 0}, "/eps1"), ({"eps1": 0.5}, "/eps1"), ({"order": "last"}, "/order"),
                         ({"nulls": ["mod_" + ABSENT]}, "/nulls"), ({"kappa": 1}, "/kappa"), ({"committed": 1}, "/committed")):  # fmt: skip
            answer = vendor.post("/v1/verifications", {**ask, "suspect": full, **more})
            t.same((answer.status, answer.json()["errors"][0]["pointer"]), (422, at), f"{more}: refused")
        answer = vendor.post("/v1/challenges", {"release": made["id"], "dataset": "dat_" + ABSENT})
        t.same(answer.status, 409, "a release without a watermark has nothing to ask for")
        t.same(vendor.post("/v1/suspects", {"name": "x", "appeared": "2999-01-01T00:00:00Z"}).status, 422, "nothing appears ahead")
        roles(t, house, {"suspect": full, "release": made["id"]})
        once(t, house, vendor, {"suspect": full, "release": made["id"]})
        ends(t, house, vendor, {"suspect": full, "release": made["id"]})
        house.ctl("seal", check=True)
        for path in ("suspects", "verifications", "challenges"):
            sealed = vendor.post(f"/v1/{path}", {"name": "x"})
            t.same((sealed.status, sealed.problem("code")), (503, "SEALED"), f"sealed: no {path}")


def roles(t, house, ask):
    with closing(house.client()) as verifier, closing(house.client()) as auditor:
        verifier.secret, auditor.secret = house.token("acme", "verifier"), house.token("acme", "auditor")
        t.same(verifier.post("/v1/suspects", {"name": "v"}).status, 201, "a verifier may bring suspects")
        answer = verifier.post("/v1/verifications", ask)
        t.same(answer.status, 202, "and verify them")
        job_ends(verifier, answer.json()["job"])
        t.same(verifier.post("/v1/jobs", {"kind": "verify", "params": {}}).status, 422, "but not by a bare job")
        t.same([auditor.post(f"/v1/{x}", y).status for x, y in (("suspects", {"name": "a"}), ("verifications", ask))], [403, 403],
               "an auditor may neither")  # fmt: skip
        for part in ("", "/report", "/evidence", "/page"):
            t.same(auditor.get(f"{answer.headers['location']}{part}").status, 200, f"but reads {part or 'it'}")


def once(t, house, vendor, ask):
    key = {"Idempotency-Key": secrets.token_hex(8)}
    first, second = (vendor.request("POST", "/v1/verifications", ask, key) for _ in range(2))
    t.same((first.status, first.body), (second.status, second.body), "asked twice, verified once")
    other = vendor.request("POST", "/v1/verifications", {**ask, "eps1": 1e-3}, key)
    t.same(other.status, 422, "the key is for one question")
    n = house.ask("SELECT count(*) FROM verification WHERE id = ?", first.json()["id"])[0][0]
    t.same(n, 1, "there is one row")
    job_ends(vendor, first.json()["job"])


def ends(t, house, vendor, ask):
    """A verification that is stopped has failed, and lets its suspect go."""
    busy = vendor.post("/v1/jobs", {"kind": "selftest", "params": {"text": "x", "steps": 900, "step_ms": 200}}).json()["id"]
    waits = vendor.post("/v1/verifications", ask)
    one = vendor.delete(f"/v1/suspects/{ask['suspect']}", "*")
    t.same(one.status, 409, "a suspect stays while its verification waits")
    t.same(vendor.get(f"{waits.headers['location']}/evidence").status, 409, "which has no evidence yet")
    t.same(vendor.post(f"/v1/jobs/{waits.json()['job']}/cancel", {}).status, 202, "its job is cancelled")
    shown = vendor.get(waits.headers["location"]).json()
    t.same((shown["state"], shown["error"]["code"]), ("failed", "CONFLICT"), "then it has failed")
    t.same(vendor.get(f"{waits.headers['location']}/evidence").status, 409, "and never will have evidence")
    vendor.post(f"/v1/jobs/{busy}/cancel", {})
    t.same(vendor.delete(f"/v1/suspects/{ask['suspect']}", "*").status, 200, "the suspect may go")


# ---- Black boxes ----------------------------------------------------------------------------------------


def pictures(tar):
    """The pictures of a challenge by name, and the table to be filled in."""
    with tarfile.open(fileobj=io.BytesIO(tar)) as files:
        found = {m.name: files.extractfile(m).read() for m in files.getmembers()}
    return {n: d for n, d in found.items() if n.endswith(".png")}, [n for n in found if n.endswith(".csv")]


def boxes(t):
    """A service that is the released network answers pictures as that does; pairs are asked once."""
    with House(**FREE).open() as house, closing(house.client()) as vendor:
        made = marked_release(vendor, marked_model(house, vendor))
        dataset = fashion(house, vendor, "ordinary", "t10k", 60)
        customer = enrolled(house, vendor, "Eve")
        copy = unlocked(house, customer, new_license(vendor, customer.id, made["id"], new_policy(vendor))["id"])
        mark = vendor.get(f"/v1/watermarks/{made['watermark']}").json()
        t.same((mark["keys"], mark["asked"]), (12, 0), "nobody was asked yet")
        answer = vendor.post("/v1/challenges", {"release": made["id"], "dataset": dataset, "pairs": 8, "decoys": 17})
        t.same(answer.status, 202, "a challenge")
        t.same(vendor.get(f"{answer.headers['location']}/content").status in (200, 409), True, "which is not there before it is made")
        job = job_ends(vendor, answer.json()["job"])
        shown = vendor.get(answer.headers["location"]).json()
        t.same((job["state"], shown["state"], shown["first"], shown["pairs"], shown["decoys"]), ("done", "ready", 0, 8, 17), "is ready")
        said = json.loads(house.audit_rows(action="job.end", object=shown["job"])[-1]["detail"])
        t.same(said["commitment"], shown["commitment"], "the audit is committed to its order")
        images, table = pictures(vendor.get(f"{answer.headers['location']}/content").body)
        t.same((len(images), len(table)), (2 * 8 + 17, 1), "it has keys, twins and ordinary pictures, and a table")
        t.same(len(house.audit_rows(action="challenge.download", outcome="OK")), 1, "its download is in the audit")
        heard(t, house, vendor, made, shown, asked(house, copy, images))
        spent(t, house, vendor, made, dataset)
        t.same(house.ctl("db", "check").code, 0, "db check finds nothing")
        customer.close()


def heard(t, house, vendor, made, challenge, labels):
    lines = "".join(f"{name},{label}\n" for name, label in sorted(labels.items()))
    suspect = new_suspect(house, vendor, ("name,label\n" + lines).encode(), challenge=challenge["id"])
    found = verified(vendor, suspect, made["id"])
    t.same((found["state"], found.get("facts", {}).get("kind")), ("done", "transcript"), "answers are told to be answers")
    tests = {x["id"]: x for x in found.get("facts", {}).get("tests", [])}
    t.ok("watermark" in tests and tests["watermark"]["ran"], "and are tested for the watermark", found)
    t.ok(tests.get("watermark", {}).get("log10_p", 0) < -1, "which a copy has", tests)
    t.ok(found.get("verdict") != "proven", "eight pairs prove nothing", found)
    nonsense = new_suspect(house, vendor, b"name,label\n99999.png,1\n", challenge=challenge["id"])
    t.same(verified(vendor, nonsense, made["id"]).get("verdict"), "cannot-decide", "answers to other questions decide nothing")
    _, other = release(vendor, bring_model(house, vendor, Path(LENET).read_bytes()), lock="sealed")
    crossed = vendor.post("/v1/verifications", {"suspect": suspect, "release": other["id"]})
    t.same(crossed.status, 409, "answers to a challenge of another watermark are not held against a release")
    t.same(vendor.post("/v1/suspects", {"name": "x", "challenge": "cha_" + ABSENT}).status, 422, "nor are there answers to nothing")


def spent(t, house, vendor, made, dataset):
    ask = {"release": made["id"], "dataset": dataset, "decoys": 3}
    t.same(vendor.post("/v1/challenges", {**ask, "pairs": 5}).status, 409, "there are not five pairs more")
    rest = vendor.post("/v1/challenges", ask)
    t.same((rest.status, rest.json()["first"], rest.json()["pairs"]), (202, 8, 4), "without a number: all that are left")
    none = vendor.post("/v1/challenges", ask)
    t.ok(none.status == 409 and "12 pairs" in none.json()["detail"], "then there are none", none)
    t.same(vendor.get(f"/v1/watermarks/{made['watermark']}").json()["asked"], 12, "as the watermark says")
    rows = house.ask("SELECT first, pairs FROM challenge ORDER BY first")
    t.same(rows, [(0, 8), (8, 4)], "no pair was asked twice")
    job_ends(vendor, rest.json()["job"])
    t.same(vendor.delete(f"/v1/models/{made['model']}", "*").status, 409, "the network stays")


run(proofs, kept, refused, boxes)
