"""Whether an agency whose shape is right also makes sense: its account is one of its country, its references have all
they are made of.

What an account is differs: in Vietnam a number at a bank that is routed to by its BIN, in Singapore the UEN to which
PayNow pays, in Denmark the creditor number of payment slips, in Korea a number, and an IBAN where there are IBANs. The
check digits are judged by python-stdnum.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from stdnum import bic, iban, numdb
from stdnum.exceptions import InvalidChecksum, ValidationError
from stdnum.sg import uen

from gateway.domain.credit import account_key
from gateway.domain.national_references import EPN_PREFIX_DIGITS, ReferenceStyle

Fault = tuple[str, str]
"""Where, as a path such as "bank_account", and what to do about it."""

# Each country's own style; RF is understood in all.
COUNTRY_OF_STYLE = {ReferenceStyle.VIITENUMBER: "EE", ReferenceStyle.FIK71: "DK", ReferenceStyle.EPN: "KR"}
# EMVCo, field 59: what a code of these countries has room for.
HOLDER_CHARACTERS_IN_QR = 25
COUNTRIES_OF_EMVCO_QR = ("VN", "SG")

_BIN = re.compile(r"[0-9]{6}")
_VIETNAMESE = re.compile(r"[0-9]{1,19}")  # as long as VietQR takes
_KOREAN = re.compile(r"[0-9]{8,16}")
_CREDITOR = re.compile(r"[0-9]{8}")


def faults_of_agencies(agencies: Sequence[Mapping[str, Any]]) -> Iterator[Fault]:
    """What is wrong with agencies that have passed catalogue_schema.AgencyFile; nothing if all is well."""
    places: dict[str, str] = {}
    for at, agency in enumerate(agencies):
        place = f"agencies[{at}]"
        taken = places.setdefault(account_key(agency["bank_account"]), place)
        if taken != place:
            yield f"{place}.bank_account", f"is the account of {taken}: each agency needs one of its own"
        yield from ((f"{place}.{path}", fix) for path, fix in _faults_of(agency))


def _faults_of(agency: Mapping[str, Any]) -> Iterator[Fault]:
    country, style = agency["country"], ReferenceStyle(agency.get("reference_style", ReferenceStyle.RF))
    if COUNTRY_OF_STYLE.get(style, country) != country:
        yield "reference_style", f"must be rf in {country}; {style} is of {COUNTRY_OF_STYLE[style]}"
    wrong_account = _account_check(country, style)(agency["bank_account"])
    if wrong_account:
        yield "bank_account", wrong_account
    wrong_bank = _wrong_bank(country, agency.get("bank_code", ""))
    if wrong_bank:
        yield "bank_code", wrong_bank
    if country in COUNTRIES_OF_EMVCO_QR and len(agency["account_holder"]) > HOLDER_CHARACTERS_IN_QR:
        yield "account_holder", f"must have at most {HOLDER_CHARACTERS_IN_QR} characters: a QR code holds no more"
    prefix = agency.get("reference_prefix", "")
    if style is ReferenceStyle.EPN and len(prefix) != EPN_PREFIX_DIGITS:
        yield "reference_prefix", f"must be {EPN_PREFIX_DIGITS} digits: organisation 5, type 1, item 2"
    if style is not ReferenceStyle.EPN and prefix:
        yield "reference_prefix", f"belongs to the style {ReferenceStyle.EPN} alone: leave it out"


def _account_check(country: str, style: ReferenceStyle) -> Callable[[str], str]:
    """What says what is wrong with an account there; "" if nothing is."""
    if style is ReferenceStyle.FIK71:
        return _matching(_CREDITOR, "must be a creditor number of 8 digits")
    checks = {
        "VN": _matching(_VIETNAMESE, "must be an account number of 1 to 19 digits"),
        "KR": _matching(_KOREAN, "must be an account number of 8 to 16 digits"),
        "SG": _wrong_uen,
    }
    return checks.get(country, _wrong_iban if _has_ibans(country) else lambda _: "")


def _matching(pattern: re.Pattern[str], fix: str) -> Callable[[str], str]:
    return lambda number: "" if pattern.fullmatch(number) else fix


def _wrong_iban(number: str) -> str:
    try:
        iban.validate(number)
    except InvalidChecksum:
        return "has wrong check digits: compare the IBAN with the bank's letter"
    except ValidationError:
        return "must be an IBAN such as EE382200221020145685"
    return ""


def _wrong_uen(number: str) -> str:
    try:
        uen.validate(number)
    except InvalidChecksum:
        return "has a wrong check letter: compare the UEN with the register"
    except (ValidationError, ValueError):  # it looks signs up that an UEN does not have
        return "must be a UEN such as T20GA9999A"
    return ""


def _wrong_bank(country: str, code: str) -> str:
    if country == "VN":
        return "" if _BIN.fullmatch(code) else "must be the bank's BIN of 6 digits"
    if code and _has_ibans(country) and not bic.is_valid(code):
        return "must be a BIC such as HABAEE2X, or be left out"
    return ""


def _has_ibans(country: str) -> bool:
    return bool(numdb.get("iban").info(country)[0][1])
