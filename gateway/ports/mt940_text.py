"""Field 86 of MT940: what an entry is about, structured by ?nn, by /CODE/, or free text.

Nothing of it is kept that says who paid, where the form tells it apart: ?30 to ?33 and /NAME/, /IBAN/ and their like
are dropped.
"""

import re

from gateway.ports.statement import UnreadableStatement

TEXT_MAX = 500
NO_REFERENCE = ("NONREF", "NOTPROVIDED")

# What is added to the entry's code, its end-to-end id, its structured reference and its text.
Told = tuple[str, str, str, str]

_SUBFIELDS_OF_TEXT = re.compile(r"\?(?:2\d|6[0-3])([^?]*(?:\?(?!\d\d)[^?]*)*)")
_CODE = re.compile(r"/([A-Z]{3,4})/")
_CODES = {
    *("TRTP", "TYPE", "EREF", "KREF", "MREF", "CRED", "DEBT", "IBAN", "BIC", "NAME", "REMI", "PREF", "CSID", "ISDT"),
    *("ORDP", "BENM", "ADDR", "TRCD", "MARF"),
}
_SEPA = re.compile(r"(EREF|KREF|MREF|CRED|DEBT|SVWZ|ABWA|ABWE|COAM|OAMT|IBAN|BIC)\+")


def told(content: str) -> Told:
    """Raises UnreadableStatement."""
    whole = content.replace("\n", "")
    if whole[3:4] == "?" and whole[:3].isdigit():
        found = _told_in_subfields(whole)
    elif (first := _CODE.match(whole)) and first[1] in _CODES:
        found = _told_in_codes(whole)
    else:
        found = ("", "", "", " ".join(content.split()))
    if len(found[3]) > TEXT_MAX:
        raise UnreadableStatement(f"a text is longer than {TEXT_MAX}", field=":86:")
    return found


def _told_in_subfields(whole: str) -> Told:
    """After the three digits of the kind of transaction."""
    parts = _SEPA.split("".join(_SUBFIELDS_OF_TEXT.findall(whole)))
    said = dict(zip(parts[1::2], parts[2::2], strict=True))
    return f"/{whole[:3]}", _reference(said.get("EREF", "")), "", said.get("SVWZ", parts[0]).strip()


def _told_in_codes(whole: str) -> Told:
    said: dict[str, str] = {}
    place, code = 0, ""
    for match in _CODE.finditer(whole):
        if match[1] in _CODES:
            said.setdefault(code, whole[place : match.start()])
            place, code = match.end(), match[1]
    said.setdefault(code, whole[place:])
    text = said.get("REMI", "").strip("/")
    structured = text.partition("STRD/CUR/")[2]
    remittance = "" if structured else text.removeprefix("USTD//").strip()
    return "", _reference(said.get("EREF", "")), structured.strip("/ "), remittance


def _reference(text: str) -> str:
    stripped = text.strip("/ ")
    return "" if stripped in NO_REFERENCE else stripped
