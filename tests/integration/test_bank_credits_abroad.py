"""Transfers in other countries: under the number that the slip shows, in the country's currency, zone and calendar."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.domain.invoice import Invoice, InvoiceStatus
from gateway.domain.national_references import hyphenated, renderings
from gateway.store import catalogue
from reconciliation.runs import run_reconciliation
from tests.integration.village_bank import CAPABILITIES, NAME, Village, VillageBank

COUNTRIES = [
    ("ee-id-card", "EUR", "Europe/Tallinn"),
    ("dk-passport", "DKK", "Europe/Copenhagen"),
    ("sg-passport", "SGD", "Asia/Singapore"),
    ("kr-passport", "KRW", "Asia/Seoul"),
]


def written(invoice: Invoice) -> str:
    """As its slip shows it."""
    return renderings(invoice.reference, invoice.reference_style, invoice.reference_issuer)[invoice.reference_style]


@pytest.mark.parametrize(("procedure", "currency", "zone"), COUNTRIES)
def test_a_transfer_under_the_number_of_the_country_pays_and_reconciles_in_its_own_currency(
    village: Village, procedure: str, currency: str, zone: str
) -> None:
    bank = VillageBank(capabilities=replace(CAPABILITIES, time_zone=zone))
    village.bank = bank
    village.world.runtime = replace(village.world.runtime, providers={NAME: bank})
    told, untold = village.world.invoice(procedure), village.world.invoice(procedure)
    village.told(told, f"TASU {written(told)} AITAH")
    village.transfer(untold, "", reference=written(untold))
    with village.world.runtime.db.read() as tx:
        agency = catalogue.agency(tx, told.agency_id)
    run = run_reconciliation(village.world.runtime, NAME, agency.business_date(village.world.clock()), "test")
    assert {village.world.again(each).status for each in (told, untold)} == {InvoiceStatus.PAID}
    assert village.world.balances()[f"bank:{agency.bank_account}"] == 2 * told.total_minor
    assert (run.status, run.totals["currency"], run.totals["matched"]) == ("balanced", currency, 2)
    assert agency.time_zone == zone


@pytest.mark.parametrize("more", [-1, 1])
def test_a_number_without_check_digits_is_believed_only_for_what_its_invoice_asks(village: Village, more: int) -> None:
    invoice = village.world.invoice("kr-passport")
    village.told(invoice, hyphenated(written(invoice)), minor=invoice.total_minor + more)
    assert village.world.again(invoice).status is InvoiceStatus.OPEN
    assert village.evidence()["why"] == "without_check_digits"
    assert village.evidence()["candidates"] == [invoice.reference]


def test_a_number_without_check_digits_is_believed_for_what_an_attempt_waits_for(village: Village) -> None:
    first, second = village.world.invoice("kr-passport"), village.world.invoice("kr-passport")
    attempt = village.world.start(village.world.checkout(first, second), NAME)
    village.told(first, written(first), minor=attempt.amount_minor)
    assert {village.world.again(each).status for each in (first, second)} == {InvoiceStatus.PAID}


def test_the_canonical_reference_has_check_digits_in_korea_too(village: Village) -> None:
    invoice = village.world.invoice("kr-passport")
    village.told(invoice, minor=invoice.total_minor - 1)
    assert village.world.again(invoice).amount_due_minor == 1


def test_who_pays_a_korean_number_twice_has_it_kept(village: Village) -> None:
    invoice = village.world.invoice("kr-passport")
    for _ in range(2):
        village.told(invoice, written(invoice))
    assert village.world.balances()["payer_credit"] == -invoice.total_minor


def test_a_number_of_another_organisation_is_not_ours(village: Village) -> None:
    invoice = village.world.invoice("kr-passport")
    ours = written(invoice)
    village.told(invoice, f"{(int(ours[:5]) + 1) % 10**5:05d}{ours[5:]}")
    assert village.world.again(invoice).status is InvoiceStatus.OPEN
    assert village.evidence()["proposed"] == [invoice.reference]


def test_a_number_in_the_words_that_is_somebodys_account_is_not_kept_in_the_open(village: Village) -> None:
    invoice = village.world.invoice("kr-passport")
    account = "9704368888888888888"
    village.told(invoice, f"from {account} {account[:15]}", at=village.world.clock() - timedelta(minutes=1))
    assert all(part not in str(village.evidence()) for part in (account[:15], account[5:]))
    assert "candidates" not in village.evidence()
