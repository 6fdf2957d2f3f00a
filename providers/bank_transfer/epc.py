"""The European code for a SEPA credit transfer (EPC069-12): lines of text, at most 331 bytes.

    BCD, version, character set, SCT, BIC, name, IBAN, amount "EURn.nn", purpose, structured reference, text

It carries a structured reference *or* a text, never both; a fee's code carries the structured reference, which banks
hand on unchanged. Character set 1 is UTF-8. Version 002 may leave the BIC out, within the European Economic Area.
"""

import re
from dataclasses import dataclass

from stdnum import iban as iban_check
from stdnum import iso11649

SERVICE, VERSIONS, IDENTIFICATION = "BCD", ("001", "002"), "SCT"
UTF_8 = "1"
VERSION = "002"
BYTES_MAX = 331
NAME_MAX = 70
TEXT_MAX = 140

_LINES_MIN, _LINES_MAX = 10, 12  # trailing empty ones may be left out; the last is information for the payer
_AMOUNT = re.compile(r"EUR((0|[1-9][0-9]{0,8})(\.[0-9]{1,2})?)")
_BIC = re.compile(r"[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?")


class MalformedEpc(ValueError):
    """A code that a banking app would refuse. The message names the line and never its value."""


@dataclass(frozen=True, slots=True)
class Epc:
    """`amount` in euros and cents as decimal digits."""

    name: str
    iban: str
    amount: str
    reference: str = ""
    text: str = ""
    bic: str = ""


def fits(iban: str, bic: str) -> bool:
    """Whether this can be the account of a code."""
    return bool(iban_check.is_valid(iban)) and (not bic or bool(_BIC.fullmatch(bic)))


def build(code: Epc) -> str:
    """The text of the code. Raises MalformedEpc for what the standard does not allow."""
    head = (SERVICE, VERSION, UTF_8, IDENTIFICATION, code.bic, code.name, code.iban, f"EUR{code.amount}", "")
    payload = "\n".join((*head, code.reference, *([code.text] if code.text else [])))
    parse(payload)  # nothing goes out that a banking app would refuse
    return payload


def parse(payload: str) -> Epc:
    """What a banking app reads. Raises MalformedEpc naming the line."""
    if len(payload.encode()) > BYTES_MAX:
        raise MalformedEpc(f"the code is longer than {BYTES_MAX} bytes")
    lines = payload.replace("\r\n", "\n").split("\n")
    if not _LINES_MIN <= len(lines) <= _LINES_MAX:
        raise MalformedEpc(f"the code has {len(lines)} lines")
    service, version, characters, identification, bic, name, iban, amount, purpose, reference = lines[:10]
    text = lines[10] if len(lines) > _LINES_MIN else ""
    checks = (
        (service == SERVICE and version in VERSIONS and identification == IDENTIFICATION, "head"),
        (characters == UTF_8, "character set: only UTF-8 is read"),
        (0 < len(name) <= NAME_MAX, "name"),
        (fits(iban, bic) and (bool(bic) or version != "001"), "IBAN or BIC"),
        (bool(re.fullmatch(r"[A-Z0-9]{0,4}", purpose)), "purpose"),
        (not reference or iso11649.is_valid(reference), "structured reference"),
        (len(text) <= TEXT_MAX, "text"),
        (not (reference and text), "structured reference and text, of which only one may be there"),
    )
    for holds, line in checks:
        if not holds:
            raise MalformedEpc(f"the code is wrong in: {line}")
    stated = _AMOUNT.fullmatch(amount)
    if stated is None or not re.search("[1-9]", amount):
        raise MalformedEpc("the code is wrong in: amount")
    return Epc(name, iban, stated[1], reference, text, bic)
