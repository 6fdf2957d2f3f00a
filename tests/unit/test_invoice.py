"""An invoice is paid line by line, however it is cut into parts."""

from datetime import UTC, date, datetime
from itertools import accumulate, pairwise
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.invoice import Invoice, InvoiceLine, InvoiceStatus
from gateway.domain.money import Money
from gateway.domain.national_references import ReferenceStyle

AMOUNTS = st.lists(st.integers(0, 1_000), min_size=1, max_size=6)


def an_invoice(amounts: list[int]) -> Invoice:
    nothing = Money(0, "VND")
    lines = [
        InvoiceLine(f"item-{place}", f"code-{place}", 1, Money(amount, "VND"), nothing, "", ())
        for place, amount in enumerate(amounts)
    ]
    return Invoice(
        id=UUID(int=1),
        agency_id=UUID(int=2),
        reference="RF",
        reference_style=next(iter(ReferenceStyle)),
        reference_issuer="",
        procedure="procedure",
        procedure_version=1,
        channel="counter",
        facts={},
        dossier="",
        payer_id=UUID(int=3),
        status=InvoiceStatus.OPEN,
        currency="VND",
        total_minor=sum(amounts),
        paid_minor=0,
        refunded_minor=0,
        due_on=None,
        assisted=False,
        metadata={},
        created_by=UUID(int=4),
        created_at=datetime(2026, 3, 2, tzinfo=UTC),
        business_date=date(2026, 3, 2),
        lines=lines,
    )


@given(AMOUNTS, st.data())
def test_parts_that_lie_end_to_end_pay_every_line_in_full_and_in_order(amounts: list[int], data: st.DataObject) -> None:
    invoice = an_invoice(amounts)
    cuts = sorted(data.draw(st.sets(st.integers(0, invoice.total_minor))) | {0, invoice.total_minor})
    paid = [list(invoice.paid_lines(begins, ends - begins)) for begins, ends in pairwise(cuts)]
    for (begins, ends), part in zip(pairwise(cuts), paid, strict=True):
        assert sum(minor for _, minor in part) == ends - begins
    by_line = {line.revenue_code: 0 for line in invoice.lines}
    order = []
    for line, minor in (row for part in paid for row in part):
        assert minor > 0
        by_line[line.revenue_code] += minor
        order.append(line.revenue_code)
    assert list(by_line.values()) == amounts
    assert order == sorted(order)


def test_a_part_begins_where_the_one_before_it_has_ended() -> None:
    invoice = an_invoice([50, 100])
    ends = [0, *accumulate((30, 50, 70))]
    paid = [
        [(line.revenue_code, minor) for line, minor in invoice.paid_lines(begins, upto - begins)]
        for begins, upto in pairwise(ends)
    ]
    assert paid == [[("code-0", 30)], [("code-0", 20), ("code-1", 30)], [("code-1", 70)]]
