"""An invoice that is paid in parts is paid line by line: what each part brought is remitted and refunded as such."""

from datetime import timedelta

import pytest

from gateway.domain.invoice import InvoiceStatus
from gateway.domain.payment import Payment
from gateway.services.refund_sources import refund_sources
from reconciliation.reports.month import Month
from tests.integration.test_remittance_of_late_payments import remitted
from tests.integration.village_bank import Village

REGISTRATION, PUBLICATION = "fees:2759", "fees:2709"
PARTS = (30_000, 50_000, 70_000)
"""Of 50,000 for the registration and 100,000 for the publication."""

BROUGHT = [{REGISTRATION: 30_000}, {REGISTRATION: 20_000, PUBLICATION: 30_000}, {PUBLICATION: 70_000}]


@pytest.fixture
def parts(village: Village) -> list[Payment]:
    invoice = village.world.invoice("vn-business-registration")
    return [village.payment_of(village.told(invoice, minor=part)) for part in PARTS]


def still_there(village: Village, payment: Payment) -> dict[str, int]:
    with village.world.runtime.db.read() as tx:
        return {source.account: source.left_minor for source in refund_sources(tx, payment) if source.left_minor}


def test_each_part_brought_what_the_one_before_it_had_left(village: Village, parts: list[Payment]) -> None:
    assert [still_there(village, payment) for payment in parts] == BROUGHT


def test_each_month_is_remitted_what_its_parts_brought(village: Village) -> None:
    world = village.world
    invoice = world.invoice("vn-business-registration")
    first = village.payment_of(village.told(invoice, minor=PARTS[0])).business_date
    assert first is not None
    next_month = Month.of(first).last + timedelta(days=1)
    world.clock.ahead = next_month - first
    for part in PARTS[1:]:
        village.told(invoice, minor=part)
    assert world.again(invoice).status is InvoiceStatus.PAID
    assert remitted(world, first) == {REGISTRATION: 30_000}
    assert remitted(world, next_month) == {REGISTRATION: 20_000, PUBLICATION: 100_000}
