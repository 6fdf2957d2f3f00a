"""The cells of a delimited file: a row split, an amount and a time read exactly as agreed, and never half believed.

It is what every column map is read with, of a provider's settlement as of a bank's statement. Faults name the field and
the reason, never the value, which may be somebody's name.
"""

import csv
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timezone
from decimal import Decimal
from enum import StrEnum
from operator import ne

from gateway.domain.errors import GatewayError
from gateway.domain.money import Money, exponent_of, from_major

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # a tab can be the delimiter
_CONTROL_BUT_LINE_FEED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_PARTS: Mapping[str, str] = {"Y": r"(?P<Y>\d{4})", **{part: rf"(?P<{part}>\d\d)" for part in "mdHMS"}}
_HUNDREDTHS = 2


class Unit(StrEnum):
    MAJOR = "major"
    MINOR = "minor"
    HUNDREDTHS = "hundredths"


class Fault(Exception):
    """A row is not as agreed; the message says in which field, and how."""


def split(row: bytes, encoding: str, delimiter: str) -> list[str]:
    """The cells of a row without its line end. Raises Fault."""
    try:
        text = row.decode(encoding)
    except UnicodeDecodeError:
        raise Fault(f"it is not {encoding}") from None
    if not text.isprintable() and _CONTROL.search(text):
        raise Fault("it holds a control character, or its line end is another")
    if '"' not in text:
        return text.split(delimiter)
    try:
        parsed = list(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error:
        raise Fault("its quotes do not match") from None
    return parsed[0] if parsed else []


def split_all(rows: Sequence[bytes], encoding: str, delimiter: str) -> tuple[list[list[str]], Fault | None]:
    """The cells of each, as `split` has them, up to the first that is at fault, and that fault."""
    try:
        found = _split_at_once(rows, encoding, delimiter)
    except (UnicodeDecodeError, csv.Error):
        found = []
    if len(found) == len(rows):
        return found, None
    found = []
    for row in rows:
        try:
            found.append(split(row, encoding, delimiter))
        except Fault as fault:
            return found, fault
    return found, None


def _split_at_once(rows: Sequence[bytes], encoding: str, delimiter: str) -> list[list[str]]:
    """Other rows than there are if they cannot be: a control character, or a quote that goes on in the next."""
    text = b"\n".join(rows).decode(encoding)
    if _CONTROL_BUT_LINE_FEED.search(text):
        return []
    lines = text.split("\n")
    if '"' in text:
        return [cells or [""] for cells in csv.reader(lines, delimiter=delimiter, strict=True)]
    return [line.split(delimiter) for line in lines]


def columns_of(rows: Sequence[Sequence[str]], places: Mapping[str, int]) -> dict[str, tuple[str, ...]]:
    """The columns of rows of one width, by the names of their places. Raises Fault for blanks around a cell."""
    columns = list(zip(*rows, strict=True))
    named = {name: columns[at] for name, at in places.items()}
    for name, column in named.items():
        if any(map(ne, column, map(str.strip, column))):
            raise Fault(f"{name}: there are blanks around it")
    return named


class Amounts:
    """Amounts in one form: the unit, the mark before decimals, and the one between thousands, if any."""

    def __init__(self, unit: Unit, decimal_mark: str, thousands_mark: str) -> None:
        self._unit = unit
        self._decimal_mark = decimal_mark
        self._thousands_mark = thousands_mark
        pattern = _amount_pattern(unit, decimal_mark, thousands_mark)
        self._patterns = re.compile(pattern, re.ASCII), re.compile(f"-?{pattern}", re.ASCII)

    def read(self, name: str, text: str, currency: str, *, signed: bool) -> Money:
        """Raises Fault."""
        if not self._patterns[signed].fullmatch(text):
            raise Fault(f"{name}: it is not an amount as agreed")
        plain = text.replace(self._thousands_mark, "") if self._thousands_mark else text
        try:
            if self._unit is Unit.MINOR:
                return Money(int(plain), currency)
            if self._unit is Unit.MAJOR and self._decimal_mark not in plain:
                return Money(int(plain) * 10 ** exponent_of(currency), currency)
            major = Decimal(plain.replace(self._decimal_mark, "."))
            return from_major(major.scaleb(-_HUNDREDTHS) if self._unit is Unit.HUNDREDTHS else major, currency)
        except (GatewayError, ArithmeticError, ValueError):
            raise Fault(f"{name}: it is not an amount of a known currency") from None


class Times:
    """Times in one format of strptime's, of which %Y, %m and %d must be there and %H, %M and %S may, in one zone."""

    def __init__(self, time_format: str, zone: timezone) -> None:
        pattern = re.sub(r"%([YmdHMS])", lambda directive: _PARTS[directive[1]], re.escape(time_format))
        self._pattern = re.compile(pattern, re.ASCII)
        self._parts = [part for part in "YmdHMS" if part in self._pattern.groupindex]
        self._zone = zone

    def read(self, name: str, text: str) -> datetime:
        """Raises Fault."""
        match = self._pattern.fullmatch(text)
        if match is None:
            raise Fault(f"{name}: it is not a time as agreed")
        year, month, day, hour, minute, second = (*map(int, match.group(*self._parts)), 0, 0, 0)[:6]
        try:
            return datetime(year, month, day, hour, minute, second, tzinfo=self._zone).astimezone(UTC)
        except (ValueError, OverflowError):
            raise Fault(f"{name}: there is no such time") from None


def _amount_pattern(unit: Unit, decimal_mark: str, thousands_mark: str) -> str:
    if unit is not Unit.MAJOR:
        return r"(0|[1-9]\d*)"
    mark = re.escape(thousands_mark)
    whole = rf"(0|[1-9]\d{{0,2}}({mark}\d{{3}})*)" if mark else r"(0|[1-9]\d*)"
    return whole + rf"({re.escape(decimal_mark)}\d+)?"
