"""What a bank writes beside a booking, by its habits: upper case, lines of a fixed width, signs dropped."""

import random
import re
from collections.abc import Iterable, Sequence

WIDTH = 35
"""Characters of a line of remittance text, as SWIFT has it."""

PAYING = (
    "CK DEN TU {who} TT DOANH THU {what}",
    "{who} SETTLEMENT {what}",
    "IBFT {what} {who} chuyen tien",
    "{what}/{who}",
)
NAMELESS = ("CHUYEN TIEN DOANH THU", "IBFT THANH TOAN", "TRANSFER", "TT HOP DONG DICH VU THU HO")
STRANGERS = ("NGUYEN VAN AN CHUYEN KHOAN", "HOAN TRA TAM UNG", "TT TIEN THUE NHA THANG 3", "PARTNER SETTLEMENT 88120")
OUTGOING = ("CHUYEN KHO BAC", "SWEEP TO TREASURY", "TT NHA CUNG CAP VAN PHONG PHAM")
CHARGING = ("PHI QUAN LY TAI KHOAN", "PHI CHUYEN TIEN + VAT", "ACCOUNT FEE")


def paying(chance: random.Random, provider: str, names: Iterable[str], *, says_who: bool = True) -> str:
    """A credit that names these payouts, and the provider if it `says_who`."""
    what = chance.choice([", ", " + ", " "]).join(names)
    who = provider if says_who else "DOI TAC"
    return as_written(chance, chance.choice(PAYING).format(who=who, what=what))


def one_of(chance: random.Random, texts: Sequence[str]) -> str:
    return as_written(chance, chance.choice(texts))


def as_written(chance: random.Random, text: str) -> str:
    habit = chance.randrange(4)
    if habit == 0:
        return text.upper()
    if habit == 1:
        return "\n".join(text[at : at + WIDTH] for at in range(0, len(text), WIDTH))
    return re.sub(r"(?<=\w)[-_](?=\w)", " ", text) if habit == 2 else text
