"""The requests that must be refused, one row each: name, status, code, request. The request is
built from what the house has: see `Case` for what a row may say."""

import json
from dataclasses import dataclass, field

ABSENT = "00000000-0000-7000-8000-000000000000"
TOKEN = {"name": "x", "roles": ["issuer"]}
JOB = {"kind": "selftest", "params": {"text": "x", "steps": 1, "step_ms": 0}}
BAD, JSON, VALUE, FIELD = (
    (400, "BAD_REQUEST"), (400, "MALFORMED_JSON"), (422, "INVALID_VALUE"), (422, "UNKNOWN_FIELD"),
)  # fmt: skip
AUTH, DENIED, ABSENT_HERE, METHOD = (
    (401, "UNAUTHENTICATED"), (403, "FORBIDDEN"), (404, "NOT_FOUND"), (405, "METHOD_NOT_ALLOWED"),
)  # fmt: skip
LARGE, MEDIA, KEY = (
    (413, "TOO_LARGE"), (415, "UNSUPPORTED_MEDIA_TYPE"), (400, "IDEMPOTENCY_KEY_REQUIRED"),
)  # fmt: skip
STALE, NEED_MATCH = (412, "PRECONDITION_FAILED"), (428, "PRECONDITION_REQUIRED")


@dataclass
class Case:
    """`path` and header values may hold {names} of the house's things: see refusals.things."""

    name: str
    wanted: tuple
    method: str = "POST"
    path: str = "/v1/tokens"
    body: object = None  # bytes as they are, str in UTF-8, anything else as JSON
    who: str = "admin"  # whose token; None: no Authorization header
    headers: dict = field(default_factory=dict)  # None removes one
    checks: dict = field(default_factory=dict)  # header -> value of the answer


def token_body(name, wanted, body):
    return Case(f"token: {name}", wanted, body=body)


def job_body(name, wanted, **params):
    body = {"kind": "selftest", "params": {**JOB["params"], **params}}
    return Case(f"job: {name}", wanted, path="/v1/jobs", body=body)


def get(name, wanted, path, who="admin", **more):
    return Case(name, wanted, "GET", path, who=who, **more)


def of(**fields):
    return {**TOKEN, **fields}


BODIES = [
    token_body("64 kB and one byte", LARGE, b'{"name": "' + b"x" * (65537 - 12) + b'"}'),
    token_body("a megabyte", LARGE, b" " * (1 << 20)),
    token_body("nothing", JSON, b""),
    token_body("a word", JSON, "hello"),
    token_body("cut off", JSON, '{"name": "x"'),
    token_body("something after it", JSON, json.dumps(TOKEN) + "x"),
    token_body("two objects", JSON, "{}{}"),
    token_body("a list", JSON, "[]"),
    token_body("a number", JSON, "17"),
    token_body("null", JSON, "null"),
    token_body("single quotes", JSON, "{'name': 'x'}"),
    token_body("a comment", JSON, '{"name": "x" /* here */, "roles": ["issuer"]}'),
    token_body("NaN", JSON, '{"name": NaN, "roles": ["issuer"]}'),
    token_body("a number beyond all", JSON, '{"name": 1e999, "roles": ["issuer"]}'),
    token_body("the same key twice", JSON, '{"name": "x", "name": "y", "roles": ["issuer"]}'),
    token_body("the same key twice, one escaped", JSON, '{"name": "x", "n\\u0061me": "y", "roles": ["issuer"]}'),
    token_body("17 deep", JSON, '{"name": ' + "[" * 17 + "]" * 17 + "}"),
    token_body("20,000 deep", JSON, '{"name": ' + "[" * 20000 + "]" * 20000 + "}"),
    token_body("1,001 strings", JSON, {"name": ["x"] * 1001}),
    token_body("not UTF-8", JSON, b'{"name": "\xff", "roles": ["issuer"]}'),
    token_body("overlong UTF-8", JSON, b'{"name": "\xc0\xaf", "roles": ["issuer"]}'),
    token_body("half a surrogate pair", JSON, '{"name": "\\ud800", "roles": ["issuer"]}'),
    token_body("UTF-16", JSON, json.dumps(TOKEN).encode("utf-16")),
    token_body("a byte order mark", JSON, b"\xef\xbb\xbf" + json.dumps(TOKEN).encode()),
    token_body("a raw NUL", JSON, b'{"name": "x\x00", "roles": ["issuer"]}'),
    token_body("unknown field", FIELD, of(admin=True)),
    token_body("a field in capitals", FIELD, of(Name="x")),
    token_body("a field that is only answered", FIELD, of(id=f"tok_{ABSENT}")),
    token_body("a field named __proto__", FIELD, of(__proto__={})),
    token_body("no name", VALUE, {"roles": ["issuer"]}),
    token_body("no roles", VALUE, {"name": "x"}),
    token_body("name is a number", VALUE, of(name=1)),
    token_body("name is null", VALUE, of(name=None)),
    token_body("name is an object", VALUE, of(name={})),
    token_body("empty name", VALUE, of(name="")),
    token_body("name of 129 bytes", VALUE, of(name="x" * 129)),
    token_body("name with a bell", VALUE, of(name="a\u0007")),
    token_body("name with a C1 control", VALUE, of(name="a\u0085")),
    token_body("roles is a text", VALUE, of(roles="issuer")),
    token_body("roles is empty", VALUE, of(roles=[])),
    token_body("roles of numbers", VALUE, of(roles=[1])),
    token_body("an unknown role", VALUE, of(roles=["king"])),
    token_body("a role in capitals", VALUE, of(roles=["Admin"])),
    token_body("1,000 roles", VALUE, of(roles=["issuer"] * 990)),
    token_body("expires is a number", VALUE, of(expires=1)),
    token_body("expires is no time", VALUE, of(expires="tomorrow")),
    token_body("expires on 30 February", VALUE, of(expires="2031-02-30T00:00:00Z")),
    token_body("expires in the past", VALUE, of(expires="2001-01-01T00:00:00Z")),
    Case("job: no kind", VALUE, path="/v1/jobs", body={"params": {}}),
    Case("job: unknown kind", VALUE, path="/v1/jobs", body={**JOB, "kind": "../worker"}),
    Case("job: a kind that works on files", VALUE, path="/v1/jobs", body={"kind": "evaluate", "params": {}}),
    Case("job: no params", VALUE, path="/v1/jobs", body={"kind": "selftest"}),
    Case("job: params is a list", VALUE, path="/v1/jobs", body={**JOB, "params": []}),
    job_body("unknown parameter", FIELD, command="rm"),
    job_body("steps is a text", VALUE, steps="ten"),
    job_body("steps is negative", VALUE, steps=-1),
    job_body("steps is a fraction", VALUE, steps=1.5),
    job_body("too many steps", VALUE, steps=1 << 40),
    job_body("text of 40 kB", VALUE, text="x" * 40000),
    job_body("an unknown way to fail", VALUE, fail="gently"),
    Case("job: steps beyond 64 bits", JSON, path="/v1/jobs",
         body='{"kind": "selftest", "params": {"text": "x", "steps": 99999999999999999999}}'),
]  # fmt: skip

CREDENTIALS = [
    get("no Authorization", AUTH, "/v1/tokens", who=None),
    *[
        get(f"Authorization: {name}", AUTH, "/v1/tokens", who=None, headers={"Authorization": value})
        for name, value in {
            "Basic": "Basic {admin}", "no scheme": "{admin}", "no token": "Bearer ", "two blanks": "Bearer  {admin}",
            "mistyped": "Bearer {mistyped}", "cut off": "Bearer hmt_x", "in lower case": "Bearer {lower}",
            "5,000 characters": "Bearer hmt_" + "x" * 5000, "SQL": "Bearer hmt_' OR '1'='1",
            "expired": "Bearer {expired}", "revoked": "Bearer {revoked}", "of a suspended vendor": "Bearer {suspended}",
            "two tokens": "Bearer {admin}, Bearer {admin}",
        }.items()
    ],
    Case("an issuer may not create tokens", DENIED, body=TOKEN, who="issuer"),
    get("an issuer may not list tokens", DENIED, "/v1/tokens", who="issuer"),
    get("an administrator may not read the audit", DENIED, "/v1/audit"),
    Case("an auditor may not start jobs", DENIED, path="/v1/jobs", body=JOB, who="auditor"),
    Case("an auditor may not revoke", DENIED, "DELETE", "/v1/tokens/{own}", who="auditor", headers={"If-Match": "*"}),
]  # fmt: skip

PRECONDITIONS = [
    *[
        Case(f"Idempotency-Key: {name}", KEY, body=TOKEN, headers={"Idempotency-Key": value})
        for name, value in {
            "missing": None, "empty": "", "256 characters": "k" * 256, "a blank inside": "a b", "Latin-1": "k\xe4",
        }.items()
    ],
    Case("If-Match: missing", NEED_MATCH, "DELETE", "/v1/tokens/{own}"),
    *[
        Case(f"If-Match: {name}", STALE, "DELETE", "/v1/tokens/{own}", headers={"If-Match": value})
        for name, value in {
            "stale": '"99"', "no quotes": "1", "a word": '"one"', "weak": 'W/"1"', "zero": '"0"', "negative": '"-1"',
            "300 characters": '"' + "1" * 300 + '"', "beyond 64 bits": '"99999999999999999999"',
        }.items()
    ],
    Case("Content-Type: none", MEDIA, body=TOKEN, headers={"Content-Type": None}),
    Case("Content-Type: text", MEDIA, body=TOKEN, headers={"Content-Type": "text/plain"}),
    Case("Content-Type: a form", MEDIA, body=TOKEN, headers={"Content-Type": "application/x-www-form-urlencoded"}),
    Case("Content-Type: nearly", MEDIA, body=TOKEN, headers={"Content-Type": "application/jsonx"}),
    Case("a body where none belongs", LARGE, "DELETE", "/v1/tokens/{own}", body=TOKEN, headers={"If-Match": "*"}),
    Case("cancel with a field", FIELD, path="/v1/jobs/{job}/cancel", body={"why": "x"}),
]  # fmt: skip

LISTS = [
    get(f"{path}?{query}", VALUE, f"{path}?{query}", who=who)
    for path, who, queries in [
        ("/v1/tokens", "admin", ["limit=0", "limit=201", "limit=ten", "limit=-1", "limit=1e1", "cursor=!", "cursor=xxxx"]),
        ("/v1/jobs", "admin", ["limit=00", "limit=99999999999999999999", "cursor={token_cursor}"]),
        ("/v1/audit", "auditor", ["after=-1", "after=x", "limit=0", "limit=1000000"]),
    ]
    for query in queries
]  # fmt: skip

PATHS = [
    *[get(f"path {path[:30]}", BAD, path) for path in [
        "/v1/./tokens", "/v1/../v1/tokens", "/v1/tokens/..", "/v1/%2e/tokens", "/v1/%2e%2e/tokens", "/v1/%2E./tokens",
        "/v1/tokens%2f{own}", "/v1%2Ftokens", "/v1/tokens/%00", "/v1/tokens/{own}%00", "//v1/tokens", "/v1//tokens",
        "/v1/tokens/", "/v1/tokens/%zz", "/v1/tokens/%4", "/v1/tokens/%ff", "/v1/%c0%ae%c0%ae/tokens", "/v1/tokens/%0d%0aX:1",
    ]],
    *[get(f"path {path[:30]}", ABSENT_HERE, path) for path in [
        "/", "/v1", "/v2/tokens", "/V1/tokens", "/v1/token", "/v1/tokens/{own}/x", "/admin", "/.well-known",
        "/v1/tokens/%252e%252e", "/v1/jobs/{job}/event", "/v1/" + "x" * 6000,
    ]],
    *[Case(f"{method} {path}", METHOD, method, path, checks={"allow": allow}) for method, path, allow in [
        ("PUT", "/v1/tokens", "POST, GET"), ("PATCH", "/v1/tokens/{own}", "GET, DELETE"), ("DELETE", "/healthz", "GET"),
        ("OPTIONS", "/v1/tokens", "POST, GET"), ("TRACE", "/v1/tokens", "POST, GET"), ("POST", "/v1/audit", "GET"),
        ("GET", "/v1/jobs/{job}/cancel", "POST"), ("BREW", "/v1/tokens", "POST, GET"),
    ]],
]  # fmt: skip

# Somebody else's things answer exactly as things that never were. Each row: method, path with {id}.
FOREIGN = [
    ("GET", "/v1/tokens/{id}", "token"),
    ("DELETE", "/v1/tokens/{id}", "token"),
    ("GET", "/v1/jobs/{id}", "job"),
    ("GET", "/v1/jobs/{id}/events", "job"),
    ("POST", "/v1/jobs/{id}/cancel", "job"),
]
STRANGE_IDS = ["x", "tok_", "tok_x", f"job_{ABSENT}", f"TOK_{ABSENT}", "tok_' OR 1=1 --", "tok_" + "0" * 400]

CASES = BODIES + CREDENTIALS + PRECONDITIONS + LISTS + PATHS

# Requests that are not even HTTP, or hardly: name, statuses that would do (0: cut without an
# answer), bytes. {bearer} stands for an Authorization line.
_CHUNKED = "POST /v1/tokens HTTP/1.1\r\nHost: x\r\n{bearer}Content-Type: application/json\r\nIdempotency-Key: k\r\nTransfer-Encoding: chunked\r\n\r\n"
_LENGTH = "POST /v1/tokens HTTP/1.1\r\nHost: x\r\n{bearer}Content-Type: application/json\r\nIdempotency-Key: k\r\nContent-Length: "
_GET = "GET /v1/tokens HTTP/1.1\r\nHost: x\r\n{bearer}"
WIRE = [
    ("garbage", {0, 400}, "\x16\x03\x01 what is this?\r\n\r\n"),
    ("only line ends", {0, 400, 414}, "\r\n" * 20000),
    ("the preface of HTTP/2", {0, 400, 405, 505}, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ("no version", {0, 400, 505}, "GET /v1/tokens\r\n\r\n"),
    ("HTTP/3.7", {0, 400, 505}, "GET /v1/tokens HTTP/3.7\r\nHost: x\r\n{bearer}\r\n"),
    ("a raw NUL in the query", {400}, "GET /v1/tokens?limit=1\x00 HTTP/1.1\r\nHost: x\r\n{bearer}\r\n"),
    ("two Authorizations", {400}, _GET + "{bearer}\r\n"),
    ("two Idempotency-Keys", {400}, _LENGTH.replace("Idempotency-Key: k", "Idempotency-Key: k\r\nIdempotency-Key: l") + "2\r\n\r\n{{}}"),
    ("no Host", {0, 400}, "GET /v1/tokens HTTP/1.1\r\n{bearer}\r\n"),
    ("a raw NUL in the path", {400}, "GET /v1/tokens\x00/x HTTP/1.1\r\nHost: x\r\n{bearer}\r\n"),
    ("a raw NUL in a header", {0, 400, 401}, "GET /v1/tokens HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\x00y\r\n\r\n"),
    ("a path of 60 kB", {0, 404, 414, 431}, "GET /v1/" + "x" * 60000 + " HTTP/1.1\r\nHost: x\r\n{bearer}\r\n"),
    ("a header of 60 kB", {0, 413, 431}, _GET + "X-Long: " + "x" * 60000 + "\r\n\r\n"),
    ("5,000 headers", {0, 413, 431}, _GET + "".join(f"X-{n}: y\r\n" for n in range(5000)) + "\r\n"),
    ("a header without a colon", {0, 400}, _GET + "nonsense\r\n\r\n"),
    ("negative Content-Length", {0, 400}, _LENGTH + "-1\r\n\r\n"),
    ("Content-Length of words", {0, 400}, _LENGTH + "many\r\n\r\n"),
    ("Content-Length with a plus", {0, 400}, _LENGTH + "+2\r\n\r\n{{}}"),
    ("Content-Length beyond 64 bits", {0, 400, 413}, _LENGTH + "99999999999999999999999\r\n\r\n"),
    ("Content-Length of an exabyte", {0, 400, 413}, _LENGTH + "1000000000000000000\r\n\r\n"),
    ("two Content-Lengths", {400}, _LENGTH + "2\r\nContent-Length: 3\r\n\r\n{{}}x"),
    ("Content-Length and chunks", {400}, _LENGTH + "2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("an unknown Transfer-Encoding", {400}, _LENGTH + "2\r\nTransfer-Encoding: rot13\r\n\r\n{{}}"),
    ("chunks beyond 64 kB", {413}, _CHUNKED + ("4000\r\n" + "x" * 0x4000 + "\r\n") * 5 + "0\r\n\r\n"),
    ("a chunk of no size", {0, 400}, _CHUNKED + "zz\r\nxx\r\n0\r\n\r\n"),
    ("a chunk of all sizes", {0, 400, 413}, _CHUNKED + "ffffffffffffffffff\r\nxx\r\n0\r\n\r\n"),
    ("a chunk that is longer than it says", {0, 400}, _CHUNKED + "2\r\n{{}}xxxx\r\n0\r\n\r\n"),
    ("100-continue for a megabyte", {413}, _LENGTH + "1048576\r\nExpect: 100-continue\r\n\r\n"),
]
