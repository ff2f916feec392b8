"""What bench/issue is measured beside: the processor's own limits (openssl speed), cfssl, which signs
certificates over HTTPS, and tang, which recovers keys over plain HTTP. Neither stores anything."""

import contextlib
import json
import re
import subprocess
import time
import urllib.request
from pathlib import Path


def speed(algorithm, column):
    """Operations a second of one core, as OpenSSL counts them."""
    ran = subprocess.run(["openssl", "speed", "-mr", "-seconds", "2", algorithm], capture_output=True, text=True, check=True)
    line = next(line for line in ran.stdout.splitlines() if re.match(r"\+F[45]:", line))
    return float(line.split(":")[column])


def limits():
    """Microseconds of a signature and of a key agreement on P-256."""
    sign, agree = speed("ecdsap256", 3), speed("ecdhp256", 3)
    return 1e6 / sign, 1e6 / agree


@contextlib.contextmanager
def program(*words, **options):
    running = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    try:
        yield running
    finally:
        running.terminate()
        running.wait(10)


def wrk(folder, url, media, body, seconds, connections):
    """Answers a second, and whether all were good."""
    (folder / "body").write_text(body)
    script = folder / "post.lua"
    script.write_text(
        f'wrk.method = "POST"\nwrk.headers["Content-Type"] = "{media}"\n'
        f'wrk.body = io.open("{folder}/body"):read("*a")\n'
    )
    ran = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}", "-s", script, url], capture_output=True, text=True, check=True
    )
    good = "Non-2xx" not in ran.stdout and "Socket errors" not in ran.stdout
    return float(re.search(r"Requests/sec:\s+([\d.]+)", ran.stdout)[1]), good


def answers(url, data, media, context=None):
    asked = urllib.request.Request(url, data.encode(), {"Content-Type": media})
    with urllib.request.urlopen(asked, timeout=5, context=context) as answer:
        return answer.status == 200


def patiently(ready):
    for _ in range(100):
        with contextlib.suppress(OSError):
            if ready():
                return
        time.sleep(0.1)
    raise SystemExit("a peer does not answer")


def cfssl(house, seconds, connections):
    """Certificates signed with ECDSA P-256, over HTTPS with the house's certificate."""
    import ssl

    folder = house.folder / "cfssl"
    folder.mkdir()

    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=ca",
            "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-addext", "basicConstraints=critical,CA:TRUE")  # fmt: skip
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=x",
            "-keyout", "x.key", "-out", "x.csr")  # fmt: skip
    body = json.dumps({"certificate_request": (folder / "x.csr").read_text(), "hostname": "x"})
    words = ["cfssl", "serve", "-address", house.ip, "-port", "9003", "-ca", "ca.pem", "-ca-key", "ca.key",
             "-tls-cert", house.certificate, "-tls-key", house.key, "-loglevel", "5"]  # fmt: skip
    url = f"https://{house.ip}:9003/api/v1/cfssl/sign"
    trust = ssl.create_default_context(cafile=str(house.certificate))
    with program(*map(str, words), cwd=folder):
        patiently(lambda: answers(url, body, "application/json", trust))
        return wrk(folder, url, "application/json", body, seconds, connections)


def tang(house, seconds, connections):
    """Recoveries on P-521, as Debian's unit runs it: a process for each connection."""
    folder = house.folder / "tang"
    keys = folder / "keys"
    keys.mkdir(parents=True)
    subprocess.run(["/usr/libexec/tangd-keygen", keys], check=True, capture_output=True)
    exchange = next(p for p in keys.glob("*.jwk") if "deriveKey" in p.read_text())
    fresh = subprocess.run(["jose", "jwk", "gen", "-i", '{"alg":"ECMR"}'], capture_output=True, check=True).stdout
    body = subprocess.run(["jose", "jwk", "pub", "-i-"], input=fresh, capture_output=True, check=True).stdout.decode()
    url = f"http://{house.ip}:9004/rec/{exchange.stem}"
    at = f"{house.ip}:9004"
    with program("systemd-socket-activate", "--inetd", "-a", "-l", at, "/usr/libexec/tangd", str(keys)):
        patiently(lambda: answers(url, body, "application/jwk+json"))
        return wrk(Path(folder), url, "application/jwk+json", body, seconds, connections)
