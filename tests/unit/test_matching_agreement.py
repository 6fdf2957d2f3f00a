"""The engine agrees with a matcher that anyone can read, on hundreds of random small days.

    MATCHING_EXAMPLES=2000 pytest tests/unit/test_matching_agreement.py

takes as many times twelve of them.
"""

import os
import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from gateway.ports.capabilities import FeeContract
from reconciliation.matching.names import Named
from reconciliation.matching.sides import Entry, Line, Movement, handle
from tests.unit.match_files import Member
from tests.unit.plain_matcher import EngineResult, PlainMatcher, entry, line, match_by_engine

DAY = date(2026, 3, 2)
FEE = FeeContract(basis_points=110)
WITHOUT_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)  # which would take longer than a test may
PAYMENTS = [UUID(int=n) for n in range(3)]

# Few values, so that they meet: the same reference twice, the same amount for another payment, nothing where something
# is expected.
movements = st.sampled_from([Movement.PAYMENT] * 4 + list(Movement))
names = ["reference-1", "reference-2", "reference-22", "unlike"]
garbled = ["REFERENCE-1", "reference 2", "reference-3", "reference-"]
references = st.sampled_from([*names, *garbled, None])
merchants = st.sampled_from([*map(str, PAYMENTS), str(PAYMENTS[0]).upper().replace("-", ""), None, None])
currencies = st.sampled_from(["VND", "VND", "VND", "USD"])
amounts = st.sampled_from([100_000, 100_000, 200_000, 50_000, 50_000, -50_000, 0])


checkouts = st.sampled_from([None, None, None, UUID(int=50), UUID(int=51)])


@st.composite
def moved(draw: st.DrawFn) -> tuple[Movement, int]:
    """A payment is never negative: see movement_of_line."""
    movement, amount = draw(movements), draw(amounts)
    return movement, abs(amount) if movement is Movement.PAYMENT else amount


@st.composite
def lines(draw: st.DrawFn) -> Line:
    payment = draw(st.sampled_from([None, None, *PAYMENTS]))
    movement, gross = draw(moved())
    later = draw(st.sampled_from([False, False, False, False, True]))
    return line(
        0,
        movement=movement,
        reference="a later one"
        if later
        else draw(references),  # a movement that a later run matched has no second line here
        merchant=draw(merchants),
        currency=draw(currencies),
        gross=gross,
        fee=draw(st.sampled_from([FEE.fee_minor(gross), FEE.fee_minor(gross), 7])),
        settled=draw(st.sampled_from([True, True, True, False])),
        later=later,
        payment=payment,
        payment_currency=draw(currencies) if payment else None,
        payment_amount=draw(amounts) if payment else None,
        checkout=draw(checkouts) if payment else None,
        line_id=draw(st.sampled_from(["", "", "", "l_1"])),
        occurred_at=draw(st.sampled_from(["2026-03-02 04:00:00+00", "2026-02-26 23:59:59+00"])),
        counterpart=draw(st.sampled_from([None, None, 1, 2])),
        counterpart_matched=draw(st.sampled_from([False, False, False, True])),
    )


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    movement, amount = draw(moved())
    return entry(
        0,
        movement=movement,
        reference=draw(references),
        merchant=draw(merchants),
        currency=draw(currencies),
        amount=amount,
        later=draw(st.sampled_from([False, False, False, False, True])),
        sought_from=draw(st.sampled_from([date(2026, 3, 1), DAY, date(2026, 3, 3)])),
        due_on=draw(st.sampled_from([DAY, date(2026, 3, 3)])),
        agency=draw(st.sampled_from([0, 0, 0, 1])),
        payment=draw(st.sampled_from([None, *PAYMENTS])),
        checkout=draw(checkouts),
        business_date=draw(st.sampled_from([DAY, date(2026, 2, 27)])),
    )


@dataclass
class Day:
    """`named` goes by the place of a line in the statement."""

    statement: list[Line]
    ledger: list[Entry]
    named: list[Named]


named = st.builds(
    Named,
    line=st.integers(0, 6),
    payment=st.sampled_from(PAYMENTS),
    how=st.sampled_from(["whole", "slip", "cut"]),
    read=st.sampled_from(["reference-1", "else"]),
    name=st.just("repaired"),
    amount=amounts,
    currency=currencies,
)
days = st.builds(Day, st.lists(lines(), max_size=7), st.lists(entries(), max_size=7), st.lists(named, max_size=2))


@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@settings(max_examples=int(os.environ.get("MATCHING_EXAMPLES", "25")), deadline=None, phases=WITHOUT_SHRINKING)
@given(st.lists(days, min_size=1, max_size=12), st.sampled_from([FEE, None]))
def test_the_engine_agrees_with_the_plain_matcher(drawn: list[Day], fee: FeeContract | None) -> None:
    """Days that share no reference do not touch each other, so the engine takes many at once: it is quicker so."""
    apart = [set_apart(day, number) for number, day in enumerate(drawn)]
    plain = [PlainMatcher(DAY, day.statement, day.ledger, fee, day.named).match() for day in apart]
    statement = [each for day in apart for each in day.statement]
    ledger = [each for day in apart for each in day.ledger]
    known = [each for day in apart for each in day.named]
    with tempfile.TemporaryDirectory() as folder:
        engine = match_by_engine(Path(folder), DAY, statement, ledger, fee, known)
    assert engine.matches == {pair: rule for day in plain for pair, rule in day.matches.items()}
    assert Counter(engine.findings) == Counter(finding for day in plain for finding in day.findings)
    assert engine.groups == {group for day in plain for group in day.groups}
    assert engine.proposed == {side: proposal for day in plain for side, proposal in day.proposed.items()}
    check_exclusive(engine.matches)
    check_totals(engine, statement, ledger)


def set_apart(day: Day, number: int) -> Day:
    """The same day with references, batches, entries and amounts of its own. Amounts that are not each other's odd
    multiples stay apart."""
    scale = 2 * number + 1
    handles = [handle(number * 3 + n // 3, n % 3) for n in range(7)]

    def own(name: str | None) -> str | None:
        return None if name is None else "abcdefghijkl"[number] * 9 + name

    def own_id(name: UUID | None) -> UUID | None:
        return None if name is None else UUID(int=name.int + 100 * number)

    statement = [
        replace(
            each,
            line=handles[n],
            reference=own(each.reference),
            transaction_id=own(each.reference),
            merchant=own(each.merchant),
            counterpart=None if each.counterpart is None else number * 10 + each.counterpart,
            gross=each.gross * scale,
            fee=each.fee if each.fee == 7 else FEE.fee_minor(each.gross * scale),
            payment=own_id(each.payment),
            payment_amount=None if each.payment_amount is None else each.payment_amount * scale,
            checkout=own_id(each.checkout),
            line_id=each.line_id or str(n),
        )
        for n, each in enumerate(day.statement)
    ]
    ledger = [
        replace(
            each,
            entry=number * 10 + n,
            entry_key=str(number * 10 + n),
            reference=own(each.reference),
            merchant=own(each.merchant),
            amount=each.amount * scale,
            payment=own_id(each.payment),
            checkout=own_id(each.checkout),
        )
        for n, each in enumerate(day.ledger)
    ]
    known = [each for each in day.named if each.line < len(statement)]
    return Day(statement, ledger, [own_named(each, handles[each.line], number, scale) for each in known])


def own_named(named: Named, line_handle: int, number: int, scale: int) -> Named:
    payment = UUID(int=named.payment.int + 100 * number)
    read = "abcdefghijkl"[number] * 9 + named.read
    return replace(named, line=line_handle, payment=payment, read=read, amount=named.amount * scale)


def check_exclusive(matches: dict[Member, str]) -> None:
    for side in zip(*matches, strict=True):
        known = [each for each in side if each is not None]
        assert len(known) == len(set(known))


def check_totals(engine: EngineResult, statement: list[Line], ledger: list[Entry]) -> None:
    """Each side's total is what is on it, and what is not matched has a finding, to the last unit."""
    of_line = {each.line: each for each in statement}
    of_entry = {each.entry: each for each in ledger}
    explained = [found for found in engine.findings if found[0] != "fee_mismatch"]
    for totals in engine.totals:
        lines_of = [of_line[n] for n, _ in engine.matches if n is not None and of_line[n].currency == totals.currency]
        entries_of = [of_entry[n] for _, n in engine.matches if n is not None]
        entries_of = [each for each in entries_of if each.currency == totals.currency]
        matched = [each.gross for each in lines_of]
        both = sum(None not in member for member in engine.matches if of_currency(member, of_line, totals.currency))
        assert sum(matched) == sum(each.amount for each in entries_of)
        assert (totals.matched_minor, totals.matched) == (sum(matched), both)
        lone = [of_line[n].gross for _, n, _ in explained if n is not None and of_line[n].currency == totals.currency]
        assert totals.statement_minor == sum(matched) + sum(lone)
        assert totals.statement_lines == sum(each.currency == totals.currency for each in statement)
        assert totals.statement_minor == sum(each.gross for each in statement if each.currency == totals.currency)
        due = [of_entry[n].amount for _, _, n in explained if n is not None and of_entry[n].currency == totals.currency]
        assert totals.ledger_minor == sum(matched) + sum(due)
        assert totals.ledger_entries == len(entries_of) + len(due)
    decided: set[int | None] = {number for _, number in engine.matches} | {number for _, _, number in explained}
    assert {each.entry for each in ledger if each.sought_from <= DAY} <= decided


def of_currency(member: Member, lines: dict[int, Line], currency: str) -> bool:
    return member[0] is not None and lines[member[0]].currency == currency
