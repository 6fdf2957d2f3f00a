"""VietQR: the template of NAPAS over the EMVCo code, for a transfer to a bank account in Vietnam.

    38 = {00 = A000000727, 01 = {00 = bank BIN (6 digits), 01 = account (at most 19)}, 02 = QRIBFTTA | QRIBFTTC}
    53 = 704, 54 = whole dong, 58 = VN, 62 = {08 = purpose (at most 25)}

The purpose becomes the transfer's text, which is all that comes back on the statement: so it is the reference with its
check digits and nothing else. Source: NAPAS, QR code format for fund transfer.
"""

import re
from dataclasses import dataclass
from typing import Final

from providers.bank_transfer import emvco

APPLICATION: Final = "A000000727"
TO_ACCOUNT, TO_CARD = "QRIBFTTA", "QRIBFTTC"
TEMPLATE, PURPOSE = "38", "08"
CURRENCY, COUNTRY = "704", "VN"
PURPOSE_MAX = 25
AMOUNT_MAX = 13

_BIN = re.compile(r"[0-9]{6}")
_ACCOUNT = re.compile(r"[0-9A-Z]{1,19}")
_PURPOSE = re.compile(r"[0-9A-Za-z ]{1,25}")
_WHOLE = re.compile(r"[1-9][0-9]{0,12}")


@dataclass(frozen=True, slots=True)
class VietQr:
    """`amount` in whole dong; None, and no `purpose`, in a code that is printed once for all payers."""

    bank: str
    account: str
    amount: str | None
    purpose: str | None
    service: str = TO_ACCOUNT


def fits(bank: str, account: str) -> bool:
    """Whether this can be the account of a VietQR code."""
    return bool(_BIN.fullmatch(bank) and _ACCOUNT.fullmatch(account))


def build(code: VietQr) -> str:
    """The text of the code. Raises emvco.Malformed for what the template does not allow."""
    payload = emvco.build(
        {
            emvco.FORMAT: emvco.FORMAT_VERSION,
            emvco.INITIATION: emvco.STATIC if code.amount is None else emvco.DYNAMIC,
            TEMPLATE: {"00": APPLICATION, "01": {"00": code.bank, "01": code.account}, "02": code.service},
            emvco.CURRENCY: CURRENCY,
            **({} if code.amount is None else {emvco.AMOUNT: code.amount}),
            emvco.COUNTRY: COUNTRY,
            **({} if code.purpose is None else {emvco.ADDITIONAL: {PURPOSE: code.purpose}}),
        }
    )
    parse(payload)  # nothing goes out that a banking app would refuse
    return payload


def parse(payload: str) -> VietQr:
    """What a banking app reads. Raises emvco.Malformed naming the field."""
    fields = emvco.parse(payload)
    emvco.expect(fields, {emvco.CURRENCY: CURRENCY, emvco.COUNTRY: COUNTRY})
    template = emvco.fields_at(fields, TEMPLATE)
    if emvco.text(template, "00") != APPLICATION:
        raise emvco.Malformed(f"{TEMPLATE}.00", f"it is not {APPLICATION}")
    beneficiary = emvco.split(emvco.text(template, "01"), f"{TEMPLATE}.01")
    bank, account = (emvco.text(beneficiary, name) for name in ("00", "01"))
    if not fits(bank, account):
        raise emvco.Malformed(f"{TEMPLATE}.01", "it is not a bank BIN and an account of at most 19 characters")
    service = emvco.text(template, "02")
    if service not in (TO_ACCOUNT, TO_CARD):
        raise emvco.Malformed(f"{TEMPLATE}.02", f"it is neither {TO_ACCOUNT} nor {TO_CARD}")
    return VietQr(bank, account, _amount(fields), _purpose(fields), service)


def _amount(fields: emvco.Fields) -> str | None:
    amount = emvco.amount(fields)
    if amount is not None and not _WHOLE.fullmatch(amount):
        raise emvco.Malformed(emvco.AMOUNT, f"it is not a whole number of at most {AMOUNT_MAX} digits")
    return amount


def _purpose(fields: emvco.Fields) -> str | None:
    if emvco.ADDITIONAL not in fields or PURPOSE not in emvco.fields_at(fields, emvco.ADDITIONAL):
        return None
    purpose = emvco.text(fields, emvco.ADDITIONAL, PURPOSE)
    if not _PURPOSE.fullmatch(purpose):
        raise emvco.Malformed(f"{emvco.ADDITIONAL}.{PURPOSE}", f"it is not a plain text of at most {PURPOSE_MAX}")
    return purpose
