"""The settings that say where providers pay out, and by when.

GATEWAY_PAYOUT_ACCOUNTS  stripe=EE382200221020145685,stripe:DKK=DK5000400440116243
GATEWAY_PAYOUT_DAYS      stripe=3                  banking days within which a payout comes
GATEWAY_BANK_HOLIDAYS    2026-09-02,2027-02-05     working days on which the banks are closed
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import TypeVar

from gateway.domain.payout import PayoutTerms

ACCOUNTS, DAYS, HOLIDAYS = "GATEWAY_PAYOUT_ACCOUNTS", "GATEWAY_PAYOUT_DAYS", "GATEWAY_BANK_HOLIDAYS"

DEMO_ACCOUNT = "DEMO0001{}"
"""Of a currency; where all providers of a demo pay out that has no such setting."""

T = TypeVar("T")


def read_payout_terms(environment: Mapping[str, str]) -> tuple[PayoutTerms, list[str]]:
    """The terms, and what is wrong with the settings, a line each."""
    problems: list[str] = []

    def members(name: str, parse: Callable[[str], T], fix: str) -> list[T]:
        found = []
        for member in filter(None, map(str.strip, environment.get(name, "").split(","))):
            try:
                found.append(parse(member))
            except ValueError:
                problems.append(f"{name}: {member!r} cannot be read; {fix}.")
        return found

    accounts = members(ACCOUNTS, _account, "write provider=account, or provider:CURRENCY=account")
    days = members(DAYS, _days, "write provider=number of banking days")
    holidays = members(HOLIDAYS, date.fromisoformat, "write a day like 2026-09-02")
    problems += [f"{ACCOUNTS} names {name} twice: keep one." for name in _repeated([name for name, _ in accounts])]
    return PayoutTerms(dict(accounts), dict(days), frozenset(holidays)), problems


def _account(member: str) -> tuple[str, str]:
    name, account = _pair(member, r"[a-z0-9_]+(:[A-Z]{3})?")
    if not re.search(r"[A-Za-z0-9]{4}", account):
        raise ValueError(member)
    return name, account


def _days(member: str) -> tuple[str, int]:
    name, days = _pair(member, r"[a-z0-9_]+")
    if not re.fullmatch(r"[0-9]{1,2}", days):
        raise ValueError(member)
    return name, int(days)


def _pair(member: str, named: str) -> tuple[str, str]:
    name, _, value = (part.strip() for part in member.partition("="))
    if not re.fullmatch(named, name) or not value:
        raise ValueError(member)
    return name, value


def _repeated(names: list[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})
