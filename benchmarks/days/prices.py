"""What people pay: amounts that the demo catalogue's own fee engine works out for facts drawn at random.

A few procedures make up most of the payments, as everywhere: the second is half as frequent as the first, the third a
third.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache

from gateway.domain.errors import Invalid
from gateway.domain.fees import Channel, FactKind, FactSpec, Procedure, quote
from gateway.domain.fees.facts import holds
from gateway.domain.money import Money
from gateway.services.read_catalogue import Catalogue, read_catalogue

# A fee is that of the day; the generated months are all after it.
ON = date(2026, 3, 1)
OF_EACH = 40
MOST_PIECES = 30
VALUES = (2, 10)  # of what a fee is a share of, as powers of ten


@dataclass(frozen=True, slots=True)
class Price:
    """What one payer pays for `procedure` with `facts`; `agency` is its code."""

    agency: str
    procedure: str
    facts: Mapping[str, int | str]
    amount: Money


@cache
def catalogue() -> Catalogue:
    return read_catalogue()


@cache
def prices() -> tuple[tuple[Price, ...], ...]:
    """By procedure, in the order of how frequent they are. The same in every process."""
    chance = random.Random(226)
    found = []
    for entry in catalogue().procedures:
        drawn = (_price(chance, entry.procedure) for _ in range(OF_EACH))
        if priced := tuple(price for price in drawn if price is not None):
            found.append(priced)
    chance.shuffle(found)
    return tuple(found)


def draw_price(chance: random.Random, currencies: tuple[str, ...]) -> Price:
    fitting = [of_one for of_one in prices() if of_one[0].amount.currency in currencies]
    weights = [840 // rank for rank in range(1, len(fitting) + 1)]
    return chance.choice(chance.choices(fitting, weights)[0])


def _price(chance: random.Random, procedure: Procedure) -> Price | None:
    """None if there is nothing to pay."""
    facts: dict[str, int | str] = {}
    for spec in procedure.facts:
        if not spec.needed_when or holds(spec.needed_when, facts):
            facts[spec.name] = _fact(chance, spec)
    try:
        amount = quote(procedure, facts, Channel.COUNTER, ON).total
    except Invalid:
        return None
    return Price(procedure.agency, procedure.code, facts, amount) if amount.amount_minor > 0 else None


def _fact(chance: random.Random, spec: FactSpec) -> int | str:
    if spec.kind is FactKind.BOOLEAN:
        return chance.randrange(3) == 0
    if spec.kind is FactKind.CHOICE:
        return chance.choice(spec.options).value
    if spec.kind is FactKind.MONEY:
        magnitude = chance.randint(*VALUES)
        return min(spec.maximum, max(spec.minimum, chance.randrange(10**magnitude, 10 ** (magnitude + 1))))
    return min(spec.maximum, spec.minimum + chance.randrange(MOST_PIECES) * chance.randrange(2))
