"""What lets a line and an entry belong together, one question a function, for plain_matcher.py."""

from datetime import date

from gateway.domain.discrepancy import DiscrepancyKind
from reconciliation.matching.sides import Entry, Line, Movement

K = DiscrepancyKind


def equal(line: Line, entry: Entry) -> bool:
    alike = line.movement == entry.movement and (line.currency, line.gross) == (entry.currency, entry.amount)
    return alike and line.settled and not line.later and not entry.later


def by_reference(line: Line, entry: Entry) -> bool:
    return line.reference is not None and line.reference == entry.reference


def by_merchant(line: Line, entry: Entry) -> bool:
    return line.merchant is not None and line.merchant == entry.merchant and None in (line.reference, entry.reference)


def by_checkout(line: Line, entry: Entry) -> bool:
    return line.checkout is not None and line.checkout == entry.checkout


def is_part(line: Line, entry: Entry) -> bool:
    one_way = line.gross * entry.amount > 0 or line.gross == entry.amount == 0
    return line.settled and not line.later and not entry.later and line.currency == entry.currency and one_way


def may_match(line: Line, entry: Entry) -> bool:
    return equal(line, entry) and not line.counterpart_matched and line.payment in (None, entry.payment)


def folded(name: str) -> str:
    return "".join(letter for letter in name.upper() if letter in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ").lstrip("0")


def is_long_alike(read: str | None, name: str | None) -> bool:
    return read is not None and name is not None and folded(read) == folded(name) and len(folded(read)) >= 8


def is_slip(read: str | None, name: str | None) -> bool:
    if read is None or name is None or min(len(read), len(name)) < 8:
        return False
    return name.startswith(read) or name.endswith(read) or name in slips(read) or read in slips(name)


def slips(name: str) -> set[str]:
    """Without one letter, with another in its place, or with two neighbours swapped."""
    letters = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789- _")
    return {
        changed
        for at in range(len(name))
        for changed in [
            name[:at] + name[at + 1 :],
            name[:at] + name[at : at + 2][::-1] + name[at + 2 :],
            *(name[:at] + letter + name[at + 1 :] for letter in letters),
        ]
        if changed != name
    }


def in_window(line: Line, entry: Entry) -> bool:
    days = date.fromisoformat(line.occurred_at[:10]) - entry.business_date
    return abs(days.days) <= 3 and line.counterpart is None


def what_differs(line: Line, currency: str, amount: int) -> DiscrepancyKind | None:
    if line.currency != currency:
        return K.CURRENCY_MISMATCH
    if line.gross != amount:
        return K.AMOUNT_MISMATCH
    return None if line.settled else K.STATUS_MISMATCH


def kind_of_lone(line: Line) -> DiscrepancyKind:
    if line.movement is Movement.PAYMENT and line.payment is not None:
        kind = what_differs(line, line.payment_currency or "", line.payment_amount or 0)
        if kind:
            return kind
    refunded = line.movement in (Movement.REFUND, Movement.REFUND_RETURN)
    return K.REFUND_UNKNOWN if refunded else K.MISSING_IN_GATEWAY
