"""The program `hallmark` at work for one vendor or customer of a house."""

import os
import subprocess

from house import Ran, programs


class Vendor:
    def __init__(self, house, name="config"):
        self.house = house
        self.folder = house.folder / name

    def __call__(self, *words, given="", env=None, timeout=60):
        command = [programs() / "hallmark", "--config", self.folder, *words]
        return Ran(subprocess.run(
            command, input=given, capture_output=True, text=True, timeout=timeout, check=False,
            env={**os.environ, **(env or {})},
        ))  # fmt: skip

    def login(self, secret):
        url = f"https://{self.house.ip}:8443/"
        return self("login", url, "--cacert", str(self.house.certificate), given=secret + "\n")
