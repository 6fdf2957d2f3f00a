"""An agency that gets another bank account: what its payers send to either is booked where it is, and of what a payer
wrote nothing is kept in a notification once it is booked."""

import json

from sqlalchemy import text

from gateway.domain.payment import PaymentStatus
from gateway.services.vault import provider_event_purpose
from tests.integration.village_bank import NAME, Village

FEE = 200_000
OLD = "9990000000000000011"  # of the agency that these fees are due to
NEW = "9990000000000000995"


def moves(village: Village) -> None:
    with village.world.runtime.db.transaction() as tx:
        tx.execute(text("UPDATE agencies SET bank_account = :new WHERE bank_account = :old"), {"new": NEW, "old": OLD})


def test_money_that_still_comes_in_on_the_former_account_is_booked_there(village: Village) -> None:
    village.told(village.invoice())
    late = village.invoice()
    moves(village)
    credit = village.told(late, account="9990 0000 0000 0000 011")
    assert village.payment_of(credit).lands_on == f"bank:{OLD}"
    assert village.world.again(late).status == "paid"
    assert village.balances() == {f"bank:{OLD}": 2 * FEE}
    assert village.asked_about() == []


def test_an_attempt_that_waits_on_the_former_account_is_not_paid_by_money_on_the_new(village: Village) -> None:
    invoice = village.invoice()
    attempt = village.world.start(village.world.checkout(invoice), NAME)
    moves(village)
    credit = village.told(invoice)
    paid = village.payment_of(credit)
    assert (paid.id == attempt.id, paid.lands_on) == (False, f"bank:{NEW}")
    assert village.world.payment(attempt.id).status is PaymentStatus.PENDING
    assert village.balances() == {f"bank:{NEW}": FEE}


def test_an_account_that_nobody_here_ever_had_is_nobodys(village: Village) -> None:
    village.told(village.invoice())
    village.told(village.invoice(), account=NEW)
    assert [kind for kind, _ in village.asked_about()] == ["missing_in_gateway"]
    assert village.balances() == {f"bank:{OLD}": FEE, "receivable": FEE}


def test_what_a_payer_wrote_does_not_stay_in_the_notification(village: Village) -> None:
    village.told(village.invoice(), words="?")
    runtime = village.world.runtime
    with runtime.db.read() as tx:
        query = text("SELECT id, master_key_id, sealed_payload FROM provider_events")
        (event,) = tx.execute(query).all()
    opened = runtime.vault.open_bytes(provider_event_purpose(event.id), event.master_key_id, event.sealed_payload)
    assert json.loads(opened) == {}
