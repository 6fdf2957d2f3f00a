"""What the provider kept, in the ledger: debit provider_fees, credit where payments land, for each batch and agency.

A fee belongs to an agency once its line has matched that agency's entry; until then nobody knows whose it is. A run
that is run again may match more or less than before, so what is posted is the difference to what it posted already:
nothing at all if nothing changed.
"""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from gateway.domain import ledger
from gateway.domain.ledger import Entry, Transfer
from gateway.domain.money import Money
from gateway.store import catalogue, reconciliation
from gateway.store.database import Transaction
from reconciliation.findings import Context
from reconciliation.matching.engine import FeeSum

CAUSE = "provider_fees"


def post_fees(tx: Transaction, context: Context, fees: Sequence[FeeSum], dated: date, correction: int = 0) -> None:
    """Post what `fees` say beyond what this run has posted; take back what they do not say any more.

    What a correction posts is `dated` the day on which it was begun, and named apart from what it corrects.
    """
    posted = reconciliation.posted_fees(tx, context.run_id)
    more = {row.name: (row.agency_id, row.currency, -int(row.fee_minor)) for row in posted}
    for fee in fees:
        name = _name(context, fee, correction)
        agency_id, currency, known = more.get(name, (context.agencies[fee.agency], fee.currency, 0))
        more[name] = (agency_id, currency, fee.fee_minor + known)
    number = {row.name: row.entries for row in posted}
    for name, (agency_id, currency, minor) in sorted(more.items()):
        if minor:
            key = f"{name}:{number.get(name, 0)}"
            tx.post(_entry(tx, context, key, agency_id, Money(minor, currency), dated))


def _name(context: Context, fee: FeeSum, correction: int) -> str:
    batch = context.batches[fee.batch].batch_id
    agency = context.agencies[fee.agency]
    run = f"{context.day}.{correction}" if correction else f"{context.day}"
    return f"settlement:{context.provider}:{batch}:fees:{agency}:{fee.currency}:{run}"


def _entry(tx: Transaction, context: Context, key: str, agency_id: UUID, fee: Money, dated: date) -> Entry:
    kept, held = ledger.provider_fees(context.provider), ledger.in_transit(context.provider)
    if context.lands_in_bank:
        held = ledger.bank(catalogue.agency(tx, agency_id).bank_account)
    transfer = Transfer(kept, held, fee) if fee.amount_minor > 0 else Transfer(held, kept, -fee)
    return Entry(
        key=key,
        cause=CAUSE,
        agency_id=agency_id,
        subject_id=context.run_id,
        occurred_at=tx.now,
        business_date=dated,
        transfers=(transfer,),
    )
