"""The front door, its demo, and what is not there."""

import re
from html import unescape

from flask import Flask

from gateway.pages.demo import typical_facts
from gateway.services.quote_fee import list_procedures
from tests.integration.pages.payer import BROWSER, PageOf
from tests.integration.web import app_of
from tests.integration.world import World


def test_an_address_that_is_not_there_is_explained_to_people_and_named_to_programs(app: Flask) -> None:
    client = app.test_client()
    for_people = client.get("/nothing", headers=BROWSER | {"Accept-Language": "vi-VN,vi;q=0.9"})
    assert (for_people.status_code, for_people.mimetype) == (404, "text/html")
    assert "Không có trang này" in for_people.text
    lost_on_the_way_back = client.get("/providers/sandbox/return?payment=x", headers=BROWSER)
    assert (lost_on_the_way_back.status_code, lost_on_the_way_back.mimetype) == (404, "text/html")
    for answer in (client.get("/nothing"), client.get("/v1/nothing", headers=BROWSER)):
        assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")


def test_a_wrong_method_is_explained_too(page_of: PageOf) -> None:
    page = page_of()
    answer = page.client.get(f"{page.path}/payments", headers=BROWSER)
    assert (answer.status_code, answer.mimetype, answer.headers["Allow"]) == (405, "text/html", "OPTIONS, POST")


def test_in_a_demo_the_front_door_makes_an_invoice_of_any_procedure(world: World, app: Flask) -> None:
    client = app.test_client()
    front = client.get("/", query_string={"lang": "en"}).text
    codes = re.findall(r'<option value="([^"]+)"', front)
    with world.runtime.db.read() as tx:
        procedures = list_procedures(tx, None)
    assert sorted(codes) == [procedure.code for procedure in procedures]
    assert [code.partition("-")[0] for code in codes[-4:]] == ["ee", "dk", "sg", "kr"]  # as the catalogue lists them
    form = re.findall(r'name="form" value="([^"]+)"', front)[0]
    for procedure in procedures:
        answer = client.post("/demo?lang=en", data={"form": form, "procedure": procedure.code})
        assert answer.status_code == 303
        shown = client.get(answer.headers["Location"].removeprefix(world.runtime.public_url)).text
        assert procedure.titles["en"] in unescape(shown)
        assert set(typical_facts(procedure)) == {spec.name for spec in procedure.facts}
    assert client.post("/demo", data={"form": form, "procedure": "vn-nothing"}).status_code == 404
    assert client.post("/demo", data={"procedure": codes[0]}).status_code == 403


def test_production_has_no_demo(world: World) -> None:
    client = app_of(world, demo=False).test_client()
    front = client.get("/", query_string={"lang": "en"})
    assert "<form" not in front.text
    assert "Demo." not in front.text
    assert client.post("/demo").status_code == 404
