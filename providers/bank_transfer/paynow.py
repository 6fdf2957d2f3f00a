"""PayNow: the template of Singapore's SGQR over the EMVCo code, for a transfer to whoever holds a UEN.

    26 = {00 = SG.PAYNOW, 01 = 2 (a UEN), 02 = the UEN, 03 = 0 the amount is fixed | 1 editable, 04 = expiry yyyymmdd}
    52 = 0000, 53 = 702, 54 = dollars and cents, 58 = SG, 59 = name, 60 = Singapore, 62 = {01 = reference}

A fee's code is dynamic, its amount fixed. Source: ABS, SGQR specification.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from providers.bank_transfer import emvco

APPLICATION: Final = "SG.PAYNOW"
TEMPLATE, REFERENCE = "26", "01"
BY_UEN = "2"
FIXED, EDITABLE = "0", "1"
CATEGORY, CURRENCY, COUNTRY, CITY = "0000", "702", "SG", "Singapore"
REFERENCE_MAX = 25

_UEN = re.compile(r"(?=[0-9A-Z]{9,13})[0-9STR][0-9A-Z]{7,8}[A-Z][0-9A-Z]{0,3}")  # its last letter, perhaps a suffix
_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,9})\.[0-9]{2}")
_REFERENCE = re.compile(r"[0-9A-Za-z -]{1,25}")


@dataclass(frozen=True, slots=True)
class PayNow:
    uen: str
    name: str
    amount: str | None
    reference: str
    editable: bool = False
    expires_on: date | None = None


def fits(uen: str) -> bool:
    """Whether this can be a UEN (9 or 10 characters, and perhaps a suffix of 3)."""
    return bool(_UEN.fullmatch(uen))


def build(code: PayNow) -> str:
    """The text of the code. Raises emvco.Malformed for what the template does not allow."""
    expiry = {} if code.expires_on is None else {"04": code.expires_on.strftime("%Y%m%d")}
    account = {"00": APPLICATION, "01": BY_UEN, "02": code.uen, "03": EDITABLE if code.editable else FIXED, **expiry}
    payload = emvco.build(
        {
            emvco.FORMAT: emvco.FORMAT_VERSION,
            emvco.INITIATION: emvco.DYNAMIC,
            TEMPLATE: account,
            emvco.CATEGORY: CATEGORY,
            emvco.CURRENCY: CURRENCY,
            **({} if code.amount is None else {emvco.AMOUNT: code.amount}),
            emvco.COUNTRY: COUNTRY,
            emvco.NAME: code.name,
            emvco.CITY: CITY,
            emvco.ADDITIONAL: {REFERENCE: code.reference},
        }
    )
    parse(payload)  # nothing goes out that a banking app would refuse
    return payload


def parse(payload: str) -> PayNow:
    """What a banking app reads. Raises emvco.Malformed naming the field."""
    fields = emvco.parse(payload)
    emvco.expect(fields, {emvco.CURRENCY: CURRENCY, emvco.COUNTRY: COUNTRY})
    template = emvco.fields_at(fields, TEMPLATE)
    for name, value in (("00", APPLICATION), ("01", BY_UEN)):
        if emvco.text(template, name) != value:
            raise emvco.Malformed(f"{TEMPLATE}.{name}", f"it is not {value}")
    uen, editable = emvco.text(template, "02"), emvco.text(template, "03")
    if not fits(uen):
        raise emvco.Malformed(f"{TEMPLATE}.02", "it is not a UEN")
    if editable not in (FIXED, EDITABLE):
        raise emvco.Malformed(f"{TEMPLATE}.03", "it is neither 0 nor 1")
    name = emvco.text(fields, emvco.NAME)
    if len(name) > emvco.NAME_MAX:
        raise emvco.Malformed(emvco.NAME, f"it is longer than {emvco.NAME_MAX}")
    return PayNow(uen, name, _amount(fields, editable), _reference(fields), editable == EDITABLE, _expiry(template))


def _amount(fields: emvco.Fields, editable: str) -> str | None:
    amount = emvco.amount(fields)
    if amount is None and editable == FIXED:
        raise emvco.Malformed(emvco.AMOUNT, "it is fixed and missing")
    if amount is not None and not _AMOUNT.fullmatch(amount):
        raise emvco.Malformed(emvco.AMOUNT, "it is not dollars and two digits of cents")
    return amount


def _reference(fields: emvco.Fields) -> str:
    reference = emvco.text(fields, emvco.ADDITIONAL, REFERENCE)
    if not _REFERENCE.fullmatch(reference):
        raise emvco.Malformed(f"{emvco.ADDITIONAL}.{REFERENCE}", f"it is not a plain text of at most {REFERENCE_MAX}")
    return reference


def _expiry(template: emvco.Fields) -> date | None:
    if "04" not in template:
        return None
    stated = emvco.text(template, "04")
    try:
        expiry = datetime.strptime(stated, "%Y%m%d").date()  # noqa: DTZ007 - a date, in Singapore
    except ValueError:
        expiry = None
    if expiry is None or not re.fullmatch(r"[0-9]{8}", stated):
        raise emvco.Malformed(f"{TEMPLATE}.04", "it is not a date yyyymmdd")
    return expiry
