"""The part of the contract that speaks of webhooks: what provokes its answers."""

ABSENT = "whk_00000000-0000-7000-8000-000000000000"
GOOD = {"url": "https://nowhere.invalid/hook", "events": ["license.revoked"]}
AT = "/v1/webhooks/{id}"


def hooks(admin):
    """Method, route, path, body, headers, whose token. Deletes what it makes."""
    made = admin.post("/v1/webhooks", GOOD).json()["id"]
    for who in ("admin", "issuer", None):
        for body, headers in [(GOOD, {}), (GOOD, {"Idempotency-Key": ""}), ({**GOOD, "url": "https://127.0.0.1"}, {}),
                              ({**GOOD, "events": ["x"]}, {}), ({}, {}), (b"{", {})]:  # fmt: skip
            yield "POST", "/v1/webhooks", "/v1/webhooks", body, headers, who
        for query in ("", "?limit=1", "?cursor=x"):
            yield "GET", "/v1/webhooks", "/v1/webhooks" + query, None, {}, who
        for thing in (made, ABSENT, "x"):
            at = f"/v1/webhooks/{thing}"
            yield "GET", AT, at, None, {}, who
            for body, headers in [({"paused": True}, {}), ({"paused": True}, {"If-Match": "*"}), ({}, {"If-Match": '"99"'}),
                                  ({"url": "http://8.8.8.8"}, {"If-Match": "*"}), ({"x": 1}, {"If-Match": "*"})]:  # fmt: skip
                yield "PATCH", AT, at, body, headers, who
            yield "POST", AT + "/ping", at + "/ping", {}, {}, who
            yield "POST", AT + "/ping", at + "/ping", None, {}, who
            for query in ("", "?limit=1", "?cursor=x"):
                yield "GET", AT + "/messages", at + "/messages" + query, None, {}, who
            for body in ({"since": "2026-01-01T00:00:00Z"}, {}, {"event": "evt_" + ABSENT[4:]}, {"event": "x"}):
                yield "POST", AT + "/replay", at + "/replay", body, {}, who
    for who in (None, "issuer", "admin"):
        for headers in ({}, {"If-Match": '"99"'}, {"If-Match": "*"}):
            yield "DELETE", AT, f"/v1/webhooks/{made}", None, headers, who
