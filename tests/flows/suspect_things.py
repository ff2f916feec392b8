"""What flows about suspects need: copies that customers have unlocked, models that have nothing to do
with them, suspects with their bytes, verifications to their end, and the statement of a verification
as anybody verifies it, with no code of ours."""

import base64
import hashlib
import json
import os
import secrets
import subprocess

from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256

from house import job_ends, programs
from image_things import png_read
from protect_kill import DATA, LENET, cut
from proof import base64url
from sending import Sender

PARAMS = {"initial": "he", "epochs": 1, "batch": 32, "threads": 1, "rate": 0.05}


# ---- Copies -----------------------------------------------------------------------------------------


def private(key):
    """A key pair as a JSON Web Key, the form of `hallmark key new`."""
    return {**key.jwk, "d": base64url(key.private.private_numbers().private_value.to_bytes(32, "big"))}


def unlocked(house, customer, license_id):
    """What a customer makes of his license, with the vendor's own program: the model's bytes."""
    answer = customer.post(f"/v1/licenses/{license_id}/unlock", {"machine": "desk"}, key=secrets.token_hex(8))
    assert answer.status == 200, answer
    artifact = customer.get(f"/v1/licenses/{license_id}/artifact").body
    at = {name: house.folder / f"{license_id}.{name}" for name in ("jwe", "onnx", "key", "out")}
    for name, data in (("jwe", answer.body), ("onnx", artifact), ("key", json.dumps(private(customer.key)).encode())):
        at[name].write_bytes(data)
        os.chmod(at[name], 0o600)
    command = [programs() / "hallmark", "artifact", "unlock", at["jwe"], at["onnx"], at["out"], "--key", at["key"]]
    ran = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran
    return at["out"].read_bytes()


def stranger(house, seed, samples=1200):
    """The same architecture, trained from other numbers by the worker alone: a model's bytes."""
    at = house.folder / f"stranger {seed}"
    at.mkdir()
    files = [cut(DATA / f"train-{kind}-ubyte.gz", at / kind, samples) for kind in ("images-idx3", "labels-idx1")]
    params = {**PARAMS, "name": "stranger", "seed": seed}
    command = [programs() / "hallmark-worker", "--local", "train", json.dumps(params), LENET, *files, "-", "-"]
    ran = subprocess.run(command, cwd=at, capture_output=True, text=True, timeout=240, check=False)
    assert ran.returncode == 0, ran
    return (at / "hallmark-worker.out").read_bytes()


def idx(*sizes, data):
    """An IDX file of bytes."""
    return bytes([0, 0, 8, len(sizes)]) + b"".join(n.to_bytes(4, "big") for n in sizes) + bytes(data)


def asked(house, model, images, classes=11):
    """What a network answers to PNG files, by name: each of a set has a label of its own, so that its
    row of the confusion says as what it was taken."""
    at, answers, names = house.folder / "box", {}, sorted(images)
    at.mkdir(exist_ok=True)
    (at / "model.onnx").write_bytes(model)
    for first in range(0, len(names), classes):
        some = names[first : first + classes]
        shown = [png_read(images[name]) for name in some]
        (at / "x").write_bytes(idx(len(some), shown[0].height, shown[0].width, data=b"".join(p.v for p in shown)))
        (at / "y").write_bytes(idx(len(some), data=range(len(some))))
        command = [programs() / "hallmark-worker", "--local", "evaluate", "{}", "model.onnx", "x", "y"]
        ran = subprocess.run(command, cwd=at, capture_output=True, text=True, timeout=60, check=False)
        assert ran.returncode == 0, ran
        confusion = json.loads(ran.stdout)["confusion"]
        answers |= {name: next(k for k, n in enumerate(confusion[i]) if n) for i, name in enumerate(some)}
    return answers


# ---- Suspects ---------------------------------------------------------------------------------------


def new_suspect(house, client, data, name="found", **more):
    """A suspect with all its bytes: its id."""
    answer = client.post("/v1/suspects", {"name": name, **more})
    assert answer.status == 201, answer
    thing = answer.json()["id"]
    sent = Sender(house, client.secret, f"/v1/suspects/{thing}/content", data).send()
    assert sent.status == 200 and sent.json()["state"] == "ready", sent
    return thing


def verified(client, suspect, release, seconds=240, **more):
    """A verification at its end, as it is shown."""
    answer = client.post("/v1/verifications", {"suspect": suspect, "release": release, **more})
    assert answer.status == 202, answer
    job_ends(client, answer.json()["job"], seconds)
    return client.get(answer.headers["location"]).json()


# ---- Statements -------------------------------------------------------------------------------------


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def statement(jws, keys):
    """Head and claims of a JWS that one of these public keys has made; whatever is wrong raises."""
    head, claims, signature = jws.split(".")
    said = json.loads(decoded(head))
    key = next(k for k in keys if k["kid"] == said["kid"])
    x, y = (int.from_bytes(decoded(key[name]), "big") for name in ("x", "y"))
    raw = decoded(signature)
    der = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    public.verify(der, f"{head}.{claims}".encode(), ec.ECDSA(SHA256()))
    return said, json.loads(decoded(claims))


def sha256(data):
    return hashlib.sha256(data).hexdigest()
