"""Which debit of a statement undoes which credit."""

from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.money import Money
from reconciliation.bank.reversals import Undone, given_back, pairs, takes_back
from reconciliation.bank.sides import Line

DAY = date(2026, 11, 22)
PROVIDERS = ("wallet",)


def line(number: int, minor: int, reference: str = "", *names: str, after: int = 0, **more: object) -> Line:
    booked_on = DAY + timedelta(days=after)
    facts = {"code": "NTRF", "reversal": True} | more
    return Line(
        number, UUID(int=1), "s", number, Money(minor, "VND"), booked_on, reference=reference, names=frozenset(names),
        **facts,  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("credit", "debit"),
    [
        (line(1, 500, "FT1"), line(2, -500, "FT1")),
        (line(1, 500, end_to_end_id="E1"), line(2, -500, end_to_end_id="E1", after=3)),
        (line(1, 500, "FT1", "PO-1"), line(2, -500, "FT2", "PO-1")),
    ],
    ids=["reference", "end-to-end id", "payout"],
)
def test_a_name_that_both_bear_says_which(credit: Line, debit: Line) -> None:
    assert pairs([debit], [credit], PROVIDERS) == [(credit, debit)]


@pytest.mark.parametrize(
    ("credit", "debit"),
    [
        (line(1, 500, "FT1"), line(2, -499, "FT1")),
        (line(1, 500), line(2, -500)),
        (line(1, 500, "FT1", "wallet"), line(2, -500, "FT2", "wallet")),
        (line(1, 500, "FT1", after=1), line(2, -500, "FT1")),
    ],
    ids=["another amount", "no name", "the provider's name alone", "before the credit"],
)
def test_less_than_that_says_nothing(credit: Line, debit: Line) -> None:
    assert pairs([debit], [credit], PROVIDERS) == []


def test_of_several_credits_none_is_guessed() -> None:
    assert pairs([line(3, -500, "FT1")], [line(1, 500, "FT1"), line(2, 500, "FT1")], PROVIDERS) == []


def test_only_what_the_bank_marks_takes_back() -> None:
    marked = line(1, -500), line(2, -500, reversal=False, code="RCDT/RRTN"), line(3, -500, reversal=False, code="NRTI")
    assert all(map(takes_back, marked))
    others = line(1, 500), line(2, -500, reversal=False), line(3, -500, code="MDOP/CHRG")
    assert not any(map(takes_back, others))


def test_a_credit_that_gives_back_stands_for_the_one_that_was_taken() -> None:
    undone = Undone(line(1, 500, "FT1"), line(2, -500, "FT1"), ("wallet:PO:1:VND",))
    assert given_back(line(3, 500, "FT1"), [undone], PROVIDERS).names == {"PO:1"}
    for other in (line(3, 500, "FT2"), line(3, 500, "FT1", reversal=False), line(3, 501, "FT1")):
        assert given_back(other, [undone], PROVIDERS) == other


LINES = st.lists(
    st.tuples(st.integers(-3, 3).filter(bool), st.sampled_from(["", "FT1", "FT2"]), st.integers(0, 2)), max_size=8
).map(lambda rows: [line(n, minor, name, after=after) for n, (minor, name, after) in enumerate(rows)])


@given(LINES, st.randoms(use_true_random=False))
def test_each_line_is_in_one_pair_at_most_and_a_pair_comes_to_nothing(lines: list[Line], random: object) -> None:
    debits = [each for each in lines if each.amount.amount_minor < 0]
    credits = [each for each in lines if each.amount.amount_minor > 0]
    found = pairs(debits, credits, PROVIDERS)
    ids = [each.id for pair in found for each in pair]
    assert len(ids) == len(set(ids))
    for credit, debit in found:
        assert (credit.amount + debit.amount).amount_minor == 0
        assert credit.reference == debit.reference != ""
        assert credit.booked_on <= debit.booked_on
    random.shuffle(debits)  # type: ignore[attr-defined]
    random.shuffle(credits)  # type: ignore[attr-defined]
    assert pairs(debits, credits, PROVIDERS) == found
