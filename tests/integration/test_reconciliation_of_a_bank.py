"""A bank's statement against the bank accounts of the ledger: what it tells first is learnt, and all of it matches."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from gateway.domain.invoice import InvoiceStatus
from gateway.domain.money import Money
from gateway.ports.provider import BatchRef, OutcomeUnknown
from gateway.services.fetch_credits import fetch_credits
from gateway.services.receive_event import receive_event
from reconciliation.reports.run import as_json, discrepancies_of
from reconciliation.reports.tabular import as_csv
from reconciliation.runs import Run, run_reconciliation
from reconciliation.settlement import SettlementUnavailable
from tests.integration.village_bank import NAME, Village, VillageBank

FEE = 200_000
ACCOUNT = "9990000000000000011"  # of the agency that the fees of these tests are due to
BANK = f"bank:{ACCOUNT}"


def today(village: Village) -> date:
    return (village.world.clock() + timedelta(hours=7)).date()


def run(village: Village, day: date | None = None) -> Run:
    return run_reconciliation(village.world.runtime, NAME, day or today(village), "test")


def found(village: Village, run: Run) -> list[tuple[str, str]]:
    with village.world.runtime.db.read() as tx:
        return [(row["kind"], row["status"]) for row in discrepancies_of(tx, run.id)]


def reports(village: Village, run: Run) -> tuple[bytes, bytes]:
    with village.world.runtime.db.read() as tx:
        return b"".join(as_json(tx, run.id)), b"".join(as_csv(tx, run.id))


def ties(run: Run) -> dict[str, Any]:
    figures: dict[str, Any] = run.totals["by_currency"][0]
    return {name: figures[name] for name in ("ledger_minor", "statement_minor", "matched_minor", "matched")}


def test_what_was_told_as_it_happened_matches_its_statement(village: Village) -> None:
    invoice = village.invoice()
    attempt = village.world.start(village.world.checkout(invoice), NAME)
    village.told(invoice)
    village.told(village.invoice())
    village.told(village.invoice(), "no reference")
    done = run(village)
    assert village.world.payment(attempt.id).provider_transaction_id
    assert ties(done) == {"ledger_minor": 3 * FEE, "statement_minor": 3 * FEE, "matched_minor": 3 * FEE, "matched": 3}
    assert found(village, done) == [("unidentified_receipt", "open")]
    in_transit = {"balance_minor": 0, "unsettled_minor": 0, "settled_minor": 0}
    assert done.totals["by_currency"][0]["in_transit"] == in_transit


def test_what_nobody_told_is_learnt_from_the_statement_and_matches(village: Village) -> None:
    invoice = village.invoice()
    village.transfer(invoice)
    village.transfer(village.invoice(), "NGUYEN VAN CANARY")
    done = run(village)
    assert village.world.again(invoice).status is InvoiceStatus.PAID
    assert ties(done)["matched"] == 2
    assert found(village, done) == [
        ("status_mismatch", "cleared"),
        ("status_mismatch", "cleared"),
        ("unidentified_receipt", "open"),
    ]
    assert village.world.balances()[BANK] == 2 * FEE
    before = reports(village, done), village.world.balances()
    assert (reports(village, run(village)), village.world.balances()) == before
    assert b"CANARY" not in b"".join(before[0])


def test_a_list_after_the_statement_books_nothing_more(village: Village) -> None:
    village.transfer(village.invoice())
    run(village)
    assert fetch_credits(village.world.runtime) == 0
    assert village.world.balances()[BANK] == FEE


def test_a_credit_that_the_statement_does_not_have_is_missing_at_the_bank(village: Village) -> None:
    village.told(village.invoice())
    village.told(village.invoice(), "?")
    village.told(village.invoice())
    del village.bank.booked[:2]
    done = run(village)
    assert sorted(found(village, done)) == [
        ("missing_at_provider", "open"),
        ("missing_at_provider", "open"),
        ("unidentified_receipt", "open"),
    ]
    assert done.totals["by_currency"][0]["in_transit"]["unsettled_minor"] == 2 * FEE


def test_what_went_back_matches_too(village: Village) -> None:
    paid, unknown = village.told(village.invoice()), village.told(village.invoice(), "?")
    for credit in (paid, unknown):
        village.tell(village.bank.take_back(credit, village.world.clock()))
    done = run(village)
    assert ties(done) == {"ledger_minor": 0, "statement_minor": 0, "matched_minor": 0, "matched": 4}
    assert found(village, done) == [("unidentified_receipt", "cleared")]


def test_a_refund_is_looked_for_in_the_statement_of_the_account_it_left(village: Village) -> None:
    credit = village.told(village.invoice())
    with village.world.runtime.db.read() as tx:
        payment_id = tx.execute(text("SELECT id FROM payments")).scalar_one()
    village.refunded(village.world.payment(payment_id), FEE)
    done = run(village)
    assert credit in village.bank.booked
    assert found(village, done) == [("missing_at_provider", "open")]


def test_money_of_other_providers_on_the_same_account_is_not_this_ones(village: Village) -> None:
    village.told(village.invoice())
    market = VillageBank(name="market")
    runtime = replace(village.world.runtime, providers={**village.world.runtime.providers, "market": market})
    for words in (None, "?"):
        invoice = village.invoice()
        amount = Money(FEE, "VND")
        told = market.book(ACCOUNT, amount, invoice.reference if words is None else words, runtime.db.now())
        receive_event(runtime, "market", told)
    assert village.world.balances()[BANK] == 3 * FEE
    done = run(village)
    assert (done.status, ties(done)["ledger_minor"], ties(done)["matched"]) == ("balanced", FEE, 1)
    of_market = run_reconciliation(runtime, "market", today(village), "test")
    assert (ties(of_market)["ledger_minor"], ties(of_market)["matched"]) == (2 * FEE, 2)


def test_money_on_an_account_of_nobody_here_is_one_discrepancy_however_often_it_is_told(village: Village) -> None:
    village.told(village.invoice(), account="somewhere else")
    for _ in range(2):
        assert found(village, run(village)) == [("missing_in_gateway", "open")]
    assert village.world.count("discrepancies") == 1


def test_a_statement_that_tells_another_amount_is_asked_about(village: Village) -> None:
    credit = village.told(village.invoice())
    village.bank.booked[0] = replace(credit, amount=Money(2 * FEE, "VND"))
    done = run(village)
    assert ("amount_mismatch", "open") in found(village, done)
    assert village.world.balances()[BANK] == FEE


def test_a_statement_that_breaks_off_tells_nothing(village: Village, monkeypatch: pytest.MonkeyPatch) -> None:
    village.transfer(village.invoice())

    def broken(batch: BatchRef) -> Iterator[Any]:
        yield from real(batch)
        raise OutcomeUnknown("the line is cut")

    real = village.bank.read_settlement
    monkeypatch.setattr(village.bank, "read_settlement", broken)
    with pytest.raises(SettlementUnavailable):
        run(village)
    assert village.world.count("bank_credits") == 0
