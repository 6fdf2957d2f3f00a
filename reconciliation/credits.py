"""Learns from a bank's statement what no notification told.

The credits are set aside, each sealed, while the statement is read, for nothing of it counts before it was read to its
end. Those that were not told before go through the same door as every other news, apply_observation, and then match.
That it was needed is written down as a discrepancy that is already cleared, so that an officer sees how often
notifications are lost.
"""

import json
from collections.abc import Iterator
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import UUID

from gateway.domain.discrepancy import DiscrepancyKind, DiscrepancyStatus
from gateway.domain.money import Money
from gateway.ports.provider import AckResult, CreditObservation
from gateway.services.apply_observation import apply_observation
from gateway.services.fetch_credits import unheard_of
from gateway.services.runtime import Runtime
from gateway.services.vault import Vault, statement_purpose
from gateway.store import credits, reconciliation
from gateway.store.database import Transaction
from gateway.store.reconciliation import NewDiscrepancy

SOURCE = "settlement"
CHUNK = 500


class CreditFile:
    """The credits of a run's statements in a file that says nothing to whoever finds it."""

    def __init__(self, vault: Vault, run_id: UUID, path: Path) -> None:
        self._vault = vault
        self._purpose = statement_purpose(run_id)
        self._path = path
        self._rows = path.open("w")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._rows.close()

    def add(self, credit: CreditObservation) -> None:
        told = {
            "transaction": credit.provider_transaction_id,
            "account": credit.account,
            "amount_minor": credit.amount.amount_minor,
            "currency": credit.amount.currency,
            "occurred_at": credit.occurred_at.isoformat(),
            "remittance": credit.remittance,
            "reference": credit.reference,
        }
        key_id, sealed = self._vault.seal_bytes(self._purpose, json.dumps(told).encode())
        self._rows.write(f"{sealed.hex()} {key_id}\n")

    def chunks(self) -> Iterator[list[CreditObservation]]:
        self._rows.flush()
        with self._path.open() as rows:
            while lines := list(islice(rows, CHUNK)):
                yield [self._opened(line) for line in lines]

    def _opened(self, line: str) -> CreditObservation:
        sealed, _, key_id = line.rstrip("\n").partition(" ")
        told = json.loads(self._vault.open_bytes(self._purpose, key_id, bytes.fromhex(sealed)))
        return CreditObservation(
            provider_transaction_id=told["transaction"],
            account=told["account"],
            amount=Money(told["amount_minor"], told["currency"]),
            occurred_at=datetime.fromisoformat(told["occurred_at"]),
            remittance=told["remittance"],
            reference=told["reference"],
        )


def learn_credits(runtime: Runtime, run_id: UUID, provider: str, day: date, told: CreditFile) -> int:
    """Apply what is news, each in a transaction of its own. Returns how many credits were.

    One that is known with another amount is no news: the matching names it, as it does of every other line.
    """
    return sum(
        _learn(runtime, run_id, provider, day, credit)
        for chunk in told.chunks()
        for credit in unheard_of(runtime, provider, chunk)
    )


def _learn(runtime: Runtime, run_id: UUID, provider: str, day: date, credit: CreditObservation) -> bool:
    with runtime.db.transaction() as tx:
        result = apply_observation(tx, provider, credit, SOURCE, runtime)
        if result in (AckResult.APPLIED, AckResult.AMOUNT_MISMATCH):
            reconciliation.link_repaired(tx, run_id, provider)
        if result is AckResult.APPLIED:
            _say_so(tx, run_id, provider, day, credit)
    return result is AckResult.APPLIED


def _say_so(tx: Transaction, run_id: UUID, provider: str, day: date, credit: CreditObservation) -> None:
    kept = credits.find(tx, provider, credit.provider_transaction_id)
    learnt = NewDiscrepancy(
        key=f"{DiscrepancyKind.STATUS_MISMATCH}:credit:{provider}:{credit.provider_transaction_id}",
        kind=DiscrepancyKind.STATUS_MISMATCH,
        provider=provider,
        agency_id=kept.agency_id if kept else None,
        business_date=kept.business_date if kept else day,
        run_id=run_id,
        payment_id=kept.payment_id if kept else None,
        refund_id=None,
        amount_minor=credit.amount.amount_minor,
        currency=credit.amount.currency,
        evidence={
            "provider_transaction_id": credit.provider_transaction_id,
            "reported_minor": credit.amount.amount_minor,
            "reported_currency": credit.amount.currency,
            "repaired": True,
        },
    )
    written = reconciliation.insert_discrepancy(tx, learnt, DiscrepancyStatus.CLEARED)
    if written:
        reconciliation.link(tx, run_id, written)
