"""Where and by when providers pay out: the settings, what is wrong with them, and banking days."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.payout import PayoutTerms, account_of_source, bank_source
from gateway.payout_settings import read_payout_terms
from gateway.services.check_payouts import payout_faults
from providers.demo import demo_settings
from providers.registry import build

FRIDAY = date(2026, 9, 4)
ACCOUNTS = "stripe=EE38 2200 2210 2014 5685, stripe:DKK=DK5000400440116243, vnpay=ee382200221020145685"


def terms(**settings: str) -> PayoutTerms:
    found, problems = read_payout_terms(settings)
    assert problems == []
    return found


def test_a_provider_pays_out_to_one_account_or_to_one_of_each_currency() -> None:
    found = terms(GATEWAY_PAYOUT_ACCOUNTS=ACCOUNTS)
    assert found.account_of("stripe", "EUR") == "EE38 2200 2210 2014 5685"
    assert found.account_of("stripe", "DKK") == "DK5000400440116243"
    assert found.account_of("momo", "VND") is None
    assert found.pays_into("vnpay", "VND", "EE38-2200-2210-2014-5685")


def test_an_account_is_one_however_it_is_written() -> None:
    found = terms(GATEWAY_PAYOUT_ACCOUNTS=ACCOUNTS)
    assert found.all_accounts() == ["DK5000400440116243", "EE38 2200 2210 2014 5685"]
    assert found.named("ee382200221020145685") == "EE38 2200 2210 2014 5685"
    assert found.paying_into("EE382200221020145685") == ["stripe", "vnpay"]
    assert found.named("EE99") is None


def test_a_bank_has_a_name_among_providers() -> None:
    assert account_of_source(bank_source("0123")) == "0123"
    assert account_of_source("stripe") is None


def test_a_payout_is_due_on_a_banking_day() -> None:
    found = terms(GATEWAY_PAYOUT_DAYS="stripe=3,momo=0", GATEWAY_BANK_HOLIDAYS="2026-09-07")
    assert found.due_on("vnpay", FRIDAY) == date(2026, 9, 9)  # two days: Tuesday and Wednesday
    assert found.due_on("stripe", FRIDAY) == date(2026, 9, 10)
    assert found.due_on("momo", FRIDAY) == FRIDAY
    assert found.due_on("momo", FRIDAY + timedelta(days=1)) == date(2026, 9, 8)


@given(st.dates(date(2026, 1, 1), date(2030, 1, 1)), st.integers(0, 9), st.frozensets(st.integers(0, 20)))
def test_between_a_day_and_its_banking_day_are_so_many_banking_days(
    day: date, count: int, closed: frozenset[int]
) -> None:
    found = PayoutTerms(holidays=frozenset(day + timedelta(days=n) for n in closed))
    end = found.banking_day_after(day, count)
    first = found.banking_day_after(day, 0)
    between = [first + timedelta(days=n) for n in range(1, (end - first).days + 1)]
    assert sum(found.banking_day_after(each, 0) == each for each in between) == count
    assert end not in found.holidays
    assert end.weekday() < 5


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GATEWAY_PAYOUT_ACCOUNTS", "stripe"),
        ("GATEWAY_PAYOUT_ACCOUNTS", "stripe="),
        ("GATEWAY_PAYOUT_ACCOUNTS", "stripe:dkk=DK5000400440116243"),
        ("GATEWAY_PAYOUT_ACCOUNTS", "stripe=--"),
        ("GATEWAY_PAYOUT_ACCOUNTS", "stripe=DK5000400440116243,stripe=EE382200221020145685"),
        ("GATEWAY_PAYOUT_DAYS", "stripe=soon"),
        ("GATEWAY_PAYOUT_DAYS", "stripe=-1"),
        ("GATEWAY_BANK_HOLIDAYS", "2/9/2026"),
    ],
)
def test_what_cannot_be_read_is_named(name: str, value: str) -> None:
    _, problems = read_payout_terms({name: value})
    assert len(problems) == 1
    assert problems[0].startswith(name)


def test_what_is_missing_is_told_once_one_account_is_named() -> None:
    enabled = {name: build(name, demo_settings(name, "http://127.0.0.1:9", "0" * 64, Path())) for name in ("sandbox",)}
    assert payout_faults(PayoutTerms(), enabled) == []
    whole = PayoutTerms({"sandbox": "0123456789"})
    assert payout_faults(whole, enabled) == []
    (foreign,) = payout_faults(PayoutTerms({"sandbox": "0123456789", "momo": "0123456789"}), enabled)
    assert "names momo" in foreign
    (missing,) = payout_faults(PayoutTerms({"sandbox:EUR": "0123456789"}), enabled)
    assert "where sandbox pays out" in missing
    assert "VND" in missing
    assert "EUR" not in missing
