"""The engine agrees with a matcher that anyone can read, on hundreds of random small days."""

import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from uuid import UUID

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from gateway.ports.capabilities import FeeContract
from reconciliation.matching.sides import Entry, Line, Movement, handle
from tests.unit.plain_matcher import EngineResult, PlainMatcher, entry, line, match_by_engine

DAY = date(2026, 3, 2)
FEE = FeeContract(basis_points=110)
WITHOUT_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)  # which would take longer than a test may
PAYMENTS = [UUID(int=n) for n in range(3)]

# Few values, so that they meet: the same reference twice, the same amount for another payment, nothing where something
# is expected.
movements = st.sampled_from([Movement.PAYMENT] * 4 + list(Movement))
references = st.sampled_from(["tx_1", "tx_2", "tx_3", "tx_4", None])
merchants = st.sampled_from([*map(str, PAYMENTS), None])
currencies = st.sampled_from(["VND", "VND", "VND", "USD"])
amounts = st.sampled_from([100_000, 100_000, 200_000])


@st.composite
def lines(draw: st.DrawFn) -> Line:
    payment = draw(st.sampled_from([None, None, *PAYMENTS]))
    gross = draw(amounts)
    later = draw(st.sampled_from([False, False, False, False, True]))
    return line(
        0,
        movement=draw(movements),
        reference="tx_5" if later else draw(references),  # a movement that a later run matched has no second line here
        merchant=draw(merchants),
        currency=draw(currencies),
        gross=gross,
        fee=draw(st.sampled_from([FEE.fee_minor(gross), FEE.fee_minor(gross), 7])),
        settled=draw(st.sampled_from([True, True, True, False])),
        later=later,
        payment=payment,
        payment_currency=draw(currencies) if payment else None,
        payment_amount=draw(amounts) if payment else None,
        counterpart=draw(st.sampled_from([None, None, 1, 2])),
        counterpart_matched=draw(st.sampled_from([False, False, False, True])),
    )


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    return entry(
        0,
        movement=draw(movements),
        reference=draw(references),
        merchant=draw(merchants),
        currency=draw(currencies),
        amount=draw(amounts),
        later=draw(st.sampled_from([False, False, False, False, True])),
        sought_from=draw(st.sampled_from([date(2026, 3, 1), DAY, date(2026, 3, 3)])),
        due_on=draw(st.sampled_from([DAY, date(2026, 3, 3)])),
        agency=draw(st.sampled_from([0, 1])),
    )


@dataclass
class Day:
    statement: list[Line]
    ledger: list[Entry]


days = st.builds(Day, st.lists(lines(), max_size=7), st.lists(entries(), max_size=7))


@settings(max_examples=60, deadline=None, phases=WITHOUT_SHRINKING)
@given(st.lists(days, min_size=1, max_size=12), st.sampled_from([FEE, None]))
def test_the_engine_agrees_with_the_plain_matcher(drawn: list[Day], fee: FeeContract | None) -> None:
    """Days that share no reference do not touch each other, so the engine takes many at once: it is quicker so."""
    apart = [set_apart(day, number) for number, day in enumerate(drawn)]
    plain = [PlainMatcher(DAY, day.statement, day.ledger, fee).match() for day in apart]
    statement = [each for day in apart for each in day.statement]
    ledger = [each for day in apart for each in day.ledger]
    with tempfile.TemporaryDirectory() as folder:
        engine = match_by_engine(Path(folder), DAY, statement, ledger, fee)
    assert engine.matches == {pair: rule for day in plain for pair, rule in day.matches.items()}
    assert Counter(engine.findings) == Counter(finding for day in plain for finding in day.findings)
    check_exclusive(engine.matches)
    check_totals(engine, statement, ledger)


def set_apart(day: Day, number: int) -> Day:
    """The same day with references, batches and entries of its own."""

    def own(name: str | None) -> str | None:
        return None if name is None else f"{number}-{name}"

    return Day(
        [
            replace(
                each,
                line=handle(number * 3 + n // 3, n % 3),
                reference=own(each.reference),
                merchant=own(each.merchant),
                counterpart=None if each.counterpart is None else number * 10 + each.counterpart,
            )
            for n, each in enumerate(day.statement)
        ],
        [
            replace(each, entry=number * 10 + n, reference=own(each.reference), merchant=own(each.merchant))
            for n, each in enumerate(day.ledger)
        ],
    )


def check_exclusive(matches: dict[tuple[int, int], str]) -> None:
    assert len({line_id for line_id, _ in matches}) == len(matches) == len({entry_id for _, entry_id in matches})


def check_totals(engine: EngineResult, statement: list[Line], ledger: list[Entry]) -> None:
    """Each side's total is what is on it, and what is not matched has a finding, to the last unit."""
    of_line = {each.line: each for each in statement}
    of_entry = {each.entry: each for each in ledger}
    explained = [found for found in engine.findings if found[0] != "fee_mismatch"]
    for totals in engine.totals:
        matched = [of_line[number].gross for number, _ in engine.matches if of_line[number].currency == totals.currency]
        assert (totals.matched_minor, totals.matched) == (sum(matched), len(matched))
        lone = [of_line[n].gross for _, n, _ in explained if n is not None and of_line[n].currency == totals.currency]
        assert totals.statement_minor == sum(matched) + sum(lone)
        assert totals.statement_lines == sum(each.currency == totals.currency for each in statement)
        assert totals.statement_minor == sum(each.gross for each in statement if each.currency == totals.currency)
        due = [of_entry[n].amount for _, _, n in explained if n is not None and of_entry[n].currency == totals.currency]
        assert totals.ledger_minor == sum(matched) + sum(due)
        assert totals.ledger_entries == len(matched) + len(due)
    decided = {number for _, number in engine.matches} | {number for _, _, number in explained}
    assert {each.entry for each in ledger if each.sought_from <= DAY} <= decided
