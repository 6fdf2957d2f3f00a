"""What payers type from a slip where there is no code to scan: the Danish line and the Korean number.

The Danish line is the payment kind 71, the FIK number of 15 digits and the creditor's number of 8 (issued by Nets):
`+71<026840149965328+80882939<`. The Korean electronic payment number has 19 digits: organisation 5, type 1, year 2,
item 2, serial 9. It has no check digit, and is all that its payer types.
"""

import re
from dataclasses import dataclass

from gateway.domain import reference
from gateway.domain.national_references import slip_line

ORGANISATION_DIGITS = reference.ORGANISATION_DIGITS

_LINE = re.compile(r"\+71<([0-9]{15})\+([0-9]{8})<")
_NUMBER = re.compile(r"[0-9]{15}")
_CREDITOR = re.compile(r"[0-9]{8}")
_EPN = re.compile(r"[0-9]{19}")


class MalformedSlip(ValueError):
    """What a bank's form would refuse at once. The message never holds what was typed."""


@dataclass(frozen=True, slots=True)
class FikLine:
    number: str
    creditor: str

    def __str__(self) -> str:
        return slip_line(self.number, self.creditor)


def is_creditor(number: str) -> bool:
    return bool(_CREDITOR.fullmatch(number))


def read_fik_line(line: str) -> FikLine:
    """The slip's line, its check digit proven. Raises MalformedSlip."""
    match = _LINE.fullmatch(line.replace(" ", ""))
    if match is None:
        raise MalformedSlip("the line is not +71<15 digits+8 digits<")
    return FikLine(checked_fik(match[1]), match[2])


def checked_fik(number: str) -> str:
    """`number`, if its check digit is right. Raises MalformedSlip."""
    if not _NUMBER.fullmatch(number) or reference.fik71(number[:-1]) != number:
        raise MalformedSlip("the number is not 15 digits with their check digit")
    return number


def checked_epn(number: str) -> str:
    """The 19 digits of a Korean number, hyphens and spaces forgiven. Raises MalformedSlip."""
    compact = re.sub(r"[ -]", "", number)
    if not _EPN.fullmatch(compact):
        raise MalformedSlip("the number is not 19 digits")
    return compact
