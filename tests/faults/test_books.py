"""The statements by which the other tests here judge the books notice what is wrong with them."""

from contextlib import suppress

import pytest
from sqlalchemy import text

from tests.faults.books import contradictions
from tests.integration.world import World

WRONG = {
    "receivable is what is due": "UPDATE invoices SET status = 'open', paid_minor = 0",
    "an invoice is paid by its allocations": "UPDATE allocations SET amount_minor = amount_minor - 1",
    "what paid an invoice in parts lies end to end": "UPDATE allocations SET begins_minor = begins_minor + 1",
    "a success is booked once, and nothing else is": (
        "UPDATE payments SET status = 'declined', succeeded_at = NULL WHERE status = 'succeeded'"
    ),
    "in transit and in the bank is what moved": "UPDATE payments SET lands_on = 'bank:1'",
    "refunds hold no more than came in": "UPDATE payments SET refunded_minor = 1",
    "payer credit is what nothing took, less what was given back": "UPDATE payments SET credited_minor = 1",
    "portals are told of a success once": (
        "INSERT INTO events (id, agency_id, type, data, occurred_at)"
        " SELECT gen_random_uuid(), agency_id, type, data, occurred_at FROM events WHERE type = 'payment.succeeded'"
    ),
}


@pytest.mark.parametrize("statement", WRONG)
def test_what_is_wrong_with_the_books_is_noticed(shared_world: World, statement: str) -> None:
    shared_world.paid()
    with suppress(Undone), shared_world.runtime.db.transaction() as tx:
        assert contradictions(tx) == {}
        assert tx.execute(text(WRONG[statement])).rowcount > 0
        assert statement in contradictions(tx)
        raise Undone


class Undone(Exception):
    """So that what was spoilt is rolled back."""
