"""Proofs as a customer makes them, with a library that is not ours: a JWS over method, path, digest
of the body and the server's nonce."""

import base64
import hashlib
import json

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

TYP = "hallmark-proof+jwt"


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def compact(value):
    """JSON as RFC 8785 has it, for plain texts."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


class Key:
    """A key pair on P-256."""

    def __init__(self):
        self.private = ec.generate_private_key(ec.SECP256R1())
        at = self.private.public_key().public_numbers()
        x, y = (base64url(n.to_bytes(32, "big")) for n in (at.x, at.y))
        self.jwk = {"crv": "P-256", "kty": "EC", "x": x, "y": y}
        self.thumbprint = base64url(hashlib.sha256(compact(self.jwk)).digest())

    def jws(self, header, payload):
        signed = f"{base64url(compact(header))}.{base64url(payload)}"
        der = self.private.sign(signed.encode(), ec.ECDSA(hashes.SHA256()))
        signature = b"".join(n.to_bytes(32, "big") for n in decode_dss_signature(der))
        return f"{signed}.{base64url(signature)}"

    def proof(self, kid, method, path, nonce, body=b"", header=None, claims=None):
        """`header` and `claims`: what is to be said otherwise than it is."""
        digest = base64url(hashlib.sha256(body or b"").digest())
        said = {"digest": digest, "method": method, "nonce": nonce, "path": path, **(claims or {})}
        return self.jws({"alg": "ES256", "typ": TYP, "kid": kid, **(header or {})}, compact(said))
