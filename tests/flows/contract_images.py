"""The part of the contract that speaks of key images: what provokes its answers. Each is (method,
route, answer)."""

from contextlib import closing

from contract_licensing import ABSENT, ONE, Stage
from image_things import fetched, form, marked_model, marked_release
from license_things import new_policy

ALL = "/v1/key-images"
IMAGE = ALL + "/{id}"
LINK = "/v1/key-image-links/{secret}"


class Gallery(Stage):
    """The same callers, with a release whose network has a watermark."""

    def __init__(self, house, clients):
        super().__init__(house, clients, "Pictured")
        self.bare, self.release = self.release, marked_release(self.admin, marked_model(house, self.admin))["id"]
        self.asking = new_policy(self.admin, image="unlock", seats=5)

    def image_of(self, lic):
        return self.admin.get(f"{ALL}?license={lic}").json()["items"][-1]["id"]


def rows(stage):
    plain, asked = stage.license_of(), stage.license_of(stage.asking)
    for who in ("issuer", "auditor", "customer", None):
        for body in ({"license": plain}, {"license": asked}, {"license": "lic_" + ABSENT}, {"carrier": "x"}, {"colour": 1}, b"{"):
            yield stage.ask(who, "POST", ALL, body=body)
        for query in ("", "?limit=1", f"?license={asked}", "?license=x", "?limit=0"):
            yield stage.ask(who, "GET", ALL, query=query)
        for one in (stage.image_of(stage.license_of(stage.asking)), "kim_" + ABSENT, "x"):
            for part in ("", "/image"):
                yield stage.ask(who, "GET", IMAGE + part, one)
            for part in ("/links", "/reissue", "/revoke"):
                for body in ({"colour": 1}, b"{", {}, {}):
                    yield stage.ask(who, "POST", IMAGE + part, one, body)
        yield stage.ask(who, "POST", IMAGE + "/revoke", stage.image_of(asked), {}, If_Match='"9"')
        yield stage.ask(who, "POST", IMAGE + "/revoke", stage.image_of(stage.license_of(stage.asking)), {})


def pictures(stage):
    good, bare = stage.license_of(stage.asking), stage.license_of()
    data = fetched(stage.customer, good)
    for who in ("customer", "issuer", "auditor", None):
        for one in (good, bare, "lic_" + ABSENT, "x"):
            yield stage.ask(who, "POST", ONE + "/key-image", one)
            yield stage.ask(who, "POST", ONE + "/key-image", one, {})
            for body, kind in ((data, "image/png"), (b"x", "image/jpeg"), form(data), form(data, "x"), (b"", "image/png"), (data, "text/plain")):
                yield stage.ask(who, "POST", ONE + "/authenticate", one, body, Content_Type=kind)
    link = stage.admin.post(f"{ALL}/{stage.image_of(good)}/links", {}).json()["url"].split("/")[-1]
    for secret in ("hmi_x", link, link):
        yield stage.ask(None, "GET", LINK, secret)
    yield stage.ask(None, "GET", LINK, link, Purpose="prefetch")


def answers(house, clients):
    with closing(Gallery(house, clients)) as stage:
        for part in (rows, pictures):
            yield from part(stage)
