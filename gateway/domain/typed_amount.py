"""An amount of money as a person types it, in the habit of a language: "250.000", "250,000" or "80,50"."""

import re

from gateway.domain.errors import Invalid
from gateway.domain.money import Money, exponent_of, from_major

DECIMAL_MARKS = {"vi": ",", "en": "."}
"""What parts the minor units; the other of the two marks groups the figures by three."""


def typed_amount(text: str, currency: str, language: str) -> Money:
    """Raises Invalid for what is no amount of `currency`; nothing is guessed.

    A currency without minor units has no decimals, so there both marks group: 250.000 and 250,000 are the same đồng.
    """
    typed = re.sub(r"\s", "", text)
    mark = DECIMAL_MARKS.get(language, ".")
    other = "." if mark == "," else ","
    if not exponent_of(currency):
        whole, decimals = typed.replace(mark, other), ""
    else:
        whole, _, decimals = typed.partition(mark)
    grouped = rf"\d{{1,3}}({re.escape(other)}\d{{3}})+|\d{{1,15}}"
    if not re.fullmatch(grouped, whole, re.ASCII) or not re.fullmatch(r"\d{0,3}", decimals, re.ASCII):
        raise Invalid("That is no amount.", fields={"amount": f"must be an amount of {currency}, in digits"})
    return from_major(f"{whole.replace(other, '')}.{decimals or 0}", currency)
