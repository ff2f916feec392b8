"""What a collector reads: the same text over the admin socket and on the loopback port, in a form
that Prometheus' own checker accepts, with counters that count and no ids in them."""

import re
import shutil
import subprocess
import urllib.error
import urllib.request

from house import House, until
from tap import run


def fetch(url, method="GET"):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def value(text, name):
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.M)
    return float(found[1]) if found else None


def flow_metrics(t):
    with House() as house:
        port = f"{house.ip}:9464"
        house.write_conf(metrics_listen=port)
        house.open()
        status, text = fetch(f"http://{port}/metrics")
        t.same(status, 200, "the collector's port answers")
        before = value(text, 'hallmark_requests_total{class="2xx"}')
        client = house.client()
        for _ in range(5):
            client.get("/v1/jobs")
        counted = lambda: value(fetch(f"http://{port}/metrics")[1], 'hallmark_requests_total{class="2xx"}') - before
        until(lambda: counted() >= 5, 5, "the last answer is counted")  # a moment after its last byte
        t.same(counted(), 5, "five answers were counted")
        t.same(fetch(f"http://{port}/v1/jobs")[0], 404, "nothing else is there")
        t.same(fetch(f"http://{port}/metrics", "POST")[0], 404, "nor another method")
        shown = house.ctl("metrics", check=True).out
        t.same(
            re.findall(r"^# TYPE (\S+)", shown, re.M),
            re.findall(r"^# TYPE (\S+)", text, re.M),
            "the admin socket shows the same",
        )
        t.ok(not re.search(r"(ven|tok|job|req)_[0-9a-f]{8}|127\.", text), "no id and no address in it", text)
        if not shutil.which("promtool"):
            t.skip("promtool finds nothing wrong", "Debian's prometheus is not installed")
        else:
            checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
            t.same((checked.returncode, checked.stdout + checked.stderr), (0, ""), "promtool finds nothing wrong")


def flow_not_for_others(t):
    with House() as house:
        house.write_conf(metrics_listen="0.0.0.0:9464")
        house.spawn()
        t.same(house.server.wait(20), 1, "an address that others reach is refused")
        t.ok("not a loopback address" in house.said(), "with a sentence", house.said())


run(flow_metrics, flow_not_for_others)
