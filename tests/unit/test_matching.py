"""What the matching calls what, case by case."""

from datetime import date
from pathlib import Path
from uuid import UUID

import pytest

from gateway.domain.discrepancy import DiscrepancyKind
from gateway.ports.capabilities import FeeContract
from reconciliation.matching.engine import FeeSum, Totals
from reconciliation.matching.sides import Entry, Line, Movement, handle
from tests.unit.plain_matcher import EngineResult, Found, entry, line, match_by_engine

DAY = date(2026, 3, 2)
NEXT_DAY = date(2026, 3, 3)
FEE = FeeContract(basis_points=110)
PAYMENT = UUID(int=7)
K = DiscrepancyKind


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def matched(folder: Path, lines: list[Line], entries: list[Entry], fee: FeeContract | None = FEE) -> EngineResult:
    return match_by_engine(folder, DAY, lines, entries, fee)


def test_a_line_and_an_entry_with_the_same_reference_and_amount_match(folder: Path) -> None:
    result = matched(folder, [line(1), line(2)], [entry(2), entry(1)])
    assert result.matches == {(1, 1): "provider_reference", (2, 2): "provider_reference"}
    assert result.findings == []
    assert result.totals == [Totals("VND", 200_000, 2, 200_000, 2, 200_000, 2, 0)]
    assert result.fees == [FeeSum(0, 0, "VND", 2_200)]


def test_nothing_on_either_side_is_nothing_found(folder: Path) -> None:
    result = matched(folder, [], [])
    assert (result.matches, result.findings, result.totals, result.fees) == ({}, [], [], [])


def test_a_payment_never_matches_a_refund_of_the_same_reference_and_amount(folder: Path) -> None:
    result = matched(folder, [line(1, reference="x")], [entry(1, reference="x", movement=Movement.CHARGEBACK_RETURN)])
    assert result.matches == {}


CASES: dict[str, tuple[list[Line], list[Entry], list[Found]]] = {
    "a line that nobody here knows": ([line(1)], [], [(K.MISSING_IN_GATEWAY, 1, None)]),
    "a refund that nobody here knows": (
        [line(1, movement=Movement.REFUND, gross=-1_000)],
        [],
        [(K.REFUND_UNKNOWN, 1, None)],
    ),
    "a charge of the provider": ([line(1, movement=Movement.OTHER, gross=-5)], [], [(K.MISSING_IN_GATEWAY, 1, None)]),
    "an entry that should be there": ([], [entry(1)], [(K.MISSING_AT_PROVIDER, None, 1)]),
    "an entry that may still come": ([], [entry(1, due_on=NEXT_DAY)], [(K.TIMING, None, 1)]),
    "an entry of tomorrow": ([], [entry(1, sought_from=NEXT_DAY)], []),
    "another amount": ([line(1, gross=99_000)], [entry(1)], [(K.AMOUNT_MISMATCH, 1, 1)]),
    "another currency": ([line(1, currency="USD")], [entry(1)], [(K.CURRENCY_MISMATCH, 1, 1)]),
    "not settled": ([line(1, settled=False)], [entry(1)], [(K.STATUS_MISMATCH, 1, 1)]),
    "an unknown line twice": (
        [line(1), line(2, reference="tx_1")],
        [],
        [(K.MISSING_IN_GATEWAY, 1, None), (K.DUPLICATE_AT_PROVIDER, 2, None)],
    ),
    "a repetition of what an earlier run matched": (
        [line(1, counterpart=9, counterpart_matched=True)],
        [],
        [(K.DUPLICATE_AT_PROVIDER, 1, None)],
    ),
    "another amount than the payment that never succeeded": (
        [line(1, payment=PAYMENT, payment_status="pending", payment_currency="VND", payment_amount=90_000)],
        [],
        [(K.AMOUNT_MISMATCH, 1, None)],
    ),
    "two disputes about one payment": (
        [line(n, movement=Movement.CHARGEBACK, reference="tx", gross=-50) for n in (1, 2)],
        [],
        [(K.MISSING_IN_GATEWAY, 1, None), (K.MISSING_IN_GATEWAY, 2, None)],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_does_not_match_has_a_name(folder: Path, name: str) -> None:
    lines, entries, expected = CASES[name]
    result = matched(folder, lines, entries)
    assert result.matches == {}
    assert result.findings == expected


def test_of_a_line_that_comes_twice_one_matches_and_the_other_is_a_duplicate(folder: Path) -> None:
    result = matched(folder, [line(1), line(2, reference="tx_1")], [entry(1)])
    assert result.matches == {(1, 1): "provider_reference"}
    assert result.findings == [(K.DUPLICATE_AT_PROVIDER, 2, None)]


def test_the_right_one_of_two_lines_matches_also_when_it_comes_second(folder: Path) -> None:
    result = matched(folder, [line(1, gross=1), line(2, reference="tx_1")], [entry(1)])
    assert result.matches == {(2, 1): "provider_reference"}
    assert result.findings == [(K.DUPLICATE_AT_PROVIDER, 1, None)]


def test_two_disputes_of_one_amount_match_one_to_one(folder: Path) -> None:
    lines = [line(n, movement=Movement.CHARGEBACK, reference="tx", gross=-50) for n in (1, 2)]
    entries = [entry(n, movement=Movement.CHARGEBACK, reference="tx", amount=-50) for n in (8, 9)]
    assert set(matched(folder, lines, entries).matches) == {(1, 8), (2, 9)}


def test_our_payment_id_matches_where_the_provider_names_no_transaction(folder: Path) -> None:
    result = matched(folder, [line(1, reference=None, merchant="p")], [entry(1, merchant="p")])
    assert result.matches == {(1, 1): "merchant_reference"}


def test_our_payment_id_does_not_match_against_the_providers_own_reference(folder: Path) -> None:
    """The payer paid the same attempt twice; the second movement is not the first."""
    result = matched(folder, [line(2, merchant="p")], [entry(1, merchant="p")])
    assert result.matches == {}


def test_a_line_that_could_be_two_refunds_is_left_to_a_person(folder: Path) -> None:
    refunds = [entry(n, movement=Movement.REFUND, merchant="p", amount=-50) for n in (1, 2)]
    result = matched(folder, [line(1, movement=Movement.REFUND, reference=None, merchant="p", gross=-50)], refunds)
    assert result.matches == {}
    assert (K.REFUND_UNKNOWN, 1, None) in result.findings


def test_a_wrong_fee_is_named_and_the_line_matches_all_the_same(folder: Path) -> None:
    result = matched(folder, [line(1, fee=1_600)], [entry(1)])
    assert result.matches == {(1, 1): "provider_reference"}
    assert [(found.kind, found.expected_fee) for found in result.found] == [(K.FEE_MISMATCH, 1_100)]


def test_without_an_agreement_no_fee_is_wrong(folder: Path) -> None:
    assert matched(folder, [line(1, fee=1_600)], [entry(1)], fee=None).findings == []


def test_what_a_later_run_matched_is_named_as_before_and_not_matched_again(folder: Path) -> None:
    result = matched(folder, [line(1)], [entry(1, later=True, due_on=NEXT_DAY)])
    assert result.matches == {}
    assert (K.TIMING, None, 1) in result.findings


def test_fees_are_summed_by_batch_and_agency(folder: Path) -> None:
    lines = [line(handle(batch, n), reference=f"tx_{batch}{n}") for batch in (0, 1) for n in (0, 1)]
    entries = [entry(int(f"{batch}{n}"), reference=f"tx_{batch}{n}", agency=n) for batch in (0, 1) for n in (0, 1)]
    result = matched(folder, lines, entries)
    assert result.fees == [FeeSum(batch, agency, "VND", 1_100) for batch in (0, 1) for agency in (0, 1)]


def test_references_with_quotes_and_commas_are_themselves(folder: Path) -> None:
    odd = 'a "b", \n;--'
    assert set(matched(folder, [line(1, reference=odd)], [entry(4, reference=odd)]).matches) == {(1, 4)}


def test_amounts_near_the_greatest_do_not_overflow(folder: Path) -> None:
    great = 2**62
    result = matched(folder, [line(1, gross=great), line(2, gross=great)], [entry(1, amount=great), entry(2, amount=9)])
    assert result.totals == [Totals("VND", great + 9, 2, 2 * great, 2, great, 1, 9)]
