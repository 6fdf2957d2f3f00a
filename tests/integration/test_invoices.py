"""Issuing and closing invoices: the price of the day, the payer's category, fees of zero, due dates."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.domain.errors import Invalid
from gateway.domain.fees import Channel
from gateway.domain.invoice import Invoice, InvoiceAlreadyPaid, InvoiceStatus
from gateway.services.close_invoice import expire_invoices
from gateway.services.find import InvoiceNotFound
from gateway.services.issue_invoice import InvoiceRequest, WrongAgency, issue_invoice
from gateway.services.runtime import Caller
from gateway.store.database import new_id
from gateway.store.embedded import DatabaseUrls
from tests.integration.world import PAYER, World, a_world


@pytest.fixture
def world(database_urls: DatabaseUrls, tmp_path: Path) -> Iterator[World]:
    with a_world(database_urls, tmp_path) as made:
        yield made


def issued(world: World, request: InvoiceRequest, caller: Caller | None = None) -> Invoice:
    with world.runtime.db.transaction() as tx:
        return issue_invoice(tx, world.runtime.vault, caller or world.portal, request)


def judicial_record(**payer: str) -> InvoiceRequest:
    return InvoiceRequest("vn-judicial-record", {"copies": 1}, Channel.ONLINE, "LLTP-1", {**PAYER, **payer})


def test_the_payers_category_reduces_the_fee(world: World) -> None:
    assert issued(world, judicial_record()).total_minor == 200_000
    assert issued(world, judicial_record(category="student")).total_minor == 100_000


def test_a_category_that_contradicts_the_facts_is_refused(world: World) -> None:
    request = InvoiceRequest(
        "vn-judicial-record",
        {"copies": 1, "payer_category": "student"},
        Channel.ONLINE,
        "LLTP-1",
        {**PAYER, "category": "child"},
    )
    with pytest.raises(Invalid) as refused:
        issued(world, request)
    assert "payer.category" in refused.value.fields


def test_a_fee_of_zero_is_paid_at_once_and_books_nothing(world: World) -> None:
    invoice = issued(world, judicial_record(category="child"))
    assert (invoice.status, invoice.total_minor) == (InvoiceStatus.PAID, 0)
    assert world.count("ledger_entries") == 0
    with pytest.raises(InvoiceAlreadyPaid):
        world.checkout(invoice)


def test_nothing_of_the_payer_lies_outside_the_vault(world: World) -> None:
    issued(world, judicial_record())
    for table in ("invoices", "invoice_lines", "payers", "events", "audit_log", "ledger_entries"):
        with world.runtime.db.read() as tx:
            rows = str(tx.connection.exec_driver_sql(f"SELECT t::text FROM {table} AS t").all())  # noqa: S608
        assert PAYER["name"] not in rows
        assert PAYER["national_id"] not in rows


def test_an_unpaid_invoice_expires_after_its_due_day_where_the_agency_is(world: World) -> None:
    today = world.invoice().business_date
    invoice = issued(
        world, InvoiceRequest("vn-passport-new", {}, Channel.COUNTER, "HC-1", PAYER, due_on=today + timedelta(days=1))
    )
    world.clock.ahead += timedelta(days=1)
    assert expire_invoices(world.runtime) == 0
    world.clock.ahead += timedelta(days=1)
    assert expire_invoices(world.runtime) == 1
    assert world.again(invoice).status is InvoiceStatus.EXPIRED


def test_a_due_date_in_the_past_is_refused(world: World) -> None:
    yesterday = world.invoice().business_date - timedelta(days=1)
    with pytest.raises(Invalid) as refused:
        issued(world, InvoiceRequest("vn-passport-new", {}, Channel.COUNTER, "HC-1", PAYER, due_on=yesterday))
    assert "due_on" in refused.value.fields


def test_an_agency_neither_issues_for_nor_sees_another(world: World) -> None:
    invoice = world.invoice()
    stranger = Caller(new_id(), "portal of another agency", frozenset({"portal"}), new_id())
    with pytest.raises(WrongAgency):
        issued(world, judicial_record(), stranger)
    world.portal = stranger
    with pytest.raises(InvoiceNotFound):
        world.again(invoice)
