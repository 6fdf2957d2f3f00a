"""How a reference is written in each country's habit, and what of it names the agency.

An agency has one style, in which its payers see their references. An invoice keeps the style and the issuer with which
it was issued, so that what stands on a printed slip is what the gateway says for ever.
"""

from enum import StrEnum

from gateway.domain import reference as references
from gateway.domain.reference import ORGANISATION_DIGITS


class ReferenceStyle(StrEnum):
    RF = "rf"
    VIITENUMBER = "viitenumber"
    FIK71 = "fik71"
    EPN = "epn"


S = ReferenceStyle
SLIP_LINE = "fik71_line"
EPN_PARTS = (5, 1, 2, 2, 9)  # organisation, type, year, item, serial
EPN_PREFIX_DIGITS = 8  # organisation, type, item: what an agency is given


def issuer_of(style: ReferenceStyle, prefix: str, bank_account: str) -> str:
    """What names an agency beside its references: its organisation in Korea, its creditor number in Denmark."""
    issuers = {S.EPN: prefix[:ORGANISATION_DIGITS], S.FIK71: bank_account}
    return issuers.get(style, "")


def fixed_digits(style: ReferenceStyle, prefix: str) -> str:
    """The digits that follow the year in every base of an agency: in Korea the type and the item."""
    return prefix[ORGANISATION_DIGITS:] if style is S.EPN else ""


def renderings(reference: str, style: ReferenceStyle, issuer: str) -> dict[str, str]:
    """Every writing of the canonical `reference` by which it is found, as it is typed; those first that any has."""
    base = references.base_of(reference)
    written = {
        S.RF.value: reference,
        S.VIITENUMBER.value: references.viitenumber(base),
        S.FIK71.value: references.fik71(base),
    }
    if style is S.FIK71:
        written[SLIP_LINE] = slip_line(written[S.FIK71], issuer)
    if style is S.EPN:
        written[S.EPN.value] = references.epn(base, issuer)
    return written


def displayed(reference: str, style: ReferenceStyle, issuer: str) -> str:
    """In `style` and in groups, as payers read it."""
    written = renderings(reference, style, issuer)[style.value]
    return hyphenated(written) if style is S.EPN else references.grouped(written)


def slip_line(fik71: str, creditor: str) -> str:
    """What a Danish payment slip is read by: slip_line("026840149965328", "80882939")."""
    return f"+71<{fik71}+{creditor}<"


def hyphenated(epn: str) -> str:
    """A Korean number in its parts: "12345-1-26-00-123456789"."""
    parts, at = [], 0
    for length in EPN_PARTS:
        parts.append(epn[at : at + length])
        at += length
    return "-".join(parts)
