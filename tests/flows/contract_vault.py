"""The part of the contract that speaks of models, data sets, releases and watermarks: what provokes
its answers."""

from house import job_ends
from sending import Sender, as_release, as_watermark, new_asset, new_model

ABSENT = "00000000-0000-7000-8000-000000000000"
CONTENT = "/v1/models/{id}/content"
RELEASE = "/v1/models/{id}/releases/{release}"


def prepared(house):
    """A release and a watermark with all their files, of the vendor acme; the release's model's id,
    its own path, the watermark's."""
    client = house.client()
    report, page = b'{"report": true}', b"<p>page</p>"
    senders = [new_model(house, client, data) for data in (b"not a model", report, page, report, page)]
    for sender in senders:
        job_ends(client, sender.send().json()["job"])
    client.close()
    ids = [s.path.split("/")[3] for s in senders]
    release = as_release(house, artifact=ids[0], report=ids[1], page=ids[2])
    return ids[0], release, as_watermark(house, report=ids[3], page=ids[4])


def things(model):
    """Method, route, path, body, headers, whose token."""
    for who in ("issuer", "auditor", None):
        for kind, route in (("models", "/v1/models"), ("datasets", "/v1/datasets")):
            one, absent = route + "/{id}", f"{route}/{kind[:3]}_{ABSENT}"
            body = {"name": f"{kind} of {who}", **({"labels": "none"} if kind == "datasets" else {})}
            for b, headers in [(body, {}), (body, {}), ({}, {}), (b"{", {}), (body, {"Idempotency-Key": ""})]:
                yield "POST", route, route, b, headers, who
            for query in ("", "?limit=1", "?cursor=x"):
                yield "GET", route, route + query, None, {}, who
            yield "GET", one, absent, None, {}, who
            for headers in ({}, {"If-Match": "*"}, {"If-Match": "x"}):
                yield "DELETE", one, absent, None, headers, who
        yield "GET", "/v1/models/{id}", f"/v1/models/{model}", None, {}, who
        yield "DELETE", "/v1/models/{id}", f"/v1/models/{model}", None, {"If-Match": "*"}, who


def uploads(house, secret):
    """Route and answer of some uploads."""
    client = house.client()
    client.secret = secret
    sender = new_model(house, client, bytes(1000))
    yield CONTENT, sender.send(0, 500)
    yield CONTENT, sender.send(7, 500)
    yield CONTENT, sender.send(0, 500, Content_Type="text/plain")
    yield CONTENT, sender.send(0, 500, Content_Encoding="gzip")
    yield CONTENT, sender.send(0, 500, Content_Length=None)
    yield CONTENT, sender.send(0, 500, Repr_Digest="x")
    yield CONTENT, sender.send(500, 1000)
    yield CONTENT, sender.send()
    yield CONTENT, Sender(house, secret, f"/v1/models/mod_{ABSENT}/content", b"x").send()
    kept = new_asset(client, "datasets", labels="file")
    for part in ("samples", "labels"):
        route = "/v1/datasets/{id}/" + part
        sender = Sender(house, secret, f"/v1/datasets/{kept}/{part}", bytes(1000))
        yield route, sender.send(0, 500)
        yield route, sender.send(500, 1000)
        yield route, sender.send()
        yield route, Sender(house, secret, sender.path, b"x", digest=sender.digest).send()
    yield "/v1/datasets/{id}", client.get(f"/v1/datasets/{kept}")
    client.close()


def releases(model, release):
    at = f"/v1/models/{model}/releases"
    for who in ("issuer", "auditor", None):
        for body in ({"name": "first", "lock": "sealed"}, {"colour": 1}, {"dataset": "x"}, b"{"):
            yield "POST", "/v1/models/{id}/releases", at, body, {}, who
        for query in ("", "?limit=1", "?limit=0"):
            yield "GET", "/v1/models/{id}/releases", at + query, None, {}, who
        for path in (release, release[:-36] + ABSENT):
            yield "GET", RELEASE, path, None, {}, who
            for part in ("artifact", "report", "page", "manifest", "bundle"):
                for headers in ({}, {"Range": "bytes=0-1"}, {"Range": "bytes=99-"}, {"If-None-Match": "*"}):
                    yield "GET", f"{RELEASE}/{part}", f"{path}/{part}", None, headers, who
    yield "DELETE", RELEASE, release, None, {}, "issuer"
    yield "DELETE", RELEASE, release, None, {"If-Match": "*"}, "auditor"
    yield "DELETE", RELEASE, release, None, {"If-Match": "*"}, "issuer"


def watermarks(watermark):
    for who in ("issuer", "auditor", None):
        for query in ("", "?limit=1", "?limit=0"):
            yield "GET", "/v1/watermarks", "/v1/watermarks" + query, None, {}, who
        for path in (watermark, watermark[:-36] + ABSENT):
            yield "GET", "/v1/watermarks/{id}", path, None, {}, who
            for part in ("report", "page"):
                for headers in ({}, {"Range": "bytes=0-1"}, {"Range": "bytes=99-"}, {"If-None-Match": "*"}):
                    yield "GET", f"/v1/watermarks/{{id}}/{part}", f"{path}/{part}", None, headers, who


def erasures(house, client):
    """What has to end before it can be deleted."""
    for kind in ("models", "datasets"):
        thing = new_asset(client, kind, **({"labels": "none"} if kind == "datasets" else {}))
        yield "DELETE", f"/v1/{kind}/{{id}}", f"/v1/{kind}/{thing}", None, {"If-Match": "*"}, "issuer"
