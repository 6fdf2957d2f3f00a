"""The bank's statements as settlements: one account's camt.053 of a day is a batch, and its entries are the lines.

Statements come from the bank's API and, where a folder is set, from there, as banks deliver by SFTP: a file is to
arrive under another name and be renamed to *.xml once it is whole. A statement that is in both is one batch, known by
its account and its id, and the folder's is read.

What an entry is, kind_of says: a credit is a PAYMENT with the observation that the bank's notification would have
been; a credit given back is a REFUND, one taken back a CHARGEBACK; the bank's charges are FEE lines of their own.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from gateway.domain.money import Money
from gateway.ports import camt
from gateway.ports.bookings import kind_of
from gateway.ports.provider import (
    BatchRef,
    CreditObservation,
    LineKind,
    OutcomeUnknown,
    RefundObservation,
    SettlementLine,
    SettlementWindow,
)
from gateway.ports.statement import Statement, StatementEntry, UnreadableStatement
from gateway.ports.told_by_statement import moment_of
from providers.bank_transfer import wire
from providers.reading import Unreadable, money, text

KIND: Mapping[tuple[str, bool], LineKind] = {
    # what the entry is, and whether money came by it
    (wire.CREDIT, True): LineKind.PAYMENT,
    (wire.RETURN, False): LineKind.REFUND,
    (wire.RETURN, True): LineKind.REFUND,  # a return that came back
    (wire.REVERSAL, False): LineKind.CHARGEBACK,
    (wire.REVERSAL, True): LineKind.CHARGEBACK_REVERSAL,
    ("charge", False): LineKind.FEE,
    ("charge", True): LineKind.FEE,  # a charge that is given back
}
"""Whatever is not here is an adjustment: it counts towards the balance and asks to be explained."""

_CHUNK_BYTES = 64 * 1024
_SEPARATOR = "/"  # between account and statement id; no account number has one


def batch_of(listed: Mapping[str, Any]) -> BatchRef:
    """A statement in the list of the bank's API. Raises Unreadable."""
    try:
        day = date.fromisoformat(text(listed, "date"))
    except ValueError:
        raise Unreadable("date is not a date") from None
    return BatchRef(
        id=batch_id(text(listed, "account"), text(listed, "id")),
        business_date=day,
        total=money(listed, "net_minor", "currency"),
    )


def batch_id(account: str, statement_id: str) -> str:
    return f"{account}{_SEPARATOR}{statement_id}"


def parts_of(batch: BatchRef) -> tuple[str, str]:
    """The account, and the id of the statement."""
    account, _, statement = batch.id.partition(_SEPARATOR)
    return account, statement


def in_folder(folder: Path, window: SettlementWindow) -> Sequence[BatchRef]:
    """The statements that lie in `folder`. Raises OutcomeUnknown for a file whose day cannot be told; what else is
    wrong with one is found out when it is read."""
    found = [batch for file in _files(folder) for batch in _batches(file)]
    return [batch for batch in found if window.first <= batch.business_date <= window.last]


def from_folder(folder: Path, batch: BatchRef, zone: ZoneInfo) -> Iterator[SettlementLine] | None:
    """The lines of `batch`, if the folder has it."""
    for file in _files(folder):
        if any(known.id == batch.id for known in _batches(file)):
            return read(_chunks(file), batch, zone)
    return None


def read(chunks: Iterable[bytes], batch: BatchRef, zone: ZoneInfo) -> Iterator[SettlementLine]:
    """The lines of `batch` in a camt.053. Raises OutcomeUnknown saying what is wrong; a message is refused whole, at
    its end at the latest, so a reader loads all lines or none."""
    seen: dict[str, int] = {}
    found = False
    try:
        for row in camt.read(chunks):
            if batch_id(row.account, row.id if isinstance(row, Statement) else row.statement_id) != batch.id:
                continue
            if isinstance(row, Statement):
                found = True
                _check_total(row, batch)
            else:
                yield _line(row, seen, zone)
    except (UnreadableStatement, Unreadable) as fault:
        reason = str(fault)
    else:
        reason = "" if found else "it does not hold the statement that was asked for"
    if reason:
        raise OutcomeUnknown(f"the statement cannot be read: {reason}", code="settlement_unreadable")


def _check_total(head: Statement, batch: BatchRef) -> None:
    if batch.total is not None and head.net is not None and head.net != batch.total:
        raise UnreadableStatement("its balances are not those of the list")


def _line(entry: StatementEntry, seen: dict[str, int], zone: ZoneInfo) -> SettlementLine:
    kind, told = kind_of(entry), wire.told_of(entry, zone)
    return SettlementLine(
        line_id=_line_id(entry, seen),
        kind=KIND.get((kind, entry.credit), LineKind.ADJUSTMENT),
        gross=entry.signed,
        fee=Money(0, entry.amount.currency),
        occurred_at=moment_of(entry, zone),
        provider_transaction_id=told.provider_transaction_id if told else entry.servicer_reference or None,
        provider_refund_id=told.provider_refund_id if isinstance(told, RefundObservation) else None,
        status=entry.status,
        settled=entry.booked,
        credit=told if isinstance(told, CreditObservation) else None,
    )


def _line_id(entry: StatementEntry, seen: dict[str, int]) -> str:
    """Unique within the bank: the account, the statement and the entry, which may be a line for each payment in it."""
    name = f"{entry.account}/{entry.statement_id}/{entry.entry_reference or entry.number}"
    seen[name] = seen.get(name, 0) + 1
    return name if seen[name] == 1 else f"{name}.{seen[name]}"


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix.lower() == ".xml" and path.is_file())
    except OSError as fault:
        raise OutcomeUnknown(f"the folder of statements cannot be read: {type(fault).__name__}") from None


def _batches(file: Path) -> list[BatchRef]:
    """What the heads in a file say, as far as they can be read."""
    found: list[BatchRef] = []
    rows = camt.read(_chunks(file))
    try:
        for row in rows:
            if isinstance(row, Statement):
                if row.business_date is None:
                    raise UnreadableStatement("it states neither a closing balance nor its days")
                found.append(BatchRef(batch_id(row.account, row.id), row.business_date, row.net))
    except (UnreadableStatement, OSError) as fault:
        if not found:
            raise OutcomeUnknown(f"{file.name} cannot be read: {fault}", code="settlement_unreadable") from None
    return found


def _chunks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as opened:
        yield from iter(lambda: opened.read(_CHUNK_BYTES), b"")


def merged(from_files: Sequence[BatchRef], from_api: Iterable[BatchRef]) -> list[BatchRef]:
    """Each statement once, by day."""
    by_id = {batch.id: batch for batch in chain(from_api, from_files)}
    return sorted(by_id.values(), key=lambda batch: (batch.business_date, batch.id))
