"""The sandbox's settlement file: one day's movements in one currency, and control totals that prove it whole.

    H,1,<merchant>,<batch>,<date>,<currency>
    D,<line>,<kind>,<time>,<transaction>,<refund>,<payment id>,<status>,<currency>,<gross>,<fee>,<net>
    T,<number of D lines>,<SHA-256 over the D lines>

Amounts are minor units with the sign of what moves towards us, times are seconds since 1970, and gross - fee = net.
The total that is paid out stands in the list of settlements, not in the file.
"""

import csv
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from gateway.domain.errors import GatewayError
from gateway.domain.money import Money
from gateway.ports.provider import BatchRef, LineKind, OutcomeUnknown, SettlementLine

KIND: Mapping[str, LineKind] = {
    "payment": LineKind.PAYMENT,
    "refund": LineKind.REFUND,
    "chargeback": LineKind.CHARGEBACK,
    "chargeback_reversal": LineKind.CHARGEBACK_REVERSAL,
    "fee": LineKind.FEE,
}
"""A kind that is not here is an adjustment: it counts towards the total and asks to be explained."""

SETTLED = "settled"
"""The status of a line whose money is part of the payout."""

_VERSION = "1"
_COLUMNS = 12


def write(merchant: str, batch: BatchRef, currency: str, lines: Iterable[SettlementLine]) -> bytes:
    """The file for `lines`."""
    details = [",".join(_detail(line)) for line in lines]
    header = f"H,{_VERSION},{merchant},{batch.id},{batch.business_date.isoformat()},{currency}"
    trailer = f"T,{len(details)},{_digest(details)}"
    return "\n".join([header, *details, trailer, ""]).encode()


def read(file: bytes, batch: BatchRef) -> Iterator[SettlementLine]:
    """The lines of `batch`. Raises OutcomeUnknown naming the line and what is wrong with it; a truncated file is found
    out by its trailer, after its last line was yielded, so a reader loads all lines or none."""
    try:
        rows = file.decode().splitlines()
    except UnicodeDecodeError:
        raise _unreadable(1, "it is not UTF-8") from None
    if not rows or not rows[0].startswith(f"H,{_VERSION},") or rows[0].split(",")[3:4] != [batch.id]:
        raise _unreadable(1, f"it is not the header of {batch.id}")
    details = rows[1:-1]
    for number, fields in enumerate(csv.reader(details), start=2):
        yield _line(number, fields)
    if rows[-1] != f"T,{len(details)},{_digest(details)}":
        raise _unreadable(len(rows), "its control totals do not match the file")


def _detail(line: SettlementLine) -> list[str]:
    return [
        "D",
        line.line_id,
        line.kind.value,
        str(int(line.occurred_at.timestamp())),
        line.provider_transaction_id or "",
        line.provider_refund_id or "",
        line.merchant_reference or "",
        line.status,
        line.gross.currency,
        str(line.gross.amount_minor),
        str(line.fee.amount_minor),
        str(line.net.amount_minor),
    ]


def _line(number: int, fields: list[str]) -> SettlementLine:
    if len(fields) != _COLUMNS or fields[0] != "D":
        raise _unreadable(number, f"it has not {_COLUMNS} columns beginning with D")
    _, line_id, kind, moment, transaction, refund, reference, status, currency, gross, fee, net = fields
    try:
        line = SettlementLine(
            line_id=line_id,
            kind=KIND.get(kind, LineKind.ADJUSTMENT),
            gross=Money(int(gross), currency),
            fee=Money(int(fee), currency),
            occurred_at=datetime.fromtimestamp(int(moment), UTC),
            provider_transaction_id=transaction or None,
            provider_refund_id=refund or None,
            merchant_reference=reference or None,
            status=status,
            settled=status == SETTLED,
        )
        stated = Money(int(net), currency)
    except (ValueError, OverflowError, OSError, GatewayError):
        raise _unreadable(number, "a number, time or currency cannot be read") from None
    if line.net != stated:
        raise _unreadable(number, "gross - fee is not net")
    return line


def _digest(details: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(details).encode()).hexdigest()


def _unreadable(number: int, reason: str) -> OutcomeUnknown:
    return OutcomeUnknown(f"settlement line {number}: {reason}", code="settlement_unreadable")
