"""Lines as providers garble and split them, and around midnight; over the real database, which knows whose they are.

The settlement comes from the sandbox over HTTP; its lines are changed on their way in.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.domain.money import Money
from gateway.domain.payment import Payment, PaymentStatus
from gateway.ports.provider import BatchRef, LineKind, PaymentObservation, SettlementLine
from gateway.services.apply_observation import apply_observation
from gateway.store.embedded import DatabaseUrls
from tests.integration.night import FEE, KEPT, Night
from tests.integration.world import a_world

Change = Callable[[SettlementLine], Sequence[SettlementLine]]


@pytest.fixture
def quiet(database_urls: DatabaseUrls, tmp_path: Path) -> Iterator[Night]:
    """Nothing is paid yet."""
    with a_world(database_urls, tmp_path) as world:
        yield Night(world, world.clock().date())


def changed(night: Night, *changes: tuple[Payment, Change]) -> None:
    """The lines of these payments come as `changes` make them."""
    provider: Any = night.world.runtime.providers["sandbox"]
    read, of_id = provider.read_settlement, {str(payment.id): change for payment, change in changes}

    def tampered(batch: BatchRef) -> Iterator[SettlementLine]:
        for line in read(batch):
            yield from of_id[line.merchant_reference](line) if line.merchant_reference in of_id else [line]

    provider.read_settlement = tampered


def named(reference: str) -> Change:
    """The provider's own reference is lost, and ours is `reference`."""
    return lambda line: [replace(line, provider_transaction_id=None, merchant_reference=reference)]


def in_parts(line: SettlementLine) -> list[SettlementLine]:
    shares = ((FEE - 50_000, KEPT - 550, "a"), (50_000, 550, "b"))
    return [
        replace(line, line_id=line.line_id + part, gross=Money(gross, "VND"), fee=Money(fee, "VND"))
        for gross, fee, part in shares
    ]


def test_garbled_names_and_parts_match_and_say_how(night: Night) -> None:
    mistyped, cut, parted = (night.world.paid()[1] for _ in range(3))
    reference = mistyped.reference[:-1] + str((int(mistyped.reference[-1]) + 1) % 10)
    half_an_id = str(cut.id)[:26]
    changed(night, (mistyped, named(f"PAY {reference} x")), (cut, named(half_an_id)), (parted, in_parts))
    night.settle()
    run = night.run()
    assert (run.status, night.kinds(run)) == ("balanced", [])
    assert run.totals["by_rule"] == {"provider_reference": 1, "repaired_reference": 2, "settled_in_parts": 1}
    assert (run.totals["matched"], run.totals["ledger_minor"], run.totals["statement_minor"]) == (4, 4 * FEE, 4 * FEE)
    assert night.world.balances()["provider_fees:sandbox"] == 4 * KEPT
    as_json, as_csv = night.reports(run)
    matches = json.loads(as_json)["matches"]
    assert [match["evidence"] for match in matches if match["rule"] == "repaired_reference"] == [
        {"read": f"PAY {reference} x", "repaired": mistyped.reference, "how": "slip"},
        {"read": half_an_id, "repaired": str(cut.id), "how": "cut"},
    ]
    parts = [match for match in matches if match["rule"] == "settled_in_parts"]
    assert [(part["group"], part["entries"], part["amount_minor"]) for part in parts] == [
        (1, [f"payment:{parted.id}:succeeded"], FEE - 50_000),
        (1, [f"payment:{parted.id}:succeeded"], 50_000),
    ]
    rows = list(csv.DictReader(io.StringIO(as_csv.decode("utf-8-sig"))))
    assert [row["entry"] for row in rows if row["kind"] == "settled_in_parts"] == parts[0]["entries"] * 2
    assert night.reports(night.run()) == (as_json, as_csv)


def test_one_slip_in_a_transaction_is_proposed_and_not_booked_as_a_second_payment(night: Night) -> None:
    _, payment = night.world.paid()
    known = payment.provider_transaction_id or ""
    wrong = known[:-1] + ("x" if known[-1] != "x" else "y")
    changed(night, (payment, lambda line: [replace(line, provider_transaction_id=wrong)]))
    night.settle()
    run = night.run()
    assert run.totals["matched"] == 1
    found = {each["kind"]: each["evidence"] for each in night.found(run)}
    assert all("accept the proposal" in each["explanation"]["en"]["next_step"] for each in night.found(run))
    about = {"rule": "repaired_reference", "why": "one_slip_away"}
    line = found["missing_in_gateway"]["settlement"]
    assert found["missing_in_gateway"]["proposal"] == about | {"entry": f"payment:{payment.id}:succeeded"}
    assert found["missing_at_provider"]["proposal"] == about | {
        "line": {name: line[name] for name in ("batch", "line")}
    }
    assert night.world.balances()["in_transit:sandbox"] == 2 * FEE - KEPT


@pytest.mark.parametrize(("zone", "lag"), [("Pacific/Auckland", 0), ("America/Los_Angeles", 2)])
def test_around_midnight_every_line_is_found_whatever_the_zones_and_the_lag(quiet: Night, zone: str, lag: int) -> None:
    """Payments to the second before and after midnight, here, there and in UTC, each settled within the lag."""
    payments = [quiet.world.start(quiet.world.checkout(quiet.world.invoice())) for _ in range(12)]
    first = quiet.day + timedelta(days=1)
    instants = [
        datetime.combine(first + timedelta(days=after), time(), ZoneInfo(midnight)) + timedelta(seconds=seconds)
        for after in (0, 1)
        for midnight in ("Asia/Ho_Chi_Minh", zone, "UTC")
        for seconds in (-1, 0)
    ]
    quiet.world.clock.ahead = timedelta(days=10)
    batches: dict[date, list[SettlementLine]] = {}
    for number, (payment, at) in enumerate(zip(payments, instants, strict=True)):
        made = max(at, payment.created_at)
        line = succeeded(quiet, payment, made, f"midnight-{number}")
        batches.setdefault(made.astimezone(ZoneInfo(zone)).date() + timedelta(days=number % (lag + 1)), []).append(line)
    settled_by(quiet, zone, lag, batches)
    start = min(quiet.day, *batches) - timedelta(days=1)
    whole = [start + timedelta(days=n) for n in range((max(batches) - start).days + 2)]
    for day in whole:
        assert {kind for kind, _ in quiet.kinds(quiet.run(day))} <= {"timing"}
    runs = [quiet.run(day) for day in whole]
    assert [run.status for run in runs] == ["balanced"] * len(whole)
    assert sum(run.totals["matched"] for run in runs) == len(payments)
    assert {status for run in runs for _, status in quiet.kinds(run)} <= {"cleared"}


def succeeded(night: Night, payment: Payment, at: datetime, transaction: str) -> SettlementLine:
    """The payment succeeds at that instant; the line that will settle it."""
    amount = Money(FEE, "VND")
    with night.world.runtime.db.transaction() as tx:
        told = PaymentObservation(PaymentStatus.SUCCEEDED, at, payment.id, None, transaction, amount)
        apply_observation(tx, "sandbox", told, "webhook")
    return SettlementLine(transaction, LineKind.PAYMENT, amount, Money(KEPT, "VND"), at.astimezone(UTC), transaction)


def settled_by(night: Night, zone: str, lag: int, batches: dict[date, list[SettlementLine]]) -> None:
    provider: Any = night.world.runtime.providers["sandbox"]
    provider.capabilities = replace(provider.capabilities, time_zone=zone, settlement_lag_days=lag)
    provider.list_settlements = lambda window: [
        BatchRef(f"batch-{day}", day) for day in batches if window.first <= day <= window.last
    ]
    provider.read_settlement = lambda batch: iter(batches[batch.business_date])
