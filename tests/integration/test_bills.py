"""What a provider is told of what is paid: the bill of each invoice, whose lines add up, and nothing of who pays."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.money import Money, total
from gateway.ports.provider import Bill, BillLine, CreatePayment, Payee
from gateway.services.bills import bills_of
from gateway.store.embedded import DatabaseUrls
from tests.integration.world import PAYER, World, a_world


@pytest.fixture
def world(database_urls: DatabaseUrls, tmp_path: Path) -> Iterator[World]:
    with a_world(database_urls, tmp_path) as made:
        yield made


@pytest.fixture
def commands(world: World, monkeypatch: pytest.MonkeyPatch) -> list[CreatePayment]:
    """What the sandbox was asked to create, which it did."""
    provider: Any = world.runtime.provider("sandbox")
    honest, seen = provider.create_payment, []

    def create(command: CreatePayment) -> object:
        seen.append(command)
        return honest(command)

    monkeypatch.setattr(provider, "create_payment", create)
    return seen


def test_a_creation_carries_the_bill_of_its_invoice(world: World, commands: list[CreatePayment]) -> None:
    invoice = world.invoice()
    world.start(world.checkout(invoice))
    (bill,) = commands[0].bills
    assert bill == Bill(
        dossier="G22.99.108-1",
        procedure_code="1.001456",
        procedure_title="Cấp hộ chiếu phổ thông",
        agency_code="vn-mps",
        agency_name="Bộ Công an",
        reference=invoice.reference,
        amount=Money(200_000, "VND"),
        lines=(BillLine("2751", "Lệ phí cấp hộ chiếu", Money(200_000, "VND")),),
        payee=Payee("KBNN DEMO BO CONG AN", "970999", "9990000000000000011"),
    )
    assert commands[0].payee == bill.payee
    assert not any(fact in repr(commands[0]) for fact in PAYER.values())


def test_a_session_of_several_invoices_has_a_bill_for_each_in_its_order(
    world: World, commands: list[CreatePayment]
) -> None:
    invoices = world.invoice("vn-passport-lost"), world.invoice()
    world.start(world.checkout(*invoices))
    (command,) = commands
    assert [bill.reference for bill in command.bills] == [invoice.reference for invoice in invoices]
    assert total((bill.amount for bill in command.bills), "VND") == command.amount
    assert command.bills[0].procedure_code == "vn-passport-lost"  # whose official code is not known


def test_what_was_paid_before_counts_against_the_lines_in_their_order(world: World) -> None:
    invoice = world.invoice("vn-certified-copy", {"pages": 12, "copies": 3})
    assert len(invoice.lines) >= 1
    first = invoice.lines[0].amount.amount_minor
    for to_pay in (invoice.total_minor, invoice.total_minor - first + 1, 1):
        with world.runtime.db.read() as tx:
            (bill,) = bills_of(tx, invoice.agency_id, [(invoice, to_pay)], "en")
        assert bill.amount == total((line.amount for line in bill.lines), "VND") == Money(to_pay, "VND")
        assert all(line.amount.amount_minor > 0 for line in bill.lines)
        assert bill.agency_name == "Ministry of Justice"
