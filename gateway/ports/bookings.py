"""What a movement of a bank account is, by the codes of ISO 20022 and the flags of its statement."""

from enum import StrEnum

from gateway.ports.statement import StatementEntry

RETURN_CODES = frozenset({"RRTN"})
CHARGE_CODES = frozenset({"CHRG", "COMM", "FEES"})
"""The sub-families of ISO 20022 bank transaction codes by which returns of credits and the bank's own charges are
known. They come from the public code list; which of them a bank uses is to be confirmed with its contract."""

CHARGE_TYPES = frozenset({"NCHG", "FCHG", "NCOM", "FCOM"})
"""The types of MT940's field 61 for the same: N or F, and what kind of booking it is (charges, commission)."""

RETURN_TYPES = frozenset({"NRTI", "FRTI"})
"""The types of field 61 for what is given back."""


class BookingKind(StrEnum):
    CREDIT = "credit"
    RETURN = "return"  # we gave a credit back, or what we gave came back to us
    REVERSAL = "reversal"  # the bank takes a credit back, or gives it once more
    CHARGE = "charge"
    OTHER = "other"


def is_charge(code: str) -> bool:
    """Whether a booking with this code is the bank's own charge, or one that it gives back."""
    return not (CHARGE_CODES | CHARGE_TYPES).isdisjoint(code.upper().split("/"))


def is_return(code: str) -> bool:
    """Whether a booking with this code gives back what an earlier one brought."""
    return not (RETURN_CODES | RETURN_TYPES).isdisjoint(code.upper().split("/"))


def kind_of(entry: StatementEntry) -> BookingKind:
    family = entry.code.rpartition("/")[2]
    if entry.returned or family in RETURN_CODES:
        return BookingKind.RETURN
    if is_charge(entry.code):
        return BookingKind.CHARGE
    if entry.reversal:
        return BookingKind.REVERSAL
    return BookingKind.CREDIT if entry.credit else BookingKind.OTHER
