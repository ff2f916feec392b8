"""HTTPS as bytes: a client that sends what it is told, however wrong, and reads what comes back."""

import json
import secrets
import socket
import ssl


class Closed(Exception):
    """The server ended the connection instead of answering."""


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers  # names in lower case; of repeated ones the last
        self.body = body

    def json(self):
        return json.loads(self.body)

    def problem(self, name):
        """A member of a problem body; None if the body is something else."""
        try:
            return self.json().get(name)
        except (ValueError, AttributeError):
            return None

    def __repr__(self):
        return f"{self.status} {self.body[:300]!r}"


def trusting(ca):
    context = ssl.create_default_context(cafile=ca)
    context.check_hostname = True
    return context


class Wire:
    """One TLS connection. `send` takes bytes; `answer` reads one whole answer."""

    def __init__(self, address, context, source=None, timeout=30):
        self.tcp = socket.create_connection(
            address, timeout=timeout, source_address=(source, 0) if source else None
        )
        self.tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.tls = context.wrap_socket(self.tcp, server_hostname=address[0])
        self.rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.tls.close()

    def send(self, data):
        self.tls.sendall(data)

    def more(self):
        try:
            data = self.tls.recv(65536)
        except (ssl.SSLError, ConnectionError) as e:
            if isinstance(e, TimeoutError):
                raise
            raise Closed(str(e)) from e
        if not data:
            raise Closed("end of the connection")
        self.rest += data

    def until(self, mark):
        while mark not in self.rest:
            self.more()
        head, self.rest = self.rest.split(mark, 1)
        return head

    def exactly(self, n):
        while len(self.rest) < n:
            self.more()
        data, self.rest = self.rest[:n], self.rest[n:]
        return data

    def head(self):
        """Status and headers of the next answer."""
        lines = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        return int(lines[0].split(" ")[1]), headers

    def chunk(self):
        """The next piece of a chunked body; empty at its end."""
        size = int(self.until(b"\r\n").split(b";")[0], 16)
        data = self.exactly(size)
        self.until(b"\r\n")
        return data

    def answer(self, method="GET"):
        status, headers = self.head()
        while status == 100:
            status, headers = self.head()
        return self.body_of(status, headers, method)

    def body_of(self, status, headers, method="GET"):
        """The rest of an answer whose head has been read."""
        if method == "HEAD" or status in (204, 304):
            return Answer(status, headers, b"")
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = b"".join(iter(self.chunk, b""))
        elif "content-length" in headers:
            body = self.exactly(int(headers["content-length"]))
        else:
            body = self.to_the_end()
        return Answer(status, headers, body)

    def to_the_end(self):
        try:
            while True:
                self.more()
        except Closed:
            body, self.rest = self.rest, b""
            return body


def head_of(method, path, host, headers):
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class Client:
    """A caller with a token, on one kept connection that it opens anew when it must."""

    def __init__(self, house, secret=None, source=None, timeout=30):
        self.house = house
        self.secret = secret
        self.source = source
        self.timeout = timeout
        self.wire = None

    def close(self):
        if self.wire is not None:
            self.wire.close()
            self.wire = None

    def connect(self):
        if self.wire is None:
            self.wire = Wire(
                self.house.address, self.house.context, self.source, self.timeout
            )
        return self.wire

    def request(self, method, path, body=None, headers=None):
        """Once, on the kept connection; Closed or OSError if that does not hold."""
        sent = {}
        if self.secret:
            sent["Authorization"] = f"Bearer {self.secret}"
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            sent["Content-Type"] = "application/json"
            sent["Content-Length"] = str(len(body))
        sent.update(headers or {})
        kept = self.wire is not None
        try:
            return self.exchange(method, path, body, sent)
        except (Closed, ConnectionError):
            self.close()
            if not kept:
                raise
        except OSError:
            self.close()
            raise
        return self.exchange(method, path, body, sent)

    def exchange(self, method, path, body, headers):
        wire = self.connect()
        wire.send(head_of(method, path, self.house.address[0], headers) + (body or b""))
        answer = wire.answer(method)
        if answer.headers.get("connection", "").lower() == "close":
            self.close()
        return answer

    def get(self, path, **headers):
        return self.request("GET", path, headers=headers)

    def post(self, path, body, key=None, **headers):
        headers["Idempotency-Key"] = key or secrets.token_hex(16)
        return self.request("POST", path, body, headers)

    def delete(self, path, etag):
        return self.request("DELETE", path, headers={"If-Match": etag})
