"""Agencies of other countries: each invoice under its payer's own reference, in its own currency and calendar."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest
from stdnum import iso11649, luhn

from gateway.domain.national_references import hyphenated
from gateway.ports.provider import CreatePayment, PaymentOutcome
from gateway.services.load_catalogue import load_catalogue
from gateway.services.read_catalogue import read_catalogue
from gateway.store import catalogue
from gateway.store.embedded import DatabaseUrls
from providers.sandbox.adapter import SandboxProvider
from tests.integration.api import Api, an_api, made, problem

# Procedure, currency, what its fee is at the counter, and how that is shown in English and in Vietnamese.
FEES = [
    ("ee-id-card", "EUR", 32_50, "€32.50", "32,50 €"),
    ("dk-passport", "DKK", 893_75, "DKK\xa0893.75", "893,75 DKK"),
    ("sg-passport", "SGD", 80_00, "SGD\xa080.00", "80,00 SGD"),
    ("kr-passport", "KRW", 50_000, "₩50,000", "50.000 ₩"),
]
PROCEDURES = [fee[0] for fee in FEES]


@pytest.fixture(scope="module")
def api(module_database_urls: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with an_api(module_database_urls, tmp_path_factory.mktemp("simulator")) as made_api:
        yield made_api


def issued(api: Api, procedure: str) -> dict[str, Any]:
    return api.issued(procedure=procedure, facts={})


def session_of(api: Api, *keys: str) -> dict[str, Any]:
    body = {"invoices": list(keys), "return_url": "https://portal.example/back", "locale": "en"}
    return made(api.post("/v1/checkout-sessions", body))


def page(api: Api, session: dict[str, Any], language: str) -> str:
    answer = api.call("GET", f"/pay/{session['url'].rpartition('/')[2]}?lang={language}", None)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.text)))


@pytest.mark.parametrize(("procedure", "currency", "fee_minor", "english", "vietnamese"), FEES)
def test_an_invoice_of_each_country_is_shown_in_its_own_currency_and_reference(
    api: Api, procedure: str, currency: str, fee_minor: int, english: str, vietnamese: str
) -> None:
    invoice = issued(api, procedure)
    assert (invoice["currency"], invoice["total_minor"]) == (currency, fee_minor)
    session = session_of(api, invoice["reference"])
    assert (session["currency"], session["amount_minor"]) == (currency, fee_minor)
    for language, amount in (("en", english), ("vi", vietnamese)):
        text = page(api, session, language)
        assert f" {amount.replace(chr(0xA0), ' ')} " in text.replace("\xa0", " ")
        assert invoice["reference_display"] in text


def test_the_references_of_each_country_are_right_by_its_own_rule(api: Api) -> None:
    estonian, danish, singaporean, korean = (issued(api, procedure) for procedure in PROCEDURES)
    year = f"{datetime.now(UTC):%y}"
    for invoice in (estonian, danish, singaporean, korean):
        assert iso11649.is_valid(invoice["reference"])
        assert invoice["references"]["rf"] == invoice["reference"]
        assert invoice["references"]["fik71"][:-1] == invoice["references"]["viitenumber"][:-1]
    assert estonian["reference_display"].replace(" ", "") == estonian["references"]["viitenumber"]
    assert danish["reference_display"].replace(" ", "") == danish["references"]["fik71"]
    assert luhn.is_valid(danish["references"]["fik71"])
    assert danish["references"]["fik71_line"] == f"+71<{danish['references']['fik71']}+89999999<"
    assert singaporean["reference_display"].replace(" ", "") == singaporean["reference"]
    number = korean["references"]["epn"]
    assert korean["reference_display"] == hyphenated(number)
    assert re.fullmatch(rf"999991{year}01[0-9]{{9}}", number)
    assert korean["reference"][4:] == f"{year}101{number[-9:]}"
    assert ["epn" in each["references"] for each in (estonian, danish, singaporean)] == [False] * 3


def test_the_page_of_a_danish_invoice_has_the_line_of_its_payment_slip(api: Api) -> None:
    danish, estonian = (issued(api, procedure) for procedure in ("dk-passport", "ee-id-card"))
    text = page(api, session_of(api, danish["id"]), "en")
    assert f"Line on a payment slip {danish['references']['fik71_line']} " in text
    assert "Line on a payment slip" not in page(api, session_of(api, estonian["id"]), "en")


def test_references_of_korea_do_not_follow_one_another(api: Api) -> None:
    serials = [int(issued(api, "kr-passport")["references"]["epn"][-9:]) for _ in range(5)]
    assert min(abs(one - other) for one in serials for other in serials if one != other) > 1


@pytest.mark.parametrize("procedure", [*PROCEDURES, "vn-passport-new"])
def test_an_invoice_is_found_and_paid_by_every_writing_of_its_reference(api: Api, procedure: str) -> None:
    invoice = issued(api, procedure)
    for written in (*invoice["references"].values(), invoice["reference_display"], invoice["reference"].lower()):
        assert api.get(f"/v1/invoices/{quote(written)}").json == invoice
        (listed,) = session_of(api, written)["invoices"]
        assert (listed["id"], listed["reference_display"]) == (invoice["id"], invoice["reference_display"])


def test_a_number_of_another_organisation_or_creditor_is_not_this_invoice(api: Api) -> None:
    danish, korean = issued(api, "dk-passport"), issued(api, "kr-passport")
    elsewhere = "99998" + korean["references"]["epn"][5:]
    told = problem(api.get(f"/v1/invoices/{elsewhere}"), 404, "invoice_not_found")
    assert told["detail"] == f"There is no invoice {elsewhere}. Compare every digit with the slip."
    line = danish["references"]["fik71_line"].replace("89999999", "80882939")
    problem(api.get(f"/v1/invoices/{quote(line)}"), 404, "invoice_not_found")
    estonian = issued(api, "ee-id-card")
    line = f"+71<{estonian['references']['fik71']}+89999999<"
    problem(api.get(f"/v1/invoices/{quote(line)}"), 404, "invoice_not_found")


def test_a_mistyped_writing_is_refused_and_shown_in_groups(api: Api) -> None:
    number = issued(api, "ee-id-card")["references"]["viitenumber"]
    wrong = next(
        candidate
        for candidate in (f"{number[:-1]}{digit}" for digit in "0123456789")
        if not (candidate == number or luhn.is_valid(candidate))
    )
    for typed in (wrong, f"{wrong[:5]} {wrong[5:]}"):
        told = problem(api.get(f"/v1/invoices/{typed}"), 422, "mistyped_reference")
        assert " ".join((wrong[:4], wrong[4:8], wrong[8:12], wrong[12:])) in told["detail"]
        assert "check digits" in told["detail"]
        asked = {"invoices": [typed], "return_url": "https://portal.example/back"}
        problem(api.post("/v1/checkout-sessions", asked), 422, "mistyped_reference")
    for typed, why in ((number[:-1], "too short: it has 14 digits"), (f"{number}1", "it has 16 digits")):
        assert why in problem(api.get(f"/v1/invoices/{typed}"), 404, "invoice_not_found")["detail"]


def test_only_methods_that_are_configured_and_take_the_currency_are_offered(api: Api) -> None:
    agencies = {agency["code"]: agency for agency in api.get("/v1/agencies").json["data"]}
    habits = {code: (agency["country"], agency["reference_style"]) for code, agency in agencies.items()}
    assert habits["vn-moj"] == ("VN", "rf")
    assert habits["ee-ppa"] == ("EE", "viitenumber")
    assert habits["dk-police"] == ("DK", "fik71")
    assert habits["sg-ica"] == ("SG", "rf")
    assert habits["kr-mofa"] == ("KR", "epn")
    with api.world.runtime.db.read() as tx:
        named = {agency.code: agency.providers for agency in catalogue.all_agencies(tx)}
    assert named["kr-mofa"] == ("sandbox", "epn")
    for procedure, code in zip(PROCEDURES, ("ee-ppa", "dk-police", "sg-ica", "kr-mofa"), strict=True):
        assert agencies[code]["methods"] == ["sandbox"]
        assert session_of(api, issued(api, procedure)["id"])["methods"] == ["sandbox"]
        asked = {"invoices": [issued(api, procedure)["id"]], "return_url": "https://portal.example/back"}
        problem(api.post("/v1/checkout-sessions", {**asked, "methods": ["stripe"]}), 422, "method_not_offered")


def test_a_provider_is_told_every_writing_of_the_reference(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[CreatePayment] = []
    create = SandboxProvider.create_payment

    def listening(self: SandboxProvider, command: CreatePayment) -> PaymentOutcome:
        told.append(command)
        return create(self, command)

    monkeypatch.setattr(SandboxProvider, "create_payment", listening)
    invoice = issued(api, "kr-passport")
    session = session_of(api, invoice["id"])
    made(api.post(f"/v1/checkout-sessions/{session['id']}/payments", {"provider": "sandbox"}))
    assert told[0].references == invoice["references"]


def test_each_country_is_paid_and_its_books_balance_in_its_own_currency(api: Api) -> None:
    for procedure, currency, fee_minor, _, _ in FEES:
        world = api.world
        invoice = world.invoice(procedure)
        payment = world.start(world.checkout(invoice))
        world.play(payment, "succeed")
        world.deliver(1)
        assert (world.again(invoice).paid_minor, world.payment(payment.id).status) == (fee_minor, "succeeded")
        balance = api.get(f"/v1/ledger/trial-balance?currency={currency}", "finance").json
        assert balance["total_debit_minor"] == balance["total_credit_minor"] > 0
        (in_transit,) = [account for account in balance["accounts"] if "in_transit" in account["code"]]
        assert in_transit["balance_minor"] == fee_minor


def test_what_was_printed_stays_true_when_the_agency_is_given_another_number(api: Api) -> None:
    before = issued(api, "kr-passport")
    content = read_catalogue()
    moved = replace(content.agencies[-1], reference_prefix="88888202")
    assert moved.code == "kr-mofa"
    try:
        with api.world.runtime.db.transaction() as tx:
            load_catalogue(tx, replace(content, agencies=(*content.agencies[:-1], moved)), "test")
        assert api.get(f"/v1/invoices/{before['references']['epn']}").json == before
        after = issued(api, "kr-passport")["references"]["epn"]
        assert (after[:6], after[8:10]) == ("888882", "02")
    finally:
        with api.world.runtime.db.transaction() as tx:
            load_catalogue(tx, content, "test")
