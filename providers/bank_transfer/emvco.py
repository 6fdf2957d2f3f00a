"""The merchant-presented QR code of EMVCo: a flat list of fields, each a two-digit id, a two-digit length in
*characters*, and a value, which may be such a list itself.

It is read strictly, as money follows what it says: an id that stands twice, a length that is no number, a template
whose inner lengths do not add up, a checksum that is not right: each is refused with a reason that names the path. A
template is malformed even where the checksum is right.

The checksum is CRC-16/CCITT-FALSE over the UTF-8 bytes of everything up to and including "6304", in upper-case hex with
leading zeros. Source: EMV QR Code Specification for Payment Systems, Merchant-Presented Mode.
"""

import re
from collections.abc import Mapping
from typing import TypeAlias

Value: TypeAlias = "str | Fields"
Fields: TypeAlias = "Mapping[str, Value]"

FORMAT, INITIATION, CATEGORY, CURRENCY, AMOUNT = "00", "01", "52", "53", "54"
COUNTRY, NAME, CITY, ADDITIONAL, CRC = "58", "59", "60", "62", "63"
FORMAT_VERSION = "01"
STATIC, DYNAMIC = "11", "12"

TEMPLATES = frozenset({*(f"{number:02d}" for number in (*range(26, 52), 62, 64, *range(80, 100)))})
"""The ids whose value is a list of fields itself: merchant accounts, additional data, languages, unreserved."""

NAME_MAX = 25
VALUE_MAX = 99
PAYLOAD_MAX = 512

_DIGITS = re.compile(r"[0-9]{2}")  # str.isdigit would take the digits of every script
_AMOUNT = re.compile(r"(0|[1-9][0-9]*)(\.[0-9]+)?")
_CRC_FIELD = CRC + "04"
_CRC_LENGTH = 4
_POLYNOMIAL = 0x1021
_INITIAL = 0xFFFF


class Malformed(ValueError):
    """A code that is not to be trusted. The message names the field by its path and never its value."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path or 'the code'}: {reason}")
        self.path = path
        self.reason = reason


def build(fields: Fields) -> str:
    """The code for `fields`, in their order, with its checksum. Raises Malformed for a value that does not fit."""
    body = _written(fields, "") + _CRC_FIELD
    return body + checksum(body)


def parse(payload: str) -> Fields:
    """The fields of a code, its checksum proven and left out. Raises Malformed."""
    if len(payload) > PAYLOAD_MAX:
        raise Malformed("", f"it is longer than {PAYLOAD_MAX} characters")
    body, stated = payload[:-_CRC_LENGTH], payload[-_CRC_LENGTH:]
    if not body.endswith(_CRC_FIELD):
        raise Malformed(CRC, "the checksum does not end the code")
    if stated != checksum(body):
        raise Malformed(CRC, "the checksum does not match")
    found = split(body[: -len(_CRC_FIELD)], "")
    if CRC in found:
        raise Malformed(CRC, "it stands twice")
    if next(iter(found.items()), None) != (FORMAT, FORMAT_VERSION):
        raise Malformed(FORMAT, f"the code does not begin with version {FORMAT_VERSION}")
    return {name: split(value, name) if name in TEMPLATES else value for name, value in found.items()}


def split(text: str, path: str) -> dict[str, str]:
    """The fields directly in `text`, their lengths adding up to it exactly. Raises Malformed naming `path`."""
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        name, length = text[at : at + 2], text[at + 2 : at + 4]
        if not _DIGITS.fullmatch(name):
            raise Malformed(path, f"an id at character {at} is not two digits")
        here = _below(path, name)
        if not _DIGITS.fullmatch(length):
            raise Malformed(here, "its length is not two digits")
        if name in found:
            raise Malformed(here, "it stands twice")
        value = text[at + 4 : at + 4 + int(length)]
        if not value or len(value) != int(length):
            raise Malformed(here, "it is empty" if not value and length == "00" else "it is cut short")
        found[name] = value
        at += 4 + len(value)
    return found


def text(fields: Fields, *path: str) -> str:
    """The text at `path`. Raises Malformed if it is missing or not a text."""
    value = fields_at(fields, *path[:-1]).get(path[-1])
    if not isinstance(value, str):
        raise Malformed(".".join(path), "it is missing" if value is None else "it is not a text")
    return value


def fields_at(fields: Fields, *path: str) -> Fields:
    """The template at `path`. Raises Malformed if it is missing or not a template."""
    for depth, name in enumerate(path, start=1):
        below = fields.get(name)
        if below is None or isinstance(below, str):
            raise Malformed(".".join(path[:depth]), "it is missing" if below is None else "it is not a template")
        fields = below
    return fields


def amount(fields: Fields) -> str | None:
    """The stated amount as plain decimal digits; None if the payer is to fill it in. Raises Malformed."""
    if AMOUNT not in fields:
        return None
    stated = text(fields, AMOUNT)
    if not _AMOUNT.fullmatch(stated):
        raise Malformed(AMOUNT, "it is not an amount")
    return stated


def expect(fields: Fields, expected: Mapping[str, str]) -> None:
    """Raises Malformed naming the first field that has not the value that the scheme fixes for it."""
    for name, value in expected.items():
        if text(fields, name) != value:
            raise Malformed(name, f"it is not {value}")


def checksum(body: str) -> str:
    """CRC-16/CCITT-FALSE, four upper-case hex digits: checksum("123456789") == "29B1"."""
    crc = _INITIAL
    for byte in body.encode():
        crc ^= byte << 8
        for _ in range(8):
            crc = ((crc << 1) ^ (_POLYNOMIAL if crc & 0x8000 else 0)) & 0xFFFF
    return f"{crc:04X}"


def _written(fields: Fields, path: str) -> str:
    pieces: list[str] = []
    for name, value in fields.items():
        here = _below(path, name)
        if not _DIGITS.fullmatch(name):
            raise Malformed(here, "an id is two digits")
        written = value if isinstance(value, str) else _written(value, here)
        if not 0 < len(written) <= VALUE_MAX:
            raise Malformed(here, f"a value has 1 to {VALUE_MAX} characters")
        pieces.append(f"{name}{len(written):02d}{written}")
    return "".join(pieces)


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
