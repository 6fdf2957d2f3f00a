"""Lines and entries as the database would copy them out for the matching: what the gateway knows of each.

The look-ups are those of gateway/store/spool.py: which payment a line is of, which refund, which entry.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from uuid import UUID

from benchmarks.days.model import Booked, Month, Payment, Provider
from gateway.ports.provider import LineKind, SettlementLine
from reconciliation.matching.sides import Entry, Line, Movement, key_of

_ONCE = (Movement.PAYMENT, Movement.REFUND, Movement.REFUND_RETURN)


class Books:
    """What the gateway knows of one provider's payments."""

    def __init__(self, month: Month, provider: Provider) -> None:
        self.payments = [payment for payment in month.payments if payment.provider == provider]
        self.entries = [booked for booked in month.entries if booked.payment.provider == provider]
        self.by_id = {payment.id: payment for payment in self.payments}
        self.by_transaction = {
            payment.transaction_id: payment for payment in self.payments if payment.status == "succeeded"
        }
        self.refunds = {booked.reference: booked.refund for booked in self.entries if booked.refund}
        self.entry_of = {
            (booked.refund or booked.payment.id, booked.movement): booked.number for booked in self.entries
        }

    def payment_of(self, line: SettlementLine) -> Payment | None:
        """The transaction is surer than our own id, which may be anything."""
        by_transaction = self.by_transaction.get(line.provider_transaction_id or "")
        named = _uuid_or_none(line.merchant_reference)
        return by_transaction or (self.by_id.get(named) if named else None)

    def counterpart_of(self, line: SettlementLine, movement: Movement) -> int | None:
        """The entry that records the movement."""
        payment = self.payment_of(line)
        if payment is None or movement not in _ONCE:
            return None
        if movement is not Movement.PAYMENT:
            refund = self.refunds.get(line.provider_refund_id or "")
            return self.entry_of.get((refund, movement)) if refund else None
        known = self.by_transaction.get(payment.transaction_id)
        same = line.provider_transaction_id is None or (
            known is not None and line.provider_transaction_id == known.transaction_id
        )
        return self.entry_of.get((payment.id, movement)) if same else None

    def line(self, handle: int, line: SettlementLine, matched_elsewhere: set[int]) -> Line:
        movement = movement_of(line)
        payment = self.payment_of(line)
        counterpart = self.counterpart_of(line, movement)
        is_refund = movement in (Movement.REFUND, Movement.REFUND_RETURN)
        return Line(
            line=handle,
            movement=movement,
            reference=line.provider_refund_id if is_refund else line.provider_transaction_id,
            merchant=line.merchant_reference,
            currency=line.gross.currency,
            gross=line.gross.amount_minor,
            fee=line.fee.amount_minor,
            settled=line.settled,
            later=False,
            line_id=line.line_id,
            kind=line.kind,
            status=line.status,
            transaction_id=line.provider_transaction_id,
            refund_reference=line.provider_refund_id,
            occurred_at=line.occurred_at.isoformat(),
            payment=payment.id if payment else None,
            payment_status=payment.status if payment else None,
            payment_currency=payment.amount.currency if payment else None,
            payment_amount=payment.amount.amount_minor if payment else None,
            refund=self.refunds.get(line.provider_refund_id or "") if is_refund else None,
            refund_unresolved=False,
            agency=payment.agency if payment else None,
            counterpart=counterpart,
            counterpart_matched=counterpart in matched_elsewhere,
        )


def entry_row(booked: Booked) -> Entry:
    return Entry(
        entry=booked.number,
        movement=booked.movement,
        reference=booked.reference,
        merchant=str(booked.payment.id),
        currency=booked.amount.currency,
        amount=booked.amount.amount_minor,
        later=False,
        entry_key=booked.key,
        business_date=booked.business_date,
        sought_from=booked.sought_from,
        due_on=booked.due_on,
        payment=booked.payment.id,
        refund=booked.refund,
        agency=booked.payment.agency,
    )


def bulk_line(line: Line) -> tuple[object, ...]:
    return (line.line, key_of(line.movement, line.reference), line.currency, line.gross, line.fee, line.settled)


def bulk_entry(entry: Entry) -> tuple[object, ...]:
    return (entry.entry, key_of(entry.movement, entry.reference), entry.agency, entry.currency, entry.amount)


def movement_of(line: SettlementLine) -> Movement:
    """As movement_of_line in the database has it."""
    if line.kind is LineKind.PAYMENT and line.gross.amount_minor >= 0:
        return Movement.PAYMENT
    if line.kind is LineKind.REFUND:
        return Movement.REFUND if line.gross.amount_minor <= 0 else Movement.REFUND_RETURN
    return {
        LineKind.CHARGEBACK: Movement.CHARGEBACK,
        LineKind.CHARGEBACK_REVERSAL: Movement.CHARGEBACK_RETURN,
    }.get(line.kind, Movement.OTHER)


def write_rows(path: Path, rows: Iterable[Sequence[object]]) -> Path:
    """CSV as COPY writes it: nothing for null, quotes around what needs them and around an empty text, t and f."""
    with path.open("w", newline="", encoding="utf-8") as file:
        for row in rows:
            file.write(",".join(map(_cell, row)) + "\n")
    return path


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "t" if value else "f"
    text = str(value)
    return '"' + text.replace('"', '""') + '"' if not text or set(text) & set(',"\n\r') else text


def _uuid_or_none(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None
